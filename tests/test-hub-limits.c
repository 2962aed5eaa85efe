/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-peer-private.h"
#include "hypha-rpc-chunks-private.h"
#include "test-hub-fixture.h"
#include "test-utils.h"

/* What one client may make the core do, and what it must not be able to. */

static gboolean
has_frames (gpointer data)
{
  Client *client = data;

  return !g_queue_is_empty (&client->binaries);
}

/* Waits for the core's own call of method, and gives its session. */
static char *
take_call (Client     *client,
           const char *method)
{
  while (TRUE)
    {
      g_autoptr (GVariant) envelope = NULL;
      const char *called = "";
      char *session = NULL;

      g_assert_true (test_wait (has_frames, client));
      envelope = client_take (client, NULL);
      g_variant_lookup (envelope, "method", "&s", &called);
      if (!g_str_equal (called, method))
        continue;

      g_assert_true (g_variant_lookup (envelope, "session", "s", &session));
      return session;
    }
}

static void
answer_call (Client     *client,
             const char *session,
             const char *verb)
{
  g_autofree char *method = g_strconcat (session, ".", verb, NULL);

  client_send (client,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <'*/workspace-manager'>,"
                                     " 'method': <%s>, 'parent': <%s>}", method, session),
               g_variant_new_parsed ("{'args': <[<'pong'>]>}"));
}

static void
say_hello (Client     *client,
           const char *id,
           const char *name,
           const char *token)
{
  g_autofree char *hello = g_strdup_printf ("{\"client_id\":\"%s\",\"%s\":\"%s\"}", id, name, token);

  client_send_text (client, hello);
}

/* The address is probed for a newcomer when its holder comes back: once a second client got in. */
static void
test_reconnect_during_probe (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) holder = hub_connect (hub, "a", token);
  g_autoptr (Client) newcomer = hub_open (hub);
  g_autoptr (Client) back = hub_open (hub);
  g_autofree char *refreshed = NULL;
  g_autofree char *info = NULL;
  g_autofree char *probe = NULL;
  g_autofree char *second = NULL;
  g_auto (GStrv) parts = NULL;

  client_send_text (holder, "{\"type\":\"refresh_token\"}");
  refreshed = client_take_text (holder);
  parts = g_strsplit (refreshed, "\"", -1);

  say_hello (newcomer, "a", "token", token);
  probe = take_call (holder, "services.built-in.ping");
  say_hello (back, "a", "reconnection_token", parts[7]);
  info = client_take_text (back);
  g_assert_nonnull (strstr (info, "\"connection_info\""));

  /* The newcomer is decided about anew, against the client that is there now. */
  second = take_call (back, "services.built-in.ping");
  answer_call (back, second, "resolve");
  client_wait_closed (newcomer);
  g_assert_cmpuint (newcomer->close_code, ==, 1008);
  g_assert_cmpuint (back->close_code, ==, 0);
}

/* A second newcomer while the first one's probe is out. */
static void
test_two_newcomers (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) holder = hub_connect (hub, "a", token);
  g_autoptr (Client) one = hub_open (hub);
  g_autoptr (Client) two = hub_open (hub);

  say_hello (one, "a", "token", token);
  say_hello (two, "a", "token", token);

  /* Nobody answers; one of them gets the address, nobody crashes. */
  client_wait_closed (holder);
  g_assert_cmpuint (hypha_router_get_n_peers (hub->router), ==, 4);
}

/* An error is a sign of life too. */
static void
test_probe_answered_with_error (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) holder = hub_connect (hub, "a", token);
  g_autoptr (Client) newcomer = hub_open (hub);
  g_autofree char *probe = NULL;

  say_hello (newcomer, "a", "token", token);
  probe = take_call (holder, "services.built-in.ping");
  answer_call (holder, probe, "reject");
  client_wait_closed (newcomer);
  g_assert_cmpuint (newcomer->close_code, ==, 1008);
  g_assert_cmpuint (holder->close_code, ==, 0);
}

static void
test_page_gets_no_token (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (HyphaUserInfo) user = hypha_user_info_new ("plugin", NULL, NULL, NULL, 0, FALSE);
  g_autoptr (HyphaConnection) far_end = NULL;
  g_autoptr (Client) page = NULL;
  g_autofree char *text = NULL;
  g_autofree char *error = NULL;
  g_autofree char *pong = NULL;
  HyphaConnection *near_end;

  hypha_pipe_connection_new_pair (&near_end, &far_end);
  hypha_gate_accept_mounted (hub->gate, far_end, "desktop", "client-1", user);
  page = client_new (near_end);
  client_send_text (page, "{\"client_id\":\"client-1\"}");
  text = client_take_text (page);
  g_assert_null (strstr (text, "reconnection_token"));
  client_send_text (page, "{\"type\":\"refresh_token\"}");
  client_send_text (page, "{\"type\":\"ping\"}");
  pong = client_take_text (page);
  g_assert_cmpstr (pong, ==, "{\"type\":\"pong\"}");
  g_assert_null (client_call_manager (page, "generate_token", g_variant_new_parsed ("@av []"),
                                      &error));
  g_assert_cmpstr (error, ==, "Access denied: pages in windows cannot generate tokens");
}

