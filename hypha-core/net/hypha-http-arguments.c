/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-http-arguments-private.h"

#include <string.h>

#include "hypha-json-private.h"
#include "hypha-msgpack-key-private.h"

/* Whole numbers up to here are the same in every language: 2⁵³ − 1. */
#define MAX_SAFE_INTEGER G_GINT64_CONSTANT (9007199254740991)

/* Named values in the order in which they came; a later one takes the place of an earlier one. */
typedef struct
{
  GPtrArray  *names;
  GHashTable *values; /* name, borrowed → GVariant */
} HyphaHttpNames;

static void
hypha_http_names_init (HyphaHttpNames *self)
{
  self->names = g_ptr_array_new_with_free_func (g_free);
  self->values = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
                                        (GDestroyNotify) g_variant_unref);
}

static void
hypha_http_names_clear (HyphaHttpNames *self)
{
  g_clear_pointer (&self->values, g_hash_table_unref);
  g_clear_pointer (&self->names, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (HyphaHttpNames, hypha_http_names_clear)

/* value, which is consumed if it is floating, may be NULL for “not given”. */
static gboolean
hypha_http_names_set (HyphaHttpNames  *self,
                      const char      *name,
                      GVariant        *value,
                      GError         **error)
{
  g_autoptr (GVariant) owned = value != NULL ? g_variant_ref_sink (value) : NULL;
  char *key;

  if (owned == NULL)
    return TRUE;

  if (hypha_msgpack_is_refused_key (name, strlen (name)))
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                           "no argument may have the name “" HYPHA_MSGPACK_REFUSED_KEY "”");
      return FALSE;
    }

  if (g_hash_table_contains (self->values, name))
    {
      g_hash_table_insert (self->values, (char *) name, g_steal_pointer (&owned));
      return TRUE;
    }

  if (self->names->len >= HYPHA_HTTP_MAX_ARGUMENTS)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE,
                   "a request may have no more than %d arguments", HYPHA_HTTP_MAX_ARGUMENTS);
      return FALSE;
    }

  key = g_strdup (name);
  g_ptr_array_add (self->names, key);
  g_hash_table_insert (self->values, key, g_steal_pointer (&owned));
  return TRUE;
}

/* What other servers take from the path by these names is no argument, unless a function says so. */
static gboolean
hypha_http_arguments_is_control (const char *name)
{
  static const char *const control[] = { "workspace", "service_id", "function_key", NULL };

  return g_strv_contains (control, name);
}

/* n_queried: so many of the first names came with the query. */
static void
hypha_http_names_end (HyphaHttpNames     *self,
                      guint               n_queried,
                      HyphaHttpArguments *arguments)
{
  GVariantBuilder named;
  GVariantBuilder control;

  g_variant_builder_init (&named, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_init (&control, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < self->names->len; i++)
    {
      const char *name = g_ptr_array_index (self->names, i);
      GVariant *value = g_hash_table_lookup (self->values, name);

      if (!g_str_equal (name, HYPHA_HTTP_MODE_ARGUMENT))
        g_variant_builder_add (i < n_queried && hypha_http_arguments_is_control (name) ? &control :
                                                                                         &named,
                               "{sv}", name, value);
      else if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
        arguments->mode = g_variant_dup_string (value, NULL);
    }

  arguments->named = g_variant_ref_sink (g_variant_builder_end (&named));
  arguments->control = g_variant_ref_sink (g_variant_builder_end (&control));
}

static gboolean
hypha_http_is_number (const char *text,
                      gboolean   *whole)
{
  gsize before;
  gsize after;

  if (*text == '-')
    text++;
  before = strspn (text, G_CSET_DIGITS);
  *whole = text[before] == '\0';
  if (before == 0 || *whole)
    return before > 0;

  if (text[before] != '.')
    return FALSE;

  after = strspn (text + before + 1, G_CSET_DIGITS);
  return after > 0 && text[before + 1 + after] == '\0';
}

static GVariant *
hypha_http_argument_from_number (const char *text,
                                 gboolean    whole)
{
  gint64 value;

  if (!whole)
    return g_variant_new_double (g_ascii_strtod (text, NULL));

  if (!g_ascii_string_to_signed (text, 10, -MAX_SAFE_INTEGER, MAX_SAFE_INTEGER, &value, NULL))
    return NULL;

  return g_variant_new_int64 (value);
}

static GVariant *
hypha_http_argument_from_json (const char *text)
{
  g_autoptr (JsonNode) node = NULL;
  gsize size = strlen (text);
  gboolean looks = size >= 2 && ((text[0] == '{' && text[size - 1] == '}') ||
                                 (text[0] == '[' && text[size - 1] == ']'));

  if (!looks)
    return NULL;

  node = hypha_json_parse (text, size, HYPHA_JSON_MAX_DEPTH, NULL);
  return node != NULL ? hypha_json_to_variant (node) : NULL;
}

/*
 * The value that a text in a query means: true, false, null, a number, JSON, or the text itself.
 * NULL for “undefined”, which is not given at all. Floating.
 */
GVariant *
hypha_http_argument_from_text (const char *text)
{
  GVariant *value = NULL;
  gboolean whole;

  if (g_str_equal (text, "undefined"))
    return NULL;
  if (g_str_equal (text, "true") || g_str_equal (text, "false"))
    return g_variant_new_boolean (*text == 't');
  if (g_str_equal (text, "null"))
    return g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL);

  if (hypha_http_is_number (text, &whole))
    value = hypha_http_argument_from_number (text, whole);
  else
    value = hypha_http_argument_from_json (text);

  return value != NULL ? value : g_variant_new_string (text);
}

