/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-message-private.h"

G_BEGIN_DECLS

/* Unfinished messages of one sender, and bytes of pieces that came before their turn, of one. */
#define HYPHA_CHUNK_WATCH_MAX_ENTRIES 64
#define HYPHA_CHUNK_WATCH_MAX_AHEAD (32 * 1024 * 1024)

/*
 * Watches messages that go to another client in pieces: the pieces are put together by the
 * receiver, out of the router's sight, so they are checked on their way.
 */
typedef struct _HyphaChunkWatch HyphaChunkWatch;

HyphaChunkWatch *hypha_chunk_watch_new     (void);
void             hypha_chunk_watch_free    (HyphaChunkWatch     *self);
gboolean         hypha_chunk_watch_inspect (HyphaChunkWatch     *self,
                                            const char          *sender,
                                            const char          *target,
                                            gboolean             refuse_sealed,
                                            const HyphaMessage  *message,
                                            GBytes             **instead,
                                            GError             **error);
void             hypha_chunk_watch_forget  (HyphaChunkWatch     *self,
                                            const char          *peer);
guint            hypha_chunk_watch_get_n_entries (HyphaChunkWatch *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaChunkWatch, hypha_chunk_watch_free)

G_END_DECLS
