/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-client-cleanup-private.h"

#include "hypha-client-methods-private.h"
#include "hypha-workspace-methods-private.h"

struct _HyphaClientCleanup
{
  HyphaManager *manager;     /* owns this */
  GHashTable   *workspaces;  /* names of those that are cleaned up now */
  HyphaShares  *sweeps;      /* calls under way */
};

/* One call of cleanup, until everybody has answered or been silent for too long. */
typedef struct
{
  HyphaClientCleanup *cleanup;
  HyphaManager       *manager;  /* holds cleanup */
  HyphaInvocation    *invocation;
  char               *account;
  char               *workspace;
  guint               timeout;
  GPtrArray          *peers;    /* that were there at the beginning */
  guint               next;     /* of them, to be asked */
  GPtrArray          *removed;  /* ids */
  guint               n_waiting;
} HyphaSweep;

/* One question on its way. */
typedef struct
{
  HyphaSweep      *sweep;
  HyphaPeer       *peer;
  HyphaConnection *connection; /* that was asked: the client may come back with another one */
} HyphaSweepPing;

static void hypha_sweep_go_on (HyphaSweep *sweep);

/* All have been asked, and have answered or not. */
static void
hypha_sweep_finish (HyphaSweep *sweep)
{
  GVariantDict dict;

  g_ptr_array_add (sweep->removed, NULL);
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert_value (&dict, "removed_clients",
                               g_variant_new_strv ((const char *const *) sweep->removed->pdata, -1));
  hypha_invocation_return (sweep->invocation, g_variant_dict_end (&dict));

  g_hash_table_remove (sweep->cleanup->workspaces, sweep->workspace);
  hypha_shares_give_back (sweep->cleanup->sweeps, sweep->account, 1);
  hypha_invocation_unref (sweep->invocation);
  g_ptr_array_unref (sweep->peers);
  g_ptr_array_unref (sweep->removed);
  g_object_unref (sweep->manager);
  g_free (sweep->account);
  g_free (sweep->workspace);
  g_free (sweep);
}

/* Its services leave at once, whenever its socket goes. */
static void
hypha_sweep_remove (HyphaSweep      *sweep,
                    HyphaPeer       *peer,
                    HyphaConnection *connection)
{
  HyphaRouter *router = hypha_manager_get_router (sweep->manager);

  if (hypha_router_lookup (router, hypha_peer_get_id (peer)) != peer ||
      hypha_peer_get_connection (peer) != connection)
    return;

  g_ptr_array_add (sweep->removed, g_strdup (hypha_peer_get_id (peer)));
  hypha_router_detach (router, peer);
  hypha_connection_close (connection, HYPHA_CLOSE_POLICY, "Client does not answer");
}

/* Who answers is there, whatever the answer is. */
static void
hypha_sweep_answered (GObject      *source,
                      GAsyncResult *result,
                      gpointer      data)
{
  HyphaSweepPing *ping = data;
  HyphaSweep *sweep = ping->sweep;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) pong = hypha_rpc_call_finish (HYPHA_RPC (source), result, &error);

  if (g_error_matches (error, HYPHA_ERROR, HYPHA_ERROR_TIMED_OUT))
    hypha_sweep_remove (sweep, ping->peer, ping->connection);
  hypha_peer_unref (ping->peer);
  g_object_unref (ping->connection);
  g_free (ping);
  sweep->n_waiting--;
  hypha_sweep_go_on (sweep);
}

/*
 * Whether to ask it: not whoever asks, nor ourselves, nor one that has just connected, and does not
 * listen before it has registered what it is asked by.
 */
static gboolean
hypha_sweep_wants (HyphaSweep *sweep,
                   HyphaPeer  *peer)
{
  g_autofree char *built_in = g_strconcat (hypha_peer_get_id (peer), ":built-in", NULL);

  return !hypha_peer_is_local (peer) &&
         !g_str_equal (hypha_peer_get_id (peer), hypha_invocation_get_from (sweep->invocation)) &&
         hypha_registry_lookup (hypha_manager_get_registry (sweep->manager), built_in) != NULL;
}

