/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-http-request-private.h"

#include <string.h>
#include <sys/socket.h>

HyphaHttpRequest *
hypha_http_request_ref (HyphaHttpRequest *self)
{
  return g_rc_box_acquire (self);
}

static void
hypha_http_request_free (gpointer data)
{
  HyphaHttpRequest *self = data;

  hypha_http_request_end (self);
  hypha_identity_clear (&self->identity);
  g_clear_object (&self->cancellable);
  g_free (self->workspace);
  g_free (self->service);
  g_strfreev (self->rest);
  g_free (self->cookie_mark);
}

void
hypha_http_request_unref (HyphaHttpRequest *self)
{
  g_rc_box_release_full (self, hypha_http_request_free);
}

const char *
hypha_http_request_get_header (HyphaHttpRequest *self,
                               const char       *name)
{
  return soup_message_headers_get_one (soup_server_message_get_request_headers (self->message),
                                       name);
}

/* Still encoded; NULL if there is none. */
const char *
hypha_http_request_get_query (HyphaHttpRequest *self)
{
  return g_uri_get_query (soup_server_message_get_uri (self->message));
}

/*
 * The token of “Bearer <token>”, or of “Basic <name:token>”, for programs that know nothing else.
 * Never that of a cookie: a browser sends it along with whatever a foreign page makes it send.
 */
static char *
hypha_http_request_dup_token (const char *authorization)
{
  g_autofree guchar *decoded = NULL;
  const char *colon;
  gsize size;

  if (authorization == NULL)
    return NULL;

  if (g_str_has_prefix (authorization, "Bearer "))
    return g_strstrip (g_strdup (authorization + strlen ("Bearer ")));
  if (!g_str_has_prefix (authorization, "Basic "))
    return NULL;

  decoded = g_base64_decode (authorization + strlen ("Basic "), &size);
  colon = decoded != NULL ? memchr (decoded, ':', size) : NULL;
  return colon != NULL ? g_strndup (colon + 1, size - (gsize) (colon + 1 - (char *) decoded)) : NULL;
}

/* Who asks: the user of the token and its workspace, or a fresh anonymous user. */
static void
hypha_http_request_identify (HyphaHttpRequest *self)
{
  g_autofree char *token = hypha_http_request_dup_token (
    hypha_http_request_get_header (self, "Authorization"));
  HyphaAuthority *authority = hypha_manager_get_authority (self->manager);
  HyphaHello hello = { .token = token };
  g_autoptr (GError) error = NULL;

  if (token != NULL)
    {
      if (hypha_identity_prove (&self->identity, &hello, authority, &error))
        return;

      g_debug ("HTTP request treated as anonymous: %s", error->message);
      hypha_throttle_failed (hypha_authority_get_throttle (authority),
                             soup_server_message_get_remote_host (self->message),
                             hypha_throttle_now ());
      hypha_identity_clear (&self->identity);
      self->token_refused = TRUE;
      hello.token = NULL;
    }

  if (!hypha_identity_prove (&self->identity, &hello, authority, NULL))
    g_assert_not_reached ();
}

/*
 * Whether an Authorization may be seen by an app: none that was good for us, and no token that is
 * good for us elsewhere, as those of reconnections are.
 */
gboolean
hypha_http_request_is_for_others (HyphaHttpRequest *self,
                                  const char       *authorization)
{
  g_autofree char *token = hypha_http_request_dup_token (authorization);

  return self->token_refused && token != NULL && !hypha_token_names_issuer (token);
}

HyphaHttpRequest *
hypha_http_request_new (HyphaServer       *server,
                        HyphaManager      *manager,
                        SoupServerMessage *message)
{
  HyphaHttpRequest *self = g_rc_box_new0 (HyphaHttpRequest);

  self->server = g_object_ref (server);
  self->manager = g_object_ref (manager);
  self->message = g_object_ref (message);
  self->cancellable = g_cancellable_new ();
  self->timeout = HYPHA_RPC_TIMEOUT;
  self->write_timeout = HYPHA_HTTP_WRITE_TIMEOUT;
  self->linger = HYPHA_HTTP_APP_LINGER;
  self->format = hypha_http_format_choose (hypha_http_request_get_header (self, "Accept"),
                                           hypha_http_request_get_header (self, "Content-Type"));
  hypha_http_request_identify (self);
  return self;
}

