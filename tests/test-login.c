/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-login-desk-private.h"
#include "hypha-question-desk-private.h"
#include "test-hub-fixture.h"
#include "test-utils.h"

/* A host that keeps what it is asked. */
typedef struct
{
  GPtrArray *questions;
  gboolean   present;
  gboolean   agrees;  /* to all, at once */
} Host;

static gboolean
host_has_host (gpointer data)
{
  Host *host = data;

  return host->present;
}

static gboolean
host_ask (HyphaQuestion *question,
          gpointer       data)
{
  Host *host = data;

  g_ptr_array_add (host->questions, g_object_ref (question));
  if (host->agrees)
    hypha_question_answer_boolean (question, TRUE);
  return TRUE;
}

static const HyphaQuestionHost question_host = { host_has_host, host_ask };

typedef struct
{
  Hub            *hub;
  HyphaLoginDesk *desk;
  Host            host;
  Client         *client;  /* anonymous */
} Fixture;

static Fixture *
fixture_new (void)
{
  Fixture *self = g_new0 (Fixture, 1);

  self->hub = hub_new ();
  self->desk = hypha_manager_get_logins (self->hub->manager);
  self->host.questions = g_ptr_array_new_with_free_func (g_object_unref);
  hypha_question_desk_set_host (hypha_manager_get_desk (self->hub->manager), &question_host,
                                &self->host);
  self->client = hub_connect (self->hub, "a", NULL);
  return self;
}

static void
fixture_free (Fixture *self)
{
  g_clear_pointer (&self->client, client_free);
  hub_free (self->hub);
  g_ptr_array_unref (self->host.questions);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Fixture, fixture_free)

static GVariant *
call_login (Client      *client,
            const char  *method,
            GVariant    *args,
            char       **error)
{
  g_autofree char *full = g_strconcat ("services.hypha-login.", method, NULL);

  return client_call (client, "public/hypha-login", full, args, error);
}

/* What start says; args is an “av” as text. */
static GVariant *
start (Client     *client,
       const char *args)
{
  g_autofree char *error = NULL;
  GVariant *context = call_login (client, "start", g_variant_new_parsed (args), &error);

  g_assert_cmpstr (error, ==, NULL);
  g_assert_nonnull (context);
  return context;
}

static const char *
get (GVariant   *map,
     const char *key)
{
  const char *value = NULL;

  g_assert_true (g_variant_lookup (map, key, "&s", &value));
  return value;
}

static GVariant *
check (Client      *client,
       GVariant    *context,
       double       timeout,
       gboolean     profile,
       char       **error)
{
  return call_login (client, "check",
                     g_variant_new_parsed ("[<%s>, <%d>, <%b>]", get (context, "key"), timeout,
                                           profile), error);
}

static void
assert_error (char       *error,
              const char *text)
{
  g_autofree char *owned = error;

  g_assert_nonnull (error);
  if (strstr (owned, text) == NULL)
    g_error ("“%s” does not say “%s”", owned, text);
}

static void
assert_refuses (Client     *client,
                const char *method,
                const char *args,
                const char *text)
{
  char *error = NULL;

  g_assert_null (call_login (client, method, g_variant_new_parsed (args), &error));
  assert_error (error, text);
}

static guint
count (Fixture *self)
{
  g_autoptr (GPtrArray) list = hypha_login_desk_list (self->desk);

  return list->len;
}

static void
assert_decided (Fixture    *self,
                const char *code,
                gboolean    yes)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (hypha_login_desk_decide (self->desk, code, yes, &error));
  g_assert_no_error (error);
}

static void
assert_token (Fixture    *self,
              const char *text,
              const char *workspace,
              gint64      lifetime)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HyphaToken) token = NULL;

  token = hypha_authority_verify (self->hub->authority, text, HYPHA_TOKEN_AUDIENCE_API, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (token->subject, ==, g_get_user_name ());
  g_assert_cmpstr (token->workspace, ==, workspace);
  g_assert_cmpint (token->expires_at - token->issued_at, ==, lifetime);
  g_assert_false (token->client_bound);
}

