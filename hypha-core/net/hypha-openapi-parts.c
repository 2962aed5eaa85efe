/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-openapi-parts-private.h"

#define SECURITY_SCHEME "token"

/* What a call may be answered with besides its result. */
static const struct
{
  const char *status;
  const char *name;
  const char *description;
  gboolean    of_body;   /* only where there is one */
} hypha_openapi_errors[] = {
  { "400", "failed", "The function failed, or the arguments cannot be read.", FALSE },
  { "401", "unauthorized", "The token is none, or not any more.", FALSE },
  { "403", "forbidden", "Whoever asks may not call this.", FALSE },
  { "404", "missing", "There is no such workspace, service or function.", FALSE },
  { "413", "tooLarge", "The body is too large.", TRUE },
  { "415", "unsupported", "The body is of a type that is not understood.", TRUE },
  { "429", "throttled", "Too many tokens from this address were none; try again later.", FALSE },
  { "503", "busy", "The server has no room for the request now, or is stopping.", FALSE },
  { "504", "timedOut", "The service did not answer in time.", FALSE },
};

/* Consumes schema. */
void
hypha_openapi_parts_add_content (JsonObject *content,
                                 const char *content_type,
                                 JsonObject *schema)
{
  JsonObject *media = json_object_new ();

  json_object_set_object_member (media, "schema", schema);
  json_object_set_object_member (content, content_type, media);
}

/* Consumes schema. */
JsonObject *
hypha_openapi_parts_content (const char *content_type,
                             JsonObject *schema)
{
  JsonObject *content = json_object_new ();

  hypha_openapi_parts_add_content (content, content_type, schema);
  return content;
}

JsonObject *
hypha_openapi_parts_reference (const char *kind,
                               const char *name)
{
  JsonObject *reference = json_object_new ();
  g_autofree char *target = g_strdup_printf ("#/components/%s/%s", kind, name);

  json_object_set_string_member (reference, "$ref", target);
  return reference;
}

/* With a token; if optional, without one as well. */
JsonArray *
hypha_openapi_parts_security (gboolean optional)
{
  JsonArray *security = json_array_new ();
  JsonObject *scheme = json_object_new ();

  if (optional)
    json_array_add_object_element (security, json_object_new ());
  json_object_set_array_member (scheme, SECURITY_SCHEME, json_array_new ());
  json_array_add_object_element (security, scheme);
  return security;
}

JsonObject *
hypha_openapi_parts_responses (gboolean has_body)
{
  JsonObject *responses = json_object_new ();

  json_object_set_object_member (responses, "200",
                                 hypha_openapi_parts_reference ("responses", "result"));
  for (gsize i = 0; i < G_N_ELEMENTS (hypha_openapi_errors); i++)
    if (has_body || !hypha_openapi_errors[i].of_body)
      json_object_set_object_member (responses, hypha_openapi_errors[i].status,
                                     hypha_openapi_parts_reference ("responses",
                                                                    hypha_openapi_errors[i].name));
  json_object_set_object_member (responses, "default",
                                 hypha_openapi_parts_reference ("responses", "other"));
  return responses;
}

/* Fixed text of this file. */
static JsonObject *
hypha_openapi_parts_parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = json_from_string (text, &error);

  g_assert_no_error (error);
  return json_object_ref (json_node_get_object (node));
}

static void
hypha_openapi_parts_add_error (JsonObject *responses,
                               const char *name,
                               const char *description)
{
  JsonObject *response = json_object_new ();

  json_object_set_string_member (response, "description", description);
  json_object_set_object_member (
    response, "content",
    hypha_openapi_parts_content ("application/json",
                                 hypha_openapi_parts_reference ("schemas", "error")));
  json_object_set_object_member (responses, name, response);
}

static JsonObject *
hypha_openapi_parts_make_responses (void)
{
  JsonObject *responses = json_object_new ();

  json_object_set_object_member (
    responses, "result",
    hypha_openapi_parts_parse (
      "{\"description\":\"What the function returns: JSON, or MessagePack to whoever accepts or "
      "sends it; bytes alone are sent as they are. What a generator yields comes item by item: in "
      "lines of JSON, as events to whoever accepts those, or in MessagePack.\","
      "\"content\":{\"application/json\":{\"schema\":{}},\"application/msgpack\":{\"schema\":{}},"
      "\"application/octet-stream\":{},"
      "\"application/x-ndjson\":{\"schema\":{\"type\":\"string\"}},"
      "\"text/event-stream\":{\"schema\":{\"type\":\"string\"}}}}"));
  for (gsize i = 0; i < G_N_ELEMENTS (hypha_openapi_errors); i++)
    hypha_openapi_parts_add_error (responses, hypha_openapi_errors[i].name,
                                   hypha_openapi_errors[i].description);
  hypha_openapi_parts_add_error (responses, "other", "Anything else that went wrong.");
  return responses;
}

static JsonObject *
hypha_openapi_parts_make_components (void)
{
  JsonObject *components = json_object_new ();

  json_object_set_object_member (
    components, "securitySchemes",
    hypha_openapi_parts_parse ("{\"" SECURITY_SCHEME "\":{\"type\":\"http\","
                               "\"scheme\":\"bearer\",\"bearerFormat\":\"JWT\"}}"));
  json_object_set_object_member (
    components, "schemas",
    hypha_openapi_parts_parse (
      "{\"error\":{\"type\":\"object\",\"required\":[\"success\",\"detail\"],\"properties\":{"
      "\"success\":{\"type\":\"boolean\",\"const\":false},\"detail\":{\"type\":\"string\"}}}}"));
  json_object_set_object_member (
    components, "parameters",
    hypha_openapi_parts_parse (
      "{\"mode\":{\"name\":\"_mode\",\"in\":\"query\",\"schema\":{\"type\":\"string\"},"
      "\"description\":\"Which of several services of this name: first, last, random, …\"},"
      "\"arguments\":{\"name\":\"arguments\",\"in\":\"query\",\"style\":\"form\","
      "\"explode\":true,\"schema\":{\"type\":\"object\",\"additionalProperties\":true},"
      "\"description\":\"Arguments by name: one is handed over as it is, several as one map.\"},"
      "\"function\":{\"name\":\"function\",\"in\":\"path\",\"required\":true,"
      "\"schema\":{\"type\":\"string\"},"
      "\"description\":\"The service does not say which functions it has.\"},"
      "\"path\":{\"name\":\"path\",\"in\":\"path\",\"required\":true,"
      "\"schema\":{\"type\":\"string\"},"
      "\"description\":\"What the app itself takes for a path.\"}}"));
  json_object_set_object_member (components, "responses", hypha_openapi_parts_make_responses ());
  return components;
}

/* What stands above the paths. */
void
hypha_openapi_parts_begin (JsonObject *root,
                           const char *title,
                           const char *server_url)
{
  JsonObject *info = json_object_new ();
  JsonArray *servers = json_array_new ();
  JsonObject *server = json_object_new ();

  json_object_set_string_member (root, "openapi", "3.1.0");
  json_object_set_string_member (info, "title", title);
  json_object_set_string_member (info, "version", "1");
  json_object_set_object_member (root, "info", info);
  json_object_set_string_member (server, "url", server_url);
  json_array_add_object_element (servers, server);
  json_object_set_array_member (root, "servers", servers);
  json_object_set_array_member (root, "security", hypha_openapi_parts_security (TRUE));
  json_object_set_object_member (root, "components", hypha_openapi_parts_make_components ());
}
