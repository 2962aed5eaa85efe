/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "hypha-json-schema-private.h"
#include "hypha-openapi-private.h"
#include "test-http-fixture.h"
#include "test-utils.h"

static void
serve_nothing (HyphaInvocation *invocation,
               gpointer         data)
{
  hypha_invocation_return (invocation, g_variant_new_boolean (TRUE));
}

static void
register_service (Web        *web,
                  const char *id,
                  const char *visibility,
                  const char *type)
{
  g_autoptr (HyphaService) service = web_service (id, visibility, type);

  hypha_service_add_function (service, "math.subtract", "a, workspace, _mode", "Subtracts.", NULL,
                              serve_nothing, NULL, NULL);
  hypha_service_add_function (service, "say hello/{you}", "", NULL, NULL, serve_nothing, NULL,
                              NULL);
  hypha_service_add_value (service, "answer", g_variant_new_int64 (42));
  web_register (web, service);
}

static Web *
web_with_services (void)
{
  Web *web = web_new ();

  register_service (web, "calc", "public", "generic");
  register_service (web, "secret", "protected", "generic");
  register_service (web, "quiet", "unlisted", "generic");
  register_service (web, "site", "public", "asgi");
  register_service (web, "pages", "public", "functions");
  return web;
}

static JsonObject *
get_object (JsonObject *object,
            const char *name)
{
  g_assert_true (json_object_has_member (object, name));
  return json_object_get_object_member (object, name);
}

static JsonNode *
resolve (JsonObject *root,
         const char *reference)
{
  g_auto (GStrv) steps = g_strsplit (reference, "/", -1);
  JsonObject *at = root;

  g_assert_cmpstr (steps[0], ==, "#");
  g_assert_cmpuint (g_strv_length (steps), ==, 4);
  at = get_object (get_object (at, steps[1]), steps[2]);
  g_assert_true (json_object_has_member (at, steps[3]));
  return json_object_get_member (at, steps[3]);
}

static JsonObject *
follow (JsonObject *root,
        JsonObject *object)
{
  if (!json_object_has_member (object, "$ref"))
    return object;

  return json_node_get_object (resolve (root, json_object_get_string_member (object, "$ref")));
}

/* OpenAPI 3.1, 4.8.12: by name and place each parameter is there once, with a schema or content. */
static void
check_parameters (JsonObject *root,
                  JsonObject *object)
{
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);
  JsonArray *parameters = json_object_get_array_member (object, "parameters");

  for (guint i = 0; i < json_array_get_length (parameters); i++)
    {
      JsonObject *parameter = follow (root, json_array_get_object_element (parameters, i));
      const char *name = json_object_get_string_member (parameter, "name");
      const char *in = json_object_get_string_member (parameter, "in");

      g_assert_true (g_hash_table_add (names, (char *) name));
      g_assert_true (g_str_equal (in, "query") || g_str_equal (in, "path"));
      g_assert_true (json_object_has_member (parameter, "schema") !=
                     json_object_has_member (parameter, "content"));
    }
}

static void
check_operation (JsonObject *root,
                 JsonObject *operation,
                 GHashTable *ids)
{
  const char *id = json_object_get_string_member (operation, "operationId");
  JsonObject *responses = get_object (operation, "responses");
  g_autoptr (GList) statuses = json_object_get_members (responses);

  g_assert_true (g_hash_table_add (ids, g_strdup (id)));
  check_parameters (root, operation);
  g_assert_nonnull (statuses);
  for (GList *item = statuses; item != NULL; item = item->next)
    g_assert_true (json_object_has_member (follow (root, get_object (responses, item->data)),
                                           "description"));
}

static void
check_document (JsonObject *root)
{
  g_autoptr (GHashTable) ids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  JsonObject *paths = get_object (root, "paths");
  g_autoptr (GList) names = json_object_get_members (paths);

  g_assert_cmpstr (json_object_get_string_member (root, "openapi"), ==, "3.1.0");
  g_assert_true (json_object_has_member (get_object (root, "info"), "title"));
  g_assert_true (json_object_has_member (get_object (root, "info"), "version"));
  for (GList *item = names; item != NULL; item = item->next)
    {
      JsonObject *path = get_object (paths, item->data);

      g_assert_true (g_str_has_prefix (item->data, "/"));
      check_operation (root, get_object (path, "get"), ids);
      check_operation (root, get_object (path, "post"), ids);
      g_assert_true (json_object_has_member (get_object (path, "post"), "requestBody"));
      if (strchr (item->data, '{') != NULL)
        check_parameters (root, path);
    }
}

static JsonNode *
ask (Web        *web,
     const char *path,
     const char *token)
{
  g_autoptr (Answer) answer = web_ask (web, "GET", path, token, NULL, NULL);
  JsonNode *node;

  g_assert_cmpuint (answer->status, ==, 200);
  g_assert_cmpstr (answer->type, ==, "application/json");
  node = json_from_string (answer->text, NULL);
  g_assert_nonnull (node);
  check_document (json_node_get_object (node));
  return node;
}

