/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-manager-private.h"
#include "hypha-query-private.h"

/* Longest time that get_service may be asked to wait for a provider, in seconds. */
#define MAX_TIMEOUT 600.0

void
hypha_query_clear (HyphaQuery *query)
{
  g_clear_pointer (&query->workspace, g_free);
  g_clear_pointer (&query->client, g_free);
  g_clear_pointer (&query->service, g_free);
  g_clear_pointer (&query->app, g_free);
  g_clear_pointer (&query->visibility, g_free);
  g_clear_pointer (&query->type, g_free);
}

/* “*” and nothing at all both mean “any”. */
static void
hypha_query_set (char       **field,
                 const char  *value)
{
  g_free (*field);
  *field = value == NULL || g_str_equal (value, "*") ? NULL : g_strdup (value);
}

static void
hypha_query_set_app (HyphaQuery *query,
                     const char *app)
{
  hypha_query_set (&query->app, app);
}

/* “svc”, “cid:svc”, “ws/svc”, “ws/cid:svc”, each with “@app” */
static gboolean
hypha_query_parse_id (HyphaQuery  *query,
                      const char  *id,
                      const char  *own_workspace,
                      GError     **error)
{
  g_auto (HyphaAddress) address = { 0 };

  if (!hypha_address_parse (id, &address, error))
    return FALSE;

  query->nothing = *address.service == '\0' || g_str_equal (id, "*") ||
                   (address.client != NULL && *address.client == '\0');
  query->or_client = address.workspace != NULL && address.client == NULL;
  query->exact = address.workspace != NULL && address.client != NULL &&
                 !g_str_equal (address.workspace, "*") && !g_str_equal (address.client, "*");
  hypha_query_set (&query->workspace,
                   address.workspace != NULL ? address.workspace : own_workspace);
  hypha_query_set (&query->client, address.client);
  hypha_query_set (&query->service, address.service);
  hypha_query_set_app (query, address.app);
  return TRUE;
}

static char *
hypha_query_dup (GVariant   *map,
                 const char *key)
{
  char *text = NULL;

  g_variant_lookup (map, key, "s", &text);
  return text;
}

static gboolean
hypha_query_refine (HyphaQuery  *query,
                    GVariant    *map,
                    GError     **error)
{
  g_autofree char *client = hypha_query_dup (map, "client_id");
  g_autofree char *workspace = hypha_query_dup (map, "workspace");
  g_autofree char *app = hypha_query_dup (map, "app_id");
  g_autofree char *visibility = hypha_query_dup (map, "visibility");
  g_autofree char *type = hypha_query_dup (map, "type");

  if (client != NULL && query->client != NULL && !g_str_equal (client, query->client))
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                   "client_id (%s) does not match service_id (%s)", client, query->client);
      return FALSE;
    }

  if (client != NULL)
    hypha_query_set (&query->client, client);
  if (workspace != NULL)
    hypha_query_set (&query->workspace, workspace);
  if (app != NULL)
    hypha_query_set_app (query, app);
  hypha_query_set (&query->visibility, visibility);
  hypha_query_set (&query->type, type);

  /* The other keys may have widened what the id had named, or named what it had left open. */
  query->exact = query->exact && query->workspace != NULL && query->client != NULL;
  query->or_client = query->or_client && query->workspace != NULL && query->client == NULL;
  return TRUE;
}

/* The argument of get_service: a text or a map. */
gboolean
hypha_query_parse_get (HyphaQuery  *query,
                       GVariant    *value,
                       const char  *workspace,
                       GError     **error)
{
  g_autofree char *id = NULL;

  query->timeout = HYPHA_MANAGER_GET_TIMEOUT;
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return hypha_query_parse_id (query, g_variant_get_string (value, NULL), workspace, error);

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT))
    {
      id = hypha_query_dup (value, "id");
      if (id == NULL)
        id = hypha_query_dup (value, "service_id");
    }

  if (id == NULL)
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                           "Service ID must be a string");
      return FALSE;
    }

  return hypha_query_parse_id (query, id, workspace, error) &&
         hypha_query_refine (query, value, error);
}

