/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "test-http-rpc-fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test-link.h"
#include "test-server-fixture.h"

static gboolean
tick (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

void
rpc_set_up (RpcFixture    *fixture,
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

void
rpc_stop (RpcFixture *fixture)
{
  fixture->stopping = TRUE;
  server_stop (fixture->server, &fixture->stopped);
}

void
rpc_tear_down (RpcFixture    *fixture,
               gconstpointer  data)
{
  if (!fixture->stopping)
    rpc_stop (fixture);
  g_assert_true (test_wait_flag (&fixture->stopped));
  g_assert_finalize_object (fixture->http_rpc);
  g_assert_finalize_object (fixture->server);
  hub_free (fixture->hub);
  g_free (fixture->alice);
  g_free (fixture->bob);
  g_source_remove (fixture->tick);
}

void
request_free (Request *request)
{
  if (request->fd >= 0)
    close (request->fd);
  g_byte_array_unref (request->raw);
  g_byte_array_unref (request->body);
  g_free (request);
}

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

Request *
request_new (RpcFixture *fixture,
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

void
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

gboolean
request_is_answered (gpointer data)
{
  Request *request = data;

  request_poll (request);
  return request->status != 0;
}

gboolean
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
GVariant *
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

char *
rpc_lookup_string (GVariant   *map,
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

Request *
rpc_start_get (RpcFixture *fixture,
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

guint
rpc_get_status (RpcFixture *fixture,
                const char *query,
                const char *token)
{
  g_autoptr (Request) request = rpc_start_get (fixture, query, token);

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
Request *
rpc_open_stream (RpcFixture  *fixture,
                 const char  *query,
                 const char  *token,
                 GVariant   **info)
{
  Request *request = rpc_start_get (fixture, query, token);
  g_autoptr (GVariant) first = request_take_frame (request, NULL);
  g_autofree char *type = rpc_lookup_string (first, "type");

  g_assert_cmpuint (request->status, ==, 200);
  g_assert_cmpstr (type, ==, "connection_info");
  if (info != NULL)
    *info = g_steal_pointer (&first);
  return request;
}

GBytes *
rpc_pack (const char *text,
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
GBytes *
rpc_pack_echo (guint number)
{
  g_autofree char *envelope = NULL;
  g_autofree char *extra = NULL;

  envelope = g_strdup_printf ("{'type': <'method'>, 'from': <'liar/liar'>, 'session': <'s%u'>,"
                              " 'to': <'*/workspace-manager'>,"
                              " 'method': <'services.default.echo'>}", number);
  extra = g_strdup_printf ("{'args': <[<int64 %u>]>, 'promise': <'*'>}", number);
  return rpc_pack (envelope, extra);
}

Request *
rpc_start_post (RpcFixture *fixture,
                const char *query,
                const char *token,
                GBytes     *body)
{
  g_autofree char *head = make_head ("POST", query, token, g_bytes_get_size (body));

  return request_new (fixture, head, body);
}

guint
rpc_post (RpcFixture *fixture,
          const char *query,
          const char *token,
          GBytes     *body)
{
  g_autoptr (Request) request = rpc_start_post (fixture, query, token, body);

  g_assert_true (test_wait (request_is_answered, request));
  return request->status;
}

guint
rpc_post_echo (RpcFixture *fixture,
               const char *query,
               const char *token,
               guint       number)
{
  g_autoptr (GBytes) body = rpc_pack_echo (number);

  return rpc_post (fixture, query, token, body);
}

void
request_expect_echo (Request *stream,
                     guint    number)
{
  g_autoptr (GVariant) extra = NULL;
  g_autoptr (GVariant) envelope = request_take_frame (stream, &extra);
  g_autofree char *method = rpc_lookup_string (envelope, "method");
  g_autofree char *wanted = g_strdup_printf ("s%u.resolve", number);

  g_assert_cmpstr (method, ==, wanted);
  g_assert_nonnull (extra);
}

HyphaConnection *
rpc_find_connection (RpcFixture *fixture,
                     const char *id)
{
  HyphaPeer *peer = hypha_router_lookup (fixture->hub->router, id);

  return peer != NULL ? hypha_peer_get_connection (peer) : NULL;
}
