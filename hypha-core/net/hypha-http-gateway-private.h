/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-lookup-private.h"
#include "hypha-server-private.h"

G_BEGIN_DECLS

/*
 * Requests that may wait for their answers at once; one more is answered with 503. A user, a foreign
 * address of guests (of IPv6, one /64 network), or all guests of this machine have a share, which
 * leaves as much as it takes.
 */
#define HYPHA_HTTP_MAX_REQUESTS 4096

#define HYPHA_TYPE_HTTP_GATEWAY (hypha_http_gateway_get_type ())

G_DECLARE_FINAL_TYPE (HyphaHttpGateway, hypha_http_gateway, HYPHA, HTTP_GATEWAY, GObject)

HyphaHttpGateway *hypha_http_gateway_new              (HyphaServer      *server,
                                                       HyphaManager     *manager);
void              hypha_http_gateway_set_timeout      (HyphaHttpGateway *self,
                                                       guint             timeout);
void              hypha_http_gateway_set_write_timeout (HyphaHttpGateway *self,
                                                        guint             write_timeout);
void              hypha_http_gateway_set_linger       (HyphaHttpGateway *self,
                                                       guint             linger);
void              hypha_http_gateway_set_max_requests (HyphaHttpGateway *self,
                                                       guint             max_requests);
guint             hypha_http_gateway_get_n_requests   (HyphaHttpGateway *self);

G_END_DECLS
