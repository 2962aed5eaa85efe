/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-chunk-call-private.h"
#include "hypha-message-scanner-private.h"

G_BEGIN_DECLS

/* What a message, and a piece that waits for its turn, count besides the bytes of that. */
#define HYPHA_CHUNK_ENTRY_COST (16 * 1024)
#define HYPHA_CHUNK_ENTRY_PIECE_COST 256

/* A message that goes to another client in pieces. */
typedef struct
{
  char                *id;      /* “target key” */
  char                *sender;
  char                *target;
  HyphaMessageScanner *scanner;
  guint64              next;    /* index of the piece that is to be checked next */
  GHashTable          *ahead;   /* index → GBytes: pieces that came before their turn */
  gsize                bytes;   /* what it counts */
  gboolean             heartbeat;
  const char          *verb;    /* how its pieces come, append or set; NULL before the first */
  gint64               touched; /* monotonic; when the last call came */
} HyphaChunkEntry;

HyphaChunkEntry *hypha_chunk_entry_new      (const char            *id,
                                             const char            *sender,
                                             const char            *target,
                                             const HyphaChunkCall  *call);
void             hypha_chunk_entry_free     (gpointer               data);
gsize            hypha_chunk_entry_weigh    (HyphaChunkEntry       *self,
                                             const HyphaChunkCall  *call);
gboolean         hypha_chunk_entry_put      (HyphaChunkEntry       *self,
                                             HyphaChunkCall        *call,
                                             GError               **error);
gboolean         hypha_chunk_entry_is_whole (HyphaChunkEntry       *self);

G_END_DECLS
