/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-chunk-watch-private.h"
#include "hypha-message-scanner-private.h"

#define METHODS "services.built-in.message_cache."

struct _HyphaChunkWatch
{
  /*
   * “target key” → entry. Receivers know an entry by its key alone, so of two senders only one
   * may have it: else one would put its pieces into what the other had checked.
   */
  GHashTable *entries;
  gboolean    refuse_sealed;
};

typedef struct
{
  char                *sender;
  char                *target;
  HyphaMessageScanner *scanner;
  guint64              next;    /* index of the piece that is to be checked next */
  GHashTable          *ahead;   /* index → GBytes: pieces that came before their turn */
  gsize                bytes;   /* in ahead */
} HyphaChunkEntry;

/* The arguments of one call. */
typedef struct
{
  HyphaSpan        key;
  guint64          index;
  gboolean         has_index;
  gboolean         overwrite;
  const guint8    *piece;
  gsize            size;
} HyphaChunkCall;

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
                       const char *target)
{
  HyphaChunkEntry *entry = g_new0 (HyphaChunkEntry, 1);

  entry->sender = g_strdup (sender);
  entry->target = g_strdup (target);
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

/* Whether messages that are encrypted as a whole are refused, from now on. */
void
hypha_chunk_watch_set_refuse_sealed (HyphaChunkWatch *self,
                                     gboolean         refuse_sealed)
{
  self->refuse_sealed = refuse_sealed;
}

guint
hypha_chunk_watch_get_n_entries (HyphaChunkWatch *self)
{
  return g_hash_table_size (self->entries);
}

/* Whether a message is one of the calls that deliver pieces. */
gboolean
hypha_chunk_watch_concerns (const HyphaMessage *message)
{
  return hypha_span_has_prefix (message->method, METHODS);
}

static gboolean
hypha_chunk_watch_fail (const char  *problem,
                        GError     **error)
{
  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PROTOCOL, "Invalid message in pieces: %s", problem);
  return FALSE;
}

/* One argument: by position a text is the key, a number the index, bytes the piece. */
static gboolean
hypha_chunk_call_take (HyphaChunkCall          *call,
                       guint                    position,
                       const HyphaMsgpackItem  *item,
                       GError                 **error)
{
  if (position == 0 && item->kind == HYPHA_MSGPACK_STR && item->size > 0)
    call->key = (HyphaSpan) { (const char *) item->data, item->size };
  else if (position == 1 && item->kind == HYPHA_MSGPACK_INT && item->integer >= 0)
    call->index = (guint64) item->integer, call->has_index = TRUE;
  else if ((position == 1 || position == 2) && item->kind == HYPHA_MSGPACK_BIN)
    call->piece = item->data, call->size = item->size;
  else if (position == 2 && item->kind == HYPHA_MSGPACK_BOOL && call->piece == NULL)
    call->overwrite = item->boolean;
  else if (item->kind != HYPHA_MSGPACK_BOOL && item->kind != HYPHA_MSGPACK_NIL)
    return hypha_chunk_watch_fail ("unexpected arguments", error);

  return TRUE;
}

static gboolean
hypha_chunk_call_take_args (HyphaChunkCall      *call,
                            HyphaMsgpackCursor  *cursor,
                            GError             **error)
{
  HyphaMsgpackItem item;
  guint32 n;

  if (!hypha_msgpack_cursor_next (cursor, &item, error))
    return FALSE;

  if (item.kind != HYPHA_MSGPACK_ARRAY || item.size > 8)
    return hypha_chunk_watch_fail ("unexpected arguments", error);

  n = item.size;
  for (guint32 i = 0; i < n; i++)
    {
      if (!hypha_msgpack_cursor_next (cursor, &item, error) ||
          !hypha_chunk_call_take (call, i, &item, error))
        return FALSE;
    }

  return TRUE;
}

/*
 * Keywords and encrypted arguments would hide what is delivered. No client uses them here: what is
 * to be secret is encrypted before it is cut up.
 */
