/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-http-member-private.h"

#include "hypha-name-private.h"
#include "hypha-rpc-codec-private.h"

static GVariant *
hypha_http_member_get_item (GVariant   *list,
                            const char *index)
{
  GVariant *item;
  guint64 position;

  if (!g_ascii_string_to_unsigned (index, 10, 0, G_MAXUINT32, &position, NULL) ||
      position >= g_variant_n_children (list))
    return NULL;

  g_variant_get_child (list, (gsize) position, "v", &item);
  return item;
}

static GVariant *
hypha_http_member_try (GVariant   *map,
                       const char *name,
                       GString    *real_path)
{
  GVariant *member = g_variant_lookup_value (map, name, NULL);

  if (member == NULL)
    return NULL;

  if (real_path->len > 0)
    g_string_append_c (real_path, '.');
  g_string_append (real_path, name);
  return member;
}

/* One step down: by the name as it is, or in its other spelling. */
static GVariant *
hypha_http_member_step (GVariant   *map,
                        const char *name,
                        GString    *real_path)
{
  g_autofree char *snake = NULL;
  g_autofree char *camel = NULL;
  GVariant *member;

  if (g_variant_is_of_type (map, G_VARIANT_TYPE ("av")))
    {
      member = hypha_http_member_get_item (map, name);
      if (member != NULL)
        g_string_append_printf (real_path, ".%s", name);
      return member;
    }

  if (!g_variant_is_of_type (map, G_VARIANT_TYPE_VARDICT))
    return NULL;

  member = hypha_http_member_try (map, name, real_path);
  if (member != NULL)
    return member;

  snake = hypha_name_to_snake (name);
  camel = hypha_name_to_camel (name);
  member = hypha_http_member_try (map, snake, real_path);
  return member != NULL ? member : hypha_http_member_try (map, camel, real_path);
}

/* What “math.add” means in map, and how the service itself spells it; NULL if there is nothing. */
GVariant *
hypha_http_member_lookup (GVariant    *map,
                          const char  *path,
                          char       **real_path)
{
  g_auto (GStrv) names = g_strsplit (path, ".", -1);
  GString *real = g_string_new (NULL);
  g_autoptr (GVariant) member = g_variant_ref (map);

  for (char **name = names; *name != NULL && member != NULL; name++)
    {
      g_autoptr (GVariant) level = g_steal_pointer (&member);

      /* A function and a schema are ends: what they are made of is not offered. */
      if (!hypha_http_member_is_function (level))
        member = hypha_http_member_step (level, *name, real);
    }

  *real_path = g_string_free (real, FALSE);
  return g_steal_pointer (&member);
}

/* A remote function, or {type: "function", function: {…}} of a schema. */
gboolean
hypha_http_member_is_function (GVariant *member)
{
  g_autoptr (GVariant) function = NULL;
  const char *type = "";

  if (!g_variant_is_of_type (member, G_VARIANT_TYPE_VARDICT))
    return FALSE;
  if (hypha_rpc_codec_is_type (member, "method"))
    return TRUE;

  g_variant_lookup (member, "type", "&s", &type);
  function = g_variant_lookup_value (member, "function", G_VARIANT_TYPE_VARDICT);
  return g_str_equal (type, "function") && function != NULL;
}

/* The JSON schema of its parameters; NULL where nobody knows them. */
GVariant *
hypha_http_member_dup_parameters (GVariant *member)
{
  g_autoptr (GVariant) function = NULL;

  if (!g_variant_is_of_type (member, G_VARIANT_TYPE_VARDICT))
    return NULL;

  function = g_variant_lookup_value (member, "_rschema", G_VARIANT_TYPE_VARDICT);
  if (function == NULL)
    function = g_variant_lookup_value (member, "function", G_VARIANT_TYPE_VARDICT);
  if (function == NULL)
    return NULL;

  return g_variant_lookup_value (function, "parameters", G_VARIANT_TYPE_VARDICT);
}

/* The word for a leaf: of a schema it is its type, of a value what JavaScript calls it. */
static const char *
hypha_http_member_type (GVariant *member)
{
  switch (g_variant_classify (member))
    {
    case G_VARIANT_CLASS_STRING:
      return "string";
    case G_VARIANT_CLASS_BOOLEAN:
      return "boolean";
    case G_VARIANT_CLASS_INT64:
    case G_VARIANT_CLASS_UINT64:
    case G_VARIANT_CLASS_DOUBLE:
      return "number";
    default:
      return "object";
    }
}

static gboolean
hypha_http_member_is_leaf_schema (GVariant    *member,
                                  const char **type)
{
  static const char *const words[] = { "string", "number", "boolean", "null", NULL };

  return g_variant_is_of_type (member, G_VARIANT_TYPE_VARDICT) &&
         g_variant_n_children (member) == 1 && g_variant_lookup (member, "type", "&s", type) &&
         g_strv_contains (words, *type);
}

/* What may be called. Old JavaScript clients describe a function by nothing at all. */
gboolean
hypha_http_member_is_callable (GVariant *member)
{
  return hypha_http_member_is_function (member) ||
         (g_variant_is_of_type (member, G_VARIANT_TYPE_VARDICT) &&
          g_variant_n_children (member) == 0);
}

/* What is said of a service, beside what is in it. */
gboolean
hypha_http_member_is_meta (const char *key)
{
  static const char *const meta[] = { "id", "name", "description", "config", "type", "_rintf",
                                      "app_id", "docs", "service_schema", NULL };

  return g_strv_contains (meta, key);
}

static void
hypha_http_member_add (GVariantBuilder *list,
                       const char      *name,
                       const char      *type)
{
  g_variant_builder_add (list, "v", g_variant_new_parsed ("{'name': <%s>, 'type': <%s>}", name,
                                                          type));
}

static void
hypha_http_member_list_level (GVariantBuilder *list,
                              GVariant        *map,
                              const char      *prefix,
                              guint            depth)
{
  GVariantIter iter;
  const char *key;
  GVariant *item;

  g_variant_iter_init (&iter, map);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &item))
    {
      g_autoptr (GVariant) member = item;
      g_autofree char *name = g_strconcat (prefix, key, NULL);
      const char *type = NULL;

      if (depth == 0 && hypha_http_member_is_meta (key))
        continue;

      if (hypha_http_member_is_callable (member))
        {
          hypha_http_member_add (list, name, "function");
        }
      else if (hypha_http_member_is_leaf_schema (member, &type))
        {
          if (!g_str_equal (type, "null"))
            hypha_http_member_add (list, name, type);
        }
      else if (g_variant_is_of_type (member, G_VARIANT_TYPE_VARDICT))
        {
          g_autofree char *deeper = g_strconcat (name, ".", NULL);

          if (depth + 1 < HYPHA_HTTP_MAX_MEMBER_DEPTH)
            hypha_http_member_list_level (list, member, deeper, depth + 1);
          hypha_http_member_add (list, name, "object");
        }
      else if (!hypha_rpc_codec_is_null (member))
        {
          hypha_http_member_add (list, name, hypha_http_member_type (member));
        }
    }
}

/* The members of a service, as its information has them. Floating. */
GVariant *
hypha_http_member_list (GVariant *map)
{
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("av"));
  hypha_http_member_list_level (&list, map, "", 0);
  return g_variant_builder_end (&list);
}
