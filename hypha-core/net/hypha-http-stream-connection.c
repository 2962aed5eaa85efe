/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-http-answer-private.h"
#include "hypha-http-stream-internal-private.h"
#include "hypha-message-private.h"
#include "hypha-site-private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* A message of the client that waits for its turn. */
typedef struct
{
  SoupServerMessage *message;
  GBytes            *body;
} HyphaHttpPost;

G_DEFINE_FINAL_TYPE (HyphaHttpStreamConnection, hypha_http_stream_connection,
                     HYPHA_TYPE_CONNECTION)

static void
hypha_http_post_free (HyphaHttpPost *post)
{
  g_object_unref (post->message);
  g_bytes_unref (post->body);
  g_free (post);
}

/* Who waits is told that there is no stream any more; clients then try again on their next one. */
static void
hypha_http_stream_connection_drop_posts (HyphaHttpStreamConnection *self)
{
  HyphaHttpPost *post;

  while ((post = g_queue_pop_head (&self->posts)) != NULL)
    {
      hypha_http_answer_fail (post->message, SOUP_STATUS_BAD_REQUEST,
                              "the stream of this client has ended");
      soup_server_message_unpause (post->message);
      hypha_http_post_free (post);
    }

  self->posted = 0;
}

static void
hypha_http_stream_connection_drop_begin (HyphaHttpStreamConnection *self)
{
  if (self->begin != NULL)
    {
      g_source_destroy (self->begin);
      g_clear_pointer (&self->begin, g_source_unref);
    }
}

/* Closes the socket. The object may be gone after this. */
static void
hypha_http_stream_connection_shut (HyphaHttpStreamConnection *self)
{
  gboolean held = self->state == STATE_LINGERING;

  if (self->state == STATE_SHUT)
    return;

  self->state = STATE_SHUT;
  hypha_http_stream_connection_drop_begin (self);
  hypha_http_stream_connection_drop_posts (self);
  hypha_outbox_clear (&self->outbox);
  g_clear_object (&self->message);
  if (self->stream != NULL)
    {
      hypha_poller_remove (self->poller, &self->client);
      g_io_stream_close (self->stream, NULL, NULL);
      g_clear_object (&self->stream);
    }

  if (self->finished != NULL)
    self->finished (self, self->finished_data);

  if (held)
    g_object_unref (self);
}

void
hypha_http_stream_connection_lose (HyphaHttpStreamConnection *self,
                                   guint                      code,
                                   const char                *reason)
{
  g_autoptr (HyphaHttpStreamConnection) hold = g_object_ref (self);

  if (self->state == STATE_OPEN || self->state == STATE_WAITING)
    hypha_connection_emit_closed (HYPHA_CONNECTION (self), code, reason);

  hypha_http_stream_connection_shut (self);
}

/* Closed before anything was sent: whoever asked gets a status, as for any other request. */
static void
hypha_http_stream_connection_refuse (HyphaHttpStreamConnection *self)
{
  g_autoptr (SoupServerMessage) message = g_steal_pointer (&self->message);
  guint status = SOUP_STATUS_SERVICE_UNAVAILABLE;

  if (self->close_code == HYPHA_CLOSE_POLICY)
    status = SOUP_STATUS_CONFLICT;

  g_signal_handlers_disconnect_by_data (message, self);
  hypha_http_answer_fail (message, status, self->close_reason != NULL ? self->close_reason : "");
  soup_server_message_unpause (message);
  hypha_http_stream_connection_lose (self, self->close_code, self->close_reason);
}

/* The connection has ended for those who use it; the last bytes still have to be read. */
void
hypha_http_stream_connection_linger (HyphaHttpStreamConnection *self)
{
  g_object_ref (self);
  self->state = STATE_LINGERING;
  self->linger_until = hypha_http_stream_connection_get_time (self) +
                       HYPHA_HTTP_STREAM_LINGER * (gint64) 1000;
  hypha_http_stream_connection_append_end (self);
  hypha_http_stream_connection_update_deadline (self);
  hypha_connection_emit_closed (HYPHA_CONNECTION (self), self->close_code, self->close_reason);
}

