/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-websocket-connection-private.h"

#include "hypha-outbox-private.h"
#include "hypha-poller-private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * The server's end of a WebSocket over a socket that libsoup has given up.
 *
 * It moves through the states below and never back. ::closed is emitted on the way to LINGERING
 * or SHUT, always from the poller's turn and never from inside a call to send or close: whoever
 * sends to many connections in a loop need not expect that one of them goes meanwhile. From
 * CLOSING on, the connection keeps itself alive until its socket is closed.
 */
typedef enum
{
  STATE_OPEN,
  STATE_CLOSING,   /* we sent a close frame and wait for the peer's */
  STATE_LINGERING, /* ::closed is out; the socket is emptied so that the peer gets our last words */
  STATE_SHUT,      /* the socket is closed */
} HyphaWebsocketState;

/* After a long message, the next read takes no more than this, so that the rest needs no copy. */
#define PEEK_SIZE (16 * 1024)

struct _HyphaWebsocketConnection
{
  HyphaConnection         parent_instance;

  HyphaPoller            *poller;
  HyphaPollerClient       client;
  HyphaReader             reader;
  HyphaOutbox             outbox;
  GIOStream              *stream;

  /* Bytes read but not used: the start of a short frame, or (backlog) anything. */
  guint8                 *input;
  gsize                   input_size;

  guint                   keep_alive;
  guint                   stall_timeout;
  guint                   close_timeout;
  gint64                  heard_at;
  gint64                  stalled_at;
  gint64                  close_deadline;
  gsize                   stall_written;

  guint                   close_code;
  char                   *close_reason;
  HyphaWebsocketFinished  finished;
  gpointer                finished_data;

  guint                   n_pongs;
  guint                   state : 2;
  guint                   reading : 1;
  guint                   backlog : 1;    /* input may hold whole frames */
  guint                   over_budget : 1;
  guint                   over_cap : 1;
  guint                   pinged : 1;
  guint                   held : 1;       /* it owns a reference to itself */
};

G_DEFINE_FINAL_TYPE (HyphaWebsocketConnection, hypha_websocket_connection, HYPHA_TYPE_CONNECTION)

static HyphaWebsocketConnection *
hypha_websocket_connection_from_client (HyphaPollerClient *client)
{
  return (HyphaWebsocketConnection *) (gpointer) ((guint8 *) client -
                                                  G_STRUCT_OFFSET (HyphaWebsocketConnection,
                                                                   client));
}

static gint64
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
static void
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

static void
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

static void
hypha_websocket_connection_drop_input (HyphaWebsocketConnection *self)
{
  g_clear_pointer (&self->input, g_free);
  self->input_size = 0;
  self->backlog = FALSE;
}

/* Closes the socket. The object may be gone after this. */
static void
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
static void
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
static void
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

static void
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

static void
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
static void
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

static void
hypha_websocket_connection_handle_close (HyphaWebsocketConnection *self,
                                         const HyphaSlice         *slice)
{
  g_autofree char *reason = NULL;
  const char *problem = NULL;
  guint code;
  guint fault;

  if (!hypha_frame_parse_close (slice->data, slice->size, &code, &reason, &fault, &problem))
    {
      hypha_websocket_connection_fail (self, fault, problem);
      return;
    }

  if (self->state == STATE_CLOSING)
    {
      hypha_websocket_connection_linger (self, self->close_code, self->close_reason);
      return;
    }

  hypha_websocket_connection_queue_close (self, code, NULL);
  hypha_websocket_connection_linger (self, code, reason);
}

static void
hypha_websocket_connection_handle_control (HyphaWebsocketConnection *self,
                                           const HyphaReaderItem    *item)
{
  if (item->opcode == HYPHA_OPCODE_CLOSE)
    {
      hypha_websocket_connection_handle_close (self, &item->slice);
      return;
    }

  /* A pong has said what it had to say by arriving. */
  if (item->opcode != HYPHA_OPCODE_PING || self->state != STATE_OPEN ||
      self->n_pongs == HYPHA_WEBSOCKET_MAX_PONGS)
    return;

  self->n_pongs++;
  hypha_websocket_connection_queue_frame (self, HYPHA_OPCODE_PONG, &item->slice, 1);
}

