/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-http-apps-private.h"

#include <string.h>

#include "hypha-http-cookies-private.h"
#include "hypha-http-services-private.h"
#include "hypha-value-private.h"

/* What follows the service in the path, as it was sent, from its slash on; NULL if there is none. */
static const char *
hypha_http_apps_rest (HyphaHttpRequest *request)
{
  const char *path = g_uri_get_path (soup_server_message_get_uri (request->message));

  for (guint i = 0; i < 3; i++)
    {
      path += strspn (path, "/");
      path += strcspn (path, "/");
    }

  return *path == '/' ? path : NULL;
}

static GVariant *
hypha_http_apps_bytes (const char *text)
{
  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, text, strlen (text), 1);
}

/* A host and a port. */
static GVariant *
hypha_http_apps_endpoint (GSocketAddress *address)
{
  g_autofree char *host = NULL;
  guint port = 0;

  if (address != NULL && G_IS_INET_SOCKET_ADDRESS (address))
    {
      GInetSocketAddress *inet = G_INET_SOCKET_ADDRESS (address);

      host = g_inet_address_to_string (g_inet_socket_address_get_address (inet));
      port = g_inet_socket_address_get_port (inet);
    }

  return g_variant_new_parsed ("[<%s>, <%x>]", host != NULL ? host : "", (gint64) port);
}

/*
 * What the app sees of a header; NULL if it sees nothing. Tokens of ours stay here, as an app of
 * somebody else could use them, and so do the cookies of others.
 */
static char *
hypha_http_apps_dup_visible (HyphaHttpRequest *request,
                             const char       *name,
                             const char       *value)
{
  g_autofree char *valid = g_utf8_make_valid (value, -1);

  if (g_str_equal (name, "cookie"))
    return hypha_http_cookies_pick (request->cookie_mark, valid);
  if (g_str_equal (name, "authorization") && !hypha_http_request_is_for_others (request, valid))
    return NULL;

  return g_steal_pointer (&valid);
}

/* The request's headers as (name, value) pairs, names in lower case. */
GVariant *
hypha_http_apps_headers (HyphaHttpRequest *request)
{
  GVariantBuilder list;
  SoupMessageHeadersIter iter;
  const char *name;
  const char *value;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("a(ss)"));
  soup_message_headers_iter_init (&iter,
                                  soup_server_message_get_request_headers (request->message));
  while (soup_message_headers_iter_next (&iter, &name, &value))
    {
      g_autofree char *lower = g_ascii_strdown (name, -1);
      g_autofree char *visible = hypha_http_apps_dup_visible (request, lower, value);

      if (visible != NULL)
        g_variant_builder_add (&list, "(ss)", lower, visible);
    }

  return g_variant_ref_sink (g_variant_builder_end (&list));
}

static GVariant *
hypha_http_apps_header_bytes (HyphaHttpRequest *request)
{
  g_autoptr (GVariant) headers = hypha_http_apps_headers (request);
  GVariantBuilder list;
  GVariantIter iter;
  const char *name;
  const char *value;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("av"));
  g_variant_iter_init (&iter, headers);
  while (g_variant_iter_next (&iter, "(&s&s)", &name, &value))
    {
      GVariant *pair[] = { g_variant_new_variant (hypha_http_apps_bytes (name)),
                           g_variant_new_variant (hypha_http_apps_bytes (value)) };

      g_variant_builder_add (&list, "v", g_variant_new_array (G_VARIANT_TYPE_VARIANT, pair, 2));
    }

  return g_variant_builder_end (&list);
}

/* The scope of the ASGI specification. Floating. */
GVariant *
hypha_http_apps_scope (HyphaHttpRequest *request)
{
  SoupServerMessage *message = request->message;
  const char *rest = hypha_http_apps_rest (request);
  const char *query = hypha_http_request_get_query (request);
  g_autofree char *path = g_uri_unescape_string (rest, NULL);
  g_autofree char *root = g_strdup_printf ("/%s/apps/%s", request->workspace, request->service);
  GVariantDict scope;

  g_variant_dict_init (&scope, NULL);
  g_variant_dict_insert (&scope, "type", "s", "http");
  g_variant_dict_insert_value (&scope, "asgi", g_variant_new_parsed (
    "{'version': <'3.0'>, 'spec_version': <'2.3'>}"));
  g_variant_dict_insert (&scope, "http_version", "s",
                         soup_server_message_get_http_version (message) == SOUP_HTTP_1_0 ? "1.0" :
                                                                                           "1.1");
  g_variant_dict_insert (&scope, "method", "s", soup_server_message_get_method (message));
  g_variant_dict_insert (&scope, "scheme", "s", "http");
  g_variant_dict_insert (&scope, "path", "s", path != NULL ? path : rest);
  g_variant_dict_insert_value (&scope, "raw_path", hypha_http_apps_bytes (rest));
  g_variant_dict_insert_value (&scope, "query_string",
                               hypha_http_apps_bytes (query != NULL ? query : ""));
  g_variant_dict_insert (&scope, "root_path", "s", root);
  g_variant_dict_insert_value (&scope, "headers", hypha_http_apps_header_bytes (request));
  g_variant_dict_insert_value (&scope, "server", hypha_http_apps_endpoint (
    soup_server_message_get_local_address (message)));
  g_variant_dict_insert_value (&scope, "client", hypha_http_apps_endpoint (
    soup_server_message_get_remote_address (message)));
  g_variant_dict_insert (&scope, "workspace", "s", request->workspace);
  g_variant_dict_insert (&scope, "service_id", "s", request->service);
  return g_variant_dict_end (&scope);
}