/* ping and refresh_token are for the gate, in the words that it knows; NULL for all the rest. */
static const char *
hypha_http_stream_connection_get_control (GBytes *body)
{
  HyphaMessage message;
  gsize size;
  const guint8 *data = g_bytes_get_data (body, &size);

  if (!hypha_message_parse (&message, data, size, NULL) || message.to.data != NULL ||
      message.envelope_size != size || hypha_message_is_method (&message))
    return NULL;

  if (hypha_span_equal (message.type, "ping"))
    return "{\"type\":\"ping\"}";
  if (hypha_span_equal (message.type, "refresh_token"))
    return "{\"type\":\"refresh_token\"}";
  return NULL;
}

static void
hypha_http_stream_connection_take (HyphaHttpStreamConnection *self,
                                   SoupServerMessage         *message,
                                   GBytes                    *body)
{
  const char *control = hypha_http_stream_connection_get_control (body);
  HyphaSlice slice = { .owner = body };

  hypha_http_answer_done (message);
  if (control != NULL)
    {
      slice = (HyphaSlice) { .data = (const guint8 *) control, .size = strlen (control) };
      hypha_connection_receive (HYPHA_CONNECTION (self), HYPHA_FRAME_TEXT, &slice);
      return;
    }

  slice.data = g_bytes_get_data (body, &slice.size);
  hypha_connection_receive (HYPHA_CONNECTION (self), HYPHA_FRAME_BINARY, &slice);
}

/* In the order in which they came, until the client is paused again. */
void
hypha_http_stream_connection_take_waiting (HyphaHttpStreamConnection *self)
{
  while (self->reading && self->state == STATE_OPEN && !g_queue_is_empty (&self->posts))
    {
      HyphaHttpPost *post = g_queue_pop_head (&self->posts);

      self->posted -= g_bytes_get_size (post->body);
      hypha_http_stream_connection_take (self, post->message, post->body);
      soup_server_message_unpause (post->message);
      hypha_http_post_free (post);
    }
}

static void
hypha_http_stream_connection_set_option (int fd,
                                         int option,
                                         int value)
{
  if (setsockopt (fd, IPPROTO_TCP, option, &value, sizeof value) < 0)
    g_debug ("socket option %d: %s", option, g_strerror (errno));
}

/* Takes the socket: from here on the poller watches it. */
static void
hypha_http_stream_connection_open (HyphaHttpStreamConnection *self)
{
  g_autoptr (SoupServerMessage) message = g_steal_pointer (&self->message);
  g_autoptr (GIOStream) stream = NULL;
  g_autoptr (GError) error = NULL;
  int fd;

  g_signal_handlers_disconnect_by_data (message, self);
  if (self->server == NULL)
    {
      hypha_http_stream_connection_lose (self, HYPHA_CLOSE_GOING_AWAY, "the server has gone");
      return;
    }

  stream = hypha_server_steal (self->server, message, &fd);
  if (!hypha_poller_add (self->poller, &self->client,
                         &hypha_http_stream_connection_poller_funcs, fd, EPOLLRDHUP, &error))
    {
      g_warning ("%s: stream dropped: %s", self->remote_host, error->message);
      g_io_stream_close (stream, NULL, NULL);
      hypha_http_stream_connection_lose (self, HYPHA_CLOSE_INTERNAL, error->message);
      return;
    }

  hypha_http_stream_connection_set_option (fd, TCP_NODELAY, 1);

  /* Nothing comes back on this socket, so it is the kernel that finds out who has gone. */
  hypha_http_stream_connection_set_option (fd, TCP_USER_TIMEOUT, HYPHA_HTTP_STREAM_PEER_TIMEOUT);
  self->stream = g_steal_pointer (&stream);
  self->state = STATE_OPEN;
  self->ping_at = hypha_http_stream_connection_get_time (self) +
                  self->ping_interval * (gint64) 1000;
  hypha_http_stream_connection_update_deadline (self);
  hypha_poller_mark_dirty (self->poller, &self->client);
}

static gboolean
hypha_http_stream_connection_begin (gpointer data)
{
  g_autoptr (HyphaHttpStreamConnection) self = g_object_ref (data);

  g_clear_pointer (&self->begin, g_source_unref);
  if (self->closing)
    hypha_http_stream_connection_refuse (self);
  else
    hypha_http_stream_connection_open (self);
  return G_SOURCE_REMOVE;
}

