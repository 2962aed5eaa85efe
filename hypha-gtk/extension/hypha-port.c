/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-port.h"

#include "hypha-frame.h"

#include <gio/gunixfdlist.h>
#include <string.h>

#define PORT_KEY "hypha-port"

struct _HyphaPort
{
  GWeakRef   page;
  JSCValue  *deliver;  /* gives a message to the bridge script of the current host page */
  GQueue     waiting;  /* of WebKitUserMessage: held back by the window */
  gsize      waiting_bytes;
  gsize      unanswered;
  gboolean   overflown; /* too much was waiting: nothing is sent until the page connects again */
};

/* What an answer must know: the port may be gone by then. */
typedef struct
{
  WebKitWebPage *page;
  gsize          cost;
} Pending;

static void port_flush (HyphaPort *self);

static gsize
message_cost (WebKitUserMessage *message)
{
  GVariant *parameters = webkit_user_message_get_parameters (message);
  gsize cost = HYPHA_FRAME_OVERHEAD;

  if (parameters == NULL)
    return cost;

  cost += g_variant_get_size (parameters);
  if (webkit_user_message_get_fd_list (message) != NULL)
    {
      guint64 size;

      g_variant_get_child (parameters, 2, "t", &size);
      cost += size;
    }

  return cost;
}

static void
port_answered_cb (GObject      *source,
                  GAsyncResult *result,
                  gpointer      data)
{
  g_autofree Pending *pending = data;
  g_autoptr (WebKitWebPage) page = pending->page;
  g_autoptr (GError) error = NULL;
  g_autoptr (WebKitUserMessage) answer =
      webkit_web_page_send_message_to_view_finish (page, result, &error);
  HyphaPort *self = hypha_port_get (page);

  if (answer == NULL)
    g_debug ("a message was not answered: %s", error->message);

  self->unanswered -= pending->cost;
  port_flush (self);
}

static void
port_send_now (HyphaPort         *self,
               WebKitUserMessage *message)
{
  g_autoptr (WebKitWebPage) page = g_weak_ref_get (&self->page);
  Pending *pending;

  if (page == NULL)
    return;

  pending = g_new0 (Pending, 1);
  pending->page = g_object_ref (page);
  pending->cost = message_cost (message);
  self->unanswered += pending->cost;
  webkit_web_page_send_message_to_view (page, message, NULL, port_answered_cb, pending);
}

static void
port_flush (HyphaPort *self)
{
  while (self->unanswered < HYPHA_PORT_WINDOW && !g_queue_is_empty (&self->waiting))
    {
      g_autoptr (WebKitUserMessage) message = g_queue_pop_head (&self->waiting);

      self->waiting_bytes -= message_cost (message);
      port_send_now (self, message);
    }
}

static gboolean
is_lasting (WebKitUserMessage *message)
{
  const char *name = webkit_user_message_get_name (message);

  return g_str_equal (name, "hello") || g_str_equal (name, "document");
}

/* Of what waits, only what tells which document is there still matters. */
static void
drop_waiting (HyphaPort *self)
{
  GList *next;

  for (GList *l = self->waiting.head; l != NULL; l = next)
    {
      next = l->next;
      if (is_lasting (l->data))
        continue;

      self->waiting_bytes -= message_cost (l->data);
      g_object_unref (l->data);
      g_queue_delete_link (&self->waiting, l);
    }
}

/* The news goes past the queue: what fills that is waiting for the connection to end. */
static void
overflow (HyphaPort *self)
{
  self->overflown = TRUE;
  drop_waiting (self);
  port_send_now (self, webkit_user_message_new (
                           "lost", g_variant_new ("(ss)", "", "too many messages of the page wait")));
}

static void
port_send (HyphaPort         *self,
           WebKitUserMessage *message)
{
  g_autoptr (WebKitUserMessage) owned = g_object_ref_sink (message);
  gsize cost = message_cost (message);

  if (self->overflown && g_str_equal (webkit_user_message_get_name (message), "connect"))
    self->overflown = FALSE;
  if (!is_lasting (message) && !self->overflown && self->waiting_bytes + cost > HYPHA_PORT_WAITING_MAX)
    overflow (self);
  if (!is_lasting (message) && self->overflown)
    return;

  self->waiting_bytes += cost;
  g_queue_push_tail (&self->waiting, g_steal_pointer (&owned));
  port_flush (self);
}

