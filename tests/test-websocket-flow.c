/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hypha-poller-private.h"
#include "hypha-server-private.h"
#include "test-link.h"
#include "test-utils.h"

#define MEGABYTE (1024 * 1024)

static Link *
link_new (gconstpointer data)
{
  return ((LinkMaker) data) ();
}

static void
settle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static gboolean
set_flag (gpointer data)
{
  *(gboolean *) data = TRUE;
  return G_SOURCE_REMOVE;
}

/* Lets the main context run for so many ms. */
static void
run_for (guint duration)
{
  gboolean done = FALSE;

  g_timeout_add (duration, set_flag, &done);
  g_assert_true (test_wait_flag (&done));
}

static void
send_bytes (Link   *link,
            GBytes *bytes)
{
  hypha_connection_send (link->connection, HYPHA_FRAME_BINARY, bytes);
}

static void
fill (Link  *link,
      guint  n_megabytes)
{
  g_autoptr (GBytes) bytes = g_bytes_new_take (g_malloc0 (MEGABYTE), MEGABYTE);

  for (guint i = 0; i < n_megabytes; i++)
    send_bytes (link, bytes);
}

static gboolean
has_drained (gpointer data)
{
  return ((Link *) data)->n_drained > 0;
}

/* Over the budget the queue says so; below half of it, ::drained does, once. */
static void
test_queue_budget (gconstpointer data)
{
  g_autoptr (Link) link = link_new (data);
  guint n = HYPHA_CONNECTION_QUEUE_BUDGET / MEGABYTE + 8;

  link_pause_client (link);
  fill (link, n);
  settle ();
  g_assert_cmpuint (hypha_connection_get_queued (link->connection), >,
                    HYPHA_CONNECTION_QUEUE_BUDGET);
  g_assert_cmpuint (link->n_drained, ==, 0);

  link_resume_client (link);
  g_assert_true (test_wait (has_drained, link));
  g_assert_cmpuint (hypha_connection_get_queued (link->connection), <,
                    HYPHA_CONNECTION_QUEUE_BUDGET / 2);
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GBytes) payload = link_expect_frame (link, 0x82);

      g_assert_cmpuint (g_bytes_get_size (payload), ==, MEGABYTE);
    }

  g_assert_cmpuint (link->n_drained, ==, 1);
  g_assert_cmpuint (hypha_connection_get_queued (link->connection), ==, 0);
}

/* A peer that stops reading is told 1013 behind all that it did not read. */
static void
test_stall_timeout (gconstpointer data)
{
  g_autoptr (Link) link = link_new (data);
  guint n = HYPHA_CONNECTION_QUEUE_BUDGET / MEGABYTE + 8;

  hypha_websocket_connection_set_stall_timeout (HYPHA_WEBSOCKET_CONNECTION (link->connection),
                                                100);
  link_pause_client (link);
  fill (link, n);
  link_expect_closed (link, HYPHA_CLOSE_TRY_AGAIN);

  link_resume_client (link);
  for (guint i = 0; i < n; i++)
    g_bytes_unref (link_expect_frame (link, 0x82));
  link_expect_fault (link, HYPHA_CLOSE_TRY_AGAIN);
}

typedef struct
{
  Link *link;
  gsize received;
} SlowReader;

static gboolean
read_slowly (gpointer data)
{
  static guint8 buffer[256 * 1024];
  SlowReader *reader = data;

  for (int i = 0; i < 8; i++)
    {
      gssize n = recv (reader->link->fd, buffer, sizeof buffer, MSG_DONTWAIT);

      reader->received += (gsize) MAX (n, 0);
    }

  return G_SOURCE_CONTINUE;
}

