/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-http-answer-private.h"
#include "hypha-http-rpc-private.h"
#include "hypha-http-stream-connection-private.h"
#include "hypha-throttle-private.h"

/*
 * HyphaHttpRpc: clients over plain HTTP, at /rpc. GET opens a stream of frames to the client and
 * is its connection; POST brings one message from it. The gate lets in who GETs; who POSTs has to
 * prove to be the same, as the address of a client is no secret.
 */
struct _HyphaHttpRpc
{
  GObject      parent_instance;

  HyphaServer *server;
  HyphaRouter *router;
  HyphaGate   *gate;
};

G_DEFINE_FINAL_TYPE (HyphaHttpRpc, hypha_http_rpc, G_TYPE_OBJECT)

#define HTTP_RPC_PATH "/rpc"

static void
hypha_http_rpc_dispose (GObject *object)
{
  HyphaHttpRpc *self = HYPHA_HTTP_RPC (object);

  if (self->server != NULL)
    soup_server_remove_handler (hypha_server_get_soup (self->server), HTTP_RPC_PATH);

  g_clear_object (&self->server);
  g_clear_object (&self->router);
  g_clear_object (&self->gate);

  G_OBJECT_CLASS (hypha_http_rpc_parent_class)->dispose (object);
}

static void
hypha_http_rpc_class_init (HyphaHttpRpcClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = hypha_http_rpc_dispose;
}

static void
hypha_http_rpc_init (HyphaHttpRpc *self)
{
}

/* What the query says; an empty text is none, as in a first frame. */
static char *
hypha_http_rpc_dup_query (GHashTable *query,
                          const char *name)
{
  const char *value = query != NULL ? g_hash_table_lookup (query, name) : NULL;

  return value != NULL && *value != '\0' ? g_strdup (value) : NULL;
}

/* A zero character would end a name early: “a%00b” is no client “a”. */
static gboolean
hypha_http_rpc_read_hello (SoupServerMessage  *message,
                           HyphaHello         *hello,
                           GError            **error)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);
  const char *authorization = soup_message_headers_get_one (headers, "Authorization");
  const char *text = g_uri_get_query (soup_server_message_get_uri (message));
  g_autoptr (GHashTable) query = text != NULL ? soup_form_decode (text) : NULL;

  if (text != NULL && strstr (text, "%00") != NULL)
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                           "there is a zero character in the query");
      return FALSE;
    }

  hello->client = hypha_http_rpc_dup_query (query, "client_id");
  hello->workspace = hypha_http_rpc_dup_query (query, "workspace");
  hello->reconnection_token = hypha_http_rpc_dup_query (query, "reconnection_token");
  if (authorization != NULL && g_str_has_prefix (authorization, "Bearer "))
    hello->token = g_strdup (authorization + strlen ("Bearer "));
  return TRUE;
}

/*
 * A page of another site that embeds or opens the address: no Origin comes with that, and no page
 * could read the answer, so it is nobody's client.
 */
static gboolean
hypha_http_rpc_is_embedded (SoupServerMessage *message)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);
  const char *site = soup_message_headers_get_one (headers, "Sec-Fetch-Site");

  return soup_message_headers_get_one (headers, "Origin") == NULL &&
         (g_strcmp0 (site, "cross-site") == 0 || g_strcmp0 (site, "same-site") == 0);
}

/* From this machine itself: not by way of a proxy on it, behind which anybody may be. */
static gboolean
hypha_http_rpc_is_near (SoupServerMessage *message)
{
  static const char *const of_proxies[] = { "Forwarded", "X-Forwarded-For", "X-Real-IP", "Via" };
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);
  g_autofree char *foreign =
    hypha_throttle_foreign_key (soup_server_message_get_remote_host (message));

  for (gsize i = 0; i < G_N_ELEMENTS (of_proxies); i++)
    {
      if (soup_message_headers_get_one (headers, of_proxies[i]) != NULL)
        return FALSE;
    }

  return foreign == NULL;
}

/*
 * Whether a client could prove later that a message is its own. An anonymous one has nothing but its
 * address to show, which says something on one machine only, and its id, which everybody knows in a
 * workspace that is not its own, and there whomever it calls.
 */
static gboolean
hypha_http_rpc_check_post (SoupServerMessage    *message,
                           const HyphaIdentity  *identity,
                           GError              **error)
{
  if (!hypha_user_info_is_anonymous (identity->user) ||
      (hypha_http_rpc_is_near (message) &&
       g_str_equal (identity->workspace, hypha_user_info_get_id (identity->user))))
    return TRUE;

  g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                       "anonymous clients come from other machines, or to workspaces of others, over "
                       "a WebSocket: over HTTP they could not prove who they are; use a token");
  return FALSE;
}

