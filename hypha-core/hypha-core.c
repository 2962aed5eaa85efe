/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-core-private.h"
#include "hypha-login-desk-private.h"
#include "hypha-secret-private.h"
#include "hypha-token-methods-private.h"

/**
 * HyphaCore:
 *
 * A Hypha server in this process: workspaces, services and RPC for stock hypha-rpc clients, over
 * WebSockets and, where the program shows windows, for the pages in them.
 *
 * Set the properties, call [method@Core.start] or [method@Core.start_async], and run a main loop.
 * Use it from one thread: everything happens in the main context that is thread-default there.
 * [method@Core.close_async] says goodbye to every client; dropping the last reference only hangs
 * up.
 *
 * A program that can show windows connects to [signal@Core::add-window] and returns %TRUE from it;
 * without one, loading a plugin fails at once with %HYPHA_ERROR_NO_HOST.
 *
 * Since: 0.1
 */

G_DEFINE_FINAL_TYPE (HyphaCore, hypha_core, G_TYPE_OBJECT)

/*
 * Stops at once, and leaves the rest to the main loop: whoever calls may do so from inside a signal
 * of what is taken down.
 */
static void
hypha_core_tear_down (HyphaCore *self)
{
  gboolean was_running = self->url != NULL;

  if (self->parts.server == NULL)
    return;

  g_signal_handlers_disconnect_by_data (self->parts.router, self);
  hypha_core_parts_discard (&self->parts);
  g_clear_pointer (&self->url, g_free);
  self->port = self->wanted_port;

  if (was_running)
    hypha_core_notify_running (self);
}

static void
hypha_core_dispose (GObject *object)
{
  HyphaCore *self = HYPHA_CORE (object);

  hypha_core_tear_down (self);
  g_clear_object (&self->registry);

  /* The program may end before the main loop runs again. */
  if (self->authority != NULL)
    hypha_authority_close (self->authority);
  g_clear_object (&self->authority);

  G_OBJECT_CLASS (hypha_core_parent_class)->dispose (object);
}

static void
hypha_core_finalize (GObject *object)
{
  HyphaCore *self = HYPHA_CORE (object);

  g_free (self->host);
  g_free (self->base_url);
  g_strfreev (self->allowed_origins);
  g_strfreev (self->guest_workspaces);
  g_free (self->workspace_dir);

  G_OBJECT_CLASS (hypha_core_parent_class)->finalize (object);
}

static void
hypha_core_class_init (HyphaCoreClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = hypha_core_dispose;
  object_class->finalize = hypha_core_finalize;
  hypha_core_install_properties (object_class);
  hypha_core_install_signals (object_class);
}

static void
hypha_core_init (HyphaCore *self)
{
  self->host = g_strdup (HYPHA_CORE_DEFAULT_HOST);
  self->port = HYPHA_CORE_DEFAULT_PORT;
  self->wanted_port = HYPHA_CORE_DEFAULT_PORT;
  self->workspace_dir = g_build_filename (g_get_user_data_dir (), "hypha", NULL);
  self->registry = hypha_registry_new ();
  hypha_core_watch_registry (self);
}

/**
 * hypha_core_new:
 *
 * Makes a core that does not listen yet.
 *
 * Returns: (transfer full): a new core
 *
 * Since: 0.1
 */
HyphaCore *
hypha_core_new (void)
{
  return g_object_new (HYPHA_TYPE_CORE, NULL);
}

static gboolean
hypha_core_ensure_authority (HyphaCore  *self,
                             GError    **error)
{
  g_autoptr (GBytes) secret = NULL;

  if (self->authority != NULL)
    return TRUE;

  secret = hypha_secret_load (self->workspace_dir, error);
  if (secret == NULL)
    return FALSE;

  self->authority = hypha_authority_new (secret);
  return TRUE;
}

static void
hypha_core_accept (HyphaServer     *server,
                   HyphaConnection *connection,
                   const char      *remote_address,
                   gpointer         data)
{
  HyphaCore *self = data;

  hypha_gate_accept (self->parts.gate, connection, remote_address);
}

/* Who has guessed too often is not listened to for a while. */
static guint
hypha_core_get_wait (HyphaServer *server,
                     const char  *remote_address,
                     gpointer     data)
{
  HyphaCore *self = data;

  return hypha_throttle_get_wait (hypha_authority_get_throttle (self->authority), remote_address,
                                  hypha_throttle_now ());
}