/* Slow is not stopped. */
static void
test_stall_progress (gconstpointer data)
{
  g_autoptr (Link) link = link_new (data);
  SlowReader reader = { .link = link };
  guint id;

  hypha_websocket_connection_set_stall_timeout (HYPHA_WEBSOCKET_CONNECTION (link->connection),
                                                400);
  link_pause_client (link);
  fill (link, HYPHA_CONNECTION_QUEUE_BUDGET / MEGABYTE + 32);
  id = g_timeout_add (50, read_slowly, &reader);
  run_for (1000);
  g_source_remove (id);
  g_assert_cmpuint (link->n_closed, ==, 0);
  g_assert_cmpuint (reader.received, >, HYPHA_WEBSOCKET_STALL_PROGRESS);
  g_assert_cmpuint (hypha_connection_get_queued (link->connection), >,
                    HYPHA_CONNECTION_QUEUE_BUDGET / 2);
}

/* Whoever goes on sending over the budget hits the cap, and not from inside its own call. */
static void
test_queue_cap (gconstpointer data)
{
  g_autoptr (Link) link = link_new (data);

  link_pause_client (link);
  fill (link, (guint) (HYPHA_WEBSOCKET_QUEUE_CAP / MEGABYTE) + 4);
  g_assert_cmpuint (link->n_closed, ==, 0);
  g_assert_cmpuint (hypha_connection_get_queued (link->connection), ==, 0);
  link_expect_closed (link, HYPHA_CLOSE_TRY_AGAIN);
  link_resume_client (link);
  link_expect_eof (link);
}

/* Paused in the middle of what one read brought: nothing more until it goes on, then in order. */
static void
pause_link (gpointer data)
{
  hypha_connection_set_reading (((Link *) data)->connection, FALSE);
}

static void
test_set_reading (gconstpointer data)
{
  g_autoptr (Link) link = link_new (data);
  g_autofree char *payload = g_strnfill (100000, 'x');
  guint expected = 0;

  link->on_message = pause_link;
  for (guint8 i = 0; i < 10; i++)
    link_send_frame (link, 0x82, &i, 1);
  link_send_frame (link, 0x82, payload, 100000);
  link_send_frame (link, 0x82, payload, 3000);

  for (guint i = 0; i < 12; i++)
    {
      g_autoptr (GBytes) message = link_expect_message (link, HYPHA_FRAME_BINARY);

      settle ();
      g_assert_cmpuint (link->n_messages, ==, ++expected);
      if (i < 10)
        g_assert_cmpuint (*(const guint8 *) g_bytes_get_data (message, NULL), ==, i);
      else
        g_assert_cmpuint (g_bytes_get_size (message), ==, i == 10 ? 100000 : 3000);
      hypha_connection_set_reading (link->connection, TRUE);
    }
}

/* A peer that is not read from is seen to leave all the same. */
static void
test_leave_while_paused (gconstpointer data)
{
  g_autoptr (Link) link = link_new (data);

  hypha_connection_set_reading (link->connection, FALSE);
  link_send_frame (link, 0x82, "unread", 6);
  settle ();
  link_close_client (link);
  link_expect_closed (link, HYPHA_CLOSE_ABNORMAL);
  g_assert_cmpuint (link->n_messages, ==, 0);
}

static void
test_close_while_paused (gconstpointer data)
{
  g_autoptr (Link) link = link_new (data);

  hypha_connection_set_reading (link->connection, FALSE);
  link_send_frame (link, 0x82, "unread", 6);
  settle ();
  hypha_connection_close (link->connection, HYPHA_CLOSE_NORMAL, NULL);
  g_bytes_unref (link_expect_frame (link, 0x88));
  link_send_frame (link, 0x88, "\x03\xe8", 2);
  link_expect_closed (link, HYPHA_CLOSE_NORMAL);
  g_assert_cmpuint (link->n_messages, ==, 0);
}

/* A router in small: from one link to the other, with the brake that the budget asks for. */
typedef struct
{
  Link    *source;
  Link    *target;
  gsize    forwarded;
  gsize    written;
  gboolean braked;
} Router;

static Router router;

static void
forward (HyphaConnection  *connection,
         HyphaFrameType    type,
         const HyphaSlice *slice,
         gpointer          data)
{
  hypha_connection_send_parts (router.target->connection, type, slice, 1);
  router.forwarded += slice->size;
  if (hypha_connection_get_queued (router.target->connection) <= HYPHA_CONNECTION_QUEUE_BUDGET)
    return;

  router.braked = TRUE;
  hypha_connection_set_reading (connection, FALSE);
}

