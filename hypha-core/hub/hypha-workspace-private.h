/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-error-private.h"

G_BEGIN_DECLS

/* What is known of one workspace; for HyphaWorkspaces alone. */
typedef struct
{
  char     *name;
  GVariant *info;         /* a{sv}: what its maker said; empty if nobody made it */
  GVariant *environment;  /* a{sv} */
  char    **owners;       /* user ids; none if nobody made it */
  char     *maker;        /* user id; NULL if nobody made it */
  gint64    made_at;      /* microseconds since 1970 */
  guint     n_clients;
  guint     persistent : 1;
  guint     standing : 1; /* always there, and nobody's */
} HyphaWorkspace;

HyphaWorkspace *hypha_workspace_new             (const char      *name);
HyphaWorkspace *hypha_workspace_new_from_record (const char      *name,
                                                 GVariant        *record);
void            hypha_workspace_free            (HyphaWorkspace  *workspace);
gboolean        hypha_workspace_is_made         (HyphaWorkspace  *workspace);
void            hypha_workspace_forget          (HyphaWorkspace  *workspace);
GVariant       *hypha_workspace_to_record       (HyphaWorkspace  *workspace);
GVariant       *hypha_workspace_describe        (HyphaWorkspace  *workspace);
gboolean        hypha_workspace_check_name      (const char      *name,
                                                 GError         **error);
GVariant       *hypha_workspace_take_info       (GVariant        *config,
                                                 GError         **error);
char          **hypha_workspace_take_owners     (GVariant        *config,
                                                 const char      *user,
                                                 const char      *maker,
                                                 GError         **error);

G_END_DECLS
