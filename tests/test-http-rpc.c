/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "test-http-rpc-fixture.h"
#include "test-utils.h"

static void
test_http_rpc_opens (RpcFixture    *fixture,
                     gconstpointer  data)
{
  g_autoptr (GVariant) info = NULL;
  g_autoptr (GVariant) user = NULL;
  g_autoptr (Request) stream = rpc_open_stream (fixture, ALICE_A, fixture->alice, &info);
  g_autofree char *workspace = rpc_lookup_string (info, "workspace");
  g_autofree char *client = rpc_lookup_string (info, "client_id");
  g_autofree char *manager = rpc_lookup_string (info, "manager_id");
  g_autofree char *token = rpc_lookup_string (info, "reconnection_token");

  g_assert_cmpstr (workspace, ==, "ws-a");
  g_assert_cmpstr (client, ==, "a");
  g_assert_cmpstr (manager, ==, "workspace-manager");
  g_assert_nonnull (token);
  user = g_variant_lookup_value (info, "user", G_VARIANT_TYPE_VARDICT);
  g_assert_nonnull (user);
  g_assert_true (stream->chunked);
  g_assert_nonnull (g_strstr_len ((char *) stream->raw->data, (gssize) stream->parsed,
                                  "Content-Type: application/x-msgpack-stream\r\n"));
  g_assert_cmpuint (hypha_server_get_n_connections (fixture->server), ==, 1);
}

/* A proxy may speak the older version to us, whose body has no chunks. */
static void
test_http_rpc_http_1_0 (RpcFixture    *fixture,
                        gconstpointer  data)
{
  g_autofree char *head = NULL;
  g_autoptr (Request) stream = NULL;
  g_autoptr (GVariant) info = NULL;

  head = g_strdup_printf ("GET /rpc?" ALICE_A " HTTP/1.0\r\nHost: localhost\r\n"
                          "Authorization: Bearer %s\r\n\r\n", fixture->alice);
  stream = request_new (fixture, head, NULL);
  info = request_take_frame (stream, NULL);
  g_assert_false (stream->chunked);
  g_assert_cmpuint (rpc_post_echo (fixture, ALICE_A, fixture->alice, 1), ==, 200);
  request_expect_echo (stream, 1);
}

static void
test_http_rpc_calls (RpcFixture    *fixture,
                     gconstpointer  data)
{
  g_autoptr (Request) stream = rpc_open_stream (fixture, ALICE_A, fixture->alice, NULL);

  for (guint i = 0; i < 20; i++)
    {
      g_assert_cmpuint (rpc_post_echo (fixture, ALICE_A, fixture->alice, i), ==, 200);
      request_expect_echo (stream, i);
    }
}

static void
test_http_rpc_control (RpcFixture    *fixture,
                       gconstpointer  data)
{
  g_autoptr (Request) stream = rpc_open_stream (fixture, ALICE_A, fixture->alice, NULL);
  g_autoptr (GBytes) ping = rpc_pack ("{'type': <'ping'>}", NULL);
  g_autoptr (GBytes) refresh = rpc_pack ("{'type': <'refresh_token'>}", NULL);
  g_autoptr (GBytes) unknown = rpc_pack ("{'type': <'fly'>}", NULL);
  g_autoptr (GVariant) pong = NULL;
  g_autoptr (GVariant) token = NULL;
  g_autofree char *pong_type = NULL;
  g_autofree char *token_type = NULL;
  g_autofree char *value = NULL;

  g_assert_cmpuint (rpc_post (fixture, ALICE_A, fixture->alice, unknown), ==, 200);
  g_assert_cmpuint (rpc_post (fixture, ALICE_A, fixture->alice, ping), ==, 200);
  pong = request_take_frame (stream, NULL);
  pong_type = rpc_lookup_string (pong, "type");
  g_assert_cmpstr (pong_type, ==, "pong");

  g_assert_cmpuint (rpc_post (fixture, ALICE_A, fixture->alice, refresh), ==, 200);
  token = request_take_frame (stream, NULL);
  token_type = rpc_lookup_string (token, "type");
  value = rpc_lookup_string (token, "reconnection_token");
  g_assert_cmpstr (token_type, ==, "reconnection_token");
  g_assert_nonnull (value);
}

