/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "hypha-base64url-private.h"
#include "test-hub-fixture.h"
#include "test-utils.h"

#define FAILED "Failed to establish connection: "
#define TOKEN FAILED "Token verification failed: "
#define COMEBACK FAILED "Reconnection token verification failed: "
#define NOTHING FAILED "Authentication required: workspace, client_id, or token must be provided"

/*
 * What clients are told when they are not let in: one row, one test. In hello, $NAME stands for a
 * token of that kind, see make_token().
 */
typedef struct
{
  const char *name;
  const char *hello;
  const char *message;
  guint       code;
} Refusal;

static const Refusal refusals[] = {
  { "no-json", "no json", "Failed to decode authentication information", 1003 },
  { "not-utf8", "{\"client_id\":\"\xff\"}", "Failed to decode authentication information", 1003 },
  { "empty-object", "{}", NOTHING, 1001 },
  { "empty-array", "[]", NOTHING, 1001 },
  { "text", "\"x\"", NOTHING, 1001 },
  { "null", "null", NOTHING, 1001 },
  { "other-keys-only", "{\"type\":\"hello\"}", NOTHING, 1001 },
  { "client-id-no-text", "{\"client_id\":7}", FAILED "client_id must be a text", 1001 },
  { "anonymous-protected-workspace", "{\"workspace\":\"ws-a\"}",
    FAILED "Anonymous client attempted to access protected workspace: ws-a", 1001 },
  { "anonymous-default-workspace", "{\"workspace\":\"default\",\"client_id\":\"root\"}",
    FAILED "Anonymous client attempted to access protected workspace: default", 1001 },
  { "anonymous-of-another", "{\"workspace\":\"anonymous-1\"}",
    FAILED "Anonymous client attempted to access protected workspace: anonymous-1", 1001 },
  { "other-workspace", "{\"token\":\"$GOOD\",\"workspace\":\"ws-b\"}",
    FAILED "Permission denied for workspace: ws-b", 1001 },
  { "malformed-token", "{\"token\":\"x\"}", TOKEN "Invalid JWT format", 1001 },
  { "bad-signature", "{\"token\":\"$FORGED\"}",
    TOKEN "JWT verification failed: Invalid signature", 1001 },
  { "other-secret", "{\"token\":\"$STRANGE\"}",
    TOKEN "JWT verification failed: Invalid signature", 1001 },
  { "expired-token", "{\"token\":\"$EXPIRED\"}",
    TOKEN "JWT verification failed: Token expired", 1001 },
  { "algorithm-none", "{\"token\":\"$NONE\"}",
    TOKEN "JWT verification failed: Unsupported algorithm", 1001 },
  { "revoked-token", "{\"token\":\"$REVOKED\"}",
    TOKEN "JWT verification failed: Token has been revoked", 1001 },
  { "reconnection-token-as-token", "{\"token\":\"$COMEBACK\",\"client_id\":\"c\"}",
    TOKEN "JWT verification failed: Invalid audience", 1001 },
  { "token-as-reconnection-token", "{\"reconnection_token\":\"$GOOD\",\"client_id\":\"c\"}",
    COMEBACK "JWT verification failed: Invalid audience", 1001 },
  { "reconnection-malformed", "{\"client_id\":\"c\",\"reconnection_token\":\"x\"}",
    COMEBACK "Invalid JWT format", 1001 },
  { "reconnection-other-client", "{\"client_id\":\"d\",\"reconnection_token\":\"$COMEBACK\"}",
    COMEBACK "Client ID mismatch during reconnection", 1001 },
  { "reconnection-no-client", "{\"reconnection_token\":\"$COMEBACK\"}",
    COMEBACK "Client ID mismatch during reconnection", 1001 },
  { "reconnection-other-workspace",
    "{\"client_id\":\"c\",\"workspace\":\"ws-b\",\"reconnection_token\":\"$COMEBACK\"}",
    COMEBACK "Client ID mismatch during reconnection", 1001 },
  { "reconnection-expired", "{\"client_id\":\"c\",\"reconnection_token\":\"$LATE\"}",
    COMEBACK "JWT verification failed: Token expired", 1001 },
  { "reconnection-user-expired", "{\"client_id\":\"c\",\"reconnection_token\":\"$OUTLIVED\"}",
    COMEBACK "JWT verification failed: Token expired", 1001 },
  { "reconnection-bad-signature", "{\"client_id\":\"c\",\"reconnection_token\":\"$COMEBACKA\"}",
    COMEBACK "JWT verification failed: Invalid signature", 1001 },
  { "slash-in-client-id", "{\"client_id\":\"a/b\"}", FAILED "Invalid workspace or client ID", 1001 },
  { "star-as-client-id", "{\"client_id\":\"*\"}", FAILED "Invalid workspace or client ID", 1001 },
  { "colon-in-client-id", "{\"client_id\":\"a:b\"}", FAILED "Invalid workspace or client ID", 1001 },
  { "manager-as-client-id", "{\"client_id\":\"workspace-manager\"}",
    FAILED "Invalid workspace or client ID", 1001 },
  { "root-in-default", "{\"client_id\":\"root\",\"token\":\"$DEFAULT\"}",
    FAILED "Invalid workspace or client ID", 1001 },
  { "token-of-another-client", "{\"client_id\":\"d\",\"token\":\"$BOUND\"}",
    FAILED "the token belongs to another client id", 1001 },
};

