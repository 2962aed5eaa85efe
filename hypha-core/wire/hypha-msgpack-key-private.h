/* SPDX-License-Identifier: MIT */
#pragma once

#include <string.h>

#include "hypha-msgpack-private.h"

G_BEGIN_DECLS

/* Asked for every text of an envelope and every key of a message, so nothing here allocates. */

/* The decoder of JavaScript ends at this key, and with it the program that it is in. */
#define HYPHA_MSGPACK_REFUSED_KEY "__proto__"
/*
 * Bytes that the refused key takes at most: that decoder reads each letter of a key from one to four,
 * over-long forms too. What is longer is another key whatever it is made of.
 */
#define HYPHA_MSGPACK_MAX_REFUSED_KEY 36
/* Why a message with such keys, or keys of another kind, does not pass. */
#define HYPHA_MSGPACK_BAD_KEY \
  "a map has a key that is no number and no text, or is “" HYPHA_MSGPACK_REFUSED_KEY "”"

/*
 * An open container while a value is walked over: items to come, and whether it is a map. A key is
 * next in a map whose items are even.
 */
#define HYPHA_MSGPACK_OPEN(items, map) ((guint64) (items) << 1 | (map))
#define HYPHA_MSGPACK_OPEN_ITEM 2
#define HYPHA_MSGPACK_OPEN_IS_AT_KEY(open) (((open) & 3) == 1)

/* Eight bytes at once: the high bit of each, and what is taken from each to find a zero. */
#define HYPHA_TEXT_HIGH_BITS G_GUINT64_CONSTANT (0x8080808080808080)
#define HYPHA_TEXT_LOW_BITS G_GUINT64_CONSTANT (0x0101010101010101)

/*
 * Well-formed UTF-8 without zero bytes. Not a nicety: some clients decode over-long sequences to
 * the letters that they spell, so a “from” written with one would be no key of ours here, and the
 * sender there.
 */
static inline gboolean
hypha_msgpack_is_text (const char *data,
                       gsize       size)
{
  gsize i = 0;

  /* Past what is plain ASCII without zeros, which is nearly always all of it. */
  for (; size - i >= sizeof (guint64); i += sizeof (guint64))
    {
      guint64 word;

      memcpy (&word, data + i, sizeof word);
      if (((word | (word - HYPHA_TEXT_LOW_BITS)) & HYPHA_TEXT_HIGH_BITS) != 0)
        return g_utf8_validate (data + i, (gssize) (size - i), NULL);
    }

  for (; i < size; i++)
    {
      if ((guint8) (data[i] - 1) >= 0x7f)
        return g_utf8_validate (data + i, (gssize) (size - i), NULL);
    }

  return TRUE;
}

static inline gboolean
hypha_msgpack_is_refused_key (const char *data,
                              gsize       size)
{
  return size == strlen (HYPHA_MSGPACK_REFUSED_KEY) &&
         memcmp (data, HYPHA_MSGPACK_REFUSED_KEY, size) == 0;
}

/* Whether receivers of every language can decode a map that has this text as a key. */
static inline gboolean
hypha_msgpack_is_key (const char *data,
                      gsize       size)
{
  return size > HYPHA_MSGPACK_MAX_REFUSED_KEY ||
         (hypha_msgpack_is_text (data, size) && !hypha_msgpack_is_refused_key (data, size));
}

/* Whether it is a key of a map: such a text, or a number, which JavaScript makes a text of. */
static inline gboolean
hypha_msgpack_item_is_key (const HyphaMsgpackItem *item)
{
  switch (item->kind)
    {
    case HYPHA_MSGPACK_STR:
      return hypha_msgpack_is_key ((const char *) item->data, item->size);

    case HYPHA_MSGPACK_INT:
    case HYPHA_MSGPACK_UINT:
    case HYPHA_MSGPACK_FLOAT:
      return TRUE;

    default:
      return FALSE;
    }
}

G_END_DECLS
