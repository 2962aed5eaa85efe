/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-msgpack-key-private.h"

#include <string.h>

static void
hypha_msgpack_write_lead (GByteArray *out,
                          guint8      lead)
{
  g_byte_array_append (out, &lead, 1);
}

/* A lead byte and the low bytes of a field, most significant first. */
static void
hypha_msgpack_write_field (GByteArray *out,
                           guint8      lead,
                           guint64     field,
                           guint       size)
{
  guint8 bytes[9] = { lead };

  for (guint i = 0; i < size; i++)
    bytes[1 + i] = (guint8) (field >> (8 * (size - 1 - i)));

  g_byte_array_append (out, bytes, 1 + size);
}

/* A length in the shortest of the forms with 1, 2 and 4 bytes; a lead of 0 is no form. */
static void
hypha_msgpack_write_length (GByteArray   *out,
                            guint32       length,
                            const guint8  leads[3])
{
  if (leads[0] != 0 && length <= G_MAXUINT8)
    hypha_msgpack_write_field (out, leads[0], length, 1);
  else if (length <= G_MAXUINT16)
    hypha_msgpack_write_field (out, leads[1], length, 2);
  else
    hypha_msgpack_write_field (out, leads[2], length, 4);
}

void
hypha_msgpack_write_nil (GByteArray *out)
{
  hypha_msgpack_write_lead (out, 0xc0);
}

void
hypha_msgpack_write_map (GByteArray *out,
                         guint32     entries)
{
  static const guint8 leads[] = { 0, 0xde, 0xdf };

  if (entries < 16)
    hypha_msgpack_write_lead (out, 0x80 | (guint8) entries);
  else
    hypha_msgpack_write_length (out, entries, leads);
}

void
hypha_msgpack_write_array (GByteArray *out,
                           guint32     entries)
{
  static const guint8 leads[] = { 0, 0xdc, 0xdd };

  if (entries < 16)
    hypha_msgpack_write_lead (out, 0x90 | (guint8) entries);
  else
    hypha_msgpack_write_length (out, entries, leads);
}

void
hypha_msgpack_write_str (GByteArray *out,
                         const char *text,
                         gsize       size)
{
  static const guint8 leads[] = { 0xd9, 0xda, 0xdb };

  g_assert (size <= G_MAXUINT32);
  if (size < 32)
    hypha_msgpack_write_lead (out, 0xa0 | (guint8) size);
  else
    hypha_msgpack_write_length (out, (guint32) size, leads);
  g_byte_array_append (out, (const guint8 *) text, (guint) size);
}

static void
hypha_msgpack_write_bin (GByteArray *out,
                         GVariant   *bytes)
{
  static const guint8 leads[] = { 0xc4, 0xc5, 0xc6 };
  gsize size = g_variant_get_size (bytes);

  g_assert (size <= G_MAXUINT32);
  hypha_msgpack_write_length (out, (guint32) size, leads);
  if (size > 0)
    g_byte_array_append (out, g_variant_get_data (bytes), (guint) size);
}

static void
hypha_msgpack_write_unsigned (GByteArray *out,
                              guint64     value)
{
  if (value < 0x80)
    hypha_msgpack_write_lead (out, (guint8) value);
  else if (value <= G_MAXUINT8)
    hypha_msgpack_write_field (out, 0xcc, value, 1);
  else if (value <= G_MAXUINT16)
    hypha_msgpack_write_field (out, 0xcd, value, 2);
  else if (value <= G_MAXUINT32)
    hypha_msgpack_write_field (out, 0xce, value, 4);
  else
    hypha_msgpack_write_field (out, 0xcf, value, 8);
}

static void
hypha_msgpack_write_signed (GByteArray *out,
                            gint64      value)
{
  if (value >= 0)
    hypha_msgpack_write_unsigned (out, (guint64) value);
  else if (value >= -32)
    hypha_msgpack_write_lead (out, (guint8) value);
  else if (value >= G_MININT8)
    hypha_msgpack_write_field (out, 0xd0, (guint64) value, 1);
  else if (value >= G_MININT16)
    hypha_msgpack_write_field (out, 0xd1, (guint64) value, 2);
  else if (value >= G_MININT32)
    hypha_msgpack_write_field (out, 0xd2, (guint64) value, 4);
  else
    hypha_msgpack_write_field (out, 0xd3, (guint64) value, 8);
}

