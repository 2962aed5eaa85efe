/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-chunk-watch-private.h"
#include "hypha-rpc-codec-private.h"
#include "hypha-shares-private.h"
#include "test-chunk-fixture.h"
#include "test-utils.h"

static void
test_watch_entries_limit (void)
{
  ChunkPair pair = chunk_pair_new ();

  for (guint i = 0; i < HYPHA_CHUNK_WATCH_MAX_ENTRIES; i++)
    {
      g_autofree char *key = g_strdup_printf ("k%u", i);

      g_assert_true (deliver (&pair, "create", g_variant_new_parsed ("[<%s>]", key)));
    }

  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*too many are unfinished*");
  g_assert_false (deliver (&pair, "create", g_variant_new_parsed ("[<'more'>]")));
  test_assert_expected_logs ();
  chunk_pair_free (&pair);
}

#define PIECE (256 * 1024)

/* One call past a watch alone. */
static gboolean
inspect (HyphaChunkWatch *watch,
         const char      *sender,
         const char      *account,
         const char      *target,
         const char      *verb,
         GVariant        *args)
{
  const HyphaChunkRoute route = { .sender = sender, .account = account, .target = target };
  g_autofree char *method = g_strconcat ("services.built-in.message_cache.", verb, NULL);
  g_autoptr (GVariant) extra = g_variant_ref_sink (g_variant_new_parsed ("{'args': <%*>}", args));
  g_autoptr (GBytes) call = hypha_rpc_codec_message (sender, target, method, NULL, NULL, extra);
  g_autoptr (GBytes) instead = NULL;
  HyphaMessage message;
  gsize size;
  const guint8 *data = g_bytes_get_data (call, &size);

  g_assert_true (hypha_message_parse (&message, data, size, NULL));
  return hypha_chunk_watch_inspect (watch, &route, &message, &instead, NULL);
}

/* Begins a message, and sends pieces before their turn until one is refused; how many passed. */
static guint
send_ahead (HyphaChunkWatch *watch,
            const char      *sender,
            const char      *account,
            const char      *key)
{
  g_autofree guint8 *zeros = g_malloc0 (PIECE);
  guint n = 0;

  if (!inspect (watch, sender, account, "ws-t/t", "create", g_variant_new_parsed ("[<%s>]", key)))
    return 0;

  while (inspect (watch, sender, account, "ws-t/t", "set",
                  g_variant_new_parsed ("[<%s>, <%x>, <%*>]", key, (gint64) n + 1,
                                        g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, zeros,
                                                                   PIECE, 1))))
    n++;

  return n;
}

/* It is one limit for all messages of a sender, and what is checked does not count any more. */
static void
test_watch_ahead_limit (void)
{
  g_autoptr (HyphaChunkWatch) watch = hypha_chunk_watch_new ();
  const guint most = HYPHA_CHUNK_WATCH_MAX_AHEAD / PIECE;
  g_autoptr (GByteArray) bytes = message_new (CALL, "{'args': <@av []>}");
  gsize held;

  g_assert_cmpuint (send_ahead (watch, "ws-a/a", "alice", "k"), ==, most - 1);
  g_assert_cmpuint (send_ahead (watch, "ws-a/a", "alice", "l"), ==, 0);
  g_assert_cmpuint (send_ahead (watch, "ws-a/b", "alice", "m"), >, most / 2);

  held = hypha_chunk_watch_get_bytes (watch);
  g_assert_true (inspect (watch, "ws-a/b", "alice", "ws-t/t", "remove",
                          g_variant_new_parsed ("[<'m'>]")));
  g_assert_cmpuint (hypha_chunk_watch_get_bytes (watch), <, held);
  g_assert_true (inspect (watch, "ws-a/b", "alice", "ws-t/t", "create",
                          g_variant_new_parsed ("[<'n'>]")));
  held = hypha_chunk_watch_get_bytes (watch);
  g_assert_true (inspect (watch, "ws-a/b", "alice", "ws-t/t", "set",
                          g_variant_new_parsed ("[<'n'>, <int64 1>, <%*>]",
                                                piece (bytes, 20, bytes->len))));
  g_assert_cmpuint (hypha_chunk_watch_get_bytes (watch), >, held);
  g_assert_true (inspect (watch, "ws-a/b", "alice", "ws-t/t", "set",
                          g_variant_new_parsed ("[<'n'>, <int64 0>, <%*>]", piece (bytes, 0, 20))));
  g_assert_cmpuint (hypha_chunk_watch_get_bytes (watch), ==, held);
}