/* One half of “name=value”; NULL if it is no UTF-8 text. */
static char *
hypha_http_unescape (const char *text,
                     gsize       size)
{
  g_autofree char *spaced = g_strndup (text, size);
  char *decoded;

  for (char *p = spaced; *p != '\0'; p++)
    if (*p == '+')
      *p = ' ';

  decoded = g_uri_unescape_string (spaced, NULL);
  if (decoded != NULL && !g_utf8_validate (decoded, -1, NULL))
    g_clear_pointer (&decoded, g_free);
  return decoded;
}

static gboolean
hypha_http_names_add_pair (HyphaHttpNames  *self,
                           const char      *pair,
                           gsize            size,
                           GError         **error)
{
  const char *equals = memchr (pair, '=', size);
  gsize name_size = equals != NULL ? (gsize) (equals - pair) : size;
  g_autofree char *name = hypha_http_unescape (pair, name_size);
  g_autofree char *text = NULL;

  text = equals != NULL ? hypha_http_unescape (equals + 1, size - name_size - 1) : g_strdup ("");
  if (name == NULL || text == NULL)
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                           "an argument is not UTF-8 text in percent-encoding");
      return FALSE;
    }

  return *name == '\0' ||
         hypha_http_names_set (self, name, hypha_http_argument_from_text (text), error);
}

/* “a=1&b=x%20y”: a query, or the body of a form. */
static gboolean
hypha_http_names_add_form (HyphaHttpNames  *self,
                           const char      *text,
                           gsize            size,
                           GError         **error)
{
  const char *end = text + size;

  while (text < end)
    {
      const char *ampersand = memchr (text, '&', (gsize) (end - text));
      const char *stop = ampersand != NULL ? ampersand : end;

      if (stop > text && !hypha_http_names_add_pair (self, text, (gsize) (stop - text), error))
        return FALSE;

      text = stop + 1;
    }

  return TRUE;
}

static gboolean
hypha_http_names_add_map (HyphaHttpNames  *self,
                          GVariant        *map,
                          GError         **error)
{
  GVariantIter iter;
  const char *name;
  GVariant *item;

  g_variant_iter_init (&iter, map);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &item))
    {
      g_autoptr (GVariant) value = item;

      if (!hypha_http_names_set (self, name, value, error))
        return FALSE;
    }

  return TRUE;
}

/* A list gives the arguments by position; anything else that is no map is the only argument. */
static GVariant *
hypha_http_positional (GVariant *value)
{
  GVariantBuilder builder;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE ("av")))
    return g_variant_ref (value);

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("av"));
  g_variant_builder_add (&builder, "v", value);
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

