/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-router-internal-private.h"
#include "test-hub-fixture.h"
#include "test-utils.h"

static void
assert_pair (GVariant   *map,
             const char *key,
             const char *value)
{
  const char *found = NULL;

  g_variant_lookup (map, key, "&s", &found);
  g_assert_cmpstr (found, ==, value);
}

/* Whatever a client says of itself, receivers see what the router knows. */
static void
test_router_stamps (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *alice = hub_token (hub, "ws-a", "alice");
  g_autofree char *bob = hub_token (hub, "ws-b", "bob");
  g_autoptr (Client) a = hub_connect (hub, "a", alice);
  g_autoptr (Client) b = hub_connect (hub, "b", bob);
  g_autoptr (GVariant) envelope = NULL;
  g_autoptr (GVariant) extra = NULL;
  g_autoptr (GVariant) user = NULL;

  client_send (a,
               g_variant_new_parsed ("{'type': <'method'>, 'from': <'ws-b/b'>, 'to': <'ws-b/b'>,"
                                     " 'method': <'m'>, 'ws': <'ws-b'>, 'user': <{'id': <'root'>}>,"
                                     " 'caller_public_key': <'forged'>}"),
               g_variant_new_parsed ("{'args': <@av []>}"));
  envelope = client_take (b, &extra);
  assert_pair (envelope, "from", "ws-a/a");
  assert_pair (envelope, "to", "ws-b/b");
  assert_pair (envelope, "ws", "ws-a");
  assert_pair (envelope, "caller_public_key", NULL);
  user = g_variant_lookup_value (envelope, "user", G_VARIANT_TYPE_VARDICT);
  assert_pair (user, "id", "alice");
  g_assert_nonnull (extra);
}

/* The hex is the value of “args”; NULL for good ones. */
static void
assert_passes (Client     *sender,
               Client     *receiver,
               const char *hex,
               const char *refusal)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autoptr (GBytes) value = test_bytes_from_hex (hex);
  g_autoptr (GVariant) envelope = g_variant_ref_sink (
    g_variant_new_parsed ("{'type': <'method'>, 'to': <'ws-b/b'>, 'method': <'services.s.f'>,"
                          " 'session': <'s'>}"));
  g_autoptr (GVariant) received = NULL;
  g_autoptr (GVariant) extra = NULL;
  g_autoptr (GBytes) frame = NULL;

  hypha_msgpack_encode (bytes, envelope);
  g_byte_array_append (bytes, (const guint8 *) "\x81\xa4" "args", 6);
  g_byte_array_append (bytes, g_bytes_get_data (value, NULL), (guint) g_bytes_get_size (value));
  frame = g_bytes_new (bytes->data, bytes->len);
  if (refusal != NULL)
    test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, refusal);

  hypha_connection_send (sender->connection, HYPHA_FRAME_BINARY, frame);
  received = client_take (refusal != NULL ? sender : receiver, &extra);
  assert_pair (received, "method", refusal != NULL ? "s.reject" : "services.s.f");
  g_assert_true (g_queue_is_empty (&receiver->binaries));
  if (refusal != NULL)
    {
      g_autofree char *text = g_variant_print (extra, FALSE);

      g_assert_true (g_pattern_match_simple (refusal, text));
    }
}

/* H30: a client in JavaScript decodes where nothing catches what it throws, and ends by one frame. */
static void
test_router_refused_keys (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *alice = hub_token (hub, "ws-a", "alice");
  g_autofree char *bob = hub_token (hub, "ws-b", "bob");
  g_autoptr (Client) a = hub_connect (hub, "a", alice);
  g_autoptr (Client) b = hub_connect (hub, "b", bob);

  assert_passes (a, b, "9181a95f5f70726f746f5f5f01", "*a map has a key*__proto__*");
  assert_passes (a, b, "9181a16181c001", "*a map has a key that is no number and no text*");
  assert_passes (a, b, "91c705ff0102030405", "*a timestamp has 4, 8 or 12 bytes*");
  assert_passes (a, b, "91820101a162a95f5f70726f746f5f5f", NULL);
  test_assert_expected_logs ();
}

