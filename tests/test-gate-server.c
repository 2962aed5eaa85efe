/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test-hub-fixture.h"
#include "test-link.h"
#include "test-server-fixture.h"
#include "test-utils.h"

/* The gate behind a real listener: what only shows on a socket. */

static void
accept_connection (HyphaServer     *server,
                   HyphaConnection *connection,
                   const char      *remote_address,
                   gpointer         data)
{
  hypha_gate_accept (((Hub *) data)->gate, connection, remote_address);
}

/* A client that says who it is in the query, as JavaScript ones do after 1003, and then nothing. */
static void
silent_with_query (void)
{
  const char *request =
    "GET /ws?client_id=c&workspace=ws-a&token=TOP-SECRET&reconnection_token=TOP-SECRET HTTP/1.1\r\n"
    "Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (HyphaServer) server = hypha_server_new ();
  g_autoptr (GError) error = NULL;
  g_auto (RawClient) client = { 0 };
  gboolean stopped = FALSE;
  guint n_peers = hypha_router_get_n_peers (hub->router);

  hypha_gate_set_timeout (hub->gate, 50);
  hypha_server_set_accept (server, accept_connection, hub);
  g_assert_true (hypha_server_listen (server, "127.0.0.1", 0, &error));
  raw_open (&client, hypha_server_get_port (server), request);
  raw_wait (&client, raw_at_eof);

  g_assert_true (g_str_has_prefix (client.answer->str, "HTTP/1.1 101"));
  g_assert_nonnull (memmem (client.answer->str, client.answer->len, "Authentication timeout", 22));
  g_assert_null (memmem (client.answer->str, client.answer->len, "connection_info", 15));
  g_assert_cmpuint (hypha_gate_get_n_sessions (hub->gate), ==, 0);
  g_assert_cmpuint (hypha_router_get_n_peers (hub->router), ==, n_peers);

  server_stop (server, &stopped);
  g_assert_true (test_wait_flag (&stopped));
}

/* It is not let in by that, it is not kept, and what it said is nowhere in the log. */
static void
test_gate_query_is_no_login (void)
{
  if (g_test_subprocess ())
    {
      silent_with_query ();
      return;
    }

  g_setenv ("G_MESSAGES_DEBUG", "all", TRUE);
  g_test_trap_subprocess (NULL, 0, 0);
  g_unsetenv ("G_MESSAGES_DEBUG");
  g_test_trap_assert_passed ();
  g_test_trap_assert_stdout ("*Authentication timeout*");
  g_test_trap_assert_stdout_unmatched ("*TOP-SECRET*");
  g_test_trap_assert_stderr_unmatched ("*TOP-SECRET*");
}

static gboolean
is_in (gpointer data)
{
  return hypha_router_lookup (((Hub *) data)->router, "ws-a/c") != NULL;
}

/* Who is sent away and does not answer has no address any more all the same. */
static void
test_gate_evicted_at_once (void)
{
  const char *request =
    "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (HyphaServer) server = hypha_server_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autofree char *hello = g_strdup_printf ("{\"client_id\":\"c\",\"token\":\"%s\"}", token);
  g_autoptr (GBytes) frame = link_make_frame (0x81, hello, strlen (hello));
  g_autoptr (GError) error = NULL;
  gboolean stopped = FALSE;
  int fd;

  hypha_server_set_accept (server, accept_connection, hub);
  g_assert_true (hypha_server_listen (server, "127.0.0.1", 0, &error));
  fd = link_connect (hypha_server_get_port (server));
  g_assert_cmpint (send (fd, request, strlen (request), 0), >, 0);
  g_assert_cmpint (send (fd, g_bytes_get_data (frame, NULL), g_bytes_get_size (frame), 0), >, 0);
  g_assert_true (test_wait (is_in, hub));

  g_assert_true (hypha_gate_kick (hub->gate, "ws-a", "c", "go", &error));
  g_assert_no_error (error);
  g_assert_false (is_in (hub));
  g_assert_false (hypha_gate_kick (hub->gate, "ws-a", "c", "go", NULL));

  close (fd);
  server_stop (server, &stopped);
  g_assert_true (test_wait_flag (&stopped));
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/hub/gate/query-is-no-login", test_gate_query_is_no_login);
  g_test_add_func ("/hub/gate/evicted-at-once", test_gate_evicted_at_once);
  return g_test_run ();
}
