/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-chunk-store-private.h"
#include "hypha-router-internal-private.h"
#include "hypha-rpc-codec-private.h"

/*
 * HyphaRouter: moves envelopes between connections and never opens a payload. It stamps who is
 * speaking; nobody else says who they are.
 *
 * Owned by the core. A peer belongs to it from attach to detach; the connections are read by
 * whoever attached them (the gate for clients), who hands every binary frame to route().
 */

enum
{
  PEER_ATTACHED,
  PEER_DETACHED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (HyphaRouter, hypha_router, G_TYPE_OBJECT)

/* Message types that only the core itself sends: clients believe them without a look at “from”. */
static const char *const reserved_types[] = {
  "force-exit",
  "peer_not_found",
  "error",
  "connected",
  "disconnected",
  "services_registered",
  "manager_refreshed",
  "remote_client_disconnected",
  "service_added",
  "service_updated",
  "service_removed",
  "client_connected",
  "client_updated",
  "client_disconnected",
};

static void
hypha_router_finalize (GObject *object)
{
  HyphaRouter *self = HYPHA_ROUTER (object);

  g_hash_table_unref (self->peers);
  g_hash_table_unref (self->workspaces);
  g_byte_array_unref (self->head);
  hypha_chunk_watch_free (self->watch);
  hypha_shares_free (self->chunk_shares);
  hypha_shares_free (self->lines);

  G_OBJECT_CLASS (hypha_router_parent_class)->finalize (object);
}

static void
hypha_router_class_init (HyphaRouterClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = hypha_router_finalize;

  /* Both carry the HyphaPeer. */
  signals[PEER_ATTACHED] = g_signal_new ("peer-attached", G_TYPE_FROM_CLASS (klass),
                                         G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                                         G_TYPE_POINTER);
  signals[PEER_DETACHED] = g_signal_new ("peer-detached", G_TYPE_FROM_CLASS (klass),
                                         G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                                         G_TYPE_POINTER);

  hypha_router_install_event (klass);
}

static void
hypha_router_init (HyphaRouter *self)
{
  self->peers = g_hash_table_new (g_str_hash, g_str_equal);
  self->workspaces = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                            (GDestroyNotify) g_hash_table_unref);
  self->head = g_byte_array_sized_new (1024);
  self->watch = hypha_chunk_watch_new ();
  self->chunk_shares = hypha_shares_new (HYPHA_CHUNKS_MAX_TOTAL, HYPHA_CHUNKS_MAX_ACCOUNT);
  self->lines = hypha_shares_new (HYPHA_ROUTER_MAX_LOG_LINES, HYPHA_PEER_MAX_LOG_LINES);
}

HyphaRouter *
hypha_router_new (void)
{
  return g_object_new (HYPHA_TYPE_ROUTER, NULL);
}

/*
 * Whether encrypted messages have to stay in their workspace. They pass unless this is set. What
 * is in them cannot be checked on its way, and receivers merge it over what the router vouches for
 * as they do with what is not encrypted: a client that encrypts believes what those say of
 * themselves who have its public key.
 */
void
hypha_router_set_refuse_sealed (HyphaRouter *self,
                                gboolean     refuse_sealed)
{
  self->refuse_sealed = refuse_sealed;
}

static void
hypha_router_join (HyphaRouter *self,
                   HyphaPeer   *peer)
{
  GHashTable *members = g_hash_table_lookup (self->workspaces, peer->workspace);

  if (members == NULL)
    {
      members = g_hash_table_new (NULL, NULL);
      g_hash_table_insert (self->workspaces, g_strdup (peer->workspace), members);
    }

  g_hash_table_add (members, peer);
  peer->attached = TRUE;
  g_hash_table_replace (self->peers, peer->id, hypha_peer_ref (peer));
  g_signal_emit (self, signals[PEER_ATTACHED], 0, peer);
}

