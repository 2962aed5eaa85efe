/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-gate-internal-private.h"

/*
 * Who gets an address: it is taken from a holder that is the same client, or that does not answer
 * any more, and from nobody else.
 */

/* Takes the address away from its holder: one that does not answer, or another program. */
static void
hypha_gate_supersede (HyphaGate *self,
                      HyphaPeer *holder)
{
  g_autoptr (HyphaPeer) hold = hypha_peer_ref (holder);

  g_info ("%s: superseded by a newer client", hypha_peer_get_id (holder));
  hypha_router_detach (self->router, holder);
  hypha_connection_close (hypha_peer_get_connection (holder), HYPHA_CLOSE_NORMAL, "superseded");
}

/*
 * The connection ends without touching anything else: its client has another one. Whoever has asked
 * over it whether the client lives has to ask again.
 */
static void
hypha_gate_leave_behind (HyphaGate       *self,
                         HyphaPeer       *peer,
                         HyphaConnection *connection)
{
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, self->sessions);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      HyphaGateSession *session = key;

      if (session->connection == connection)
        {
          session->superseded = TRUE;
          g_clear_pointer (&session->peer, hypha_peer_unref);
        }
      else if (session->holder == peer)
        {
          session->renewed = TRUE;
          if (session->probe != NULL)
            g_cancellable_cancel (session->probe);
        }
    }

  hypha_connection_close (connection, HYPHA_CLOSE_NORMAL, "superseded");
}

static void
hypha_gate_refuse_taken (HyphaGateSession *session,
                         const char       *id)
{
  g_autofree char *why = g_strconcat ("Client already exists and is active: ", id, NULL);

  hypha_gate_refuse (session, HYPHA_CLOSE_POLICY, why);
}

static void
hypha_gate_welcome (HyphaGateSession *session,
                    HyphaPeer        *peer)
{
  hypha_peer_set_remote (peer, session->remote);
  session->peer = hypha_peer_ref (peer);
  g_log_structured (G_LOG_DOMAIN, G_LOG_LEVEL_INFO,
                    "HYPHA_WORKSPACE", hypha_peer_get_workspace (peer),
                    "HYPHA_CLIENT", hypha_peer_get_client (peer),
                    "MESSAGE", "%s: connected from %s as user %s", hypha_peer_get_id (peer),
                    session->remote, hypha_user_info_get_id (hypha_peer_get_user (peer)));
  hypha_gate_send_info (session);
  hypha_gate_evict_at_expiry (session);
}

static void
hypha_gate_admit (HyphaGateSession *session)
{
  HyphaGate *self = session->gate;
  HyphaIdentity *identity = &session->identity;
  g_autoptr (HyphaRouter) router = g_object_ref (self->router);
  g_autoptr (HyphaPeer) peer = NULL;
  g_autofree char *id = g_strconcat (identity->workspace, "/", identity->client, NULL);

  hypha_gate_session_stop_timeout (session);

  /* While the holder was probed, the token may have become worthless. */
  if (!hypha_gate_evict_check (session))
    return;

  /* Telling others that the older holder has gone may have let somebody in. */
  if (hypha_router_lookup (self->router, id) != NULL)
    {
      hypha_gate_refuse_taken (session, id);
      return;
    }

  peer = hypha_router_attach (router, identity->workspace, identity->client, identity->user,
                              session->connection);
  hypha_identity_clear (identity);

  /* Whoever heard of the newcomer may have closed its connection. */
  if (session->gate == NULL)
    {
      hypha_router_detach (router, peer);
      return;
    }

  if (session->mounted != NULL)
    hypha_peer_set_page (peer);
  hypha_gate_welcome (session, peer);
}

/*
 * The program that holds the address comes back to it, before its old connection has ended. Its token
 * is no older than the holder: it was given to this one.
 */
static void
hypha_gate_renew (HyphaGateSession *session,
                  HyphaPeer        *holder)
{
  g_autoptr (HyphaConnection) old = g_object_ref (hypha_peer_get_connection (holder));
  g_autoptr (HyphaPeer) hold = hypha_peer_ref (holder);

  hypha_gate_session_stop_timeout (session);
  if (!hypha_gate_evict_check (session))
    return;

  hypha_router_renew (session->gate->router, holder, session->identity.user, session->connection);
  hypha_identity_clear (&session->identity);
  hypha_gate_leave_behind (session->gate, holder, old);
  hypha_gate_welcome (session, holder);
}

