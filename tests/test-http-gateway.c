/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "test-http-calc-fixture.h"
#include "test-utils.h"

static void
test_call (Calc          *fixture,
           gconstpointer  data)
{
  calc_assert_answer (fixture, "GET", "/ws-a/services/calc/math/subtract?b=2&a=9", NULL, NULL, 200,
                      "7");
  calc_assert_answer (fixture, "GET", "/ws-a/services/calc/math.subtract?b=2&a=9", NULL, NULL, 200,
                      "7");
  calc_assert_answer (fixture, "POST", "/ws-a/services/calc/math/subtract", NULL,
                      "{\"a\":5,\"b\":6}", 200, "-1");
  calc_assert_answer (fixture, "POST", "/ws-a/services/calc/math/subtract", NULL, "[8,1]", 200,
                      "7");
  calc_assert_answer (fixture, "GET", "/ws-a/services/provider:calc/say_hello?name=you", NULL,
                      NULL, 200, "\"Hello, you\"");
  calc_assert_answer (fixture, "GET", "/ws-a/services/*:calc/sayHello?name=you", NULL, NULL, 200,
                      "\"Hello, you\"");
  calc_assert_answer (fixture, "GET", "/ws-a/services/calc/sayHello?name=%C5%BElu%C5%A5", NULL,
                      NULL, 200, "\"Hello, žluť\"");
  calc_assert_answer (fixture, "GET", "/ws-a/services/calc/answer", NULL, NULL, 200, "42");
  calc_assert_answer (fixture, "POST", "/ws-a/services/calc/echo", NULL,
                      "{\"a\":1,\"b\":[true,null]}", 200, "[{\"a\":1,\"b\":[true,null]}]");
  calc_assert_answer (fixture, "GET", "/ws-a/services/calc/echo?_mode=random&x=1", NULL, NULL, 200,
                      "[1]");
}

static void
test_errors (Calc          *fixture,
             gconstpointer  data)
{
  calc_assert_answer (fixture, "GET", "/ws-a/services/calc/fail", NULL, NULL, 400,
                      "{\"success\":false,\"detail\":\"no such luck\"}");
  calc_assert_answer (fixture, "GET", "/ws-a/services/calc/nothing", NULL, NULL, 404,
                      "{\"success\":false,\"detail\":\"Function nothing not found\"}");
  calc_assert_answer (fixture, "GET", "/ws-a/services/nothing/f", NULL, NULL, 404,
                      "{\"success\":false,\"detail\":\"Service nothing not found\"}");
  calc_assert_answer (fixture, "GET", "/ws-a/services/nothing", NULL, NULL, 404,
                      "{\"success\":false,\"detail\":\"Service nothing not found\"}");
  calc_assert_answer (fixture, "GET", "/ws-none/services/x/f", NULL, NULL, 404,
                      "{\"success\":false,\"detail\":\"Workspace ws-none not found\"}");
  calc_assert_answer (fixture, "DELETE", "/ws-a/services/calc/fail", NULL, NULL, 404,
                      "{\"success\":false,\"detail\":\"Route not found\"}");
  calc_assert_answer (fixture, "PUT", "/ws-a/services/calc/fail", NULL, "{}", 404,
                      "{\"success\":false,\"detail\":\"Route not found\"}");
  calc_assert_answer (fixture, "GET", "/", NULL, NULL, 404,
                      "{\"success\":false,\"detail\":\"Route not found\"}");
  calc_assert_status (fixture, "POST", "/ws-a/services", fixture->web->token, 501);
  calc_assert_status (fixture, "GET", "/ws-a/%2e%2e/services", NULL, 404);
  calc_assert_status (fixture, "GET", "/a%2fb/services", NULL, 404);
  calc_assert_status (fixture, "GET", "/ws-a/services/%ff", NULL, 404);
  calc_assert_status (fixture, "GET", "/ws-a/services/a:b:c", NULL, 400);
  calc_assert_status (fixture, "GET", "/ws-b/services/ws-a%2Fprovider:calc/answer", NULL, 404);
}

static void
test_bodies (Calc          *fixture,
             gconstpointer  data)
{
  const char *path = "/ws-a/services/calc/echo";
  g_autoptr (Answer) other = NULL;
  g_autoptr (Answer) broken = NULL;
  g_autoptr (Answer) form = NULL;
  g_autoptr (Answer) packed = NULL;

  other = web_ask (fixture->web, "POST", path, NULL, "<a/>", "Content-Type: text/xml", NULL);
  g_assert_cmpuint (other->status, ==, 415);
  broken = web_ask (fixture->web, "POST", path, NULL, "{", NULL);
  g_assert_cmpuint (broken->status, ==, 400);
  form = web_ask (fixture->web, "POST", path, NULL, "a=7",
                  "Content-Type: application/x-www-form-urlencoded", NULL);
  g_assert_cmpstr (form->text, ==, "[7]");
  packed = web_ask (fixture->web, "POST", path, NULL, "\x81\xa1x\x07",
                    "Content-Type: application/msgpack", NULL);
  g_assert_cmpstr (packed->type, ==, "application/msgpack");
  g_assert_cmpmem (packed->text, packed->size, "\x91\x07", 2);
}

