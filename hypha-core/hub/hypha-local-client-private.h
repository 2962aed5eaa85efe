/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-router-private.h"
#include "hypha-rpc-private.h"

G_BEGIN_DECLS

/*
 * A client of the router inside this process: the manager, the host program, and whoever calls over
 * HTTP. The router stamps and checks it like any other; its address must be free.
 */
typedef struct _HyphaLocalClient HyphaLocalClient;

HyphaLocalClient *hypha_local_client_new      (HyphaRouter      *router,
                                               const char       *workspace,
                                               const char       *client,
                                               HyphaUserInfo    *user,
                                               const char       *server_url);
void              hypha_local_client_free     (HyphaLocalClient *self);
HyphaRpc         *hypha_local_client_get_rpc  (HyphaLocalClient *self);
HyphaPeer        *hypha_local_client_get_peer (HyphaLocalClient *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaLocalClient, hypha_local_client_free)

G_END_DECLS