/*
 * Whether a page of another site has the browser ask: by an image, a form or a link, for which it
 * sends no Origin. Such a page cannot read the answer, but what is asked for would be done.
 */
gboolean
hypha_http_request_is_foreign (HyphaHttpRequest *self)
{
  const char *site = hypha_http_request_get_header (self, "Sec-Fetch-Site");

  return hypha_http_request_get_header (self, "Origin") == NULL &&
         (g_strcmp0 (site, "cross-site") == 0 || g_strcmp0 (site, "same-site") == 0);
}

gboolean
hypha_http_request_is_over (HyphaHttpRequest *self)
{
  return self->message == NULL || self->given_up;
}

static void
hypha_http_request_stop_watch (HyphaHttpRequest *self)
{
  if (self->watch != NULL)
    {
      g_source_destroy (self->watch);
      g_clear_pointer (&self->watch, g_source_unref);
    }
}

static gboolean
hypha_http_request_free_client (gpointer data)
{
  hypha_local_client_free (data);
  return G_SOURCE_REMOVE;
}

/*
 * What it says last, “close” to a generator, lies in its pipe still, which comes first at the same
 * priority. A lower one would wait for ever for a service that never stops to call.
 */
static void
hypha_http_request_dismiss_client (HyphaLocalClient *client)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_static_name (source, "hypha-http-client-leaves");
  g_source_set_callback (source, hypha_http_request_free_client, client, NULL);
  g_source_attach (source, g_main_context_get_thread_default ());
}

static void
hypha_http_request_stop_deadline (HyphaHttpRequest *self)
{
  if (self->write_deadline != NULL)
    {
      g_source_destroy (self->write_deadline);
      g_clear_pointer (&self->write_deadline, g_source_unref);
    }
}

/* Nobody waits for the answer any more, or it is complete. */
static void
hypha_http_request_finish (HyphaHttpRequest *self)
{
  GFunc on_end = g_steal_pointer (&self->on_end);

  if (self->message == NULL)
    return;

  hypha_http_request_stop_watch (self);
  hypha_http_request_stop_deadline (self);
  g_signal_handlers_disconnect_by_data (self->message, self);
  g_clear_object (&self->message);
  self->on_wrote = NULL;
  self->told = on_end != NULL;
  if (on_end != NULL)
    on_end (self->on_end_data, self);
}

/* Its client leaves the router; what it has called is given up. */
void
hypha_http_request_leave (HyphaHttpRequest *self)
{
  GFunc on_left = g_steal_pointer (&self->on_left);

  if (self->linger_deadline != NULL)
    {
      g_source_destroy (self->linger_deadline);
      g_clear_pointer (&self->linger_deadline, g_source_unref);
    }

  if (self->client != NULL && self->told)
    hypha_http_request_dismiss_client (g_steal_pointer (&self->client));
  g_cancellable_cancel (self->cancellable);
  g_clear_pointer (&self->client, hypha_local_client_free);
  g_clear_object (&self->manager);
  g_clear_object (&self->server);
  if (on_left != NULL)
    on_left (self->on_left_data, self);
}

void
hypha_http_request_end (HyphaHttpRequest *self)
{
  hypha_http_request_finish (self);
  hypha_http_request_leave (self);
}

static gboolean
hypha_http_request_linger_expired (gpointer data)
{
  HyphaHttpRequest *self = data;
  g_autoptr (HyphaHttpRequest) hold = hypha_http_request_ref (self);

  g_debug ("what was called goes on after its answer; it is left alone");
  hypha_http_request_leave (self);
  return G_SOURCE_REMOVE;
}

/*
 * The answer is complete. What was called may not have come to its end: it has tidying up to do, and
 * would find that its caller has gone. Then its client stays for a while, and on_left is told when it
 * goes; otherwise FALSE.
 */
