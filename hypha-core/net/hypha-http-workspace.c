/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-http-services-private.h"

#include "hypha-query-private.h"

/*
 * Workspaces over HTTP. Whoever may not read one and finds nothing published in it gets the answer
 * that one gets that is not there.
 */

static HyphaWorkspaces *
hypha_http_workspace_get_all (HyphaHttpRequest *request)
{
  return hypha_authority_get_workspaces (hypha_manager_get_authority (request->manager));
}

static gboolean
hypha_http_workspace_may_read (HyphaHttpRequest *request)
{
  return hypha_user_info_may (request->identity.user, request->identity.workspace, HYPHA_NEED_READ,
                              request->workspace);
}

/* The services there that whoever asks would see in a list. */
GPtrArray *
hypha_http_workspace_find_services (HyphaHttpRequest  *request,
                                    GError           **error)
{
  g_auto (HyphaQuery) parsed = { 0 };
  g_autoptr (GVariant) query = NULL;

  query = g_variant_ref_sink (g_variant_new_parsed ("{'workspace': <%s>}", request->workspace));
  if (!hypha_query_parse_list (&parsed, query, request->identity.workspace, error))
    return NULL;

  return hypha_query_find (&parsed, hypha_manager_get_registry (request->manager),
                           request->identity.user, request->identity.workspace, error);
}

/* May whoever asks know that the workspace of the path is there? */
gboolean
hypha_http_workspace_is_known (HyphaHttpRequest *request)
{
  g_autoptr (GPtrArray) found = NULL;

  if (g_str_equal (request->workspace, HYPHA_ADDRESS_ROOT_WORKSPACE) ||
      g_str_equal (request->workspace, HYPHA_ADDRESS_PUBLIC_WORKSPACE) ||
      g_str_equal (request->workspace, request->identity.workspace))
    return TRUE;
  if (hypha_http_workspace_may_read (request) &&
      hypha_workspaces_exists (hypha_http_workspace_get_all (request), request->workspace))
    return TRUE;

  found = hypha_http_workspace_find_services (request, NULL);
  return found != NULL && found->len > 0;
}

void
hypha_http_workspace_refuse (HyphaHttpRequest *request)
{
  g_autofree char *quoted = hypha_error_quote (request->workspace);
  g_autofree char *detail = g_strdup_printf ("Workspace %s not found", quoted);

  hypha_http_request_refuse_missing (request, detail);
}

/* GET /{workspace}/info; its environment holds secrets, which are the manager's to give. */
void
hypha_http_workspace_info (HyphaHttpRequest *request)
{
  g_autoptr (GVariant) info = NULL;

  if (!hypha_http_workspace_is_known (request))
    {
      hypha_http_workspace_refuse (request);
      return;
    }

  if (!hypha_http_workspace_may_read (request))
    {
      hypha_http_request_refuse (request, SOUP_STATUS_FORBIDDEN,
                                 "Permission denied: this needs a token for the workspace");
      return;
    }

  info = hypha_workspaces_describe (hypha_http_workspace_get_all (request), request->workspace);
  if (info != NULL)
    hypha_http_request_answer_value (request, info);
  else
    hypha_http_workspace_refuse (request);
}
