/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hypha-http-rpc-private.h"
#include "hypha-http-stream-connection-private.h"
#include "test-hub-fixture.h"
#include "test-link.h"
#include "test-utils.h"

/* A hub behind a real server on a free port. */
typedef struct
{
  Hub          *hub;
  HyphaServer  *server;
  HyphaHttpRpc *http_rpc;
  char         *alice;     /* tokens of the workspace ws-a */
  char         *bob;
  guint         port;
  guint         tick;
  gboolean      stopping;
  gboolean      stopped;
} Fixture;

/* One request by raw bytes, and what came back so far. */
typedef struct
{
  int         fd;
  GByteArray *raw;
  GByteArray *body;    /* without what chunks it */
  gsize       parsed;  /* of raw; 0 until the head is complete */
  gsize       taken;   /* of body, by take_frame */
  guint       status;
  gboolean    chunked;
  gboolean    ended;   /* the last chunk came */
  gboolean    eof;
} Request;

static gboolean
tick (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

static void
fixture_set_up (Fixture       *fixture,
                gconstpointer  data)
{
  g_autoptr (GError) error = NULL;

  fixture->hub = hub_new ();
  fixture->server = hypha_server_new ();
  fixture->http_rpc = hypha_http_rpc_new (fixture->server, fixture->hub->router,
                                          fixture->hub->gate);
  g_assert_true (hypha_server_listen (fixture->server, "127.0.0.1", 0, &error));
  g_assert_no_error (error);
  fixture->port = hypha_server_get_port (fixture->server);
  fixture->alice = hub_token (fixture->hub, "ws-a", "alice");
  fixture->bob = hub_token (fixture->hub, "ws-a", "bob");

  /* The clients here are polled as the server takes its turns. */
  fixture->tick = g_timeout_add (1, tick, NULL);
}

static void
on_stopped (GObject      *object,
            GAsyncResult *result,
            gpointer      data)
{
  g_assert_true (hypha_server_stop_finish (HYPHA_SERVER (object), result, NULL));
  *(gboolean *) data = TRUE;
}

static void
fixture_stop (Fixture *fixture)
{
  fixture->stopping = TRUE;
  hypha_server_stop_async (fixture->server, NULL, on_stopped, &fixture->stopped);
}

static void
fixture_tear_down (Fixture       *fixture,
                   gconstpointer  data)
{
  if (!fixture->stopping)
    fixture_stop (fixture);
  g_assert_true (test_wait_flag (&fixture->stopped));
  g_assert_finalize_object (fixture->http_rpc);
  g_assert_finalize_object (fixture->server);
  hub_free (fixture->hub);
  g_free (fixture->alice);
  g_free (fixture->bob);
  g_source_remove (fixture->tick);
}

static void
request_free (Request *request)
{
  if (request->fd >= 0)
    close (request->fd);
  g_byte_array_unref (request->raw);
  g_byte_array_unref (request->body);
  g_free (request);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Request, request_free)

static void
request_send (Request    *request,
              const void *data,
              gsize       size)
{
  const char *bytes = data;

  while (size > 0)
    {
      gssize n = send (request->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);

      if (n > 0)
        {
          bytes += n;
          size -= (gsize) n;
        }
      else
        {
          g_assert_cmpint (errno, ==, EAGAIN);
          g_main_context_iteration (NULL, TRUE);
        }
    }
}

static Request *
request_new (Fixture    *fixture,
             const char *head,
             GBytes     *body)
{
  Request *request = g_new0 (Request, 1);

  request->fd = link_connect (fixture->port);
  request->raw = g_byte_array_new ();
  request->body = g_byte_array_new ();
  request_send (request, head, strlen (head));
  if (body != NULL)
    request_send (request, g_bytes_get_data (body, NULL), g_bytes_get_size (body));
  return request;
}

static void
request_parse_head (Request *request)
{
  const char *text = (const char *) request->raw->data;
  const char *end = g_strstr_len (text, (gssize) request->raw->len, "\r\n\r\n");
  g_autofree char *head = NULL;

  if (end == NULL)
    return;

  head = g_strndup (text, (gsize) (end - text));
  g_assert_cmpint (sscanf (head, "HTTP/1.%*d %u", &request->status), ==, 1);
  request->chunked = strstr (head, "Transfer-Encoding: chunked") != NULL;
  request->parsed = (gsize) (end - text) + 4;
}

/* One whole chunk, or as much of a body without chunks as there is. */
static gboolean
request_parse_some (Request *request)
{
  const guint8 *data = request->raw->data + request->parsed;
  gsize left = request->raw->len - request->parsed;
  const char *line_end;
  gsize head;
  gsize size;

  if (!request->chunked)
    {
      g_byte_array_append (request->body, data, (guint) left);
      request->parsed += left;
      return FALSE;
    }

  line_end = left > 0 ? g_strstr_len ((const char *) data, (gssize) left, "\r\n") : NULL;
  if (line_end == NULL)
    return FALSE;

  size = g_ascii_strtoull ((const char *) data, NULL, 16);
  head = (gsize) (line_end - (const char *) data) + 2;
  if (left < head + size + 2)
    return FALSE;

  request->ended = request->ended || size == 0;
  g_byte_array_append (request->body, data + head, (guint) size);
  g_byte_array_remove_range (request->raw, (guint) request->parsed, (guint) (head + size + 2));
  return TRUE;
}

static void
request_poll (Request *request)
{
  static guint8 buffer[256 * 1024];
  gssize n = recv (request->fd, buffer, sizeof buffer, MSG_DONTWAIT);

  if (n > 0)
    g_byte_array_append (request->raw, buffer, (guint) n);
  if (n == 0 || (n < 0 && errno != EAGAIN))
    request->eof = TRUE;
  if (request->parsed == 0 && request->raw->len > 0)
    request_parse_head (request);
  while (request->parsed > 0 && request_parse_some (request))
    ;
}

static gboolean
request_is_answered (gpointer data)
{
  Request *request = data;

  request_poll (request);
  return request->status != 0;
}

static gboolean
request_is_over (gpointer data)
{
  Request *request = data;

  request_poll (request);
  return request->eof;
}

static guint32
request_frame_size (Request *request)
{
  guint32 prefix;

  if (request->body->len - request->taken < sizeof prefix)
    return 0;

  memcpy (&prefix, request->body->data + request->taken, sizeof prefix);
  return GUINT32_FROM_BE (prefix);
}

static gboolean
request_has_frame (gpointer data)
{
  Request *request = data;
  guint32 size;

  request_poll (request);
  size = request_frame_size (request);
  return size > 0 && request->body->len - request->taken >= 4 + size;
}

/* The next frame: its first map and, where wanted, the second (NULL if absent). */
static GVariant *
request_take_frame (Request   *request,
                    GVariant **extra)
{
  const guint8 *data;
  GVariant *first;
  gsize used;
  guint32 size;

  g_assert_true (test_wait (request_has_frame, request));
  size = request_frame_size (request);
  data = request->body->data + request->taken + 4;
  first = hypha_msgpack_decode (data, size, NULL, &used, NULL);
  g_assert_nonnull (first);
  if (extra != NULL)
    *extra = used < size ? hypha_msgpack_decode (data + used, size - used, NULL, NULL, NULL) : NULL;
  request->taken += 4 + size;
  return first;
}

static char *
lookup_string (GVariant   *map,
               const char *key)
{
  char *value = NULL;

  g_variant_lookup (map, key, "s", &value);
  return value;
}

static char *
make_head (const char *method,
           const char *query,
           const char *token,
           gsize       size)
{
  g_autoptr (GString) head = g_string_new (NULL);

  g_string_printf (head, "%s /rpc?%s HTTP/1.1\r\nHost: localhost\r\n", method, query);
  if (token != NULL)
    g_string_append_printf (head, "Authorization: Bearer %s\r\n", token);
  if (size > 0)
    g_string_append_printf (head, "Content-Length: %" G_GSIZE_FORMAT "\r\n", size);
  g_string_append (head, "\r\n");
  return g_string_free (g_steal_pointer (&head), FALSE);
}

static Request *
start_get (Fixture    *fixture,
           const char *query,
           const char *token)
{
  g_autofree char *head = make_head ("GET", query, token, 0);

  return request_new (fixture, head, NULL);
}

static gboolean
request_has_json (gpointer data)
{
  Request *request = data;

  request_poll (request);
  return request->body->len > 0 && request->body->data[request->body->len - 1] == '}';
}

static guint
get_status (Fixture    *fixture,
            const char *query,
            const char *token)
{
  g_autoptr (Request) request = start_get (fixture, query, token);

  g_assert_true (test_wait (request_is_answered, request));

  /* A refusal is an answer like any other, which says why and ends. */
  if (request->status != 200)
    {
      g_assert_false (request->chunked);
      g_assert_true (test_wait (request_has_json, request));
    }

  return request->status;
}

/* An open stream, after its connection_info. */
static Request *
open_stream (Fixture     *fixture,
             const char  *query,
             const char  *token,
             GVariant   **info)
{
  Request *request = start_get (fixture, query, token);
  g_autoptr (GVariant) first = request_take_frame (request, NULL);
  g_autofree char *type = lookup_string (first, "type");

  g_assert_cmpuint (request->status, ==, 200);
  g_assert_cmpstr (type, ==, "connection_info");
  if (info != NULL)
    *info = g_steal_pointer (&first);
  return request;
}

static GBytes *
pack (const char *text,
      const char *more)
{
  g_autoptr (GVariant) first = g_variant_ref_sink (g_variant_new_parsed (text));
  GByteArray *out = g_byte_array_new ();

  hypha_msgpack_encode (out, first);
  if (more != NULL)
    {
      g_autoptr (GVariant) second = g_variant_ref_sink (g_variant_new_parsed (more));

      hypha_msgpack_encode (out, second);
    }

  return g_byte_array_free_to_bytes (out);
}

/* A call of the manager's echo, with its number as session and argument. */
static GBytes *
pack_echo (guint number)
{
  g_autofree char *envelope = NULL;
  g_autofree char *extra = NULL;

  envelope = g_strdup_printf ("{'type': <'method'>, 'from': <'liar/liar'>, 'session': <'s%u'>,"
                              " 'to': <'*/workspace-manager'>,"
                              " 'method': <'services.default.echo'>}", number);
  extra = g_strdup_printf ("{'args': <[<int64 %u>]>, 'promise': <'*'>}", number);
  return pack (envelope, extra);
}

static Request *
start_post (Fixture    *fixture,
            const char *query,
            const char *token,
            GBytes     *body)
{
  g_autofree char *head = make_head ("POST", query, token, g_bytes_get_size (body));

  return request_new (fixture, head, body);
}

static guint
post (Fixture    *fixture,
      const char *query,
      const char *token,
      GBytes     *body)
{
  g_autoptr (Request) request = start_post (fixture, query, token, body);

  g_assert_true (test_wait (request_is_answered, request));
  return request->status;
}

static guint
post_echo (Fixture    *fixture,
           const char *query,
           const char *token,
           guint       number)
{
  g_autoptr (GBytes) body = pack_echo (number);

  return post (fixture, query, token, body);
}

static void
expect_echo (Request *stream,
             guint    number)
{
  g_autoptr (GVariant) extra = NULL;
  g_autoptr (GVariant) envelope = request_take_frame (stream, &extra);
  g_autofree char *method = lookup_string (envelope, "method");
  g_autofree char *wanted = g_strdup_printf ("s%u.resolve", number);

  g_assert_cmpstr (method, ==, wanted);
  g_assert_nonnull (extra);
}

static HyphaConnection *
find_connection (Fixture    *fixture,
                 const char *id)
{
  HyphaPeer *peer = hypha_router_lookup (fixture->hub->router, id);

  return peer != NULL ? hypha_peer_get_connection (peer) : NULL;
}

#define ALICE_A "client_id=a&workspace=ws-a"

static void
test_http_rpc_opens (Fixture       *fixture,
                     gconstpointer  data)
{
  g_autoptr (GVariant) info = NULL;
  g_autoptr (GVariant) user = NULL;
  g_autoptr (Request) stream = open_stream (fixture, ALICE_A, fixture->alice, &info);
  g_autofree char *workspace = lookup_string (info, "workspace");
  g_autofree char *client = lookup_string (info, "client_id");
  g_autofree char *manager = lookup_string (info, "manager_id");
  g_autofree char *token = lookup_string (info, "reconnection_token");

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
test_http_rpc_http_1_0 (Fixture       *fixture,
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
  g_assert_cmpuint (post_echo (fixture, ALICE_A, fixture->alice, 1), ==, 200);
  expect_echo (stream, 1);
}

static void
test_http_rpc_calls (Fixture       *fixture,
                     gconstpointer  data)
{
  g_autoptr (Request) stream = open_stream (fixture, ALICE_A, fixture->alice, NULL);

  for (guint i = 0; i < 20; i++)
    {
      g_assert_cmpuint (post_echo (fixture, ALICE_A, fixture->alice, i), ==, 200);
      expect_echo (stream, i);
    }
}

static void
test_http_rpc_control (Fixture       *fixture,
                       gconstpointer  data)
{
  g_autoptr (Request) stream = open_stream (fixture, ALICE_A, fixture->alice, NULL);
  g_autoptr (GBytes) ping = pack ("{'type': <'ping'>}", NULL);
  g_autoptr (GBytes) refresh = pack ("{'type': <'refresh_token'>}", NULL);
  g_autoptr (GBytes) unknown = pack ("{'type': <'fly'>}", NULL);
  g_autoptr (GVariant) pong = NULL;
  g_autoptr (GVariant) token = NULL;
  g_autofree char *pong_type = NULL;
  g_autofree char *token_type = NULL;
  g_autofree char *value = NULL;

  g_assert_cmpuint (post (fixture, ALICE_A, fixture->alice, unknown), ==, 200);
  g_assert_cmpuint (post (fixture, ALICE_A, fixture->alice, ping), ==, 200);
  pong = request_take_frame (stream, NULL);
  pong_type = lookup_string (pong, "type");
  g_assert_cmpstr (pong_type, ==, "pong");

  g_assert_cmpuint (post (fixture, ALICE_A, fixture->alice, refresh), ==, 200);
  token = request_take_frame (stream, NULL);
  token_type = lookup_string (token, "type");
  value = lookup_string (token, "reconnection_token");
  g_assert_cmpstr (token_type, ==, "reconnection_token");
  g_assert_nonnull (value);
}

static void
test_http_rpc_refusals (Fixture       *fixture,
                        gconstpointer  data)
{
  g_autoptr (Request) stream = open_stream (fixture, ALICE_A, fixture->alice, NULL);

  g_assert_cmpuint (get_status (fixture, "client_id=b", "x.y.z"), ==, 401);
  g_assert_cmpuint (get_status (fixture, "client_id=b&reconnection_token=x.y.z", NULL), ==, 401);
  g_assert_cmpuint (get_status (fixture, "client_id=b&workspace=ws-b", fixture->alice), ==, 403);
  g_assert_cmpuint (get_status (fixture, "client_id=b&workspace=ws-a", NULL), ==, 403);
  g_assert_cmpuint (get_status (fixture, "client_id=x%2Fy", fixture->alice), ==, 403);
  g_assert_cmpuint (get_status (fixture, "client_id=workspace-manager&workspace=*", NULL), ==, 403);

  /* Taken by somebody else, who is not even asked. */
  g_assert_cmpuint (get_status (fixture, ALICE_A, fixture->bob), ==, 409);
  g_assert_cmpuint (hypha_server_get_n_connections (fixture->server), ==, 1);
}

static guint
ask (Fixture    *fixture,
     const char *head)
{
  g_autoptr (Request) request = request_new (fixture, head, NULL);

  g_assert_true (test_wait (request_is_answered, request));
  return request->status;
}

static void
test_http_rpc_methods (Fixture       *fixture,
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
test_http_rpc_post_needs_the_owner (Fixture       *fixture,
                                    gconstpointer  data)
{
  g_autoptr (Request) stream = open_stream (fixture, ALICE_A, fixture->alice, NULL);
  g_autofree char *other = hub_token (fixture->hub, "ws-b", "alice");
  const char *as_reconnection = ALICE_A "&reconnection_token=x.y.z";

  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*posting as ws-a/a refused*");
  g_assert_cmpuint (post_echo (fixture, ALICE_A, NULL, 1), ==, 401);
  g_assert_cmpuint (post_echo (fixture, ALICE_A, "x.y.z", 1), ==, 401);
  g_assert_cmpuint (post_echo (fixture, as_reconnection, NULL, 1), ==, 401);
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*posting as ws-a/a refused*");
  g_assert_cmpuint (post_echo (fixture, ALICE_A, fixture->bob, 1), ==, 403);
  g_assert_cmpuint (post_echo (fixture, ALICE_A, other, 1), ==, 403);

  g_assert_cmpuint (post_echo (fixture, ALICE_A, fixture->alice, 2), ==, 200);
  expect_echo (stream, 2);
}

/* The same person with fewer rights must not borrow those of another token. */
static void
test_http_rpc_post_needs_the_same_rights (Fixture       *fixture,
                                          gconstpointer  data)
{
  g_autoptr (Request) stream = open_stream (fixture, ALICE_A, fixture->alice, NULL);
  g_autoptr (HyphaUserInfo) root = hypha_user_info_new_root ();
  g_autoptr (GVariant) config = NULL;
  g_autofree char *weaker = NULL;

  config = g_variant_ref_sink (
    g_variant_new_parsed ("{'workspace': <'ws-a'>, 'user_id': <'alice'>,"
                          " 'email': <'x@example.org'>, 'scopes': <[<'something'>]>}"));
  weaker = hypha_token_methods_mint (fixture->hub->authority, root, "default", "root", config, NULL);
  g_assert_nonnull (weaker);
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*posting as ws-a/a refused*");
  g_assert_cmpuint (post_echo (fixture, ALICE_A, weaker, 1), ==, 403);
}

/* A token that was handed on says the same, but is worth less: it does not own what its maker owns. */
static void
test_http_rpc_post_by_a_delegate (Fixture       *fixture,
                                  gconstpointer  data)
{
  g_autoptr (Client) alice = hub_connect (fixture->hub, "alice", fixture->alice);
  g_autoptr (GVariant) minted = NULL;
  g_autoptr (Request) stream = open_stream (fixture, ALICE_A, fixture->alice, NULL);

  minted = client_call_manager (alice, "generate_token", g_variant_new_parsed ("@av []"), NULL);
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*posting as ws-a/a refused*");
  g_assert_cmpuint (post_echo (fixture, ALICE_A, g_variant_get_string (minted, NULL), 1), ==, 403);
}

/* The reconnection token is a proof as good as the other. */
static void
test_http_rpc_post_by_reconnection_token (Fixture       *fixture,
                                          gconstpointer  data)
{
  g_autoptr (GVariant) info = NULL;
  g_autoptr (Request) stream = open_stream (fixture, ALICE_A, fixture->alice, &info);
  g_autofree char *token = lookup_string (info, "reconnection_token");
  g_autofree char *query = g_strconcat (ALICE_A "&reconnection_token=", token, NULL);

  g_assert_cmpuint (post_echo (fixture, query, NULL, 1), ==, 200);
  expect_echo (stream, 1);
}

static void
test_http_rpc_post_needs_a_stream (Fixture       *fixture,
                                   gconstpointer  data)
{
  g_autoptr (Client) socket = hub_connect (fixture->hub, "socket", fixture->alice);

  g_assert_cmpuint (post_echo (fixture, ALICE_A, fixture->alice, 1), ==, 400);
  g_assert_cmpuint (post_echo (fixture, "client_id=socket&workspace=ws-a", fixture->alice, 1), ==,
                    400);
  g_assert_cmpuint (post_echo (fixture, "client_id=a", fixture->alice, 1), ==, 400);
  g_assert_cmpuint (post_echo (fixture, "", fixture->alice, 1), ==, 400);
  g_assert_cmpuint (post_echo (fixture, "client_id=%FF%00&workspace=%FE", NULL, 1), ==, 400);
}

static void
test_http_rpc_post_bad_body (Fixture       *fixture,
                             gconstpointer  data)
{
  g_autoptr (Request) stream = open_stream (fixture, ALICE_A, fixture->alice, NULL);
  g_autoptr (GBytes) empty = g_bytes_new (NULL, 0);
  g_autoptr (GBytes) garbage = g_bytes_new_static ("garbage", 7);
  g_autoptr (GBytes) cut = test_bytes_from_hex ("82 a4 74 79 70 65");

  g_assert_cmpuint (post (fixture, ALICE_A, fixture->alice, empty), ==, 400);
  g_assert_cmpuint (post (fixture, ALICE_A, fixture->alice, garbage), ==, 400);
  g_assert_cmpuint (post (fixture, ALICE_A, fixture->alice, cut), ==, 400);
  g_assert_cmpuint (post_echo (fixture, ALICE_A, fixture->alice, 1), ==, 200);
  expect_echo (stream, 1);
}

/* Nobody's client cannot prove anything, but pages of other origins are not it. */
static void
test_http_rpc_anonymous (Fixture       *fixture,
                         gconstpointer  data)
{
  g_autoptr (GVariant) info = NULL;
  g_autoptr (Request) stream = open_stream (fixture, "client_id=a", NULL, &info);
  g_autoptr (Request) page = NULL;
  g_autoptr (Request) own = NULL;
  g_autoptr (GBytes) body = pack_echo (2);
  g_autofree char *workspace = lookup_string (info, "workspace");
  g_autofree char *query = g_strconcat ("client_id=a&workspace=", workspace, NULL);
  g_autofree char *head = NULL;

  g_assert_cmpuint (post_echo (fixture, query, NULL, 1), ==, 200);
  expect_echo (stream, 1);

  /* A page of the server itself says where it is from when it posts, and not when it gets. */
  head = g_strdup_printf ("POST /rpc?%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n"
                          "Origin: http://localhost\r\n\r\n", query, g_bytes_get_size (body));
  own = request_new (fixture, head, body);
  g_assert_true (test_wait (request_is_answered, own));
  g_assert_cmpuint (own->status, ==, 200);
  expect_echo (stream, 2);
  g_clear_pointer (&head, g_free);

  head = g_strdup_printf ("POST /rpc?%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n"
                          "Origin: http://localhost:3000\r\n\r\n", query, g_bytes_get_size (body));
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*posting as *refused*");
  page = request_new (fixture, head, body);
  g_assert_true (test_wait (request_is_answered, page));
  g_assert_cmpuint (page->status, ==, 403);
  g_assert_cmpuint (post_echo (fixture, query, fixture->alice, 1), ==, 403);
}

static gboolean
is_gone (gpointer data)
{
  Fixture *fixture = data;

  return find_connection (fixture, "ws-a/a") == NULL;
}

static void
test_http_rpc_client_hangs_up (Fixture       *fixture,
                               gconstpointer  data)
{
  Request *stream = open_stream (fixture, ALICE_A, fixture->alice, NULL);

  g_assert_nonnull (find_connection (fixture, "ws-a/a"));
  request_free (stream);
  g_assert_true (test_wait (is_gone, fixture));
  g_assert_cmpuint (hypha_server_get_n_connections (fixture->server), ==, 0);
}

static void
test_http_rpc_reconnect_supersedes (Fixture       *fixture,
                                    gconstpointer  data)
{
  g_autoptr (GVariant) info = NULL;
  g_autoptr (Request) old = open_stream (fixture, ALICE_A, fixture->alice, &info);
  g_autofree char *token = lookup_string (info, "reconnection_token");
  g_autofree char *query = g_strconcat (ALICE_A "&reconnection_token=", token, NULL);
  g_autoptr (Request) new = open_stream (fixture, query, fixture->alice, NULL);

  g_assert_true (test_wait (request_is_over, old));
  g_assert_true (old->ended);

  /* The end of the old stream took nothing from the new one. */
  g_assert_nonnull (find_connection (fixture, "ws-a/a"));
  g_assert_cmpuint (post_echo (fixture, ALICE_A, fixture->alice, 1), ==, 200);
  expect_echo (new, 1);
}

static void
test_http_rpc_ping_interval (Fixture       *fixture,
                             gconstpointer  data)
{
  g_autoptr (Request) stream = open_stream (fixture, ALICE_A, fixture->alice, NULL);
  HyphaConnection *connection = find_connection (fixture, "ws-a/a");
  g_autoptr (GVariant) one = NULL;
  g_autoptr (GVariant) two = NULL;
  g_autofree char *type = NULL;

  hypha_http_stream_connection_set_ping_interval (HYPHA_HTTP_STREAM_CONNECTION (connection), 20);
  one = request_take_frame (stream, NULL);
  two = request_take_frame (stream, NULL);
  type = lookup_string (two, "type");
  g_assert_cmpstr (type, ==, "ping");
}

static gboolean
answers_come (Request **requests,
              guint     n)
{
  for (guint i = 0; i < n; i++)
    {
      if (requests[i]->status == 0)
        request_poll (requests[i]);
      if (requests[i]->status != 0)
        return TRUE;
    }

  return FALSE;
}

/* Back-pressure: what is posted for a paused client waits, in order, and not without end. */
static void
test_http_rpc_max_waiting (Fixture       *fixture,
                           gconstpointer  data)
{
  g_autoptr (Request) stream = open_stream (fixture, ALICE_A, fixture->alice, NULL);
  HyphaConnection *connection = find_connection (fixture, "ws-a/a");
  Request *requests[HYPHA_HTTP_STREAM_MAX_WAITING];
  guint n = G_N_ELEMENTS (requests);

  hypha_connection_set_reading (connection, FALSE);
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GBytes) body = pack_echo (i);

      requests[i] = start_post (fixture, ALICE_A, fixture->alice, body);
      while (g_main_context_iteration (NULL, FALSE))
        ;
    }

  while (post_echo (fixture, ALICE_A, fixture->alice, 9999) != 503)
    g_assert_not_reached ();
  g_assert_false (answers_come (requests, n));

  /* One of them does not wait for it. */
  request_free (requests[7]);
  requests[7] = NULL;
  hypha_connection_set_reading (connection, TRUE);
  for (guint i = 0; i < n; i++)
    {
      expect_echo (stream, i);
      if (requests[i] != NULL)
        {
          g_assert_true (test_wait (request_is_answered, requests[i]));
          g_assert_cmpuint (requests[i]->status, ==, 200);
          request_free (requests[i]);
        }
    }
}

static void
test_http_rpc_max_waiting_bytes (Fixture       *fixture,
                                 gconstpointer  data)
{
  g_autoptr (Request) stream = open_stream (fixture, ALICE_A, fixture->alice, NULL);
  HyphaConnection *connection = find_connection (fixture, "ws-a/a");
  gsize size = HYPHA_HTTP_STREAM_MAX_WAITING_BYTES + 1;
  g_autoptr (GBytes) echo = pack_echo (1);
  g_autofree guint8 *big = g_malloc0 (size);
  g_autoptr (GBytes) body = NULL;

  /* Zeros after the second map: still a message as far as its envelope goes. */
  memcpy (big, g_bytes_get_data (echo, NULL), g_bytes_get_size (echo));
  body = g_bytes_new_take (g_steal_pointer (&big), size);
  hypha_connection_set_reading (connection, FALSE);
  g_assert_cmpuint (post (fixture, ALICE_A, fixture->alice, body), ==, 503);
}

/* Whoever waits when the stream ends is told so, and can try again. */
static void
test_http_rpc_waiting_at_the_end (Fixture       *fixture,
                                  gconstpointer  data)
{
  g_autoptr (Request) stream = open_stream (fixture, ALICE_A, fixture->alice, NULL);
  HyphaConnection *connection = find_connection (fixture, "ws-a/a");
  g_autoptr (GBytes) body = pack_echo (1);
  g_autoptr (Request) waiting = NULL;

  hypha_connection_set_reading (connection, FALSE);
  waiting = start_post (fixture, ALICE_A, fixture->alice, body);
  g_assert_cmpuint (get_status (fixture, "client_id=b", fixture->alice), ==, 200);
  g_assert_false (answers_come (&waiting, 1));
  hypha_connection_close (connection, 1008, "enough");
  g_assert_true (test_wait (request_is_answered, waiting));
  g_assert_cmpuint (waiting->status, ==, 400);
  g_assert_true (test_wait (request_is_over, stream));
}

static void
send_block (HyphaConnection *connection,
            gsize            size)
{
  g_autoptr (GBytes) bytes = g_bytes_new_take (g_malloc0 (size), size);

  hypha_connection_send (connection, HYPHA_FRAME_BINARY, bytes);
}

typedef struct
{
  guint code;
  guint n_drained;
} Watch;

static void
watch_closed (HyphaConnection *connection,
              guint            code,
              const char      *reason,
              Watch           *watch)
{
  watch->code = code;
}

static gboolean
watch_is_closed (gpointer data)
{
  return ((Watch *) data)->code != 0;
}

#define BLOCK ((gsize) 8 * 1024 * 1024)

static void
test_http_rpc_stall_timeout (Fixture       *fixture,
                             gconstpointer  data)
{
  g_autoptr (Request) stream = open_stream (fixture, ALICE_A, fixture->alice, NULL);
  HyphaConnection *connection = find_connection (fixture, "ws-a/a");
  Watch watch = { 0 };

  g_signal_connect (connection, "closed", G_CALLBACK (watch_closed), &watch);
  hypha_http_stream_connection_set_stall_timeout (HYPHA_HTTP_STREAM_CONNECTION (connection), 100);
  while (hypha_connection_get_queued (connection) <= HYPHA_CONNECTION_QUEUE_BUDGET)
    send_block (connection, BLOCK);
  g_assert_true (test_wait (watch_is_closed, &watch));
  g_assert_cmpuint (watch.code, ==, 1013);
}

static void
test_http_rpc_queue_cap (Fixture       *fixture,
                         gconstpointer  data)
{
  g_autoptr (Request) stream = open_stream (fixture, ALICE_A, fixture->alice, NULL);
  HyphaConnection *connection = find_connection (fixture, "ws-a/a");
  Watch watch = { 0 };

  g_signal_connect (connection, "closed", G_CALLBACK (watch_closed), &watch);
  for (gsize sent = 0; sent <= HYPHA_HTTP_STREAM_QUEUE_CAP; sent += BLOCK)
    send_block (connection, BLOCK);
  g_assert_cmpuint (hypha_connection_get_queued (connection), <=, HYPHA_HTTP_STREAM_QUEUE_CAP);
  g_assert_true (test_wait (watch_is_closed, &watch));
  g_assert_cmpuint (watch.code, ==, 1013);
}

typedef struct
{
  Request         *stream;
  HyphaConnection *connection;
} Flow;

static gboolean
flow_is_empty (gpointer data)
{
  Flow *flow = data;

  request_poll (flow->stream);
  g_byte_array_set_size (flow->stream->body, 0);
  return hypha_connection_get_queued (flow->connection) == 0;
}

/* An answer that never ends leaves nothing behind of what has been read. */
static void
test_http_rpc_endless (Fixture       *fixture,
                       gconstpointer  data)
{
  g_autoptr (Request) stream = open_stream (fixture, ALICE_A, fixture->alice, NULL);
  Flow flow = { stream, find_connection (fixture, "ws-a/a") };
  gsize before = 0;

  for (guint i = 0; i < 256; i++)
    {
      send_block (flow.connection, 1024 * 1024);
      g_assert_true (test_wait (flow_is_empty, &flow));
      if (i == 16)
        before = link_get_rss ();
    }

  g_assert_cmpuint (link_get_rss (), <=, before + 16 * 1024 * 1024);
}

static void
test_http_rpc_max_connections (Fixture       *fixture,
                               gconstpointer  data)
{
  g_autoptr (Request) stream = open_stream (fixture, ALICE_A, fixture->alice, NULL);

  hypha_server_set_max_connections (fixture->server, 1);
  g_assert_cmpuint (get_status (fixture, "client_id=b", fixture->alice), ==, 503);
}

static void
test_http_rpc_stop (Fixture       *fixture,
                    gconstpointer  data)
{
  g_autoptr (Request) stream = open_stream (fixture, ALICE_A, fixture->alice, NULL);
  g_autoptr (GBytes) body = pack_echo (1);
  g_autoptr (Request) waiting = NULL;

  hypha_connection_set_reading (find_connection (fixture, "ws-a/a"), FALSE);
  waiting = start_post (fixture, ALICE_A, fixture->alice, body);
  g_assert_cmpuint (get_status (fixture, "client_id=b", fixture->alice), ==, 200);
  fixture_stop (fixture);
  g_assert_true (test_wait (request_is_over, stream));
  g_assert_true (stream->ended);
  g_assert_true (test_wait (request_is_answered, waiting));
  g_assert_true (test_wait_flag (&fixture->stopped));
}

#define ADD(name, function) \
  g_test_add ("/net/http-rpc/" name, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

/* Whoever may not post is told so before its body comes, and nothing of that is kept. */
static void
test_http_rpc_post_refused_before_body (Fixture       *fixture,
                                        gconstpointer  data)
{
  g_autoptr (Request) request =
    request_new (fixture, "POST /rpc?client_id=nobody&workspace=ws-a HTTP/1.1\r\n"
                          "Host: localhost\r\nContent-Length: 100000\r\n"
                          "Expect: 100-continue\r\n\r\n", NULL);

  g_assert_true (test_wait (request_is_answered, request));
  g_assert_cmpuint (request->status, ==, SOUP_STATUS_BAD_REQUEST);
}

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
  ADD ("client-hangs-up", test_http_rpc_client_hangs_up);
  ADD ("reconnect-supersedes", test_http_rpc_reconnect_supersedes);
  ADD ("ping-interval", test_http_rpc_ping_interval);
  ADD ("max-waiting", test_http_rpc_max_waiting);
  ADD ("max-waiting-bytes", test_http_rpc_max_waiting_bytes);
  ADD ("waiting-at-the-end", test_http_rpc_waiting_at_the_end);
  ADD ("stall-timeout", test_http_rpc_stall_timeout);
  ADD ("queue-cap", test_http_rpc_queue_cap);
  ADD ("endless", test_http_rpc_endless);
  ADD ("max-connections", test_http_rpc_max_connections);
  ADD ("stop", test_http_rpc_stop);

  return g_test_run ();
}
