/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-manager-private.h"

G_BEGIN_DECLS

/* echo, and lines of clients for the log of the server. */

char *hypha_log_methods_render (GVariant *value);

extern const HyphaServiceMethod hypha_log_methods[];
extern const gsize hypha_log_n_methods;

G_END_DECLS
