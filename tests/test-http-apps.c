/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-http-apps-private.h"
#include "hypha-remote-function-private.h"
#include "test-http-fixture.h"
#include "test-utils.h"

/* An ASGI app in this process, which does what the path says, step by step. */
typedef struct
{
  Web                 *web;
  HyphaInvocation     *invocation;
  HyphaRemoteFunction *receive;
  HyphaRemoteFunction *send;
  char                *path;
  GByteArray          *body;
  guint                step;
  guint                n_sent; /* of a flood */
} App;

typedef struct
{
  Web *web;
} Fixture;

static void app_next (App    *app);
static void app_end  (App    *app,
                      GError *error);

static void
app_free (App *app)
{
  hypha_invocation_unref (app->invocation);
  hypha_remote_function_unref (app->receive);
  hypha_remote_function_unref (app->send);
  g_byte_array_unref (app->body);
  g_free (app->path);
  g_free (app);
}

static void
app_sent (GObject      *object,
          GAsyncResult *result,
          gpointer      data)
{
  App *app = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = hypha_remote_function_call_finish (app->send, result, &error);

  if (error != NULL)
    app_end (app, g_steal_pointer (&error));
  else
    app_next (app);
}

static void
app_send (App      *app,
          GVariant *message)
{
  HyphaRpcRequest request = { .args = g_variant_new_parsed ("[%v]", message) };

  hypha_remote_function_call_async (app->send, &request, NULL, app_sent, app);
}

static void
app_start (App *app,
           gint64 status)
{
  app_send (app, g_variant_new_parsed (
                   "{'type': <'http.response.start'>, 'status': <%x>, 'headers': <[<[<@ay [0x78, 0x2d, 0x61, 0x70, 0x70]>,"
                   " <@ay [0x79, 0x65, 0x73]>]>, <[<'content-type'>, <'text/plain'>]>,"
                   " <[<'Service-Worker-Allowed'>, <'/'>]>, <[<'set-cookie'>, <'a=1'>]>,"
                   " <[<'set-cookie'>, <'b=2'>]>]>}", status));
}

static void
app_body (App        *app,
          const char *text)
{
  app_send (app, g_variant_new_parsed ("{'type': <'http.response.body'>, 'body': <%s>}", text));
}

static void
app_last_body (App *app)
{
  app_send (app, g_variant_new_parsed ("{'type': <'http.response.body'>, 'body': <'last'>,"
                                       " 'more_body': <false>}"));
}

static void
app_many_headers (App   *app,
                  guint  n,
                  gsize  size)
{
  g_autofree char *value = g_strnfill (size, 'x');
  GVariantBuilder headers;

  g_variant_builder_init (&headers, G_VARIANT_TYPE ("av"));
  for (guint i = 0; i < n; i++)
    g_variant_builder_add (&headers, "v", g_variant_new_parsed ("[<'x'>, <%s>]", value));
  app_send (app, g_variant_new_parsed ("{'type': <'http.response.start'>, 'headers': <%*>}",
                                       g_variant_builder_end (&headers)));
}

/* It never comes to its end, until its caller has gone. */
static void
app_gone (GCancellable *cancellable,
          gpointer      data)
{
  ((Web *) data)->n_cancelled++;
}

static void
app_linger (App *app)
{
  Web *web = app->web;

  web->n_open++;
  g_signal_connect (hypha_invocation_get_cancellable (app->invocation), "cancelled",
                    G_CALLBACK (app_gone), web);
  g_ptr_array_add (g_object_get_data (G_OBJECT (web->server), "apps"), app);
}

/* A megabyte each: what may wait, and more than sockets take. */
#define N_FLOOD (HYPHA_HTTP_MAX_APP_QUEUE / 1000000 + 20)

static void
app_flooded (GObject      *object,
             GAsyncResult *result,
             gpointer      data)
{
  App *app = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = hypha_remote_function_call_finish (app->send, result, &error);

  if (error != NULL)
    g_string_append (g_object_get_data (G_OBJECT (app->web->server), "flood"), error->message);
  if (++app->step == 2 + N_FLOOD)
    app_end (app, NULL);
}

