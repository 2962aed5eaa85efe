/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-workspace-methods-private.h"

#include <string.h>

#include "hypha-client-methods-private.h"

/* What the manager tells of workspaces, and of who and what is in them. */

/* The workspace that a call names, or the caller's own. */
char *
hypha_workspace_methods_take_workspace (HyphaPeer        *caller,
                                        HyphaInvocation  *invocation,
                                        GError          **error)
{
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, 0, "workspace");

  if (value == NULL)
    return g_strdup (hypha_peer_get_workspace (caller));

  return hypha_invocation_dup_string (invocation, 0, "workspace", error);
}

/* What the environment holds is for those who may change it. */
static GVariant *
hypha_workspace_report_describe (HyphaManager *manager,
                                 HyphaPeer    *caller,
                                 const char   *workspace)
{
  HyphaWorkspaces *all = hypha_workspace_methods_get_all (manager);
  g_autoptr (GVariant) info = hypha_workspaces_describe (all, workspace);
  g_autoptr (GVariant) config = NULL;
  GVariantDict config_dict;
  GVariantDict dict;

  if (info == NULL ||
      !hypha_user_info_may (hypha_peer_get_user (caller), hypha_peer_get_workspace (caller),
                            HYPHA_NEED_WRITE, workspace))
    return g_steal_pointer (&info);

  config = g_variant_lookup_value (info, "config", G_VARIANT_TYPE_VARDICT);
  g_variant_dict_init (&config_dict, config);
  g_variant_dict_insert_value (&config_dict, "environs",
                               hypha_workspaces_get_environment (all, workspace));
  g_variant_dict_init (&dict, info);
  g_variant_dict_insert_value (&dict, "config", g_variant_dict_end (&config_dict));
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

/* match: a part of the id or the name, or a map of what has to be equal. */
static gboolean
hypha_workspace_report_matches (GVariant *info,
                                GVariant *match)
{
  GVariantIter iter;
  const char *key;
  GVariant *wanted;
  const char *id = "";
  const char *name = "";

  if (match == NULL)
    return TRUE;

  if (g_variant_is_of_type (match, G_VARIANT_TYPE_STRING))
    {
      g_variant_lookup (info, "id", "&s", &id);
      g_variant_lookup (info, "name", "&s", &name);
      return strstr (id, g_variant_get_string (match, NULL)) != NULL ||
             strstr (name, g_variant_get_string (match, NULL)) != NULL;
    }

  g_variant_iter_init (&iter, match);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &wanted))
    {
      g_autoptr (GVariant) owned = wanted;
      g_autoptr (GVariant) value = g_variant_lookup_value (info, key, NULL);

      if (value == NULL || !g_variant_equal (value, wanted))
        return FALSE;
    }

  return TRUE;
}

static gboolean
hypha_workspace_report_take_number (HyphaInvocation  *invocation,
                                    guint             index,
                                    const char       *name,
                                    gint64            lowest,
                                    gint64            highest,
                                    gint64           *number,
                                    GError          **error)
{
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, index, name);

  if (value == NULL)
    return TRUE;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    *number = g_variant_get_int64 (value);
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE) &&
           g_variant_get_double (value) >= (double) lowest &&
           g_variant_get_double (value) <= (double) highest)
    *number = (gint64) g_variant_get_double (value);
  else
    *number = lowest - 1;

  if (*number >= lowest && *number <= highest)
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
               "%s must be a number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, name, lowest,
               highest);
  return FALSE;
}

static GVariant *
hypha_workspace_report_shorten (GVariant *info)
{
  static const char *const keys[] = { "id", "name", "description", "read_only", "persistent",
                                      "owners" };
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (info, keys[i], NULL);

      g_variant_dict_insert_value (&dict, keys[i], value);
    }

  return g_variant_dict_end (&dict);
}

static GVariant *
hypha_workspace_report_collect (HyphaManager *manager,
                                HyphaPeer    *caller,
                                GVariant     *match,
                                gint64        offset,
                                gint64        limit)
{
  HyphaWorkspaces *all = hypha_workspace_methods_get_all (manager);
  g_auto (GStrv) names = hypha_workspaces_list (all);
  GVariantBuilder list;
  gint64 n = 0;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("av"));
  for (char **name = names; *name != NULL && n < offset + limit; name++)
    {
      g_autoptr (GVariant) info = NULL;

      if (!hypha_workspace_methods_check (caller, HYPHA_NEED_READ, *name, NULL))
        continue;

      info = hypha_workspaces_describe (all, *name);
      if (!hypha_workspace_report_matches (info, match))
        continue;

      if (n++ >= offset)
        g_variant_builder_add (&list, "v", hypha_workspace_report_shorten (info));
    }

  return g_variant_builder_end (&list);
}

static void
hypha_workspace_report_list (HyphaInvocation *invocation,
                             gpointer         data)
{
  HyphaManager *manager = data;
  HyphaPeer *caller = hypha_manager_get_caller (manager, invocation);
  g_autoptr (GVariant) match = hypha_invocation_dup_arg (invocation, 0, "match");
  g_autoptr (GError) error = NULL;
  gint64 offset = 0;
  gint64 limit = HYPHA_WORKSPACES_MAX_LIST;

  if (caller == NULL)
    return;

  if (match != NULL && !g_variant_is_of_type (match, G_VARIANT_TYPE_STRING) &&
      !g_variant_is_of_type (match, G_VARIANT_TYPE_VARDICT))
    g_set_error_literal (&error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                         "match must be a text or a map");

  if (error == NULL)
    hypha_workspace_report_take_number (invocation, 1, "offset", 0, G_MAXINT32, &offset, &error);
  if (error == NULL)
    hypha_workspace_report_take_number (invocation, 2, "limit", 1, HYPHA_WORKSPACES_MAX_LIST,
                                        &limit, &error);

  if (error != NULL)
    hypha_invocation_return_error (invocation, g_steal_pointer (&error));
  else
    hypha_invocation_return (invocation, hypha_workspace_report_collect (manager, caller, match,
                                                                         offset, limit));
}

