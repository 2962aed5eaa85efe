/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-chunk-entry-private.h"
#include "hypha-chunk-watch-private.h"
#include "hypha-shares-private.h"

struct _HyphaChunkWatch
{
  /*
   * “target key” → HyphaChunkEntry. Receivers know an entry by its key alone, so of two senders only
   * one may have it: else one would put its pieces into what the other had checked.
   */
  GHashTable  *entries;
  GHashTable  *senders;  /* id → HyphaChunkSender: those that have entries */
  GHashTable  *targets;  /* id → set of HyphaChunkEntry, borrowed */
  HyphaShares *shares;   /* bytes by account */
  GSource     *sweeper;  /* only while there are entries */
  guint        max_age;  /* milliseconds */
};

typedef struct
{
  char       *account;
  GHashTable *entries;  /* set of HyphaChunkEntry, borrowed */
  gsize       bytes;    /* what they count */
} HyphaChunkSender;

static void
hypha_chunk_sender_free (gpointer data)
{
  HyphaChunkSender *sender = data;

  g_hash_table_unref (sender->entries);
  g_free (sender->account);
  g_free (sender);
}

HyphaChunkWatch *
hypha_chunk_watch_new (void)
{
  HyphaChunkWatch *self = g_new0 (HyphaChunkWatch, 1);

  self->entries = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, hypha_chunk_entry_free);
  self->senders = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, hypha_chunk_sender_free);
  self->targets = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                         (GDestroyNotify) g_hash_table_unref);
  self->shares = hypha_shares_new (HYPHA_CHUNK_WATCH_MAX_TOTAL, HYPHA_CHUNK_WATCH_MAX_ACCOUNT);
  self->max_age = HYPHA_CHUNK_WATCH_MAX_AGE * 1000;
  return self;
}

static void
hypha_chunk_watch_stop_sweeper (HyphaChunkWatch *self)
{
  if (self->sweeper == NULL)
    return;

  g_source_destroy (self->sweeper);
  g_clear_pointer (&self->sweeper, g_source_unref);
}

void
hypha_chunk_watch_free (HyphaChunkWatch *self)
{
  hypha_chunk_watch_stop_sweeper (self);
  g_hash_table_unref (self->targets);
  g_hash_table_unref (self->senders);
  g_hash_table_unref (self->entries);
  hypha_shares_free (self->shares);
  g_free (self);
}

guint
hypha_chunk_watch_get_n_entries (HyphaChunkWatch *self)
{
  return g_hash_table_size (self->entries);
}

/* What unfinished messages count, in bytes. */
gsize
hypha_chunk_watch_get_bytes (HyphaChunkWatch *self)
{
  return hypha_shares_get_n (self->shares);
}

gboolean
hypha_chunk_watch_is_sweeping (HyphaChunkWatch *self)
{
  return self->sweeper != NULL;
}

/* For tests; from the next entry on, where there is none yet. */
void
hypha_chunk_watch_set_max_age (HyphaChunkWatch *self,
                               guint            milliseconds)
{
  self->max_age = milliseconds;
}

static HyphaChunkSender *
hypha_chunk_watch_ensure_sender (HyphaChunkWatch       *self,
                                 const HyphaChunkRoute *route)
{
  HyphaChunkSender *sender = g_hash_table_lookup (self->senders, route->sender);

  if (sender == NULL)
    {
      sender = g_new0 (HyphaChunkSender, 1);
      sender->account = g_strdup (route->account);
      sender->entries = g_hash_table_new (NULL, NULL);
      g_hash_table_insert (self->senders, g_strdup (route->sender), sender);
    }

  return sender;
}

static void
hypha_chunk_watch_forget_sender (HyphaChunkWatch  *self,
                                 const char       *id,
                                 HyphaChunkSender *sender)
{
  if (g_hash_table_size (sender->entries) == 0)
    g_hash_table_remove (self->senders, id);
}

/* Whether so much more may be kept for sender: each leaves as much as it has, as in HyphaShares. */
static gboolean
hypha_chunk_watch_has_room (HyphaChunkWatch  *self,
                            HyphaChunkSender *sender,
                            gsize             bytes)
{
  gboolean guest = g_str_equal (sender->account, HYPHA_SHARES_GUESTS);
  gsize limit = guest ? HYPHA_CHUNK_WATCH_MAX_GUESTS : HYPHA_CHUNK_WATCH_MAX_ACCOUNT;
  gsize of_account = hypha_shares_get_n_of (self->shares, sender->account);
  gsize left = of_account < limit ? limit - of_account : 0;

  return sender->bytes + bytes <= MIN (HYPHA_CHUNK_WATCH_MAX_AHEAD, left) &&
         hypha_shares_has_room (self->shares, sender->account, bytes);
}