/* The bytes of a text or of binary data of any kind; NULL if it is neither. */
GBytes *
hypha_http_apps_dup_bytes (GVariant *value)
{
  g_autoptr (GVariant) inner = NULL;

  if (hypha_rpc_codec_is_null (value))
    return g_bytes_new_static ("", 0);

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    {
      gsize size;
      const char *text = g_variant_get_string (value, &size);

      return g_bytes_new (text, size);
    }

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BYTESTRING))
    return g_variant_get_data_as_bytes (value);

  if (g_variant_is_of_type (value, G_VARIANT_TYPE ("(ay)")))
    {
      inner = g_variant_get_child_value (value, 0);
      return g_variant_get_data_as_bytes (inner);
    }

  return hypha_value_dup_bytes (value, NULL);
}

/* One half of a header, which may be a text, bytes or a number; NULL if it is not valid. */
static char *
hypha_http_apps_dup_header (GVariant *value)
{
  g_autoptr (GBytes) bytes = NULL;
  const char *data;
  gsize size;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    return g_strdup_printf ("%" G_GINT64_FORMAT, g_variant_get_int64 (value));

  bytes = hypha_http_apps_dup_bytes (value);
  if (bytes == NULL)
    return NULL;

  data = g_bytes_get_data (bytes, &size);
  if (size > HYPHA_HTTP_MAX_APP_HEADER)
    return NULL;

  for (gsize i = 0; i < size; i++)
    if (((guchar) data[i] < ' ' && data[i] != '\t') || data[i] == 0x7f)
      return NULL;

  return g_strndup (size > 0 ? data : "", size);
}

static gboolean
hypha_http_apps_is_token (const char *name)
{
  return *name != '\0' &&
         name[strspn (name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "!#$%&'*+-.^_`|~")] == '\0';
}

/* What belongs to the connection, or would reach beyond the app's own paths, is not the app's. */
static gboolean
hypha_http_apps_is_ours (const char *name)
{
  static const char *const ours[] = {
    "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "trailer",
    "te", "content-length", "date", "server", "alt-svc", "clear-site-data",
    "service-worker-allowed", "strict-transport-security", NULL
  };
  g_autofree char *lower = g_ascii_strdown (name, -1);

  return g_strv_contains (ours, lower);
}

static gboolean
hypha_http_apps_set_header (HyphaHttpRequest  *request,
                            GHashTable        *seen,
                            GVariant          *first,
                            GVariant          *second,
                            GError           **error)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (request->message);
  g_autofree char *name = hypha_http_apps_dup_header (first);
  g_autofree char *value = hypha_http_apps_dup_header (second);
  char *lower;

  if (name == NULL || value == NULL || !hypha_http_apps_is_token (name))
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                           "the app answered with a header that is none");
      return FALSE;
    }

  if (hypha_http_apps_is_ours (name))
    return TRUE;

  /* The first of a name takes the place of ours, the others come after it; what we vary by stays. */
  lower = g_ascii_strdown (name, -1);
  if (g_str_equal (lower, "set-cookie"))
    hypha_http_cookies_mark (request->cookie_mark, &value);
  if (g_hash_table_contains (seen, lower) || g_str_equal (lower, "vary"))
    soup_message_headers_append (headers, name, value);
  else
    soup_message_headers_replace (headers, name, value);
  g_hash_table_add (seen, lower);
  return TRUE;
}

static gboolean
hypha_http_apps_set_pair (HyphaHttpRequest  *request,
                          GHashTable        *seen,
                          GVariant          *pair,
                          GError           **error)
{
  g_autoptr (GVariant) name = NULL;
  g_autoptr (GVariant) value = NULL;

  if (!g_variant_is_of_type (pair, G_VARIANT_TYPE ("av")) || g_variant_n_children (pair) != 2)
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                           "the app answered with a header that is no pair");
      return FALSE;
    }

  g_variant_get_child (pair, 0, "v", &name);
  g_variant_get_child (pair, 1, "v", &value);
  return hypha_http_apps_set_header (request, seen, name, value, error);
}

