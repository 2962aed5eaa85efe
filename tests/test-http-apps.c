/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "test-http-apps-fixture.h"
#include "test-server-fixture.h"
#include "test-utils.h"

static void
test_asgi (Apps          *fixture,
           gconstpointer  data)
{
  g_autoptr (Answer) answer = apps_ask (fixture, "GET", "/ws-a/apps/app/hello?x=1", NULL);
  SoupMessageHeaders *headers = soup_message_get_response_headers (answer->message);

  g_assert_cmpuint (answer->status, ==, 200);
  g_assert_cmpstr (answer->text, ==, "one two");
  g_assert_cmpstr (answer->type, ==, "text/plain");
  g_assert_cmpstr (soup_message_headers_get_one (headers, "x-app"), ==, "yes");
  g_assert_true (g_regex_match_simple ("^(hypha-[0-9a-f]{32}-)a=1, \\1b=2$",
                                       soup_message_headers_get_list (headers, "set-cookie"), 0, 0));
  g_assert_null (soup_message_headers_get_one (headers, "service-worker-allowed"));

  apps_assert_answer (fixture, "GET", "/ws-a/apps/app/", 200, "one two");
  apps_assert_answer (fixture, "PATCH", "/ws-a/apps/provider:app/a//b", 200, "one two");
  apps_assert_answer (fixture, "GET", "/ws-a/apps/app/404", 404, "one two");
  apps_assert_answer (fixture, "GET", "/ws-a/apps/app/204", 204, "");
  apps_assert_answer (fixture, "HEAD", "/ws-a/apps/app/x", 200, "");
  apps_assert_answer (fixture, "GET", "/ws-a/apps/app", 200, "one two");
}