/* What a body may hold is what a function gets of it. */
static void
check_body (JsonObject *post)
{
  JsonObject *content = get_object (get_object (post, "requestBody"), "content");
  JsonObject *properties = get_object (get_object (get_object (content, "application/json"),
                                                   "schema"), "properties");

  g_assert_true (json_object_has_member (properties, "workspace"));
  g_assert_false (json_object_has_member (properties, "_mode"));
}

static void
test_service (void)
{
  g_autoptr (Web) web = web_with_services ();
  g_autoptr (JsonNode) node = ask (web, "/ws-a/services/calc/openapi.json", NULL);
  JsonObject *root = json_node_get_object (node);
  JsonObject *paths = get_object (root, "paths");
  JsonObject *get = get_object (get_object (paths, "/ws-a/services/calc/math.subtract"), "get");
  JsonArray *parameters = json_object_get_array_member (get, "parameters");
  JsonArray *security = json_object_get_array_member (root, "security");

  g_assert_cmpuint (json_object_get_size (paths), ==, 2);
  g_assert_true (json_object_has_member (paths, "/ws-a/services/calc/say%20hello%2F%7Byou%7D"));
  g_assert_cmpstr (json_object_get_string_member (get, "description"), ==, "Subtracts.");
  g_assert_cmpuint (json_array_get_length (parameters), ==, 3);
  g_assert_cmpstr (json_object_get_string_member (json_array_get_object_element (parameters, 1),
                                                  "name"), ==, "a");
  g_assert_cmpstr (json_object_get_string_member (json_array_get_object_element (parameters, 2),
                                                  "name"), ==, "workspace");
  check_body (get_object (get_object (paths, "/ws-a/services/calc/math.subtract"), "post"));
  g_assert_cmpuint (json_array_get_length (security), ==, 2);
  g_assert_false (json_object_has_member (get, "security"));
}

static void
test_protected (void)
{
  g_autoptr (Web) web = web_with_services ();
  g_autoptr (JsonNode) node = ask (web, "/ws-a/services/secret/openapi.json", web->token);
  g_autoptr (Answer) stranger = NULL;
  g_autoptr (Answer) other = NULL;
  JsonObject *paths = get_object (json_node_get_object (node), "paths");
  JsonObject *get = get_object (get_object (paths, "/ws-a/services/secret/math.subtract"), "get");

  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (get, "security")), ==, 1);
  stranger = web_ask (web, "GET", "/ws-a/services/secret/openapi.json", NULL, NULL, NULL);
  other = web_ask (web, "GET", "/ws-a/services/secret/openapi.json", web->other_token, NULL, NULL);
  g_assert_cmpuint (stranger->status, >=, 403);
  g_assert_cmpuint (other->status, >=, 403);
  g_assert_null (strstr (stranger->text, "subtract"));
  g_assert_null (strstr (other->text, "subtract"));
}

static void
test_workspace (void)
{
  g_autoptr (Web) web = web_with_services ();
  g_autoptr (JsonNode) strangers = ask (web, "/ws-a/openapi.json", NULL);
  g_autoptr (JsonNode) members = ask (web, "/ws-a/openapi.json", web->token);
  g_autofree char *seen = json_to_string (strangers, FALSE);
  JsonObject *paths = get_object (json_node_get_object (strangers), "paths");

  g_assert_true (json_object_has_member (paths, "/ws-a/services/provider:calc/math.subtract"));
  g_assert_true (json_object_has_member (paths, "/ws-a/services/provider:pages/math.subtract"));
  g_assert_true (json_object_has_member (paths, "/ws-a/apps/provider:pages/{path}"));
  g_assert_true (json_object_has_member (paths, "/ws-a/apps/provider:site/{path}"));
  g_assert_false (json_object_has_member (paths, "/ws-a/services/provider:site/math.subtract"));
  g_assert_null (strstr (seen, "secret"));
  g_assert_null (strstr (seen, "quiet"));

  paths = get_object (json_node_get_object (members), "paths");
  g_assert_true (json_object_has_member (paths, "/ws-a/services/provider:secret/math.subtract"));
}

static void
test_manager (void)
{
  g_autoptr (Web) web = web_with_services ();
  g_autoptr (JsonNode) strangers = ask (web, "/ws-a/services/ws/openapi.json", NULL);
  g_autoptr (JsonNode) members = ask (web, "/ws-a/services/ws/openapi.json", web->token);
  JsonObject *paths = get_object (json_node_get_object (strangers), "paths");

  g_assert_true (json_object_has_member (paths, "/ws-a/services/ws/list_services"));
  g_assert_false (json_object_has_member (paths, "/ws-a/services/ws/generate_token"));
  paths = get_object (json_node_get_object (members), "paths");
  g_assert_true (json_object_has_member (paths, "/ws-a/services/ws/generate_token"));
  g_assert_false (json_object_has_member (paths, "/ws-a/services/ws/register_service"));
}