static gboolean
hypha_chunk_call_parse (HyphaChunkCall      *call,
                        const HyphaMessage  *message,
                        GError             **error)
{
  HyphaMsgpackCursor cursor = { message->data, message->size, message->envelope_size };
  HyphaMsgpackItem item;
  guint32 n;

  if (!hypha_msgpack_cursor_next (&cursor, &item, error))
    return FALSE;

  n = item.size;
  for (guint32 i = 0; i < n; i++)
    {
      HyphaSpan name;

      if (!hypha_msgpack_cursor_next (&cursor, &item, error))
        return FALSE;

      name = (HyphaSpan) { (const char *) item.data, item.size };
      if (hypha_span_equal (name, "with_kwargs") || hypha_span_equal (name, "_enc"))
        return hypha_chunk_watch_fail ("unexpected arguments", error);

      if (!(hypha_span_equal (name, "args") ? hypha_chunk_call_take_args (call, &cursor, error) :
                                              hypha_msgpack_cursor_skip (&cursor, error)))
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

  if (!hypha_chunk_watch_concerns (message) || !hypha_chunk_call_parse (&call, message, NULL) ||
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

  /* Without overwrite the receiver refuses it, and what is there stays as it is. */
  if (entry != NULL && !call->overwrite)
    return hypha_chunk_watch_fail ("its key is taken", error);

  if (entry != NULL && !g_str_equal (entry->sender, sender))
    return hypha_chunk_watch_fail ("its key is another client's", error);

  if (entry == NULL && hypha_chunk_watch_count (self, sender) >= HYPHA_CHUNK_WATCH_MAX_ENTRIES)
    return hypha_chunk_watch_fail ("too many are unfinished", error);

  fresh = hypha_chunk_entry_new (sender, target);
  if (self->refuse_sealed)
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

  if (call->piece == NULL || index > G_MAXINT32)
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
                         const char            *verb,
                         const char            *sender,
                         const char            *target,
                         const HyphaChunkCall  *call,
                         GError               **error)
{
  HyphaChunkEntry *entry = g_hash_table_lookup (self->entries, id);
  gboolean whole;

  if (g_str_equal (verb, "create"))
    return hypha_chunk_watch_create (self, id, sender, target, call, error);

  if (entry == NULL || !g_str_equal (entry->sender, sender))
    return hypha_chunk_watch_fail ("it was not begun", error);

  if (g_str_equal (verb, "append"))
    return hypha_chunk_entry_put (entry, entry->next, call, error);
  if (g_str_equal (verb, "set") && call->has_index)
    return hypha_chunk_entry_put (entry, call->index, call, error);

  whole = hypha_message_scanner_is_done (entry->scanner) &&
          g_hash_table_size (entry->ahead) == 0;
  if (g_str_equal (verb, "process") && !whole)
    return hypha_chunk_watch_fail ("it is not whole", error);

  if (!g_str_equal (verb, "process") && !g_str_equal (verb, "remove"))
    return hypha_chunk_watch_fail ("no such method", error);

  g_hash_table_remove (self->entries, id);
  return TRUE;
}

/*
 * Checks one call of sender to target, both absolute ids. FALSE: it must not be forwarded; the
 * message that it belongs to can never be processed then.
 */
gboolean
hypha_chunk_watch_inspect (HyphaChunkWatch     *self,
                           const char          *sender,
                           const char          *target,
                           const HyphaMessage  *message,
                           GError             **error)
{
  HyphaChunkCall call = { 0 };
  g_autofree char *method = hypha_span_dup (message->method);
  g_autofree char *key = NULL;
  g_autofree char *id = NULL;

  if (!hypha_chunk_call_parse (&call, message, error))
    return FALSE;

  key = hypha_span_dup (call.key);
  id = g_strconcat (target, " ", key, NULL);
  return hypha_chunk_watch_serve (self, id, method + strlen (METHODS), sender, target, &call,
                                  error);
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
