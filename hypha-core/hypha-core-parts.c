/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-core-private.h"
#include "hypha-session-private.h"

/*
 * The end of what a running core is made of. A program may close its core from inside any signal,
 * with the gate, the router and the manager still on the stack, so they go when the stack has gone.
 */

/* In the order in which nothing calls what is gone. */
static gboolean
hypha_core_parts_close (gpointer data)
{
  HyphaCoreParts *self = data;

  g_clear_object (&self->gateway);
  g_clear_object (&self->http_rpc);
  g_clear_object (&self->http_login);
  hypha_manager_close (self->manager);
  hypha_app_controller_close (self->apps);
  g_clear_object (&self->apps);
  g_clear_object (&self->gate);
  g_clear_object (&self->server);
  g_clear_object (&self->manager);
  g_clear_object (&self->router);
  g_free (self);
  return G_SOURCE_REMOVE;
}

/*
 * Takes the parts away from the core, which nothing here refers to any more afterwards: nobody new
 * gets in, and who is in is cut off from the main loop, before anything else there.
 */
void
hypha_core_parts_discard (HyphaCoreParts *self)
{
  HyphaCoreParts *gone = g_memdup2 (self, sizeof *self);
  g_autoptr (GSource) source = g_idle_source_new ();

  *self = (HyphaCoreParts) { 0 };
  hypha_server_set_accept (gone->server, NULL, NULL);
  hypha_server_set_admission (gone->server, NULL, NULL);
  hypha_app_controller_stop (gone->apps);
  hypha_question_desk_set_host (hypha_manager_get_desk (gone->manager), NULL, NULL);

  /* The caller may start to listen again at once. */
  hypha_server_stop_listening (gone->server);

  g_source_set_priority (source, G_PRIORITY_HIGH);
  g_source_set_static_name (source, "hypha-core-close");
  g_source_set_callback (source, hypha_core_parts_close, gone, NULL);
  g_source_attach (source, g_main_context_get_thread_default ());
}

/**
 * hypha_core_dup_status:
 * @self: a core
 *
 * Counts what the core keeps at the moment, for a log: numbers that grow without end are a leak, of
 * the core or of its clients. The words may change with any version.
 *
 * Returns: (transfer full): one line, “name=number” for each
 *
 * Since: 0.1
 */
char *
hypha_core_dup_status (HyphaCore *self)
{
  HyphaCoreParts *parts;
  HyphaRpc *rpc;

  g_return_val_if_fail (HYPHA_IS_CORE (self), NULL);

  parts = &self->parts;
  if (parts->router == NULL)
    return g_strdup ("running=0");

  rpc = hypha_manager_get_rpc (parts->manager);
  return g_strdup_printf ("running=1 connections=%u clients=%u services=%u calling=%u serving=%u "
                          "sessions=%u unfinished=%u",
                          hypha_gate_get_n_sessions (parts->gate),
                          hypha_router_get_n_peers (parts->router),
                          g_list_model_get_n_items (hypha_core_get_services (self)),
                          hypha_rpc_get_n_pending (rpc), hypha_rpc_get_n_serving (rpc),
                          hypha_rpc_get_n_sessions (rpc),
                          hypha_router_get_n_unfinished (parts->router));
}
