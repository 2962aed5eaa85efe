/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-http-gateway-private.h"

#include <string.h>

#include "hypha-http-apps-private.h"
#include "hypha-http-services-private.h"

/*
 * HyphaHttpGateway: services over plain HTTP. It finds out what a path means and hands the request
 * on. Who asks is what a verified token says, and nobody otherwise: the workspace in the path is what
 * is asked about, never who asks.
 */
struct _HyphaHttpGateway
{
  GObject       parent_instance;

  HyphaServer  *server;
  HyphaManager *manager;
  GHashTable   *requests;      /* SoupServerMessage, not owned → HyphaHttpRequest */
  GHashTable   *lingering;     /* HyphaHttpRequest: they are answered */
  guint         timeout;
  guint         write_timeout;
  guint         linger;
  guint         max_requests;
};

/* What stands at the end of a path. */
typedef void (*HyphaHttpHandler) (HyphaHttpRequest *request);

G_DEFINE_FINAL_TYPE (HyphaHttpGateway, hypha_http_gateway, G_TYPE_OBJECT)

static void
hypha_http_gateway_left (gpointer data,
                         gpointer request)
{
  HyphaHttpGateway *self = data;

  g_hash_table_remove (self->lingering, request);
}

static void
hypha_http_gateway_finished (SoupServerMessage *message,
                             HyphaHttpGateway  *self)
{
  HyphaHttpRequest *request = g_hash_table_lookup (self->requests, message);

  if (g_hash_table_size (self->lingering) < self->max_requests &&
      hypha_http_request_linger (request, hypha_http_gateway_left, self))
    {
      g_hash_table_steal (self->requests, message);
      g_hash_table_add (self->lingering, request);
      return;
    }

  g_hash_table_remove (self->requests, message);
}

static void
hypha_http_gateway_drop_request (gpointer data)
{
  HyphaHttpRequest *request = data;

  request->on_left = NULL;
  hypha_http_request_end (request);
  hypha_http_request_unref (request);
}

static void
hypha_http_gateway_dispose (GObject *object)
{
  HyphaHttpGateway *self = HYPHA_HTTP_GATEWAY (object);

  if (self->server != NULL)
    soup_server_remove_handler (hypha_server_get_soup (self->server), "/");

  g_clear_pointer (&self->requests, g_hash_table_unref);
  g_clear_pointer (&self->lingering, g_hash_table_unref);
  g_clear_object (&self->server);
  g_clear_object (&self->manager);

  G_OBJECT_CLASS (hypha_http_gateway_parent_class)->dispose (object);
}

static void
hypha_http_gateway_class_init (HyphaHttpGatewayClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = hypha_http_gateway_dispose;
}

static void
hypha_http_gateway_init (HyphaHttpGateway *self)
{
  self->requests = g_hash_table_new_full (NULL, NULL, NULL, hypha_http_gateway_drop_request);
  self->lingering = g_hash_table_new_full (NULL, NULL, hypha_http_gateway_drop_request, NULL);
  self->timeout = HYPHA_RPC_TIMEOUT;
  self->write_timeout = HYPHA_HTTP_WRITE_TIMEOUT;
  self->linger = HYPHA_HTTP_APP_LINGER;
  self->max_requests = HYPHA_HTTP_MAX_REQUESTS;
}

/* {"status": word, …} with the time, as who watches over servers reads it. */
static void
hypha_http_gateway_answer_health (HyphaHttpRequest *request,
                                  guint             status,
                                  const char       *word,
                                  const char       *detail)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *timestamp = g_date_time_format_iso8601 (now);
  g_autoptr (JsonNode) node = json_node_alloc ();
  g_autoptr (JsonObject) object = json_object_new ();

  json_object_set_string_member (object, "status", word);
  json_object_set_string_member (object, "timestamp", timestamp);
  if (detail != NULL)
    json_object_set_string_member (object, "detail", detail);
  json_node_init_object (node, object);
  hypha_http_request_answer_json (request, status, node);
}

/* It answers, so it lives. */
static void
hypha_http_gateway_health (HyphaHttpRequest *request)
{
  hypha_http_gateway_answer_health (request, SOUP_STATUS_OK, "OK", NULL);
}

static void
hypha_http_gateway_readiness (HyphaHttpRequest *request)
{
  if (hypha_server_is_stopping (request->server))
    hypha_http_gateway_answer_health (request, SOUP_STATUS_SERVICE_UNAVAILABLE, "DOWN",
                                      "server is shutting down");
  else
    hypha_http_gateway_health (request);
}

static void
hypha_http_gateway_no_route (HyphaHttpRequest *request)
{
  hypha_http_request_refuse (request, SOUP_STATUS_NOT_FOUND, "Route not found");
}

/* Nothing that a request leaves behind could be called, so there is nothing to register. */
static void
hypha_http_gateway_register (HyphaHttpRequest *request)
{
  hypha_http_request_refuse (request, SOUP_STATUS_NOT_IMPLEMENTED,
                             "a service needs a client that stays connected to answer for it; "
                             "register it over the WebSocket at /ws");
}

static void
hypha_http_gateway_preflight (HyphaHttpRequest *request)
{
  soup_message_headers_replace (soup_server_message_get_response_headers (request->message),
                                "Access-Control-Max-Age", "86400");
  hypha_http_request_answer (request, SOUP_STATUS_OK, NULL, NULL);
}

/*
 * The segments of the path, decoded one by one so that an encoded slash stays inside its own; NULL
 * if one is no text, or leads upwards.
 */