/* Counts what an entry has become, from what it was. */
static void
hypha_chunk_watch_recount (HyphaChunkWatch  *self,
                           HyphaChunkSender *sender,
                           gsize             before,
                           gsize             after)
{
  sender->bytes = sender->bytes - before + after;
  if (after > before)
    hypha_shares_take (self->shares, sender->account, after - before);
  else if (before > after)
    hypha_shares_give_back (self->shares, sender->account, before - after);
}

static void
hypha_chunk_watch_drop (HyphaChunkWatch *self,
                        HyphaChunkEntry *entry)
{
  HyphaChunkSender *sender = g_hash_table_lookup (self->senders, entry->sender);
  GHashTable *to_target = g_hash_table_lookup (self->targets, entry->target);

  hypha_chunk_watch_recount (self, sender, entry->bytes, 0);
  g_hash_table_remove (sender->entries, entry);
  hypha_chunk_watch_forget_sender (self, entry->sender, sender);
  g_hash_table_remove (to_target, entry);
  if (g_hash_table_size (to_target) == 0)
    g_hash_table_remove (self->targets, entry->target);

  g_hash_table_remove (self->entries, entry->id);
  if (g_hash_table_size (self->entries) == 0)
    hypha_chunk_watch_stop_sweeper (self);
}

static gboolean
hypha_chunk_watch_sweep (gpointer data)
{
  HyphaChunkWatch *self = data;
  gint64 limit = g_get_monotonic_time () - (gint64) self->max_age * 1000;
  g_autoptr (GPtrArray) old = g_ptr_array_new ();
  GHashTableIter iter;
  HyphaChunkEntry *entry;

  g_hash_table_iter_init (&iter, self->entries);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &entry))
    {
      if (entry->touched <= limit)
        g_ptr_array_add (old, entry);
    }

  for (guint i = 0; i < old->len; i++)
    hypha_chunk_watch_drop (self, g_ptr_array_index (old, i));

  /* With the last of them this source has gone. */
  return self->sweeper != NULL ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void
hypha_chunk_watch_start_sweeper (HyphaChunkWatch *self)
{
  if (self->sweeper != NULL)
    return;

  self->sweeper = g_timeout_source_new (self->max_age / 5);
  g_source_set_static_name (self->sweeper, "hypha-chunk-watch-sweeper");
  g_source_set_callback (self->sweeper, hypha_chunk_watch_sweep, self, NULL);
  g_source_attach (self->sweeper, g_main_context_get_thread_default ());
}

static void
hypha_chunk_watch_add (HyphaChunkWatch  *self,
                       HyphaChunkSender *sender,
                       HyphaChunkEntry  *entry)
{
  GHashTable *to_target = g_hash_table_lookup (self->targets, entry->target);

  if (to_target == NULL)
    {
      to_target = g_hash_table_new (NULL, NULL);
      g_hash_table_insert (self->targets, g_strdup (entry->target), to_target);
    }

  entry->bytes = HYPHA_CHUNK_ENTRY_COST;
  entry->touched = g_get_monotonic_time ();
  hypha_chunk_watch_recount (self, sender, 0, entry->bytes);
  g_hash_table_add (sender->entries, entry);
  g_hash_table_add (to_target, entry);
  g_hash_table_insert (self->entries, entry->id, entry);
  hypha_chunk_watch_start_sweeper (self);
}

static gboolean
hypha_chunk_watch_create (HyphaChunkWatch        *self,
                          const char             *id,
                          const HyphaChunkRoute  *route,
                          const HyphaChunkCall   *call,
                          GError                **error)
{
  HyphaChunkEntry *entry = g_hash_table_lookup (self->entries, id);
  HyphaChunkSender *sender;

  if (entry != NULL && !call->overwrite)
    return hypha_chunk_call_fail ("its key is taken", error);
  if (entry != NULL && !g_str_equal (entry->sender, route->sender))
    return hypha_chunk_call_fail ("its key is another client's", error);

  if (entry != NULL)
    hypha_chunk_watch_drop (self, entry);

  sender = hypha_chunk_watch_ensure_sender (self, route);
  if (g_hash_table_size (sender->entries) >= HYPHA_CHUNK_WATCH_MAX_ENTRIES ||
      !hypha_chunk_watch_has_room (self, sender, HYPHA_CHUNK_ENTRY_COST))
    {
      hypha_chunk_watch_forget_sender (self, route->sender, sender);
      return hypha_chunk_call_fail ("too many are unfinished", error);
    }

  hypha_chunk_watch_add (self, sender,
                         hypha_chunk_entry_new (id, route->sender, route->target, call));
  return TRUE;
}

