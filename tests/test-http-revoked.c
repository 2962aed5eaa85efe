/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "test-http-fixture.h"
#include "test-utils.h"

/* What was asked for over HTTP with a token, and what becomes of it when the token ends. */
typedef struct
{
  Web             *web;
  Client          *boss;
  HyphaInvocation *kept;      /* the call that is not answered */
  guint            n_pulled;  /* items of the stream */
  guint            n_open;    /* streams */
} Fixture;

static void
serve_wait (HyphaInvocation *invocation,
            gpointer         data)
{
  ((Fixture *) data)->kept = hypha_invocation_ref (invocation);
}

static void
stream_next (HyphaInvocation *invocation,
             gpointer         data)
{
  hypha_invocation_return (invocation, g_variant_new_int64 (((Fixture *) data)->n_pulled++));
}

static void
stream_freed (gpointer data)
{
  ((Fixture *) data)->n_open--;
}

static void
serve_stream (HyphaInvocation *invocation,
              gpointer         data)
{
  Fixture *fixture = data;
  g_autoptr (GError) error = NULL;

  fixture->n_open++;
  hypha_invocation_return (invocation,
                           hypha_generator_new (hypha_invocation_get_rpc (invocation),
                                                hypha_invocation_get_from (invocation), stream_next,
                                                fixture, stream_freed, &error));
  g_assert_no_error (error);
}

static char *
make_token (Fixture    *fixture,
            const char *config)
{
  g_autoptr (HyphaUserInfo) root = hypha_user_info_new_root ();
  g_autoptr (GVariant) parsed = g_variant_ref_sink (g_variant_new_parsed (config));
  g_autoptr (GError) error = NULL;
  char *token = hypha_token_methods_mint (fixture->web->hub->authority, root, "default", "root",
                                          parsed, &error);

  g_assert_no_error (error);
  return token;
}

static void
fixture_set_up (Fixture       *fixture,
                gconstpointer  data)
{
  g_autoptr (HyphaService) service = web_service ("calc", "protected", "generic");
  g_autofree char *token = NULL;

  fixture->web = web_new ();
  hypha_service_add_function (service, "wait", "", NULL, NULL, serve_wait, fixture, NULL);
  hypha_service_add_function (service, "stream", "", NULL, NULL, serve_stream, fixture, NULL);
  web_register (fixture->web, service);
  token = make_token (fixture, "{'workspace': <'ws-a'>, 'user_id': <'boss'>,"
                               " 'permission': <'admin'>}");
  fixture->boss = hub_connect (fixture->web->hub, "boss", token);
  fixture->web->n_peers = hypha_router_get_n_peers (fixture->web->hub->router);
}

static void
fixture_tear_down (Fixture       *fixture,
                   gconstpointer  data)
{
  g_clear_pointer (&fixture->kept, hypha_invocation_unref);
  client_free (fixture->boss);
  web_free (fixture->web);
}

/* One request on its way. */
typedef struct
{
  SoupMessage *message;
  GBytes      *body;
  gboolean     done;
} Request;

static void
on_answer (GObject      *object,
           GAsyncResult *result,
           gpointer      data)
{
  Request *request = data;

  request->body = soup_session_send_and_read_finish (SOUP_SESSION (object), result, NULL);
  request->done = TRUE;
}

static void
request_start (Request    *request,
               Fixture    *fixture,
               const char *path,
               const char *token)
{
  g_autofree char *url = web_url (fixture->web, path);
  g_autofree char *bearer = g_strconcat ("Bearer ", token, NULL);

  request->message = soup_message_new ("GET", url);
  soup_message_headers_append (soup_message_get_request_headers (request->message),
                               "Authorization", bearer);
  soup_session_send_and_read_async (fixture->web->session, request->message, G_PRIORITY_DEFAULT,
                                    NULL, on_answer, request);
}