static void
test_http_rpc_refusals (RpcFixture    *fixture,
                        gconstpointer  data)
{
  g_autoptr (Request) stream = rpc_open_stream (fixture, ALICE_A, fixture->alice, NULL);

  g_assert_cmpuint (rpc_get_status (fixture, "client_id=b", "x.y.z"), ==, 401);
  g_assert_cmpuint (rpc_get_status (fixture, "client_id=b&reconnection_token=x.y.z", NULL), ==,
                    401);
  g_assert_cmpuint (rpc_get_status (fixture, "client_id=b&workspace=ws-b", fixture->alice), ==,
                    403);
  g_assert_cmpuint (rpc_get_status (fixture, "client_id=b&workspace=ws-a", NULL), ==, 403);
  g_assert_cmpuint (rpc_get_status (fixture, "client_id=x%2Fy", fixture->alice), ==, 403);
  g_assert_cmpuint (rpc_get_status (fixture, "client_id=workspace-manager&workspace=*", NULL), ==,
                    403);
  g_assert_cmpuint (rpc_get_status (fixture, "client_id=b%00c", fixture->alice), ==, 400);
  g_assert_cmpuint (rpc_post_echo (fixture, "client_id=a%00b&workspace=ws-a", fixture->alice, 1), ==,
                    400);

  /* Taken by somebody else, who is not even asked. */
  g_assert_cmpuint (rpc_get_status (fixture, ALICE_A, fixture->bob), ==, 409);
  g_assert_cmpuint (hypha_server_get_n_connections (fixture->server), ==, 1);
}

static guint
ask (RpcFixture *fixture,
     const char *head)
{
  g_autoptr (Request) request = request_new (fixture, head, NULL);

  g_assert_true (test_wait (request_is_answered, request));
  return request->status;
}

static void
test_http_rpc_methods (RpcFixture    *fixture,
                       gconstpointer  data)
{
  g_assert_cmpuint (ask (fixture, "PUT /rpc HTTP/1.1\r\nHost: localhost\r\n\r\n"), ==, 405);
  g_assert_cmpuint (ask (fixture, "GET /rpc/x HTTP/1.1\r\nHost: localhost\r\n\r\n"), ==, 404);
  g_assert_cmpuint (ask (fixture, "OPTIONS /rpc HTTP/1.1\r\nHost: localhost\r\n"
                                  "Origin: http://localhost:3000\r\n\r\n"), ==, 200);
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*origin*not allowed*");
  g_assert_cmpuint (ask (fixture, "GET /rpc?client_id=a HTTP/1.1\r\nHost: localhost\r\n"
                                  "Origin: http://evil.example\r\n\r\n"), ==, 403);
  g_assert_cmpuint (ask (fixture, "GET /rpc?client_id=a HTTP/1.1\r\nHost: localhost\r\n"
                                  "Sec-Fetch-Site: cross-site\r\n\r\n"), ==, 403);
}

/* Whoever knows an address, and many do, cannot speak for it. */
static void
test_http_rpc_post_needs_the_owner (RpcFixture    *fixture,
                                    gconstpointer  data)
{
  g_autoptr (Request) stream = rpc_open_stream (fixture, ALICE_A, fixture->alice, NULL);
  g_autofree char *other = hub_token (fixture->hub, "ws-b", "alice");
  const char *as_reconnection = ALICE_A "&reconnection_token=x.y.z";

  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*posting as ws-a/a refused*");
  g_assert_cmpuint (rpc_post_echo (fixture, ALICE_A, NULL, 1), ==, 401);
  g_assert_cmpuint (rpc_post_echo (fixture, ALICE_A, "x.y.z", 1), ==, 401);
  g_assert_cmpuint (rpc_post_echo (fixture, as_reconnection, NULL, 1), ==, 401);
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*posting as ws-a/a refused*");
  g_assert_cmpuint (rpc_post_echo (fixture, ALICE_A, fixture->bob, 1), ==, 403);
  g_assert_cmpuint (rpc_post_echo (fixture, ALICE_A, other, 1), ==, 403);

  g_assert_cmpuint (rpc_post_echo (fixture, ALICE_A, fixture->alice, 2), ==, 200);
  request_expect_echo (stream, 2);
}

