/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hypha-poller-private.h"
#include "test-utils.h"

typedef struct _Peer Peer;

struct _Peer
{
  HyphaPollerClient client;
  HyphaPoller      *poller;
  Peer             *victim;
  int               other_end;
  guint             n_ready;
  guint             n_flushed;
  guint             n_expired;
  gboolean          read;
};

static void
peer_remove (Peer *peer)
{
  hypha_poller_remove (peer->poller, &peer->client);
  close (peer->client.fd);
  close (peer->other_end);
  g_clear_pointer (&peer->poller, hypha_poller_unref);
}

static void
peer_ready (HyphaPollerClient *client,
            guint              events)
{
  Peer *self = (Peer *) client;
  char byte;

  self->n_ready++;
  if (self->read)
    g_assert_cmpint (recv (client->fd, &byte, 1, 0), ==, 1);

  if (self->victim != NULL)
    peer_remove (g_steal_pointer (&self->victim));
}

static void
peer_flush (HyphaPollerClient *client)
{
  Peer *self = (Peer *) client;

  self->n_flushed++;
  if (self->victim != NULL)
    peer_remove (g_steal_pointer (&self->victim));
}

static void
peer_expired (HyphaPollerClient *client)
{
  Peer *self = (Peer *) client;

  self->n_expired++;
  if (self->victim != NULL)
    peer_remove (g_steal_pointer (&self->victim));
}

/* Runs a loop inside of a turn until it has nothing to do, and not much longer. */
static void
peer_ready_nested (HyphaPollerClient *client,
                   guint              events)
{
  guint n = 0;

  peer_ready (client, events);
  while (n < 10 && g_main_context_iteration (NULL, FALSE))
    n++;

  g_assert_cmpuint (n, <, 10);
}

static const HyphaPollerFuncs peer_funcs = { peer_ready, peer_flush, peer_expired };

static void
peer_add (Peer *peer)
{
  g_autoptr (GError) error = NULL;
  int fds[2];

  *peer = (Peer){ .read = TRUE };
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  peer->poller = hypha_poller_ref_default (&error);
  g_assert_no_error (error);
  peer->other_end = fds[1];
  g_assert_true (hypha_poller_add (peer->poller, &peer->client, &peer_funcs, fds[0], EPOLLIN,
                                   &error));
  g_assert_no_error (error);
}

static void
peer_poke (Peer *peer)
{
  g_assert_cmpint (send (peer->other_end, "x", 1, 0), ==, 1);
}

static void
settle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
test_poller_one_per_context (void)
{
  g_autoptr (HyphaPoller) first = hypha_poller_ref_default (NULL);
  g_autoptr (HyphaPoller) second = hypha_poller_ref_default (NULL);
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (HyphaPoller) other = NULL;

  g_assert_true (first == second);

  g_main_context_push_thread_default (context);
  other = hypha_poller_ref_default (NULL);
  g_assert_true (other != first);
  g_main_context_pop_thread_default (context);
}

static int
count_fds (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  int n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static void
test_poller_dies_with_last_user (void)
{
  int before = count_fds ();
  HyphaPoller *first = hypha_poller_ref_default (NULL);
  HyphaPoller *second = hypha_poller_ref_default (NULL);

  hypha_poller_unref (first);
  g_assert_cmpint (count_fds (), ==, before + 1);
  hypha_poller_unref (second);
  g_assert_cmpint (count_fds (), ==, before);
}

static void
test_poller_ready (void)
{
  Peer peer;

  peer_add (&peer);
  settle ();
  g_assert_cmpuint (peer.n_ready, ==, 0);

  /* Level-triggered: one byte of two is read in each turn. */
  peer_poke (&peer);
  peer_poke (&peer);
  settle ();
  g_assert_cmpuint (peer.n_ready, ==, 2);

  hypha_poller_set_events (peer.poller, &peer.client, 0);
  peer_poke (&peer);
  settle ();
  g_assert_cmpuint (peer.n_ready, ==, 2);

  hypha_poller_set_events (peer.poller, &peer.client, EPOLLIN);
  settle ();
  g_assert_cmpuint (peer.n_ready, ==, 3);
  peer_remove (&peer);
}

static void
test_poller_removed_in_same_batch (void)
{
  Peer peers[3];
  guint n_ready = 0;
  guint n_left = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (peers); i++)
    peer_add (&peers[i]);

  /* In a ring: whichever comes first takes another one out before its turn, the third the first. */
  for (gsize i = 0; i < G_N_ELEMENTS (peers); i++)
    {
      peers[i].victim = &peers[(i + 1) % G_N_ELEMENTS (peers)];
      peer_poke (&peers[i]);
    }

  settle ();
  for (gsize i = 0; i < G_N_ELEMENTS (peers); i++)
    {
      n_ready += peers[i].n_ready;
      n_left += peers[i].poller != NULL;
      if (peers[i].poller != NULL)
        peer_remove (&peers[i]);
    }

  g_assert_cmpuint (n_ready, ==, 2);
  g_assert_cmpuint (n_left, ==, 1);
}

