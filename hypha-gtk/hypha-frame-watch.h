/* SPDX-License-Identifier: MIT */
#pragma once

#include <webkit/webkit.h>

G_BEGIN_DECLS

#define HYPHA_TYPE_FRAME_WATCH (hypha_frame_watch_get_type ())

G_DECLARE_FINAL_TYPE (HyphaFrameWatch, hypha_frame_watch, HYPHA, FRAME_WATCH, GObject)

HyphaFrameWatch *hypha_frame_watch_new        (WebKitWebView   *web_view,
                                               const char      *host_uri,
                                               const char      *target);
const char      *hypha_frame_watch_get_origin (HyphaFrameWatch *self);

G_END_DECLS
