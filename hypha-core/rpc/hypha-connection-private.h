/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-connection.h"

G_BEGIN_DECLS

/*
 * A run of bytes on its way. With an owner, the bytes may be kept by reference to it; without
 * one they live only for the duration of the call and have to be copied to be kept.
 */
typedef struct _HyphaSlice
{
  const guint8 *data;
  gsize         size;
  GBytes       *owner;
} HyphaSlice;

/*
 * The one receiver of a connection inside the core. It takes the place of the ::message and
 * ::closed signals on the data path, where a signal emission and a GBytes for every frame would
 * cost more than the routing itself. ::drained says that what was queued has fallen below half
 * of the budget (HYPHA_CONNECTION_QUEUE_BUDGET); a pipe says it of an empty queue too.
 */
typedef struct
{
  void (*message) (HyphaConnection  *connection,
                   HyphaFrameType    type,
                   const HyphaSlice *slice,
                   gpointer          data);
  void (*closed)  (HyphaConnection  *connection,
                   guint             code,
                   const char       *reason,
                   gpointer          data);
  void (*drained) (HyphaConnection  *connection,
                   gpointer          data);
} HyphaConnectionSink;

/* Outgoing bytes that may wait for one connection before its senders are paused. */
#define HYPHA_CONNECTION_QUEUE_BUDGET ((gsize) 64 * 1024 * 1024)

void     hypha_connection_set_sink     (HyphaConnection           *self,
                                        const HyphaConnectionSink *sink,
                                        gpointer                   data);
void     hypha_connection_send_parts   (HyphaConnection           *self,
                                        HyphaFrameType             type,
                                        const HyphaSlice          *parts,
                                        guint                      n_parts);
gsize    hypha_connection_get_queued   (HyphaConnection           *self);
void     hypha_connection_set_reading  (HyphaConnection           *self,
                                        gboolean                   reading);
void     hypha_connection_receive      (HyphaConnection           *self,
                                        HyphaFrameType             type,
                                        const HyphaSlice          *slice);
GBytes  *hypha_slice_to_bytes          (const HyphaSlice          *slice);

G_END_DECLS
