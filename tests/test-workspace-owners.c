/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "test-hub-fixture.h"
#include "test-utils.h"

/* Bob's token is older than what alice makes and names him an owner of. */
typedef struct
{
  Hub    *hub;
  Client *alice;
  Client *bob;
  char   *alice_token;
  char   *bob_token;
} Fixture;

static char *
make_token (Fixture    *fixture,
            const char *user,
            const char *workspace,
            const char *scopes)
{
  g_autoptr (HyphaUserInfo) root = hypha_user_info_new_root ();
  g_autoptr (GVariant) config = NULL;
  g_autoptr (GError) error = NULL;
  char *token;

  config = g_variant_ref_sink (
    g_variant_new_parsed ("{'workspace': <%s>, 'user_id': <%s>, 'scopes': <%s>}", workspace, user,
                          scopes));
  token = hypha_token_methods_mint (fixture->hub->authority, root, "default", "root", config, &error);
  g_assert_no_error (error);
  return token;
}

static void
fixture_set_up (Fixture       *fixture,
                gconstpointer  data)
{
  fixture->hub = hub_new ();
  fixture->alice_token = make_token (fixture, "alice", "ws-user-alice", "");
  fixture->bob_token = make_token (fixture, "bob", "ws-user-bob", "ws:team-y#r");
  fixture->alice = hub_connect (fixture->hub, "alice", fixture->alice_token);
  fixture->bob = hub_connect (fixture->hub, "bob", fixture->bob_token);
}

static void
fixture_tear_down (Fixture       *fixture,
                   gconstpointer  data)
{
  client_free (fixture->alice);
  client_free (fixture->bob);
  hub_free (fixture->hub);
  g_free (fixture->alice_token);
  g_free (fixture->bob_token);
}

static void
make (Client     *client,
      const char *args)
{
  g_autoptr (GVariant) made = client_must_call (client, "create_workspace", args);

  g_assert_nonnull (made);
}

/* Says hello to workspace, “” for the token's own; the client, if it is let in there. */
static Client *
enter (Fixture     *fixture,
       const char  *workspace,
       const char  *key,
       const char  *token,
       char       **comeback)
{
  g_autoptr (Client) client = NULL;
  g_autofree char *answer = hub_say_hello (fixture->hub, "c", workspace, key, token, &client);
  g_autoptr (JsonNode) node = json_from_string (answer, NULL);
  JsonObject *object = json_node_get_object (node);

  if (strstr (answer, "\"connection_info\"") == NULL)
    {
      g_assert_nonnull (strstr (answer, "Permission denied for workspace: "));
      return NULL;
    }

  client->id = g_strconcat (json_object_get_string_member (object, "workspace"), "/c", NULL);
  if (comeback != NULL)
    *comeback = g_strdup (json_object_get_string_member (object, "reconnection_token"));
  return g_steal_pointer (&client);
}

static void
assert_outside (Fixture    *fixture,
                const char *workspace,
                const char *key,
                const char *token)
{
  g_autoptr (Client) client = enter (fixture, workspace, key, token, NULL);

  g_assert_null (client);
}

static void
test_owners_enter (Fixture       *fixture,
                   gconstpointer  data)
{
  g_autoptr (Client) client = NULL;
  g_autoptr (Client) again = NULL;
  g_autoptr (GVariant) status = NULL;
  g_autofree char *comeback = NULL;
  const char *level = NULL;

  make (fixture->alice, "[<{'id': <'a-lab'>, 'owners': <[<'bob'>]>}>]");
  client = enter (fixture, "a-lab", "token", fixture->bob_token, &comeback);
  g_assert_cmpstr (client->id, ==, "a-lab/c");
  status = client_must_call (client, "check_status", "@av []");
  g_assert_true (g_variant_lookup (status, "user_permission", "&s", &level));
  g_assert_cmpstr (level, ==, "admin");
  client_register (client, "calc", "protected");

  /* And comes back, as long as he is one. */
  g_clear_pointer (&client, client_free);
  again = enter (fixture, "a-lab", "reconnection_token", comeback, NULL);
  g_assert_cmpstr (again->id, ==, "a-lab/c");
  make (fixture->alice, "[<{'id': <'a-lab'>}>, <true>]");
  g_clear_pointer (&again, client_free);
  assert_outside (fixture, "a-lab", "reconnection_token", comeback);
  assert_outside (fixture, "a-lab", "token", fixture->bob_token);
}

