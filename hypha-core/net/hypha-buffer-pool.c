/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-buffer-pool-private.h"

#define MAX_BUFFERS 256

typedef struct
{
  guint8 *data;
  gsize   capacity;
} HyphaBuffer;

typedef struct
{
  HyphaBufferPool *pool;
  HyphaBuffer      buffer;
} HyphaPooledBytes;

struct _HyphaBufferPool
{
  GMutex      lock;
  HyphaBuffer buffers[MAX_BUFFERS];
  guint       n_buffers;
  gsize       size;
};

HyphaBufferPool *
hypha_buffer_pool_new (void)
{
  HyphaBufferPool *self = g_atomic_rc_box_new0 (HyphaBufferPool);

  g_mutex_init (&self->lock);
  return self;
}

/* Frees what the pool keeps. */
void
hypha_buffer_pool_empty (HyphaBufferPool *self)
{
  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->n_buffers; i++)
    g_free (self->buffers[i].data);

  self->n_buffers = 0;
  self->size = 0;
  g_mutex_unlock (&self->lock);
}

static void
hypha_buffer_pool_destroy (gpointer data)
{
  HyphaBufferPool *self = data;

  hypha_buffer_pool_empty (self);
  g_mutex_clear (&self->lock);
}

void
hypha_buffer_pool_unref (HyphaBufferPool *self)
{
  g_atomic_rc_box_release_full (self, hypha_buffer_pool_destroy);
}

/* One that is not so large that most of it would lie idle. */
static HyphaBuffer *
hypha_buffer_pool_find (HyphaBufferPool *self,
                        gsize            wanted)
{
  /* The last one that came is the most likely to be in the processor's cache still. */
  for (guint i = self->n_buffers; i > 0; i--)
    {
      HyphaBuffer *buffer = &self->buffers[i - 1];

      if (buffer->capacity >= wanted && buffer->capacity / 2 <= wanted)
        return buffer;
    }

  return NULL;
}

/* A buffer of at least that size that is at hand; NULL if none is. */
guint8 *
hypha_buffer_pool_take (HyphaBufferPool *self,
                        gsize            wanted,
                        gsize           *capacity)
{
  HyphaBuffer *found;
  guint8 *data = NULL;

  g_mutex_lock (&self->lock);
  found = hypha_buffer_pool_find (self, wanted);
  if (found != NULL)
    {
      data = found->data;
      *capacity = found->capacity;
      self->size -= found->capacity;
      *found = self->buffers[--self->n_buffers];
    }
  g_mutex_unlock (&self->lock);

  return data;
}

/* Takes the buffer over: keeps it, or frees it if the pool has enough. */
void
hypha_buffer_pool_give (HyphaBufferPool *self,
                        guint8          *data,
                        gsize            capacity)
{
  g_autofree guint8 *refused = data;

  if (capacity < HYPHA_BUFFER_POOL_SMALLEST)
    return;

  g_mutex_lock (&self->lock);
  if (self->n_buffers < MAX_BUFFERS && capacity <= HYPHA_BUFFER_POOL_MAX - self->size)
    {
      self->buffers[self->n_buffers].data = g_steal_pointer (&refused);
      self->buffers[self->n_buffers++].capacity = capacity;
      self->size += capacity;
    }
  g_mutex_unlock (&self->lock);
}

static void
hypha_pooled_bytes_free (gpointer data)
{
  HyphaPooledBytes *bytes = data;

  hypha_buffer_pool_give (bytes->pool, bytes->buffer.data, bytes->buffer.capacity);
  hypha_buffer_pool_unref (bytes->pool);
  g_free (bytes);
}

/* Bytes over a buffer that comes back to the pool in the end. */
GBytes *
hypha_buffer_pool_wrap (HyphaBufferPool *self,
                        guint8          *data,
                        gsize            size,
                        gsize            capacity)
{
  HyphaPooledBytes *bytes = g_new (HyphaPooledBytes, 1);

  bytes->pool = g_atomic_rc_box_acquire (self);
  bytes->buffer = (HyphaBuffer){ data, capacity };
  return g_bytes_new_with_free_func (data, size, hypha_pooled_bytes_free, bytes);
}

gsize
hypha_buffer_pool_get_size (HyphaBufferPool *self)
{
  gsize size;

  g_mutex_lock (&self->lock);
  size = self->size;
  g_mutex_unlock (&self->lock);

  return size;
}
