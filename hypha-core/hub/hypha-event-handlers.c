/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-event-handlers-private.h"

struct _HyphaEventHandlers
{
  HyphaRpc     *rpc;
  GHashTable   *clients;      /* id → GPtrArray of HyphaEventHandler */
  GCancellable *cancellable;  /* of the calls that are on their way */
  guint         n_running;
};

/* Reference-counted: a call that is on its way keeps it, though it may be dropped by then. */
typedef struct
{
  HyphaEventHandlers *owner;      /* NULL once it is dropped */
  char               *client;     /* workspace/client */
  char               *workspace;
  char               *event;
  char               *method;     /* services.<id>.<path> */
  GQueue              waiting;    /* of GVariant */
  gboolean            running;
} HyphaEventHandler;

static void hypha_event_handler_run (HyphaEventHandler *handler,
                                     GVariant          *data);

static void
hypha_event_handler_free (gpointer data)
{
  HyphaEventHandler *handler = data;

  g_queue_clear_full (&handler->waiting, (GDestroyNotify) g_variant_unref);
  g_free (handler->client);
  g_free (handler->workspace);
  g_free (handler->event);
  g_free (handler->method);
}

/* The table lets go of it; whoever calls it meanwhile finds that it has no owner. */
static void
hypha_event_handler_orphan (gpointer data)
{
  HyphaEventHandler *handler = data;

  if (handler->running)
    handler->owner->n_running--;
  handler->owner = NULL;
  g_rc_box_release_full (handler, hypha_event_handler_free);
}

HyphaEventHandlers *
hypha_event_handlers_new (HyphaRpc *rpc)
{
  HyphaEventHandlers *self = g_new0 (HyphaEventHandlers, 1);

  self->rpc = g_object_ref (rpc);
  self->clients = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                         (GDestroyNotify) g_ptr_array_unref);
  self->cancellable = g_cancellable_new ();
  return self;
}

void
hypha_event_handlers_free (HyphaEventHandlers *self)
{
  g_hash_table_unref (self->clients);
  g_cancellable_cancel (self->cancellable);
  g_object_unref (self->cancellable);
  g_object_unref (self->rpc);
  g_free (self);
}

/* Handlers of all clients. */
guint
hypha_event_handlers_get_n (HyphaEventHandlers *self)
{
  GHashTableIter iter;
  GPtrArray *own;
  guint n = 0;

  g_hash_table_iter_init (&iter, self->clients);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &own))
    n += own->len;

  return n;
}

/* The method that function, an address that client sent, names; NULL if it cannot be kept. */
static char *
hypha_event_handlers_take_method (const char  *client,
                                  const char  *workspace,
                                  GVariant    *function,
                                  GError     **error)
{
  g_autoptr (GVariant) absolute = NULL;
  const char *type = "";
  const char *target = "";
  const char *method = "";

  if (g_variant_is_of_type (function, G_VARIANT_TYPE_VARDICT))
    {
      absolute = g_variant_ref_sink (hypha_rpc_codec_make_absolute (function, workspace));
      g_variant_lookup (absolute, "_rtype", "&s", &type);
      g_variant_lookup (absolute, "_rtarget", "&s", &target);
      g_variant_lookup (absolute, "_rmethod", "&s", &method);
    }

  if (g_str_equal (type, "method") && !g_str_equal (target, client))
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                           "an event handler must be a function of the caller itself");
      return NULL;
    }

  if (g_str_equal (type, "method") && g_str_has_prefix (method, "services.") &&
      strlen (method) <= HYPHA_ADDRESS_MAX_PEER)
    return g_strdup (method);

  g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                       "an event handler must be a method of a service or of an object with "
                       "_rintf, because a plain callback ends with the call; or use subscribe");
  return NULL;
}

/* Calls function, an address that caller sent, for every event from now on. */
gboolean
hypha_event_handlers_add (HyphaEventHandlers  *self,
                          HyphaPeer           *caller,
                          const char          *event,
                          GVariant            *function,
                          GError             **error)
{
  const char *client = hypha_peer_get_id (caller);
  const char *workspace = hypha_peer_get_workspace (caller);
  g_autofree char *method = NULL;
  GPtrArray *own = g_hash_table_lookup (self->clients, client);
  HyphaEventHandler *handler;

  method = hypha_event_handlers_take_method (client, workspace, function, error);
  if (method == NULL)
    return FALSE;

  if (own != NULL && own->len >= HYPHA_EVENT_HANDLERS_MAX_CLIENT)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
                   "a client may have %d event handlers, not more",
                   HYPHA_EVENT_HANDLERS_MAX_CLIENT);
      return FALSE;
    }

  if (own == NULL)
    {
      own = g_ptr_array_new_with_free_func (hypha_event_handler_orphan);
      g_hash_table_insert (self->clients, g_strdup (client), own);
    }

  handler = g_rc_box_new0 (HyphaEventHandler);
  handler->owner = self;
  handler->client = g_strdup (client);
  handler->workspace = g_strdup (workspace);
  handler->event = g_strdup (event);
  handler->method = g_steal_pointer (&method);
  g_queue_init (&handler->waiting);
  g_ptr_array_add (own, handler);
  return TRUE;
}

