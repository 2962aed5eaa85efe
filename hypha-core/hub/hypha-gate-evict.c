/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-gate-internal-private.h"

#include "hypha-msgpack-private.h"

/*
 * Who is let in and may not stay: tokens that expire or are revoked, workspaces that are deleted,
 * and clients that the host sends away.
 */

/* Sessions that are there now: any of them may end while others are. */
static GPtrArray *
hypha_gate_snapshot (HyphaGate *self)
{
  GPtrArray *sessions = NULL;
  GHashTableIter iter;
  gpointer session;

  sessions = g_ptr_array_new_with_free_func ((GDestroyNotify) hypha_gate_session_unref);
  g_hash_table_iter_init (&iter, self->sessions);
  while (g_hash_table_iter_next (&iter, &session, NULL))
    g_ptr_array_add (sessions, g_rc_box_acquire (session));

  return sessions;
}

/* Whose session it is, or would be; NULL before it has said. */
static HyphaUserInfo *
hypha_gate_session_get_user (HyphaGateSession *session)
{
  return session->peer != NULL ? hypha_peer_get_user (session->peer) : session->identity.user;
}

/* Its address is free at once: whoever does not answer our close keeps nothing by that. */
static void
hypha_gate_disconnect (HyphaGateSession *session,
                       guint             code,
                       const char       *why)
{
  if (session->gate != NULL && session->peer != NULL)
    hypha_router_detach (session->gate->router, session->peer);

  hypha_connection_close (session->connection, code, why);
}

/* Ends a session that was let in rightly. No error frame: that is for those who were not. */
static void
hypha_gate_evict (HyphaGateSession *session,
                  const char       *why)
{
  const char *who = session->peer != NULL ? hypha_peer_get_id (session->peer) : session->remote;

  g_log_structured (G_LOG_DOMAIN, G_LOG_LEVEL_INFO, "HYPHA_PROBLEM", "evicted",
                    "MESSAGE", "%s: sent away: %s", who, why);
  hypha_gate_disconnect (session, HYPHA_CLOSE_POLICY, why);
}

static gboolean
hypha_gate_is_expired (HyphaUserInfo *user,
                       gint64         now)
{
  gint64 expires_at = hypha_user_info_get_expires_at (user);

  return expires_at > 0 && expires_at <= now;
}

static void
hypha_gate_set_expiry (HyphaGate     *self,
                       HyphaUserInfo *user)
{
  gint64 expires_at = hypha_user_info_get_expires_at (user);
  gint64 next = hypha_alarm_get (self->expiry);

  if (expires_at > 0 && (next == 0 || expires_at < next))
    hypha_alarm_set (self->expiry, expires_at);
}

/* The time of at least one has come; or it has gone already. The alarm is set for the next. */
static void
hypha_gate_on_expiry (gpointer data)
{
  HyphaGate *self = data;
  g_autoptr (HyphaGate) hold = g_object_ref (self);
  g_autoptr (GPtrArray) sessions = hypha_gate_snapshot (self);
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;

  for (guint i = 0; i < sessions->len; i++)
    {
      HyphaGateSession *session = g_ptr_array_index (sessions, i);

      if (session->gate == NULL || session->peer == NULL)
        continue;

      if (hypha_gate_is_expired (hypha_peer_get_user (session->peer), now))
        hypha_gate_evict (session, "Token expired");
      else
        hypha_gate_set_expiry (self, hypha_peer_get_user (session->peer));
    }
}

/* Sees to it that a session ends with its user's token. Without an end, nothing waits. */
void
hypha_gate_evict_at_expiry (HyphaGateSession *session)
{
  if (session->gate != NULL && session->peer != NULL)
    hypha_gate_set_expiry (session->gate, hypha_peer_get_user (session->peer));
}

static gboolean
hypha_gate_is_revoked (HyphaGate     *self,
                       HyphaUserInfo *user)
{
  const char *const *lineage = hypha_user_info_get_lineage (user);

  for (; *lineage != NULL; lineage++)
    {
      if (hypha_authority_is_revoked (self->authority, *lineage))
        return TRUE;
    }

  return FALSE;
}

/* Whether a proven identity still holds when its turn has come; ends the session if it does not. */
gboolean
hypha_gate_evict_check (HyphaGateSession *session)
{
  HyphaUserInfo *user = session->identity.user;

  if (hypha_gate_is_revoked (session->gate, user))
    hypha_gate_evict (session, "Token has been revoked");
  else if (hypha_gate_is_expired (user, g_get_real_time () / G_USEC_PER_SEC))
    hypha_gate_evict (session, "Token expired");
  else
    return TRUE;

  return FALSE;
}