static void
hypha_core_build (HyphaCore *self)
{
  self->parts.router = hypha_router_new ();
  hypha_router_set_refuse_sealed (self->parts.router, self->refuse_encrypted);
  self->parts.manager = hypha_manager_new (self->parts.router, self->registry, self->authority);
  self->parts.gate = hypha_gate_new (self->parts.router, self->authority);
  hypha_gate_set_rpc (self->parts.gate, hypha_manager_get_rpc (self->parts.manager));
  self->parts.apps = hypha_app_controller_new (self->parts.manager, self->parts.gate,
                                               &hypha_core_app_host, self);
  self->parts.server = hypha_server_new ();
  hypha_server_set_accept (self->parts.server, hypha_core_accept, self);
  hypha_server_set_admission (self->parts.server, hypha_core_get_wait, self);
  self->parts.gateway = hypha_http_gateway_new (self->parts.server, self->parts.manager);
  self->parts.http_rpc = hypha_http_rpc_new (self->parts.server, self->parts.router,
                                             self->parts.gate);
  self->parts.http_login = hypha_http_login_new (self->parts.server, self->parts.manager);
  hypha_core_watch_parts (self);
}

/**
 * hypha_core_start:
 * @self: a core
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Starts to listen. Blocks for as long as it takes to read the secret and what is kept, and to open
 * the socket.
 *
 * The secret that signs tokens is the environment variable `HYPHA_JWT_SECRET` or a file in
 * [property@Core:workspace-dir] that only the user can read; it is made where there is none.
 *
 * Returns: %TRUE if the core listens
 *
 * Since: 0.1
 */
gboolean
hypha_core_start (HyphaCore     *self,
                  GCancellable  *cancellable,
                  GError       **error)
{
  g_return_val_if_fail (HYPHA_IS_CORE (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;

  if (self->parts.server != NULL)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_ALREADY_EXISTS, "Server already running at %s",
                   self->url != NULL ? self->url : self->host);
      return FALSE;
    }

  if (!hypha_core_check_address (self, error) || !hypha_core_ensure_authority (self, error) ||
      !hypha_authority_open_store (self->authority, self->workspace_dir, error))
    return FALSE;

  hypha_core_build (self);
  hypha_core_allow_address (self);
  if (!hypha_server_listen (self->parts.server, self->host, self->wanted_port, error))
    {
      hypha_core_tear_down (self);
      return FALSE;
    }

  hypha_core_announce (self);
  return TRUE;
}

/**
 * hypha_core_start_async:
 * @self: a core
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): what to call when it is done
 * @user_data: data for @callback
 *
 * Starts to listen, like [method@Core.start], and reports from the main loop.
 *
 * Since: 0.1
 */
