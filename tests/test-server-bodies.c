/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>
#include <sys/socket.h>

#include "test-link.h"
#include "test-server-fixture.h"
#include "test-utils.h"

/* A request that a proxy in front may read otherwise is refused before its body is there. */
static void
test_server_framing (ServerFixture *fixture,
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
      g_auto (RawClient) client = { 0 };
      g_autofree char *request = g_strdup_printf ("POST %s\r\n\r\n0\r\n\r\nGET /hello", heads[i]);

      g_test_message ("%s", heads[i]);
      test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*request refused: *");
      raw_open (&client, fixture->port, request);
      raw_wait (&client, raw_at_eof);
      g_assert_cmpuint (raw_get_status (&client), ==, 400);
      g_assert_nonnull (strstr (client.answer->str, "\r\nConnection: close\r\n"));
      g_assert_nonnull (strstr (client.answer->str, "\r\n\r\n{\"success\":false,\"detail\":\""));
      g_assert_true (g_str_has_suffix (client.answer->str, "\"}"));
    }

  g_assert_cmpuint (fixture->n_handled, ==, 0);
  test_assert_expected_logs ();
}

static void
test_server_max_body_declared (ServerFixture *fixture,
                               gconstpointer  data)
{
  g_auto (RawClient) client = { 0 };
  g_autofree char *request =
    g_strdup_printf ("POST /hello HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
                     "Content-Length: %" G_GSIZE_FORMAT "\r\n\r\n", HYPHA_SERVER_MAX_BODY + 1);

  raw_open (&client, fixture->port, request);
  raw_wait (&client, raw_poll);
  g_assert_cmpuint (raw_get_status (&client), ==, 413);
  g_assert_cmpuint (fixture->n_handled, ==, 0);
}

/* A body without a length: what is over the limit is not kept, and does not go on for ever. */
static void
test_server_max_body (ServerFixture *fixture,
                      gconstpointer  data)
{
  enum { MEGABYTE = 1024 * 1024, N = HYPHA_SERVER_MAX_BODY / MEGABYTE };
  g_auto (RawClient) client = { 0 };
  g_autofree char *filling = g_strnfill (MEGABYTE, 'x');
  g_autofree char *chunk = g_strdup_printf ("%x\r\n%s\r\n", (guint) MEGABYTE, filling);
  gsize size = strlen (chunk);
  gsize before = link_get_rss ();
  guint i;

  raw_open (&client, fixture->port, "POST /hello HTTP/1.1\r\nHost: localhost\r\n"
                                    "Transfer-Encoding: chunked\r\n\r\n");
  for (i = 0; i < N + 2; i++)
    g_assert_true (raw_send_some (&client, chunk, size));

  /* Over the limit: the memory of what came before is free again, as far as the allocator says. */
  g_assert_cmpuint (fixture->n_handled, ==, 0);
  for (; i < 3 * N && raw_send_some (&client, chunk, size); i++)
    ;
  g_assert_cmpuint (i, <, 3 * N);
  g_assert_cmpuint (fixture->n_handled, ==, 0);
  g_assert_cmpuint (link_get_rss (), <, before + HYPHA_SERVER_MAX_BODY + HYPHA_SERVER_MAX_BODY / 2);
}

static gboolean
one_byte_is_left (gpointer data)
{
  HyphaServer *server = ((ServerFixture *) data)->server;

  return server->bodies + 1 == server->max_bodies;
}

static gboolean
no_body_is_left (gpointer data)
{
  return ((ServerFixture *) data)->server->bodies == 0;
}

/* One request has all the room but a byte; another is refused until it is through. */
static void
test_server_max_bodies (ServerFixture *fixture,
                        gconstpointer  data)
{
  g_auto (RawClient) first = { 0 };
  g_auto (RawClient) second = { 0 };
  g_auto (RawClient) third = { 0 };
  g_autofree char *body = g_strnfill (100000, 'x');
  const char *request = "POST /hello HTTP/1.1\r\nHost: localhost\r\n"
                        "Content-Length: 100000\r\n\r\n";

  g_assert_cmpuint (HYPHA_SERVER_MAX_BODIES, ==, 256 * 1024 * 1024);
  hypha_server_set_max_bodies (fixture->server, 100000);
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*request refused: the bodies of all*");
  raw_open (&first, fixture->port, request);
  g_assert_true (raw_send_some (&first, body, 99999));
  g_assert_true (test_wait (one_byte_is_left, fixture));
  raw_open (&second, fixture->port, request);
  g_assert_true (raw_send_some (&second, body, 100000));
  raw_wait (&second, raw_poll);
  g_assert_cmpuint (raw_get_status (&second), ==, 503);
  g_assert_nonnull (strstr (second.answer->str, "Retry-After: 1\r\n"));
  g_assert_cmpuint (fixture->n_handled, ==, 0);

  /* What was refused has given back its share, so the first one has room for its last byte. */
  g_assert_true (raw_send_some (&first, body, 1));
  raw_wait (&first, raw_poll);
  g_assert_cmpuint (raw_get_status (&first), ==, 200);
  g_assert_cmpuint (fixture->body_size, ==, 100000);

  raw_open (&third, fixture->port, request);
  g_assert_true (raw_send_some (&third, body, 100000));
  raw_wait (&third, raw_poll);
  g_assert_cmpuint (raw_get_status (&third), ==, 200);
  g_assert_true (test_wait (no_body_is_left, fixture));
  test_assert_expected_logs ();
}

