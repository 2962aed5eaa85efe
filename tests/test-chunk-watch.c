/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-chunk-call-private.h"
#include "test-chunk-fixture.h"
#include "test-utils.h"

static void
test_watch_passes_good_pieces (void)
{
  ChunkPair pair = chunk_pair_new ();
  g_autoptr (GByteArray) bytes = message_new (CALL, ARGS);

  g_assert_true (deliver (&pair, "create", g_variant_new_parsed ("[<'k'>, <false>]")));
  /* Out of order, as concurrent senders may. */
  g_assert_true (deliver (&pair, "set", g_variant_new_parsed ("[<'k'>, <int64 1>, <%*>, <false>]",
                                                              piece (bytes, 20, bytes->len))));
  g_assert_true (deliver (&pair, "set", g_variant_new_parsed ("[<'k'>, <int64 0>, <%*>, <false>]",
                                                              piece (bytes, 0, 20))));
  g_assert_true (deliver (&pair, "process", g_variant_new_parsed ("[<'k'>, <false>]")));
  chunk_pair_free (&pair);
}

/* H27 in pieces: what the receiver would merge over the trusted sender never gets whole. */
static void
test_watch_refuses_forged_pieces (void)
{
  ChunkPair pair = chunk_pair_new ();
  g_autoptr (GByteArray) bytes = NULL;

  bytes = message_new (CALL, "{'args': <@av []>, 'from': <'ws-b/b'>}");
  g_assert_true (deliver (&pair, "create", g_variant_new_parsed ("[<'k'>, <false>]")));
  g_assert_true (deliver (&pair, "append", g_variant_new_parsed ("[<'k'>, <%*>, <false>]",
                                                                 piece (bytes, 0, 30))));
  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*unexpected key in extra segment*");
  g_assert_false (deliver (&pair, "append", g_variant_new_parsed ("[<'k'>, <%*>, <false>]",
                                                                  piece (bytes, 30, bytes->len))));
  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*it is not whole*");
  g_assert_false (deliver (&pair, "process", g_variant_new_parsed ("[<'k'>, <false>]")));
  test_assert_expected_logs ();
  chunk_pair_free (&pair);
}

static void
test_watch_refuses_tricks (void)
{
  ChunkPair pair = chunk_pair_new ();
  g_autoptr (GByteArray) bytes = message_new (CALL, ARGS);

  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*it was not begun*");
  g_assert_false (deliver (&pair, "append", g_variant_new_parsed ("[<'k'>, <@ay [1]>]")));
  g_assert_true (deliver (&pair, "create", g_variant_new_parsed ("[<'k'>, <false>]")));
  g_assert_true (deliver (&pair, "set", g_variant_new_parsed ("[<'k'>, <int64 0>, <%*>]",
                                                              piece (bytes, 0, bytes->len))));
  /* A piece in the place of one that was checked. */
  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*a piece came twice*");
  g_assert_false (deliver (&pair, "set", g_variant_new_parsed ("[<'k'>, <int64 0>, <@ay [1]>]")));
  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*its key is taken*");
  g_assert_false (deliver (&pair, "create", g_variant_new_parsed ("[<'k'>, <false>]")));
  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*no such method*");
  g_assert_false (deliver (&pair, "other", g_variant_new_parsed ("[<'k'>]")));
  g_assert_true (deliver (&pair, "remove", g_variant_new_parsed ("[<'k'>]")));
  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*it was not begun*");
  g_assert_false (deliver (&pair, "process", g_variant_new_parsed ("[<'k'>]")));
  test_assert_expected_logs ();
  chunk_pair_free (&pair);
}

/* What was checked and what the receiver keeps must be the same bytes, whatever it refuses. */
static void
test_watch_keeps_in_step (void)
{
  ChunkPair pair = chunk_pair_new ();
  static const struct
  {
    const char *verb;
    const char *args;
  } refused[] = {
    /* The receiver takes the first bytes for the piece. */
    { "append", "[<'k'>, <@ay [1]>, <@ay [2]>]" },
    { "append", "[<'k'>, <int64 1>, <@ay [2]>]" },
    { "set", "[<'k'>, <int64 0>, <@ay [1]>, <int64 1>]" },
    { "set", "[<'k'>, <@ay [1]>]" },
    { "create", "[<'x'>, <int64 1>]" },
    { "create", "[<'x'>, <false>, <@ay [1]>]" },
    { "process", "[<'k'>, <false>, <{'from': <'ws-b/b'>}>]" },
    /* It has no such session, so it keeps nothing of this. */
    { "append", "[<'k'>, <@ay [1]>, <true>]" },
    { "process", "[<'k'>, <true>]" },
    /* It puts this behind all others, here it would be the next. */
    { "set", "[<'k'>, <int64 1>, <@ay [1]>]" },
  };

  g_assert_true (deliver (&pair, "create", g_variant_new_parsed ("[<'k'>, <false>]")));
  g_assert_true (deliver (&pair, "append", g_variant_new_parsed ("[<'k'>, <@ay [0x82]>]")));
  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*Invalid message in pieces*");
      g_assert_false (deliver (&pair, refused[i].verb, g_variant_new_parsed (refused[i].args)));
    }

  test_assert_expected_logs ();
  chunk_pair_free (&pair);
}