/* The rest is done in the next turn: libsoup, and whoever sends to many, may be on the stack. */
static void
hypha_http_stream_connection_wake (HyphaHttpStreamConnection *self)
{
  if (self->state != STATE_WAITING)
    {
      hypha_poller_mark_dirty (self->poller, &self->client);
      return;
    }

  if (self->begin != NULL)
    return;

  self->begin = g_idle_source_new ();
  g_source_set_priority (self->begin, G_PRIORITY_DEFAULT);
  g_source_set_static_name (self->begin, "hypha-http-stream");
  g_source_set_callback (self->begin, hypha_http_stream_connection_begin, self, NULL);
  g_source_attach (self->begin, g_main_context_get_thread_default ());
}

static gboolean
hypha_http_stream_connection_is_usable (HyphaHttpStreamConnection *self)
{
  return self->state <= STATE_OPEN && !self->closing && !self->over_cap;
}

static void
hypha_http_stream_connection_send_parts (HyphaConnection  *connection,
                                         HyphaFrameType    type,
                                         const HyphaSlice *parts,
                                         guint             n_parts)
{
  HyphaHttpStreamConnection *self = HYPHA_HTTP_STREAM_CONNECTION (connection);

  if (!hypha_http_stream_connection_is_usable (self))
    return;

  if (type == HYPHA_FRAME_TEXT)
    hypha_http_stream_connection_queue_control (self, parts, n_parts);
  else
    hypha_http_stream_connection_queue (self, parts, n_parts);
  hypha_http_stream_connection_wake (self);
}

static void
hypha_http_stream_connection_close (HyphaConnection *connection,
                                    guint            code,
                                    const char      *reason)
{
  HyphaHttpStreamConnection *self = HYPHA_HTTP_STREAM_CONNECTION (connection);

  if (!hypha_http_stream_connection_is_usable (self))
    return;

  self->closing = TRUE;
  self->close_code = code;
  self->close_reason = g_strdup (reason);
  hypha_http_stream_connection_wake (self);
}

static gsize
hypha_http_stream_connection_get_queued (HyphaConnection *connection)
{
  return HYPHA_HTTP_STREAM_CONNECTION (connection)->outbox.queued;
}

static void
hypha_http_stream_connection_set_reading (HyphaConnection *connection,
                                          gboolean         reading)
{
  HyphaHttpStreamConnection *self = HYPHA_HTTP_STREAM_CONNECTION (connection);

  self->reading = reading;
  if (reading && self->state == STATE_OPEN && !g_queue_is_empty (&self->posts))
    hypha_http_stream_connection_wake (self);
}

static void
hypha_http_stream_connection_dispose (GObject *object)
{
  HyphaHttpStreamConnection *self = HYPHA_HTTP_STREAM_CONNECTION (object);

  if (self->message != NULL)
    g_signal_handlers_disconnect_by_data (self->message, self);
  hypha_http_stream_connection_shut (self);
  g_clear_pointer (&self->poller, hypha_poller_unref);
  g_clear_weak_pointer (&self->server);

  G_OBJECT_CLASS (hypha_http_stream_connection_parent_class)->dispose (object);
}

static void
hypha_http_stream_connection_finalize (GObject *object)
{
  HyphaHttpStreamConnection *self = HYPHA_HTTP_STREAM_CONNECTION (object);

  g_free (self->remote_host);
  g_free (self->origin);
  g_free (self->close_reason);

  G_OBJECT_CLASS (hypha_http_stream_connection_parent_class)->finalize (object);
}

static void
hypha_http_stream_connection_class_init (HyphaHttpStreamConnectionClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  HyphaConnectionClass *connection_class = HYPHA_CONNECTION_CLASS (klass);

  object_class->dispose = hypha_http_stream_connection_dispose;
  object_class->finalize = hypha_http_stream_connection_finalize;

  connection_class->send_parts = hypha_http_stream_connection_send_parts;
  connection_class->close = hypha_http_stream_connection_close;
  connection_class->get_queued = hypha_http_stream_connection_get_queued;
  connection_class->set_reading = hypha_http_stream_connection_set_reading;
}

static void
hypha_http_stream_connection_init (HyphaHttpStreamConnection *self)
{
  g_queue_init (&self->posts);
  self->reading = TRUE;
  self->ping_interval = HYPHA_HTTP_STREAM_PING_INTERVAL;
  self->stall_timeout = HYPHA_HTTP_STREAM_STALL_TIMEOUT;
}

/* libsoup gave the request up: the server is going, or the client. */
static void
hypha_http_stream_connection_request_ended (SoupServerMessage *message,
                                            gpointer           data)
{
  g_autoptr (HyphaHttpStreamConnection) self = g_object_ref (data);

  hypha_http_stream_connection_lose (self, HYPHA_CLOSE_ABNORMAL, "the client hung up");
}

