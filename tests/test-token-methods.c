/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "hypha-base64url-private.h"
#include "test-hub-fixture.h"
#include "test-utils.h"

/* As the host program mints it; config is a GVariant text. */
static char *
mint (Hub        *hub,
      const char *config)
{
  g_autoptr (HyphaUserInfo) root = hypha_user_info_new_root ();
  g_autoptr (GVariant) parsed = g_variant_ref_sink (g_variant_new_parsed (config));
  g_autoptr (GError) error = NULL;
  char *token = hypha_token_methods_mint (hub->authority, root, "default", "root", parsed, &error);

  g_assert_no_error (error);
  return token;
}

static char *
mint_error (Hub        *hub,
            const char *config)
{
  g_autoptr (HyphaUserInfo) root = hypha_user_info_new_root ();
  g_autoptr (GVariant) parsed = g_variant_ref_sink (g_variant_new_parsed (config));
  g_autoptr (GError) error = NULL;

  g_assert_null (hypha_token_methods_mint (hub->authority, root, "default", "root", parsed,
                                           &error));
  return g_strdup (error->message);
}

/* What generate_token answers: the token, or NULL and the error's text. */
static char *
generate (Client      *client,
          const char  *config,
          char       **error)
{
  g_autoptr (GVariant) minted = NULL;
  g_autofree char *args = g_strdup_printf ("[<%s>]", config);

  minted = client_call_manager (client, "generate_token", g_variant_new_parsed (args), error);
  return minted != NULL ? g_variant_dup_string (minted, NULL) : NULL;
}

static void
assert_generate_fails (Client     *client,
                       const char *config,
                       const char *expected)
{
  g_autofree char *error = NULL;

  g_assert_null (generate (client, config, &error));
  g_assert_cmpstr (error, ==, expected);
}

static HyphaToken *
parse (Hub        *hub,
       const char *text)
{
  g_autoptr (GError) error = NULL;
  HyphaToken *token = hypha_authority_verify (hub->authority, text, HYPHA_TOKEN_AUDIENCE_API,
                                              &error);

  g_assert_no_error (error);
  return token;
}

/* Says hello with these, and is refused with this text. */
static void
assert_refused (Hub        *hub,
                const char *client_id,
                const char *key,
                const char *token,
                const char *expected)
{
  g_autoptr (Client) client = hub_open (hub);
  g_autofree char *hello = NULL;
  g_autofree char *text = NULL;

  hello = g_strdup_printf ("{\"client_id\":\"%s\",\"%s\":\"%s\"}", client_id, key, token);
  client_send_text (client, hello);
  text = client_take_text (client);
  g_assert_nonnull (strstr (text, expected));
  client_wait_closed (client);
  g_assert_cmpuint (client->close_code, ==, 1001);
}

static char *
take_reconnection_token (Client *client)
{
  g_autofree char *text = NULL;
  g_autoptr (JsonNode) node = NULL;

  client_send_text (client, "{\"type\":\"refresh_token\"}");
  text = client_take_text (client);
  node = json_from_string (text, NULL);
  return g_strdup (json_object_get_string_member (json_node_get_object (node),
                                                  "reconnection_token"));
}

