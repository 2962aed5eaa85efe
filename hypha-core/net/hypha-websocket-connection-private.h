/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-connection-private.h"
#include "hypha-reader-private.h"

G_BEGIN_DECLS

#define HYPHA_TYPE_WEBSOCKET_CONNECTION (hypha_websocket_connection_get_type ())

G_DECLARE_FINAL_TYPE (HyphaWebsocketConnection, hypha_websocket_connection, HYPHA,
                      WEBSOCKET_CONNECTION, HyphaConnection)

/* How long a peer may take to answer our close, and then to close the socket, in ms. */
#define HYPHA_WEBSOCKET_CLOSE_TIMEOUT 3000

/* How long a peer may be over the queue budget without reading STALL_PROGRESS bytes, in ms. */
#define HYPHA_WEBSOCKET_STALL_TIMEOUT 30000
#define HYPHA_WEBSOCKET_STALL_PROGRESS ((gsize) 1024 * 1024)

/* Over this, a connection is ended at once: whoever sends did not heed the budget. */
#define HYPHA_WEBSOCKET_QUEUE_CAP (2 * (gsize) HYPHA_CONNECTION_QUEUE_BUDGET)

/* Pongs that may wait to be written; pings beyond that stay without an answer. */
#define HYPHA_WEBSOCKET_MAX_PONGS 128

/* The socket is closed: the last thing that is heard of a connection, after ::closed. */
typedef void (*HyphaWebsocketFinished) (HyphaWebsocketConnection *connection,
                                        gpointer                  data);

HyphaConnection *
hypha_websocket_connection_new               (int                        fd,
                                              GIOStream                 *keep_alive,
                                              GBytes                    *already_read,
                                              GError                   **error);
void
hypha_websocket_connection_set_keep_alive    (HyphaWebsocketConnection  *self,
                                              guint                      interval);
void
hypha_websocket_connection_set_stall_timeout (HyphaWebsocketConnection  *self,
                                              guint                      timeout);
void
hypha_websocket_connection_set_close_timeout (HyphaWebsocketConnection  *self,
                                              guint                      timeout);
void
hypha_websocket_connection_set_finished      (HyphaWebsocketConnection  *self,
                                              HyphaWebsocketFinished     finished,
                                              gpointer                   data);

G_END_DECLS
