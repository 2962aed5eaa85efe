/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-local-client-private.h"
#include "hypha-handler-private.h"
#include "hypha-pipe-connection-private.h"
#include "hypha-registration-private.h"

struct _HyphaLocalClient
{
  HyphaRouter *router;
  HyphaPeer   *peer;  /* the router's end of the pipe is its connection */
  HyphaRpc    *rpc;   /* ours is this one's */
  gulong       detached;
  GSource     *setup; /* NULL unless setup() is about to be called */
};

static void
hypha_local_client_message (HyphaConnection  *connection,
                            HyphaFrameType    type,
                            const HyphaSlice *slice,
                            gpointer          data)
{
  HyphaLocalClient *self = data;

  hypha_router_route (self->router, self->peer, slice);
}

/* Only free() ends it, and that takes the sink away first. */
static void
hypha_local_client_closed (HyphaConnection *connection,
                           guint            code,
                           const char      *reason,
                           gpointer         data)
{
}

static void
hypha_local_client_drained (HyphaConnection *connection,
                            gpointer         data)
{
  HyphaLocalClient *self = data;

  hypha_router_drained (self->router, self->peer);
}

/* The router's end of the pipe. */
static const HyphaConnectionSink router_sink = {
  .message = hypha_local_client_message,
  .closed = hypha_local_client_closed,
  .drained = hypha_local_client_drained,
};

/* Whoever waits for an answer of somebody who has gone is told at once. */
static void
hypha_local_client_on_detached (HyphaRouter      *router,
                                HyphaPeer        *peer,
                                HyphaLocalClient *self)
{
  if (peer != self->peer)
    hypha_rpc_peer_gone (self->rpc, hypha_peer_get_id (peer));
}

/* user NULL: a part of the core itself, which speaks with the root user's rights. */
HyphaLocalClient *
hypha_local_client_new (HyphaRouter   *router,
                        const char    *workspace,
                        const char    *client,
                        HyphaUserInfo *user,
                        const char    *server_url)
{
  HyphaLocalClient *self = g_new0 (HyphaLocalClient, 1);
  g_autoptr (HyphaConnection) near_end = NULL;
  g_autoptr (HyphaConnection) far_end = NULL;
  g_autofree char *id = g_strconcat (workspace, "/", client, NULL);

  hypha_pipe_connection_new_pair (&near_end, &far_end);
  self->router = g_object_ref (router);
  self->rpc = hypha_rpc_new (near_end, id, server_url);
  hypha_rpc_set_chunk_shares (self->rpc, hypha_router_get_chunk_shares (router));
  if (user != NULL)
    self->peer = hypha_router_attach_local (router, workspace, client, user, far_end);
  else
    self->peer = hypha_router_attach_internal (router, workspace, client, far_end);
  hypha_connection_set_sink (far_end, &router_sink, self);
  self->detached = g_signal_connect (router, "peer-detached",
                                     G_CALLBACK (hypha_local_client_on_detached), self);
  return self;
}

static void
hypha_local_client_was_set_up (GObject      *source,
                               GAsyncResult *result,
                               gpointer      data)
{
  g_autofree char *id = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = hypha_rpc_call_finish (HYPHA_RPC (source), result, &error);

  if (answer == NULL)
    g_message ("%s: setup() failed: %s", id, error->message);
}

static void
hypha_local_client_drop_setup (HyphaLocalClient *self)
{
  if (self->setup == NULL)
    return;

  g_source_destroy (self->setup);
  g_clear_pointer (&self->setup, g_source_unref);
}

/* Called as others would call it: through the router, with our own identity. */
static gboolean
hypha_local_client_set_up (gpointer data)
{
  HyphaLocalClient *self = data;
  const char *id = hypha_peer_get_id (self->peer);

  hypha_local_client_drop_setup (self);
  hypha_rpc_call_async (self->rpc, id, "services.default.setup", g_variant_new ("av", NULL),
                        HYPHA_RPC_TIMEOUT, NULL, hypha_local_client_was_set_up, g_strdup (id));
  return G_SOURCE_REMOVE;
}

static void
hypha_local_client_plan_setup (HyphaLocalClient *self,
                               HyphaService     *service)
{
  g_autoptr (HyphaHandler) handler = NULL;

  hypha_local_client_drop_setup (self);
  if (!g_str_equal (hypha_service_get_id (service), "default"))
    return;

  handler = hypha_service_dup_handler (service, "setup");
  if (handler == NULL)
    return;

  self->setup = g_timeout_source_new (HYPHA_LOCAL_CLIENT_SETUP_DELAY);
  g_source_set_static_name (self->setup, "hypha-setup");
  g_source_set_callback (self->setup, hypha_local_client_set_up, self, NULL);
  g_source_attach (self->setup, g_main_context_get_thread_default ());
}

/*
 * Offers service, and has others find it. A service of the same id is replaced. It leaves the
 * registry when the client does.
 */
gboolean
hypha_local_client_register (HyphaLocalClient  *self,
                             HyphaRegistry     *registry,
                             HyphaService      *service,
                             GError           **error)
{
  g_autoptr (GVariant) record = g_variant_ref_sink (hypha_service_dup_record (service));
  g_autoptr (GVariant) stored = NULL;

  stored = hypha_registration_put (registry, self->peer, record, NULL, error);
  if (stored == NULL)
    return FALSE;

  hypha_rpc_add_service (self->rpc, service);
  hypha_local_client_plan_setup (self, service);
  return TRUE;
}

/* service_id is the bare one. */
void
hypha_local_client_unregister (HyphaLocalClient *self,
                               HyphaRegistry    *registry,
                               const char       *service_id)
{
  g_autofree char *id = g_strconcat (hypha_peer_get_id (self->peer), ":", service_id, NULL);

  if (g_str_equal (service_id, "default"))
    hypha_local_client_drop_setup (self);
  hypha_registry_remove (registry, id);
  hypha_rpc_remove_service (self->rpc, service_id);
}

/* Takes the address away; what is on its way is neither sent nor served any more. */
void
hypha_local_client_free (HyphaLocalClient *self)
{
  hypha_local_client_drop_setup (self);
  hypha_connection_set_sink (hypha_peer_get_connection (self->peer), NULL, NULL);
  g_signal_handler_disconnect (self->router, self->detached);
  hypha_router_detach (self->router, self->peer);
  hypha_rpc_close (self->rpc);
  g_object_unref (self->rpc);
  hypha_peer_unref (self->peer);
  g_object_unref (self->router);
  g_free (self);
}

HyphaRpc *
hypha_local_client_get_rpc (HyphaLocalClient *self)
{
  return self->rpc;
}

HyphaPeer *
hypha_local_client_get_peer (HyphaLocalClient *self)
{
  return self->peer;
}
