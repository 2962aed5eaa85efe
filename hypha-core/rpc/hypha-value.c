/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-value-private.h"

/* The extension type of a moment in time. */
#define EXT_TIMESTAMP -1
#define NANOSECONDS 1000000000u

static const struct
{
  const char *name;
  gsize       size;
} dtypes[] = {
  { "int8", 1 }, { "int16", 2 }, { "int32", 4 }, { "int64", 8 },
  { "uint8", 1 }, { "uint16", 2 }, { "uint32", 4 }, { "uint64", 8 },
  { "float32", 4 }, { "float64", 8 }, { "bool", 1 },
};

/* Bytes of one item, 0 if nobody knows the type. */
gsize
hypha_array_item_size (const char *dtype)
{
  for (gsize i = 0; i < G_N_ELEMENTS (dtypes); i++)
    {
      if (g_str_equal (dtypes[i].name, dtype))
        return dtypes[i].size;
    }

  return 0;
}

void
hypha_array_clear (HyphaArray *self)
{
  g_clear_pointer (&self->dtype, g_free);
  g_clear_pointer (&self->bytes, g_bytes_unref);
  self->n_dimensions = 0;
}

static void
hypha_value_init (GVariantDict *dict,
                  const char   *rtype,
                  GVariant     *value)
{
  g_variant_dict_init (dict, NULL);
  g_variant_dict_insert (dict, "_rtype", "s", rtype);
  g_variant_dict_insert_value (dict, "_rvalue", value);
}

static GVariant *
hypha_value_new_bytes (GBytes *bytes)
{
  return g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, bytes, TRUE);
}

/* The shape must fit the bytes: it is the caller's own. */
GVariant *
hypha_value_new_ndarray (const char  *dtype,
                         const gsize *shape,
                         guint        n_dimensions,
                         GBytes      *bytes)
{
  GVariantBuilder sizes;
  GVariantDict dict;

  g_variant_builder_init (&sizes, G_VARIANT_TYPE ("av"));
  for (guint i = 0; i < n_dimensions; i++)
    g_variant_builder_add (&sizes, "v", g_variant_new_int64 ((gint64) shape[i]));

  hypha_value_init (&dict, "ndarray", hypha_value_new_bytes (bytes));
  g_variant_dict_insert_value (&dict, "_rshape", g_variant_builder_end (&sizes));
  g_variant_dict_insert (&dict, "_rdtype", "s", dtype);
  return g_variant_dict_end (&dict);
}

GVariant *
hypha_value_new_typedarray (const char *dtype,
                            GBytes     *bytes)
{
  GVariantDict dict;

  hypha_value_init (&dict, "typedarray", hypha_value_new_bytes (bytes));
  g_variant_dict_insert (&dict, "_rdtype", "s", dtype);
  return g_variant_dict_end (&dict);
}

static gboolean
hypha_value_refuse (GError     **error,
                    const char  *what)
{
  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT, "not a valid %s", what);
  return FALSE;
}

/* The dimensions of an ndarray, whose items they must count. */
static gboolean
hypha_array_take_shape (HyphaArray *self,
                        GVariant   *shape,
                        gsize       n_items)
{
  gsize product = 1;
  gsize n = shape != NULL ? g_variant_n_children (shape) : G_MAXSIZE;

  if (n > HYPHA_VALUE_MAX_DIMENSIONS)
    return FALSE;

  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) item = NULL;

      g_variant_get_child (shape, i, "v", &item);
      if (!g_variant_is_of_type (item, G_VARIANT_TYPE_INT64) || g_variant_get_int64 (item) < 0 ||
          !g_size_checked_mul (&product, product, (gsize) g_variant_get_int64 (item)))
        return FALSE;

      self->shape[i] = (gsize) g_variant_get_int64 (item);
    }

  self->n_dimensions = (guint) n;
  return product == n_items;
}

