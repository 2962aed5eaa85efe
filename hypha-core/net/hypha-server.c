/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-server-internal-private.h"

G_DEFINE_FINAL_TYPE (HyphaServer, hypha_server, G_TYPE_OBJECT)

/* Not here and now: this is called from inside what would be torn down. */
void
hypha_server_check_stopped (HyphaServer *self)
{
  if (self->stopping != NULL && hypha_server_get_n_connections (self) == 0 &&
      g_hash_table_size (self->requests) == 0)
    g_source_set_ready_time (self->stop_deadline, 0);
}

static void
hypha_server_dispose (GObject *object)
{
  HyphaServer *self = HYPHA_SERVER (object);
  GHashTableIter iter;
  gpointer connection;

  g_hash_table_iter_init (&iter, self->connections);
  while (g_hash_table_iter_next (&iter, &connection, NULL))
    hypha_websocket_connection_set_finished (connection, NULL, NULL);
  g_hash_table_remove_all (self->connections);

  g_hash_table_iter_init (&iter, self->streams);
  while (g_hash_table_iter_next (&iter, &connection, NULL))
    hypha_http_stream_connection_set_finished (connection, NULL, NULL);
  g_hash_table_remove_all (self->streams);

  hypha_server_unwatch_listeners (self);
  if (self->soup != NULL)
    soup_server_disconnect (self->soup);
  g_clear_object (&self->soup);

  G_OBJECT_CLASS (hypha_server_parent_class)->dispose (object);
}

static void
hypha_server_finalize (GObject *object)
{
  HyphaServer *self = HYPHA_SERVER (object);

  g_hash_table_unref (self->connections);
  g_hash_table_unref (self->streams);
  g_hash_table_unref (self->requests);
  g_hash_table_unref (self->bodies_of);
  hypha_server_clear_sockets (self);
  hypha_site_policy_clear (&self->policy);

  G_OBJECT_CLASS (hypha_server_parent_class)->finalize (object);
}

static void
hypha_server_class_init (HyphaServerClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = hypha_server_dispose;
  object_class->finalize = hypha_server_finalize;
}

static void
hypha_server_init (HyphaServer *self)
{
  self->connections = g_hash_table_new (NULL, NULL);
  self->streams = g_hash_table_new (NULL, NULL);
  self->requests = g_hash_table_new_full (NULL, NULL, NULL, hypha_request_free);
  self->bodies_of = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  hypha_server_init_sockets (self);
  hypha_site_policy_init (&self->policy);
  self->keep_alive = HYPHA_SERVER_KEEP_ALIVE;
  self->max_connections = HYPHA_SERVER_MAX_CONNECTIONS;
  self->max_bodies = HYPHA_SERVER_MAX_BODIES;
  self->max_bodies_of_address = HYPHA_SERVER_MAX_BODIES_OF_ADDRESS;
  self->body_timeout = HYPHA_SERVER_BODY_TIMEOUT;
  self->body_stall = HYPHA_SERVER_BODY_STALL;

  self->soup = soup_server_new ("server-header", "hypha", NULL);

  /* It costs several times what it saves between programs on one machine. */
  soup_server_remove_websocket_extension (self->soup, SOUP_TYPE_WEBSOCKET_EXTENSION_DEFLATE);
  g_signal_connect_object (self->soup, "request-started",
                           G_CALLBACK (hypha_server_request_started), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->soup, "request-finished",
                           G_CALLBACK (hypha_server_request_ended), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->soup, "request-aborted",
                           G_CALLBACK (hypha_server_request_ended), self, G_CONNECT_SWAPPED);
}

HyphaServer *
hypha_server_new (void)
{
  return g_object_new (HYPHA_TYPE_SERVER, NULL);
}

/* Names who gets the WebSockets; without one they are closed as soon as they are open. */
void
hypha_server_set_accept (HyphaServer       *self,
                         HyphaServerAccept  accept,
                         gpointer           data)
{
  g_assert (HYPHA_IS_SERVER (self));

  self->accept = accept;
  self->accept_data = data;
}

void
hypha_server_set_admission (HyphaServer          *self,
                            HyphaServerAdmission  admission,
                            gpointer              data)
{
  g_assert (HYPHA_IS_SERVER (self));

  self->admission = admission;
  self->admission_data = data;
}

/* Serves requests to this host name too: that of the base URL, behind a proxy for instance. */
void
hypha_server_allow_host (HyphaServer *self,
                         const char  *host)
{
  g_assert (HYPHA_IS_SERVER (self));

  hypha_site_policy_allow_host (&self->policy, host);
}

/* Lets web pages of this origin, “https://example.org”, use the server. */
void
hypha_server_allow_origin (HyphaServer *self,
                           const char  *origin)
{
  g_assert (HYPHA_IS_SERVER (self));

  hypha_site_policy_allow_origin (&self->policy, origin);
}

