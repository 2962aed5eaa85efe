/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <json-glib/json-glib.h>

#include "test-hub-fixture.h"
#include "test-utils.h"

static JsonObject *
parse (const char  *text,
       JsonNode   **node)
{
  *node = json_from_string (text, NULL);
  g_assert_nonnull (*node);
  return json_node_get_object (*node);
}

/* Says hello, and is refused with exactly this text and code. */
static void
assert_refused (Hub        *hub,
                const char *hello,
                const char *message,
                guint       code)
{
  g_autoptr (Client) client = hub_open (hub);
  g_autofree char *text = NULL;
  g_autoptr (JsonNode) node = NULL;
  JsonObject *object;

  client_send_text (client, hello);
  text = client_take_text (client);
  object = parse (text, &node);
  g_assert_cmpstr (json_object_get_string_member (object, "type"), ==, "error");
  g_assert_cmpstr (json_object_get_string_member (object, "message"), ==, message);
  client_wait_closed (client);
  g_assert_cmpuint (client->close_code, ==, code);
}

static void
test_gate_anonymous (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) client = hub_open (hub);
  g_autofree char *text = NULL;
  g_autoptr (JsonNode) node = NULL;
  JsonObject *object;
  JsonObject *user;

  client_send_text (client, "{\"client_id\":\"anon1\",\"reconnection_token\":null}");
  text = client_take_text (client);
  object = parse (text, &node);
  g_assert_cmpstr (json_object_get_string_member (object, "type"), ==, "connection_info");
  g_assert_cmpstr (json_object_get_string_member (object, "client_id"), ==, "anon1");
  g_assert_cmpstr (json_object_get_string_member (object, "manager_id"), ==, "workspace-manager");
  g_assert_cmpstr (json_object_get_string_member (object, "public_base_url"), ==,
                   "http://127.0.0.1:9527");
  g_assert_cmpint (json_object_get_int_member (object, "reconnection_token_life_time"), ==, 3600);
  g_assert_true (g_str_has_prefix (json_object_get_string_member (object, "workspace"),
                                   "anonymous-"));
  user = json_object_get_object_member (object, "user");
  g_assert_true (json_object_get_boolean_member (user, "is_anonymous"));
  g_assert_cmpstr (json_object_get_string_member (user, "id"), ==,
                   json_object_get_string_member (object, "workspace"));
  g_assert_false (json_object_has_member (user, "expires_at"));
}

static void
test_gate_token (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) client = hub_connect (hub, "prov", token);

  g_assert_cmpstr (client->id, ==, "ws-a/prov");
}

static void
test_gate_all_null (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) client = hub_open (hub);
  g_autofree char *text = NULL;

  client_send_text (client, "{\"client_id\":null,\"workspace\":null,\"token\":null,"
                            "\"reconnection_token\":null}");
  text = client_take_text (client);
  g_assert_nonnull (strstr (text, "\"connection_info\""));
}

static void
test_gate_binary_first (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) client = hub_open (hub);

  client_send (client, g_variant_new_parsed ("{'type': <'method'>}"), NULL);
  client_wait_closed (client);
  g_assert_cmpuint (client->close_code, ==, 1003);
}

static void
test_gate_handshake_timeout (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) client = NULL;

  hypha_gate_set_timeout (hub->gate, 20);
  client = hub_open (hub);
  client_wait_closed (client);
  g_assert_cmpuint (client->close_code, ==, 1001);
  g_assert_cmpstr (client->close_reason, ==,
                   "Failed to establish connection: Authentication timeout");
  g_assert_cmpuint (hypha_gate_get_n_sessions (hub->gate), ==, 0);
}

static void
test_gate_handshake_size_limit (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *padding = g_strnfill (HYPHA_GATE_MAX_HANDSHAKE, 'x');
  g_autofree char *hello = g_strdup_printf ("{\"client_id\":\"a\",\"padding\":\"%s\"}", padding);

  assert_refused (hub, hello, "Failed to decode authentication information", 1003);
}

static void
test_gate_control_frames (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) client = hub_connect (hub, "a", NULL);
  g_autofree char *padding = g_strnfill (HYPHA_GATE_MAX_CONTROL, ' ');
  g_autofree char *long_ping = g_strconcat ("{\"type\":\"ping\"}", padding, NULL);
  g_autofree char *pong = NULL;
  g_autofree char *refreshed = NULL;

  /* Ignored, and the connection stays open. */
  client_send_text (client, "garbage");
  client_send_text (client, "{\"type\":\"unknown\"}");
  client_send_text (client, "[1]");
  client_send_text (client, "{\"type\":7}");
  client_send_text (client, long_ping);

  client_send_text (client, "{\"type\":\"ping\"}");
  pong = client_take_text (client);
  g_assert_cmpstr (pong, ==, "{\"type\":\"pong\"}");

  client_send_text (client, "{\"type\":\"refresh_token\"}");
  refreshed = client_take_text (client);
  g_assert_true (g_str_has_prefix (refreshed, "{\"type\":\"reconnection_token\""));
}

