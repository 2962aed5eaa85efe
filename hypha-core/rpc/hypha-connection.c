/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-connection-private.h"

/**
 * HyphaConnection:
 *
 * One peer's line to the core: a WebSocket, a page in a web view, or the other end of a pipe.
 *
 * Subclasses implement the `send` and `close` virtual functions and report what they receive with
 * [method@Connection.emit_message] and their end, exactly once, with
 * [method@Connection.emit_closed].
 *
 * A connection belongs to the main context that was thread-default when it was made, and must be
 * used from that thread only. Whoever routes for it holds a reference until it is closed; after
 * that nothing is sent and nothing is received.
 *
 * Since: 0.1
 */

typedef struct
{
  const HyphaConnectionSink *sink;
  gpointer                   sink_data;
  guint                      closed : 1;
} HyphaConnectionPrivate;

enum
{
  MESSAGE,
  CLOSED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (HyphaConnection, hypha_connection, G_TYPE_OBJECT)

/* What a slice holds as GBytes: by reference where it has an owner, else a copy. */
GBytes *
hypha_slice_to_bytes (const HyphaSlice *slice)
{
  const guint8 *base;

  if (slice->owner == NULL)
    return g_bytes_new (slice->data, slice->size);

  base = g_bytes_get_data (slice->owner, NULL);
  return g_bytes_new_from_bytes (slice->owner, slice->data - base, slice->size);
}

static void
hypha_connection_real_send_parts (HyphaConnection  *self,
                                  HyphaFrameType    type,
                                  const HyphaSlice *parts,
                                  guint             n_parts)
{
  g_autoptr (GBytes) bytes = NULL;
  GByteArray *joined = NULL;

  if (n_parts == 1)
    {
      bytes = hypha_slice_to_bytes (&parts[0]);
    }
  else
    {
      joined = g_byte_array_new ();
      for (guint i = 0; i < n_parts; i++)
        g_byte_array_append (joined, parts[i].data, parts[i].size);
      bytes = g_byte_array_free_to_bytes (joined);
    }

  HYPHA_CONNECTION_GET_CLASS (self)->send (self, type, bytes);
}

static void
hypha_connection_real_send (HyphaConnection *self,
                            HyphaFrameType   type,
                            GBytes          *bytes)
{
  HyphaSlice slice = { .owner = bytes };

  slice.data = g_bytes_get_data (bytes, &slice.size);
  HYPHA_CONNECTION_GET_CLASS (self)->send_parts (self, type, &slice, 1);
}

static void
hypha_connection_class_init (HyphaConnectionClass *klass)
{
  klass->send = hypha_connection_real_send;
  klass->send_parts = hypha_connection_real_send_parts;

  /**
   * HyphaConnection::message:
   * @self: the connection
   * @type: text or binary, as #HyphaFrameType
   * @bytes: the frame's payload
   *
   * A frame arrived. Not emitted while the connection is attached to a core, which then takes
   * the frames itself.
   *
   * Since: 0.1
   */
  signals[MESSAGE] = g_signal_new ("message", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST,
                                   G_STRUCT_OFFSET (HyphaConnectionClass, message), NULL, NULL, NULL,
                                   G_TYPE_NONE, 2, G_TYPE_INT, G_TYPE_BYTES);

  /**
   * HyphaConnection::closed:
   * @self: the connection
   * @code: the WebSocket close code
   * @reason: why
   *
   * The connection has ended. Emitted exactly once.
   *
   * Since: 0.1
   */
  signals[CLOSED] = g_signal_new ("closed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST,
                                  G_STRUCT_OFFSET (HyphaConnectionClass, closed), NULL, NULL, NULL,
                                  G_TYPE_NONE, 2, G_TYPE_UINT, G_TYPE_STRING);
}

static void
hypha_connection_init (HyphaConnection *self)
{
}

/* Names the receiver inside the core; NULL gives the connection back to its signals. */
void
hypha_connection_set_sink (HyphaConnection           *self,
                           const HyphaConnectionSink *sink,
                           gpointer                   data)
{
  HyphaConnectionPrivate *priv = hypha_connection_get_instance_private (self);

  g_assert (HYPHA_IS_CONNECTION (self));

  priv->sink = sink;
  priv->sink_data = data;
}

/* Sends one frame made of several runs of bytes, which are copied or referenced, never changed. */
void
hypha_connection_send_parts (HyphaConnection  *self,
                             HyphaFrameType    type,
                             const HyphaSlice *parts,
                             guint             n_parts)
{
  HyphaConnectionPrivate *priv = hypha_connection_get_instance_private (self);

  if (!priv->closed)
    HYPHA_CONNECTION_GET_CLASS (self)->send_parts (self, type, parts, n_parts);
}

/* Bytes that wait to be written; 0 where a kind of connection cannot tell. */
gsize
hypha_connection_get_queued (HyphaConnection *self)
{
  HyphaConnectionClass *klass = HYPHA_CONNECTION_GET_CLASS (self);

  return klass->get_queued != NULL ? klass->get_queued (self) : 0;
}

/* Stops or resumes reading from the peer: back-pressure on a sender. */
void
hypha_connection_set_reading (HyphaConnection *self,
                              gboolean         reading)
{
  HyphaConnectionClass *klass = HYPHA_CONNECTION_GET_CLASS (self);
  HyphaConnectionPrivate *priv = hypha_connection_get_instance_private (self);

  if (klass->set_reading != NULL && !priv->closed)
    klass->set_reading (self, reading);
}

/* A frame arrived, without a GBytes where the subclass has none at hand. */
void
hypha_connection_receive (HyphaConnection  *self,
                          HyphaFrameType    type,
                          const HyphaSlice *slice)
{
  HyphaConnectionPrivate *priv = hypha_connection_get_instance_private (self);
  g_autoptr (GBytes) bytes = NULL;

  if (priv->closed)
    return;

  if (priv->sink != NULL)
    {
      priv->sink->message (self, type, slice, priv->sink_data);
      return;
    }

  bytes = hypha_slice_to_bytes (slice);
  g_signal_emit (self, signals[MESSAGE], 0, type, bytes);
}

/**
 * hypha_connection_emit_drained:
 * @self: a connection
 *
 * Reports that most of what was queued has been written, so that senders which were paused for
 * this peer may go on. For subclasses that bound what they queue.
 *
 * Since: 0.1
 */
void
hypha_connection_emit_drained (HyphaConnection *self)
{
  HyphaConnectionPrivate *priv = hypha_connection_get_instance_private (self);

  g_return_if_fail (HYPHA_IS_CONNECTION (self));

  if (priv->sink != NULL && priv->sink->drained != NULL && !priv->closed)
    priv->sink->drained (self, priv->sink_data);
}

/**
 * hypha_connection_send:
 * @self: a connection
 * @type: text or binary
 * @bytes: the payload; text must be UTF-8
 *
 * Sends one frame to the peer. Does nothing once the connection is closed.
 *
 * Since: 0.1
 */
void
hypha_connection_send (HyphaConnection *self,
                       HyphaFrameType   type,
                       GBytes          *bytes)
{
  HyphaConnectionPrivate *priv = hypha_connection_get_instance_private (self);

  g_return_if_fail (HYPHA_IS_CONNECTION (self));
  g_return_if_fail (bytes != NULL);

  if (!priv->closed)
    HYPHA_CONNECTION_GET_CLASS (self)->send (self, type, bytes);
}

/**
 * hypha_connection_close:
 * @self: a connection
 * @code: a WebSocket close code, for instance 1000
 * @reason: (nullable): a short text for the peer
 *
 * Ends the connection. [signal@Connection::closed] follows, at once or when the peer has
 * answered. Does nothing once the connection is closed.
 *
 * Since: 0.1
 */
void
hypha_connection_close (HyphaConnection *self,
                        guint            code,
                        const char      *reason)
{
  HyphaConnectionPrivate *priv = hypha_connection_get_instance_private (self);

  g_return_if_fail (HYPHA_IS_CONNECTION (self));

  if (!priv->closed)
    HYPHA_CONNECTION_GET_CLASS (self)->close (self, code, reason);
}

/**
 * hypha_connection_is_closed:
 * @self: a connection
 *
 * Tells whether the connection has ended.
 *
 * Returns: %TRUE after [signal@Connection::closed]
 *
 * Since: 0.1
 */
gboolean
hypha_connection_is_closed (HyphaConnection *self)
{
  HyphaConnectionPrivate *priv = hypha_connection_get_instance_private (self);

  g_return_val_if_fail (HYPHA_IS_CONNECTION (self), TRUE);

  return priv->closed;
}

/**
 * hypha_connection_emit_message:
 * @self: a connection
 * @type: text or binary
 * @bytes: the payload
 *
 * Reports a frame from the peer. For subclasses only.
 *
 * Since: 0.1
 */
void
hypha_connection_emit_message (HyphaConnection *self,
                               HyphaFrameType   type,
                               GBytes          *bytes)
{
  HyphaSlice slice = { .owner = bytes };

  g_return_if_fail (HYPHA_IS_CONNECTION (self));
  g_return_if_fail (bytes != NULL);

  slice.data = g_bytes_get_data (bytes, &slice.size);
  hypha_connection_receive (self, type, &slice);
}

/**
 * hypha_connection_emit_closed:
 * @self: a connection
 * @code: the WebSocket close code, 1006 if there was none
 * @reason: (nullable): why
 *
 * Reports the end of the connection. For subclasses only; calls after the first one do nothing.
 *
 * Since: 0.1
 */
void
hypha_connection_emit_closed (HyphaConnection *self,
                              guint            code,
                              const char      *reason)
{
  HyphaConnectionPrivate *priv = hypha_connection_get_instance_private (self);
  g_autoptr (HyphaConnection) hold = NULL;

  g_return_if_fail (HYPHA_IS_CONNECTION (self));

  if (priv->closed)
    return;

  /* The last reference may go in a handler. */
  hold = g_object_ref (self);
  priv->closed = TRUE;

  if (priv->sink != NULL)
    priv->sink->closed (self, code, reason != NULL ? reason : "", priv->sink_data);

  g_signal_emit (self, signals[CLOSED], 0, code, reason != NULL ? reason : "");
}