/* What he makes for it is good for it, until somebody else has made it anew. */
static void
test_owners_make_tokens (Fixture       *fixture,
                         gconstpointer  data)
{
  g_autoptr (GVariant) made = NULL;
  g_autoptr (Client) client = NULL;
  g_autofree char *comeback = NULL;
  const char *token;

  make (fixture->alice, "[<{'id': <'a-lab'>, 'owners': <[<'bob'>]>}>]");
  made = client_must_call (fixture->bob, "generate_token", "[<{'workspace': <'a-lab'>}>]");
  token = g_variant_get_string (made, NULL);
  client = enter (fixture, "", "token", token, &comeback);
  g_assert_cmpstr (client->id, ==, "a-lab/c");

  g_variant_unref (client_must_call (fixture->alice, "delete_workspace", "[<'a-lab'>]"));
  client_wait_closed (client);
  g_clear_pointer (&client, client_free);
  make (fixture->alice, "[<{'id': <'a-lab'>, 'owners': <[<'bob'>]>}>]");
  assert_outside (fixture, "", "token", token);
  assert_outside (fixture, "", "reconnection_token", comeback);
}

/* H29: whom somebody names does not come with tokens for another workspace of that name. */
static void
test_owners_named_by_stranger (Fixture       *fixture,
                               gconstpointer  data)
{
  g_autofree char *old = make_token (fixture, "bob", "team-x", "");
  g_autofree char *word = make_token (fixture, "bob", "ws-user-bob", "ws:team-x#a");

  make (fixture->alice, "[<{'id': <'team-x'>, 'owners': <[<'bob'>]>}>]");
  assert_outside (fixture, "", "token", old);
  assert_outside (fixture, "team-x", "token", old);
  assert_outside (fixture, "team-x", "token", word);
}

/* H4: a new token does not say of the new workspace what the old one said of the old. */
static void
test_owners_stale_word (Fixture       *fixture,
                        gconstpointer  data)
{
  g_autoptr (GVariant) before = client_must_call (fixture->bob, "generate_token", "@av []");
  g_autoptr (GVariant) made = NULL;
  g_autoptr (GVariant) kept = NULL;

  kept = client_must_call (fixture->bob, "generate_token", "[<{'scopes': <'ws:team-y#r'>}>]");
  make (fixture->alice, "[<{'id': <'team-y'>}>]");
  made = client_must_call (fixture->bob, "generate_token", "@av []");
  assert_outside (fixture, "team-y", "token", g_variant_get_string (before, NULL));
  assert_outside (fixture, "team-y", "token", g_variant_get_string (kept, NULL));
  assert_outside (fixture, "team-y", "token", g_variant_get_string (made, NULL));
  client_assert_fails (fixture->bob, "generate_token", "[<{'scopes': <'ws:team-y#r'>}>]",
                       "Access denied: cannot give a token the scope 'ws:team-y#r', which its maker "
                       "has not");
}

/* Whoever owns it too may make it anew, but not take it from who made it and answers for it. */
static void
test_owners_overwrite (Fixture       *fixture,
                       gconstpointer  data)
{
  g_autoptr (GVariant) anew = NULL;
  g_autoptr (GVariant) owners = NULL;
  g_autofree char *text = NULL;

  make (fixture->alice, "[<{'id': <'a-lab'>, 'owners': <[<'bob'>]>}>]");
  anew = client_must_call (fixture->bob, "create_workspace",
                           "[<{'id': <'a-lab'>, 'owners': <[<'carol'>, <'bob'>]>}>, <true>]");
  owners = g_variant_lookup_value (anew, "owners", NULL);
  text = g_variant_print (owners, FALSE);
  g_assert_cmpstr (text, ==, "[<'bob'>, <'alice'>, <'carol'>]");
  g_variant_unref (client_must_call (fixture->alice, "delete_workspace", "[<'a-lab'>]"));
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
  add ("/hub/workspace-owners/enter", test_owners_enter);
  add ("/hub/workspace-owners/make-tokens", test_owners_make_tokens);
  add ("/hub/workspace-owners/named-by-stranger", test_owners_named_by_stranger);
  add ("/hub/workspace-owners/stale-word", test_owners_stale_word);
  add ("/hub/workspace-owners/overwrite", test_owners_overwrite);
  return g_test_run ();
}
