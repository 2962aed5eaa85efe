/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-chunk-watch-private.h"
#include "hypha-message-scanner-private.h"

/* How deep a promise may be. */
#define MAX_PLAIN_DEPTH 8

struct _HyphaChunkWatch
{
  /*
   * “target key” → entry. Receivers know an entry by its key alone, so of two senders only one
   * may have it: else one would put its pieces into what the other had checked.
   */
  GHashTable *entries;
};

typedef struct
{
  char                *sender;
  char                *target;
  HyphaMessageScanner *scanner;
  guint64              next;    /* index of the piece that is to be checked next */
  GHashTable          *ahead;   /* index → GBytes: pieces that came before their turn */
  gsize                bytes;   /* in ahead */
  gboolean             heartbeat;
  const char          *verb;    /* how its pieces come, append or set; NULL before the first */
} HyphaChunkEntry;

/* The arguments of one call, and where in the message they lie. */
typedef struct
{
  const char      *verb;
  HyphaSpan        key;
  guint64          index;
  gboolean         heartbeat;
  gboolean         overwrite;
  gboolean         refuse_sealed; /* if what is begun turns out to be encrypted */
  const guint8    *piece;
  gsize            size;
  gsize            begin;
  gsize            end;
} HyphaChunkCall;

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

static void
hypha_chunk_entry_free (gpointer data)
{
  HyphaChunkEntry *entry = data;

  g_free (entry->sender);
  g_free (entry->target);
  hypha_message_scanner_free (entry->scanner);
  g_hash_table_unref (entry->ahead);
  g_free (entry);
}

static HyphaChunkEntry *
hypha_chunk_entry_new (const char *sender,
                       const char *target,
                       gboolean    heartbeat)
{
  HyphaChunkEntry *entry = g_new0 (HyphaChunkEntry, 1);

  entry->sender = g_strdup (sender);
  entry->target = g_strdup (target);
  entry->heartbeat = heartbeat;
  entry->scanner = hypha_message_scanner_new ();
  entry->ahead = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free,
                                        (GDestroyNotify) g_bytes_unref);
  return entry;
}

HyphaChunkWatch *
hypha_chunk_watch_new (void)
{
  HyphaChunkWatch *self = g_new0 (HyphaChunkWatch, 1);

  self->entries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, hypha_chunk_entry_free);
  return self;
}

void
hypha_chunk_watch_free (HyphaChunkWatch *self)
{
  g_hash_table_unref (self->entries);
  g_free (self);
}

guint
hypha_chunk_watch_get_n_entries (HyphaChunkWatch *self)
{
  return g_hash_table_size (self->entries);
}

static gboolean
hypha_chunk_watch_fail (const char  *problem,
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
             item->size <= HYPHA_CHUNK_WATCH_MAX_KEY &&
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
    return hypha_chunk_watch_fail ("unexpected arguments", error);

  map = item.kind == HYPHA_MSGPACK_MAP;
  if (!map && item.kind != HYPHA_MSGPACK_ARRAY)
    return TRUE;

  for (guint32 i = 0, n = item.size; i < n; i++)
    {
      HyphaMsgpackCursor key = *cursor;

      if (map && !hypha_msgpack_cursor_next (&key, &item, error))
        return FALSE;
      if (map && item.kind != HYPHA_MSGPACK_STR)
        return hypha_chunk_watch_fail ("unexpected arguments", error);
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
    return hypha_chunk_watch_fail ("unexpected arguments", error);

  for (guint32 i = 0; i < n; i++)
    {
      if (!hypha_msgpack_cursor_next (cursor, &item, error))
        return FALSE;
      if (!hypha_chunk_call_take (call, arguments[i], &item))
        return hypha_chunk_watch_fail ("unexpected arguments", error);
    }

  call->end = cursor->offset;
  return TRUE;
}

/*
 * Keywords and encrypted arguments would hide what is delivered. No client uses them here: what is
 * to be secret is encrypted before it is cut up. Nothing else may be there that could keep a receiver
 * from storing a piece that was counted here.
 */
static gboolean
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
    return hypha_chunk_watch_fail ("no such method", error);
  if (message->size > HYPHA_CHUNK_WATCH_MAX_CALL)
    return hypha_chunk_watch_fail ("a piece is too long", error);

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
        return hypha_chunk_watch_fail ("unexpected arguments", error);
      else if (!hypha_chunk_call_skip_plain (&cursor, 0, error))
        return FALSE;
    }

  return call->key.data != NULL || hypha_chunk_watch_fail ("unexpected arguments", error);
}

/* The session of the call that a message delivers a piece of, if it is the first piece. */
gboolean
hypha_chunk_watch_get_session (const HyphaMessage *message,
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

static guint
hypha_chunk_watch_count (HyphaChunkWatch *self,
                         const char      *sender)
{
  GHashTableIter iter;
  HyphaChunkEntry *entry;
  guint n = 0;

  g_hash_table_iter_init (&iter, self->entries);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &entry))
    n += g_str_equal (entry->sender, sender);

  return n;
}

static gboolean
hypha_chunk_watch_create (HyphaChunkWatch       *self,
                          const char            *id,
                          const char            *sender,
                          const char            *target,
                          const HyphaChunkCall  *call,
                          GError               **error)
{
  HyphaChunkEntry *entry = g_hash_table_lookup (self->entries, id);
  HyphaChunkEntry *fresh;

  if (entry != NULL && !call->overwrite)
    return hypha_chunk_watch_fail ("its key is taken", error);

  if (entry != NULL && !g_str_equal (entry->sender, sender))
    return hypha_chunk_watch_fail ("its key is another client's", error);

  if (entry == NULL && hypha_chunk_watch_count (self, sender) >= HYPHA_CHUNK_WATCH_MAX_ENTRIES)
    return hypha_chunk_watch_fail ("too many are unfinished", error);

  fresh = hypha_chunk_entry_new (sender, target, call->heartbeat);
  if (call->refuse_sealed)
    hypha_message_scanner_refuse_sealed (fresh->scanner);

  g_hash_table_replace (self->entries, g_strdup (id), fresh);
  return TRUE;
}