/* H27: by attributes Python's receivers get from one function to those that take pieces. */
static void
test_router_hidden_methods (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  g_autoptr (Client) b = hub_connect (hub, "b", token);
  static const char *const hidden[] = {
    "services.built-in.ping.__self__.x", "services.s.__proto__", "__class__", "__",
    "services.s.remote._rpc._append_message", "services.s._process_message.x",
    "services.s.f.constructor", "services.s.f._loop.stop"
  };
  static const char *const plain[] = {
    "services._rintf_1.f", "services.s._f", "services.s.timer", "a__b.c__", "s.resolve",
    "a.b.heartbeat", "s.f#_name", "s.f:close", "."
  };

  for (gsize i = 0; i < G_N_ELEMENTS (hidden); i++)
    {
      g_autoptr (GVariant) answer = NULL;

      test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*no part of a method's name*");
      client_send (a, g_variant_new_parsed ("{'type': <'method'>, 'to': <'b'>, 'method': <%s>,"
                                            " 'session': <'s'>}", hidden[i]), NULL);
      answer = client_take (a, NULL);
      assert_pair (answer, "method", "s.reject");
      g_assert_true (g_queue_is_empty (&b->binaries));
    }

  for (gsize i = 0; i < G_N_ELEMENTS (plain); i++)
    {
      g_autoptr (GVariant) received = NULL;

      client_send (a, g_variant_new_parsed ("{'type': <'method'>, 'to': <'b'>, 'method': <%s>}",
                                            plain[i]), NULL);
      received = client_take (b, NULL);
      assert_pair (received, "method", plain[i]);
    }

  test_assert_expected_logs ();
}

/* H24: an answer repeats the session, so that it must be short; a longer one gets none. */
static void
test_router_max_name (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  g_autofree char *longest = g_strnfill (HYPHA_MESSAGE_MAX_NAME, 'x');
  g_autofree char *too_long = g_strconcat (longest, "x", NULL);
  g_autofree char *rejected = g_strconcat (longest, ".reject", NULL);
  static const char *const names[] = { "session", "method", "parent" };
  g_autoptr (GVariant) last = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_auto (GVariantDict) message = G_VARIANT_DICT_INIT (NULL);
      g_autoptr (GVariant) answer = NULL;
      g_autoptr (GVariant) extra = NULL;
      g_autofree char *why = NULL;

      test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*may have 1024 bytes each*");
      g_variant_dict_insert (&message, "type", "s", "method");
      g_variant_dict_insert (&message, "to", "s", "ws-b/nobody");
      g_variant_dict_insert (&message, "session", "s", "s");
      g_variant_dict_insert (&message, names[i], "s", too_long);
      client_send (a, g_variant_dict_end (&message), NULL);
      if (i == 0)
        continue;

      answer = client_take (a, &extra);
      why = g_variant_print (extra, FALSE);
      assert_pair (answer, "method", "s.reject");
      g_assert_nonnull (strstr (why, "may have 1024 bytes each"));
    }

  client_send (a, g_variant_new_parsed ("{'type': <'method'>, 'to': <'ws-b/nobody'>,"
                                        " 'method': <%s>, 'parent': <%s>, 'session': <%s>}",
                                        longest, longest, longest), NULL);
  last = client_take (a, NULL);
  assert_pair (last, "method", rejected);
  test_assert_expected_logs ();
}

/* A call with an argument of so many bytes. */
static void
send_large (Client     *client,
            const char *to,
            gsize       size)
{
  g_autofree guint8 *bytes = g_malloc0 (size);
  GVariant *arg = g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, bytes, size, 1);
  GVariant *args = g_variant_new_array (G_VARIANT_TYPE_VARIANT,
                                        (GVariant *[]) { g_variant_new_variant (arg) }, 1);
  GVariantDict extra;

  g_variant_dict_init (&extra, NULL);
  g_variant_dict_insert_value (&extra, "args", args);
  client_send (client, g_variant_new_parsed ("{'type': <'method'>, 'to': <%s>, 'method': <'m'>,"
                                             " 'session': <'s'>}", to), g_variant_dict_end (&extra));
}