static gboolean
hypha_event_handler_matches (HyphaEventHandler *handler,
                             const char        *event,
                             const char        *method)
{
  return (event == NULL || g_str_equal (handler->event, event)) &&
         (method == NULL || g_str_equal (handler->method, method));
}

/* event NULL: those for every event; function NULL: every handler. */
void
hypha_event_handlers_remove (HyphaEventHandlers *self,
                             const char         *client,
                             const char         *event,
                             GVariant           *function)
{
  GPtrArray *own = g_hash_table_lookup (self->clients, client);
  const char *method = NULL;

  if (own == NULL)
    return;

  if (function != NULL && (!g_variant_is_of_type (function, G_VARIANT_TYPE_VARDICT) ||
                           !g_variant_lookup (function, "_rmethod", "&s", &method)))
    return;

  for (guint i = own->len; i > 0; i--)
    {
      if (hypha_event_handler_matches (g_ptr_array_index (own, i - 1), event, method))
        g_ptr_array_remove_index (own, i - 1);
    }

  if (own->len == 0)
    g_hash_table_remove (self->clients, client);
}

/* why, for the log, is NULL where it is nobody's fault. */
static void
hypha_event_handler_drop (HyphaEventHandler *handler,
                          const char        *why)
{
  HyphaEventHandlers *self = handler->owner;
  GPtrArray *own = g_hash_table_lookup (self->clients, handler->client);

  if (why != NULL)
    g_message ("%s: its handler of an event is dropped: %s", handler->client, why);
  g_ptr_array_remove (own, handler);
  if (own->len == 0)
    g_hash_table_remove (self->clients, handler->client);
}

static void
hypha_event_handler_ran (GObject      *source,
                         GAsyncResult *result,
                         gpointer      data)
{
  HyphaEventHandler *handler = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = hypha_rpc_call_finish (HYPHA_RPC (source), result, &error);
  g_autoptr (GVariant) next = NULL;

  if (handler->owner != NULL)
    {
      handler->running = FALSE;
      handler->owner->n_running--;
      if (g_error_matches (error, HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED))
        hypha_event_handler_drop (handler, NULL);
      else if (error != NULL)
        hypha_event_handler_drop (handler, error->message);
      else
        next = g_queue_pop_head (&handler->waiting);
      if (next != NULL)
        hypha_event_handler_run (handler, next);
    }

  g_rc_box_release_full (handler, hypha_event_handler_free);
}

/* One call at a time: a handler that does not answer costs one of the manager's calls, not all. */
static void
hypha_event_handler_run (HyphaEventHandler *handler,
                         GVariant          *data)
{
  HyphaEventHandlers *self = handler->owner;
  GVariantBuilder args;

  handler->running = TRUE;
  self->n_running++;
  g_variant_builder_init (&args, G_VARIANT_TYPE ("av"));
  g_variant_builder_add (&args, "v", data);
  hypha_rpc_call_async (self->rpc, handler->client, handler->method, g_variant_builder_end (&args),
                        HYPHA_EVENT_HANDLERS_TIMEOUT, self->cancellable, hypha_event_handler_ran,
                        g_rc_box_acquire (handler));
}

static void
hypha_event_handler_deliver (HyphaEventHandler *handler,
                             GVariant          *data)
{
  if (handler->running && g_queue_get_length (&handler->waiting) >= HYPHA_EVENT_HANDLERS_MAX_WAITING)
    hypha_event_handler_drop (handler, "it is too slow");
  else if (handler->running)
    g_queue_push_tail (&handler->waiting, g_variant_ref (data));
  else if (handler->owner->n_running >= HYPHA_EVENT_HANDLERS_MAX_RUNNING)
    hypha_event_handler_drop (handler, "too many handlers are running");
  else
    hypha_event_handler_run (handler, data);
}

/* Calls every handler of event in workspace. data is not floating. */
void
hypha_event_handlers_deliver (HyphaEventHandlers *self,
                              const char         *workspace,
                              const char         *event,
                              GVariant           *data)
{
  g_autoptr (GPtrArray) found = g_ptr_array_new ();
  GHashTableIter iter;
  GPtrArray *own;

  /* A snapshot: a handler that is dropped changes the table. */
  g_hash_table_iter_init (&iter, self->clients);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &own))
    {
      for (guint i = 0; i < own->len; i++)
        {
          HyphaEventHandler *handler = g_ptr_array_index (own, i);

          if (g_str_equal (handler->workspace, workspace) && g_str_equal (handler->event, event))
            g_ptr_array_add (found, g_rc_box_acquire (handler));
        }
    }

  for (guint i = 0; i < found->len; i++)
    {
      HyphaEventHandler *handler = g_ptr_array_index (found, i);

      if (handler->owner != NULL)
        hypha_event_handler_deliver (handler, data);
      g_rc_box_release_full (handler, hypha_event_handler_free);
    }
}