/* read: sees and calls, but changes nothing and hands nothing on. */
static void
test_token_read_only (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *alice = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) provider = hub_connect (hub, "p", alice);
  g_autofree char *reader = generate (provider, "{'permission': <'read'>}", NULL);
  g_autoptr (Client) client = hub_connect (hub, "r", reader);
  g_autoptr (GVariant) listed = NULL;
  g_autoptr (GVariant) built_in = NULL;

  client_register (provider, "calc", "protected");
  listed = client_call_manager (client, "list_services", g_variant_new_parsed ("@av []"), NULL);
  g_assert_cmpuint (g_variant_n_children (listed), ==, 1);
  built_in = client_call_manager (client, "register_service",
                                  g_variant_new_parsed ("[<{'id': <'built-in'>}>]"), NULL);
  g_assert_nonnull (built_in);
  client_assert_fails (client, "register_service", "[<{'id': <'mine'>}>]",
                       "Access denied: client ws-a/r may only read workspace 'ws-a', and to register "
                       "services needs a token that may write there");
  assert_generate_fails (client, "@a{sv} {}", "Only admin can generate token.");

  /* An event for all, which nobody gets; what follows it arrives. */
  client_send (client, g_variant_new_parsed ("{'type': <'news'>, 'to': <'*'>}"), NULL);
  client_send (client, g_variant_new_parsed ("{'type': <'news'>, 'to': <'ws-a/p'>}"), NULL);
  client_send (client, g_variant_new_parsed ("{'type': <'method'>, 'to': <'ws-a/p'>,"
                                             " 'method': <'services.calc.add'>}"), NULL);
  while (TRUE)
    {
      g_autoptr (GVariant) envelope = client_take (provider, NULL);
      const char *type = NULL;

      g_assert_true (g_variant_lookup (envelope, "type", "&s", &type));
      g_assert_cmpstr (type, !=, "news");
      if (g_str_equal (type, "method"))
        break;
    }
}

static void
test_token_permission (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *alice = hub_token (hub, "ws-a", "alice");
  g_autofree char *admin = mint (hub, "{'workspace': <'ws-a'>, 'user_id': <'eve'>,"
                                      " 'permission': <'admin'>}");
  g_autoptr (Client) member = hub_connect (hub, "m", alice);
  g_autoptr (Client) boss = hub_connect (hub, "b", admin);
  g_autofree char *made = generate (boss, "{'permission': <'admin'>}", NULL);
  g_autoptr (HyphaToken) parsed = parse (hub, made);
  g_autofree char *plain = generate (member, "@a{sv} {}", NULL);
  g_autoptr (HyphaToken) plain_parsed = parse (hub, plain);

  g_assert_true (g_strv_contains ((const char *const *) parsed->scopes, "ws:ws-a#a"));
  g_assert_cmpstr (plain_parsed->scopes[0], ==, NULL);
  assert_generate_fails (member, "{'permission': <'admin'>}", "Only admin can generate token.");
  assert_generate_fails (member, "{'permission': <'write'>}",
                         "permission must be read, read_write or admin");
  assert_generate_fails (member, "{'permission': <int64 1>}",
                         "permission must be read, read_write or admin");
  assert_generate_fails (member, "{'workspace': <'ws-b'>}",
                         "Access denied: Cannot generate token for workspace 'ws-b' from workspace "
                         "'ws-a' with client 'm'. Only root client in default workspace can "
                         "generate cross-workspace tokens.");
}

/* Whatever is asked for, no token can do more than its maker. */
static void
test_token_scopes_only_narrow (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = mint (hub, "{'workspace': <'ws-a'>, 'user_id': <'bob'>,"
                                      " 'scopes': <[<'read'>, <'ws:ws-b#r'>]>}");
  g_autoptr (Client) client = hub_connect (hub, "c", token);
  g_autofree char *kept = generate (client, "{'scopes': <[<'ws:ws-b#r'>, <'ws:ws-a#r'>]>}", NULL);
  g_autoptr (HyphaToken) parsed = parse (hub, kept);
  g_autofree char *both = generate (client, "{'permission': <'read_write'>,"
                                            " 'extra_scopes': <[<'ws:ws-a#r'>]>}", NULL);
  g_autoptr (HyphaToken) least = parse (hub, both);
  static const char *const bad[][2] = {
    { "{'scopes': <[<'write'>]>}",
      "Access denied: cannot give a token the scope 'write', which its maker has not" },
    { "{'scopes': <[<'ws:ws-b#rw'>]>}",
      "Access denied: cannot give a token the scope 'ws:ws-b#rw', which its maker has not" },
    { "{'scope': <'ws:ws-a#a'>}",
      "Access denied: cannot give a token the scope 'ws:ws-a#a', which its maker has not" },
    { "{'scopes': <[<'ws:ws-c#r'>]>}",
      "Access denied: cannot give a token the scope 'ws:ws-c#r', which its maker has not" },
    { "{'extra_scopes': <[<'ws:ws-a#a'>]>}",
      "Access denied: cannot give a token the scope 'ws:ws-a#a', which its maker has not" },
    { "{'extra_scopes': <[<'files:x'>]>}",
      "Access denied: cannot give a token the scope 'files:x', which its maker has not" },
  };

  g_assert_cmpstr (parsed->scopes[0], ==, "ws:ws-b#r");
  g_assert_cmpstr (parsed->scopes[1], ==, "ws:ws-a#r");
  g_assert_true (g_strv_contains ((const char *const *) least->scopes, "ws:ws-a#r"));
  g_assert_false (g_strv_contains ((const char *const *) least->scopes, "ws:ws-a#rw"));
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_generate_fails (client, bad[i][0], bad[i][1]);
}

