/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-http-services-private.h"

#include <string.h>

#include "hypha-http-arguments-private.h"
#include "hypha-http-detail-private.h"
#include "hypha-http-member-private.h"
#include "hypha-http-stream-private.h"
#include "hypha-lookup-private.h"
#include "hypha-session-private.h"

/* A call on its way from a path to an answer. */
typedef struct
{
  HyphaHttpRequest   *request;
  HyphaHttpArguments  arguments;
  char               *path;      /* “math.add” */
  char               *provider;  /* workspace/client */
} HyphaHttpCall;

static void
hypha_http_call_free (HyphaHttpCall *self)
{
  hypha_http_request_unref (self->request);
  hypha_http_arguments_clear (&self->arguments);
  g_free (self->path);
  g_free (self->provider);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaHttpCall, hypha_http_call_free)

/* What a visitor without a token may ask of the manager. */
gboolean
hypha_http_is_harmless (const char *path)
{
  static const char *const harmless[] = { "echo", "log", "info", "error", "warning", "critical",
                                          "list_services", "get_service_info", NULL };

  return g_strv_contains (harmless, path);
}

/* What ends with its client, which a request has only while it lasts. */
gboolean
hypha_http_is_lasting (const char *path)
{
  static const char *const lasting[] = { "register_service", "unregister_service", "subscribe",
                                         "unsubscribe", "on", "off", NULL };

  return g_strv_contains (lasting, path);
}

static void
hypha_http_call_refuse_function (HyphaHttpCall *self)
{
  g_autofree char *quoted = hypha_error_quote (self->path);
  g_autofree char *detail = g_strdup_printf ("Function %s not found", quoted);

  hypha_http_request_refuse (self->request, SOUP_STATUS_NOT_FOUND, detail);
}

/* A service in this process throws our own errors, which name no class of exception. */
static gboolean
hypha_http_call_is_ours (HyphaHttpRequest *request,
                         const char       *provider)
{
  HyphaPeer *peer = hypha_router_lookup (hypha_manager_get_router (request->manager), provider);

  return peer != NULL && (hypha_peer_is_local (peer) || hypha_peer_is_internal (peer));
}

/* The status for an error of a service: 400, unless its class says something of use. */
static guint
hypha_http_call_status (const GError *error)
{
  static const struct
  {
    const char *class_name;
    guint       status;
  } rows[] = {
    { "PermissionError", SOUP_STATUS_FORBIDDEN },
    { "TimeoutError", SOUP_STATUS_GATEWAY_TIMEOUT },
    { "NotImplementedError", SOUP_STATUS_NOT_IMPLEMENTED },
  };

  if (!g_error_matches (error, HYPHA_ERROR, HYPHA_ERROR_REMOTE))
    return hypha_error_get_http_status (error);

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    if (g_str_equal (hypha_error_get_class_name (error), rows[i].class_name))
      return rows[i].status;

  /* Callees of every language say so, whatever they call the exception. */
  if (g_str_has_prefix (error->message, "Permission denied") ||
      strstr (error->message, "PermissionError") != NULL)
    return SOUP_STATUS_FORBIDDEN;

  return SOUP_STATUS_BAD_REQUEST;
}

/* Answers with the error that a call of provider ended with. */
void
hypha_http_call_fail (HyphaHttpRequest *request,
                      const char       *provider,
                      const GError     *error)
{
  g_autofree char *detail = hypha_http_detail_dup (error->message);
  g_autofree char *prefixed = NULL;

  if (hypha_http_request_is_over (request))
    return;

  if (g_error_matches (error, HYPHA_ERROR, HYPHA_ERROR_REMOTE) &&
      !hypha_http_call_is_ours (request, provider) &&
      !g_str_has_prefix (detail, "RemoteError:"))
    prefixed = g_strconcat ("RemoteError: ", detail, NULL);

  hypha_http_request_refuse (request, hypha_http_call_status (error),
                             prefixed != NULL ? prefixed : detail);
}

