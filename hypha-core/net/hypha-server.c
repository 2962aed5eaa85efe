/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-server-private.h"

#include "hypha-site-private.h"
#include "hypha-websocket-connection-private.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

/*
 * The one listener: libsoup serves HTTP and checks the WebSocket handshake, then gives up the
 * socket, which becomes a HyphaConnection.
 *
 * Every request has to pass the checks of HyphaSitePolicy before any handler sees it.
 * The checks run when the headers have come, right after libsoup's early handlers; so those are
 * not for use here, plain handlers are.
 */

struct _HyphaServer
{
  GObject            parent_instance;

  SoupServer        *soup;
  GHashTable        *connections; /* HyphaWebsocketConnection, not owned */
  GHashTable        *requests;    /* SoupServerMessage, not owned → HyphaRequest */
  HyphaSitePolicy    policy;
  HyphaServerAccept  accept;
  gpointer           accept_data;
  GTask             *stopping;
  GSource           *stop_deadline;
  guint              keep_alive;
  guint              max_connections;
  guint              port;
};

typedef struct
{
  gsize received;
} HyphaRequest;

/* Bytes that libsoup can have read ahead of us; beyond it, they come from the socket anyway. */
#define DRAIN_MAX (64 * 1024)

#define HTTP_MISDIRECTED 421

/* Clients know this reason. */
#define SHUTDOWN_REASON "Server shutting down"

G_DEFINE_FINAL_TYPE (HyphaServer, hypha_server, G_TYPE_OBJECT)

static void
hypha_server_refuse (SoupServerMessage *message,
                     guint              status,
                     const char        *text)
{
  soup_server_message_set_status (message, status,
                                  status == HTTP_MISDIRECTED ? "Misdirected Request" : NULL);
  soup_server_message_set_response (message, "text/plain; charset=utf-8", SOUP_MEMORY_COPY, text,
                                    strlen (text));
}

static const char *
hypha_server_get_header (SoupServerMessage *message,
                         const char        *name)
{
  return soup_message_headers_get_one (soup_server_message_get_request_headers (message), name);
}

static gboolean
hypha_server_check_host (HyphaServer       *self,
                         SoupServerMessage *message)
{
  const char *authority = hypha_server_get_header (message, "Host");
  g_autofree char *quoted = NULL;

  if (hypha_site_policy_host_allowed (&self->policy, authority))
    return TRUE;

  quoted = hypha_error_quote (authority);
  g_message ("request refused: host name “%s” is not ours", quoted);
  hypha_server_refuse (message, HTTP_MISDIRECTED,
                       "this server does not answer to that host name; "
                       "start it with a base URL that has it\n");
  return FALSE;
}

static gboolean
hypha_server_check_origin (HyphaServer       *self,
                           SoupServerMessage *message)
{
  const char *origin = hypha_server_get_header (message, "Origin");
  const char *authority = hypha_server_get_header (message, "Host");
  g_autofree char *quoted = NULL;

  if (origin == NULL || hypha_server_origin_allowed (self, origin) ||
      hypha_site_is_same (origin, authority))
    return TRUE;

  quoted = hypha_error_quote (origin);
  g_message ("request refused: origin “%s” is not allowed", quoted);
  hypha_server_refuse (message, SOUP_STATUS_FORBIDDEN,
                       "web pages of this origin may not use this server\n");
  return FALSE;
}

/* Keeps a body that is over the limit out of memory; what still comes is thrown away. */
static void
hypha_server_refuse_body (SoupServerMessage *message)
{
  SoupMessageBody *body = soup_server_message_get_request_body (message);

  soup_message_body_set_accumulate (body, FALSE);
  soup_message_body_truncate (body);
  soup_message_headers_replace (soup_server_message_get_response_headers (message), "Connection",
                                "close");
  hypha_server_refuse (message, SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE,
                       "request body is too large\n");
}

static void
hypha_server_got_chunk (SoupServerMessage *message,
                        GBytes            *chunk,
                        gpointer           data)
{
  HyphaServer *self = HYPHA_SERVER (data);
  HyphaRequest *request = g_hash_table_lookup (self->requests, message);
  gsize before;

  if (request == NULL)
    return;

  before = request->received;
  request->received += g_bytes_get_size (chunk);
  if (before <= HYPHA_SERVER_MAX_BODY && request->received > HYPHA_SERVER_MAX_BODY)
    hypha_server_refuse_body (message);

  /* It has had its chance to read the answer. */
  if (request->received > 2 * (gsize) HYPHA_SERVER_MAX_BODY)
    g_socket_close (soup_server_message_get_socket (message), NULL);
}

