/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-local-client-private.h"
#include "hypha-pipe-connection-private.h"

struct _HyphaLocalClient
{
  HyphaRouter *router;
  HyphaPeer   *peer;  /* the router's end of the pipe is its connection */
  HyphaRpc    *rpc;   /* ours is this one's */
  gulong       detached;
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
  if (user != NULL)
    self->peer = hypha_router_attach_local (router, workspace, client, user, far_end);
  else
    self->peer = hypha_router_attach_internal (router, workspace, client, far_end);
  hypha_connection_set_sink (far_end, &router_sink, self);
  self->detached = g_signal_connect (router, "peer-detached",
                                     G_CALLBACK (hypha_local_client_on_detached), self);
  return self;
}

/* Takes the address away; what is on its way is neither sent nor served any more. */
void
hypha_local_client_free (HyphaLocalClient *self)
{
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
