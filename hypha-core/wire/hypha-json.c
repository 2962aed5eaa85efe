/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-json-private.h"

#include "hypha-msgpack-key-private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A text ends at its first zero for the parser, so that “a\u0000b” would pass for “a”. */
static gboolean
hypha_json_refuse_zero (GError **error)
{
  g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                       "JSON has a text with a zero character in it");
  return FALSE;
}

static gboolean
hypha_json_check_depth (const char  *text,
                        gsize        size,
                        guint        max_depth,
                        GError     **error)
{
  gboolean quoted = FALSE;
  guint depth = 0;

  for (gsize i = 0; i < size; i++)
    {
      if (text[i] == '\\' && quoted)
        {
          i++;
          if (size - i >= 5 && memcmp (text + i, "u0000", 5) == 0)
            return hypha_json_refuse_zero (error);
        }
      else if (text[i] == '"')
        quoted = !quoted;
      else if (!quoted && (text[i] == '{' || text[i] == '['))
        depth++;
      else if (!quoted && (text[i] == '}' || text[i] == ']') && depth > 0)
        depth--;

      if (depth > max_depth)
        {
          g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_DEEP,
                       "JSON is nested deeper than %u levels", max_depth);
          return FALSE;
        }
    }

  return TRUE;
}

/* The parser's own message repeats the text, which may be secret or no UTF-8: only the place is kept. */
static void
hypha_json_set_error (const char  *message,
                      GError     **error)
{
  guint line;
  guint column;

  if (sscanf (message, "<data>:%u:%u:", &line, &column) == 2)
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                 "JSON is malformed at line %u, character %u", line, column);
  else
    g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT, "JSON is malformed");
}

static void
hypha_json_look_for_bad_key (JsonArray *array,
                             guint      i,
                             JsonNode  *node,
                             gpointer   found);

/* Whether a receiver in JavaScript would end at a name that is somewhere in it. */
static gboolean
hypha_json_has_bad_key (JsonNode *node)
{
  JsonObjectIter iter;
  gboolean found = FALSE;
  const char *name;
  JsonNode *member;

  if (JSON_NODE_HOLDS_ARRAY (node))
    json_array_foreach_element (json_node_get_array (node), hypha_json_look_for_bad_key, &found);
  if (!JSON_NODE_HOLDS_OBJECT (node))
    return found;

  json_object_iter_init (&iter, json_node_get_object (node));
  while (!found && json_object_iter_next (&iter, &name, &member))
    found = hypha_msgpack_is_refused_key (name, strlen (name)) || hypha_json_has_bad_key (member);

  return found;
}

static void
hypha_json_look_for_bad_key (JsonArray *array,
                             guint      i,
                             JsonNode  *node,
                             gpointer   found)
{
  gboolean *bad = found;

  *bad = *bad || hypha_json_has_bad_key (node);
}

/*
 * Parses JSON from outside. json-glib parses by recursion and knows no limit, so the nesting is
 * counted first.
 */
JsonNode *
hypha_json_parse (const char  *text,
                  gsize        size,
                  guint        max_depth,
                  GError     **error)
{
  g_autoptr (JsonParser) parser = NULL;
  g_autoptr (GError) parse_error = NULL;
  g_autoptr (JsonNode) root = NULL;

  if (!g_utf8_validate (text, (gssize) size, NULL))
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                           "JSON is not UTF-8 text");
      return NULL;
    }

  if (!hypha_json_check_depth (text, size, max_depth, error))
    return NULL;

  parser = json_parser_new_immutable ();
  if (!json_parser_load_from_data (parser, text, (gssize) size, &parse_error))
    {
      hypha_json_set_error (parse_error->message, error);
      return NULL;
    }

  root = json_parser_steal_root (parser);
  if (root != NULL && !hypha_json_has_bad_key (root))
    return g_steal_pointer (&root);

  g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                       root == NULL ? "JSON is empty" :
                       "JSON has the name “" HYPHA_MSGPACK_REFUSED_KEY "” in it");
  return NULL;
}

/* An escape for half a surrogate pair makes a string that is no UTF-8. */
static GVariant *
hypha_json_to_string (const char *text)
{
  if (g_utf8_validate (text, -1, NULL))
    return g_variant_new_string (text);

  return g_variant_new_take_string (g_utf8_make_valid (text, -1));
}

static GVariant *
hypha_json_value_to_variant (JsonNode *node)
{
  switch (json_node_get_value_type (node))
    {
    case G_TYPE_BOOLEAN:
      return g_variant_new_boolean (json_node_get_boolean (node));
    case G_TYPE_INT64:
      return g_variant_new_int64 (json_node_get_int (node));
    case G_TYPE_DOUBLE:
      return g_variant_new_double (json_node_get_double (node));
    default:
      return hypha_json_to_string (json_node_get_string (node));
    }
}

static GVariant *
hypha_json_array_to_variant (JsonArray *array)
{
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("av"));
  guint size = json_array_get_length (array);

  for (guint i = 0; i < size; i++)
    g_variant_builder_add (&builder, "v", hypha_json_to_variant (json_array_get_element (array, i)));

  return g_variant_builder_end (&builder);
}

static GVariant *
hypha_json_object_to_variant (JsonObject *object)
{
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  json_object_iter_init_ordered (&iter, object);
  while (json_object_iter_next_ordered (&iter, &name, &node))
    {
      g_autoptr (GVariant) key = g_variant_ref_sink (hypha_json_to_string (name));

      g_variant_builder_add (&builder, "{sv}", g_variant_get_string (key, NULL),
                             hypha_json_to_variant (node));
    }

  return g_variant_builder_end (&builder);
}

