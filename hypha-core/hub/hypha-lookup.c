/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-lookup-internal-private.h"

/* get_service on its way: the candidates are asked one after the other until one answers. */
typedef struct
{
  HyphaManager  *manager;
  HyphaUserInfo *user;
  char          *workspace;   /* the caller's */
  char          *what;        /* the query, for errors */
  GPtrArray     *candidates;  /* of HyphaServiceInfo */
  guint          next;
  guint          timeout;     /* milliseconds */
  gboolean       skip_timeout;
} HyphaLookup;

static void hypha_lookup_try_next (GTask *task);

static void
hypha_lookup_free (gpointer data)
{
  HyphaLookup *lookup = data;

  g_object_unref (lookup->manager);
  hypha_user_info_unref (lookup->user);
  g_free (lookup->workspace);
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

/* A provider that has gone, or does not know its service any more, has none. */
static gboolean
hypha_lookup_is_miss (HyphaLookup      *lookup,
                      HyphaServiceInfo *info,
                      const GError     *error)
{
  g_autofree char *provider = hypha_lookup_provider (info);

  return error == NULL ||
         hypha_router_lookup (hypha_manager_get_router (lookup->manager), provider) == NULL ||
         g_error_matches (error, HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED) ||
         (lookup->skip_timeout && g_error_matches (error, HYPHA_ERROR, HYPHA_ERROR_TIMED_OUT)) ||
         strstr (error->message, "Service not found: ") != NULL;
}

static void
hypha_lookup_fail (GTask  *task,
                   GError *error)
{
  HyphaLookup *lookup = g_task_get_task_data (task);

  if (!g_error_matches (error, HYPHA_ERROR, HYPHA_ERROR_TIMED_OUT))
    {
      g_task_return_error (task, error);
      return;
    }

  g_error_free (error);
  g_task_return_new_error (task, HYPHA_ERROR, HYPHA_ERROR_TIMED_OUT,
                           "Timeout while getting service %s", lookup->what);
}

static gboolean
hypha_lookup_is_member (HyphaLookup      *lookup,
                        HyphaServiceInfo *info)
{
  return hypha_user_info_may (lookup->user, lookup->workspace, HYPHA_NEED_MEMBER,
                              hypha_service_info_get_workspace (info));
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
    service = hypha_lookup_complete (lookup->manager, info, answer,
                                     hypha_lookup_is_member (lookup, info), &error);

  if (service != NULL)
    g_task_return_pointer (task, g_steal_pointer (&service), (GDestroyNotify) g_variant_unref);
  else if (lookup->next < lookup->candidates->len && !g_cancellable_is_cancelled (
             g_task_get_cancellable (task)))
    hypha_lookup_try_next (task);
  else if (hypha_lookup_is_miss (lookup, info, error))
    hypha_lookup_return_null (task);
  else
    hypha_lookup_fail (task, g_steal_pointer (&error));
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

/* Whether query means the manager: “ws” or “~”, which every workspace has. */
gboolean
hypha_lookup_is_manager (GVariant *query)
{
  g_autofree char *id = hypha_query_dup_id (query);
  g_auto (GStrv) parts = g_strsplit (id != NULL ? id : "", "/", 2);
  guint n = g_strv_length (parts);

  return n > 0 && (g_str_equal (parts[n - 1], "ws") || g_str_equal (parts[n - 1], "~")) &&
         (n == 1 || hypha_address_is_name (parts[0]));
}

/*
 * A member may ask a client of its workspace that has just connected, and has registered nothing
 * yet, for a service: it comes back with those that it had. Once it has, what it did not register is
 * not there; asking would cost a line on its console, and old clients do not answer at all. Objects
 * that were lent to somebody are not to be had like this.
 */
static HyphaServiceInfo *
hypha_lookup_new_unregistered (HyphaManager  *manager,
                               HyphaQuery    *query,
                               HyphaUserInfo *user,
                               const char    *workspace)
{
  g_autofree char *client = NULL;
  g_autofree char *built_in = NULL;
  g_autoptr (GVariant) record = NULL;
  HyphaPeer *peer;

  if (!query->exact || query->service == NULL || query->app != NULL ||
      !hypha_address_is_service_name (query->service) ||
      g_str_has_prefix (query->service, "_rintf_") ||
      !hypha_user_info_may (user, workspace, HYPHA_NEED_MEMBER, query->workspace))
    return NULL;

  client = g_strconcat (query->workspace, "/", query->client, NULL);
  peer = hypha_router_lookup (hypha_manager_get_router (manager), client);
  built_in = g_strconcat (client, ":built-in", NULL);
  if (peer == NULL || hypha_peer_is_internal (peer) ||
      hypha_registry_lookup (hypha_manager_get_registry (manager), built_in) != NULL)
    return NULL;

  record = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
  return hypha_service_info_new (query->workspace, query->client, query->service, record, NULL);
}

/* The services that get_service may try, the best first. */
static GPtrArray *
hypha_lookup_find (HyphaManager   *manager,
                   HyphaQuery     *query,
                   HyphaUserInfo  *user,
                   const char     *workspace,
                   GError        **error)
{
  g_autoptr (GPtrArray) found = NULL;
  g_autoptr (HyphaServiceInfo) unregistered = NULL;
  g_autofree char *what = NULL;

  found = hypha_query_find (query, hypha_manager_get_registry (manager), user, workspace, error);
  if (found == NULL)
    return NULL;

  if (found->len == 0)
    unregistered = hypha_lookup_new_unregistered (manager, query, user, workspace);
  if (unregistered != NULL)
    g_ptr_array_add (found, g_steal_pointer (&unregistered));
  if (query->selection.mode != HYPHA_SELECTION_EXACT || found->len <= 1)
    return g_steal_pointer (&found);

  what = hypha_query_to_string (query);
  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
               "Multiple services found for %s: %u; narrow the query, or choose the mode 'random', "
               "'first', 'last', 'min_load' or 'select:criteria:function'", what, found->len);
  return NULL;
}

static void
hypha_lookup_chosen (GObject      *source,
                     GAsyncResult *result,
                     gpointer      data)
{
  g_autoptr (GTask) task = data;

  hypha_selection_choose_finish (result);
  hypha_lookup_try_next (task);
}

gboolean
hypha_lookup_parse (HyphaQuery  *query,
                    GVariant    *value,
                    GVariant    *options,
                    const char  *workspace,
                    GError     **error)
{
  return hypha_query_parse_get (query, value, workspace, error) &&
         hypha_query_take_options (query, options, error);
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
  HyphaLookup *lookup = g_new0 (HyphaLookup, 1);
  gboolean member = hypha_user_info_may (user, workspace, HYPHA_NEED_MEMBER, workspace);

  g_task_set_source_tag (task, hypha_lookup_get_async);
  lookup->manager = g_object_ref (manager);
  lookup->user = hypha_user_info_ref (user);
  lookup->workspace = g_strdup (workspace);
  g_task_set_task_data (task, lookup, hypha_lookup_free);
  if (hypha_lookup_is_manager (query))
    {
      g_task_return_pointer (task, hypha_manager_describe (manager),
                             (GDestroyNotify) g_variant_unref);
      return;
    }

  if (hypha_lookup_parse (&parsed, query, options, workspace, &error))
    lookup->candidates = hypha_lookup_find (manager, &parsed, user, workspace, &error);
  if (lookup->candidates == NULL)
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }

  lookup->timeout = parsed.timeout;
  lookup->skip_timeout = parsed.skip_timeout;
  lookup->what = hypha_query_to_string (&parsed);
  if (lookup->candidates->len == 0)
    hypha_lookup_return_null (task);
  else
    hypha_selection_choose_async (&parsed.selection, manager, user, member ? workspace : NULL,
                                  lookup->candidates, cancellable, hypha_lookup_chosen,
                                  g_object_ref (task));
}

GVariant *
hypha_lookup_get_finish (GAsyncResult  *result,
                         GError       **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