/* The receiver may have pieces of somebody who has gone: they are no beginning of a new message. */
static void
test_watch_begins_anew (void)
{
  ChunkPair pair = chunk_pair_new ();
  g_autoptr (GVariant) extra = NULL;
  g_autoptr (GVariant) envelope = NULL;
  g_autofree char *text = NULL;

  client_send (pair.a,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <'ws-b/b'>, 'session': <'s'>,"
                                     " 'method': <'services.built-in.message_cache.create'>}"),
               g_variant_new_parsed ("{'args': <[<'k'>, <true>]>, 'promise': <'*'>, 't': <5.5>}"));
  envelope = client_take (pair.b, &extra);
  text = g_variant_print (extra, FALSE);
  g_assert_cmpstr (text, ==, "{'args': <[<'k'>, <false>, <true>]>, 'promise': <'*'>, 't': <5.5>}");
  chunk_pair_free (&pair);
}

/* What a receiver would not store, or not decode, must not be counted as a piece here. */
static void
test_watch_counts_what_receivers_keep (void)
{
  ChunkPair pair = chunk_pair_new ();
  g_autofree char *long_key = g_strnfill (HYPHA_CHUNK_CALL_MAX_KEY + 1, 'k');
  g_autofree guint8 *zeros = g_malloc0 (HYPHA_CHUNK_CALL_MAX_SIZE);
  static const char *const extras[] = {
    "{'args': <[<'k'>, <@ay [1]>]>, 'data': <{'a': <int64 1>}>}",
    "{'args': <[<'k'>, <@ay [1]>]>, 'promise': <{'a': <@av []>, 'b': <[<'\\xff'>]>}>, 't': <@ay [1]>,"
    " 'more': <int64 1>}",
  };

  g_assert_true (deliver (&pair, "create", g_variant_new_parsed ("[<'k'>]")));
  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*unexpected arguments*");
  g_assert_false (deliver (&pair, "append", g_variant_new_parsed (
                             "[<'k'>, <@ay [1]>, <false>, <@mv nothing>]")));
  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*unexpected arguments*");
  g_assert_false (deliver (&pair, "append", g_variant_new_parsed ("[<'k'>, <@ay []>, <false>]")));
  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*unexpected arguments*");
  g_assert_false (deliver (&pair, "create", g_variant_new_parsed ("[<%s>]", long_key)));
  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*a piece is too long*");
  g_assert_false (deliver (&pair, "append", g_variant_new_parsed (
                             "[<'k'>, <%*>]", g_variant_new_fixed_array (
                               G_VARIANT_TYPE_BYTE, zeros, HYPHA_CHUNK_CALL_MAX_SIZE, 1))));

  for (gsize i = 0; i < G_N_ELEMENTS (extras); i++)
    {
      test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*refused*");
      client_send (pair.a,
                   g_variant_new_parsed ("{'type': <'method'>, 'to': <'ws-b/b'>, 'session': <'s'>,"
                                         " 'method': <'services.built-in.message_cache.append'>}"),
                   g_variant_new_parsed (extras[i]));
      g_variant_unref (client_take (pair.a, NULL));
    }

  test_assert_expected_logs ();
  chunk_pair_free (&pair);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/hub/chunk-watch/passes-good-pieces", test_watch_passes_good_pieces);
  g_test_add_func ("/hub/chunk-watch/refuses-forged-pieces", test_watch_refuses_forged_pieces);
  g_test_add_func ("/hub/chunk-watch/refuses-tricks", test_watch_refuses_tricks);
  g_test_add_func ("/hub/chunk-watch/keeps-in-step", test_watch_keeps_in_step);
  g_test_add_func ("/hub/chunk-watch/begins-anew", test_watch_begins_anew);
  g_test_add_func ("/hub/chunk-watch/counts-what-receivers-keep",
                   test_watch_counts_what_receivers_keep);
  return g_test_run ();
}
