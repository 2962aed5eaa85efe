/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-registry-private.h"
#include "hypha-shares-private.h"

/*
 * HyphaRegistry: the services of all workspaces, by address, by workspace and by client. Signals
 * tell of every change; the model lists those that people care for, without the built-in ones.
 */

/* What one client has registered. */
typedef struct
{
  GTree *services;  /* id → HyphaServiceInfo, borrowed, in the order of ids */
  char  *account;   /* whose share they take */
  gsize  bytes;     /* of their records that count */
} HyphaRegistryClient;

struct _HyphaRegistry
{
  GObject      parent_instance;

  GHashTable  *services;    /* id → HyphaServiceInfo */
  GHashTable  *workspaces;  /* name → GTree of id → HyphaServiceInfo, in the order of ids */
  GHashTable  *clients;     /* “workspace/client” → HyphaRegistryClient */
  GListStore  *model;       /* in the order of ids, so that a position is found by halving */
  HyphaShares *bytes;       /* of all records that count */
  guint        n_singletons;
  gsize        max_client_bytes;
};

enum
{
  SERVICE_ADDED,
  SERVICE_UPDATED,
  SERVICE_REMOVED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (HyphaRegistry, hypha_registry, G_TYPE_OBJECT)

static void
hypha_registry_client_free (gpointer data)
{
  HyphaRegistryClient *client = data;

  g_tree_unref (client->services);
  g_free (client->account);
  g_free (client);
}

static void
hypha_registry_finalize (GObject *object)
{
  HyphaRegistry *self = HYPHA_REGISTRY (object);

  g_hash_table_unref (self->clients);
  g_hash_table_unref (self->workspaces);
  g_hash_table_unref (self->services);
  g_object_unref (self->model);
  hypha_shares_free (self->bytes);

  G_OBJECT_CLASS (hypha_registry_parent_class)->finalize (object);
}

static guint
hypha_registry_new_signal (HyphaRegistryClass *klass,
                           const char         *name)
{
  return g_signal_new (name, G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                       G_TYPE_NONE, 1, HYPHA_TYPE_SERVICE_INFO);
}

static void
hypha_registry_class_init (HyphaRegistryClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = hypha_registry_finalize;

  signals[SERVICE_ADDED] = hypha_registry_new_signal (klass, "service-added");
  signals[SERVICE_UPDATED] = hypha_registry_new_signal (klass, "service-updated");
  signals[SERVICE_REMOVED] = hypha_registry_new_signal (klass, "service-removed");
}

static void
hypha_registry_init (HyphaRegistry *self)
{
  self->services = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_object_unref);
  self->workspaces = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                            (GDestroyNotify) g_tree_unref);
  self->clients = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                         hypha_registry_client_free);
  self->model = g_list_store_new (HYPHA_TYPE_SERVICE_INFO);
  self->max_client_bytes = HYPHA_REGISTRY_MAX_CLIENT_BYTES;
  self->bytes = hypha_shares_new (HYPHA_REGISTRY_MAX_TOTAL_BYTES,
                                  HYPHA_REGISTRY_MAX_ACCOUNT_BYTES);
}

HyphaRegistry *
hypha_registry_new (void)
{
  return g_object_new (HYPHA_TYPE_REGISTRY, NULL);
}

/* Other limits than the named ones, for tests that would have to fill them; while it is empty. */
void
hypha_registry_set_limits (HyphaRegistry *self,
                           gsize          max_client_bytes,
                           gsize          max_account_bytes,
                           gsize          max_total_bytes)
{
  g_return_if_fail (g_hash_table_size (self->services) == 0);

  self->max_client_bytes = max_client_bytes;
  hypha_shares_free (self->bytes);
  self->bytes = hypha_shares_new (max_total_bytes, max_account_bytes);
}

GListModel *
hypha_registry_get_model (HyphaRegistry *self)
{
  return G_LIST_MODEL (self->model);
}

static gint
hypha_registry_compare_ids (gconstpointer a,
                            gconstpointer b,
                            gpointer      data)
{
  return g_strcmp0 (a, b);
}

static GTree *
hypha_registry_ensure_workspace (HyphaRegistry *self,
                                 const char    *workspace)
{
  GTree *tree = g_hash_table_lookup (self->workspaces, workspace);

  if (tree == NULL)
    {
      tree = g_tree_new_full (hypha_registry_compare_ids, NULL, NULL, g_object_unref);
      g_hash_table_insert (self->workspaces, g_strdup (workspace), tree);
    }

  return tree;
}

static char *
hypha_registry_client_id (HyphaServiceInfo *info)
{
  return g_strconcat (hypha_service_info_get_workspace (info), "/",
                      hypha_service_info_get_client (info), NULL);
}

static HyphaRegistryClient *
hypha_registry_ensure_client (HyphaRegistry    *self,
                              HyphaServiceInfo *info,
                              const char       *account)
{
  g_autofree char *id = hypha_registry_client_id (info);
  HyphaRegistryClient *client = g_hash_table_lookup (self->clients, id);

  if (client == NULL)
    {
      client = g_new0 (HyphaRegistryClient, 1);
      client->account = g_strdup (account);
      client->services = g_tree_new_full (hypha_registry_compare_ids, NULL, NULL, NULL);
      g_hash_table_insert (self->clients, g_steal_pointer (&id), client);
    }

  return client;
}