/* The same person with fewer rights must not borrow those of another token. */
static void
test_http_rpc_post_needs_the_same_rights (RpcFixture    *fixture,
                                          gconstpointer  data)
{
  g_autoptr (Request) stream = rpc_open_stream (fixture, ALICE_A, fixture->alice, NULL);
  g_autoptr (HyphaUserInfo) root = hypha_user_info_new_root ();
  g_autoptr (GVariant) config = NULL;
  g_autofree char *weaker = NULL;

  config = g_variant_ref_sink (
    g_variant_new_parsed ("{'workspace': <'ws-a'>, 'user_id': <'alice'>,"
                          " 'email': <'x@example.org'>, 'scopes': <[<'something'>]>}"));
  weaker = hypha_token_methods_mint (fixture->hub->authority, root, "default", "root", config, NULL);
  g_assert_nonnull (weaker);
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*posting as ws-a/a refused*");
  g_assert_cmpuint (rpc_post_echo (fixture, ALICE_A, weaker, 1), ==, 403);
}

/* A token that was handed on says the same, but is worth less: it does not own what its maker owns. */
static void
test_http_rpc_post_by_a_delegate (RpcFixture    *fixture,
                                  gconstpointer  data)
{
  g_autoptr (Client) alice = hub_connect (fixture->hub, "alice", fixture->alice);
  g_autoptr (GVariant) minted = NULL;
  g_autoptr (Request) stream = rpc_open_stream (fixture, ALICE_A, fixture->alice, NULL);

  minted = client_call_manager (alice, "generate_token", g_variant_new_parsed ("@av []"), NULL);
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*posting as ws-a/a refused*");
  g_assert_cmpuint (rpc_post_echo (fixture, ALICE_A, g_variant_get_string (minted, NULL), 1), ==,
                    403);
}

/* The reconnection token is a proof as good as the other. */
static void
test_http_rpc_post_by_reconnection_token (RpcFixture    *fixture,
                                          gconstpointer  data)
{
  g_autoptr (GVariant) info = NULL;
  g_autoptr (Request) stream = rpc_open_stream (fixture, ALICE_A, fixture->alice, &info);
  g_autofree char *token = rpc_lookup_string (info, "reconnection_token");
  g_autofree char *query = g_strconcat (ALICE_A "&reconnection_token=", token, NULL);

  g_assert_cmpuint (rpc_post_echo (fixture, query, NULL, 1), ==, 200);
  request_expect_echo (stream, 1);
}

static void
test_http_rpc_post_needs_a_stream (RpcFixture    *fixture,
                                   gconstpointer  data)
{
  g_autoptr (Client) socket = hub_connect (fixture->hub, "socket", fixture->alice);

  g_assert_cmpuint (rpc_post_echo (fixture, ALICE_A, fixture->alice, 1), ==, 400);
  g_assert_cmpuint (rpc_post_echo (fixture, "client_id=socket&workspace=ws-a", fixture->alice, 1),
                    ==, 400);
  g_assert_cmpuint (rpc_post_echo (fixture, "client_id=a", fixture->alice, 1), ==, 400);
  g_assert_cmpuint (rpc_post_echo (fixture, "", fixture->alice, 1), ==, 400);
  g_assert_cmpuint (rpc_post_echo (fixture, "client_id=%FF%00&workspace=%FE", NULL, 1), ==, 400);
}

