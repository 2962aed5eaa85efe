/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-rpc-internal-private.h"

G_BEGIN_DECLS

/* Messages in pieces: entries and bytes of one client, bytes of all, and age in seconds. */
#define HYPHA_CHUNKS_MAX_ENTRIES 64
#define HYPHA_CHUNKS_MAX_BYTES (256 * 1024 * 1024)
#define HYPHA_CHUNKS_MAX_TOTAL (1024 * 1024 * 1024)
#define HYPHA_CHUNKS_MAX_PIECES 65536
#define HYPHA_CHUNKS_MAX_AGE 300
/* How far ahead of its turn a piece may come, in pieces. */
#define HYPHA_CHUNKS_MAX_GAP 1024
/* Long messages that wait to be sent, in bytes: to one client (64 MiB of value, and what is around
 * it), and to all. */
#define HYPHA_CHUNKS_MAX_OUTGOING (65 * 1024 * 1024)
#define HYPHA_CHUNKS_MAX_OUTGOING_TOTAL (512 * 1024 * 1024)

HyphaRpcChunks *hypha_rpc_chunks_new         (HyphaRpc        *rpc);
void            hypha_rpc_chunks_free        (HyphaRpcChunks  *self);
void            hypha_rpc_chunks_add_methods (HyphaRpcChunks  *self,
                                              HyphaService    *service);
void            hypha_rpc_chunks_peer_gone   (HyphaRpcChunks  *self,
                                              const char      *peer);
gsize           hypha_rpc_chunks_get_total   (HyphaRpcChunks  *self);
gsize           hypha_rpc_chunks_get_outgoing (HyphaRpcChunks *self);
gboolean        hypha_rpc_chunks_count_outgoing (HyphaRpcChunks *self,
                                                 const char     *to,
                                                 gssize          change);
void            hypha_rpc_chunks_send        (HyphaRpc        *rpc,
                                              const char      *to,
                                              const char      *answered,
                                              const char      *session,
                                              GBytes          *message);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaRpcChunks, hypha_rpc_chunks_free)

G_END_DECLS