static void
test_token_scopes_limit (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (GString) words = g_string_new ("s");
  g_autofree char *config = NULL;
  g_autofree char *error = NULL;
  g_autofree char *spaced = NULL;

  for (guint i = 0; i < 64; i++)
    g_string_append_printf (words, " s%u", i);
  config = g_strdup_printf ("{'workspace': <'ws-a'>, 'scope': <'%s'>}", words->str);
  error = mint_error (hub, config);
  g_assert_cmpstr (error, ==, "a token has at most 64 scopes of at most 256 bytes, without white "
                              "space");
  spaced = mint_error (hub, "{'workspace': <'ws-a'>, 'scopes': <[<'a ws:x#a'>]>}");
  g_assert_cmpstr (spaced, ==, error);
}

/* With a right for one resource nobody connects. */
static void
test_token_special (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *alice = hub_token (hub, "ws-user-alice", "alice");
  g_autoptr (Client) owner = hub_connect (hub, "o", alice);
  g_autofree char *special = generate (owner, "{'extra_scopes': <[<'files:x'>]>}", NULL);

  g_assert_nonnull (special);
  assert_refused (hub, "c", "token", special,
                  "Failed to establish connection: the token is for what its scopes name, not for "
                  "connecting");
}

static void
test_token_custom_claims (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = NULL;
  g_autofree char *error = NULL;
  g_autofree char *deep = NULL;
  g_auto (GStrv) parts = NULL;
  g_autoptr (GByteArray) payload = NULL;
  g_autoptr (Client) client = NULL;
  g_autofree char *made = NULL;

  token = mint (hub, "{'workspace': <'ws-a'>, 'user_id': <'alice'>, 'team': <'red'>,"
                     " 'level': <int64 3>, 'on': <true>, 'none': <@mv nothing>}");
  parts = g_strsplit (token, ".", 3);
  payload = hypha_base64url_decode (parts[1], strlen (parts[1]));
  g_byte_array_append (payload, (const guint8 *) "", 1);
  g_assert_nonnull (strstr ((char *) payload->data, "\"team\":\"red\""));
  g_assert_nonnull (strstr ((char *) payload->data, "\"level\":3"));
  g_assert_nonnull (strstr ((char *) payload->data, "\"on\":true"));

  error = mint_error (hub, "{'workspace': <'ws-a'>, 'sub': <'bob'>}");
  g_assert_true (g_str_has_prefix (error, "'sub' cannot be a claim of a token"));
  deep = mint_error (hub, "{'workspace': <'ws-a'>, 'x': <[<1>]>}");
  g_assert_true (g_str_has_prefix (deep, "'x' cannot be a claim of a token"));

  /* Of anybody else they are not taken, and are no error, as ever. */
  client = hub_connect (hub, "c", token);
  made = generate (client, "{'jti': <'x'>, 'team': <'blue'>}", NULL);
  g_assert_nonnull (made);
  g_clear_pointer (&parts, g_strfreev);
  g_clear_pointer (&payload, g_byte_array_unref);
  parts = g_strsplit (made, ".", 3);
  payload = hypha_base64url_decode (parts[1], strlen (parts[1]));
  g_byte_array_append (payload, (const guint8 *) "", 1);
  g_assert_null (strstr ((char *) payload->data, "blue"));
}

