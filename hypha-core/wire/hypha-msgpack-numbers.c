/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-msgpack-private.h"

/*
 * Lists of numbers, truth values and nil, which may be long: an av in GVariant's serialised form,
 * where an element is its value, a zero byte and its type, begins at a multiple of eight, and has
 * its end written down behind all of them. One costs 20 bytes at most that way; a GVariant with
 * what belongs to it costs ten times as much.
 */

#define ALIGNMENT 8

/* An element with its type, or 0 if this is no number. */
static gsize
hypha_msgpack_number_size (HyphaMsgpackKind kind)
{
  switch (kind)
    {
    case HYPHA_MSGPACK_NIL:
      return strlen ("") + 1 + strlen ("mv");

    case HYPHA_MSGPACK_BOOL:
      return sizeof (guint8) + 1 + strlen ("b");

    case HYPHA_MSGPACK_INT:
    case HYPHA_MSGPACK_UINT:
    case HYPHA_MSGPACK_FLOAT:
      return sizeof (guint64) + 1 + strlen ("x");

    default:
      return 0;
    }
}

static gsize
hypha_msgpack_align (gsize offset)
{
  return (offset + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* The bytes of the next count elements together, 0 where one is no number or there are fewer. */
static gsize
hypha_msgpack_measure_numbers (HyphaMsgpackCursor cursor,
                               guint32            count)
{
  HyphaMsgpackItem item;
  gsize end = 0;

  for (guint32 i = 0; i < count; i++)
    {
      gsize size = hypha_msgpack_cursor_next (&cursor, &item, NULL) ?
                   hypha_msgpack_number_size (item.kind) : 0;

      if (size == 0)
        return 0;

      end = hypha_msgpack_align (end) + size;
    }

  return end;
}

/* The room of one end: the least with which they, and what they are the ends of, can be counted. */
static guint
hypha_msgpack_offset_size (gsize body,
                           gsize count)
{
  guint size = 1;

  while (size < sizeof (guint64) && body + count * size > G_MAXUINT64 >> (64 - 8 * size))
    size *= 2;

  return size;
}

static void
hypha_msgpack_put_number (guint8                 *out,
                          const HyphaMsgpackItem *item)
{
  const char *type = item->kind == HYPHA_MSGPACK_INT ? "x" :
                     item->kind == HYPHA_MSGPACK_UINT ? "t" :
                     item->kind == HYPHA_MSGPACK_FLOAT ? "d" :
                     item->kind == HYPHA_MSGPACK_BOOL ? "b" : "mv";
  gsize type_size = strlen (type);
  gsize size = hypha_msgpack_number_size (item->kind) - 1 - type_size;

  if (item->kind == HYPHA_MSGPACK_BOOL)
    out[0] = item->boolean != FALSE;
  else if (item->kind == HYPHA_MSGPACK_FLOAT)
    memcpy (out, &item->real, sizeof item->real);
  else if (size > 0)
    memcpy (out, &item->unsigned_integer, sizeof item->unsigned_integer);
  for (gsize i = 0; i < type_size; i++)
    out[size + 1 + i] = (guint8) type[i];
}

/* The end of an element, in the order of bytes that GVariant has on every machine. */
static void
hypha_msgpack_put_end (guint8 *out,
                       gsize   end,
                       guint   size)
{
  for (guint i = 0; i < size; i++)
    out[i] = (guint8) (end >> (8 * i));
}

/*
 * The list of the next count items, which cursor goes past; NULL, with the cursor where it was, if
 * one is no number. Floating.
 */
GVariant *
hypha_msgpack_decode_numbers (HyphaMsgpackCursor *cursor,
                              guint32             count)
{
  gsize body = hypha_msgpack_measure_numbers (*cursor, count);
  guint offset_size = hypha_msgpack_offset_size (body, count);
  g_autoptr (GBytes) bytes = NULL;
  guint8 *out;
  gsize end = 0;

  if (body == 0)
    return NULL;

  out = g_malloc0 (body + (gsize) count * offset_size);
  bytes = g_bytes_new_take (out, body + (gsize) count * offset_size);
  for (guint32 i = 0; i < count; i++)
    {
      HyphaMsgpackItem item;

      hypha_msgpack_cursor_next (cursor, &item, NULL);
      end = hypha_msgpack_align (end);
      hypha_msgpack_put_number (out + end, &item);
      end += hypha_msgpack_number_size (item.kind);
      hypha_msgpack_put_end (out + body + (gsize) i * offset_size, end, offset_size);
    }

  return g_variant_new_from_bytes (G_VARIANT_TYPE ("av"), bytes, TRUE);
}
