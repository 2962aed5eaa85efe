/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "hypha-alarm-private.h"
#include "test-hub-fixture.h"
#include "test-utils.h"

/* A token that is good for so many seconds. */
static char *
make_token (Hub    *hub,
            gint64  lifetime)
{
  g_autoptr (HyphaToken) token = hypha_token_new ("alice", "ws-a");

  token->expires_at = token->issued_at + lifetime;
  return hypha_authority_sign (hub->authority, token, HYPHA_TOKEN_AUDIENCE_API);
}

static void
say_hello (Client     *client,
           const char *client_id,
           const char *key,
           const char *token)
{
  g_autofree char *hello = NULL;

  hello = g_strdup_printf ("{\"client_id\":\"%s\",\"%s\":\"%s\"}", client_id, key, token);
  client_send_text (client, hello);
}

static void
assert_alive (Client *client)
{
  g_autofree char *pong = NULL;

  client_send_text (client, "{\"type\":\"ping\"}");
  pong = client_take_text (client);
  g_assert_cmpstr (pong, ==, "{\"type\":\"pong\"}");
}

/* Who is in with a token is out with it, to the second; others stay. */
static void
test_evict_expired (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *short_token = make_token (hub, 2);
  g_autofree char *long_token = make_token (hub, 1000);
  g_autoptr (Client) leaver = hub_connect (hub, "leaver", short_token);
  g_autoptr (Client) stayer = hub_connect (hub, "stayer", long_token);
  g_autoptr (Client) anonymous = hub_connect (hub, "x", NULL);
  gint64 start = g_get_real_time ();

  client_wait_closed (leaver);
  g_assert_cmpuint (leaver->close_code, ==, 1008);
  g_assert_cmpstr (leaver->close_reason, ==, "Token expired");
  g_assert_cmpint (g_get_real_time () - start, <, 3 * G_USEC_PER_SEC);
  assert_alive (stayer);
  assert_alive (anonymous);
}

/* A reconnection token does not lengthen the user's own. */
static void
test_evict_expired_after_reconnection (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = make_token (hub, 2);
  g_autoptr (Client) first = hub_connect (hub, "c", token);
  g_autoptr (Client) second = hub_open (hub);
  g_autofree char *text = NULL;
  g_autofree char *info = NULL;
  g_autoptr (JsonNode) node = NULL;

  client_send_text (first, "{\"type\":\"refresh_token\"}");
  text = client_take_text (first);
  node = json_from_string (text, NULL);
  say_hello (second, "c", "reconnection_token",
             json_object_get_string_member (json_node_get_object (node), "reconnection_token"));
  info = client_take_text (second);
  g_assert_nonnull (strstr (info, "connection_info"));
  client_wait_closed (second);
  g_assert_cmpstr (second->close_reason, ==, "Token expired");
}

static void
on_alarm (gpointer data)
{
  (*(int *) data)++;
}

static gboolean
has_rung (gpointer data)
{
  return *(int *) data > 0;
}

static void
test_evict_alarm (void)
{
  int rings = 0;
  g_autoptr (HyphaAlarm) alarm = hypha_alarm_new ("test", on_alarm, &rings);
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;

  g_assert_cmpint (hypha_alarm_get (alarm), ==, 0);
  hypha_alarm_set (alarm, now + 1000);
  g_assert_cmpint (hypha_alarm_get (alarm), ==, now + 1000);
  hypha_alarm_set (alarm, now - 1);
  g_assert_true (test_wait (has_rung, &rings));
  g_assert_cmpint (hypha_alarm_get (alarm), ==, 0);

  /* Set anew when it was about to ring: it rings when it was set for. */
  hypha_alarm_set (alarm, now - 1);
  hypha_alarm_set (alarm, now + 1000);
  rings = 0;
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_assert_cmpint (rings, ==, 0);
  g_assert_cmpint (hypha_alarm_get (alarm), ==, now + 1000);
}

static gboolean
was_probed (gpointer data)
{
  return !g_queue_is_empty (&((Client *) data)->binaries);
}

/* Its token goes while it waits for its address. */
static void
test_evict_revoked_during_probe (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = make_token (hub, 1000);
  g_autofree char *other = make_token (hub, 1000);
  g_autoptr (HyphaToken) parsed = NULL;
  g_autoptr (Client) holder = hub_connect (hub, "c", token);
  g_autoptr (Client) newcomer = hub_open (hub);

  say_hello (newcomer, "c", "token", other);
  g_assert_true (test_wait (was_probed, holder));
  parsed = hypha_authority_verify (hub->authority, other, HYPHA_TOKEN_AUDIENCE_API, NULL);
  hypha_authority_revoke_async (hub->authority, parsed, "alice", FALSE, NULL, NULL);
  client_wait_closed (newcomer);
  g_assert_cmpuint (newcomer->close_code, ==, 1008);
  assert_alive (holder);
}