/* How many bytes a service counts for. */
static gsize
hypha_registry_weigh (HyphaServiceInfo *info)
{
  gsize size = info != NULL ? g_variant_get_size (hypha_service_info_get_record (info)) : 0;

  return size <= HYPHA_REGISTRY_FREE_BUILT_IN && info != NULL &&
         hypha_service_info_is_built_in (info) ? 0 : size;
}

static void
hypha_registry_index (HyphaRegistry    *self,
                      HyphaServiceInfo *info,
                      const char       *account)
{
  HyphaRegistryClient *client = hypha_registry_ensure_client (self, info, account);
  gsize size = hypha_registry_weigh (info);

  g_tree_replace (client->services, (gpointer) hypha_service_info_get_id (info), info);
  client->bytes += size;
  hypha_shares_take (self->bytes, client->account, size);
  self->n_singletons += hypha_service_info_is_singleton (info);
}

static void
hypha_registry_unindex (HyphaRegistry    *self,
                        HyphaServiceInfo *info)
{
  g_autofree char *id = hypha_registry_client_id (info);
  HyphaRegistryClient *client = g_hash_table_lookup (self->clients, id);
  gsize size = hypha_registry_weigh (info);

  client->bytes -= size;
  hypha_shares_give_back (self->bytes, client->account, size);
  self->n_singletons -= hypha_service_info_is_singleton (info);
  g_tree_remove (client->services, hypha_service_info_get_id (info));
  if (g_tree_nnodes (client->services) == 0)
    g_hash_table_remove (self->clients, id);
}

static gboolean
hypha_registry_model_find (HyphaRegistry *self,
                           const char    *id,
                           guint         *position)
{
  guint start = 0;
  guint end = g_list_model_get_n_items (G_LIST_MODEL (self->model));

  while (start < end)
    {
      guint middle = start + (end - start) / 2;
      g_autoptr (HyphaServiceInfo) info = g_list_model_get_item (G_LIST_MODEL (self->model),
                                                                 middle);
      int order = strcmp (hypha_service_info_get_id (info), id);

      if (order == 0)
        {
          *position = middle;
          return TRUE;
        }

      if (order < 0)
        start = middle + 1;
      else
        end = middle;
    }

  return FALSE;
}

static gint
hypha_registry_compare_infos (gconstpointer a,
                              gconstpointer b,
                              gpointer      data)
{
  return strcmp (hypha_service_info_get_id ((HyphaServiceInfo *) a),
                 hypha_service_info_get_id ((HyphaServiceInfo *) b));
}

static void
hypha_registry_model_put (HyphaRegistry    *self,
                          HyphaServiceInfo *info)
{
  guint position;

  if (hypha_service_info_is_the_cores (info))
    return;

  if (hypha_registry_model_find (self, hypha_service_info_get_id (info), &position))
    g_list_store_splice (self->model, position, 1, (gpointer *) &info, 1);
  else
    g_list_store_insert_sorted (self->model, info, hypha_registry_compare_infos, NULL);
}

static gboolean
hypha_registry_fail_shares (HyphaRegistry  *self,
                            const char     *account,
                            GError        **error)
{
  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
               "no room for another description of a service: those of %s take %" G_GSIZE_FORMAT
               " of the %" G_GSIZE_FORMAT " bytes of all; unregister some first",
               *account == '\0' ? "anonymous users" : "this user",
               hypha_shares_get_n_of (self->bytes, account), hypha_shares_get_n (self->bytes));
  return FALSE;
}

/* Whether info, in the place of old where there is one, stays within all limits. */
static gboolean
hypha_registry_check_limits (HyphaRegistry     *self,
                             HyphaServiceInfo  *info,
                             HyphaServiceInfo  *old,
                             const char        *account,
                             GError           **error)
{
  g_autofree char *id = hypha_registry_client_id (info);
  HyphaRegistryClient *client = g_hash_table_lookup (self->clients, id);
  const char *whose = client != NULL ? client->account : account;
  gsize added = hypha_registry_weigh (info);
  gsize freed = hypha_registry_weigh (old);

  if (old == NULL && client != NULL &&
      g_tree_nnodes (client->services) >= HYPHA_REGISTRY_MAX_SERVICES)
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
                 "a client may register %d services, not more", HYPHA_REGISTRY_MAX_SERVICES);
  else if (added > freed &&
           (client != NULL ? client->bytes : 0) - freed + added > self->max_client_bytes)
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
                 "the descriptions of a client's services may take %" G_GSIZE_FORMAT
                 " bytes, not more", self->max_client_bytes);
  else if (added > freed && !hypha_shares_has_room (self->bytes, whose, added - freed))
    return hypha_registry_fail_shares (self, whose, error);
  else
    return TRUE;

  return FALSE;
}

/*
 * Adds a service, or puts it in the place of the one with its address. It takes the share of account,
 * which is its client's for as long as that has services.
 */
