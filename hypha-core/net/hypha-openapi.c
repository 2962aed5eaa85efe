/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-openapi-private.h"

#include <string.h>

#include "hypha-http-arguments-private.h"
#include "hypha-http-member-private.h"
#include "hypha-json-schema-private.h"
#include "hypha-openapi-parts-private.h"

/* About what a function takes besides its own texts and schemas. */
#define FUNCTION_COST 2048

/*
 * A description of services by OpenAPI 3.1, as it grows. The paths are those of
 * /{workspace}/services and /{workspace}/apps; what services say of themselves is anybody's words.
 */
struct _HyphaOpenapi
{
  JsonObject *root;
  JsonObject *paths;
  JsonArray  *tags;
  GString    *description;
  gsize       budget;
  guint       n_left_out;
};

/* A function on its way into the description. */
typedef struct
{
  HyphaOpenapi              *openapi;
  const HyphaOpenapiService *service;
  const char                *name;       /* “math.add” */
  GVariant                  *member;     /* nullable */
  GVariant                  *parameters; /* the schema of all of them; nullable */
} HyphaOpenapiFunction;

HyphaOpenapi *
hypha_openapi_new (const char *title,
                   const char *description,
                   const char *server_url)
{
  HyphaOpenapi *self = g_new0 (HyphaOpenapi, 1);

  self->root = json_object_new ();
  self->paths = json_object_new ();
  self->tags = json_array_new ();
  self->description = g_string_new (description);
  self->budget = HYPHA_OPENAPI_MAX_SIZE;
  hypha_openapi_parts_begin (self->root, title, server_url);
  json_object_set_array_member (self->root, "tags", self->tags);
  json_object_set_object_member (self->root, "paths", self->paths);
  return self;
}

/* A query can carry values that are no text only as JSON. */
static gboolean
hypha_openapi_is_plain (JsonObject *schema)
{
  static const char *const plain[] = { "string", "integer", "number", "boolean", NULL };
  JsonNode *type = json_object_get_member (schema, "type");

  return type != NULL && JSON_NODE_HOLDS_VALUE (type) &&
         g_strv_contains (plain, json_node_get_string (type));
}

static JsonObject *
hypha_openapi_make_parameter (HyphaOpenapiFunction *function,
                              const char           *name,
                              GVariant             *schema,
                              gboolean              required)
{
  JsonObject *parameter = json_object_new ();
  JsonObject *clean = hypha_json_schema_clean (schema, &function->openapi->budget);
  const char *text = NULL;

  json_object_set_string_member (parameter, "name", name);
  json_object_set_string_member (parameter, "in", "query");
  json_object_set_boolean_member (parameter, "required", required);
  if (json_object_has_member (clean, "description"))
    text = json_object_get_string_member (clean, "description");
  if (text != NULL)
    json_object_set_string_member (parameter, "description", text);

  if (hypha_openapi_is_plain (clean) || json_object_get_size (clean) == 0)
    json_object_set_object_member (parameter, "schema", clean);
  else
    json_object_set_object_member (parameter, "content",
                                   hypha_openapi_parts_content ("application/json", clean));
  return parameter;
}

static gboolean
hypha_openapi_is_required (GVariant   *parameters,
                           const char *name)
{
  g_autoptr (GVariant) required = g_variant_lookup_value (parameters, "required",
                                                          G_VARIANT_TYPE ("av"));
  GVariantIter iter;
  GVariant *item;
  gboolean found = FALSE;

  if (required == NULL)
    return FALSE;

  g_variant_iter_init (&iter, required);
  while (!found && g_variant_iter_next (&iter, "v", &item))
    {
      found = g_variant_is_of_type (item, G_VARIANT_TYPE_STRING) &&
              g_str_equal (g_variant_get_string (item, NULL), name);
      g_variant_unref (item);
    }

  return found;
}

/* The arguments in a query: by name, where the names are known. */
static JsonArray *
hypha_openapi_make_parameters (HyphaOpenapiFunction *function)
{
  JsonArray *array = json_array_new ();
  g_autoptr (GVariant) properties = NULL;
  GVariantIter iter;
  const char *name;
  GVariant *item;

  json_array_add_object_element (array, hypha_openapi_parts_reference ("parameters", "mode"));
  if (function->parameters != NULL)
    properties = g_variant_lookup_value (function->parameters, "properties",
                                         G_VARIANT_TYPE_VARDICT);
  if (properties == NULL)
    {
      json_array_add_object_element (array,
                                     hypha_openapi_parts_reference ("parameters", "arguments"));
      return array;
    }

  g_variant_iter_init (&iter, properties);
  while (function->openapi->budget > 0 && g_variant_iter_next (&iter, "{&sv}", &name, &item))
    {
      g_autoptr (GVariant) schema = item;
      gboolean required = hypha_openapi_is_required (function->parameters, name);

      if (!g_str_equal (name, HYPHA_HTTP_MODE_ARGUMENT))
        json_array_add_object_element (array, hypha_openapi_make_parameter (function, name, schema,
                                                                            required));
    }

  return array;
}

