/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-json-schema-private.h"

#include <string.h>

#include "hypha-http-value-private.h"

/* What each schema, and each keyword in it, costs at least. */
#define BASE_COST 64

/* What a keyword may have as its value. */
typedef enum
{
  KIND_TYPE,
  KIND_TEXT,
  KIND_FLAG,
  KIND_NUMBER,
  KIND_COUNT,
  KIND_VALUE,
  KIND_VALUES,
  KIND_NAMES,
  KIND_SCHEMA,
  KIND_SCHEMAS,
  KIND_MAP,
} HyphaJsonSchemaKind;

typedef struct
{
  GVariant *root;    /* what “#/…” leads into */
  gsize     budget;  /* bytes that are left */
  guint     depth;
} HyphaJsonSchema;

/* Patterns and formats are left out: no two languages agree on what they mean. */
static const struct
{
  const char          *name;
  HyphaJsonSchemaKind  kind;
} hypha_json_schema_keywords[] = {
  { "type", KIND_TYPE },
  { "title", KIND_TEXT },
  { "description", KIND_TEXT },
  { "default", KIND_VALUE },
  { "const", KIND_VALUE },
  { "enum", KIND_VALUES },
  { "examples", KIND_VALUES },
  { "deprecated", KIND_FLAG },
  { "minimum", KIND_NUMBER },
  { "maximum", KIND_NUMBER },
  { "exclusiveMinimum", KIND_NUMBER },
  { "exclusiveMaximum", KIND_NUMBER },
  { "minLength", KIND_COUNT },
  { "maxLength", KIND_COUNT },
  { "minItems", KIND_COUNT },
  { "maxItems", KIND_COUNT },
  { "required", KIND_NAMES },
  { "items", KIND_SCHEMA },
  { "additionalProperties", KIND_SCHEMA },
  { "prefixItems", KIND_SCHEMAS },
  { "anyOf", KIND_SCHEMAS },
  { "oneOf", KIND_SCHEMAS },
  { "allOf", KIND_SCHEMAS },
  { "properties", KIND_MAP },
};

static JsonNode *hypha_json_schema_copy (HyphaJsonSchema *self,
                                         GVariant        *schema);

static gboolean
hypha_json_schema_pay (HyphaJsonSchema *self,
                       gsize            size)
{
  size += BASE_COST;
  if (size > self->budget)
    {
      self->budget = 0;
      return FALSE;
    }

  self->budget -= size;
  return TRUE;
}

/* The word of JSON Schema for a type; stock Python clients say what Python calls it. NULL if none. */
static const char *
hypha_json_schema_name_type (GVariant *value)
{
  static const char *const names[][2] = {
    { "array", "array" },     { "boolean", "boolean" }, { "integer", "integer" },
    { "null", "null" },       { "number", "number" },   { "object", "object" },
    { "string", "string" },   { "list", "array" },      { "tuple", "array" },
    { "bool", "boolean" },    { "int", "integer" },     { "NoneType", "null" },
    { "float", "number" },    { "dict", "object" },     { "str", "string" },
  };

  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_str_equal (g_variant_get_string (value, NULL), names[i][0]))
      return names[i][1];

  return NULL;
}

static const char *
hypha_json_schema_get_text (GVariant *value)
{
  return g_variant_is_of_type (value, G_VARIANT_TYPE_STRING) ? g_variant_get_string (value, NULL)
                                                             : NULL;
}

static JsonNode *
hypha_json_schema_take_array (JsonArray *array)
{
  JsonNode *node;

  if (json_array_get_length (array) == 0)
    {
      json_array_unref (array);
      return NULL;
    }

  node = json_node_alloc ();
  json_node_init_array (node, array);
  json_array_unref (array);
  return node;
}