static char **
hypha_http_gateway_split (const char *path)
{
  g_auto (GStrv) raw = g_strsplit (path, "/", -1);
  g_autoptr (GStrvBuilder) segments = g_strv_builder_new ();

  for (char **p = raw; *p != NULL; p++)
    {
      g_autofree char *segment = g_uri_unescape_string (*p, NULL);

      if (**p == '\0')
        continue;
      if (segment == NULL || !g_utf8_validate (segment, -1, NULL) ||
          g_str_equal (segment, "..") || g_str_equal (segment, "."))
        return NULL;

      g_strv_builder_add (segments, segment);
    }

  return g_strv_builder_end (segments);
}

/* Paths that are no workspace's. */
static HyphaHttpHandler
hypha_http_gateway_find_fixed (const char *path)
{
  static const struct
  {
    const char      *path;
    HyphaHttpHandler handler;
  } fixed[] = {
    { "/health", hypha_http_gateway_health },
    { "/health/liveness", hypha_http_gateway_health },
    { "/health/readiness", hypha_http_gateway_readiness },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (fixed); i++)
    if (g_str_equal (path, fixed[i].path))
      return fixed[i].handler;

  return NULL;
}

/* /{workspace}/services/{service}/{function…} */
static HyphaHttpHandler
hypha_http_gateway_find_service (const char  *method,
                                 char       **segments)
{
  guint n_segments = g_strv_length (segments);
  gboolean looks = g_str_equal (method, "GET") || g_str_equal (method, "HEAD");

  if (g_str_equal (method, "OPTIONS"))
    return hypha_http_gateway_preflight;
  if (n_segments == 2 && g_str_equal (method, "POST"))
    return hypha_http_gateway_register;
  if (n_segments == 2 && looks)
    return hypha_http_services_list;
  if (n_segments == 3 && looks)
    return hypha_http_services_info;
  if (n_segments == 4 && looks && g_str_equal (segments[3], "openapi.json"))
    return hypha_http_services_describe_openapi;
  if (n_segments > 3 && (g_str_equal (method, "GET") || g_str_equal (method, "POST")))
    return hypha_http_services_call;

  return NULL;
}

static HyphaHttpHandler
hypha_http_gateway_find_route (HyphaHttpRequest *request)
{
  const char *path = g_uri_get_path (soup_server_message_get_uri (request->message));
  const char *method = soup_server_message_get_method (request->message);
  HyphaHttpHandler handler = hypha_http_gateway_find_fixed (path);
  g_auto (GStrv) segments = NULL;
  guint n;

  if (handler != NULL)
    return handler;

  segments = hypha_http_gateway_split (path);
  n = segments != NULL ? g_strv_length (segments) : 0;
  if (n < 2 || !hypha_address_is_name (segments[0]))
    return NULL;

  request->workspace = g_strdup (segments[0]);
  request->service = g_strdup (n > 2 ? segments[2] : "");
  request->rest = g_strdupv (segments + MIN (n, 3));
  if (g_str_equal (segments[1], "services"))
    return hypha_http_gateway_find_service (method, segments);
  if (n == 2 && g_str_equal (segments[1], "openapi.json") &&
      (g_str_equal (method, "GET") || g_str_equal (method, "HEAD")))
    return hypha_http_services_describe_workspace;
  if (g_str_equal (segments[1], "apps") && n > 2)
    return g_str_equal (method, "OPTIONS") ? hypha_http_gateway_preflight : hypha_http_apps_serve;

  return NULL;
}

static void
hypha_http_gateway_handle (SoupServer        *soup,
                           SoupServerMessage *message,
                           const char        *path,
                           GHashTable        *query,
                           gpointer           data)
{
  HyphaHttpGateway *self = data;
  g_autoptr (HyphaHttpRequest) request = NULL;
  HyphaHttpHandler handler;

  request = hypha_http_request_new (self->server, self->manager, message);
  request->timeout = self->timeout;
  request->write_timeout = self->write_timeout;
  request->linger = self->linger;
  if (g_hash_table_size (self->requests) >= self->max_requests)
    {
      hypha_http_request_refuse (request, SOUP_STATUS_SERVICE_UNAVAILABLE,
                                 "too many requests wait already; try again later");
      return;
    }

  g_hash_table_insert (self->requests, message, hypha_http_request_ref (request));
  g_signal_connect_object (message, "finished", G_CALLBACK (hypha_http_gateway_finished), self, 0);
  handler = hypha_http_gateway_find_route (request);
  if (handler == NULL)
    handler = hypha_http_gateway_no_route;
  handler (request);
}

/* How long a service may be silent before a call of it fails, in ms. */
void
hypha_http_gateway_set_timeout (HyphaHttpGateway *self,
                                guint             timeout)
{
  self->timeout = timeout;
}

/* How long a reader may take nothing of what there is, in ms. */
void
hypha_http_gateway_set_write_timeout (HyphaHttpGateway *self,
                                      guint             write_timeout)
{
  self->write_timeout = write_timeout;
}

/* How long an app may go on when its answer is complete, in ms. */
void
hypha_http_gateway_set_linger (HyphaHttpGateway *self,
                               guint             linger)
{
  self->linger = linger;
}

void
hypha_http_gateway_set_max_requests (HyphaHttpGateway *self,
                                     guint             max_requests)
{
  self->max_requests = max_requests;
}

/* The requests that are not over. */
guint
hypha_http_gateway_get_n_requests (HyphaHttpGateway *self)
{
  return g_hash_table_size (self->requests);
}

/* Answers the requests of server; it is the core's to keep. */
HyphaHttpGateway *
hypha_http_gateway_new (HyphaServer  *server,
                        HyphaManager *manager)
{
  HyphaHttpGateway *self = g_object_new (HYPHA_TYPE_HTTP_GATEWAY, NULL);

  self->server = g_object_ref (server);
  self->manager = g_object_ref (manager);
  soup_server_add_handler (hypha_server_get_soup (server), "/", hypha_http_gateway_handle, self,
                           NULL);
  return self;
}
