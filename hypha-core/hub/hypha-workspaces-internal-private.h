/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-shares-private.h"
#include "hypha-workspace-private.h"
#include "hypha-workspaces-private.h"

G_BEGIN_DECLS

/* For hypha-workspaces*.c alone. */

/* The kind of their records, and how the names begin that are of one user. */
#define STORE_KIND "workspace"
#define USER_PREFIX "ws-user-"

struct _HyphaWorkspaces
{
  GObject     parent_instance;

  HyphaStore *store;
  GHashTable *workspaces;  /* name → HyphaWorkspace */
  char      **guest_names; /* those that nobody needs a token for; NULL for none */
  HyphaShares *made;       /* those that somebody made, by who did */
  gint64      last_time;   /* that get_time() gave, or a workspace of the store has */
};

/* hypha-workspaces.c: which there are */
HyphaWorkspace *hypha_workspaces_ensure (HyphaWorkspaces *self,
                                         const char      *name);
void            hypha_workspaces_save   (HyphaWorkspaces *self,
                                         HyphaWorkspace  *workspace,
                                         GTask           *task);
void            hypha_workspaces_forget (HyphaWorkspaces *self,
                                         HyphaWorkspace  *workspace);

G_END_DECLS