static void
test_login_host_agrees (void)
{
  g_autoptr (Fixture) self = fixture_new ();
  g_autoptr (GVariant) context = NULL;
  g_autoptr (GVariant) token = NULL;
  g_autofree char *url = NULL;
  HyphaQuestion *question;

  self->host.present = TRUE;
  self->host.agrees = TRUE;
  context = start (self->client, "@av []");
  url = g_strconcat ("http://127.0.0.1:9527/login?key=", get (context, "key"), NULL);
  g_assert_cmpstr (get (context, "login_url"), ==, url);
  g_assert_cmpuint (strlen (get (context, "key")), >=, 22);

  question = g_ptr_array_index (self->host.questions, 0);
  g_assert_cmpint (hypha_question_get_kind (question), ==, HYPHA_QUESTION_LOGIN);
  g_assert_cmpstr (hypha_question_get_code (question), ==, get (context, "code"));
  g_assert_cmpstr (hypha_question_get_client (question), ==, self->client->id);
  g_assert_null (strstr (hypha_question_get_text (question), get (context, "key")));

  token = check (self->client, context, 60, FALSE, NULL);
  assert_token (self, g_variant_get_string (token, NULL), "desktop", HYPHA_TOKEN_API_LIFETIME);
}

static void
test_login_host_refuses (void)
{
  g_autoptr (Fixture) self = fixture_new ();
  g_autoptr (GVariant) context = NULL;
  char *error = NULL;

  self->host.present = TRUE;
  context = start (self->client, "@av []");
  hypha_question_dismiss (g_ptr_array_index (self->host.questions, 0));
  g_assert_null (check (self->client, context, 60, FALSE, &error));
  assert_error (error, "has refused the login");
}

/* A check that waits is answered by the decision; the token is handed out once. */
static void
test_login_command (void)
{
  g_autoptr (Fixture) self = fixture_new ();
  g_autoptr (GVariant) context = start (self->client, "[<'desktop'>, <int64 60>]");
  g_autoptr (GVariant) echoed = NULL;
  g_autoptr (GVariant) token = NULL;
  g_auto (GStrv) halves = g_strsplit (get (context, "code"), "-", 2);
  g_autofree char *joined = g_strjoinv ("", halves);
  g_autofree char *small = g_ascii_strdown (joined, -1);
  char *error = NULL;

  client_send (self->client,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <'public/hypha-login'>,"
                                     " 'method': <'services.hypha-login.check'>,"
                                     " 'session': <'waits'>}"),
               g_variant_new_parsed ("{'args': <[<%s>]>, 'promise': <'*'>}", get (context, "key")));
  echoed = client_call_manager (self->client, "echo", g_variant_new_parsed ("[<'x'>]"), NULL);
  assert_decided (self, small, TRUE);
  token = client_take_answer (self->client, "waits", NULL);
  assert_token (self, g_variant_get_string (token, NULL), "desktop", 60);

  g_assert_null (check (self->client, context, 60, FALSE, &error));
  assert_error (error, "Invalid key");
  g_assert_false (hypha_login_desk_decide (self->desk, small, TRUE, NULL));
}

static void
test_login_profile (void)
{
  g_autoptr (Fixture) self = fixture_new ();
  g_autoptr (GVariant) context = start (self->client, "[<'desktop'>, <7.5>]");
  g_autoptr (GVariant) profile = NULL;
  gint64 expires_in = 0;

  assert_decided (self, get (context, "code"), TRUE);
  profile = check (self->client, context, 0, TRUE, NULL);
  assert_token (self, get (profile, "token"), "desktop", 7);
  g_assert_cmpstr (get (profile, "workspace"), ==, "desktop");
  g_assert_cmpstr (get (profile, "user_id"), ==, g_get_user_name ());
  g_assert_true (g_variant_lookup (profile, "expires_in", "x", &expires_in));
  g_assert_cmpint (expires_in, ==, 7);
}

