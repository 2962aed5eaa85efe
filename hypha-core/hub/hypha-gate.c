/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-gate-internal-private.h"
#include "hypha-json-private.h"
#include "hypha-peer-private.h"

/*
 * HyphaGate: the handshake of any connection, socket or page, and its text frames afterwards. It
 * owns each connection from accept to close; its binary frames go to the router.
 */
G_DEFINE_FINAL_TYPE (HyphaGate, hypha_gate, G_TYPE_OBJECT)

static void hypha_gate_enter      (HyphaGateSession *session);
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

static void
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

void
hypha_gate_send_json (HyphaConnection *connection,
                      JsonBuilder     *builder)
{
  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  g_autoptr (GBytes) bytes = NULL;
  char *text = json_to_string (root, FALSE);

  bytes = g_bytes_new_take (text, strlen (text));
  hypha_connection_send (connection, HYPHA_FRAME_TEXT, bytes);
}

static void
hypha_gate_add_string (JsonBuilder *builder,
                       const char  *name,
                       const char  *value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, value);
}

/* Only for good: an error frame makes clients give up. */
void
hypha_gate_send_error (HyphaGateSession *session,
                       const char       *why)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  hypha_gate_add_string (builder, "type", "error");
  hypha_gate_add_string (builder, "message", why);
  json_builder_end_object (builder);
  hypha_gate_send_json (session->connection, builder);
}

/* Tells the client why, and closes. */
static void
hypha_gate_refuse (HyphaGateSession *session,
                   guint             code,
                   const char       *why)
{
  g_log_structured (G_LOG_DOMAIN, G_LOG_LEVEL_INFO, "HYPHA_PROBLEM", "refused",
                    "MESSAGE", "%s: refused: %s", session->remote, why);
  hypha_gate_session_stop_timeout (session);
  hypha_gate_send_error (session, why);
  hypha_connection_close (session->connection, code, why);
}

static void
hypha_gate_refuse_error (HyphaGateSession *session,
                         const GError     *error)
{
  gboolean undecodable = g_error_matches (error, HYPHA_ERROR, HYPHA_ERROR_PROTOCOL);

  hypha_gate_refuse (session,
                     undecodable ? HYPHA_CLOSE_UNSUPPORTED_DATA : hypha_error_get_close_code (error),
                     error->message);
}

static gboolean
hypha_gate_refuse_now (gpointer data)
{
  g_autoptr (HyphaGateSession) session = g_rc_box_acquire (data);
  g_autoptr (GError) error = g_steal_pointer (&session->refusal);

  g_clear_pointer (&session->decision, g_source_unref);
  session->gate->n_delayed--;
  hypha_gate_refuse_error (session, error);
  return G_SOURCE_REMOVE;
}

/*
 * Somebody tried a token that is none. Who does so again and again from this machine hears later
 * that it failed, so that guessing is slow; those who prove who they are never wait for it.
 */
static void
hypha_gate_refuse_token (HyphaGateSession *session,
                         GError           *error)
{
  HyphaGate *self = session->gate;
  HyphaThrottle *throttle = hypha_authority_get_throttle (self->authority);
  gint64 now = hypha_throttle_now ();
  guint delay = hypha_throttle_get_delay (throttle, session->remote, now);

  hypha_throttle_failed (throttle, session->remote, now);
  if (delay == 0 || self->n_delayed >= HYPHA_GATE_MAX_DELAYED)
    {
      hypha_gate_refuse_error (session, error);
      return;
    }

  hypha_gate_session_stop_timeout (session);
  self->n_delayed++;
  session->refusal = g_error_copy (error);
  session->decision = g_timeout_source_new (delay);
  g_source_set_static_name (session->decision, "hypha-gate-refusal");
  g_source_set_callback (session->decision, hypha_gate_refuse_now, session, NULL);
  g_source_attach (session->decision, g_main_context_get_thread_default ());
}

static gboolean
hypha_gate_expire (gpointer data)
{
  g_autoptr (HyphaGateSession) session = g_rc_box_acquire (data);

  hypha_gate_refuse (session, HYPHA_CLOSE_GOING_AWAY,
                     "Failed to establish connection: Authentication timeout");
  return G_SOURCE_REMOVE;
}

/* Not for pages: the host mounts them again, and what is not in a page cannot leave it. */
static void
hypha_gate_add_reconnection (HyphaGateSession *session,
                             JsonBuilder      *builder)
{
  HyphaPeer *peer = session->peer;
  g_autofree char *token = NULL;

  token = hypha_identity_reconnection_token (hypha_peer_get_workspace (peer),
                                             hypha_peer_get_client (peer),
                                             hypha_peer_get_user (peer), session->gate->authority);
  hypha_gate_add_string (builder, "reconnection_token", token);
  json_builder_set_member_name (builder, "reconnection_token_life_time");
  json_builder_add_int_value (builder, HYPHA_TOKEN_RECONNECTION_LIFETIME);
}