/* The web site of a request; NULL for our own, which browsers name in a POST and not in a GET. */
static const char *
hypha_http_stream_connection_find_origin (SoupServerMessage *message)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);
  const char *origin = soup_message_headers_get_one (headers, "Origin");
  const char *host = soup_message_headers_get_one (headers, "Host");

  return origin != NULL && host != NULL && hypha_site_is_same (origin, host) ? NULL : origin;
}

/*
 * Makes a stream of a GET that was read, for the caller to pause unless it answers that itself. The
 * stream answers it in the next turn of the main loop after the first send or close.
 */
HyphaConnection *
hypha_http_stream_connection_new (HyphaServer        *server,
                                  SoupServerMessage  *message,
                                  GError            **error)
{
  g_autoptr (HyphaHttpStreamConnection) self =
    g_object_new (HYPHA_TYPE_HTTP_STREAM_CONNECTION, NULL);

  self->poller = hypha_poller_ref_default (error);
  if (self->poller == NULL)
    return NULL;

  g_set_weak_pointer (&self->server, server);
  self->message = g_object_ref (message);
  self->chunked = soup_server_message_get_http_version (message) != SOUP_HTTP_1_0;
  self->remote_host = g_strdup (soup_server_message_get_remote_host (message));
  self->origin = g_strdup (hypha_http_stream_connection_find_origin (message));
  self->outbox.pool = hypha_poller_get_pool (self->poller);
  g_signal_connect (message, "finished", G_CALLBACK (hypha_http_stream_connection_request_ended),
                    self);
  return HYPHA_CONNECTION (g_steal_pointer (&self));
}

/* From the same machine, and for the same web page or none, as the stream was opened? */
gboolean
hypha_http_stream_connection_is_from (HyphaHttpStreamConnection *self,
                                      SoupServerMessage         *message)
{
  return g_strcmp0 (self->remote_host, soup_server_message_get_remote_host (message)) == 0 &&
         g_strcmp0 (self->origin, hypha_http_stream_connection_find_origin (message)) == 0;
}

/*
 * Takes one posted message and sees to its answer; while the client is paused, later. FALSE, with
 * nothing taken, if too much waits.
 */
gboolean
hypha_http_stream_connection_post (HyphaHttpStreamConnection *self,
                                   SoupServerMessage         *message,
                                   GBytes                    *body)
{
  g_autoptr (HyphaHttpStreamConnection) hold = g_object_ref (self);
  gsize size = g_bytes_get_size (body);
  HyphaHttpPost *post;

  if (self->reading && g_queue_is_empty (&self->posts))
    {
      hypha_http_stream_connection_take (self, message, body);
      return TRUE;
    }

  if (self->posts.length >= HYPHA_HTTP_STREAM_MAX_WAITING ||
      self->posted + size > HYPHA_HTTP_STREAM_MAX_WAITING_BYTES)
    return FALSE;

  post = g_new (HyphaHttpPost, 1);
  post->message = g_object_ref (message);
  post->body = g_bytes_ref (body);
  self->posted += size;
  g_queue_push_tail (&self->posts, post);
  soup_server_message_pause (message);
  return TRUE;
}

/* For tests, which cannot wait for HYPHA_HTTP_STREAM_PING_INTERVAL. */
void
hypha_http_stream_connection_set_ping_interval (HyphaHttpStreamConnection *self,
                                                guint                      interval)
{
  self->ping_interval = interval;
  if (self->state == STATE_OPEN)
    {
      self->ping_at = hypha_http_stream_connection_get_time (self) + interval * (gint64) 1000;
      hypha_http_stream_connection_update_deadline (self);
    }
}

/* For tests, which cannot wait for HYPHA_HTTP_STREAM_STALL_TIMEOUT. */
void
hypha_http_stream_connection_set_stall_timeout (HyphaHttpStreamConnection *self,
                                                guint                      timeout)
{
  self->stall_timeout = timeout;
}

/* Names who is told once when the socket is closed; NULL takes it back. */
void
hypha_http_stream_connection_set_finished (HyphaHttpStreamConnection *self,
                                           HyphaHttpStreamFinished    finished,
                                           gpointer                   data)
{
  self->finished = finished;
  self->finished_data = data;
}
