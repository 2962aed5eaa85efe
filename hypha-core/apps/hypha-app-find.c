/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-app-controller-internal-private.h"

/* The windows of a HyphaAppController by their names, by their clients, and how many there are. */

HyphaAppWindow *
hypha_app_controller_find_peer (HyphaAppController *self,
                                const char         *workspace,
                                const char         *client)
{
  g_autofree char *peer = g_strconcat (workspace, "/", client, NULL);
  GHashTableIter iter;
  HyphaAppWindow *window;

  g_hash_table_iter_init (&iter, self->windows);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &window))
    {
      if (g_str_equal (window->peer, peer))
        return window;
    }

  return NULL;
}

/* By which of its names somebody may mean a window: its own id, its client's, its service's. */
static gboolean
hypha_app_window_is (HyphaAppWindow *window,
                     const char     *id)
{
  const char *service = NULL;

  if (window->service != NULL && g_variant_is_of_type (window->service, G_VARIANT_TYPE_VARDICT))
    g_variant_lookup (window->service, "id", "&s", &service);

  return g_str_equal (id, hypha_window_info_get_id (window->info)) ||
         g_str_equal (id, hypha_window_info_get_client_id (window->info)) ||
         g_str_equal (id, window->peer) || g_strcmp0 (id, service) == 0;
}

/*
 * The window of workspace that has this id or, where id is NULL, this name, as {id, name, service};
 * service is nil until the app has exported one. NULL if there is none.
 */
GVariant *
hypha_app_controller_find (HyphaAppController *self,
                           const char         *workspace,
                           const char         *id,
                           const char         *name)
{
  GHashTableIter iter;
  HyphaAppWindow *window;

  g_hash_table_iter_init (&iter, self->windows);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &window))
    {
      GVariantDict dict;

      if (!g_str_equal (hypha_window_info_get_workspace (window->info), workspace) ||
          !(id != NULL ? hypha_app_window_is (window, id) :
                         g_strcmp0 (hypha_window_info_get_name (window->info), name) == 0))
        continue;

      g_variant_dict_init (&dict, NULL);
      g_variant_dict_insert (&dict, "id", "s", hypha_window_info_get_id (window->info));
      g_variant_dict_insert (&dict, "name", "s", hypha_window_info_get_name (window->info));
      g_variant_dict_insert_value (&dict, "service", window->service != NULL ?
                                     window->service : hypha_rpc_codec_null ());
      return g_variant_ref_sink (g_variant_dict_end (&dict));
    }

  return NULL;
}

/* The windows of a workspace, with those that are on their way. */
guint
hypha_app_controller_count (HyphaAppController *self,
                            const char         *workspace)
{
  GHashTableIter iter;
  HyphaWindowInfo *info;
  HyphaAppLoad *load;
  guint n = 0;

  g_hash_table_iter_init (&iter, self->windows);
  while (g_hash_table_iter_next (&iter, (gpointer *) &info, NULL))
    {
      if (g_str_equal (hypha_window_info_get_workspace (info), workspace))
        n++;
    }

  g_hash_table_iter_init (&iter, self->loads);
  while (g_hash_table_iter_next (&iter, (gpointer *) &load, NULL))
    {
      if (g_str_equal (hypha_app_load_get_workspace (load), workspace))
        n++;
    }

  return n;
}
