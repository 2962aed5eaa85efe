/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-gate-internal-private.h"

/*
 * HyphaGate: the handshake of any connection, socket or page, and its text frames afterwards. It
 * owns each connection from accept to close; its binary frames go to the router.
 */
G_DEFINE_FINAL_TYPE (HyphaGate, hypha_gate, G_TYPE_OBJECT)

static void hypha_gate_on_message (HyphaConnection  *connection,
                                   HyphaFrameType    type,
                                   const HyphaSlice *slice,
                                   gpointer          data);
static void hypha_gate_on_closed  (HyphaConnection  *connection,
                                   guint             code,
                                   const char       *reason,
                                   gpointer          data);
static void hypha_gate_on_drained (HyphaConnection  *connection,
                                   gpointer          data);

static const HyphaConnectionSink gate_sink = {
  .message = hypha_gate_on_message,
  .closed = hypha_gate_on_closed,
  .drained = hypha_gate_on_drained,
};

void
hypha_gate_session_stop_timeout (HyphaGateSession *session)
{
  if (session->timeout != NULL)
    {
      g_source_destroy (session->timeout);
      g_clear_pointer (&session->timeout, g_source_unref);
    }
}

static void
hypha_gate_session_free (gpointer data)
{
  HyphaGateSession *session = data;

  g_clear_pointer (&session->peer, hypha_peer_unref);
  g_clear_pointer (&session->holder, hypha_peer_unref);
  hypha_identity_clear (&session->identity);
  if (session->mounted != NULL)
    {
      hypha_identity_clear (session->mounted);
      g_free (session->mounted);
    }

  g_clear_error (&session->refusal);
  g_object_unref (session->connection);
  g_free (session->remote);
}

void
hypha_gate_session_unref (HyphaGateSession *session)
{
  g_rc_box_release_full (session, hypha_gate_session_free);
}

static void
hypha_gate_session_drop_decision (HyphaGateSession *session)
{
  if (session->decision != NULL)
    {
      g_source_destroy (session->decision);
      g_clear_pointer (&session->decision, g_source_unref);
    }
}

/* The connection is over: its address becomes free. */
static void
hypha_gate_session_end (gpointer data)
{
  HyphaGateSession *session = data;

  hypha_gate_session_stop_timeout (session);
  hypha_connection_set_sink (session->connection, NULL, NULL);
  hypha_gate_session_drop_decision (session);
  if (session->probe != NULL)
    g_cancellable_cancel (session->probe);
  g_clear_object (&session->probe);
  if (session->refusal != NULL)
    session->gate->n_delayed--;
  if (session->peer != NULL)
    hypha_router_detach (session->gate->router, session->peer);

  session->gate = NULL;
  hypha_gate_session_unref (session);
}

static void
hypha_gate_dispose (GObject *object)
{
  HyphaGate *self = HYPHA_GATE (object);

  hypha_gate_evict_clear (self);
  g_clear_pointer (&self->sessions, g_hash_table_unref);
  g_clear_object (&self->rpc);
  g_clear_object (&self->router);
  g_clear_object (&self->authority);
  g_clear_pointer (&self->base_url, g_free);

  G_OBJECT_CLASS (hypha_gate_parent_class)->dispose (object);
}

static void
hypha_gate_class_init (HyphaGateClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = hypha_gate_dispose;
}

static void
hypha_gate_init (HyphaGate *self)
{
  self->sessions = g_hash_table_new_full (NULL, NULL, hypha_gate_session_end, NULL);
  self->timeout = HYPHA_GATE_HANDSHAKE_TIMEOUT * 1000;
}

HyphaGate *
hypha_gate_new (HyphaRouter    *router,
                HyphaAuthority *authority)
{
  HyphaGate *self = g_object_new (HYPHA_TYPE_GATE, NULL);

  self->router = g_object_ref (router);
  self->authority = g_object_ref (authority);
  self->base_url = g_strdup ("");
  hypha_gate_evict_init (self);
  return self;
}

/* What clients are told of where the server is; without a slash at the end. */
void
hypha_gate_set_base_url (HyphaGate  *self,
                         const char *base_url)
{
  g_free (self->base_url);
  self->base_url = g_strdup (base_url);
}

void
hypha_gate_set_rpc (HyphaGate *self,
                    HyphaRpc  *rpc)
{
  g_set_object (&self->rpc, rpc);
}

void
hypha_gate_set_timeout (HyphaGate *self,
                        guint      milliseconds)
{
  self->timeout = milliseconds;
}

guint
hypha_gate_get_n_sessions (HyphaGate *self)
{
  return g_hash_table_size (self->sessions);
}

static gboolean
hypha_gate_expire (gpointer data)
{
  g_autoptr (HyphaGateSession) session = g_rc_box_acquire (data);

  hypha_gate_refuse (session, HYPHA_CLOSE_GOING_AWAY,
                     "Failed to establish connection: Authentication timeout");
  return G_SOURCE_REMOVE;
}

/* A page says its client id like everybody else; it must be the one that it was given. */
static gboolean
hypha_gate_prove_mounted (HyphaGateSession  *session,
                          const HyphaHello  *hello,
                          GError           **error)
{
  const HyphaIdentity *mounted = session->mounted;

  if (g_strcmp0 (hello->client, mounted->client) != 0 ||
      (hello->workspace != NULL && !g_str_equal (hello->workspace, mounted->workspace)))
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                   "Failed to establish connection: this page is client %s/%s and nobody else",
                   mounted->workspace, mounted->client);
      return FALSE;
    }

  session->identity.workspace = g_strdup (mounted->workspace);
  session->identity.client = g_strdup (mounted->client);
  session->identity.user = hypha_user_info_ref (mounted->user);
  return TRUE;
}

