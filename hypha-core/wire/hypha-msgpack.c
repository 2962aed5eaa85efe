/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-msgpack-key-private.h"

#include <string.h>

/*
 * A reader of our own. The router needs one in any case, to walk over a segment in place; and a
 * library reader that makes an array as large as its head claims, before it has seen a single
 * element, turns a frame of five bytes into gigabytes.
 */

/* Lead bytes c0 to df: what the item is, and how long the field after the lead byte is. */
typedef struct
{
  guint8 kind;
  guint8 field;
} HyphaMsgpackForm;

#define FIRST_FORM 0xc0
#define NEVER_USED 0xc1

static const HyphaMsgpackForm forms[32] = {
  { HYPHA_MSGPACK_NIL, 0 },   { HYPHA_MSGPACK_NIL, 0 },   { HYPHA_MSGPACK_BOOL, 0 },
  { HYPHA_MSGPACK_BOOL, 0 },  { HYPHA_MSGPACK_BIN, 1 },   { HYPHA_MSGPACK_BIN, 2 },
  { HYPHA_MSGPACK_BIN, 4 },   { HYPHA_MSGPACK_EXT, 1 },   { HYPHA_MSGPACK_EXT, 2 },
  { HYPHA_MSGPACK_EXT, 4 },   { HYPHA_MSGPACK_FLOAT, 4 }, { HYPHA_MSGPACK_FLOAT, 8 },
  { HYPHA_MSGPACK_UINT, 1 },  { HYPHA_MSGPACK_UINT, 2 },  { HYPHA_MSGPACK_UINT, 4 },
  { HYPHA_MSGPACK_UINT, 8 },  { HYPHA_MSGPACK_INT, 1 },   { HYPHA_MSGPACK_INT, 2 },
  { HYPHA_MSGPACK_INT, 4 },   { HYPHA_MSGPACK_INT, 8 },   { HYPHA_MSGPACK_EXT, 0 },
  { HYPHA_MSGPACK_EXT, 0 },   { HYPHA_MSGPACK_EXT, 0 },   { HYPHA_MSGPACK_EXT, 0 },
  { HYPHA_MSGPACK_EXT, 0 },   { HYPHA_MSGPACK_STR, 1 },   { HYPHA_MSGPACK_STR, 2 },
  { HYPHA_MSGPACK_STR, 4 },   { HYPHA_MSGPACK_ARRAY, 2 }, { HYPHA_MSGPACK_ARRAY, 4 },
  { HYPHA_MSGPACK_MAP, 2 },   { HYPHA_MSGPACK_MAP, 4 },
};

#define FIRST_FIXEXT 0xd4
#define LAST_FIXEXT 0xd8
#define SHORT_STR 0xd9

/* The ext type of a time: 4, 8 or 12 bytes. JavaScript's decoder ends at one of another length. */
#define EXT_TIMESTAMP (-1)

static gboolean
hypha_msgpack_fail (const HyphaMsgpackCursor  *cursor,
                    const char                *problem,
                    GError                   **error)
{
  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PROTOCOL,
               "malformed MessagePack at byte %" G_GSIZE_FORMAT ": %s", cursor->offset, problem);
  return FALSE;
}

static guint64
hypha_msgpack_read_field (const guint8 *data,
                          guint         size)
{
  guint64 field = 0;

  for (guint i = 0; i < size; i++)
    field = field << 8 | data[i];

  return field;
}

static double
hypha_msgpack_read_float (guint64 field,
                          guint   size)
{
  guint32 bits = (guint32) field;
  float single;
  double real;

  if (size == sizeof single)
    {
      memcpy (&single, &bits, sizeof single);
      return single;
    }

  memcpy (&real, &field, sizeof real);
  return real;
}