/* May web pages of this origin use the server? CORS headers are for those alone. */
gboolean
hypha_server_origin_allowed (HyphaServer *self,
                             const char  *origin)
{
  g_assert (HYPHA_IS_SERVER (self));

  return hypha_site_policy_origin_allowed (&self->policy, origin);
}

/* Sets the interval in ms for WebSockets that are opened from now on; 0 for none. */
void
hypha_server_set_keep_alive (HyphaServer *self,
                             guint        interval)
{
  self->keep_alive = interval;
}

/* Whether stopping is the first half of a restart. */
void
hypha_server_set_restarting (HyphaServer *self,
                             gboolean     restarting)
{
  self->restarting = restarting;
}

void
hypha_server_set_max_connections (HyphaServer *self,
                                  guint        max_connections)
{
  self->max_connections = max_connections;
}

void
hypha_server_set_max_bodies (HyphaServer *self,
                             gsize        max_bodies)
{
  self->max_bodies = max_bodies;
}

void
hypha_server_set_max_bodies_of_address (HyphaServer *self,
                                        gsize        max_bodies)
{
  self->max_bodies_of_address = max_bodies;
}

/* In how many ms enough of a body has to come. */
void
hypha_server_set_body_timeout (HyphaServer *self,
                               guint        timeout)
{
  self->body_timeout = timeout;
}

static GInetAddress *
hypha_server_resolve (const char  *host,
                      GError     **error)
{
  g_autoptr (GResolver) resolver = NULL;
  GList *addresses;
  GInetAddress *address;

  if (g_str_equal (host, "localhost"))
    return g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);

  address = g_inet_address_new_from_string (host);
  if (address != NULL)
    return address;

  resolver = g_resolver_get_default ();
  addresses = g_resolver_lookup_by_name (resolver, host, NULL, error);
  if (addresses == NULL)
    return NULL;

  address = g_object_ref (addresses->data);
  g_resolver_free_addresses (addresses);
  return address;
}

static gboolean
hypha_server_listen_on (HyphaServer   *self,
                        GInetAddress  *address,
                        guint          port,
                        GError       **error)
{
  g_autoptr (GSocketAddress) socket_address =
    g_inet_socket_address_new (address, (guint16) port);

  return soup_server_listen (self->soup, socket_address, 0, error);
}

static guint
hypha_server_find_port (HyphaServer *self)
{
  g_autoptr (GSList) listeners = soup_server_get_listeners (self->soup);
  g_autoptr (GSocketAddress) address = NULL;

  address = g_socket_get_local_address (listeners->data, NULL);
  return g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address));
}

/* Clients may try ::1 first when they are told “localhost”; it does not exist everywhere. */
static void
hypha_server_listen_also_ipv6 (HyphaServer *self)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV6);
  g_autoptr (GError) error = NULL;

  if (!hypha_server_listen_on (self, address, self->port, &error))
    g_info ("not listening on [::1]:%u: %s", self->port, error->message);
}

static void
hypha_server_set_listen_error (GError     **error,
                               const GError *cause,
                               const char  *host,
                               guint        port)
{
  gboolean taken;

  g_assert (cause != NULL);

  taken = g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);

  /* Whoever failed has set a cause: NOLINTBEGIN(clang-analyzer-core.NullDereference) */
  g_set_error (error, HYPHA_ERROR, taken ? HYPHA_ERROR_ALREADY_EXISTS : HYPHA_ERROR_FAILED,
               "cannot listen on %s port %u: %s", host, port,
               taken ? "another program uses the port" : cause->message);
  /* NOLINTEND(clang-analyzer-core.NullDereference) */
}

/* Starts listening; port 0 takes a free one. Names are looked up here and now. */
gboolean
hypha_server_listen (HyphaServer  *self,
                     const char   *host,
                     guint         port,
                     GError      **error)
{
  g_autoptr (GInetAddress) address = NULL;
  g_autoptr (GError) cause = NULL;

  g_assert (HYPHA_IS_SERVER (self));
  g_assert (self->port == 0 && port <= G_MAXUINT16);

  hypha_server_limit_sockets (self);
  address = hypha_server_resolve (host, &cause);
  if (address == NULL || !hypha_server_listen_on (self, address, port, &cause))
    {
      hypha_server_set_listen_error (error, cause, host, port);
      return FALSE;
    }

  self->port = hypha_server_find_port (self);
  self->policy.any_address = g_inet_address_get_is_any (address);
  if (!self->policy.any_address)
    hypha_server_allow_host (self, host);
  if (g_str_equal (host, "localhost"))
    hypha_server_listen_also_ipv6 (self);
  hypha_server_watch_listeners (self);
  g_info ("listening on %s port %u", host, self->port);
  return TRUE;
}

/* The port it listens on, 0 if it does not. */
guint
hypha_server_get_port (HyphaServer *self)
{
  g_assert (HYPHA_IS_SERVER (self));

  return self->port;
}

