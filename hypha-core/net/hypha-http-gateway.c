/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-http-gateway-private.h"
#include "hypha-identity-private.h"
#include "hypha-json-private.h"

/*
 * HyphaHttpGateway: /health and /{workspace}/services over plain HTTP. Who asks is what a
 * verified bearer token says, and nobody otherwise: the workspace in the path is what is asked
 * about, never who asks.
 */
struct _HyphaHttpGateway
{
  GObject       parent_instance;

  HyphaServer  *server;
  HyphaManager *manager;
};

G_DEFINE_FINAL_TYPE (HyphaHttpGateway, hypha_http_gateway, G_TYPE_OBJECT)

static void
hypha_http_gateway_dispose (GObject *object)
{
  HyphaHttpGateway *self = HYPHA_HTTP_GATEWAY (object);

  if (self->server != NULL)
    {
      soup_server_remove_handler (hypha_server_get_soup (self->server), "/health");
      soup_server_remove_handler (hypha_server_get_soup (self->server), "/");
    }

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
}

/* A page may read the answer only if its origin is allowed; an error is an answer too. */
static void
hypha_http_gateway_add_cors (HyphaHttpGateway  *self,
                             SoupServerMessage *message)
{
  SoupMessageHeaders *answer = soup_server_message_get_response_headers (message);
  const char *origin;

  soup_message_headers_append (answer, "Vary", "Origin");
  origin = soup_message_headers_get_one (soup_server_message_get_request_headers (message),
                                         "Origin");
  if (origin == NULL || !hypha_server_origin_allowed (self->server, origin))
    return;

  soup_message_headers_replace (answer, "Access-Control-Allow-Origin", origin);
  soup_message_headers_replace (answer, "Access-Control-Allow-Methods",
                                "GET,POST,PUT,DELETE,OPTIONS");
  soup_message_headers_replace (answer, "Access-Control-Allow-Headers",
                                "Authorization,Content-Type");
}

static void
hypha_http_gateway_answer (HyphaHttpGateway  *self,
                           SoupServerMessage *message,
                           guint              status,
                           JsonNode          *body)
{
  char *text = json_to_string (body, FALSE);

  hypha_http_gateway_add_cors (self, message);
  soup_server_message_set_status (message, status, NULL);
  soup_server_message_set_response (message, "application/json", SOUP_MEMORY_TAKE, text,
                                    strlen (text));
}

static void
hypha_http_gateway_fail (HyphaHttpGateway  *self,
                         SoupServerMessage *message,
                         guint              status,
                         const char        *detail)
{
  g_autoptr (GVariant) body = NULL;
  g_autoptr (JsonNode) node = NULL;

  body = g_variant_ref_sink (g_variant_new_parsed ("{'success': <false>, 'detail': <%s>}", detail));
  node = hypha_json_from_variant (body);
  hypha_http_gateway_answer (self, message, status, node);
}

static void
hypha_http_gateway_health (SoupServer        *soup,
                           SoupServerMessage *message,
                           const char        *path,
                           GHashTable        *query,
                           gpointer           data)
{
  HyphaHttpGateway *self = data;
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *timestamp = g_date_time_format_iso8601 (now);
  g_autoptr (GVariant) body = NULL;
  g_autoptr (JsonNode) node = NULL;

  if (!g_str_equal (path, "/health"))
    {
      hypha_http_gateway_fail (self, message, SOUP_STATUS_NOT_FOUND, "Route not found");
      return;
    }

  body = g_variant_ref_sink (
    g_variant_new_parsed ("{'status': <'OK'>, 'timestamp': <%s>}", timestamp));
  node = hypha_json_from_variant (body);
  hypha_http_gateway_answer (self, message, SOUP_STATUS_OK, node);
}