/* A token for one client does not beget tokens for others. */
static void
test_bound_token_stays_bound (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (HyphaUserInfo) root = hypha_user_info_new_root ();
  g_autoptr (GVariant) config = NULL;
  g_autoptr (GVariant) minted = NULL;
  g_autoptr (HyphaToken) parsed = NULL;
  g_autofree char *token = NULL;
  g_autofree char *error = NULL;
  g_autoptr (Client) client = NULL;

  config = g_variant_ref_sink (g_variant_new_parsed ("{'workspace': <'ws-a'>, 'user_id': <'bob'>,"
                                                     " 'client_id': <'only'>}"));
  token = hypha_token_methods_mint (hub->authority, root, "default", "root", config, NULL);
  client = hub_connect (hub, "only", token);
  g_assert_null (client_call_manager (client, "generate_token",
                                      g_variant_new_parsed ("[<{'client_id': <'other'>}>]"),
                                      &error));
  g_assert_true (g_str_has_prefix (error, "Access denied: this token is for client 'only' alone"));
  minted = client_call_manager (client, "generate_token", g_variant_new_parsed ("@av []"), NULL);
  parsed = hypha_token_verify (g_variant_get_string (minted, NULL), hub->secret,
                               HYPHA_TOKEN_AUDIENCE_API, g_get_real_time () / G_USEC_PER_SEC, NULL);
  g_assert_nonnull (parsed);
  g_assert_true (parsed->client_bound);
  g_assert_cmpstr (parsed->client_id, ==, "only");
}

/* A connection that breaks inside send(), as one whose queue is full may. */
#define BRITTLE_TYPE_CONNECTION (brittle_connection_get_type ())
G_DECLARE_FINAL_TYPE (BrittleConnection, brittle_connection, BRITTLE, CONNECTION, HyphaConnection)

struct _BrittleConnection
{
  HyphaConnection parent_instance;
  gboolean        brittle;
};

G_DEFINE_FINAL_TYPE (BrittleConnection, brittle_connection, HYPHA_TYPE_CONNECTION)

static void
brittle_connection_send (HyphaConnection *connection,
                         HyphaFrameType   type,
                         GBytes          *bytes)
{
  if (BRITTLE_CONNECTION (connection)->brittle)
    hypha_connection_emit_closed (connection, 1006, "broke");
}

static void
brittle_connection_class_init (BrittleConnectionClass *klass)
{
  HYPHA_CONNECTION_CLASS (klass)->send = brittle_connection_send;
  HYPHA_CONNECTION_CLASS (klass)->close = hypha_connection_emit_closed;
}

static void
brittle_connection_init (BrittleConnection *self)
{
}

/* Whoever is sent to may go while it is sent to. */
static void
assert_survives_break (const char *target)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (HyphaUserInfo) user = hypha_user_info_new ("plugin", NULL, NULL, NULL, 0, FALSE);
  g_autoptr (GBytes) hello = g_bytes_new_static ("{\"client_id\":\"page\"}", 20);
  g_autoptr (Client) client = hub_connect (hub, "c", token);
  g_autoptr (GVariant) echoed = NULL;
  BrittleConnection *page = g_object_new (BRITTLE_TYPE_CONNECTION, NULL);

  hypha_gate_accept_mounted (hub->gate, HYPHA_CONNECTION (page), "ws-a", "page", user);
  hypha_connection_emit_message (HYPHA_CONNECTION (page), HYPHA_FRAME_TEXT, hello);
  g_assert_nonnull (hypha_router_lookup (hub->router, "ws-a/page"));
  page->brittle = TRUE;
  g_object_unref (page);

  client_send (client, g_variant_new_parsed ("{'type': <'method'>, 'to': <%s>, 'method': <'m'>}",
                                             target), NULL);
  echoed = client_call_manager (client, "echo", g_variant_new_parsed ("[<'x'>]"), NULL);
  g_assert_nonnull (echoed);
  g_assert_null (hypha_router_lookup (hub->router, "ws-a/page"));
}

static void
test_connection_breaks_in_send (void)
{
  assert_survives_break ("ws-a/page");
  assert_survives_break ("*");
}

