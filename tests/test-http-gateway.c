/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hypha-http-request-private.h"
#include "test-http-fixture.h"
#include "test-link.h"
#include "test-server-fixture.h"
#include "test-utils.h"

typedef struct
{
  Web *web;
} Fixture;

static gint64
argument (HyphaInvocation *invocation,
          guint            index,
          const char      *name)
{
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, index, name);

  return value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_INT64) ?
           g_variant_get_int64 (value) :
           -1;
}

static void
serve_subtract (HyphaInvocation *invocation,
                gpointer         data)
{
  hypha_invocation_return (invocation, g_variant_new_int64 (argument (invocation, 0, "a") -
                                                            argument (invocation, 1, "b")));
}

static void
serve_say_hello (HyphaInvocation *invocation,
                 gpointer         data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *name = hypha_invocation_dup_string (invocation, 0, "name", &error);

  if (name != NULL)
    hypha_invocation_return (invocation,
                             g_variant_new_take_string (g_strconcat ("Hello, ", name, NULL)));
  else
    hypha_invocation_return_error (invocation, g_steal_pointer (&error));
}

static void
serve_fail (HyphaInvocation *invocation,
            gpointer         data)
{
  hypha_invocation_return_error (invocation, g_error_new_literal (HYPHA_ERROR,
                                                                  HYPHA_ERROR_INVALID_ARGUMENT,
                                                                  "no such luck"));
}

static void
serve_who (HyphaInvocation *invocation,
           gpointer         data)
{
  g_autoptr (GVariant) context = hypha_invocation_dup_context (invocation);

  hypha_invocation_return (invocation, context);
}

static void
serve_echo (HyphaInvocation *invocation,
            gpointer         data)
{
  hypha_invocation_return (invocation, hypha_invocation_get_args (invocation));
}

static void
serve_bytes (HyphaInvocation *invocation,
             gpointer         data)
{
  hypha_invocation_return (invocation, g_variant_new_parsed ("@ay [0, 1, 255]"));
}

/* More than the sockets take that nobody reads. */
static void
serve_much (HyphaInvocation *invocation,
            gpointer         data)
{
  g_autofree char *much = g_strnfill (16 * 1024 * 1024, 'x');

  hypha_invocation_return (invocation, g_variant_new_string (much));
}

static void
serve_no_bytes (HyphaInvocation *invocation,
                gpointer         data)
{
  hypha_invocation_return (invocation, g_variant_new_parsed ("@ay []"));
}

static void
drop_invocation (GCancellable *cancellable,
                 gpointer      data)
{
  Web *web = data;

  web->n_cancelled++;
}

/* Never answers, until its caller has gone. */
static void
serve_wait (HyphaInvocation *invocation,
            gpointer         data)
{
  Web *web = data;
  GCancellable *cancellable = hypha_invocation_get_cancellable (invocation);

  g_signal_connect (cancellable, "cancelled", G_CALLBACK (drop_invocation), web);
  g_ptr_array_add (g_object_get_data (G_OBJECT (web->server), "waiting"),
                   hypha_invocation_ref (invocation));
}

typedef struct
{
  Web   *web;
  gint64 next;
  gint64 end;
  gint64 fail;
  gint64 size;  /* of each item, in bytes; -1 for numbers */
} Count;

static void
count_next (HyphaInvocation *invocation,
            gpointer         data)
{
  Count *count = data;

  count->web->n_pulled++;
  if (count->next == count->fail)
    serve_fail (invocation, NULL);
  else if (count->next == count->end)
    hypha_generator_stop (invocation);
  else if (count->size > 0)
    hypha_invocation_return (invocation,
                             g_variant_new_take_string (g_strnfill ((gsize) count->size, 'x')));
  else
    hypha_invocation_return (invocation, g_variant_new_int64 (count->next++));
}

static void
count_free (gpointer data)
{
  Count *count = data;

  count->web->n_open--;
  g_free (count);
}

static void
serve_count (HyphaInvocation *invocation,
             gpointer         data)
{
  Count *count = g_new0 (Count, 1);
  g_autoptr (GError) error = NULL;

  count->web = data;
  count->web->n_open++;
  count->end = argument (invocation, 0, "end");
  count->fail = argument (invocation, 1, "fail");
  count->size = argument (invocation, 2, "size");
  hypha_invocation_return (invocation,
                           hypha_generator_new (hypha_invocation_get_rpc (invocation),
                                                hypha_invocation_get_from (invocation), count_next,
                                                count, count_free, &error));
  g_assert_no_error (error);
}