/* H24: stock clients of Python end their connection by a frame over 1 MiB, whoever sends it. */
static void
test_router_max_frame (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *alice = hub_token (hub, "ws-a", "alice");
  g_autofree char *bob = hub_token (hub, "ws-b", "bob");
  g_autoptr (Client) a = hub_connect (hub, "a", alice);
  g_autoptr (Client) b = hub_connect (hub, "b", bob);
  static const char *const targets[] = { "ws-b/b", "ws-a/*" };
  g_autoptr (GVariant) received = NULL;
  g_autoptr (GVariant) own = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (targets); i++)
    {
      g_autoptr (GVariant) answer = NULL;

      test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*1048576 bytes, not more: send it in pieces");
      send_large (a, targets[i], HYPHA_ROUTER_MAX_FRAME);
      answer = client_take (a, NULL);
      assert_pair (answer, "method", "s.reject");
    }

  g_assert_true (g_queue_is_empty (&b->binaries));
  send_large (a, "ws-b/b", HYPHA_ROUTER_MAX_FRAME - 1024);
  received = client_take (b, NULL);
  assert_pair (received, "method", "m");

  /* Who sends to itself knows what it can take. */
  send_large (a, "a", HYPHA_ROUTER_MAX_FRAME);
  own = client_take (a, NULL);
  assert_pair (own, "method", "m");
  test_assert_expected_logs ();
}

/*
 * H29: a session is given to whoever is called, and holds more than what is meant for them: from a
 * promise's timer Python leads to its event loop, which runs programs, and from any function
 * JavaScript leads to one that makes code of text. What is named as a parent is written to.
 */
static void
test_router_hidden_sessions (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  g_autoptr (Client) b = hub_connect (hub, "b", token);
  static const char *const hidden[][2] = {
    { "method", "s.timer._task._loop.subprocess_shell" }, { "method", "s.resolve.constructor" },
    { "method", "s.f.constructor" }, { "method", "s.resolve.x" }, { "method", "s._promise_manager.f" },
    { "method", "s.heartbeat_task.cancel" }, { "method", "message_cache.k" }, { "method", "s.f.call" },
    { "parent", "__proto__" }, { "parent", "s.__proto__" }, { "parent", "constructor.prototype" },
    { "parent", "services.built-in" }, { "parent", "services" }, { "parent", "message_cache" },
    { "parent", "s.timer" }, { "parent", "s.resolve" }, { "method", "s.__x\nERROR: of another line" }
  };

  for (gsize i = 0; i < G_N_ELEMENTS (hidden); i++)
    {
      g_auto (GVariantDict) message = G_VARIANT_DICT_INIT (NULL);
      g_autoptr (GVariant) answer = NULL;

      test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, i < G_N_ELEMENTS (hidden) - 1 ?
                       "*does not name what a client serves*" : "*“__x ERROR: of another line”*");
      g_variant_dict_insert (&message, "type", "s", "method");
      g_variant_dict_insert (&message, "to", "s", "b");
      g_variant_dict_insert (&message, "method", "s", "services.built-in.ping");
      g_variant_dict_insert (&message, "session", "s", "q");
      g_variant_dict_insert (&message, hidden[i][0], "s", hidden[i][1]);
      client_send (a, g_variant_dict_end (&message), NULL);
      answer = client_take (a, NULL);
      assert_pair (answer, "method", "q.reject");
      g_assert_true (g_queue_is_empty (&b->binaries));
    }

  test_assert_expected_logs ();
}

static void
test_router_relative_target (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  g_autoptr (Client) b = hub_connect (hub, "b", token);
  g_autoptr (GVariant) envelope = NULL;

  client_send (a, g_variant_new_parsed ("{'type': <'method'>, 'to': <'b'>, 'method': <'m'>}"),
               NULL);
  envelope = client_take (b, NULL);
  assert_pair (envelope, "to", "ws-a/b");
}