static gboolean
hypha_chunk_watch_put (HyphaChunkWatch  *self,
                       HyphaChunkEntry  *entry,
                       HyphaChunkCall   *call,
                       GError          **error)
{
  HyphaChunkSender *sender = g_hash_table_lookup (self->senders, entry->sender);
  gsize weight = hypha_chunk_entry_weigh (entry, call);
  gsize before = entry->bytes;
  gboolean good;

  /* Where the two are mixed, receivers disagree about the order. */
  if (entry->verb != NULL && !g_str_equal (entry->verb, call->verb))
    return hypha_chunk_call_fail ("its pieces come in two ways", error);

  if (weight > 0 && !hypha_chunk_watch_has_room (self, sender, weight))
    return hypha_chunk_call_fail ("too many pieces came before their turn", error);

  entry->verb = call->verb;
  good = hypha_chunk_entry_put (entry, call, error);
  hypha_chunk_watch_recount (self, sender, before, entry->bytes);
  return good;
}

static gboolean
hypha_chunk_watch_serve (HyphaChunkWatch        *self,
                         const char             *id,
                         const HyphaChunkRoute  *route,
                         HyphaChunkCall         *call,
                         GError                **error)
{
  HyphaChunkEntry *entry = g_hash_table_lookup (self->entries, id);
  const char *verb = call->verb;

  if (g_str_equal (verb, "create"))
    return hypha_chunk_watch_create (self, id, route, call, error);

  if (entry == NULL || !g_str_equal (entry->sender, route->sender))
    return hypha_chunk_call_fail ("it was not begun", error);

  /*
   * A receiver refuses a heartbeat for a session that is over. Were one piece to come with it and
   * another without, the first would be checked here and missing there.
   */
  if (!g_str_equal (verb, "remove") && call->heartbeat != entry->heartbeat)
    return hypha_chunk_call_fail ("its calls differ in their heartbeat", error);

  entry->touched = g_get_monotonic_time ();
  if (call->piece != NULL)
    return hypha_chunk_watch_put (self, entry, call, error);

  if (g_str_equal (verb, "process") && !hypha_chunk_entry_is_whole (entry))
    return hypha_chunk_call_fail ("it is not whole", error);

  hypha_chunk_watch_drop (self, entry);
  return TRUE;
}

/*
 * Checks one call. FALSE: it must not be forwarded; the message that it belongs to can never be
 * processed then. Where instead is set, that is to be forwarded in the frame's place; it has the
 * same envelope.
 */
gboolean
hypha_chunk_watch_inspect (HyphaChunkWatch        *self,
                           const HyphaChunkRoute  *route,
                           const HyphaMessage     *message,
                           GBytes                **instead,
                           GError                **error)
{
  HyphaChunkCall call = { .refuse_sealed = route->refuse_sealed };
  g_autofree char *key = NULL;
  g_autofree char *id = NULL;

  if (!hypha_chunk_call_parse (&call, message, error))
    return FALSE;

  key = hypha_span_dup (call.key);
  id = g_strconcat (route->target, " ", key, NULL);
  if (!hypha_chunk_watch_serve (self, id, route, &call, error))
    return FALSE;

  if (g_str_equal (call.verb, "create"))
    *instead = hypha_chunk_call_overwrite (&call, message);
  else if (call.parent > 0)
    *instead = hypha_chunk_call_drop_parent (&call, message);
  return TRUE;
}

static void
hypha_chunk_watch_drop_all (HyphaChunkWatch *self,
                            GHashTable      *entries)
{
  g_autofree gpointer *list = g_hash_table_get_keys_as_array (entries, NULL);

  for (guint i = 0; list[i] != NULL; i++)
    hypha_chunk_watch_drop (self, list[i]);
}

/* A client has gone: what it sent, and what was sent to it, is unfinished for ever. */
void
hypha_chunk_watch_forget (HyphaChunkWatch *self,
                          const char      *peer)
{
  HyphaChunkSender *sender = g_hash_table_lookup (self->senders, peer);
  GHashTable *to_target;

  if (sender != NULL)
    hypha_chunk_watch_drop_all (self, sender->entries);

  to_target = g_hash_table_lookup (self->targets, peer);
  if (to_target != NULL)
    hypha_chunk_watch_drop_all (self, to_target);
}
