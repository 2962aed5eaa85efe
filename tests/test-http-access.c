/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "test-http-calc-fixture.h"
#include "test-utils.h"

static char *
make_expired_token (Web *web)
{
  g_autoptr (HyphaToken) token = hypha_token_new ("alice", "ws-a");

  token->expires_at = token->issued_at;
  return hypha_authority_sign (web->hub->authority, token, HYPHA_TOKEN_AUDIENCE_API);
}

/* H2, H4, H5: who asks is the token's word alone, and the provider is who decides. */
static void
test_permissions (Calc          *fixture,
                  gconstpointer  data)
{
  Web *web = fixture->web;
  g_autoptr (Answer) basic = NULL;
  g_autoptr (Answer) cookie = NULL;
  g_autofree char *pair = g_strconcat ("anybody:", web->token, NULL);
  g_autofree char *encoded = g_base64_encode ((guchar *) pair, strlen (pair));
  g_autofree char *authorization = g_strconcat ("Authorization: Basic ", encoded, NULL);
  g_autofree char *crumb = g_strconcat ("Cookie: access_token=", web->token, NULL);

  calc_assert_status (fixture, "GET", "/ws-a/services/provider:secret/answer", NULL, 403);
  calc_assert_status (fixture, "GET", "/ws-a/services/secret/answer", NULL, 404);
  calc_assert_status (fixture, "GET", "/ws-a/services/provider:secret", NULL, 403);
  calc_assert_status (fixture, "GET", "/ws-a/services/provider:secret/answer", web->other_token,
                      403);
  calc_assert_answer (fixture, "GET", "/ws-a/services/provider:secret/answer", web->token, NULL,
                      200, "42");
  calc_assert_answer (fixture, "GET", "/ws-a/services/secret/sayHello?name=a", web->token, NULL,
                      200, "\"Hello, a\"");
  calc_assert_status (fixture, "GET", "/ws-a/services/provider:quiet/answer", NULL, 200);

  calc_assert_status (fixture, "GET", "/ws-a/services/provider:secret/answer", "a.b.c", 401);
  basic = web_ask (web, "GET", "/ws-a/services/secret/answer", NULL, NULL, authorization, NULL);
  g_assert_cmpuint (basic->status, ==, 200);
  cookie = web_ask (web, "GET", "/ws-a/services/provider:secret/answer", NULL, NULL, crumb, NULL);
  g_assert_cmpuint (cookie->status, ==, 403);
}

/* A token that is none hides nothing: with a good one there may be more, or not. */
static void
test_bad_token (Calc          *fixture,
                gconstpointer  data)
{
  g_autofree char *token = make_expired_token (fixture->web);
  g_autoptr (Answer) answer = NULL;
  static const char *const paths[] = { "/ws-a/services/secret/answer", "/ws-a/services/secret",
                                       "/ws-a/services/none/answer", "/ws-a/services/none",
                                       "/ws-a/services/provider:secret/answer",
                                       "/ws-a/apps/secret/x", "/ws-a/services/secret/openapi.json",
                                       "/ws-none/services", "/ws-none/info",
                                       "/ws-none/openapi.json" };

  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
    calc_assert_answer (fixture, "GET", paths[i], token, NULL, 401,
                        "{\"success\":false,\"detail\":\"Token verification failed: JWT "
                        "verification failed: Token expired\"}");
  answer = web_ask (fixture->web, "GET", paths[0], token, NULL, NULL);
  g_assert_cmpstr (soup_message_headers_get_one (
                     soup_message_get_response_headers (answer->message), "WWW-Authenticate"), ==,
                   "Bearer error=\"invalid_token\"");

  calc_assert_status (fixture, "GET", "/ws-a/services/calc/answer", token, 200);
  calc_assert_status (fixture, "GET", "/ws-a/services/calc/none", token, 404);
  calc_assert_status (fixture, "GET", "/ws-a/services", token, 200);
  calc_assert_status (fixture, "GET", "/nothing", token, 404);
}

/* H10: neither the path nor an argument is a context. */
static void
test_context (Calc          *fixture,
              gconstpointer  data)
{
  g_autoptr (Answer) mine = NULL;
  g_autoptr (Answer) nobody = NULL;

  mine = web_ask (fixture->web, "POST", "/ws-a/services/calc/who", fixture->web->other_token,
                  "{\"ws\":\"ws-a\",\"user\":{\"id\":\"root\"},\"from\":\"ws-a/provider\","
                  "\"context\":{\"ws\":\"ws-a\"}}", NULL);
  g_assert_cmpuint (mine->status, ==, 200);
  g_assert_nonnull (strstr (mine->text, "\"ws\":\"ws-b\""));
  g_assert_nonnull (strstr (mine->text, "\"from\":\"ws-b/http-"));
  g_assert_nonnull (strstr (mine->text, "\"id\":\"bob\""));
  g_assert_null (strstr (mine->text, "root"));
  g_assert_nonnull (strstr (mine->text, "\"connection_type\":\"websocket\""));

  nobody = web_ask (fixture->web, "GET", "/ws-a/services/calc/who", NULL, NULL, NULL);
  g_assert_nonnull (strstr (nobody->text, "\"ws\":\"anonymous-"));
  g_assert_nonnull (strstr (nobody->text, "\"is_anonymous\":true"));
}

