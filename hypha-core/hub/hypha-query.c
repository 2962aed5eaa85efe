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
  hypha_selection_clear (&query->selection);
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

/* Names and patterns: what no name can have finds nothing, and that is better said. */
static gboolean
hypha_query_check_part (const char  *part,
                        GError     **error)
{
  g_autofree char *quoted = NULL;

  for (const char *p = part != NULL ? part : ""; *p != '\0'; p = g_utf8_next_char (p))
    {
      if (g_unichar_isgraph (g_utf8_get_char (p)) && strchr ("?\"'\\<>{}[]^`", *p) == NULL)
        continue;

      quoted = hypha_error_quote (part);
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                   "Invalid characters in query part: %s", quoted);
      return FALSE;
    }

  return TRUE;
}

/* “svc”, “cid:svc”, “ws/svc”, “ws/cid:svc”, each with “@app” */
static gboolean
hypha_query_parse_id (HyphaQuery  *query,
                      const char  *id,
                      const char  *own_workspace,
                      GError     **error)
{
  g_auto (HyphaAddress) address = { 0 };

  if (!hypha_address_parse (id, &address, error) ||
      !hypha_query_check_part (address.workspace, error) ||
      !hypha_query_check_part (address.client, error) ||
      !hypha_query_check_part (address.service, error))
    return FALSE;

  query->nothing = *address.service == '\0' || g_str_equal (id, "*") ||
                   (address.client != NULL && *address.client == '\0');
  query->or_client = address.workspace != NULL && address.client == NULL;
  query->exact = address.workspace != NULL && address.client != NULL && strchr (id, '*') == NULL;
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
hypha_query_is_name (const char *value)
{
  return value != NULL && strchr (value, '*') == NULL;
}

/* What cannot be understood must not widen the query; null is as good as absent. */
static gboolean
hypha_query_check_texts (GVariant  *map,
                         GError   **error)
{
  static const char *const keys[] = { "id", "service_id", "workspace", "client_id", "app_id",
                                      "visibility", "type" };

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (map, keys[i], NULL);

      if (value == NULL || hypha_rpc_codec_is_null (value) ||
          g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
        continue;

      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                   "“%s” in a query must be a text", keys[i]);
      return FALSE;
    }

  return TRUE;
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

  if (!hypha_query_check_texts (map, error))
    return FALSE;

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
  query->exact = query->exact && hypha_query_is_name (query->workspace) &&
                 hypha_query_is_name (query->client);
  query->or_client = query->or_client && query->workspace != NULL && query->client == NULL;
  return TRUE;
}

/* The service that the argument of get_service names: a text, or one in a map; NULL if there is none. */
char *
hypha_query_dup_id (GVariant *value)
{
  char *id = NULL;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return g_variant_dup_string (value, NULL);
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT))
    return NULL;

  id = hypha_query_dup (value, "id");
  return id != NULL ? id : hypha_query_dup (value, "service_id");
}

/* The argument of get_service: a text or a map. */
gboolean
hypha_query_parse_get (HyphaQuery  *query,
                       GVariant    *value,
                       const char  *workspace,
                       GError     **error)
{
  g_autofree char *id = hypha_query_dup_id (value);

  query->timeout = HYPHA_MANAGER_GET_TIMEOUT;
  if (id == NULL)
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                           "Service ID must be a string");
      return FALSE;
    }

  return hypha_query_parse_id (query, id, workspace, error) &&
         (!g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT) ||
          hypha_query_refine (query, value, error));
}

static gboolean
hypha_query_check_keys (GVariant  *map,
                        GError   **error)
{
  static const char *const known[] = {
    "visibility", "workspace", "client_id", "service_id", "id", "type", "app_id",
    "include_unlisted", "include_app_services", "prioritize_running_services", "pagination",
    "limit", "offset", "context", NULL
  };
  g_autofree char *id = hypha_query_dup (map, "id");
  g_autofree char *service_id = hypha_query_dup (map, "service_id");
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

/* A number, or -1. */
static double
hypha_query_number (GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE))
    return g_variant_get_double (value);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    return (double) g_variant_get_int64 (value);

  return -1;
}

/* Takes seconds as milliseconds; value may be NULL. */
static gboolean
hypha_query_take_seconds (GVariant    *value,
                          const char  *name,
                          double       max,
                          guint       *milliseconds,
                          GError     **error)
{
  if (value == NULL || hypha_rpc_codec_is_null (value))
    return TRUE;

  if (hypha_query_number (value) <= 0)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                   "%s must be a number of seconds greater than 0", name);
      return FALSE;
    }

  *milliseconds = (guint) (MIN (hypha_query_number (value), max) * 1000) + 1;
  return TRUE;
}

/* The second argument of get_service: a map, or a bare number of seconds. */
gboolean
hypha_query_take_options (HyphaQuery  *query,
                          GVariant    *options,
                          GError     **error)
{
  g_autoptr (GVariant) timeout = NULL;
  g_autoptr (GVariant) select_timeout = NULL;
  const char *mode = NULL;

  if (options == NULL)
    return TRUE;

  if (!g_variant_is_of_type (options, G_VARIANT_TYPE_VARDICT))
    return hypha_query_take_seconds (options, "timeout", MAX_TIMEOUT, &query->timeout, error);

  timeout = g_variant_lookup_value (options, "timeout", NULL);
  select_timeout = g_variant_lookup_value (options, "select_timeout", NULL);
  g_variant_lookup (options, "mode", "&s", &mode);
  if (!g_variant_lookup (options, "skip_timeout", "b", &query->skip_timeout))
    g_variant_lookup (options, "skipTimeout", "b", &query->skip_timeout);

  return (mode == NULL || hypha_selection_parse (&query->selection, mode, error)) &&
         hypha_query_take_seconds (timeout, "timeout", MAX_TIMEOUT, &query->timeout, error) &&
         hypha_query_take_seconds (select_timeout, "select_timeout",
                                   HYPHA_SELECTION_MAX_TIMEOUT / 1000.0,
                                   &query->selection.timeout, error);
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