/* In “public” nobody can be taken for the service of a well-known name. */
static void
test_public_exports_nothing (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) client = hub_open (hub);
  g_autofree char *info = NULL;
  g_autofree char *error = NULL;

  client_send_text (client, "{\"client_id\":\"somebody\",\"workspace\":\"public\"}");
  info = client_take_text (client);
  g_assert_nonnull (strstr (info, "\"workspace\":\"public\""));
  client_register (client, "built-in", "public");
  g_assert_null (client_call_manager (client, "register_service",
                                      g_variant_new_parsed ("[<{'id': <'default'>}>]"), &error));
  g_assert_true (g_str_has_prefix (error, "Access denied"));
}

static gboolean
serves_nothing (gpointer data)
{
  return hypha_rpc_get_n_serving (data) == 0;
}

static void
test_serving_caller_limit (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) silent = hub_connect (hub, "p", token);
  HyphaRpc *rpc = hypha_manager_get_rpc (hub->manager);
  Client *greedy = hub_connect (hub, "g", token);
  g_autofree char *error = NULL;
  g_autoptr (GVariant) echoed = NULL;

  client_register (silent, "calc", "public");
  for (guint i = 0; i < HYPHA_RPC_MAX_SERVING_CALLER; i++)
    client_send (greedy,
                 g_variant_new_parsed ("{'type': <'method'>, 'to': <'*/workspace-manager'>,"
                                       " 'method': <'services.default.get_service'>,"
                                       " 'session': <'x'>}"),
                 g_variant_new_parsed ("{'args': <[<'calc'>, <{'timeout': <int64 600>}>]>,"
                                       " 'promise': <'*'>}"));

  g_assert_null (client_call_manager (greedy, "get_service", g_variant_new_parsed ("[<'calc'>]"),
                                      &error));
  g_assert_nonnull (strstr (error, "256 of this client"));

  /* The others are served, and nothing is left when the greedy one goes. */
  echoed = client_call_manager (silent, "echo", g_variant_new_parsed ("[<'x'>]"), NULL);
  g_assert_nonnull (echoed);
  client_free (greedy);
  g_assert_true (test_wait (serves_nothing, rpc));
  g_assert_cmpuint (hypha_rpc_get_n_pending (rpc), ==, 0);
}

/* However many guests ask for what is never answered: those with a name are served. */
static void
test_serving_guests_limit (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) silent = hub_connect (hub, "p", token);
  g_autoptr (GPtrArray) guests = g_ptr_array_new_with_free_func ((GDestroyNotify) client_free);
  HyphaRpc *rpc = hypha_manager_get_rpc (hub->manager);
  g_autoptr (GVariant) found = NULL;

  client_register (silent, "calc", "public");
  for (guint i = 0; i < 2 * HYPHA_RPC_MAX_SERVING_USER / HYPHA_RPC_MAX_SERVING_CALLER; i++)
    {
      g_autofree char *id = g_strdup_printf ("guest-%u", i);

      g_ptr_array_add (guests, hub_connect (hub, id, NULL));
      for (guint n = 0; n < HYPHA_RPC_MAX_SERVING_CALLER; n++)
        client_send (g_ptr_array_index (guests, i),
                     g_variant_new_parsed ("{'type': <'method'>, 'session': <'x'>,"
                                           " 'to': <'*/workspace-manager'>,"
                                           " 'method': <'services.default.get_service'>}"),
                     g_variant_new_parsed ("{'args': <[<'ws-a/calc'>,"
                                           " <{'timeout': <int64 600>}>]>, 'promise': <'*'>}"));
    }

  found = client_call_manager (silent, "list_services", g_variant_new_parsed ("@av []"), NULL);
  g_assert_nonnull (found);
  g_assert_cmpuint (hypha_rpc_get_n_serving (rpc), >=, HYPHA_RPC_MAX_SERVING_USER / 2);
  g_assert_cmpuint (hypha_rpc_get_n_serving (rpc), <=, HYPHA_RPC_MAX_SERVING_USER);
  g_ptr_array_set_size (guests, 0);
  g_assert_true (test_wait (serves_nothing, rpc));
}

/* One sender's flood lies before the manager only up to its share. */
static void
test_share_of_the_manager (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) flood = hub_connect (hub, "f", NULL);
  g_autoptr (Client) other = hub_connect (hub, "o", NULL);
  g_autoptr (GVariant) echoed = NULL;
  const guint n = 50 * HYPHA_PEER_SHARE_FRAMES;

  for (guint i = 0; i < n; i++)
    client_send (flood,
                 g_variant_new_parsed ("{'type': <'method'>, 'to': <'*/workspace-manager'>,"
                                       " 'method': <'services.default.echo'>, 'session': <'x'>}"),
                 g_variant_new_parsed ("{'args': <[<'flood'>]>, 'promise': <'*'>}"));

  echoed = client_call_manager (other, "echo", g_variant_new_parsed ("[<'x'>]"), NULL);
  g_assert_nonnull (echoed);
  g_assert_cmpuint (g_queue_get_length (&flood->binaries), <, n / 2);

  /* And none of the flood is lost. */
  while (g_queue_get_length (&flood->binaries) < n)
    g_main_context_iteration (NULL, TRUE);
}

