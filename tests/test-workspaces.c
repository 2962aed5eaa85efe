/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "test-hub-fixture.h"
#include "test-utils.h"

static void
assert_text (GVariant   *map,
             const char *key,
             const char *expected)
{
  const char *text = NULL;

  g_assert_true (g_variant_lookup (map, key, "&s", &text));
  g_assert_cmpstr (text, ==, expected);
}

/* A client in its user's own workspace. */
static Client *
connect_user (Hub        *hub,
              const char *user)
{
  g_autofree char *workspace = g_strconcat ("ws-user-", user, NULL);
  g_autofree char *token = hub_token (hub, workspace, user);

  return hub_connect (hub, user, token);
}

static void
assert_not_admitted (Hub        *hub,
                     const char *workspace,
                     const char *key,
                     const char *token)
{
  g_autoptr (Client) client = NULL;
  g_autofree char *answer = hub_say_hello (hub, "c", workspace, key, token, &client);
  g_autofree char *expected = g_strdup_printf ("Permission denied for workspace: %s", workspace);

  g_assert_nonnull (strstr (answer, "\"error\""));
  g_assert_nonnull (strstr (answer, expected));
  client_wait_closed (client);
}

static void
test_workspaces_create (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) alice = connect_user (hub, "alice");
  g_autoptr (GVariant) info = NULL;
  g_autoptr (GVariant) again = NULL;
  g_autoptr (GVariant) owners = NULL;
  g_autoptr (GVariant) named = NULL;
  g_autofree char *text = NULL;

  info = client_must_call (alice, "create_workspace",
                           "[<{'id': <'my-lab'>, 'name': <'Lab'>, 'description': <'of mine'>,"
                           " 'owners': <[<'bob'>, <'alice'>]>, 'config': <{'x': <int64 1>}>, 'what': <1>}>]");
  assert_text (info, "id", "my-lab");
  assert_text (info, "name", "Lab");
  assert_text (info, "description", "of mine");
  assert_text (info, "type", "workspace");
  owners = g_variant_lookup_value (info, "owners", NULL);
  text = g_variant_print (owners, FALSE);
  g_assert_cmpstr (text, ==, "[<'alice'>, <'bob'>]");
  g_assert_false (g_variant_lookup (info, "what", "v", NULL));

  again = client_must_call (alice, "get_workspace_info", "[<'my-lab'>]");
  assert_text (again, "description", "of mine");

  /* Older clients give a name alone. */
  named = client_must_call (alice, "create_workspace", "[<{'name': <'other-lab'>}>]");
  assert_text (named, "id", "other-lab");
}

