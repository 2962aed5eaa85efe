/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-websocket-internal-private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

G_DEFINE_FINAL_TYPE (HyphaWebsocketConnection, hypha_websocket_connection, HYPHA_TYPE_CONNECTION)

gint64
hypha_websocket_connection_get_time (HyphaWebsocketConnection *self)
{
  return hypha_poller_get_time (self->poller);
}

static gint64
earlier_deadline (gint64 a,
                  gint64 b)
{
  return a == 0 ? b : b == 0 ? a : MIN (a, b);
}

/* One deadline in the poller stands for all that the connection has. */
void
hypha_websocket_connection_update_deadline (HyphaWebsocketConnection *self)
{
  gint64 deadline = self->close_deadline;

  if (self->state == STATE_OPEN && self->keep_alive > 0)
    deadline = earlier_deadline (deadline, self->heard_at + self->keep_alive * (gint64) 1000);

  if (self->state == STATE_OPEN && self->over_budget)
    deadline = earlier_deadline (deadline,
                                 self->stalled_at + self->stall_timeout * (gint64) 1000);

  hypha_poller_set_deadline (self->poller, &self->client, deadline);
}

void
hypha_websocket_connection_update_events (HyphaWebsocketConnection *self)
{
  guint events = 0;

  /* A backlog comes first; but who is not read from must still be seen to leave. */
  if (self->state != STATE_OPEN || (self->reading && !self->backlog))
    events |= EPOLLIN;
  else if (!self->reading)
    events |= EPOLLRDHUP;

  /* Before a flush, which decides it, this stays as it is. */
  if (self->client.dirty)
    events |= self->client.events & EPOLLOUT;
  else if (self->outbox.queued > 0)
    events |= EPOLLOUT;

  hypha_poller_set_events (self->poller, &self->client, events);
}

void
hypha_websocket_connection_drop_input (HyphaWebsocketConnection *self)
{
  g_clear_pointer (&self->input, g_free);
  self->input_size = 0;
  self->backlog = FALSE;
}

/* Closes the socket. The object may be gone after this. */
void
hypha_websocket_connection_shut (HyphaWebsocketConnection *self)
{
  gboolean held = self->held;

  if (self->state == STATE_SHUT)
    return;

  self->state = STATE_SHUT;
  self->held = FALSE;
  hypha_poller_remove (self->poller, &self->client);
  hypha_outbox_clear (&self->outbox);
  hypha_reader_clear (&self->reader);
  hypha_websocket_connection_drop_input (self);

  if (self->stream != NULL)
    g_io_stream_close (self->stream, NULL, NULL);
  else
    close (self->client.fd);
  g_clear_object (&self->stream);

  if (self->finished != NULL)
    self->finished (self, self->finished_data);

  if (held)
    g_object_unref (self);
}

static void
hypha_websocket_connection_hold (HyphaWebsocketConnection *self)
{
  if (!self->held)
    g_object_ref (self);

  self->held = TRUE;
}

/* The connection has ended for those who use it; the socket still has to be emptied. */
void
hypha_websocket_connection_linger (HyphaWebsocketConnection *self,
                                   guint                     code,
                                   const char               *reason)
{
  hypha_websocket_connection_hold (self);
  self->state = STATE_LINGERING;
  self->close_deadline =
    hypha_websocket_connection_get_time (self) + self->close_timeout * (gint64) 1000;
  hypha_reader_clear (&self->reader);
  hypha_websocket_connection_drop_input (self);
  hypha_websocket_connection_update_deadline (self);
  hypha_poller_mark_dirty (self->poller, &self->client);
  hypha_connection_emit_closed (HYPHA_CONNECTION (self), code, reason);
}

/* The socket is of no use any more. */
void
hypha_websocket_connection_lose (HyphaWebsocketConnection *self,
                                 const char               *reason)
{
  g_autoptr (HyphaWebsocketConnection) hold = g_object_ref (self);

  if (self->state == STATE_OPEN)
    hypha_connection_emit_closed (HYPHA_CONNECTION (self), HYPHA_CLOSE_ABNORMAL, reason);
  else if (self->state == STATE_CLOSING)
    hypha_connection_emit_closed (HYPHA_CONNECTION (self), self->close_code, self->close_reason);

  hypha_websocket_connection_shut (self);
}

void
hypha_websocket_connection_queue_frame (HyphaWebsocketConnection *self,
                                        HyphaOpcode               opcode,
                                        const HyphaSlice         *parts,
                                        guint                     n_parts)
{
  guint8 header[HYPHA_FRAME_MAX_HEADER];
  HyphaSlice slice = { .data = header };
  gsize size = 0;

  for (guint i = 0; i < n_parts; i++)
    size += parts[i].size;

  slice.size = hypha_frame_write_header (header, opcode, size, NULL);
  hypha_outbox_append (&self->outbox, &slice);
  for (guint i = 0; i < n_parts; i++)
    {
      if (parts[i].size > 0)
        hypha_outbox_append (&self->outbox, &parts[i]);
    }

  hypha_poller_mark_dirty (self->poller, &self->client);
}