/* Guests keep nobody from sending who is none, and a user no other. */
static void
test_watch_shares (void)
{
  g_autoptr (HyphaChunkWatch) watch = hypha_chunk_watch_new ();
  const guint most = HYPHA_CHUNK_WATCH_MAX_AHEAD / PIECE - 1;
  gsize held;

  for (guint i = 0; i < 40; i++)
    {
      g_autofree char *guest = g_strdup_printf ("ws-anonymous-%u/g", i);

      send_ahead (watch, guest, HYPHA_SHARES_GUESTS, guest);
    }

  held = hypha_chunk_watch_get_bytes (watch);
  g_assert_cmpuint (held, >, HYPHA_CHUNK_WATCH_MAX_GUESTS / 2);
  g_assert_cmpuint (held, <=, HYPHA_CHUNK_WATCH_MAX_GUESTS);
  g_assert_cmpuint (send_ahead (watch, "ws-a/a", "alice", "k"), ==, most);
  g_assert_cmpuint (send_ahead (watch, "ws-b/b", "bob", "k2"), ==, most);
}

static gboolean
is_idle (gpointer data)
{
  return !hypha_chunk_watch_is_sweeping (data);
}

/* A message that nobody goes on with is given up, and then nothing wakes up for it any more. */
static void
test_watch_age (void)
{
  g_autoptr (HyphaChunkWatch) watch = hypha_chunk_watch_new ();
  gint64 begun = g_get_monotonic_time ();

  hypha_chunk_watch_set_max_age (watch, 200);
  g_assert_false (hypha_chunk_watch_is_sweeping (watch));
  send_ahead (watch, "ws-a/a", "alice", "k");
  g_assert_true (hypha_chunk_watch_is_sweeping (watch));
  g_assert_true (test_wait (is_idle, watch));
  g_assert_cmpint (g_get_monotonic_time () - begun, >=, 200 * 1000);
  g_assert_cmpuint (hypha_chunk_watch_get_n_entries (watch), ==, 0);
  g_assert_cmpuint (hypha_chunk_watch_get_bytes (watch), ==, 0);
  g_assert_false (inspect (watch, "ws-a/a", "alice", "ws-t/t", "set",
                           g_variant_new_parsed ("[<'k'>, <int64 0>, <@ay [1]>]")));
}

/* Whoever goes takes along what it sent and what was sent to it, and nothing else. */
static void
test_watch_forgets (void)
{
  g_autoptr (HyphaChunkWatch) watch = hypha_chunk_watch_new ();

  for (guint i = 0; i < 3; i++)
    {
      g_autofree char *key = g_strdup_printf ("k%u", i);
      GVariant *args = g_variant_ref_sink (g_variant_new_parsed ("[<%s>]", key));

      g_assert_true (inspect (watch, "ws-a/a", "alice", "ws-t/t", "create", args));
      g_assert_true (inspect (watch, "ws-b/b", "bob", "ws-a/a", "create", args));
      g_assert_true (inspect (watch, "ws-b/b", "bob", "ws-c/c", "create", args));
      g_variant_unref (args);
    }

  hypha_chunk_watch_forget (watch, "ws-a/a");
  g_assert_cmpuint (hypha_chunk_watch_get_n_entries (watch), ==, 3);
  g_assert_true (hypha_chunk_watch_is_sweeping (watch));
  hypha_chunk_watch_forget (watch, "ws-b/b");
  g_assert_cmpuint (hypha_chunk_watch_get_n_entries (watch), ==, 0);
  g_assert_cmpuint (hypha_chunk_watch_get_bytes (watch), ==, 0);
  g_assert_false (hypha_chunk_watch_is_sweeping (watch));
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/hub/chunk-watch/entries-limit", test_watch_entries_limit);
  g_test_add_func ("/hub/chunk-watch/ahead-limit", test_watch_ahead_limit);
  g_test_add_func ("/hub/chunk-watch/shares", test_watch_shares);
  g_test_add_func ("/hub/chunk-watch/age", test_watch_age);
  g_test_add_func ("/hub/chunk-watch/forgets", test_watch_forgets);
  return g_test_run ();
}