static void
hypha_gate_send_info (HyphaGateSession *session)
{
  HyphaGate *self = session->gate;
  HyphaPeer *peer = session->peer;
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (GVariant) user = hypha_user_info_to_variant (hypha_peer_get_user (peer));

  json_builder_begin_object (builder);
  hypha_gate_add_string (builder, "type", "connection_info");
  hypha_gate_add_string (builder, "hypha_version", "0.1.0");
  hypha_gate_add_string (builder, "public_base_url", self->base_url);
  hypha_gate_add_string (builder, "local_base_url", self->base_url);
  hypha_gate_add_string (builder, "manager_id", HYPHA_ADDRESS_MANAGER_CLIENT);
  hypha_gate_add_string (builder, "workspace", hypha_peer_get_workspace (peer));
  hypha_gate_add_string (builder, "client_id", hypha_peer_get_client (peer));
  json_builder_set_member_name (builder, "user");
  json_builder_add_value (builder, hypha_json_from_variant (user));
  if (session->mounted == NULL)
    hypha_gate_add_reconnection (session, builder);
  json_builder_end_object (builder);
  hypha_gate_send_json (session->connection, builder);
}

/* Takes the address away from its holder, whose connection ends without touching anything else. */
static void
hypha_gate_supersede (HyphaGate *self,
                      HyphaPeer *holder)
{
  g_autoptr (HyphaPeer) hold = hypha_peer_ref (holder);

  g_info ("%s: superseded by a newer connection", hypha_peer_get_id (holder));
  hypha_router_detach (self->router, holder);
  hypha_connection_close (hypha_peer_get_connection (holder), HYPHA_CLOSE_NORMAL, "superseded");
}

static void
hypha_gate_refuse_taken (HyphaGateSession *session,
                         const char       *id)
{
  g_autofree char *why = g_strconcat ("Client already exists and is active: ", id, NULL);

  hypha_gate_refuse (session, HYPHA_CLOSE_POLICY, why);
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

  hypha_peer_set_remote (peer, session->remote);
  if (session->mounted != NULL)
    hypha_peer_set_page (peer);
  session->peer = g_steal_pointer (&peer);
  g_log_structured (G_LOG_DOMAIN, G_LOG_LEVEL_INFO,
                    "HYPHA_WORKSPACE", hypha_peer_get_workspace (session->peer),
                    "HYPHA_CLIENT", hypha_peer_get_client (session->peer),
                    "MESSAGE", "%s: connected from %s as user %s",
                    hypha_peer_get_id (session->peer), session->remote,
                    hypha_user_info_get_id (hypha_peer_get_user (session->peer)));
  hypha_gate_send_info (session);
  hypha_gate_evict_at_expiry (session);
}

/* What to do after the probe. By now the address may be free, or another's. */
static gboolean
hypha_gate_decide (gpointer data)
{
  g_autoptr (HyphaGateSession) session = g_rc_box_acquire (data);
  g_autoptr (HyphaPeer) probed = g_steal_pointer (&session->holder);
  HyphaGate *self = session->gate;

  g_clear_pointer (&session->decision, g_source_unref);
  if (!hypha_peer_is_attached (probed))
    {
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
static void
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
  if (heir && (identity->reconnecting || session->mounted != NULL))
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

/* Text after the handshake: ping and refresh_token; everything else is ignored. */
static void
hypha_gate_control (HyphaGateSession *session,
                    const HyphaSlice *slice)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  const char *type = NULL;

  /* A character takes 4 bytes at most. */
  if (slice->size <= HYPHA_GATE_MAX_CONTROL * 4 &&
      g_utf8_strlen ((const char *) slice->data, (gssize) slice->size) <= HYPHA_GATE_MAX_CONTROL)
    root = hypha_json_parse ((const char *) slice->data, slice->size, HYPHA_JSON_MAX_DEPTH, NULL);
  if (root != NULL && JSON_NODE_HOLDS_OBJECT (root))
    type = json_object_get_string_member_with_default (json_node_get_object (root), "type", NULL);

  json_builder_begin_object (builder);
  if (g_strcmp0 (type, "ping") == 0)
    {
      hypha_gate_add_string (builder, "type", "pong");
    }
  else if (g_strcmp0 (type, "refresh_token") == 0 && session->mounted == NULL)
    {
      hypha_gate_add_string (builder, "type", "reconnection_token");
      hypha_gate_add_reconnection (session, builder);
    }
  else
    {
      return;
    }

  json_builder_end_object (builder);
  hypha_gate_send_json (session->connection, builder);
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
  else if (session->holder == NULL && session->refusal == NULL)
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