/* The WebSockets and HTTP streams whose sockets are open. */
guint
hypha_server_get_n_connections (HyphaServer *self)
{
  g_assert (HYPHA_IS_SERVER (self));

  return g_hash_table_size (self->connections) + g_hash_table_size (self->streams);
}

/* May another WebSocket or stream be opened? */
gboolean
hypha_server_has_room (HyphaServer *self)
{
  g_assert (HYPHA_IS_SERVER (self));

  return self->stopping == NULL && hypha_server_get_n_connections (self) < self->max_connections;
}

/* Where the HTTP gateway adds its handlers; plain ones, as early handlers run before the checks. */
SoupServer *
hypha_server_get_soup (HyphaServer *self)
{
  g_assert (HYPHA_IS_SERVER (self));

  return self->soup;
}

static gboolean
hypha_server_finish_stop (gpointer data)
{
  HyphaServer *self = HYPHA_SERVER (data);
  g_autoptr (GTask) task = g_steal_pointer (&self->stopping);
  guint n_left = hypha_server_get_n_connections (self) + g_hash_table_size (self->requests);

  if (n_left > 0)
    g_info ("stopped with %u connections and requests left", n_left);

  g_clear_pointer (&self->stop_deadline, g_source_unref);
  self->port = 0;
  soup_server_disconnect (self->soup);
  g_task_return_boolean (task, TRUE);
  return G_SOURCE_REMOVE;
}

/* It was told to stop and has not come to the end of it. */
gboolean
hypha_server_is_stopping (HyphaServer *self)
{
  g_assert (HYPHA_IS_SERVER (self));

  return self->stopping != NULL;
}

/* Frees the port at once; connections go on. */
void
hypha_server_stop_listening (HyphaServer *self)
{
  g_autoptr (GSList) listeners = soup_server_get_listeners (self->soup);

  hypha_server_unwatch_listeners (self);
  for (GSList *l = listeners; l != NULL; l = l->next)
    {
      g_autoptr (GError) error = NULL;

      if (!g_socket_close (l->data, &error))
        g_warning ("cannot stop listening: %s", error->message);
    }
}

static void
hypha_server_snapshot (GHashTable *connections,
                       GPtrArray  *snapshot)
{
  GHashTableIter iter;
  gpointer connection;

  g_hash_table_iter_init (&iter, connections);
  while (g_hash_table_iter_next (&iter, &connection, NULL))
    g_ptr_array_add (snapshot, g_object_ref (connection));
}

/* Old JavaScript clients take 1001 for the end, and come back after 1012 only. */
void
hypha_server_say_goodbye (HyphaServer     *self,
                          HyphaConnection *connection)
{
  hypha_connection_close (connection,
                          self->restarting ? HYPHA_CLOSE_RESTART : HYPHA_CLOSE_GOING_AWAY,
                          SHUTDOWN_REASON);
}

static void
hypha_server_close_connections (HyphaServer *self)
{
  g_autoptr (GPtrArray) snapshot = g_ptr_array_new_with_free_func (g_object_unref);

  hypha_server_snapshot (self->connections, snapshot);
  hypha_server_snapshot (self->streams, snapshot);
  for (guint i = 0; i < snapshot->len; i++)
    {
      /* They have to be gone before the server gives up waiting; streams are quicker anyway. */
      if (HYPHA_IS_WEBSOCKET_CONNECTION (snapshot->pdata[i]))
        hypha_websocket_connection_set_close_timeout (snapshot->pdata[i],
                                                      HYPHA_SERVER_STOP_TIMEOUT * 3 / 4);
      hypha_server_say_goodbye (self, snapshot->pdata[i]);
    }
}

/*
 * Stops: nobody new gets in, WebSockets are closed with 1001, or 1012 for a restart, running
 * requests may end. It is done when all are gone, or after HYPHA_SERVER_STOP_TIMEOUT, which cuts
 * off who is left.
 */
void
hypha_server_stop_async (HyphaServer         *self,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_assert (HYPHA_IS_SERVER (self));

  g_task_set_source_tag (task, hypha_server_stop_async);
  if (self->stopping != NULL)
    {
      g_task_return_new_error (task, HYPHA_ERROR, HYPHA_ERROR_BUSY, "server is stopping already");
      return;
    }

  self->stopping = g_steal_pointer (&task);
  self->stop_deadline = g_timeout_source_new (HYPHA_SERVER_STOP_TIMEOUT);
  g_source_set_callback (self->stop_deadline, hypha_server_finish_stop, self, NULL);
  g_source_attach (self->stop_deadline, g_task_get_context (self->stopping));
  hypha_server_stop_listening (self);
  hypha_server_close_connections (self);
  hypha_server_check_stopped (self);
}

gboolean
hypha_server_stop_finish (HyphaServer   *self,
                          GAsyncResult  *result,
                          GError       **error)
{
  g_assert (g_task_is_valid (result, self));

  return g_task_propagate_boolean (G_TASK (result), error);
}