/* A list of the words that there are, each once: JSON Schema asks for that. */
static JsonNode *
hypha_json_schema_copy_words (GVariant   *list,
                              const char *(*get_word) (GVariant *value))
{
  g_autoptr (GHashTable) seen = NULL;
  JsonArray *array;
  GVariantIter iter;
  GVariant *item;

  if (!g_variant_is_of_type (list, G_VARIANT_TYPE ("av")))
    return NULL;

  seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  array = json_array_new ();
  g_variant_iter_init (&iter, list);
  while (g_variant_iter_next (&iter, "v", &item))
    {
      g_autoptr (GVariant) value = item;
      const char *word = get_word (value);

      if (word != NULL && g_hash_table_add (seen, g_strdup (word)))
        json_array_add_string_element (array, word);
    }

  return hypha_json_schema_take_array (array);
}

static JsonNode *
hypha_json_schema_copy_type (GVariant *value)
{
  const char *word = hypha_json_schema_name_type (value);
  JsonNode *node;

  if (word == NULL)
    return hypha_json_schema_copy_words (value, hypha_json_schema_name_type);

  node = json_node_alloc ();
  return json_node_init_string (node, word);
}

static JsonNode *
hypha_json_schema_copy_schemas (HyphaJsonSchema *self,
                                GVariant        *list)
{
  JsonArray *array;
  GVariantIter iter;
  GVariant *item;

  if (!g_variant_is_of_type (list, G_VARIANT_TYPE ("av")))
    return NULL;

  array = json_array_new ();
  g_variant_iter_init (&iter, list);
  while (self->budget > 0 && g_variant_iter_next (&iter, "v", &item))
    {
      g_autoptr (GVariant) schema = item;

      json_array_add_element (array, hypha_json_schema_copy (self, schema));
    }

  return hypha_json_schema_take_array (array);
}

static JsonNode *
hypha_json_schema_copy_map (HyphaJsonSchema *self,
                            GVariant        *map)
{
  JsonNode *node;
  JsonObject *object;
  GVariantIter iter;
  const char *name;
  GVariant *item;

  if (!g_variant_is_of_type (map, G_VARIANT_TYPE_VARDICT))
    return NULL;

  node = json_node_alloc ();
  object = json_object_new ();
  g_variant_iter_init (&iter, map);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &item))
    {
      g_autoptr (GVariant) schema = item;

      if (hypha_json_schema_pay (self, strlen (name)))
        json_object_set_member (object, name, hypha_json_schema_copy (self, schema));
    }

  json_node_take_object (node, object);
  return node;
}

static gboolean
hypha_json_schema_is_number (GVariant *value)
{
  return g_variant_is_of_type (value, G_VARIANT_TYPE_INT64) ||
         g_variant_is_of_type (value, G_VARIANT_TYPE_UINT64) ||
         g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE);
}

static gboolean
hypha_json_schema_fits (HyphaJsonSchemaKind  kind,
                        GVariant            *value)
{
  switch (kind)
    {
    case KIND_TEXT:
      return hypha_json_schema_get_text (value) != NULL;
    case KIND_FLAG:
      return g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN);
    case KIND_NUMBER:
      return hypha_json_schema_is_number (value);
    case KIND_COUNT:
      return g_variant_is_of_type (value, G_VARIANT_TYPE_INT64) && g_variant_get_int64 (value) >= 0;
    case KIND_VALUES:
      return g_variant_is_of_type (value, G_VARIANT_TYPE ("av"));
    default:
      return TRUE;
    }
}

/* A number that JSON has no word for becomes null, which is no bound. */
static JsonNode *
hypha_json_schema_copy_value (HyphaJsonSchemaKind  kind,
                              GVariant            *value)
{
  g_autoptr (JsonNode) node = NULL;

  if (!hypha_json_schema_fits (kind, value))
    return NULL;

  node = hypha_http_value_to_json (value, NULL);
  if (node == NULL || (kind == KIND_NUMBER && json_node_is_null (node)))
    return NULL;

  return g_steal_pointer (&node);
}