/* H27: a second segment that would override the first at the receiver never gets there. */
static void
test_router_extra_keys (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  g_autoptr (Client) b = hub_connect (hub, "b", token);
  static const char *const keys[] = { "from", "ctx", "type", "to", "method", "session", "parent",
                                      "ws", "user" };

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autoptr (GVariant) envelope = NULL;
      g_autoptr (GVariant) extra = NULL;
      g_autofree char *printed = NULL;

      test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*unexpected key in extra segment*");
      client_send (a,
                   g_variant_new_parsed ("{'type': <'method'>, 'to': <'b'>, 'method': <'m'>,"
                                         " 'session': <'s'>}"),
                   g_variant_new_parsed ("{'args': <@av []>, %s: <'x'>}", keys[i]));
      envelope = client_take (a, &extra);
      assert_pair (envelope, "method", "s.reject");
      printed = g_variant_print (extra, FALSE);
      g_assert_nonnull (strstr (printed, "Invalid message: unexpected key in extra segment"));
    }

  test_assert_expected_logs ();
  g_assert_true (g_queue_is_empty (&b->binaries));
}

static void
test_router_unknown_peer (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  g_autoptr (GVariant) envelope = NULL;
  g_autoptr (GVariant) extra = NULL;
  g_autofree char *text = NULL;

  /* Without a session nobody waits, so nothing is answered. */
  client_send (a, g_variant_new_parsed ("{'type': <'method'>, 'to': <'ghost'>,"
                                        " 'method': <'m'>}"), NULL);
  client_send (a, g_variant_new_parsed ("{'type': <'method'>, 'to': <'ghost'>, 'method': <'m'>,"
                                        " 'session': <'s2'>}"), NULL);
  envelope = client_take (a, &extra);
  assert_pair (envelope, "from", "ws-a/ghost");
  assert_pair (envelope, "to", "ws-a/a");
  assert_pair (envelope, "method", "s2.reject");
  text = g_variant_print (extra, FALSE);
  g_assert_nonnull (strstr (text, "'Peer ws-a/ghost is not connected'"));
  g_assert_nonnull (strstr (text, "'_rtype': <'error'>"));
}

static void
test_router_bad_target (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) a = hub_connect (hub, "a", NULL);
  g_autofree char *huge = g_strnfill (HYPHA_ADDRESS_MAX_PEER, 'x');
  g_autoptr (GVariant) envelope = NULL;

  client_send (a, g_variant_new_parsed ("{'type': <'method'>, 'to': <%s>, 'method': <'m'>,"
                                        " 'session': <'s'>}", huge), NULL);
  envelope = client_take (a, NULL);
  assert_pair (envelope, "method", "s.reject");
}

/* Garbage costs the frame and nothing else. */
/* Sends an encrypted call; TRUE if it got to the receiver, FALSE if it was rejected. */
static gboolean
deliver_sealed (Client     *sender,
                Client     *receiver,
                const char *to)
{
  g_autoptr (GVariant) answer = NULL;
  g_autoptr (GVariant) end = NULL;

  client_send (sender,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <%s>, 'method': <'m'>,"
                                     " 'session': <'s'>}", to),
               g_variant_new_parsed ("{'data': <@ay [1, 2]>, '_enc': <{'v': <int64 2>}>}"));
  client_send (sender,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <%s>, 'method': <'end'>}", to),
               g_variant_new_parsed ("{'args': <@av []>}"));
  answer = client_take (receiver, NULL);
  if (g_variant_lookup (answer, "session", "s", NULL))
    {
      end = client_take (receiver, NULL);
      return TRUE;
    }

  assert_pair (answer, "method", "end");
  end = client_take (sender, NULL);
  assert_pair (end, "method", "s.reject");
  return FALSE;
}