static void
hypha_http_call_answered (GObject      *source,
                          GAsyncResult *result,
                          gpointer      data)
{
  g_autoptr (HyphaHttpCall) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = hypha_rpc_call_finish (HYPHA_RPC (source), result, &error);

  if (hypha_http_request_is_over (self->request))
    return;

  if (value == NULL)
    hypha_http_call_fail (self->request, self->provider, error);
  else if (hypha_rpc_codec_is_type (value, "generator"))
    hypha_http_stream_start (self->request, value, self->provider);
  else
    hypha_http_request_answer_value (self->request, value);
}

/* Consumes self. */
static void
hypha_http_call_send (HyphaHttpCall *self,
                      const char    *method,
                      GVariant      *function)
{
  g_autoptr (GVariant) parameters = hypha_http_member_dup_parameters (function);
  g_autoptr (GVariant) args = NULL;
  g_autoptr (GVariant) kwargs = NULL;
  HyphaRpcRequest request = { .timeout = self->request->timeout };

  hypha_http_arguments_map (&self->arguments, parameters, &args, &kwargs);
  request.args = args;
  request.kwargs = kwargs;
  hypha_http_request_wait (self->request);
  hypha_rpc_request_async (hypha_http_request_get_rpc (self->request), self->provider, method,
                           &request, self->request->cancellable, hypha_http_call_answered, self);
}

/* The provider's own description is there: the path means a function, a value, or nothing. */
static void
hypha_http_call_member (HyphaHttpCall *call,
                        GVariant      *service)
{
  g_autoptr (HyphaHttpCall) self = call;
  g_autofree char *real_path = NULL;
  g_autoptr (GVariant) member = hypha_http_member_lookup (service, self->path, &real_path);
  const char *method = NULL;

  if (member == NULL)
    {
      hypha_http_call_refuse_function (self);
      return;
    }

  if (!hypha_http_member_is_function (member))
    {
      hypha_http_request_answer_value (self->request, member);
      return;
    }

  if (g_variant_lookup (member, "_rmethod", "&s", &method))
    hypha_http_call_send (g_steal_pointer (&self), method, member);
  else
    hypha_http_call_refuse_function (self);
}

static void
hypha_http_call_fetched (GObject      *source,
                         GAsyncResult *result,
                         gpointer      data)
{
  g_autoptr (HyphaHttpCall) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) service = hypha_lookup_get_finish (result, &error);

  if (hypha_http_request_is_over (self->request))
    return;

  if (service == NULL)
    hypha_http_call_fail (self->request, self->provider, error);
  else if (!g_variant_is_of_type (service, G_VARIANT_TYPE_VARDICT))
    hypha_http_call_refuse_function (self);
  else
    hypha_http_call_member (g_steal_pointer (&self), service);
}

/* Asks the provider what there is: its registration did not say. Consumes self. */
static void
hypha_http_call_fetch (HyphaHttpCall    *self,
                       HyphaServiceInfo *info)
{
  HyphaHttpRequest *request = self->request;
  g_autofree char *id = g_strdup_printf ("%s:%s", self->provider,
                                         hypha_service_info_get_service (info));
  g_autoptr (GVariant) query = g_variant_ref_sink (g_variant_new_string (id));

  hypha_http_request_wait (request);
  hypha_lookup_get_async (request->manager, request->identity.user, request->identity.workspace,
                          query, NULL, request->cancellable, hypha_http_call_fetched, self);
}

char *
hypha_http_call_provider (HyphaServiceInfo *info)
{
  return g_strconcat (hypha_service_info_get_workspace (info), "/",
                      hypha_service_info_get_client (info), NULL);
}

