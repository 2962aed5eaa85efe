/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-lookup-internal-private.h"

/* The services that a query means, and what of their records somebody may see. */

/* What user, a client of workspace, may know of a service. */
GVariant *
hypha_lookup_record (HyphaServiceInfo *info,
                     HyphaUserInfo    *user,
                     const char       *workspace)
{
  return hypha_user_info_may (user, workspace, HYPHA_NEED_MEMBER,
                              hypha_service_info_get_workspace (info)) ?
           hypha_service_info_get_record (info) :
           hypha_service_info_get_outer_record (info);
}

static GVariant *
hypha_lookup_records (GPtrArray     *found,
                      HyphaUserInfo *user,
                      const char    *workspace)
{
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("av"));
  for (guint i = 0; i < found->len; i++)
    g_variant_builder_add (&list, "v",
                           hypha_lookup_record (g_ptr_array_index (found, i), user, workspace));

  return g_variant_ref_sink (g_variant_builder_end (&list));
}

static gboolean
hypha_lookup_check_size (GPtrArray  *found,
                         GError    **error)
{
  gsize bytes = 0;

  for (guint i = 0; i < found->len; i++)
    bytes += g_variant_get_size (hypha_service_info_get_record (g_ptr_array_index (found, i)));

  if (bytes <= HYPHA_LOOKUP_MAX_LIST)
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE,
               "the %u services found take more than %d bytes, narrow the query", found->len,
               HYPHA_LOOKUP_MAX_LIST);
  return FALSE;
}

GVariant *
hypha_lookup_list_query (HyphaManager   *manager,
                         HyphaUserInfo  *user,
                         const char     *workspace,
                         GVariant       *query,
                         gboolean        unlisted,
                         GError        **error)
{
  g_auto (HyphaQuery) parsed = { 0 };
  g_autoptr (GPtrArray) found = NULL;

  if (!hypha_query_parse_list (&parsed, query, workspace, error))
    return NULL;

  parsed.unlisted = parsed.unlisted || unlisted;
  found = hypha_query_find (&parsed, hypha_manager_get_registry (manager), user, workspace, error);
  if (found == NULL || !hypha_lookup_check_size (found, error))
    return NULL;

  return hypha_lookup_records (found, user, workspace);
}

/* The records, an av, of the services that query, which may be NULL, means for user. */
GVariant *
hypha_lookup_list (HyphaManager   *manager,
                   HyphaUserInfo  *user,
                   const char     *workspace,
                   GVariant       *query,
                   GError        **error)
{
  return hypha_lookup_list_query (manager, user, workspace, query, FALSE, error);
}