static char *
make_token (Hub        *hub,
            const char *kind)
{
  g_autoptr (HyphaToken) token = hypha_token_new ("alice", "ws-a");
  g_autoptr (GBytes) strange = g_bytes_new_static ("another secret, which is not ours", 33);
  g_autofree char *text = NULL;
  gboolean comeback = FALSE;

  if (g_str_equal (kind, "NONE"))
    return g_strdup ("eyJhbGciOiJub25lIn0.e30.");

  if (g_str_equal (kind, "STRANGE"))
    return hypha_token_sign (token, strange, HYPHA_TOKEN_AUDIENCE_API);

  if (g_str_equal (kind, "EXPIRED") || g_str_equal (kind, "LATE"))
    token->expires_at = token->issued_at;
  if (g_str_equal (kind, "OUTLIVED"))
    token->user_expires_at = token->issued_at;
  if (g_str_equal (kind, "DEFAULT"))
    {
      g_free (token->workspace);
      token->workspace = g_strdup ("default");
    }

  token->client_bound = g_str_equal (kind, "BOUND");
  token->client_id = g_strdup ("c");
  comeback = g_str_has_prefix (kind, "COMEBACK") || g_str_equal (kind, "LATE") ||
             g_str_equal (kind, "OUTLIVED");
  text = hypha_authority_sign (hub->authority, token,
                               comeback ? HYPHA_TOKEN_AUDIENCE_RECONNECTION :
                                          HYPHA_TOKEN_AUDIENCE_API);
  if (g_str_equal (kind, "REVOKED"))
    hypha_authority_revoke_async (hub->authority, token, "alice", FALSE, NULL, NULL);
  if (g_str_equal (kind, "FORGED"))
    return g_strconcat (text, "A", NULL);

  return g_steal_pointer (&text);
}

static char *
fill_in (Hub        *hub,
         const char *hello)
{
  const char *dollar = strchr (hello, '$');
  g_autofree char *kind = NULL;
  g_autofree char *token = NULL;
  gsize length;

  if (dollar == NULL)
    return g_strdup (hello);

  length = strspn (dollar + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  kind = g_strndup (dollar + 1, length);
  token = make_token (hub, kind);
  return g_strdup_printf ("%.*s%s%s%s", (int) (dollar - hello), hello, token,
                          g_str_equal (kind, "COMEBACKA") ? "A" : "", dollar + 1 + length);
}

static void
test_gate_refusal (gconstpointer data)
{
  const Refusal *refusal = data;
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) client = hub_open (hub);
  g_autofree char *hello = fill_in (hub, refusal->hello);
  g_autofree char *text = NULL;
  g_autoptr (JsonNode) node = NULL;
  JsonObject *object;

  client_send_text (client, hello);
  text = client_take_text (client);
  node = json_from_string (text, NULL);
  object = json_node_get_object (node);
  g_assert_cmpstr (json_object_get_string_member (object, "type"), ==, "error");
  g_assert_cmpstr (json_object_get_string_member (object, "message"), ==, refusal->message);
  client_wait_closed (client);
  g_assert_cmpuint (client->close_code, ==, refusal->code);
  g_assert_cmpstr (client->close_reason, ==, refusal->message);
  g_assert_true (g_queue_is_empty (&client->texts));
  g_assert_cmpuint (hypha_gate_get_n_sessions (hub->gate), ==, 0);
}

/* Where the host lets guests in they are members; nowhere else, and others' tokens are no help. */
static void
test_gate_guest_workspaces (void)
{
  static const char *const names[] = { "analysis", NULL };
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) guest = hub_open (hub);
  g_autoptr (Client) other = hub_open (hub);
  g_autoptr (Client) back = NULL;
  g_autofree char *welcome = NULL;
  g_autofree char *refusal = NULL;
  g_autofree char *token = NULL;
  g_autofree char *closed = NULL;
  g_auto (GStrv) parts = NULL;
  HyphaWorkspaces *workspaces = hypha_authority_get_workspaces (hub->authority);

  hypha_workspaces_set_guest_names (workspaces, names);
  client_send_text (guest, "{\"client_id\":\"g\",\"workspace\":\"analysis\"}");
  welcome = client_take_text (guest);
  g_assert_nonnull (strstr (welcome, "\"workspace\":\"analysis\""));
  g_assert_nonnull (strstr (welcome, "\"is_anonymous\":true"));
  guest->id = g_strdup ("analysis/g");
  client_register (guest, "svc", "protected");

  client_send_text (other, "{\"client_id\":\"o\",\"workspace\":\"analysis-2\"}");
  refusal = client_take_text (other);
  g_assert_nonnull (strstr (refusal, "protected workspace: analysis-2"));

  /* Closed again, it is closed to those who were there. */
  client_send_text (guest, "{\"type\":\"refresh_token\"}");
  token = client_take_text (guest);
  parts = g_strsplit (token, "\"", -1);
  hypha_connection_close (guest->connection, 1000, NULL);
  hypha_workspaces_set_guest_names (workspaces, NULL);
  closed = hub_say_hello (hub, "g", "analysis", "reconnection_token", parts[7], &back);
  g_assert_nonnull (strstr (closed, "Permission denied for workspace: analysis"));
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  for (gsize i = 0; i < G_N_ELEMENTS (refusals); i++)
    {
      g_autofree char *path = g_strconcat ("/hub/gate/refusal/", refusals[i].name, NULL);

      g_test_add_data_func (path, &refusals[i], test_gate_refusal);
    }
  g_test_add_func ("/hub/gate/guest-workspaces", test_gate_guest_workspaces);

  return g_test_run ();
}