static void
test_workspaces_create_refusals (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) alice = connect_user (hub, "alice");
  g_autoptr (Client) anonymous = hub_connect (hub, "x", NULL);
  g_autoptr (GVariant) made = client_must_call (alice, "create_workspace", "[<{'id': <'a-b'>}>]");
  g_autofree char *handed_on = NULL;
  g_autoptr (GVariant) minted = NULL;
  g_autoptr (Client) delegate = NULL;
  static const char *const cases[][2] = {
    { "@av []", "Workspace id must be provided." },
    { "[<{'description': <'x'>}>]", "Workspace id must be provided." },
    { "[<'text'>]", "Workspace id must be provided." },
    { "[<{'id': <'lab'>}>]",
      "Workspace name must contain at least one hyphen (e.g. my-workspace)." },
    { "[<{'id': <'My-lab'>}>]",
      "Invalid workspace name: My-lab, only lowercase letters, numbers and hyphens are allowed." },
    { "[<{'id': <'my-lab/x'>}>]",
      "Invalid workspace name: my-lab/x, only lowercase letters, numbers and hyphens are allowed." },
    { "[<{'id': <'a-b'>}>]", "Workspace already exists: a-b" },
    { "[<{'id': <'ws-user-bob'>}>]",
      "Permission denied for workspace ws-user-bob: the name is reserved" },
    { "[<{'id': <'anonymous-1'>}>]",
      "Permission denied for workspace anonymous-1: the name is reserved" },
    { "[<{'id': <'workspace-manager'>}>]",
      "Permission denied for workspace workspace-manager: the name is reserved" },
    { "[<{'id': <'a-c'>, 'owners': <'bob'>}>]",
      "owners must be a list of fewer than 64 user ids" },
    { "[<{'id': <'a-c'>, 'config': <'x'>}>]", "config of a workspace must be a map" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    client_assert_fails (alice, "create_workspace", cases[i][0], cases[i][1]);
  client_assert_fails (anonymous, "create_workspace", "[<{'id': <'a-c'>}>]",
                       "Only registered user can create workspace.");

  minted = client_must_call (alice, "generate_token", "@av []");
  delegate = hub_connect (hub, "d", g_variant_get_string (minted, NULL));
  client_assert_fails (delegate, "create_workspace", "[<{'id': <'a-c'>}>]",
                       "Permission denied: with a token that a client made nobody can create workspaces");
}

static void
test_workspaces_overwrite (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) alice = connect_user (hub, "alice");
  g_autoptr (Client) bob = connect_user (hub, "bob");
  g_autofree char *token = hub_token (hub, "ws-x", "carol");
  g_autoptr (Client) carol = hub_connect (hub, "c", token);
  g_autoptr (GVariant) made = client_must_call (alice, "create_workspace", "[<{'id': <'a-b'>}>]");
  g_autoptr (GVariant) anew = NULL;

  anew = client_must_call (alice, "create_workspace",
                           "[<{'id': <'a-b'>, 'description': <'2'>}>, <true>]");
  assert_text (anew, "description", "2");
  client_assert_fails (bob, "create_workspace", "[<{'id': <'a-b'>}>, <true>]",
                       "Permission denied: user bob cannot overwrite workspace a-b");

  /* Nobody made it, but somebody is in it: it is no stranger's to take, nor a member's. */
  client_assert_fails (bob, "create_workspace", "[<{'id': <'ws-x'>}>]",
                       "Workspace already exists: ws-x");
  client_assert_fails (bob, "create_workspace", "[<{'id': <'ws-x'>}>, <true>]",
                       "Permission denied: user bob cannot overwrite workspace ws-x");
  client_assert_fails (carol, "create_workspace", "[<{'id': <'ws-x'>}>, <true>]",
                       "Permission denied: user carol cannot overwrite workspace ws-x");
}

/* The owner gets in with a token for its own workspace; others do not, and not after it is gone. */
static void
test_workspaces_owner_connects (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *alice_token = hub_token (hub, "ws-user-alice", "alice");
  g_autofree char *bob_token = hub_token (hub, "ws-user-bob", "bob");
  g_autoptr (Client) alice = hub_connect (hub, "alice", alice_token);
  g_autoptr (GVariant) made = client_must_call (alice, "create_workspace",
                                                "[<{'id': <'my-lab'>}>]");
  g_autoptr (GVariant) delegated = client_must_call (alice, "generate_token", "@av []");
  g_autoptr (GVariant) status = NULL;
  g_autoptr (GVariant) for_lab = NULL;
  g_autoptr (Client) inside = NULL;
  g_autoptr (Client) member = NULL;
  g_autoptr (GVariant) gone = NULL;
  g_autoptr (JsonNode) node = NULL;
  g_autofree char *comeback = NULL;
  g_autofree char *answer = hub_say_hello (hub, "c", "my-lab", "token", alice_token, &inside);

  g_assert_nonnull (strstr (answer, "\"workspace\":\"my-lab\""));
  node = json_from_string (answer, NULL);
  comeback = g_strdup (json_object_get_string_member (json_node_get_object (node),
                                                      "reconnection_token"));
  status = client_must_call (inside, "check_status", "@av []");
  assert_text (status, "status", "ready");
  assert_text (status, "user_permission", "admin");
  assert_not_admitted (hub, "my-lab", "token", bob_token);

  /* A token that was handed on does not open what its maker owns. */
  assert_not_admitted (hub, "my-lab", "token", g_variant_get_string (delegated, NULL));

  /* One that was made for the workspace does. */
  for_lab = client_must_call (alice, "generate_token", "[<{'workspace': <'my-lab'>}>]");
  member = hub_connect (hub, "m", g_variant_get_string (for_lab, NULL));
  g_assert_cmpstr (member->id, ==, "my-lab/m");

  gone = client_must_call (alice, "delete_workspace", "[<'my-lab'>]");
  client_wait_closed (inside);
  client_wait_closed (member);
  assert_not_admitted (hub, "my-lab", "token", alice_token);
  assert_not_admitted (hub, "my-lab", "reconnection_token", comeback);
}