static HyphaService *
make_calc (Web        *web,
           const char *id,
           const char *visibility)
{
  HyphaService *service = web_service (id, visibility, "generic");

  hypha_service_add_function (service, "math.subtract", "a, b", "Subtracts.", NULL,
                              serve_subtract, web, NULL);
  hypha_service_add_function (service, "say_hello", "name", NULL, NULL, serve_say_hello, web, NULL);
  hypha_service_add_function (service, "fail", "", NULL, NULL, serve_fail, web, NULL);
  hypha_service_add_function (service, "who", NULL, NULL, NULL, serve_who, web, NULL);
  hypha_service_add_function (service, "echo", NULL, NULL, NULL, serve_echo, web, NULL);
  hypha_service_add_function (service, "bytes", "", NULL, NULL, serve_bytes, web, NULL);
  hypha_service_add_function (service, "no_bytes", "", NULL, NULL, serve_no_bytes, web, NULL);
  hypha_service_add_function (service, "much", "", NULL, NULL, serve_much, web, NULL);
  hypha_service_add_function (service, "wait", "", NULL, NULL, serve_wait, web, NULL);
  hypha_service_add_function (service, "count", "end, fail, size", NULL, NULL, serve_count, web, NULL);
  hypha_service_add_value (service, "answer", g_variant_new_int64 (42));
  return service;
}

static void
fixture_set_up (Fixture       *fixture,
                gconstpointer  data)
{
  static const char *const visibilities[][2] = { { "calc", "public" },
                                                 { "secret", "protected" },
                                                 { "quiet", "unlisted" } };

  fixture->web = web_new ();
  g_object_set_data_full (G_OBJECT (fixture->web->server), "waiting",
                          g_ptr_array_new_with_free_func ((GDestroyNotify) hypha_invocation_unref),
                          (GDestroyNotify) g_ptr_array_unref);
  for (gsize i = 0; i < G_N_ELEMENTS (visibilities); i++)
    {
      g_autoptr (HyphaService) service = make_calc (fixture->web, visibilities[i][0],
                                                    visibilities[i][1]);

      web_register (fixture->web, service);
    }
}

static void
fixture_tear_down (Fixture       *fixture,
                   gconstpointer  data)
{
  g_object_set_data (G_OBJECT (fixture->web->server), "waiting", NULL);
  web_free (fixture->web);
}

static void
assert_answer (Fixture    *fixture,
               const char *method,
               const char *path,
               const char *token,
               const char *body,
               guint       status,
               const char *expected)
{
  g_autoptr (Answer) answer = web_ask (fixture->web, method, path, token, body, NULL);

  g_test_message ("%s %s", method, path);
  g_assert_cmpstr (answer->text, ==, expected);
  g_assert_cmpuint (answer->status, ==, status);
  g_assert_cmpstr (answer->type, ==, "application/json");
}

static void
assert_status (Fixture    *fixture,
               const char *method,
               const char *path,
               const char *token,
               guint       status)
{
  g_autoptr (Answer) answer = web_ask (fixture->web, method, path, token, NULL, NULL);

  g_test_message ("%s %s", method, path);
  g_assert_cmpuint (answer->status, ==, status);
}

static void
test_call (Fixture       *fixture,
           gconstpointer  data)
{
  assert_answer (fixture, "GET", "/ws-a/services/calc/math/subtract?b=2&a=9", NULL, NULL, 200, "7");
  assert_answer (fixture, "GET", "/ws-a/services/calc/math.subtract?b=2&a=9", NULL, NULL, 200, "7");
  assert_answer (fixture, "POST", "/ws-a/services/calc/math/subtract", NULL, "{\"a\":5,\"b\":6}",
                 200, "-1");
  assert_answer (fixture, "POST", "/ws-a/services/calc/math/subtract", NULL, "[8,1]", 200, "7");
  assert_answer (fixture, "GET", "/ws-a/services/provider:calc/say_hello?name=you", NULL, NULL,
                 200, "\"Hello, you\"");
  assert_answer (fixture, "GET", "/ws-a/services/*:calc/sayHello?name=you", NULL, NULL, 200,
                 "\"Hello, you\"");
  assert_answer (fixture, "GET", "/ws-a/services/calc/sayHello?name=%C5%BElu%C5%A5", NULL, NULL,
                 200, "\"Hello, žluť\"");
  assert_answer (fixture, "GET", "/ws-a/services/calc/answer", NULL, NULL, 200, "42");
  assert_answer (fixture, "POST", "/ws-a/services/calc/echo", NULL, "{\"a\":1,\"b\":[true,null]}",
                 200, "[{\"a\":1,\"b\":[true,null]}]");
  assert_answer (fixture, "GET", "/ws-a/services/calc/echo?_mode=random&x=1", NULL, NULL, 200,
                 "[1]");
}