static void
test_token_parse (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *alice = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) client = hub_connect (hub, "c", alice);
  g_autofree char *args = g_strdup_printf ("[<'%s'>]", alice);
  g_autofree char *forged = g_strdup_printf ("[<'%sA'>]", alice);
  g_autoptr (GVariant) user = NULL;
  g_autoptr (GVariant) scope = NULL;
  g_autoptr (GVariant) workspaces = NULL;
  const char *text = NULL;
  gint64 expires_at = 0;

  user = client_call_manager (client, "parse_token", g_variant_new_parsed (args), NULL);
  g_assert_true (g_variant_lookup (user, "id", "&s", &text));
  g_assert_cmpstr (text, ==, "alice");
  g_assert_true (g_variant_lookup (user, "email", "&s", &text));
  g_assert_cmpstr (text, ==, "x@example.org");
  g_assert_true (g_variant_lookup (user, "current_workspace", "&s", &text));
  g_assert_cmpstr (text, ==, "ws-a");
  g_assert_true (g_variant_lookup (user, "expires_at", "x", &expires_at));
  g_assert_cmpint (expires_at, >, 0);
  scope = g_variant_lookup_value (user, "scope", G_VARIANT_TYPE_VARDICT);
  workspaces = g_variant_lookup_value (scope, "workspaces", G_VARIANT_TYPE_VARDICT);
  g_assert_true (g_variant_lookup (workspaces, "ws-a", "&s", &text));
  g_assert_cmpstr (text, ==, "rw");

  client_assert_fails (client, "parse_token", forged, "JWT verification failed: Invalid signature");
  client_assert_fails (client, "parse_token", "[<'x'>]", "Invalid JWT format");
  client_assert_fails (client, "parse_token", "[<int64 7>]",
                       "services.default.parse_token: token must be a text");
}

/* To guess tokens as a client is to guess them: from the same address, with the same end. */
static void
test_token_methods_guesses (void)
{
  g_autoptr (Hub) hub = hub_new ();
  HyphaThrottle *throttle = hypha_authority_get_throttle (hub->authority);
  g_autoptr (Client) guest = hub_open_from (hub, "192.0.2.7");
  g_autoptr (GVariant) done = NULL;
  g_autofree char *hello = NULL;
  g_autofree char *error = NULL;

  client_send_text (guest, "{\"client_id\":\"a\"}");
  hello = client_take_text (guest);
  g_assert_nonnull (strstr (hello, "\"connection_info\""));
  for (guint i = 0; i < HYPHA_THROTTLE_MAX_FAILURES; i++)
    {
      g_assert_cmpuint (hypha_throttle_get_wait (throttle, "192.0.2.7", hypha_throttle_now ()), ==,
                        0);
      client_assert_fails (guest, "parse_token", "[<'x'>]", "Invalid JWT format");
    }

  g_assert_cmpuint (hypha_throttle_get_wait (throttle, "192.0.2.7", hypha_throttle_now ()), >, 0);
  done = client_call_manager (guest, "revoke_token", g_variant_new_parsed ("[<'x'>]"), &error);
  g_assert_null (done);
  g_assert_true (g_str_has_prefix (error, "too many tokens from this address were none"));
}

static void
revoke_token (Client     *client,
              const char *token)
{
  g_autofree char *error = NULL;
  g_autofree char *args = g_strdup_printf ("[<'%s'>]", token);
  g_autoptr (GVariant) done = NULL;

  done = client_call_manager (client, "revoke_token", g_variant_new_parsed (args), &error);
  g_assert_cmpstr (error, ==, NULL);
}

