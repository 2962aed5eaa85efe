/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-server-internal-private.h"

#include <string.h>

#include "hypha-http-answer-private.h"

/* Bytes that libsoup can have read ahead of us; beyond it, they come from the socket anyway. */
#define DRAIN_MAX ((gsize) 64 * 1024)

/* Before the gateway knows of the request; it answers in the same form. */
void
hypha_server_refuse (HyphaServer       *self,
                     SoupServerMessage *message,
                     guint              status,
                     const char        *text)
{
  hypha_http_answer_add_cors (self, message);
  hypha_http_answer_fail (message, status, text);
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
  hypha_server_refuse (self, message, HYPHA_HTTP_MISDIRECTED,
                       "this server does not answer to that host name; "
                       "start it with a base URL that has it");
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
  hypha_server_refuse (self, message, SOUP_STATUS_FORBIDDEN,
                       "web pages of this origin may not use this server");
  return FALSE;
}

/* Over HTTP a token may come back in the query; what it is is not looked at here. */
static gboolean
hypha_server_has_credentials (SoupServerMessage *message)
{
  const char *query = g_uri_get_query (soup_server_message_get_uri (message));

  return hypha_server_get_header (message, "Authorization") != NULL ||
         (query != NULL && strstr (query, "token=") != NULL);
}

/*
 * Whoever has guessed too often is turned away before its next guess is looked at: a WebSocket with
 * a status that clients come back after, a request with what it asks for.
 */
static gboolean
hypha_server_check_admission (HyphaServer       *self,
                              SoupServerMessage *message,
                              gboolean           upgrade)
{
  const char *remote = soup_server_message_get_remote_host (message);
  g_autofree char *seconds = NULL;
  guint wait = 0;

  if (self->admission != NULL && remote != NULL &&
      (upgrade || hypha_server_has_credentials (message)))
    wait = self->admission (self, remote, self->admission_data);
  if (wait == 0)
    return TRUE;

  seconds = g_strdup_printf ("%u", wait);
  soup_message_headers_replace (soup_server_message_get_response_headers (message), "Retry-After",
                                seconds);
  hypha_server_refuse (self, message, upgrade ? SOUP_STATUS_SERVICE_UNAVAILABLE :
                                          HYPHA_HTTP_TOO_MANY_REQUESTS,
                       "too many failed attempts from this address: try again later");
  return FALSE;
}

static void
hypha_server_forget_request (HyphaServer       *self,
                             SoupServerMessage *message)
{
  HyphaRequest *request = g_hash_table_lookup (self->requests, message);

  if (request != NULL)
    hypha_server_drop_body (self, request);
  g_hash_table_remove (self->requests, message);
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

static void
hypha_server_connection_finished (HyphaWebsocketConnection *connection,
                                  gpointer                  data)
{
  HyphaServer *self = HYPHA_SERVER (data);

  g_hash_table_remove (self->connections, connection);
  hypha_server_check_stopped (self);
}

static void
hypha_server_stream_finished (HyphaHttpStreamConnection *connection,
                              gpointer                   data)
{
  HyphaServer *self = HYPHA_SERVER (data);

  g_hash_table_remove (self->streams, connection);
  hypha_server_check_stopped (self);
}

/* Counts a stream among the connections, and ends it when the server stops. */
void
hypha_server_add_stream (HyphaServer               *self,
                         HyphaHttpStreamConnection *connection)
{
  g_hash_table_add (self->streams, connection);
  hypha_http_stream_connection_set_finished (connection, hypha_server_stream_finished, self);
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
    hypha_server_say_goodbye (self, connection);
}

/* Takes a request's socket from libsoup, which forgets it. The stream owns the fd. */
GIOStream *
hypha_server_steal (HyphaServer       *self,
                    SoupServerMessage *message,
                    int               *fd)
{
  /* Before the stream is stolen, which has no way to the socket. */
  *fd = g_socket_get_fd (soup_server_message_get_socket (message));
  hypha_server_forget_request (self, message);
  return soup_server_message_steal_connection (message);
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

  remote_address = g_strdup (soup_server_message_get_remote_host (message));
  stream = hypha_server_steal (self, message, &fd);
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
      hypha_server_refuse (self, message, SOUP_STATUS_NOT_FOUND, "WebSockets are at /ws");
      return;
    }

  if (!hypha_server_has_room (self))
    {
      hypha_server_refuse (self, message, SOUP_STATUS_SERVICE_UNAVAILABLE,
                           self->stopping != NULL ? "server is shutting down"
                                                  : "too many connections");
      return;
    }

  soup_message_headers_remove (soup_server_message_get_response_headers (message), "Connection");
  if (soup_websocket_server_process_handshake (message, NULL, NULL, NULL, NULL))
    g_signal_connect_object (message, "wrote-informational",
                             G_CALLBACK (hypha_server_wrote_informational), self, 0);
}

/*
 * libsoup 3.2 never closes a connection that its client has left after an answer, so an answer ends
 * it. Only those who speak by posting keep theirs: with a connection for each of them the pieces of
 * a long message would come in too wild an order.
 */
static void
hypha_server_end_connection (SoupServerMessage *message)
{
  if (g_str_equal (g_uri_get_path (soup_server_message_get_uri (message)), "/rpc"))
    return;

  soup_message_headers_append (soup_server_message_get_response_headers (message), "Connection",
                               "close");
}

static void
hypha_server_got_headers (SoupServerMessage *message,
                          gpointer           data)
{
  HyphaServer *self = HYPHA_SERVER (data);
  g_autofree char *path = NULL;

  if (!hypha_server_got_head (self, soup_server_message_get_socket (message)))
    {
      hypha_server_refuse (self, message, SOUP_STATUS_SERVICE_UNAVAILABLE, "too many connections");
      return;
    }

  hypha_server_end_connection (message);
  hypha_server_expect_body (self, message);

  /* The query may hold a token, so it stays out. */
  path = hypha_error_quote (g_uri_get_path (soup_server_message_get_uri (message)));
  g_debug ("%s: %s %s", soup_server_message_get_remote_host (message),
           soup_server_message_get_method (message), path);

  if (!hypha_server_check_framing (self, message))
    return;

  if (!hypha_server_check_host (self, message) || !hypha_server_check_origin (self, message))
    return;

  if (!hypha_server_check_admission (self, message, hypha_server_is_upgrade (message)))
    return;

  if (hypha_server_is_upgrade (message))
    hypha_server_upgrade (self, message);
  else
    hypha_server_check_body (self, message);
}

void
hypha_server_request_started (HyphaServer       *self,
                              SoupServerMessage *message,
                              SoupServer        *soup)
{
  GSocket *socket = soup_server_message_get_socket (message);

  if (socket != NULL)
    hypha_server_expect_head (self, socket);
  g_signal_connect_object (message, "got-headers", G_CALLBACK (hypha_server_got_headers), self, 0);
}

void
hypha_server_request_ended (HyphaServer       *self,
                            SoupServerMessage *message,
                            SoupServer        *soup)
{
  hypha_server_forget_request (self, message);
  hypha_server_expect_request (self, soup_server_message_get_socket (message));
  hypha_server_check_stopped (self);
}