/* Whoever comes back to a workspace that it owns gets its address at once, as everywhere. */
static void
test_workspaces_owner_comes_back (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-user-alice", "alice");
  g_autoptr (Client) alice = hub_connect (hub, "alice", token);
  g_autoptr (GVariant) made = client_must_call (alice, "create_workspace",
                                                "[<{'id': <'my-lab'>}>]");
  g_autoptr (Client) first = NULL;
  g_autofree char *answer = hub_say_hello (hub, "c", "my-lab", "token", token, &first);
  g_autoptr (JsonNode) node = json_from_string (answer, NULL);
  g_autofree char *both = NULL;
  g_autofree char *again = NULL;
  g_autoptr (Client) second = NULL;

  both = g_strconcat (json_object_get_string_member (json_node_get_object (node),
                                                     "reconnection_token"),
                      "\",\"token\":\"", token, NULL);
  again = hub_say_hello (hub, "c", "my-lab", "reconnection_token", both, &second);
  g_assert_nonnull (strstr (again, "\"workspace\":\"my-lab\""));
  client_wait_closed (first);
  g_assert_cmpstr (first->close_reason, ==, "superseded");
  g_assert_true (g_queue_is_empty (&first->binaries));
}

/* A token for a name is none for a workspace that somebody else makes under it later. */
static void
test_workspaces_no_squatting (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) mallory = connect_user (hub, "mallory");
  g_autoptr (HyphaToken) old = hypha_token_new ("alice", "team-a");
  g_autofree char *text = NULL;
  g_autofree char *fresh = NULL;
  g_autoptr (Client) client = NULL;
  g_autoptr (GVariant) made = NULL;

  old->origin_time = 1;
  text = hypha_authority_sign (hub->authority, old, HYPHA_TOKEN_AUDIENCE_API);
  made = client_must_call (mallory, "create_workspace", "[<{'id': <'team-a'>}>]");
  assert_not_admitted (hub, "team-a", "token", text);

  /* The host knows what it does. */
  fresh = hub_token (hub, "team-a", "alice");
  client = hub_connect (hub, "c", fresh);
  g_assert_cmpstr (client->id, ==, "team-a/c");
}

/* A token for less is worth less in its owner's hands too. */
static void
test_workspaces_token_limits_owner (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) alice = connect_user (hub, "alice");
  g_autoptr (GVariant) reader = NULL;
  g_autoptr (Client) client = NULL;
  g_autoptr (GVariant) status = NULL;

  reader = client_must_call (alice, "generate_token", "[<{'permission': <'read'>}>]");
  client = hub_connect (hub, "r", g_variant_get_string (reader, NULL));
  status = client_must_call (client, "check_status", "@av []");
  assert_text (status, "user_permission", "read");
  client_assert_fails (client, "delete_workspace", "[<'ws-user-alice'>]",
                       "Permission denied for workspace ws-user-alice");
  client_assert_fails (client, "set_env", "[<'A'>, <'b'>]",
                       "Permission denied for workspace ws-user-alice");
  client_assert_fails (client, "get_env", "@av []",
                       "Permission denied for workspace ws-user-alice");
}

static gboolean
has_deleted_event (gpointer data)
{
  Client *client = data;
  g_autoptr (GVariant) envelope = NULL;
  const char *type = "";

  if (g_queue_is_empty (&client->binaries))
    return FALSE;

  envelope = client_take (client, NULL);
  g_variant_lookup (envelope, "type", "&s", &type);
  return g_str_equal (type, "workspace_deleted");
}

static gboolean
has_force_exit (gpointer data)
{
  Client *client = data;
  g_autoptr (GVariant) envelope = NULL;
  const char *text = "";

  if (g_queue_is_empty (&client->binaries))
    return FALSE;

  envelope = client_take (client, NULL);
  g_variant_lookup (envelope, "type", "&s", &text);
  if (!g_str_equal (text, "force-exit"))
    return FALSE;

  assert_text (envelope, "from", "*/workspace-manager");
  assert_text (envelope, "to", client->id);
  assert_text (envelope, "reason", "Workspace deleted");
  return TRUE;
}

