/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-chunk-call-private.h"
#include "hypha-chunk-watch-private.h"
#include "hypha-message-scanner-private.h"
#include "hypha-rpc-codec-private.h"
#include "hypha-shares-private.h"
#include "test-hub-fixture.h"
#include "test-utils.h"

/* A call as it lies in pieces; extra is the text of a GVariant. */
static GByteArray *
message_new (const char *envelope,
             const char *extra)
{
  GByteArray *out = g_byte_array_new ();
  g_autoptr (GVariant) first = g_variant_ref_sink (g_variant_new_parsed (envelope));
  g_autoptr (GVariant) second = g_variant_ref_sink (g_variant_new_parsed (extra));

  hypha_msgpack_encode (out, first);
  hypha_msgpack_encode (out, second);
  return out;
}

#define CALL "{'type': <'method'>, 'from': <'x'>, 'to': <'ws-b/b'>, 'method': <'services.s.f'>}"
#define ARGS "{'args': <[<'a'>, <int64 300>, <2.5>, <@ay [1, 2, 3]>, <{'k': <@av []>}>]>," \
             " 'promise': <'*'>, 't': <int64 15>}"

/* In pieces of every size, a message is what it is as a whole. */
static void
assert_scanned (const char *envelope,
                const char *extra,
                gboolean    good)
{
  g_autoptr (GByteArray) bytes = message_new (envelope, extra);

  for (guint step = 1; step <= bytes->len; step++)
    {
      g_autoptr (HyphaMessageScanner) scanner = hypha_message_scanner_new ();
      gboolean fed = TRUE;

      for (guint i = 0; i < bytes->len && fed; i += step)
        fed = hypha_message_scanner_feed (scanner, bytes->data + i, MIN (step, bytes->len - i),
                                          NULL);

      g_assert_cmpint (fed && hypha_message_scanner_is_done (scanner), ==, good);
    }
}

static void
test_scanner (void)
{
  assert_scanned (CALL, ARGS, TRUE);
  assert_scanned (CALL, "@a{sv} {}", TRUE);
  assert_scanned (CALL, "{'args': <@av []>, 'from': <'ws-b/victim'>}", FALSE);
  assert_scanned (CALL, "{'ctx': <{'ws': <'ws-b'>}>}", FALSE);
  assert_scanned (CALL, "{'type': <'force-exit'>}", FALSE);
  assert_scanned (CALL, "[<'args'>]", FALSE);
  assert_scanned (CALL, "'text'", FALSE);
  assert_scanned ("{'type': <'custom'>}", "@a{sv} {}", FALSE);
  assert_scanned ("{'type': <'method'>, 'caller_public_key': <'x'>}", "@a{sv} {}", FALSE);
}

static void
test_scanner_trailing_bytes (void)
{
  g_autoptr (GByteArray) bytes = message_new (CALL, ARGS);
  g_autoptr (HyphaMessageScanner) scanner = hypha_message_scanner_new ();

  g_byte_array_append (bytes, (const guint8 *) "\x80", 1);
  g_assert_false (hypha_message_scanner_feed (scanner, bytes->data, bytes->len, NULL));
  g_assert_false (hypha_message_scanner_feed (scanner, bytes->data, 1, NULL));
}

static void
test_scanner_envelope_limit (void)
{
  g_autoptr (HyphaMessageScanner) scanner = hypha_message_scanner_new ();
  g_autofree char *huge = g_strnfill (HYPHA_SCANNER_MAX_ENVELOPE, 'x');
  g_autofree char *envelope = g_strdup_printf ("{'type': <'method'>, 'method': <'%s'>}", huge);
  g_autoptr (GByteArray) bytes = message_new (envelope, "@a{sv} {}");

  g_assert_false (hypha_message_scanner_feed (scanner, bytes->data, bytes->len, NULL));
}

