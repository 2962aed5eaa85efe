/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-websocket-internal-private.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* What a connection does in a turn of the poller: read, take frames, write. */

/* After a huge frame, the next read takes no more than this, so that the rest needs no copy. */
#define PEEK_SIZE ((gsize) 16 * 1024)

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
  switch (result)
    {
    case HYPHA_READER_MESSAGE:
      if (self->state == STATE_OPEN)
        hypha_connection_receive (&self->parent_instance, (HyphaFrameType) item->opcode,
                                  &item->slice);
      g_clear_pointer (&item->slice.owner, g_bytes_unref);
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
  gsize size = self->reader.huge_frames ? PEEK_SIZE : HYPHA_POLLER_SCRATCH - kept;
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

void
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

void
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