static void
hypha_msgpack_write_double (GByteArray *out,
                            double      value)
{
  guint64 bits;

  memcpy (&bits, &value, sizeof bits);
  hypha_msgpack_write_field (out, 0xcb, bits, 8);
}

static void
hypha_msgpack_write_text (GByteArray *out,
                          GVariant   *value)
{
  gsize size;
  const char *text = g_variant_get_string (value, &size);

  hypha_msgpack_write_str (out, text, size);
}

/* Everything that is a number or text by itself. */
static void
hypha_msgpack_encode_basic (GByteArray *out,
                            GVariant   *value)
{
  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_BOOLEAN:
      hypha_msgpack_write_lead (out, g_variant_get_boolean (value) ? 0xc3 : 0xc2);
      break;
    case G_VARIANT_CLASS_BYTE:
      hypha_msgpack_write_unsigned (out, g_variant_get_byte (value));
      break;
    case G_VARIANT_CLASS_INT16:
      hypha_msgpack_write_signed (out, g_variant_get_int16 (value));
      break;
    case G_VARIANT_CLASS_UINT16:
      hypha_msgpack_write_unsigned (out, g_variant_get_uint16 (value));
      break;
    case G_VARIANT_CLASS_INT32:
      hypha_msgpack_write_signed (out, g_variant_get_int32 (value));
      break;
    case G_VARIANT_CLASS_UINT32:
      hypha_msgpack_write_unsigned (out, g_variant_get_uint32 (value));
      break;
    case G_VARIANT_CLASS_INT64:
      hypha_msgpack_write_signed (out, g_variant_get_int64 (value));
      break;
    case G_VARIANT_CLASS_UINT64:
      hypha_msgpack_write_unsigned (out, g_variant_get_uint64 (value));
      break;
    case G_VARIANT_CLASS_HANDLE:
      hypha_msgpack_write_signed (out, g_variant_get_handle (value));
      break;
    case G_VARIANT_CLASS_DOUBLE:
      hypha_msgpack_write_double (out, g_variant_get_double (value));
      break;
    default:
      hypha_msgpack_write_text (out, value);
      break;
    }
}

/* A key that is not text is written as text: no peer takes another kind. */
static void
hypha_msgpack_encode_key (GByteArray *out,
                          GVariant   *key)
{
  g_autofree char *text = NULL;

  if (g_variant_is_of_type (key, G_VARIANT_TYPE_STRING) ||
      g_variant_is_of_type (key, G_VARIANT_TYPE_OBJECT_PATH) ||
      g_variant_is_of_type (key, G_VARIANT_TYPE_SIGNATURE))
    {
      hypha_msgpack_write_text (out, key);
      return;
    }

  text = g_variant_print (key, FALSE);
  hypha_msgpack_write_str (out, text, strlen (text));
}

static gboolean
hypha_msgpack_entry_is_refused (GVariant *entry)
{
  g_autoptr (GVariant) key = g_variant_get_child_value (entry, 0);
  gsize size;
  const char *text;

  if (!g_variant_is_of_type (key, G_VARIANT_TYPE_STRING))
    return FALSE;

  text = g_variant_get_string (key, &size);
  return hypha_msgpack_is_refused_key (text, size);
}

static void
hypha_msgpack_encode_entry (GByteArray *out,
                            GVariant   *entry)
{
  g_autoptr (GVariant) key = g_variant_get_child_value (entry, 0);
  g_autoptr (GVariant) value = g_variant_get_child_value (entry, 1);

  hypha_msgpack_encode_key (out, key);
  hypha_msgpack_encode (out, value);
}

/* All entries but those that would end a receiver in JavaScript; these are counted. */
static guint32
hypha_msgpack_encode_entries (GByteArray *out,
                              GVariant   *map,
                              guint32     size)
{
  gsize n_children = g_variant_n_children (map);
  guint32 n_refused = 0;

  hypha_msgpack_write_map (out, size);
  for (gsize i = 0; i < n_children; i++)
    {
      g_autoptr (GVariant) entry = g_variant_get_child_value (map, i);

      if (hypha_msgpack_entry_is_refused (entry))
        n_refused++;
      else
        hypha_msgpack_encode_entry (out, entry);
    }

  return n_refused;
}