/* What to do after the probe. By now the address may be free, or another's. */
static gboolean
hypha_gate_decide (gpointer data)
{
  g_autoptr (HyphaGateSession) session = g_rc_box_acquire (data);
  g_autoptr (HyphaPeer) probed = g_steal_pointer (&session->holder);
  HyphaGate *self = session->gate;

  g_clear_pointer (&session->decision, g_source_unref);
  if (!hypha_peer_is_attached (probed) || session->renewed)
    {
      session->renewed = FALSE;
      hypha_gate_enter (session);
    }
  else if (session->alive)
    {
      hypha_gate_refuse_taken (session, hypha_peer_get_id (probed));
    }
  else
    {
      hypha_gate_supersede (self, probed);
      hypha_gate_admit (session);
    }

  return G_SOURCE_REMOVE;
}

/* Any answer, an error too, is a sign of life; silence is not. */
static void
hypha_gate_probed (GObject      *source,
                   GAsyncResult *result,
                   gpointer      data)
{
  g_autoptr (HyphaGateSession) session = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) pong = hypha_rpc_call_finish (HYPHA_RPC (source), result, &error);

  /* The newcomer itself has gone. */
  if (session->gate == NULL)
    return;

  g_clear_object (&session->probe);

  /* Not for good, so without an error frame: it may try again. */
  if (g_error_matches (error, HYPHA_ERROR, HYPHA_ERROR_BUSY))
    {
      hypha_connection_close (session->connection, HYPHA_CLOSE_TRY_AGAIN, "Server busy");
      return;
    }

  /* This may be told from inside the end of the holder: nothing is decided in there. */
  session->alive = error == NULL || g_error_matches (error, HYPHA_ERROR, HYPHA_ERROR_REMOTE);
  session->decision = g_idle_source_new ();
  g_source_set_priority (session->decision, G_PRIORITY_DEFAULT);
  g_source_set_static_name (session->decision, "hypha-gate-decision");
  g_source_set_callback (session->decision, hypha_gate_decide, session, NULL);
  g_source_attach (session->decision, g_main_context_get_thread_default ());
}

static void
hypha_gate_probe (HyphaGateSession *session,
                  HyphaPeer        *holder)
{
  GVariantBuilder args;

  g_variant_builder_init (&args, G_VARIANT_TYPE ("av"));
  g_variant_builder_add (&args, "v", g_variant_new_string ("ping"));
  session->holder = hypha_peer_ref (holder);
  session->probe = g_cancellable_new ();
  hypha_rpc_call_async (session->gate->rpc, hypha_peer_get_id (holder), "services.built-in.ping",
                        g_variant_builder_end (&args), HYPHA_GATE_PROBE_TIMEOUT, session->probe,
                        hypha_gate_probed, g_rc_box_acquire (session));
}

/* Lets a proven client in, unless its address is taken by somebody who is still there. */
void
hypha_gate_enter (HyphaGateSession *session)
{
  HyphaGate *self = session->gate;
  HyphaIdentity *identity = &session->identity;
  g_autofree char *id = g_strconcat (identity->workspace, "/", identity->client, NULL);
  HyphaPeer *holder = hypha_router_lookup (self->router, id);
  gboolean heir;

  if (holder == NULL)
    {
      hypha_gate_admit (session);
      return;
    }

  heir = !hypha_peer_is_internal (holder) &&
         hypha_user_info_may_succeed (identity->user, hypha_peer_get_user (holder));
  if (heir && identity->reconnecting && identity->issued_at >= hypha_peer_get_since (holder))
    {
      hypha_gate_renew (session, holder);
    }
  else if (heir && (identity->reconnecting || session->mounted != NULL))
    {
      hypha_gate_supersede (self, holder);
      hypha_gate_admit (session);
    }
  else if (heir && self->rpc != NULL)
    {
      hypha_gate_probe (session, holder);
    }
  else
    {
      hypha_gate_refuse_taken (session, id);
    }
}