/* Extends the sign of a field of so many bytes. */
static gint64
hypha_msgpack_read_signed (guint64 field,
                           guint   size)
{
  /* The size is 1, 2, 4 or 8: NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
  guint64 sign = G_GUINT64_CONSTANT (1) << (8 * size - 1);

  return (gint64) ((field ^ sign) - sign);
}

/* The forms that carry their length or value in the lead byte: all but c0 to df. */
static void
hypha_msgpack_read_fixed (guint8            lead,
                          HyphaMsgpackItem *item)
{
  if (lead < 0x80 || lead >= 0xe0)
    {
      item->kind = HYPHA_MSGPACK_INT;
      item->integer = (gint8) lead;
      return;
    }

  if (lead >= 0xa0)
    {
      item->kind = HYPHA_MSGPACK_STR;
      item->size = lead & 0x1f;
      return;
    }

  item->kind = lead < 0x90 ? HYPHA_MSGPACK_MAP : HYPHA_MSGPACK_ARRAY;
  item->size = lead & 0x0f;
}

static void
hypha_msgpack_read_form (guint8            lead,
                         guint64           field,
                         HyphaMsgpackItem *item)
{
  const HyphaMsgpackForm *form = &forms[lead - FIRST_FORM];

  item->kind = form->kind;
  switch (item->kind)
    {
    case HYPHA_MSGPACK_NIL:
      break;

    case HYPHA_MSGPACK_BOOL:
      item->boolean = lead & 1;
      break;

    case HYPHA_MSGPACK_INT:
      item->integer = hypha_msgpack_read_signed (field, form->field);
      break;

    case HYPHA_MSGPACK_UINT:
      item->unsigned_integer = field;
      if (field <= G_MAXINT64)
        item->kind = HYPHA_MSGPACK_INT;
      break;

    case HYPHA_MSGPACK_FLOAT:
      item->real = hypha_msgpack_read_float (field, form->field);
      break;

    case HYPHA_MSGPACK_EXT:
      item->size = lead >= FIRST_FIXEXT ? 1u << (lead - FIRST_FIXEXT) : (guint32) field;
      break;

    default:
      item->size = (guint32) field;
      break;
    }
}

/*
 * Takes what belongs to the head and follows it: the type of an ext, and the bytes of a str, bin
 * or ext. The elements of an array or map stay, but there must be room for the least of them.
 */
static gboolean
hypha_msgpack_read_body (const HyphaMsgpackCursor *cursor,
                         gsize                    *offset,
                         HyphaMsgpackItem         *item)
{
  gsize left = cursor->size - *offset;

  if (item->kind < HYPHA_MSGPACK_STR)
    return TRUE;

  if (item->kind == HYPHA_MSGPACK_ARRAY)
    return item->size <= left;

  if (item->kind == HYPHA_MSGPACK_MAP)
    return item->size <= left / 2;

  if (item->kind == HYPHA_MSGPACK_EXT)
    {
      if (left == 0)
        return FALSE;

      item->ext_type = (gint8) cursor->data[(*offset)++];
      left--;
    }

  if (item->size > left)
    return FALSE;

  item->data = cursor->data + *offset;
  *offset += item->size;
  return TRUE;
}

static gboolean
hypha_msgpack_is_broken_time (const HyphaMsgpackItem *item)
{
  return item->kind == HYPHA_MSGPACK_EXT && item->ext_type == EXT_TIMESTAMP &&
         item->size != 4 && item->size != 8 && item->size != 12;
}

/*
 * Reads the next item and goes past it; past only its head if it is an array or map. An error
 * leaves the cursor where it was.
 */
gboolean
hypha_msgpack_cursor_next (HyphaMsgpackCursor  *cursor,
                           HyphaMsgpackItem    *item,
                           GError             **error)
{
  gsize offset = cursor->offset;
  guint field;
  guint8 lead;

  if (offset >= cursor->size)
    return hypha_msgpack_fail (cursor, "it ends early", error);

  lead = cursor->data[offset++];
  if (lead < FIRST_FORM || lead >= 0xe0)
    {
      hypha_msgpack_read_fixed (lead, item);
    }
  else
    {
      if (lead == NEVER_USED)
        return hypha_msgpack_fail (cursor, "no item starts with c1", error);

      field = forms[lead - FIRST_FORM].field;
      if (field > cursor->size - offset)
        return hypha_msgpack_fail (cursor, "it ends early", error);

      hypha_msgpack_read_form (lead, hypha_msgpack_read_field (cursor->data + offset, field), item);
      offset += field;
    }

  if (!hypha_msgpack_read_body (cursor, &offset, item))
    return hypha_msgpack_fail (cursor, "an item claims more than there is", error);

  if (hypha_msgpack_is_broken_time (item))
    return hypha_msgpack_fail (cursor, "a timestamp has 4, 8 or 12 bytes", error);

  cursor->offset = offset;
  return TRUE;
}

/* Goes past a string of the short forms, a number, nil or a truth value, which most values are. */
static inline gboolean
hypha_msgpack_skip_short (HyphaMsgpackCursor *cursor)
{
  const guint8 *data = cursor->data + cursor->offset;
  gsize left = cursor->size - cursor->offset;
  gsize size;

  if (left == 0)
    return FALSE;

  if (data[0] < 0x80 || data[0] >= 0xe0)
    size = 1;
  else if (data[0] < 0xa0)
    return FALSE;
  else if (data[0] < FIRST_FORM)
    size = 1 + (gsize) (data[0] & 0x1f);
  else if (data[0] == SHORT_STR && left >= 2)
    size = 2 + (gsize) data[1];
  else if (data[0] != NEVER_USED && forms[data[0] - FIRST_FORM].kind < HYPHA_MSGPACK_STR)
    size = 1 + (gsize) forms[data[0] - FIRST_FORM].field;
  else
    return FALSE;

  if (size > left)
    return FALSE;

  cursor->offset += size;
  return TRUE;
}

/* Goes past a key. Nearly all are of the shortest form, which is read here to save a call. */
static inline gboolean
hypha_msgpack_skip_key (HyphaMsgpackCursor  *cursor,
                        GError             **error)
{
  const guint8 *data = cursor->data + cursor->offset;
  gsize left = cursor->size - cursor->offset;
  HyphaMsgpackItem item;
  gsize size;

  if (left > 0 && (data[0] & 0xe0) == 0xa0 && (size = data[0] & 0x1f) < left)
    {
      cursor->offset += 1 + size;
      if (hypha_msgpack_is_key ((const char *) data + 1, size))
        return TRUE;
    }
  else if (!hypha_msgpack_cursor_next (cursor, &item, error))
    {
      return FALSE;
    }
  else if (hypha_msgpack_item_is_key (&item))
    {
      return TRUE;
    }

  g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_PROTOCOL, HYPHA_MSGPACK_BAD_KEY);
  return FALSE;
}

