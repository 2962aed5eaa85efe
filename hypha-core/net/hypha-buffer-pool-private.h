/* SPDX-License-Identifier: MIT */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * Keeps some buffers from one turn to the next. The allocator gives memory back to the kernel as
 * soon as some has gathered, and every page of it has to be faulted in again for the next turn,
 * which costs more than the copying that it is for.
 *
 * Messages may be freed by any thread, so a pool may be used by any.
 */
typedef struct _HyphaBufferPool HyphaBufferPool;

/* What a pool keeps at most, in bytes. */
#define HYPHA_BUFFER_POOL_MAX ((gsize) 8 * 1024 * 1024)

/* Smaller buffers are the allocator's business. */
#define HYPHA_BUFFER_POOL_SMALLEST ((gsize) 4 * 1024)

HyphaBufferPool *hypha_buffer_pool_new      (void);
void             hypha_buffer_pool_unref    (HyphaBufferPool *self);
guint8          *hypha_buffer_pool_take     (HyphaBufferPool *self,
                                             gsize            wanted,
                                             gsize           *capacity);
void             hypha_buffer_pool_give     (HyphaBufferPool *self,
                                             guint8          *data,
                                             gsize            capacity);
GBytes          *hypha_buffer_pool_wrap     (HyphaBufferPool *self,
                                             guint8          *data,
                                             gsize            size,
                                             gsize            capacity);
gsize            hypha_buffer_pool_get_size (HyphaBufferPool *self);
void             hypha_buffer_pool_empty    (HyphaBufferPool *self);

G_END_DECLS
