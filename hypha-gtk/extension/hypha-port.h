/* SPDX-License-Identifier: MIT */
#pragma once

#include <webkit/webkit-web-process-extension.h>

G_BEGIN_DECLS

/* Bytes that may be on their way to the application without an answer; more wait in this process. */
#define HYPHA_PORT_WINDOW (8 * 1024 * 1024)

/* Bytes that may wait beyond that; a page that sends more loses its connection. */
#define HYPHA_PORT_WAITING_MAX (256 * 1024 * 1024)

/* One page's line to the application: frames and events out, frames and answers in. */
typedef struct _HyphaPort HyphaPort;

void       hypha_port_attach            (WebKitWebPage *page);
HyphaPort *hypha_port_get               (WebKitWebPage *page);
JSCValue  *hypha_port_new_send_function (HyphaPort     *self,
                                         JSCContext    *context);
void       hypha_port_set_deliver       (HyphaPort     *self,
                                         JSCValue      *deliver);
void       hypha_port_send_event        (HyphaPort     *self,
                                         const char    *name,
                                         const char    *first,
                                         const char    *second);
void       hypha_port_document_changed  (HyphaPort     *self);

G_END_DECLS