static void
assert_clean (const char *schema,
              const char *expected)
{
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_parsed (schema));
  gsize budget = 1024 * 1024;
  g_autoptr (JsonNode) wanted = json_from_string (expected, NULL);
  g_autoptr (JsonNode) node = json_node_alloc ();

  json_node_take_object (node, hypha_json_schema_clean (value, &budget));
  g_assert_cmpuint (budget, <, 1024 * 1024);
  if (!json_node_equal (node, wanted))
    g_error ("%s", json_to_string (node, TRUE));
}

static void
test_clean (void)
{
  assert_clean ("{'type': <[<'int'>, <'NoneType'>]>}", "{\"type\":[\"integer\",\"null\"]}");
  assert_clean ("{'type': <'odd'>, 'title': <int64 3>, 'description': <'x'>, 'x-own': <'y'>}",
                "{\"description\":\"x\"}");
  assert_clean ("{'type': <[<'string'>, <'null'>, <'string'>, <'odd'>]>}",
                "{\"type\":[\"string\",\"null\"]}");
  assert_clean ("{'type': <'number'>, 'minimum': <int64 1>, 'exclusiveMinimum': <true>,"
                " 'maxLength': <int64 -1>}",
                "{\"type\":\"number\",\"minimum\":1}");
  assert_clean ("{'required': <[<'a'>, <'a'>, <int64 1>]>, 'anyOf': <@av []>,"
                " 'additionalProperties': <false>, 'items': <'nonsense'>}",
                "{\"required\":[\"a\"],\"additionalProperties\":false,\"items\":{}}");
  assert_clean ("{'$ref': <'#/$defs/Pair'>, '$defs': <{'Pair': <{'type': <'array'>}>}>}",
                "{\"type\":\"array\"}");
  assert_clean ("{'$ref': <'https://example.org/x'>}", "{}");
}

/* A schema that names itself twice would be without end. */
static void
test_bomb (void)
{
  const char *bomb = "{'$ref': <'#/$defs/X'>, '$defs': <{'X': <{'allOf': <[<{'$ref': "
                     "<'#/$defs/X'>}>, <{'$ref': <'#/$defs/X'>}>]>}>}>}";
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_parsed (bomb));
  gsize budget = 1024 * 1024;
  g_autoptr (JsonObject) object = hypha_json_schema_clean (value, &budget);

  g_assert_nonnull (object);
  g_assert_cmpuint (budget, >=, 1024 * 1024 - HYPHA_JSON_SCHEMA_MAX_SIZE);
}

static GVariant *
make_many (guint n)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *name = g_strdup_printf ("f%u", i);

      g_variant_builder_add (&builder, "{sv}", name, g_variant_new ("a{sv}", NULL));
    }

  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

static void
test_too_many (void)
{
  HyphaOpenapi *openapi = hypha_openapi_new ("many", "", "http://127.0.0.1:9527");
  g_autoptr (GVariant) members = make_many (5000);
  HyphaOpenapiService service = { "ws-a", "c:many", "many", "", "generic", members, FALSE };
  g_autoptr (JsonNode) node = NULL;
  JsonObject *root;

  hypha_openapi_add_service (openapi, &service);
  node = hypha_openapi_end (openapi);
  root = json_node_get_object (node);
  check_document (root);
  g_assert_cmpuint (json_object_get_size (get_object (root, "paths")), <, 2048);
  g_assert_nonnull (strstr (json_object_get_string_member (get_object (root, "info"),
                                                           "description"), "are left out"));
}

static void
test_unknown_members (void)
{
  HyphaOpenapi *openapi = hypha_openapi_new ("old", "", "http://127.0.0.1:9527");
  HyphaOpenapiService service = { "ws-a", "c:old", "old", "", "generic", NULL, FALSE };
  g_autoptr (JsonNode) node = NULL;

  hypha_openapi_add_service (openapi, &service);
  node = hypha_openapi_end (openapi);
  check_document (json_node_get_object (node));
  g_assert_true (json_object_has_member (get_object (json_node_get_object (node), "paths"),
                                         "/ws-a/services/c:old/{function}"));
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/openapi/service", test_service);
  g_test_add_func ("/openapi/protected", test_protected);
  g_test_add_func ("/openapi/workspace", test_workspace);
  g_test_add_func ("/openapi/manager", test_manager);
  g_test_add_func ("/openapi/clean", test_clean);
  g_test_add_func ("/openapi/bomb", test_bomb);
  g_test_add_func ("/openapi/too-many", test_too_many);
  g_test_add_func ("/openapi/unknown-members", test_unknown_members);
  return g_test_run ();
}
