/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-core-private.h"
#include "hypha-lookup-private.h"
#include "hypha-session-private.h"

/*
 * The program finds and calls services as the client default/root, with the rights of the person at
 * this machine. What it gets wrong is told in words: clients get null for a service that is not
 * there, as the protocol has it, a program gets an error that names what is near.
 */

static HyphaPeer *
hypha_core_get_root (HyphaCore  *self,
                     GError    **error)
{
  if (self->url != NULL)
    return hypha_local_client_get_peer (hypha_manager_get_root (self->parts.manager));

  g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED,
                       "the core is not running; start it first");
  return NULL;
}

/**
 * hypha_core_list_services:
 * @self: a running core
 * @query: (nullable): what to look for: a text, or a map (`a{sv}`) with the keys `workspace`,
 *   `client_id`, `service_id`, `type`, `visibility`, `app_id` and `include_unlisted`; %NULL for
 *   the services of the program itself
 * @error: return location for an error
 *
 * Lists services. A text without `/`, `:` and `@` is a workspace; otherwise it is
 * `workspace/client:service`, of which parts may be left out or be `*`.
 *
 * Returns: (transfer full): the descriptions, an `av` of `a{sv}`, each with at least `id`, `name`,
 *   `type` and `config`
 *
 * Since: 0.1
 */
GVariant *
hypha_core_list_services (HyphaCore  *self,
                          GVariant   *query,
                          GError    **error)
{
  g_autoptr (GVariant) owned = query != NULL ? g_variant_ref_sink (query) : NULL;
  HyphaPeer *root;

  g_return_val_if_fail (HYPHA_IS_CORE (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  root = hypha_core_get_root (self, error);
  if (root == NULL)
    return NULL;

  return hypha_lookup_list (self->parts.manager, hypha_peer_get_user (root),
                            hypha_peer_get_workspace (root), owned, error);
}

/* The end of a lookup: null is a miss, unless the core has gone meanwhile. */
static void
hypha_core_got_service (GObject      *source,
                        GAsyncResult *result,
                        gpointer      data)
{
  g_autoptr (GTask) task = data;
  HyphaCore *self = g_task_get_source_object (task);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) service = hypha_lookup_get_finish (result, &error);
  HyphaPeer *root = NULL;

  if (service != NULL && !hypha_rpc_codec_is_null (service))
    {
      g_task_return_pointer (task, g_steal_pointer (&service), (GDestroyNotify) g_variant_unref);
      return;
    }

  if (error == NULL)
    root = hypha_core_get_root (self, &error);
  if (root != NULL)
    error = hypha_lookup_new_miss (HYPHA_MANAGER (source), hypha_peer_get_user (root),
                                   hypha_peer_get_workspace (root), g_task_get_task_data (task));
  g_task_return_error (task, g_steal_pointer (&error));
}

/**
 * hypha_core_get_service_async:
 * @self: a running core
 * @query: which service: a text, `workspace/client:service`, of which the workspace, the client
 *   or both may be left out or be `*`; or a map (`a{sv}`) with `id` and what narrows it down
 * @options: (nullable): a map (`a{sv}`): `mode` says which of several, `timeout` how long its
 *   provider may take, in seconds
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): what to call when the service is here
 * @user_data: data for @callback
 *
 * Fetches the description of one service from whoever provides it. Without a workspace it is one
 * of the program's own, `default`.
 *
 * Since: 0.1
 */
void
hypha_core_get_service_async (HyphaCore           *self,
                              GVariant            *query,
                              GVariant            *options,
                              GCancellable        *cancellable,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data)
{
  g_autoptr (GTask) task = NULL;
  g_autoptr (GVariant) owned_options = options != NULL ? g_variant_ref_sink (options) : NULL;
  g_autoptr (GError) error = NULL;
  HyphaPeer *root;

  g_return_if_fail (HYPHA_IS_CORE (self));
  g_return_if_fail (query != NULL);

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, hypha_core_get_service_async);
  g_task_set_task_data (task, g_variant_ref_sink (query), (GDestroyNotify) g_variant_unref);
  root = hypha_core_get_root (self, &error);
  if (root == NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else
    hypha_lookup_get_async (self->parts.manager, hypha_peer_get_user (root),
                            hypha_peer_get_workspace (root), query, owned_options, cancellable,
                            hypha_core_got_service, g_steal_pointer (&task));
}

/**
 * hypha_core_get_service_finish:
 * @self: a core
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@Core.get_service_async]. Where there is no such service the error is
 * %HYPHA_ERROR_NOT_FOUND, and its message names services that are called nearly the same.
 *
 * Returns: (transfer full): the service, an `a{sv}`: its `id`, `name`, `type`, `config`, and what
 *   it offers; functions are the protocol's addresses, which [method@Core.call_async] calls by name
 *
 * Since: 0.1
 */
GVariant *
hypha_core_get_service_finish (HyphaCore     *self,
                               GAsyncResult  *result,
                               GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/* Arguments by position, as calls have them, an av; floating. */
static GVariant *
hypha_core_box_arguments (GVariant *args)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("av"));
  for (gsize i = 0; i < g_variant_n_children (args); i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (args, i);

      g_variant_builder_add (&builder, "v", child);
    }

  return g_variant_builder_end (&builder);
}

