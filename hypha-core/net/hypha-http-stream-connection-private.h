/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-connection-private.h"
#include "hypha-server-private.h"

G_BEGIN_DECLS

#define HYPHA_TYPE_HTTP_STREAM_CONNECTION (hypha_http_stream_connection_get_type ())

G_DECLARE_FINAL_TYPE (HyphaHttpStreamConnection, hypha_http_stream_connection, HYPHA,
                      HTTP_STREAM_CONNECTION, HyphaConnection)

/* After so much silence, in ms, a ping is sent; clients give up after 120 s without one. */
#define HYPHA_HTTP_STREAM_PING_INTERVAL 30000

/* How long what was sent may stay without the kernel's word that it arrived, in ms. */
#define HYPHA_HTTP_STREAM_PEER_TIMEOUT 90000

/* A client may be over the queue budget without reading STALL_PROGRESS bytes for so long, in ms. */
#define HYPHA_HTTP_STREAM_STALL_TIMEOUT 30000
#define HYPHA_HTTP_STREAM_STALL_PROGRESS ((gsize) 1024 * 1024)

/* Over this, in bytes, a stream is ended at once: whoever sends did not heed the budget. */
#define HYPHA_HTTP_STREAM_QUEUE_CAP (2 * (gsize) HYPHA_CONNECTION_QUEUE_BUDGET)

/* How long the last bytes may take to be read once a stream has ended, in ms. */
#define HYPHA_HTTP_STREAM_LINGER 2000

/* Posted messages, and bytes of them, that wait while their client is paused; more get 503. */
#define HYPHA_HTTP_STREAM_MAX_WAITING 1024
#define HYPHA_HTTP_STREAM_MAX_WAITING_BYTES ((gsize) 64 * 1024 * 1024)

/* The socket is closed: the last thing that is heard of a stream, after ::closed. */
typedef void (*HyphaHttpStreamFinished) (HyphaHttpStreamConnection *connection,
                                         gpointer                   data);

HyphaConnection *
hypha_http_stream_connection_new               (HyphaServer               *server,
                                                SoupServerMessage         *message,
                                                GError                   **error);
gboolean
hypha_http_stream_connection_is_from           (HyphaHttpStreamConnection *self,
                                                SoupServerMessage         *message);
gboolean
hypha_http_stream_connection_post              (HyphaHttpStreamConnection *self,
                                                SoupServerMessage         *message,
                                                GBytes                    *body);
void
hypha_http_stream_connection_set_ping_interval (HyphaHttpStreamConnection *self,
                                                guint                      interval);
void
hypha_http_stream_connection_set_stall_timeout (HyphaHttpStreamConnection *self,
                                                guint                      timeout);
void
hypha_http_stream_connection_set_finished      (HyphaHttpStreamConnection *self,
                                                HyphaHttpStreamFinished    finished,
                                                gpointer                   data);

/* The server's half of it. */
void
hypha_server_add_stream                        (HyphaServer               *server,
                                                HyphaHttpStreamConnection *self);

G_END_DECLS