/* All arguments, as far as they get to the function. */
static JsonObject *
hypha_openapi_make_arguments (HyphaOpenapiFunction *function)
{
  JsonObject *schema;
  JsonNode *properties;

  if (function->parameters == NULL)
    return json_object_new ();

  schema = hypha_json_schema_clean (function->parameters, &function->openapi->budget);
  properties = json_object_get_member (schema, "properties");
  if (properties != NULL && JSON_NODE_HOLDS_OBJECT (properties))
    json_object_remove_member (json_node_get_object (properties), HYPHA_HTTP_MODE_ARGUMENT);
  return schema;
}

static JsonObject *
hypha_openapi_make_body (HyphaOpenapiFunction *function)
{
  JsonObject *body = json_object_new ();
  JsonObject *schema = hypha_openapi_make_arguments (function);
  JsonObject *content;

  content = hypha_openapi_parts_content ("application/json", json_object_ref (schema));
  hypha_openapi_parts_add_content (content, "application/msgpack", json_object_ref (schema));
  hypha_openapi_parts_add_content (content, "application/x-www-form-urlencoded", schema);
  json_object_set_object_member (body, "content", content);
  json_object_set_boolean_member (body, "required", json_object_has_member (schema, "required"));
  return body;
}

static char *
hypha_openapi_dup_text (GVariant   *member,
                        const char *key)
{
  g_autoptr (GVariant) schema = NULL;
  char *text = NULL;

  if (member == NULL)
    return NULL;

  schema = g_variant_lookup_value (member, "_rschema", G_VARIANT_TYPE_VARDICT);
  if (schema == NULL)
    schema = g_variant_lookup_value (member, "function", G_VARIANT_TYPE_VARDICT);
  if (schema != NULL)
    g_variant_lookup (schema, key, "s", &text);
  return text;
}

static JsonObject *
hypha_openapi_make_operation (HyphaOpenapiFunction *function,
                              const char           *method)
{
  JsonObject *operation = json_object_new ();
  JsonArray *tags = json_array_new ();
  g_autofree char *description = hypha_openapi_dup_text (function->member, "description");
  g_autofree char *id = g_strdup_printf ("%s_%s/%s", method, function->service->id, function->name);

  json_array_add_string_element (tags, function->service->id);
  json_object_set_array_member (operation, "tags", tags);
  json_object_set_string_member (operation, "operationId", id);
  json_object_set_string_member (operation, "summary", function->name);
  if (description != NULL && *description != '\0')
    json_object_set_string_member (operation, "description", description);
  if (function->service->needs_token)
    json_object_set_array_member (operation, "security", hypha_openapi_parts_security (FALSE));
  return operation;
}

static JsonObject *
hypha_openapi_make_get (HyphaOpenapiFunction *function)
{
  JsonObject *operation = hypha_openapi_make_operation (function, "get");

  json_object_set_array_member (operation, "parameters", hypha_openapi_make_parameters (function));
  json_object_set_object_member (operation, "responses", hypha_openapi_parts_responses (FALSE));
  return operation;
}

static JsonObject *
hypha_openapi_make_post (HyphaOpenapiFunction *function)
{
  JsonObject *operation = hypha_openapi_make_operation (function, "post");
  JsonArray *parameters = json_array_new ();

  json_array_add_object_element (parameters, hypha_openapi_parts_reference ("parameters", "mode"));
  json_object_set_array_member (operation, "parameters", parameters);
  json_object_set_object_member (operation, "requestBody", hypha_openapi_make_body (function));
  json_object_set_object_member (operation, "responses", hypha_openapi_parts_responses (TRUE));
  return operation;
}

static gboolean
hypha_openapi_has_room (HyphaOpenapi *self,
                        gsize         size)
{
  if (self->n_left_out == 0 && self->budget >= FUNCTION_COST + size)
    {
      self->budget -= FUNCTION_COST + size;
      return TRUE;
    }

  self->n_left_out++;
  return FALSE;
}

static char *
hypha_openapi_make_path (const HyphaOpenapiService *service,
                         const char                *kind,
                         const char                *end)
{
  g_autofree char *workspace = g_uri_escape_string (service->workspace, NULL, FALSE);
  g_autofree char *id = g_uri_escape_string (service->id, ":@", FALSE);

  return g_strdup_printf ("/%s/%s/%s/%s", workspace, kind, id, end);
}