static gboolean
hypha_query_check_keys (GVariant  *map,
                        GError   **error)
{
  static const char *const known[] = {
    "visibility", "workspace", "client_id", "service_id", "id", "type", "app_id",
    "include_unlisted", "pagination", "limit", "offset", "context", NULL
  };
  g_autoptr (GVariant) id = g_variant_lookup_value (map, "id", NULL);
  g_autoptr (GVariant) service_id = g_variant_lookup_value (map, "service_id", NULL);
  GVariantIter iter;
  const char *key;

  g_variant_iter_init (&iter, map);
  while (g_variant_iter_next (&iter, "{&sv}", &key, NULL))
    {
      if (!g_strv_contains (known, key))
        {
          g_autofree char *quoted = hypha_error_quote (key);

          g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT, "Invalid query keys: %s",
                       quoted);
          return FALSE;
        }
    }

  if (id == NULL || service_id == NULL)
    return TRUE;

  g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                       "Cannot specify both 'id' and 'service_id' in the query.");
  return FALSE;
}

static gboolean
hypha_query_parse_list_map (HyphaQuery  *query,
                            GVariant    *map,
                            const char  *workspace,
                            GError     **error)
{
  g_autofree char *id = NULL;

  if (!hypha_query_check_keys (map, error))
    return FALSE;

  id = hypha_query_dup (map, "service_id");
  if (id == NULL)
    id = hypha_query_dup (map, "id");
  if (id != NULL && !g_str_equal (id, "*") &&
      !hypha_query_parse_id (query, id, strchr (id, '/') != NULL ? workspace : NULL, error))
    return FALSE;

  query->nothing = FALSE;
  query->exact = FALSE;
  query->or_client = FALSE;
  g_variant_lookup (map, "include_unlisted", "b", &query->unlisted);
  if (!hypha_query_refine (query, map, error))
    return FALSE;

  if (query->workspace == NULL && g_strcmp0 (query->visibility, "protected") == 0)
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                           "Cannot list protected services in all workspaces.");
      return FALSE;
    }

  return TRUE;
}

static gboolean
hypha_query_parse_list_text (HyphaQuery  *query,
                             const char  *text,
                             GError     **error)
{
  /* A bare name is a workspace here. */
  if (strpbrk (text, "/:@") == NULL)
    {
      hypha_query_set (&query->workspace, text);
      return TRUE;
    }

  if (!hypha_query_parse_id (query, text, NULL, error))
    return FALSE;

  query->nothing = FALSE;
  query->exact = FALSE;
  query->or_client = FALSE;
  return TRUE;
}

/* The argument of list_services: absent, a text or a map. */
gboolean
hypha_query_parse_list (HyphaQuery  *query,
                        GVariant    *value,
                        const char  *workspace,
                        GError     **error)
{
  query->listing = TRUE;
  if (value == NULL)
    {
      hypha_query_set (&query->workspace, workspace);
      return TRUE;
    }

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return hypha_query_parse_list_text (query, g_variant_get_string (value, NULL), error);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT))
    return hypha_query_parse_list_map (query, value, workspace, error);

  g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                       "a query must be a text or a map");
  return FALSE;
}

static double
hypha_query_number (GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE))
    return g_variant_get_double (value);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    return (double) g_variant_get_int64 (value);

  return -1;
}

