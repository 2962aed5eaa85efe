/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-message-private.h"

G_BEGIN_DECLS

/* Unfinished messages of one sender. */
#define HYPHA_CHUNK_WATCH_MAX_ENTRIES 64
/*
 * Bytes of pieces that came before their turn, and what unfinished messages cost besides: of one
 * sender (64 MiB over HTTP arrive in any order), of one user, of all guests together, and of all.
 */
#define HYPHA_CHUNK_WATCH_MAX_AHEAD (65 * 1024 * 1024)
#define HYPHA_CHUNK_WATCH_MAX_ACCOUNT (192 * 1024 * 1024)
#define HYPHA_CHUNK_WATCH_MAX_GUESTS (64 * 1024 * 1024)
#define HYPHA_CHUNK_WATCH_MAX_TOTAL (512 * 1024 * 1024)
/* After so many seconds without a call a message is given up. */
#define HYPHA_CHUNK_WATCH_MAX_AGE 300

/*
 * Watches messages that go to another client in pieces: the pieces are put together by the
 * receiver, out of the router's sight, so they are checked on their way.
 */
typedef struct _HyphaChunkWatch HyphaChunkWatch;

/* Who sends to whom: absolute ids, and the account of the sender. */
typedef struct
{
  const char *sender;
  const char *account;
  const char *target;
  gboolean    refuse_sealed;
} HyphaChunkRoute;

HyphaChunkWatch *hypha_chunk_watch_new           (void);
void             hypha_chunk_watch_free          (HyphaChunkWatch        *self);
gboolean         hypha_chunk_watch_inspect       (HyphaChunkWatch        *self,
                                                  const HyphaChunkRoute  *route,
                                                  const HyphaMessage     *message,
                                                  GBytes                **instead,
                                                  GError                **error);
void             hypha_chunk_watch_forget        (HyphaChunkWatch        *self,
                                                  const char             *peer);
guint            hypha_chunk_watch_get_n_entries (HyphaChunkWatch        *self);
gsize            hypha_chunk_watch_get_bytes     (HyphaChunkWatch        *self);
gboolean         hypha_chunk_watch_is_sweeping   (HyphaChunkWatch        *self);
void             hypha_chunk_watch_set_max_age   (HyphaChunkWatch        *self,
                                                  guint                   milliseconds);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaChunkWatch, hypha_chunk_watch_free)

G_END_DECLS
