/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-gate-private.h"
#include "hypha-server-private.h"

G_BEGIN_DECLS

#define HYPHA_TYPE_HTTP_RPC (hypha_http_rpc_get_type ())

G_DECLARE_FINAL_TYPE (HyphaHttpRpc, hypha_http_rpc, HYPHA, HTTP_RPC, GObject)

HyphaHttpRpc *hypha_http_rpc_new (HyphaServer *server,
                                  HyphaRouter *router,
                                  HyphaGate   *gate);

G_END_DECLS