/* headers: a map, or a list of pairs. */
gboolean
hypha_http_apps_set_headers (HyphaHttpRequest  *request,
                             GVariant          *headers,
                             GError           **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  gboolean map = g_variant_is_of_type (headers, G_VARIANT_TYPE_VARDICT);

  if (!map && !g_variant_is_of_type (headers, G_VARIANT_TYPE ("av")))
    return TRUE;

  if (g_variant_n_children (headers) > HYPHA_HTTP_MAX_APP_HEADERS)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE,
                   "the app answered with more than %d headers", HYPHA_HTTP_MAX_APP_HEADERS);
      return FALSE;
    }

  for (gsize i = 0; i < g_variant_n_children (headers); i++)
    {
      g_autoptr (GVariant) name = NULL;
      g_autoptr (GVariant) value = NULL;

      if (map)
        g_variant_get_child (headers, i, "{@sv}", &name, &value);
      else
        g_variant_get_child (headers, i, "v", &value);

      if (map ? !hypha_http_apps_set_header (request, seen, name, value, error) :
                !hypha_http_apps_set_pair (request, seen, value, error))
        return FALSE;
    }

  return TRUE;
}

gboolean
hypha_http_apps_take_status (GVariant  *map,
                             guint     *status,
                             GError   **error)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (map, "status", NULL);
  gint64 number = 200;

  if (value != NULL && !hypha_rpc_codec_is_null (value))
    number = g_variant_is_of_type (value, G_VARIANT_TYPE_INT64) ? g_variant_get_int64 (value) : 0;

  *status = (guint) number;
  if (number >= 200 && number <= 599)
    return TRUE;

  g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                       "the app answered with a status that is none");
  return FALSE;
}

gboolean
hypha_http_apps_has_body (HyphaHttpRequest *request,
                          guint             status)
{
  return !g_str_equal (soup_server_message_get_method (request->message), "HEAD") &&
         status != SOUP_STATUS_NO_CONTENT && status != SOUP_STATUS_NOT_MODIFIED;
}

static void
hypha_http_apps_redirect (HyphaHttpRequest *request)
{
  const char *query = hypha_http_request_get_query (request);
  const char *path = g_uri_get_path (soup_server_message_get_uri (request->message));
  g_autofree char *target = NULL;

  /* Two slashes in front would name a host. */
  path += strspn (path, "/");
  target = g_strconcat ("/", path, "/", query != NULL ? "?" : "", query != NULL ? query : "", NULL);
  soup_message_headers_replace (soup_server_message_get_response_headers (request->message),
                                "Location", target);
  hypha_http_request_answer (request, SOUP_STATUS_TEMPORARY_REDIRECT, NULL, NULL);
}

/* A person may follow a link to an app from anywhere; nothing else of another site may ask it. */
static gboolean
hypha_http_apps_is_unasked (HyphaHttpRequest *request)
{
  return hypha_http_request_is_foreign (request) &&
         !(g_str_equal (soup_server_message_get_method (request->message), "GET") &&
           g_strcmp0 (hypha_http_request_get_header (request, "Sec-Fetch-Mode"), "navigate") == 0 &&
           g_strcmp0 (hypha_http_request_get_header (request, "Sec-Fetch-Dest"), "document") == 0);
}

static void
hypha_http_apps_found (HyphaHttpRequest *request,
                       HyphaServiceInfo *info,
                       gpointer          data)
{
  const char *type;

  if (info == NULL)
    return;

  request->cookie_mark = hypha_http_cookies_dup_mark (hypha_service_info_get_workspace (info),
                                                      hypha_service_info_get_service (info));
  type = hypha_service_info_get_service_type (info);
  if (g_ascii_strcasecmp (type, "asgi") == 0)
    hypha_http_asgi_serve (request, info);
  else if (g_str_equal (type, "functions"))
    hypha_http_functions_serve (request, info);
  else
    hypha_http_request_refuse (request, SOUP_STATUS_NOT_FOUND, "Not Found");
}

/* Any method on /{workspace}/apps/{service}/{path…} */
void
hypha_http_apps_serve (HyphaHttpRequest *request)
{
  if (hypha_http_apps_is_unasked (request))
    {
      hypha_http_request_refuse (request, SOUP_STATUS_FORBIDDEN,
                                 "a page of another site may link to apps, not use them");
      return;
    }

  if (hypha_http_apps_rest (request) == NULL)
    {
      hypha_http_apps_redirect (request);
      return;
    }

  hypha_http_services_find (request, NULL, hypha_http_apps_found, NULL);
}