static void
ignore_closed (HyphaConnection *connection,
               guint            code,
               const char      *reason,
               gpointer         data)
{
  router.source->n_closed++;
}

static const HyphaConnectionSink forward_sink = { forward, ignore_closed, NULL };

static gboolean
write_more (gpointer data)
{
  Link *link = data;
  static guint8 *frames;
  static gsize size;
  gssize n;

  if (frames == NULL)
    {
      g_autofree guint8 *payload = g_malloc0 (MEGABYTE);
      g_autoptr (GBytes) frame = link_make_frame (0x82, payload, MEGABYTE);

      size = g_bytes_get_size (frame);
      frames = g_memdup2 (g_bytes_get_data (frame, NULL), size);
    }

  n = send (link->fd, frames + router.written % size, size - router.written % size,
            MSG_DONTWAIT | MSG_NOSIGNAL);
  router.written += (gsize) MAX (n, 0);
  return G_SOURCE_CONTINUE;
}

/* A sender that never stops and a reader that has: memory stays within the budget. */
static void
test_stopped_reader_memory (gconstpointer data)
{
  g_autoptr (Link) source = link_new (data);
  g_autoptr (Link) target = link_new (data);
  gsize before = link_get_rss ();
  gsize stopped_at;
  guint id;

  router = (Router){ .source = source, .target = target };
  hypha_connection_set_sink (source->connection, &forward_sink, NULL);
  link_pause_client (target);
  id = g_idle_add (write_more, source);
  g_assert_true (test_wait_flag (&router.braked));
  stopped_at = router.forwarded;
  run_for (200);
  g_source_remove (id);

  g_assert_cmpuint (router.forwarded, ==, stopped_at);
  g_assert_cmpuint (link_get_rss (), <, before + HYPHA_CONNECTION_QUEUE_BUDGET + 32 * MEGABYTE);
  g_assert_cmpuint (target->n_closed, ==, 0);

  /* Which takes off the brake: behind full buffers, nobody can be seen to leave. */
  hypha_connection_close (source->connection, HYPHA_CLOSE_NORMAL, NULL);
}

/* Silence is asked about once; an answer starts it anew, none ends the connection. */
static void
test_keep_alive (gconstpointer data)
{
  g_autoptr (Link) link = link_new (data);
  HyphaWebsocketConnection *connection = HYPHA_WEBSOCKET_CONNECTION (link->connection);

  hypha_websocket_connection_set_keep_alive (connection, 200);
  for (int i = 0; i < 3; i++)
    {
      g_autoptr (GBytes) ping = link_expect_frame (link, 0x89);

      g_assert_cmpuint (link->n_closed, ==, 0);
      link_send_frame (link, 0x8a, NULL, 0);
    }

  link_expect_closed (link, HYPHA_CLOSE_ABNORMAL);
  g_assert_cmpstr (link->closed_reason, ==, "no answer to a ping");
}

/* No timer, no wake-up: neither without a keep-alive nor after the last connection has gone. */
static void
test_idle (gconstpointer data)
{
  g_autoptr (Link) link = link_new (data);
  g_autoptr (Link) other = link_new (data);
  g_autoptr (HyphaPoller) poller = hypha_poller_ref_default (NULL);
  guint64 turns;

  hypha_websocket_connection_set_keep_alive (HYPHA_WEBSOCKET_CONNECTION (link->connection), 0);
  hypha_websocket_connection_set_keep_alive (HYPHA_WEBSOCKET_CONNECTION (other->connection), 100);
  link_send_frame (other, 0x88, NULL, 0);
  link_expect_eof (other);
  link_close_client (other);
  link_send_frame (link, 0x81, "x", 1);
  g_bytes_unref (link_expect_message (link, HYPHA_FRAME_TEXT));
  settle ();

  turns = hypha_poller_get_turns (poller);
  run_for (300);
  g_assert_cmpuint (hypha_poller_get_turns (poller), ==, turns);
}

/* A peer with megabytes under way does not hold up one with a single frame. */
static gboolean
has_any_message (gpointer data)
{
  return ((Link *) data)->n_messages > 0;
}

