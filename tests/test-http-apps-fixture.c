/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-http-apps-private.h"
#include "hypha-remote-function-private.h"
#include "test-http-apps-fixture.h"
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

void
apps_set_up (Apps          *fixture,
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

void
apps_tear_down (Apps          *fixture,
                gconstpointer  data)
{
  g_object_set_data (G_OBJECT (fixture->web->server), "apps", NULL);
  web_free (fixture->web);
}

Answer *
apps_ask (Apps       *fixture,
          const char *method,
          const char *path,
          const char *body)
{
  return web_ask (fixture->web, method, path, NULL, body, NULL);
}

void
apps_assert_answer (Apps       *fixture,
                    const char *method,
                    const char *path,
                    guint       status,
                    const char *expected)
{
  g_autoptr (Answer) answer = apps_ask (fixture, method, path, NULL);

  g_test_message ("%s %s", method, path);
  g_assert_cmpuint (answer->status, ==, status);
  g_assert_cmpstr (answer->text, ==, expected);
}

GSocketConnection *
apps_connect_raw (Apps       *fixture,
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
