/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-manager-private.h"

G_BEGIN_DECLS

/* What the manager does with workspaces: create_workspace and so on. Their data is the manager. */

extern const HyphaServiceMethod hypha_workspace_methods[];
extern const gsize hypha_workspace_n_methods;
extern const HyphaServiceMethod hypha_workspace_report_methods[];
extern const gsize hypha_workspace_n_report_methods;

/* For the files of other methods, too. */
HyphaWorkspaces *hypha_workspace_methods_get_all (HyphaManager  *manager);
gboolean         hypha_workspace_methods_check   (HyphaPeer     *caller,
                                                  HyphaNeed      need,
                                                  const char    *workspace,
                                                  GError       **error);
char            *hypha_workspace_methods_take_workspace (HyphaPeer        *caller,
                                                         HyphaInvocation  *invocation,
                                                         GError          **error);

G_END_DECLS
