/* SPDX-License-Identifier: MIT */
#pragma once

#include <webkit/webkit.h>

G_BEGIN_DECLS

void hypha_permission_ask (WebKitPermissionRequest *request,
                           WebKitWebView           *web_view,
                           const char              *name);

G_END_DECLS