static void
test_scanner_depth_limit (void)
{
  g_autoptr (HyphaMessageScanner) scanner = hypha_message_scanner_new ();
  g_autoptr (GByteArray) bytes = message_new (CALL, "{'args': <int64 0>}");
  g_autofree guint8 *nest = g_malloc (HYPHA_MSGPACK_MAX_SKIP_DEPTH);

  memset (nest, 0x91, HYPHA_MSGPACK_MAX_SKIP_DEPTH);
  g_assert_true (hypha_message_scanner_feed (scanner, bytes->data, bytes->len - 1, NULL));
  g_assert_false (hypha_message_scanner_feed (scanner, nest, HYPHA_MSGPACK_MAX_SKIP_DEPTH, NULL));
}

/* Two clients that share no workspace. */
typedef struct
{
  Hub    *hub;
  Client *a;
  Client *b;
} Pair;

static Pair
pair_new (void)
{
  Pair pair = { .hub = hub_new () };
  g_autofree char *alice = hub_token (pair.hub, "ws-a", "alice");
  g_autofree char *bob = hub_token (pair.hub, "ws-b", "bob");

  pair.a = hub_connect (pair.hub, "a", alice);
  pair.b = hub_connect (pair.hub, "b", bob);
  return pair;
}

static void
pair_free (Pair *pair)
{
  client_free (pair->a);
  client_free (pair->b);
  hub_free (pair->hub);
}

/* Sends one call of the cache; TRUE if it got to the receiver, FALSE if it was rejected. */
static gboolean
deliver (Pair       *pair,
         const char *verb,
         GVariant   *args)
{
  g_autofree char *method = g_strconcat ("services.built-in.message_cache.", verb, NULL);
  g_autoptr (GVariant) received = NULL;
  g_autoptr (GVariant) answer = NULL;
  const char *session = NULL;

  client_send (pair->a,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <'ws-b/b'>, 'method': <%s>,"
                                     " 'session': <'s'>}", method),
               g_variant_new_parsed ("{'args': <%*>, 'promise': <'*'>, 't': <int64 15>}", args));
  /* Whatever happened to it has happened when the next message is through. */
  client_send (pair->a,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <'ws-b/b'>, 'method': <'end'>}"),
               NULL);
  received = client_take (pair->b, NULL);
  g_variant_lookup (received, "method", "&s", &session);
  if (g_str_equal (session, "end"))
    {
      answer = client_take (pair->a, NULL);
      g_variant_lookup (answer, "method", "&s", &session);
      g_assert_cmpstr (session, ==, "s.reject");
      return FALSE;
    }

  answer = client_take (pair->b, NULL);
  return TRUE;
}

static GVariant *
piece (GByteArray *bytes,
       guint       from,
       guint       to)
{
  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, bytes->data + from, to - from, 1);
}

static void
test_watch_passes_good_pieces (void)
{
  Pair pair = pair_new ();
  g_autoptr (GByteArray) bytes = message_new (CALL, ARGS);

  g_assert_true (deliver (&pair, "create", g_variant_new_parsed ("[<'k'>, <false>]")));
  /* Out of order, as concurrent senders may. */
  g_assert_true (deliver (&pair, "set", g_variant_new_parsed ("[<'k'>, <int64 1>, <%*>, <false>]",
                                                              piece (bytes, 20, bytes->len))));
  g_assert_true (deliver (&pair, "set", g_variant_new_parsed ("[<'k'>, <int64 0>, <%*>, <false>]",
                                                              piece (bytes, 0, 20))));
  g_assert_true (deliver (&pair, "process", g_variant_new_parsed ("[<'k'>, <false>]")));
  pair_free (&pair);
}

/* H27 in pieces: what the receiver would merge over the trusted sender never gets whole. */
static void
test_watch_refuses_forged_pieces (void)
{
  Pair pair = pair_new ();
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
  pair_free (&pair);
}

static void
test_watch_refuses_tricks (void)
{
  Pair pair = pair_new ();
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
  pair_free (&pair);
}

/* What was checked and what the receiver keeps must be the same bytes, whatever it refuses. */
static void
test_watch_keeps_in_step (void)
{
  Pair pair = pair_new ();
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
  pair_free (&pair);
}