/* The second argument of get_service: a map, or a bare number of seconds. */
gboolean
hypha_query_take_options (HyphaQuery  *query,
                          GVariant    *options,
                          GError     **error)
{
  g_autoptr (GVariant) timeout = NULL;
  const char *mode = "first";

  if (options == NULL)
    return TRUE;

  if (g_variant_is_of_type (options, G_VARIANT_TYPE_VARDICT))
    {
      timeout = g_variant_lookup_value (options, "timeout", NULL);
      g_variant_lookup (options, "mode", "&s", &mode);
    }
  else
    {
      timeout = g_variant_ref (options);
    }

  if (g_str_equal (mode, "last"))
    query->mode = HYPHA_QUERY_LAST;
  else if (g_str_equal (mode, "random") || g_str_equal (mode, "native:random"))
    query->mode = HYPHA_QUERY_RANDOM;

  if (timeout == NULL || hypha_rpc_codec_is_null (timeout))
    return TRUE;

  if (hypha_query_number (timeout) <= 0)
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                           "timeout must be a number of seconds greater than 0");
      return FALSE;
    }

  query->timeout = (guint) (MIN (hypha_query_number (timeout), MAX_TIMEOUT) * 1000) + 1;
  return TRUE;
}

char *
hypha_query_to_string (HyphaQuery *query)
{
  g_autofree char *text = NULL;

  text = g_strdup_printf ("%s/%s:%s", query->workspace != NULL ? query->workspace : "*",
                          query->client != NULL ? query->client : "*",
                          query->service != NULL ? query->service : "*");
  return hypha_error_quote (text);
}

static gboolean
hypha_query_field_matches (const char *wanted,
                           const char *value)
{
  return wanted == NULL || g_str_equal (wanted, value);
}

static gboolean
hypha_query_matches (HyphaQuery       *query,
                     HyphaServiceInfo *info)
{
  return hypha_query_field_matches (query->client, hypha_service_info_get_client (info)) &&
         hypha_query_field_matches (query->service, hypha_service_info_get_service (info)) &&
         hypha_query_field_matches (query->app, hypha_service_info_get_app_id (info)) &&
         hypha_query_field_matches (query->visibility,
                                    hypha_service_info_get_visibility (info)) &&
         hypha_query_field_matches (query->type, hypha_service_info_get_service_type (info));
}

/* Unlisted services are found by those who know the address, and by their own on request. */
static gboolean
hypha_query_shows (HyphaQuery       *query,
                   HyphaServiceInfo *info,
                   HyphaUserInfo    *user,
                   const char       *own_workspace)
{
  gboolean own = hypha_user_info_may (user, own_workspace, HYPHA_NEED_MEMBER,
                                      hypha_service_info_get_workspace (info));

  if (!hypha_service_info_visible_to (info, user, own_workspace))
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

static void
hypha_query_order (HyphaQuery *query,
                   GPtrArray  *found,
                   guint       start)
{
  guint n = found->len - start;
  gpointer *items = found->pdata + start;

  for (guint i = 0; query->mode == HYPHA_QUERY_LAST && i < n / 2; i++)
    {
      gpointer item = items[i];

      items[i] = items[n - 1 - i];
      items[n - 1 - i] = item;
    }

  for (guint i = n; query->mode == HYPHA_QUERY_RANDOM && i > 1; i--)
    {
      guint other = (guint) g_random_int_range (0, (gint32) i);
      gpointer item = items[i - 1];

      items[i - 1] = items[other];
      items[other] = item;
    }
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
  guint start;

  if (query->nothing)
    return g_steal_pointer (&found);

  if (query->exact)
    return hypha_query_find_exact (query, registry, user, own_workspace, found, error) ?
             g_steal_pointer (&found) :
             NULL;

  if (query->or_client && query->workspace != NULL && query->service != NULL)
    {
      g_autofree char *id = g_strdup_printf ("%s/%s:default", query->workspace, query->service);
      HyphaServiceInfo *info = hypha_registry_lookup (registry, id);

      if (info != NULL && hypha_service_info_visible_to (info, user, own_workspace))
        {
          g_ptr_array_add (found, g_object_ref (info));
          return g_steal_pointer (&found);
        }
    }

  hypha_query_collect (query, registry, query->workspace != NULL ? query->workspace : own_workspace,
                       NULL, user, own_workspace, found);
  hypha_query_order (query, found, 0);
  start = found->len;
  if (query->workspace == NULL)
    hypha_query_collect (query, registry, NULL, own_workspace, user, own_workspace, found);
  hypha_query_order (query, found, start);
  return g_steal_pointer (&found);
}