/* A floating GVariant of the types that MessagePack is decoded to. */
GVariant *
hypha_json_to_variant (JsonNode *node)
{
  switch (json_node_get_node_type (node))
    {
    case JSON_NODE_OBJECT:
      return hypha_json_object_to_variant (json_node_get_object (node));
    case JSON_NODE_ARRAY:
      return hypha_json_array_to_variant (json_node_get_array (node));
    case JSON_NODE_VALUE:
      return hypha_json_value_to_variant (node);
    case JSON_NODE_NULL:
    default:
      return g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL);
    }
}

static JsonNode *
hypha_json_from_children (GVariant *value)
{
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);
  JsonArray *array = json_array_new ();
  GVariantIter iter;
  GVariant *child;

  g_variant_iter_init (&iter, value);
  while ((child = g_variant_iter_next_value (&iter)) != NULL)
    {
      json_array_add_element (array, hypha_json_from_variant (child));
      g_variant_unref (child);
    }

  json_node_take_array (node, array);
  return node;
}

static void
hypha_json_add_entry (JsonObject *object,
                      GVariant   *entry)
{
  g_autoptr (GVariant) key = g_variant_get_child_value (entry, 0);
  g_autoptr (GVariant) value = g_variant_get_child_value (entry, 1);
  g_autofree char *name = NULL;

  if (g_variant_is_of_type (key, G_VARIANT_TYPE_STRING))
    name = g_variant_dup_string (key, NULL);
  else
    name = g_variant_print (key, FALSE);
  json_object_set_member (object, name, hypha_json_from_variant (value));
}

static JsonNode *
hypha_json_from_map (GVariant *value)
{
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();
  GVariantIter iter;
  GVariant *entry;

  g_variant_iter_init (&iter, value);
  while ((entry = g_variant_iter_next_value (&iter)) != NULL)
    {
      hypha_json_add_entry (object, entry);
      g_variant_unref (entry);
    }

  json_node_take_object (node, object);
  return node;
}

/* JSON has no bytes: base64 is what readers expect for them. */
static JsonNode *
hypha_json_from_bytes (GVariant *value)
{
  g_autofree char *text = g_base64_encode (g_variant_get_data (value), g_variant_get_size (value));

  return json_node_init_string (json_node_alloc (), text);
}

static JsonNode *
hypha_json_from_array (GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BYTESTRING))
    return hypha_json_from_bytes (value);

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_DICTIONARY))
    return hypha_json_from_map (value);

  return hypha_json_from_children (value);
}

/* JSON has no word for infinity, nor for what is not a number. */
static JsonNode *
hypha_json_from_double (double value)
{
  if (!isfinite (value))
    return json_node_init_null (json_node_alloc ());

  return json_node_init_double (json_node_alloc (), value);
}

static JsonNode *
hypha_json_from_inner (GVariant *value)
{
  g_autoptr (GVariant) inner = NULL;

  if (g_variant_n_children (value) == 0)
    return json_node_init_null (json_node_alloc ());

  inner = g_variant_get_child_value (value, 0);
  return hypha_json_from_variant (inner);
}

/* Whole numbers of every width; beyond gint64 only a double comes near. */
static JsonNode *
hypha_json_from_number (GVariant *value)
{
  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_BYTE:
      return json_node_init_int (json_node_alloc (), g_variant_get_byte (value));
    case G_VARIANT_CLASS_INT16:
      return json_node_init_int (json_node_alloc (), g_variant_get_int16 (value));
    case G_VARIANT_CLASS_UINT16:
      return json_node_init_int (json_node_alloc (), g_variant_get_uint16 (value));
    case G_VARIANT_CLASS_INT32:
      return json_node_init_int (json_node_alloc (), g_variant_get_int32 (value));
    case G_VARIANT_CLASS_UINT32:
      return json_node_init_int (json_node_alloc (), g_variant_get_uint32 (value));
    case G_VARIANT_CLASS_HANDLE:
      return json_node_init_int (json_node_alloc (), g_variant_get_handle (value));
    case G_VARIANT_CLASS_UINT64:
      if (g_variant_get_uint64 (value) > G_MAXINT64)
        return hypha_json_from_double ((double) g_variant_get_uint64 (value));
      return json_node_init_int (json_node_alloc (), (gint64) g_variant_get_uint64 (value));
    default:
      return json_node_init_int (json_node_alloc (), g_variant_get_int64 (value));
    }
}

/* JSON for any GVariant; bytes become base64 text. */
JsonNode *
hypha_json_from_variant (GVariant *value)
{
  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_BOOLEAN:
      return json_node_init_boolean (json_node_alloc (), g_variant_get_boolean (value));
    case G_VARIANT_CLASS_DOUBLE:
      return hypha_json_from_double (g_variant_get_double (value));
    case G_VARIANT_CLASS_STRING:
    case G_VARIANT_CLASS_OBJECT_PATH:
    case G_VARIANT_CLASS_SIGNATURE:
      return json_node_init_string (json_node_alloc (), g_variant_get_string (value, NULL));
    case G_VARIANT_CLASS_VARIANT:
    case G_VARIANT_CLASS_MAYBE:
      return hypha_json_from_inner (value);
    case G_VARIANT_CLASS_ARRAY:
      return hypha_json_from_array (value);
    case G_VARIANT_CLASS_TUPLE:
    case G_VARIANT_CLASS_DICT_ENTRY:
      return hypha_json_from_children (value);
    default:
      return hypha_json_from_number (value);
    }
}