/* H3, H5: what changes anything takes a token. */
static void
test_manager (Calc          *fixture,
              gconstpointer  data)
{
  Web *web = fixture->web;
  g_autoptr (Answer) token = NULL;

  calc_assert_answer (fixture, "POST", "/default/services/ws/echo", NULL, "{\"msg\":\"hi\"}", 200,
                      "\"hi\"");
  calc_assert_answer (fixture, "POST", "/default/services/ws/echo", "not.a.token",
                      "{\"msg\":\"hi\"}", 200, "\"hi\"");
  calc_assert_answer (fixture, "POST", "/default/services/~/info", NULL, "{\"msg\":\"hi\"}", 200,
                      "null");
  calc_assert_answer (fixture, "POST", "/ws-a/services/ws/listServices", NULL,
                      "{\"query\":{\"workspace\":\"none\"}}", 200, "[]");
  calc_assert_status (fixture, "POST", "/default/services/ws/generate_token", NULL, 403);
  calc_assert_status (fixture, "POST", "/default/services/ws/generateToken", NULL, 403);
  calc_assert_status (fixture, "POST", "/default/services/ws/generate_token", "a.b.c", 401);
  calc_assert_status (fixture, "POST", "/ws-a/services/ws/register_service", NULL, 403);
  calc_assert_status (fixture, "POST", "/ws-a/services/ws/nothing", NULL, 404);

  token = web_ask (web, "POST", "/default/services/ws/generate_token", web->token,
                   "{\"config\":{\"workspace\":\"default\"}}", NULL);
  g_assert_cmpuint (token->status, >=, 400);
}

/* What would be gone with the request is not done: it would look as if it were there. */
static void
test_manager_lasting (Calc          *fixture,
                      gconstpointer  data)
{
  static const char *const methods[] = { "register_service", "registerService",
                                         "unregister_service", "subscribe", "unsubscribe", "on",
                                         "off" };

  for (gsize i = 0; i < G_N_ELEMENTS (methods); i++)
    {
      g_autofree char *path = g_strconcat ("/ws-a/services/ws/", methods[i], NULL);

      calc_assert_status (fixture, "POST", path, fixture->web->token, 501);
      calc_assert_status (fixture, "POST", path, NULL, 403);
    }
}

/* What the manager takes by a name that a path has as well reaches it. */
static void
test_manager_arguments (Calc          *fixture,
                        gconstpointer  data)
{
  Web *web = fixture->web;
  g_autoptr (Answer) other = NULL;
  g_autoptr (Answer) record = NULL;
  g_autoptr (Answer) queried = NULL;

  other = web_ask (web, "POST", "/ws-a/services/ws/list_clients", web->token,
                   "{\"workspace\":\"ws-b\"}", NULL);
  g_assert_cmpuint (other->status, ==, 403);
  g_assert_nonnull (strstr (other->text, "ws-b"));
  record = web_ask (web, "POST", "/ws-a/services/ws/get_service_info", web->token,
                    "{\"service_id\":\"ws-a/provider:calc\"}", NULL);
  g_assert_cmpuint (record->status, ==, 200);
  g_assert_nonnull (strstr (record->text, "\"id\":\"ws-a/provider:calc\""));
  queried = web_ask (web, "GET", "/ws-a/services/ws/get_service_info?service_id=ws-a/provider:calc",
                     NULL, NULL, NULL);
  g_assert_cmpstr (queried->text, ==, record->text);
}

/* With whom a service is shared is for its own workspace only. */
static void
test_shared_info (Calc          *fixture,
                  gconstpointer  data)
{
  const char *path = "/ws-a/services/provider:shared";
  g_autoptr (HyphaService) service = NULL;
  g_autoptr (Answer) own = NULL;
  g_autoptr (Answer) other = NULL;

  service = hypha_service_new ("shared", "shared", "", "generic",
                               g_variant_new_parsed ("{'visibility': <'protected'>,"
                                                     " 'authorized_workspaces':"
                                                     " <[<'ws-b'>, <'ws-c'>]>}"));
  web_register (fixture->web, service);
  own = web_ask (fixture->web, "GET", path, fixture->web->token, NULL, NULL);
  other = web_ask (fixture->web, "GET", path, fixture->web->other_token, NULL, NULL);
  g_assert_nonnull (strstr (own->text, "\"authorized_workspaces\":[\"ws-b\",\"ws-c\"]"));
  g_assert_cmpuint (other->status, ==, 200);
  g_assert_nonnull (strstr (other->text, "\"visibility\":\"protected\""));
  g_assert_null (strstr (other->text, "ws-c"));
}