static void
test_binary (Calc          *fixture,
             gconstpointer  data)
{
  g_autoptr (Answer) answer = web_ask (fixture->web, "GET", "/ws-a/services/calc/bytes", NULL, NULL,
                                       NULL);
  g_autoptr (Answer) empty = web_ask (fixture->web, "GET", "/ws-a/services/calc/no_bytes", NULL, NULL,
                                      NULL);

  g_assert_cmpstr (answer->type, ==, "application/octet-stream");
  g_assert_cmpmem (answer->text, answer->size, "\0\1\xff", 3);
  g_assert_cmpuint (empty->status, ==, 200);
  g_assert_cmpuint (empty->size, ==, 0);
}

static void
test_list (Calc          *fixture,
           gconstpointer  data)
{
  g_autoptr (Answer) anybody = NULL;
  g_autoptr (Answer) member = NULL;

  anybody = web_ask (fixture->web, "GET", "/ws-a/services/", NULL, NULL, NULL);
  g_assert_nonnull (strstr (anybody->text, "\"id\":\"provider:calc\""));
  g_assert_null (strstr (anybody->text, "secret"));
  g_assert_null (strstr (anybody->text, "quiet"));
  member = web_ask (fixture->web, "GET", "/ws-a/services", fixture->web->token, NULL, NULL);
  g_assert_nonnull (strstr (member->text, "\"id\":\"provider:secret\""));
  calc_assert_answer (fixture, "GET", "/ws-b/services", NULL, NULL, 404,
                      "{\"success\":false,\"detail\":\"Workspace ws-b not found\"}");
}

static void
test_info (Calc          *fixture,
           gconstpointer  data)
{
  g_autoptr (Answer) answer = web_ask (fixture->web, "GET", "/ws-a/services/calc", NULL, NULL, NULL);
  g_autoptr (Answer) manager = web_ask (fixture->web, "GET", "/ws-a/services/ws", NULL, NULL, NULL);

  g_assert_nonnull (strstr (answer->text, "\"id\":\"calc\""));
  g_assert_nonnull (strstr (answer->text, "{\"name\":\"math.subtract\",\"type\":\"function\"}"));
  g_assert_nonnull (strstr (answer->text, "{\"name\":\"math\",\"type\":\"object\"}"));
  g_assert_nonnull (strstr (answer->text, "{\"name\":\"answer\",\"type\":\"number\"}"));
  g_assert_nonnull (strstr (manager->text, "\"name\":\"Workspace Service\""));
  g_assert_nonnull (strstr (manager->text, "{\"name\":\"list_services\",\"type\":\"function\"}"));
  g_assert_nonnull (strstr (manager->text, "{\"name\":\"listServices\",\"type\":\"function\"}"));
}

static void
serve_number (HyphaInvocation *invocation,
              gpointer         data)
{
  hypha_invocation_return (invocation, g_variant_new_int64 (GPOINTER_TO_INT (data)));
}

/* A client that is counted how often it is called, with a service that tells which one it is. */
static HyphaLocalClient *
add_twin (Web        *web,
          const char *client,
          int         number)
{
  g_autoptr (HyphaUserInfo) user = hypha_user_info_new ("alice", "", NULL, NULL, 0, FALSE);
  g_autoptr (HyphaService) service = web_service ("twin", "public", "generic");
  g_autoptr (GVariant) record = NULL;
  g_autoptr (HyphaServiceInfo) info = NULL;
  HyphaLocalClient *twin = hypha_local_client_new (web->hub->router, "ws-a", client, user,
                                                   "http://127.0.0.1:9527");
  gboolean replaced;

  hypha_service_add_function (service, "number", "", NULL, NULL, serve_number,
                              GINT_TO_POINTER (number), NULL);
  hypha_rpc_add_service (hypha_local_client_get_rpc (twin), service);
  record = g_variant_ref_sink (hypha_service_dup_record (service));
  info = hypha_service_info_new ("ws-a", client, "twin", record, NULL);
  g_assert_nonnull (info);
  g_assert_true (hypha_registry_put (web->hub->registry, info, "", &replaced, NULL));
  return twin;
}