static void
test_login_own_workspace (void)
{
  g_autoptr (Fixture) self = fixture_new ();
  g_autofree char *own = hypha_workspaces_name_of_user (g_get_user_name ());
  g_autofree char *args = g_strdup_printf ("[<'%s'>]", own);
  g_autoptr (GVariant) context = NULL;
  g_autoptr (GVariant) token = NULL;

  /* A user of that name owns nothing: it could be taken for the core itself. */
  if (g_str_equal (g_get_user_name (), "root"))
    {
      assert_refuses (self->client, "start", args, "Permission denied");
      return;
    }

  context = start (self->client, args);
  assert_decided (self, get (context, "code"), TRUE);
  token = check (self->client, context, 0, FALSE, NULL);
  assert_token (self, g_variant_get_string (token, NULL), own, HYPHA_TOKEN_API_LIFETIME);
}

static void
test_login_waits (void)
{
  g_autoptr (Fixture) self = fixture_new ();
  g_autoptr (GVariant) context = start (self->client, "@av []");
  g_autoptr (GVariant) nothing = check (self->client, context, 0, FALSE, NULL);
  g_autofree char *said = g_strconcat ("hypha login ", get (context, "code"), NULL);
  char *error = NULL;

  g_assert_true (hypha_rpc_codec_is_null (nothing));
  g_assert_null (check (self->client, context, 0.02, FALSE, &error));
  assert_error (error, said);
  g_assert_cmpuint (count (self), ==, 1);
}

/* The key is worth nothing elsewhere, and that is not even said. */
static void
test_login_other_client (void)
{
  g_autoptr (Fixture) self = fixture_new ();
  g_autofree char *bob = hub_token (self->hub, "ws-b", "bob");
  g_autoptr (Client) thief = hub_connect (self->hub, "a", bob);
  g_autoptr (GVariant) context = start (self->client, "@av []");
  g_autoptr (GVariant) token = NULL;
  char *error = NULL;

  g_assert_null (check (thief, context, 0, FALSE, &error));
  assert_error (error, "Invalid key");
  assert_decided (self, get (context, "code"), TRUE);
  error = NULL;
  g_assert_null (check (thief, context, 60, FALSE, &error));
  assert_error (error, "Invalid key");
  assert_refuses (thief, "check", "[<'guess'>]", "Invalid key");
  assert_refuses (thief, "check", "@av []", "key must be a text");

  token = check (self->client, context, 0, FALSE, NULL);
  g_assert_nonnull (token);
}

static void
test_login_report (void)
{
  g_autoptr (Fixture) self = fixture_new ();
  g_autofree char *alice = hub_token (self->hub, "ws-a", "alice");
  g_autoptr (Client) other = hub_connect (self->hub, "a", alice);
  g_autoptr (GVariant) context = start (self->client, "@av []");
  g_autofree char *args = g_strdup_printf ("[<'%s'>, <'token'>]", get (context, "key"));

  assert_refuses (self->client, "report", args, "only the person at the machine");
  assert_refuses (other, "report", args, "only the person at the machine");
  g_assert_cmpuint (count (self), ==, 1);
}

static void
test_login_arguments (void)
{
  g_autoptr (Fixture) self = fixture_new ();

  assert_refuses (self->client, "start", "[<'ws-user-mallory'>]", "Permission denied");
  assert_refuses (self->client, "start", "[<'default'>]", "Permission denied");
  assert_refuses (self->client, "start", "[<'public'>]", "Permission denied");
  assert_refuses (self->client, "start", "[<'../x'>]", "Permission denied");
  assert_refuses (self->client, "start", "[<''>]", "Permission denied");
  assert_refuses (self->client, "start", "[<int64 5>]", "Permission denied");
  assert_refuses (self->client, "start", "[<'desktop'>, <int64 0>]", "expires_in");
  assert_refuses (self->client, "start", "[<'desktop'>, <1e12>]", "expires_in");
  assert_refuses (self->client, "start", "[<'desktop'>, <'day'>]", "expires_in");
  g_assert_cmpuint (count (self), ==, 0);
}

