/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-message-private.h"

#include <string.h>

/* What stamping puts into an envelope on top of what was there: from, to, ws and user. */
#define STAMP_MAX_NEW_KEYS 4
#define FIXMAP_MAX_KEYS 15

static void
hypha_stamp_write_text (GByteArray *out,
                        const char *text)
{
  hypha_msgpack_write_str (out, text, strlen (text));
}

/* Encodes what the router says of a sender; without a user, “user” is nil. */
void
hypha_stamp_init (HyphaStamp *stamp,
                  const char *from,
                  const char *workspace,
                  GVariant   *user)
{
  stamp->from = g_byte_array_new ();
  hypha_stamp_write_text (stamp->from, from);

  stamp->tail = g_byte_array_new ();
  hypha_stamp_write_text (stamp->tail, "ws");
  hypha_stamp_write_text (stamp->tail, workspace);
  hypha_stamp_write_text (stamp->tail, "user");
  if (user != NULL)
    hypha_msgpack_encode (stamp->tail, user);
  else
    hypha_msgpack_write_nil (stamp->tail);
}

void
hypha_stamp_clear (HyphaStamp *stamp)
{
  g_clear_pointer (&stamp->from, g_byte_array_unref);
  g_clear_pointer (&stamp->tail, g_byte_array_unref);
}

/* One key of a parsed envelope, and where it and its value lie. */
typedef struct
{
  HyphaSpan     name;
  const guint8 *start;
  gsize         size;
  gboolean      nil;
} HyphaEntry;

/* The next entry; the envelope was parsed before, so this cannot fail. */
static void
hypha_stamp_next_entry (HyphaMsgpackCursor *cursor,
                        HyphaEntry         *entry)
{
  HyphaMsgpackItem item = { 0 };
  gboolean valid;

  entry->start = cursor->data + cursor->offset;
  valid = hypha_msgpack_cursor_next (cursor, &item, NULL);
  entry->name = (HyphaSpan) { (const char *) item.data, item.size };
  entry->nil = valid && cursor->data[cursor->offset] == 0xc0;
  valid = valid && hypha_msgpack_cursor_skip (cursor, NULL);
  entry->size = (gsize) (cursor->data + cursor->offset - entry->start);
  g_assert (valid);
}

/* Receivers take every key of a method's envelope for the router's own word. */
static gboolean
hypha_stamp_keeps (const HyphaEntry *entry,
                   gboolean          method)
{
  static const char *const kept[] = { "type", "method", "session", "parent" };

  if (!method)
    return !hypha_span_equal (entry->name, "ws") && !hypha_span_equal (entry->name, "user");

  for (gsize i = 0; i < G_N_ELEMENTS (kept); i++)
    {
      if (hypha_span_equal (entry->name, kept[i]))
        return !entry->nil;
    }

  return FALSE;
}

static void
hypha_stamp_write_from (const HyphaStamp *stamp,
                        GByteArray       *out)
{
  hypha_stamp_write_text (out, "from");
  g_byte_array_append (out, stamp->from->data, stamp->from->len);
}

static void
hypha_stamp_write_to (const char *to,
                      GByteArray *out)
{
  hypha_stamp_write_text (out, "to");
  hypha_stamp_write_text (out, to);
}

typedef enum
{
  WROTE_FROM = 1 << 0,
  WROTE_TO = 1 << 1,
} HyphaWrote;

/* Writes the envelope's own keys in their order; returns how many. */
static guint
hypha_stamp_write_entries (const HyphaMessage *message,
                           const HyphaStamp   *stamp,
                           const char         *to,
                           GByteArray         *out,
                           guint              *wrote)
{
  HyphaMsgpackCursor cursor = { message->data, message->envelope_size, 0 };
  gboolean method = hypha_message_is_method (message);
  HyphaMsgpackItem head;
  guint n_keys = 0;

  hypha_msgpack_cursor_next (&cursor, &head, NULL);
  for (guint32 i = 0; i < message->n_keys; i++)
    {
      HyphaEntry entry;

      hypha_stamp_next_entry (&cursor, &entry);
      if (hypha_span_equal (entry.name, "from"))
        {
          hypha_stamp_write_from (stamp, out);
          *wrote |= WROTE_FROM;
          n_keys++;
        }
      else if (hypha_span_equal (entry.name, "to"))
        {
          hypha_stamp_write_to (to, out);
          *wrote |= WROTE_TO;
          n_keys++;
        }
      else if (hypha_stamp_keeps (&entry, method))
        {
          g_byte_array_append (out, entry.start, (guint) entry.size);
          n_keys++;
        }
    }

  return n_keys;
}

/* The head comes before the keys are counted, so it is as long as the most of them may need. */
static void
hypha_stamp_patch_head (guint8 *head,
                        gboolean fixed,
                        guint    n_keys)
{
  if (fixed)
    {
      head[0] = 0x80 | (guint8) n_keys;
      return;
    }

  head[0] = 0xde;
  head[1] = (guint8) (n_keys >> 8);
  head[2] = (guint8) n_keys;
}

/*
 * Appends the envelope of a parsed message as its receiver must see it: from, to, ws and user are
 * the router's, and of a method's other keys only those survive that receivers need. The second
 * segment is not copied; it follows by reference.
 */
void
hypha_message_stamp (const HyphaMessage *message,
                     const HyphaStamp   *stamp,
                     const char         *to,
                     GByteArray         *out)
{
  gboolean fixed = message->n_keys + STAMP_MAX_NEW_KEYS <= FIXMAP_MAX_KEYS;
  guint start = out->len;
  guint wrote = 0;
  guint n_keys;

  g_byte_array_set_size (out, start + (fixed ? 1 : 3));
  n_keys = hypha_stamp_write_entries (message, stamp, to, out, &wrote);
  if ((wrote & WROTE_FROM) == 0)
    {
      hypha_stamp_write_from (stamp, out);
      n_keys++;
    }

  if ((wrote & WROTE_TO) == 0)
    {
      hypha_stamp_write_to (to, out);
      n_keys++;
    }

  g_byte_array_append (out, stamp->tail->data, stamp->tail->len);
  hypha_stamp_patch_head (out->data + start, fixed, n_keys + 2);
}
