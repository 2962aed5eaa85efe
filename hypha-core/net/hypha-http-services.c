/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-http-services-private.h"

#include <string.h>

#include "hypha-http-arguments-private.h"
#include "hypha-http-member-private.h"
#include "hypha-lookup-private.h"
#include "hypha-name-private.h"

/* The manager is a service under these names in every workspace. */
gboolean
hypha_http_is_manager (const char *service)
{
  return g_str_equal (service, "ws") || g_str_equal (service, "~");
}

/* “ws/cid:svc” is “cid:svc” under a path that names the workspace already. */
static GVariant *
hypha_http_services_shorten_ids (GVariant *records)
{
  GVariantBuilder list;
  GVariantIter iter;
  GVariant *record;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("av"));
  g_variant_iter_init (&iter, records);
  while (g_variant_iter_next (&iter, "v", &record))
    {
      const char *id = "";
      GVariantDict dict;

      g_variant_lookup (record, "id", "&s", &id);
      g_variant_dict_init (&dict, record);
      g_variant_dict_insert (&dict, "id", "s", strchr (id, '/') != NULL ? strchr (id, '/') + 1 : id);
      g_variant_builder_add (&list, "v", g_variant_dict_end (&dict));
      g_variant_unref (record);
    }

  return g_variant_ref_sink (g_variant_builder_end (&list));
}

/* GET /{workspace}/services */
void
hypha_http_services_list (HyphaHttpRequest *request)
{
  g_autoptr (GVariant) query = NULL;
  g_autoptr (GVariant) records = NULL;
  g_autoptr (GVariant) shortened = NULL;
  g_autoptr (GError) error = NULL;

  query = g_variant_ref_sink (g_variant_new_parsed ("{'workspace': <%s>}", request->workspace));
  records = hypha_lookup_list (request->manager, request->identity.user,
                               request->identity.workspace, query, &error);
  if (records == NULL)
    {
      hypha_http_request_fail (request, error);
      return;
    }

  if (g_variant_n_children (records) == 0 && !hypha_http_workspace_is_known (request))
    {
      hypha_http_workspace_refuse (request);
      return;
    }

  shortened = hypha_http_services_shorten_ids (records);
  hypha_http_request_answer_value (request, shortened);
}

/* The manager's functions, in both spellings. */
static GVariant *
hypha_http_services_manager_info (HyphaHttpRequest *request)
{
  g_autoptr (GVariant) described = hypha_manager_describe (request->manager);
  g_autoptr (GVariant) members = g_variant_ref_sink (hypha_http_member_list (described));
  GVariantBuilder both;
  GVariantIter iter;
  GVariant *item;

  g_variant_builder_init (&both, G_VARIANT_TYPE ("av"));
  g_variant_iter_init (&iter, members);
  while (g_variant_iter_next (&iter, "v", &item))
    {
      g_autoptr (GVariant) member = item;
      const char *name = "";
      g_autofree char *camel = NULL;

      g_variant_lookup (member, "name", "&s", &name);
      camel = hypha_name_path_to_camel (name);
      g_variant_builder_add (&both, "v", member);
      if (!g_str_equal (camel, name))
        g_variant_builder_add (&both, "v",
                               g_variant_new_parsed ("{'name': <%s>, 'type': <'function'>}",
                                                     camel));
    }

  return g_variant_ref_sink (
    g_variant_new_parsed ("{'id': <%s>, 'name': <'Workspace Service'>,"
                          " 'description': <'Default workspace management service'>,"
                          " 'config': <{'require_context': <true>, 'visibility': <'public'>}>,"
                          " 'type': <'functions'>, 'members': <%*>}",
                          request->service, g_variant_builder_end (&both)));
}

static void
hypha_http_services_copy (GVariant     *record,
                          GVariantDict *info,
                          const char   *key)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (record, key, NULL);

  if (value != NULL && !hypha_rpc_codec_is_null (value))
    g_variant_dict_insert_value (info, key, value);
}

/* What whoever asks may know: with whom a service is shared is for its own workspace only. */
static GVariant *
hypha_http_services_record (HyphaHttpRequest *request,
                            HyphaServiceInfo *info)
{
  return hypha_user_info_may (request->identity.user, request->identity.workspace,
                              HYPHA_NEED_MEMBER, hypha_service_info_get_workspace (info)) ?
           hypha_service_info_get_record (info) :
           hypha_service_info_get_outer_record (info);
}

static GVariant *
hypha_http_services_describe (HyphaHttpRequest *request,
                              HyphaServiceInfo *info)
{
  GVariant *record = hypha_http_services_record (request, info);
  g_autoptr (GVariant) schema = NULL;
  g_autofree char *description = g_strconcat ("Service ", request->service, NULL);
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "id", "s", request->service);
  g_variant_dict_insert (&dict, "name", "s", request->service);
  g_variant_dict_insert (&dict, "description", "s", description);
  g_variant_dict_insert (&dict, "type", "s", "generic");
  g_variant_dict_insert_value (&dict, "config", g_variant_new ("a{sv}", NULL));
  for (const char *const *key =
         (const char *const[]) { "name", "description", "type", "config", "docs", "app_id",
                                 "service_schema", NULL };
       *key != NULL; key++)
    hypha_http_services_copy (record, &dict, *key);

  schema = g_variant_lookup_value (record, "service_schema", G_VARIANT_TYPE_VARDICT);
  if (schema != NULL)
    g_variant_dict_insert_value (&dict, "members", hypha_http_member_list (schema));
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

static void
hypha_http_services_found (HyphaHttpRequest *request,
                           HyphaServiceInfo *info,
                           gpointer          data)
{
  g_autoptr (GVariant) described = NULL;

  if (info == NULL)
    return;

  described = hypha_http_services_describe (request, info);
  hypha_http_request_answer_value (request, described);
}

/* GET /{workspace}/services/{service} */
void
hypha_http_services_info (HyphaHttpRequest *request)
{
  g_auto (HyphaHttpArguments) arguments = { 0 };
  g_autoptr (GVariant) described = NULL;
  g_autoptr (GError) error = NULL;

  if (!hypha_http_arguments_parse (&arguments, hypha_http_request_get_query (request), NULL, 0,
                                   NULL, &error))
    {
      hypha_http_request_fail (request, error);
      return;
    }

  if (!hypha_http_is_manager (request->service))
    {
      hypha_http_services_find (request, arguments.mode, hypha_http_services_found, NULL);
      return;
    }

  described = hypha_http_services_manager_info (request);
  hypha_http_request_answer_value (request, described);
}
