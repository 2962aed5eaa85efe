/* SPDX-License-Identifier: MIT */
#pragma once

#include <webkit/webkit.h>

G_BEGIN_DECLS

void hypha_download_watch (WebKitNetworkSession *session);

G_END_DECLS
