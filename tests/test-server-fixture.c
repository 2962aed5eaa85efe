/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "test-server-fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test-link.h"

static void
accept_connection (HyphaServer     *server,
                   HyphaConnection *connection,
                   const char      *remote_address,
                   gpointer         data)
{
  ServerFixture *fixture = data;

  g_ptr_array_add (fixture->connections, g_object_ref (connection));
}

static void
handle_request (SoupServer        *soup,
                SoupServerMessage *message,
                const char        *path,
                GHashTable        *query,
                gpointer           data)
{
  ServerFixture *fixture = data;

  fixture->n_handled++;
  fixture->body_size = (gsize) soup_server_message_get_request_body (message)->length;
  soup_server_message_set_status (message, SOUP_STATUS_OK, NULL);
  soup_server_message_set_response (message, "text/plain", SOUP_MEMORY_STATIC, "hello", 5);
}

void
server_fixture_set_up (ServerFixture *fixture,
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

/* Begins to stop; the flag, for test_wait_flag(), is set when it is done. */
void
server_stop (HyphaServer *server,
             gboolean    *stopped)
{
  hypha_server_stop_async (server, NULL, on_stopped, stopped);
}

void
server_fixture_stop (ServerFixture *fixture)
{
  fixture->stopping = TRUE;
  server_stop (fixture->server, &fixture->stopped);
}

void
server_fixture_tear_down (ServerFixture *fixture,
                          gconstpointer  data)
{
  if (!fixture->stopping)
    server_fixture_stop (fixture);
  g_assert_true (test_wait_flag (&fixture->stopped));
  g_ptr_array_unref (fixture->connections);
  g_assert_finalize_object (fixture->server);
}

/* Reads what there is; TRUE when the head of the answer, or the end, has come. */
gboolean
raw_poll (gpointer data)
{
  RawClient *client = data;
  char buffer[4096];
  gssize n = recv (client->fd, buffer, sizeof buffer, MSG_DONTWAIT);

  if (n > 0)
    g_string_append_len (client->answer, buffer, n);
  if (n == 0 || (n < 0 && errno != EAGAIN))
    client->eof = TRUE;

  return client->eof || strstr (client->answer->str, "\r\n\r\n") != NULL;
}

gboolean
raw_at_eof (gpointer data)
{
  raw_poll (data);
  return ((RawClient *) data)->eof;
}

/* Polls the client as the server takes its turns. */
void
raw_wait (RawClient     *client,
          TestCondition  condition)
{
  g_assert_true (test_poll (condition, client));
}

guint
raw_get_status (RawClient *client)
{
  guint status = 0;

  g_assert_cmpint (sscanf (client->answer->str, "HTTP/1.%*d %u", &status), ==, 1);
  return status;
}

void
raw_clear (RawClient *client)
{
  close (client->fd);
  g_string_free (client->answer, TRUE);
}

void
raw_open (RawClient  *client,
          guint       port,
          const char *request)
{
  client->fd = link_connect (port);
  client->answer = g_string_new (NULL);
  client->eof = FALSE;
  g_assert_cmpint (send (client->fd, request, strlen (request), MSG_NOSIGNAL), ==,
                   strlen (request));
}

/* After the server has switched protocols. */
void
raw_open_websocket (RawClient *client,
                    guint      port)
{
  raw_open (client, port, "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  raw_wait (client, raw_poll);
  g_assert_cmpuint (raw_get_status (client), ==, 101);
}

/* Sends all of it while the server takes its turns; FALSE if the server has hung up. */
gboolean
raw_send_some (RawClient  *client,
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

/* The status of the answer to a request. */
guint
server_ask (ServerFixture *fixture,
            const char    *request)
{
  g_auto (RawClient) client = { 0 };

  raw_open (&client, fixture->port, request);
  raw_wait (&client, raw_poll);
  return raw_get_status (&client);
}

guint
server_ask_with (ServerFixture *fixture,
                 const char    *path,
                 const char    *host,
                 const char    *origin,
                 gboolean       upgrade)
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
  return server_ask (fixture, request->str);
}