/* A control frame as long as it may be, of characters that take several bytes, and one longer. */
static void
test_gate_max_control (void)
{
  static const char head[] = "{\"type\":\"ping\",\"x\":\"";
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) client = hub_connect (hub, "a", NULL);

  for (guint over = 0; over < 2; over++)
    {
      GString *text = g_string_new (head);
      g_autofree char *owned = NULL;

      for (gsize i = strlen (head); i < HYPHA_GATE_MAX_CONTROL - strlen ("\"}") + over; i++)
        g_string_append (text, "é");
      g_string_append (text, "\"}");
      owned = g_string_free (text, FALSE);
      client_send_text (client, owned);
      while (g_main_context_iteration (NULL, FALSE))
        ;
      g_assert_cmpuint (g_queue_get_length (&client->texts), ==, 1);
    }
}

static char *
take_reconnection_token (Client *client)
{
  g_autofree char *text = NULL;
  g_autoptr (JsonNode) node = NULL;

  client_send_text (client, "{\"type\":\"refresh_token\"}");
  text = client_take_text (client);
  return g_strdup (json_object_get_string_member (parse (text, &node), "reconnection_token"));
}

/* The same process comes back: it gets its address, and the old connection ends. */
static void
test_gate_reconnect_supersedes (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) old = hub_connect (hub, "a", NULL);
  g_autoptr (Client) new = hub_open (hub);
  g_autofree char *token = take_reconnection_token (old);
  g_autofree char *hello = NULL;
  g_autofree char *text = NULL;
  HyphaPeer *peer;

  hello = g_strdup_printf ("{\"client_id\":\"a\",\"reconnection_token\":\"%s\"}", token);
  client_send_text (new, hello);
  text = client_take_text (new);
  g_assert_nonnull (strstr (text, "\"connection_info\""));
  g_assert_nonnull (strstr (text, "\"is_anonymous\":true"));
  client_wait_closed (old);
  g_assert_cmpuint (old->close_code, ==, 1000);
  g_assert_cmpstr (old->close_reason, ==, "superseded");

  /* The end of the old connection took nothing from the new one. */
  peer = hypha_router_lookup (hub->router, old->id);
  g_assert_nonnull (peer);
  g_assert_true (hypha_peer_is_attached (peer));
}

static Client *
come_back (Hub    *hub,
           Client *old)
{
  g_autofree char *token = take_reconnection_token (old);
  g_autofree char *client_id = g_strdup (strchr (old->id, '/') + 1);
  g_autofree char *hello = NULL;
  g_autofree char *text = NULL;
  Client *new = hub_open (hub);

  hello = g_strdup_printf ("{\"client_id\":\"%s\",\"reconnection_token\":\"%s\"}", client_id, token);
  client_send_text (new, hello);
  text = client_take_text (new);
  g_assert_nonnull (strstr (text, "\"connection_info\""));
  new->id = g_strdup (old->id);
  return new;
}

/* It never was away: its services stay, nobody is told that it went, and a call goes on. */
static void
test_gate_reconnect_keeps_all (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) old = hub_connect (hub, "a", token);
  g_autoptr (Client) observer = hub_connect (hub, "o", token);
  g_autoptr (Client) new = NULL;
  g_autoptr (GVariant) events = NULL;
  g_autoptr (GVariant) ask = NULL;
  g_autoptr (GVariant) answer = NULL;
  g_autoptr (GVariant) found = NULL;
  g_autofree char *list = NULL;
  const char *method;
  HyphaPeer *peer;

  client_register (old, "svc", "public");
  events = client_must_call (observer, "subscribe", "[<[<'service_removed'>, <'service_added'>,"
                                                    " <'client_connected'>,"
                                                    " <'client_disconnected'>]>]");
  client_send (observer,
               g_variant_new_parsed ("{'type': <'method'>, 'from': <''>, 'to': <'ws-a/a'>,"
                                     " 'method': <'services.svc.f'>, 'session': <'s1'>}"),
               NULL);
  ask = client_take (old, NULL);
  peer = hypha_router_lookup (hub->router, "ws-a/a");

  new = come_back (hub, old);
  client_wait_closed (old);
  g_assert_true (hypha_router_lookup (hub->router, "ws-a/a") == peer);
  client_send (new,
               g_variant_new_parsed ("{'type': <'method'>, 'from': <''>, 'to': <'ws-a/o'>,"
                                     " 'method': <'s1.resolve'>}"),
               g_variant_new_parsed ("{'args': <[<7>]>}"));

  /* The first thing that the observer hears is the answer. */
  answer = client_take (observer, NULL);
  g_assert_true (g_variant_lookup (answer, "method", "&s", &method));
  g_assert_cmpstr (method, ==, "s1.resolve");
  found = client_must_call (observer, "list_services", "@av []");
  list = g_variant_print (found, FALSE);
  g_assert_nonnull (strstr (list, "ws-a/a:svc"));
}

