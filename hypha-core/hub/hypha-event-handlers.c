/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-event-handlers-internal-private.h"

/* Who wants to be told of which event, by a call of which function. */

static void
hypha_event_client_clear (gpointer data)
{
  HyphaEventClient *client = data;

  g_queue_clear (&client->ready);
  g_free (client->id);
  g_free (client->workspace);
  g_free (client->account);
}

void
hypha_event_client_unref (HyphaEventClient *client)
{
  g_rc_box_release_full (client, hypha_event_client_clear);
}

static void
hypha_event_handler_clear (gpointer data)
{
  HyphaEventHandler *handler = data;

  g_queue_clear_full (&handler->waiting, (GDestroyNotify) g_variant_unref);
  hypha_event_client_unref (handler->client);
  g_free (handler->event);
  g_free (handler->method);
}

void
hypha_event_handler_unref (HyphaEventHandler *handler)
{
  g_rc_box_release_full (handler, hypha_event_handler_clear);
}

/* No name of a workspace has a slash. */
static char *
hypha_event_handlers_make_key (const char *workspace,
                               const char *event)
{
  return g_strconcat (workspace, "/", event, NULL);
}

static void
hypha_event_handler_unlink (HyphaEventHandler *handler)
{
  g_autofree char *key = hypha_event_handlers_make_key (handler->client->workspace, handler->event);
  GQueue *queue = g_hash_table_lookup (handler->owner->events, key);

  g_queue_unlink (queue, &handler->link);
  if (g_queue_is_empty (queue))
    g_hash_table_remove (handler->owner->events, key);
}

/* The client lets go of it; whoever calls it meanwhile finds that it has no owner. */
static void
hypha_event_handler_orphan (gpointer data)
{
  HyphaEventHandler *handler = data;

  if (handler->running)
    hypha_event_handler_stop (handler);
  if (handler->ready)
    g_queue_remove (&handler->client->ready, handler);
  hypha_event_handler_unlink (handler);
  handler->owner = NULL;
  hypha_event_handler_unref (handler);
}

/* It has no handlers any more. */
static void
hypha_event_client_leave (gpointer data)
{
  HyphaEventClient *client = data;

  hypha_event_client_unstall (client);
  g_ptr_array_unref (client->handlers);
  client->handlers = NULL;
  client->owner = NULL;
  hypha_event_client_unref (client);
}

HyphaEventHandlers *
hypha_event_handlers_new (HyphaRpc *rpc)
{
  HyphaEventHandlers *self = g_new0 (HyphaEventHandlers, 1);

  self->rpc = g_object_ref (rpc);
  self->clients = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, hypha_event_client_leave);
  self->events = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                        (GDestroyNotify) g_queue_free);
  self->stalled = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                         (GDestroyNotify) g_queue_free);
  self->running = hypha_shares_new (HYPHA_EVENT_HANDLERS_MAX_RUNNING,
                                    HYPHA_EVENT_HANDLERS_MAX_RUNNING_ACCOUNT);
  self->cancellable = g_cancellable_new ();
  return self;
}

void
hypha_event_handlers_free (HyphaEventHandlers *self)
{
  g_hash_table_unref (self->clients);
  g_hash_table_unref (self->events);
  g_hash_table_unref (self->stalled);
  hypha_shares_free (self->running);
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
  HyphaEventClient *client;
  guint n = 0;

  g_hash_table_iter_init (&iter, self->clients);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &client))
    n += client->handlers->len;

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

static HyphaEventClient *
hypha_event_handlers_ensure_client (HyphaEventHandlers *self,
                                    HyphaPeer          *peer)
{
  HyphaEventClient *client = g_hash_table_lookup (self->clients, hypha_peer_get_id (peer));

  if (client == NULL)
    {
      client = g_rc_box_new0 (HyphaEventClient);
      client->owner = self;
      client->id = g_strdup (hypha_peer_get_id (peer));
      client->workspace = g_strdup (hypha_peer_get_workspace (peer));
      client->account = g_strdup (hypha_peer_get_account (peer));
      client->handlers = g_ptr_array_new_with_free_func (hypha_event_handler_orphan);
      g_queue_init (&client->ready);
      g_hash_table_insert (self->clients, client->id, client);
    }

  return client;
}