static void
test_poller_removes_itself (void)
{
  Peer peer;

  peer_add (&peer);
  peer.victim = &peer;
  peer_poke (&peer);
  settle ();
  g_assert_cmpuint (peer.n_ready, ==, 1);
  g_assert_null (peer.poller);
}

static void
test_poller_flush_once (void)
{
  Peer peers[2];
  guint64 turns;

  peer_add (&peers[0]);
  peer_add (&peers[1]);
  turns = hypha_poller_get_turns (peers[0].poller);

  for (int i = 0; i < 5; i++)
    {
      hypha_poller_mark_dirty (peers[0].poller, &peers[0].client);
      hypha_poller_mark_dirty (peers[1].poller, &peers[1].client);
    }

  settle ();
  g_assert_cmpuint (peers[0].n_flushed, ==, 1);
  g_assert_cmpuint (peers[1].n_flushed, ==, 1);
  g_assert_cmpuint (hypha_poller_get_turns (peers[0].poller), ==, turns + 1);

  /* The second is gone before its flush. */
  peers[0].victim = &peers[1];
  hypha_poller_mark_dirty (peers[0].poller, &peers[0].client);
  hypha_poller_mark_dirty (peers[1].poller, &peers[1].client);
  settle ();
  g_assert_cmpuint (peers[0].n_flushed, ==, 2);
  g_assert_cmpuint (peers[1].n_flushed, ==, 1);
  peer_remove (&peers[0]);
}

static gboolean
peer_has_expired (gpointer data)
{
  return ((Peer *) data)->n_expired > 0;
}

static void
test_poller_deadline (void)
{
  gint64 start = g_get_monotonic_time ();
  Peer peers[3];

  for (gsize i = 0; i < G_N_ELEMENTS (peers); i++)
    peer_add (&peers[i]);

  hypha_poller_set_deadline (peers[0].poller, &peers[0].client, start + 60 * 1000);
  hypha_poller_set_deadline (peers[1].poller, &peers[1].client, start + 60 * 1000);
  hypha_poller_set_deadline (peers[2].poller, &peers[2].client, start + G_TIME_SPAN_HOUR);
  peers[0].victim = &peers[1];

  g_assert_true (test_wait (peer_has_expired, &peers[0]));
  g_assert_cmpint (g_get_monotonic_time () - start, >=, 60 * 1000);
  settle ();
  g_assert_cmpuint (peers[0].n_expired, ==, 1);
  g_assert_cmpuint (peers[1].n_expired, ==, 0);
  g_assert_cmpuint (peers[2].n_expired, ==, 0);

  peer_remove (&peers[0]);
  peer_remove (&peers[2]);
}

static gboolean
set_flag (gpointer data)
{
  *(gboolean *) data = TRUE;
  return G_SOURCE_REMOVE;
}