/* The receiver may have pieces of somebody who has gone: they are no beginning of a new message. */
static void
test_watch_begins_anew (void)
{
  Pair pair = pair_new ();
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
  pair_free (&pair);
}

/* Sends a piece in a call with this envelope and extra besides; TRUE if it is not rejected. */
static gboolean
deliver_odd (Pair       *pair,
             const char *envelope,
             const char *extra)
{
  g_autofree char *first = g_strconcat ("{'type': <'method'>, 'to': <'ws-b/b'>, 'method':"
                                        " <'services.built-in.message_cache.append'>", envelope,
                                        "}", NULL);
  g_autofree char *second = g_strconcat ("{'args': <[<'k'>, <@ay [1]>]>", extra, "}", NULL);

  client_send (pair->a, g_variant_new_parsed (first), g_variant_new_parsed (second));
  client_send (pair->a, g_variant_new_parsed ("{'type': <'method'>, 'to': <'ws-b/b'>,"
                                              " 'method': <'end'>}"), NULL);

  for (guint n = 0;; n++)
    {
      g_autoptr (GVariant) received = client_take (pair->b, NULL);
      const char *method = NULL;

      g_variant_lookup (received, "method", "&s", &method);
      if (g_str_equal (method, "end"))
        return n > 0;
    }
}

#define SESSION ", 'session': <'s'>"
#define FUNCTION "{'_rtype': <'method'>, '_rtarget': <'a'>, '_rmethod': <'s.x'>, '_rdoc': <@mv nothing>}"
#define PROMISE(resolve, reject, more) \
  ", 'promise': <{'resolve': <" resolve ">, 'reject': <" reject ">" more "}>"

/* H27: a call that a receiver makes nothing of delivers no piece there, so it must not count here. */
static void
test_watch_refuses_broken_calls (void)
{
  static const struct
  {
    const char *envelope;
    const char *extra;
  } odd[] = {
    { SESSION, ", 'promise': <@mv nothing>" },
    { SESSION, ", 'promise': <@a{sv} {}>" },
    { SESSION, ", 'promise': <true>" },
    { SESSION, ", 'promise': <'x'>" },
    { SESSION, ", 'promise': <'*'>" },
    { SESSION, ", 'promise': <'*'>, 't': <'15'>" },
    { SESSION, ", 'promise': <'*'>, 't': <{'_rtype': <'iostream'>, '_rnative': <'js:blob'>}>" },
    { "", ", 'promise': <'*'>, 't': <int64 15>" },
    { "", PROMISE (FUNCTION, FUNCTION, "") },
    { SESSION, ", 'promise': <{'resolve': <" FUNCTION ">}>" },
    { SESSION, PROMISE (FUNCTION, "int64 1", "") },
    { SESSION, PROMISE (FUNCTION, "{'_rtype': <'error'>}", "") },
    { SESSION, PROMISE (FUNCTION, "{'_rtype': <'method'>, '_rtarget': <int64 1>,"
                                  " '_rmethod': <'s.x'>}", "") },
    { SESSION, PROMISE (FUNCTION, FUNCTION, ", 'interval': <{'_rtype': <'error'>}>") },
    { SESSION, PROMISE (FUNCTION, FUNCTION, ", 'heartbeat': <@a{sv} {}>") },
    { SESSION, PROMISE (FUNCTION, FUNCTION, ", '_rtype': <'error'>") },
    { ", 'session': <'s.f.x'>", "" },
    { ", 'parent': <'p'>", "" },
  };
  Pair pair = pair_new ();

  g_assert_true (deliver (&pair, "create", g_variant_new_parsed ("[<'k'>, <false>]")));
  for (gsize i = 0; i < G_N_ELEMENTS (odd); i++)
    {
      test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*refused*unexpected*");
      g_assert_false (deliver_odd (&pair, odd[i].envelope, odd[i].extra));
    }

  g_assert_true (deliver_odd (&pair, "", ""));
  g_assert_true (deliver_odd (&pair, SESSION, ", 'promise': <'*'>, 't': <15.5>"));
  g_assert_true (deliver_odd (&pair, SESSION, PROMISE (FUNCTION, FUNCTION, "")));
  g_assert_true (deliver_odd (&pair, SESSION, PROMISE (FUNCTION, FUNCTION, ", 'interval': <int64 15>,"
                                                       " 'heartbeat': <" FUNCTION ">")));
  test_assert_expected_logs ();
  pair_free (&pair);
}

