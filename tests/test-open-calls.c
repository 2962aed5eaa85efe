/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-open-calls-private.h"
#include "hypha-peer-private.h"
#include "test-hub-fixture.h"
#include "test-utils.h"

static HyphaSpan
span (const char *text)
{
  return (HyphaSpan) { text, strlen (text) };
}

static void
collect (const char *session,
         gpointer    data)
{
  g_string_append_printf (data, "%s ", session);
}

static void
assert_taken (HyphaOpenCalls *calls,
              gconstpointer   target,
              const char     *sessions)
{
  g_autoptr (GString) taken = g_string_new ("");

  hypha_open_calls_take (calls, target, collect, taken);
  g_assert_cmpstr (taken->str, ==, sessions);
}

static void
settle (HyphaOpenCalls *calls,
        gconstpointer   target,
        const char     *method,
        const char     *parent)
{
  HyphaMessage answer = { .method = span (method), .parent = span (parent) };

  hypha_open_calls_settle (calls, target, &answer);
}

static void
test_open_calls_settle (void)
{
  g_autoptr (HyphaOpenCalls) calls = hypha_open_calls_new ();
  int p;
  int q;

  hypha_open_calls_add (calls, &p, span ("a"));
  hypha_open_calls_add (calls, &p, span ("b"));
  hypha_open_calls_add (calls, &p, span ("c"));
  hypha_open_calls_add (calls, &q, span ("d"));
  settle (calls, &p, "a.resolve", "a");
  settle (calls, &p, "b.reject", "b");

  /* Neither a heartbeat, nor another's word, nor a call of a callback ends a call. */
  settle (calls, &p, "c.heartbeat", "c");
  settle (calls, &q, "c.resolve", "c");
  settle (calls, &p, "c.callback", "c");
  settle (calls, &p, "services.x.resolve", "c");
  g_assert_cmpuint (hypha_open_calls_get_n (calls), ==, 2);
  assert_taken (calls, &p, "c ");
  assert_taken (calls, &p, "");
  assert_taken (calls, &q, "d ");
  g_assert_cmpuint (hypha_open_calls_get_n (calls), ==, 0);
}

/* A session that is used again waits for whom it was last sent to. */
static void
test_open_calls_again (void)
{
  g_autoptr (HyphaOpenCalls) calls = hypha_open_calls_new ();
  int p;
  int q;

  hypha_open_calls_add (calls, &p, span ("a"));
  hypha_open_calls_add (calls, &q, span ("a"));
  assert_taken (calls, &p, "");
  assert_taken (calls, &q, "a ");
}

static void
test_open_calls_max (void)
{
  g_autoptr (HyphaOpenCalls) calls = hypha_open_calls_new ();
  int p;
  int q;

  hypha_open_calls_add (calls, &p, span ("first"));
  for (guint i = 0; i < HYPHA_OPEN_CALLS_MAX; i++)
    {
      g_autofree char *session = g_strdup_printf ("s%u", i);

      hypha_open_calls_add (calls, &q, span (session));
    }

  g_assert_cmpuint (hypha_open_calls_get_n (calls), ==, HYPHA_OPEN_CALLS_MAX);
  assert_taken (calls, &p, "");
}

static void
test_open_calls_max_session (void)
{
  g_autoptr (HyphaOpenCalls) calls = hypha_open_calls_new ();
  g_autofree char *longest = g_strnfill (HYPHA_OPEN_CALLS_MAX_SESSION, 'x');
  g_autofree char *too_long = g_strnfill (HYPHA_OPEN_CALLS_MAX_SESSION + 1, 'x');
  int p;

  hypha_open_calls_add (calls, &p, span (too_long));
  g_assert_cmpuint (hypha_open_calls_get_n (calls), ==, 0);
  hypha_open_calls_add (calls, &p, span (longest));
  g_assert_cmpuint (hypha_open_calls_get_n (calls), ==, 1);
}

static void
start_call (Client     *caller,
            const char *to,
            const char *session)
{
  client_send (caller,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <%s>, 'method': <'services.x.f'>,"
                                     " 'session': <%s>}", to, session),
               g_variant_new_parsed ("{'args': <@av []>, 'promise': <'*'>}"));
}

static guint
n_open (Hub    *hub,
        Client *client)
{
  HyphaPeer *peer = hypha_router_lookup (hub->router, client->id);

  return peer->open_calls != NULL ? hypha_open_calls_get_n (peer->open_calls) : 0;
}