static void
hypha_sweep_ask (HyphaSweep *sweep,
                 HyphaPeer  *peer)
{
  HyphaSweepPing *ping = g_new0 (HyphaSweepPing, 1);
  GVariant *args = g_variant_new_parsed ("[<'ping'>]");

  ping->sweep = sweep;
  ping->peer = hypha_peer_ref (peer);
  ping->connection = g_object_ref (hypha_peer_get_connection (peer));
  sweep->n_waiting++;
  hypha_rpc_call_async (hypha_manager_get_rpc (sweep->manager), hypha_peer_get_id (peer),
                        "services.built-in.ping", args, sweep->timeout,
                        hypha_invocation_get_cancellable (sweep->invocation), hypha_sweep_answered,
                        ping);
}

/* Asks as many as may be asked at once; it is over when nobody is left to ask or to wait for. */
static void
hypha_sweep_go_on (HyphaSweep *sweep)
{
  while (sweep->next < sweep->peers->len && sweep->n_waiting < HYPHA_CLIENT_CLEANUP_MAX_ASKED)
    {
      HyphaPeer *peer = g_ptr_array_index (sweep->peers, sweep->next++);

      if (hypha_sweep_wants (sweep, peer))
        hypha_sweep_ask (sweep, peer);
    }

  if (sweep->n_waiting == 0)
    hypha_sweep_finish (sweep);
}

static void
hypha_client_cleanup_sweep (HyphaClientCleanup *self,
                            HyphaInvocation    *invocation,
                            HyphaPeer          *caller,
                            const char         *workspace,
                            guint               timeout)
{
  HyphaSweep *sweep = g_new0 (HyphaSweep, 1);

  sweep->cleanup = self;
  sweep->manager = g_object_ref (self->manager);
  sweep->invocation = hypha_invocation_ref (invocation);
  sweep->account = g_strdup (hypha_peer_get_account (caller));
  sweep->workspace = g_strdup (workspace);
  sweep->timeout = timeout;
  sweep->peers = hypha_router_list (hypha_manager_get_router (self->manager), workspace);
  sweep->removed = g_ptr_array_new_with_free_func (g_free);
  g_hash_table_add (self->workspaces, g_strdup (workspace));
  hypha_shares_take (self->sweeps, sweep->account, 1);
  hypha_sweep_go_on (sweep);
}

static gboolean
hypha_client_cleanup_check_room (HyphaClientCleanup  *self,
                                 HyphaPeer           *caller,
                                 const char          *workspace,
                                 GError             **error)
{
  if (g_hash_table_contains (self->workspaces, workspace))
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY, "Workspace %s is being cleaned up already",
                 workspace);
  else if (!hypha_shares_has_room (self->sweeps, hypha_peer_get_account (caller), 1))
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
                 "%" G_GSIZE_FORMAT " workspaces are being cleaned up; try again later",
                 hypha_shares_get_n (self->sweeps));
  else
    return TRUE;

  return FALSE;
}

static void
hypha_client_cleanup_serve (HyphaInvocation *invocation,
                            gpointer         data)
{
  HyphaClientCleanup *self = data;
  HyphaPeer *caller = hypha_manager_get_caller (self->manager, invocation);
  g_autoptr (GError) error = NULL;
  g_autofree char *workspace = NULL;
  guint timeout = 0;

  if (caller == NULL)
    return;

  workspace = hypha_workspace_methods_take_workspace (caller, invocation, &error);
  if (workspace != NULL &&
      hypha_workspace_methods_check (caller, HYPHA_NEED_ADMIN, workspace, &error) &&
      hypha_client_methods_take_timeout (invocation, &timeout, &error) &&
      hypha_client_cleanup_check_room (self, caller, workspace, &error))
    hypha_client_cleanup_sweep (self, invocation, caller, workspace, timeout);
  else
    hypha_invocation_return_error (invocation, g_steal_pointer (&error));
}

static const HyphaServiceMethod methods[] = {
  { "cleanup", "workspace?: string, timeout?: number",
    "Sends away the clients of a workspace that do not answer.", hypha_client_cleanup_serve },
};

HyphaClientCleanup *
hypha_client_cleanup_new (HyphaManager *manager)
{
  HyphaClientCleanup *self = g_new0 (HyphaClientCleanup, 1);

  self->manager = manager;
  self->workspaces = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->sweeps = hypha_shares_new (HYPHA_CLIENT_CLEANUP_MAX, HYPHA_CLIENT_CLEANUP_MAX_USER);
  hypha_manager_add_methods (manager, methods, G_N_ELEMENTS (methods), self);
  return self;
}

void
hypha_client_cleanup_free (HyphaClientCleanup *self)
{
  g_hash_table_unref (self->workspaces);
  hypha_shares_free (self->sweeps);
  g_free (self);
}