static char *
sign_reconnection (Hub    *hub,
                   gint64  age)
{
  g_autoptr (HyphaToken) token = hypha_token_new ("alice", "ws-a");

  token->client_id = g_strdup ("a");
  token->issued_at -= age;
  token->expires_at = token->issued_at + age + 60;
  return hypha_authority_sign (hub->authority, token, HYPHA_TOKEN_AUDIENCE_RECONNECTION);
}

static void
come_back_as (Hub        *hub,
              const char *token)
{
  g_autoptr (Client) client = NULL;
  g_autofree char *text = hub_say_hello (hub, "a", "ws-a", "reconnection_token", token, &client);

  g_assert_nonnull (strstr (text, "\"connection_info\""));
}

/* What another program has there meanwhile is not its own: it gets the address, and no more. */
static void
test_gate_reconnect_to_another (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) other = hub_connect (hub, "a", token);
  g_autoptr (HyphaPeer) peer = hypha_peer_ref (hypha_router_lookup (hub->router, "ws-a/a"));
  g_autofree char *older = sign_reconnection (hub, 10);

  client_register (other, "svc", "public");
  come_back_as (hub, older);
  g_assert_false (hypha_peer_is_attached (peer));
  g_assert_null (hypha_registry_lookup (hub->registry, "ws-a/a:svc"));
}

/* What the old connection still says is nobody's word. */
static void
test_gate_superseded_is_silent (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) old = hub_connect (hub, "a", NULL);
  g_autoptr (Client) new = come_back (hub, old);
  g_autofree char *pong = NULL;

  client_send_text (old, "{\"client_id\":\"b\"}");
  client_send_text (old, "{\"type\":\"ping\"}");
  client_wait_closed (old);
  g_assert_true (g_queue_is_empty (&old->texts));
  client_send_text (new, "{\"type\":\"ping\"}");
  pong = client_take_text (new);
  g_assert_nonnull (strstr (pong, "pong"));
  g_assert_cmpuint (hypha_gate_get_n_sessions (hub->gate), ==, 1);
}

static void
test_gate_reconnection_token_of_another (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) client = hub_connect (hub, "a", NULL);
  g_autofree char *token = take_reconnection_token (client);
  g_autofree char *hello = NULL;
  g_autofree char *as_api = NULL;

  hello = g_strdup_printf ("{\"client_id\":\"b\",\"reconnection_token\":\"%s\"}", token);
  assert_refused (hub, hello,
                  "Failed to establish connection: Reconnection token verification failed: "
                  "Client ID mismatch during reconnection", 1001);

  as_api = g_strdup_printf ("{\"client_id\":\"a\",\"token\":\"%s\"}", token);
  assert_refused (hub, as_api,
                  "Failed to establish connection: Token verification failed: "
                  "JWT verification failed: Invalid audience", 1001);
}

/* H17: the id of a live client cannot be taken, nor its traffic tapped, by connecting with it. */
static void
test_gate_duplicate_other_user (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *alice = hub_token (hub, "ws-a", "alice");
  g_autofree char *bob = hub_token (hub, "ws-a", "bob");
  g_autoptr (Client) first = hub_connect (hub, "a", alice);
  g_autofree char *hello = g_strdup_printf ("{\"client_id\":\"a\",\"token\":\"%s\"}", bob);

  assert_refused (hub, hello, "Client already exists and is active: ws-a/a", 1008);
  g_assert_cmpuint (first->close_code, ==, 0);
}

static gboolean
was_probed (gpointer data)
{
  Client *client = data;

  return !g_queue_is_empty (&client->binaries);
}