static gboolean
hypha_core_take_arguments (GVariant         *args,
                           HyphaRpcRequest  *request,
                           GError          **error)
{
  if (args == NULL)
    return TRUE;

  if (g_variant_is_of_type (args, G_VARIANT_TYPE_VARDICT))
    request->kwargs = args;
  else if (g_variant_is_of_type (args, G_VARIANT_TYPE ("av")))
    request->args = args;
  else if (g_variant_is_of_type (args, G_VARIANT_TYPE_TUPLE))
    request->args = hypha_core_box_arguments (args);
  else
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                   "arguments are a tuple, an “av” or an “a{sv}”, not “%s”",
                   g_variant_get_type_string (args));
      return FALSE;
    }

  return TRUE;
}

static void
hypha_core_called (GObject      *source,
                   GAsyncResult *result,
                   gpointer      data)
{
  g_autoptr (GTask) task = data;
  g_autoptr (GError) error = NULL;
  GVariant *value = hypha_rpc_call_finish (HYPHA_RPC (source), result, &error);

  if (value != NULL)
    g_task_return_pointer (task, value, (GDestroyNotify) g_variant_unref);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

/*
 * Callees of all kinds let nobody of another workspace call what is protected, whatever his rights
 * are; only the core itself gets in everywhere, and then it is the one that they see.
 */
static HyphaRpc *
hypha_core_choose_caller (HyphaCore  *self,
                          const char *provider,
                          const char *service)
{
  g_autofree char *id = g_strconcat (provider, ":", service, NULL);
  HyphaServiceInfo *info = hypha_registry_lookup (self->registry, id);

  if (info == NULL || hypha_service_info_is_published (info) ||
      g_str_equal (hypha_service_info_get_workspace (info), HYPHA_ADDRESS_ROOT_WORKSPACE))
    return hypha_local_client_get_rpc (hypha_manager_get_root (self->parts.manager));

  return hypha_manager_get_rpc (self->parts.manager);
}

static gboolean
hypha_core_send_call (GTask            *task,
                      const char       *service,
                      const char       *function,
                      HyphaRpcRequest  *request,
                      GError          **error)
{
  HyphaCore *self = g_task_get_source_object (task);
  HyphaPeer *root = hypha_core_get_root (self, error);
  g_autoptr (GVariant) query = g_variant_ref_sink (g_variant_new_string (service));
  g_autofree char *provider = NULL;
  g_autofree char *name = NULL;
  g_autofree char *method = NULL;

  if (root == NULL ||
      !hypha_lookup_locate (self->parts.manager, hypha_peer_get_user (root),
                            hypha_peer_get_workspace (root), query, &provider, &name, error) ||
      !hypha_core_take_arguments (g_task_get_task_data (task), request, error))
    return FALSE;

  method = g_strdup_printf ("services.%s.%s", name, function);
  hypha_rpc_request_async (hypha_core_choose_caller (self, provider, name), provider, method,
                           request, g_task_get_cancellable (task), hypha_core_called,
                           g_object_ref (task));
  return TRUE;
}

/**
 * hypha_core_call_async:
 * @self: a running core
 * @service: which service, as a text for [method@Core.get_service_async]; `ws` is the core's own
 * @function: its function; one in a group is `group.function`
 * @args: (nullable): a tuple or an `av` for arguments by position, an `a{sv}` for arguments by
 *   name, %NULL for none
 * @timeout: how long whoever serves it may be silent, in milliseconds; 0 for half a minute
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): what to call when the answer is here
 * @user_data: data for @callback
 *
 * Calls a function of a service, as the client `default/root`; for what is protected in another
 * workspace, which lets in nobody from outside, as the core itself. Stock clients give a sign of
 * life while they work, so a call may take much longer than @timeout; cancel it to end it at any
 * other time. Of several services that @service may mean it is the first.
 *
 * Since: 0.1
 */
void
hypha_core_call_async (HyphaCore           *self,
                       const char          *service,
                       const char          *function,
                       GVariant            *args,
                       guint                timeout,
                       GCancellable        *cancellable,
                       GAsyncReadyCallback  callback,
                       gpointer             user_data)
{
  g_autoptr (GTask) task = NULL;
  g_autoptr (GError) error = NULL;
  HyphaRpcRequest request = { .timeout = timeout };

  g_return_if_fail (HYPHA_IS_CORE (self));
  g_return_if_fail (service != NULL);
  g_return_if_fail (function != NULL && *function != '\0');

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, hypha_core_call_async);
  if (args != NULL)
    g_task_set_task_data (task, g_variant_ref_sink (args), (GDestroyNotify) g_variant_unref);
  if (!hypha_core_send_call (task, service, function, &request, &error))
    g_task_return_error (task, g_steal_pointer (&error));
}

/**
 * hypha_core_call_finish:
 * @self: a core
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@Core.call_async]. What the function itself throws is %HYPHA_ERROR_REMOTE; where
 * there is no such service, the error is %HYPHA_ERROR_NOT_FOUND and names what is near.
 *
 * Returns: (transfer full): the answer; null is an empty `mv`
 *
 * Since: 0.1
 */
GVariant *
hypha_core_call_finish (HyphaCore     *self,
                        GAsyncResult  *result,
                        GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
