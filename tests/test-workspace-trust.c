/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "hypha-http-rpc-private.h"
#include "test-http-fixture.h"
#include "test-utils.h"

/*
 * Bob has a token that says that he is an admin of “team-x”, and with it a connection, what lets him
 * come back, and a token that he made. Then team-x is deleted, and mallory makes one of that name:
 * all of it within the same second, as fast as this machine can.
 */
typedef struct
{
  Web          *web;
  HyphaHttpRpc *http_rpc;
  Client       *bob;        /* in his own workspace */
  Client       *mallory;
  char         *token;
  char         *comeback;
  char         *handed_on;
  char         *fresh;      /* as token, but made by the host afterwards */
  GInputStream *stream;
} Fixture;

static char *
make_token (Fixture    *fixture,
            const char *user,
            const char *scopes)
{
  g_autoptr (HyphaUserInfo) root = hypha_user_info_new_root ();
  g_autofree char *workspace = g_strconcat ("ws-user-", user, NULL);
  g_autoptr (GVariant) config = NULL;
  g_autoptr (GError) error = NULL;
  char *token;

  config = g_variant_ref_sink (
    g_variant_new_parsed ("{'workspace': <%s>, 'user_id': <%s>, 'scopes': <%s>}", workspace, user,
                          scopes));
  token = hypha_token_methods_mint (fixture->web->hub->authority, root, "default", "root", config,
                                    &error);
  g_assert_no_error (error);
  return token;
}

static char *
take_comeback (const char *answer)
{
  g_autoptr (JsonNode) node = json_from_string (answer, NULL);

  g_assert_nonnull (node);
  return g_strdup (json_object_get_string_member (json_node_get_object (node),
                                                  "reconnection_token"));
}

static void
make_anew (Fixture *fixture)
{
  g_autofree char *token = make_token (fixture, "mallory", "");
  g_autoptr (GVariant) gone = client_must_call (fixture->bob, "delete_workspace", "[<'team-x'>]");
  g_autoptr (GVariant) made = NULL;

  fixture->mallory = hub_connect (fixture->web->hub, "mallory", token);
  made = client_must_call (fixture->mallory, "create_workspace", "[<{'id': <'team-x'>}>]");
  g_assert_nonnull (made);
  fixture->fresh = make_token (fixture, "bob", "ws:team-x#a");
}

static void
fixture_set_up (Fixture       *fixture,
                gconstpointer  data)
{
  g_autofree char *alice_token = NULL;
  g_autoptr (Client) alice = NULL;
  g_autoptr (GVariant) made = NULL;
  g_autoptr (GVariant) handed_on = NULL;
  g_autofree char *answer = NULL;

  fixture->web = web_new ();
  fixture->http_rpc = hypha_http_rpc_new (fixture->web->server, fixture->web->hub->router,
                                          fixture->web->hub->gate);
  alice_token = make_token (fixture, "alice", "");
  alice = hub_connect (fixture->web->hub, "alice", alice_token);
  made = client_must_call (alice, "create_workspace", "[<{'id': <'team-x'>}>]");
  fixture->token = make_token (fixture, "bob", "ws:team-x#a");
  answer = hub_say_hello (fixture->web->hub, "b", "ws-user-bob", "token", fixture->token,
                          &fixture->bob);
  fixture->comeback = take_comeback (answer);
  handed_on = client_must_call (fixture->bob, "generate_token", "@av []");
  fixture->handed_on = g_variant_dup_string (handed_on, NULL);
  make_anew (fixture);
}

static void
fixture_tear_down (Fixture       *fixture,
                   gconstpointer  data)
{
  g_clear_object (&fixture->stream);
  g_clear_pointer (&fixture->bob, client_free);
  client_free (fixture->mallory);
  g_object_unref (fixture->http_rpc);
  web_free (fixture->web);
  g_free (fixture->token);
  g_free (fixture->comeback);
  g_free (fixture->handed_on);
  g_free (fixture->fresh);
}

