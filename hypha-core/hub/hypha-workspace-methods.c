/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-workspace-methods-private.h"

#include <string.h>

/* A call that waits for the disk. */
typedef struct
{
  HyphaManager    *manager;
  HyphaInvocation *invocation;
  char            *workspace;
  const char      *event;      /* to push where it worked; nullable */
} HyphaWorkspaceCall;

static HyphaWorkspaceCall *
hypha_workspace_call_new (HyphaManager    *manager,
                          HyphaInvocation *invocation,
                          const char      *workspace,
                          const char      *event)
{
  HyphaWorkspaceCall *call = g_new0 (HyphaWorkspaceCall, 1);

  call->manager = g_object_ref (manager);
  call->invocation = hypha_invocation_ref (invocation);
  call->workspace = g_strdup (workspace);
  call->event = event;
  return call;
}

static void
hypha_workspace_call_free (HyphaWorkspaceCall *call)
{
  g_object_unref (call->manager);
  hypha_invocation_unref (call->invocation);
  g_free (call->workspace);
  g_free (call);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaWorkspaceCall, hypha_workspace_call_free)

HyphaWorkspaces *
hypha_workspace_methods_get_all (HyphaManager *manager)
{
  return hypha_authority_get_workspaces (hypha_manager_get_authority (manager));
}

/* May the caller do with a workspace what need says? */
gboolean
hypha_workspace_methods_check (HyphaPeer   *caller,
                               HyphaNeed    need,
                               const char  *workspace,
                               GError     **error)
{
  g_autofree char *quoted = hypha_error_quote (workspace);

  if (hypha_user_info_may (hypha_peer_get_user (caller), hypha_peer_get_workspace (caller), need,
                           workspace))
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
               "Permission denied for workspace %s", quoted);
  return FALSE;
}

static void
hypha_workspace_methods_push (HyphaManager *manager,
                              const char   *workspace,
                              const char   *event)
{
  g_autoptr (GVariant) info = NULL;

  info = hypha_workspaces_describe (hypha_workspace_methods_get_all (manager), workspace);
  if (info != NULL)
    hypha_router_push_event (hypha_manager_get_router (manager), workspace, event, info);
}

static void
hypha_workspace_methods_created (GObject      *source,
                                 GAsyncResult *result,
                                 gpointer      data)
{
  g_autoptr (HyphaWorkspaceCall) call = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) info = NULL;

  if (!hypha_workspaces_finish (HYPHA_WORKSPACES (source), result, &error))
    {
      hypha_invocation_return_error (call->invocation, g_steal_pointer (&error));
      return;
    }

  if (call->event == NULL)
    hypha_workspace_methods_push (call->manager, call->workspace, "workspace_loaded");
  hypha_workspace_methods_push (call->manager, call->workspace,
                                call->event != NULL ? call->event : "workspace_ready");
  info = hypha_workspaces_describe (HYPHA_WORKSPACES (source), call->workspace);
  if (info != NULL)
    hypha_invocation_return (call->invocation, info);
  else
    hypha_invocation_return_error (call->invocation,
                                   g_error_new (HYPHA_ERROR, HYPHA_ERROR_NOT_FOUND,
                                                "Workspace not found: %s", call->workspace));
}

/* Who may make workspaces at all. */
static gboolean
hypha_workspace_methods_check_maker (HyphaPeer  *caller,
                                     GError    **error)
{
  HyphaUserInfo *user = hypha_peer_get_user (caller);
  const char *own = hypha_peer_get_workspace (caller);
  const char *why = NULL;

  if (hypha_user_info_is_anonymous (user))
    why = "Only registered user can create workspace.";
  else if (hypha_peer_is_page (caller))
    why = "Permission denied: pages in windows cannot create workspaces";
  else if (hypha_user_info_is_delegated (user))
    why = "Permission denied: with a token that a client made nobody can create workspaces";
  else if (!hypha_user_info_is_root (user) &&
           (!hypha_user_info_may (user, own, HYPHA_NEED_WRITE, own) ||
            g_str_equal (hypha_user_info_get_id (user), HYPHA_ADDRESS_ROOT_CLIENT)))
    why = "Permission denied: this user cannot create workspaces";

  if (why != NULL)
    g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED, why);
  return why == NULL;
}

