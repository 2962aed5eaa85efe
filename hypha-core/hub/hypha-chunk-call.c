/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-chunk-call-private.h"
#include "hypha-error.h"

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

/*
 * Receivers of every language must find the same message by it, and none by a name that leads
 * anywhere but to a message: JavaScript drops a byte order mark, and makes “__proto__” its own.
 */
static gboolean
hypha_chunk_call_check_key (HyphaSpan key)
{
  for (gsize i = 0; i < key.size; i++)
    {
      if (!g_ascii_isgraph (key.data[i]))
        return FALSE;
    }

  return key.size > 0 && key.size <= HYPHA_CHUNK_CALL_MAX_KEY &&
         hypha_message_is_session_name (key);
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
      return item->kind == HYPHA_MSGPACK_STR && hypha_chunk_call_check_key (call->key);

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

/* A field of a function: those that it has to have are texts, the others are not looked into. */
static gboolean
hypha_chunk_call_check_field (HyphaSpan               name,
                              const HyphaMsgpackItem *item,
                              guint                  *n_needed)
{
  HyphaSpan text = { (const char *) item->data, item->size };
  gboolean is_text = item->kind == HYPHA_MSGPACK_STR &&
                     g_utf8_validate (text.data, (gssize) text.size, NULL);

  if (hypha_span_equal (name, "_rtype"))
    return ++*n_needed, is_text && hypha_span_equal (text, "method");
  if (hypha_span_equal (name, "_rtarget") || hypha_span_equal (name, "_rmethod"))
    return ++*n_needed, is_text && text.size > 0;

  return is_text || item->kind == HYPHA_MSGPACK_BOOL || item->kind == HYPHA_MSGPACK_NIL;
}

/* A function of a promise, as the clients of old write it. */
static gboolean
hypha_chunk_call_take_function (HyphaMsgpackCursor *cursor)
{
  HyphaMsgpackItem item;
  guint n_needed = 0;
  guint32 n;

  if (!hypha_msgpack_cursor_next (cursor, &item, NULL) || item.kind != HYPHA_MSGPACK_MAP)
    return FALSE;

  n = item.size;
  for (guint32 i = 0; i < n; i++)
    {
      HyphaSpan name;

      if (!hypha_msgpack_cursor_next (cursor, &item, NULL) || item.kind != HYPHA_MSGPACK_STR)
        return FALSE;

      name = (HyphaSpan) { (const char *) item.data, item.size };
      if (!hypha_span_has_prefix (name, "_r") || !hypha_msgpack_cursor_next (cursor, &item, NULL) ||
          !hypha_chunk_call_check_field (name, &item, &n_needed))
        return FALSE;
    }

  return n_needed == 3;
}

static gboolean
hypha_chunk_call_take_number (HyphaMsgpackCursor *cursor)
{
  HyphaMsgpackItem item;

  return hypha_msgpack_cursor_next (cursor, &item, NULL) &&
         (item.kind == HYPHA_MSGPACK_INT || item.kind == HYPHA_MSGPACK_FLOAT);
}

/*
 * The promise, “*” or its functions. A receiver that cannot make anything of it, or waits for
 * something else first, does not keep the piece, or keeps it behind the next ones.
 */
static gboolean
hypha_chunk_call_take_promise (HyphaMsgpackCursor *cursor,
                               gboolean           *short_form)
{
  HyphaMsgpackItem item;
  guint n_needed = 0;
  guint32 n;

  if (!hypha_msgpack_cursor_next (cursor, &item, NULL))
    return FALSE;

  *short_form = item.kind == HYPHA_MSGPACK_STR && item.size == 1 && item.data[0] == '*';
  if (item.kind != HYPHA_MSGPACK_MAP)
    return *short_form;

  n = item.size;
  for (guint32 i = 0; i < n; i++)
    {
      HyphaSpan name;

      if (!hypha_msgpack_cursor_next (cursor, &item, NULL) || item.kind != HYPHA_MSGPACK_STR)
        return FALSE;

      name = (HyphaSpan) { (const char *) item.data, item.size };
      n_needed += hypha_span_equal (name, "resolve") || hypha_span_equal (name, "reject");
      if (hypha_span_equal (name, "interval") ? !hypha_chunk_call_take_number (cursor) :
                                                !hypha_chunk_call_take_function (cursor))
        return FALSE;
    }

  return n_needed == 2;
}

static gboolean
hypha_chunk_call_take_args (HyphaChunkCall     *call,
                            const char         *arguments,
                            HyphaMsgpackCursor *cursor)
{
  HyphaMsgpackItem item;
  guint32 n;

  call->begin = cursor->offset;
  if (!hypha_msgpack_cursor_next (cursor, &item, NULL) || item.kind != HYPHA_MSGPACK_ARRAY)
    return FALSE;

  n = item.size;
  if (n < strcspn (arguments, "ho") || n > strlen (arguments))
    return FALSE;

  for (guint32 i = 0; i < n; i++)
    {
      if (!hypha_msgpack_cursor_next (cursor, &item, NULL) ||
          !hypha_chunk_call_take (call, arguments[i], &item))
        return FALSE;
    }

  call->end = cursor->offset;
  return TRUE;
}

/* The second segment, with what is around the arguments. */
static gboolean
hypha_chunk_call_take_extra (HyphaChunkCall      *call,
                             const char          *arguments,
                             const HyphaMessage  *message,
                             GError             **error)
{
  HyphaMsgpackCursor cursor = { message->data, message->size, message->envelope_size };
  HyphaMsgpackItem item;
  gboolean good = TRUE;
  gboolean promise = FALSE;
  gboolean short_form = FALSE;
  gboolean interval = FALSE;
  guint32 n;

  if (!hypha_msgpack_cursor_next (&cursor, &item, error))
    return FALSE;

  n = item.size;
  for (guint32 i = 0; i < n && good; i++)
    {
      HyphaSpan name;

      if (!hypha_msgpack_cursor_next (&cursor, &item, error))
        return FALSE;

      name = (HyphaSpan) { (const char *) item.data, item.size };
      if (hypha_span_equal (name, "args"))
        good = hypha_chunk_call_take_args (call, arguments, &cursor);
      else if (hypha_span_equal (name, "promise"))
        good = promise = hypha_chunk_call_take_promise (&cursor, &short_form);
      else
        good = interval = hypha_span_equal (name, "t") && hypha_chunk_call_take_number (&cursor);
    }

  return (good && call->key.data != NULL && (!promise || call->answered) &&
          (!short_form || interval)) ||
         hypha_chunk_call_fail ("unexpected arguments", error);
}

/* A session of its own and no other: Python looks into one of several parts, and may fail at it. */
static gboolean
hypha_chunk_call_check_session (HyphaChunkCall     *call,
                                const HyphaMessage *message)
{
  call->answered = message->session.size > 0;
  return message->parent.data == NULL &&
         (!call->answered || memchr (message->session.data, '.', message->session.size) == NULL);
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
  g_autofree char *method = hypha_span_dup (message->method);
  const char *arguments = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (shapes); i++)
    {
      if (g_str_equal (method + strlen (HYPHA_MESSAGE_CACHE), shapes[i].verb))
        call->verb = shapes[i].verb, arguments = shapes[i].arguments;
    }

  if (call->verb == NULL)
    return hypha_chunk_call_fail ("no such method", error);
  if (message->size > HYPHA_CHUNK_CALL_MAX_SIZE)
    return hypha_chunk_call_fail ("a piece is too long", error);
  if (!hypha_chunk_call_check_session (call, message))
    return hypha_chunk_call_fail ("unexpected sessions", error);

  return hypha_chunk_call_take_extra (call, arguments, message, error);
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
 * those that come now behind them. Nor may it refuse this call for want of a session.
 */
GBytes *
hypha_chunk_call_overwrite (const HyphaChunkCall *call,
                            const HyphaMessage   *message)
{
  GByteArray *out = g_byte_array_sized_new ((guint) message->size + 16);

  g_byte_array_append (out, message->data, (guint) call->begin);
  hypha_msgpack_write_array (out, 3);
  hypha_msgpack_write_str (out, call->key.data, call->key.size);
  g_byte_array_append (out, (const guint8 *) "\xc2\xc3", 2);
  g_byte_array_append (out, message->data + call->end, (guint) (message->size - call->end));
  return g_byte_array_free_to_bytes (out);
}

/*
 * The first piece without the parent of its message, which the router takes out of whole ones: its
 * key becomes one that nobody reads.
 */
GBytes *
hypha_chunk_call_drop_parent (const HyphaChunkCall *call,
                              const HyphaMessage   *message)
{
  GByteArray *out = g_byte_array_sized_new ((guint) message->size);

  g_byte_array_append (out, message->data, (guint) message->size);
  out->data[(gsize) (call->piece - message->data) + call->parent] = '-';
  return g_byte_array_free_to_bytes (out);
}