/* Answers the ping that the holder of a contested address gets. */
static void
answer_probe (Client *client)
{
  g_autoptr (GVariant) envelope = NULL;
  const char *session = NULL;
  g_autofree char *resolve = NULL;

  g_assert_true (test_wait (was_probed, client));
  envelope = client_take (client, NULL);
  g_assert_true (g_variant_lookup (envelope, "session", "&s", &session));
  resolve = g_strconcat (session, ".resolve", NULL);
  client_send (client,
               g_variant_new_parsed ("{'type': <'method'>, 'from': <''>, 'method': <%s>,"
                                     " 'to': <'*/workspace-manager'>, 'parent': <%s>}",
                                     resolve, session),
               g_variant_new_parsed ("{'args': <[<'pong'>]>}"));
}

static void
test_gate_duplicate_same_user_alive (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) first = hub_connect (hub, "a", token);
  g_autoptr (Client) second = hub_open (hub);
  g_autofree char *hello = g_strdup_printf ("{\"client_id\":\"a\",\"token\":\"%s\"}", token);

  client_send_text (second, hello);
  answer_probe (first);
  client_wait_closed (second);
  g_assert_cmpuint (second->close_code, ==, 1008);
  g_assert_cmpuint (first->close_code, ==, 0);
}

static void
test_gate_duplicate_same_user_dead (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) first = hub_connect (hub, "a", token);
  g_autoptr (Client) second = hub_connect (hub, "a", token);

  /* Nobody answered for the first one. */
  g_assert_cmpstr (second->id, ==, "ws-a/a");
  client_wait_closed (first);
  g_assert_cmpuint (first->close_code, ==, 1000);
}

/* Who was given some rights of a user is not the user: an address is not theirs, silent or not. */
static void
test_gate_duplicate_fewer_rights (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) first = hub_connect (hub, "a", token);
  g_autoptr (Client) second = hub_connect (hub, "b", token);
  g_autoptr (GVariant) reader = NULL;
  g_autoptr (Client) guest = NULL;
  g_autofree char *returning = NULL;
  g_autofree char *hello = NULL;
  g_autofree char *back = NULL;

  reader = client_call_manager (second, "generate_token",
                                g_variant_new_parsed ("[<{'permission': <'read'>}>]"), NULL);
  hello = g_strdup_printf ("{\"client_id\":\"a\",\"token\":\"%s\"}",
                           g_variant_get_string (reader, NULL));
  assert_refused (hub, hello, "Client already exists and is active: ws-a/a", 1008);
  g_assert_cmpuint (first->close_code, ==, 0);

  /* Nor does it take back the one that it once had. */
  guest = hub_connect (hub, "g", g_variant_get_string (reader, NULL));
  returning = take_reconnection_token (guest);
  g_clear_pointer (&guest, client_free);
  guest = hub_connect (hub, "g", token);
  back = g_strdup_printf ("{\"client_id\":\"g\",\"reconnection_token\":\"%s\"}", returning);
  assert_refused (hub, back, "Client already exists and is active: ws-a/g", 1008);
}

/* The other way round it does: whoever made a token, which is newer, may have its address. */
static void
test_gate_taken_by_delegate (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) alice = hub_connect (hub, "a", token);
  g_autofree char *returning = take_reconnection_token (alice);
  g_autoptr (GVariant) reader = NULL;
  g_autoptr (Client) delegate = NULL;

  reader = client_call_manager (alice, "generate_token",
                                g_variant_new_parsed ("[<{'permission': <'read'>}>]"), NULL);
  g_clear_pointer (&alice, client_free);
  delegate = hub_connect (hub, "a", g_variant_get_string (reader, NULL));
  come_back_as (hub, returning);
  client_wait_closed (delegate);
  g_assert_cmpuint (delegate->close_code, ==, 1000);
}

/* Whoever asked for the address and then left must not disturb its holder. */
static void
test_gate_newcomer_leaves_during_probe (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) first = hub_connect (hub, "a", token);
  g_autofree char *hello = g_strdup_printf ("{\"client_id\":\"a\",\"token\":\"%s\"}", token);
  g_autofree char *pong = NULL;
  Client *second = hub_open (hub);

  client_send_text (second, hello);
  g_assert_true (test_wait (was_probed, first));
  client_free (second);
  client_send_text (first, "{\"type\":\"ping\"}");
  pong = client_take_text (first);
  g_assert_cmpstr (pong, ==, "{\"type\":\"pong\"}");
  g_assert_cmpuint (hypha_gate_get_n_sessions (hub->gate), ==, 1);
}

