/* SPDX-License-Identifier: MIT */
#pragma once

#include "test-hub-fixture.h"

G_BEGIN_DECLS

/* The two halves of a call, as texts of GVariants. */
#define CALL "{'type': <'method'>, 'from': <'x'>, 'to': <'ws-b/b'>, 'method': <'services.s.f'>}"
#define ARGS "{'args': <[<'a'>, <int64 300>, <2.5>, <@ay [1, 2, 3]>, <{'k': <@av []>}>]>," \
             " 'promise': <'*'>, 't': <int64 15>}"

/* Two clients that share no workspace. */
typedef struct
{
  Hub    *hub;
  Client *a;
  Client *b;
} ChunkPair;

GByteArray *message_new     (const char *envelope,
                             const char *extra);
GVariant   *piece           (GByteArray *bytes,
                             guint       from,
                             guint       to);

ChunkPair   chunk_pair_new  (void);
void        chunk_pair_free (ChunkPair  *pair);
gboolean    deliver         (ChunkPair  *pair,
                             const char *verb,
                             GVariant   *args);

G_END_DECLS