gboolean
hypha_http_request_linger (HyphaHttpRequest *self,
                           GFunc             on_left,
                           gpointer          data)
{
  if (!self->lingers || self->client == NULL)
    return FALSE;

  hypha_http_request_finish (self);
  self->on_left = on_left;
  self->on_left_data = data;
  self->linger_deadline = g_timeout_source_new (self->linger);
  g_source_set_static_name (self->linger_deadline, "hypha-http-linger");
  g_source_set_callback (self->linger_deadline, hypha_http_request_linger_expired, self, NULL);
  g_source_attach (self->linger_deadline, g_main_context_get_thread_default ());
  return TRUE;
}

HyphaUserInfo *
hypha_http_request_get_user (HyphaHttpRequest *self)
{
  return self->identity.user;
}

/* The client that calls for whoever asks. Its name is nobody else's, and is not used again. */
HyphaRpc *
hypha_http_request_get_rpc (HyphaHttpRequest *self)
{
  if (self->client == NULL)
    {
      g_autofree char *uuid = g_uuid_string_random ();
      g_autofree char *name = g_strconcat ("http-", uuid, NULL);

      self->client = hypha_local_client_new (hypha_manager_get_router (self->manager),
                                             self->identity.workspace, name, self->identity.user,
                                             hypha_manager_get_base_url (self->manager));
      hypha_peer_set_remote (hypha_local_client_get_peer (self->client),
                             soup_server_message_get_remote_host (self->message));
    }

  return hypha_local_client_get_rpc (self->client);
}

/*
 * Ends the connection without the rest of the answer: what was sent is not to be taken for all.
 * libsoup notices when it is to write something.
 */
void
hypha_http_request_abort (HyphaHttpRequest *self)
{
  GSocket *socket;

  if (hypha_http_request_is_over (self))
    return;

  hypha_http_request_stop_watch (self);
  socket = soup_server_message_get_socket (self->message);
  if (socket != NULL)
    g_socket_shutdown (socket, TRUE, TRUE, NULL);

  self->waiting = FALSE;
  if (self->streaming)
    soup_message_body_append (soup_server_message_get_response_body (self->message),
                              SOUP_MEMORY_STATIC, " ", 1);
  soup_server_message_unpause (self->message);
}

/*
 * libsoup does not read while it waits for the answer, so it would not see that the other side has
 * gone. What the other side has sent early stays for libsoup.
 */
