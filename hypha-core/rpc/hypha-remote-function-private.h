/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-session-private.h"

G_BEGIN_DECLS

/*
 * A function of another client, as it came in a value: {_rtype: "method", …}. It belongs to whoever
 * sent the value: an address that names a third client is refused, because calling it would lend
 * our rights to the sender.
 */
typedef struct _HyphaRemoteFunction HyphaRemoteFunction;

/* from is the absolute id of the client whose message held the address, stamped by the router. */
HyphaRemoteFunction *hypha_remote_function_new        (HyphaRpc             *rpc,
                                                       GVariant             *address,
                                                       const char           *from,
                                                       GError              **error);
HyphaRemoteFunction *hypha_remote_function_ref        (HyphaRemoteFunction  *self);
void                 hypha_remote_function_unref      (HyphaRemoteFunction  *self);
const char          *hypha_remote_function_get_target (HyphaRemoteFunction  *self);

/* request->parent is set by the function itself. A function that promises nothing ends at once. */
void                 hypha_remote_function_call_async (HyphaRemoteFunction   *self,
                                                       const HyphaRpcRequest *request,
                                                       GCancellable          *cancellable,
                                                       GAsyncReadyCallback    callback,
                                                       gpointer               user_data);
GVariant            *hypha_remote_function_call_finish (HyphaRemoteFunction  *self,
                                                        GAsyncResult         *result,
                                                        GError              **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaRemoteFunction, hypha_remote_function_unref)

G_END_DECLS