static void
hypha_workspace_report_get_info (HyphaInvocation *invocation,
                                 gpointer         data)
{
  HyphaManager *manager = data;
  HyphaPeer *caller = hypha_manager_get_caller (manager, invocation);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) info = NULL;
  g_autofree char *workspace = NULL;
  g_autofree char *quoted = NULL;

  if (caller == NULL)
    return;

  workspace = hypha_workspace_methods_take_workspace (caller, invocation, &error);
  quoted = hypha_error_quote (workspace);
  if (workspace != NULL &&
      hypha_workspace_methods_check (caller, HYPHA_NEED_READ, workspace, &error))
    {
      info = hypha_workspace_report_describe (manager, caller, workspace);
      if (info == NULL)
        g_set_error (&error, HYPHA_ERROR, HYPHA_ERROR_NOT_FOUND, "Workspace not found: %s",
                     quoted);
    }

  hypha_invocation_return_result (invocation, info, g_steal_pointer (&error));
}

static void
hypha_workspace_report_check_status (HyphaInvocation *invocation,
                                     gpointer         data)
{
  HyphaPeer *caller = hypha_manager_get_caller (data, invocation);
  static const char *const words[] = { NULL, "read", "read_write", "admin" };
  const char *own;
  HyphaLevel level;
  GVariantDict dict;

  if (caller == NULL)
    return;

  own = hypha_peer_get_workspace (caller);
  level = hypha_user_info_get_level (hypha_peer_get_user (caller), own, own);
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "status", "s", "ready");
  g_variant_dict_insert_value (&dict, "errors", hypha_rpc_codec_null ());
  g_variant_dict_insert_value (&dict, "user_permission", words[level] != NULL ?
                                 g_variant_new_string (words[level]) : hypha_rpc_codec_null ());
  hypha_invocation_return (invocation, g_variant_dict_end (&dict));
}

static GVariant *
hypha_workspace_report_list_services (HyphaManager *manager,
                                      HyphaPeer    *caller,
                                      const char   *workspace,
                                      gint64       *n)
{
  g_autoptr (GPtrArray) all = hypha_registry_list (hypha_manager_get_registry (manager), workspace);
  GVariantBuilder list;

  *n = 0;
  g_variant_builder_init (&list, G_VARIANT_TYPE ("av"));
  for (guint i = 0; i < all->len; i++)
    {
      HyphaServiceInfo *info = g_ptr_array_index (all, i);
      GVariantDict dict;

      if (hypha_service_info_is_built_in (info) ||
          !hypha_service_info_visible_to (info, hypha_peer_get_user (caller),
                                          hypha_peer_get_workspace (caller)))
        continue;

      g_variant_dict_init (&dict, NULL);
      g_variant_dict_insert (&dict, "id", "s", hypha_service_info_get_id (info));
      g_variant_dict_insert (&dict, "name", "s", hypha_service_info_get_name (info));
      g_variant_dict_insert (&dict, "type", "s", hypha_service_info_get_service_type (info));
      g_variant_dict_insert (&dict, "description", "s",
                             hypha_service_info_get_description (info));
      g_variant_builder_add (&list, "v", g_variant_dict_end (&dict));
      (*n)++;
    }

  return g_variant_builder_end (&list);
}

static void
hypha_workspace_report_get_summary (HyphaInvocation *invocation,
                                    gpointer         data)
{
  HyphaManager *manager = data;
  HyphaPeer *caller = hypha_manager_get_caller (manager, invocation);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) info = NULL;
  GVariantDict dict;
  const char *own;
  const char *text = "";
  gint64 n;

  if (caller == NULL)
    return;

  own = hypha_peer_get_workspace (caller);
  if (!hypha_workspace_methods_check (caller, HYPHA_NEED_READ, own, &error))
    {
      hypha_invocation_return_error (invocation, g_steal_pointer (&error));
      return;
    }

  info = hypha_workspaces_describe (hypha_workspace_methods_get_all (manager), own);
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "name", "s",
                         info != NULL && g_variant_lookup (info, "name", "&s", &text) ? text : own);
  text = "";
  if (info != NULL)
    g_variant_lookup (info, "description", "&s", &text);
  g_variant_dict_insert (&dict, "description", "s", text);
  g_variant_dict_insert_value (&dict, "clients",
                               hypha_client_methods_describe (manager, own, &n));
  g_variant_dict_insert (&dict, "client_count", "x", n);
  g_variant_dict_insert_value (&dict, "services",
                               hypha_workspace_report_list_services (manager, caller, own, &n));
  g_variant_dict_insert (&dict, "service_count", "x", n);
  hypha_invocation_return (invocation, g_variant_dict_end (&dict));
}

const HyphaServiceMethod hypha_workspace_report_methods[] = {
  { "list_workspaces", "match?: string|object, offset?: integer, limit?: integer",
    "Lists the workspaces that the caller may read.", hypha_workspace_report_list },
  { "get_workspace_info", "workspace?: string", "Describes a workspace.",
    hypha_workspace_report_get_info },
  { "check_status", "", "Tells that the caller's workspace is ready, and what it may do there.",
    hypha_workspace_report_check_status },
  { "get_summary", "", "Sums up who and what is in the caller's workspace.",
    hypha_workspace_report_get_summary },
};
const gsize hypha_workspace_n_report_methods = G_N_ELEMENTS (hypha_workspace_report_methods);
