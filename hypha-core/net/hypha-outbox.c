/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-outbox-private.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/*
 * Copies go into chunks that double from the first size to the last while they stay in a row:
 * a lone message costs little, a burst few allocations. All are of sizes that the pool keeps.
 */
#define CHUNK_FIRST (HYPHA_BUFFER_POOL_SMALLEST - sizeof (HyphaChunk))
#define CHUNK_LAST ((gsize) 64 * 1024)

/* Runs handed to the kernel in one call. */
#define MAX_RUNS 64

typedef struct _HyphaChunk
{
  struct _HyphaChunk *next;
  const guint8       *data;
  gsize               size;
  gsize               capacity; /* 0 where owner keeps the bytes */
  GBytes             *owner;
  guint8              bytes[];
} HyphaChunk;

static void
hypha_outbox_free_chunk (HyphaOutbox *self,
                         HyphaChunk  *chunk)
{
  g_clear_pointer (&chunk->owner, g_bytes_unref);
  if (self->pool != NULL)
    hypha_buffer_pool_give (self->pool, (guint8 *) chunk, sizeof (HyphaChunk) + chunk->capacity);
  else
    g_free (chunk);
}

static HyphaChunk *
hypha_outbox_new_chunk (HyphaOutbox *self,
                        gsize        capacity)
{
  gsize size = sizeof (HyphaChunk) + capacity;
  HyphaChunk *chunk = NULL;

  if (self->pool != NULL && size >= HYPHA_BUFFER_POOL_SMALLEST)
    chunk = (HyphaChunk *) (gpointer) hypha_buffer_pool_take (self->pool, size, &size);
  if (chunk == NULL)
    chunk = g_malloc (size);

  chunk->capacity = size - sizeof (HyphaChunk);
  return chunk;
}

static HyphaChunk *
hypha_outbox_push (HyphaOutbox *self,
                   gsize        capacity)
{
  HyphaChunk *chunk = hypha_outbox_new_chunk (self, capacity);

  chunk->next = NULL;
  chunk->data = chunk->bytes;
  chunk->size = 0;
  chunk->owner = NULL;
  if (self->tail != NULL)
    self->tail->next = chunk;
  else
    self->head = chunk;

  self->tail = chunk;
  return chunk;
}

static gsize
hypha_outbox_next_capacity (HyphaOutbox *self,
                            gsize        wanted)
{
  gsize last = self->tail != NULL ? self->tail->capacity : 0;

  return MAX (wanted, CLAMP (last * 2, CHUNK_FIRST, CHUNK_LAST));
}

static void
hypha_outbox_copy (HyphaOutbox  *self,
                   const guint8 *data,
                   gsize         size)
{
  HyphaChunk *chunk = self->tail;
  gsize room = chunk != NULL && chunk->capacity > 0 ? chunk->capacity - chunk->size : 0;
  gsize first = MIN (room, size);

  if (first > 0)
    {
      memcpy (chunk->bytes + chunk->size, data, first);
      chunk->size += first;
    }

  if (first == size)
    return;

  chunk = hypha_outbox_push (self, hypha_outbox_next_capacity (self, size - first));
  memcpy (chunk->bytes, data + first, size - first);
  chunk->size = size - first;
}

void
hypha_outbox_append (HyphaOutbox      *self,
                     const HyphaSlice *slice)
{
  HyphaChunk *chunk;

  self->queued += slice->size;
  if (slice->owner == NULL || slice->size < HYPHA_OUTBOX_REFERENCE)
    {
      hypha_outbox_copy (self, slice->data, slice->size);
      return;
    }

  chunk = hypha_outbox_push (self, 0);
  chunk->data = slice->data;
  chunk->size = slice->size;
  chunk->owner = g_bytes_ref (slice->owner);
}

static void
hypha_outbox_drop (HyphaOutbox *self,
                   gsize        size)
{
  self->queued -= size;
  size += self->head_written;
  while (self->head != NULL && size >= self->head->size)
    {
      HyphaChunk *chunk = self->head;

      size -= chunk->size;
      self->head = chunk->next;
      hypha_outbox_free_chunk (self, chunk);
    }

  self->head_written = size;
  if (self->head == NULL)
    self->tail = NULL;
}

static gssize
hypha_outbox_write (HyphaOutbox *self,
                    int          fd,
                    gsize       *offered)
{
  struct iovec runs[MAX_RUNS];
  struct msghdr message = { .msg_iov = runs };
  gsize skip = self->head_written;
  gssize written;

  *offered = 0;
  for (HyphaChunk *c = self->head; c != NULL && message.msg_iovlen < MAX_RUNS; c = c->next)
    {
      struct iovec *run = &runs[message.msg_iovlen++];

      run->iov_base = (guint8 *) c->data + skip;
      run->iov_len = c->size - skip;
      *offered += run->iov_len;
      skip = 0;
    }

  /*
   * Not write or writev: a peer that has gone must be an error here, not a signal for the process.
   * Most often there is one run, and a plain send costs the kernel less.
   */
  do
    written = message.msg_iovlen == 1
                ? send (fd, runs[0].iov_base, runs[0].iov_len, MSG_NOSIGNAL | MSG_DONTWAIT)
                : sendmsg (fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (written < 0 && errno == EINTR);
  return written;
}

/* Writes what the socket takes, up to one share. */
HyphaOutboxStatus
hypha_outbox_flush (HyphaOutbox *self,
                    int          fd)
{
  gsize share = HYPHA_OUTBOX_SHARE;

  while (self->queued > 0)
    {
      gsize offered;
      gssize written = hypha_outbox_write (self, fd, &offered);

      if (written < 0)
        return errno == EAGAIN ? HYPHA_OUTBOX_PENDING : HYPHA_OUTBOX_FAILED;

      hypha_outbox_drop (self, (gsize) written);
      if ((gsize) written < offered || (gsize) written >= share)
        break;

      share -= (gsize) written;
    }

  return self->queued > 0 ? HYPHA_OUTBOX_PENDING : HYPHA_OUTBOX_EMPTY;
}

void
hypha_outbox_clear (HyphaOutbox *self)
{
  while (self->head != NULL)
    {
      HyphaChunk *chunk = self->head;

      self->head = chunk->next;
      hypha_outbox_free_chunk (self, chunk);
    }

  *self = (HyphaOutbox){ .pool = self->pool };
}