/* Encrypted calls pass, and stay in their workspace where somebody wants that. */
static void
test_router_sealed (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *alice = hub_token (hub, "ws-a", "alice");
  g_autofree char *bob = hub_token (hub, "ws-b", "bob");
  g_autoptr (Client) a = hub_connect (hub, "a", alice);
  g_autoptr (Client) neighbour = hub_connect (hub, "neighbour", alice);
  g_autoptr (Client) b = hub_connect (hub, "b", bob);

  g_assert_true (deliver_sealed (a, b, "ws-b/b"));
  g_assert_true (deliver_sealed (a, neighbour, "neighbour"));

  hypha_router_set_refuse_sealed (hub->router, TRUE);
  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*Encrypted messages from other workspaces*");
  g_assert_false (deliver_sealed (a, b, "ws-b/b"));
  test_assert_expected_logs ();
  g_assert_true (deliver_sealed (a, neighbour, "neighbour"));
}

static void
test_router_garbage (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) a = hub_connect (hub, "a", NULL);
  g_autoptr (GBytes) garbage = g_bytes_new_static ("\xc1\xff\x00garbage", 10);
  g_autoptr (GBytes) empty = g_bytes_new_static ("", 0);
  g_autoptr (GVariant) echoed = NULL;

  hypha_connection_send (a->connection, HYPHA_FRAME_BINARY, garbage);
  hypha_connection_send (a->connection, HYPHA_FRAME_BINARY, empty);
  echoed = client_call_manager (a, "echo", g_variant_new_parsed ("[<'still here'>]"), NULL);
  g_assert_cmpstr (g_variant_get_string (echoed, NULL), ==, "still here");
}

/* H28: only the core itself sends the core's events. H11: broadcasts stay at home. */
static void
test_router_events (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *alice = hub_token (hub, "ws-a", "alice");
  g_autofree char *bob = hub_token (hub, "ws-b", "bob");
  g_autoptr (Client) a = hub_connect (hub, "a", alice);
  g_autoptr (Client) a2 = hub_connect (hub, "a2", alice);
  g_autoptr (Client) b = hub_connect (hub, "b", bob);
  g_autoptr (GVariant) to_self = NULL;
  g_autoptr (GVariant) to_other = NULL;
  g_autoptr (GVariant) refused = NULL;
  static const char *const reserved[] = { "force-exit", "client_disconnected", "peer_not_found",
                                          "service_added", "workspace_deleted",
                                          "services_registration_failed", "connection_info",
                                          "reconnection_token", "refresh_token", "ping", "pong",
                                          "constructor", "hasOwnProperty", "isPrototypeOf",
                                          "propertyIsEnumerable", "toLocaleString", "toString",
                                          "valueOf", "__proto__", "__defineGetter__" };

  for (gsize i = 0; i < G_N_ELEMENTS (reserved); i++)
    {
      test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*the core's own");
      client_send (a, g_variant_new_parsed ("{'type': <%s>, 'to': <'a2'>}", reserved[i]), NULL);
    }

  client_send (a, g_variant_new_parsed ("{'type': <'custom'>, 'to': <'ws-b/b'>}"), NULL);
  client_send (a, g_variant_new_parsed ("{'type': <'custom'>, 'to': <'ws-b/*'>}"), NULL);
  client_send (a, g_variant_new_parsed ("{'type': <'method'>, 'method': <'m'>,"
                                        " 'to': <'*/*'>}"), NULL);
  client_send (a, g_variant_new_parsed ("{'type': <'custom'>, 'to': <'*'>, 'x': <int64 1>}"), NULL);
  to_self = client_take (a, NULL);
  to_other = client_take (a2, NULL);
  assert_pair (to_self, "type", "custom");
  assert_pair (to_other, "from", "ws-a/a");
  test_assert_expected_logs ();
  g_assert_true (g_queue_is_empty (&b->binaries));
  g_assert_true (g_queue_is_empty (&a2->binaries));

  /* Whoever waits for an answer is told at once that there will be none. */
  client_send (a, g_variant_new_parsed ("{'type': <'method'>, 'method': <'m'>, 'to': <'ws-b/*'>,"
                                        " 'session': <'s'>}"), NULL);
  refused = client_take (a, NULL);
  assert_pair (refused, "method", "s.reject");
  assert_pair (refused, "from", "ws-b/*");
  g_assert_true (g_queue_is_empty (&b->binaries));
}

