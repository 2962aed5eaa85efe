/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-message-private.h"

G_BEGIN_DECLS

/* Longest key of a message, and longest call with a piece: longer ones Python does not take. */
#define HYPHA_CHUNK_CALL_MAX_KEY 256
#define HYPHA_CHUNK_CALL_MAX_SIZE (502 * 1024)

/* One call that delivers a piece, or begins or ends its message, and where its arguments lie. */
typedef struct
{
  const char      *verb;
  HyphaSpan        key;
  guint64          index;
  gboolean         answered;      /* there is a session that waits for an answer */
  gboolean         heartbeat;
  gboolean         overwrite;
  gboolean         refuse_sealed; /* if what is begun turns out to be encrypted */
  const guint8    *piece;
  gsize            size;
  gsize            parent;        /* in the first piece: where its message has that key; else 0 */
  gsize            begin;
  gsize            end;
} HyphaChunkCall;

gboolean hypha_chunk_call_parse       (HyphaChunkCall        *call,
                                       const HyphaMessage    *message,
                                       GError               **error);
gboolean hypha_chunk_call_fail        (const char            *problem,
                                       GError               **error);
gboolean hypha_chunk_call_get_session (const HyphaMessage    *message,
                                       HyphaSpan             *session);
GBytes  *hypha_chunk_call_overwrite   (const HyphaChunkCall  *call,
                                       const HyphaMessage    *message);
GBytes  *hypha_chunk_call_drop_parent (const HyphaChunkCall  *call,
                                       const HyphaMessage    *message);

G_END_DECLS
