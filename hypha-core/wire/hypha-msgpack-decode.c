/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-msgpack-key-private.h"

typedef struct
{
  HyphaMsgpackCursor  cursor;
  GBytes             *owner;
  guint               depth;
  gsize               room;    /* bytes that its values may take yet */
} HyphaMsgpackDecoder;

static GVariant *hypha_msgpack_decode_value (HyphaMsgpackDecoder  *self,
                                             GError              **error);

static gsize
hypha_msgpack_budget (gsize size)
{
  return HYPHA_MSGPACK_MAX_MEMORY + HYPHA_MSGPACK_MEMORY_PER_BYTE * size;
}

static gboolean
hypha_msgpack_spend (HyphaMsgpackDecoder  *self,
                     gsize                 cost,
                     GError              **error)
{
  if (cost > self->room)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE,
                   "the values in %" G_GSIZE_FORMAT " bytes take more than %" G_GSIZE_FORMAT
                   " bytes of memory", self->cursor.size,
                   hypha_msgpack_budget (self->cursor.size));
      return FALSE;
    }

  self->room -= cost;
  return TRUE;
}

static GVariant *
hypha_msgpack_copy_bytes (const HyphaMsgpackItem *item)
{
  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, item->data, item->size, 1);
}

/* A bin by reference where that saves more than it pins, else a copy. */
static GVariant *
hypha_msgpack_decode_bin (HyphaMsgpackDecoder    *self,
                          const HyphaMsgpackItem *item)
{
  g_autoptr (GBytes) slice = NULL;
  const guint8 *base;

  if (self->owner == NULL || item->size < HYPHA_MSGPACK_MIN_SLICE ||
      item->size < g_bytes_get_size (self->owner) / HYPHA_MSGPACK_MAX_PINNED)
    return hypha_msgpack_copy_bytes (item);

  base = g_bytes_get_data (self->owner, NULL);
  slice = g_bytes_new_from_bytes (self->owner, item->data - base, item->size);
  return g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, slice, TRUE);
}

static GVariant *
hypha_msgpack_decode_str (const HyphaMsgpackItem *item)
{
  GVariant *raw;

  if (g_utf8_validate ((const char *) item->data, item->size, NULL))
    return g_variant_new_take_string (g_strndup ((const char *) item->data, item->size));

  raw = hypha_msgpack_copy_bytes (item);
  return g_variant_new_tuple (&raw, 1);
}

static GVariant *
hypha_msgpack_decode_ext (const HyphaMsgpackItem *item)
{
  GVariant *parts[2];

  parts[0] = g_variant_new_byte ((guint8) item->ext_type);
  parts[1] = hypha_msgpack_copy_bytes (item);
  return g_variant_new_tuple (parts, G_N_ELEMENTS (parts));
}

static GVariant *
hypha_msgpack_decode_array (HyphaMsgpackDecoder  *self,
                            guint32               size,
                            GError              **error)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("av"));
  gsize numbers_cost = (gsize) size * HYPHA_MSGPACK_NUMBER_COST;
  GVariant *numbers = NULL;

  if (numbers_cost <= self->room)
    numbers = hypha_msgpack_decode_numbers (&self->cursor, size);
  if (numbers != NULL)
    {
      self->room -= numbers_cost;
      return numbers;
    }

  for (guint32 i = 0; i < size; i++)
    {
      GVariant *value = hypha_msgpack_decode_value (self, error);

      if (value == NULL)
        return NULL;

      g_variant_builder_add_value (&builder, g_variant_new_variant (value));
    }

  return g_variant_builder_end (&builder);
}

/*
 * The next item as a key, which is text here. A whole number becomes decimal digits, as it does in
 * JavaScript: dictionaries of Python have such keys.
 */
static char *
hypha_msgpack_decode_key (HyphaMsgpackDecoder  *self,
                          GError              **error)
{
  HyphaMsgpackItem item;

  if (!hypha_msgpack_cursor_next (&self->cursor, &item, error))
    return NULL;

  if (item.kind == HYPHA_MSGPACK_INT)
    return g_strdup_printf ("%" G_GINT64_FORMAT, item.integer);
  if (item.kind == HYPHA_MSGPACK_UINT)
    return g_strdup_printf ("%" G_GUINT64_FORMAT, item.unsigned_integer);
  if (item.kind == HYPHA_MSGPACK_STR &&
      hypha_msgpack_is_text ((const char *) item.data, item.size) &&
      !hypha_msgpack_is_refused_key ((const char *) item.data, item.size))
    return g_strndup ((const char *) item.data, item.size);

  g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_PROTOCOL,
                       "a map has a key that is no text and no whole number, or is “"
                       HYPHA_MSGPACK_REFUSED_KEY "”");
  return NULL;
}