static void
hypha_gate_handshake (HyphaGateSession *session,
                      HyphaFrameType    type,
                      const HyphaSlice *slice)
{
  g_auto (HyphaHello) hello = { 0 };
  g_autoptr (GError) error = NULL;
  gboolean proven;

  if (type != HYPHA_FRAME_TEXT || slice->size > HYPHA_GATE_MAX_HANDSHAKE)
    {
      hypha_gate_refuse (session, HYPHA_CLOSE_UNSUPPORTED_DATA,
                         "Failed to decode authentication information");
      return;
    }

  if (!hypha_hello_parse (&hello, (const char *) slice->data, slice->size, &error))
    {
      hypha_gate_refuse_error (session, error);
      return;
    }

  if (session->mounted != NULL)
    proven = hypha_gate_prove_mounted (session, &hello, &error);
  else
    proven = hypha_identity_prove (&session->identity, &hello, session->gate->authority, &error);

  if (proven)
    hypha_gate_enter (session);
  else if (g_error_matches (error, HYPHA_ERROR, HYPHA_ERROR_UNAUTHENTICATED))
    hypha_gate_refuse_token (session, error);
  else
    hypha_gate_refuse_error (session, error);
}

static void
hypha_gate_on_message (HyphaConnection  *connection,
                       HyphaFrameType    type,
                       const HyphaSlice *slice,
                       gpointer          data)
{
  g_autoptr (HyphaGateSession) session = g_rc_box_acquire (data);

  if (session->peer != NULL && type == HYPHA_FRAME_BINARY)
    hypha_router_route (session->gate->router, session->peer, slice);
  else if (session->peer != NULL)
    hypha_gate_control (session, slice);
  else if (session->holder == NULL && session->refusal == NULL && !session->superseded)
    hypha_gate_handshake (session, type, slice);
}

static void
hypha_gate_on_closed (HyphaConnection *connection,
                      guint            code,
                      const char      *reason,
                      gpointer         data)
{
  HyphaGateSession *session = data;

  if (session->peer != NULL)
    g_info ("%s: disconnected with code %u %s", hypha_peer_get_id (session->peer), code, reason);

  g_hash_table_remove (session->gate->sessions, session);
}

static void
hypha_gate_on_drained (HyphaConnection *connection,
                       gpointer         data)
{
  HyphaGateSession *session = data;

  if (session->peer != NULL)
    hypha_router_drained (session->gate->router, session->peer);
}

static HyphaGateSession *
hypha_gate_add_session (HyphaGate       *self,
                        HyphaConnection *connection,
                        const char      *remote)
{
  HyphaGateSession *session = g_rc_box_new0 (HyphaGateSession);

  session->gate = self;
  session->connection = g_object_ref (connection);
  session->remote = g_strdup (remote);
  session->timeout = g_timeout_source_new (self->timeout);
  g_source_set_static_name (session->timeout, "hypha-handshake");
  g_source_set_callback (session->timeout, hypha_gate_expire, session, NULL);
  g_source_attach (session->timeout, g_main_context_get_thread_default ());
  g_hash_table_add (self->sessions, session);
  return session;
}

/* Takes over a new connection, which has to say and prove who it is. */
void
hypha_gate_accept (HyphaGate       *self,
                   HyphaConnection *connection,
                   const char      *remote)
{
  HyphaGateSession *session = hypha_gate_add_session (self, connection, remote);

  hypha_connection_set_sink (connection, &gate_sink, session);
}

/* Who somebody at remote is; for those who do not say it in a first frame. Guesses are counted. */
gboolean
hypha_gate_prove (HyphaGate         *self,
                  const char        *remote,
                  const HyphaHello  *hello,
                  HyphaIdentity     *identity,
                  GError           **error)
{
  g_autoptr (GError) cause = NULL;

  if (hypha_identity_prove (identity, hello, self->authority, &cause))
    return TRUE;

  if (g_error_matches (cause, HYPHA_ERROR, HYPHA_ERROR_UNAUTHENTICATED))
    hypha_throttle_failed (hypha_authority_get_throttle (self->authority), remote,
                           hypha_throttle_now ());
  g_propagate_error (error, g_steal_pointer (&cause));
  return FALSE;
}

/*
 * Takes over a new connection of one that has proven its identity in another way than a first frame;
 * identity is empty then. Who holds the address already is a question for later, answered by
 * connection_info or by a close.
 */
void
hypha_gate_accept_identity (HyphaGate       *self,
                            HyphaConnection *connection,
                            const char      *remote,
                            HyphaIdentity   *identity)
{
  g_autoptr (HyphaGateSession) session = NULL;

  session = g_rc_box_acquire (hypha_gate_add_session (self, connection, remote));
  session->identity = *identity;
  *identity = (HyphaIdentity) { 0 };
  hypha_connection_set_sink (connection, &gate_sink, session);
  hypha_gate_enter (session);
}

/* Takes over a page's connection: its identity is the host's word, not the page's. */
void
hypha_gate_accept_mounted (HyphaGate       *self,
                           HyphaConnection *connection,
                           const char      *workspace,
                           const char      *client,
                           HyphaUserInfo   *user)
{
  g_autofree char *remote = g_strdup_printf ("page of %s/%s", workspace, client);
  HyphaGateSession *session = hypha_gate_add_session (self, connection, remote);

  session->mounted = g_new0 (HyphaIdentity, 1);
  session->mounted->workspace = g_strdup (workspace);
  session->mounted->client = g_strdup (client);
  session->mounted->user = hypha_user_info_ref (user);
  hypha_connection_set_sink (connection, &gate_sink, session);
}
