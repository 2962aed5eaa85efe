/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-lookup-internal-private.h"
#include "hypha-near-private.h"
#include "hypha-query-private.h"

/*
 * Lookups of the program that the core runs in. Clients are told null where there is no service, as
 * the protocol has it; whoever writes this program is told what there is instead.
 */

/* Names of services that user may have, and that are nearly what was looked for. */
static char *
hypha_lookup_near (HyphaManager  *manager,
                   HyphaQuery    *query,
                   HyphaUserInfo *user,
                   const char    *workspace)
{
  g_autoptr (HyphaNear) near = hypha_near_new (query->service);
  g_autoptr (GPtrArray) all = hypha_registry_list (hypha_manager_get_registry (manager), NULL);

  for (guint i = 0; i < all->len; i++)
    {
      HyphaServiceInfo *info = g_ptr_array_index (all, i);

      if (hypha_service_info_is_the_cores (info) ||
          !hypha_query_shows (query, info, user, workspace))
        continue;
      if (!hypha_near_offer (near, hypha_service_info_get_service (info),
                             hypha_service_info_get_id (info)))
        break;
    }

  return hypha_near_to_string (near);
}

/* That query, which somebody has looked for in vain, finds nothing, and what is near it. */
GError *
hypha_lookup_new_miss (HyphaManager  *manager,
                       HyphaUserInfo *user,
                       const char    *workspace,
                       GVariant      *query)
{
  g_auto (HyphaQuery) parsed = { 0 };
  g_autofree char *what = NULL;
  g_autofree char *near = NULL;
  GError *error = NULL;

  if (!hypha_query_parse_get (&parsed, query, workspace, &error))
    return error;

  near = hypha_lookup_near (manager, &parsed, user, workspace);
  what = g_variant_is_of_type (query, G_VARIANT_TYPE_STRING) ?
           hypha_error_quote (g_variant_get_string (query, NULL)) :
           hypha_query_to_string (&parsed);
  return near != NULL ?
           g_error_new (HYPHA_ERROR, HYPHA_ERROR_NOT_FOUND,
                        "Service not found: %s; there is %s", what, near) :
           g_error_new (HYPHA_ERROR, HYPHA_ERROR_NOT_FOUND, "Service not found: %s", what);
}

/*
 * Who has the service that query, a text, means, and what it is called there: what a call needs,
 * without fetching it first.
 */
gboolean
hypha_lookup_locate (HyphaManager   *manager,
                     HyphaUserInfo  *user,
                     const char     *workspace,
                     GVariant       *query,
                     char          **provider,
                     char          **service,
                     GError        **error)
{
  g_auto (HyphaQuery) parsed = { 0 };
  g_autoptr (GPtrArray) found = NULL;

  if (hypha_lookup_is_manager (query))
    {
      *provider = g_strdup (HYPHA_ADDRESS_MANAGER);
      *service = g_strdup ("default");
      return TRUE;
    }

  if (hypha_query_parse_get (&parsed, query, workspace, error))
    found = hypha_query_find (&parsed, hypha_manager_get_registry (manager), user, workspace, error);
  if (found == NULL)
    return FALSE;

  if (found->len == 0)
    {
      g_propagate_error (error, hypha_lookup_new_miss (manager, user, workspace, query));
      return FALSE;
    }

  *provider = hypha_lookup_provider (g_ptr_array_index (found, 0));
  *service = g_strdup (hypha_service_info_get_service (g_ptr_array_index (found, 0)));
  return TRUE;
}
