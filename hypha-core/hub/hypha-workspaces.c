/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-workspaces-private.h"

#include <stdlib.h>
#include <string.h>

#include "hypha-shares-private.h"
#include "hypha-workspace-private.h"

#define STORE_KIND "workspace"
#define USER_PREFIX "ws-user-"

/*
 * HyphaWorkspaces: which workspaces there are, and whose. A workspace exists while a client is in
 * it, or from when somebody makes it until it is deleted; the persistent ones are in the store.
 * Who may do what with one is asked elsewhere, of hypha_user_info_may(), which asks here who owns it.
 */
struct _HyphaWorkspaces
{
  GObject     parent_instance;

  HyphaStore *store;
  GHashTable *workspaces;  /* name → HyphaWorkspace */
  HyphaShares *made;       /* those that somebody made, by who did */
  gint64      last_time;   /* that get_time() gave, or a workspace of the store has */
};

enum
{
  DELETED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (HyphaWorkspaces, hypha_workspaces, G_TYPE_OBJECT)

static void
hypha_workspaces_finalize (GObject *object)
{
  HyphaWorkspaces *self = HYPHA_WORKSPACES (object);

  g_hash_table_unref (self->workspaces);
  hypha_shares_free (self->made);
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

static HyphaWorkspace *
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

/* The workspace of a token that names none: the user's own, whatever characters the id has. */
char *
hypha_workspaces_name_of_user (const char *user)
{
  g_autofree char *plain = g_strconcat (USER_PREFIX, user, NULL);
  g_autofree char *digest = NULL;

  if (hypha_address_is_name (plain))
    return g_steal_pointer (&plain);

  digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, user, -1);
  return g_strdup_printf (USER_PREFIX "%.32s", digest);
}

/* Is it the one that is named after the user? */
static gboolean
hypha_workspaces_is_of_user (const char *user,
                             const char *name)
{
  g_autofree char *own = NULL;

  if (g_str_equal (user, HYPHA_ADDRESS_ROOT_CLIENT) || !g_str_has_prefix (name, USER_PREFIX))
    return FALSE;

  own = hypha_workspaces_name_of_user (user);
  return g_str_equal (own, name);
}

/* “root” is nobody but this process, whatever a token says. */
gboolean
hypha_workspaces_owns (HyphaWorkspaces *self,
                       const char      *user,
                       const char      *name)
{
  HyphaWorkspace *workspace = g_hash_table_lookup (self->workspaces, name);

  if (g_str_equal (user, HYPHA_ADDRESS_ROOT_CLIENT) || (workspace != NULL && workspace->standing))
    return FALSE;

  return (workspace != NULL &&
          g_strv_contains ((const char *const *) workspace->owners, user)) ||
         hypha_workspaces_is_of_user (user, name);
}

/*
 * When something is made: microseconds since 1970, and never the same twice, so that a token and a
 * workspace have an order however fast one follows the other, and if the clock is set back.
 */
gint64
hypha_workspaces_get_time (HyphaWorkspaces *self)
{
  self->last_time = MAX (self->last_time + 1, g_get_real_time ());
  return self->last_time;
}

/*
 * Is the workspace still the one that a token of then was made for? Without this, whoever makes a
 * workspace under a name that others have tokens for would have their clients in it, and whoever
 * was an admin of the last one of that name would be of this. That somebody is named among its owners
 * does not do: it is its maker who names them.
 */
gboolean
hypha_workspaces_trusts (HyphaWorkspaces *self,
                         const char      *name,
                         const char      *user,
                         gint64           origin_time)
{
  HyphaWorkspace *workspace = g_hash_table_lookup (self->workspaces, name);

  return workspace == NULL || !hypha_workspace_is_made (workspace) ||
         g_str_equal (workspace->maker, HYPHA_ADDRESS_ROOT_CLIENT) ||
         origin_time >= workspace->made_at || g_str_equal (workspace->maker, user) ||
         hypha_workspaces_is_of_user (user, name);
}

static gboolean
hypha_workspaces_judge_owner (HyphaUserInfo *user,
                              const char    *workspace,
                              gpointer       data)
{
  return hypha_workspaces_owns (data, hypha_user_info_get_id (user), workspace);
}

static gboolean
hypha_workspaces_judge_age (HyphaUserInfo *user,
                            const char    *workspace,
                            gpointer       data)
{
  return hypha_workspaces_trusts (data, workspace, hypha_user_info_get_id (user),
                                  hypha_user_info_get_origin_time (user));
}

/* Has a new user's rights asked here each time that they are used. */
void
hypha_workspaces_judge (HyphaWorkspaces *self,
                        HyphaUserInfo   *user)
{
  static const HyphaUserJudge judge = { hypha_workspaces_judge_owner, hypha_workspaces_judge_age };

  hypha_user_info_set_judge (user, &judge, g_object_ref (self), g_object_unref);
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

static void
hypha_workspaces_written (GObject      *source,
                          GAsyncResult *result,
                          gpointer      data)
{
  g_autoptr (GTask) task = data;
  g_autoptr (GError) error = NULL;

  if (hypha_store_write_finish (HYPHA_STORE (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

/* Brings the store in line with a workspace; task hears of it. */
static void
hypha_workspaces_save (HyphaWorkspaces *self,
                       HyphaWorkspace  *workspace,
                       GTask           *task)
{
  if (workspace->persistent)
    hypha_store_put_async (self->store, STORE_KIND, workspace->name,
                           hypha_workspace_to_record (workspace), 0, hypha_workspaces_written,
                           g_object_ref (task));
  else
    hypha_store_remove_async (self->store, STORE_KIND, workspace->name, hypha_workspaces_written,
                              g_object_ref (task));
}

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

/* It is nobody's any more, and its maker may make another one. */
static void
hypha_workspaces_forget (HyphaWorkspaces *self,
                         HyphaWorkspace  *workspace)
{
  if (hypha_workspace_is_made (workspace))
    hypha_shares_give_back (self->made, workspace->maker, 1);
  hypha_workspace_forget (workspace);
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
  owners = info != NULL ? hypha_workspace_take_owners (config, user, error) : NULL;
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