/* Who asks: the user of the bearer token and its workspace, or a fresh anonymous user. */
static void
hypha_http_gateway_identify (HyphaHttpGateway  *self,
                             SoupServerMessage *message,
                             HyphaIdentity     *identity)
{
  HyphaHello hello = { 0 };
  const char *authorization;

  authorization = soup_message_headers_get_one (soup_server_message_get_request_headers (message),
                                                "Authorization");
  if (authorization != NULL && g_str_has_prefix (authorization, "Bearer "))
    {
      g_autoptr (GError) error = NULL;

      hello.token = (char *) authorization + strlen ("Bearer ");
      if (hypha_identity_prove (identity, &hello, hypha_manager_get_authority (self->manager),
                                &error))
        return;

      g_debug ("HTTP request treated as anonymous: %s", error->message);
      hypha_throttle_failed (hypha_authority_get_throttle (
                               hypha_manager_get_authority (self->manager)),
                             soup_server_message_get_remote_host (message),
                             hypha_throttle_now ());
      hypha_identity_clear (identity);
      hello.token = NULL;
    }

  if (!hypha_identity_prove (identity, &hello, hypha_manager_get_authority (self->manager), NULL))
    g_assert_not_reached ();
}

/* “ws/cid:svc” is “cid:svc” under a path that names the workspace already. */
static GVariant *
hypha_http_gateway_shorten_ids (GVariant *records)
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

static void
hypha_http_gateway_list (HyphaHttpGateway  *self,
                         SoupServerMessage *message,
                         const char        *workspace)
{
  g_auto (HyphaIdentity) identity = { 0 };
  g_autoptr (GVariant) query = NULL;
  g_autoptr (GVariant) records = NULL;
  g_autoptr (GVariant) shortened = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = NULL;

  hypha_http_gateway_identify (self, message, &identity);
  query = g_variant_ref_sink (g_variant_new_parsed ("{'workspace': <%s>}", workspace));
  records = hypha_lookup_list (self->manager, identity.user, identity.workspace, query, &error);
  if (records == NULL)
    {
      hypha_http_gateway_fail (self, message, hypha_error_get_http_status (error), error->message);
      return;
    }

  shortened = hypha_http_gateway_shorten_ids (records);
  node = hypha_json_from_variant (shortened);
  hypha_http_gateway_answer (self, message, SOUP_STATUS_OK, node);
}

/* The segments of the path, decoded one by one so that an encoded slash stays inside its own. */
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
      if (segment == NULL || !g_utf8_validate (segment, -1, NULL))
        return NULL;

      g_strv_builder_add (segments, segment);
    }

  return g_strv_builder_end (segments);
}

static void
hypha_http_gateway_route (SoupServer        *soup,
                          SoupServerMessage *message,
                          const char        *path,
                          GHashTable        *query,
                          gpointer           data)
{
  HyphaHttpGateway *self = data;
  const char *method = soup_server_message_get_method (message);
  g_auto (GStrv) segments = NULL;
  gboolean ours;

  segments = hypha_http_gateway_split (g_uri_get_path (soup_server_message_get_uri (message)));
  ours = segments != NULL && g_strv_length (segments) == 2 &&
         g_str_equal (segments[1], "services") && hypha_address_is_name (segments[0]);
  if (ours && g_str_equal (method, "OPTIONS"))
    {
      soup_message_headers_replace (soup_server_message_get_response_headers (message),
                                    "Access-Control-Max-Age", "86400");
      hypha_http_gateway_add_cors (self, message);
      soup_server_message_set_status (message, SOUP_STATUS_OK, NULL);
    }
  else if (ours && (g_str_equal (method, "GET") || g_str_equal (method, "HEAD")))
    {
      hypha_http_gateway_list (self, message, segments[0]);
    }
  else
    {
      hypha_http_gateway_fail (self, message, SOUP_STATUS_NOT_FOUND, "Route not found");
    }
}

/* Answers the requests of server; it is the core's to keep. */
HyphaHttpGateway *
hypha_http_gateway_new (HyphaServer  *server,
                        HyphaManager *manager)
{
  HyphaHttpGateway *self = g_object_new (HYPHA_TYPE_HTTP_GATEWAY, NULL);

  self->server = g_object_ref (server);
  self->manager = g_object_ref (manager);
  soup_server_add_handler (hypha_server_get_soup (server), "/health", hypha_http_gateway_health,
                           self, NULL);
  soup_server_add_handler (hypha_server_get_soup (server), "/", hypha_http_gateway_route, self,
                           NULL);
  return self;
}
