/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-registry-private.h"
#include "hypha-router-private.h"
#include "hypha-rpc-private.h"

G_BEGIN_DECLS

/* How long after its registration the setup() of a service “default” is called, in milliseconds. */
#define HYPHA_LOCAL_CLIENT_SETUP_DELAY 10

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
gboolean          hypha_local_client_register (HyphaLocalClient *self,
                                               HyphaRegistry    *registry,
                                               HyphaService     *service,
                                               GError          **error);
void              hypha_local_client_unregister (HyphaLocalClient *self,
                                                 HyphaRegistry    *registry,
                                                 const char       *service_id);
HyphaRpc         *hypha_local_client_get_rpc  (HyphaLocalClient *self);
HyphaPeer        *hypha_local_client_get_peer (HyphaLocalClient *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaLocalClient, hypha_local_client_free)

G_END_DECLS