/* Its clients hear of it, and end for good; its services are gone; it can be made anew. */
static void
test_workspaces_delete (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) alice = connect_user (hub, "alice");
  g_autoptr (Client) bob = connect_user (hub, "bob");
  g_autofree char *token = hub_token (hub, "a-b", "carol");
  g_autoptr (GVariant) made = client_must_call (alice, "create_workspace", "[<{'id': <'a-b'>}>]");
  g_autoptr (Client) carol = NULL;
  g_autoptr (GVariant) subscribed = NULL;
  g_autoptr (GVariant) gone = NULL;
  g_autoptr (GVariant) anew = NULL;
  g_autofree char *fresh = hub_token (hub, "a-b", "carol");

  carol = hub_connect (hub, "c", fresh);
  client_register (carol, "calc", "public");
  subscribed = client_must_call (carol, "subscribe", "[<'workspace_deleted'>]");
  client_assert_fails (bob, "delete_workspace", "[<'a-b'>]", "Permission denied for workspace a-b");
  client_assert_fails (carol, "delete_workspace", "[<'a-b'>]",
                       "Permission denied for workspace a-b");

  gone = client_must_call (alice, "delete_workspace", "[<'a-b'>]");
  g_assert_true (test_wait (has_deleted_event, carol));
  g_assert_true (test_wait (has_force_exit, carol));
  client_wait_closed (carol);
  g_assert_cmpuint (carol->close_code, ==, 1008);
  g_assert_null (hypha_registry_lookup (hub->registry, "a-b/c:calc"));
  client_assert_fails (alice, "get_workspace_info", "[<'a-b'>]",
                       "Permission denied for workspace a-b");
  anew = client_must_call (bob, "create_workspace", "[<{'id': <'a-b'>}>]");
  client_assert_fails (alice, "get_workspace_info", "[<'a-b'>]",
                       "Permission denied for workspace a-b");
}

/* Whoever deletes the workspace that it is in gets its answer, then goes. */
static void
test_workspaces_delete_own (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) alice = connect_user (hub, "alice");
  g_autoptr (GVariant) gone = client_must_call (alice, "delete_workspace", "[<'ws-user-alice'>]");

  g_assert_true (test_wait (has_force_exit, alice));
  client_wait_closed (alice);
}

static void
test_workspaces_standing (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (HyphaUserInfo) root = hypha_user_info_new_root ();
  g_autoptr (GVariant) config = NULL;
  g_autofree char *token = NULL;
  g_autoptr (Client) client = NULL;

  config = g_variant_ref_sink (g_variant_new_parsed ("{'workspace': <'public'>,"
                                                     " 'permission': <'admin'>}"));
  token = hypha_token_methods_mint (hub->authority, root, "default", "root", config, NULL);
  client = hub_connect (hub, "c", token);
  client_assert_fails (client, "delete_workspace", "[<'public'>]",
                       "Workspace cannot be deleted: public");
  client_assert_fails (client, "delete_workspace", "[<'default'>]",
                       "Permission denied for workspace default");
}

static guint
list (Client     *client,
      const char *args)
{
  g_autoptr (GVariant) found = client_must_call (client, "list_workspaces", args);

  return (guint) g_variant_n_children (found);
}

static void
test_workspaces_list (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) alice = connect_user (hub, "alice");
  g_autoptr (Client) bob = connect_user (hub, "bob");
  g_autoptr (Client) anonymous = hub_connect (hub, "x", NULL);
  g_autoptr (GVariant) found = NULL;
  g_autoptr (GVariant) first = NULL;

  for (int i = 0; i < 5; i++)
    {
      g_autofree char *args = g_strdup_printf ("[<{'id': <'lab-%d'>, 'description': <'d'>,"
                                               " 'owners': <%s>}>]", i,
                                               i == 0 ? "[<'bob'>]" : "@av []");
      g_autoptr (GVariant) made = client_must_call (alice, "create_workspace", args);
    }

  g_assert_cmpuint (list (alice, "@av []"), ==, 6);
  g_assert_cmpuint (list (bob, "@av []"), ==, 2);
  g_assert_cmpuint (list (anonymous, "@av []"), ==, 1);
  g_assert_cmpuint (list (alice, "[<'lab'>]"), ==, 5);
  g_assert_cmpuint (list (alice, "[<{'id': <'lab-3'>}>]"), ==, 1);
  g_assert_cmpuint (list (alice, "[<{'nothing': <1>}>]"), ==, 0);
  g_assert_cmpuint (list (alice, "[<@mv nothing>, <int64 4>, <2.0>]"), ==, 2);
  found = client_must_call (alice, "list_workspaces", "[<@mv nothing>, <int64 1>, <int64 1>]");
  g_variant_get_child (found, 0, "v", &first);
  assert_text (first, "id", "lab-1");
  g_assert_cmpuint (g_variant_n_children (first), ==, 6);

  client_assert_fails (alice, "list_workspaces", "[<@mv nothing>, <int64 0>, <int64 257>]",
                       "limit must be a number from 1 to 256");
  client_assert_fails (alice, "list_workspaces", "[<@mv nothing>, <int64 0>, <int64 0>]",
                       "limit must be a number from 1 to 256");
  client_assert_fails (alice, "list_workspaces", "[<@mv nothing>, <int64 -1>]",
                       "offset must be a number from 0 to 2147483647");
  client_assert_fails (alice, "list_workspaces", "[<int64 7>]", "match must be a text or a map");
}

