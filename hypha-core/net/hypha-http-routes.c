/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-http-routes-private.h"

#include <string.h>

#include "hypha-http-apps-private.h"
#include "hypha-http-services-private.h"

#define HTTP_UPGRADE_REQUIRED 426

/* What an app is told to take; it may take more. */
#define EVERY_METHOD "GET, HEAD, POST, PUT, PATCH, DELETE"

/* Which paths there are, and what they mean; docs/http.md says the same, and a test compares. */

/* {"status": word, …} with the time, as who watches over servers reads it. */
static void
hypha_http_routes_answer_health (HyphaHttpRequest *request,
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
hypha_http_routes_health (HyphaHttpRequest *request)
{
  hypha_http_routes_answer_health (request, SOUP_STATUS_OK, "OK", NULL);
}

static void
hypha_http_routes_readiness (HyphaHttpRequest *request)
{
  if (hypha_server_is_stopping (request->server))
    hypha_http_routes_answer_health (request, SOUP_STATUS_SERVICE_UNAVAILABLE, "DOWN",
                                     "server is shutting down");
  else
    hypha_http_routes_health (request);
}

/* Nothing that a request leaves behind could be called, so there is nothing to register. */
static void
hypha_http_routes_register (HyphaHttpRequest *request)
{
  hypha_http_request_refuse (request, SOUP_STATUS_NOT_IMPLEMENTED,
                             "a service needs a client that stays connected to answer for it; "
                             "register it over the WebSocket at /ws");
}

/* Whoever upgrades never comes here. */
static void
hypha_http_routes_websocket (HyphaHttpRequest *request)
{
  soup_message_headers_replace (soup_server_message_get_response_headers (request->message),
                                "Upgrade", "websocket");
  hypha_http_request_refuse (request, HTTP_UPGRADE_REQUIRED, "this is for WebSockets");
}

static void
hypha_http_routes_none (HyphaHttpRequest *request)
{
  hypha_http_request_refuse (request, SOUP_STATUS_NOT_FOUND, "Route not found");
}

static void
hypha_http_routes_preflight (HyphaHttpRequest *request)
{
  soup_message_headers_replace (soup_server_message_get_response_headers (request->message),
                                "Access-Control-Max-Age", "86400");
  hypha_http_request_answer (request, SOUP_STATUS_OK, NULL, NULL);
}

const HyphaHttpRoute hypha_http_routes[] = {
  { "/health", "*", hypha_http_routes_health },
  { "/health/liveness", "*", hypha_http_routes_health },
  { "/health/readiness", "*", hypha_http_routes_readiness },
  { "/assets/config.json", "GET, HEAD", hypha_http_assets_config },
  { "/assets/hypha-rpc-websocket.js", "GET, HEAD", hypha_http_assets_script },
  { "/assets/hypha-rpc-websocket.mjs", "GET, HEAD", hypha_http_assets_module },
  { "/ws", "GET", hypha_http_routes_websocket },
  { "/{workspace}/info", "GET, HEAD", hypha_http_workspace_info },
  { "/{workspace}/openapi.json", "GET, HEAD", hypha_http_services_describe_workspace },
  { "/{workspace}/services", "GET, HEAD", hypha_http_services_list },
  { "/{workspace}/services", "POST", hypha_http_routes_register },
  { "/{workspace}/services/{service}", "GET, HEAD", hypha_http_services_info },
  { "/{workspace}/services/{service}/openapi.json", "GET, HEAD",
    hypha_http_services_describe_openapi },
  { "/{workspace}/services/{service}/{function…}", "GET, POST", hypha_http_services_call },
  { "/{workspace}/apps/{service}", "*", hypha_http_apps_serve },
  { "/{workspace}/apps/{service}/{path…}", "*", hypha_http_apps_serve },
};
const gsize hypha_http_n_routes = G_N_ELEMENTS (hypha_http_routes);

/*
 * The segments of the path, decoded one by one so that an encoded slash stays inside its own; NULL
 * if one is no text, or leads upwards.
 */
static char **
hypha_http_routes_split (const char *path)
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

static gboolean
hypha_http_routes_matches (const char  *pattern,
                           char       **segments)
{
  g_auto (GStrv) wanted = g_strsplit (pattern + 1, "/", -1);
  guint i;

  if (g_str_equal (wanted[0], "{workspace}") &&
      (segments[0] == NULL || !hypha_address_is_name (segments[0])))
    return FALSE;

  for (i = 0; wanted[i] != NULL && segments[i] != NULL; i++)
    {
      if (g_str_has_suffix (wanted[i], "…}"))
        return TRUE;
      if (*wanted[i] != '{' && !g_str_equal (wanted[i], segments[i]))
        return FALSE;
    }

  return wanted[i] == NULL && segments[i] == NULL;
}

static gboolean
hypha_http_routes_takes (const HyphaHttpRoute *route,
                         const char           *method)
{
  g_auto (GStrv) methods = g_strsplit (route->methods, ", ", -1);

  return g_str_equal (route->methods, "*") || g_strv_contains ((const char *const *) methods, method);
}

/* Each method once, and a comma behind it. */
static void
hypha_http_routes_add_methods (GString    *allowed,
                               const char *methods)
{
  g_auto (GStrv) names = g_strsplit (methods, ", ", -1);

  for (char **name = names; *name != NULL; name++)
    if (strstr (allowed->str, *name) == NULL)
      g_string_append_printf (allowed, "%s, ", *name);
}

static HyphaHttpHandler
hypha_http_routes_choose (HyphaHttpRequest  *request,
                          char             **segments)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (request->message);
  const char *method = soup_server_message_get_method (request->message);
  gboolean options = g_str_equal (method, "OPTIONS") && !g_str_equal (segments[0], "health");
  g_autoptr (GString) allowed = g_string_new (NULL);

  for (gsize i = 0; i < hypha_http_n_routes; i++)
    {
      const HyphaHttpRoute *route = &hypha_http_routes[i];

      if (!hypha_http_routes_matches (route->pattern, segments))
        continue;
      if (!options && hypha_http_routes_takes (route, method))
        return route->handler;

      hypha_http_routes_add_methods (allowed, g_str_equal (route->methods, "*") ? EVERY_METHOD :
                                                                                  route->methods);
    }

  if (!options || allowed->len == 0)
    return hypha_http_routes_none;

  g_string_append (allowed, "OPTIONS");
  soup_message_headers_replace (headers, "Allow", allowed->str);
  return hypha_http_routes_preflight;
}

/* What the path of a request means; what it names is in the request afterwards. */
HyphaHttpHandler
hypha_http_routes_find (HyphaHttpRequest *request)
{
  const char *path = g_uri_get_path (soup_server_message_get_uri (request->message));
  g_auto (GStrv) segments = hypha_http_routes_split (path);
  guint n = segments != NULL ? g_strv_length (segments) : 0;

  if (n == 0)
    return hypha_http_routes_none;

  request->workspace = g_strdup (segments[0]);
  request->service = g_strdup (n > 2 ? segments[2] : "");
  request->rest = g_strdupv (segments + MIN (n, 3));
  return hypha_http_routes_choose (request, segments);
}