static void
test_errors (Fixture       *fixture,
             gconstpointer  data)
{
  assert_answer (fixture, "GET", "/ws-a/services/calc/fail", NULL, NULL, 400,
                 "{\"success\":false,\"detail\":\"no such luck\"}");
  assert_answer (fixture, "GET", "/ws-a/services/calc/nothing", NULL, NULL, 404,
                 "{\"success\":false,\"detail\":\"Function nothing not found\"}");
  assert_answer (fixture, "GET", "/ws-a/services/nothing/f", NULL, NULL, 404,
                 "{\"success\":false,\"detail\":\"Service nothing not found\"}");
  assert_answer (fixture, "GET", "/ws-a/services/nothing", NULL, NULL, 404,
                 "{\"success\":false,\"detail\":\"Service nothing not found\"}");
  assert_answer (fixture, "GET", "/ws-none/services/x/f", NULL, NULL, 404,
                 "{\"success\":false,\"detail\":\"Workspace ws-none not found\"}");
  assert_answer (fixture, "DELETE", "/ws-a/services/calc/fail", NULL, NULL, 404,
                 "{\"success\":false,\"detail\":\"Route not found\"}");
  assert_answer (fixture, "PUT", "/ws-a/services/calc/fail", NULL, "{}", 404,
                 "{\"success\":false,\"detail\":\"Route not found\"}");
  assert_answer (fixture, "GET", "/", NULL, NULL, 404,
                 "{\"success\":false,\"detail\":\"Route not found\"}");
  assert_status (fixture, "POST", "/ws-a/services", fixture->web->token, 501);
  assert_status (fixture, "GET", "/ws-a/%2e%2e/services", NULL, 404);
  assert_status (fixture, "GET", "/a%2fb/services", NULL, 404);
  assert_status (fixture, "GET", "/ws-a/services/%ff", NULL, 404);
  assert_status (fixture, "GET", "/ws-a/services/a:b:c", NULL, 400);
  assert_status (fixture, "GET", "/ws-b/services/ws-a%2Fprovider:calc/answer", NULL, 404);
}

