/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-bridge.h"

#include "hypha-frame.h"

/*
 * HyphaBridge: the connection of one document in a web view. Frames travel as user messages
 * between this process and the extension in the web process, each answered when it has been
 * taken, so that both sides know what is under way. Which page speaks is known from the view
 * that the message came from, never from the message.
 */

struct _HyphaBridge
{
  HyphaConnection  parent_instance;
  WebKitWebView   *web_view;   /* weak: the view owns us, by way of the page */
  char            *client_id;
  GQueue           held;       /* of Held: came while the core was not reading */
  gsize            held_bytes;
  gsize            queued;     /* sent to the page, not answered yet */
  guint            reading : 1;
};

typedef struct
{
  WebKitUserMessage *message;
  HyphaFrame         frame;
} Held;

typedef struct
{
  HyphaBridge *bridge;
  gsize        cost;
} Pending;

G_DEFINE_FINAL_TYPE (HyphaBridge, hypha_bridge, HYPHA_TYPE_CONNECTION)

static void
held_free (Held *held)
{
  hypha_frame_clear (&held->frame);
  g_object_unref (held->message);
  g_free (held);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Held, held_free)

static void
answer (WebKitUserMessage *message)
{
  webkit_user_message_send_reply (message, webkit_user_message_new ("taken", NULL));
}

static void
send_event (HyphaBridge *self,
            const char  *name)
{
  if (self->web_view == NULL)
    return;

  webkit_web_view_send_message_to_page (
      self->web_view,
      webkit_user_message_new (name, g_variant_new ("(ss)", self->client_id, "")), NULL, NULL, NULL);
}

static void
sent_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      data)
{
  g_autofree Pending *pending = data;
  g_autoptr (HyphaBridge) self = pending->bridge;
  g_autoptr (GError) error = NULL;
  g_autoptr (WebKitUserMessage) taken =
      webkit_web_view_send_message_to_page_finish (WEBKIT_WEB_VIEW (source), result, &error);
  gsize before = self->queued;

  self->queued -= pending->cost;
  if (taken == NULL)
    hypha_bridge_abandon (self, 1006, error->message);
  else if (before > HYPHA_BRIDGE_RESUME_AT && self->queued <= HYPHA_BRIDGE_RESUME_AT)
    hypha_connection_emit_drained (HYPHA_CONNECTION (self));
}

static void
hypha_bridge_send (HyphaConnection *connection,
                   HyphaFrameType   type,
                   GBytes          *bytes)
{
  HyphaBridge *self = HYPHA_BRIDGE (connection);
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GError) error = NULL;
  gsize size;
  gconstpointer data = g_bytes_get_data (bytes, &size);
  gsize cost = size + HYPHA_FRAME_OVERHEAD;
  GVariant *parameters;
  Pending *pending;

  if (self->web_view == NULL)
    return;

  if (self->queued + cost > HYPHA_BRIDGE_QUEUE_MAX)
    {
      hypha_connection_close (connection, 1013, "the page does not read");
      return;
    }

  parameters = hypha_frame_pack (self->client_id, type == HYPHA_FRAME_TEXT, data, size, &fds, &error);
  if (parameters == NULL)
    {
      hypha_connection_close (connection, 1009, error->message);
      return;
    }

  pending = g_new0 (Pending, 1);
  pending->bridge = g_object_ref (self);
  pending->cost = cost;
  self->queued += cost;
  webkit_web_view_send_message_to_page (
      self->web_view, webkit_user_message_new_with_fd_list ("frame", parameters, fds), NULL, sent_cb,
      pending);
}

static void
drop_held (HyphaBridge *self)
{
  g_queue_clear_full (&self->held, (GDestroyNotify) held_free);
  self->held_bytes = 0;
}

static void
hypha_bridge_close (HyphaConnection *connection,
                    guint            code,
                    const char      *reason)
{
  HyphaBridge *self = HYPHA_BRIDGE (connection);

  send_event (self, "closed");
  hypha_bridge_abandon (self, code, reason);
}

static gsize
hypha_bridge_get_queued (HyphaConnection *connection)
{
  return HYPHA_BRIDGE (connection)->queued;
}

static void
deliver (HyphaBridge *self,
         HyphaFrame  *frame)
{
  hypha_connection_emit_message (HYPHA_CONNECTION (self),
                                 frame->text ? HYPHA_FRAME_TEXT : HYPHA_FRAME_BINARY, frame->bytes);
}

static void
hypha_bridge_set_reading (HyphaConnection *connection,
                          gboolean         reading)
{
  HyphaBridge *self = HYPHA_BRIDGE (connection);
  g_autoptr (HyphaBridge) hold = g_object_ref (self);

  self->reading = reading;
  while (self->reading && !g_queue_is_empty (&self->held))
    {
      g_autoptr (Held) held = g_queue_pop_head (&self->held);

      self->held_bytes -= g_bytes_get_size (held->frame.bytes) + HYPHA_FRAME_OVERHEAD;
      answer (held->message);
      deliver (self, &held->frame);
    }
}