void
hypha_core_start_async (HyphaCore           *self,
                        GCancellable        *cancellable,
                        GAsyncReadyCallback  callback,
                        gpointer             user_data)
{
  g_autoptr (GTask) task = NULL;
  g_autoptr (GError) error = NULL;

  g_return_if_fail (HYPHA_IS_CORE (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, hypha_core_start_async);
  if (hypha_core_start (self, cancellable, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

/**
 * hypha_core_start_finish:
 * @self: a core
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@Core.start_async].
 *
 * Returns: %TRUE if the core listens
 *
 * Since: 0.1
 */
gboolean
hypha_core_start_finish (HyphaCore     *self,
                         GAsyncResult  *result,
                         GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
hypha_core_stopped (GObject      *source,
                    GAsyncResult *result,
                    gpointer      data)
{
  g_autoptr (GTask) task = data;
  HyphaCore *self = g_task_get_source_object (task);
  g_autoptr (GError) error = NULL;

  gboolean stopped = hypha_server_stop_finish (HYPHA_SERVER (source), result, &error);

  /* Cancelled or not, this server is of no use any more, unless an earlier call still stops it. */
  if (self->parts.server == HYPHA_SERVER (source) &&
      !g_error_matches (error, HYPHA_ERROR, HYPHA_ERROR_BUSY))
    hypha_core_tear_down (self);

  if (stopped)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

/**
 * hypha_core_close_async:
 * @self: a core
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): what to call when it is done
 * @user_data: data for @callback
 *
 * Stops to listen, says goodbye to every client, and waits a few seconds for their answers. What
 * clients are told depends on [property@Core:restarting].
 *
 * Since: 0.1
 */
void
hypha_core_close_async (HyphaCore           *self,
                        GCancellable        *cancellable,
                        GAsyncReadyCallback  callback,
                        gpointer             user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (HYPHA_IS_CORE (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, hypha_core_close_async);
  if (self->parts.server == NULL)
    {
      g_task_return_boolean (task, TRUE);
    }
  else
    {
      hypha_server_set_restarting (self->parts.server, self->restarting);
      hypha_server_stop_async (self->parts.server, cancellable, hypha_core_stopped,
                               g_steal_pointer (&task));
    }
}

/**
 * hypha_core_close_finish:
 * @self: a core
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@Core.close_async].
 *
 * Returns: %TRUE if the core is closed
 *
 * Since: 0.1
 */
gboolean
hypha_core_close_finish (HyphaCore     *self,
                         GAsyncResult  *result,
                         GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * hypha_core_close:
 * @self: a core
 *
 * Stops at once: it does not listen any more, and the main loop cuts every connection when it runs
 * next. May be called from any signal handler. See [method@Core.close_async] for the polite way.
 *
 * Since: 0.1
 */
void
hypha_core_close (HyphaCore *self)
{
  g_return_if_fail (HYPHA_IS_CORE (self));

  hypha_core_tear_down (self);
}

/**
 * hypha_core_is_running:
 * @self: a core
 *
 * Tells whether the core listens.
 *
 * Returns: %TRUE while it does
 *
 * Since: 0.1
 */
gboolean
hypha_core_is_running (HyphaCore *self)
{
  g_return_val_if_fail (HYPHA_IS_CORE (self), FALSE);

  return self->url != NULL;
}

/**
 * hypha_core_generate_token:
 * @self: a core
 * @workspace: the workspace that the token opens
 * @user_id: (nullable): whose token it is; %NULL for the name of the user of this process
 * @expires_in: how long it is good for, in seconds; 0 for a day
 * @error: return location for an error
 *
 * Makes a token with which a client may connect to a workspace. The core need not run for this.
 *
 * Returns: (transfer full): the token
 *
 * Since: 0.1
 */
char *
hypha_core_generate_token (HyphaCore   *self,
                           const char  *workspace,
                           const char  *user_id,
                           guint        expires_in,
                           GError     **error)
{
  g_autoptr (HyphaUserInfo) root = NULL;
  g_autoptr (GVariant) config = NULL;
  GVariantDict dict;

  g_return_val_if_fail (HYPHA_IS_CORE (self), NULL);
  g_return_val_if_fail (workspace != NULL, NULL);

  if (!hypha_core_ensure_authority (self, error))
    return NULL;

  root = hypha_user_info_new_root ();
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "workspace", "s", workspace);
  g_variant_dict_insert (&dict, "user_id", "s", user_id != NULL ? user_id : g_get_user_name ());
  if (expires_in > 0)
    g_variant_dict_insert (&dict, "expires_in", "x", (gint64) expires_in);
  config = g_variant_ref_sink (g_variant_dict_end (&dict));
  return hypha_token_methods_mint (self->authority, root, HYPHA_ADDRESS_ROOT_WORKSPACE,
                                   HYPHA_ADDRESS_ROOT_CLIENT, config, error);
}

/**
 * hypha_core_generate_operator_token:
 * @self: a core
 * @error: return location for an error
 *
 * Makes a token with which a program of this user sees, and confirms or refuses, the logins that
 * wait at the server of [property@Core:workspace-dir] on [property@Core:port]: a `GET` of
 * `/login/waiting`, or a `POST` to `/login/decide?code=CODE&agree=true`, with the token as
 * `Authorization: Bearer`. It is good for half a minute, and for nothing else. The core need not
 * run for this.
 *
 * Returns: (transfer full): the token
 *
 * Since: 0.1
 */
char *
hypha_core_generate_operator_token (HyphaCore  *self,
                                    GError    **error)
{
  g_autoptr (HyphaToken) token = NULL;

  g_return_val_if_fail (HYPHA_IS_CORE (self), NULL);

  if (!hypha_core_ensure_authority (self, error))
    return NULL;

  token = hypha_token_new (g_get_user_name (), NULL);
  g_strfreev (token->scopes);
  token->scopes = g_new0 (char *, 2);
  token->scopes[0] = g_strdup_printf ("port:%u", self->port);
  token->issued_at = g_get_real_time () / G_USEC_PER_SEC;
  token->expires_at = token->issued_at + HYPHA_TOKEN_OPERATOR_LIFETIME;
  return hypha_authority_sign (self->authority, token, HYPHA_TOKEN_AUDIENCE_OPERATOR);
}

static void
hypha_core_app_loaded (GObject      *source,
                       GAsyncResult *result,
                       gpointer      data)
{
  g_autoptr (GTask) task = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) service = NULL;
  HyphaWindowInfo *window = NULL;

  service = hypha_app_controller_load_finish (HYPHA_APP_CONTROLLER (source), result, &window,
                                              &error);
  if (service != NULL)
    g_task_return_pointer (task, window, g_object_unref);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

/**
 * hypha_core_load_app_async:
 * @self: a running core
 * @workspace: the workspace that the app will live in
 * @source: plugin code, a file's path or URI, or the URL of a plugin or an app
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): what to call when the app is ready
 * @user_data: data for @callback
 *
 * Loads an app into a window of the host, on behalf of the person at this machine.
 *
 * Since: 0.1
 */
void
hypha_core_load_app_async (HyphaCore           *self,
                           const char          *workspace,
                           const char          *source,
                           GCancellable        *cancellable,
                           GAsyncReadyCallback  callback,
                           gpointer             user_data)
{
  g_autoptr (GTask) task = NULL;
  g_autoptr (GVariant) config = NULL;

  g_return_if_fail (HYPHA_IS_CORE (self));
  g_return_if_fail (workspace != NULL);
  g_return_if_fail (source != NULL);

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, hypha_core_load_app_async);
  if (self->parts.apps == NULL)
    {
      g_task_return_new_error (task, HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED,
                               "the core is not running; start it first");
      return;
    }

  if (!hypha_address_is_name (workspace))
    {
      g_task_return_new_error (task, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                               "“%s” cannot be the name of a workspace", workspace);
      return;
    }

  config = g_variant_ref_sink (g_variant_new_parsed ("{'src': <%s>}", source));
  hypha_app_controller_load_async (self->parts.apps, workspace,
                                   HYPHA_FETCH_ALLOW_FILES | HYPHA_FETCH_ALLOW_PRIVATE, config,
                                   cancellable, hypha_core_app_loaded, g_steal_pointer (&task));
}

/**
 * hypha_core_load_app_finish:
 * @self: a core
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@Core.load_app_async].
 *
 * Returns: (transfer full): the window that shows the app
 *
 * Since: 0.1
 */
HyphaWindowInfo *
hypha_core_load_app_finish (HyphaCore     *self,
                            GAsyncResult  *result,
                            GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * hypha_core_mount:
 * @self: a core
 * @window: a window from [signal@Core::add-window]
 * @connection: what the page in it sends and receives
 *
 * Connects the page in a window. Its identity is the window's, whatever it says; a page that
 * was connected before is disconnected.
 *
 * Since: 0.1
 */
void
hypha_core_mount (HyphaCore       *self,
                  HyphaWindowInfo *window,
                  HyphaConnection *connection)
{
  g_return_if_fail (HYPHA_IS_CORE (self));
  g_return_if_fail (HYPHA_IS_WINDOW_INFO (window));
  g_return_if_fail (HYPHA_IS_CONNECTION (connection));

  if (self->parts.apps != NULL)
    hypha_app_controller_mount (self->parts.apps, window, connection);
  else
    hypha_connection_close (connection, HYPHA_CLOSE_GOING_AWAY, "Server shutting down");
}

/**
 * hypha_core_window_failed:
 * @self: a core
 * @window: a window from [signal@Core::add-window]
 * @error: what went wrong
 *
 * Reports that a page could not be shown, or has crashed. Whoever loads it is told; its services
 * leave. The window stays until [method@Core.window_closed]: the host shows the error in it.
 *
 * Since: 0.1
 */
void
hypha_core_window_failed (HyphaCore       *self,
                          HyphaWindowInfo *window,
                          const GError    *error)
{
  g_return_if_fail (HYPHA_IS_CORE (self));
  g_return_if_fail (HYPHA_IS_WINDOW_INFO (window));
  g_return_if_fail (error != NULL);

  if (self->parts.apps != NULL)
    hypha_app_controller_window_failed (self->parts.apps, window, error);
}

/**
 * hypha_core_window_closed:
 * @self: a core
 * @window: a window from [signal@Core::add-window]
 *
 * Reports that a window is closed: its services leave, and calls to them fail.
 *
 * Since: 0.1
 */
void
hypha_core_window_closed (HyphaCore       *self,
                          HyphaWindowInfo *window)
{
  g_return_if_fail (HYPHA_IS_CORE (self));
  g_return_if_fail (HYPHA_IS_WINDOW_INFO (window));

  if (self->parts.apps != NULL)
    hypha_app_controller_window_closed (self->parts.apps, window);
}