static HyphaPeer *
hypha_router_attach_user (HyphaRouter     *self,
                          const char      *workspace,
                          const char      *client,
                          HyphaUserInfo   *user,
                          HyphaConnection *connection,
                          gboolean         local)
{
  g_autoptr (HyphaPeer) peer = hypha_peer_new (workspace, client, user, connection);
  g_autoptr (GVariant) map = hypha_user_info_to_variant (user);

  g_assert (!g_hash_table_contains (self->peers, peer->id));

  peer->local = local;
  hypha_stamp_init (&peer->stamp, peer->id, workspace, map);
  hypha_router_join (self, peer);
  return hypha_peer_ref (peer);
}

/*
 * Gives connection an address. The id must be free: whoever attaches has decided about an older
 * holder and detached it. The router keeps the peer until detach.
 */
HyphaPeer *
hypha_router_attach (HyphaRouter     *self,
                     const char      *workspace,
                     const char      *client,
                     HyphaUserInfo   *user,
                     HyphaConnection *connection)
{
  return hypha_router_attach_user (self, workspace, client, user, connection, FALSE);
}

/* The same for a client inside this process. */
HyphaPeer *
hypha_router_attach_local (HyphaRouter     *self,
                           const char      *workspace,
                           const char      *client,
                           HyphaUserInfo   *user,
                           HyphaConnection *connection)
{
  return hypha_router_attach_user (self, workspace, client, user, connection, TRUE);
}

/* The same for a part of the core itself, which speaks with the root user's rights. */
HyphaPeer *
hypha_router_attach_internal (HyphaRouter     *self,
                              const char      *workspace,
                              const char      *client,
                              HyphaConnection *connection)
{
  g_autoptr (HyphaUserInfo) root = hypha_user_info_new_root ();
  g_autoptr (HyphaPeer) peer = hypha_peer_new (workspace, client, root, connection);

  peer->internal = TRUE;
  peer->local = TRUE;
  hypha_router_join (self, peer);
  return hypha_peer_ref (peer);
}

/* Peers that are there now: any of them may go while they are told something. */
GPtrArray *
hypha_router_snapshot (GHashTable *peers)
{
  GPtrArray *snapshot = g_ptr_array_new_with_free_func ((GDestroyNotify) hypha_peer_unref);
  GHashTableIter iter;
  gpointer peer;

  g_hash_table_iter_init (&iter, peers);
  while (g_hash_table_iter_next (&iter, &peer, NULL))
    g_ptr_array_add (snapshot, hypha_peer_ref (peer));

  return snapshot;
}

/* Takes a peer's address away. Does nothing if it has none any more. */
void
hypha_router_detach (HyphaRouter *self,
                     HyphaPeer   *peer)
{
  g_autoptr (HyphaPeer) hold = hypha_peer_ref (peer);
  GHashTable *members = g_hash_table_lookup (self->workspaces, peer->workspace);

  if (!peer->attached)
    return;

  peer->attached = FALSE;
  g_hash_table_remove (self->peers, peer->id);
  g_hash_table_remove (members, peer);
  if (g_hash_table_size (members) == 0)
    g_hash_table_remove (self->workspaces, peer->workspace);

  hypha_chunk_watch_forget (self->watch, peer->id);
  hypha_peer_release (peer);
  hypha_peer_unhold (peer);
  hypha_router_tell_gone (self, peer);
  hypha_peer_forget_all (peer);
  g_signal_emit (self, signals[PEER_DETACHED], 0, peer);
  hypha_peer_unref (peer);
}

/* The peer at an absolute id, or NULL. Borrowed. */
HyphaPeer *
hypha_router_lookup (HyphaRouter *self,
                     const char  *id)
{
  return g_hash_table_lookup (self->peers, id);
}

/* Messages whose pieces have come in part. */
guint
hypha_router_get_n_unfinished (HyphaRouter *self)
{
  return hypha_chunk_watch_get_n_entries (self->watch);
}

/* What unfinished messages for all clients in this process count to. */
HyphaShares *
hypha_router_get_chunk_shares (HyphaRouter *self)
{
  return self->chunk_shares;
}

guint
hypha_router_get_n_peers (HyphaRouter *self)
{
  return g_hash_table_size (self->peers);
}

/* Who is in a workspace now, in no order. */
GPtrArray *
hypha_router_list (HyphaRouter *self,
                   const char  *workspace)
{
  GHashTable *members = g_hash_table_lookup (self->workspaces, workspace);

  return members != NULL ? hypha_router_snapshot (members) :
                           g_ptr_array_new_with_free_func ((GDestroyNotify) hypha_peer_unref);
}

