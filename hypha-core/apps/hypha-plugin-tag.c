/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-plugin-tag-private.h"

#include <string.h>

#include "hypha-plugin-scanner-private.h"

void
hypha_plugin_tag_clear (HyphaPluginTag *tag)
{
  g_clear_pointer (&tag->name, g_free);
  g_clear_pointer (&tag->attributes, g_variant_unref);
}

/* Says that there is more of something than the limit; FALSE, to be returned. */
gboolean
hypha_plugin_fail (const char  *what,
                   int          limit,
                   GError     **error)
{
  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE, "more than %d %s", limit, what);
  return FALSE;
}

gboolean
hypha_plugin_is_name_char (char c)
{
  return g_ascii_isalnum (c) || (c != '\0' && strchr ("-_.:", c) != NULL);
}

const char *
hypha_plugin_skip_blanks (const char *p)
{
  while (g_ascii_isspace (*p))
    p++;
  return p;
}

/* The text of an attribute's value, with the entities that may stand in one. */
static char *
hypha_plugin_decode_entities (const char *text,
                              gsize       size)
{
  static const struct
  {
    const char *name;
    char        character;
  } entities[] = { { "&lt;", '<' }, { "&gt;", '>' }, { "&quot;", '"' }, { "&amp;", '&' } };
  GString *decoded = g_string_sized_new (size);

  for (gsize i = 0; i < size;)
    {
      gsize used = 1;
      char c = text[i];

      for (gsize k = 0; c == '&' && used == 1 && k < G_N_ELEMENTS (entities); k++)
        {
          gsize length = strlen (entities[k].name);

          if (length <= size - i && memcmp (text + i, entities[k].name, length) == 0)
            {
              c = entities[k].character;
              used = length;
            }
        }

      g_string_append_c (decoded, c);
      i += used;
    }

  return g_string_free (decoded, FALSE);
}

/* Where an attribute's name, and its value if any, lie. */
typedef struct
{
  const char *name;
  gsize       name_size;
  const char *value;
  gsize       value_size;
} HyphaPluginAttribute;

/* After the equals sign: text in quotes, or up to a blank or a character that ends the tag. */
static const char *
hypha_plugin_read_value (const char           *p,
                         HyphaPluginAttribute *attribute)
{
  const char *end;

  if (*p == '"' || *p == '\'')
    {
      end = strchr (p + 1, *p);
      if (end == NULL)
        return NULL;

      attribute->value = p + 1;
      attribute->value_size = (gsize) (end - p - 1);
      return end + 1;
    }

  end = p + strcspn (p, " \t\r\n\f\v\"'=<>`");
  if (end == p)
    return NULL;

  attribute->value = p;
  attribute->value_size = (gsize) (end - p);
  return end;
}

/* Returns where it ends; NULL if there is no attribute here. */
static const char *
hypha_plugin_read_attribute (const char           *p,
                             HyphaPluginAttribute *attribute)
{
  const char *end = p + strcspn (p, " \t\r\n\f\v\"'<>/=");
  const char *next;

  if (end == p)
    return NULL;

  attribute->name = p;
  attribute->name_size = (gsize) (end - p);
  attribute->value = NULL;
  next = hypha_plugin_skip_blanks (end);
  if (*next != '=')
    return end;

  return hypha_plugin_read_value (hypha_plugin_skip_blanks (next + 1), attribute);
}

static void
hypha_plugin_add_attribute (GVariantDict               *attributes,
                            const HyphaPluginAttribute *attribute)
{
  g_autofree char *name = g_strndup (attribute->name, attribute->name_size);
  g_autofree char *value = NULL;

  if (attribute->value != NULL && attribute->value_size > 0)
    {
      value = hypha_plugin_decode_entities (attribute->value, attribute->value_size);
      g_variant_dict_insert (attributes, name, "s", value);
      return;
    }

  g_variant_dict_insert (attributes, name, "b", TRUE);
}

/*
 * Reads attributes up to the end of the tag, into a dictionary if there is one. Returns where they
 * end; NULL if the tag is none, or if it has too many.
 */
static const char *
hypha_plugin_read_attributes (const char    *p,
                              GVariantDict  *attributes,
                              GError       **error)
{
  HyphaPluginAttribute attribute;
  guint n_attributes = 0;

  for (p = hypha_plugin_skip_blanks (p);
       *p != '>' && !(p[0] == '/' && p[1] == '>');
       p = hypha_plugin_skip_blanks (p))
    {
      p = hypha_plugin_read_attribute (p, &attribute);
      if (p == NULL)
        return NULL;

      if (attributes == NULL)
        continue;

      if (++n_attributes > HYPHA_PLUGIN_MAX_ATTRIBUTES)
        {
          hypha_plugin_fail ("attributes in a tag", HYPHA_PLUGIN_MAX_ATTRIBUTES, error);
          return NULL;
        }

      hypha_plugin_add_attribute (attributes, &attribute);
    }

  return p;
}

/*
 * Reads the start tag at p. Returns where it ends, or NULL if there is none. Nobody asks for the
 * attributes of a nested element.
 */
const char *
hypha_plugin_read_tag (const char      *p,
                       gboolean         nested,
                       HyphaPluginTag  *tag,
                       GError         **error)
{
  g_auto (GVariantDict) attributes = G_VARIANT_DICT_INIT (NULL);
  const char *start = p + 1;

  for (p = start; hypha_plugin_is_name_char (*p);)
    p++;

  tag->name = g_strndup (start, (gsize) (p - start));
  p = hypha_plugin_read_attributes (p, nested ? NULL : &attributes, error);
  if (p == NULL)
    return NULL;

  if (!nested)
    tag->attributes = g_variant_ref_sink (g_variant_dict_end (&attributes));
  tag->closed = *p == '/';
  return p + (tag->closed ? 2 : 1);
}
