/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-lookup-private.h"
#include "hypha-query-private.h"

/* get_service on its way: the candidates are asked one after the other until one answers. */
typedef struct
{
  HyphaManager *manager;
  char         *what;        /* the query, for errors */
  GPtrArray    *candidates;  /* of HyphaServiceInfo */
  guint         next;
  guint         timeout;     /* milliseconds */
} HyphaLookup;

static void hypha_lookup_try_next (GTask *task);

static void
hypha_lookup_free (gpointer data)
{
  HyphaLookup *lookup = data;

  g_object_unref (lookup->manager);
  g_free (lookup->what);
  g_clear_pointer (&lookup->candidates, g_ptr_array_unref);
  g_free (lookup);
}

static void
hypha_lookup_return_null (GTask *task)
{
  g_task_return_pointer (task, g_variant_ref_sink (hypha_rpc_codec_null ()),
                         (GDestroyNotify) g_variant_unref);
}

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

static char *
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
 * provider directly and the provider sees who calls.
 */
static GVariant *
hypha_lookup_complete (HyphaManager      *manager,
                       HyphaServiceInfo  *info,
                       GVariant          *answer,
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

  g_variant_dict_init (&dict, absolute);
  g_variant_dict_insert (&dict, "id", "s", hypha_service_info_get_id (info));
  g_variant_dict_insert_value (&dict, "config", g_variant_dict_end (&config_dict));
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

static void
hypha_lookup_answered (GObject      *source,
                       GAsyncResult *result,
                       gpointer      data)
{
  g_autoptr (GTask) task = data;
  HyphaLookup *lookup = g_task_get_task_data (task);
  HyphaServiceInfo *info = g_ptr_array_index (lookup->candidates, lookup->next);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = hypha_rpc_call_finish (HYPHA_RPC (source), result, &error);
  g_autoptr (GVariant) service = NULL;

  lookup->next++;
  if (answer != NULL && g_variant_is_of_type (answer, G_VARIANT_TYPE_VARDICT))
    service = hypha_lookup_complete (lookup->manager, info, answer, &error);

  if (service != NULL)
    g_task_return_pointer (task, g_steal_pointer (&service), (GDestroyNotify) g_variant_unref);
  else if (lookup->next < lookup->candidates->len)
    hypha_lookup_try_next (task);
  else if (error == NULL || g_error_matches (error, HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED))
    hypha_lookup_return_null (task);
  else if (g_error_matches (error, HYPHA_ERROR, HYPHA_ERROR_TIMED_OUT))
    g_task_return_new_error (task, HYPHA_ERROR, HYPHA_ERROR_TIMED_OUT,
                             "Timeout while getting service %s", lookup->what);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

static void
hypha_lookup_try_next (GTask *task)
{
  HyphaLookup *lookup = g_task_get_task_data (task);
  HyphaServiceInfo *info = g_ptr_array_index (lookup->candidates, lookup->next);
  g_autofree char *target = hypha_lookup_provider (info);
  GVariantBuilder args;

  g_variant_builder_init (&args, G_VARIANT_TYPE ("av"));
  g_variant_builder_add (&args, "v",
                         g_variant_new_string (hypha_service_info_get_service (info)));
  hypha_rpc_call_async (hypha_manager_get_rpc (lookup->manager), target,
                        "services.built-in.get_service", g_variant_builder_end (&args),
                        lookup->timeout, g_task_get_cancellable (task), hypha_lookup_answered,
                        g_object_ref (task));
}

static gboolean
hypha_lookup_is_bare_manager (GVariant *query)
{
  const char *text;

  if (!g_variant_is_of_type (query, G_VARIANT_TYPE_STRING))
    return FALSE;

  text = g_variant_get_string (query, NULL);
  return g_str_equal (text, "ws") || g_str_equal (text, "~");
}

/*
 * Finds one service for user, a client of workspace, and fetches it from its provider. The result
 * is its map, or nil where there is none. query and options are as clients give them; options may
 * be NULL.
 */
void
hypha_lookup_get_async (HyphaManager        *manager,
                        HyphaUserInfo       *user,
                        const char          *workspace,
                        GVariant            *query,
                        GVariant            *options,
                        GCancellable        *cancellable,
                        GAsyncReadyCallback  callback,
                        gpointer             user_data)
{
  g_autoptr (GTask) task = g_task_new (manager, cancellable, callback, user_data);
  g_auto (HyphaQuery) parsed = { 0 };
  g_autoptr (GError) error = NULL;
  HyphaLookup *lookup;

  g_task_set_source_tag (task, hypha_lookup_get_async);
  if (hypha_lookup_is_bare_manager (query))
    {
      g_task_return_pointer (task, hypha_manager_describe (manager),
                             (GDestroyNotify) g_variant_unref);
      return;
    }

  lookup = g_new0 (HyphaLookup, 1);
  lookup->manager = g_object_ref (manager);
  g_task_set_task_data (task, lookup, hypha_lookup_free);
  if (!hypha_query_parse_get (&parsed, query, workspace, &error) ||
      !hypha_query_take_options (&parsed, options, &error))
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }

  lookup->timeout = parsed.timeout;
  lookup->what = hypha_query_to_string (&parsed);
  lookup->candidates = hypha_query_find (&parsed, hypha_manager_get_registry (manager), user,
                                         workspace, &error);
  if (error != NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else if (lookup->candidates->len == 0)
    hypha_lookup_return_null (task);
  else
    hypha_lookup_try_next (task);
}

GVariant *
hypha_lookup_get_finish (GAsyncResult  *result,
                         GError       **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static GVariant *
hypha_lookup_records (GPtrArray *found)
{
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("av"));
  for (guint i = 0; i < found->len; i++)
    g_variant_builder_add (&list, "v",
                           hypha_service_info_get_record (g_ptr_array_index (found, i)));

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

static GVariant *
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

  return hypha_lookup_records (found);
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

static void
hypha_lookup_got (GObject      *source,
                  GAsyncResult *result,
                  gpointer      data)
{
  g_autoptr (HyphaInvocation) invocation = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) service = hypha_lookup_get_finish (result, &error);

  if (service != NULL)
    hypha_invocation_return (invocation, service);
  else
    hypha_invocation_return_error (invocation, g_steal_pointer (&error));
}

static void
hypha_lookup_serve_get (HyphaInvocation *invocation,
                        gpointer         data)
{
  HyphaManager *manager = data;
  HyphaPeer *caller = hypha_manager_get_caller (manager, invocation);
  g_autoptr (GVariant) query = NULL;
  g_autoptr (GVariant) options = NULL;

  if (caller == NULL)
    return;

  query = hypha_invocation_dup_arg (invocation, 0, "query");
  if (query == NULL)
    query = hypha_invocation_dup_arg (invocation, 0, "service_id");
  options = hypha_invocation_dup_arg (invocation, 1, "config");
  if (query == NULL)
    {
      hypha_invocation_return_error (invocation,
                                     g_error_new_literal (HYPHA_ERROR,
                                                          HYPHA_ERROR_INVALID_ARGUMENT,
                                                          "Service ID must be a string"));
      return;
    }

  hypha_lookup_get_async (manager, hypha_peer_get_user (caller), hypha_peer_get_workspace (caller),
                          query, options, hypha_invocation_get_cancellable (invocation),
                          hypha_lookup_got,
                          hypha_invocation_ref (invocation));
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
  if (found != NULL)
    hypha_invocation_return (invocation, found);
  else
    hypha_invocation_return_error (invocation, g_steal_pointer (&error));
}

const HyphaServiceMethod hypha_lookup_methods[] = {
  { "get_service", "query, config", "Finds a service and returns it, or null.",
    hypha_lookup_serve_get },
  { "list_services", "query, include_unlisted", "Lists the services that a query means.",
    hypha_lookup_serve_list },
};
const gsize hypha_lookup_n_methods = G_N_ELEMENTS (hypha_lookup_methods);
