/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-message-private.h"

#include <string.h>

/* Everything here runs for every frame that is routed, so none of it allocates but on failure. */

#define BIT(key) (1u << (key))

/* Keys with a meaning, in either segment. */
typedef enum
{
  KEY_TYPE,
  KEY_FROM,
  KEY_TO,
  KEY_METHOD,
  KEY_SESSION,
  KEY_PARENT,
  N_ENVELOPE_KEYS,
  KEY_WS = N_ENVELOPE_KEYS,
  KEY_USER,
  KEY_CTX,
  KEY_ARGS,
  KEY_WITH_KWARGS,
  KEY_PROMISE,
  KEY_T,
  KEY_ENC,
  KEY_DATA,
  N_KEYS,
  KEY_OTHER = N_KEYS,
} HyphaKey;

static const char *const key_names[N_KEYS] = {
  "type", "from", "to",   "method",      "session", "parent", "ws",   "user",
  "ctx",  "args", "with_kwargs", "promise", "t",    "_enc",   "data",
};

/* What a method's second segment may have. */
#define METHOD_EXTRA_KEYS \
  (BIT (KEY_ARGS) | BIT (KEY_WITH_KWARGS) | BIT (KEY_PROMISE) | BIT (KEY_T) | BIT (KEY_ENC) | \
   BIT (KEY_DATA))

/* What an event's second segment may not have: receivers would let it replace the trusted value. */
#define EVENT_EXTRA_REFUSED \
  (BIT (KEY_TYPE) | BIT (KEY_FROM) | BIT (KEY_TO) | BIT (KEY_WS) | BIT (KEY_USER) | \
   BIT (KEY_CTX) | BIT (KEY_METHOD) | BIT (KEY_SESSION) | BIT (KEY_PARENT))

gboolean
hypha_span_equal (HyphaSpan   span,
                  const char *text)
{
  gsize size = strlen (text);

  return span.data != NULL && span.size == size && memcmp (span.data, text, size) == 0;
}

gboolean
hypha_span_has_prefix (HyphaSpan   span,
                       const char *prefix)
{
  gsize size = strlen (prefix);

  return span.data != NULL && span.size >= size && memcmp (span.data, prefix, size) == 0;
}

/* A copy with a terminating zero; NULL of an absent span. */
char *
hypha_span_dup (HyphaSpan span)
{
  return span.data != NULL ? g_strndup (span.data, span.size) : NULL;
}

/* Only names of this length and with this first letter are worth comparing. */
static HyphaKey
hypha_key_guess (const char *data,
                 gsize       size)
{
  switch (size)
    {
    case 1:
      return KEY_T;
    case 2:
      return data[0] == 't' ? KEY_TO : KEY_WS;
    case 3:
      return KEY_CTX;
    case 4:
      switch (data[0])
        {
        case 't':
          return KEY_TYPE;
        case 'f':
          return KEY_FROM;
        case 'a':
          return KEY_ARGS;
        case 'u':
          return KEY_USER;
        case 'd':
          return KEY_DATA;
        default:
          return KEY_ENC;
        }
    case 6:
      return data[0] == 'm' ? KEY_METHOD : KEY_PARENT;
    case 7:
      return data[0] == 's' ? KEY_SESSION : KEY_PROMISE;
    case 11:
      return KEY_WITH_KWARGS;
    default:
      return KEY_OTHER;
    }
}

static HyphaKey
hypha_key_classify (HyphaSpan name)
{
  HyphaKey key = hypha_key_guess (name.data, name.size);

  if (key != KEY_OTHER && memcmp (name.data, key_names[key], name.size) != 0)
    return KEY_OTHER;

  return key;
}

/*
 * Well-formed UTF-8 without zero bytes. Not a nicety: some clients decode over-long sequences to
 * the letters that they spell, so a “from” written with one would be no key of ours here, and the
 * sender there.
 */
static gboolean
hypha_span_is_text (HyphaSpan span)
{
  for (gsize i = 0; i < span.size; i++)
    {
      if ((guint8) (span.data[i] - 1) >= 0x7f)
        return g_utf8_validate (span.data + i, span.size - i, NULL);
    }

  return TRUE;
}

static gboolean
hypha_message_fail (const char  *problem,
                    GError     **error)
{
  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PROTOCOL, "Invalid message: %s", problem);
  return FALSE;
}

static gboolean
hypha_message_next_text (HyphaMsgpackCursor  *cursor,
                         HyphaSpan           *span,
                         const char          *problem,
                         GError             **error)
{
  HyphaMsgpackItem item;

  if (!hypha_msgpack_cursor_next (cursor, &item, error))
    return FALSE;

  if (item.kind != HYPHA_MSGPACK_STR)
    return hypha_message_fail (problem, error);

  span->data = (const char *) item.data;
  span->size = item.size;
  return hypha_span_is_text (*span) || hypha_message_fail (problem, error);
}

static gboolean
hypha_message_next_map (HyphaMsgpackCursor  *cursor,
                        guint32             *n_keys,
                        const char          *problem,
                        GError             **error)
{
  HyphaMsgpackItem item;

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
  HyphaSpan *const spans[N_ENVELOPE_KEYS] = {
    [KEY_TYPE] = &message->type,     [KEY_FROM] = &message->from,
    [KEY_TO] = &message->to,         [KEY_METHOD] = &message->method,
    [KEY_SESSION] = &message->session, [KEY_PARENT] = &message->parent,
  };

  return spans[key];
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

  if (!hypha_message_next_text (cursor, &name, "a key is not text", error))
    return FALSE;

  key = hypha_key_classify (name);
  if (key >= N_ENVELOPE_KEYS)
    return hypha_msgpack_cursor_skip (cursor, error);

  if ((*seen & BIT (key)) != 0)
    return hypha_message_fail ("a key comes twice", error);

  *seen |= BIT (key);
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

gboolean
hypha_message_is_method (const HyphaMessage *message)
{
  return hypha_span_equal (message->type, "method");
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

      if (!hypha_message_next_text (cursor, &names[i], unexpected, error))
        return FALSE;

      key = hypha_key_classify (names[i]);
      bit = key < N_KEYS ? BIT (key) : 0;
      if (method ? (bit & METHOD_EXTRA_KEYS) == 0 : (bit & EVENT_EXTRA_REFUSED) != 0)
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