/* Whoever talked with a client of another workspace learns of its end too. */
static void
test_router_correspondent_goes (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *alice = hub_token (hub, "ws-a", "alice");
  g_autofree char *bob = hub_token (hub, "ws-b", "bob");
  g_autoptr (Client) caller = hub_connect (hub, "a", alice);
  Client *callee = hub_connect (hub, "b", bob);
  g_autoptr (GVariant) subscribed = NULL;
  g_autoptr (GVariant) received = NULL;
  g_autoptr (GVariant) event = NULL;
  g_autoptr (GVariant) data = NULL;

  subscribed = client_call_manager (caller, "subscribe",
                                    g_variant_new_parsed ("[<'client_disconnected'>]"), NULL);
  client_send (caller, g_variant_new_parsed ("{'type': <'method'>, 'to': <'ws-b/b'>,"
                                             " 'method': <'m'>, 'session': <'s'>}"), NULL);
  received = client_take (callee, NULL);
  client_free (callee);
  event = client_take (caller, NULL);
  assert_pair (event, "type", "client_disconnected");
  data = g_variant_lookup_value (event, "data", G_VARIANT_TYPE_VARDICT);
  assert_pair (data, "id", "b");
  assert_pair (data, "workspace", "ws-b");
}

static void
assert_reaches (Client     *from,
                const char *to,
                Client     *receiver)
{
  g_autoptr (GVariant) envelope = NULL;

  client_send (from, g_variant_new_parsed ("{'type': <'method'>, 'to': <%s>, 'method': <'m'>}", to),
               NULL);
  envelope = client_take (receiver, NULL);
  assert_pair (envelope, "to", to);
}

/* The router remembers where a sender's last frame went, but not longer than somebody is there. */
static void
test_router_last_target (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  g_autoptr (Client) c = hub_connect (hub, "c", token);
  g_autoptr (Client) again = NULL;
  g_autoptr (GVariant) rejected = NULL;
  Client *b = hub_connect (hub, "b", token);

  assert_reaches (a, "ws-a/b", b);
  assert_reaches (a, "ws-a/c", c);
  assert_reaches (a, "ws-a/b", b);
  assert_reaches (a, "ws-a/b", b);

  client_free (b);
  client_send (a, g_variant_new_parsed ("{'type': <'method'>, 'to': <'ws-a/b'>, 'method': <'m'>,"
                                        " 'session': <'s'>}"), NULL);
  rejected = client_take (a, NULL);
  assert_pair (rejected, "method", "s.reject");

  again = hub_connect (hub, "b", token);
  assert_reaches (a, "ws-a/b", again);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/hub/router/stamps", test_router_stamps);
  g_test_add_func ("/hub/router/relative-target", test_router_relative_target);
  g_test_add_func ("/hub/router/extra-keys", test_router_extra_keys);
  g_test_add_func ("/hub/router/refused-keys", test_router_refused_keys);
  g_test_add_func ("/hub/router/max-name", test_router_max_name);
  g_test_add_func ("/hub/router/max-frame", test_router_max_frame);
  g_test_add_func ("/hub/router/hidden-methods", test_router_hidden_methods);
  g_test_add_func ("/hub/router/hidden-sessions", test_router_hidden_sessions);
  g_test_add_func ("/hub/router/unknown-peer", test_router_unknown_peer);
  g_test_add_func ("/hub/router/bad-target", test_router_bad_target);
  g_test_add_func ("/hub/router/sealed", test_router_sealed);
  g_test_add_func ("/hub/router/garbage", test_router_garbage);
  g_test_add_func ("/hub/router/events", test_router_events);
  g_test_add_func ("/hub/router/correspondent-goes", test_router_correspondent_goes);
  g_test_add_func ("/hub/router/last-target", test_router_last_target);
  return g_test_run ();
}
