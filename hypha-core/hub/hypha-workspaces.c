/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-workspaces-internal-private.h"

#include <stdlib.h>
#include <string.h>

enum
{
  DELETED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

/*
 * HyphaWorkspaces: which workspaces there are, and whose. A workspace exists while a client is in
 * it, or from when somebody makes it until it is deleted; the persistent ones are in the store.
 * Who may do what with one is asked elsewhere, of hypha_user_info_may(), which asks here who owns it.
 */
G_DEFINE_FINAL_TYPE (HyphaWorkspaces, hypha_workspaces, G_TYPE_OBJECT)

static void
hypha_workspaces_finalize (GObject *object)
{
  HyphaWorkspaces *self = HYPHA_WORKSPACES (object);

  g_hash_table_unref (self->workspaces);
  hypha_shares_free (self->made);
  g_strfreev (self->guest_names);
  g_object_unref (self->store);

  G_OBJECT_CLASS (hypha_workspaces_parent_class)->finalize (object);
}

static void
hypha_workspaces_class_init (HyphaWorkspacesClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = hypha_workspaces_finalize;

  /* Carries the name, while clients are still in it. */
  signals[DELETED] = g_signal_new ("deleted", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                   NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
}

HyphaWorkspace *
hypha_workspaces_ensure (HyphaWorkspaces *self,
                         const char      *name)
{
  HyphaWorkspace *workspace = g_hash_table_lookup (self->workspaces, name);

  if (workspace == NULL)
    {
      workspace = hypha_workspace_new (name);
      g_hash_table_insert (self->workspaces, workspace->name, workspace);
    }

  return workspace;
}

static void
hypha_workspaces_init (HyphaWorkspaces *self)
{
  self->store = hypha_store_new ();
  self->made = hypha_shares_new (HYPHA_WORKSPACES_MAX, HYPHA_WORKSPACES_MAX_OF_USER);
  self->workspaces = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
                                            (GDestroyNotify) hypha_workspace_free);
  hypha_workspaces_ensure (self, HYPHA_ADDRESS_ROOT_WORKSPACE)->standing = TRUE;
  hypha_workspaces_ensure (self, HYPHA_ADDRESS_PUBLIC_WORKSPACE)->standing = TRUE;
}

HyphaWorkspaces *
hypha_workspaces_new (void)
{
  return g_object_new (HYPHA_TYPE_WORKSPACES, NULL);
}

static void
hypha_workspaces_load_one (const char *name,
                           GVariant   *record,
                           gint64      expires_at,
                           gpointer    data)
{
  HyphaWorkspaces *self = data;
  HyphaWorkspace *workspace = NULL;

  if (!hypha_workspaces_exists (self, name))
    workspace = hypha_workspace_new_from_record (name, record);

  if (workspace == NULL)
    {
      g_message ("workspace “%s” in the store is not one, and is left out", name);
      return;
    }

  self->last_time = MAX (self->last_time, workspace->made_at);
  hypha_shares_take (self->made, workspace->maker, 1);
  g_hash_table_insert (self->workspaces, workspace->name, workspace);
}

/* The workspaces that the host lets anybody into who has no token; NULL for none. */
void
hypha_workspaces_set_guest_names (HyphaWorkspaces   *self,
                                  const char *const *names)
{
  g_strfreev (self->guest_names);
  self->guest_names = g_strdupv ((char **) names);
}

gboolean
hypha_workspaces_welcomes_guests (HyphaWorkspaces *self,
                                  const char      *name)
{
  return self->guest_names != NULL &&
         g_strv_contains ((const char *const *) self->guest_names, name);
}

/* Where the persistent ones are kept: those that are there already are there from now on. */
void
hypha_workspaces_set_store (HyphaWorkspaces *self,
                            HyphaStore      *store)
{
  g_set_object (&self->store, store);
  hypha_store_foreach (store, STORE_KIND, hypha_workspaces_load_one, self);
}

static void
hypha_workspaces_on_attached (HyphaRouter     *router,
                              HyphaPeer       *peer,
                              HyphaWorkspaces *self)
{
  if (!hypha_peer_is_local (peer))
    hypha_workspaces_ensure (self, hypha_peer_get_workspace (peer))->n_clients++;
}

/* With its last client a workspace ends that nobody made: who made one may be away for a moment. */
static void
hypha_workspaces_on_detached (HyphaRouter     *router,
                              HyphaPeer       *peer,
                              HyphaWorkspaces *self)
{
  HyphaWorkspace *workspace;

  if (hypha_peer_is_local (peer))
    return;

  workspace = g_hash_table_lookup (self->workspaces, hypha_peer_get_workspace (peer));
  if (workspace == NULL || workspace->n_clients == 0)
    return;

  workspace->n_clients--;
  if (workspace->n_clients == 0 && !hypha_workspace_is_made (workspace) &&
      !workspace->persistent && !workspace->standing)
    g_hash_table_remove (self->workspaces, workspace->name);
}

/* Follows who comes and goes. */
void
hypha_workspaces_watch (HyphaWorkspaces *self,
                        HyphaRouter     *router)
{
  g_signal_connect_object (router, "peer-attached", G_CALLBACK (hypha_workspaces_on_attached),
                           self, 0);
  g_signal_connect_object (router, "peer-detached", G_CALLBACK (hypha_workspaces_on_detached),
                           self, 0);
}

/* Whether anybody is in it, or has made it. */
gboolean
hypha_workspaces_exists (HyphaWorkspaces *self,
                         const char      *name)
{
  return g_hash_table_contains (self->workspaces, name);
}

/* What there is to say of a workspace, without its environment; NULL if it does not exist. */
GVariant *
hypha_workspaces_describe (HyphaWorkspaces *self,
                           const char      *name)
{
  HyphaWorkspace *workspace = g_hash_table_lookup (self->workspaces, name);

  return workspace != NULL ? hypha_workspace_describe (workspace) : NULL;
}

static int
hypha_workspaces_compare (gconstpointer a,
                          gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* The names of all, ordered. */
char **
hypha_workspaces_list (HyphaWorkspaces *self)
{
  g_autofree char **names = (char **) g_hash_table_get_keys_as_array (self->workspaces, NULL);
  char **copy = g_strdupv (names);

  qsort (copy, g_strv_length (copy), sizeof *copy, hypha_workspaces_compare);
  return copy;
}

/* Brings the store in line with a workspace; task hears of it. */
void
hypha_workspaces_save (HyphaWorkspaces *self,
                       HyphaWorkspace  *workspace,
                       GTask           *task)
{
  if (workspace->persistent)
    hypha_store_put_async (self->store, STORE_KIND, workspace->name,
                           hypha_workspace_to_record (workspace), 0, hypha_store_end_task,
                           g_object_ref (task));
  else
    hypha_store_remove_async (self->store, STORE_KIND, workspace->name, hypha_store_end_task,
                              g_object_ref (task));
}

/* It is nobody's any more, and its maker may make another one. */
void
hypha_workspaces_forget (HyphaWorkspaces *self,
                         HyphaWorkspace  *workspace)
{
  if (hypha_workspace_is_made (workspace))
    hypha_shares_give_back (self->made, workspace->maker, 1);
  hypha_workspace_forget (workspace);
}

/* Ends a workspace. Who is in it hears of it by ::deleted; nothing that was said of it stays. */
void
hypha_workspaces_delete_async (HyphaWorkspaces     *self,
                               const char          *name,
                               GAsyncReadyCallback  callback,
                               gpointer             data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, data);
  HyphaWorkspace *workspace = g_hash_table_lookup (self->workspaces, name);
  g_autofree char *hold = g_strdup (name);
  g_autofree char *quoted = hypha_error_quote (name);

  g_task_set_source_tag (task, hypha_workspaces_delete_async);
  if (workspace == NULL || workspace->standing)
    {
      g_task_return_new_error (task, HYPHA_ERROR,
                               workspace != NULL ? HYPHA_ERROR_PERMISSION_DENIED :
                                                   HYPHA_ERROR_NOT_FOUND,
                               workspace != NULL ? "Workspace cannot be deleted: %s" :
                                                   "Workspace not found: %s", quoted);
      return;
    }

  /* Its clients are still in it: as long, it is one that nobody made. */
  hypha_workspaces_forget (self, workspace);
  hypha_workspaces_save (self, workspace, task);
  if (workspace->n_clients == 0)
    g_hash_table_remove (self->workspaces, name);
  g_signal_emit (self, signals[DELETED], 0, hold);
}

/* The environment of a workspace, an a{sv}. Borrowed; NULL if the workspace does not exist. */
GVariant *
hypha_workspaces_get_environment (HyphaWorkspaces *self,
                                  const char      *name)
{
  HyphaWorkspace *workspace = g_hash_table_lookup (self->workspaces, name);

  return workspace != NULL ? workspace->environment : NULL;
}

/* Sets a variable of the environment, or with value NULL removes it. */
void
hypha_workspaces_set_variable_async (HyphaWorkspaces     *self,
                                     const char          *name,
                                     const char          *key,
                                     GVariant            *value,
                                     GAsyncReadyCallback  callback,
                                     gpointer             data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, data);
  HyphaWorkspace *workspace = g_hash_table_lookup (self->workspaces, name);
  g_autoptr (GVariant) changed = NULL;
  GVariantDict dict;

