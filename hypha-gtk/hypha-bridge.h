/* SPDX-License-Identifier: MIT */
#pragma once

#include <hypha.h>
#include <webkit/webkit.h>

G_BEGIN_DECLS

/* Frames from the page that may wait while the core does not read; more ends the connection. */
#define HYPHA_BRIDGE_HELD_MAX (48 * 1024 * 1024)

/* Bytes on their way to the page without an answer; more ends the connection. */
#define HYPHA_BRIDGE_QUEUE_MAX (128 * 1024 * 1024)

/* Where paused senders may go on: half of what the core lets wait for one connection. */
#define HYPHA_BRIDGE_RESUME_AT (32 * 1024 * 1024)

#define HYPHA_TYPE_BRIDGE (hypha_bridge_get_type ())

G_DECLARE_FINAL_TYPE (HyphaBridge, hypha_bridge, HYPHA, BRIDGE, HyphaConnection)

HyphaBridge *hypha_bridge_new     (WebKitWebView     *web_view,
                                   const char        *client_id);
void         hypha_bridge_open    (HyphaBridge       *self);
void         hypha_bridge_receive (HyphaBridge       *self,
                                   WebKitUserMessage *message);
void         hypha_bridge_abandon (HyphaBridge       *self,
                                   guint              code,
                                   const char        *reason);

G_END_DECLS