static void
hypha_gate_on_revoked (HyphaAuthority *authority,
                       const char     *token_id,
                       HyphaGate      *self)
{
  g_autoptr (HyphaGate) hold = g_object_ref (self);
  g_autoptr (GPtrArray) sessions = hypha_gate_snapshot (self);

  for (guint i = 0; i < sessions->len; i++)
    {
      HyphaGateSession *session = g_ptr_array_index (sessions, i);
      HyphaUserInfo *user = hypha_gate_session_get_user (session);

      if (session->gate != NULL && user != NULL && hypha_user_info_comes_from (user, token_id))
        hypha_gate_evict (session, "Token has been revoked");
    }
}

/* “force-exit” makes a client stop for good instead of coming back. */
static void
hypha_gate_kick_session (HyphaGateSession *session,
                         const char       *reason)
{
  g_autoptr (GVariant) message = NULL;
  g_autoptr (GBytes) bytes = NULL;
  GByteArray *out = g_byte_array_new ();

  message = g_variant_ref_sink (
    g_variant_new_parsed ("{'type': <'force-exit'>, 'from': <%s>, 'to': <%s>, 'reason': <%s>}",
                          HYPHA_ADDRESS_MANAGER, hypha_peer_get_id (session->peer), reason));
  hypha_msgpack_encode (out, message);
  bytes = g_byte_array_free_to_bytes (out);
  hypha_connection_send (session->connection, HYPHA_FRAME_BINARY, bytes);
  if (session->gate != NULL)
    hypha_gate_evict (session, reason);
}

static gboolean
hypha_gate_kick_all (gpointer data)
{
  GPtrArray *sessions = data;

  for (guint i = 0; i < sessions->len; i++)
    {
      HyphaGateSession *session = g_ptr_array_index (sessions, i);

      if (session->gate != NULL && session->peer != NULL)
        hypha_gate_kick_session (session, "Workspace deleted");
    }

  return G_SOURCE_REMOVE;
}

/* After what is on its way to them: the news itself, and the answer to whoever deleted it. */
static void
hypha_gate_on_workspace_deleted (HyphaWorkspaces *workspaces,
                                 const char      *workspace,
                                 HyphaGate       *self)
{
  g_autoptr (GPtrArray) all = hypha_gate_snapshot (self);
  g_autoptr (GSource) source = g_idle_source_new ();
  GPtrArray *inside = NULL;

  inside = g_ptr_array_new_with_free_func ((GDestroyNotify) hypha_gate_session_unref);
  for (guint i = 0; i < all->len; i++)
    {
      HyphaGateSession *session = g_ptr_array_index (all, i);

      if (session->peer != NULL &&
          g_str_equal (hypha_peer_get_workspace (session->peer), workspace))
        g_ptr_array_add (inside, g_rc_box_acquire (session));
    }

  g_source_set_static_name (source, "hypha-gate-workspace-deleted");
  g_source_set_callback (source, hypha_gate_kick_all, inside, (GDestroyNotify) g_ptr_array_unref);
  g_source_attach (source, g_main_context_get_thread_default ());
}

void
hypha_gate_evict_init (HyphaGate *self)
{
  self->expiry = hypha_alarm_new ("hypha-gate-expiry", hypha_gate_on_expiry, self);
  g_signal_connect_object (self->authority, "revoked", G_CALLBACK (hypha_gate_on_revoked), self,
                           0);
  g_signal_connect_object (hypha_authority_get_workspaces (self->authority), "deleted",
                           G_CALLBACK (hypha_gate_on_workspace_deleted), self, 0);
}

void
hypha_gate_evict_clear (HyphaGate *self)
{
  g_clear_pointer (&self->expiry, hypha_alarm_free);
}

static HyphaGateSession *
hypha_gate_find (HyphaGate   *self,
                 const char  *workspace,
                 const char  *client,
                 GError     **error)
{
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, self->sessions);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      HyphaGateSession *session = key;

      if (session->peer != NULL && hypha_peer_is_attached (session->peer) &&
          g_str_equal (hypha_peer_get_workspace (session->peer), workspace) &&
          g_str_equal (hypha_peer_get_client (session->peer), client))
        return g_rc_box_acquire (session);
    }

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED, "Client not connected: %s/%s",
               workspace, client);
  return NULL;
}

/* Disconnects a client, with an error frame; it may come back, if it wants to. */
gboolean
hypha_gate_force_disconnect (HyphaGate   *self,
                             const char  *workspace,
                             const char  *client,
                             guint        code,
                             const char  *reason,
                             GError     **error)
{
  g_autoptr (HyphaGateSession) session = hypha_gate_find (self, workspace, client, error);

  if (session == NULL)
    return FALSE;

  hypha_gate_send_error (session, reason);
  hypha_gate_disconnect (session, code, reason);
  return TRUE;
}

/* Disconnects a client for good: it is told not to come back. */
gboolean
hypha_gate_kick (HyphaGate   *self,
                 const char  *workspace,
                 const char  *client,
                 const char  *reason,
                 GError     **error)
{
  g_autoptr (HyphaGateSession) session = hypha_gate_find (self, workspace, client, error);

  if (session == NULL)
    return FALSE;

  hypha_gate_kick_session (session, reason);
  return TRUE;
}