static void
test_workspaces_environment (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) alice = connect_user (hub, "alice");
  g_autoptr (Client) bob = connect_user (hub, "bob");
  g_autoptr (GVariant) done = NULL;
  g_autoptr (GVariant) one = NULL;
  g_autoptr (GVariant) all = NULL;
  g_autoptr (GVariant) none = NULL;
  g_autoptr (GVariant) removed = NULL;

  done = client_must_call (alice, "set_env", "[<'KEY'>, <'value'>]");
  one = client_must_call (alice, "get_env", "[<'KEY'>]");
  g_assert_cmpstr (g_variant_get_string (one, NULL), ==, "value");
  all = client_must_call (alice, "get_env", "@av []");
  assert_text (all, "KEY", "value");
  none = client_must_call (bob, "get_env", "@av []");
  g_assert_cmpuint (g_variant_n_children (none), ==, 0);
  client_assert_fails (bob, "get_env", "[<'KEY'>]",
                       "Environment variable 'KEY' not found in workspace ws-user-bob");
  removed = client_must_call (alice, "set_env", "[<'KEY'>, <@mv nothing>]");
  client_assert_fails (alice, "get_env", "[<'KEY'>]",
                       "Environment variable 'KEY' not found in workspace ws-user-alice");
  client_assert_fails (alice, "set_env", "[<''>, <'x'>]",
                       "the name of an environment variable has 1 to 128 bytes");
}

/* Secrets are put there: whoever may only look does not see them. */
static void
test_workspaces_environment_is_hidden (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) alice = connect_user (hub, "alice");
  g_autoptr (GVariant) done = client_must_call (alice, "set_env", "[<'KEY'>, <'secret'>]");
  g_autoptr (GVariant) reader = client_must_call (alice, "generate_token",
                                                  "[<{'permission': <'read'>}>]");
  g_autoptr (Client) client = hub_connect (hub, "r", g_variant_get_string (reader, NULL));
  g_autoptr (GVariant) full = client_must_call (alice, "get_workspace_info", "@av []");
  g_autoptr (GVariant) seen = client_must_call (client, "get_workspace_info", "@av []");
  g_autoptr (GVariant) described = NULL;
  g_autofree char *full_text = g_variant_print (full, FALSE);
  g_autofree char *seen_text = g_variant_print (seen, FALSE);
  g_autofree char *described_text = NULL;

  described = hypha_workspaces_describe (hypha_authority_get_workspaces (hub->authority),
                                         "ws-user-alice");
  described_text = g_variant_print (described, FALSE);
  g_assert_nonnull (strstr (full_text, "secret"));
  g_assert_null (strstr (seen_text, "secret"));
  g_assert_null (strstr (described_text, "secret"));
}

static void
test_workspaces_environment_limit (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) alice = connect_user (hub, "alice");
  g_autofree char *large = g_strnfill (HYPHA_WORKSPACES_MAX_ENVIRONMENT, 'x');
  g_autofree char *args = g_strdup_printf ("[<'KEY'>, <'%s'>]", large);

  client_assert_fails (alice, "set_env", args,
                       "the environment of workspace ws-user-alice would be larger than 65536 bytes");
}

static void
test_workspaces_record_limit (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) alice = connect_user (hub, "alice");
  g_autofree char *large = g_strnfill (HYPHA_WORKSPACES_MAX_RECORD, 'x');
  g_autofree char *args = g_strdup_printf ("[<{'id': <'a-b'>, 'docs': <'%s'>}>]", large);

  client_assert_fails (alice, "create_workspace", args,
                       "what is said of a workspace is longer than 65536 bytes");
}