static void
test_gate_mounted_page (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (HyphaUserInfo) user = hypha_user_info_new ("plugin", NULL, NULL, NULL, 0, FALSE);
  g_autoptr (Client) page = NULL;
  g_autoptr (Client) liar = NULL;
  g_autoptr (HyphaConnection) far_end = NULL;
  g_autoptr (HyphaConnection) far_end2 = NULL;
  g_autofree char *text = NULL;
  HyphaConnection *near_end;

  hypha_pipe_connection_new_pair (&near_end, &far_end);
  hypha_gate_accept_mounted (hub->gate, far_end, "desktop", "client-1", user);
  page = client_new (near_end);
  client_send_text (page, "{\"client_id\":\"client-1\",\"workspace\":\"desktop\"}");
  text = client_take_text (page);
  g_assert_nonnull (strstr (text, "\"connection_info\""));

  hypha_pipe_connection_new_pair (&near_end, &far_end2);
  hypha_gate_accept_mounted (hub->gate, far_end2, "desktop", "client-2", user);
  liar = client_new (near_end);
  client_send_text (liar, "{\"client_id\":\"client-1\",\"workspace\":\"desktop\"}");
  client_wait_closed (liar);
  g_assert_cmpuint (liar->close_code, ==, 1001);
}

/* A transport whose hello is no frame: proven at once, and refused without a word to the peer. */
static void
test_gate_hello_without_a_frame (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  HyphaHello hello = { .client = (char *) "a", .token = token };
  g_auto (HyphaIdentity) identity = { 0 };
  g_autoptr (HyphaConnection) far_end = NULL;
  g_autoptr (Client) client = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *info = NULL;
  HyphaConnection *near_end;

  hypha_pipe_connection_new_pair (&near_end, &far_end);
  client = client_new (near_end);
  hello.workspace = (char *) "ws-b";
  g_assert_false (hypha_gate_prove (hub->gate, "test", &hello, &identity, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED);
  g_assert_cmpuint (hypha_gate_get_n_sessions (hub->gate), ==, 0);

  hypha_identity_clear (&identity);
  hello.workspace = NULL;
  g_clear_error (&error);
  g_assert_true (hypha_gate_prove (hub->gate, "test", &hello, &identity, &error));
  g_assert_no_error (error);
  hypha_gate_accept_identity (hub->gate, far_end, "test", &identity);
  g_assert_null (identity.user);
  g_assert_nonnull (hypha_router_lookup (hub->router, "ws-a/a"));

  /* Nothing came before it. */
  info = client_take_text (client);
  g_assert_nonnull (strstr (info, "connection_info"));
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/hub/gate/anonymous", test_gate_anonymous);
  g_test_add_func ("/hub/gate/token", test_gate_token);
  g_test_add_func ("/hub/gate/all-null", test_gate_all_null);
  g_test_add_func ("/hub/gate/binary-first", test_gate_binary_first);
  g_test_add_func ("/hub/gate/handshake-timeout", test_gate_handshake_timeout);
  g_test_add_func ("/hub/gate/handshake-size-limit", test_gate_handshake_size_limit);
  g_test_add_func ("/hub/gate/control-frames", test_gate_control_frames);
  g_test_add_func ("/hub/gate/max-control", test_gate_max_control);
  g_test_add_func ("/hub/gate/reconnect-supersedes", test_gate_reconnect_supersedes);
  g_test_add_func ("/hub/gate/reconnect-keeps-all", test_gate_reconnect_keeps_all);
  g_test_add_func ("/hub/gate/reconnect-to-another", test_gate_reconnect_to_another);
  g_test_add_func ("/hub/gate/superseded-is-silent", test_gate_superseded_is_silent);
  g_test_add_func ("/hub/gate/reconnection-token-of-another",
                   test_gate_reconnection_token_of_another);
  g_test_add_func ("/hub/gate/duplicate-other-user", test_gate_duplicate_other_user);
  g_test_add_func ("/hub/gate/duplicate-fewer-rights", test_gate_duplicate_fewer_rights);
  g_test_add_func ("/hub/gate/taken-by-delegate", test_gate_taken_by_delegate);
  g_test_add_func ("/hub/gate/duplicate-same-user-alive", test_gate_duplicate_same_user_alive);
  g_test_add_func ("/hub/gate/duplicate-same-user-dead", test_gate_duplicate_same_user_dead);
  g_test_add_func ("/hub/gate/newcomer-leaves-during-probe",
                   test_gate_newcomer_leaves_during_probe);
  g_test_add_func ("/hub/gate/hello-without-a-frame", test_gate_hello_without_a_frame);
  g_test_add_func ("/hub/gate/mounted-page", test_gate_mounted_page);
  return g_test_run ();
}