static guint
count_guessers (Web *web)
{
  return hypha_throttle_get_n_addresses (hypha_authority_get_throttle (web->hub->authority));
}

static void
ask_as (Web        *web,
        const char *authorization)
{
  g_autofree char *header = g_strconcat ("Authorization: ", authorization, NULL);
  g_autoptr (Answer) answer = web_ask (web, "GET", "/ws-a/services/calc/answer", NULL, NULL, header,
                                       NULL);

  g_assert_cmpuint (answer->status, ==, 200);
}

/* What an app gave out is no guess, nor is one of ours for something else; a forged one is. */
static void
test_guesses (Calc          *fixture,
              gconstpointer  data)
{
  Web *web = fixture->web;
  g_autoptr (HyphaToken) token = hypha_token_new ("ws-a", "some-user");
  g_autofree char *other_use = NULL;
  g_autofree char *bearer = NULL;
  g_autofree char *forged = g_strdup_printf ("Bearer %s", web->token);

  other_use = hypha_authority_sign (web->hub->authority, token, HYPHA_TOKEN_AUDIENCE_RECONNECTION);
  bearer = g_strconcat ("Bearer ", other_use, NULL);
  ask_as (web, "Basic dXNlcjpwYXNzd29yZA==");
  ask_as (web, "Bearer an-app-made-me");
  ask_as (web, bearer);
  g_assert_cmpuint (count_guessers (web), ==, 0);

  forged[strlen (forged) - 2] ^= 1;
  ask_as (web, forged);
  g_assert_cmpuint (count_guessers (web), ==, 1);
}

/* Who guesses on this machine is told to stop; a good token, and none, are answered. */
static void
test_too_many_guesses (Calc          *fixture,
                       gconstpointer  data)
{
  Web *web = fixture->web;
  const char *path = "/ws-a/services/calc/answer";
  g_autofree char *forged = g_strdup (web->token);
  g_autoptr (Answer) throttled = NULL;

  forged[strlen (forged) - 2] ^= 1;
  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*failed attempts to prove an identity*");
  for (guint i = 0; i < HYPHA_THROTTLE_MAX_FAILURES; i++)
    calc_assert_status (fixture, "GET", path, forged, 200);
  test_assert_expected_logs ();

  throttled = web_ask (web, "GET", path, forged, NULL, NULL);
  g_assert_cmpuint (throttled->status, ==, 429);
  g_assert_cmpstr (soup_message_headers_get_one (
                     soup_message_get_response_headers (throttled->message), "Retry-After"), ==,
                   "60");
  calc_assert_status (fixture, "GET", path, web->token, 200);
  calc_assert_status (fixture, "GET", path, NULL, 200);
  calc_assert_status (fixture, "GET", path, "an-app-made-me", 200);
}

/* H5: neither an image nor a link on a page elsewhere calls a function; what is no browser may. */
static void
test_foreign_page (Calc          *fixture,
                   gconstpointer  data)
{
  const char *path = "/ws-a/services/calc/echo?x=1";
  g_autoptr (Answer) image = web_ask (fixture->web, "GET", path, NULL, NULL,
                                      "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", NULL);
  g_autoptr (Answer) link = web_ask (fixture->web, "GET", path, NULL, NULL,
                                     "Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: navigate", NULL);
  g_autoptr (Answer) typed = web_ask (fixture->web, "GET", path, NULL, NULL,
                                      "Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate", NULL);
  g_autoptr (Answer) program = web_ask (fixture->web, "GET", path, NULL, NULL, NULL);

  g_assert_cmpuint (image->status, ==, 403);
  g_assert_cmpuint (link->status, ==, 403);
  g_assert_cmpuint (typed->status, ==, 200);
  g_assert_cmpuint (program->status, ==, 200);
}

#define ADD(name, function)                                                                        \
  g_test_add ("/net/http-access/" name, Calc, NULL, calc_set_up, function, calc_tear_down)

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  ADD ("permissions", test_permissions);
  ADD ("bad-token", test_bad_token);
  ADD ("context", test_context);
  ADD ("manager", test_manager);
  ADD ("manager-lasting", test_manager_lasting);
  ADD ("manager-arguments", test_manager_arguments);
  ADD ("shared-info", test_shared_info);
  ADD ("guesses", test_guesses);
  ADD ("too-many-guesses", test_too_many_guesses);
  ADD ("foreign-page", test_foreign_page);

  return g_test_run ();
}
