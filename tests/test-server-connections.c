/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>
#include <sys/socket.h>

#include "test-link.h"
#include "test-server-fixture.h"
#include "test-utils.h"

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
test_server_frees_sockets (ServerFixture *fixture,
                           gconstpointer  data)
{
  guint n_freed = 0;
  RawClient silent = { 0 };

  g_signal_connect (hypha_server_get_soup (fixture->server), "request-started",
                    G_CALLBACK (on_request_started), &n_freed);
  g_assert_cmpuint (server_ask_with (fixture, "/ws", "localhost", NULL, TRUE), ==, 101);
  g_assert_cmpuint (server_ask_with (fixture, "/hello", "localhost", NULL, FALSE), ==, 200);
  raw_open (&silent, fixture->port, "");
  raw_clear (&silent);
  g_assert_cmpuint (fixture->connections->len, ==, 1);
  hypha_connection_close (fixture->connections->pdata[0], HYPHA_CLOSE_NORMAL, NULL);
  g_ptr_array_set_size (fixture->connections, 0);
  g_assert_true (test_wait (three_are_freed, &n_freed));
}

static gboolean
one_is_left (gpointer data)
{
  return hypha_server_get_n_connections (((ServerFixture *) data)->server) == 1;
}

static void
test_server_max_connections (ServerFixture *fixture,
                             gconstpointer  data)
{
  g_auto (RawClient) first = { 0 };
  g_auto (RawClient) second = { 0 };

  g_assert_cmpuint (HYPHA_SERVER_MAX_CONNECTIONS, ==, 10000);
  hypha_server_set_max_connections (fixture->server, 2);
  raw_open_websocket (&first, fixture->port);
  raw_open_websocket (&second, fixture->port);
  g_assert_cmpuint (server_ask_with (fixture, "/ws", "localhost", NULL, TRUE), ==, 503);
  g_assert_cmpuint (server_ask_with (fixture, "/hello", "localhost", NULL, FALSE), ==, 200);

  /* One goes, and there is room again. */
  hypha_connection_close (fixture->connections->pdata[0], HYPHA_CLOSE_NORMAL, NULL);
  shutdown (first.fd, SHUT_RDWR);
  g_assert_true (test_wait (one_is_left, fixture));
  g_assert_cmpuint (server_ask_with (fixture, "/ws", "localhost", NULL, TRUE), ==, 101);
}

static gboolean
raw_has_ping (gpointer data)
{
  RawClient *client = data;

  raw_poll (client);
  return memmem (client->answer->str, client->answer->len, "\r\n\r\n\x89\0", 6) != NULL;
}

/* WebSockets get the server's keep-alive. */
static void
test_server_keep_alive (ServerFixture *fixture,
                        gconstpointer  data)
{
  g_auto (RawClient) client = { 0 };

  hypha_server_set_keep_alive (fixture->server, 100);
  raw_open_websocket (&client, fixture->port);
  raw_wait (&client, raw_has_ping);
  g_assert_false (client.eof);
}

/* Stopping: refused at the door at once, 1001 for who is in, done when they have answered. */
static gboolean
raw_has_close (gpointer data)
{
  RawClient *client = data;

  raw_poll (client);
  return client->eof ||
         memmem (client->answer->str, client->answer->len, "Server shutting down", 20) != NULL;
}

static void
test_server_stop (ServerFixture *fixture,
                  gconstpointer  data)
{
  g_auto (RawClient) client = { 0 };
  g_autoptr (GBytes) answer = link_make_frame (0x88, "\x03\xe9", 2);
  gint64 start = g_get_monotonic_time ();

  raw_open_websocket (&client, fixture->port);
  server_fixture_stop (fixture);
  raw_wait (&client, raw_has_close);
  g_assert_false (client.eof);
  g_assert_false (fixture->stopped);
  g_assert_nonnull (memmem (client.answer->str, client.answer->len,
                            "\x88\x16\x03\xe9Server shutting down", 24));

  g_assert_cmpint (send (client.fd, g_bytes_get_data (answer, NULL), g_bytes_get_size (answer), 0),
                   ==, g_bytes_get_size (answer));
  raw_wait (&client, raw_at_eof);
  shutdown (client.fd, SHUT_WR);
  g_assert_true (test_wait_flag (&fixture->stopped));
  g_assert_cmpint (g_get_monotonic_time () - start, <, 2 * G_TIME_SPAN_SECOND);
  g_assert_cmpuint (hypha_server_get_port (fixture->server), ==, 0);
  g_assert_true (hypha_connection_is_closed (fixture->connections->pdata[0]));
}

static void
test_server_stop_refuses_new (ServerFixture *fixture,
                              gconstpointer  data)
{
  g_auto (RawClient) client = { 0 };
  g_autoptr (HyphaServer) second = hypha_server_new ();
  g_autoptr (GError) error = NULL;

  raw_open_websocket (&client, fixture->port);
  server_fixture_stop (fixture);

  /* The port is free although the last peer has not answered yet. */
  g_assert_true (hypha_server_listen (second, "127.0.0.1", fixture->port, &error));
  g_assert_no_error (error);
  g_assert_false (fixture->stopped);
}

/* A peer that does not answer holds it up, but not for ever. */
static void
test_server_stop_timeout (ServerFixture *fixture,
                          gconstpointer  data)
{
  g_auto (RawClient) client = { 0 };
  gint64 start;

  raw_open_websocket (&client, fixture->port);
  start = g_get_monotonic_time ();
  server_fixture_stop (fixture);
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
test_server_stop_twice (ServerFixture *fixture,
                        gconstpointer  data)
{
  gboolean refused = FALSE;

  server_fixture_stop (fixture);
  hypha_server_stop_async (fixture->server, NULL, on_stop_refused, &refused);
  g_assert_true (test_wait_flag (&refused));
}

static void
test_server_dies_before_connections (void)
{
  ServerFixture fixture = { 0 };
  g_auto (RawClient) client = { 0 };

  server_fixture_set_up (&fixture, NULL);
  raw_open_websocket (&client, fixture.port);
  g_object_unref (fixture.server);
  g_assert_false (hypha_connection_is_closed (fixture.connections->pdata[0]));
  g_ptr_array_unref (fixture.connections);
  raw_wait (&client, raw_at_eof);
}

#define ADD(name, function) \
  g_test_add ("/net/server/" name, ServerFixture, NULL, server_fixture_set_up, function, \
              server_fixture_tear_down)

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  ADD ("frees-sockets", test_server_frees_sockets);
  ADD ("max-connections", test_server_max_connections);
  ADD ("keep-alive", test_server_keep_alive);
  ADD ("stop", test_server_stop);
  ADD ("stop-refuses-new", test_server_stop_refuses_new);
  ADD ("stop-timeout", test_server_stop_timeout);
  ADD ("stop-twice", test_server_stop_twice);
  g_test_add_func ("/net/server/dies-before-connections", test_server_dies_before_connections);

  return g_test_run ();
}
