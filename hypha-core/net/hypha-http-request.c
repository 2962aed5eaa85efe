/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-http-request-internal-private.h"

#include <string.h>
#include <sys/socket.h>

/* Seconds after which, at most, a token's end is looked for again: clocks are set. */
#define EXPIRY_CHECK 60

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
  g_free (self->token_error);
  g_free (self->account);
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

/* Nobody wanted to connect. */
static const char *
hypha_http_request_skip_prefix (const char *message)
{
  const char *prefix = "Failed to establish connection: ";

  return g_str_has_prefix (message, prefix) ? message + strlen (prefix) : message;
}

/* An address of this machine is never turned away, as foreign ones are, but it is told to wait. */
static void
hypha_http_request_count_guess (HyphaHttpRequest *self,
                                const char       *token)
{
  const char *remote = soup_server_message_get_remote_host (self->message);
  HyphaAuthority *authority = hypha_manager_get_authority (self->manager);
  gboolean waits = hypha_throttle_get_delay (hypha_authority_get_throttle (authority), remote,
                                             hypha_throttle_now ()) > 0;

  self->throttled = hypha_authority_count_guess (authority, token, remote) && waits;
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
      /* One that an app gave out, and asks for, is not our business. */
      if (hypha_token_names_issuer (token))
        hypha_http_request_count_guess (self, token);
      hypha_identity_clear (&self->identity);
      self->token_error = g_strdup (hypha_http_request_skip_prefix (error->message));
      hello.token = NULL;
    }

  if (!hypha_identity_prove (&self->identity, &hello, authority, NULL))
    g_assert_not_reached ();
}

/* Whose share of the requests it is: a user's, a foreign address's, or that of all guests here. */
static char *
hypha_http_request_dup_account (HyphaHttpRequest *self)
{
  const char *account = hypha_user_info_get_account (self->identity.user);
  char *address = NULL;

  if (g_str_equal (account, HYPHA_SHARES_GUESTS))
    address = hypha_throttle_foreign_key (soup_server_message_get_remote_host (self->message));
  return address != NULL ? address : g_strdup (account);
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

  return self->token_error != NULL && token != NULL && !hypha_token_names_issuer (token);
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
  self->account = hypha_http_request_dup_account (self);
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

void
hypha_http_request_stop_watch (HyphaHttpRequest *self)
{
  if (self->watch != NULL)
    {
      g_source_destroy (self->watch);
      g_clear_pointer (&self->watch, g_source_unref);
    }
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

void
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

void
hypha_http_request_stop_expiry (HyphaHttpRequest *self)
{
  if (self->expiry != NULL)
    {
      g_source_destroy (self->expiry);
      g_clear_pointer (&self->expiry, g_source_unref);
    }
}

static void hypha_http_request_start_expiry (HyphaHttpRequest *self);

static gboolean
hypha_http_request_expired (gpointer data)
{
  HyphaHttpRequest *self = data;
  g_autoptr (HyphaHttpRequest) hold = hypha_http_request_ref (self);

  hypha_http_request_stop_expiry (self);
  if (hypha_http_request_is_expired (self))
    hypha_http_request_give_up (self, "Token expired");
  else
    hypha_http_request_start_expiry (self);
  return G_SOURCE_REMOVE;
}

/* Nothing that was asked for with a token outlives it, as connections do not. */
static void
hypha_http_request_start_expiry (HyphaHttpRequest *self)
{
  gint64 end = hypha_user_info_get_expires_at (self->identity.user);
  gint64 left = end - g_get_real_time () / G_USEC_PER_SEC;

  if (end == 0 || self->expiry != NULL)
    return;

  self->expiry = g_timeout_source_new_seconds ((guint) CLAMP (left, 1, EXPIRY_CHECK));
  g_source_set_static_name (self->expiry, "hypha-http-token-expiry");
  g_source_set_callback (self->expiry, hypha_http_request_expired, self, NULL);
  g_source_attach (self->expiry, g_main_context_get_thread_default ());
}

/* The answer comes later. */
void
hypha_http_request_wait (HyphaHttpRequest *self)
{
  if (self->waiting || hypha_http_request_is_over (self))
    return;

  self->waiting = TRUE;
  hypha_http_request_start_expiry (self);
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