static void
test_workspaces_of_user_limit (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) alice = connect_user (hub, "alice");
  g_autoptr (Client) bob = connect_user (hub, "bob");
  g_autoptr (GVariant) of_bob = NULL;

  for (int i = 0; i < HYPHA_WORKSPACES_MAX_OF_USER; i++)
    {
      g_autofree char *args = g_strdup_printf ("[<{'id': <'lab-%d'>}>]", i);
      g_autoptr (GVariant) made = client_must_call (alice, "create_workspace", args);
    }

  client_assert_fails (alice, "create_workspace", "[<{'id': <'one-more'>}>]",
                       "a user may make 100 workspaces: delete one first");
  of_bob = client_must_call (bob, "create_workspace", "[<{'id': <'one-more'>}>]");

  /* One goes, and there is room again. */
  g_variant_unref (client_must_call (alice, "delete_workspace", "[<'lab-0'>]"));
  g_variant_unref (client_must_call (alice, "create_workspace", "[<{'id': <'lab-0'>}>]"));
}

/* All are made but one, which a user gets: where nobody made one, as that of a guest, it costs none. */
static void
test_workspaces_max (void)
{
  g_autoptr (Hub) hub = hub_new ();
  HyphaWorkspaces *workspaces = hypha_authority_get_workspaces (hub->authority);
  g_autoptr (GVariant) config = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
  g_autoptr (Client) guest = hub_connect (hub, "x", NULL);
  g_autoptr (Client) alice = connect_user (hub, "alice");

  for (int i = 0; i < HYPHA_WORKSPACES_MAX - 1; i++)
    {
      g_autofree char *name = g_strdup_printf ("of-root-%d", i);

      hypha_workspaces_create_async (workspaces, "root", name, config, NULL, NULL);
    }

  g_variant_unref (client_must_call (alice, "create_workspace", "[<{'id': <'last-one'>}>]"));
  client_assert_fails (alice, "create_workspace", "[<{'id': <'one-more'>}>]",
                       "10000 of 10000 workspaces have been made, and no more are left for this user; "
                       "delete one first");
}

/* Who made one may be away for a moment, and finds it as it was. */
static void
test_workspaces_made_stays (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-user-alice", "alice");
  g_autoptr (Client) alice = hub_connect (hub, "alice", token);
  g_autoptr (GVariant) made = client_must_call (alice, "create_workspace",
                                                "[<{'id': <'my-lab'>}>]");
  g_autoptr (GVariant) info = NULL;
  Client *inside = NULL;
  g_autofree char *answer = hub_say_hello (hub, "c", "my-lab", "token", token, &inside);

  client_free (inside);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  info = client_must_call (alice, "get_workspace_info", "[<'my-lab'>]");
  assert_text (info, "id", "my-lab");
}

/* Nobody made it: it ends with its last client, and costs nothing any more. */
static void
test_workspaces_implicit (void)
{
  g_autoptr (Hub) hub = hub_new ();
  HyphaWorkspaces *workspaces = hypha_authority_get_workspaces (hub->authority);
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  Client *first = hub_connect (hub, "1", token);
  Client *second = hub_connect (hub, "2", token);
  g_autoptr (GVariant) info = client_must_call (first, "get_workspace_info", "@av []");

  assert_text (info, "id", "ws-a");
  client_free (first);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_assert_true (hypha_workspaces_exists (workspaces, "ws-a"));
  client_free (second);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_assert_false (hypha_workspaces_exists (workspaces, "ws-a"));
  g_assert_null (hypha_workspaces_describe (workspaces, "ws-a"));
}

static void
test_workspaces_summary (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) alice = connect_user (hub, "alice");
  g_autoptr (GVariant) summary = NULL;
  gint64 n = 0;

  client_register (alice, "calc", "protected");
  client_register (alice, "built-in", "protected");
  summary = client_must_call (alice, "get_summary", "@av []");
  assert_text (summary, "name", "ws-user-alice");
  g_assert_true (g_variant_lookup (summary, "client_count", "x", &n));
  g_assert_cmpint (n, ==, 1);
  g_assert_true (g_variant_lookup (summary, "service_count", "x", &n));
  g_assert_cmpint (n, ==, 1);
}

static void
on_made (GObject      *source,
         GAsyncResult *result,
         gpointer      data)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (hypha_workspaces_finish (HYPHA_WORKSPACES (source), result, &error));
  g_assert_no_error (error);
  *(gboolean *) data = TRUE;
}