/* More than may wait, without waiting; but not faster than it is carried. */
static gboolean
app_flood (gpointer data)
{
  App *app = data;
  g_autofree char *text = g_strnfill (1000000, 'x');
  HyphaRpcRequest request = { .args = g_variant_new_parsed (
                                "[<{'type': <'http.response.body'>, 'body': <%s>}>]", text) };

  hypha_remote_function_call_async (app->send, &request, NULL, app_flooded, app);
  return ++app->n_sent < N_FLOOD;
}

static void
app_end (App    *app,
         GError *error)
{
  if (error != NULL)
    hypha_invocation_return_error (app->invocation, error);
  else
    hypha_invocation_return_null (app->invocation);
  app_free (app);
}

static void
app_received (GObject      *object,
              GAsyncResult *result,
              gpointer      data)
{
  App *app = data;
  g_autoptr (GVariant) message = hypha_remote_function_call_finish (app->receive, result, NULL);
  g_autoptr (GVariant) body = NULL;
  gboolean more = FALSE;

  if (message != NULL)
    {
      body = g_variant_lookup_value (message, "body", G_VARIANT_TYPE_BYTESTRING);
      g_variant_lookup (message, "more_body", "b", &more);
    }

  if (body != NULL)
    g_byte_array_append (app->body, g_variant_get_data (body), (guint) g_variant_get_size (body));
  if (more)
    app->step--;
  app_next (app);
}

static void
app_next (App *app)
{
  HyphaRpcRequest nothing = { NULL };
  guint step = app->step++;

  if (g_str_equal (app->path, "/early-error"))
    app_end (app, g_error_new_literal (HYPHA_ERROR, HYPHA_ERROR_FAILED, "too early"));
  else if (g_str_equal (app->path, "/nothing"))
    app_end (app, NULL);
  else if (g_str_equal (app->path, "/body-first") && step == 0)
    app_body (app, "early");
  else if (g_str_equal (app->path, "/bad-header") && step == 0)
    app_send (app, g_variant_new_parsed ("{'type': <'http.response.start'>,"
                                         " 'headers': <[<[<'x'>, <'a\\r\\nb: c'>]>]>}"));
  else if (g_str_equal (app->path, "/headers") && step == 0)
    app_many_headers (app, HYPHA_HTTP_MAX_APP_HEADERS, 1);
  else if (g_str_equal (app->path, "/too-many-headers") && step == 0)
    app_many_headers (app, HYPHA_HTTP_MAX_APP_HEADERS + 1, 1);
  else if (g_str_equal (app->path, "/header") && step == 0)
    app_many_headers (app, 1, HYPHA_HTTP_MAX_APP_HEADER);
  else if (g_str_equal (app->path, "/too-large-header") && step == 0)
    app_many_headers (app, 1, HYPHA_HTTP_MAX_APP_HEADER + 1);
  else if (g_str_equal (app->path, "/linger") && step == 2)
    app_last_body (app);
  else if (g_str_equal (app->path, "/linger") && step == 3)
    app_linger (app);
  else if (g_str_equal (app->path, "/flood") && step == 1)
    g_timeout_add (2, app_flood, app);
  else if (g_str_equal (app->path, "/upload") && step == 0)
    hypha_remote_function_call_async (app->receive, &nothing, NULL, app_received, app);
  else if (g_str_equal (app->path, "/upload") && step == 1)
    app_start (app, 200);
  else if (g_str_equal (app->path, "/upload") && step == 2)
    {
      g_autofree char *size = g_strdup_printf ("%u", app->body->len);

      app_body (app, size);
    }
  else if (step == 0)
    app_start (app, g_str_equal (app->path, "/404") ? 404 :
                    g_str_equal (app->path, "/204") ? 204 : 200);
  else if (step == 1 || step == 2)
    app_body (app, step == 1 ? "one " : "two");
  else if (g_str_equal (app->path, "/late-error"))
    app_end (app, g_error_new_literal (HYPHA_ERROR, HYPHA_ERROR_FAILED, "too late"));
  else if (g_str_equal (app->path, "/endless"))
    app_body (app, "more");
  else
    app_end (app, NULL);
}