static void
test_outgoing_long_messages_limit (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  HyphaRpc *rpc = hypha_manager_get_rpc (hub->manager);
  Client *client = hub_connect (hub, "c", token);
  g_autoptr (GBytes) large = g_bytes_new_take (g_malloc0 (40 * 1024 * 1024), 40 * 1024 * 1024);
  g_autoptr (GVariant) first = NULL;
  g_autoptr (GVariant) refusal = NULL;
  const char *method = NULL;

  hypha_rpc_chunks_send (rpc, "ws-a/c", "s1", NULL, large);
  test_expect_log ("hypha-rpc", G_LOG_LEVEL_MESSAGE, "*too many long messages wait for ws-a/c*");
  hypha_rpc_chunks_send (rpc, "ws-a/c", "s2", NULL, large);
  test_assert_expected_logs ();
  g_assert_cmpuint (hypha_rpc_chunks_get_outgoing (hypha_rpc_get_chunks (rpc)), ==,
                    g_bytes_get_size (large));
  first = client_take (client, NULL);
  refusal = client_take (client, NULL);
  g_variant_lookup (refusal, "method", "&s", &method);
  g_assert_cmpstr (method, ==, "s2.reject");

  /* What waits for a client goes with it. */
  client_free (client);
  while (hypha_rpc_chunks_get_outgoing (hypha_rpc_get_chunks (rpc)) > 0)
    g_main_context_iteration (NULL, TRUE);
}

static void
test_chunk_gap_limit (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) client = hub_connect (hub, "c", NULL);
  g_autoptr (GVariant) created = NULL;
  g_autofree char *error = NULL;

  created = client_call (client, HYPHA_ADDRESS_MANAGER, "services.built-in.message_cache.create",
                         g_variant_new_parsed ("[<'k'>]"), NULL);
  g_assert_null (client_call (client, HYPHA_ADDRESS_MANAGER,
                              "services.built-in.message_cache.set",
                              g_variant_new_parsed ("[<'k'>, <%x>, <@ay []>]",
                                                    (gint64) HYPHA_CHUNKS_MAX_GAP + 1),
                              &error));
  g_assert_nonnull (error);
}

/* Python takes no frame over 1 MiB: an event never comes near. */
static void
test_event_fits_a_frame (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) watcher = hub_connect (hub, "w", token);
  g_autoptr (Client) client = hub_connect (hub, "c", token);
  g_autofree char *docs = g_strnfill (900000, 'x');
  g_autoptr (GVariant) subscribed = NULL;
  GBytes *frame;

  subscribed = client_call_manager (watcher, "subscribe",
                                    g_variant_new_parsed ("[<'service_added'>]"), NULL);
  client_send (client,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <'*/workspace-manager'>,"
                                     " 'method': <'services.default.register_service'>}"),
               g_variant_new_parsed ("{'args': <[<{'id': <'s'>, 'docs': <%s>}>]>}", docs));
  g_assert_true (test_wait (has_frames, watcher));
  frame = g_queue_peek_head (&watcher->binaries);
  g_assert_cmpuint (g_bytes_get_size (frame), <=, HYPHA_RPC_MAX_FRAME);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/hub/limits/reconnect-during-probe", test_reconnect_during_probe);
  g_test_add_func ("/hub/limits/two-newcomers", test_two_newcomers);
  g_test_add_func ("/hub/limits/probe-answered-with-error", test_probe_answered_with_error);
  g_test_add_func ("/hub/limits/page-gets-no-token", test_page_gets_no_token);
  g_test_add_func ("/hub/limits/bound-token-stays-bound", test_bound_token_stays_bound);
  g_test_add_func ("/hub/limits/connection-breaks-in-send", test_connection_breaks_in_send);
  g_test_add_func ("/hub/limits/public-exports-nothing", test_public_exports_nothing);
  g_test_add_func ("/hub/limits/serving-guests", test_serving_guests_limit);
  g_test_add_func ("/hub/limits/serving-caller", test_serving_caller_limit);
  g_test_add_func ("/hub/limits/share-of-the-manager", test_share_of_the_manager);
  g_test_add_func ("/hub/limits/outgoing-long-messages", test_outgoing_long_messages_limit);
  g_test_add_func ("/hub/limits/chunk-gap", test_chunk_gap_limit);
  g_test_add_func ("/hub/limits/event-fits-a-frame", test_event_fits_a_frame);
  return g_test_run ();
}
