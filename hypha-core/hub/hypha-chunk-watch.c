/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-chunk-call-private.h"
#include "hypha-chunk-watch-private.h"
#include "hypha-message-scanner-private.h"

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
    return hypha_chunk_call_fail ("its key is taken", error);

  if (entry != NULL && !g_str_equal (entry->sender, sender))
    return hypha_chunk_call_fail ("its key is another client's", error);

  if (entry == NULL && hypha_chunk_watch_count (self, sender) >= HYPHA_CHUNK_WATCH_MAX_ENTRIES)
    return hypha_chunk_call_fail ("too many are unfinished", error);

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
    return hypha_chunk_call_fail ("too many pieces came before their turn", error);

  key = g_new (gint64, 1);
  *key = (gint64) index;
  if (g_hash_table_contains (entry->ahead, key))
    {
      g_free (key);
      return hypha_chunk_call_fail ("a piece came twice", error);
    }

  g_hash_table_insert (entry->ahead, key, g_bytes_new (call->piece, call->size));
  entry->bytes += call->size;
  return TRUE;
}

/* Checks the pieces whose turn has come with this one. */
static gboolean
hypha_chunk_entry_put (HyphaChunkEntry  *entry,
                       guint64           index,
                       HyphaChunkCall   *call,
                       GError          **error)
{
  GBytes *bytes;

  if (index > G_MAXINT32)
    return hypha_chunk_call_fail ("unexpected arguments", error);
  if (index < entry->next)
    return hypha_chunk_call_fail ("a piece came twice", error);
  if (index > entry->next)
    return hypha_chunk_entry_keep_ahead (entry, index, call, error);

  if (!hypha_message_scanner_feed (entry->scanner, call->piece, call->size, error))
    return FALSE;

  if (index == 0)
    call->parent = hypha_message_scanner_get_parent (entry->scanner);
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
                         HyphaChunkCall        *call,
                         GError               **error)
{
  HyphaChunkEntry *entry = g_hash_table_lookup (self->entries, id);
  const char *verb = call->verb;
  gboolean piece = call->piece != NULL;
  gboolean whole;

  if (g_str_equal (verb, "create"))
    return hypha_chunk_watch_create (self, id, sender, target, call, error);

  if (entry == NULL || !g_str_equal (entry->sender, sender))
    return hypha_chunk_call_fail ("it was not begun", error);

  /*
   * A receiver refuses a heartbeat for a session that is over. Were one piece to come with it and
   * another without, the first would be checked here and missing there.
   */
  if (!g_str_equal (verb, "remove") && call->heartbeat != entry->heartbeat)
    return hypha_chunk_call_fail ("its calls differ in their heartbeat", error);

  /* Where the two are mixed, receivers disagree about the order. */
  if (piece && entry->verb != NULL && !g_str_equal (entry->verb, verb))
    return hypha_chunk_call_fail ("its pieces come in two ways", error);

  if (piece)
    {
      entry->verb = verb;
      return hypha_chunk_entry_put (entry, g_str_equal (verb, "set") ? call->index : entry->next,
                                    call, error);
    }

  whole = hypha_message_scanner_is_done (entry->scanner) &&
          g_hash_table_size (entry->ahead) == 0;
  if (g_str_equal (verb, "process") && !whole)
    return hypha_chunk_call_fail ("it is not whole", error);

  g_hash_table_remove (self->entries, id);
  return TRUE;
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
  else if (call.parent > 0)
    *instead = hypha_chunk_call_drop_parent (&call, message);
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
