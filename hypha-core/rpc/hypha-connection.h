/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-types.h"

G_BEGIN_DECLS

#define HYPHA_TYPE_CONNECTION (hypha_connection_get_type ())

HYPHA_AVAILABLE_IN_0_1
G_DECLARE_DERIVABLE_TYPE (HyphaConnection, hypha_connection, HYPHA, CONNECTION, GObject)

struct _HyphaSlice;

/**
 * HyphaConnectionClass:
 * @parent_class: the parent class.
 * @message: class handler of [signal@Connection::message].
 * @closed: class handler of [signal@Connection::closed].
 * @send: sends one frame. Never blocks: what cannot be written yet is queued.
 * @close: ends the connection with a WebSocket close code and a reason, then calls
 *   hypha_connection_emit_closed(), at once or later.
 *
 * The class of connections.
 *
 * Since: 0.1
 */
struct _HyphaConnectionClass
{
  GObjectClass parent_class;

  void (*message) (HyphaConnection *self,
                   HyphaFrameType   type,
                   GBytes          *bytes);
  void (*closed)  (HyphaConnection *self,
                   guint            code,
                   const char      *reason);
  void (*send)    (HyphaConnection *self,
                   HyphaFrameType   type,
                   GBytes          *bytes);
  void (*close)   (HyphaConnection *self,
                   guint            code,
                   const char      *reason);

  /*< private >*/
  void  (*send_parts)   (HyphaConnection          *self,
                         HyphaFrameType            type,
                         const struct _HyphaSlice *parts,
                         guint                     n_parts);
  gsize (*get_queued)   (HyphaConnection          *self);
  void  (*set_reading)  (HyphaConnection          *self,
                         gboolean                  reading);
  gpointer padding[8];
};

HYPHA_AVAILABLE_IN_0_1
void     hypha_connection_send         (HyphaConnection *self,
                                        HyphaFrameType   type,
                                        GBytes          *bytes);
HYPHA_AVAILABLE_IN_0_1
void     hypha_connection_close        (HyphaConnection *self,
                                        guint            code,
                                        const char      *reason);
HYPHA_AVAILABLE_IN_0_1
gboolean hypha_connection_is_closed    (HyphaConnection *self);
HYPHA_AVAILABLE_IN_0_1
void     hypha_connection_emit_message (HyphaConnection *self,
                                        HyphaFrameType   type,
                                        GBytes          *bytes);
HYPHA_AVAILABLE_IN_0_1
void     hypha_connection_emit_closed  (HyphaConnection *self,
                                        guint            code,
                                        const char      *reason);
HYPHA_AVAILABLE_IN_0_1
void     hypha_connection_emit_drained (HyphaConnection *self);

G_END_DECLS