/* The caller, which asked for no events, hears of it whatever workspace the callee was in. */
static void
lose_callee (const char *callee_workspace)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autofree char *callee_token = hub_token (hub, callee_workspace, "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  g_autoptr (Client) b = hub_connect (hub, "b", callee_token);
  g_autoptr (GVariant) call = NULL;
  g_autoptr (GVariant) envelope = NULL;
  g_autoptr (GVariant) extra = NULL;
  g_autofree char *text = NULL;
  const char *value = NULL;

  start_call (a, b->id, "s1");
  start_call (a, b->id, "s2");
  call = client_take (b, NULL);
  client_send (b, g_variant_new_parsed ("{'type': <'method'>, 'to': <'ws-a/a'>,"
                                        " 'method': <'s1.resolve'>, 'parent': <'s1'>}"),
               g_variant_new_parsed ("{'args': <@av []>}"));
  g_variant_unref (client_take (a, NULL));
  g_assert_cmpuint (n_open (hub, a), ==, 1);

  hypha_connection_close (b->connection, 1000, NULL);
  envelope = client_take (a, &extra);
  g_assert_true (g_variant_lookup (envelope, "method", "&s", &value));
  g_assert_cmpstr (value, ==, "s2.reject");
  g_assert_true (g_variant_lookup (envelope, "from", "&s", &value));
  g_assert_cmpstr (value, ==, b->id);
  text = g_variant_print (extra, FALSE);
  g_assert_nonnull (strstr (text, "is not connected"));
  g_assert_cmpuint (n_open (hub, a), ==, 0);
  g_assert_true (g_queue_is_empty (&a->binaries));
}

static void
test_open_calls_callee_goes (void)
{
  lose_callee ("ws-a");
}

static void
test_open_calls_callee_of_another_workspace_goes (void)
{
  lose_callee ("ws-b");
}

/* Who asked for the event is told by it, and costs nothing. */
static void
test_open_calls_of_subscriber (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  g_autoptr (Client) b = hub_connect (hub, "b", token);
  g_autoptr (GVariant) gone = NULL;

  start_call (a, b->id, "s1");
  g_variant_unref (client_take (b, NULL));
  g_assert_cmpuint (n_open (hub, a), ==, 1);
  g_variant_unref (client_call_manager (a, "subscribe",
                                        g_variant_new_parsed ("[<'client_disconnected'>]"), NULL));
  g_assert_cmpuint (n_open (hub, a), ==, 0);
  start_call (a, b->id, "s2");
  g_variant_unref (client_take (b, NULL));
  g_assert_cmpuint (n_open (hub, a), ==, 0);

  hypha_connection_close (b->connection, 1000, NULL);
  gone = client_take_event (a, "client_disconnected");
  g_assert_true (g_queue_is_empty (&a->binaries));

  g_variant_unref (client_call_manager (a, "unsubscribe",
                                        g_variant_new_parsed ("[<'client_disconnected'>]"), NULL));
  g_assert_false (hypha_router_lookup (hub->router, a->id)->hears);
}

/* A call in pieces is remembered by the session that it has in its first piece. */
static void
test_open_calls_in_pieces (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  g_autoptr (Client) b = hub_connect (hub, "b", token);
  g_autoptr (GVariant) inner = NULL;
  g_autoptr (GVariant) envelope = NULL;
  g_autoptr (GVariant) piece = NULL;
  GByteArray *bytes = g_byte_array_new ();
  const char *method = NULL;

  inner = g_variant_ref_sink (
    g_variant_new_parsed ("{'type': <'method'>, 'from': <'a'>, 'to': <'ws-a/b'>,"
                          " 'method': <'services.x.f'>, 'session': <'long'>}"));
  hypha_msgpack_encode (bytes, inner);
  piece = g_variant_ref_sink (g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, bytes->data,
                                                       bytes->len, TRUE, NULL, NULL));
  client_send (a, g_variant_new_parsed ("{'type': <'method'>, 'to': <'b'>, 'method':"
                                        " <'services.built-in.message_cache.create'>}"),
               g_variant_new_parsed ("{'args': <[<'key'>, <false>]>}"));
  g_variant_unref (client_take (b, NULL));
  client_send (a, g_variant_new_parsed ("{'type': <'method'>, 'to': <'b'>, 'method':"
                                        " <'services.built-in.message_cache.append'>}"),
               g_variant_new_parsed ("{'args': <[<'key'>, <%*>, <false>]>}", piece));
  g_variant_unref (client_take (b, NULL));
  g_assert_cmpuint (n_open (hub, a), ==, 1);
  hypha_connection_close (b->connection, 1000, NULL);
  envelope = client_take (a, NULL);
  g_assert_true (g_variant_lookup (envelope, "method", "&s", &method));
  g_assert_cmpstr (method, ==, "long.reject");
  g_byte_array_unref (bytes);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_func ("/hub/open-calls/settle", test_open_calls_settle);
  g_test_add_func ("/hub/open-calls/again", test_open_calls_again);
  g_test_add_func ("/hub/open-calls/max", test_open_calls_max);
  g_test_add_func ("/hub/open-calls/max-session", test_open_calls_max_session);
  g_test_add_func ("/hub/open-calls/callee-goes", test_open_calls_callee_goes);
  g_test_add_func ("/hub/open-calls/callee-of-another-workspace-goes",
                   test_open_calls_callee_of_another_workspace_goes);
  g_test_add_func ("/hub/open-calls/of-subscriber", test_open_calls_of_subscriber);
  g_test_add_func ("/hub/open-calls/in-pieces", test_open_calls_in_pieces);

  return g_test_run ();
}
