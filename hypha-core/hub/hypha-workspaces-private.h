/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-router-private.h"
#include "hypha-store-private.h"

G_BEGIN_DECLS

/* Workspaces that somebody made, and those that one user may have made; no more than are left. */
#define HYPHA_WORKSPACES_MAX 10000
#define HYPHA_WORKSPACES_MAX_OF_USER 100
/* Size of what is said of one workspace, and of its environment, in bytes; its owners. */
#define HYPHA_WORKSPACES_MAX_RECORD (64 * 1024)
#define HYPHA_WORKSPACES_MAX_ENVIRONMENT (64 * 1024)
#define HYPHA_WORKSPACES_MAX_OWNERS 64
/* Workspaces in one answer of list_workspaces. */
#define HYPHA_WORKSPACES_MAX_LIST 256

#define HYPHA_TYPE_WORKSPACES (hypha_workspaces_get_type ())

G_DECLARE_FINAL_TYPE (HyphaWorkspaces, hypha_workspaces, HYPHA, WORKSPACES, GObject)

HyphaWorkspaces *hypha_workspaces_new          (void);
void             hypha_workspaces_set_store    (HyphaWorkspaces      *self,
                                                HyphaStore           *store);
void             hypha_workspaces_watch        (HyphaWorkspaces      *self,
                                                HyphaRouter          *router);
char            *hypha_workspaces_name_of_user (const char           *user);
gboolean         hypha_workspaces_owns         (HyphaWorkspaces      *self,
                                                const char           *user,
                                                const char           *name);
gboolean         hypha_workspaces_trusts       (HyphaWorkspaces      *self,
                                                const char           *name,
                                                const char           *user,
                                                gint64                origin_time);
gint64           hypha_workspaces_get_time     (HyphaWorkspaces      *self);
void             hypha_workspaces_judge        (HyphaWorkspaces      *self,
                                                HyphaUserInfo        *user);
void             hypha_workspaces_set_guest_names (HyphaWorkspaces   *self,
                                                   const char *const *names);
gboolean         hypha_workspaces_welcomes_guests (HyphaWorkspaces   *self,
                                                   const char        *name);
gboolean         hypha_workspaces_exists       (HyphaWorkspaces      *self,
                                                const char           *name);
GVariant        *hypha_workspaces_describe     (HyphaWorkspaces      *self,
                                                const char           *name);
char           **hypha_workspaces_list         (HyphaWorkspaces      *self);
void             hypha_workspaces_create_async (HyphaWorkspaces      *self,
                                                const char           *user,
                                                const char           *name,
                                                GVariant             *config,
                                                GAsyncReadyCallback   callback,
                                                gpointer              data);
void             hypha_workspaces_delete_async (HyphaWorkspaces      *self,
                                                const char           *name,
                                                GAsyncReadyCallback   callback,
                                                gpointer              data);
GVariant        *hypha_workspaces_get_environment (HyphaWorkspaces   *self,
                                                   const char        *name);
void             hypha_workspaces_set_variable_async (HyphaWorkspaces     *self,
                                                      const char          *name,
                                                      const char          *key,
                                                      GVariant            *value,
                                                      GAsyncReadyCallback  callback,
                                                      gpointer             data);
gboolean         hypha_workspaces_finish       (HyphaWorkspaces      *self,
                                                GAsyncResult         *result,
                                                GError              **error);

G_END_DECLS
