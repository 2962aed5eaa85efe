/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "test-chunk-fixture.h"
#include "test-utils.h"

/* Sends a piece in a call with this envelope and extra besides; TRUE if it is not rejected. */
static gboolean
deliver_odd (ChunkPair  *pair,
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
  ChunkPair pair = chunk_pair_new ();

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
  chunk_pair_free (&pair);
}

/* Receivers have to agree with us about which message it is. */
static void
test_watch_refuses_odd_keys (void)
{
  static const char *const keys[] = { "", "\xef\xbb\xbfk", "gr\xc3\xbcn", "a b", "__proto__",
                                      "services", "message_cache", "k.constructor", "k.timer" };
  ChunkPair pair = chunk_pair_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*unexpected arguments*");
      g_assert_false (deliver (&pair, "create", g_variant_new_parsed ("[<%s>]", keys[i])));
    }

  g_assert_true (deliver (&pair, "create", g_variant_new_parsed ("[<'S-1_x.y'>]")));
  test_assert_expected_logs ();
  chunk_pair_free (&pair);
}

/* H27: nobody names sessions to a receiver, in a message that comes in pieces either. */
static void
test_watch_drops_parent (void)
{
  ChunkPair pair = chunk_pair_new ();
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
  chunk_pair_free (&pair);
}

#define SEALED "{'_enc': <{'v': <int64 2>, 'pub': <@ay [1]>, 'nonce': <@ay [2]>}>, 'data': <@ay [3, 4]>}"

/* What is encrypted before it is cut up passes; so do pieces of it that come before their turn. */
static void
test_watch_passes_sealed_message (void)
{
  ChunkPair pair = chunk_pair_new ();
  g_autoptr (GByteArray) bytes = message_new (CALL, SEALED);

  g_assert_true (deliver (&pair, "create", g_variant_new_parsed ("[<'k'>, <false>]")));
  g_assert_true (deliver (&pair, "set", g_variant_new_parsed ("[<'k'>, <int64 1>, <%*>]",
                                                              piece (bytes, 60, bytes->len))));
  g_assert_true (deliver (&pair, "set", g_variant_new_parsed ("[<'k'>, <int64 0>, <%*>]",
                                                              piece (bytes, 0, 60))));
  g_assert_true (deliver (&pair, "process", g_variant_new_parsed ("[<'k'>, <false>]")));
  chunk_pair_free (&pair);
}

/*
 * Once one is refused, so is the rest: the receiver must not put together what came after it, which
 * could be a message of its own.
 */
static void
test_watch_refuses_sealed_message (void)
{
  ChunkPair pair = chunk_pair_new ();
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
  chunk_pair_free (&pair);
}

/* Pieces that are encrypted themselves could not be checked, so they could name any sender. */
static void
test_watch_refuses_sealed_pieces (void)
{
  ChunkPair pair = chunk_pair_new ();
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
  chunk_pair_free (&pair);
}

/* H27: what is put together must not lead past the watch, by calls of the cache or by attributes. */
static void
test_watch_refuses_calls_of_the_cache (void)
{
  static const char *const methods[] = { "services.built-in.message_cache.append",
                                         "services.built-in.ping.__self__._append_message",
                                         "services.built-in.ping" };
  ChunkPair pair = chunk_pair_new ();

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
  chunk_pair_free (&pair);
}

/* H27: nobody checks for each receiver what goes to all, so it goes to none. */
static void
test_watch_refuses_broadcast (void)
{
  static const char *const targets[] = { "*", "ws-a/*" };
  ChunkPair pair = chunk_pair_new ();
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
  chunk_pair_free (&pair);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/hub/chunk-watch/passes-sealed-message", test_watch_passes_sealed_message);
  g_test_add_func ("/hub/chunk-watch/refuses-sealed-message", test_watch_refuses_sealed_message);
  g_test_add_func ("/hub/chunk-watch/refuses-sealed-pieces", test_watch_refuses_sealed_pieces);
  g_test_add_func ("/hub/chunk-watch/refuses-broken-calls", test_watch_refuses_broken_calls);
  g_test_add_func ("/hub/chunk-watch/refuses-odd-keys", test_watch_refuses_odd_keys);
  g_test_add_func ("/hub/chunk-watch/drops-parent", test_watch_drops_parent);
  g_test_add_func ("/hub/chunk-watch/refuses-calls-of-the-cache",
                   test_watch_refuses_calls_of_the_cache);
  g_test_add_func ("/hub/chunk-watch/refuses-broadcast", test_watch_refuses_broadcast);
  return g_test_run ();
}
