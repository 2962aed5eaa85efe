/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-error-private.h"
#include "hypha-pipe-connection-private.h"

/*
 * Two ends in one process: what one end sends, the other receives, from the main loop and never
 * from inside send(). So an in-process service may answer at once without growing the stack, and
 * a test needs no socket.
 */

/* Frames that one wake-up hands over before the main loop gets its turn. */
#define MAX_FRAMES_PER_DISPATCH 256

struct _HyphaPipeConnection
{
  HyphaConnection      parent_instance;

  HyphaPipeConnection *other;   /* not owned; NULL once either end is closed */
  GQueue               inbox;   /* of HyphaPipeFrame: sent by the other end, not yet received */
  gsize                queued;  /* bytes in the inbox */
  GSource             *source;  /* hands over the inbox; only while there is something in it */
  char                *close_reason;
  guint                close_code;
  guint                paused : 1;
  guint                over_budget : 1;
};

typedef struct
{
  HyphaFrameType  type;
  GBytes         *bytes;
} HyphaPipeFrame;

G_DEFINE_FINAL_TYPE (HyphaPipeConnection, hypha_pipe_connection, HYPHA_TYPE_CONNECTION)

static void
hypha_pipe_frame_free (gpointer data)
{
  HyphaPipeFrame *frame = data;

  g_bytes_unref (frame->bytes);
  g_free (frame);
}

static void
hypha_pipe_connection_drop_source (HyphaPipeConnection *self)
{
  if (self->source != NULL)
    {
      g_source_destroy (self->source);
      g_clear_pointer (&self->source, g_source_unref);
    }
}

static void
hypha_pipe_connection_receive_one (HyphaPipeConnection *self)
{
  HyphaPipeFrame *frame = g_queue_pop_head (&self->inbox);
  gsize size = g_bytes_get_size (frame->bytes);

  self->queued -= size;
  hypha_connection_emit_message (HYPHA_CONNECTION (self), frame->type, frame->bytes);
  hypha_pipe_frame_free (frame);

  if (self->over_budget && self->queued < HYPHA_CONNECTION_QUEUE_BUDGET / 2)
    {
      self->over_budget = FALSE;
      if (self->other != NULL)
        hypha_connection_emit_drained (HYPHA_CONNECTION (self->other));
    }
}

static gboolean
hypha_pipe_connection_dispatch (gpointer data)
{
  g_autoptr (HyphaPipeConnection) self = g_object_ref (data);

  for (guint n = 0; n < MAX_FRAMES_PER_DISPATCH; n++)
    {
      if (g_queue_is_empty (&self->inbox) || self->paused)
        break;

      hypha_pipe_connection_receive_one (self);
    }

  if (!g_queue_is_empty (&self->inbox) && !self->paused)
    return G_SOURCE_CONTINUE;

  if (g_queue_is_empty (&self->inbox) && self->other != NULL)
    hypha_connection_emit_drained (HYPHA_CONNECTION (self->other));

  /* Those who were let go on may have sent more. */
  if (!g_queue_is_empty (&self->inbox) && !self->paused)
    return G_SOURCE_CONTINUE;

  /* A handler may have dropped or replaced the source already. */
  if (self->source != NULL && self->source == g_main_current_source ())
    g_clear_pointer (&self->source, g_source_unref);

  if (g_queue_is_empty (&self->inbox) && self->close_code != 0)
    hypha_connection_emit_closed (HYPHA_CONNECTION (self), self->close_code, self->close_reason);

  return G_SOURCE_REMOVE;
}

static void
hypha_pipe_connection_wake (HyphaPipeConnection *self)
{
  if (self->source != NULL || self->paused)
    return;

  self->source = g_idle_source_new ();
  g_source_set_priority (self->source, G_PRIORITY_DEFAULT);
  g_source_set_static_name (self->source, "hypha-pipe");
  g_source_set_callback (self->source, hypha_pipe_connection_dispatch, self, NULL);
  g_source_attach (self->source, g_main_context_get_thread_default ());
}