/* Receivers have to agree with us about which message it is. */
static void
test_watch_refuses_odd_keys (void)
{
  static const char *const keys[] = { "", "\xef\xbb\xbfk", "gr\xc3\xbcn", "a b", "__proto__",
                                      "services", "message_cache", "k.constructor", "k.timer" };
  Pair pair = pair_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*unexpected arguments*");
      g_assert_false (deliver (&pair, "create", g_variant_new_parsed ("[<%s>]", keys[i])));
    }

  g_assert_true (deliver (&pair, "create", g_variant_new_parsed ("[<'S-1_x.y'>]")));
  test_assert_expected_logs ();
  pair_free (&pair);
}

/* H27: nobody names sessions to a receiver, in a message that comes in pieces either. */
static void
test_watch_drops_parent (void)
{
  Pair pair = pair_new ();
  g_autoptr (GByteArray) bytes = NULL;
  g_autoptr (GVariant) extra = NULL;
  g_autoptr (GVariant) args = NULL;
  g_autoptr (GVariant) first = NULL;
  g_autofree char *text = NULL;

  bytes = message_new ("{'type': <'method'>, 'method': <'s.f'>, 'parent': <'s'>}", ARGS);
  g_assert_true (deliver (&pair, "create", g_variant_new_parsed ("[<'k'>]")));
  client_send (pair.a,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <'ws-b/b'>,"
                                     " 'method': <'services.built-in.message_cache.append'>}"),
               g_variant_new_parsed ("{'args': <[<'k'>, <%*>]>}", piece (bytes, 0, bytes->len)));
  g_variant_unref (client_take (pair.b, &extra));
  args = g_variant_lookup_value (extra, "args", G_VARIANT_TYPE ("av"));
  g_variant_get_child (args, 1, "v", &first);
  g_assert_cmpuint (g_variant_get_size (first), ==, bytes->len);
  text = g_strndup (g_variant_get_data (first), 40);
  g_assert_nonnull (strstr (text, "-arent"));
  g_assert_true (deliver (&pair, "process", g_variant_new_parsed ("[<'k'>]")));

  /* It would be with the receiver before it is known what it is. */
  g_assert_true (deliver (&pair, "create", g_variant_new_parsed ("[<'k'>]")));
  g_assert_true (deliver (&pair, "append", g_variant_new_parsed ("[<'k'>, <%*>]",
                                                                 piece (bytes, 0, 30))));
  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*its envelope is cut up*");
  g_assert_false (deliver (&pair, "append", g_variant_new_parsed ("[<'k'>, <%*>]",
                                                                  piece (bytes, 30, bytes->len))));
  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*it is not whole*");
  g_assert_false (deliver (&pair, "process", g_variant_new_parsed ("[<'k'>]")));
  test_assert_expected_logs ();
  pair_free (&pair);
}

#define SEALED "{'_enc': <{'v': <int64 2>, 'pub': <@ay [1]>, 'nonce': <@ay [2]>}>, 'data': <@ay [3, 4]>}"

/* What is encrypted before it is cut up passes; so do pieces of it that come before their turn. */
static void
test_watch_passes_sealed_message (void)
{
  Pair pair = pair_new ();
  g_autoptr (GByteArray) bytes = message_new (CALL, SEALED);

  g_assert_true (deliver (&pair, "create", g_variant_new_parsed ("[<'k'>, <false>]")));
  g_assert_true (deliver (&pair, "set", g_variant_new_parsed ("[<'k'>, <int64 1>, <%*>]",
                                                              piece (bytes, 60, bytes->len))));
  g_assert_true (deliver (&pair, "set", g_variant_new_parsed ("[<'k'>, <int64 0>, <%*>]",
                                                              piece (bytes, 0, 60))));
  g_assert_true (deliver (&pair, "process", g_variant_new_parsed ("[<'k'>, <false>]")));
  pair_free (&pair);
}

