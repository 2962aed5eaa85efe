/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-chunk-store-private.h"
#include "hypha-router-internal-private.h"

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

static void
hypha_router_finalize (GObject *object)
{
  HyphaRouter *self = HYPHA_ROUTER (object);

  g_hash_table_unref (self->peers);
  g_hash_table_unref (self->workspaces);
  g_byte_array_unref (self->head);
  hypha_chunk_watch_free (self->watch);
  hypha_shares_free (self->chunk_shares);
  hypha_shares_free (self->call_shares);
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
  self->call_shares = hypha_shares_new (HYPHA_OPEN_CALLS_MAX_TOTAL, HYPHA_OPEN_CALLS_MAX_ACCOUNT);
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

/*
 * The same client comes back with another connection before the old one has ended: it never was
 * away. What it has registered and subscribed to stays, and so does what is waited for; the user is
 * the same one, whose token may be another.
 */
void
hypha_router_renew (HyphaRouter     *self,
                    HyphaPeer       *peer,
                    HyphaUserInfo   *user,
                    HyphaConnection *connection)
{
  g_autoptr (GVariant) map = hypha_user_info_to_variant (user);

  g_assert (peer->attached && !peer->local);

  hypha_chunk_watch_forget (self->watch, peer->id);
  hypha_peer_renew (peer, user, connection);
  hypha_stamp_clear (&peer->stamp);
  hypha_stamp_init (&peer->stamp, peer->id, peer->workspace, map);
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