static void
hypha_pipe_connection_send (HyphaConnection *connection,
                            HyphaFrameType   type,
                            GBytes          *bytes)
{
  HyphaPipeConnection *self = HYPHA_PIPE_CONNECTION (connection);
  HyphaPipeConnection *other = self->other;
  HyphaPipeFrame *frame;

  if (other == NULL)
    return;

  frame = g_new (HyphaPipeFrame, 1);
  frame->type = type;
  frame->bytes = g_bytes_ref (bytes);
  g_queue_push_tail (&other->inbox, frame);
  other->queued += g_bytes_get_size (bytes);
  if (other->queued > HYPHA_CONNECTION_QUEUE_BUDGET)
    other->over_budget = TRUE;

  hypha_pipe_connection_wake (other);
}

static gsize
hypha_pipe_connection_get_queued (HyphaConnection *connection)
{
  HyphaPipeConnection *self = HYPHA_PIPE_CONNECTION (connection);

  return self->other != NULL ? self->other->queued : 0;
}

static void
hypha_pipe_connection_set_reading (HyphaConnection *connection,
                                   gboolean         reading)
{
  HyphaPipeConnection *self = HYPHA_PIPE_CONNECTION (connection);

  self->paused = !reading;
  if (reading && (!g_queue_is_empty (&self->inbox) || self->close_code != 0))
    hypha_pipe_connection_wake (self);
}

/* The other end first receives what was sent before the close. */
static void
hypha_pipe_connection_close (HyphaConnection *connection,
                             guint            code,
                             const char      *reason)
{
  HyphaPipeConnection *self = HYPHA_PIPE_CONNECTION (connection);
  HyphaPipeConnection *other = g_steal_pointer (&self->other);

  if (other != NULL)
    {
      other->other = NULL;
      other->close_code = code;
      other->close_reason = g_strdup (reason);
      other->paused = FALSE;
      hypha_pipe_connection_wake (other);
    }

  hypha_connection_emit_closed (connection, code, reason);
}

static void
hypha_pipe_connection_dispose (GObject *object)
{
  HyphaPipeConnection *self = HYPHA_PIPE_CONNECTION (object);

  if (self->other != NULL)
    hypha_connection_close (HYPHA_CONNECTION (self), HYPHA_CLOSE_GOING_AWAY, NULL);

  hypha_pipe_connection_drop_source (self);
  g_queue_clear_full (&self->inbox, hypha_pipe_frame_free);
  g_clear_pointer (&self->close_reason, g_free);

  G_OBJECT_CLASS (hypha_pipe_connection_parent_class)->dispose (object);
}

static void
hypha_pipe_connection_class_init (HyphaPipeConnectionClass *klass)
{
  HyphaConnectionClass *connection_class = HYPHA_CONNECTION_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = hypha_pipe_connection_dispose;
  connection_class->send = hypha_pipe_connection_send;
  connection_class->close = hypha_pipe_connection_close;
  connection_class->get_queued = hypha_pipe_connection_get_queued;
  connection_class->set_reading = hypha_pipe_connection_set_reading;
}

static void
hypha_pipe_connection_init (HyphaPipeConnection *self)
{
  g_queue_init (&self->inbox);
}

/* Makes two connected ends; the caller owns both. */
void
hypha_pipe_connection_new_pair (HyphaConnection **one,
                                HyphaConnection **other)
{
  HyphaPipeConnection *a = g_object_new (HYPHA_TYPE_PIPE_CONNECTION, NULL);
  HyphaPipeConnection *b = g_object_new (HYPHA_TYPE_PIPE_CONNECTION, NULL);

  a->other = b;
  b->other = a;
  *one = HYPHA_CONNECTION (a);
  *other = HYPHA_CONNECTION (b);
}
