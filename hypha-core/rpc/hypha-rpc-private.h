/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-connection-private.h"
#include "hypha-rpc-codec-private.h"
#include "hypha-service-private.h"
#include "hypha-shares-private.h"

G_BEGIN_DECLS

/* Longest frame that we send; longer messages go in chunks. Both in bytes, as hypha-rpc has them. */
#define HYPHA_RPC_CHUNK_SIZE 262144
#define HYPHA_RPC_MAX_FRAME (HYPHA_RPC_CHUNK_SIZE + 1024)
/* How long a callee may be silent before a call fails, in milliseconds. */
#define HYPHA_RPC_TIMEOUT 30000
/*
 * Calls that may wait for their answer. More than HYPHA_RPC_MAX_SERVING and all that the manager asks
 * many for at once, so that no caller can take the last one.
 */
#define HYPHA_RPC_MAX_PENDING 32768

/*
 * Heartbeats a second, of all calls in service together: the more calls there are the rarer is each
 * told to wait, as often as twice a second still when nobody else can be served.
 */
#define HYPHA_RPC_MAX_BEATS 32768

#define HYPHA_TYPE_RPC (hypha_rpc_get_type ())

G_DECLARE_FINAL_TYPE (HyphaRpc, hypha_rpc, HYPHA, RPC, GObject)

HyphaRpc   *hypha_rpc_new             (HyphaConnection      *connection,
                                       const char           *id,
                                       const char           *server_url);
void        hypha_rpc_close           (HyphaRpc             *self);
void        hypha_rpc_set_chunk_shares (HyphaRpc             *self,
                                       HyphaShares          *shares);
void        hypha_rpc_set_server_url  (HyphaRpc             *self,
                                       const char           *server_url);
const char *hypha_rpc_get_id          (HyphaRpc             *self);
const char *hypha_rpc_get_server_url  (HyphaRpc             *self);
void        hypha_rpc_add_service     (HyphaRpc             *self,
                                       HyphaService         *service);
gboolean    hypha_rpc_remove_service  (HyphaRpc             *self,
                                       const char           *id);
void        hypha_rpc_call_async      (HyphaRpc             *self,
                                       const char           *target,
                                       const char           *method,
                                       GVariant             *args,
                                       guint                 timeout,
                                       GCancellable         *cancellable,
                                       GAsyncReadyCallback   callback,
                                       gpointer              user_data);
GVariant   *hypha_rpc_call_finish     (HyphaRpc             *self,
                                       GAsyncResult         *result,
                                       GError              **error);
void        hypha_rpc_peer_gone       (HyphaRpc             *self,
                                       const char           *peer);
guint       hypha_rpc_get_n_pending   (HyphaRpc             *self);
guint       hypha_rpc_get_n_serving   (HyphaRpc             *self);

G_END_DECLS