/* Tells the application what happened; the texts may come from the page. */
void
hypha_port_send_event (HyphaPort  *self,
                       const char *name,
                       const char *first,
                       const char *second)
{
  g_autofree char *a = g_utf8_make_valid (first != NULL ? first : "", -1);
  g_autofree char *b = g_utf8_make_valid (second != NULL ? second : "", -1);

  port_send (self, webkit_user_message_new (name, g_variant_new ("(ss)", a, b)));
}

static void
port_send_frame (HyphaPort    *self,
                 const char   *peer,
                 gboolean      text,
                 gconstpointer data,
                 gsize         size)
{
  g_autofree char *valid_peer = g_utf8_make_valid (peer, -1);
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GError) error = NULL;
  GVariant *parameters = hypha_frame_pack (valid_peer, text, data, size, &fds, &error);

  if (parameters == NULL)
    {
      /* The application ends the connection: a lost frame would leave its caller waiting. */
      hypha_port_send_event (self, "lost", peer, error->message);
      return;
    }

  port_send (self, webkit_user_message_new_with_fd_list ("frame", parameters, fds));
}

static void
port_send_value (HyphaPort  *self,
                 const char *peer,
                 JSCValue   *value)
{
  if (jsc_value_is_string (value))
    {
      g_autoptr (GBytes) text = jsc_value_to_string_as_bytes (value);

      port_send_frame (self, peer, TRUE, g_bytes_get_data (text, NULL), g_bytes_get_size (text));
    }
  else if (jsc_value_is_typed_array (value))
    {
      gsize size = jsc_value_typed_array_get_size (value);
      gsize length;
      gconstpointer data = jsc_value_typed_array_get_data (value, &length);

      port_send_frame (self, peer, FALSE, data, size);
    }
  else if (jsc_value_is_array_buffer (value))
    {
      gsize size;
      gconstpointer data = jsc_value_array_buffer_get_data (value, &size);

      port_send_frame (self, peer, FALSE, data, size);
    }
  else
    {
      hypha_port_send_event (self, "lost", peer, "a message is neither text nor bytes");
    }
}

static char *
dup_argument (GPtrArray *arguments,
              guint      index)
{
  if (index >= arguments->len)
    return NULL;

  return jsc_value_to_string (g_ptr_array_index (arguments, index));
}

/* send (name, first, second) of the bridge script. */
static void
send_cb (GPtrArray *arguments,
         gpointer   data)
{
  GWeakRef *page_ref = data;
  g_autoptr (WebKitWebPage) page = g_weak_ref_get (page_ref);
  g_autofree char *name = dup_argument (arguments, 0);
  g_autofree char *first = dup_argument (arguments, 1);
  g_autofree char *second = NULL;

  if (page == NULL || name == NULL)
    return;

  if (g_str_equal (name, "frame") && arguments->len == 3)
    {
      port_send_value (hypha_port_get (page), first, g_ptr_array_index (arguments, 2));
      return;
    }

  second = dup_argument (arguments, 2);
  hypha_port_send_event (hypha_port_get (page), name, first, second);
}

static void
weak_ref_free (gpointer data)
{
  g_weak_ref_clear (data);
  g_free (data);
}

static GWeakRef *
weak_ref_new (gpointer object)
{
  GWeakRef *ref = g_new0 (GWeakRef, 1);

  g_weak_ref_init (ref, object);
  return ref;
}

JSCValue *
hypha_port_new_send_function (HyphaPort  *self,
                              JSCContext *context)
{
  g_autoptr (WebKitWebPage) page = g_weak_ref_get (&self->page);

  return jsc_value_new_function_variadic (context, "send", G_CALLBACK (send_cb),
                                          weak_ref_new (page), weak_ref_free, G_TYPE_NONE);
}

void
hypha_port_set_deliver (HyphaPort *self,
                        JSCValue  *deliver)
{
  g_set_object (&self->deliver, deliver);
}

/* The bridge script is ours, so what it throws is our fault. */
static void
warn_of_exception (JSCContext *context)
{
  JSCException *exception = jsc_context_get_exception (context);

  if (exception == NULL)
    return;

  g_warning ("the bridge script failed: %s", jsc_exception_get_message (exception));
  jsc_context_clear_exception (context);
}