/* What is persistent is there again in the next process, whose it is and all. */
static void
test_workspaces_persistent (void)
{
  g_autofree char *directory = g_dir_make_tmp ("hypha-workspaces-XXXXXX", NULL);
  g_autoptr (GVariant) config = NULL;
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_string ("v"));
  g_autoptr (GBytes) secret = g_bytes_new_static ("0123456789abcdef0123456789abcdef", 32);

  config = g_variant_ref_sink (g_variant_new_parsed ("{'persistent': <true>,"
                                                     " 'owners': <[<'bob'>]>,"
                                                     " 'description': <'kept'>}"));
  for (int run = 0; run < 3; run++)
    {
      g_autoptr (HyphaAuthority) authority = hypha_authority_new (secret);
      HyphaWorkspaces *workspaces = hypha_authority_get_workspaces (authority);
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) info = NULL;
      gboolean done = FALSE;

      g_assert_true (hypha_authority_open_store (authority, directory, &error));
      g_assert_no_error (error);
      info = hypha_workspaces_describe (workspaces, "my-lab");
      if (run == 0)
        {
          g_assert_null (info);
          hypha_workspaces_create_async (workspaces, "alice", "my-lab", config, on_made, &done);
          g_assert_true (test_wait_flag (&done));
          done = FALSE;
          hypha_workspaces_set_variable_async (workspaces, "my-lab", "K", value, on_made, &done);
        }
      else if (run == 1)
        {
          assert_text (info, "description", "kept");
          assert_text (hypha_workspaces_get_environment (workspaces, "my-lab"), "K", "v");
          g_assert_true (hypha_workspaces_owns (workspaces, "alice", "my-lab"));
          g_assert_false (hypha_workspaces_owns (workspaces, "carol", "my-lab"));

          /* H29: that alice has named him does not lead his older tokens into what she made. */
          g_assert_true (hypha_workspaces_owns (workspaces, "bob", "my-lab"));
          g_assert_false (hypha_workspaces_trusts (workspaces, "my-lab", "bob", 1000));
          g_assert_true (hypha_workspaces_trusts (workspaces, "my-lab", "alice", 1000));
          hypha_workspaces_delete_async (workspaces, "my-lab", on_made, &done);
        }
      else
        {
          g_assert_null (info);
          done = TRUE;
        }

      g_assert_true (test_wait_flag (&done));
      hypha_authority_close (authority);
    }

  test_remove_directory (directory);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/hub/workspaces/create", test_workspaces_create);
  g_test_add_func ("/hub/workspaces/create-refusals", test_workspaces_create_refusals);
  g_test_add_func ("/hub/workspaces/overwrite", test_workspaces_overwrite);
  g_test_add_func ("/hub/workspaces/owner-connects", test_workspaces_owner_connects);
  g_test_add_func ("/hub/workspaces/owner-comes-back", test_workspaces_owner_comes_back);
  g_test_add_func ("/hub/workspaces/no-squatting", test_workspaces_no_squatting);
  g_test_add_func ("/hub/workspaces/token-limits-owner", test_workspaces_token_limits_owner);
  g_test_add_func ("/hub/workspaces/delete", test_workspaces_delete);
  g_test_add_func ("/hub/workspaces/delete-own", test_workspaces_delete_own);
  g_test_add_func ("/hub/workspaces/standing", test_workspaces_standing);
  g_test_add_func ("/hub/workspaces/list", test_workspaces_list);
  g_test_add_func ("/hub/workspaces/environment", test_workspaces_environment);
  g_test_add_func ("/hub/workspaces/environment-is-hidden", test_workspaces_environment_is_hidden);
  g_test_add_func ("/hub/workspaces/environment-limit", test_workspaces_environment_limit);
  g_test_add_func ("/hub/workspaces/record-limit", test_workspaces_record_limit);
  g_test_add_func ("/hub/workspaces/of-user-limit", test_workspaces_of_user_limit);
  g_test_add_func ("/hub/workspaces/max", test_workspaces_max);
  g_test_add_func ("/hub/workspaces/made-stays", test_workspaces_made_stays);
  g_test_add_func ("/hub/workspaces/implicit", test_workspaces_implicit);
  g_test_add_func ("/hub/workspaces/summary", test_workspaces_summary);
  g_test_add_func ("/hub/workspaces/persistent", test_workspaces_persistent);
  return g_test_run ();
}
