/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-message-key-private.h"
#include "hypha-msgpack-key-private.h"

/* Everything here runs for every frame that is routed, so none of it allocates but on failure. */

/* What an event's second segment may not have: receivers would let it replace the trusted value. */
#define EVENT_EXTRA_REFUSED \
  (HYPHA_KEY_BIT (HYPHA_KEY_TYPE) | HYPHA_KEY_BIT (HYPHA_KEY_FROM) | \
   HYPHA_KEY_BIT (HYPHA_KEY_TO) | HYPHA_KEY_BIT (HYPHA_KEY_WS) | \
   HYPHA_KEY_BIT (HYPHA_KEY_USER) | HYPHA_KEY_BIT (HYPHA_KEY_CTX) | \
   HYPHA_KEY_BIT (HYPHA_KEY_METHOD) | HYPHA_KEY_BIT (HYPHA_KEY_SESSION) | \
   HYPHA_KEY_BIT (HYPHA_KEY_PARENT))

/* A copy with a terminating zero; NULL of an absent span. */
char *
hypha_span_dup (HyphaSpan span)
{
  return span.data != NULL ? g_strndup (span.data, span.size) : NULL;
}

static gboolean
hypha_message_fail (const char  *problem,
                    GError     **error)
{
  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PROTOCOL, "Invalid message: %s", problem);
  return FALSE;
}

/* Reads a str of the two short forms; anything else is left as it is. */
static inline gboolean
hypha_message_take_short_str (HyphaMsgpackCursor *cursor,
                              HyphaSpan          *span)
{
  const guint8 *data = cursor->data + cursor->offset;
  gsize left = cursor->size - cursor->offset;
  gsize head = 1;

  if (left < 2)
    return FALSE;

  if ((data[0] & 0xe0) == 0xa0)
    {
      span->size = data[0] & 0x1f;
    }
  else if (data[0] == 0xd9)
    {
      head = 2;
      span->size = data[1];
    }
  else
    {
      return FALSE;
    }

  if (span->size > left - head)
    return FALSE;

  span->data = (const char *) data + head;
  cursor->offset += head + span->size;
  return TRUE;
}

/* Reads a str. Nearly all are of the short forms, which are read here to save a call. */
static inline gboolean
hypha_message_next_str (HyphaMsgpackCursor  *cursor,
                        HyphaSpan           *span,
                        const char          *problem,
                        GError             **error)
{
  HyphaMsgpackItem item;

  if (hypha_message_take_short_str (cursor, span))
    return TRUE;

  if (!hypha_msgpack_cursor_next (cursor, &item, error))
    return FALSE;

  if (item.kind != HYPHA_MSGPACK_STR)
    return hypha_message_fail (problem, error);

  span->data = (const char *) item.data;
  span->size = item.size;
  return TRUE;
}

static gboolean
hypha_message_next_text (HyphaMsgpackCursor  *cursor,
                         HyphaSpan           *span,
                         const char          *problem,
                         GError             **error)
{
  if (!hypha_message_next_str (cursor, span, problem, error))
    return FALSE;

  return hypha_msgpack_is_text (span->data, span->size) || hypha_message_fail (problem, error);
}

/* Reads a key. One that is known has been compared, and so is a good one. */
static gboolean
hypha_message_next_key (HyphaMsgpackCursor  *cursor,
                        HyphaSpan           *name,
                        HyphaKey            *key,
                        const char          *problem,
                        GError             **error)
{
  if (!hypha_message_next_str (cursor, name, problem, error))
    return FALSE;

  *key = hypha_key_classify (name->data, name->size);
  if (*key != HYPHA_KEY_OTHER)
    return TRUE;

  if (hypha_msgpack_is_refused_key (name->data, name->size))
    return hypha_message_fail (HYPHA_MSGPACK_BAD_KEY, error);

  return hypha_msgpack_is_text (name->data, name->size) || hypha_message_fail (problem, error);
}

static gboolean
hypha_message_next_map (HyphaMsgpackCursor  *cursor,
                        guint32             *n_keys,
                        const char          *problem,
                        GError             **error)
{
  HyphaMsgpackItem item;
  gsize left = cursor->size - cursor->offset;
  guint8 lead = left > 0 ? cursor->data[cursor->offset] : 0;

  /* The short form, if there may be as much as it claims: nearly always. */
  if ((lead & 0xf0) == 0x80 && (lead & 0x0fu) * 2 < left)
    {
      *n_keys = lead & 0x0f;
      cursor->offset++;
      return TRUE;
    }

  if (!hypha_msgpack_cursor_next (cursor, &item, error))
    return FALSE;

  if (item.kind != HYPHA_MSGPACK_MAP)
    return hypha_message_fail (problem, error);

  if (item.size > HYPHA_MESSAGE_MAX_KEYS)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE,
                   "Invalid message: more than %d keys in a segment", HYPHA_MESSAGE_MAX_KEYS);
      return FALSE;
    }

  *n_keys = item.size;
  return TRUE;
}

static HyphaSpan *
hypha_message_get_span (HyphaMessage *message,
                        HyphaKey      key)
{
  static const gsize offsets[HYPHA_N_ENVELOPE_KEYS] = {
    [HYPHA_KEY_TYPE] = G_STRUCT_OFFSET (HyphaMessage, type),
    [HYPHA_KEY_FROM] = G_STRUCT_OFFSET (HyphaMessage, from),
    [HYPHA_KEY_TO] = G_STRUCT_OFFSET (HyphaMessage, to),
    [HYPHA_KEY_METHOD] = G_STRUCT_OFFSET (HyphaMessage, method),
    [HYPHA_KEY_SESSION] = G_STRUCT_OFFSET (HyphaMessage, session),
    [HYPHA_KEY_PARENT] = G_STRUCT_OFFSET (HyphaMessage, parent),
  };

  return G_STRUCT_MEMBER_P (message, offsets[key]);
}