/* An ndarray or a typed array; its bytes are not copied. */
gboolean
hypha_value_get_array (GVariant    *value,
                       HyphaArray  *array,
                       GError     **error)
{
  g_auto (HyphaArray) found = { 0 };
  gboolean typed = hypha_rpc_codec_is_type (value, "typedarray");
  g_autoptr (GVariant) bytes = NULL;
  g_autoptr (GVariant) shape = NULL;
  gsize item_size;
  gsize size;

  if (!typed && !hypha_rpc_codec_is_type (value, "ndarray"))
    return hypha_value_refuse (error, "array");

  bytes = g_variant_lookup_value (value, "_rvalue", G_VARIANT_TYPE_BYTESTRING);
  shape = g_variant_lookup_value (value, "_rshape", G_VARIANT_TYPE ("av"));
  g_variant_lookup (value, "_rdtype", "s", &found.dtype);
  item_size = found.dtype != NULL ? hypha_array_item_size (found.dtype) : 0;
  size = bytes != NULL ? g_variant_get_size (bytes) : 0;
  if (bytes == NULL || item_size == 0 || size % item_size != 0)
    return hypha_value_refuse (error, "array: its bytes and its type do not fit");

  if (!typed && !hypha_array_take_shape (&found, shape, size / item_size))
    return hypha_value_refuse (error, "array: its bytes and its shape do not fit");

  if (typed)
    {
      found.n_dimensions = 1;
      found.shape[0] = size / item_size;
    }

  found.bytes = g_variant_get_data_as_bytes (bytes);
  *array = found;
  memset (&found, 0, sizeof found);
  return TRUE;
}

GVariant *
hypha_value_new_memoryview (GBytes *bytes)
{
  GVariantDict dict;

  hypha_value_init (&dict, "memoryview", hypha_value_new_bytes (bytes));
  return g_variant_dict_end (&dict);
}

/* The bytes of a memory view, or of plain binary. */
GBytes *
hypha_value_dup_bytes (GVariant  *value,
                       GError   **error)
{
  g_autoptr (GVariant) inner = NULL;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BYTESTRING))
    return g_variant_get_data_as_bytes (value);

  if (hypha_rpc_codec_is_type (value, "memoryview"))
    inner = g_variant_lookup_value (value, "_rvalue", G_VARIANT_TYPE_BYTESTRING);
  if (inner != NULL)
    return g_variant_get_data_as_bytes (inner);

  hypha_value_refuse (error, "run of bytes");
  return NULL;
}

/* items is an av. */
GVariant *
hypha_value_new_set (GVariant *items)
{
  GVariantDict dict;

  hypha_value_init (&dict, "set", items);
  return g_variant_dict_end (&dict);
}

/* The items of a set, an av. */
GVariant *
hypha_value_dup_set (GVariant  *value,
                     GError   **error)
{
  GVariant *items = NULL;

  if (hypha_rpc_codec_is_type (value, "set"))
    items = g_variant_lookup_value (value, "_rvalue", G_VARIANT_TYPE ("av"));
  if (items == NULL)
    hypha_value_refuse (error, "set");
  return items;
}

/* pairs is an av of av: a key and a value each. */
GVariant *
hypha_value_new_ordered_map (GVariant *pairs)
{
  GVariantDict dict;

  hypha_value_init (&dict, "orderedmap", pairs);
  return g_variant_dict_end (&dict);
}

static gboolean
hypha_value_is_pair (GVariant *value)
{
  return g_variant_is_of_type (value, G_VARIANT_TYPE ("av")) && g_variant_n_children (value) == 2;
}

/* The pairs of an ordered map. What some clients send are its keys alone, which makes no map. */
GVariant *
hypha_value_dup_ordered_map (GVariant  *value,
                             GError   **error)
{
  g_autoptr (GVariant) pairs = NULL;
  gboolean valid;

  if (hypha_rpc_codec_is_type (value, "orderedmap"))
    pairs = g_variant_lookup_value (value, "_rvalue", G_VARIANT_TYPE ("av"));

  valid = pairs != NULL;
  for (gsize i = 0; valid && i < g_variant_n_children (pairs); i++)
    {
      g_autoptr (GVariant) pair = NULL;

      g_variant_get_child (pairs, i, "v", &pair);
      valid = hypha_value_is_pair (pair);
    }

  if (valid)
    return g_steal_pointer (&pairs);

  hypha_value_refuse (error, "ordered map");
  return NULL;
}

static guint
hypha_value_put_number (guint8  *out,
                        guint64  number,
                        guint    size)
{
  for (guint i = 0; i < size; i++)
    out[i] = (guint8) (number >> (8 * (size - 1 - i)));

  return size;
}

