/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-shares-private.h"

G_BEGIN_DECLS

/* Unfinished messages of one client; pieces of one message, and how far ahead one may come. */
#define HYPHA_CHUNKS_MAX_ENTRIES 64
#define HYPHA_CHUNKS_MAX_PIECES 65536
#define HYPHA_CHUNKS_MAX_GAP 1024
/* Longest key of a message, in bytes. */
#define HYPHA_CHUNKS_MAX_KEY 256
/* Bytes of one client, of one user, of all guests together, and of all. */
#define HYPHA_CHUNKS_MAX_BYTES (256 * 1024 * 1024)
#define HYPHA_CHUNKS_MAX_ACCOUNT (512 * 1024 * 1024)
#define HYPHA_CHUNKS_MAX_GUESTS (160 * 1024 * 1024)
#define HYPHA_CHUNKS_MAX_TOTAL (1024 * 1024 * 1024)
/* After so many seconds what is not whole yet is dropped. */
#define HYPHA_CHUNKS_MAX_AGE 300
/* What a message and the place of a piece count besides the bytes of the pieces. */
#define HYPHA_CHUNKS_ENTRY_COST 1024
#define HYPHA_CHUNKS_PIECE_COST 256

typedef struct
{
  gsize client;
  gsize account;
  gsize guests;
  gsize total;
  guint age;     /* milliseconds */
} HyphaChunkLimits;

/*
 * Messages of others that are not whole yet. Each belongs to the client that began it: nobody else
 * can add to it, take it or see that it is there. What they hold is shared out: a client may take
 * what it leaves its user, and a user what is left for all others; all guests are one user.
 */
typedef struct _HyphaChunkStore HyphaChunkStore;

HyphaChunkStore *hypha_chunk_store_new         (const HyphaChunkLimits  *limits);
void             hypha_chunk_store_free        (HyphaChunkStore         *self);
gboolean         hypha_chunk_store_create      (HyphaChunkStore         *self,
                                                const char              *from,
                                                const char              *account,
                                                const char              *key,
                                                gboolean                 overwrite,
                                                GError                 **error);
gboolean         hypha_chunk_store_put         (HyphaChunkStore         *self,
                                                const char              *from,
                                                const char              *key,
                                                gint64                   index,
                                                GVariant                *piece,
                                                GError                 **error);
GByteArray      *hypha_chunk_store_take        (HyphaChunkStore         *self,
                                                const char              *from,
                                                const char              *key,
                                                GError                 **error);
gboolean         hypha_chunk_store_remove      (HyphaChunkStore         *self,
                                                const char              *from,
                                                const char              *key,
                                                GError                 **error);
void             hypha_chunk_store_client_gone (HyphaChunkStore         *self,
                                                const char              *from);
void             hypha_chunk_store_set_shares  (HyphaChunkStore         *self,
                                                HyphaShares             *shares);
gsize            hypha_chunk_store_get_total   (HyphaChunkStore         *self);
gboolean         hypha_chunk_store_is_sweeping (HyphaChunkStore         *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaChunkStore, hypha_chunk_store_free)

G_END_DECLS