/* Which of several is asked for by _mode, as get_service knows it. */
static void
test_modes (Calc          *fixture,
            gconstpointer  data)
{
  Web *web = fixture->web;
  HyphaLocalClient *one = add_twin (web, "p1__rlb", 1);
  HyphaLocalClient *two = add_twin (web, "p2__rlb", 2);
  const char *path = "/ws-a/services/twin/number";
  g_autofree char *last = g_strconcat (path, "?_mode=last", NULL);
  g_autofree char *exact = g_strconcat (path, "?_mode=exact", NULL);
  g_autofree char *min_load = g_strconcat (path, "?_mode=min_load", NULL);
  g_autofree char *min = g_strconcat (path, "?_mode=select:min:number", NULL);
  g_autofree char *max = g_strconcat (path, "?_mode=select:max:number", NULL);
  g_autofree char *half = g_strconcat (path, "?_mode=select:max", NULL);
  g_autoptr (Answer) info = NULL;

  calc_assert_answer (fixture, "GET", path, NULL, NULL, 200, "1");
  calc_assert_answer (fixture, "GET", min_load, NULL, NULL, 200, "2");
  calc_assert_answer (fixture, "GET", last, NULL, NULL, 200, "2");
  calc_assert_answer (fixture, "POST", min, web->token, NULL, 200, "1");
  calc_assert_answer (fixture, "POST", max, web->token, NULL, 200, "2");
  calc_assert_status (fixture, "GET", max, NULL, 200);
  calc_assert_status (fixture, "GET", half, NULL, 400);
  calc_assert_status (fixture, "GET", exact, NULL, 400);
  calc_assert_answer (fixture, "GET", "/ws-a/services/p2__rlb:twin/number?_mode=exact", NULL, NULL,
                      200, "2");
  calc_assert_status (fixture, "GET", "/ws-a/services/twin?_mode=exact", NULL, 400);
  info = web_ask (web, "GET", "/ws-a/services/twin?_mode=select:max:number", web->token, NULL, NULL);
  g_assert_cmpuint (info->status, ==, 200);
  calc_assert_status (fixture, "GET", "/ws-a/services/twin/openapi.json?_mode=min_load", NULL, 200);
  hypha_local_client_free (one);
  hypha_local_client_free (two);
}

static void
test_health (Calc          *fixture,
             gconstpointer  data)
{
  calc_assert_status (fixture, "GET", "/health", NULL, 200);
  calc_assert_status (fixture, "POST", "/health", NULL, 200);
  calc_assert_status (fixture, "HEAD", "/health", NULL, 200);
  calc_assert_status (fixture, "GET", "/health/liveness", NULL, 200);
  calc_assert_status (fixture, "GET", "/health/readiness", NULL, 200);
  calc_assert_status (fixture, "GET", "/health/nothing", NULL, 404);
}

static const char *
answer_header (Answer     *answer,
               const char *name)
{
  return soup_message_headers_get_one (soup_message_get_response_headers (answer->message), name);
}

static void
test_cors (Calc          *fixture,
           gconstpointer  data)
{
  const char *path = "/ws-a/services/calc/fail";
  g_autoptr (Answer) preflight = NULL;
  g_autoptr (Answer) failed = NULL;
  g_autoptr (Answer) foreign = NULL;

  preflight = web_ask (fixture->web, "OPTIONS", path, NULL, NULL, "Origin: http://localhost:3000",
                       NULL);
  g_assert_cmpuint (preflight->status, ==, 200);
  g_assert_cmpstr (answer_header (preflight, "Access-Control-Max-Age"), ==, "86400");
  g_assert_cmpstr (answer_header (preflight, "Access-Control-Allow-Headers"), ==,
                   "Authorization,Content-Type,Range");
  failed = web_ask (fixture->web, "GET", path, NULL, NULL, "Origin: http://localhost:3000", NULL);
  g_assert_cmpuint (failed->status, ==, 400);
  g_assert_cmpstr (answer_header (failed, "Access-Control-Allow-Origin"), ==,
                   "http://localhost:3000");
  g_assert_null (answer_header (failed, "Access-Control-Allow-Credentials"));

  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*origin*not allowed*");
  foreign = web_ask (fixture->web, "GET", path, NULL, NULL, "Origin: https://evil.example", NULL);
  g_assert_cmpuint (foreign->status, ==, 403);
  g_assert_null (answer_header (foreign, "Access-Control-Allow-Origin"));
}

#define ADD(name, function)                                                                        \
  g_test_add ("/net/http-gateway/" name, Calc, NULL, calc_set_up, function, calc_tear_down)

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  ADD ("call", test_call);
  ADD ("errors", test_errors);
  ADD ("bodies", test_bodies);
  ADD ("binary", test_binary);
  ADD ("list", test_list);
  ADD ("info", test_info);
  ADD ("modes", test_modes);
  ADD ("health", test_health);
  ADD ("cors", test_cors);

  return g_test_run ();
}
