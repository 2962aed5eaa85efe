/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-http-services-private.h"

#include <string.h>

#include "hypha-query-private.h"

/* Which service a path means, and which of several by the mode that is asked for. */

typedef struct
{
  HyphaHttpRequest *request;
  GPtrArray        *candidates;  /* of HyphaServiceInfo, the best first */
  HyphaHttpFound    found;
  gpointer          data;
} HyphaHttpChoice;

static void
hypha_http_choice_refuse_missing (HyphaHttpRequest *request)
{
  g_autofree char *quoted = hypha_error_quote (request->service);
  g_autofree char *detail = g_strdup_printf ("Service %s not found", quoted);

  if (!hypha_http_workspace_is_known (request))
    hypha_http_workspace_refuse (request);
  else
    hypha_http_request_refuse_missing (request, detail);
}

static gboolean
hypha_http_choice_parse (HyphaHttpRequest  *request,
                         const char        *mode,
                         HyphaQuery        *query,
                         GError           **error)
{
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GVariant) options = NULL;

  /* A bare name would be taken for a client's there; a whole address is one service or none. */
  if (strchr (request->service, ':') != NULL)
    value = g_variant_ref_sink (g_variant_new_take_string (
      g_strconcat (request->workspace, "/", request->service, NULL)));
  else
    value = g_variant_ref_sink (g_variant_new_parsed ("{'id': <%s>, 'workspace': <%s>}",
                                                      request->service, request->workspace));
  options = g_variant_ref_sink (g_variant_new_parsed ("{'mode': <%s>}",
                                                      mode != NULL ? mode : "first"));
  return hypha_query_parse_get (query, value, request->identity.workspace, error) &&
         hypha_query_take_options (query, options, error);
}

/* Those that whoever asks may have; never none. NULL if the request is answered. */
static GPtrArray *
hypha_http_choice_list (HyphaHttpRequest *request,
                        const char       *mode,
                        HyphaQuery       *query)
{
  g_autoptr (GPtrArray) candidates = NULL;
  g_autoptr (GError) error = NULL;

  /* “ws2/c:x” in a segment would name another workspace than the path does. */
  if (strchr (request->service, '/') != NULL)
    {
      hypha_http_choice_refuse_missing (request);
      return NULL;
    }

  if (hypha_http_choice_parse (request, mode, query, &error))
    candidates = hypha_query_find (query, hypha_manager_get_registry (request->manager),
                                   request->identity.user, request->identity.workspace, &error);
  if (candidates == NULL)
    hypha_http_request_fail (request, error);
  else if (candidates->len == 0)
    hypha_http_choice_refuse_missing (request);
  else if (candidates->len > 1 && query->selection.mode == HYPHA_SELECTION_EXACT)
    hypha_http_request_refuse (request, SOUP_STATUS_BAD_REQUEST,
                               "several services are found: name the client as well, or choose "
                               "another _mode than “exact”");
  else
    return g_steal_pointer (&candidates);

  return NULL;
}

static void
hypha_http_choice_made (GObject      *source,
                        GAsyncResult *result,
                        gpointer      data)
{
  g_autofree HyphaHttpChoice *self = data;
  g_autoptr (HyphaHttpRequest) request = self->request;
  g_autoptr (GPtrArray) candidates = self->candidates;

  hypha_selection_choose_finish (result);
  self->found (request,
               hypha_http_request_is_over (request) ? NULL : g_ptr_array_index (candidates, 0),
               self->data);
}

/* The one that is wanted has to be found out first. */
static void
hypha_http_choice_start (HyphaHttpRequest     *request,
                         const HyphaSelection *selection,
                         GPtrArray            *candidates,
                         HyphaHttpFound        found,
                         gpointer              data)
{
  const char *workspace = request->identity.workspace;
  HyphaUserInfo *user = request->identity.user;
  gboolean member = hypha_user_info_may (user, workspace, HYPHA_NEED_MEMBER, workspace);
  HyphaHttpChoice *self = g_new0 (HyphaHttpChoice, 1);

  self->request = hypha_http_request_ref (request);
  self->candidates = g_ptr_array_ref (candidates);
  self->found = found;
  self->data = data;
  hypha_http_request_wait (request);
  hypha_selection_choose_async (selection, request->manager, user, member ? workspace : NULL,
                                candidates, request->cancellable, hypha_http_choice_made, self);
}

/*
 * Hands the service that the path means to found, at once or later; NULL if there is none for
 * whoever asks, and the request is answered or over. mode may be NULL.
 */
void
hypha_http_services_find (HyphaHttpRequest *request,
                          const char       *mode,
                          HyphaHttpFound    found,
                          gpointer          data)
{
  g_auto (HyphaQuery) query = { 0 };
  g_autoptr (GPtrArray) candidates = hypha_http_choice_list (request, mode, &query);

  if (candidates == NULL)
    found (request, NULL, data);
  else if (candidates->len == 1 || query.selection.mode < HYPHA_SELECTION_MIN_LOAD)
    found (request, g_ptr_array_index (candidates, 0), data);
  else
    hypha_http_choice_start (request, &query.selection, candidates, found, data);
}
