/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-manager-private.h"

G_BEGIN_DECLS

/* What the manager does with workspaces: create_workspace and so on. Their data is the manager. */

extern const HyphaServiceMethod hypha_workspace_methods[];
extern const gsize hypha_workspace_n_methods;

G_END_DECLS