static gboolean
hypha_chunk_entry_keep_ahead (HyphaChunkEntry       *entry,
                              guint64                index,
                              const HyphaChunkCall  *call,
                              GError               **error)
{
  gint64 *key;

  if (entry->bytes + call->size > HYPHA_CHUNK_WATCH_MAX_AHEAD)
    return hypha_chunk_watch_fail ("too many pieces came before their turn", error);

  key = g_new (gint64, 1);
  *key = (gint64) index;
  if (g_hash_table_contains (entry->ahead, key))
    {
      g_free (key);
      return hypha_chunk_watch_fail ("a piece came twice", error);
    }

  g_hash_table_insert (entry->ahead, key, g_bytes_new (call->piece, call->size));
  entry->bytes += call->size;
  return TRUE;
}

/* Checks the pieces whose turn has come with this one. */
static gboolean
hypha_chunk_entry_put (HyphaChunkEntry       *entry,
                       guint64                index,
                       const HyphaChunkCall  *call,
                       GError               **error)
{
  GBytes *bytes;

  if (index > G_MAXINT32)
    return hypha_chunk_watch_fail ("unexpected arguments", error);
  if (index < entry->next)
    return hypha_chunk_watch_fail ("a piece came twice", error);
  if (index > entry->next)
    return hypha_chunk_entry_keep_ahead (entry, index, call, error);

  if (!hypha_message_scanner_feed (entry->scanner, call->piece, call->size, error))
    return FALSE;

  entry->next++;
  while ((bytes = g_hash_table_lookup (entry->ahead, &entry->next)) != NULL)
    {
      gsize size;
      const guint8 *data = g_bytes_get_data (bytes, &size);

      if (!hypha_message_scanner_feed (entry->scanner, data, size, error))
        return FALSE;

      entry->bytes -= size;
      g_hash_table_remove (entry->ahead, &entry->next);
      entry->next++;
    }

  return TRUE;
}

static gboolean
hypha_chunk_watch_serve (HyphaChunkWatch       *self,
                         const char            *id,
                         const char            *sender,
                         const char            *target,
                         const HyphaChunkCall  *call,
                         GError               **error)
{
  HyphaChunkEntry *entry = g_hash_table_lookup (self->entries, id);
  const char *verb = call->verb;
  gboolean piece = call->piece != NULL;
  gboolean whole;

  if (g_str_equal (verb, "create"))
    return hypha_chunk_watch_create (self, id, sender, target, call, error);

  if (entry == NULL || !g_str_equal (entry->sender, sender))
    return hypha_chunk_watch_fail ("it was not begun", error);

  /*
   * A receiver refuses a heartbeat for a session that is over. Were one piece to come with it and
   * another without, the first would be checked here and missing there.
   */
  if (!g_str_equal (verb, "remove") && call->heartbeat != entry->heartbeat)
    return hypha_chunk_watch_fail ("its calls differ in their heartbeat", error);

  /* Where the two are mixed, receivers disagree about the order. */
  if (piece && entry->verb != NULL && !g_str_equal (entry->verb, verb))
    return hypha_chunk_watch_fail ("its pieces come in two ways", error);

  if (piece)
    {
      entry->verb = verb;
      return hypha_chunk_entry_put (entry, g_str_equal (verb, "set") ? call->index : entry->next,
                                    call, error);
    }

  whole = hypha_message_scanner_is_done (entry->scanner) &&
          g_hash_table_size (entry->ahead) == 0;
  if (g_str_equal (verb, "process") && !whole)
    return hypha_chunk_watch_fail ("it is not whole", error);

  g_hash_table_remove (self->entries, id);
  return TRUE;
}

/*
 * A create that always begins anew. The receiver may still have pieces under this key that are
 * not known here, of a sender that has gone or of one whose process() it refused, and would put
 * those that come now behind them.
 */
static GBytes *
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

/*
 * Checks one call of sender to target, both absolute ids. FALSE: it must not be forwarded; the
 * message that it belongs to can never be processed then. Where instead is set, that is to be
 * forwarded in the frame's place; it has the same envelope.
 */
gboolean
hypha_chunk_watch_inspect (HyphaChunkWatch     *self,
                           const char          *sender,
                           const char          *target,
                           gboolean             refuse_sealed,
                           const HyphaMessage  *message,
                           GBytes             **instead,
                           GError             **error)
{
  HyphaChunkCall call = { .refuse_sealed = refuse_sealed };
  g_autofree char *key = NULL;
  g_autofree char *id = NULL;

  if (!hypha_chunk_call_parse (&call, message, error))
    return FALSE;

  key = hypha_span_dup (call.key);
  id = g_strconcat (target, " ", key, NULL);
  if (!hypha_chunk_watch_serve (self, id, sender, target, &call, error))
    return FALSE;

  if (g_str_equal (call.verb, "create"))
    *instead = hypha_chunk_call_overwrite (&call, message);
  return TRUE;
}

/* A client has gone: what it sent, and what was sent to it, is unfinished for ever. */
void
hypha_chunk_watch_forget (HyphaChunkWatch *self,
                          const char      *peer)
{
  GHashTableIter iter;
  HyphaChunkEntry *entry;

  g_hash_table_iter_init (&iter, self->entries);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &entry))
    {
      if (g_str_equal (entry->sender, peer) || g_str_equal (entry->target, peer))
        g_hash_table_iter_remove (&iter);
    }
}