static void
test_login_page (void)
{
  g_autoptr (Fixture) self = fixture_new ();

  hypha_peer_set_page (hypha_router_lookup (self->hub->router, self->client->id));
  assert_refuses (self->client, "start", "@av []", "pages in windows cannot log in");
}

static gboolean
has_none (gpointer data)
{
  return count (data) == 0;
}

/* Nobody can confirm, or come back for, what a client has left behind. */
static void
test_login_disconnect (void)
{
  g_autoptr (Fixture) self = fixture_new ();
  g_autoptr (GVariant) first = NULL;
  g_autoptr (GVariant) second = NULL;
  HyphaQuestion *question;

  self->host.present = TRUE;
  first = start (self->client, "@av []");
  second = start (self->client, "@av []");
  question = g_ptr_array_index (self->host.questions, 1);
  g_assert_true (hypha_question_is_open (question));

  g_clear_pointer (&self->client, client_free);
  g_assert_true (test_wait (has_none, self));
  g_assert_false (hypha_question_is_open (question));
  g_assert_false (hypha_login_desk_decide (self->desk, get (first, "code"), TRUE, NULL));
  hypha_question_answer_boolean (question, TRUE);
}

static void
test_login_lifetime (void)
{
  g_autoptr (Fixture) self = fixture_new ();
  g_autoptr (GVariant) context = NULL;
  char *error = NULL;

  hypha_login_desk_set_lifetime (self->desk, 50);
  context = start (self->client, "@av []");
  g_assert_null (check (self->client, context, 60, FALSE, &error));
  assert_error (error, "was not confirmed in time");
  g_assert_cmpuint (count (self), ==, 0);

  /* What was agreed to and not fetched ends as well. */
  g_variant_unref (context);
  context = start (self->client, "@av []");
  assert_decided (self, get (context, "code"), TRUE);
  g_assert_cmpuint (count (self), ==, 0);
}

static void
test_login_client_limit (void)
{
  g_autoptr (Fixture) self = fixture_new ();
  g_autoptr (Client) other = hub_connect (self->hub, "b", NULL);
  g_autoptr (GVariant) context = NULL;

  for (guint i = 0; i < HYPHA_LOGIN_DESK_MAX_OF_CLIENT; i++)
    g_variant_unref (start (self->client, "@av []"));
  assert_refuses (self->client, "start", "@av []", "too many logins");
  context = start (other, "@av []");
  g_assert_cmpuint (count (self), ==, HYPHA_LOGIN_DESK_MAX_OF_CLIENT + 1);
}

static Client *
connect_from (Hub        *hub,
              const char *remote)
{
  Client *client = hub_open_from (hub, remote);

  client_send_text (client, "{\"client_id\":\"c\"}");
  g_free (client_take_text (client));
  return client;
}

/* Of IPv6, whoever has one address has a network of them. */
static void
test_login_address_limit (void)
{
  g_autoptr (Fixture) self = fixture_new ();
  g_autoptr (GPtrArray) clients = g_ptr_array_new_with_free_func ((GDestroyNotify) client_free);
  g_autoptr (Client) other = connect_from (self->hub, "2001:db8:0:1::1");
  g_autoptr (GVariant) context = NULL;

  for (guint i = 0; i <= HYPHA_LOGIN_DESK_MAX_OF_ADDRESS; i++)
    {
      g_autofree char *remote = g_strdup_printf ("2001:db8::%x", i + 1);

      g_ptr_array_add (clients, connect_from (self->hub, remote));
      if (i < HYPHA_LOGIN_DESK_MAX_OF_ADDRESS)
        g_variant_unref (start (g_ptr_array_index (clients, i), "@av []"));
      else
        assert_refuses (g_ptr_array_index (clients, i), "start", "@av []", "too many logins");
    }

  context = start (other, "@av []");
}

