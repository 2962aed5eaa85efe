/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-http-login-private.h"
#include "hypha-login-desk-private.h"
#include "test-http-fixture.h"
#include "test-utils.h"

typedef struct
{
  Web            *web;
  HyphaHttpLogin *http;
  Client         *client;
  char           *key;
  char           *code;
} Fixture;

static Fixture *
fixture_new (void)
{
  Fixture *self = g_new0 (Fixture, 1);
  g_autoptr (GVariant) context = NULL;

  self->web = web_new ();
  self->http = hypha_http_login_new (self->web->server, self->web->hub->manager);
  self->client = hub_connect (self->web->hub, "a", NULL);
  self->web->n_peers++;
  context = client_call (self->client, "public/hypha-login", "services.hypha-login.start",
                         g_variant_new_parsed ("@av []"), NULL);
  g_assert_true (g_variant_lookup (context, "key", "s", &self->key));
  g_assert_true (g_variant_lookup (context, "code", "s", &self->code));
  return self;
}

static void
fixture_free (Fixture *self)
{
  client_free (self->client);
  g_assert_finalize_object (self->http);
  web_free (self->web);
  g_free (self->key);
  g_free (self->code);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Fixture, fixture_free)

/* What “hypha login” would show, but for port and audience. */
static char *
sign (Fixture    *self,
      const char *audience,
      guint       port)
{
  g_autoptr (HyphaToken) token = hypha_token_new ("alice", NULL);

  g_strfreev (token->scopes);
  token->scopes = g_new0 (char *, 2);
  token->scopes[0] = g_strdup_printf ("port:%u", port);
  token->issued_at = g_get_real_time () / G_USEC_PER_SEC;
  token->expires_at = token->issued_at + HYPHA_TOKEN_OPERATOR_LIFETIME;
  return hypha_authority_sign (self->web->hub->authority, token, audience);
}

static char *
sign_good (Fixture *self)
{
  return sign (self, HYPHA_TOKEN_AUDIENCE_OPERATOR, hypha_server_get_port (self->web->server));
}

static const char *
header (Answer     *answer,
        const char *name)
{
  return soup_message_headers_get_one (soup_message_get_response_headers (answer->message), name);
}

static void
test_http_login_page (void)
{
  g_autoptr (Fixture) self = fixture_new ();
  g_autofree char *path = g_strconcat ("/login?key=", self->key, NULL);
  g_autoptr (Answer) page = web_ask (self->web, "GET", path, NULL, NULL, NULL);
  g_autoptr (Answer) wrong = web_ask (self->web, "GET", "/login?key=%3Cscript%3E", NULL, NULL, NULL);
  g_autoptr (Answer) bare = web_ask (self->web, "GET", "/login", NULL, NULL, NULL);
  g_autoptr (Answer) posted = web_ask (self->web, "POST", path, NULL, "x", NULL);

  g_assert_cmpuint (page->status, ==, 200);
  g_assert_true (g_str_has_prefix (page->type, "text/html"));
  g_assert_nonnull (strstr (page->text, self->code));
  g_assert_null (strstr (page->text, self->key));
  g_assert_null (strstr (page->text, "<form"));
  g_assert_null (strstr (page->text, "<script"));
  g_assert_true (g_str_has_prefix (header (page, "Content-Security-Policy"),
                                   "default-src 'none'"));
  g_assert_nonnull (strstr (header (page, "Content-Security-Policy"), "frame-ancestors 'none'"));
  g_assert_cmpstr (header (page, "Cache-Control"), ==, "no-store");
  g_assert_cmpstr (header (page, "Referrer-Policy"), ==, "no-referrer");

  g_assert_cmpstr (wrong->text, ==, bare->text);
  g_assert_null (strstr (wrong->text, self->code));
  g_assert_cmpuint (posted->status, ==, 405);
}