static void
serve_app (HyphaInvocation *invocation,
           gpointer         data)
{
  g_autoptr (GVariant) argument = hypha_invocation_dup_arg (invocation, 0, "args");
  g_autoptr (GVariant) scope = g_variant_lookup_value (argument, "scope", NULL);
  g_autoptr (GVariant) receive = g_variant_lookup_value (argument, "receive", NULL);
  g_autoptr (GVariant) send = g_variant_lookup_value (argument, "send", NULL);
  g_autoptr (GVariant) raw = g_variant_lookup_value (scope, "query_string", NULL);
  HyphaRpc *rpc = hypha_invocation_get_rpc (invocation);
  const char *from = hypha_invocation_get_from (invocation);
  g_autoptr (GError) error = NULL;
  App *app = g_new0 (App, 1);

  app->web = data;
  app->invocation = hypha_invocation_ref (invocation);
  app->body = g_byte_array_new ();
  g_variant_lookup (scope, "path", "s", &app->path);
  app->receive = hypha_remote_function_new (rpc, receive, from, &error);
  g_assert_no_error (error);
  app->send = hypha_remote_function_new (rpc, send, from, &error);
  g_assert_no_error (error);
  g_assert_true (g_variant_is_of_type (raw, G_VARIANT_TYPE_BYTESTRING));
  app_next (app);
}

static void
serve_index (HyphaInvocation *invocation,
             gpointer         data)
{
  hypha_invocation_return (invocation, g_variant_new_parsed (
    "{'status': <int64 201>, 'headers': <{'x-app': <'yes'>, 'content-length': <'999'>}>,"
    " 'body': <'index'>}"));
}

static void
serve_visit (HyphaInvocation *invocation,
             gpointer         data)
{
  hypha_invocation_return (invocation, g_variant_new_parsed (
    "{'headers': <{'set-cookie': <' visit=1; HttpOnly'>}>, 'body': <''>}"));
}

/* Tells what it was called with. */
static void
serve_tell (HyphaInvocation *invocation,
            gpointer         data)
{
  g_autoptr (GVariant) event = hypha_invocation_dup_arg (invocation, 0, "event");
  g_autofree char *text = g_variant_print (event, FALSE);

  hypha_invocation_return (invocation, g_variant_new_parsed ("{'body': <%s>}", text));
}

static void
serve_fail (HyphaInvocation *invocation,
            gpointer         data)
{
  hypha_invocation_return_error (invocation, g_error_new_literal (HYPHA_ERROR, HYPHA_ERROR_FAILED,
                                                                  "no such luck"));
}

static void
flood_free (gpointer data)
{
  g_string_free (data, TRUE);
}

static void
fixture_set_up (Fixture       *fixture,
                gconstpointer  data)
{
  g_autoptr (HyphaService) app = web_service ("app", "public", "asgi");
  g_autoptr (HyphaService) closed = web_service ("closed", "protected", "ASGI");
  g_autoptr (HyphaService) plain = web_service ("plain", "public", "generic");
  g_autoptr (HyphaService) functions = web_service ("functions", "public", "functions");
  Web *web = web_new ();

  fixture->web = web;
  g_object_set_data_full (G_OBJECT (web->server), "apps",
                          g_ptr_array_new_with_free_func ((GDestroyNotify) app_free),
                          (GDestroyNotify) g_ptr_array_unref);
  g_object_set_data_full (G_OBJECT (web->server), "flood", g_string_new (NULL), flood_free);
  hypha_service_add_function (app, "serve", "args", NULL, NULL, serve_app, web, NULL);
  hypha_service_add_function (closed, "serve", "args", NULL, NULL, serve_app, web, NULL);
  hypha_service_add_function (functions, "index", "event", NULL, NULL, serve_index, web, NULL);
  hypha_service_add_function (functions, "tell", "event", NULL, NULL, serve_tell, web, NULL);
  hypha_service_add_function (functions, "visit", "event", NULL, NULL, serve_visit, web, NULL);
  hypha_service_add_function (functions, "deep.tell", "event", NULL, NULL, serve_tell, web, NULL);
  hypha_service_add_function (functions, "deep.index", "event", NULL, NULL, serve_index, web, NULL);
  hypha_service_add_function (functions, "fail", "event", NULL, NULL, serve_fail, web, NULL);
  web_register (web, app);
  web_register (web, closed);
  web_register (web, plain);
  web_register (web, functions);
}

