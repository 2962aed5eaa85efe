/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-http-stream-connection-private.h"
#include "test-http-rpc-fixture.h"
#include "test-link.h"
#include "test-utils.h"

static gboolean
is_gone (gpointer data)
{
  RpcFixture *fixture = data;

  return rpc_find_connection (fixture, "ws-a/a") == NULL;
}

static void
test_http_rpc_client_hangs_up (RpcFixture    *fixture,
                               gconstpointer  data)
{
  Request *stream = rpc_open_stream (fixture, ALICE_A, fixture->alice, NULL);

  g_assert_nonnull (rpc_find_connection (fixture, "ws-a/a"));
  request_free (stream);
  g_assert_true (test_wait (is_gone, fixture));
  g_assert_cmpuint (hypha_server_get_n_connections (fixture->server), ==, 0);
}

static void
test_http_rpc_reconnect_supersedes (RpcFixture    *fixture,
                                    gconstpointer  data)
{
  g_autoptr (GVariant) info = NULL;
  g_autoptr (Request) old = rpc_open_stream (fixture, ALICE_A, fixture->alice, &info);
  g_autofree char *token = rpc_lookup_string (info, "reconnection_token");
  g_autofree char *query = g_strconcat (ALICE_A "&reconnection_token=", token, NULL);
  g_autoptr (Request) new = rpc_open_stream (fixture, query, fixture->alice, NULL);

  g_assert_true (test_wait (request_is_over, old));
  g_assert_true (old->ended);

  /* The end of the old stream took nothing from the new one. */
  g_assert_nonnull (rpc_find_connection (fixture, "ws-a/a"));
  g_assert_cmpuint (rpc_post_echo (fixture, ALICE_A, fixture->alice, 1), ==, 200);
  request_expect_echo (new, 1);
}

static void
test_http_rpc_ping_interval (RpcFixture    *fixture,
                             gconstpointer  data)
{
  g_autoptr (Request) stream = rpc_open_stream (fixture, ALICE_A, fixture->alice, NULL);
  HyphaConnection *connection = rpc_find_connection (fixture, "ws-a/a");
  g_autoptr (GVariant) one = NULL;
  g_autoptr (GVariant) two = NULL;
  g_autofree char *type = NULL;

  hypha_http_stream_connection_set_ping_interval (HYPHA_HTTP_STREAM_CONNECTION (connection), 20);
  one = request_take_frame (stream, NULL);
  two = request_take_frame (stream, NULL);
  type = rpc_lookup_string (two, "type");
  g_assert_cmpstr (type, ==, "ping");
}

static gboolean
answers_come (Request **requests,
              guint     n)
{
  for (guint i = 0; i < n; i++)
    {
      if (requests[i]->status == 0)
        request_poll (requests[i]);
      if (requests[i]->status != 0)
        return TRUE;
    }

  return FALSE;
}

/* Back-pressure: what is posted for a paused client waits, in order, and not without end. */
static void
test_http_rpc_max_waiting (RpcFixture    *fixture,
                           gconstpointer  data)
{
  g_autoptr (Request) stream = rpc_open_stream (fixture, ALICE_A, fixture->alice, NULL);
  HyphaConnection *connection = rpc_find_connection (fixture, "ws-a/a");
  Request *requests[HYPHA_HTTP_STREAM_MAX_WAITING];
  guint n = G_N_ELEMENTS (requests);

  hypha_connection_set_reading (connection, FALSE);
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GBytes) body = rpc_pack_echo (i);

      requests[i] = rpc_start_post (fixture, ALICE_A, fixture->alice, body);
      while (g_main_context_iteration (NULL, FALSE))
        ;
    }

  while (rpc_post_echo (fixture, ALICE_A, fixture->alice, 9999) != 503)
    g_assert_not_reached ();
  g_assert_false (answers_come (requests, n));

  /* One of them does not wait for it. */
  request_free (requests[7]);
  requests[7] = NULL;
  hypha_connection_set_reading (connection, TRUE);
  for (guint i = 0; i < n; i++)
    {
      request_expect_echo (stream, i);
      if (requests[i] != NULL)
        {
          g_assert_true (test_wait (request_is_answered, requests[i]));
          g_assert_cmpuint (requests[i]->status, ==, 200);
          request_free (requests[i]);
        }
    }
}