/* In the shortest of the three forms: seconds, seconds and nanoseconds, and any time at all. */
GVariant *
hypha_value_new_datetime (GDateTime *when)
{
  gint64 seconds = g_date_time_to_unix (when);
  guint64 nanoseconds = (guint64) g_date_time_get_microsecond (when) * 1000;
  guint8 bytes[12];
  guint size = 0;
  GVariant *parts[2];

  if (seconds < 0 || seconds >= G_GINT64_CONSTANT (1) << 34)
    {
      size = hypha_value_put_number (bytes, nanoseconds, 4);
      size += hypha_value_put_number (bytes + size, (guint64) seconds, 8);
    }
  else if (nanoseconds > 0 || seconds > G_MAXUINT32)
    {
      size = hypha_value_put_number (bytes, nanoseconds << 34 | (guint64) seconds, 8);
    }
  else
    {
      size = hypha_value_put_number (bytes, (guint64) seconds, 4);
    }

  parts[0] = g_variant_new_byte ((guint8) EXT_TIMESTAMP);
  parts[1] = g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, bytes, size, 1);
  return g_variant_new_tuple (parts, G_N_ELEMENTS (parts));
}

static guint64
hypha_value_get_number (const guint8 *bytes,
                        guint         size)
{
  guint64 number = 0;

  for (guint i = 0; i < size; i++)
    number = number << 8 | bytes[i];

  return number;
}

/* To the microsecond. */
GDateTime *
hypha_value_dup_datetime (GVariant  *value,
                          GError   **error)
{
  g_autoptr (GDateTime) whole = NULL;
  GDateTime *when = NULL;
  g_autoptr (GVariant) inner = NULL;
  const guint8 *bytes = NULL;
  gsize size = 0;
  guint8 type = 0;
  guint64 nanoseconds = 0;
  gint64 seconds = 0;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE ("(yay)")))
    {
      g_variant_get (value, "(y@ay)", &type, &inner);
      bytes = g_variant_get_fixed_array (inner, &size, 1);
    }

  if (type == (guint8) EXT_TIMESTAMP && size == 4)
    {
      seconds = (gint64) hypha_value_get_number (bytes, 4);
    }
  else if (type == (guint8) EXT_TIMESTAMP && size == 8)
    {
      nanoseconds = hypha_value_get_number (bytes, 8) >> 34;
      seconds = (gint64) (hypha_value_get_number (bytes, 8) & ((G_GUINT64_CONSTANT (1) << 34) - 1));
    }
  else if (type == (guint8) EXT_TIMESTAMP && size == 12)
    {
      nanoseconds = hypha_value_get_number (bytes, 4);
      seconds = (gint64) hypha_value_get_number (bytes + 4, 8);
    }
  else
    {
      hypha_value_refuse (error, "moment in time");
      return NULL;
    }

  whole = nanoseconds < NANOSECONDS ? g_date_time_new_from_unix_utc (seconds) : NULL;
  if (whole != NULL)
    when = g_date_time_add (whole, (GTimeSpan) (nanoseconds / 1000));
  if (when == NULL)
    hypha_value_refuse (error, "moment in time: it is out of range");
  return when;
}

/* Never a stack trace of ours: it names files of this machine. */
GVariant *
hypha_value_new_error (const GError *error)
{
  g_autofree char *trace = g_strconcat (hypha_error_get_class_name (error), ": ", error->message,
                                        NULL);

  return hypha_rpc_codec_error (error->message, trace);
}

/* The class at the start of line: “RangeError” of “RangeError: bad”. */
static char *
hypha_value_dup_class (const char *line)
{
  gsize n = line != NULL ? strspn (line, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "_.") : 0;

  return n > 0 && n <= 64 && line[n] == ':' ? g_strndup (line, n) : NULL;
}

/* JavaScript says what it is in the first line of its trace, Python in the last. */
static char *
hypha_value_dup_trace_class (const char *trace)
{
  g_autofree char *trimmed = NULL;
  const char *last;

  if (trace == NULL || !g_str_has_prefix (trace, "Traceback"))
    return hypha_value_dup_class (trace);

  trimmed = g_strchomp (g_strdup (trace));
  last = strrchr (trimmed, '\n');
  return last != NULL ? hypha_value_dup_class (last + 1) : NULL;
}

/* The error that a callee threw: its own words. */
GError *
hypha_value_dup_error (GVariant *value)
{
  const char *text = NULL;
  const char *trace = NULL;
  char *class_name;

  if (hypha_rpc_codec_is_type (value, "error"))
    {
      g_variant_lookup (value, "_rvalue", "&s", &text);
      g_variant_lookup (value, "_rtrace", "&s", &trace);
    }
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    {
      text = g_variant_get_string (value, NULL);
    }

  class_name = hypha_value_dup_trace_class (trace);
  if (class_name == NULL)
    class_name = hypha_value_dup_class (text);
  return hypha_error_new_remote (text != NULL ? text : "the service failed without saying why",
                                 class_name, trace);
}