static void
hypha_websocket_connection_handle (HyphaWebsocketConnection *self,
                                   HyphaReaderResult         result,
                                   HyphaReaderItem          *item)
{
  g_autoptr (GBytes) owner = NULL;

  switch (result)
    {
    case HYPHA_READER_MESSAGE:
      owner = item->slice.owner;
      if (self->state == STATE_OPEN)
        hypha_connection_receive (HYPHA_CONNECTION (self), (HyphaFrameType) item->opcode,
                                  &item->slice);
      break;
    case HYPHA_READER_CONTROL:
      hypha_websocket_connection_handle_control (self, item);
      break;
    case HYPHA_READER_FAULT:
      hypha_websocket_connection_fail (self, item->fault, item->problem);
      break;
    case HYPHA_READER_MORE:
    default:
      break;
    }
}

/* May the next frame be taken now? Handlers change the answer from one frame to the next. */
static gboolean
hypha_websocket_connection_takes_frames (HyphaWebsocketConnection *self)
{
  return (self->state == STATE_OPEN && self->reading) || self->state == STATE_CLOSING;
}

/* Uses what it can of data, which it may change, and tells how much that was. */
static gsize
hypha_websocket_connection_parse (HyphaWebsocketConnection *self,
                                  guint8                   *data,
                                  gsize                     size)
{
  gsize pos = 0;

  while (pos < size && hypha_websocket_connection_takes_frames (self))
    {
      HyphaReaderItem item;
      gsize used;
      HyphaReaderResult result = hypha_reader_next (&self->reader, data + pos, size - pos, &used,
                                                    &item);

      pos += used;
      if (result == HYPHA_READER_MORE && used == 0)
        break;

      hypha_websocket_connection_handle (self, result, &item);
    }

  return pos;
}

/* Keeps what was not used, in memory of just that size. */
static void
hypha_websocket_connection_keep (HyphaWebsocketConnection *self,
                                 const guint8             *data,
                                 gsize                     size)
{
  if (size == 0 || self->state >= STATE_LINGERING)
    return;

  self->input = g_memdup2 (data, size);
  self->input_size = size;
  self->backlog = !hypha_websocket_connection_takes_frames (self);
}

/* Takes up what was read before: by libsoup, or before the reader was told to stop. */
static void
hypha_websocket_connection_parse_backlog (HyphaWebsocketConnection *self)
{
  g_autofree guint8 *data = g_steal_pointer (&self->input);
  gsize size = self->input_size;
  gsize used;

  self->input_size = 0;
  self->backlog = FALSE;
  used = hypha_websocket_connection_parse (self, data, size);
  hypha_websocket_connection_keep (self, data + used, size - used);
}

static gssize
hypha_websocket_connection_receive (HyphaWebsocketConnection *self,
                                    guint8                   *buffer,
                                    gsize                     size)
{
  gssize n;

  do
    n = recv (self->client.fd, buffer, size, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);

  if (n < 0 && errno == EAGAIN)
    return 0;

  if (n > 0)
    {
      self->heard_at = hypha_websocket_connection_get_time (self);
      self->pinged = FALSE;
      return n;
    }

  hypha_websocket_connection_lose (self, n == 0 ? "connection closed without a close frame"
                                                : "connection lost");
  return 0;
}

/* Reads the rest of a long frame to its place. TRUE if the socket may have more. */
static gboolean
hypha_websocket_connection_read_long (HyphaWebsocketConnection *self,
                                      gsize                    *budget)
{
  HyphaReaderItem item;
  gsize size;
  guint8 *space = hypha_reader_get_space (&self->reader, &size);
  gssize n = hypha_websocket_connection_receive (self, space, size);

  if (n <= 0)
    return FALSE;

  *budget -= MIN (*budget, (gsize) n);
  hypha_websocket_connection_handle (self, hypha_reader_filled (&self->reader, (gsize) n, &item),
                                     &item);
  return (gsize) n == size;
}

/* Reads into the shared buffer, behind the start of a frame that was kept, and takes the frames. */
static gboolean
hypha_websocket_connection_read_short (HyphaWebsocketConnection *self,
                                       gsize                    *budget)
{
  guint8 *scratch = hypha_poller_get_scratch (self->poller);
  gsize kept = self->input_size;
  gsize size = self->reader.long_frames ? PEEK_SIZE : HYPHA_POLLER_SCRATCH - kept;
  gsize used;
  gssize n;

  if (kept > 0)
    memcpy (scratch, self->input, kept);

  n = hypha_websocket_connection_receive (self, scratch + kept, size);
  if (n <= 0)
    return FALSE;

  hypha_websocket_connection_drop_input (self);
  *budget -= MIN (*budget, (gsize) n);
  used = hypha_websocket_connection_parse (self, scratch, kept + (gsize) n);
  hypha_websocket_connection_keep (self, scratch + used, kept + (gsize) n - used);
  return (gsize) n == size;
}

