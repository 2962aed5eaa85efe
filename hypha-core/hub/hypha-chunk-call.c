/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-chunk-call-private.h"
#include "hypha-error.h"

/* How deep a promise may be. */
#define MAX_PLAIN_DEPTH 8

/*
 * The arguments by position: s key, i index, d piece, h heartbeat, o overwrite. Nothing may be
 * elsewhere: a receiver that finds another piece than was checked here has not been protected.
 */
static const struct
{
  const char *verb;
  const char *arguments;
} shapes[] = {
  { "create", "sho" },
  { "append", "sdh" },
  { "set", "sidh" },
  { "process", "sh" },
  { "remove", "s" },
};

/* Says that it must not be forwarded. */
gboolean
hypha_chunk_call_fail (const char  *problem,
                        GError     **error)
{
  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PROTOCOL, "Invalid message in pieces: %s", problem);
  return FALSE;
}

static gboolean
hypha_chunk_call_take (HyphaChunkCall          *call,
                       char                     letter,
                       const HyphaMsgpackItem  *item)
{
  gboolean flag = item->kind == HYPHA_MSGPACK_BOOL && item->boolean;

  switch (letter)
    {
    case 's':
      call->key = (HyphaSpan) { (const char *) item->data, item->size };
      return item->kind == HYPHA_MSGPACK_STR && item->size > 0 &&
             item->size <= HYPHA_CHUNK_CALL_MAX_KEY &&
             memchr (item->data, '\0', item->size) == NULL &&
             g_utf8_validate ((const char *) item->data, item->size, NULL);

    case 'i':
      call->index = (guint64) item->integer;
      return item->kind == HYPHA_MSGPACK_INT && item->integer >= 0;

    case 'd':
      call->piece = item->data;
      call->size = item->size;
      return item->kind == HYPHA_MSGPACK_BIN && item->size > 0;

    case 'h':
      call->heartbeat = flag;
      return item->kind == HYPHA_MSGPACK_BOOL || item->kind == HYPHA_MSGPACK_NIL;

    default:
      call->overwrite = flag;
      return item->kind == HYPHA_MSGPACK_BOOL || item->kind == HYPHA_MSGPACK_NIL;
    }
}

/*
 * Passes a value that receivers of every language decode: texts are UTF-8, keys are texts, nothing
 * is deep. What one of them cannot decode it does not keep, though it was counted here.
 */
static gboolean
hypha_chunk_call_skip_plain (HyphaMsgpackCursor  *cursor,
                             guint                depth,
                             GError             **error)
{
  HyphaMsgpackItem item;
  gboolean map;

  if (!hypha_msgpack_cursor_next (cursor, &item, error))
    return FALSE;

  if (item.kind == HYPHA_MSGPACK_EXT || depth > MAX_PLAIN_DEPTH ||
      (item.kind == HYPHA_MSGPACK_STR &&
       !g_utf8_validate ((const char *) item.data, item.size, NULL)))
    return hypha_chunk_call_fail ("unexpected arguments", error);

  map = item.kind == HYPHA_MSGPACK_MAP;
  if (!map && item.kind != HYPHA_MSGPACK_ARRAY)
    return TRUE;

  for (guint32 i = 0, n = item.size; i < n; i++)
    {
      HyphaMsgpackCursor key = *cursor;

      if (map && !hypha_msgpack_cursor_next (&key, &item, error))
        return FALSE;
      if (map && item.kind != HYPHA_MSGPACK_STR)
        return hypha_chunk_call_fail ("unexpected arguments", error);
      if (map && !hypha_chunk_call_skip_plain (cursor, depth + 1, error))
        return FALSE;
      if (!hypha_chunk_call_skip_plain (cursor, depth + 1, error))
        return FALSE;
    }

  return TRUE;
}