static void
test_login_limit (void)
{
  g_autoptr (Fixture) self = fixture_new ();
  g_autoptr (GPtrArray) clients = g_ptr_array_new_with_free_func ((GDestroyNotify) client_free);

  for (guint i = 0; i <= HYPHA_LOGIN_DESK_MAX; i++)
    {
      g_autofree char *remote = g_strdup_printf ("192.0.2.%u", i + 1);

      g_ptr_array_add (clients, connect_from (self->hub, remote));
      if (i < HYPHA_LOGIN_DESK_MAX)
        g_variant_unref (start (g_ptr_array_index (clients, i), "@av []"));
      else
        assert_refuses (g_ptr_array_index (clients, i), "start", "@av []", "too many logins");
    }

  g_assert_cmpuint (count (self), ==, HYPHA_LOGIN_DESK_MAX);
}

/* The person is asked of a few at a time, the next when one is decided. */
static void
test_login_shown_limit (void)
{
  g_autoptr (Fixture) self = fixture_new ();
  g_autoptr (Client) other = hub_connect (self->hub, "b", NULL);
  g_autoptr (GVariant) last = NULL;
  GPtrArray *questions = self->host.questions;

  self->host.present = TRUE;
  for (guint i = 0; i < HYPHA_LOGIN_DESK_MAX_SHOWN; i++)
    g_variant_unref (start (self->client, "@av []"));
  last = start (other, "@av []");
  g_assert_cmpuint (questions->len, ==, HYPHA_LOGIN_DESK_MAX_SHOWN);

  hypha_question_answer_boolean (g_ptr_array_index (questions, 1), FALSE);
  g_assert_cmpuint (questions->len, ==, HYPHA_LOGIN_DESK_MAX_SHOWN + 1);
  g_assert_cmpstr (hypha_question_get_code (g_ptr_array_index (questions, questions->len - 1)), ==,
                   get (last, "code"));
}

/* As stock clients look for it; nobody can sit in its place. */
static void
test_login_is_found (void)
{
  g_autoptr (Fixture) self = fixture_new ();
  g_autoptr (Client) impostor = hub_open (self->hub);
  g_autoptr (GVariant) service = NULL;
  g_autofree char *answer = NULL;

  client_send_text (impostor, "{\"client_id\":\"hypha-login\",\"workspace\":\"public\"}");
  answer = client_take_text (impostor);
  g_assert_nonnull (strstr (answer, "Invalid workspace or client ID"));

  service = client_call_manager (self->client, "get_service",
                                 g_variant_new_parsed ("[<'public/hypha-login'>]"), NULL);
  g_assert_cmpstr (get (service, "id"), ==, "public/hypha-login:hypha-login");
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/hub/login/host-agrees", test_login_host_agrees);
  g_test_add_func ("/hub/login/host-refuses", test_login_host_refuses);
  g_test_add_func ("/hub/login/command", test_login_command);
  g_test_add_func ("/hub/login/profile", test_login_profile);
  g_test_add_func ("/hub/login/own-workspace", test_login_own_workspace);
  g_test_add_func ("/hub/login/waits", test_login_waits);
  g_test_add_func ("/hub/login/other-client", test_login_other_client);
  g_test_add_func ("/hub/login/report", test_login_report);
  g_test_add_func ("/hub/login/arguments", test_login_arguments);
  g_test_add_func ("/hub/login/page", test_login_page);
  g_test_add_func ("/hub/login/disconnect", test_login_disconnect);
  g_test_add_func ("/hub/login/lifetime", test_login_lifetime);
  g_test_add_func ("/hub/login/client-limit", test_login_client_limit);
  g_test_add_func ("/hub/login/address-limit", test_login_address_limit);
  g_test_add_func ("/hub/login/limit", test_login_limit);
  g_test_add_func ("/hub/login/shown-limit", test_login_shown_limit);
  g_test_add_func ("/hub/login/is-found", test_login_is_found);
  return g_test_run ();
}
