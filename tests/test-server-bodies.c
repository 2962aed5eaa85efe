/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hypha-server-internal-private.h"
#include "test-link.h"
#include "test-utils.h"

/* A server, and one raw client of it that posts a body. */
typedef struct
{
  HyphaServer *server;
  int          fd;
  GString     *answer;
  gboolean     trickles;  /* a byte of the body each time that it is polled */
  gboolean     eof;
  gboolean     stopped;
} Fixture;

static void
fixture_set_up (Fixture       *fixture,
                gconstpointer  data)
{
  g_autoptr (GError) error = NULL;

  fixture->server = hypha_server_new ();
  fixture->answer = g_string_new (NULL);
  g_assert_true (hypha_server_listen (fixture->server, "127.0.0.1", 0, &error));
  g_assert_no_error (error);
  fixture->fd = link_connect (hypha_server_get_port (fixture->server));
}

static void
on_stopped (GObject      *object,
            GAsyncResult *result,
            gpointer      data)
{
  g_assert_true (hypha_server_stop_finish (HYPHA_SERVER (object), result, NULL));
  *(gboolean *) data = TRUE;
}

static void
fixture_tear_down (Fixture       *fixture,
                   gconstpointer  data)
{
  close (fixture->fd);
  hypha_server_stop_async (fixture->server, NULL, on_stopped, &fixture->stopped);
  g_assert_true (test_wait_flag (&fixture->stopped));
  g_assert_finalize_object (fixture->server);
  g_string_free (fixture->answer, TRUE);
}

static void
post (Fixture *fixture)
{
  static const char head[] = "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
                             "the first bytes of it";

  g_assert_cmpint (send (fixture->fd, head, strlen (head), MSG_NOSIGNAL), ==, strlen (head));
}

static gboolean
tick (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

static gboolean
is_over (gpointer data)
{
  Fixture *fixture = data;
  char buffer[1024];
  gssize n;

  if (fixture->trickles)
    send (fixture->fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
  n = recv (fixture->fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (n > 0)
    g_string_append_len (fixture->answer, buffer, n);
  fixture->eof = fixture->eof || n == 0 || (n < 0 && errno != EAGAIN);
  return fixture->eof;
}

static gboolean
has_no_bodies (gpointer data)
{
  return ((Fixture *) data)->server->bodies == 0;
}

/* libsoup answers when the rest has come, which is thrown away. */
static gboolean
is_refused (gpointer data)
{
  Fixture *fixture = data;
  GHashTableIter iter;
  gpointer request;

  g_hash_table_iter_init (&iter, fixture->server->requests);
  return g_hash_table_iter_next (&iter, NULL, &request) && ((HyphaRequest *) request)->refused;
}

static void
wait_for (Fixture       *fixture,
          TestCondition  condition)
{
  guint id = g_timeout_add (1, tick, NULL);

  g_assert_true (test_wait (condition, fixture));
  g_source_remove (id);
}

static void
assert_timed_out (Fixture *fixture)
{
  hypha_server_set_body_timeout (fixture->server, 50);
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*its body came too slowly*");
  post (fixture);
  wait_for (fixture, is_over);
  wait_for (fixture, has_no_bodies);
  g_assert_cmpuint (g_hash_table_size (fixture->server->requests), ==, 0);
}

/* What is kept of a body that does not come is not kept for ever. */
static void
test_bodies_stalled (Fixture       *fixture,
                     gconstpointer  data)
{
  assert_timed_out (fixture);
  g_assert_true (g_str_has_prefix (fixture->answer->str, "HTTP/1.1 408 "));
  g_assert_nonnull (strstr (fixture->answer->str, "Connection: close"));
  g_assert_nonnull (strstr (fixture->answer->str, "Content-Type: application/json\r\n"));
  g_assert_true (g_str_has_suffix (fixture->answer->str,
                                   "\r\n\r\n{\"success\":false,\"detail\":"
                                   "\"the body of the request came too slowly\"}"));
}

/* Nor for ever, by a byte from time to time. */
static void
test_bodies_trickle (Fixture       *fixture,
                     gconstpointer  data)
{
  fixture->trickles = TRUE;
  assert_timed_out (fixture);
}

/* One connection of this machine has its share and no more. */
static void
test_bodies_of_connection (Fixture       *fixture,
                           gconstpointer  data)
{
  hypha_server_set_max_bodies_of_address (fixture->server, 10);
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*request refused: the bodies of all*");
  post (fixture);
  wait_for (fixture, is_refused);
  g_assert_cmpuint (fixture->server->bodies, ==, 0);
}

/* Two requests of one foreign address share; another address, and each one of this machine, do not. */
static void
test_bodies_of_address (Fixture       *fixture,
                        gconstpointer  data)
{
  HyphaRequest first = { .owner = (char *) "203.0.113.1" };
  HyphaRequest second = { .owner = (char *) "203.0.113.1" };
  HyphaRequest other = { .owner = (char *) "203.0.113.2" };
  HyphaRequest here = { 0 };
  HyphaRequest also_here = { 0 };

  hypha_server_set_max_bodies_of_address (fixture->server, 100);
  g_assert_true (hypha_server_keep_body (fixture->server, &first, 60));
  g_assert_false (hypha_server_keep_body (fixture->server, &second, 41));
  hypha_server_drop_body (fixture->server, &second);
  g_assert_true (hypha_server_keep_body (fixture->server, &second, 40));
  g_assert_true (hypha_server_keep_body (fixture->server, &other, 100));
  g_assert_true (hypha_server_keep_body (fixture->server, &here, 100));
  g_assert_true (hypha_server_keep_body (fixture->server, &also_here, 100));
  g_assert_false (hypha_server_keep_body (fixture->server, &also_here, 1));
  hypha_server_drop_body (fixture->server, &first);
  hypha_server_drop_body (fixture->server, &second);
  hypha_server_drop_body (fixture->server, &other);
  hypha_server_drop_body (fixture->server, &here);
  hypha_server_drop_body (fixture->server, &also_here);
  g_assert_cmpuint (fixture->server->bodies, ==, 0);
  g_assert_cmpuint (g_hash_table_size (fixture->server->bodies_of), ==, 0);
}

static void
add (const char *path,
     void      (*function) (Fixture *, gconstpointer))
{
  g_test_add (path, Fixture, NULL, fixture_set_up, function, fixture_tear_down);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  add ("/net/server-bodies/stalled", test_bodies_stalled);
  add ("/net/server-bodies/trickle", test_bodies_trickle);
  add ("/net/server-bodies/of-connection", test_bodies_of_connection);
  add ("/net/server-bodies/of-address", test_bodies_of_address);
  return g_test_run ();
}
