/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-http-request-private.h"
#include "test-http-calc-fixture.h"
#include "test-server-fixture.h"
#include "test-utils.h"

/* A raw client that is called and never says anything. */
static void
test_timeout (Calc          *fixture,
              gconstpointer  data)
{
  g_autoptr (Client) silent = hub_connect (fixture->web->hub, "silent", fixture->web->token);

  client_register (silent, "mute", "public");
  g_variant_unref (client_must_call (silent, "register_service",
                                     "[<{'id': <'site'>, 'type': <'asgi'>,"
                                     " 'config': <{'visibility': <'public'>}>}>]"));
  hypha_http_gateway_set_timeout (fixture->web->gateway, 50);
  calc_assert_status (fixture, "GET", "/ws-a/services/mute/f", NULL, 504);
  calc_assert_status (fixture, "GET", "/ws-a/apps/site/", NULL, 504);
}

static gboolean
all_cancelled (gpointer data)
{
  Web *web = data;

  return web->n_cancelled == 1 && hypha_http_gateway_get_n_requests (web->gateway) == 0;
}

static gboolean
is_waiting (gpointer data)
{
  GPtrArray *waiting = g_object_get_data (G_OBJECT (((Web *) data)->server), "waiting");

  return waiting->len == 1;
}

static void
ignore (GObject      *object,
        GAsyncResult *result,
        gpointer      data)
{
  g_autoptr (GBytes) bytes = soup_session_send_and_read_finish (SOUP_SESSION (object), result, NULL);
}

/* Whoever hangs up is not worked for any longer. */
static void
test_gone (Calc          *fixture,
           gconstpointer  data)
{
  Web *web = fixture->web;
  g_autofree char *url = web_url (web, "/ws-a/services/calc/wait");
  g_autoptr (SoupMessage) message = soup_message_new ("GET", url);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  soup_session_send_and_read_async (web->session, message, G_PRIORITY_DEFAULT, cancellable, ignore,
                                    NULL);
  g_assert_true (test_wait (is_waiting, web));
  g_assert_cmpuint (hypha_http_gateway_get_n_requests (web->gateway), ==, 1);
  g_cancellable_cancel (cancellable);
  g_assert_true (test_wait (all_cancelled, web));
}

static void
test_hypha_http_max_requests (Calc          *fixture,
                              gconstpointer  data)
{
  hypha_http_gateway_set_max_requests (fixture->web->gateway, 0);
  calc_assert_status (fixture, "GET", "/ws-a/services/calc/answer", NULL, 503);
  hypha_http_gateway_set_max_requests (fixture->web->gateway, HYPHA_HTTP_MAX_REQUESTS);
  calc_assert_status (fixture, "GET", "/ws-a/services/calc/answer", NULL, 200);
}

/* A guest who waits leaves as many places to others. */
static void
test_max_requests_of_account (Calc          *fixture,
                              gconstpointer  data)
{
  Web *web = fixture->web;
  g_autofree char *url = web_url (web, "/ws-a/services/calc/wait");
  g_autoptr (SoupMessage) message = soup_message_new ("GET", url);
  g_autoptr (Answer) user = NULL;

  hypha_http_gateway_set_max_requests (web->gateway, 2);
  soup_session_send_and_read_async (web->session, message, G_PRIORITY_DEFAULT, NULL, ignore, NULL);
  g_assert_true (test_wait (is_waiting, web));
  calc_assert_status (fixture, "GET", "/ws-a/services/calc/answer", NULL, 503);
  user = web_ask (web, "GET", "/ws-a/services/calc/answer", web->token, NULL, NULL);
  g_assert_cmpuint (user->status, ==, 200);
}

/* What a connection is answered that was open before. */
static char *
ask_on (GSocketConnection *connection,
        const char        *path)
{
  GSocket *socket = g_socket_connection_get_socket (connection);
  g_autofree char *request = g_strdup_printf ("GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
  char answer[4096] = "";
  gint64 deadline = g_get_monotonic_time () + TEST_DEADLINE * G_TIME_SPAN_SECOND;

  g_assert_cmpint (g_socket_send (socket, request, strlen (request), NULL, NULL), >, 0);
  while (g_socket_receive_with_blocking (socket, answer, sizeof answer - 1, FALSE, NULL, NULL) <= 0)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      g_main_context_iteration (NULL, FALSE);
    }

  return g_strdup (answer);
}

static void
count_started (guint *n_started)
{
  ++*n_started;
}

static gboolean
two_are_started (gpointer data)
{
  return *(guint *) data == 2;
}

/* While it stops it lives, but nobody should be sent to it. */
static void
test_readiness (Calc          *fixture,
                gconstpointer  data)
{
  Web *web = fixture->web;
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) connection = NULL;
  g_autoptr (GSocketConnection) second = NULL;
  g_autofree char *ready = NULL;
  g_autofree char *down = NULL;
  gboolean stopped = FALSE;
  guint n_started = 0;

  g_signal_connect_swapped (hypha_server_get_soup (web->server), "request-started",
                            G_CALLBACK (count_started), &n_started);
  connection = g_socket_client_connect_to_host (client, "127.0.0.1",
                                                (guint16) hypha_server_get_port (web->server),
                                                NULL, NULL);
  g_assert_nonnull (connection);
  second = g_socket_client_connect_to_host (client, "127.0.0.1",
                                            (guint16) hypha_server_get_port (web->server), NULL,
                                            NULL);
  g_assert_nonnull (second);
  g_assert_true (test_wait (two_are_started, &n_started));
  ready = ask_on (connection, "/health/readiness");
  g_assert_true (g_str_has_prefix (ready, "HTTP/1.1 200 "));
  server_stop (web->server, &stopped);
  down = ask_on (second, "/health/readiness");
  g_assert_true (g_str_has_prefix (down, "HTTP/1.1 503 "));
  g_assert_nonnull (strstr (down, "\"status\":\"DOWN\""));
  g_assert_true (test_wait_flag (&stopped));
}

#define ADD(name, function)                                                                        \
  g_test_add ("/net/http-limits/" name, Calc, NULL, calc_set_up, function, calc_tear_down)

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  ADD ("timeout", test_timeout);
  ADD ("gone", test_gone);
  ADD ("max-requests", test_hypha_http_max_requests);
  ADD ("max-requests-of-account", test_max_requests_of_account);
  ADD ("readiness", test_readiness);

  return g_test_run ();
}