/* The name that a configuration gives: an id, or as some clients have it, a name alone. */
static char *
hypha_workspace_methods_take_id (GVariant  *config,
                                 GError   **error)
{
  char *id = NULL;

  if (config != NULL && g_variant_is_of_type (config, G_VARIANT_TYPE_VARDICT) &&
      (g_variant_lookup (config, "id", "s", &id) || g_variant_lookup (config, "name", "s", &id)) &&
      *id != '\0')
    return id;

  g_free (id);
  g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                       "Workspace id must be provided.");
  return NULL;
}

/* One that is there already is only made anew on request, and by those whose it is. */
static gboolean
hypha_workspace_methods_check_free (HyphaManager  *manager,
                                    HyphaPeer     *caller,
                                    const char    *id,
                                    gboolean       overwrite,
                                    GError       **error)
{
  HyphaUserInfo *user = hypha_peer_get_user (caller);

  if (!overwrite)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_ALREADY_EXISTS, "Workspace already exists: %s",
                   id);
      return FALSE;
    }

  if (hypha_user_info_may (user, hypha_peer_get_workspace (caller), HYPHA_NEED_ADMIN, id))
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
               "Permission denied: user %s cannot overwrite workspace %s",
               hypha_user_info_get_id (user), id);
  return FALSE;
}

static void
hypha_workspace_methods_create (HyphaInvocation *invocation,
                                gpointer         data)
{
  HyphaManager *manager = data;
  HyphaPeer *caller = hypha_manager_get_caller (manager, invocation);
  HyphaWorkspaces *all = hypha_workspace_methods_get_all (manager);
  g_autoptr (GVariant) config = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *id = NULL;
  gboolean exists;

  if (caller == NULL)
    return;

  config = hypha_invocation_dup_arg (invocation, 0, "config");
  if (hypha_workspace_methods_check_maker (caller, &error))
    id = hypha_workspace_methods_take_id (config, &error);

  exists = id != NULL && hypha_workspaces_exists (all, id);
  if (id == NULL ||
      (exists && !hypha_workspace_methods_check_free (
                    manager, caller, id,
                    hypha_invocation_get_flag (invocation, 1, "overwrite"), &error)))
    {
      hypha_invocation_return_error (invocation, g_steal_pointer (&error));
      return;
    }

  hypha_workspaces_create_async (all, hypha_user_info_get_id (hypha_peer_get_user (caller)), id,
                                 config, hypha_workspace_methods_created,
                                 hypha_workspace_call_new (manager, invocation, id,
                                                           exists ? "workspace_changed" : NULL));
}

static void
hypha_workspace_methods_done (GObject      *source,
                              GAsyncResult *result,
                              gpointer      data)
{
  g_autoptr (HyphaWorkspaceCall) call = data;
  g_autoptr (GError) error = NULL;

  if (!hypha_workspaces_finish (HYPHA_WORKSPACES (source), result, &error))
    {
      hypha_invocation_return_error (call->invocation, g_steal_pointer (&error));
      return;
    }

  if (call->event != NULL)
    hypha_workspace_methods_push (call->manager, call->workspace, call->event);
  hypha_invocation_return_null (call->invocation);
}

/* The news goes out first: those who are in it are about to be sent away. */
static void
hypha_workspace_methods_delete (HyphaInvocation *invocation,
                                gpointer         data)
{
  HyphaManager *manager = data;
  HyphaPeer *caller = hypha_manager_get_caller (manager, invocation);
  g_autoptr (GError) error = NULL;
  g_autofree char *workspace = NULL;

  if (caller == NULL)
    return;

  workspace = hypha_invocation_dup_string (invocation, 0, "workspace", &error);
  if (workspace == NULL ||
      !hypha_workspace_methods_check (caller, HYPHA_NEED_ADMIN, workspace, &error))
    {
      hypha_invocation_return_error (invocation, g_steal_pointer (&error));
      return;
    }

  hypha_workspace_methods_push (manager, workspace, "workspace_deleted");
  hypha_workspaces_delete_async (hypha_workspace_methods_get_all (manager), workspace,
                                 hypha_workspace_methods_done,
                                 hypha_workspace_call_new (manager, invocation, workspace, NULL));
}

