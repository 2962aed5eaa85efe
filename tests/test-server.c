/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hypha-server-internal-private.h"
#include "hypha-site-private.h"
#include "test-link.h"
#include "test-utils.h"

typedef struct
{
  HyphaServer *server;
  GPtrArray   *connections;
  guint        port;
  guint        n_handled;
  gsize        body_size;
  gboolean     stopping;
  gboolean     stopped;
} Fixture;

static void
accept_connection (HyphaServer     *server,
                   HyphaConnection *connection,
                   const char      *remote_address,
                   gpointer         data)
{
  Fixture *fixture = data;

  g_ptr_array_add (fixture->connections, g_object_ref (connection));
}

static void
handle_request (SoupServer        *soup,
                SoupServerMessage *message,
                const char        *path,
                GHashTable        *query,
                gpointer           data)
{
  Fixture *fixture = data;

  fixture->n_handled++;
  fixture->body_size = (gsize) soup_server_message_get_request_body (message)->length;
  soup_server_message_set_status (message, SOUP_STATUS_OK, NULL);
  soup_server_message_set_response (message, "text/plain", SOUP_MEMORY_STATIC, "hello", 5);
}

static void
fixture_set_up (Fixture       *fixture,
                gconstpointer  host)
{
  g_autoptr (GError) error = NULL;

  fixture->server = hypha_server_new ();
  fixture->connections = g_ptr_array_new_with_free_func (g_object_unref);
  hypha_server_set_accept (fixture->server, accept_connection, fixture);
  soup_server_add_handler (hypha_server_get_soup (fixture->server), "/hello", handle_request,
                           fixture, NULL);
  g_assert_cmpuint (hypha_server_get_port (fixture->server), ==, 0);
  g_assert_true (hypha_server_listen (fixture->server, host != NULL ? host : "127.0.0.1", 0,
                                      &error));
  g_assert_no_error (error);
  fixture->port = hypha_server_get_port (fixture->server);
  g_assert_cmpuint (fixture->port, !=, 0);
}

static void
on_stopped (GObject      *object,
            GAsyncResult *result,
            gpointer      data)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (hypha_server_stop_finish (HYPHA_SERVER (object), result, &error));
  g_assert_no_error (error);
  *(gboolean *) data = TRUE;
}

static void
fixture_stop (Fixture *fixture)
{
  fixture->stopping = TRUE;
  hypha_server_stop_async (fixture->server, NULL, on_stopped, &fixture->stopped);
}

static void
fixture_tear_down (Fixture       *fixture,
                   gconstpointer  data)
{
  if (!fixture->stopping)
    fixture_stop (fixture);
  g_assert_true (test_wait_flag (&fixture->stopped));
  g_ptr_array_unref (fixture->connections);
  g_object_unref (fixture->server);
}

/* A raw HTTP client: what it sends, and all that it got until the server closed or was done. */
typedef struct
{
  int      fd;
  GString *answer;
  gboolean eof;
} Client;

static gboolean
client_poll (gpointer data)
{
  Client *client = data;
  char buffer[4096];
  gssize n = recv (client->fd, buffer, sizeof buffer, MSG_DONTWAIT);

  if (n > 0)
    g_string_append_len (client->answer, buffer, n);
  if (n == 0 || (n < 0 && errno != EAGAIN))
    client->eof = TRUE;

  return client->eof || strstr (client->answer->str, "\r\n\r\n") != NULL;
}

