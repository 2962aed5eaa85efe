/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-registry-private.h"

/*
 * HyphaRegistry: the services of all workspaces, by address and by workspace. Signals tell of
 * every change; the model lists those that people care for, without the built-in ones.
 */
struct _HyphaRegistry
{
  GObject     parent_instance;

  GHashTable *services;    /* id → HyphaServiceInfo */
  GHashTable *workspaces;  /* name → GTree of id → HyphaServiceInfo, in the order of ids */
  GListStore *model;
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
hypha_registry_finalize (GObject *object)
{
  HyphaRegistry *self = HYPHA_REGISTRY (object);

  g_hash_table_unref (self->workspaces);
  g_hash_table_unref (self->services);
  g_object_unref (self->model);

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
  self->model = g_list_store_new (HYPHA_TYPE_SERVICE_INFO);
}

HyphaRegistry *
hypha_registry_new (void)
{
  return g_object_new (HYPHA_TYPE_REGISTRY, NULL);
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

static gboolean
hypha_registry_model_find (HyphaRegistry *self,
                           const char    *id,
                           guint         *position)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (self->model));

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (HyphaServiceInfo) info = g_list_model_get_item (G_LIST_MODEL (self->model), i);

      if (g_str_equal (hypha_service_info_get_id (info), id))
        {
          *position = i;
          return TRUE;
        }
    }

  return FALSE;
}

static void
hypha_registry_model_put (HyphaRegistry    *self,
                          HyphaServiceInfo *info,
                          gboolean          replaced)
{
  guint position;

  if (hypha_service_info_is_built_in (info))
    return;

  if (replaced && hypha_registry_model_find (self, hypha_service_info_get_id (info), &position))
    g_list_store_splice (self->model, position, 1, (gpointer *) &info, 1);
  else
    g_list_store_append (self->model, info);
}

static guint
hypha_registry_count_client (HyphaRegistry *self,
                             const char    *workspace,
                             const char    *client)
{
  g_autoptr (GPtrArray) all = hypha_registry_list (self, workspace);
  guint n = 0;

  for (guint i = 0; i < all->len; i++)
    {
      if (g_str_equal (hypha_service_info_get_client (g_ptr_array_index (all, i)), client))
        n++;
    }

  return n;
}

/* Adds a service, or puts it in the place of the one with its address. */
gboolean
hypha_registry_put (HyphaRegistry     *self,
                    HyphaServiceInfo  *info,
                    gboolean          *replaced,
                    GError           **error)
{
  const char *id = hypha_service_info_get_id (info);
  const char *workspace = hypha_service_info_get_workspace (info);

  *replaced = g_hash_table_contains (self->services, id);
  if (!*replaced && hypha_registry_count_client (self, workspace,
                                                 hypha_service_info_get_client (info)) >=
                      HYPHA_REGISTRY_MAX_SERVICES)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
                   "a client may register %d services, not more", HYPHA_REGISTRY_MAX_SERVICES);
      return FALSE;
    }

  g_tree_replace (hypha_registry_ensure_workspace (self, workspace), (gpointer) id,
                  g_object_ref (info));
  g_hash_table_replace (self->services, (gpointer) id, g_object_ref (info));
  hypha_registry_model_put (self, info, *replaced);
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
  g_hash_table_remove (self->services, id);
  g_tree_remove (tree, hypha_service_info_get_id (info));
  if (g_tree_nnodes (tree) == 0)
    g_hash_table_remove (self->workspaces, workspace);
  if (hypha_registry_model_find (self, hypha_service_info_get_id (info), &position))
    g_list_store_remove (self->model, position);

  g_signal_emit (self, signals[SERVICE_REMOVED], 0, info);
  return TRUE;
}

/* Removes what a client that has gone had registered. */
void
hypha_registry_remove_client (HyphaRegistry *self,
                              const char    *workspace,
                              const char    *client)
{
  g_autoptr (GPtrArray) all = hypha_registry_list (self, workspace);

  for (guint i = 0; i < all->len; i++)
    {
      HyphaServiceInfo *info = g_ptr_array_index (all, i);

      if (g_str_equal (hypha_service_info_get_client (info), client))
        hypha_registry_remove (self, hypha_service_info_get_id (info));
    }
}

/* The service at “workspace/client:service”, or NULL. Borrowed. */
HyphaServiceInfo *
hypha_registry_lookup (HyphaRegistry *self,
                       const char    *id)
{
  return g_hash_table_lookup (self->services, id);
}

static gboolean
hypha_registry_collect (gpointer key,
                        gpointer value,
                        gpointer data)
{
  g_ptr_array_add (data, g_object_ref (value));
  return FALSE;
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
