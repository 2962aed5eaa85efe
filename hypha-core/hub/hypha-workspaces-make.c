/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-workspaces-internal-private.h"

/* Making workspaces: who may have one more, and under which name. */

/* Names that mean something here, and those of other users' own workspaces. */
static gboolean
hypha_workspaces_check_reserved (HyphaWorkspaces  *self,
                                 const char       *user,
                                 const char       *name,
                                 GError          **error)
{
  HyphaWorkspace *workspace = g_hash_table_lookup (self->workspaces, name);
  gboolean root = g_str_equal (user, HYPHA_ADDRESS_ROOT_CLIENT);

  if ((workspace == NULL || !workspace->standing) &&
      !g_str_has_prefix (name, HYPHA_ADDRESS_MANAGER_CLIENT) &&
      !g_str_has_prefix (name, "anonymous-") && !g_str_equal (name, "ws-anonymous") &&
      !g_str_equal (name, HYPHA_ADDRESS_ROOT_CLIENT) &&
      (!g_str_has_prefix (name, USER_PREFIX) || root || hypha_workspaces_owns (self, user, name)))
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
               "Permission denied for workspace %s: the name is reserved", name);
  return FALSE;
}

/* One more? Of a workspace that is made anew its maker has it already. */
static gboolean
hypha_workspaces_check_quota (HyphaWorkspaces  *self,
                              const char       *user,
                              GError          **error)
{
  gboolean root = g_str_equal (user, HYPHA_ADDRESS_ROOT_CLIENT);

  if (root ? hypha_shares_get_n (self->made) < HYPHA_WORKSPACES_MAX
           : hypha_shares_has_room (self->made, user, 1))
    return TRUE;

  if (!root && hypha_shares_get_n_of (self->made, user) >= HYPHA_WORKSPACES_MAX_OF_USER)
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
                 "a user may make %d workspaces: delete one first", HYPHA_WORKSPACES_MAX_OF_USER);
  else
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
                 "%" G_GSIZE_FORMAT " of %d workspaces have been made, and no more are left for this user; "
                 "delete one first", hypha_shares_get_n (self->made), HYPHA_WORKSPACES_MAX);

  return FALSE;
}

/* What could not be written is not there: nobody shall rely on it until the next start. */
static void
hypha_workspaces_made (GObject      *source,
                       GAsyncResult *result,
                       gpointer      data)
{
  g_autoptr (GTask) task = data;
  HyphaWorkspaces *self = g_task_get_source_object (task);
  HyphaWorkspace *workspace = g_hash_table_lookup (self->workspaces, g_task_get_task_data (task));
  g_autoptr (GError) error = NULL;

  if (hypha_store_write_finish (HYPHA_STORE (source), result, &error))
    {
      g_task_return_boolean (task, TRUE);
      return;
    }

  if (workspace != NULL && workspace->n_clients > 0)
    workspace->persistent = FALSE;
  else if (workspace != NULL)
    {
      hypha_workspaces_forget (self, workspace);
      g_hash_table_remove (self->workspaces, workspace->name);
    }
  g_task_return_error (task, g_steal_pointer (&error));
}

/* A new workspace, or one that is there, as config says. */
static HyphaWorkspace *
hypha_workspaces_make (HyphaWorkspaces  *self,
                       const char       *user,
                       const char       *name,
                       GVariant         *config,
                       GError          **error)
{
  g_autoptr (GVariant) info = NULL;
  g_auto (GStrv) owners = NULL;
  gboolean persistent = FALSE;
  HyphaWorkspace *workspace;

  if (!hypha_workspace_check_name (name, error) ||
      !hypha_workspaces_check_reserved (self, user, name, error))
    return NULL;

  workspace = g_hash_table_lookup (self->workspaces, name);
  if ((workspace == NULL || !hypha_workspace_is_made (workspace)) &&
      !hypha_workspaces_check_quota (self, user, error))
    return NULL;

  info = hypha_workspace_take_info (config, error);
  if (info != NULL)
    owners = hypha_workspace_take_owners (config, user, workspace != NULL ? workspace->maker : NULL,
                                          error);
  if (owners == NULL)
    return NULL;

  workspace = hypha_workspaces_ensure (self, name);
  g_variant_lookup (config, "persistent", "b", &persistent);
  workspace->persistent = persistent;
  g_variant_unref (workspace->info);
  workspace->info = g_steal_pointer (&info);
  g_strfreev (workspace->owners);
  workspace->owners = g_steal_pointer (&owners);
  if (!hypha_workspace_is_made (workspace))
    {
      workspace->maker = g_strdup (user);
      hypha_shares_take (self->made, user, 1);
      workspace->made_at = hypha_workspaces_get_time (self);
    }

  return workspace;
}

/*
 * Makes a workspace, or makes it anew where it exists: whether user may, the caller has asked. user
 * becomes an owner. Ends when a persistent one is on the disk.
 */
void
hypha_workspaces_create_async (HyphaWorkspaces     *self,
                               const char          *user,
                               const char          *name,
                               GVariant            *config,
                               GAsyncReadyCallback  callback,
                               gpointer             data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, data);
  g_autoptr (GError) error = NULL;
  HyphaWorkspace *workspace = hypha_workspaces_make (self, user, name, config, &error);

  g_task_set_source_tag (task, hypha_workspaces_create_async);
  g_task_set_task_data (task, g_strdup (name), g_free);
  if (workspace == NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else if (workspace->persistent)
    hypha_store_put_async (self->store, STORE_KIND, name, hypha_workspace_to_record (workspace), 0,
                           hypha_workspaces_made, g_steal_pointer (&task));
  else
    hypha_workspaces_save (self, workspace, task);
}