static void
fixture_tear_down (Fixture       *fixture,
                   gconstpointer  data)
{
  g_object_set_data (G_OBJECT (fixture->web->server), "apps", NULL);
  web_free (fixture->web);
}

static Answer *
ask (Fixture    *fixture,
     const char *method,
     const char *path,
     const char *body)
{
  return web_ask (fixture->web, method, path, NULL, body, NULL);
}

static void
assert_answer (Fixture    *fixture,
               const char *method,
               const char *path,
               guint       status,
               const char *expected)
{
  g_autoptr (Answer) answer = ask (fixture, method, path, NULL);

  g_test_message ("%s %s", method, path);
  g_assert_cmpuint (answer->status, ==, status);
  g_assert_cmpstr (answer->text, ==, expected);
}

static void
test_asgi (Fixture       *fixture,
           gconstpointer  data)
{
  g_autoptr (Answer) answer = ask (fixture, "GET", "/ws-a/apps/app/hello?x=1", NULL);
  SoupMessageHeaders *headers = soup_message_get_response_headers (answer->message);

  g_assert_cmpuint (answer->status, ==, 200);
  g_assert_cmpstr (answer->text, ==, "one two");
  g_assert_cmpstr (answer->type, ==, "text/plain");
  g_assert_cmpstr (soup_message_headers_get_one (headers, "x-app"), ==, "yes");
  g_assert_true (g_regex_match_simple ("^(hypha-[0-9a-f]{32}-)a=1, \\1b=2$",
                                       soup_message_headers_get_list (headers, "set-cookie"), 0, 0));
  g_assert_null (soup_message_headers_get_one (headers, "service-worker-allowed"));

  assert_answer (fixture, "GET", "/ws-a/apps/app/", 200, "one two");
  assert_answer (fixture, "PATCH", "/ws-a/apps/provider:app/a//b", 200, "one two");
  assert_answer (fixture, "GET", "/ws-a/apps/app/404", 404, "one two");
  assert_answer (fixture, "GET", "/ws-a/apps/app/204", 204, "");
  assert_answer (fixture, "HEAD", "/ws-a/apps/app/x", 200, "");
  assert_answer (fixture, "GET", "/ws-a/apps/app", 200, "one two");
}

typedef struct
{
  GSocket *socket;
  GString *text;
} Raw;

static gboolean
raw_has_ended (gpointer data)
{
  Raw *raw = data;
  char buffer[4096];
  gssize n = g_socket_receive_with_blocking (raw->socket, buffer, sizeof buffer, FALSE, NULL, NULL);

  if (n > 0)
    g_string_append_len (raw->text, buffer, n);
  return n == 0;
}