static JsonNode *
hypha_json_schema_copy_keyword (HyphaJsonSchema     *self,
                                HyphaJsonSchemaKind  kind,
                                GVariant            *value)
{
  switch (kind)
    {
    case KIND_SCHEMA:
      return hypha_json_schema_copy (self, value);
    case KIND_SCHEMAS:
      return hypha_json_schema_copy_schemas (self, value);
    case KIND_MAP:
      return hypha_json_schema_copy_map (self, value);
    default:
      break;
    }

  if (!hypha_json_schema_pay (self, g_variant_get_size (value)))
    return NULL;
  if (kind == KIND_NAMES)
    return hypha_json_schema_copy_words (value, hypha_json_schema_get_text);
  if (kind == KIND_TYPE)
    return hypha_json_schema_copy_type (value);

  return hypha_json_schema_copy_value (kind, value);
}

/*
 * “#/$defs/Name” leads out of what is kept of the schema, so what it names is put in its place. NULL
 * if there is nothing; that it may name itself is what the depth and the budget are for.
 */
static GVariant *
hypha_json_schema_resolve (HyphaJsonSchema *self,
                           const char      *reference)
{
  g_auto (GStrv) steps = g_strsplit (reference, "/", HYPHA_JSON_SCHEMA_MAX_DEPTH);
  g_autoptr (GVariant) at = g_variant_ref (self->root);

  if (steps[0] == NULL || !g_str_equal (steps[0], "#"))
    return NULL;

  for (char **step = steps + 1; *step != NULL; step++)
    {
      g_autoptr (GVariant) map = g_steal_pointer (&at);

      if (!g_variant_is_of_type (map, G_VARIANT_TYPE_VARDICT))
        return NULL;

      at = g_variant_lookup_value (map, *step, NULL);
      if (at == NULL)
        return NULL;
    }

  return g_steal_pointer (&at);
}

static void
hypha_json_schema_copy_into (HyphaJsonSchema *self,
                             GVariant        *schema,
                             JsonObject      *object)
{
  const char *reference = NULL;

  if (!g_variant_is_of_type (schema, G_VARIANT_TYPE_VARDICT) ||
      self->depth >= HYPHA_JSON_SCHEMA_MAX_DEPTH || !hypha_json_schema_pay (self, 0))
    return;

  self->depth++;
  if (g_variant_lookup (schema, "$ref", "&s", &reference))
    {
      g_autoptr (GVariant) meant = hypha_json_schema_resolve (self, reference);

      if (meant != NULL)
        hypha_json_schema_copy_into (self, meant, object);
    }

  for (gsize i = 0; i < G_N_ELEMENTS (hypha_json_schema_keywords); i++)
    {
      const char *name = hypha_json_schema_keywords[i].name;
      g_autoptr (GVariant) value = g_variant_lookup_value (schema, name, NULL);
      JsonNode *node = NULL;

      if (value != NULL)
        node = hypha_json_schema_copy_keyword (self, hypha_json_schema_keywords[i].kind, value);
      if (node != NULL)
        json_object_set_member (object, name, node);
    }

  self->depth--;
}

/* “true” and “false” are schemas too. */
static JsonNode *
hypha_json_schema_copy (HyphaJsonSchema *self,
                        GVariant        *schema)
{
  JsonNode *node = json_node_alloc ();

  if (g_variant_is_of_type (schema, G_VARIANT_TYPE_BOOLEAN))
    {
      json_node_init_boolean (node, g_variant_get_boolean (schema));
    }
  else
    {
      JsonObject *object = json_object_new ();

      hypha_json_schema_copy_into (self, schema, object);
      json_node_take_object (node, object);
    }

  return node;
}

/* What is good of schema; budget, in bytes, becomes less by what that takes. */
JsonObject *
hypha_json_schema_clean (GVariant *schema,
                         gsize    *budget)
{
  gsize share = MIN (*budget, HYPHA_JSON_SCHEMA_MAX_SIZE);
  HyphaJsonSchema self = { .root = schema, .budget = share };
  JsonObject *object = json_object_new ();

  hypha_json_schema_copy_into (&self, schema, object);
  *budget -= share - self.budget;
  return object;
}