/*
 * What comes from outside was asked for such keys where it came in; here they end that became keys
 * later, as the name of a variable or of a header does. As there are none it is not looked before.
 */
static void
hypha_msgpack_encode_map (GByteArray *out,
                          GVariant   *map)
{
  guint start = out->len;
  guint32 size = (guint32) g_variant_n_children (map);
  guint32 n_refused = hypha_msgpack_encode_entries (out, map, size);

  if (n_refused == 0)
    return;

  g_byte_array_set_size (out, start);
  hypha_msgpack_encode_entries (out, map, size - n_refused);
}

/* Arrays and tuples, and maps where the elements are entries. */
static void
hypha_msgpack_encode_children (GByteArray *out,
                               GVariant   *value)
{
  gsize size = g_variant_n_children (value);

  g_assert (size <= G_MAXUINT32);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_DICTIONARY))
    {
      hypha_msgpack_encode_map (out, value);
      return;
    }

  hypha_msgpack_write_array (out, (guint32) size);
  for (gsize i = 0; i < size; i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);

      hypha_msgpack_encode (out, child);
    }
}

static void
hypha_msgpack_encode_ext (GByteArray *out,
                          GVariant   *value)
{
  static const guint8 leads[] = { 0xc7, 0xc8, 0xc9 };
  g_autoptr (GVariant) type = g_variant_get_child_value (value, 0);
  g_autoptr (GVariant) bytes = g_variant_get_child_value (value, 1);
  gsize size = g_variant_get_size (bytes);

  g_assert (size <= G_MAXUINT32);
  if (size > 0 && size <= 16 && (size & (size - 1)) == 0)
    hypha_msgpack_write_lead (out, 0xd4 + (guint8) g_bit_nth_lsf (size, -1));
  else
    hypha_msgpack_write_length (out, (guint32) size, leads);

  hypha_msgpack_write_lead (out, g_variant_get_byte (type));
  if (size > 0)
    g_byte_array_append (out, g_variant_get_data (bytes), (guint) size);
}

/* A str that is no C string, as the decoder hands it out. */
static void
hypha_msgpack_encode_raw_str (GByteArray *out,
                              GVariant   *value)
{
  g_autoptr (GVariant) bytes = g_variant_get_child_value (value, 0);
  gsize size = g_variant_get_size (bytes);

  hypha_msgpack_write_str (out, size > 0 ? g_variant_get_data (bytes) : "", size);
}

static void
hypha_msgpack_encode_tuple (GByteArray *out,
                            GVariant   *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE ("(yay)")))
    hypha_msgpack_encode_ext (out, value);
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE ("(ay)")))
    hypha_msgpack_encode_raw_str (out, value);
  else
    hypha_msgpack_encode_children (out, value);
}

/* What is in a variant, or in a maybe that is not empty. */
static void
hypha_msgpack_encode_inner (GByteArray *out,
                            GVariant   *value)
{
  g_autoptr (GVariant) inner = NULL;

  if (g_variant_n_children (value) == 0)
    {
      hypha_msgpack_write_nil (out);
      return;
    }

  inner = g_variant_get_child_value (value, 0);
  hypha_msgpack_encode (out, inner);
}

/* Appends value; there is a form for every type of GVariant. */
void
hypha_msgpack_encode (GByteArray *out,
                      GVariant   *value)
{
  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_VARIANT:
    case G_VARIANT_CLASS_MAYBE:
      hypha_msgpack_encode_inner (out, value);
      break;
    case G_VARIANT_CLASS_ARRAY:
      if (g_variant_is_of_type (value, G_VARIANT_TYPE_BYTESTRING))
        hypha_msgpack_write_bin (out, value);
      else
        hypha_msgpack_encode_children (out, value);
      break;
    case G_VARIANT_CLASS_TUPLE:
      hypha_msgpack_encode_tuple (out, value);
      break;
    case G_VARIANT_CLASS_DICT_ENTRY:
      hypha_msgpack_write_map (out, 1);
      hypha_msgpack_encode_entry (out, value);
      break;
    default:
      hypha_msgpack_encode_basic (out, value);
      break;
    }
}