static GVariant *
hypha_http_decode_body (HyphaHttpBody   kind,
                        const guint8   *body,
                        gsize           size,
                        GError        **error)
{
  g_autoptr (JsonNode) node = NULL;
  gsize consumed = 0;
  GVariant *value;

  if (kind != HYPHA_HTTP_BODY_MSGPACK)
    {
      node = hypha_json_parse ((const char *) body, size, HYPHA_JSON_MAX_DEPTH, error);
      return node != NULL ? g_variant_ref_sink (hypha_json_to_variant (node)) : NULL;
    }

  value = hypha_msgpack_decode (body, size, NULL, &consumed, error);
  if (value != NULL && consumed != size)
    {
      g_variant_unref (value);
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                           "something follows the MessagePack value");
      return NULL;
    }

  return value;
}

/* What kind of body a Content-Type announces; without one it is JSON. */
HyphaHttpBody
hypha_http_body_classify (const char *content_type)
{
  static const struct
  {
    const char   *type;
    HyphaHttpBody kind;
  } kinds[] = {
    { "application/json", HYPHA_HTTP_BODY_JSON },
    { "application/msgpack", HYPHA_HTTP_BODY_MSGPACK },
    { "application/x-msgpack", HYPHA_HTTP_BODY_MSGPACK },
    { "application/x-www-form-urlencoded", HYPHA_HTTP_BODY_FORM },
    { "text/plain", HYPHA_HTTP_BODY_TEXT },
  };
  gsize size;

  if (content_type == NULL || *content_type == '\0')
    return HYPHA_HTTP_BODY_JSON;

  size = strcspn (content_type, "; \t");
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (strlen (kinds[i].type) == size &&
        g_ascii_strncasecmp (content_type, kinds[i].type, size) == 0)
      return kinds[i].kind;

  return HYPHA_HTTP_BODY_OTHER;
}

static gboolean
hypha_http_arguments_add_body (HyphaHttpArguments  *self,
                               HyphaHttpNames      *names,
                               const guint8        *body,
                               gsize                size,
                               const char          *content_type,
                               GError             **error)
{
  HyphaHttpBody kind = hypha_http_body_classify (content_type);
  g_autoptr (GVariant) value = NULL;

  if (kind == HYPHA_HTTP_BODY_FORM)
    return hypha_http_names_add_form (names, (const char *) body, size, error);

  if (kind == HYPHA_HTTP_BODY_OTHER)
    {
      g_autofree char *quoted = hypha_error_quote (content_type);

      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_UNSUPPORTED,
                   "arguments of type “%s” are not understood; send application/json, "
                   "application/msgpack or application/x-www-form-urlencoded", quoted);
      return FALSE;
    }

  value = hypha_http_decode_body (kind, body, size, kind == HYPHA_HTTP_BODY_TEXT ? NULL : error);
  if (value == NULL)
    return kind == HYPHA_HTTP_BODY_TEXT;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT))
    return hypha_http_names_add_map (names, value, error);

  self->positional = hypha_http_positional (value);
  return TRUE;
}

/*
 * Reads the arguments of a request: the query (nullable, still encoded), overlaid by the body
 * (nullable). A pure function of bytes; what it refuses is HYPHA_ERROR_UNSUPPORTED if only the
 * content type is wrong.
 */
gboolean
hypha_http_arguments_parse (HyphaHttpArguments  *self,
                            const char          *query,
                            const guint8        *body,
                            gsize                size,
                            const char          *content_type,
                            GError             **error)
{
  g_auto (HyphaHttpNames) names = { 0 };
  guint n_queried;

  *self = (HyphaHttpArguments) { 0 };
  hypha_http_names_init (&names);
  if (query != NULL && !hypha_http_names_add_form (&names, query, strlen (query), error))
    return FALSE;

  n_queried = names.names->len;
  if (size > 0 &&
      !hypha_http_arguments_add_body (self, &names, body, size, content_type, error))
    return FALSE;

  hypha_http_names_end (&names, n_queried, self);
  return TRUE;
}

void
hypha_http_arguments_clear (HyphaHttpArguments *self)
{
  g_clear_pointer (&self->named, g_variant_unref);
  g_clear_pointer (&self->control, g_variant_unref);
  g_clear_pointer (&self->positional, g_variant_unref);
  g_clear_pointer (&self->mode, g_free);
}