void
hypha_websocket_connection_queue_close (HyphaWebsocketConnection *self,
                                        guint                     code,
                                        const char               *reason)
{
  guint8 payload[HYPHA_FRAME_MAX_CONTROL];
  HyphaSlice slice = { .data = payload };

  slice.size = hypha_frame_build_close (payload, code, reason);
  hypha_websocket_connection_queue_frame (self, HYPHA_OPCODE_CLOSE, &slice, 1);
}

/* Ends the connection over something that the peer did: it is told the code, then dropped. */
void
hypha_websocket_connection_fail (HyphaWebsocketConnection *self,
                                 guint                     code,
                                 const char               *reason)
{
  if (self->state == STATE_CLOSING)
    {
      /* Our close frame is out already, and ended the talk. */
      hypha_websocket_connection_linger (self, self->close_code, self->close_reason);
      return;
    }

  hypha_websocket_connection_queue_close (self, code, reason);
  hypha_websocket_connection_linger (self, code, reason);
}

/* Silence for one interval: ask. Silence for another: nobody is there. */
static void
hypha_websocket_connection_check_keep_alive (HyphaWebsocketConnection *self,
                                             gint64                    now)
{
  if (self->keep_alive == 0 || now < self->heard_at + self->keep_alive * (gint64) 1000)
    return;

  if (self->pinged && self->reading)
    {
      hypha_websocket_connection_lose (self, "no answer to a ping");
      return;
    }

  self->heard_at = now;
  if (!self->reading)
    return;

  self->pinged = TRUE;
  hypha_websocket_connection_queue_frame (self, HYPHA_OPCODE_PING, NULL, 0);
}

static void
hypha_websocket_connection_check_open (HyphaWebsocketConnection *self,
                                       gint64                    now)
{
  if (self->over_budget && now >= self->stalled_at + self->stall_timeout * (gint64) 1000)
    {
      hypha_websocket_connection_fail (self, HYPHA_CLOSE_TRY_AGAIN, "peer does not read");
      return;
    }

  hypha_websocket_connection_check_keep_alive (self, now);
}

static void
hypha_websocket_connection_expired (HyphaPollerClient *client)
{
  g_autoptr (HyphaWebsocketConnection) self =
    g_object_ref (hypha_websocket_connection_from_client (client));
  gint64 now = hypha_websocket_connection_get_time (self);

  if (self->state == STATE_OPEN)
    hypha_websocket_connection_check_open (self, now);
  else if (now >= self->close_deadline)
    hypha_websocket_connection_lose (self, NULL);

  if (self->state != STATE_SHUT)
    hypha_websocket_connection_update_deadline (self);
}

static const HyphaPollerFuncs poller_funcs = {
  .ready = hypha_websocket_connection_ready,
  .flush = hypha_websocket_connection_flush,
  .expired = hypha_websocket_connection_expired,
};

/* Counts what was queued against the budget and the cap. */
static void
hypha_websocket_connection_note_queued (HyphaWebsocketConnection *self)
{
  if (self->outbox.queued > HYPHA_WEBSOCKET_QUEUE_CAP)
    {
      hypha_outbox_clear (&self->outbox);
      self->over_cap = TRUE;
      return;
    }

  if (self->over_budget || self->outbox.queued <= HYPHA_CONNECTION_QUEUE_BUDGET)
    return;

  self->over_budget = TRUE;
  self->stall_written = 0;
  self->stalled_at = hypha_websocket_connection_get_time (self);
  hypha_websocket_connection_update_deadline (self);
}

static void
hypha_websocket_connection_send_parts (HyphaConnection  *connection,
                                       HyphaFrameType    type,
                                       const HyphaSlice *parts,
                                       guint             n_parts)
{
  /* A virtual function is called on its own class only, so for every frame the check is too much. */
  HyphaWebsocketConnection *self = (HyphaWebsocketConnection *) connection;

  if (self->state != STATE_OPEN || self->over_cap)
    return;

  hypha_websocket_connection_queue_frame (self, (HyphaOpcode) type, parts, n_parts);
  if (self->outbox.queued > HYPHA_CONNECTION_QUEUE_BUDGET)
    hypha_websocket_connection_note_queued (self);
}

static void
hypha_websocket_connection_close (HyphaConnection *connection,
                                  guint            code,
                                  const char      *reason)
{
  HyphaWebsocketConnection *self = HYPHA_WEBSOCKET_CONNECTION (connection);

  if (self->state != STATE_OPEN || self->over_cap)
    return;

  self->close_code = code;
  self->close_reason = g_strdup (reason);
  hypha_websocket_connection_queue_close (self, code, reason);
  hypha_websocket_connection_hold (self);
  self->state = STATE_CLOSING;
  self->close_deadline =
    hypha_websocket_connection_get_time (self) + self->close_timeout * (gint64) 1000;
  hypha_websocket_connection_update_deadline (self);
}

static gsize
hypha_websocket_connection_get_queued (HyphaConnection *connection)
{
  return ((HyphaWebsocketConnection *) connection)->outbox.queued;
}

