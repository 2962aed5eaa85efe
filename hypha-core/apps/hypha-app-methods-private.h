/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-app-controller-private.h"

G_BEGIN_DECLS

/* The methods of the manager that load apps: load_app, load_plugin, create_window. */

void hypha_app_methods_add (HyphaManager       *manager,
                            HyphaAppController *controller);

G_END_DECLS