static void
hypha_openapi_add_function (HyphaOpenapi              *self,
                            const HyphaOpenapiService *service,
                            const char                *name,
                            GVariant                  *member)
{
  HyphaOpenapiFunction function = { self, service, name, member, NULL };
  g_autoptr (GVariant) parameters = NULL;
  g_autofree char *escaped = g_uri_escape_string (name, NULL, FALSE);
  g_autofree char *path = hypha_openapi_make_path (service, "services", escaped);
  JsonObject *item;

  if (!hypha_openapi_has_room (self, g_variant_get_size (member)))
    return;

  parameters = hypha_http_member_dup_parameters (member);
  function.parameters = parameters;
  item = json_object_new ();
  json_object_set_object_member (item, "get", hypha_openapi_make_get (&function));
  json_object_set_object_member (item, "post", hypha_openapi_make_post (&function));
  json_object_set_object_member (self->paths, path, item);
}

/* A path that ends in what its caller puts there; nobody knows what is behind it. */
static void
hypha_openapi_add_any (HyphaOpenapi              *self,
                       const HyphaOpenapiService *service,
                       const char                *kind,
                       const char                *name)
{
  g_autofree char *open = g_strdup_printf ("{%s}", name);
  HyphaOpenapiFunction function = { self, service, open, NULL, NULL };
  g_autofree char *path = hypha_openapi_make_path (service, kind, open);
  JsonArray *parameters = json_array_new ();
  JsonObject *item = json_object_new ();

  if (hypha_openapi_has_room (self, 0))
    {
      json_array_add_object_element (parameters, hypha_openapi_parts_reference ("parameters", name));
      json_object_set_array_member (item, "parameters", json_array_ref (parameters));
      json_object_set_object_member (item, "get", hypha_openapi_make_get (&function));
      json_object_set_object_member (item, "post", hypha_openapi_make_post (&function));
      json_object_set_object_member (self->paths, path, json_object_ref (item));
    }

  json_array_unref (parameters);
  json_object_unref (item);
}

static void
hypha_openapi_add_members (HyphaOpenapi              *self,
                           const HyphaOpenapiService *service,
                           GVariant                  *map,
                           const char                *prefix,
                           guint                      depth)
{
  GVariantIter iter;
  const char *key;
  GVariant *item;

  g_variant_iter_init (&iter, map);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &item))
    {
      g_autoptr (GVariant) member = item;
      g_autofree char *name = g_strconcat (prefix, key, NULL);

      /* A name with a dot is two names in a path. */
      if (*key == '\0' || strchr (key, '.') != NULL ||
          (depth == 0 && hypha_http_member_is_meta (key)))
        continue;

      if (hypha_http_member_is_callable (member))
        {
          hypha_openapi_add_function (self, service, name, member);
        }
      else if (g_variant_is_of_type (member, G_VARIANT_TYPE_VARDICT) &&
               depth + 1 < HYPHA_HTTP_MAX_MEMBER_DEPTH)
        {
          g_autofree char *deeper = g_strconcat (name, ".", NULL);

          hypha_openapi_add_members (self, service, member, deeper, depth + 1);
        }
    }
}

void
hypha_openapi_add_service (HyphaOpenapi              *self,
                           const HyphaOpenapiService *service)
{
  JsonObject *tag;
  gboolean app = g_ascii_strcasecmp (service->type, "asgi") == 0;

  if (!hypha_openapi_has_room (self, strlen (service->description)))
    return;

  tag = json_object_new ();
  json_object_set_string_member (tag, "name", service->id);
  if (*service->description != '\0')
    json_object_set_string_member (tag, "description", service->description);
  json_array_add_object_element (self->tags, tag);

  if (app || g_str_equal (service->type, "functions"))
    hypha_openapi_add_any (self, service, "apps", "path");
  if (app)
    return;

  if (service->members != NULL)
    hypha_openapi_add_members (self, service, service->members, "", 0);
  else
    hypha_openapi_add_any (self, service, "services", "function");
}

/* The whole of it; self is no more. */
JsonNode *
hypha_openapi_end (HyphaOpenapi *self)
{
  JsonNode *node = json_node_alloc ();
  JsonObject *info = json_object_get_object_member (self->root, "info");

  if (self->n_left_out > 0)
    g_string_append_printf (self->description, "%sAs it would become too long, %u more are left out.",
                            self->description->len > 0 ? "\n\n" : "", self->n_left_out);
  json_object_set_string_member (info, "description", self->description->str);
  json_node_take_object (node, self->root);
  g_string_free (self->description, TRUE);
  g_free (self);
  return node;
}