  g_task_set_source_tag (task, hypha_workspaces_set_variable_async);
  if (workspace == NULL)
    {
      g_task_return_new_error (task, HYPHA_ERROR, HYPHA_ERROR_NOT_FOUND, "Workspace not found: %s",
                               name);
      return;
    }

  g_variant_dict_init (&dict, workspace->environment);
  if (value != NULL)
    g_variant_dict_insert_value (&dict, key, value);
  else
    g_variant_dict_remove (&dict, key);
  changed = g_variant_ref_sink (g_variant_dict_end (&dict));
  if (g_variant_get_size (changed) > HYPHA_WORKSPACES_MAX_ENVIRONMENT)
    {
      g_task_return_new_error (task, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE,
                               "the environment of workspace %s would be larger than %d bytes",
                               name, HYPHA_WORKSPACES_MAX_ENVIRONMENT);
      return;
    }

  g_variant_unref (workspace->environment);
  workspace->environment = g_steal_pointer (&changed);
  hypha_workspaces_save (self, workspace, task);
}

/* Ends each of the calls above. */
gboolean
hypha_workspaces_finish (HyphaWorkspaces  *self,
                         GAsyncResult     *result,
                         GError          **error)
{
  g_assert (g_task_is_valid (result, self));

  return g_task_propagate_boolean (G_TASK (result), error);
}