/*
 * What follows a send: a target over its budget pauses the sender. A connection that never takes
 * what waits for it gives itself up.
 */
static void
hypha_router_check_budget (HyphaPeer *target,
                           HyphaPeer *sender,
                           gsize      size)
{
  gboolean full = hypha_connection_get_queued (target->connection) > HYPHA_CONNECTION_QUEUE_BUDGET;

  if (sender->internal)
    return;

  if (target->internal && hypha_peer_take_share (target, sender, size))
    full = TRUE;
  if (full)
    hypha_peer_hold (target, sender);
}

/* The connection of peer has sent enough of its queue, or a part of the core is done with its. */
void
hypha_router_drained (HyphaRouter *self,
                      HyphaPeer   *peer)
{
  hypha_peer_next_turn (peer);
  hypha_peer_release (peer);
}

static void
hypha_router_deliver (HyphaRouter        *self,
                      HyphaPeer          *sender,
                      HyphaPeer          *target,
                      const HyphaMessage *message,
                      const HyphaSlice   *frame)
{
  g_autoptr (HyphaPeer) hold = hypha_peer_ref (target);
  HyphaSlice parts[2] = { 0 };
  HyphaStamp *stamp = &sender->stamp;
  HyphaStamp internal;

  /* To its receivers the manager is one of their own workspace, and no user. */
  if (sender->internal)
    {
      g_autoptr (GVariant) nobody = g_variant_ref_sink (hypha_rpc_codec_null ());

      hypha_stamp_init (&internal, sender->id, target->workspace, nobody);
      stamp = &internal;
    }

  g_byte_array_set_size (self->head, 0);
  hypha_message_stamp (message, stamp, target->id, self->head);
  parts[0].data = self->head->data;
  parts[0].size = self->head->len;
  parts[1].data = frame->data + message->envelope_size;
  parts[1].size = frame->size - message->envelope_size;
  parts[1].owner = frame->owner;
  hypha_connection_send_parts (target->connection, HYPHA_FRAME_BINARY, parts, 2);
  if (target->attached)
    hypha_router_check_budget (target, sender, frame->size);

  if (sender->internal)
    hypha_stamp_clear (&internal);
}

static gboolean
hypha_router_is_reserved (HyphaSpan type)
{
  for (gsize i = 0; i < G_N_ELEMENTS (reserved_types); i++)
    {
      if (hypha_span_equal (type, reserved_types[i]))
        return TRUE;
    }

  return hypha_span_has_prefix (type, "workspace_");
}

/* Whether clients take a message of this type for one of the core. */
gboolean
hypha_router_is_reserved_type (const char *type)
{
  return hypha_router_is_reserved ((HyphaSpan) { type, strlen (type) });
}

/* May this message leave its sender at all? Says why not. */
static gboolean
hypha_router_check_sender (HyphaPeer           *sender,
                           const HyphaMessage  *message,
                           GError             **error)
{
  if (sender->internal)
    return TRUE;

  if (!hypha_message_check_extra (message, error) ||
      !hypha_message_check_method (message, error) || !hypha_message_check_sessions (message, error))
    return FALSE;

  if (!hypha_message_is_method (message) && hypha_router_is_reserved (message->type))
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                           "this type of message is the core's own");
      return FALSE;
    }

  return TRUE;
}

/*
 * Whether one more line of the log may be peer's in this second. A user's clients share what one
 * user may write, as over HTTP each call is a client of its own, and so do all guests.
 */
gboolean
hypha_router_may_log (HyphaRouter *self,
                      HyphaPeer   *peer)
{
  gint64 second = g_get_monotonic_time () / G_USEC_PER_SEC;
  const char *account = hypha_peer_get_account (peer);

  if (self->log_second != second)
    {
      self->log_second = second;
      hypha_shares_clear (self->lines);
    }

  if (!hypha_shares_has_room (self->lines, account, 1))
    return FALSE;

  hypha_shares_take (self->lines, account, 1);
  return TRUE;
}