static void
test_http_rpc_max_waiting_bytes (RpcFixture    *fixture,
                                 gconstpointer  data)
{
  g_autoptr (Request) stream = rpc_open_stream (fixture, ALICE_A, fixture->alice, NULL);
  HyphaConnection *connection = rpc_find_connection (fixture, "ws-a/a");
  gsize size = HYPHA_HTTP_STREAM_MAX_WAITING_BYTES + 1;
  g_autoptr (GBytes) echo = rpc_pack_echo (1);
  g_autofree guint8 *big = g_malloc0 (size);
  g_autoptr (GBytes) body = NULL;

  /* Zeros after the second map: still a message as far as its envelope goes. */
  memcpy (big, g_bytes_get_data (echo, NULL), g_bytes_get_size (echo));
  body = g_bytes_new_take (g_steal_pointer (&big), size);
  hypha_connection_set_reading (connection, FALSE);
  g_assert_cmpuint (rpc_post (fixture, ALICE_A, fixture->alice, body), ==, 503);
}

/* Whoever waits when the stream ends is told so, and can try again. */
static void
test_http_rpc_waiting_at_the_end (RpcFixture    *fixture,
                                  gconstpointer  data)
{
  g_autoptr (Request) stream = rpc_open_stream (fixture, ALICE_A, fixture->alice, NULL);
  HyphaConnection *connection = rpc_find_connection (fixture, "ws-a/a");
  g_autoptr (GBytes) body = rpc_pack_echo (1);
  g_autoptr (Request) waiting = NULL;

  hypha_connection_set_reading (connection, FALSE);
  waiting = rpc_start_post (fixture, ALICE_A, fixture->alice, body);
  g_assert_cmpuint (rpc_get_status (fixture, "client_id=b", fixture->alice), ==, 200);
  g_assert_false (answers_come (&waiting, 1));
  hypha_connection_close (connection, 1008, "enough");
  g_assert_true (test_wait (request_is_answered, waiting));
  g_assert_cmpuint (waiting->status, ==, 400);
  g_assert_true (test_wait (request_is_over, stream));
}

static void
send_block (HyphaConnection *connection,
            gsize            size)
{
  g_autoptr (GBytes) bytes = g_bytes_new_take (g_malloc0 (size), size);

  hypha_connection_send (connection, HYPHA_FRAME_BINARY, bytes);
}

typedef struct
{
  guint code;
  guint n_drained;
} Watch;

static void
watch_closed (HyphaConnection *connection,
              guint            code,
              const char      *reason,
              Watch           *watch)
{
  watch->code = code;
}

static gboolean
watch_is_closed (gpointer data)
{
  return ((Watch *) data)->code != 0;
}

#define BLOCK ((gsize) 8 * 1024 * 1024)

static void
test_http_rpc_stall_timeout (RpcFixture    *fixture,
                             gconstpointer  data)
{
  g_autoptr (Request) stream = rpc_open_stream (fixture, ALICE_A, fixture->alice, NULL);
  HyphaConnection *connection = rpc_find_connection (fixture, "ws-a/a");
  Watch watch = { 0 };

  g_signal_connect (connection, "closed", G_CALLBACK (watch_closed), &watch);
  hypha_http_stream_connection_set_stall_timeout (HYPHA_HTTP_STREAM_CONNECTION (connection), 100);
  while (hypha_connection_get_queued (connection) <= HYPHA_CONNECTION_QUEUE_BUDGET)
    send_block (connection, BLOCK);
  g_assert_true (test_wait (watch_is_closed, &watch));
  g_assert_cmpuint (watch.code, ==, 1013);
}

