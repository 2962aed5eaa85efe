/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-message-key-private.h"

/* What stamping puts into an envelope on top of what was there: from, to, ws and user. */
#define STAMP_MAX_NEW_KEYS 4
#define FIXMAP_MAX_KEYS 15
/* The map's head, the keys “from” and “to”, and the head of the value of “to”, at their longest. */
#define STAMP_MAX_HEADS (3 + 5 + 3 + 3)

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

/* Bytes are put down with one check for room before, not one each. */
typedef struct
{
  guint8 *position;
  guint   n_keys;
  /* Bits of HyphaKey. */
  guint   written;
} HyphaStampWriter;

static inline void
hypha_stamp_put (HyphaStampWriter *writer,
                 const void       *data,
                 gsize             size)
{
  memcpy (writer->position, data, size);
  writer->position += size;
}

static inline void
hypha_stamp_put_from (HyphaStampWriter *writer,
                      const HyphaStamp *stamp)
{
  static const char name[] = "\xa4" "from";

  hypha_stamp_put (writer, name, sizeof name - 1);
  hypha_stamp_put (writer, stamp->from->data, stamp->from->len);
  writer->written |= HYPHA_KEY_BIT (HYPHA_KEY_FROM);
  writer->n_keys++;
}

/* A key, encoded, and text as its value. */
static inline void
hypha_stamp_put_text (HyphaStampWriter *writer,
                      const char       *name,
                      const char       *text,
                      gsize             size)
{
  guint8 head[] = { 0xdb, (guint8) (size >> 24), (guint8) (size >> 16), (guint8) (size >> 8),
                    (guint8) size };

  hypha_stamp_put (writer, name, strlen (name));
  if (size < 32)
    {
      head[4] |= 0xa0;
      hypha_stamp_put (writer, head + 4, 1);
    }
  else if (size <= G_MAXUINT8)
    {
      head[3] = 0xd9;
      hypha_stamp_put (writer, head + 3, 2);
    }
  else if (size <= G_MAXUINT16)
    {
      head[2] = 0xda;
      hypha_stamp_put (writer, head + 2, 3);
    }
  else
    {
      hypha_stamp_put (writer, head, sizeof head);
    }

  hypha_stamp_put (writer, text, size);
  writer->n_keys++;
}

static inline void
hypha_stamp_put_to (HyphaStampWriter *writer,
                    const char       *to,
                    gsize             size)
{
  hypha_stamp_put_text (writer, "\xa2" "to", to, size);
  writer->written |= HYPHA_KEY_BIT (HYPHA_KEY_TO);
}

/*
 * Writes the envelope of a method. Receivers take all of it for the router's own word, so only
 * what they need is in it; it was found when the message was parsed. That is not its parent: stock
 * clients open a session of that name, so anybody could make one that has ended live again.
 */
static void
hypha_stamp_put_method (HyphaStampWriter   *writer,
                        const HyphaMessage *message,
                        const HyphaStamp   *stamp,
                        const char         *to,
                        gsize               to_size)
{
  static const char type[] = "\xa4" "type" "\xa6" "method";

  hypha_stamp_put (writer, type, sizeof type - 1);
  writer->n_keys++;
  hypha_stamp_put_from (writer, stamp);
  hypha_stamp_put_to (writer, to, to_size);
  if (message->method.data != NULL)
    hypha_stamp_put_text (writer, "\xa6" "method", message->method.data, message->method.size);
  if (message->session.data != NULL)
    hypha_stamp_put_text (writer, "\xa7" "session", message->session.data, message->session.size);
}

/* Goes past one entry of an envelope that was parsed before, so that this cannot fail. */
static HyphaKey
hypha_stamp_next_entry (HyphaMsgpackCursor *cursor)
{
  HyphaMsgpackItem name = { 0 };
  gboolean valid = hypha_msgpack_cursor_next (cursor, &name, NULL);

  g_assert (valid);
  valid = hypha_msgpack_cursor_skip (cursor, NULL);
  g_assert (valid);
  return hypha_key_classify ((const char *) name.data, name.size);
}

/* Writes the envelope of an event: its own keys in their order, but for what is the router's. */
static void
hypha_stamp_put_event (HyphaStampWriter   *writer,
                       const HyphaMessage *message,
                       const HyphaStamp   *stamp,
                       const char         *to,
                       gsize               to_size)
{
  HyphaMsgpackCursor cursor = { message->data, message->envelope_size, 0 };
  HyphaMsgpackItem head;

  hypha_msgpack_cursor_next (&cursor, &head, NULL);
  for (guint32 i = 0; i < message->n_keys; i++)
    {
      gsize start = cursor.offset;
      HyphaKey key = hypha_stamp_next_entry (&cursor);

      if (key == HYPHA_KEY_FROM)
        {
          hypha_stamp_put_from (writer, stamp);
        }
      else if (key == HYPHA_KEY_TO)
        {
          hypha_stamp_put_to (writer, to, to_size);
        }
      else if (key != HYPHA_KEY_WS && key != HYPHA_KEY_USER)
        {
          hypha_stamp_put (writer, cursor.data + start, cursor.offset - start);
          writer->n_keys++;
        }
    }

  if ((writer->written & HYPHA_KEY_BIT (HYPHA_KEY_FROM)) == 0)
    hypha_stamp_put_from (writer, stamp);
  if ((writer->written & HYPHA_KEY_BIT (HYPHA_KEY_TO)) == 0)
    hypha_stamp_put_to (writer, to, to_size);
}

/* The head comes before the keys are counted, so it is as long as the most of them may need. */
static void
hypha_stamp_patch_head (guint8  *head,
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

/* How long a message is at most with what the router says of its sender and receiver. */
gsize
hypha_message_get_stamped (const HyphaMessage *message,
                           const HyphaStamp   *stamp,
                           gsize               to_size)
{
  return message->size + stamp->from->len + to_size + stamp->tail->len + STAMP_MAX_HEADS;
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
  gsize to_size = strlen (to);
  gsize room = message->envelope_size + stamp->from->len + to_size + stamp->tail->len;
  guint start = out->len;
  HyphaStampWriter writer = { 0 };

  g_assert (to_size <= G_MAXUINT16);
  g_byte_array_set_size (out, start + (guint) room + STAMP_MAX_HEADS);
  writer.position = out->data + start + (fixed ? 1 : 3);
  if (hypha_message_is_method (message))
    hypha_stamp_put_method (&writer, message, stamp, to, to_size);
  else
    hypha_stamp_put_event (&writer, message, stamp, to, to_size);

  hypha_stamp_put (&writer, stamp->tail->data, stamp->tail->len);
  hypha_stamp_patch_head (out->data + start, fixed, writer.n_keys + 2);
  g_byte_array_set_size (out, (guint) (writer.position - out->data));
}