/* A peer's fault: in the log, but not so often that it is nothing else there. */
static void
hypha_router_log_refusal (HyphaRouter  *self,
                          HyphaPeer    *sender,
                          const char   *target,
                          const GError *error)
{
  g_autofree char *quoted = hypha_error_quote (target);

  if (hypha_router_may_log (self, sender))
    g_message ("%s: message to %s refused: %s", sender->id, quoted, error->message);
}

/* May this message go to all clients of a workspace? Says why not. */
static gboolean
hypha_router_check_broadcast (HyphaRouter         *self,
                              HyphaPeer           *sender,
                              const char          *workspace,
                              const HyphaMessage  *message,
                              GError             **error)
{
  if (!hypha_user_info_may (sender->user, sender->workspace, HYPHA_NEED_BROADCAST, workspace))
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                           "Permission denied: only members may send to all clients of a "
                           "workspace");
      return FALSE;
    }

  /*
   * Each receiver's pieces are checked as its own. Of what goes to all nobody knows who has which
   * before, and no client cuts up such a message.
   */
  if (!sender->internal && hypha_message_is_piece (message))
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_PROTOCOL,
                           "Invalid message in pieces: it must go to one client, not to all of a "
                           "workspace");
      return FALSE;
    }

  if (!g_hash_table_contains (self->workspaces, workspace))
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_NOT_FOUND, "No client is in workspace %s",
                   workspace);
      return FALSE;
    }

  return TRUE;
}

/* A target “ws/✱” or “✱”: to every client of the sender's own workspace, the sender included. */
static void
hypha_router_broadcast (HyphaRouter        *self,
                        HyphaPeer          *sender,
                        const char         *workspace,
                        const HyphaMessage *message,
                        const HyphaSlice   *frame)
{
  g_autoptr (GPtrArray) members = NULL;
  g_autoptr (GError) error = NULL;

  if (!hypha_router_check_broadcast (self, sender, workspace, message, &error))
    {
      g_autofree char *target = g_strconcat (workspace, "/*", NULL);

      hypha_router_log_refusal (self, sender, target, error);
      hypha_router_reject (self, sender, message, target, error->message);
      return;
    }

  members = hypha_router_list (self, workspace);
  for (guint i = 0; i < members->len && sender->attached; i++)
    {
      HyphaPeer *member = g_ptr_array_index (members, i);

      if (member->attached)
        hypha_router_deliver (self, sender, member, message, frame);
    }
}

/* The absolute target of a message, in a buffer of HYPHA_ADDRESS_MAX_PEER bytes; its size, or 0. */
static gsize
hypha_router_resolve (HyphaPeer *sender,
                      HyphaSpan  to,
                      char      *target)
{
  gsize prefix = 0;

  if (to.data == NULL)
    return 0;

  if (memchr (to.data, '/', to.size) == NULL)
    {
      prefix = strlen (sender->workspace) + 1;
      memcpy (target, sender->workspace, prefix - 1);
      target[prefix - 1] = '/';
    }

  if (prefix + to.size >= HYPHA_ADDRESS_MAX_PEER || memchr (to.data, '\0', to.size) != NULL)
    return 0;

  memcpy (target + prefix, to.data, to.size);
  target[prefix + to.size] = '\0';
  return prefix + to.size;
}

/* May this message go to another client? Says why not. */
static gboolean
hypha_router_check_message (HyphaRouter         *self,
                            HyphaPeer           *sender,
                            HyphaPeer           *target,
                            gboolean             member,
                            const HyphaMessage  *message,
                            GBytes             **instead,
                            GError             **error)
{
  const HyphaChunkRoute route = {
    .sender = sender->id,
    .account = hypha_peer_get_account (sender),
    .target = target->id,
    .refuse_sealed = self->refuse_sealed && !member,
  };

  if (route.refuse_sealed && hypha_message_is_sealed (message))
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                           "Encrypted messages from other workspaces are refused here");
      return FALSE;
    }

  /* Pieces of a message are checked here, as whole messages are. */
  return !hypha_message_is_piece (message) ||
         hypha_chunk_watch_inspect (self->watch, &route, message, instead, error);
}