/* The bytes of an answer until the server hangs up. */
static char *
ask_raw (Apps       *fixture,
         const char *path)
{
  g_auto (RawClient) client = { 0 };
  g_autofree char *request =
    g_strdup_printf ("GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);

  raw_open (&client, hypha_server_get_port (fixture->web->server), request);
  raw_wait (&client, raw_at_eof);
  return g_strdup (client.answer->str);
}

static void
test_errors (Apps          *fixture,
             gconstpointer  data)
{
  g_autofree char *late = NULL;

  apps_assert_answer (fixture, "GET", "/ws-a/apps/app/early-error", 500,
                      "{\"success\":false,\"detail\":\"Internal Server Error\",\"error\":\"too early\"}");
  apps_assert_answer (fixture, "GET", "/ws-a/apps/app/nothing", 500,
                      "{\"success\":false,\"detail\":\"Internal Server Error\","
                      "\"error\":\"the app ended without an answer\"}");
  apps_assert_answer (fixture, "GET", "/ws-a/apps/app/body-first", 500,
                      "{\"success\":false,\"detail\":\"Internal Server Error\","
                      "\"error\":\"http.response.body was sent before http.response.start\"}");
  apps_assert_answer (fixture, "GET", "/ws-a/apps/app/bad-header", 500,
                      "{\"success\":false,\"detail\":\"Internal Server Error\","
                      "\"error\":\"the app answered with a header that is none\"}");
  apps_assert_answer (fixture, "GET", "/ws-a/apps/plain/x", 404,
                      "{\"success\":false,\"detail\":\"Not Found\"}");
  apps_assert_answer (fixture, "GET", "/ws-a/apps/none/x", 404,
                      "{\"success\":false,\"detail\":\"Service none not found\"}");
  apps_assert_answer (fixture, "GET", "/ws-a/apps/closed/x", 404,
                      "{\"success\":false,\"detail\":\"Service closed not found\"}");

  /* It must not look whole: the last chunk, which is empty, is not sent. */
  late = ask_raw (fixture, "/ws-a/apps/app/late-error");
  g_assert_nonnull (strstr (late, "two"));
  g_assert_null (strstr (late, "\r\n0\r\n\r\n"));
  g_free (late);
  late = ask_raw (fixture, "/ws-a/apps/app/x");
  g_assert_nonnull (strstr (late, "\r\n0\r\n\r\n"));
}

static void
test_functions (Apps          *fixture,
                gconstpointer  data)
{
  g_autoptr (Answer) index = apps_ask (fixture, "GET", "/ws-a/apps/functions/", NULL);
  g_autoptr (Answer) tell = apps_ask (fixture, "POST", "/ws-a/apps/functions/tell?a=1&b", "text");
  g_autoptr (Answer) deep = apps_ask (fixture, "GET", "/ws-a/apps/functions/deep/tell", NULL);
  SoupMessageHeaders *headers = soup_message_get_response_headers (index->message);

  g_assert_cmpuint (index->status, ==, 201);
  g_assert_cmpstr (index->text, ==, "index");
  g_assert_cmpstr (soup_message_headers_get_one (headers, "x-app"), ==, "yes");
  g_assert_nonnull (strstr (tell->text, "'query_string': <'a=1&b'>"));
  g_assert_nonnull (strstr (tell->text, "'body': <[byte 0x74, 0x65, 0x78, 0x74]>"));
  g_assert_nonnull (strstr (tell->text, "'method': <'POST'>"));
  g_assert_nonnull (strstr (deep->text, "'function_path': <'deep/tell'>"));
  apps_assert_answer (fixture, "GET", "/ws-a/apps/functions/deep/", 201, "index");
  apps_assert_answer (fixture, "GET", "/ws-a/apps/functions/none", 404,
                      "{\"success\":false,\"detail\":\"Function not found: none\"}");
  apps_assert_answer (fixture, "GET", "/ws-a/apps/functions/fail", 500,
                      "{\"success\":false,\"detail\":\"Internal Server Error: no such luck\"}");
}

/* The caller's token is the caller's. */
static void
test_token_stays (Apps          *fixture,
                  gconstpointer  data)
{
  g_autoptr (Answer) ours = web_ask (fixture->web, "GET", "/ws-a/apps/functions/tell",
                                     fixture->web->other_token, NULL, NULL);
  g_autoptr (Answer) theirs = web_ask (fixture->web, "GET", "/ws-a/apps/functions/tell",
                                       "for.the.app", NULL, NULL);

  g_assert_null (strstr (ours->text, "authorization"));
  g_assert_nonnull (strstr (theirs->text, "'authorization': <'Bearer for.the.app'>"));
}

static void
assert_authorization (Apps       *fixture,
                      const char *scheme,
                      const char *token,
                      gboolean    visible)
{
  g_autofree char *header = g_strconcat ("Authorization: ", scheme, token, NULL);
  g_autoptr (Answer) answer = web_ask (fixture->web, "GET", "/ws-a/apps/functions/tell", NULL, NULL,
                                       header, NULL);

  g_test_message ("%s…", scheme);
  g_assert_cmpuint (answer->status, ==, 200);
  g_assert_true ((strstr (answer->text, "authorization") != NULL) == visible);
}

/* Nor are those that are good elsewhere, or that it has written oddly. */
static void
test_other_tokens_stay (Apps          *fixture,
                        gconstpointer  data)
{
  Web *web = fixture->web;
  g_autoptr (HyphaUserInfo) user = hypha_user_info_new ("bob", "", NULL, NULL, 0, FALSE);
  g_autofree char *reconnection = NULL;
  g_autofree char *pair = NULL;
  g_autofree char *basic = NULL;

  reconnection = hypha_identity_reconnection_token ("ws-b", "client", user,
                                                    hypha_manager_get_authority (web->hub->manager));
  pair = g_strconcat ("anybody:", reconnection, NULL);
  basic = g_base64_encode ((const guchar *) pair, strlen (pair));
  assert_authorization (fixture, "Bearer ", reconnection, FALSE);
  assert_authorization (fixture, "Basic ", basic, FALSE);
  assert_authorization (fixture, "Bearer  ", web->other_token, FALSE);
  assert_authorization (fixture, "bearer ", web->other_token, FALSE);
  assert_authorization (fixture, "Basic ", "bWU6c2VjcmV0", TRUE);
}

/* What the app with the path gets of cookies; as text, or NULL. */
static char *
dup_told_cookies (Apps       *fixture,
                  const char *cookies)
{
  g_autofree char *header = g_strconcat ("Cookie: ", cookies, NULL);
  g_autoptr (Answer) answer = web_ask (fixture->web, "GET", "/ws-a/apps/functions/tell", NULL, NULL,
                                       header, NULL);
  g_autoptr (GVariant) event = g_variant_parse (NULL, answer->text, NULL, NULL, NULL);
  g_autoptr (GVariant) headers = NULL;
  char *told = NULL;

  g_assert_cmpuint (answer->status, ==, 200);
  g_assert_nonnull (event);
  headers = g_variant_lookup_value (event, "headers", NULL);
  g_variant_lookup (headers, "cookie", "s", &told);
  return told;
}

/* An app gets the cookies that it has set, and nobody else's. */
static void
test_cookies (Apps          *fixture,
              gconstpointer  data)
{
  g_autoptr (Answer) own = apps_ask (fixture, "GET", "/ws-a/apps/functions/visit", NULL);
  g_autoptr (Answer) other = apps_ask (fixture, "GET", "/ws-a/apps/app/", NULL);
  const char *set = soup_message_headers_get_one (soup_message_get_response_headers (own->message),
                                                  "Set-Cookie");
  const char *others = soup_message_headers_get_one (
    soup_message_get_response_headers (other->message), "Set-Cookie");
  g_autofree char *cookies = NULL;
  g_autofree char *told = NULL;

  g_assert_true (g_str_has_suffix (set, "-visit=1; HttpOnly"));
  g_assert_null (dup_told_cookies (fixture, "access_token=x.y.z; visit=1"));
  g_assert_null (dup_told_cookies (fixture, others));
  cookies = g_strdup_printf ("access_token=x.y.z; %.*s; %s;%.*s", (int) strcspn (set, ";"), set,
                             others, (int) strcspn (set, ";"), set);
  told = dup_told_cookies (fixture, cookies);
  g_assert_cmpstr (told, ==, "visit=1; visit=1");
}

static void
on_sent (GObject      *object,
         GAsyncResult *result,
         gpointer      data)
{
  *(GInputStream **) data = soup_session_send_finish (SOUP_SESSION (object), result, NULL);
}

static gboolean
has_stream (gpointer data)
{
  return *(GInputStream **) data != NULL;
}

static gboolean
has_no_request (gpointer data)
{
  return hypha_http_gateway_get_n_requests (((Web *) data)->gateway) == 0;
}

/* A visitor who goes in the middle leaves nothing behind. */
static void
test_gone (Apps          *fixture,
           gconstpointer  data)
{
  Web *web = fixture->web;
  g_autoptr (SoupMessage) message = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GInputStream) stream = NULL;
  g_autofree char *endless = web_url (web, "/ws-a/apps/app/endless");

  message = soup_message_new ("GET", endless);
  soup_session_send_async (web->session, message, G_PRIORITY_DEFAULT, cancellable, on_sent, &stream);
  g_assert_true (test_wait (has_stream, &stream));
  g_cancellable_cancel (cancellable);
  g_clear_object (&stream);
  soup_session_abort (web->session);
  g_assert_true (test_wait (has_no_request, web));
}