/* It ends who is here with the token, and with every token that was made with it, and who comes. */
static void
test_token_revoke (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *root_made = mint (hub, "{'workspace': <'ws-a'>, 'user_id': <'boss'>,"
                                          " 'permission': <'admin'>}");
  g_autofree char *alice = hub_token (hub, "ws-a", "alice");
  g_autofree char *other = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) boss = hub_connect (hub, "boss", root_made);
  g_autoptr (Client) first = hub_connect (hub, "first", alice);
  g_autofree char *second_token = generate (first, "@a{sv} {}", NULL);
  g_autoptr (Client) second = hub_connect (hub, "second", second_token);
  g_autofree char *third_token = generate (second, "{'permission': <'read'>}", NULL);
  g_autoptr (Client) third = hub_connect (hub, "third", third_token);
  g_autoptr (Client) bystander = hub_connect (hub, "bystander", other);
  g_autofree char *comeback = take_reconnection_token (third);
  g_autofree char *pong = NULL;

  revoke_token (boss, alice);
  client_wait_closed (first);
  client_wait_closed (second);
  client_wait_closed (third);
  g_assert_cmpuint (first->close_code, ==, 1008);
  g_assert_cmpuint (second->close_code, ==, 1008);
  g_assert_cmpuint (third->close_code, ==, 1008);
  g_assert_cmpstr (third->close_reason, ==, "Token has been revoked");

  assert_refused (hub, "x", "token", alice, "Token has been revoked");
  assert_refused (hub, "x", "token", second_token, "Token has been revoked");
  assert_refused (hub, "x", "token", third_token, "Token has been revoked");
  assert_refused (hub, "third", "reconnection_token", comeback, "Token has been revoked");

  client_send_text (bystander, "{\"type\":\"ping\"}");
  pong = client_take_text (bystander);
  g_assert_nonnull (pong);

  /* Once more is no error. */
  revoke_token (boss, other);
  client_wait_closed (bystander);
}

static void
test_token_revoke_permission (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *alice = hub_token (hub, "ws-a", "alice");
  g_autofree char *bob = hub_token (hub, "ws-a", "bob");
  g_autofree char *boss_of_b = mint (hub, "{'workspace': <'ws-b'>, 'permission': <'admin'>}");
  g_autofree char *args = g_strdup_printf ("[<'%s'>]", alice);
  g_autoptr (Client) member = hub_connect (hub, "m", bob);
  g_autoptr (Client) stranger = hub_connect (hub, "s", boss_of_b);
  g_autoptr (Client) anonymous = hub_connect (hub, "x", NULL);
  g_autofree char *made = NULL;
  const char *denied = "Permission denied for workspace ws-a: only its admin can revoke a token";

  client_assert_fails (member, "revoke_token", args, denied);
  client_assert_fails (stranger, "revoke_token", args, denied);
  client_assert_fails (anonymous, "revoke_token", args, denied);

  /* What one made, one may unmake. */
  made = generate (member, "@a{sv} {}", NULL);
  revoke_token (member, made);
  assert_refused (hub, "x", "token", made, "Token has been revoked");
}

/* What cannot be kept is not promised: a number that is too great is no shorter one. */
static void
test_token_lifetime_bounds (void)
{
  static const char *const refused[] = {
    "int64 0", "int64 -1", "int64 315360001", "0.0", "0.5", "-1e300", "315360001.0", "1e12", "inf",
    "nan", "'3600'", "true"
  };
  static const char *const taken[] = { "int64 1", "int64 315360000", "1.0", "86400.5" };
  g_autoptr (Hub) hub = hub_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autofree char *config = g_strdup_printf ("{'expires_in': <%s>}", refused[i]);
      g_autofree char *error = mint_error (hub, config);

      g_assert_cmpstr (error, ==, "expires_in must be a number of seconds from 1 to 315360000");
    }

  for (gsize i = 0; i < G_N_ELEMENTS (taken); i++)
    {
      g_autofree char *config = g_strdup_printf ("{'expires_in': <%s>}", taken[i]);
      g_autofree char *token = mint (hub, config);
    }
}

