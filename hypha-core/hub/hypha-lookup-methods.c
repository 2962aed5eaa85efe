/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-lookup-internal-private.h"

/* Finding services, as the methods of the manager: arguments in, answers out. */

static void
hypha_lookup_got (GObject      *source,
                  GAsyncResult *result,
                  gpointer      data)
{
  g_autoptr (HyphaInvocation) invocation = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) service = hypha_lookup_get_finish (result, &error);

  hypha_invocation_return_result (invocation, service, g_steal_pointer (&error));
}

/* The query of get_service and get_service_info; NULL with an error if there is none. */
static GVariant *
hypha_lookup_take_query (HyphaInvocation  *invocation,
                         GError          **error)
{
  GVariant *query = hypha_invocation_dup_arg (invocation, 0, "query");

  if (query == NULL)
    query = hypha_invocation_dup_arg (invocation, 0, "service_id");
  if (query == NULL)
    g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                         "Service ID must be a string");
  return query;
}

static void
hypha_lookup_serve_get (HyphaInvocation *invocation,
                        gpointer         data)
{
  HyphaManager *manager = data;
  HyphaPeer *caller = hypha_manager_get_caller (manager, invocation);
  g_autoptr (GVariant) options = hypha_invocation_dup_arg (invocation, 1, "config");
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) query = NULL;

  if (caller == NULL)
    return;

  query = hypha_lookup_take_query (invocation, &error);
  if (query == NULL)
    {
      hypha_invocation_return_error (invocation, g_steal_pointer (&error));
      return;
    }

  hypha_lookup_get_async (manager, hypha_peer_get_user (caller), hypha_peer_get_workspace (caller),
                          query, options, hypha_invocation_get_cancellable (invocation),
                          hypha_lookup_got, hypha_invocation_ref (invocation));
}

/* The record of the service that get_service would try first. */
static GVariant *
hypha_lookup_get_info (HyphaManager   *manager,
                       HyphaPeer      *caller,
                       GVariant       *query,
                       GVariant       *options,
                       GError        **error)
{
  HyphaUserInfo *user = hypha_peer_get_user (caller);
  const char *workspace = hypha_peer_get_workspace (caller);
  g_auto (HyphaQuery) parsed = { 0 };
  g_autoptr (GPtrArray) found = NULL;
  g_autofree char *what = NULL;

  if (hypha_lookup_is_manager (query))
    return hypha_manager_dup_record (manager);

  if (!hypha_lookup_parse (&parsed, query, options, workspace, error))
    return NULL;

  found = hypha_query_find (&parsed, hypha_manager_get_registry (manager), user, workspace, error);
  if (found == NULL)
    return NULL;

  if (found->len > 0)
    return g_variant_ref (hypha_lookup_record (g_ptr_array_index (found, 0), user, workspace));

  what = g_variant_is_of_type (query, G_VARIANT_TYPE_STRING) ?
           hypha_error_quote (g_variant_get_string (query, NULL)) :
           hypha_query_to_string (&parsed);
  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_NOT_FOUND, "Service not found: %s", what);
  return NULL;
}

static void
hypha_lookup_serve_get_info (HyphaInvocation *invocation,
                             gpointer         data)
{
  HyphaManager *manager = data;
  HyphaPeer *caller = hypha_manager_get_caller (manager, invocation);
  g_autoptr (GVariant) options = hypha_invocation_dup_arg (invocation, 1, "config");
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) query = NULL;
  g_autoptr (GVariant) info = NULL;

  if (caller == NULL)
    return;

  query = hypha_lookup_take_query (invocation, &error);
  if (query != NULL)
    info = hypha_lookup_get_info (manager, caller, query, options, &error);
  hypha_invocation_return_result (invocation, info, g_steal_pointer (&error));
}

/* The second argument of list_services; absent it is FALSE. */
static gboolean
hypha_lookup_take_unlisted (HyphaInvocation  *invocation,
                            gboolean         *unlisted,
                            GError          **error)
{
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, 1, "include_unlisted");

  *unlisted = FALSE;
  if (value == NULL)
    return TRUE;

  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                           "include_unlisted must be true or false");
      return FALSE;
    }

  *unlisted = g_variant_get_boolean (value);
  return TRUE;
}

static void
hypha_lookup_serve_list (HyphaInvocation *invocation,
                         gpointer         data)
{
  HyphaManager *manager = data;
  HyphaPeer *caller = hypha_manager_get_caller (manager, invocation);
  g_autoptr (GVariant) query = NULL;
  g_autoptr (GVariant) found = NULL;
  g_autoptr (GError) error = NULL;
  gboolean unlisted;

  if (caller == NULL)
    return;

  query = hypha_invocation_dup_arg (invocation, 0, "query");
  if (hypha_lookup_take_unlisted (invocation, &unlisted, &error))
    found = hypha_lookup_list_query (manager, hypha_peer_get_user (caller),
                                     hypha_peer_get_workspace (caller), query, unlisted, &error);
  hypha_invocation_return_result (invocation, found, g_steal_pointer (&error));
}

const HyphaServiceMethod hypha_lookup_methods[] = {
  { "get_service", "query: string|object, config?: object",
    "Finds a service and returns it, or null.", hypha_lookup_serve_get },
  { "get_service_info", "service_id: string|object, config?: object",
    "Describes a service without fetching it.", hypha_lookup_serve_get_info },
  { "list_services", "query?: string|object, include_unlisted?: boolean, "
                     "include_app_services?: boolean, prioritize_running_services?: boolean",
    "Lists the services that a query means.",
    hypha_lookup_serve_list },
};
const gsize hypha_lookup_n_methods = G_N_ELEMENTS (hypha_lookup_methods);