static void
test_bodies (Fixture       *fixture,
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
test_binary (Fixture       *fixture,
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

/* H2, H4, H5: who asks is the token's word alone, and the provider is who decides. */
static void
test_permissions (Fixture       *fixture,
                  gconstpointer  data)
{
  Web *web = fixture->web;
  g_autoptr (Answer) forged = NULL;
  g_autoptr (Answer) basic = NULL;
  g_autoptr (Answer) cookie = NULL;
  g_autofree char *pair = g_strconcat ("anybody:", web->token, NULL);
  g_autofree char *encoded = g_base64_encode ((guchar *) pair, strlen (pair));
  g_autofree char *authorization = g_strconcat ("Authorization: Basic ", encoded, NULL);
  g_autofree char *crumb = g_strconcat ("Cookie: access_token=", web->token, NULL);

  assert_status (fixture, "GET", "/ws-a/services/provider:secret/answer", NULL, 403);
  assert_status (fixture, "GET", "/ws-a/services/secret/answer", NULL, 404);
  assert_status (fixture, "GET", "/ws-a/services/provider:secret", NULL, 403);
  assert_status (fixture, "GET", "/ws-a/services/provider:secret/answer", web->other_token, 403);
  assert_answer (fixture, "GET", "/ws-a/services/provider:secret/answer", web->token, NULL, 200,
                 "42");
  assert_answer (fixture, "GET", "/ws-a/services/secret/sayHello?name=a", web->token, NULL, 200,
                 "\"Hello, a\"");
  assert_status (fixture, "GET", "/ws-a/services/provider:quiet/answer", NULL, 200);

  forged = web_ask (web, "GET", "/ws-a/services/provider:secret/answer", "a.b.c", NULL, NULL);
  g_assert_cmpuint (forged->status, ==, 401);
  basic = web_ask (web, "GET", "/ws-a/services/secret/answer", NULL, NULL, authorization, NULL);
  g_assert_cmpuint (basic->status, ==, 200);
  cookie = web_ask (web, "GET", "/ws-a/services/provider:secret/answer", NULL, NULL, crumb, NULL);
  g_assert_cmpuint (cookie->status, ==, 403);
}

/* H10: neither the path nor an argument is a context. */
static void
test_context (Fixture       *fixture,
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
test_manager (Fixture       *fixture,
              gconstpointer  data)
{
  Web *web = fixture->web;
  g_autoptr (Answer) token = NULL;

  assert_answer (fixture, "POST", "/default/services/ws/echo", NULL, "{\"msg\":\"hi\"}", 200,
                 "\"hi\"");
  assert_answer (fixture, "POST", "/default/services/ws/echo", "not.a.token", "{\"msg\":\"hi\"}",
                 200, "\"hi\"");
  assert_answer (fixture, "POST", "/default/services/~/info", NULL, "{\"msg\":\"hi\"}", 200, "null");
  assert_answer (fixture, "POST", "/ws-a/services/ws/listServices", NULL,
                 "{\"query\":{\"workspace\":\"none\"}}", 200, "[]");
  assert_status (fixture, "POST", "/default/services/ws/generate_token", NULL, 403);
  assert_status (fixture, "POST", "/default/services/ws/generateToken", NULL, 403);
  assert_status (fixture, "POST", "/default/services/ws/generate_token", "a.b.c", 401);
  assert_status (fixture, "POST", "/ws-a/services/ws/register_service", NULL, 403);
  assert_status (fixture, "POST", "/ws-a/services/ws/nothing", NULL, 404);

  token = web_ask (web, "POST", "/default/services/ws/generate_token", web->token,
                   "{\"config\":{\"workspace\":\"default\"}}", NULL);
  g_assert_cmpuint (token->status, >=, 400);
}

/* What the manager takes by a name that a path has as well reaches it. */
static void
test_manager_arguments (Fixture       *fixture,
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

static void
test_list (Fixture       *fixture,
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
  assert_answer (fixture, "GET", "/ws-b/services", NULL, NULL, 404,
                 "{\"success\":false,\"detail\":\"Workspace ws-b not found\"}");
}

static void
test_info (Fixture       *fixture,
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
test_modes (Fixture       *fixture,
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

  assert_answer (fixture, "GET", path, NULL, NULL, 200, "1");
  assert_answer (fixture, "GET", min_load, NULL, NULL, 200, "2");
  assert_answer (fixture, "GET", last, NULL, NULL, 200, "2");
  assert_answer (fixture, "POST", min, web->token, NULL, 200, "1");
  assert_answer (fixture, "POST", max, web->token, NULL, 200, "2");
  assert_status (fixture, "GET", max, NULL, 200);
  assert_status (fixture, "GET", half, NULL, 400);
  assert_status (fixture, "GET", exact, NULL, 400);
  assert_answer (fixture, "GET", "/ws-a/services/p2__rlb:twin/number?_mode=exact", NULL, NULL, 200,
                 "2");
  assert_status (fixture, "GET", "/ws-a/services/twin?_mode=exact", NULL, 400);
  info = web_ask (web, "GET", "/ws-a/services/twin?_mode=select:max:number", web->token, NULL, NULL);
  g_assert_cmpuint (info->status, ==, 200);
  assert_status (fixture, "GET", "/ws-a/services/twin/openapi.json?_mode=min_load", NULL, 200);
  hypha_local_client_free (one);
  hypha_local_client_free (two);
}

/* With whom a service is shared is for its own workspace only. */
static void
test_shared_info (Fixture       *fixture,
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

static void
test_health (Fixture       *fixture,
             gconstpointer  data)
{
  assert_status (fixture, "GET", "/health", NULL, 200);
  assert_status (fixture, "POST", "/health", NULL, 200);
  assert_status (fixture, "HEAD", "/health", NULL, 200);
  assert_status (fixture, "GET", "/health/liveness", NULL, 200);
  assert_status (fixture, "GET", "/health/readiness", NULL, 200);
  assert_status (fixture, "GET", "/health/nothing", NULL, 404);
}

static const char *
answer_header (Answer     *answer,
               const char *name)
{
  return soup_message_headers_get_one (soup_message_get_response_headers (answer->message), name);
}

static void
test_cors (Fixture       *fixture,
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

/* A raw client that is called and never says anything. */
static void
test_timeout (Fixture       *fixture,
              gconstpointer  data)
{
  g_autoptr (Client) silent = hub_connect (fixture->web->hub, "silent", fixture->web->token);

  client_register (silent, "mute", "public");
  hypha_http_gateway_set_timeout (fixture->web->gateway, 50);
  assert_status (fixture, "GET", "/ws-a/services/mute/f", NULL, 504);
}

static gboolean
all_cancelled (gpointer data)
{
  Web *web = data;

  return web->n_cancelled == 1 && hypha_http_gateway_get_n_requests (web->gateway) == 0;
}

static gboolean
is_waiting (gpointer data)
{
  GPtrArray *waiting = g_object_get_data (G_OBJECT (((Web *) data)->server), "waiting");

  return waiting->len == 1;
}

static void
ignore (GObject      *object,
        GAsyncResult *result,
        gpointer      data)
{
  g_autoptr (GBytes) bytes = soup_session_send_and_read_finish (SOUP_SESSION (object), result, NULL);
}

/* Whoever hangs up is not worked for any longer. */
static void
test_gone (Fixture       *fixture,
           gconstpointer  data)
{
  Web *web = fixture->web;
  g_autofree char *url = web_url (web, "/ws-a/services/calc/wait");
  g_autoptr (SoupMessage) message = soup_message_new ("GET", url);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  soup_session_send_and_read_async (web->session, message, G_PRIORITY_DEFAULT, cancellable, ignore,
                                    NULL);
  g_assert_true (test_wait (is_waiting, web));
  g_assert_cmpuint (hypha_http_gateway_get_n_requests (web->gateway), ==, 1);
  g_cancellable_cancel (cancellable);
  g_assert_true (test_wait (all_cancelled, web));
}

static void
test_hypha_http_max_requests (Fixture       *fixture,
                              gconstpointer  data)
{
  hypha_http_gateway_set_max_requests (fixture->web->gateway, 0);
  assert_status (fixture, "GET", "/ws-a/services/calc/answer", NULL, 503);
  hypha_http_gateway_set_max_requests (fixture->web->gateway, HYPHA_HTTP_MAX_REQUESTS);
  assert_status (fixture, "GET", "/ws-a/services/calc/answer", NULL, 200);
}

/* A guest who waits leaves as many places to others. */
static void
test_max_requests_of_account (Fixture       *fixture,
                              gconstpointer  data)
{
  Web *web = fixture->web;
  g_autofree char *url = web_url (web, "/ws-a/services/calc/wait");
  g_autoptr (SoupMessage) message = soup_message_new ("GET", url);
  g_autoptr (Answer) user = NULL;

  hypha_http_gateway_set_max_requests (web->gateway, 2);
  soup_session_send_and_read_async (web->session, message, G_PRIORITY_DEFAULT, NULL, ignore, NULL);
  g_assert_true (test_wait (is_waiting, web));
  assert_status (fixture, "GET", "/ws-a/services/calc/answer", NULL, 503);
  user = web_ask (web, "GET", "/ws-a/services/calc/answer", web->token, NULL, NULL);
  g_assert_cmpuint (user->status, ==, 200);
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
test_guesses (Fixture       *fixture,
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

static void
assert_stream (Fixture    *fixture,
               const char *query,
               const char *accept,
               const char *type,
               const char *expected)
{
  g_autofree char *path = g_strconcat ("/ws-a/services/calc/count?", query, NULL);
  g_autofree char *header = g_strconcat ("Accept: ", accept, NULL);
  g_autoptr (Answer) answer = web_ask (fixture->web, "GET", path, NULL, NULL, header, NULL);

  g_assert_cmpuint (answer->status, ==, 200);
  g_assert_cmpstr (answer->type, ==, type);
  g_assert_cmpstr (answer->text, ==, expected);
  g_assert_cmpuint (fixture->web->n_open, ==, 0);
}

static void
test_stream (Fixture       *fixture,
             gconstpointer  data)
{
  assert_stream (fixture, "end=3", "*/*", "application/x-ndjson", "0\n1\n2\n");
  assert_stream (fixture, "end=0", "*/*", "application/x-ndjson", "");
  assert_stream (fixture, "end=3&fail=2", "*/*", "application/x-ndjson",
                 "0\n1\n{\"error\":\"no such luck\",\"type\":\"error\"}\n");
  assert_stream (fixture, "end=2", "text/event-stream", "text/event-stream",
                 "data: 0\n\ndata: 1\n\ndata: [DONE]\n\n");
  assert_stream (fixture, "end=3", "application/msgpack", "application/msgpack", "\0\1\2");
}

typedef struct
{
  Web          *web;
  GInputStream *stream;
  guint         limit;
} Reader;

static void
on_sent (GObject      *object,
         GAsyncResult *result,
         gpointer      data)
{
  g_autoptr (GError) error = NULL;

  ((Reader *) data)->stream = soup_session_send_finish (SOUP_SESSION (object), result, &error);
  g_assert_no_error (error);
}

static gboolean
has_stream (gpointer data)
{
  return ((Reader *) data)->stream != NULL;
}

/* Nothing has moved for a while, on both sides. */
static gboolean
is_still (gpointer data)
{
  Reader *reader = data;
  static gint64 since;

  if (reader->web->n_pulled != reader->limit)
    {
      reader->limit = reader->web->n_pulled;
      since = g_get_monotonic_time ();
    }

  return g_get_monotonic_time () - since > 200 * 1000;
}

static gboolean
tick (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

static gboolean
all_closed (gpointer data)
{
  return ((Web *) data)->n_open == 0;
}

/* A reader that does not read stops the service, and closes it when it goes. */
static void
test_back_pressure (Fixture       *fixture,
                    gconstpointer  data)
{
  Web *web = fixture->web;
  g_autofree char *url = web_url (web, "/ws-a/services/calc/count?end=1&size=65536");
  g_autoptr (SoupMessage) message = soup_message_new ("GET", url);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Reader reader = { web, NULL, 0 };
  guint id = g_timeout_add (10, tick, NULL);

  soup_session_send_async (web->session, message, G_PRIORITY_DEFAULT, cancellable, on_sent, &reader);
  g_assert_true (test_wait (has_stream, &reader));
  g_assert_true (test_wait (is_still, &reader));
  g_assert_cmpuint (web->n_open, ==, 1);
  g_assert_cmpuint (web->n_pulled, <, 1000);

  g_cancellable_cancel (cancellable);
  g_object_unref (reader.stream);
  soup_session_abort (web->session);
  g_assert_true (test_wait (all_closed, web));
  g_source_remove (id);
}

/* A reader that never reads does not keep a service open. */
static void
test_hypha_http_write_timeout (Fixture       *fixture,
                               gconstpointer  data)
{
  Web *web = fixture->web;
  g_autofree char *url = web_url (web, "/ws-a/services/calc/count?end=1&size=65536");
  g_autoptr (SoupMessage) message = soup_message_new ("GET", url);
  Reader reader = { web, NULL, 0 };

  g_assert_cmpuint (HYPHA_HTTP_WRITE_TIMEOUT, ==, 60000);
  hypha_http_gateway_set_write_timeout (web->gateway, 200);
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*nothing of the answer was taken for 200 ms");
  soup_session_send_async (web->session, message, G_PRIORITY_DEFAULT, NULL, on_sent, &reader);
  g_assert_true (test_wait (has_stream, &reader));
  g_assert_cmpuint (web->n_open, ==, 1);
  g_assert_true (test_wait (all_closed, web));
  g_object_unref (reader.stream);
  test_assert_expected_logs ();
}

static gboolean
asks_nothing (gpointer data)
{
  return hypha_http_gateway_get_n_requests (((Web *) data)->gateway) == 0;
}

static gboolean
asks_something (gpointer data)
{
  return !asks_nothing (data);
}

/* An answer in one piece that nobody takes does not stay either. */
static void
test_hypha_http_write_timeout_whole (Fixture       *fixture,
                                     gconstpointer  data)
{
  Web *web = fixture->web;
  g_autofree char *url = web_url (web, "/ws-a/services/calc/much");
  g_autoptr (GUri) uri = g_uri_parse (url, G_URI_FLAGS_NONE, NULL);
  int fd = link_connect ((guint) g_uri_get_port (uri));
  const char *request = "GET /ws-a/services/calc/much HTTP/1.1\r\nHost: localhost\r\n\r\n";
  guint id = g_timeout_add (10, tick, NULL);

  hypha_http_gateway_set_write_timeout (web->gateway, 200);
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*nothing of the answer was taken for 200 ms");
  g_assert_cmpint (send (fd, request, strlen (request), MSG_NOSIGNAL), ==, strlen (request));
  g_assert_true (test_wait (asks_something, web));
  g_assert_true (test_wait (asks_nothing, web));
  test_assert_expected_logs ();
  close (fd);
  g_source_remove (id);
}

/* What a connection is answered that was open before. */
static char *
ask_on (GSocketConnection *connection,
        const char        *path)
{
  GSocket *socket = g_socket_connection_get_socket (connection);
  g_autofree char *request = g_strdup_printf ("GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
  char answer[4096] = "";
  gint64 deadline = g_get_monotonic_time () + TEST_DEADLINE * G_TIME_SPAN_SECOND;

  g_assert_cmpint (g_socket_send (socket, request, strlen (request), NULL, NULL), >, 0);
  while (g_socket_receive_with_blocking (socket, answer, sizeof answer - 1, FALSE, NULL, NULL) <= 0)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      g_main_context_iteration (NULL, FALSE);
    }

  return g_strdup (answer);
}

static void
count_started (guint *n_started)
{
  ++*n_started;
}

static gboolean
two_are_started (gpointer data)
{
  return *(guint *) data == 2;
}

/* While it stops it lives, but nobody should be sent to it. */
static void
test_readiness (Fixture       *fixture,
                gconstpointer  data)
{
  Web *web = fixture->web;
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) connection = NULL;
  g_autoptr (GSocketConnection) second = NULL;
  g_autofree char *ready = NULL;
  g_autofree char *down = NULL;
  gboolean stopped = FALSE;
  guint n_started = 0;

  g_signal_connect_swapped (hypha_server_get_soup (web->server), "request-started",
                            G_CALLBACK (count_started), &n_started);
  connection = g_socket_client_connect_to_host (client, "127.0.0.1",
                                                (guint16) hypha_server_get_port (web->server),
                                                NULL, NULL);
  g_assert_nonnull (connection);
  second = g_socket_client_connect_to_host (client, "127.0.0.1",
                                            (guint16) hypha_server_get_port (web->server), NULL,
                                            NULL);
  g_assert_nonnull (second);
  g_assert_true (test_wait (two_are_started, &n_started));
  ready = ask_on (connection, "/health/readiness");
  g_assert_true (g_str_has_prefix (ready, "HTTP/1.1 200 "));
  server_stop (web->server, &stopped);
  down = ask_on (second, "/health/readiness");
  g_assert_true (g_str_has_prefix (down, "HTTP/1.1 503 "));
  g_assert_nonnull (strstr (down, "\"status\":\"DOWN\""));
  g_assert_true (test_wait_flag (&stopped));
}

#define ADD(name, function)                                                                        \
  g_test_add ("/net/http-gateway/" name, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

/* H5: neither an image nor a link on a page elsewhere calls a function; what is no browser may. */
static void
test_foreign_page (Fixture       *fixture,
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

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  ADD ("call", test_call);
  ADD ("errors", test_errors);
  ADD ("bodies", test_bodies);
  ADD ("binary", test_binary);
  ADD ("permissions", test_permissions);
  ADD ("context", test_context);
  ADD ("manager", test_manager);
  ADD ("manager-arguments", test_manager_arguments);
  ADD ("list", test_list);
  ADD ("info", test_info);
  ADD ("modes", test_modes);
  ADD ("shared-info", test_shared_info);
  ADD ("health", test_health);
  ADD ("cors", test_cors);
  ADD ("timeout", test_timeout);
  ADD ("gone", test_gone);
  ADD ("max-requests", test_hypha_http_max_requests);
  ADD ("max-requests-of-account", test_max_requests_of_account);
  ADD ("guesses", test_guesses);
  ADD ("stream", test_stream);
  ADD ("back-pressure", test_back_pressure);
  ADD ("write-timeout", test_hypha_http_write_timeout);
  ADD ("write-timeout-whole", test_hypha_http_write_timeout_whole);
  ADD ("readiness", test_readiness);
  ADD ("foreign-page", test_foreign_page);

  return g_test_run ();
}