static void
test_token_revoke_expired (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *alice = hub_token (hub, "ws-user-alice", "alice");
  g_autoptr (Client) client = hub_connect (hub, "c", alice);
  g_autoptr (HyphaToken) old = hypha_token_new ("alice", "ws-user-alice");
  g_autofree char *text = NULL;
  g_autofree char *args = NULL;

  old->expires_at = old->issued_at - 1;
  text = hypha_authority_sign (hub->authority, old, HYPHA_TOKEN_AUDIENCE_API);
  args = g_strdup_printf ("[<'%s'>]", text);
  client_assert_fails (client, "revoke_token", args, "Token has already expired");
}

/* A token without an id, as older versions made them. */
static void
test_token_revoke_without_id (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *boss = mint (hub, "{'workspace': <'ws-a'>, 'permission': <'admin'>}");
  g_autoptr (Client) client = hub_connect (hub, "boss", boss);
  g_autoptr (HyphaToken) old = hypha_token_new ("alice", "ws-a");
  g_autofree char *text = hypha_token_sign (old, hub->secret, HYPHA_TOKEN_AUDIENCE_API);
  g_autoptr (Client) victim = hub_connect (hub, "v", text);

  revoke_token (client, text);
  client_wait_closed (victim);
  assert_refused (hub, "v", "token", text, "Token has been revoked");
}

static void
on_revoked (GObject      *source,
            GAsyncResult *result,
            gpointer      data)
{
  g_autoptr (GError) error = NULL;

  hypha_authority_revoke_finish (HYPHA_AUTHORITY (source), result, &error);
  if (error != NULL)
    *(int *) data = error->code;
}

/* H29: whoever has a stolen token fills no room that its workspace's admin needs to revoke it. */
static void
revoke_as_admin (HyphaAuthority *authority,
                 const char     *account)
{
  g_autoptr (HyphaToken) token = hypha_token_new ("alice", "ws-a");
  int code = -1;

  hypha_token_make_id (token);
  hypha_authority_revoke_async (authority, token, account, TRUE, on_revoked, &code);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_assert_cmpint (code, ==, -1);
  g_assert_true (hypha_authority_is_revoked (authority, token->id));
}

static void
test_token_revoked_of_workspace_limit (void)
{
  g_autoptr (Hub) hub = hub_new ();
  int code = -1;

  for (guint i = 0; i <= HYPHA_AUTHORITY_MAX_REVOKED_OF_WORKSPACE; i++)
    {
      g_autoptr (HyphaToken) token = hypha_token_new ("alice", "ws-a");

      g_assert_cmpint (code, ==, -1);
      hypha_token_make_id (token);
      hypha_authority_revoke_async (hub->authority, token, "alice", FALSE, on_revoked, &code);
      while (g_main_context_iteration (NULL, FALSE))
        continue;
    }

  g_assert_cmpint (code, ==, HYPHA_ERROR_BUSY);
  revoke_as_admin (hub->authority, "alice");
}

/* Who has many workspaces cannot fill the room of everybody who has one. */
static void
test_token_revoked_of_user_limit (void)
{
  g_autoptr (Hub) hub = hub_new ();
  int code = -1;

  for (guint i = 0; i <= HYPHA_AUTHORITY_MAX_REVOKED_OF_USER; i++)
    {
      g_autofree char *workspace = g_strdup_printf ("ws-%u", i / 500);
      g_autoptr (HyphaToken) token = hypha_token_new ("alice", workspace);

      g_assert_cmpint (code, ==, -1);
      hypha_token_make_id (token);
      hypha_authority_revoke_async (hub->authority, token, "alice", TRUE, on_revoked, &code);
      while (g_main_context_iteration (NULL, FALSE))
        continue;
    }

  g_assert_cmpint (code, ==, HYPHA_ERROR_BUSY);
  revoke_as_admin (hub->authority, "bob");
}