static void
hypha_http_call_found (HyphaHttpRequest *request,
                       HyphaServiceInfo *info,
                       gpointer          data)
{
  g_autoptr (HyphaHttpCall) self = data;
  g_autoptr (GVariant) schema = NULL;
  g_autoptr (GVariant) member = NULL;
  g_autofree char *real_path = NULL;

  if (info == NULL)
    return;

  self->provider = hypha_http_call_provider (info);
  schema = g_variant_lookup_value (hypha_service_info_get_record (info), "service_schema",
                                   G_VARIANT_TYPE_VARDICT);
  if (schema != NULL)
    member = hypha_http_member_lookup (schema, self->path, &real_path);

  if (member != NULL && hypha_http_member_is_function (member))
    {
      g_autofree char *method = g_strdup_printf ("services.%s.%s",
                                                 hypha_service_info_get_service (info), real_path);

      hypha_http_call_send (g_steal_pointer (&self), method, member);
    }
  else
    {
      hypha_http_call_fetch (g_steal_pointer (&self), info);
    }
}

/* Consumes self. */
static void
hypha_http_call_service (HyphaHttpCall *self)
{
  hypha_http_services_find (self->request, self->arguments.mode, hypha_http_call_found, self);
}

/* Consumes self. */
static void
hypha_http_call_manager (HyphaHttpCall *call)
{
  g_autoptr (HyphaHttpCall) self = call;
  g_autoptr (GVariant) described = hypha_manager_describe (self->request->manager);
  g_autoptr (GVariant) member = NULL;
  g_autofree char *real_path = NULL;

  self->provider = g_strdup (HYPHA_ADDRESS_MANAGER);
  member = hypha_http_member_lookup (described, self->path, &real_path);
  if (member != NULL && hypha_user_info_is_anonymous (self->request->identity.user) &&
      !hypha_http_is_harmless (real_path))
    hypha_http_request_refuse (self->request, SOUP_STATUS_FORBIDDEN,
                               "Permission denied: this needs a token");
  else if (member != NULL && hypha_http_is_lasting (real_path))
    hypha_http_request_refuse (self->request, SOUP_STATUS_NOT_IMPLEMENTED,
                               "this is for a client that stays connected, over the WebSocket at "
                               "/ws or over /rpc; what a request leaves behind is gone at once");
  else
    hypha_http_call_member (g_steal_pointer (&self), described);
}

static gboolean
hypha_http_call_parse (HyphaHttpCall  *self,
                       GError        **error)
{
  HyphaHttpRequest *request = self->request;
  const char *content_type = hypha_http_request_get_header (request, "Content-Type");
  SoupMessageBody *body = soup_server_message_get_request_body (request->message);
  g_autoptr (GBytes) bytes = soup_message_body_flatten (body);
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);

  /* With GET only what could not be meant otherwise. */
  if (g_str_equal (soup_server_message_get_method (request->message), "GET") &&
      hypha_http_body_classify (content_type) != HYPHA_HTTP_BODY_JSON)
    size = 0;

  return hypha_http_arguments_parse (&self->arguments, hypha_http_request_get_query (request),
                                     data, size, content_type, error);
}

/* GET or POST /{workspace}/services/{service}/{function…} */
void
hypha_http_services_call (HyphaHttpRequest *request)
{
  g_autoptr (HyphaHttpCall) self = g_new0 (HyphaHttpCall, 1);
  g_autoptr (GError) error = NULL;

  self->request = hypha_http_request_ref (request);
  self->path = g_strjoinv (".", request->rest);
  if (hypha_http_request_is_foreign (request))
    {
      hypha_http_request_refuse (request, SOUP_STATUS_FORBIDDEN,
                                 "a page of another site may not call services");
      return;
    }

  if (!hypha_http_call_parse (self, &error))
    {
      if (g_error_matches (error, HYPHA_ERROR, HYPHA_ERROR_UNSUPPORTED))
        hypha_http_request_refuse (request, SOUP_STATUS_UNSUPPORTED_MEDIA_TYPE, error->message);
      else
        hypha_http_request_fail (request, error);
      return;
    }

  if (hypha_http_is_manager (request->service))
    hypha_http_call_manager (g_steal_pointer (&self));
  else
    hypha_http_call_service (g_steal_pointer (&self));
}