static gboolean
hypha_router_may_reach (HyphaRouter        *self,
                        HyphaPeer          *sender,
                        HyphaPeer          *target,
                        const HyphaMessage *message,
                        GBytes            **instead)
{
  g_autoptr (GError) error = NULL;
  gboolean member;

  if (sender->internal || target->internal ||
      (!self->refuse_sealed && !hypha_message_is_piece (message)))
    return TRUE;

  member = hypha_user_info_may (sender->user, sender->workspace, HYPHA_NEED_MEMBER,
                                target->workspace);
  if (hypha_router_check_message (self, sender, target, member, message, instead, &error))
    return TRUE;

  hypha_router_log_refusal (self, sender, target->id, error);
  hypha_router_reject (self, sender, message, target->id, error->message);
  return FALSE;
}

/* Who is at an address. Most frames go where the sender's last one went. */
static HyphaPeer *
hypha_router_find_target (HyphaRouter *self,
                          HyphaPeer   *sender,
                          const char  *id)
{
  HyphaPeer *last = sender->last_target;

  if (last != NULL && last->attached && g_str_equal (last->id, id))
    return last;

  return g_hash_table_lookup (self->peers, id);
}

static void
hypha_router_route_to (HyphaRouter        *self,
                       HyphaPeer          *sender,
                       const char         *id,
                       const HyphaMessage *message,
                       const HyphaSlice   *frame)
{
  HyphaPeer *target = hypha_router_find_target (self, sender, id);
  gboolean method = hypha_message_is_method (message);
  g_autoptr (GBytes) instead = NULL;
  HyphaSlice other = { 0 };

  if (target == NULL)
    {
      g_autofree char *quoted = hypha_error_quote (id);
      g_autofree char *why = g_strdup_printf ("Peer %s is not connected", quoted);

      hypha_router_reject (self, sender, message, id, why);
      return;
    }

  /* Custom events stay inside their workspace; the core's own parts understand methods only. */
  if (!method && (target->internal || !hypha_user_info_may (sender->user, sender->workspace,
                                                            HYPHA_NEED_BROADCAST,
                                                            target->workspace)))
    {
      g_debug ("%s: event to %s dropped", sender->id, id);
      return;
    }

  if (!hypha_router_may_reach (self, sender, target, message, &instead))
    return;

  if (instead != NULL)
    {
      other.data = g_bytes_get_data (instead, &other.size);
      other.owner = instead;
      frame = &other;
    }

  hypha_peer_met (sender, target);
  if (method)
    hypha_peer_calls (sender, target, message);
  if (target->measured && message->session.data != NULL)
    hypha_peer_was_called (target);
  if (target->open_calls != NULL)
    hypha_open_calls_settle (target->open_calls, sender, message);
  hypha_router_deliver (self, sender, target, message, frame);
}

/*
 * Routes one binary frame of sender. What is wrong with it costs at most this message: it is
 * dropped, with an error to the sender if the sender waits for an answer.
 */
void
hypha_router_route (HyphaRouter      *self,
                    HyphaPeer        *sender,
                    const HyphaSlice *frame)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HyphaPeer) hold = hypha_peer_ref (sender);
  char target[HYPHA_ADDRESS_MAX_PEER];
  HyphaMessage message;
  gsize size;

  if (!sender->attached)
    return;

  if (!hypha_message_parse (&message, frame->data, frame->size, &error))
    {
      g_debug ("%s: frame of %" G_GSIZE_FORMAT " bytes dropped: %s", sender->id, frame->size,
               error->message);
      return;
    }

  size = hypha_router_resolve (sender, message.to, target);
  if (size == 0)
    {
      hypha_router_reject (self, sender, &message, HYPHA_ADDRESS_MANAGER,
                           "Invalid message: “to” is missing or too long");
      return;
    }

  if (!hypha_router_check_sender (sender, &message, &error))
    {
      hypha_router_log_refusal (self, sender, target, error);
      hypha_router_reject (self, sender, &message, target, error->message);
      return;
    }

  if (size >= 2 && target[size - 1] == '*' && target[size - 2] == '/')
    {
      target[size - 2] = '\0';
      hypha_router_broadcast (self, sender, target, &message, frame);
      return;
    }

  hypha_router_route_to (self, sender, target, &message, frame);
}