static void
test_http_rpc_post_bad_body (RpcFixture    *fixture,
                             gconstpointer  data)
{
  g_autoptr (Request) stream = rpc_open_stream (fixture, ALICE_A, fixture->alice, NULL);
  g_autoptr (GBytes) empty = g_bytes_new (NULL, 0);
  g_autoptr (GBytes) garbage = g_bytes_new_static ("garbage", 7);
  g_autoptr (GBytes) cut = test_bytes_from_hex ("82 a4 74 79 70 65");

  g_assert_cmpuint (rpc_post (fixture, ALICE_A, fixture->alice, empty), ==, 400);
  g_assert_cmpuint (rpc_post (fixture, ALICE_A, fixture->alice, garbage), ==, 400);
  g_assert_cmpuint (rpc_post (fixture, ALICE_A, fixture->alice, cut), ==, 400);
  g_assert_cmpuint (rpc_post_echo (fixture, ALICE_A, fixture->alice, 1), ==, 200);
  request_expect_echo (stream, 1);
}

/* Whoever may not post is told so before its body comes, and nothing of that is kept. */
static void
test_http_rpc_post_refused_before_body (RpcFixture    *fixture,
                                        gconstpointer  data)
{
  g_autoptr (Request) request =
    request_new (fixture, "POST /rpc?client_id=nobody&workspace=ws-a HTTP/1.1\r\n"
                          "Host: localhost\r\nContent-Length: 100000\r\n"
                          "Expect: 100-continue\r\n\r\n", NULL);

  g_assert_true (test_wait (request_is_answered, request));
  g_assert_cmpuint (request->status, ==, SOUP_STATUS_BAD_REQUEST);
}

/* Nobody's client cannot prove anything, but pages of other origins are not it. */
static void
test_http_rpc_anonymous (RpcFixture    *fixture,
                         gconstpointer  data)
{
  g_autoptr (GVariant) info = NULL;
  g_autoptr (Request) stream = rpc_open_stream (fixture, "client_id=a", NULL, &info);
  g_autoptr (Request) page = NULL;
  g_autoptr (Request) own = NULL;
  g_autoptr (GBytes) body = rpc_pack_echo (2);
  g_autofree char *workspace = rpc_lookup_string (info, "workspace");
  g_autofree char *query = g_strconcat ("client_id=a&workspace=", workspace, NULL);
  g_autofree char *head = NULL;

  g_assert_cmpuint (rpc_post_echo (fixture, query, NULL, 1), ==, 200);
  request_expect_echo (stream, 1);

  /* A page of the server itself says where it is from when it posts, and not when it gets. */
  head = g_strdup_printf ("POST /rpc?%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n"
                          "Origin: http://localhost\r\n\r\n", query, g_bytes_get_size (body));
  own = request_new (fixture, head, body);
  g_assert_true (test_wait (request_is_answered, own));
  g_assert_cmpuint (own->status, ==, 200);
  request_expect_echo (stream, 2);
  g_clear_pointer (&head, g_free);

  head = g_strdup_printf ("POST /rpc?%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n"
                          "Origin: http://localhost:3000\r\n\r\n", query, g_bytes_get_size (body));
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*posting as *refused*");
  page = request_new (fixture, head, body);
  g_assert_true (test_wait (request_is_answered, page));
  g_assert_cmpuint (page->status, ==, 403);
  g_assert_cmpuint (rpc_post_echo (fixture, query, fixture->alice, 1), ==, 403);
}

/* In “public” an anonymous client's id is no secret, and it has nothing else to show. */
static void
test_http_rpc_anonymous_in_public (RpcFixture    *fixture,
                                   gconstpointer  data)
{
  g_autoptr (Request) stream = rpc_start_get (fixture, "client_id=a&workspace=public", NULL);

  g_assert_true (test_wait (request_is_answered, stream));
  g_assert_cmpuint (stream->status, ==, 403);
  g_assert_null (rpc_find_connection (fixture, "public/a"));
}

static guint
ask_by_way (RpcFixture *fixture,
            const char *method,
            const char *query,
            const char *way)
{
  g_autoptr (GBytes) body = rpc_pack_echo (1);
  gboolean post = g_str_equal (method, "POST");
  g_autofree char *head =
    g_strdup_printf ("%s /rpc?%s HTTP/1.1\r\nHost: localhost\r\n%s: 203.0.113.1\r\n"
                     "Content-Length: %zu\r\n\r\n", method, query, way,
                     post ? g_bytes_get_size (body) : 0);
  g_autoptr (Request) request = request_new (fixture, head, post ? body : NULL);

  g_assert_true (test_wait (request_is_answered, request));
  return request->status;
}

