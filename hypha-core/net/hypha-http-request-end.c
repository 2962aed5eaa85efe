/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-http-request-internal-private.h"

/* How a request ends, and its client after it. */

static gboolean
hypha_http_request_free_client (gpointer data)
{
  hypha_local_client_free (data);
  return G_SOURCE_REMOVE;
}

/*
 * What it says last, “close” to a generator, lies in its pipe still, which comes first at the same
 * priority. A lower one would wait for ever for a service that never stops to call.
 */
static void
hypha_http_request_dismiss_client (HyphaLocalClient *client)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_static_name (source, "hypha-http-client-leaves");
  g_source_set_callback (source, hypha_http_request_free_client, client, NULL);
  g_source_attach (source, g_main_context_get_thread_default ());
}

/* Nobody waits for the answer any more, or it is complete. */
static void
hypha_http_request_finish (HyphaHttpRequest *self)
{
  GFunc on_end = g_steal_pointer (&self->on_end);

  if (self->message == NULL)
    return;

  hypha_http_request_stop_watch (self);
  hypha_http_request_stop_deadline (self);
  g_signal_handlers_disconnect_by_data (self->message, self);
  g_clear_object (&self->message);
  self->on_wrote = NULL;
  self->told = on_end != NULL;
  if (on_end != NULL)
    on_end (self->on_end_data, self);
}

/* Its client leaves the router; what it has called is given up. */
void
hypha_http_request_leave (HyphaHttpRequest *self)
{
  GFunc on_left = g_steal_pointer (&self->on_left);

  if (self->linger_deadline != NULL)
    {
      g_source_destroy (self->linger_deadline);
      g_clear_pointer (&self->linger_deadline, g_source_unref);
    }

  if (self->client != NULL && self->told)
    hypha_http_request_dismiss_client (g_steal_pointer (&self->client));
  hypha_http_request_stop_expiry (self);
  g_cancellable_cancel (self->cancellable);
  g_clear_pointer (&self->client, hypha_local_client_free);
  g_clear_object (&self->manager);
  g_clear_object (&self->server);
  if (on_left != NULL)
    on_left (self->on_left_data, self);
}

void
hypha_http_request_end (HyphaHttpRequest *self)
{
  hypha_http_request_finish (self);
  hypha_http_request_leave (self);
}

static gboolean
hypha_http_request_linger_expired (gpointer data)
{
  HyphaHttpRequest *self = data;
  g_autoptr (HyphaHttpRequest) hold = hypha_http_request_ref (self);

  g_debug ("what was called goes on after its answer; it is left alone");
  hypha_http_request_leave (self);
  return G_SOURCE_REMOVE;
}

/*
 * The answer is complete. What was called may not have come to its end: it has tidying up to do, and
 * would find that its caller has gone. Then its client stays for a while, and on_left is told when it
 * goes; otherwise FALSE.
 */
gboolean
hypha_http_request_linger (HyphaHttpRequest *self,
                           GFunc             on_left,
                           gpointer          data)
{
  if (!self->lingers || self->client == NULL)
    return FALSE;

  hypha_http_request_finish (self);
  self->on_left = on_left;
  self->on_left_data = data;
  self->linger_deadline = g_timeout_source_new (self->linger);
  g_source_set_static_name (self->linger_deadline, "hypha-http-linger");
  g_source_set_callback (self->linger_deadline, hypha_http_request_linger_expired, self, NULL);
  g_source_attach (self->linger_deadline, g_main_context_get_thread_default ());
  return TRUE;
}