static void
request_clear (Request *request)
{
  g_clear_object (&request->message);
  g_clear_pointer (&request->body, g_bytes_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Request, request_clear)

static gboolean
is_kept (gpointer data)
{
  return ((Fixture *) data)->kept != NULL;
}

static gboolean
is_streaming (gpointer data)
{
  return ((Fixture *) data)->n_pulled > 10;
}

static gboolean
is_quiet (gpointer data)
{
  Fixture *fixture = data;

  return fixture->n_open == 0 && hypha_http_gateway_get_n_requests (fixture->web->gateway) == 0;
}

static void
revoke_token (Fixture    *fixture,
              const char *token)
{
  g_autofree char *args = g_strdup_printf ("[<'%s'>]", token);

  g_variant_unref (client_must_call (fixture->boss, "revoke_token", args));
}

/* A call that nobody has answered yet is refused, and what would answer it is told. */
static void
test_revoked_call (Fixture       *fixture,
                   gconstpointer  data)
{
  g_auto (Request) request = { 0 };
  g_autofree char *text = NULL;

  request_start (&request, fixture, "/ws-a/services/calc/wait", fixture->web->token);
  g_assert_true (test_wait (is_kept, fixture));
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*request ended: Token has been revoked");
  revoke_token (fixture, fixture->web->token);
  hypha_invocation_return (fixture->kept, g_variant_new_string ("secret"));
  g_assert_true (test_wait_flag (&request.done));
  g_assert_cmpuint (soup_message_get_status (request.message), ==, 401);
  text = g_strndup (g_bytes_get_data (request.body, NULL), g_bytes_get_size (request.body));
  g_assert_cmpstr (text, ==, "{\"success\":false,\"detail\":\"Token has been revoked\"}");
  g_assert_true (test_wait (is_quiet, fixture));
  test_assert_expected_logs ();
}

/* A stream ends without its end; one of somebody else goes on. */
static void
test_revoked_stream (Fixture       *fixture,
                     gconstpointer  data)
{
  g_autofree char *other_token = make_token (fixture, "{'workspace': <'ws-a'>}");
  g_auto (Request) request = { 0 };
  g_auto (Request) other = { 0 };

  request_start (&request, fixture, "/ws-a/services/calc/stream", fixture->web->token);
  request_start (&other, fixture, "/ws-a/services/calc/stream", other_token);
  g_assert_true (test_wait (is_streaming, fixture));
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*request ended: Token has been revoked");
  revoke_token (fixture, fixture->web->token);
  g_assert_true (test_wait_flag (&request.done));
  g_assert_false (other.done);
  g_assert_cmpuint (fixture->n_open, ==, 1);
  test_assert_expected_logs ();

  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*request ended: Token has been revoked");
  revoke_token (fixture, other_token);
  g_assert_true (test_wait_flag (&other.done));
  g_assert_true (test_wait (is_quiet, fixture));
}

/* Nobody is told anything with a token that has ended meanwhile. */
static void
test_expired_call (Fixture       *fixture,
                   gconstpointer  data)
{
  g_autofree char *token = make_token (fixture, "{'workspace': <'ws-a'>, 'expires_in': <int64 1>}");
  g_auto (Request) request = { 0 };

  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*request ended: Token expired");
  request_start (&request, fixture, "/ws-a/services/calc/wait", token);
  g_assert_true (test_wait_flag (&request.done));
  g_assert_cmpuint (soup_message_get_status (request.message), ==, 401);
  g_assert_true (test_wait (is_quiet, fixture));
  test_assert_expected_logs ();
}

static void
test_expired_stream (Fixture       *fixture,
                     gconstpointer  data)
{
  g_autofree char *token = make_token (fixture, "{'workspace': <'ws-a'>, 'expires_in': <int64 1>}");
  g_auto (Request) request = { 0 };

  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*request ended: Token expired");
  request_start (&request, fixture, "/ws-a/services/calc/stream", token);
  g_assert_true (test_wait_flag (&request.done));
  g_assert_true (test_wait (is_quiet, fixture));
  test_assert_expected_logs ();
}

#define ADD(path, function) \
  g_test_add (path, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  ADD ("/net/http-revoked/call", test_revoked_call);
  ADD ("/net/http-revoked/stream", test_revoked_stream);
  ADD ("/net/http-revoked/expired-call", test_expired_call);
  ADD ("/net/http-revoked/expired-stream", test_expired_stream);

  return g_test_run ();
}