/* Behind a proxy here is anybody: an anonymous client cannot be told from another there. */
static void
test_http_rpc_anonymous_by_proxy (RpcFixture    *fixture,
                                  gconstpointer  data)
{
  static const char *const ways[] = { "X-Forwarded-For", "Forwarded", "X-Real-IP", "Via" };
  g_autoptr (GVariant) info = NULL;
  g_autoptr (Request) stream = rpc_open_stream (fixture, "client_id=a", NULL, &info);
  g_autofree char *workspace = rpc_lookup_string (info, "workspace");
  g_autofree char *query = g_strconcat ("client_id=a&workspace=", workspace, NULL);

  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*posting as *refused*");
  for (gsize i = 0; i < G_N_ELEMENTS (ways); i++)
    {
      g_assert_cmpuint (ask_by_way (fixture, "GET", "client_id=b", ways[i]), ==, 403);
      g_assert_cmpuint (ask_by_way (fixture, "POST", query, ways[i]), ==, 403);
    }

  g_assert_cmpuint (rpc_post_echo (fixture, query, NULL, 1), ==, 200);
  test_assert_expected_logs ();
}

static gboolean
request_is_cut_off (gpointer data)
{
  Request *request = data;

  request_poll (request);
  return request->eof;
}

/* Only who gets through to a client keeps the connection. */
static void
test_http_rpc_refused_is_cut_off (RpcFixture    *fixture,
                                  gconstpointer  data)
{
  g_autoptr (Request) refused = rpc_start_get (fixture, "client_id=a&workspace=ws-b",
                                               fixture->alice);

  g_assert_true (test_wait (request_is_answered, refused));
  g_assert_cmpuint (refused->status, ==, 403);
  g_assert_true (test_wait (request_is_cut_off, refused));
}

/* Nor does a question what may be asked. */
static void
test_http_rpc_options_is_cut_off (RpcFixture    *fixture,
                                  gconstpointer  data)
{
  const char *head = "OPTIONS /rpc HTTP/1.1\r\nHost: localhost\r\n\r\n";
  g_autoptr (Request) asked = request_new (fixture, head, NULL);

  g_assert_true (test_wait (request_is_answered, asked));
  g_assert_cmpuint (asked->status, ==, 200);
  g_assert_true (test_wait (request_is_cut_off, asked));
}

#define ADD(name, function) \
  g_test_add ("/net/http-rpc/" name, RpcFixture, NULL, rpc_set_up, function, rpc_tear_down)

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  ADD ("opens", test_http_rpc_opens);
  ADD ("http-1.0", test_http_rpc_http_1_0);
  ADD ("calls", test_http_rpc_calls);
  ADD ("control", test_http_rpc_control);
  ADD ("refusals", test_http_rpc_refusals);
  ADD ("methods", test_http_rpc_methods);
  ADD ("post-needs-the-owner", test_http_rpc_post_needs_the_owner);
  ADD ("post-needs-the-same-rights", test_http_rpc_post_needs_the_same_rights);
  ADD ("post-by-a-delegate", test_http_rpc_post_by_a_delegate);
  ADD ("post-by-reconnection-token", test_http_rpc_post_by_reconnection_token);
  ADD ("post-needs-a-stream", test_http_rpc_post_needs_a_stream);
  ADD ("post-refused-before-body", test_http_rpc_post_refused_before_body);
  ADD ("post-bad-body", test_http_rpc_post_bad_body);
  ADD ("anonymous", test_http_rpc_anonymous);
  ADD ("refused-is-cut-off", test_http_rpc_refused_is_cut_off);
  ADD ("options-is-cut-off", test_http_rpc_options_is_cut_off);
  ADD ("anonymous-by-proxy", test_http_rpc_anonymous_by_proxy);
  ADD ("anonymous-in-public", test_http_rpc_anonymous_in_public);

  return g_test_run ();
}