static void
test_evict_force_disconnect (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = make_token (hub, 1000);
  g_autoptr (Client) client = hub_connect (hub, "c", token);
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  g_assert_false (hypha_gate_force_disconnect (hub->gate, "ws-a", "nobody", 4001, "x", &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED);
  g_assert_cmpstr (error->message, ==, "Client not connected: ws-a/nobody");
  g_clear_error (&error);

  g_assert_true (hypha_gate_force_disconnect (hub->gate, "ws-a", "c", 4001, "restart", &error));
  g_assert_no_error (error);
  text = client_take_text (client);
  g_assert_cmpstr (text, ==, "{\"type\":\"error\",\"message\":\"restart\"}");
  client_wait_closed (client);
  g_assert_cmpuint (client->close_code, ==, 4001);
  g_assert_cmpstr (client->close_reason, ==, "restart");
  g_assert_false (hypha_gate_force_disconnect (hub->gate, "ws-a", "c", 4001, "x", NULL));
}

static void
test_evict_kick (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = make_token (hub, 1000);
  g_autoptr (Client) client = hub_connect (hub, "c", token);
  g_autoptr (Client) other = hub_connect (hub, "d", token);
  g_autoptr (GVariant) envelope = NULL;
  g_autoptr (GVariant) expected = NULL;
  g_autoptr (GVariant) extra = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_false (hypha_gate_kick (hub->gate, "ws-b", "c", "go", &error));
  g_assert_cmpstr (error->message, ==, "Client not connected: ws-b/c");
  g_clear_error (&error);
  g_assert_true (hypha_gate_kick (hub->gate, "ws-a", "c", "go", &error));
  g_assert_no_error (error);
  envelope = client_take (client, &extra);
  expected = g_variant_ref_sink (
    g_variant_new_parsed ("{'type': <'force-exit'>, 'from': <'*/workspace-manager'>,"
                          " 'to': <'ws-a/c'>, 'reason': <'go'>}"));
  g_assert_true (g_variant_equal (envelope, expected));
  g_assert_null (extra);
  client_wait_closed (client);
  g_assert_cmpuint (client->close_code, ==, 1008);
  g_assert_null (hypha_router_lookup (hub->router, "ws-a/c"));
  assert_alive (other);
}

/* H16: what came as anonymous comes back as anonymous, with nothing that others have. */
static void
test_evict_anonymous_stays_anonymous (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) first = hub_connect (hub, "c", NULL);
  g_autoptr (Client) second = NULL;
  g_autofree char *text = NULL;
  g_autofree char *info = NULL;
  g_autofree char *error = NULL;
  g_autofree char *created = NULL;
  g_autoptr (JsonNode) node = NULL;

  client_send_text (first, "{\"type\":\"refresh_token\"}");
  text = client_take_text (first);
  node = json_from_string (text, NULL);
  second = hub_open (hub);
  say_hello (second, "c", "reconnection_token",
             json_object_get_string_member (json_node_get_object (node), "reconnection_token"));
  info = client_take_text (second);
  g_assert_nonnull (strstr (info, "\"is_anonymous\":true"));
  g_assert_nonnull (strstr (info, "\"scopes\":[]"));
  g_assert_null (client_call_manager (second, "generate_token", g_variant_new_parsed ("@av []"),
                                      &error));
  g_assert_cmpstr (error, ==, "Access denied: anonymous users cannot generate tokens");
  g_assert_null (client_call_manager (second, "create_workspace",
                                      g_variant_new_parsed ("[<{'id': <'a-b'>}>]"), &created));
  g_assert_cmpstr (created, ==, "Only registered user can create workspace.");
}

/* A connection from a given address. */
static Client *
open_from (Hub        *hub,
           const char *address)
{
  g_autoptr (HyphaConnection) far_end = NULL;
  HyphaConnection *near_end;

  hypha_pipe_connection_new_pair (&near_end, &far_end);
  hypha_gate_accept (hub->gate, far_end, address);
  return client_new (near_end);
}

static void
guess (Hub        *hub,
       const char *address)
{
  g_autoptr (Client) client = open_from (hub, address);

  say_hello (client, "c", "token", "x");
  client_wait_closed (client);
}