/*
 * Once one is refused, so is the rest: the receiver must not put together what came after it, which
 * could be a message of its own.
 */
static void
test_watch_refuses_sealed_message (void)
{
  Pair pair = pair_new ();
  g_autoptr (GByteArray) bytes = message_new (CALL, SEALED);

  hypha_router_set_refuse_sealed (pair.hub->router, TRUE);
  g_assert_true (deliver (&pair, "create", g_variant_new_parsed ("[<'k'>, <false>]")));
  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*it is encrypted*");
  g_assert_false (deliver (&pair, "append", g_variant_new_parsed ("[<'k'>, <%*>]",
                                                                  piece (bytes, 0, bytes->len - 1))));
  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*it was wrong before*");
  g_assert_false (deliver (&pair, "append", g_variant_new_parsed ("[<'k'>, <%*>]",
                                                                  piece (bytes, bytes->len - 1,
                                                                         bytes->len))));
  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*it is not whole*");
  g_assert_false (deliver (&pair, "process", g_variant_new_parsed ("[<'k'>]")));
  test_assert_expected_logs ();
  pair_free (&pair);
}

/* Pieces that are encrypted themselves could not be checked, so they could name any sender. */
static void
test_watch_refuses_sealed_pieces (void)
{
  Pair pair = pair_new ();
  g_autoptr (GVariant) answer = NULL;

  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*unexpected arguments*");
  client_send (pair.a,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <'ws-b/b'>, 'session': <'s'>, 'method':"
                                     " <'services.built-in.message_cache.process'>}"),
               g_variant_new_parsed (SEALED));
  answer = client_take (pair.a, NULL);
  g_assert_nonnull (answer);
  g_assert_null (g_queue_peek_head (&pair.b->binaries));
  test_assert_expected_logs ();
  pair_free (&pair);
}

static void
test_watch_entries_limit (void)
{
  Pair pair = pair_new ();

  for (guint i = 0; i < HYPHA_CHUNK_WATCH_MAX_ENTRIES; i++)
    {
      g_autofree char *key = g_strdup_printf ("k%u", i);

      g_assert_true (deliver (&pair, "create", g_variant_new_parsed ("[<%s>]", key)));
    }

  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*too many are unfinished*");
  g_assert_false (deliver (&pair, "create", g_variant_new_parsed ("[<'more'>]")));
  test_assert_expected_logs ();
  pair_free (&pair);
}

/* What a receiver would not store, or not decode, must not be counted as a piece here. */
static void
test_watch_counts_what_receivers_keep (void)
{
  Pair pair = pair_new ();
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
  pair_free (&pair);
}

/* H27: what is put together must not lead past the watch, by calls of the cache or by attributes. */
static void
test_watch_refuses_calls_of_the_cache (void)
{
  static const char *const methods[] = { "services.built-in.message_cache.append",
                                         "services.built-in.ping.__self__._append_message",
                                         "services.built-in.ping" };
  Pair pair = pair_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (methods); i++)
    {
      g_autofree char *call = g_strdup_printf ("{'type': <'method'>, 'method': <'%s'>,"
                                               " 'parent': <'%s'>}", methods[i],
                                               i == 2 ? "services.built-in" : "s");
      g_autoptr (GByteArray) bytes = message_new (call, "{'args': <[<'n'>, <@ay [1]>, <false>]>}");
      g_autofree char *key = g_strdup_printf ("k%" G_GSIZE_FORMAT, i);

      g_assert_true (deliver (&pair, "create", g_variant_new_parsed ("[<%s>]", key)));
      test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, i == 0 ?
                       "*pieces may not come in pieces*" : i == 1 ? "*no part of a method's name*" :
                       "*no part of a parent session's name*");
      g_assert_false (deliver (&pair, "append", g_variant_new_parsed (
                                 "[<%s>, <%*>]", key, piece (bytes, 0, bytes->len))));
      test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*it is not whole*");
      g_assert_false (deliver (&pair, "process", g_variant_new_parsed ("[<%s>]", key)));
    }

  test_assert_expected_logs ();
  pair_free (&pair);
}