static gboolean
hypha_chunk_call_take_args (HyphaChunkCall      *call,
                            const char          *arguments,
                            HyphaMsgpackCursor  *cursor,
                            GError             **error)
{
  gsize length = strlen (arguments);
  HyphaMsgpackItem item;
  guint32 n;

  call->begin = cursor->offset;
  if (!hypha_msgpack_cursor_next (cursor, &item, error))
    return FALSE;

  n = item.kind == HYPHA_MSGPACK_ARRAY ? item.size : 0;
  if (n < strcspn (arguments, "ho") || n > length)
    return hypha_chunk_call_fail ("unexpected arguments", error);

  for (guint32 i = 0; i < n; i++)
    {
      if (!hypha_msgpack_cursor_next (cursor, &item, error))
        return FALSE;
      if (!hypha_chunk_call_take (call, arguments[i], &item))
        return hypha_chunk_call_fail ("unexpected arguments", error);
    }

  call->end = cursor->offset;
  return TRUE;
}

/*
 * Keywords and encrypted arguments would hide what is delivered. No client uses them here: what is
 * to be secret is encrypted before it is cut up. Nothing else may be there that could keep a receiver
 * from storing a piece that was counted here.
 */
gboolean
hypha_chunk_call_parse (HyphaChunkCall      *call,
                        const HyphaMessage  *message,
                        GError             **error)
{
  HyphaMsgpackCursor cursor = { message->data, message->size, message->envelope_size };
  g_autofree char *method = hypha_span_dup (message->method);
  const char *arguments = NULL;
  HyphaMsgpackItem item;
  guint32 n;

  for (gsize i = 0; i < G_N_ELEMENTS (shapes); i++)
    {
      if (g_str_equal (method + strlen (HYPHA_MESSAGE_CACHE), shapes[i].verb))
        call->verb = shapes[i].verb, arguments = shapes[i].arguments;
    }

  if (call->verb == NULL)
    return hypha_chunk_call_fail ("no such method", error);
  if (message->size > HYPHA_CHUNK_CALL_MAX_SIZE)
    return hypha_chunk_call_fail ("a piece is too long", error);

  if (!hypha_msgpack_cursor_next (&cursor, &item, error))
    return FALSE;

  n = item.size;
  for (guint32 i = 0; i < n; i++)
    {
      HyphaSpan name;

      if (!hypha_msgpack_cursor_next (&cursor, &item, error))
        return FALSE;

      name = (HyphaSpan) { (const char *) item.data, item.size };
      if (hypha_span_equal (name, "args"))
        {
          if (!hypha_chunk_call_take_args (call, arguments, &cursor, error))
            return FALSE;
        }
      else if (!hypha_span_equal (name, "promise") && !hypha_span_equal (name, "t"))
        return hypha_chunk_call_fail ("unexpected arguments", error);
      else if (!hypha_chunk_call_skip_plain (&cursor, 0, error))
        return FALSE;
    }

  return call->key.data != NULL || hypha_chunk_call_fail ("unexpected arguments", error);
}

/* The session of the call that a message delivers a piece of, if it is the first piece. */
gboolean
hypha_chunk_call_get_session (const HyphaMessage *message,
                               HyphaSpan          *session)
{
  HyphaChunkCall call = { 0 };
  HyphaMessage first;

  if (!hypha_message_is_piece (message) || !hypha_chunk_call_parse (&call, message, NULL) ||
      call.piece == NULL || call.index != 0 ||
      !hypha_message_parse (&first, call.piece, call.size, NULL))
    return FALSE;

  *session = first.session;
  return first.session.data != NULL;
}

/*
 * A create that always begins anew. The receiver may still have pieces under this key that are
 * not known here, of a sender that has gone or of one whose process() it refused, and would put
 * those that come now behind them.
 */
GBytes *
hypha_chunk_call_overwrite (const HyphaChunkCall *call,
                            const HyphaMessage   *message)
{
  GByteArray *out = g_byte_array_sized_new ((guint) message->size + 16);

  g_byte_array_append (out, message->data, (guint) call->begin);
  hypha_msgpack_write_array (out, 3);
  hypha_msgpack_write_str (out, call->key.data, call->key.size);
  g_byte_array_append (out, (const guint8 *) (call->heartbeat ? "\xc3\xc3" : "\xc2\xc3"), 2);
  g_byte_array_append (out, message->data + call->end, (guint) (message->size - call->end));
  return g_byte_array_free_to_bytes (out);
}