static gboolean
tick (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

/* Polls the client as the server takes its turns. */
static void
client_wait (Client        *client,
             TestCondition  condition)
{
  guint id = g_timeout_add (1, tick, NULL);

  g_assert_true (test_wait (condition, client));
  g_source_remove (id);
}

static guint
client_get_status (Client *client)
{
  guint status = 0;

  g_assert_cmpint (sscanf (client->answer->str, "HTTP/1.%*d %u", &status), ==, 1);
  return status;
}

static void
client_clear (Client *client)
{
  close (client->fd);
  g_string_free (client->answer, TRUE);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Client, client_clear)

static void
client_open (Client     *client,
             Fixture    *fixture,
             const char *request)
{
  client->fd = link_connect (fixture->port);
  client->answer = g_string_new (NULL);
  client->eof = FALSE;
  g_assert_cmpint (send (client->fd, request, strlen (request), MSG_NOSIGNAL), ==,
                   strlen (request));
}

static gboolean
client_is_over (gpointer data)
{
  client_poll (data);
  return ((Client *) data)->eof;
}

static guint
ask (Fixture    *fixture,
     const char *request)
{
  g_auto (Client) client = { 0 };

  client_open (&client, fixture, request);
  client_wait (&client, client_poll);
  return client_get_status (&client);
}

static guint
ask_with (Fixture    *fixture,
          const char *path,
          const char *host,
          const char *origin,
          gboolean    upgrade)
{
  g_autoptr (GString) request = g_string_new (NULL);

  g_string_printf (request, "GET %s HTTP/1.1\r\nHost: %s\r\n", path, host);
  if (origin != NULL)
    g_string_append_printf (request, "Origin: %s\r\n", origin);
  if (upgrade)
    g_string_append (request, "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                              "Sec-WebSocket-Version: 13\r\n");
  g_string_append (request, "\r\n");
  return ask (fixture, request->str);
}

static void
test_server_host (Fixture       *fixture,
                  gconstpointer  data)
{
  static const char *const ours[] = { "127.0.0.1", "127.0.0.1:9", "localhost", "LocalHost:1",
                                      "localhost.", "[::1]:80", "app.localhost", "127.9.9.9",
                                      "hypha.example.org", "Hypha.Example.Org:443" };
  static const char *const others[] = { "evil.example", "localhost.evil.example", "10.0.0.1",
                                        "127.0.0.1.evil.example", "x@localhost", "[::2]",
                                        "localhost:0", "localhost:x", "[::1", "127.0.0.1:80:80",
                                        "%6cocalhost", "" };

  hypha_server_allow_host (fixture->server, "hypha.example.org");
  for (gsize i = 0; i < G_N_ELEMENTS (ours); i++)
    {
      g_assert_cmpuint (ask_with (fixture, "/hello", ours[i], NULL, FALSE), ==, 200);
      g_assert_cmpuint (ask_with (fixture, "/ws", ours[i], NULL, TRUE), ==, 101);
    }

  fixture->n_handled = 0;
  g_ptr_array_set_size (fixture->connections, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
    {
      guint status = ask_with (fixture, "/hello", others[i], NULL, FALSE);

      /* libsoup itself does not take some of them for a host. */
      g_assert_true (status == 421 || status == 400);
      status = ask_with (fixture, "/ws", others[i], NULL, TRUE);
      g_assert_true (status == 421 || status == 400);
    }

  g_assert_cmpuint (fixture->n_handled, ==, 0);
  g_assert_cmpuint (fixture->connections->len, ==, 0);
}

static void
test_server_host_any_address (Fixture       *fixture,
                              gconstpointer  data)
{
  g_assert_cmpuint (ask_with (fixture, "/hello", "192.0.2.7:1234", NULL, FALSE), ==, 200);
  g_assert_cmpuint (ask_with (fixture, "/hello", "[2001:db8::1]", NULL, FALSE), ==, 200);
  g_assert_cmpuint (ask_with (fixture, "/hello", "evil.example", NULL, FALSE), ==, 421);
}

static void
test_server_origin (Fixture       *fixture,
                    gconstpointer  data)
{
  static const char *const good[] = { "http://localhost:3000", "http://127.0.0.1", "http://[::1]:8",
                                      "https://localhost", "https://app.example.org",
                                      "HTTPS://App.example.org:443", "http://site.example:8080" };
  static const char *const bad[] = { "null", "http://evil.example", "http://localhost.evil.example",
                                     "http://app.example.org", "https://app.example.org:444",
                                     "http://site.example", "http://site.example:8081",
                                     "http://localhost@evil.example", "ftp://localhost",
                                     "http://", "file://", "https://app.example.org/x" };

  hypha_server_allow_host (fixture->server, "site.example");
  hypha_server_allow_origin (fixture->server, "https://App.Example.org");
  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_assert_cmpuint (ask_with (fixture, "/hello", "site.example:8080", good[i], FALSE), ==, 200);
      g_assert_cmpuint (ask_with (fixture, "/ws", "site.example:8080", good[i], TRUE), ==, 101);
    }

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_assert_cmpuint (ask_with (fixture, "/hello", "site.example:8080", bad[i], FALSE), ==, 403);
      g_assert_cmpuint (ask_with (fixture, "/ws", "site.example:8080", bad[i], TRUE), ==, 403);
      g_assert_false (hypha_server_origin_allowed (fixture->server, bad[i]));
    }

  g_assert_true (hypha_server_origin_allowed (fixture->server, "https://app.example.org"));
  g_assert_cmpuint (fixture->connections->len, ==, G_N_ELEMENTS (good));
}

static void
test_server_paths (Fixture       *fixture,
                   gconstpointer  data)
{
  g_assert_cmpuint (ask_with (fixture, "/ws?token=y", "localhost", NULL, TRUE), ==, 101);
  g_assert_cmpuint (ask_with (fixture, "/", "localhost", NULL, TRUE), ==, 404);
  g_assert_cmpuint (ask_with (fixture, "/ws/", "localhost", NULL, TRUE), ==, 404);
  g_assert_cmpuint (ask_with (fixture, "/ws/other", "localhost", NULL, TRUE), ==, 404);
  g_assert_cmpuint (ask_with (fixture, "/hello", "localhost", NULL, TRUE), ==, 404);
  g_assert_cmpuint (ask_with (fixture, "/nothing", "localhost", NULL, FALSE), ==, 404);
  g_assert_cmpuint (ask_with (fixture, "/ws", "localhost", NULL, FALSE), ==, 404);
  g_assert_cmpuint (fixture->connections->len, ==, 1);
}

static void
test_server_bad_handshake (Fixture       *fixture,
                           gconstpointer  data)
{
  static const char *const requests[] = {
    "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 12\r\n\r\n",
    "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "POST /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Content-Length: 0\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (requests); i++)
    g_assert_cmpuint (ask (fixture, requests[i]), ==, 400);
  g_assert_cmpuint (fixture->connections->len, ==, 0);
}

/* The first frame comes in the same packet as the request: libsoup has read it, and gives it up. */
static gboolean
has_connection (gpointer data)
{
  return ((Fixture *) data)->connections->len > 0;
}

static void
count_message (HyphaConnection *connection,
               HyphaFrameType   type,
               GBytes          *bytes,
               gpointer         data)
{
  g_string_append_len (data, g_bytes_get_data (bytes, NULL), (gssize) g_bytes_get_size (bytes));
}

static gboolean
string_is_full (gpointer data)
{
  return ((GString *) data)->len >= 3 * 20000;
}

static void
test_server_early_frames (Fixture       *fixture,
                          gconstpointer  data)
{
  g_auto (Client) client = { 0 };
  g_autoptr (GString) received = g_string_new (NULL);
  g_autoptr (GString) request = g_string_new (NULL);
  g_autofree char *payload = g_strnfill (20000, 'x');

  g_string_append (request, "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  for (int i = 0; i < 3; i++)
    {
      g_autoptr (GBytes) frame = link_make_frame (0x81, payload, 20000);

      g_string_append_len (request, g_bytes_get_data (frame, NULL),
                           (gssize) g_bytes_get_size (frame));
    }

  client.fd = link_connect (fixture->port);
  client.answer = g_string_new (NULL);
  g_assert_cmpint (send (client.fd, request->str, request->len, 0), ==, request->len);
  g_assert_true (test_wait (has_connection, fixture));
  g_signal_connect (fixture->connections->pdata[0], "message", G_CALLBACK (count_message),
                    received);
  g_assert_true (test_wait (string_is_full, received));
  g_assert_cmpuint (received->len, ==, 60000);
}

static void
test_server_taken_port (Fixture       *fixture,
                        gconstpointer  data)
{
  g_autoptr (HyphaServer) second = hypha_server_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *expected =
    g_strdup_printf ("cannot listen on 127.0.0.1 port %u: another program uses the port",
                     fixture->port);

  g_assert_false (hypha_server_listen (second, "127.0.0.1", fixture->port, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_ALREADY_EXISTS);
  g_assert_cmpstr (error->message, ==, expected);
  g_assert_cmpuint (hypha_server_get_port (second), ==, 0);
}

static void
test_server_bad_host (void)
{
  g_autoptr (HyphaServer) server = hypha_server_new ();
  g_autoptr (GError) error = NULL;

  g_assert_false (hypha_server_listen (server, "192.0.2.1", 0, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_FAILED);
  g_assert_true (g_str_has_prefix (error->message, "cannot listen on 192.0.2.1 port 0: "));
}

static void
open_websocket (Fixture *fixture,
                Client  *client)
{
  client_open (client, fixture, "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                                "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  client_wait (client, client_poll);
  g_assert_cmpuint (client_get_status (client), ==, 101);
}

static void
on_socket_freed (gpointer  data,
                 GObject  *socket)
{
  ++*(guint *) data;
}

static void
on_request_started (SoupServer        *soup,
                    SoupServerMessage *message,
                    guint             *n_freed)
{
  GObject *socket = G_OBJECT (soup_server_message_get_socket (message));

  /* Further requests on it come later. */
  if (g_object_get_data (socket, "test-watched") != NULL)
    return;

  g_object_set_data (socket, "test-watched", socket);
  g_object_weak_ref (socket, on_socket_freed, n_freed);
}

static gboolean
three_are_freed (gpointer data)
{
  return *(guint *) data == 3;
}

/* A connection that is over costs nothing, whether it was a WebSocket, a request, or nothing. */
static void
test_server_frees_sockets (Fixture       *fixture,
                           gconstpointer  data)
{
  guint n_freed = 0;
  Client silent = { 0 };

  g_signal_connect (hypha_server_get_soup (fixture->server), "request-started",
                    G_CALLBACK (on_request_started), &n_freed);
  g_assert_cmpuint (ask_with (fixture, "/ws", "localhost", NULL, TRUE), ==, 101);
  g_assert_cmpuint (ask_with (fixture, "/hello", "localhost", NULL, FALSE), ==, 200);
  client_open (&silent, fixture, "");
  client_clear (&silent);
  g_assert_cmpuint (fixture->connections->len, ==, 1);
  hypha_connection_close (fixture->connections->pdata[0], HYPHA_CLOSE_NORMAL, NULL);
  g_ptr_array_set_size (fixture->connections, 0);
  g_assert_true (test_wait (three_are_freed, &n_freed));
}

static gboolean
one_is_left (gpointer data)
{
  return hypha_server_get_n_connections (((Fixture *) data)->server) == 1;
}

static void
test_server_max_connections (Fixture       *fixture,
                             gconstpointer  data)
{
  g_auto (Client) first = { 0 };
  g_auto (Client) second = { 0 };

  g_assert_cmpuint (HYPHA_SERVER_MAX_CONNECTIONS, ==, 10000);
  hypha_server_set_max_connections (fixture->server, 2);
  open_websocket (fixture, &first);
  open_websocket (fixture, &second);
  g_assert_cmpuint (ask_with (fixture, "/ws", "localhost", NULL, TRUE), ==, 503);
  g_assert_cmpuint (ask_with (fixture, "/hello", "localhost", NULL, FALSE), ==, 200);

  /* One goes, and there is room again. */
  hypha_connection_close (fixture->connections->pdata[0], HYPHA_CLOSE_NORMAL, NULL);
  shutdown (first.fd, SHUT_RDWR);
  g_assert_true (test_wait (one_is_left, fixture));
  g_assert_cmpuint (ask_with (fixture, "/ws", "localhost", NULL, TRUE), ==, 101);
}

static void
test_server_max_body_declared (Fixture       *fixture,
                               gconstpointer  data)
{
  g_auto (Client) client = { 0 };
  g_autofree char *request =
    g_strdup_printf ("POST /hello HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
                     "Content-Length: %" G_GSIZE_FORMAT "\r\n\r\n", HYPHA_SERVER_MAX_BODY + 1);

  client_open (&client, fixture, request);
  client_wait (&client, client_poll);
  g_assert_cmpuint (client_get_status (&client), ==, 413);
  g_assert_cmpuint (fixture->n_handled, ==, 0);
}

static gboolean
client_send_some (Client     *client,
                  const char *data,
                  gsize       size)
{
  gint64 deadline = g_get_monotonic_time () + TEST_DEADLINE * G_TIME_SPAN_SECOND;

  while (size > 0)
    {
      gssize n = send (client->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);

      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      if (n < 0 && errno != EAGAIN)
        return FALSE;

      if (n > 0)
        {
          data += n;
          size -= (gsize) n;
        }

      g_main_context_iteration (NULL, FALSE);
    }

  return TRUE;
}

/* A request that a proxy in front may read otherwise is refused before its body is there. */
static void
test_server_framing (Fixture       *fixture,
                     gconstpointer  data)
{
  static const char *const heads[] = {
    "/hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 30\r\nTransfer-Encoding: chunked",
    "/hello HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 30",
    "/hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 30",
    "/hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 30\r\ncontent-length: 3",
    "/hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: +30",
    "/hello HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "/hello HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: identity",
    "/hello HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked",
    "/hello HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nContent-Length: 30",
    "/hello HTTP/1.1\r\nHost: localhost\r\nHost: localhost",
    "/rpc HTTP/1.1\r\nHost: localhost\r\nContent-Length: 30\r\nTransfer-Encoding: chunked",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (heads); i++)
    {
      g_auto (Client) client = { 0 };
      g_autofree char *request = g_strdup_printf ("POST %s\r\n\r\n0\r\n\r\nGET /hello", heads[i]);

      g_test_message ("%s", heads[i]);
      test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*request refused: *");
      client_open (&client, fixture, request);
      client_wait (&client, client_is_over);
      g_assert_cmpuint (client_get_status (&client), ==, 400);
      g_assert_nonnull (strstr (client.answer->str, "\r\nConnection: close\r\n"));
      g_assert_nonnull (strstr (client.answer->str, "\r\n\r\n{\"success\":false,\"detail\":\""));
      g_assert_true (g_str_has_suffix (client.answer->str, "\"}"));
    }

  g_assert_cmpuint (fixture->n_handled, ==, 0);
  test_assert_expected_logs ();
}

/* A body without a length: what is over the limit is not kept, and does not go on for ever. */
static void
test_server_max_body (Fixture       *fixture,
                      gconstpointer  data)
{
  enum { MEGABYTE = 1024 * 1024, N = HYPHA_SERVER_MAX_BODY / MEGABYTE };
  g_auto (Client) client = { 0 };
  g_autofree char *chunk = g_strnfill (MEGABYTE + 10, 'x');
  gsize before = link_get_rss ();
  guint i;

  memcpy (chunk, "100000\r\n", 8);
  memcpy (chunk + MEGABYTE + 8, "\r\n", 2);
  client_open (&client, fixture, "POST /hello HTTP/1.1\r\nHost: localhost\r\n"
                                 "Transfer-Encoding: chunked\r\n\r\n");
  for (i = 0; i < N + 2; i++)
    g_assert_true (client_send_some (&client, chunk, MEGABYTE + 10));

  /* Over the limit: the memory of what came before is free again, as far as the allocator says. */
  g_assert_cmpuint (fixture->n_handled, ==, 0);
  for (; i < 3 * N && client_send_some (&client, chunk, MEGABYTE + 10); i++)
    ;
  g_assert_cmpuint (i, <, 3 * N);
  g_assert_cmpuint (fixture->n_handled, ==, 0);
  g_assert_cmpuint (link_get_rss (), <, before + HYPHA_SERVER_MAX_BODY + HYPHA_SERVER_MAX_BODY / 2);
}

static gboolean
one_byte_is_left (gpointer data)
{
  HyphaServer *server = ((Fixture *) data)->server;

  return server->bodies + 1 == server->max_bodies;
}

static gboolean
no_body_is_left (gpointer data)
{
  return ((Fixture *) data)->server->bodies == 0;
}

/* One request has all the room but a byte; another is refused until it is through. */
static void
test_server_max_bodies (Fixture       *fixture,
                        gconstpointer  data)
{
  g_auto (Client) first = { 0 };
  g_auto (Client) second = { 0 };
  g_auto (Client) third = { 0 };
  g_autofree char *body = g_strnfill (100000, 'x');
  const char *request = "POST /hello HTTP/1.1\r\nHost: localhost\r\n"
                        "Content-Length: 100000\r\n\r\n";

  g_assert_cmpuint (HYPHA_SERVER_MAX_BODIES, ==, 256 * 1024 * 1024);
  hypha_server_set_max_bodies (fixture->server, 100000);
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*request refused: the bodies of all*");
  client_open (&first, fixture, request);
  g_assert_true (client_send_some (&first, body, 99999));
  g_assert_true (test_wait (one_byte_is_left, fixture));
  client_open (&second, fixture, request);
  g_assert_true (client_send_some (&second, body, 100000));
  client_wait (&second, client_poll);
  g_assert_cmpuint (client_get_status (&second), ==, 503);
  g_assert_nonnull (strstr (second.answer->str, "Retry-After: 1\r\n"));
  g_assert_cmpuint (fixture->n_handled, ==, 0);

  /* What was refused has given back its share, so the first one has room for its last byte. */
  g_assert_true (client_send_some (&first, body, 1));
  client_wait (&first, client_poll);
  g_assert_cmpuint (client_get_status (&first), ==, 200);
  g_assert_cmpuint (fixture->body_size, ==, 100000);

  client_open (&third, fixture, request);
  g_assert_true (client_send_some (&third, body, 100000));
  client_wait (&third, client_poll);
  g_assert_cmpuint (client_get_status (&third), ==, 200);
  g_assert_true (test_wait (no_body_is_left, fixture));
  test_assert_expected_logs ();
}

static void
test_server_body_within_limit (Fixture       *fixture,
                               gconstpointer  data)
{
  g_auto (Client) client = { 0 };
  g_autofree char *body = g_strnfill (1000000, 'x');

  client_open (&client, fixture, "POST /hello HTTP/1.1\r\nHost: localhost\r\n"
                                 "Content-Length: 1000000\r\n\r\n");
  g_assert_true (client_send_some (&client, body, 1000000));
  client_wait (&client, client_poll);
  g_assert_cmpuint (client_get_status (&client), ==, 200);
  g_assert_cmpuint (fixture->body_size, ==, 1000000);
}

static void
test_server_file_limit (Fixture       *fixture,
                        gconstpointer  data)
{
  struct rlimit limit;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  g_assert_cmpuint (limit.rlim_cur, ==, limit.rlim_max);
}

static void
test_server_localhost (Fixture       *fixture,
                       gconstpointer  data)
{
  g_assert_cmpuint (ask_with (fixture, "/hello", "localhost", NULL, FALSE), ==, 200);
  g_assert_cmpuint (ask_with (fixture, "/ws", "localhost", NULL, TRUE), ==, 101);
}

static gboolean
client_has_ping (gpointer data)
{
  Client *client = data;

  client_poll (client);
  return memmem (client->answer->str, client->answer->len, "\r\n\r\n\x89\0", 6) != NULL;
}

/* WebSockets get the server's keep-alive. */
static void
test_server_keep_alive (Fixture       *fixture,
                        gconstpointer  data)
{
  g_auto (Client) client = { 0 };

  hypha_server_set_keep_alive (fixture->server, 100);
  open_websocket (fixture, &client);
  client_wait (&client, client_has_ping);
  g_assert_false (client.eof);
}

/* Stopping: refused at the door at once, 1001 for who is in, done when they have answered. */
static gboolean
client_has_close (gpointer data)
{
  Client *client = data;

  client_poll (client);
  return client->eof ||
         memmem (client->answer->str, client->answer->len, "Server shutting down", 20) != NULL;
}

static gboolean
client_at_eof (gpointer data)
{
  client_poll (data);
  return ((Client *) data)->eof;
}

static void
test_server_stop (Fixture       *fixture,
                  gconstpointer  data)
{
  g_auto (Client) client = { 0 };
  g_autoptr (GBytes) answer = link_make_frame (0x88, "\x03\xe9", 2);
  gint64 start = g_get_monotonic_time ();

  open_websocket (fixture, &client);
  fixture_stop (fixture);
  client_wait (&client, client_has_close);
  g_assert_false (client.eof);
  g_assert_false (fixture->stopped);
  g_assert_nonnull (memmem (client.answer->str, client.answer->len,
                            "\x88\x16\x03\xe9Server shutting down", 24));

  g_assert_cmpint (send (client.fd, g_bytes_get_data (answer, NULL), g_bytes_get_size (answer), 0),
                   ==, g_bytes_get_size (answer));
  client_wait (&client, client_at_eof);
  shutdown (client.fd, SHUT_WR);
  g_assert_true (test_wait_flag (&fixture->stopped));
  g_assert_cmpint (g_get_monotonic_time () - start, <, 2 * G_TIME_SPAN_SECOND);
  g_assert_cmpuint (hypha_server_get_port (fixture->server), ==, 0);
  g_assert_true (hypha_connection_is_closed (fixture->connections->pdata[0]));
}

static void
test_server_stop_refuses_new (Fixture       *fixture,
                              gconstpointer  data)
{
  g_auto (Client) client = { 0 };
  g_autoptr (HyphaServer) second = hypha_server_new ();
  g_autoptr (GError) error = NULL;

  open_websocket (fixture, &client);
  fixture_stop (fixture);

  /* The port is free although the last peer has not answered yet. */
  g_assert_true (hypha_server_listen (second, "127.0.0.1", fixture->port, &error));
  g_assert_no_error (error);
  g_assert_false (fixture->stopped);
}

/* A peer that does not answer holds it up, but not for ever. */
static void
test_server_stop_timeout (Fixture       *fixture,
                          gconstpointer  data)
{
  g_auto (Client) client = { 0 };
  gint64 start;

  open_websocket (fixture, &client);
  start = g_get_monotonic_time ();
  fixture_stop (fixture);
  g_assert_true (test_wait_flag (&fixture->stopped));
  g_assert_cmpint (g_get_monotonic_time () - start, <,
                   (HYPHA_SERVER_STOP_TIMEOUT + 1000) * G_TIME_SPAN_MILLISECOND);
  g_assert_cmpuint (hypha_server_get_n_connections (fixture->server), ==, 0);
}

static void
on_stop_refused (GObject      *object,
                 GAsyncResult *result,
                 gpointer      data)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (hypha_server_stop_finish (HYPHA_SERVER (object), result, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY);
  *(gboolean *) data = TRUE;
}

static void
test_server_stop_twice (Fixture       *fixture,
                        gconstpointer  data)
{
  gboolean refused = FALSE;

  fixture_stop (fixture);
  hypha_server_stop_async (fixture->server, NULL, on_stop_refused, &refused);
  g_assert_true (test_wait_flag (&refused));
}

static void
test_server_dies_before_connections (void)
{
  Fixture fixture = { 0 };
  g_auto (Client) client = { 0 };

  fixture_set_up (&fixture, NULL);
  open_websocket (&fixture, &client);
  g_object_unref (fixture.server);
  g_assert_false (hypha_connection_is_closed (fixture.connections->pdata[0]));
  g_ptr_array_unref (fixture.connections);
  client_wait (&client, client_at_eof);
}

static guint
make_wait (HyphaServer *server,
           const char  *remote_address,
           gpointer     data)
{
  g_assert_cmpstr (remote_address, ==, "127.0.0.1");
  return *(guint *) data;
}

/* Who has guessed too often: a socket may come back, a request with credentials too, others stay. */
static void
test_server_admission (Fixture       *fixture,
                       gconstpointer  data)
{
  const char *request = "GET /hello HTTP/1.1\r\nHost: localhost\r\n"
                        "Authorization: Bearer x\r\n\r\n";
  g_auto (Client) client = { 0 };
  guint wait = 7;

  hypha_server_set_admission (fixture->server, make_wait, &wait);
  g_assert_cmpuint (ask (fixture, request), ==, 429);
  g_assert_cmpuint (ask_with (fixture, "/hello?reconnection_token=x", "localhost", NULL, FALSE), ==,
                    429);
  g_assert_cmpuint (ask_with (fixture, "/ws", "localhost", NULL, TRUE), ==, 503);
  g_assert_cmpuint (ask_with (fixture, "/hello", "localhost", NULL, FALSE), ==, 200);

  client.fd = link_connect (fixture->port);
  client.answer = g_string_new (NULL);
  g_assert_cmpint (send (client.fd, request, strlen (request), 0), >, 0);
  g_assert_true (test_wait (client_poll, &client));
  g_assert_nonnull (strstr (client.answer->str, "Retry-After: 7\r\n"));

  wait = 0;
  g_assert_cmpuint (ask (fixture, request), ==, 200);
  g_assert_cmpuint (ask_with (fixture, "/ws", "localhost", NULL, TRUE), ==, 101);
  hypha_server_set_admission (fixture->server, NULL, NULL);
}

static void
add_test (const char *name,
          void      (*func) (Fixture *, gconstpointer))
{
  g_autofree char *path = g_strconcat ("/net/server/", name, NULL);

  g_test_add (path, Fixture, NULL, fixture_set_up, func, fixture_tear_down);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  add_test ("host", test_server_host);
  g_test_add ("/net/server/host-any-address", Fixture, "0.0.0.0", fixture_set_up,
              test_server_host_any_address, fixture_tear_down);
  add_test ("origin", test_server_origin);
  add_test ("paths", test_server_paths);
  add_test ("bad-handshake", test_server_bad_handshake);
  add_test ("early-frames", test_server_early_frames);
  add_test ("taken-port", test_server_taken_port);
  g_test_add_func ("/net/server/bad-host", test_server_bad_host);
  add_test ("frees-sockets", test_server_frees_sockets);
  add_test ("max-connections", test_server_max_connections);
  add_test ("admission", test_server_admission);
  add_test ("framing", test_server_framing);
  add_test ("max-body", test_server_max_body);
  add_test ("max-bodies", test_server_max_bodies);
  add_test ("max-body-declared", test_server_max_body_declared);
  add_test ("body-within-limit", test_server_body_within_limit);
  g_test_add ("/net/server/localhost", Fixture, "localhost", fixture_set_up,
              test_server_localhost, fixture_tear_down);
  add_test ("keep-alive", test_server_keep_alive);
  add_test ("file-limit", test_server_file_limit);
  add_test ("stop", test_server_stop);
  add_test ("stop-refuses-new", test_server_stop_refuses_new);
  add_test ("stop-timeout", test_server_stop_timeout);
  add_test ("stop-twice", test_server_stop_twice);
  g_test_add_func ("/net/server/dies-before-connections", test_server_dies_before_connections);

  return g_test_run ();
}