/* Clients without deadlines or traffic cost no wake-up; a removed deadline costs none either. */
static void
test_poller_idle (void)
{
  gboolean flag = FALSE;
  guint64 turns;
  Peer peers[2];

  peer_add (&peers[0]);
  peer_add (&peers[1]);
  hypha_poller_set_deadline (peers[1].poller, &peers[1].client, g_get_monotonic_time () + 100000);
  peer_remove (&peers[1]);
  settle ();
  turns = hypha_poller_get_turns (peers[0].poller);

  g_timeout_add (300, set_flag, &flag);
  g_assert_true (test_wait_flag (&flag));
  g_assert_cmpuint (hypha_poller_get_turns (peers[0].poller), ==, turns);
  peer_remove (&peers[0]);
}

/* Large buffers are given back some time after the traffic has ended, by one wake-up. */
static gboolean
pool_is_empty (gpointer data)
{
  return hypha_buffer_pool_get_size (hypha_poller_get_pool (data)) == 0;
}

static void
test_poller_keep_buffers (void)
{
  gint64 start = g_get_monotonic_time ();
  guint64 turns;
  Peer peer;

  peer_add (&peer);
  hypha_buffer_pool_give (hypha_poller_get_pool (peer.poller), g_malloc (100000), 100000);
  peer_poke (&peer);
  settle ();
  g_assert_false (pool_is_empty (peer.poller));
  turns = hypha_poller_get_turns (peer.poller);

  g_assert_true (test_wait (pool_is_empty, peer.poller));
  g_assert_cmpint (g_get_monotonic_time () - start, >=, HYPHA_POLLER_KEEP_BUFFERS);
  g_assert_cmpuint (hypha_poller_get_turns (peer.poller), ==, turns + 1);
  peer_remove (&peer);
}

static void
test_poller_many (void)
{
  enum { N = 400 };
  g_autofree Peer *peers = g_new (Peer, N);

  for (gsize i = 0; i < N; i++)
    {
      peer_add (&peers[i]);
      peer_poke (&peers[i]);
    }

  settle ();
  for (gsize i = 0; i < N; i++)
    {
      g_assert_cmpuint (peers[i].n_ready, ==, 1);
      peer_remove (&peers[i]);
    }
}

/* The source may recurse, for fewer system calls, but a turn must not begin within another. */
static void
test_poller_loop_in_a_turn (void)
{
  static const HyphaPollerFuncs nested_funcs = { peer_ready_nested, peer_flush, peer_expired };
  Peer peers[2];

  for (guint i = 0; i < 2; i++)
    {
      peer_add (&peers[i]);
      peers[i].client.funcs = &nested_funcs;
      hypha_poller_set_deadline (peers[i].poller, &peers[i].client, 1);
      peer_poke (&peers[i]);
      peer_poke (&peers[i]);
    }

  g_main_context_iteration (NULL, FALSE);
  g_assert_cmpuint (peers[0].n_ready, ==, 1);
  g_assert_cmpuint (peers[1].n_ready, ==, 1);

  settle ();
  for (guint i = 0; i < 2; i++)
    {
      g_assert_cmpuint (peers[i].n_ready, ==, 2);
      g_assert_cmpuint (peers[i].n_expired, ==, 1);
      peer_remove (&peers[i]);
    }
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_func ("/net/poller/one-per-context", test_poller_one_per_context);
  g_test_add_func ("/net/poller/dies-with-last-user", test_poller_dies_with_last_user);
  g_test_add_func ("/net/poller/ready", test_poller_ready);
  g_test_add_func ("/net/poller/removed-in-same-batch", test_poller_removed_in_same_batch);
  g_test_add_func ("/net/poller/removes-itself", test_poller_removes_itself);
  g_test_add_func ("/net/poller/flush-once", test_poller_flush_once);
  g_test_add_func ("/net/poller/loop-in-a-turn", test_poller_loop_in_a_turn);
  g_test_add_func ("/net/poller/deadline", test_poller_deadline);
  g_test_add_func ("/net/poller/idle", test_poller_idle);
  g_test_add_func ("/net/poller/keep-buffers", test_poller_keep_buffers);
  g_test_add_func ("/net/poller/many", test_poller_many);

  return g_test_run ();
}
