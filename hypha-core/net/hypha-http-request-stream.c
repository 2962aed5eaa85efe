/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-http-request-internal-private.h"

/* How a request is answered in pieces, and the time that each piece of an answer has to be taken. */

void
hypha_http_request_stop_deadline (HyphaHttpRequest *self)
{
  if (self->write_deadline != NULL)
    {
      g_source_destroy (self->write_deadline);
      g_clear_pointer (&self->write_deadline, g_source_unref);
    }
}

/* libsoup is about to write, and finds that it cannot any more. */
static void
hypha_http_request_cut_socket (HyphaHttpRequest *self)
{
  GSocket *socket = soup_server_message_get_socket (self->message);

  if (socket != NULL)
    g_socket_shutdown (socket, TRUE, TRUE, NULL);
}

static gboolean
hypha_http_request_write_expired (gpointer data)
{
  HyphaHttpRequest *self = data;
  g_autoptr (HyphaHttpRequest) hold = hypha_http_request_ref (self);

  g_message ("%s: request closed: nothing of the answer was taken for %u ms",
             soup_server_message_get_remote_host (self->message), self->write_timeout);
  hypha_http_request_stop_deadline (self);
  if (self->streaming)
    hypha_http_request_abort (self);
  else
    hypha_http_request_cut_socket (self);
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
hypha_http_request_wrote_data (SoupServerMessage *message,
                               guint              size,
                               gpointer           data)
{
  hypha_http_request_start_deadline (data);
}

/* An answer in one piece is on its way: some of it has to be taken every now and then. */
void
hypha_http_request_time_answer (HyphaHttpRequest *self)
{
  g_signal_connect (self->message, "wrote-body-data", G_CALLBACK (hypha_http_request_wrote_data),
                    self);
  hypha_http_request_start_deadline (self);
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
gboolean
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
