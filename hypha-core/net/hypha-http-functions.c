/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-http-apps-private.h"

#include "hypha-http-detail-private.h"
#include "hypha-http-member-private.h"
#include "hypha-http-services-private.h"
#include "hypha-http-stream-private.h"
#include "hypha-session-private.h"

static gboolean
hypha_http_functions_has (GVariant    *schema,
                          const char  *path,
                          char       **real_path)
{
  g_autofree char *real = NULL;
  g_autoptr (GVariant) member = hypha_http_member_lookup (schema, path, &real);

  /* Old JavaScript clients describe a function by nothing at all. */
  if (member == NULL || (!hypha_http_member_is_function (member) &&
                         !(g_variant_is_of_type (member, G_VARIANT_TYPE_VARDICT) &&
                           g_variant_n_children (member) == 0)))
    return FALSE;

  *real_path = g_steal_pointer (&real);
  return TRUE;
}

/*
 * The function that a path means: its segments go down into the service, “index” is the one of a
 * directory, “default” takes what nothing else does, and the last segment alone will do.
 */
static char *
hypha_http_functions_find (GVariant  *schema,
                           char     **segments)
{
  g_autofree char *nested = g_strjoinv (".", segments);
  g_autofree char *index = NULL;
  guint n = g_strv_length (segments);
  char *found = NULL;

  index = g_strconcat (nested, n > 0 ? "." : "", "index", NULL);
  if ((n > 0 && hypha_http_functions_has (schema, nested, &found)) ||
      hypha_http_functions_has (schema, index, &found) ||
      hypha_http_functions_has (schema, "default", &found) ||
      (n > 0 && hypha_http_functions_has (schema, segments[n - 1], &found)))
    return found;

  return NULL;
}

static GVariant *
hypha_http_functions_header_map (HyphaHttpRequest *request)
{
  g_autoptr (GVariant) headers = hypha_http_apps_headers (request);
  GVariantDict dict;
  GVariantIter iter;
  const char *name;
  const char *value;

  g_variant_dict_init (&dict, NULL);
  g_variant_iter_init (&iter, headers);
  while (g_variant_iter_next (&iter, "(&s&s)", &name, &value))
    g_variant_dict_insert (&dict, name, "s", value);

  return g_variant_dict_end (&dict);
}

/* The scope, with the body and what is easier to read. */
static GVariant *
hypha_http_functions_event (HyphaHttpRequest *request)
{
  g_autoptr (GVariant) scope = g_variant_ref_sink (hypha_http_apps_scope (request));
  g_autoptr (GVariant) user = hypha_user_info_to_variant (request->identity.user);
  g_autoptr (GBytes) body = NULL;
  g_autofree char *path = g_strjoinv ("/", request->rest);
  const char *query = hypha_http_request_get_query (request);
  GVariantDict event;

  body = soup_message_body_flatten (soup_server_message_get_request_body (request->message));
  g_variant_dict_init (&event, scope);
  g_variant_dict_insert (&event, "query_string", "s", query != NULL ? query : "");
  g_variant_dict_insert_value (&event, "headers", hypha_http_functions_header_map (request));
  g_variant_dict_insert_value (&event, "body",
                               g_bytes_get_size (body) > 0 ?
                                 g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, body, TRUE) :
                                 hypha_rpc_codec_null ());
  g_variant_dict_insert_value (&event, "user", user);
  g_variant_dict_insert (&event, "function_path", "s", path);
  return g_variant_dict_end (&event);
}

/* A function that was called. */
typedef struct
{
  HyphaHttpRequest *request;
  char             *provider;
} HyphaHttpFunction;

static void
hypha_http_function_free (HyphaHttpFunction *self)
{
  hypha_http_request_unref (self->request);
  g_free (self->provider);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaHttpFunction, hypha_http_function_free)

/* The status and the headers, which a result that is no map does not have. */
static gboolean
hypha_http_functions_begin (HyphaHttpRequest  *request,
                            GVariant          *map,
                            GError           **error)
{
  g_autoptr (GVariant) headers = NULL;
  guint status = SOUP_STATUS_OK;

  if (map != NULL && !hypha_http_apps_take_status (map, &status, error))
    return FALSE;

  if (map != NULL)
    headers = g_variant_lookup_value (map, "headers", NULL);
  hypha_http_request_add_cors (request);
  if (headers != NULL && !hypha_http_apps_set_headers (request, headers, error))
    return FALSE;

  soup_server_message_set_status (request->message, status, NULL);
  return TRUE;
}