/* One client's share of a turn: one buffer's worth, in one read or a few. */
static void
hypha_websocket_connection_read (HyphaWebsocketConnection *self)
{
  gsize budget = HYPHA_POLLER_SCRATCH;
  gboolean more = TRUE;

  if (self->state == STATE_LINGERING)
    {
      hypha_websocket_connection_receive (self, hypha_poller_get_scratch (self->poller), budget);
      return;
    }

  while (more && budget > 0 && hypha_websocket_connection_takes_frames (self))
    {
      if (self->reader.frame_left > 0)
        more = hypha_websocket_connection_read_long (self, &budget);
      else
        more = hypha_websocket_connection_read_short (self, &budget);
    }
}

static void
hypha_websocket_connection_ready (HyphaPollerClient *client,
                                  guint              events)
{
  g_autoptr (HyphaWebsocketConnection) self =
    g_object_ref (hypha_websocket_connection_from_client (client));

  if ((events & EPOLLOUT) != 0)
    hypha_poller_mark_dirty (self->poller, client);

  /* An earlier handler of this turn may have stopped the reading. */
  if ((client->events & EPOLLIN) != 0)
    {
      if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
        hypha_websocket_connection_read (self);
      return;
    }

  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
    hypha_websocket_connection_lose (self, "connection lost");
}

/* Enough was written for the clock that watches a slow reader to start again. */
static void
hypha_websocket_connection_note_progress (HyphaWebsocketConnection *self,
                                          gsize                     written)
{
  if (!self->over_budget)
    return;

  self->stall_written += written;
  if (self->outbox.queued < HYPHA_CONNECTION_QUEUE_BUDGET / 2)
    {
      self->over_budget = FALSE;
      hypha_websocket_connection_update_deadline (self);
      hypha_connection_emit_drained (HYPHA_CONNECTION (self));
      return;
    }

  if (self->stall_written < HYPHA_WEBSOCKET_STALL_PROGRESS)
    return;

  self->stall_written = 0;
  self->stalled_at = hypha_websocket_connection_get_time (self);
  hypha_websocket_connection_update_deadline (self);
}

static void
hypha_websocket_connection_write (HyphaWebsocketConnection *self)
{
  gsize before = self->outbox.queued;
  HyphaOutboxStatus status = hypha_outbox_flush (&self->outbox, self->client.fd);

  if (status == HYPHA_OUTBOX_FAILED)
    {
      hypha_websocket_connection_lose (self, "connection lost");
      return;
    }

  if (status == HYPHA_OUTBOX_EMPTY)
    {
      self->n_pongs = 0;

      /* The peer sees the end of the stream and closes its side; then we can. */
      if (self->state == STATE_LINGERING)
        shutdown (self->client.fd, SHUT_WR);
    }

  hypha_websocket_connection_note_progress (self, before - self->outbox.queued);
}

static void
hypha_websocket_connection_end_over_cap (HyphaWebsocketConnection *self)
{
  hypha_connection_emit_closed (HYPHA_CONNECTION (self), HYPHA_CLOSE_TRY_AGAIN,
                                "too much is waiting to be read");
  hypha_websocket_connection_shut (self);
}

static void
hypha_websocket_connection_flush (HyphaPollerClient *client)
{
  g_autoptr (HyphaWebsocketConnection) self =
    g_object_ref (hypha_websocket_connection_from_client (client));

  if (self->over_cap)
    {
      hypha_websocket_connection_end_over_cap (self);
      return;
    }

  if (self->backlog && hypha_websocket_connection_takes_frames (self))
    hypha_websocket_connection_parse_backlog (self);

  if (self->state != STATE_SHUT)
    hypha_websocket_connection_write (self);

  if (self->state != STATE_SHUT)
    hypha_websocket_connection_update_events (self);
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
  HyphaWebsocketConnection *self = HYPHA_WEBSOCKET_CONNECTION (connection);

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
  return HYPHA_WEBSOCKET_CONNECTION (connection)->outbox.queued;
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