static void
port_deliver (HyphaPort  *self,
              const char *kind,
              const char *to,
              JSCValue   *value)
{
  g_autoptr (JSCValue) returned = NULL;

  if (self->deliver == NULL)
    return;

  if (value == NULL)
    returned = jsc_value_function_call (self->deliver, G_TYPE_STRING, kind, G_TYPE_STRING, to,
                                        G_TYPE_NONE);
  else
    returned = jsc_value_function_call (self->deliver, G_TYPE_STRING, kind, G_TYPE_STRING, to,
                                        JSC_TYPE_VALUE, value, G_TYPE_NONE);
  warn_of_exception (jsc_value_get_context (self->deliver));
}

/* The frame has another document: what the last one was trusted with ends here and now. */
void
hypha_port_document_changed (HyphaPort *self)
{
  port_deliver (self, "document", "", NULL);
  hypha_port_send_event (self, "document", NULL, NULL);
}

/*
 * An ArrayBuffer of the page's own: foreign memory is fatal to a web process, and old clients
 * know nothing but ArrayBuffer.
 */
static JSCValue *
new_array_buffer (JSCContext *context,
                  GBytes     *bytes)
{
  gsize size = g_bytes_get_size (bytes);
  g_autoptr (JSCValue) array = jsc_value_new_typed_array (context, JSC_TYPED_ARRAY_UINT8, size);
  gpointer data = jsc_value_typed_array_get_data (array, NULL);

  if (size > 0)
    memcpy (data, g_bytes_get_data (bytes, NULL), size);

  return jsc_value_typed_array_get_buffer (array);
}

static void
receive_frame (HyphaPort         *self,
               WebKitUserMessage *message)
{
  g_auto (HyphaFrame) frame = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (JSCValue) value = NULL;
  JSCContext *context;

  if (self->deliver == NULL)
    return;

  if (!hypha_frame_unpack (&frame, webkit_user_message_get_parameters (message),
                           webkit_user_message_get_fd_list (message), &error))
    {
      g_warning ("a frame for the page was lost: %s", error->message);
      hypha_port_send_event (self, "lost", NULL, error->message);
      return;
    }

  context = jsc_value_get_context (self->deliver);
  value = frame.text ? jsc_value_new_string_from_bytes (context, frame.bytes)
                     : new_array_buffer (context, frame.bytes);
  port_deliver (self, "frame", frame.peer, value);
}

static void
receive_event (HyphaPort         *self,
               WebKitUserMessage *message)
{
  g_autoptr (JSCValue) value = NULL;
  const char *to;
  const char *data;

  if (self->deliver == NULL)
    return;

  g_variant_get (webkit_user_message_get_parameters (message), "(&s&s)", &to, &data);
  value = jsc_value_new_string (jsc_value_get_context (self->deliver), data);
  port_deliver (self, webkit_user_message_get_name (message), to, value);
}

static gboolean
user_message_received_cb (WebKitWebPage     *page,
                          WebKitUserMessage *message,
                          gpointer           data)
{
  HyphaPort *self = data;

  if (g_str_equal (webkit_user_message_get_name (message), "frame"))
    receive_frame (self, message);
  else
    receive_event (self, message);

  webkit_user_message_send_reply (message, webkit_user_message_new ("done", NULL));
  return TRUE;
}

static void
port_free (gpointer data)
{
  HyphaPort *self = data;

  g_weak_ref_clear (&self->page);
  g_clear_object (&self->deliver);
  g_queue_clear_full (&self->waiting, g_object_unref);
  g_free (self);
}

void
hypha_port_attach (WebKitWebPage *page)
{
  HyphaPort *self = g_new0 (HyphaPort, 1);

  g_weak_ref_init (&self->page, page);
  g_queue_init (&self->waiting);
  g_object_set_data_full (G_OBJECT (page), PORT_KEY, self, port_free);
  g_signal_connect (page, "user-message-received", G_CALLBACK (user_message_received_cb), self);
}

HyphaPort *
hypha_port_get (WebKitWebPage *page)
{
  return g_object_get_data (G_OBJECT (page), PORT_KEY);
}
