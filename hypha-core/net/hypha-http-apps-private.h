/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-http-request-private.h"

G_BEGIN_DECLS

/* Bytes of a request's body that an app is handed at once: one frame. */
#define HYPHA_HTTP_APP_PIECE ((gsize) 256 * 1024 - 1024)
/* Headers that an app may answer with, and the bytes of one of them. */
#define HYPHA_HTTP_MAX_APP_HEADERS 256
#define HYPHA_HTTP_MAX_APP_HEADER 16384

/* Bytes of an app's answer that it may send before the first of them are taken. */
#define HYPHA_HTTP_MAX_APP_QUEUE ((gsize) 64 * 1024 * 1024)

/* /{workspace}/apps/{service}/{path…}: services that answer requests as web servers do. */

void      hypha_http_apps_serve        (HyphaHttpRequest  *request);

/* The two types of them. */
void      hypha_http_asgi_serve        (HyphaHttpRequest  *request,
                                        HyphaServiceInfo  *info);
void      hypha_http_functions_serve   (HyphaHttpRequest  *request,
                                        HyphaServiceInfo  *info);

/* What both need. */
GVariant *hypha_http_apps_scope        (HyphaHttpRequest  *request);
GVariant *hypha_http_apps_headers      (HyphaHttpRequest  *request);
GBytes   *hypha_http_apps_dup_bytes    (GVariant          *value);
gboolean  hypha_http_apps_set_headers  (HyphaHttpRequest  *request,
                                        GVariant          *headers,
                                        GError           **error);
gboolean  hypha_http_apps_take_status  (GVariant          *map,
                                        guint             *status,
                                        GError           **error);
gboolean  hypha_http_apps_has_body     (HyphaHttpRequest  *request,
                                        guint              status);

G_END_DECLS