/* “0”, “1”, …: a list in a spelling that has names only. NULL if it is something else. */
static GVariant *
hypha_http_arguments_from_indexes (GVariant *named)
{
  gsize n = g_variant_n_children (named);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("av"));
  for (gsize i = 0; i < n; i++)
    {
      g_autofree char *index = g_strdup_printf ("%" G_GSIZE_FORMAT, i);
      g_autoptr (GVariant) value = g_variant_lookup_value (named, index, NULL);

      if (value == NULL)
        {
          g_variant_builder_clear (&builder);
          return NULL;
        }

      g_variant_builder_add (&builder, "v", value);
    }

  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

static gboolean
hypha_http_arguments_is_known (const char *name,
                               GVariant   *properties)
{
  g_autoptr (GVariant) known = g_variant_lookup_value (properties, name, NULL);

  return known != NULL;
}

static gboolean
hypha_http_arguments_all_known (GVariant *named,
                                GVariant *properties)
{
  GVariantIter iter;
  const char *name;

  g_variant_iter_init (&iter, named);
  while (g_variant_iter_next (&iter, "{&sv}", &name, NULL))
    if (!hypha_http_arguments_is_known (name, properties))
      return FALSE;

  return TRUE;
}

static void
hypha_http_arguments_add_meant (GVariantBuilder *meant,
                                GVariant        *named,
                                GVariant        *properties)
{
  GVariantIter iter;
  const char *name;
  GVariant *item;

  g_variant_iter_init (&iter, named);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &item))
    {
      g_autoptr (GVariant) value = item;

      if (!hypha_http_arguments_is_control (name) ||
          hypha_http_arguments_is_known (name, properties))
        g_variant_builder_add (meant, "{sv}", name, value);
    }
}

/*
 * What is an argument of a function with these properties. Where nobody knows them, what may be
 * control is so in a query only: a body is for the function.
 */
static GVariant *
hypha_http_arguments_choose (const HyphaHttpArguments *self,
                             GVariant                 *properties)
{
  GVariantBuilder meant;

  if (properties == NULL)
    return g_variant_ref (self->named);

  g_variant_builder_init (&meant, G_VARIANT_TYPE_VARDICT);
  hypha_http_arguments_add_meant (&meant, self->control, properties);
  hypha_http_arguments_add_meant (&meant, self->named, properties);
  return g_variant_ref_sink (g_variant_builder_end (&meant));
}

static GVariant *
hypha_http_arguments_single (GVariant *value)
{
  return g_variant_ref_sink (g_variant_new_array (
    G_VARIANT_TYPE_VARIANT, (GVariant *[]) { g_variant_new_variant (value) }, 1));
}

/* Nobody knows the names: one value is the argument, several are one map. */
static GVariant *
hypha_http_arguments_count (GVariant *named)
{
  g_autoptr (GVariant) value = NULL;

  if (g_variant_n_children (named) != 1)
    return hypha_http_arguments_single (named);

  g_variant_get_child (named, 0, "{&sv}", NULL, &value);
  return hypha_http_arguments_single (value);
}

/*
 * What to call a function with. parameters is the JSON schema of its parameters, or NULL where
 * nobody knows them; kwargs becomes NULL where nothing is passed by name. Both are for the caller
 * to free.
 */
void
hypha_http_arguments_map (const HyphaHttpArguments  *self,
                          GVariant                  *parameters,
                          GVariant                 **args,
                          GVariant                 **kwargs)
{
  g_autoptr (GVariant) properties = NULL;
  g_autoptr (GVariant) named = NULL;

  *kwargs = NULL;
  if (parameters != NULL)
    properties = g_variant_lookup_value (parameters, "properties", G_VARIANT_TYPE_VARDICT);

  if (self->positional != NULL)
    {
      *args = g_variant_ref (self->positional);
      return;
    }

  *args = g_variant_ref_sink (g_variant_new ("av", NULL));
  named = hypha_http_arguments_choose (self, properties);
  if (g_variant_n_children (named) == 0)
    return;

  if (properties != NULL && hypha_http_arguments_all_known (named, properties))
    {
      *kwargs = g_steal_pointer (&named);
      return;
    }

  g_variant_unref (*args);
  *args = hypha_http_arguments_from_indexes (named);
  if (*args == NULL)
    *args = hypha_http_arguments_count (named);
}