static GVariant *
hypha_msgpack_decode_map (HyphaMsgpackDecoder  *self,
                          guint32               size,
                          GError              **error)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  for (guint32 i = 0; i < size; i++)
    {
      g_autofree char *key = hypha_msgpack_decode_key (self, error);
      GVariant *value;

      if (key == NULL ||
          !hypha_msgpack_spend (self, HYPHA_MSGPACK_PART_COST + strlen (key), error))
        return NULL;

      value = hypha_msgpack_decode_value (self, error);
      if (value == NULL)
        return NULL;

      g_variant_builder_add (&builder, "{sv}", key, value);
    }

  return g_variant_builder_end (&builder);
}

static GVariant *
hypha_msgpack_decode_container (HyphaMsgpackDecoder     *self,
                                const HyphaMsgpackItem  *item,
                                GError                 **error)
{
  GVariant *value;

  if (self->depth == HYPHA_MSGPACK_MAX_DEPTH)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_DEEP,
                   "nesting deeper than %d levels", HYPHA_MSGPACK_MAX_DEPTH);
      return NULL;
    }

  self->depth++;
  if (item->kind == HYPHA_MSGPACK_MAP)
    value = hypha_msgpack_decode_map (self, item->size, error);
  else
    value = hypha_msgpack_decode_array (self, item->size, error);
  self->depth--;
  return value;
}

static GVariant *
hypha_msgpack_decode_item (HyphaMsgpackDecoder     *self,
                           const HyphaMsgpackItem  *item,
                           GError                 **error)
{
  switch (item->kind)
    {
    case HYPHA_MSGPACK_BOOL:
      return g_variant_new_boolean (item->boolean);

    case HYPHA_MSGPACK_INT:
      return g_variant_new_int64 (item->integer);

    case HYPHA_MSGPACK_UINT:
      return g_variant_new_uint64 (item->unsigned_integer);

    case HYPHA_MSGPACK_FLOAT:
      return g_variant_new_double (item->real);

    case HYPHA_MSGPACK_STR:
      return hypha_msgpack_decode_str (item);

    case HYPHA_MSGPACK_BIN:
      return hypha_msgpack_decode_bin (self, item);

    case HYPHA_MSGPACK_EXT:
      return hypha_msgpack_decode_ext (item);

    case HYPHA_MSGPACK_ARRAY:
    case HYPHA_MSGPACK_MAP:
      return hypha_msgpack_decode_container (self, item, error);

    case HYPHA_MSGPACK_NIL:
    default:
      return g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL);
    }
}

/* What the value of item takes, without what is in it. */
static gsize
hypha_msgpack_cost (const HyphaMsgpackItem *item)
{
  switch (item->kind)
    {
    case HYPHA_MSGPACK_STR:
    case HYPHA_MSGPACK_BIN:
      return HYPHA_MSGPACK_VALUE_COST + item->size;

    case HYPHA_MSGPACK_EXT:
      return HYPHA_MSGPACK_VALUE_COST + HYPHA_MSGPACK_PART_COST + item->size;

    default:
      return HYPHA_MSGPACK_VALUE_COST;
    }
}

static GVariant *
hypha_msgpack_decode_value (HyphaMsgpackDecoder  *self,
                            GError              **error)
{
  HyphaMsgpackItem item;

  if (!hypha_msgpack_cursor_next (&self->cursor, &item, error) ||
      !hypha_msgpack_spend (self, hypha_msgpack_cost (&item), error))
    return NULL;

  return hypha_msgpack_decode_item (self, &item, error);
}

/*
 * Decodes one value; the reference is the caller's and not floating. With an owner, which data must
 * lie in, long binary values are slices of it. Without consumed, nothing may follow the value.
 *
 * A key that comes twice in a map stays twice; looking it up finds the first.
 */
GVariant *
hypha_msgpack_decode (const guint8  *data,
                      gsize          size,
                      GBytes        *owner,
                      gsize         *consumed,
                      GError       **error)
{
  gsize memory;

  return hypha_msgpack_decode_counted (data, size, owner, consumed, &memory, error);
}

/* The same, with what its values are counted as. */
GVariant *
hypha_msgpack_decode_counted (const guint8  *data,
                              gsize          size,
                              GBytes        *owner,
                              gsize         *consumed,
                              gsize         *memory,
                              GError       **error)
{
  HyphaMsgpackDecoder self = { { data, size, 0 }, owner, 0, hypha_msgpack_budget (size) };
  g_autoptr (GVariant) value = hypha_msgpack_decode_value (&self, error);

  if (value == NULL)
    return NULL;

  g_variant_ref_sink (value);
  if (consumed == NULL && self.cursor.offset < size)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PROTOCOL,
                   "malformed MessagePack: %" G_GSIZE_FORMAT " bytes after the value",
                   size - self.cursor.offset);
      return NULL;
    }

  if (consumed != NULL)
    *consumed = self.cursor.offset;
  *memory = hypha_msgpack_budget (size) - self.room;
  return g_steal_pointer (&value);
}