/* Nothing that an admin may do, or a reader, and no token that says so. */
static void
assert_nothing (Client *client)
{
  static const char *const tries[][2] = {
    { "delete_workspace", "[<'team-x'>]" },
    { "create_workspace", "[<{'id': <'team-x'>}>, <true>]" },
    { "get_workspace_info", "[<'team-x'>]" },
    { "generate_token", "[<{'workspace': <'team-x'>}>]" },
    { "generate_token", "[<{'scopes': <[<'ws:team-x#r'>]>}>]" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (tries); i++)
    {
      g_autofree char *error = NULL;

      g_assert_null (client_call_manager (client, tries[i][0], g_variant_new_parsed (tries[i][1]),
                                          &error));
      g_assert_nonnull (error);
      g_assert_true (g_regex_match_simple ("denied|Only admin", error, 0, 0));
    }
}

static void
test_trust_open_connection (Fixture       *fixture,
                            gconstpointer  data)
{
  assert_nothing (fixture->bob);
}

/* key and token: how the client says who it is, once at home and once straight at the workspace. */
static void
assert_not_by (Fixture    *fixture,
               const char *key,
               const char *token)
{
  g_autoptr (Client) there = NULL;
  g_autoptr (Client) home = NULL;
  g_autofree char *refusal = hub_say_hello (fixture->web->hub, "b", "team-x", key, token, &there);
  g_autofree char *answer = NULL;

  g_assert_nonnull (strstr (refusal, "\"error\""));
  g_clear_pointer (&fixture->bob, client_free);
  answer = hub_say_hello (fixture->web->hub, "b", "ws-user-bob", key, token, &home);
  g_assert_nonnull (strstr (answer, "\"connection_info\""));
  assert_nothing (home);
}

static void
test_trust_connect (Fixture       *fixture,
                    gconstpointer  data)
{
  assert_not_by (fixture, "token", fixture->token);
}

static void
test_trust_reconnection_token (Fixture       *fixture,
                               gconstpointer  data)
{
  assert_not_by (fixture, "reconnection_token", fixture->comeback);
}

static void
test_trust_delegated (Fixture       *fixture,
                      gconstpointer  data)
{
  assert_not_by (fixture, "token", fixture->handed_on);
}

/* What comes of what comes of it is no younger. */
static void
test_trust_made_later (Fixture       *fixture,
                       gconstpointer  data)
{
  g_autoptr (GVariant) child = client_must_call (fixture->bob, "generate_token", "@av []");
  g_autoptr (Client) client = NULL;
  g_autofree char *answer = NULL;
  g_autofree char *comeback = NULL;

  g_clear_pointer (&fixture->bob, client_free);
  answer = hub_say_hello (fixture->web->hub, "b", "ws-user-bob", "token",
                          g_variant_get_string (child, NULL), &client);
  comeback = take_comeback (answer);
  g_clear_pointer (&client, client_free);
  assert_not_by (fixture, "token", g_variant_get_string (child, NULL));
  assert_not_by (fixture, "reconnection_token", comeback);
}

/* The host knows what it does. */
static void
test_trust_fresh (Fixture       *fixture,
                  gconstpointer  data)
{
  g_autoptr (Client) client = NULL;
  g_autofree char *answer = NULL;
  g_autoptr (GVariant) info = NULL;

  answer = hub_say_hello (fixture->web->hub, "b", "team-x", "token", fixture->fresh, &client);
  g_assert_nonnull (strstr (answer, "\"workspace\":\"team-x\""));
  info = client_must_call (client, "get_workspace_info", "[<'team-x'>]");
  g_assert_nonnull (info);
}

/* A protected service of mallory's is seen with the new token alone. */
static void
test_trust_http (Fixture       *fixture,
                 gconstpointer  data)
{
  g_autofree char *token = make_token (fixture, "mallory", "ws:team-x#a");
  g_autoptr (Client) provider = NULL;
  g_autofree char *answer = NULL;
  g_autoptr (Answer) old = NULL;
  g_autoptr (Answer) handed_on = NULL;
  g_autoptr (Answer) fresh = NULL;

  answer = hub_say_hello (fixture->web->hub, "b", "team-x", "token", token, &provider);
  g_assert_nonnull (strstr (answer, "\"connection_info\""));
  provider->id = g_strdup ("team-x/b");
  client_register (provider, "hidden", "protected");
  old = web_ask (fixture->web, "GET", "/team-x/services", fixture->token, NULL, NULL);
  g_assert_null (strstr (old->text, "hidden"));
  handed_on = web_ask (fixture->web, "GET", "/team-x/services", fixture->handed_on, NULL, NULL);
  g_assert_null (strstr (handed_on->text, "hidden"));
  fresh = web_ask (fixture->web, "GET", "/team-x/services", fixture->fresh, NULL, NULL);
  g_assert_nonnull (strstr (fresh->text, "hidden"));
}

static void
test_trust_rpc (Fixture       *fixture,
                gconstpointer  data)
{
  g_autoptr (Answer) token = NULL;
  g_autoptr (Answer) handed_on = NULL;

  token = web_ask (fixture->web, "GET", "/rpc?client_id=r&workspace=team-x", fixture->token, NULL,
                   NULL);
  g_assert_cmpuint (token->status, ==, SOUP_STATUS_FORBIDDEN);
  handed_on = web_ask (fixture->web, "GET", "/rpc?client_id=r&workspace=team-x",
                       fixture->handed_on, NULL, NULL);
  g_assert_cmpuint (handed_on->status, ==, SOUP_STATUS_FORBIDDEN);
}

static void
on_stream (GObject      *object,
           GAsyncResult *result,
           gpointer      data)
{
  Fixture *fixture = data;

  fixture->stream = soup_session_send_finish (SOUP_SESSION (object), result, NULL);
}

static gboolean
has_stream (gpointer data)
{
  return ((Fixture *) data)->stream != NULL;
}

/* With the same words in the same mouth, but of before, nobody posts as one who is trusted. */
static void
test_trust_rpc_post (Fixture       *fixture,
                     gconstpointer  data)
{
  g_autofree char *url = web_url (fixture->web, "/rpc?client_id=r&workspace=ws-user-bob");
  g_autofree char *bearer = g_strconcat ("Bearer ", fixture->fresh, NULL);
  g_autoptr (SoupMessage) message = soup_message_new ("GET", url);
  g_autoptr (Answer) old = NULL;
  g_autoptr (Answer) fresh = NULL;

  soup_message_headers_append (soup_message_get_request_headers (message), "Authorization", bearer);
  soup_session_send_async (fixture->web->session, message, G_PRIORITY_DEFAULT, NULL, on_stream,
                           fixture);
  g_assert_true (test_wait (has_stream, fixture));
  old = web_ask (fixture->web, "POST", "/rpc?client_id=r&workspace=ws-user-bob", fixture->token,
                 "\x81\xa4type\xa4ping", NULL);
  g_assert_cmpuint (old->status, ==, SOUP_STATUS_FORBIDDEN);
  fresh = web_ask (fixture->web, "POST", "/rpc?client_id=r&workspace=ws-user-bob", fixture->fresh,
                   "\x81\xa4type\xa4ping", NULL);
  g_assert_cmpuint (fresh->status, !=, SOUP_STATUS_FORBIDDEN);
}

/* Times that are given never go back, and are never the same. */
static void
test_trust_time (void)
{
  g_autoptr (HyphaWorkspaces) workspaces = hypha_workspaces_new ();
  gint64 last = 0;

  for (guint i = 0; i < 10000; i++)
    {
      gint64 time = hypha_workspaces_get_time (workspaces);

      g_assert_cmpint (time, >, last);
      last = time;
    }
}

static void
add (const char *path,
     void      (*function) (Fixture *, gconstpointer))
{
  g_test_add (path, Fixture, NULL, fixture_set_up, function, fixture_tear_down);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  add ("/hub/workspace-trust/open-connection", test_trust_open_connection);
  add ("/hub/workspace-trust/connect", test_trust_connect);
  add ("/hub/workspace-trust/reconnection-token", test_trust_reconnection_token);
  add ("/hub/workspace-trust/delegated", test_trust_delegated);
  add ("/hub/workspace-trust/made-later", test_trust_made_later);
  add ("/hub/workspace-trust/fresh", test_trust_fresh);
  add ("/hub/workspace-trust/http", test_trust_http);
  add ("/hub/workspace-trust/rpc", test_trust_rpc);
  add ("/hub/workspace-trust/rpc-post", test_trust_rpc_post);
  g_test_add_func ("/hub/workspace-trust/time", test_trust_time);
  return g_test_run ();
}