static void
test_server_body_within_limit (ServerFixture *fixture,
                               gconstpointer  data)
{
  g_auto (RawClient) client = { 0 };
  g_autofree char *body = g_strnfill (1000000, 'x');

  raw_open (&client, fixture->port, "POST /hello HTTP/1.1\r\nHost: localhost\r\n"
                                    "Content-Length: 1000000\r\n\r\n");
  g_assert_true (raw_send_some (&client, body, 1000000));
  raw_wait (&client, raw_poll);
  g_assert_cmpuint (raw_get_status (&client), ==, 200);
  g_assert_cmpuint (fixture->body_size, ==, 1000000);
}

static void
post (RawClient     *client,
      ServerFixture *fixture)
{
  raw_open (client, fixture->port, "POST /hello HTTP/1.1\r\nHost: localhost\r\n"
                                   "Content-Length: 100000\r\n\r\nthe first bytes of it");
}

/* A byte of the body each time that it is polled. */
static gboolean
raw_trickle (gpointer data)
{
  RawClient *client = data;

  send (client->fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
  return raw_at_eof (client);
}

/* libsoup answers when the rest has come, which is thrown away. */
static gboolean
is_refused (gpointer data)
{
  ServerFixture *fixture = data;
  GHashTableIter iter;
  gpointer request;

  g_hash_table_iter_init (&iter, fixture->server->requests);
  return g_hash_table_iter_next (&iter, NULL, &request) && ((HyphaRequest *) request)->refused;
}

static void
assert_timed_out (ServerFixture *fixture,
                  RawClient     *client,
                  TestCondition  is_over)
{
  hypha_server_set_body_timeout (fixture->server, 50);
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*the body of its request came too slowly*");
  post (client, fixture);
  raw_wait (client, is_over);
  g_assert_true (test_wait (no_body_is_left, fixture));
  g_assert_cmpuint (g_hash_table_size (fixture->server->requests), ==, 0);
}

/* What is kept of a body that does not come is not kept for ever. */
static void
test_bodies_stalled (ServerFixture *fixture,
                     gconstpointer  data)
{
  g_auto (RawClient) client = { 0 };

  assert_timed_out (fixture, &client, raw_at_eof);
  g_assert_true (g_str_has_prefix (client.answer->str, "HTTP/1.1 408 "));
  g_assert_nonnull (strstr (client.answer->str, "Connection: close"));
  g_assert_nonnull (strstr (client.answer->str, "Content-Type: application/json\r\n"));
  g_assert_true (g_str_has_suffix (client.answer->str,
                                   "\r\n\r\n{\"success\":false,\"detail\":"
                                   "\"the body of the request came too slowly\"}"));
}

/* Nor for ever, by a byte from time to time. */
static void
test_bodies_trickle (ServerFixture *fixture,
                     gconstpointer  data)
{
  g_auto (RawClient) client = { 0 };

  assert_timed_out (fixture, &client, raw_trickle);
}

/* One connection of this machine has its share and no more. */
static void
test_bodies_of_connection (ServerFixture *fixture,
                           gconstpointer  data)
{
  g_auto (RawClient) client = { 0 };

  hypha_server_set_max_bodies_of_address (fixture->server, 10);
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*request refused: the bodies of all*");
  post (&client, fixture);
  g_assert_true (test_wait (is_refused, fixture));
  g_assert_cmpuint (fixture->server->bodies, ==, 0);
}

/* Two requests of one foreign address share; another address, and each one of this machine, do not. */
static void
test_bodies_of_address (ServerFixture *fixture,
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

#define ADD(name, function) \
  g_test_add ("/net/" name, ServerFixture, NULL, server_fixture_set_up, function, \
              server_fixture_tear_down)

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  ADD ("server/framing", test_server_framing);
  ADD ("server/max-body", test_server_max_body);
  ADD ("server/max-bodies", test_server_max_bodies);
  ADD ("server/max-body-declared", test_server_max_body_declared);
  ADD ("server/body-within-limit", test_server_body_within_limit);
  ADD ("server-bodies/stalled", test_bodies_stalled);
  ADD ("server-bodies/trickle", test_bodies_trickle);
  ADD ("server-bodies/of-connection", test_bodies_of_connection);
  ADD ("server-bodies/of-address", test_bodies_of_address);

  return g_test_run ();
}
