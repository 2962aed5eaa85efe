/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-lookup-internal-private.h"

/* What a provider hands out, checked and completed before somebody else gets it. */

/* Where HTTP reaches the service. */
static char *
hypha_lookup_url (HyphaManager     *manager,
                  HyphaServiceInfo *info)
{
  return g_strdup_printf ("%s/%s/services/%s:%s", hypha_manager_get_base_url (manager),
                          hypha_service_info_get_workspace (info),
                          hypha_service_info_get_client (info),
                          hypha_service_info_get_service (info));
}

/* Who has the service: “workspace/client”. */
char *
hypha_lookup_provider (HyphaServiceInfo *info)
{
  return g_strconcat (hypha_service_info_get_workspace (info), "/",
                      hypha_service_info_get_client (info), NULL);
}

static gboolean
hypha_lookup_check_target (HyphaServiceInfo  *info,
                           GVariant          *target,
                           const char        *provider,
                           GError           **error)
{
  g_autofree char *quoted = NULL;

  if (!g_variant_is_of_type (target, G_VARIANT_TYPE_STRING))
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                   "service %s hands out a function whose target is not a text",
                   hypha_service_info_get_id (info));
      return FALSE;
    }

  if (g_str_equal (g_variant_get_string (target, NULL), provider))
    return TRUE;

  quoted = hypha_error_quote (g_variant_get_string (target, NULL));
  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
               "service %s hands out a function of another client, %s",
               hypha_service_info_get_id (info), quoted);
  return FALSE;
}

static gboolean
hypha_lookup_is_word (GVariant   *value,
                      const char *word)
{
  return g_variant_is_of_type (value, G_VARIANT_TYPE_STRING) &&
         g_str_equal (g_variant_get_string (value, NULL), word);
}

/* Whether a map is one that clients turn into a function. Every entry counts: of a key that
   comes twice some clients take the first and some the last. */
static gboolean
hypha_lookup_is_function (GVariant *map)
{
  GVariantIter iter;
  const char *key;
  GVariant *item;

  g_variant_iter_init (&iter, map);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &item))
    {
      g_autoptr (GVariant) owned = item;

      if (g_str_equal (key, "_rtype") &&
          (hypha_lookup_is_word (item, "method") || hypha_lookup_is_word (item, "generator")))
        return TRUE;
    }

  return FALSE;
}

static gboolean hypha_lookup_check_targets (HyphaServiceInfo  *info,
                                            GVariant          *value,
                                            const char        *provider,
                                            GError           **error);

static gboolean
hypha_lookup_check_map (HyphaServiceInfo  *info,
                        GVariant          *map,
                        const char        *provider,
                        GError           **error)
{
  gboolean function = hypha_lookup_is_function (map);
  GVariantIter iter;
  const char *key;
  GVariant *item;

  g_variant_iter_init (&iter, map);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &item))
    {
      g_autoptr (GVariant) owned = item;

      if (function && g_str_equal (key, "_rtarget") &&
          !hypha_lookup_check_target (info, item, provider, error))
        return FALSE;
      if (!hypha_lookup_check_targets (info, item, provider, error))
        return FALSE;
    }

  return TRUE;
}

/*
 * A service hands out its provider's functions only: those of a third client would be called with
 * the rights of whoever uses the service, without that user's knowing.
 */
static gboolean
hypha_lookup_check_targets (HyphaServiceInfo  *info,
                            GVariant          *value,
                            const char        *provider,
                            GError           **error)
{
  GVariantIter iter;
  GVariant *item;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT))
    return hypha_lookup_check_map (info, value, provider, error);
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE ("av")))
    return TRUE;

  g_variant_iter_init (&iter, value);
  while (g_variant_iter_next (&iter, "v", &item))
    {
      g_autoptr (GVariant) owned = item;

      if (!hypha_lookup_check_targets (info, item, provider, error))
        return FALSE;
    }

  return TRUE;
}

/*
 * What the caller gets: the provider's own words, with absolute addresses, so that it calls the
 * provider directly and the provider sees who calls. Who else may use it is for members alone.
 */
GVariant *
hypha_lookup_complete (HyphaManager      *manager,
                       HyphaServiceInfo  *info,
                       GVariant          *answer,
                       gboolean           member,
                       GError           **error)
{
  const char *workspace = hypha_service_info_get_workspace (info);
  g_autofree char *provider = hypha_lookup_provider (info);
  g_autoptr (GVariant) absolute = NULL;
  g_autoptr (GVariant) config = NULL;
  g_autofree char *url = hypha_lookup_url (manager, info);
  GVariantDict dict;
  GVariantDict config_dict;

  absolute = g_variant_ref_sink (hypha_rpc_codec_make_absolute (answer, workspace));
  if (!hypha_lookup_check_targets (info, absolute, provider, error))
    return NULL;

  config = g_variant_lookup_value (absolute, "config", G_VARIANT_TYPE_VARDICT);
  g_variant_dict_init (&config_dict, config);
  g_variant_dict_insert (&config_dict, "workspace", "s", workspace);
  g_variant_dict_insert (&config_dict, "url", "s", url);
  if (!member)
    g_variant_dict_remove (&config_dict, "authorized_workspaces");

  g_variant_dict_init (&dict, absolute);
  g_variant_dict_insert (&dict, "id", "s", hypha_service_info_get_id (info));
  g_variant_dict_insert_value (&dict, "config", g_variant_dict_end (&config_dict));
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}