gboolean
hypha_registry_put (HyphaRegistry     *self,
                    HyphaServiceInfo  *info,
                    const char        *account,
                    gboolean          *replaced,
                    GError           **error)
{
  const char *id = hypha_service_info_get_id (info);
  const char *workspace = hypha_service_info_get_workspace (info);
  HyphaServiceInfo *old = g_hash_table_lookup (self->services, id);

  *replaced = old != NULL;
  if (!hypha_registry_check_limits (self, info, old, account, error))
    return FALSE;

  /* One block instead of a tree of small values, and the message that it came in is let go: only
     so does a record take the memory that is counted. */
  g_variant_get_data (hypha_service_info_get_record (info));
  if (old != NULL)
    hypha_registry_unindex (self, old);
  hypha_registry_index (self, info, account);
  g_tree_replace (hypha_registry_ensure_workspace (self, workspace), (gpointer) id,
                  g_object_ref (info));
  g_hash_table_replace (self->services, (gpointer) id, g_object_ref (info));
  hypha_registry_model_put (self, info);
  g_signal_emit (self, signals[*replaced ? SERVICE_UPDATED : SERVICE_ADDED], 0, info);
  return TRUE;
}

gboolean
hypha_registry_remove (HyphaRegistry *self,
                       const char    *id)
{
  g_autoptr (HyphaServiceInfo) info = NULL;
  const char *workspace;
  GTree *tree;
  guint position;

  info = g_hash_table_lookup (self->services, id);
  if (info == NULL)
    return FALSE;

  g_object_ref (info);
  workspace = hypha_service_info_get_workspace (info);
  tree = g_hash_table_lookup (self->workspaces, workspace);
  hypha_registry_unindex (self, info);
  g_hash_table_remove (self->services, id);
  g_tree_remove (tree, hypha_service_info_get_id (info));
  if (g_tree_nnodes (tree) == 0)
    g_hash_table_remove (self->workspaces, workspace);
  if (hypha_registry_model_find (self, hypha_service_info_get_id (info), &position))
    g_list_store_remove (self->model, position);

  g_signal_emit (self, signals[SERVICE_REMOVED], 0, info);
  return TRUE;
}

static gboolean
hypha_registry_collect (gpointer key,
                        gpointer value,
                        gpointer data)
{
  g_ptr_array_add (data, g_object_ref (value));
  return FALSE;
}

/* Removes what a client that has gone had registered. */
void
hypha_registry_remove_client (HyphaRegistry *self,
                              const char    *workspace,
                              const char    *client)
{
  g_autofree char *id = g_strconcat (workspace, "/", client, NULL);
  HyphaRegistryClient *gone = g_hash_table_lookup (self->clients, id);
  g_autoptr (GPtrArray) own = g_ptr_array_new_with_free_func (g_object_unref);

  /* A copy: whoever hears of a removal may change the registry. */
  if (gone != NULL)
    g_tree_foreach (gone->services, hypha_registry_collect, own);

  for (guint i = 0; i < own->len; i++)
    hypha_registry_remove (self, hypha_service_info_get_id (g_ptr_array_index (own, i)));
}

/* The service at “workspace/client:service”, or NULL. Borrowed. */
HyphaServiceInfo *
hypha_registry_lookup (HyphaRegistry *self,
                       const char    *id)
{
  return g_hash_table_lookup (self->services, id);
}

/* The services of one workspace, or of all where it is NULL, ordered by address; a snapshot. */
GPtrArray *
hypha_registry_list (HyphaRegistry *self,
                     const char    *workspace)
{
  GPtrArray *found = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GList) names = NULL;

  if (workspace != NULL)
    {
      GTree *tree = g_hash_table_lookup (self->workspaces, workspace);

      if (tree != NULL)
        g_tree_foreach (tree, hypha_registry_collect, found);
      return found;
    }

  names = g_list_sort (g_hash_table_get_keys (self->workspaces), (GCompareFunc) g_strcmp0);
  for (GList *l = names; l != NULL; l = l->next)
    g_tree_foreach (g_hash_table_lookup (self->workspaces, l->data), hypha_registry_collect,
                    found);

  return found;
}

gboolean
hypha_registry_has_singletons (HyphaRegistry *self)
{
  return self->n_singletons > 0;
}

typedef struct
{
  const char *service;
  GPtrArray  *found;
} HyphaRegistryNamed;

static gboolean
hypha_registry_collect_named (gpointer key,
                              gpointer value,
                              gpointer data)
{
  HyphaRegistryNamed *named = data;

  if (g_str_equal (hypha_service_info_get_service (value), named->service))
    g_ptr_array_add (named->found, g_object_ref (value));
  return FALSE;
}

/* The services of this name that clients of a workspace have. */
GPtrArray *
hypha_registry_list_named (HyphaRegistry *self,
                           const char    *workspace,
                           const char    *service)
{
  GTree *tree = g_hash_table_lookup (self->workspaces, workspace);
  HyphaRegistryNamed named = { service, g_ptr_array_new_with_free_func (g_object_unref) };

  if (tree != NULL)
    g_tree_foreach (tree, hypha_registry_collect_named, &named);
  return named.found;
}
