/* SPDX-License-Identifier: MIT */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Calls that may be in service: in all, of one user (of all guests together), of one client. */
#define HYPHA_RPC_MAX_SERVING 16384
#define HYPHA_RPC_MAX_SERVING_USER 4096
#define HYPHA_RPC_MAX_SERVING_CALLER 256
/*
 * Memory that the arguments of those calls may take: in all, of one user or all guests, of which a
 * client leaves as much as it takes. More than the longest message comes to.
 */
#define HYPHA_RPC_MAX_ARGUMENTS (1024 * 1024 * 1024)
#define HYPHA_RPC_MAX_ARGUMENTS_USER (512 * 1024 * 1024)

typedef struct _HyphaRpcCallers HyphaRpcCallers;

HyphaRpcCallers *hypha_rpc_callers_new      (void);
void             hypha_rpc_callers_free     (HyphaRpcCallers  *self);
gboolean         hypha_rpc_callers_has_room (HyphaRpcCallers  *self,
                                             const char       *caller,
                                             GVariant         *user,
                                             gsize             memory,
                                             GError          **error);
void             hypha_rpc_callers_add      (HyphaRpcCallers  *self,
                                             const char       *caller,
                                             GVariant         *user,
                                             gsize             memory,
                                             GCancellable     *cancellable);
void             hypha_rpc_callers_remove   (HyphaRpcCallers  *self,
                                             const char       *caller,
                                             GCancellable     *cancellable);
GPtrArray       *hypha_rpc_callers_list     (HyphaRpcCallers  *self,
                                             const char       *caller);
const char      *hypha_rpc_callers_get_account (const char    *caller,
                                                GVariant      *user);
guint            hypha_rpc_callers_get_size (HyphaRpcCallers  *self);

G_END_DECLS