static gboolean
hypha_workspace_methods_check_variable (HyphaManager  *manager,
                                        HyphaPeer     *caller,
                                        const char    *key,
                                        GError       **error)
{
  const char *own = hypha_peer_get_workspace (caller);
  g_autoptr (GVariant) info = NULL;
  gboolean read_only = FALSE;

  if (!hypha_workspace_methods_check (caller, HYPHA_NEED_WRITE, own, error))
    return FALSE;

  info = hypha_workspaces_describe (hypha_workspace_methods_get_all (manager), own);
  if (info != NULL && g_variant_lookup (info, "read_only", "b", &read_only) && read_only)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                   "Permission denied for workspace %s: it is read only", own);
      return FALSE;
    }

  if (*key != '\0' && strlen (key) <= HYPHA_ADDRESS_MAX_NAME)
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
               "the name of an environment variable has 1 to %d bytes", HYPHA_ADDRESS_MAX_NAME);
  return FALSE;
}

static void
hypha_workspace_methods_set_env (HyphaInvocation *invocation,
                                 gpointer         data)
{
  HyphaManager *manager = data;
  HyphaPeer *caller = hypha_manager_get_caller (manager, invocation);
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, 1, "value");
  g_autoptr (GError) error = NULL;
  g_autofree char *key = NULL;

  if (caller == NULL)
    return;

  key = hypha_invocation_dup_string (invocation, 0, "key", &error);
  if (key == NULL || !hypha_workspace_methods_check_variable (manager, caller, key, &error))
    {
      hypha_invocation_return_error (invocation, g_steal_pointer (&error));
      return;
    }

  hypha_workspaces_set_variable_async (hypha_workspace_methods_get_all (manager),
                                       hypha_peer_get_workspace (caller), key, value,
                                       hypha_workspace_methods_done,
                                       hypha_workspace_call_new (manager, invocation,
                                                                 hypha_peer_get_workspace (caller),
                                                                 NULL));
}

static GVariant *
hypha_workspace_methods_read_env (HyphaManager     *manager,
                                  HyphaPeer        *caller,
                                  HyphaInvocation  *invocation,
                                  GError          **error)
{
  const char *own = hypha_peer_get_workspace (caller);
  g_autoptr (GVariant) key = hypha_invocation_dup_arg (invocation, 0, "key");
  g_autofree char *name = NULL;
  g_autofree char *quoted = NULL;
  GVariant *environment;
  GVariant *value;

  if (!hypha_workspace_methods_check (caller, HYPHA_NEED_WRITE, own, error))
    return NULL;

  environment = hypha_workspaces_get_environment (hypha_workspace_methods_get_all (manager), own);
  if (key == NULL)
    return environment != NULL ? g_variant_ref (environment) :
                                 g_variant_ref_sink (g_variant_new ("a{sv}", NULL));

  name = hypha_invocation_dup_string (invocation, 0, "key", error);
  if (name == NULL)
    return NULL;

  value = environment != NULL ? g_variant_lookup_value (environment, name, NULL) : NULL;
  quoted = hypha_error_quote (name);
  if (value == NULL)
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_NOT_FOUND,
                 "Environment variable '%s' not found in workspace %s", quoted, own);
  return value;
}

static void
hypha_workspace_methods_get_env (HyphaInvocation *invocation,
                                 gpointer         data)
{
  HyphaManager *manager = data;
  HyphaPeer *caller = hypha_manager_get_caller (manager, invocation);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = NULL;

  if (caller == NULL)
    return;

  value = hypha_workspace_methods_read_env (manager, caller, invocation, &error);
  hypha_invocation_return_result (invocation, value, g_steal_pointer (&error));
}

const HyphaServiceMethod hypha_workspace_methods[] = {
  { "create_workspace", "config: object, overwrite?: boolean",
    "Makes a workspace that the caller owns.", hypha_workspace_methods_create },
  { "delete_workspace", "workspace: string", "Ends a workspace, with all clients in it.",
    hypha_workspace_methods_delete },
  { "set_env", "key: string, value?", "Sets a variable of the caller's workspace; null removes it.",
    hypha_workspace_methods_set_env },
  { "get_env", "key?: string", "Gets one variable of the caller's workspace, or all.",
    hypha_workspace_methods_get_env },
};
const gsize hypha_workspace_n_methods = G_N_ELEMENTS (hypha_workspace_methods);