static void
test_http_login_decide (void)
{
  g_autoptr (Fixture) self = fixture_new ();
  g_autofree char *token = sign_good (self);
  g_autofree char *path = g_strdup_printf ("/login/decide?agree=true&code=%s", self->code);
  g_autoptr (Answer) list = web_ask (self->web, "GET", "/login/waiting", token, NULL, NULL);
  g_autoptr (Answer) by_get = web_ask (self->web, "GET", path, token, NULL, NULL);
  g_autoptr (Answer) unclear = NULL;
  g_autoptr (Answer) done = NULL;
  g_autoptr (Answer) again = NULL;
  g_autoptr (Answer) after = NULL;
  g_autoptr (GVariant) got = NULL;

  g_assert_true (g_str_has_prefix (list->text, self->code));
  g_assert_nonnull (strstr (list->text, self->client->id));
  g_assert_null (strstr (list->text, self->key));
  g_assert_cmpuint (by_get->status, ==, 405);
  unclear = web_ask (self->web, "POST", "/login/decide", token, NULL, NULL);
  g_assert_cmpuint (unclear->status, ==, 400);
  done = web_ask (self->web, "POST", path, token, NULL, NULL);
  g_assert_cmpuint (done->status, ==, 200);
  again = web_ask (self->web, "POST", path, token, NULL, NULL);
  g_assert_cmpuint (again->status, ==, 404);
  after = web_ask (self->web, "GET", "/login/waiting", token, NULL, NULL);
  g_assert_cmpstr (after->text, ==, "");

  got = client_call (self->client, "public/hypha-login", "services.hypha-login.check",
                     g_variant_new_parsed ("[<%s>]", self->key), NULL);
  g_assert_true (g_variant_is_of_type (got, G_VARIANT_TYPE_STRING));
}

static void
assert_refused (Fixture    *self,
                const char *token)
{
  g_autofree char *path = g_strdup_printf ("/login/decide?agree=true&code=%s", self->code);
  g_autoptr (Answer) list = web_ask (self->web, "GET", "/login/waiting", token, NULL, NULL);
  g_autoptr (Answer) decided = web_ask (self->web, "POST", path, token, NULL, NULL);
  g_autoptr (GPtrArray) left = NULL;

  g_assert_cmpuint (list->status, ==, 401);
  g_assert_null (strstr (list->text, self->code));
  g_assert_cmpuint (decided->status, ==, 401);
  left = hypha_login_desk_list (hypha_manager_get_logins (self->web->hub->manager));
  g_assert_cmpuint (left->len, ==, 1);
}

/* No token that a client can come by is one of the operator's. */
static void
test_http_login_other_tokens (void)
{
  g_autoptr (Fixture) self = fixture_new ();
  guint port = hypha_server_get_port (self->web->server);
  g_autofree char *api = sign (self, HYPHA_TOKEN_AUDIENCE_API, port);
  g_autofree char *back = sign (self, HYPHA_TOKEN_AUDIENCE_RECONNECTION, port);
  g_autofree char *elsewhere = sign (self, HYPHA_TOKEN_AUDIENCE_OPERATOR, port + 1);

  assert_refused (self, NULL);
  assert_refused (self, "guess");
  assert_refused (self, self->web->token);
  assert_refused (self, api);
  assert_refused (self, back);
  assert_refused (self, elsewhere);
}

/* Nor does the operator's open anything else. */
static void
test_http_login_token_is_no_identity (void)
{
  g_autoptr (Fixture) self = fixture_new ();
  g_autofree char *token = sign_good (self);
  g_autofree char *hello = g_strdup_printf ("{\"client_id\":\"x\",\"token\":\"%s\"}", token);
  g_autoptr (Client) client = hub_open (self->web->hub);
  g_autofree char *answer = NULL;

  client_send_text (client, hello);
  answer = client_take_text (client);
  g_assert_nonnull (strstr (answer, "\"error\""));
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/net/http-login/page", test_http_login_page);
  g_test_add_func ("/net/http-login/decide", test_http_login_decide);
  g_test_add_func ("/net/http-login/other-tokens", test_http_login_other_tokens);
  g_test_add_func ("/net/http-login/token-is-no-identity", test_http_login_token_is_no_identity);
  return g_test_run ();
}
