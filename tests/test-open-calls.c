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

static HyphaOpenCalls *
calls_new (HyphaShares *shares)
{
  return hypha_open_calls_new (shares, "alice");
}

static HyphaShares *
shares_new (void)
{
  return hypha_shares_new (HYPHA_OPEN_CALLS_MAX_TOTAL, HYPHA_OPEN_CALLS_MAX_ACCOUNT);
}

static gboolean
add (HyphaOpenCalls *calls,
     gconstpointer   target,
     const char     *session)
{
  HyphaSpan name = span (session);

  if (!hypha_open_calls_make_room (calls, &name, 1))
    return FALSE;

  hypha_open_calls_add (calls, target, name);
  return TRUE;
}

/* Calls of target until there is no room; how many. */
static guint
fill (HyphaOpenCalls *calls,
      gconstpointer   target,
      const char     *prefix)
{
  for (guint i = 0;; i++)
    {
      g_autofree char *session = g_strdup_printf ("%s%u", prefix, i);

      if (!add (calls, target, session))
        return i;
    }
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
  g_autoptr (HyphaShares) shares = shares_new ();
  g_autoptr (HyphaOpenCalls) calls = calls_new (shares);
  int p;
  int q;

  g_assert_true (add (calls, &p, "a"));
  g_assert_true (add (calls, &p, "b"));
  g_assert_true (add (calls, &p, "c"));
  g_assert_true (add (calls, &q, "d"));
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
  g_autoptr (HyphaShares) shares = shares_new ();
  g_autoptr (HyphaOpenCalls) calls = calls_new (shares);
  int p;
  int q;

  g_assert_true (add (calls, &p, "a"));
  g_assert_true (add (calls, &q, "a"));
  assert_taken (calls, &p, "");
  assert_taken (calls, &q, "a ");
}

/* However many calls wait, none that is there is forgotten for one that comes. */
static void
test_open_calls_max (void)
{
  g_autoptr (HyphaShares) shares = shares_new ();
  g_autoptr (HyphaOpenCalls) calls = calls_new (shares);
  g_autoptr (HyphaOpenCalls) others = calls_new (shares);
  int p;
  int q;
  guint n;

  g_assert_true (add (calls, &p, "first"));
  n = fill (calls, &q, "s");
  g_assert_cmpuint (n, >, 20000);
  g_assert_cmpuint (hypha_open_calls_get_n (calls), ==, n + 1);

  /* Each client has a little, whatever the others of its user do. */
  g_assert_cmpuint (fill (others, &p, "t"), >=, 90);
  assert_taken (calls, &p, "first ");
  g_assert_true (add (calls, &p, "more"));
}

/* But for those that nobody waits for any more. */
static void
test_open_calls_age (void)
{
  g_autoptr (HyphaShares) shares = shares_new ();
  g_autoptr (HyphaOpenCalls) calls = calls_new (shares);
  int p;
  int q;
  guint n;

  g_assert_true (add (calls, &p, "first"));
  n = fill (calls, &q, "s");
  hypha_open_calls_age (calls, HYPHA_OPEN_CALLS_MAX_AGE - 10);
  g_assert_false (add (calls, &q, "more"));
  hypha_open_calls_age (calls, 11);
  g_assert_true (add (calls, &q, "more"));
  assert_taken (calls, &p, "");
  g_assert_cmpuint (hypha_open_calls_get_n (calls), <=, n + 1);
}

/* What it took is given back, on each way out. */
static void
test_open_calls_shares (void)
{
  g_autoptr (HyphaShares) shares = shares_new ();
  HyphaOpenCalls *calls = calls_new (shares);
  g_autofree char *name = g_strnfill (HYPHA_OPEN_CALLS_BLOCK, 'x');
  g_autofree char *answer = g_strconcat (name, ".resolve", NULL);
  g_autoptr (GString) taken = g_string_new ("");
  int p;

  /* A session of any length is remembered. */
  g_assert_true (add (calls, &p, name));
  g_assert_cmpuint (hypha_shares_get_n_of (shares, "alice"), ==, HYPHA_OPEN_CALLS_BLOCK);
  g_assert_true (add (calls, &p, name));
  g_assert_cmpuint (hypha_shares_get_n_of (shares, "alice"), ==, HYPHA_OPEN_CALLS_BLOCK);
  settle (calls, &p, answer, name);
  g_assert_cmpuint (hypha_shares_get_n (shares), ==, 0);

  g_assert_true (add (calls, &p, name));
  hypha_open_calls_take (calls, &p, collect, taken);
  g_assert_cmpuint (taken->len, ==, HYPHA_OPEN_CALLS_BLOCK + 1);
  g_assert_cmpuint (hypha_shares_get_n (shares), ==, 0);

  g_assert_true (add (calls, &p, name));
  hypha_open_calls_free (calls);
  g_assert_cmpuint (hypha_shares_get_n (shares), ==, 0);
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

static char *
take_refusal (Client     *client,
              const char *session)
{
  char *error = NULL;
  g_autoptr (GVariant) answer = client_take_answer (client, session, &error);

  g_assert_null (answer);
  return error;
}

/* Thousands of calls fail at once; one that could not is refused, before the callee hears of it. */
static void
test_open_calls_busy (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  g_autoptr (Client) b = hub_connect (hub, "b", token);
  HyphaPeer *caller = hypha_router_lookup (hub->router, a->id);
  HyphaPeer *callee = hypha_router_lookup (hub->router, b->id);
  g_autofree char *busy = NULL;
  g_autofree char *gone = NULL;
  guint n;

  start_call (a, b->id, "first");
  g_variant_unref (client_take (b, NULL));
  n = fill (caller->open_calls, callee, "s");
  start_call (a, b->id, "one-more-of-them");
  busy = take_refusal (a, "one-more-of-them");
  g_assert_cmpstr (busy, ==, "Too many calls wait for an answer: try again later");
  g_assert_true (g_queue_is_empty (&b->binaries));

  hypha_connection_close (b->connection, 1000, NULL);
  gone = take_refusal (a, "first");
  g_assert_cmpstr (gone, ==, "Peer ws-a/b is not connected");
  for (guint i = 0; i < n; i++)
    g_variant_unref (client_take (a, NULL));
  g_assert_cmpuint (n_open (hub, a), ==, 0);
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
  g_test_add_func ("/hub/open-calls/age", test_open_calls_age);
  g_test_add_func ("/hub/open-calls/shares", test_open_calls_shares);
  g_test_add_func ("/hub/open-calls/busy", test_open_calls_busy);
  g_test_add_func ("/hub/open-calls/callee-goes", test_open_calls_callee_goes);
  g_test_add_func ("/hub/open-calls/callee-of-another-workspace-goes",
                   test_open_calls_callee_of_another_workspace_goes);
  g_test_add_func ("/hub/open-calls/of-subscriber", test_open_calls_of_subscriber);
  g_test_add_func ("/hub/open-calls/in-pieces", test_open_calls_in_pieces);

  return g_test_run ();
}