static gboolean
tick (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

static GSocketConnection *
connect_raw (Fixture    *fixture,
             const char *path)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autofree char *request = NULL;
  GSocketConnection *connection;

  connection = g_socket_client_connect_to_host (client, "127.0.0.1",
                                                (guint16) hypha_server_get_port (
                                                  fixture->web->server), NULL, NULL);
  g_assert_nonnull (connection);
  request = g_strdup_printf ("GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                             path);
  g_assert_cmpint (g_socket_send (g_socket_connection_get_socket (connection), request,
                                  strlen (request), NULL, NULL), >, 0);
  return connection;
}

/* The bytes of an answer until the server hangs up. */
static char *
ask_raw (Fixture    *fixture,
         const char *path)
{
  g_autoptr (GSocketConnection) connection = connect_raw (fixture, path);
  Raw raw = { g_socket_connection_get_socket (connection), g_string_new (NULL) };
  guint id = g_timeout_add (1, tick, NULL);

  g_assert_true (test_wait (raw_has_ended, &raw));
  g_source_remove (id);
  return g_string_free (raw.text, FALSE);
}

static void
test_errors (Fixture       *fixture,
             gconstpointer  data)
{
  g_autofree char *late = NULL;

  assert_answer (fixture, "GET", "/ws-a/apps/app/early-error", 500,
                 "{\"detail\":\"Internal Server Error\",\"error\":\"too early\"}");
  assert_answer (fixture, "GET", "/ws-a/apps/app/nothing", 500,
                 "{\"detail\":\"Internal Server Error\","
                 "\"error\":\"the app ended without an answer\"}");
  assert_answer (fixture, "GET", "/ws-a/apps/app/body-first", 500,
                 "{\"detail\":\"Internal Server Error\","
                 "\"error\":\"http.response.body was sent before http.response.start\"}");
  assert_answer (fixture, "GET", "/ws-a/apps/app/bad-header", 500,
                 "{\"detail\":\"Internal Server Error\","
                 "\"error\":\"the app answered with a header that is none\"}");
  assert_answer (fixture, "GET", "/ws-a/apps/plain/x", 404,
                 "{\"success\":false,\"detail\":\"Not Found\"}");
  assert_answer (fixture, "GET", "/ws-a/apps/none/x", 404,
                 "{\"success\":false,\"detail\":\"Service none not found\"}");
  assert_answer (fixture, "GET", "/ws-a/apps/closed/x", 404,
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
test_hypha_http_app_piece (Fixture       *fixture,
                           gconstpointer  data)
{
  g_autofree char *body = g_strnfill (3 * HYPHA_HTTP_APP_PIECE + 7, 'x');
  g_autofree char *size = g_strdup_printf ("%" G_GSIZE_FORMAT, strlen (body));
  g_autoptr (Answer) large = ask (fixture, "POST", "/ws-a/apps/app/upload", body);
  g_autoptr (Answer) none = ask (fixture, "POST", "/ws-a/apps/app/upload", NULL);

  g_assert_cmpstr (large->text, ==, size);
  g_assert_cmpstr (none->text, ==, "0");
}

static void
test_hypha_http_max_app_headers (Fixture       *fixture,
                                 gconstpointer  data)
{
  g_assert_cmpuint (HYPHA_HTTP_MAX_APP_HEADERS, ==, 256);
  assert_answer (fixture, "GET", "/ws-a/apps/app/headers", 200, "one two");
  assert_answer (fixture, "GET", "/ws-a/apps/app/too-many-headers", 500,
                 "{\"detail\":\"Internal Server Error\","
                 "\"error\":\"the app answered with more than 256 headers\"}");
}

static void
test_hypha_http_max_app_header (Fixture       *fixture,
                                gconstpointer  data)
{
  g_assert_cmpuint (HYPHA_HTTP_MAX_APP_HEADER, ==, 16384);
  assert_answer (fixture, "GET", "/ws-a/apps/app/header", 200, "one two");
  assert_answer (fixture, "GET", "/ws-a/apps/app/too-large-header", 500,
                 "{\"detail\":\"Internal Server Error\","
                 "\"error\":\"the app answered with a header that is none\"}");
}

static gboolean
is_flooded (gpointer data)
{
  Web *web = data;

  return ((GString *) g_object_get_data (G_OBJECT (web->server), "flood"))->len > 0;
}

/* The reader does not read, and the app does not care: it is told, and the answer breaks off. */
static void
test_hypha_http_max_app_queue (Fixture       *fixture,
                               gconstpointer  data)
{
  Web *web = fixture->web;
  g_autoptr (GSocketConnection) connection = connect_raw (fixture, "/ws-a/apps/app/flood");
  GString *told;

  g_assert_cmpuint (HYPHA_HTTP_MAX_APP_QUEUE, ==, 64 * 1024 * 1024);
  g_assert_true (test_wait (is_flooded, web));
  told = g_object_get_data (G_OBJECT (web->server), "flood");
  g_assert_nonnull (strstr (told->str, "more than 67108864 bytes wait to be taken"));
}

static gboolean
is_open (gpointer data)
{
  return ((Web *) data)->n_open == 1;
}

static gboolean
is_cancelled (gpointer data)
{
  return ((Web *) data)->n_cancelled == 1;
}

/* Its last send() is answered, and it goes on; but not for ever. */
static void
test_hypha_http_app_linger (Fixture       *fixture,
                            gconstpointer  data)
{
  Web *web = fixture->web;

  g_assert_cmpuint (HYPHA_HTTP_APP_LINGER, ==, 30000);
  hypha_http_gateway_set_linger (web->gateway, 200);
  assert_answer (fixture, "GET", "/ws-a/apps/app/linger", 200, "one last");
  g_assert_true (test_wait (is_open, web));
  g_assert_cmpuint (hypha_http_gateway_get_n_requests (web->gateway), ==, 0);
  g_assert_true (test_wait (is_cancelled, web));
}

static void
test_functions (Fixture       *fixture,
                gconstpointer  data)
{
  g_autoptr (Answer) index = ask (fixture, "GET", "/ws-a/apps/functions/", NULL);
  g_autoptr (Answer) tell = ask (fixture, "POST", "/ws-a/apps/functions/tell?a=1&b", "text");
  g_autoptr (Answer) deep = ask (fixture, "GET", "/ws-a/apps/functions/deep/tell", NULL);
  SoupMessageHeaders *headers = soup_message_get_response_headers (index->message);

  g_assert_cmpuint (index->status, ==, 201);
  g_assert_cmpstr (index->text, ==, "index");
  g_assert_cmpstr (soup_message_headers_get_one (headers, "x-app"), ==, "yes");
  g_assert_nonnull (strstr (tell->text, "'query_string': <'a=1&b'>"));
  g_assert_nonnull (strstr (tell->text, "'body': <[byte 0x74, 0x65, 0x78, 0x74]>"));
  g_assert_nonnull (strstr (tell->text, "'method': <'POST'>"));
  g_assert_nonnull (strstr (deep->text, "'function_path': <'deep/tell'>"));
  assert_answer (fixture, "GET", "/ws-a/apps/functions/deep/", 201, "index");
  assert_answer (fixture, "GET", "/ws-a/apps/functions/none", 404,
                 "{\"success\":false,\"detail\":\"Function not found: none\"}");
  assert_answer (fixture, "GET", "/ws-a/apps/functions/fail", 500,
                 "{\"success\":false,\"detail\":\"Internal Server Error: no such luck\"}");
}

/* The caller's token is the caller's. */
static void
test_token_stays (Fixture       *fixture,
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
assert_authorization (Fixture    *fixture,
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
test_other_tokens_stay (Fixture       *fixture,
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
dup_told_cookies (Fixture    *fixture,
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
test_cookies (Fixture       *fixture,
              gconstpointer  data)
{
  g_autoptr (Answer) own = ask (fixture, "GET", "/ws-a/apps/functions/visit", NULL);
  g_autoptr (Answer) other = ask (fixture, "GET", "/ws-a/apps/app/", NULL);
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
test_gone (Fixture       *fixture,
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

#define ADD(name, function)                                                                        \
  g_test_add ("/net/http-apps/" name, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

static guint
ask_from (Fixture    *fixture,
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
test_apps_foreign_page (Fixture       *fixture,
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

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  ADD ("asgi", test_asgi);
  ADD ("errors", test_errors);
  ADD ("app-piece", test_hypha_http_app_piece);
  ADD ("max-app-headers", test_hypha_http_max_app_headers);
  ADD ("max-app-header", test_hypha_http_max_app_header);
  ADD ("max-app-queue", test_hypha_http_max_app_queue);
  ADD ("app-linger", test_hypha_http_app_linger);
  ADD ("functions", test_functions);
  ADD ("token-stays", test_token_stays);
  ADD ("other-tokens-stay", test_other_tokens_stay);
  ADD ("cookies", test_cookies);
  ADD ("gone", test_gone);
  ADD ("foreign-page", test_apps_foreign_page);

  return g_test_run ();
}
