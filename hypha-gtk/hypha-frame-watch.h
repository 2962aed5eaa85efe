/* SPDX-License-Identifier: MIT */
#pragma once

#include <webkit/webkit.h>

G_BEGIN_DECLS

#define HYPHA_TYPE_FRAME_WATCH (hypha_frame_watch_get_type ())

G_DECLARE_FINAL_TYPE (HyphaFrameWatch, hypha_frame_watch, HYPHA, FRAME_WATCH, GObject)

/* How long the first answer may take. */
#define HYPHA_FRAME_WATCH_SECONDS 30

HyphaFrameWatch *hypha_frame_watch_new        (WebKitWebView   *web_view,
                                               const char      *host_uri,
                                               const char      *target,
                                               guint            seconds);
void             hypha_frame_watch_arrived    (HyphaFrameWatch *self);
const char      *hypha_frame_watch_get_origin (HyphaFrameWatch *self);

G_END_DECLS