static void
test_firehose (gconstpointer data)
{
  g_autoptr (Link) firehose = link_new (data);
  g_autoptr (Link) other = link_new (data);
  g_autofree guint8 *payload = g_malloc0 (1000);
  g_autoptr (GBytes) frame = link_make_frame (0x82, payload, 1000);
  gsize size = g_bytes_get_size (frame);
  gsize sent = 0;
  gssize n = 0;

  firehose->count_only = TRUE;
  for (sent = 0; sent < 8 * MEGABYTE && n >= 0; sent += (gsize) MAX (n, 0))
    n = send (firehose->fd, (const guint8 *) g_bytes_get_data (frame, NULL) + sent % size,
              size - sent % size, MSG_DONTWAIT);

  link_send_frame (other, 0x82, "me", 2);
  g_assert_true (test_wait (has_any_message, other));
  g_assert_cmpuint (firehose->n_messages * size, <=, 2 * HYPHA_POLLER_SCRATCH);
  if (sent > 2 * HYPHA_POLLER_SCRATCH)
    g_assert_cmpuint (firehose->n_messages * size, <, sent);
}

/* Handlers may end any connection, their own and those whose frames are in the same turn. */
static Link *ring[3];

static void
close_next (gpointer data)
{
  for (int i = 0; i < 3; i++)
    {
      if (ring[i] == data)
        hypha_connection_close (ring[(i + 1) % 3]->connection, HYPHA_CLOSE_POLICY, "next");
    }
}

static gboolean
ring_has_message (gpointer data)
{
  return ring[0]->n_messages + ring[1]->n_messages + ring[2]->n_messages > 0;
}

static void
test_close_others_in_handler (gconstpointer data)
{
  for (int i = 0; i < 3; i++)
    {
      ring[i] = link_new (data);
      ring[i]->on_message = close_next;
    }

  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++)
      link_send_frame (ring[i], 0x82, "x", 1);
  g_assert_true (test_wait (ring_has_message, NULL));
  settle ();

  for (int i = 0; i < 3; i++)
    ring[i]->on_message = NULL;

  for (int i = 0; i < 3; i++)
    {
      g_assert_cmpuint (ring[i]->n_messages, <=, 3);
      link_free (ring[i]);
    }
}

static void
drop_message (HyphaConnection  *connection,
              HyphaFrameType    type,
              const HyphaSlice *slice,
              gpointer          data)
{
  HyphaConnection **owned = data;

  if (*owned != NULL)
    g_object_unref (g_steal_pointer (owned));
}

static void
drop_closed (HyphaConnection *connection,
             guint            code,
             const char      *reason,
             gpointer         data)
{
}

/* The last reference goes in a handler, with more frames behind. */
static void
test_unref_in_handler (void)
{
  static const HyphaConnectionSink sink = { drop_message, drop_closed, NULL };
  g_autoptr (GBytes) frame = link_make_frame (0x82, "x", 1);
  HyphaConnection *connection;
  gpointer watched;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  connection = hypha_websocket_connection_new (fds[0], NULL, NULL, NULL);
  watched = connection;
  g_object_add_weak_pointer (G_OBJECT (connection), &watched);
  hypha_connection_set_sink (connection, &sink, &connection);
  for (int i = 0; i < 3; i++)
    g_assert_cmpint (send (fds[1], g_bytes_get_data (frame, NULL), g_bytes_get_size (frame), 0),
                     ==, g_bytes_get_size (frame));
  settle ();
  g_assert_null (connection);
  g_assert_null (watched);
  g_assert_cmpint (recv (fds[1], &fds[0], 1, 0), <=, 0);
  close (fds[1]);
}

