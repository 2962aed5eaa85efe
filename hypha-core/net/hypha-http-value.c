/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-http-value-private.h"

#include <string.h>

#include "hypha-http-arguments-private.h"
#include "hypha-json-private.h"
#include "hypha-msgpack-private.h"
#include "hypha-value-private.h"

static JsonNode *hypha_http_value_to_node (GVariant  *value,
                                           guint      depth,
                                           GError   **error);

static JsonNode *
hypha_http_text_node (const char *text)
{
  return json_node_init_string (json_node_alloc (), text);
}

/* A function is told by its name, as services are described; where it lives is of no use here. */
static JsonNode *
hypha_http_function_node (GVariant *map)
{
  g_autoptr (GVariant) schema = g_variant_lookup_value (map, "_rschema", G_VARIANT_TYPE_VARDICT);
  g_autoptr (JsonNode) node = NULL;
  const char *name = "";
  JsonObject *object = json_object_new ();

  g_variant_lookup (map, "_rname", "&s", &name);
  json_object_set_string_member (object, "type", "function");
  if (schema != NULL)
    {
      json_object_set_member (object, "function", hypha_json_from_variant (schema));
    }
  else
    {
      JsonObject *function = json_object_new ();

      json_object_set_string_member (function, "name", name);
      json_object_set_object_member (object, "function", function);
    }

  node = json_node_init_object (json_node_alloc (), object);
  json_object_unref (object);
  return g_steal_pointer (&node);
}

static JsonNode *
hypha_http_map_node (GVariant  *map,
                     guint      depth,
                     GError   **error)
{
  g_autoptr (JsonObject) object = NULL;
  gboolean error_value;
  GVariantIter iter;
  const char *key;
  GVariant *item;

  if (hypha_rpc_codec_is_type (map, "method"))
    return hypha_http_function_node (map);

  /* One that is a result, not thrown. */
  error_value = hypha_rpc_codec_is_type (map, "error");
  object = json_object_new ();
  g_variant_iter_init (&iter, map);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &item))
    {
      g_autoptr (GVariant) value = item;
      JsonNode *node;

      if (error_value && g_str_equal (key, "_rtrace"))
        continue;

      node = hypha_http_value_to_node (value, depth + 1, error);
      if (node == NULL)
        return NULL;

      json_object_set_member (object, key, node);
    }

  return json_node_init_object (json_node_alloc (), object);
}

static JsonNode *
hypha_http_list_node (GVariant  *list,
                      guint      depth,
                      GError   **error)
{
  g_autoptr (JsonArray) array = json_array_new ();
  GVariantIter iter;
  GVariant *item;

  g_variant_iter_init (&iter, list);
  while (g_variant_iter_next (&iter, "v", &item))
    {
      g_autoptr (GVariant) value = item;
      JsonNode *node = hypha_http_value_to_node (value, depth + 1, error);

      if (node == NULL)
        return NULL;

      json_array_add_element (array, node);
    }

  return json_node_init_array (json_node_alloc (), array);
}

/* A date as JavaScript writes it; NULL if it is none. */
static JsonNode *
hypha_http_date_node (GVariant *value)
{
  g_autoptr (GDateTime) date = hypha_value_dup_datetime (value, NULL);
  g_autoptr (GDateTime) utc = date != NULL ? g_date_time_to_utc (date) : NULL;
  g_autofree char *day = NULL;
  g_autofree char *text = NULL;

  if (utc == NULL)
    return NULL;

  day = g_date_time_format (utc, "%Y-%m-%dT%H:%M:%S");
  text = g_strdup_printf ("%s.%03dZ", day, g_date_time_get_microsecond (utc) / 1000);
  return hypha_http_text_node (text);
}

/* What JSON has no word for: dates are text, other extensions are what they are made of. */
static JsonNode *
hypha_http_extension_node (GVariant *value)
{
  g_autoptr (GVariant) bytes = g_variant_get_child_value (value, 1);
  JsonNode *node = hypha_http_date_node (value);

  return node != NULL ? node : hypha_json_from_variant (bytes);
}

/* A text that is no text in C, because it has zeroes or is not UTF-8. */
static JsonNode *
hypha_http_odd_text_node (GVariant *value)
{
  g_autoptr (GVariant) bytes = g_variant_get_child_value (value, 0);
  g_autofree char *text = g_utf8_make_valid (g_variant_get_data (bytes),
                                             (gssize) g_variant_get_size (bytes));

  return hypha_http_text_node (text);
}

static JsonNode *
hypha_http_value_to_node (GVariant  *value,
                          guint      depth,
                          GError   **error)
{
  g_autoptr (GVariant) inner = NULL;

  if (depth > HYPHA_HTTP_MAX_DEPTH)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_DEEP,
                   "the answer is nested deeper than %d levels", HYPHA_HTTP_MAX_DEPTH);
      return NULL;
    }

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARIANT))
    {
      inner = g_variant_get_variant (value);
      return hypha_http_value_to_node (inner, depth + 1, error);
    }

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT))
    return hypha_http_map_node (value, depth, error);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE ("av")))
    return hypha_http_list_node (value, depth, error);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE ("(yay)")))
    return hypha_http_extension_node (value);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE ("(ay)")))
    return hypha_http_odd_text_node (value);

  return hypha_json_from_variant (value);
}

/* JSON for a value as it came from a service. */
JsonNode *
hypha_http_value_to_json (GVariant  *value,
                          GError   **error)
{
  if (g_variant_get_size (value) > HYPHA_HTTP_MAX_ANSWER)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE,
                   "the answer of %" G_GSIZE_FORMAT " bytes is too large for HTTP",
                   g_variant_get_size (value));
      return NULL;
    }

  return hypha_http_value_to_node (value, 0, error);
}

static gboolean
hypha_http_accepts (const char *accept,
                    const char *type)
{
  return accept != NULL && strstr (accept, type) != NULL;
}

/* What the client asks for by Accept, or has sent itself. */
HyphaHttpFormat
hypha_http_format_choose (const char *accept,
                          const char *content_type)
{
  if (hypha_http_accepts (accept, "text/event-stream"))
    return HYPHA_HTTP_FORMAT_EVENTS;
  if (hypha_http_accepts (accept, "application/msgpack") ||
      hypha_http_accepts (accept, "application/x-msgpack"))
    return HYPHA_HTTP_FORMAT_MSGPACK;
  if (hypha_http_accepts (accept, "application/json"))
    return HYPHA_HTTP_FORMAT_JSON;

  return hypha_http_body_classify (content_type) == HYPHA_HTTP_BODY_MSGPACK ?
           HYPHA_HTTP_FORMAT_MSGPACK :
           HYPHA_HTTP_FORMAT_JSON;
}

/* A whole answer. Bytes alone are sent as they are, whatever was asked for but MessagePack. */
GBytes *
hypha_http_value_to_bytes (GVariant         *value,
                           HyphaHttpFormat   format,
                           const char      **content_type,
                           GError          **error)
{
  g_autoptr (JsonNode) node = NULL;
  char *text;

  if (format == HYPHA_HTTP_FORMAT_MSGPACK)
    {
      GByteArray *out = g_byte_array_new ();

      *content_type = "application/msgpack";
      hypha_msgpack_encode (out, value);
      return g_byte_array_free_to_bytes (out);
    }

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BYTESTRING))
    {
      *content_type = "application/octet-stream";
      return g_variant_get_data_as_bytes (value);
    }

  *content_type = "application/json";
  node = hypha_http_value_to_json (value, error);
  if (node == NULL)
    return NULL;

  text = json_to_string (node, FALSE);
  return g_bytes_new_take (text, strlen (text));
}