static guint
ask_from (Apps       *fixture,
          const char *path,
          const char *site,
          const char *mode,
          const char *destination)
{
  g_autoptr (Answer) answer = web_ask (fixture->web, "GET", path, NULL, NULL, site, mode,
                                       destination, NULL);

  return answer->status;
}

/* H23: an image or a frame on a page elsewhere makes an app do nothing; a link leads to it. */
static void
test_apps_foreign_page (Apps          *fixture,
                        gconstpointer  data)
{
  const char *path = "/ws-a/apps/functions/tell";

  g_assert_cmpuint (ask_from (fixture, path, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors",
                              "Sec-Fetch-Dest: image"), ==, 403);
  g_assert_cmpuint (ask_from (fixture, path, "Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: navigate",
                              "Sec-Fetch-Dest: iframe"), ==, 403);
  g_assert_cmpuint (ask_from (fixture, path, "Sec-Fetch-Site: cross-site",
                              "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"), ==, 200);
  g_assert_cmpuint (ask_from (fixture, path, "Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate",
                              "Sec-Fetch-Dest: document"), ==, 200);
}

#define ADD(name, function)                                                                        \
  g_test_add ("/net/http-apps/" name, Apps, NULL, apps_set_up, function, apps_tear_down)

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  ADD ("asgi", test_asgi);
  ADD ("errors", test_errors);
  ADD ("functions", test_functions);
  ADD ("token-stays", test_token_stays);
  ADD ("other-tokens-stay", test_other_tokens_stay);
  ADD ("cookies", test_cookies);
  ADD ("gone", test_gone);
  ADD ("foreign-page", test_apps_foreign_page);

  return g_test_run ();
}