/* One key of the envelope with its value; nil stands for an absent key. */
static gboolean
hypha_message_parse_entry (HyphaMessage        *message,
                           HyphaMsgpackCursor  *cursor,
                           guint               *seen,
                           GError             **error)
{
  HyphaSpan name;
  HyphaKey key;

  if (!hypha_message_next_key (cursor, &name, &key, "a key is not text", error))
    return FALSE;

  if (key >= HYPHA_N_ENVELOPE_KEYS)
    return hypha_msgpack_cursor_skip (cursor, error);

  if ((*seen & HYPHA_KEY_BIT (key)) != 0)
    return hypha_message_fail ("a key comes twice", error);

  *seen |= HYPHA_KEY_BIT (key);
  if (cursor->offset < cursor->size && cursor->data[cursor->offset] == 0xc0)
    return hypha_msgpack_cursor_skip (cursor, error);

  return hypha_message_next_text (cursor, hypha_message_get_span (message, key),
                                  "an address, id or type is not text", error);
}

/* Reads the envelope in place; data must stay as long as the message is used. */
gboolean
hypha_message_parse (HyphaMessage  *message,
                     const guint8  *data,
                     gsize          size,
                     GError       **error)
{
  HyphaMsgpackCursor cursor = { data, size, 0 };
  guint seen = 0;

  memset (message, 0, sizeof *message);
  message->data = data;
  message->size = size;
  if (!hypha_message_next_map (&cursor, &message->n_keys, "the envelope is not a map", error))
    return FALSE;

  for (guint32 i = 0; i < message->n_keys; i++)
    {
      if (!hypha_message_parse_entry (message, &cursor, &seen, error))
        return FALSE;
    }

  if (message->type.data == NULL)
    return hypha_message_fail ("it has no type", error);

  message->envelope_size = cursor.offset;
  return TRUE;
}

static gboolean
hypha_span_is_among (HyphaSpan        span,
                     const HyphaSpan *others,
                     guint            n_others)
{
  for (guint i = 0; i < n_others; i++)
    {
      if (others[i].size == span.size && memcmp (others[i].data, span.data, span.size) == 0)
        return TRUE;
    }

  return FALSE;
}

static gboolean
hypha_message_check_keys (HyphaMsgpackCursor  *cursor,
                          guint32              n_keys,
                          gboolean             method,
                          GError             **error)
{
  static const char unexpected[] = "unexpected key in extra segment";
  HyphaSpan names[HYPHA_MESSAGE_MAX_KEYS];

  for (guint32 i = 0; i < n_keys; i++)
    {
      HyphaKey key;
      guint bit;

      if (!hypha_message_next_key (cursor, &names[i], &key, unexpected, error))
        return FALSE;

      bit = key != HYPHA_KEY_OTHER ? HYPHA_KEY_BIT (key) : 0;
      if (method ? (bit & HYPHA_METHOD_EXTRA_KEYS) == 0 : (bit & EVENT_EXTRA_REFUSED) != 0)
        return hypha_message_fail (unexpected, error);

      if (hypha_span_is_among (names[i], names, i))
        return hypha_message_fail (unexpected, error);

      if (!hypha_msgpack_cursor_skip (cursor, error))
        return FALSE;
    }

  return TRUE;
}

/*
 * Checks the second segment, which receivers merge over the envelope: it must not have a key that
 * the router vouches for, and nothing may follow it.
 */
gboolean
hypha_message_check_extra (const HyphaMessage  *message,
                           GError             **error)
{
  static const char not_a_map[] = "extra segment is not a single map";
  HyphaMsgpackCursor cursor = { message->data, message->size, message->envelope_size };
  guint32 n_keys;

  if (message->size == message->envelope_size)
    return TRUE;

  if (!hypha_message_next_map (&cursor, &n_keys, not_a_map, error))
    return FALSE;

  if (!hypha_message_check_keys (&cursor, n_keys, hypha_message_is_method (message), error))
    return FALSE;

  return cursor.offset == cursor.size || hypha_message_fail (not_a_map, error);
}

/* Whether it is one of the calls that deliver the pieces of another message. */
gboolean
hypha_message_is_piece (const HyphaMessage *message)
{
  return hypha_span_has_prefix (message->method, HYPHA_MESSAGE_CACHE);
}

/* Whether the second segment, which has been checked, is encrypted from end to end. */
gboolean
hypha_message_is_sealed (const HyphaMessage *message)
{
  HyphaMsgpackCursor cursor = { message->data, message->size, message->envelope_size };
  HyphaMsgpackItem item;
  guint32 n_keys;

  if (message->size == message->envelope_size ||
      !hypha_msgpack_cursor_next (&cursor, &item, NULL) || item.kind != HYPHA_MSGPACK_MAP)
    return FALSE;

  n_keys = item.size;
  for (guint32 i = 0; i < n_keys; i++)
    {
      if (!hypha_msgpack_cursor_next (&cursor, &item, NULL))
        return FALSE;

      if (hypha_key_classify ((const char *) item.data, item.size) == HYPHA_KEY_ENC)
        return TRUE;

      if (!hypha_msgpack_cursor_skip (&cursor, NULL))
        return FALSE;
    }

  return FALSE;
}