/* Who guesses from this machine waits for each no; who has a token does not wait at all. */
static void
test_throttle_delays_loopback (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = make_token (hub, 1000);
  g_autoptr (Client) guesser = NULL;
  g_autoptr (Client) innocent = NULL;
  g_autofree char *info = NULL;
  g_autofree char *text = NULL;
  gint64 start;

  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*refusals are delayed*");
  for (int i = 0; i < HYPHA_THROTTLE_MAX_FAILURES; i++)
    guess (hub, "127.0.0.1");
  test_assert_expected_logs ();

  start = g_get_monotonic_time ();
  guesser = open_from (hub, "::1");
  say_hello (guesser, "c", "token", "x");
  say_hello (guesser, "c", "token", token);
  innocent = open_from (hub, "127.0.0.1");
  say_hello (innocent, "d", "token", token);
  info = client_take_text (innocent);
  g_assert_nonnull (strstr (info, "connection_info"));
  g_assert_cmpint (g_get_monotonic_time () - start, <, HYPHA_THROTTLE_DELAY * 1000);
  g_assert_cmpuint (guesser->close_code, ==, 0);

  /* One guess, one answer: what it says meanwhile is not looked at. */
  client_wait_closed (guesser);
  g_assert_cmpint (g_get_monotonic_time () - start, >=, HYPHA_THROTTLE_DELAY * 1000);
  g_assert_cmpuint (guesser->close_code, ==, 1001);
  text = client_take_text (guesser);
  g_assert_nonnull (strstr (text, "Invalid JWT format"));
}

static void
test_throttle_delayed_limit (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (GPtrArray) clients = g_ptr_array_new_with_free_func ((GDestroyNotify) client_free);
  g_autoptr (Client) last = NULL;
  gint64 start;

  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*refusals are delayed*");
  for (int i = 0; i < HYPHA_THROTTLE_MAX_FAILURES; i++)
    guess (hub, "127.0.0.1");

  start = g_get_monotonic_time ();
  for (int i = 0; i < HYPHA_GATE_MAX_DELAYED; i++)
    {
      Client *client = open_from (hub, "127.0.0.1");

      say_hello (client, "c", "token", "x");
      g_ptr_array_add (clients, client);
    }

  last = open_from (hub, "127.0.0.1");
  say_hello (last, "c", "token", "x");
  client_wait_closed (last);
  g_assert_cmpint (g_get_monotonic_time () - start, <, HYPHA_THROTTLE_DELAY * 1000);
  g_assert_cmpuint (((Client *) clients->pdata[0])->close_code, ==, 0);

  /* Those that go do not take the place of others. */
  g_ptr_array_set_size (clients, 0);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_ptr_array_add (clients, open_from (hub, "127.0.0.1"));
  say_hello (clients->pdata[0], "c", "token", "x");
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_assert_cmpuint (((Client *) clients->pdata[0])->close_code, ==, 0);
}

/* A hello without a token, or with a workspace that is not one's, is no guess. */
static void
test_throttle_counts_guesses_only (void)
{
  g_autoptr (Hub) hub = hub_new ();

  for (int i = 0; i < 2 * HYPHA_THROTTLE_MAX_FAILURES; i++)
    {
      g_autoptr (Client) client = open_from (hub, "192.0.2.7");

      client_send_text (client, i % 2 == 0 ? "{\"workspace\":\"ws-a\"}" : "{}");
      client_wait_closed (client);
    }

  g_assert_cmpuint (hypha_throttle_get_n_addresses (hypha_authority_get_throttle (hub->authority)),
                    ==, 0);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/hub/gate/evict/expired", test_evict_expired);
  g_test_add_func ("/hub/gate/evict/expired-after-reconnection",
                   test_evict_expired_after_reconnection);
  g_test_add_func ("/hub/gate/evict/alarm", test_evict_alarm);
  g_test_add_func ("/hub/gate/evict/revoked-during-probe", test_evict_revoked_during_probe);
  g_test_add_func ("/hub/gate/evict/force-disconnect", test_evict_force_disconnect);
  g_test_add_func ("/hub/gate/evict/kick", test_evict_kick);
  g_test_add_func ("/hub/gate/h16-anonymous-stays-anonymous",
                   test_evict_anonymous_stays_anonymous);
  g_test_add_func ("/hub/gate/throttle/delays-loopback", test_throttle_delays_loopback);
  g_test_add_func ("/hub/gate/throttle/delayed-limit", test_throttle_delayed_limit);
  g_test_add_func ("/hub/gate/throttle/counts-guesses-only", test_throttle_counts_guesses_only);
  return g_test_run ();
}
