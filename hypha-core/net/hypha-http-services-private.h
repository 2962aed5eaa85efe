/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-http-request-private.h"

G_BEGIN_DECLS

/* /{workspace}/services and below: what there is, and calling it. */

typedef void (*HyphaHttpFound) (HyphaHttpRequest *request,
                                HyphaServiceInfo *info,
                                gpointer          data);

gboolean          hypha_http_is_manager       (const char           *service);
gboolean          hypha_http_is_harmless      (const char           *path);
gboolean          hypha_http_is_lasting       (const char           *path);
void              hypha_http_services_find    (HyphaHttpRequest     *request,
                                               const char           *mode,
                                               HyphaHttpFound        found,
                                               gpointer              data);
void              hypha_http_services_list    (HyphaHttpRequest     *request);
void              hypha_http_services_info    (HyphaHttpRequest     *request);
void              hypha_http_services_call    (HyphaHttpRequest     *request);
void              hypha_http_services_describe_openapi (HyphaHttpRequest *request);
void              hypha_http_services_describe_workspace (HyphaHttpRequest *request);
void              hypha_http_assets_script    (HyphaHttpRequest     *request);
void              hypha_http_assets_module    (HyphaHttpRequest     *request);
void              hypha_http_assets_config    (HyphaHttpRequest     *request);
void              hypha_http_workspace_info   (HyphaHttpRequest     *request);
void              hypha_http_workspace_refuse (HyphaHttpRequest     *request);
gboolean          hypha_http_workspace_is_known (HyphaHttpRequest   *request);
GPtrArray        *hypha_http_workspace_find_services (HyphaHttpRequest  *request,
                                                      GError           **error);
void              hypha_http_call_fail        (HyphaHttpRequest     *request,
                                               const char           *provider,
                                               const GError         *error);
char             *hypha_http_call_provider    (HyphaServiceInfo     *info);

G_END_DECLS
