/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-event-handlers-internal-private.h"

/*
 * Which handler is called when. A client may have so many of its handlers at work, and so may the
 * user that it is of, or all guests together; what goes beyond waits for its turn. So nobody's
 * handlers that hang keep those of others from being called.
 */

/* Its call has ended, or counts no more. */
void
hypha_event_handler_stop (HyphaEventHandler *handler)
{
  handler->running = FALSE;
  handler->client->n_running--;
  hypha_shares_give_back (handler->owner->running, handler->client->account, 1);
}

void
hypha_event_client_unstall (HyphaEventClient *client)
{
  GQueue *queue = g_hash_table_lookup (client->owner->stalled, client->account);

  if (!client->stalled)
    return;

  client->stalled = FALSE;
  g_queue_remove (queue, client);
  if (g_queue_is_empty (queue))
    g_hash_table_remove (client->owner->stalled, client->account);
}

/* Its account has no share left: it comes after those of the account that wait already. */
static void
hypha_event_client_stall (HyphaEventClient *client)
{
  GQueue *queue = g_hash_table_lookup (client->owner->stalled, client->account);

  if (client->stalled)
    return;

  if (queue == NULL)
    {
      queue = g_queue_new ();
      g_hash_table_insert (client->owner->stalled, g_strdup (client->account), queue);
    }

  client->stalled = TRUE;
  g_queue_push_tail (queue, client);
}

static void hypha_event_handler_run (HyphaEventHandler *handler);

/* Calls what is ready, as far as there is room. */
void
hypha_event_client_run (HyphaEventClient *data)
{
  g_autoptr (HyphaEventClient) client = g_rc_box_acquire (data);

  /* Whoever is called may go at once. */
  while (client->owner != NULL && !g_queue_is_empty (&client->ready) &&
         client->n_running < HYPHA_EVENT_HANDLERS_MAX_RUNNING_CLIENT)
    {
      if (!hypha_shares_has_room (client->owner->running, client->account, 1))
        {
          hypha_event_client_stall (client);
          return;
        }

      hypha_event_handler_run (g_queue_pop_head (&client->ready));
    }
}

/* The client of an account that has waited longest; a queue that is empty goes. */
static void
hypha_event_handlers_run_first (HyphaEventHandlers *self,
                                const char         *account,
                                GQueue             *queue)
{
  HyphaEventClient *client = g_queue_pop_head (queue);

  if (g_queue_is_empty (queue))
    g_hash_table_remove (self->stalled, account);

  client->stalled = FALSE;
  hypha_event_client_run (client);
}

/* There may be room again: those that wait for it come in their order. */
void
hypha_event_handlers_run_next (HyphaEventHandlers *self)
{
  g_autoptr (GPtrArray) accounts = g_ptr_array_new_with_free_func (g_free);
  GHashTableIter iter;
  const char *account;
  GQueue *queue;

  /* Copies: whoever is called may go at once, and then this is run again within. */
  g_hash_table_iter_init (&iter, self->stalled);
  while (g_hash_table_iter_next (&iter, (gpointer *) &account, NULL))
    g_ptr_array_add (accounts, g_strdup (account));

  for (guint i = 0; i < accounts->len; i++)
    {
      account = g_ptr_array_index (accounts, i);
      while ((queue = g_hash_table_lookup (self->stalled, account)) != NULL &&
             hypha_shares_has_room (self->running, account, 1))
        hypha_event_handlers_run_first (self, account, queue);
    }
}

void
hypha_event_handler_get_ready (HyphaEventHandler *handler)
{
  if (handler->ready || handler->running || g_queue_is_empty (&handler->waiting))
    return;

  handler->ready = TRUE;
  g_queue_push_tail (&handler->client->ready, handler);
}

static void
hypha_event_handler_ran (GObject      *source,
                         GAsyncResult *result,
                         gpointer      data)
{
  g_autoptr (HyphaEventHandler) handler = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = hypha_rpc_call_finish (HYPHA_RPC (source), result, &error);
  HyphaEventHandlers *self = handler->owner;

  if (self == NULL)
    return;

  hypha_event_handler_stop (handler);
  if (error == NULL)
    hypha_event_handler_get_ready (handler);
  else if (g_error_matches (error, HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED))
    hypha_event_handler_drop (handler, NULL);
  else
    hypha_event_handler_drop (handler, error->message);

  /* Others first: they have waited. */
  hypha_event_handlers_run_next (self);
  hypha_event_client_run (handler->client);
}

/* One call at a time: a handler that does not answer costs one of the manager's calls, not all. */
static void
hypha_event_handler_run (HyphaEventHandler *handler)
{
  HyphaEventHandlers *self = handler->owner;
  g_autoptr (GVariant) data = g_queue_pop_head (&handler->waiting);
  GVariantBuilder args;

  handler->ready = FALSE;
  handler->running = TRUE;
  handler->client->n_running++;
  hypha_shares_take (self->running, handler->client->account, 1);
  g_variant_builder_init (&args, G_VARIANT_TYPE ("av"));
  g_variant_builder_add (&args, "v", data);
  hypha_rpc_call_async (self->rpc, handler->client->id, handler->method,
                        g_variant_builder_end (&args), HYPHA_EVENT_HANDLERS_TIMEOUT,
                        self->cancellable, hypha_event_handler_ran, g_rc_box_acquire (handler));
}