static gboolean
hypha_http_request_readable (GSocket      *socket,
                             GIOCondition  condition,
                             gpointer      data)
{
  HyphaHttpRequest *self = data;
  g_autoptr (HyphaHttpRequest) hold = hypha_http_request_ref (self);
  char byte;

  if (recv (g_socket_get_fd (socket), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
    {
      g_clear_pointer (&self->watch, g_source_unref);
      return G_SOURCE_REMOVE;
    }

  g_debug ("%s: gone before it was answered",
           soup_server_message_get_remote_host (self->message));
  hypha_http_request_abort (self);
  return G_SOURCE_REMOVE;
}

static void
hypha_http_request_start_watch (HyphaHttpRequest *self)
{
  GSocket *socket = soup_server_message_get_socket (self->message);

  if (self->watch != NULL || socket == NULL)
    return;

  self->watch = g_socket_create_source (socket, G_IO_IN | G_IO_HUP | G_IO_ERR, NULL);
  g_source_set_static_name (self->watch, "hypha-http-client-gone");
  g_source_set_callback (self->watch, G_SOURCE_FUNC (hypha_http_request_readable), self, NULL);
  g_source_attach (self->watch, g_main_context_get_thread_default ());
}

/* The answer comes later. */
void
hypha_http_request_wait (HyphaHttpRequest *self)
{
  if (self->waiting || hypha_http_request_is_over (self))
    return;

  self->waiting = TRUE;
  soup_server_message_pause (self->message);
  hypha_http_request_start_watch (self);
}

/* The answer, or the next piece of it, is there. */
void
hypha_http_request_go_on (HyphaHttpRequest *self)
{
  if (!self->waiting || hypha_http_request_is_over (self))
    return;

  self->waiting = FALSE;
  hypha_http_request_stop_watch (self);
  soup_server_message_unpause (self->message);
}

/* A page may read the answer only if its origin is allowed; an error is an answer too. */
void
hypha_http_request_add_cors (HyphaHttpRequest *self)
{
  SoupMessageHeaders *answer = soup_server_message_get_response_headers (self->message);
  const char *origin = hypha_http_request_get_header (self, "Origin");

  soup_message_headers_replace (answer, "Vary", "Origin");
  if (origin == NULL || !hypha_server_origin_allowed (self->server, origin))
    return;

  soup_message_headers_replace (answer, "Access-Control-Allow-Origin", origin);
  soup_message_headers_replace (answer, "Access-Control-Allow-Methods",
                                "GET,POST,PUT,DELETE,OPTIONS");
  soup_message_headers_replace (answer, "Access-Control-Allow-Headers",
                                "Authorization,Content-Type,Range");
  soup_message_headers_replace (answer, "Access-Control-Expose-Headers", "Content-Disposition");
}

static gboolean
hypha_http_request_write_expired (gpointer data)
{
  HyphaHttpRequest *self = data;
  g_autoptr (HyphaHttpRequest) hold = hypha_http_request_ref (self);

  g_message ("%s: request closed: nothing of the answer was taken for %u ms",
             soup_server_message_get_remote_host (self->message), self->write_timeout);
  hypha_http_request_stop_deadline (self);
  hypha_http_request_abort (self);
  return G_SOURCE_REMOVE;
}

static void
hypha_http_request_start_deadline (HyphaHttpRequest *self)
{
  hypha_http_request_stop_deadline (self);
  self->write_deadline = g_timeout_source_new (self->write_timeout);
  g_source_set_static_name (self->write_deadline, "hypha-http-write");
  g_source_set_callback (self->write_deadline, hypha_http_request_write_expired, self, NULL);
  g_source_attach (self->write_deadline, g_main_context_get_thread_default ());
}

static void
hypha_http_request_wrote_chunk (SoupServerMessage *message,
                                gpointer           data)
{
  HyphaHttpRequest *self = data;

  hypha_http_request_stop_deadline (self);
  if (self->n_pieces > 0 && --self->n_pieces > 0)
    hypha_http_request_start_deadline (self);
  if (self->on_wrote != NULL)
    self->on_wrote (self->on_wrote_data, self);
}

/*
 * Begins an answer in pieces; the status and, if content_type is NULL, the headers are set. The next
 * piece is to be made when on_wrote says so, so that no more than one waits for a slow reader.
 */
void
hypha_http_request_begin (HyphaHttpRequest *self,
                          const char       *content_type)
{
  SoupMessageHeaders *headers;

  if (hypha_http_request_is_over (self))
    return;

  headers = soup_server_message_get_response_headers (self->message);
  if (content_type != NULL)
    {
      hypha_http_request_add_cors (self);
      soup_message_headers_set_content_type (headers, content_type, NULL);
      soup_message_headers_replace (headers, "Cache-Control", "no-cache");
      soup_message_headers_replace (headers, "X-Content-Type-Options", "nosniff");
      soup_server_message_set_status (self->message, SOUP_STATUS_OK, NULL);
    }

  self->streaming = TRUE;
  soup_message_headers_set_encoding (headers, SOUP_ENCODING_CHUNKED);
  soup_message_body_set_accumulate (soup_server_message_get_response_body (self->message), FALSE);
  g_signal_connect (self->message, "wrote-chunk", G_CALLBACK (hypha_http_request_wrote_chunk),
                    self);
  hypha_http_request_start_watch (self);
  self->waiting = FALSE;
  soup_server_message_unpause (self->message);
}

/* A stream does not outlive the token that it was asked for with. */
static gboolean
hypha_http_request_is_expired (HyphaHttpRequest *self)
{
  gint64 end = hypha_user_info_get_expires_at (self->identity.user);

  return end > 0 && end <= g_get_real_time () / G_USEC_PER_SEC;
}

/* piece must not be empty: that is how libsoup says the end. */
void
hypha_http_request_write (HyphaHttpRequest *self,
                          GBytes           *piece)
{
  if (hypha_http_request_is_over (self))
    return;

  if (hypha_http_request_is_expired (self))
    {
      hypha_http_request_give_up (self, "Token expired");
      return;
    }

  /* Each piece has its time; one that comes after it does not give it more. */
  if (self->n_pieces++ == 0)
    hypha_http_request_start_deadline (self);
  soup_message_body_append_bytes (soup_server_message_get_response_body (self->message), piece);
  soup_server_message_unpause (self->message);
}

void
hypha_http_request_complete (HyphaHttpRequest *self)
{
  if (hypha_http_request_is_over (self))
    return;

  self->on_wrote = NULL;
  if (self->n_pieces++ == 0)
    hypha_http_request_start_deadline (self);
  soup_message_body_complete (soup_server_message_get_response_body (self->message));
  soup_server_message_unpause (self->message);
}

/* content_type and body may be NULL. */
void
hypha_http_request_answer (HyphaHttpRequest *self,
                           guint             status,
                           const char       *content_type,
                           GBytes           *body)
{
  SoupMessageHeaders *headers;

  if (hypha_http_request_is_over (self))
    return;

  headers = soup_server_message_get_response_headers (self->message);
  hypha_http_request_add_cors (self);
  soup_message_headers_replace (headers, "X-Content-Type-Options", "nosniff");
  soup_server_message_set_status (self->message, status, NULL);
  if (content_type != NULL)
    soup_message_headers_set_content_type (headers, content_type, NULL);
  if (body != NULL && g_bytes_get_size (body) > 0)
    soup_message_body_append_bytes (soup_server_message_get_response_body (self->message), body);

  hypha_http_request_go_on (self);
}

void
hypha_http_request_answer_json (HyphaHttpRequest *self,
                                guint             status,
                                JsonNode         *node)
{
  char *text = json_to_string (node, FALSE);
  g_autoptr (GBytes) body = g_bytes_new_take (text, strlen (text));

  hypha_http_request_answer (self, status, "application/json", body);
}

/* A value of a service, written as it was asked for. */
void
hypha_http_request_answer_value (HyphaHttpRequest *self,
                                 GVariant         *value)
{
  g_autoptr (GError) error = NULL;
  const char *content_type;
  g_autoptr (GBytes) body = hypha_http_value_to_bytes (value, self->format, &content_type, &error);

  if (body != NULL)
    hypha_http_request_answer (self, SOUP_STATUS_OK, content_type, body);
  else
    hypha_http_request_fail (self, error);
}

void
hypha_http_request_refuse (HyphaHttpRequest *self,
                           guint             status,
                           const char       *detail)
{
  g_autoptr (JsonNode) node = json_node_alloc ();
  g_autoptr (JsonObject) object = json_object_new ();

  if (hypha_http_request_is_over (self))
    return;

  /* Whoever came with a token that is none may not know. */
  if (status == SOUP_STATUS_FORBIDDEN && self->token_refused)
    {
      status = SOUP_STATUS_UNAUTHORIZED;
      soup_message_headers_replace (soup_server_message_get_response_headers (self->message),
                                    "WWW-Authenticate", "Bearer error=\"invalid_token\"");
    }

  json_object_set_boolean_member (object, "success", FALSE);
  json_object_set_string_member (object, "detail", detail);
  json_node_init_object (node, object);
  hypha_http_request_answer_json (self, status, node);
}

void
hypha_http_request_fail (HyphaHttpRequest *self,
                         const GError     *error)
{
  hypha_http_request_refuse (self, hypha_error_get_http_status (error), error->message);
}

/* Whoever asked may not any more: no answer, no more of one, and no more of what it has called. */
void
hypha_http_request_give_up (HyphaHttpRequest *self,
                            const char       *why)
{
  if (self->message == NULL)
    {
      hypha_http_request_leave (self);
      return;
    }

  if (self->given_up || (!self->streaming && !self->waiting))
    return;

  g_message ("%s: request ended: %s", soup_server_message_get_remote_host (self->message), why);
  if (self->streaming)
    hypha_http_request_abort (self);
  else
    hypha_http_request_refuse (self, SOUP_STATUS_UNAUTHORIZED, why);

  /* libsoup needs a moment to finish it; nothing is added to it until then. */
  self->given_up = TRUE;
}