static gboolean
hypha_msgpack_fail_deep (GError **error)
{
  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_DEEP, "nesting deeper than %d levels",
               HYPHA_MSGPACK_MAX_SKIP_DEPTH);
  return FALSE;
}

/*
 * Goes past a whole value, however it is nested, that receivers of every language can decode. An
 * error leaves the cursor where it was.
 */
gboolean
hypha_msgpack_cursor_skip (HyphaMsgpackCursor  *cursor,
                           GError             **error)
{
  HyphaMsgpackCursor walker = *cursor;
  HyphaMsgpackItem item;
  guint64 open[HYPHA_MSGPACK_MAX_SKIP_DEPTH];
  guint depth = 0;

  if (hypha_msgpack_skip_short (cursor))
    return TRUE;

  do
    {
      item.kind = HYPHA_MSGPACK_NIL;
      if (depth > 0 && HYPHA_MSGPACK_OPEN_IS_AT_KEY (open[depth - 1]))
        {
          if (!hypha_msgpack_skip_key (&walker, error))
            return FALSE;
        }
      else if (!hypha_msgpack_skip_short (&walker) &&
               !hypha_msgpack_cursor_next (&walker, &item, error))
        {
          return FALSE;
        }

      if (item.kind == HYPHA_MSGPACK_ARRAY || item.kind == HYPHA_MSGPACK_MAP)
        {
          if (depth == HYPHA_MSGPACK_MAX_SKIP_DEPTH)
            return hypha_msgpack_fail_deep (error);

          if (item.size > 0)
            {
              guint map = item.kind == HYPHA_MSGPACK_MAP;

              open[depth++] = HYPHA_MSGPACK_OPEN ((guint64) item.size << map, map);
              continue;
            }
        }

      /* Whoever has its last element now is itself an element that is done. */
      while (depth > 0 &&
             (open[depth - 1] -= HYPHA_MSGPACK_OPEN_ITEM) < HYPHA_MSGPACK_OPEN_ITEM)
        depth--;
    }
  while (depth > 0);

  cursor->offset = walker.offset;
  return TRUE;
}

/*
 * Whether a map in the next value has a number for a key, which some clients cannot decode. Goes past
 * the value, which was decoded before: it is whole, and not too deep.
 */
gboolean
hypha_msgpack_cursor_has_number_key (HyphaMsgpackCursor *cursor)
{
  HyphaMsgpackItem item = { 0 };
  HyphaMsgpackItem key;
  gboolean found = FALSE;

  if (!hypha_msgpack_cursor_next (cursor, &item, NULL))
    return FALSE;

  if (item.kind != HYPHA_MSGPACK_ARRAY && item.kind != HYPHA_MSGPACK_MAP)
    return FALSE;

  for (guint32 i = 0; i < item.size && !found; i++)
    {
      if (item.kind == HYPHA_MSGPACK_MAP)
        found = hypha_msgpack_cursor_next (cursor, &key, NULL) && key.kind != HYPHA_MSGPACK_STR;
      found = hypha_msgpack_cursor_has_number_key (cursor) || found;
    }

  return found;
}