/* What was revoked stays revoked: in a new process too, until it would have expired. */
static void
test_token_revoked_is_kept (void)
{
  g_autofree char *directory = g_dir_make_tmp ("hypha-revoked-XXXXXX", NULL);
  g_autoptr (GBytes) secret = g_bytes_new_static ("0123456789abcdef0123456789abcdef", 32);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  for (int run = 0; run < 2; run++)
    {
      g_autoptr (HyphaAuthority) authority = hypha_authority_new (secret);
      g_autoptr (HyphaToken) token = NULL;

      g_assert_true (hypha_authority_open_store (authority, directory, &error));
      g_assert_no_error (error);
      if (run == 0)
        {
          token = hypha_token_new ("alice", "ws-a");
          text = hypha_authority_sign (authority, token, HYPHA_TOKEN_AUDIENCE_API);
          hypha_authority_revoke_async (authority, token, "alice", FALSE, NULL, NULL);
        }

      g_assert_null (hypha_authority_verify (authority, text, HYPHA_TOKEN_AUDIENCE_API, &error));
      g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_UNAUTHENTICATED);
      g_clear_error (&error);
      while (g_main_context_iteration (NULL, FALSE))
        continue;
      hypha_authority_close (authority);
    }

  test_remove_directory (directory);
}

static void
test_token_lineage_limit (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autofree char *error = NULL;

  for (guint i = 0; i < HYPHA_TOKEN_MAX_LINEAGE; i++)
    {
      g_autoptr (Client) client = hub_connect (hub, "c", token);
      g_autofree char *comeback = take_reconnection_token (client);
      g_autoptr (HyphaToken) parsed = NULL;

      parsed = hypha_authority_verify (hub->authority, comeback,
                                       HYPHA_TOKEN_AUDIENCE_RECONNECTION, NULL);
      g_assert_nonnull (parsed);
      g_assert_cmpuint (g_strv_length (parsed->lineage), ==, i + 1);
      g_free (token);
      token = generate (client, "@a{sv} {}", &error);
    }

  g_assert_null (token);
  g_assert_cmpstr (error, ==, "Access denied: this token comes from 7 others, and no more may be "
                              "made with it");
}

/* Nobody gets past “root” by a name. */
static void
test_token_named_root (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "root");
  g_autoptr (Client) client = hub_connect (hub, "c", token);

  assert_generate_fails (client, "{'user_id': <'alice'>}",
                         "Access denied: cannot generate a token for another user_id");
  assert_generate_fails (client, "{'permission': <'admin'>}", "Only admin can generate token.");
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/hub/token/read-only", test_token_read_only);
  g_test_add_func ("/hub/token/permission", test_token_permission);
  g_test_add_func ("/hub/token/scopes-only-narrow", test_token_scopes_only_narrow);
  g_test_add_func ("/hub/token/scopes-limit", test_token_scopes_limit);
  g_test_add_func ("/hub/token/special", test_token_special);
  g_test_add_func ("/hub/token/custom-claims", test_token_custom_claims);
  g_test_add_func ("/hub/token/parse", test_token_parse);
  g_test_add_func ("/hub/token-methods/guesses", test_token_methods_guesses);
  g_test_add_func ("/hub/token/revoke", test_token_revoke);
  g_test_add_func ("/hub/token/revoke-permission", test_token_revoke_permission);
  g_test_add_func ("/hub/token/lifetime-bounds", test_token_lifetime_bounds);
  g_test_add_func ("/hub/token/revoke-expired", test_token_revoke_expired);
  g_test_add_func ("/hub/token/revoke-without-id", test_token_revoke_without_id);
  g_test_add_func ("/hub/token/revoked-of-workspace-limit", test_token_revoked_of_workspace_limit);
  g_test_add_func ("/hub/token/revoked-of-user-limit", test_token_revoked_of_user_limit);
  g_test_add_func ("/hub/token/revoked-is-kept", test_token_revoked_is_kept);
  g_test_add_func ("/hub/token/lineage-limit", test_token_lineage_limit);
  g_test_add_func ("/hub/token/named-root", test_token_named_root);
  return g_test_run ();
}
