/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-outbox-private.h"
#include "hypha-poller-private.h"
#include "hypha-websocket-connection-private.h"

G_BEGIN_DECLS

/* For the two halves of the class alone: what it is and how it ends, and how its bytes move. */

/*
 * The server's end of a WebSocket over a socket that libsoup has given up.
 *
 * It moves through the states below and never back. ::closed is emitted on the way to LINGERING
 * or SHUT, always from the poller's turn and never from inside a call to send or close: whoever
 * sends to many connections in a loop need not expect that one of them goes meanwhile. From
 * CLOSING on, the connection keeps itself alive until its socket is closed.
 */
typedef enum
{
  STATE_OPEN,
  STATE_CLOSING,   /* we sent a close frame and wait for the peer's */
  STATE_LINGERING, /* ::closed is out; the socket is emptied so that the peer gets our last words */
  STATE_SHUT,      /* the socket is closed */
} HyphaWebsocketState;

struct _HyphaWebsocketConnection
{
  HyphaConnection         parent_instance;

  HyphaPoller            *poller;
  HyphaPollerClient       client;
  HyphaReader             reader;
  HyphaOutbox             outbox;
  GIOStream              *stream;

  /* Bytes read but not used: the start of a short frame, or (backlog) anything. */
  guint8                 *input;
  gsize                   input_size;

  guint                   keep_alive;
  guint                   stall_timeout;
  guint                   close_timeout;
  gint64                  heard_at;
  gint64                  stalled_at;
  gint64                  close_deadline;
  gsize                   stall_written;

  guint                   close_code;
  char                   *close_reason;
  HyphaWebsocketFinished  finished;
  gpointer                finished_data;

  guint                   n_pongs;
  guint                   state : 2;
  guint                   reading : 1;
  guint                   backlog : 1;    /* input may hold whole frames */
  guint                   over_budget : 1;
  guint                   over_cap : 1;
  guint                   pinged : 1;
  guint                   held : 1;       /* it owns a reference to itself */
};

static inline HyphaWebsocketConnection *
hypha_websocket_connection_from_client (HyphaPollerClient *client)
{
  return (HyphaWebsocketConnection *) (gpointer) ((guint8 *) client -
                                                  G_STRUCT_OFFSET (HyphaWebsocketConnection,
                                                                   client));
}

gint64 hypha_websocket_connection_get_time        (HyphaWebsocketConnection *self);
void   hypha_websocket_connection_update_deadline (HyphaWebsocketConnection *self);
void   hypha_websocket_connection_update_events   (HyphaWebsocketConnection *self);
void   hypha_websocket_connection_drop_input      (HyphaWebsocketConnection *self);
void   hypha_websocket_connection_shut            (HyphaWebsocketConnection *self);
void   hypha_websocket_connection_linger          (HyphaWebsocketConnection *self,
                                                   guint                     code,
                                                   const char               *reason);
void   hypha_websocket_connection_lose            (HyphaWebsocketConnection *self,
                                                   const char               *reason);
void   hypha_websocket_connection_queue_frame     (HyphaWebsocketConnection *self,
                                                   HyphaOpcode               opcode,
                                                   const HyphaSlice         *parts,
                                                   guint                     n_parts);
void   hypha_websocket_connection_queue_close     (HyphaWebsocketConnection *self,
                                                   guint                     code,
                                                   const char               *reason);
void   hypha_websocket_connection_fail            (HyphaWebsocketConnection *self,
                                                   guint                     code,
                                                   const char               *reason);
void   hypha_websocket_connection_ready           (HyphaPollerClient        *client,
                                                   guint                     events);
void   hypha_websocket_connection_flush           (HyphaPollerClient        *client);

G_END_DECLS