/* Keeps an unread frame, and keeps the web process waiting for the answer to it. */
static void
hold_frame (HyphaBridge       *self,
            WebKitUserMessage *message,
            HyphaFrame        *frame)
{
  gsize cost = g_bytes_get_size (frame->bytes) + HYPHA_FRAME_OVERHEAD;
  Held *held;

  if (self->held_bytes + cost > HYPHA_BRIDGE_HELD_MAX)
    {
      g_message ("%s: page sends more than it is allowed to", self->client_id);
      hypha_connection_close (HYPHA_CONNECTION (self), 1008, "too many unread messages");
      return;
    }

  held = g_new0 (Held, 1);
  held->message = g_object_ref (message);
  held->frame = *frame;
  *frame = (HyphaFrame) { 0 };
  self->held_bytes += cost;
  g_queue_push_tail (&self->held, held);
}

static gboolean
frame_is_acceptable (HyphaBridge *self,
                     HyphaFrame  *frame)
{
  if (g_strcmp0 (frame->peer, self->client_id) != 0)
    return FALSE;

  return !frame->text || g_utf8_validate_len (g_bytes_get_data (frame->bytes, NULL),
                                              g_bytes_get_size (frame->bytes), NULL);
}

/**
 * hypha_bridge_receive:
 * @self: a bridge
 * @message: a message called “frame” that came from the bridge's view
 *
 * Takes one frame from the page. What is wrong with it ends the connection.
 */
void
hypha_bridge_receive (HyphaBridge       *self,
                      WebKitUserMessage *message)
{
  g_auto (HyphaFrame) frame = { 0 };
  g_autoptr (GError) error = NULL;

  g_return_if_fail (HYPHA_IS_BRIDGE (self));

  if (!hypha_frame_unpack (&frame, webkit_user_message_get_parameters (message),
                           webkit_user_message_get_fd_list (message), &error))
    {
      g_message ("%s: %s", self->client_id, error->message);
      hypha_connection_close (HYPHA_CONNECTION (self), 1002, error->message);
      return;
    }

  if (!frame_is_acceptable (self, &frame))
    {
      g_message ("%s: page sent a frame in another name, or not in UTF-8", self->client_id);
      hypha_connection_close (HYPHA_CONNECTION (self), 1008, "a frame of somebody else");
      return;
    }

  if (!self->reading)
    {
      hold_frame (self, message, &frame);
      return;
    }

  answer (message);
  deliver (self, &frame);
}

/**
 * hypha_bridge_open:
 * @self: a bridge that the core has taken
 *
 * Tells the page that it is connected.
 */
void
hypha_bridge_open (HyphaBridge *self)
{
  g_return_if_fail (HYPHA_IS_BRIDGE (self));

  if (!hypha_connection_is_closed (HYPHA_CONNECTION (self)))
    send_event (self, "connected");
}

/**
 * hypha_bridge_abandon:
 * @self: a bridge
 * @code: a WebSocket close code
 * @reason: (nullable): why
 *
 * Ends the connection without a word to the page, because its document is gone or has a new
 * connection under the same name.
 */
void
hypha_bridge_abandon (HyphaBridge *self,
                      guint        code,
                      const char  *reason)
{
  g_autoptr (HyphaBridge) hold = NULL;

  g_return_if_fail (HYPHA_IS_BRIDGE (self));

  hold = g_object_ref (self);
  drop_held (self);
  g_clear_weak_pointer (&self->web_view);
  hypha_connection_emit_closed (HYPHA_CONNECTION (self), code, reason);
}

static void
hypha_bridge_dispose (GObject *object)
{
  HyphaBridge *self = HYPHA_BRIDGE (object);

  drop_held (self);
  g_clear_weak_pointer (&self->web_view);

  G_OBJECT_CLASS (hypha_bridge_parent_class)->dispose (object);
}

static void
hypha_bridge_finalize (GObject *object)
{
  g_free (HYPHA_BRIDGE (object)->client_id);

  G_OBJECT_CLASS (hypha_bridge_parent_class)->finalize (object);
}

static void
hypha_bridge_class_init (HyphaBridgeClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  HyphaConnectionClass *connection_class = HYPHA_CONNECTION_CLASS (klass);

  object_class->dispose = hypha_bridge_dispose;
  object_class->finalize = hypha_bridge_finalize;

  connection_class->send = hypha_bridge_send;
  connection_class->close = hypha_bridge_close;
  connection_class->get_queued = hypha_bridge_get_queued;
  connection_class->set_reading = hypha_bridge_set_reading;
}

static void
hypha_bridge_init (HyphaBridge *self)
{
  g_queue_init (&self->held);
  self->reading = TRUE;
}

/**
 * hypha_bridge_new:
 * @web_view: the view that shows the page
 * @client_id: the name that the core gave to the page
 *
 * Makes the connection of a page that asked for one.
 *
 * Returns: (transfer full): a bridge, for hypha_core_mount()
 */
HyphaBridge *
hypha_bridge_new (WebKitWebView *web_view,
                  const char    *client_id)
{
  HyphaBridge *self;

  g_return_val_if_fail (WEBKIT_IS_WEB_VIEW (web_view), NULL);
  g_return_val_if_fail (client_id != NULL, NULL);

  self = g_object_new (HYPHA_TYPE_BRIDGE, NULL);
  g_set_weak_pointer (&self->web_view, web_view);
  self->client_id = g_strdup (client_id);
  return self;
}
