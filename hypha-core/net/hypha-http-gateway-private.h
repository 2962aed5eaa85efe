/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-lookup-private.h"
#include "hypha-server-private.h"

G_BEGIN_DECLS

#define HYPHA_TYPE_HTTP_GATEWAY (hypha_http_gateway_get_type ())

G_DECLARE_FINAL_TYPE (HyphaHttpGateway, hypha_http_gateway, HYPHA, HTTP_GATEWAY, GObject)

HyphaHttpGateway *hypha_http_gateway_new (HyphaServer  *server,
                                          HyphaManager *manager);

G_END_DECLS
