/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-connection-private.h"

G_BEGIN_DECLS

#define HYPHA_TYPE_PIPE_CONNECTION (hypha_pipe_connection_get_type ())

G_DECLARE_FINAL_TYPE (HyphaPipeConnection, hypha_pipe_connection, HYPHA, PIPE_CONNECTION, HyphaConnection)

void hypha_pipe_connection_new_pair (HyphaConnection **one,
                                     HyphaConnection **other);

G_END_DECLS
