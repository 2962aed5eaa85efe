/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-http-stream-connection-private.h"
#include "hypha-outbox-private.h"
#include "hypha-poller-private.h"

G_BEGIN_DECLS

/* For the two halves of the class alone: what it is and how it ends, and how its bytes move. */

/*
 * A client over HTTP: what goes to it is the endless body of the answer to one GET, what comes
 * from it is the bodies of POSTs.
 *
 * The request waits, paused, until something is to be sent; then the socket is taken from libsoup
 * and goes to the poller, as the one of a WebSocket does. So an idle stream is no source of its own
 * in the main loop, and how much waits to be written is known. Closed before that, the request
 * gets a status.
 *
 * It moves through the states below and never back. ::closed is never emitted from inside a call
 * to send or close. While LINGERING the stream keeps itself alive until its socket is closed.
 */
typedef enum
{
  STATE_WAITING,   /* the request is paused */
  STATE_OPEN,
  STATE_LINGERING, /* ::closed is out; the last bytes still go */
  STATE_SHUT,      /* the socket is closed, or was never taken */
} HyphaHttpStreamState;

struct _HyphaHttpStreamConnection
{
  HyphaConnection          parent_instance;

  HyphaServer             *server;   /* weak */
  SoupServerMessage       *message;  /* the request, while it waits */
  GSource                 *begin;    /* what follows the first send or close */
  char                    *remote_host;
  char                    *origin;

  HyphaPoller             *poller;
  HyphaPollerClient        client;
  HyphaOutbox              outbox;
  GIOStream               *stream;

  GQueue                   posts;    /* of HyphaHttpPost, while not reading */
  gsize                    posted;   /* bytes in them */

  guint                    ping_interval;
  guint                    stall_timeout;
  gint64                   ping_at;
  gint64                   stalled_at;
  gint64                   linger_until;
  gsize                    stall_written;

  guint                    close_code;
  char                    *close_reason;
  HyphaHttpStreamFinished  finished;
  gpointer                 finished_data;

  guint                    state : 2;
  guint                    chunked : 1;  /* HTTP/1.1; the body of 1.0 has no frames of its own */
  guint                    headed : 1;   /* the status line is in the outbox */
  guint                    closing : 1;  /* close was called */
  guint                    reading : 1;
  guint                    over_budget : 1;
  guint                    over_cap : 1;
};

extern const HyphaPollerFuncs hypha_http_stream_connection_poller_funcs;

gint64 hypha_http_stream_connection_get_time        (HyphaHttpStreamConnection *self);
void   hypha_http_stream_connection_update_deadline (HyphaHttpStreamConnection *self);
void   hypha_http_stream_connection_append_end      (HyphaHttpStreamConnection *self);
void   hypha_http_stream_connection_queue           (HyphaHttpStreamConnection *self,
                                                     const HyphaSlice          *parts,
                                                     guint                      n_parts);
void   hypha_http_stream_connection_queue_control   (HyphaHttpStreamConnection *self,
                                                     const HyphaSlice          *parts,
                                                     guint                      n_parts);
void   hypha_http_stream_connection_take_waiting    (HyphaHttpStreamConnection *self);
void   hypha_http_stream_connection_linger          (HyphaHttpStreamConnection *self);
void   hypha_http_stream_connection_lose            (HyphaHttpStreamConnection *self,
                                                     guint                      code,
                                                     const char                *reason);

G_END_DECLS