static void
hypha_server_check_body (SoupServerMessage *message)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);

  if (soup_message_headers_get_encoding (headers) == SOUP_ENCODING_CONTENT_LENGTH &&
      soup_message_headers_get_content_length (headers) > HYPHA_SERVER_MAX_BODY)
    hypha_server_refuse_body (message);
}

/* What libsoup read behind the handshake: the stream has it, the socket no more. */
static GBytes *
hypha_server_drain (GIOStream *stream)
{
  GPollableInputStream *input = G_POLLABLE_INPUT_STREAM (g_io_stream_get_input_stream (stream));
  GByteArray *drained = g_byte_array_new ();
  guint8 buffer[4096];

  while (drained->len < DRAIN_MAX)
    {
      gssize n = g_pollable_input_stream_read_nonblocking (input, buffer, sizeof buffer, NULL,
                                                           NULL);

      /* An end or an error will show again on the socket. */
      if (n <= 0)
        break;

      g_byte_array_append (drained, buffer, (guint) n);
    }

  return g_byte_array_free_to_bytes (drained);
}

/* Not here and now: this is called from inside what would be torn down. */
static void
hypha_server_check_stopped (HyphaServer *self)
{
  if (self->stopping != NULL && g_hash_table_size (self->connections) == 0 &&
      g_hash_table_size (self->requests) == 0)
    g_source_set_ready_time (self->stop_deadline, 0);
}

static void
hypha_server_connection_finished (HyphaWebsocketConnection *connection,
                                  gpointer                  data)
{
  HyphaServer *self = HYPHA_SERVER (data);

  g_hash_table_remove (self->connections, connection);
  hypha_server_check_stopped (self);
}

static void
hypha_server_take_connection (HyphaServer     *self,
                              HyphaConnection *connection,
                              const char      *remote_address)
{
  HyphaWebsocketConnection *websocket = HYPHA_WEBSOCKET_CONNECTION (connection);

  g_hash_table_add (self->connections, websocket);
  hypha_websocket_connection_set_finished (websocket, hypha_server_connection_finished, self);
  hypha_websocket_connection_set_keep_alive (websocket, self->keep_alive);
  g_debug ("%s: WebSocket opened", remote_address);
  if (self->accept != NULL)
    self->accept (self, connection, remote_address, self->accept_data);

  /* The handshake was under way when the server was told to stop. */
  if (self->stopping != NULL)
    hypha_connection_close (connection, HYPHA_CLOSE_GOING_AWAY, SHUTDOWN_REASON);
}

/* The answer to the handshake is out: from here on the socket is ours. */
static void
hypha_server_wrote_informational (SoupServerMessage *message,
                                  gpointer           data)
{
  HyphaServer *self = HYPHA_SERVER (data);
  g_autoptr (SoupServerMessage) hold = g_object_ref (message);
  g_autofree char *remote_address = NULL;
  g_autoptr (GIOStream) stream = NULL;
  g_autoptr (GBytes) drained = NULL;
  g_autoptr (HyphaConnection) connection = NULL;
  g_autoptr (GError) error = NULL;
  int fd;

  if (soup_server_message_get_status (message) != SOUP_STATUS_SWITCHING_PROTOCOLS)
    return;

  /* Before the stream is stolen, which has no way to the socket. */
  fd = g_socket_get_fd (soup_server_message_get_socket (message));
  remote_address = g_strdup (soup_server_message_get_remote_host (message));
  stream = soup_server_message_steal_connection (message);
  g_hash_table_remove (self->requests, message);

  drained = hypha_server_drain (stream);
  connection = hypha_websocket_connection_new (fd, stream, drained, &error);
  if (connection == NULL)
    {
      g_warning ("%s: WebSocket dropped: %s", remote_address, error->message);
      g_io_stream_close (stream, NULL, NULL);
      return;
    }

  hypha_server_take_connection (self, connection, remote_address);
}

static gboolean
hypha_server_is_upgrade (SoupServerMessage *message)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);

  return soup_message_headers_header_contains (headers, "Upgrade", "websocket");
}

static void
hypha_server_upgrade (HyphaServer       *self,
                      SoupServerMessage *message)
{
  if (g_strcmp0 (g_uri_get_path (soup_server_message_get_uri (message)), "/ws") != 0)
    {
      hypha_server_refuse (message, SOUP_STATUS_NOT_FOUND, "WebSockets are at /ws\n");
      return;
    }

  if (self->stopping != NULL || g_hash_table_size (self->connections) >= self->max_connections)
    {
      hypha_server_refuse (message, SOUP_STATUS_SERVICE_UNAVAILABLE,
                           self->stopping != NULL ? "server is shutting down\n"
                                                  : "too many connections\n");
      return;
    }

  if (soup_websocket_server_process_handshake (message, NULL, NULL, NULL, NULL))
    g_signal_connect_object (message, "wrote-informational",
                             G_CALLBACK (hypha_server_wrote_informational), self, 0);
}