static gboolean
hypha_http_functions_finish (HyphaHttpRequest  *request,
                             GVariant          *value,
                             GError           **error)
{
  guint status = soup_server_message_get_status (request->message);
  g_autoptr (GBytes) body = value != NULL ? hypha_http_apps_dup_bytes (value) :
                                            g_bytes_new_static ("", 0);

  if (body == NULL)
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                           "the function must answer with a status, headers and a body");
      return FALSE;
    }

  if (hypha_http_apps_has_body (request, status) && g_bytes_get_size (body) > 0)
    soup_message_body_append_bytes (soup_server_message_get_response_body (request->message), body);
  hypha_http_request_go_on (request);
  return TRUE;
}

/* {status, headers, body}, or a body alone; a body that is a generator comes in its pieces. */
static gboolean
hypha_http_functions_answer (HyphaHttpFunction  *self,
                             GVariant           *result,
                             GError            **error)
{
  gboolean map = g_variant_is_of_type (result, G_VARIANT_TYPE_VARDICT) &&
                 !hypha_rpc_codec_is_type (result, "generator");
  g_autoptr (GVariant) body = map ? g_variant_lookup_value (result, "body", NULL) :
                                    g_variant_ref (result);

  if (!hypha_http_functions_begin (self->request, map ? result : NULL, error))
    return FALSE;

  if (body == NULL || !hypha_rpc_codec_is_type (body, "generator"))
    return hypha_http_functions_finish (self->request, body, error);

  hypha_http_stream_start_raw (self->request, body, self->provider);
  return TRUE;
}

static void
hypha_http_functions_fail (HyphaHttpRequest *request,
                           const GError     *error)
{
  g_autofree char *why = hypha_http_detail_dup (error->message);
  g_autofree char *detail = g_strconcat ("Internal Server Error: ", why, NULL);

  if (!hypha_http_request_is_over (request))
    soup_message_headers_clear (soup_server_message_get_response_headers (request->message));
  hypha_http_request_refuse (request, SOUP_STATUS_INTERNAL_SERVER_ERROR, detail);
}

static void
hypha_http_functions_answered (GObject      *source,
                               GAsyncResult *result,
                               gpointer      data)
{
  g_autoptr (HyphaHttpFunction) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = hypha_rpc_call_finish (HYPHA_RPC (source), result, &error);

  if (hypha_http_request_is_over (self->request))
    return;

  if (value == NULL && g_error_matches (error, HYPHA_ERROR, HYPHA_ERROR_TIMED_OUT))
    hypha_http_request_fail (self->request, error);
  else if (value == NULL || !hypha_http_functions_answer (self, value, &error))
    hypha_http_functions_fail (self->request, error);
}

/* Consumes provider. */
static void
hypha_http_functions_call (HyphaHttpRequest *request,
                           char             *provider,
                           const char       *method)
{
  HyphaHttpFunction *self = g_new0 (HyphaHttpFunction, 1);
  HyphaRpcRequest call = { .timeout = request->timeout };

  self->request = hypha_http_request_ref (request);
  self->provider = provider;
  call.args = g_variant_new_parsed ("[%v]", hypha_http_functions_event (request));
  hypha_http_request_wait (request);
  hypha_rpc_request_async (hypha_http_request_get_rpc (request), provider, method, &call,
                           request->cancellable, hypha_http_functions_answered, self);
}

/* Calls the function that the path means with what a request consists of. */
void
hypha_http_functions_serve (HyphaHttpRequest *request,
                            HyphaServiceInfo *info)
{
  g_autoptr (GVariant) schema = NULL;
  g_autofree char *function = NULL;
  g_autofree char *method = NULL;

  schema = g_variant_lookup_value (hypha_service_info_get_record (info), "service_schema",
                                   G_VARIANT_TYPE_VARDICT);
  if (schema != NULL)
    function = hypha_http_functions_find (schema, request->rest);

  if (function == NULL)
    {
      g_autofree char *path = g_strjoinv ("/", request->rest);
      g_autofree char *quoted = hypha_error_quote (*path != '\0' ? path : "index");
      g_autofree char *detail = g_strconcat ("Function not found: ", quoted, NULL);

      hypha_http_request_refuse (request, SOUP_STATUS_NOT_FOUND, detail);
      return;
    }

  method = g_strdup_printf ("services.%s.%s", hypha_service_info_get_service (info), function);
  hypha_http_functions_call (request, hypha_http_call_provider (info), method);
}