/* H27: nobody checks for each receiver what goes to all, so it goes to none. */
static void
test_watch_refuses_broadcast (void)
{
  static const char *const targets[] = { "*", "ws-a/*" };
  Pair pair = pair_new ();
  g_autofree char *alice = hub_token (pair.hub, "ws-a", "alice");
  g_autoptr (Client) other = hub_connect (pair.hub, "other", alice);

  for (gsize i = 0; i < G_N_ELEMENTS (targets); i++)
    {
      g_autoptr (GVariant) answer = NULL;
      const char *method = NULL;

      test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*it must go to one client*");
      client_send (pair.a,
                   g_variant_new_parsed ("{'type': <'method'>, 'to': <%s>, 'session': <'s'>,"
                                         " 'method': <'services.built-in.message_cache.create'>}",
                                         targets[i]),
                   g_variant_new_parsed ("{'args': <[<'k'>]>}"));
      answer = client_take (pair.a, NULL);
      g_variant_lookup (answer, "method", "&s", &method);
      g_assert_cmpstr (method, ==, "s.reject");
      g_assert_true (g_queue_is_empty (&other->binaries));
    }

  test_assert_expected_logs ();
  pair_free (&pair);
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
  g_test_add_func ("/wire/message-scanner/pieces", test_scanner);
  g_test_add_func ("/wire/message-scanner/trailing-bytes", test_scanner_trailing_bytes);
  g_test_add_func ("/wire/message-scanner/envelope-limit", test_scanner_envelope_limit);
  g_test_add_func ("/wire/message-scanner/depth-limit", test_scanner_depth_limit);
  g_test_add_func ("/hub/chunk-watch/passes-good-pieces", test_watch_passes_good_pieces);
  g_test_add_func ("/hub/chunk-watch/refuses-forged-pieces", test_watch_refuses_forged_pieces);
  g_test_add_func ("/hub/chunk-watch/refuses-tricks", test_watch_refuses_tricks);
  g_test_add_func ("/hub/chunk-watch/passes-sealed-message", test_watch_passes_sealed_message);
  g_test_add_func ("/hub/chunk-watch/refuses-sealed-message", test_watch_refuses_sealed_message);
  g_test_add_func ("/hub/chunk-watch/refuses-sealed-pieces", test_watch_refuses_sealed_pieces);
  g_test_add_func ("/hub/chunk-watch/keeps-in-step", test_watch_keeps_in_step);
  g_test_add_func ("/hub/chunk-watch/begins-anew", test_watch_begins_anew);
  g_test_add_func ("/hub/chunk-watch/refuses-broken-calls", test_watch_refuses_broken_calls);
  g_test_add_func ("/hub/chunk-watch/refuses-odd-keys", test_watch_refuses_odd_keys);
  g_test_add_func ("/hub/chunk-watch/drops-parent", test_watch_drops_parent);
  g_test_add_func ("/hub/chunk-watch/counts-what-receivers-keep",
                   test_watch_counts_what_receivers_keep);
  g_test_add_func ("/hub/chunk-watch/entries-limit", test_watch_entries_limit);
  g_test_add_func ("/hub/chunk-watch/refuses-calls-of-the-cache",
                   test_watch_refuses_calls_of_the_cache);
  g_test_add_func ("/hub/chunk-watch/refuses-broadcast", test_watch_refuses_broadcast);
  g_test_add_func ("/hub/chunk-watch/ahead-limit", test_watch_ahead_limit);
  g_test_add_func ("/hub/chunk-watch/shares", test_watch_shares);
  g_test_add_func ("/hub/chunk-watch/age", test_watch_age);
  g_test_add_func ("/hub/chunk-watch/forgets", test_watch_forgets);
  return g_test_run ();
}