static void
hypha_server_got_headers (SoupServerMessage *message,
                          gpointer           data)
{
  HyphaServer *self = HYPHA_SERVER (data);

  g_hash_table_insert (self->requests, message, g_new0 (HyphaRequest, 1));

  /* The query may hold a token, so it stays out. */
  g_debug ("%s: %s %s", soup_server_message_get_remote_host (message),
           soup_server_message_get_method (message),
           g_uri_get_path (soup_server_message_get_uri (message)));

  if (!hypha_server_check_host (self, message) || !hypha_server_check_origin (self, message))
    return;

  if (hypha_server_is_upgrade (message))
    hypha_server_upgrade (self, message);
  else
    hypha_server_check_body (message);
}

static void
hypha_server_request_started (HyphaServer       *self,
                              SoupServerMessage *message,
                              SoupServer        *soup)
{
  g_signal_connect_object (message, "got-headers", G_CALLBACK (hypha_server_got_headers), self, 0);
  g_signal_connect_object (message, "got-chunk", G_CALLBACK (hypha_server_got_chunk), self, 0);
}

static void
hypha_server_request_ended (HyphaServer       *self,
                            SoupServerMessage *message,
                            SoupServer        *soup)
{
  g_hash_table_remove (self->requests, message);
  hypha_server_check_stopped (self);
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
  g_hash_table_unref (self->requests);
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
  self->requests = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  hypha_site_policy_init (&self->policy);
  self->keep_alive = HYPHA_SERVER_KEEP_ALIVE;
  self->max_connections = HYPHA_SERVER_MAX_CONNECTIONS;

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

void
hypha_server_set_max_connections (HyphaServer *self,
                                  guint        max_connections)
{
  self->max_connections = max_connections;
}

/* Every connection is a file; the usual soft limit of 1,024 would end at a tenth of ours. */
static void
hypha_server_raise_file_limit (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
    return;

  limit.rlim_cur = limit.rlim_max;
  if (setrlimit (RLIMIT_NOFILE, &limit) < 0)
    g_warning ("cannot raise the limit on open files: %s", g_strerror (errno));
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
  gboolean taken = g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);

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

  hypha_server_raise_file_limit ();
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

/* The WebSockets whose sockets are open. */
guint
hypha_server_get_n_connections (HyphaServer *self)
{
  g_assert (HYPHA_IS_SERVER (self));

  return g_hash_table_size (self->connections);
}

/* Where the HTTP gateway adds its handlers. */
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
  guint n_left = g_hash_table_size (self->connections) + g_hash_table_size (self->requests);

  if (n_left > 0)
    g_info ("stopped with %u connections and requests left", n_left);

  g_clear_pointer (&self->stop_deadline, g_source_unref);
  self->port = 0;
  soup_server_disconnect (self->soup);
  g_task_return_boolean (task, TRUE);
  return G_SOURCE_REMOVE;
}

static void
hypha_server_stop_listening (HyphaServer *self)
{
  g_autoptr (GSList) listeners = soup_server_get_listeners (self->soup);

  for (GSList *l = listeners; l != NULL; l = l->next)
    {
      g_autoptr (GError) error = NULL;

      if (!g_socket_close (l->data, &error))
        g_warning ("cannot stop listening: %s", error->message);
    }
}

static void
hypha_server_close_connections (HyphaServer *self)
{
  g_autoptr (GPtrArray) snapshot = g_ptr_array_new_with_free_func (g_object_unref);
  GHashTableIter iter;
  gpointer connection;

  g_hash_table_iter_init (&iter, self->connections);
  while (g_hash_table_iter_next (&iter, &connection, NULL))
    g_ptr_array_add (snapshot, g_object_ref (connection));

  for (guint i = 0; i < snapshot->len; i++)
    {
      /* They have to be gone before the server gives up waiting. */
      hypha_websocket_connection_set_close_timeout (snapshot->pdata[i],
                                                    HYPHA_SERVER_STOP_TIMEOUT * 3 / 4);
      hypha_connection_close (snapshot->pdata[i], HYPHA_CLOSE_GOING_AWAY, SHUTDOWN_REASON);
    }
}

/*
 * Stops: nobody new gets in, WebSockets are closed with 1001, running requests may end. It is
 * done when all are gone, or after HYPHA_SERVER_STOP_TIMEOUT, which cuts off who is left.
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