static void
hypha_websocket_connection_set_reading (HyphaConnection *connection,
                                        gboolean         reading)
{
  HyphaWebsocketConnection *self = HYPHA_WEBSOCKET_CONNECTION (connection);

  if (self->state == STATE_SHUT || (gboolean) self->reading == reading)
    return;

  self->reading = reading;
  if (reading && self->backlog)
    hypha_poller_mark_dirty (self->poller, &self->client);
  hypha_websocket_connection_update_events (self);
}

static void
hypha_websocket_connection_dispose (GObject *object)
{
  HyphaWebsocketConnection *self = HYPHA_WEBSOCKET_CONNECTION (object);

  if (self->poller != NULL)
    hypha_websocket_connection_shut (self);

  g_clear_pointer (&self->poller, hypha_poller_unref);

  G_OBJECT_CLASS (hypha_websocket_connection_parent_class)->dispose (object);
}

static void
hypha_websocket_connection_finalize (GObject *object)
{
  HyphaWebsocketConnection *self = HYPHA_WEBSOCKET_CONNECTION (object);

  g_free (self->close_reason);

  G_OBJECT_CLASS (hypha_websocket_connection_parent_class)->finalize (object);
}

static void
hypha_websocket_connection_class_init (HyphaWebsocketConnectionClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  HyphaConnectionClass *connection_class = HYPHA_CONNECTION_CLASS (klass);

  object_class->dispose = hypha_websocket_connection_dispose;
  object_class->finalize = hypha_websocket_connection_finalize;

  connection_class->send_parts = hypha_websocket_connection_send_parts;
  connection_class->close = hypha_websocket_connection_close;
  connection_class->get_queued = hypha_websocket_connection_get_queued;
  connection_class->set_reading = hypha_websocket_connection_set_reading;
}

static void
hypha_websocket_connection_init (HyphaWebsocketConnection *self)
{
  self->reading = TRUE;
  self->state = STATE_SHUT;
  self->stall_timeout = HYPHA_WEBSOCKET_STALL_TIMEOUT;
  self->close_timeout = HYPHA_WEBSOCKET_CLOSE_TIMEOUT;
}

/*
 * Takes over a socket after the WebSocket handshake. The fd belongs to keep_alive, which is
 * closed with the connection; without one it is closed itself. already_read is what was read
 * from the socket behind the handshake; it is delivered in the next turn of the main context, so
 * that the caller has time to listen. If this fails, the fd is still the caller's.
 */
HyphaConnection *
hypha_websocket_connection_new (int         fd,
                                GIOStream  *keep_alive,
                                GBytes     *already_read,
                                GError    **error)
{
  g_autoptr (HyphaWebsocketConnection) self = g_object_new (HYPHA_TYPE_WEBSOCKET_CONNECTION, NULL);
  gsize size = already_read != NULL ? g_bytes_get_size (already_read) : 0;
  int yes = 1;

  self->poller = hypha_poller_ref_default (error);
  if (self->poller == NULL)
    return NULL;

  if (!hypha_poller_add (self->poller, &self->client, &poller_funcs, fd, size > 0 ? 0 : EPOLLIN,
                         error))
    return NULL;

  /* Frames are gathered before they are written, so waiting for more is never a gain. */
  if (setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) < 0 && errno != EOPNOTSUPP)
    g_debug ("socket has no TCP_NODELAY: %s", g_strerror (errno));

  g_set_object (&self->stream, keep_alive);
  self->reader.pool = hypha_poller_get_pool (self->poller);
  self->outbox.pool = self->reader.pool;
  self->state = STATE_OPEN;
  self->heard_at = hypha_websocket_connection_get_time (self);
  if (size > 0)
    {
      self->input = g_memdup2 (g_bytes_get_data (already_read, NULL), size);
      self->input_size = size;
      self->backlog = TRUE;
      hypha_poller_mark_dirty (self->poller, &self->client);
    }

  return HYPHA_CONNECTION (g_steal_pointer (&self));
}

/* After so many ms of silence the peer is asked for a sign of life; 0, the default, for never. */
void
hypha_websocket_connection_set_keep_alive (HyphaWebsocketConnection *self,
                                           guint                     interval)
{
  self->keep_alive = interval;
  if (self->state != STATE_SHUT)
    hypha_websocket_connection_update_deadline (self);
}

/* For tests, which cannot wait for HYPHA_WEBSOCKET_STALL_TIMEOUT. */
void
hypha_websocket_connection_set_stall_timeout (HyphaWebsocketConnection *self,
                                              guint                     timeout)
{
  self->stall_timeout = timeout;
}

/* For tests, and for a server that stops in a hurry. */
void
hypha_websocket_connection_set_close_timeout (HyphaWebsocketConnection *self,
                                              guint                     timeout)
{
  self->close_timeout = timeout;
}

/* Names who is told once when the socket is closed; NULL takes it back. */
void
hypha_websocket_connection_set_finished (HyphaWebsocketConnection *self,
                                         HyphaWebsocketFinished    finished,
                                         gpointer                  data)
{
  self->finished = finished;
  self->finished_data = data;
}