/* Takes the request over if the client is let in, or is about to be. */
static void
hypha_http_rpc_open (HyphaHttpRpc      *self,
                     SoupServerMessage *message,
                     const HyphaHello  *hello)
{
  const char *remote = soup_server_message_get_remote_host (message);
  g_autoptr (HyphaConnection) connection = NULL;
  g_auto (HyphaIdentity) identity = { 0 };
  g_autoptr (GError) error = NULL;

  if (hypha_http_rpc_is_embedded (message))
    {
      hypha_http_answer_fail (message, SOUP_STATUS_FORBIDDEN, "other sites may not embed this");
      return;
    }

  if (!hypha_server_has_room (self->server))
    {
      hypha_http_answer_fail (message, SOUP_STATUS_SERVICE_UNAVAILABLE,
                              "the server has no room for another connection now");
      return;
    }

  connection = hypha_http_stream_connection_new (self->server, message, &error);
  if (connection != NULL && hypha_gate_prove (self->gate, remote, hello, &identity, &error) &&
      hypha_http_rpc_check_post (message, &identity, &error))
    {
      hypha_gate_accept_identity (self->gate, connection, remote, &identity);
      hypha_server_add_stream (self->server, HYPHA_HTTP_STREAM_CONNECTION (connection));
      soup_server_message_pause (message);
      return;
    }

  g_info ("%s: stream refused: %s", remote, error->message);
  g_clear_object (&connection);
  hypha_http_answer_error (message, error);
}

static gboolean
hypha_http_rpc_check_owner (HyphaHttpRpc       *self,
                            SoupServerMessage  *message,
                            HyphaPeer          *peer,
                            HyphaUserInfo      *user,
                            GError            **error)
{
  HyphaHttpStreamConnection *stream =
    HYPHA_HTTP_STREAM_CONNECTION (hypha_peer_get_connection (peer));
  HyphaUserInfo *owner = hypha_peer_get_user (peer);

  if (user != NULL && hypha_user_info_has_rights_of (user, owner))
    return TRUE;

  /* Who has no token cannot show one: what is left is where a message comes from. */
  if (user == NULL && hypha_user_info_is_anonymous (owner) && hypha_http_rpc_is_near (message) &&
      hypha_http_stream_connection_is_from (stream, message))
    return TRUE;

  if (hypha_router_may_log (self->router, peer))
    g_message ("%s: posting as %s refused", soup_server_message_get_remote_host (message),
               hypha_peer_get_id (peer));
  if (user == NULL && !hypha_user_info_is_anonymous (owner))
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_UNAUTHENTICATED,
                 "posting as %s needs the token that its stream was opened with",
                 hypha_peer_get_id (peer));
  else
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                 "the client %s is somebody else's", hypha_peer_get_id (peer));
  return FALSE;
}

/* The stream that a message is for, if whoever posts it may. */
static HyphaHttpStreamConnection *
hypha_http_rpc_find_stream (HyphaHttpRpc       *self,
                            SoupServerMessage  *message,
                            const HyphaHello   *hello,
                            GError            **error)
{
  g_auto (HyphaIdentity) identity = { 0 };
  g_autofree char *id = NULL;
  g_autofree char *quoted = NULL;
  HyphaPeer *peer;

  if (hello->client == NULL || hello->workspace == NULL)
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                           "client_id and workspace have to be in the query");
      return NULL;
    }

  if ((hello->token != NULL || hello->reconnection_token != NULL) &&
      !hypha_gate_prove (self->gate, soup_server_message_get_remote_host (message), hello, &identity,
                         error))
    return NULL;

  id = g_strconcat (hello->workspace, "/", hello->client, NULL);
  peer = hypha_router_lookup (self->router, id);
  if (peer == NULL || !HYPHA_IS_HTTP_STREAM_CONNECTION (hypha_peer_get_connection (peer)))
    {
      quoted = hypha_error_quote (id);
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                   "no open stream for %s: GET " HTTP_RPC_PATH " comes first", quoted);
      return NULL;
    }

  if (!hypha_http_rpc_check_owner (self, message, peer, identity.user, error))
    return NULL;

  return HYPHA_HTTP_STREAM_CONNECTION (hypha_peer_get_connection (peer));
}

/*
 * Asks who posts before the body comes, which nobody shall have to keep for a stranger. The checks of
 * the server have run by now, as it was there first. With a status no handler is asked any more.
 */
