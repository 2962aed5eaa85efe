/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-chunk-store-private.h"
#include "hypha-rpc-internal-private.h"

G_BEGIN_DECLS

/* Long messages that wait to be sent, in bytes: to one client (64 MiB of value, and what is around
 * it), and to all. */
#define HYPHA_CHUNKS_MAX_OUTGOING (65 * 1024 * 1024)
#define HYPHA_CHUNKS_MAX_OUTGOING_TOTAL (512 * 1024 * 1024)

HyphaRpcChunks *hypha_rpc_chunks_new         (HyphaRpc        *rpc);
void            hypha_rpc_chunks_free        (HyphaRpcChunks  *self);
void            hypha_rpc_chunks_add_methods (HyphaRpcChunks  *self,
                                              HyphaService    *service);
void            hypha_rpc_chunks_set_shares  (HyphaRpcChunks  *self,
                                              HyphaShares     *shares);
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
