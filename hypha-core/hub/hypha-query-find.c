/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-query-private.h"

/*
 * Whether text is what pattern says, where “*” is any run of characters. At most as many steps as
 * one is long times the other: whoever asks chooses the pattern.
 */
gboolean
hypha_query_glob (const char *pattern,
                  const char *text)
{
  const char *after_star = NULL;
  const char *retry = NULL;

  while (*text != '\0')
    {
      if (*pattern == '*')
        {
          after_star = ++pattern;
          retry = text;
        }
      else if (*pattern == *text)
        {
          pattern++;
          text++;
        }
      else if (after_star != NULL)
        {
          pattern = after_star;
          text = ++retry;
        }
      else
        {
          return FALSE;
        }
    }

  while (*pattern == '*')
    pattern++;
  return *pattern == '\0';
}

static gboolean
hypha_query_field_matches (const char *wanted,
                           const char *value)
{
  return wanted == NULL || hypha_query_glob (wanted, value);
}

static gboolean
hypha_query_matches (HyphaQuery       *query,
                     HyphaServiceInfo *info)
{
  return hypha_query_field_matches (query->workspace, hypha_service_info_get_workspace (info)) &&
         hypha_query_field_matches (query->client, hypha_service_info_get_client (info)) &&
         hypha_query_field_matches (query->service, hypha_service_info_get_service (info)) &&
         hypha_query_field_matches (query->app, hypha_service_info_get_app_id (info)) &&
         hypha_query_field_matches (query->visibility,
                                    hypha_service_info_get_visibility (info)) &&
         hypha_query_field_matches (query->type, hypha_service_info_get_service_type (info));
}

/*
 * Unlisted services are found by those who know the address, and by their own on request. What each
 * client has to be one, “built-in”, says who is there: that is for those who may ask who is there.
 */
gboolean
hypha_query_shows (HyphaQuery       *query,
                   HyphaServiceInfo *info,
                   HyphaUserInfo    *user,
                   const char       *own_workspace)
{
  gboolean own = hypha_user_info_may (user, own_workspace, HYPHA_NEED_MEMBER,
                                      hypha_service_info_get_workspace (info));

  if (!hypha_service_info_visible_to (info, user, own_workspace))
    return FALSE;

  if (hypha_service_info_is_built_in (info) &&
      !hypha_user_info_may (user, own_workspace, HYPHA_NEED_READ,
                            hypha_service_info_get_workspace (info)))
    return FALSE;

  if (!hypha_service_info_is_unlisted (info))
    return TRUE;

  return own && (!query->listing || query->unlisted);
}

static void
hypha_query_collect (HyphaQuery    *query,
                     HyphaRegistry *registry,
                     const char    *workspace,
                     const char    *except,
                     HyphaUserInfo *user,
                     const char    *own_workspace,
                     GPtrArray     *found)
{
  g_autoptr (GPtrArray) all = hypha_registry_list (registry, workspace);

  for (guint i = 0; i < all->len; i++)
    {
      HyphaServiceInfo *info = g_ptr_array_index (all, i);

      if (except != NULL && g_str_equal (hypha_service_info_get_workspace (info), except))
        continue;
      if (hypha_query_matches (query, info) && hypha_query_shows (query, info, user, own_workspace))
        g_ptr_array_add (found, g_object_ref (info));
    }
}

static gboolean
hypha_query_find_exact (HyphaQuery     *query,
                        HyphaRegistry  *registry,
                        HyphaUserInfo  *user,
                        const char     *own_workspace,
                        GPtrArray      *found,
                        GError        **error)
{
  g_autofree char *id = NULL;
  HyphaServiceInfo *info;

  if (query->service == NULL)
    return TRUE;

  id = g_strdup_printf ("%s/%s:%s", query->workspace, query->client, query->service);
  info = hypha_registry_lookup (registry, id);
  if (info == NULL)
    return TRUE;

  if (!hypha_service_info_visible_to (info, user, own_workspace))
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                   "Permission denied for getting protected service: %s, workspace mismatch: "
                   "%s != %s", query->service, query->workspace, own_workspace);
      return FALSE;
    }

  if (!hypha_query_field_matches (query->app, hypha_service_info_get_app_id (info)))
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT, "App id mismatch: %s != %s",
                   query->app, hypha_service_info_get_app_id (info));
      return FALSE;
    }

  g_ptr_array_add (found, g_object_ref (info));
  return TRUE;
}

/* “ws/x”, where x may be a client: its default service, if the caller may have that. */
static HyphaServiceInfo *
hypha_query_find_default (HyphaQuery    *query,
                          HyphaRegistry *registry,
                          HyphaUserInfo *user,
                          const char    *own_workspace)
{
  g_autofree char *id = NULL;
  HyphaServiceInfo *info;

  if (!query->or_client || query->workspace == NULL || query->service == NULL)
    return NULL;

  id = g_strdup_printf ("%s/%s:default", query->workspace, query->service);
  info = hypha_registry_lookup (registry, id);
  return info != NULL && hypha_service_info_visible_to (info, user, own_workspace) ? info : NULL;
}

/*
 * Whether another client has a service of this name. That goes before the default service of a
 * client that is called so: anybody who may connect may call itself anything and export something,
 * but only who may write registers a service.
 */
static gboolean
hypha_query_has_others (GPtrArray        *found,
                        HyphaServiceInfo *of_client)
{
  for (guint i = 0; i < found->len; i++)
    {
      if (!g_str_equal (hypha_service_info_get_client (g_ptr_array_index (found, i)),
                        hypha_service_info_get_client (of_client)))
        return TRUE;
    }

  return FALSE;
}

/* What matches: first in one workspace, then, where several are meant, in the others. */
static void
hypha_query_find_all (HyphaQuery    *query,
                      HyphaRegistry *registry,
                      HyphaUserInfo *user,
                      const char    *own_workspace,
                      GPtrArray     *found)
{
  gboolean several = query->workspace == NULL || strchr (query->workspace, '*') != NULL;
  guint own;

  hypha_query_collect (query, registry, several ? own_workspace : query->workspace, NULL, user,
                       own_workspace, found);
  own = found->len;
  hypha_selection_order (&query->selection, found->pdata, own);
  if (!several)
    return;

  hypha_query_collect (query, registry, NULL, own_workspace, user, own_workspace, found);
  hypha_selection_order (&query->selection, found->pdata + own, found->len - own);
}

/*
 * The services that query means and user, a client of own_workspace, may have: those of the own
 * workspace first. NULL with an error where one address was asked for and is refused.
 */
GPtrArray *
hypha_query_find (HyphaQuery     *query,
                  HyphaRegistry  *registry,
                  HyphaUserInfo  *user,
                  const char     *own_workspace,
                  GError        **error)
{
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (g_object_unref);
  HyphaServiceInfo *of_client;

  if (query->nothing)
    return g_steal_pointer (&found);

  if (query->exact)
    return hypha_query_find_exact (query, registry, user, own_workspace, found, error) ?
             g_steal_pointer (&found) :
             NULL;

  hypha_query_find_all (query, registry, user, own_workspace, found);
  of_client = hypha_query_find_default (query, registry, user, own_workspace);
  if (of_client != NULL && !hypha_query_has_others (found, of_client))
    {
      g_ptr_array_set_size (found, 0);
      g_ptr_array_add (found, g_object_ref (of_client));
    }

  return g_steal_pointer (&found);
}