static void
hypha_http_rpc_got_headers (SoupServerMessage *message,
                            gpointer           data)
{
  HyphaHttpRpc *self = HYPHA_HTTP_RPC (data);
  GUri *uri = soup_server_message_get_uri (message);
  g_auto (HyphaHello) hello = { 0 };
  g_autoptr (GError) error = NULL;

  if (soup_server_message_get_status (message) != 0 ||
      !g_str_equal (soup_server_message_get_method (message), "POST") ||
      g_strcmp0 (g_uri_get_path (uri), HTTP_RPC_PATH) != 0)
    return;

  if (hypha_http_rpc_read_hello (message, &hello, &error) &&
      hypha_http_rpc_find_stream (self, message, &hello, &error) != NULL)
    return;

  hypha_http_answer_add_cors (self->server, message);
  hypha_http_answer_error (message, error);
  hypha_server_ignore_body (self->server, message);
}

static void
hypha_http_rpc_request_started (HyphaHttpRpc      *self,
                                SoupServerMessage *message,
                                SoupServer        *soup)
{
  g_signal_connect_object (message, "got-headers", G_CALLBACK (hypha_http_rpc_got_headers), self,
                           0);
}

/* The body leaves the request, which may have to wait for long. */
static GBytes *
hypha_http_rpc_take_body (SoupServerMessage  *message,
                          GError            **error)
{
  SoupMessageBody *body = soup_server_message_get_request_body (message);
  g_autoptr (GBytes) bytes = soup_message_body_flatten (body);
  HyphaMessage parsed;
  const guint8 *data;
  gsize size;

  soup_message_body_truncate (body);
  data = g_bytes_get_data (bytes, &size);
  if (size == 0)
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT, "Empty request body");
      return NULL;
    }

  return hypha_message_parse (&parsed, data, size, error) ? g_steal_pointer (&bytes) : NULL;
}

static void
hypha_http_rpc_post (HyphaHttpRpc      *self,
                     SoupServerMessage *message,
                     const HyphaHello  *hello)
{
  HyphaHttpStreamConnection *stream;
  g_autoptr (GBytes) body = NULL;
  g_autoptr (GError) error = NULL;

  stream = hypha_http_rpc_find_stream (self, message, hello, &error);
  if (stream != NULL)
    body = hypha_http_rpc_take_body (message, &error);
  if (body == NULL)
    {
      hypha_http_answer_error (message, error);
      return;
    }

  if (!hypha_http_stream_connection_post (stream, message, body))
    hypha_http_answer_fail (message, SOUP_STATUS_SERVICE_UNAVAILABLE,
                            "too many messages of this client wait already");
}

static void
hypha_http_rpc_handle (SoupServer        *soup,
                       SoupServerMessage *message,
                       const char        *path,
                       GHashTable        *query,
                       gpointer           data)
{
  HyphaHttpRpc *self = HYPHA_HTTP_RPC (data);
  SoupMessageHeaders *answer = soup_server_message_get_response_headers (message);
  const char *method = soup_server_message_get_method (message);
  g_auto (HyphaHello) hello = { 0 };
  g_autoptr (GError) error = NULL;

  hypha_http_answer_add_cors (self->server, message);
  if (!g_str_equal (path, HTTP_RPC_PATH))
    {
      hypha_http_answer_fail (message, SOUP_STATUS_NOT_FOUND, "Route not found");
    }
  else if (!hypha_http_rpc_read_hello (message, &hello, &error))
    {
      hypha_http_answer_error (message, error);
    }
  else if (g_str_equal (method, "GET"))
    {
      hypha_http_rpc_open (self, message, &hello);
    }
  else if (g_str_equal (method, "POST"))
    {
      hypha_http_rpc_post (self, message, &hello);
    }
  else if (g_str_equal (method, "OPTIONS"))
    {
      soup_message_headers_replace (answer, "Access-Control-Max-Age", "86400");
      soup_message_headers_replace (answer, "Connection", "close");
      soup_server_message_set_status (message, SOUP_STATUS_OK, NULL);
    }
  else
    {
      soup_message_headers_replace (answer, "Allow", "GET, POST, OPTIONS");
      hypha_http_answer_fail (message, SOUP_STATUS_METHOD_NOT_ALLOWED, "use GET or POST");
    }
}

/* Answers at /rpc of server; it is the core's to keep. */
HyphaHttpRpc *
hypha_http_rpc_new (HyphaServer *server,
                    HyphaRouter *router,
                    HyphaGate   *gate)
{
  HyphaHttpRpc *self = g_object_new (HYPHA_TYPE_HTTP_RPC, NULL);

  self->server = g_object_ref (server);
  self->router = g_object_ref (router);
  self->gate = g_object_ref (gate);
  soup_server_add_handler (hypha_server_get_soup (server), HTTP_RPC_PATH, hypha_http_rpc_handle,
                           self, NULL);
  g_signal_connect_object (hypha_server_get_soup (server), "request-started",
                           G_CALLBACK (hypha_http_rpc_request_started), self, G_CONNECT_SWAPPED);
  return self;
}