/* What was read before the connection existed comes first, even if it is all that ever comes. */
static void
test_already_read (void)
{
  g_autoptr (Link) link = g_new0 (Link, 1);
  g_autoptr (GBytes) whole = link_make_frame (0x81, "early", 5);
  g_autoptr (GBytes) half = link_make_frame (0x81, "late", 4);
  GByteArray *joined = g_byte_array_new ();
  g_autoptr (GBytes) already = NULL;
  g_autoptr (GBytes) first = NULL;
  g_autoptr (GBytes) second = NULL;
  int fds[2];

  g_byte_array_append (joined, g_bytes_get_data (whole, NULL), (guint) g_bytes_get_size (whole));
  g_byte_array_append (joined, g_bytes_get_data (half, NULL), 4);
  already = g_byte_array_free_to_bytes (joined);

  link->incoming = g_byte_array_new ();
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  link_adopt (link, hypha_websocket_connection_new (fds[0], NULL, already, NULL), fds[1]);
  g_assert_cmpuint (link->n_messages, ==, 0);
  first = link_expect_message (link, HYPHA_FRAME_TEXT);
  g_assert_cmpmem (g_bytes_get_data (first, NULL), g_bytes_get_size (first), "early", 5);

  link_send (link, (const guint8 *) g_bytes_get_data (half, NULL) + 4, g_bytes_get_size (half) - 4);
  second = link_expect_message (link, HYPHA_FRAME_TEXT);
  g_assert_cmpmem (g_bytes_get_data (second, NULL), g_bytes_get_size (second), "late", 4);
}

static void
join_crowd (HyphaServer     *server,
            HyphaConnection *connection,
            const char      *remote_address,
            gpointer         data)
{
  g_ptr_array_add (data, g_object_ref (connection));
}

static guint crowd_size;

static gboolean
crowd_is_complete (gpointer data)
{
  return ((GPtrArray *) data)->len == crowd_size;
}

/* An idle connection costs less than 8 KiB, half a frame in its hands or not. */
static void
test_idle_memory (void)
{
  enum { N = 1000, PER_CONNECTION = 8 * 1024 };
  static const char request[] =
    "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  g_autoptr (HyphaServer) server = hypha_server_new ();
  g_autoptr (GPtrArray) connections = g_ptr_array_new_with_free_func (g_object_unref);
  g_autofree int *fds = g_new (int, N);
  gsize before;

  hypha_server_set_accept (server, join_crowd, connections);
  g_assert_true (hypha_server_listen (server, "127.0.0.1", 0, NULL));
  before = link_get_rss ();
  for (guint i = 0; i < N; i++)
    {
      fds[i] = link_connect (hypha_server_get_port (server));
      g_assert_cmpint (send (fds[i], request, strlen (request), 0), ==, strlen (request));
      crowd_size = i + 1;
      g_assert_true (test_wait (crowd_is_complete, connections));

      /* The start of a frame that never goes on. */
      g_assert_cmpint (send (fds[i], "\x82\xff\0\0\0\0\x01\0\0\0", 10, 0), ==, 10);
    }

  settle ();
  g_assert_cmpuint (link_get_rss (), <, before + N * PER_CONNECTION);
  for (guint i = 0; i < N; i++)
    close (fds[i]);
  settle ();
}

#define add_case(name, func) link_add_case ("/net/websocket-flow/", name, func)

int
main (int    argc,
      char **argv)
{
  int result;

  test_init (&argc, &argv);

  g_test_add_func ("/net/websocket-flow/idle-memory", test_idle_memory);
  g_test_add_func ("/net/websocket-flow/unref-in-handler", test_unref_in_handler);
  g_test_add_func ("/net/websocket-flow/already-read", test_already_read);
  add_case ("queue-budget", test_queue_budget);
  add_case ("queue-cap", test_queue_cap);
  add_case ("stall-timeout", test_stall_timeout);
  add_case ("stall-progress", test_stall_progress);
  add_case ("set-reading", test_set_reading);
  add_case ("close-while-paused", test_close_while_paused);
  add_case ("leave-while-paused", test_leave_while_paused);
  add_case ("stopped-reader-memory", test_stopped_reader_memory);
  add_case ("keep-alive", test_keep_alive);
  add_case ("idle", test_idle);
  add_case ("firehose", test_firehose);
  add_case ("close-others-in-handler", test_close_others_in_handler);

  result = g_test_run ();
  link_stop_server ();
  return result;
}
