/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-http-services-private.h"

#include <string.h>

#include "hypha-http-arguments-private.h"
#include "hypha-lookup-private.h"
#include "hypha-openapi-private.h"

/* Descriptions by OpenAPI of what whoever asks may call. */

static HyphaOpenapi *
hypha_http_openapi_begin (HyphaHttpRequest *request,
                          const char       *title,
                          const char       *description)
{
  return hypha_openapi_new (title, description, hypha_manager_get_base_url (request->manager));
}

static void
hypha_http_openapi_answer (HyphaHttpRequest *request,
                           HyphaOpenapi     *openapi)
{
  g_autoptr (JsonNode) node = hypha_openapi_end (openapi);

  hypha_http_request_answer_json (request, SOUP_STATUS_OK, node);
}

static void
hypha_http_openapi_add (HyphaOpenapi     *openapi,
                        HyphaServiceInfo *info,
                        const char       *id)
{
  g_autoptr (GVariant) members = NULL;
  HyphaOpenapiService service = {
    .workspace = hypha_service_info_get_workspace (info),
    .id = id,
    .name = hypha_service_info_get_name (info),
    .description = hypha_service_info_get_description (info),
    .type = hypha_service_info_get_service_type (info),
    .needs_token = !hypha_service_info_is_published (info),
  };

  members = g_variant_lookup_value (hypha_service_info_get_record (info), "service_schema",
                                    G_VARIANT_TYPE_VARDICT);
  service.members = members;
  hypha_openapi_add_service (openapi, &service);
}

/* The manager, as far as whoever asks may use it. */
static GVariant *
hypha_http_openapi_manager_members (HyphaHttpRequest *request)
{
  g_autoptr (GVariant) described = hypha_manager_describe (request->manager);
  gboolean anonymous = hypha_user_info_is_anonymous (request->identity.user);
  GVariantBuilder members;
  GVariantIter iter;
  const char *name;
  GVariant *item;

  g_variant_builder_init (&members, G_VARIANT_TYPE_VARDICT);
  g_variant_iter_init (&iter, described);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &item))
    {
      if (!hypha_http_is_lasting (name) && (!anonymous || hypha_http_is_harmless (name)))
        g_variant_builder_add (&members, "{sv}", name, item);
      g_variant_unref (item);
    }

  return g_variant_ref_sink (g_variant_builder_end (&members));
}

static void
hypha_http_openapi_describe_manager (HyphaHttpRequest *request)
{
  const char *description = "Default workspace management service";
  HyphaOpenapi *openapi = hypha_http_openapi_begin (request, "Workspace Service", "");
  g_autoptr (GVariant) members = hypha_http_openapi_manager_members (request);
  HyphaOpenapiService service = {
    .workspace = request->workspace,
    .id = request->service,
    .name = request->service,
    .description = description,
    .type = "generic",
    .members = members,
  };

  hypha_openapi_add_service (openapi, &service);
  hypha_http_openapi_answer (request, openapi);
}

static void
hypha_http_openapi_found (HyphaHttpRequest *request,
                          HyphaServiceInfo *info,
                          gpointer          data)
{
  HyphaOpenapi *openapi;

  if (info == NULL)
    return;

  openapi = hypha_http_openapi_begin (request, hypha_service_info_get_name (info),
                                      hypha_service_info_get_description (info));
  hypha_http_openapi_add (openapi, info, request->service);
  hypha_http_openapi_answer (request, openapi);
}

/* GET /{workspace}/services/{service}/openapi.json */
void
hypha_http_services_describe_openapi (HyphaHttpRequest *request)
{
  g_auto (HyphaHttpArguments) arguments = { 0 };
  g_autoptr (GError) error = NULL;

  if (hypha_http_is_manager (request->service))
    {
      hypha_http_openapi_describe_manager (request);
      return;
    }

  if (!hypha_http_arguments_parse (&arguments, hypha_http_request_get_query (request), NULL, 0,
                                   NULL, &error))
    {
      hypha_http_request_fail (request, error);
      return;
    }

  hypha_http_services_find (request, arguments.mode, hypha_http_openapi_found, NULL);
}

/* GET /{workspace}/openapi.json: what the list has. */
void
hypha_http_services_describe_workspace (HyphaHttpRequest *request)
{
  g_autofree char *title = g_strdup_printf ("Workspace %s", request->workspace);
  g_autoptr (GPtrArray) found = NULL;
  g_autoptr (GError) error = NULL;
  HyphaOpenapi *openapi;

  if (!hypha_http_workspace_is_known (request))
    {
      hypha_http_workspace_refuse (request);
      return;
    }

  found = hypha_http_workspace_find_services (request, &error);
  if (found == NULL)
    {
      hypha_http_request_fail (request, error);
      return;
    }

  openapi = hypha_http_openapi_begin (request, title, "");
  for (guint i = 0; i < found->len; i++)
    {
      HyphaServiceInfo *info = g_ptr_array_index (found, i);

      if (!hypha_service_info_is_built_in (info))
        hypha_http_openapi_add (openapi, info,
                                strchr (hypha_service_info_get_id (info), '/') + 1);
    }

  hypha_http_openapi_answer (request, openapi);
}