/* Takes method. */
static void
hypha_event_client_add (HyphaEventClient *client,
                        const char       *event,
                        char             *method)
{
  HyphaEventHandler *handler = g_rc_box_new0 (HyphaEventHandler);
  g_autofree char *key = hypha_event_handlers_make_key (client->workspace, event);
  GQueue *queue = g_hash_table_lookup (client->owner->events, key);

  handler->owner = client->owner;
  handler->client = g_rc_box_acquire (client);
  handler->link.data = handler;
  handler->event = g_strdup (event);
  handler->method = method;
  g_queue_init (&handler->waiting);
  g_ptr_array_add (client->handlers, handler);
  if (queue == NULL)
    {
      queue = g_queue_new ();
      g_hash_table_insert (client->owner->events, g_steal_pointer (&key), queue);
    }

  g_queue_push_tail_link (queue, &handler->link);
}

/* Calls function, an address that caller sent, for every event from now on. */
gboolean
hypha_event_handlers_add (HyphaEventHandlers  *self,
                          HyphaPeer           *caller,
                          const char          *event,
                          GVariant            *function,
                          GError             **error)
{
  g_autofree char *method = NULL;
  HyphaEventClient *client = g_hash_table_lookup (self->clients, hypha_peer_get_id (caller));

  method = hypha_event_handlers_take_method (hypha_peer_get_id (caller),
                                             hypha_peer_get_workspace (caller), function, error);
  if (method == NULL)
    return FALSE;

  if (client != NULL && client->handlers->len >= HYPHA_EVENT_HANDLERS_MAX_CLIENT)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
                   "a client may have %d event handlers, not more",
                   HYPHA_EVENT_HANDLERS_MAX_CLIENT);
      return FALSE;
    }

  client = hypha_event_handlers_ensure_client (self, caller);
  hypha_event_client_add (client, event, g_steal_pointer (&method));
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
  HyphaEventClient *own = g_hash_table_lookup (self->clients, client);
  const char *method = NULL;

  if (own == NULL)
    return;

  if (function != NULL && (!g_variant_is_of_type (function, G_VARIANT_TYPE_VARDICT) ||
                           !g_variant_lookup (function, "_rmethod", "&s", &method)))
    return;

  for (guint i = own->handlers->len; i > 0; i--)
    {
      if (hypha_event_handler_matches (g_ptr_array_index (own->handlers, i - 1), event, method))
        g_ptr_array_remove_index (own->handlers, i - 1);
    }

  if (own->handlers->len == 0)
    g_hash_table_remove (self->clients, client);
  hypha_event_handlers_run_next (self);
}

/* why, for the log, is NULL where it is nobody's fault. */
void
hypha_event_handler_drop (HyphaEventHandler *handler,
                          const char        *why)
{
  HyphaEventHandlers *self = handler->owner;
  HyphaEventClient *client = handler->client;

  if (why != NULL)
    g_message ("%s: its handler of an event is dropped: %s", client->id, why);
  g_ptr_array_remove (client->handlers, handler);
  if (client->handlers->len == 0)
    g_hash_table_remove (self->clients, client->id);
}

static void
hypha_event_handler_deliver (HyphaEventHandler *handler,
                             GVariant          *data)
{
  gboolean full = g_queue_get_length (&handler->waiting) >= HYPHA_EVENT_HANDLERS_MAX_WAITING;

  if (full && handler->running)
    {
      HyphaEventHandlers *self = handler->owner;

      hypha_event_handler_drop (handler, "it is too slow");
      hypha_event_handlers_run_next (self);
      return;
    }

  /* It is not its fault that it has to wait: it stays, without the oldest of its events. */
  if (full)
    g_variant_unref (g_queue_pop_head (&handler->waiting));

  g_queue_push_tail (&handler->waiting, g_variant_ref (data));
  hypha_event_handler_get_ready (handler);
  hypha_event_client_run (handler->client);
}

/* Calls every handler of event in workspace. data is not floating. */
void
hypha_event_handlers_deliver (HyphaEventHandlers *self,
                              const char         *workspace,
                              const char         *event,
                              GVariant           *data)
{
  g_autofree char *key = hypha_event_handlers_make_key (workspace, event);
  GQueue *queue = g_hash_table_lookup (self->events, key);
  g_autoptr (GPtrArray) found = NULL;

  if (queue == NULL)
    return;

  /* A snapshot: a handler that is dropped changes the table. */
  found = g_ptr_array_new_full (queue->length, (GDestroyNotify) hypha_event_handler_unref);
  for (GList *link = queue->head; link != NULL; link = link->next)
    g_ptr_array_add (found, g_rc_box_acquire (link->data));

  for (guint i = 0; i < found->len; i++)
    {
      HyphaEventHandler *handler = g_ptr_array_index (found, i);

      if (handler->owner != NULL)
        hypha_event_handler_deliver (handler, data);
    }
}