static void
test_http_rpc_queue_cap (RpcFixture    *fixture,
                         gconstpointer  data)
{
  g_autoptr (Request) stream = rpc_open_stream (fixture, ALICE_A, fixture->alice, NULL);
  HyphaConnection *connection = rpc_find_connection (fixture, "ws-a/a");
  Watch watch = { 0 };

  g_signal_connect (connection, "closed", G_CALLBACK (watch_closed), &watch);
  for (gsize sent = 0; sent <= HYPHA_HTTP_STREAM_QUEUE_CAP; sent += BLOCK)
    send_block (connection, BLOCK);
  g_assert_cmpuint (hypha_connection_get_queued (connection), <=, HYPHA_HTTP_STREAM_QUEUE_CAP);
  g_assert_true (test_wait (watch_is_closed, &watch));
  g_assert_cmpuint (watch.code, ==, 1013);
}

typedef struct
{
  Request         *stream;
  HyphaConnection *connection;
} Flow;

static gboolean
flow_is_empty (gpointer data)
{
  Flow *flow = data;

  request_poll (flow->stream);
  g_byte_array_set_size (flow->stream->body, 0);
  return hypha_connection_get_queued (flow->connection) == 0;
}

/* An answer that never ends leaves nothing behind of what has been read. */
static void
test_http_rpc_endless (RpcFixture    *fixture,
                       gconstpointer  data)
{
  g_autoptr (Request) stream = rpc_open_stream (fixture, ALICE_A, fixture->alice, NULL);
  Flow flow = { stream, rpc_find_connection (fixture, "ws-a/a") };
  gsize before = 0;

  for (guint i = 0; i < 256; i++)
    {
      send_block (flow.connection, 1024 * 1024);
      g_assert_true (test_wait (flow_is_empty, &flow));
      if (i == 16)
        before = link_get_rss ();
    }

  g_assert_cmpuint (link_get_rss (), <=, before + 16 * 1024 * 1024);
}

static void
test_http_rpc_max_connections (RpcFixture    *fixture,
                               gconstpointer  data)
{
  g_autoptr (Request) stream = rpc_open_stream (fixture, ALICE_A, fixture->alice, NULL);

  hypha_server_set_max_connections (fixture->server, 1);
  g_assert_cmpuint (rpc_get_status (fixture, "client_id=b", fixture->alice), ==, 503);
}

static void
test_http_rpc_stop (RpcFixture    *fixture,
                    gconstpointer  data)
{
  g_autoptr (Request) stream = rpc_open_stream (fixture, ALICE_A, fixture->alice, NULL);
  g_autoptr (GBytes) body = rpc_pack_echo (1);
  g_autoptr (Request) waiting = NULL;

  hypha_connection_set_reading (rpc_find_connection (fixture, "ws-a/a"), FALSE);
  waiting = rpc_start_post (fixture, ALICE_A, fixture->alice, body);
  g_assert_cmpuint (rpc_get_status (fixture, "client_id=b", fixture->alice), ==, 200);
  rpc_stop (fixture);
  g_assert_true (test_wait (request_is_over, stream));
  g_assert_true (stream->ended);
  g_assert_true (test_wait (request_is_answered, waiting));
  g_assert_true (test_wait_flag (&fixture->stopped));
}

#define ADD(name, function) \
  g_test_add ("/net/http-rpc/" name, RpcFixture, NULL, rpc_set_up, function, rpc_tear_down)

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  ADD ("client-hangs-up", test_http_rpc_client_hangs_up);
  ADD ("reconnect-supersedes", test_http_rpc_reconnect_supersedes);
  ADD ("ping-interval", test_http_rpc_ping_interval);
  ADD ("max-waiting", test_http_rpc_max_waiting);
  ADD ("max-waiting-bytes", test_http_rpc_max_waiting_bytes);
  ADD ("waiting-at-the-end", test_http_rpc_waiting_at_the_end);
  ADD ("stall-timeout", test_http_rpc_stall_timeout);
  ADD ("queue-cap", test_http_rpc_queue_cap);
  ADD ("endless", test_http_rpc_endless);
  ADD ("max-connections", test_http_rpc_max_connections);
  ADD ("stop", test_http_rpc_stop);

  return g_test_run ();
}
