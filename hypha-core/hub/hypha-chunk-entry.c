/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-chunk-entry-private.h"

HyphaChunkEntry *
hypha_chunk_entry_new (const char           *id,
                       const char           *sender,
                       const char           *target,
                       const HyphaChunkCall *call)
{
  HyphaChunkEntry *self = g_new0 (HyphaChunkEntry, 1);

  self->id = g_strdup (id);
  self->sender = g_strdup (sender);
  self->target = g_strdup (target);
  self->heartbeat = call->heartbeat;
  self->scanner = hypha_message_scanner_new ();
  self->ahead = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free,
                                       (GDestroyNotify) g_bytes_unref);
  if (call->refuse_sealed)
    hypha_message_scanner_refuse_sealed (self->scanner);
  return self;
}

void
hypha_chunk_entry_free (gpointer data)
{
  HyphaChunkEntry *self = data;

  g_free (self->id);
  g_free (self->sender);
  g_free (self->target);
  hypha_message_scanner_free (self->scanner);
  g_hash_table_unref (self->ahead);
  g_free (self);
}

static guint64
hypha_chunk_entry_get_index (HyphaChunkEntry      *self,
                             const HyphaChunkCall *call)
{
  return g_str_equal (call->verb, "set") ? call->index : self->next;
}

/* What this piece will count: nothing unless it has to wait for its turn. */
gsize
hypha_chunk_entry_weigh (HyphaChunkEntry      *self,
                         const HyphaChunkCall *call)
{
  return hypha_chunk_entry_get_index (self, call) > self->next ?
         call->size + HYPHA_CHUNK_ENTRY_PIECE_COST : 0;
}

static gboolean
hypha_chunk_entry_keep_ahead (HyphaChunkEntry       *self,
                              guint64                index,
                              const HyphaChunkCall  *call,
                              GError               **error)
{
  gint64 *key;

  if (g_hash_table_contains (self->ahead, &index))
    return hypha_chunk_call_fail ("a piece came twice", error);

  key = g_new (gint64, 1);
  *key = (gint64) index;
  g_hash_table_insert (self->ahead, key, g_bytes_new (call->piece, call->size));
  self->bytes += call->size + HYPHA_CHUNK_ENTRY_PIECE_COST;
  return TRUE;
}

static gboolean
hypha_chunk_entry_feed (HyphaChunkEntry  *self,
                        const guint8     *data,
                        gsize             size,
                        GError          **error)
{
  if (!hypha_message_scanner_feed (self->scanner, data, size, error))
    return FALSE;

  self->next++;
  return TRUE;
}

/* Checks the pieces whose turn has come with this one. */
gboolean
hypha_chunk_entry_put (HyphaChunkEntry  *self,
                       HyphaChunkCall   *call,
                       GError          **error)
{
  guint64 index = hypha_chunk_entry_get_index (self, call);
  GBytes *bytes;

  if (index > G_MAXINT32)
    return hypha_chunk_call_fail ("unexpected arguments", error);
  if (index < self->next)
    return hypha_chunk_call_fail ("a piece came twice", error);
  if (index > self->next)
    return hypha_chunk_entry_keep_ahead (self, index, call, error);

  if (!hypha_chunk_entry_feed (self, call->piece, call->size, error))
    return FALSE;

  if (index == 0)
    call->parent = hypha_message_scanner_get_parent (self->scanner);
  while ((bytes = g_hash_table_lookup (self->ahead, &self->next)) != NULL)
    {
      guint64 turn = self->next;
      gsize size;
      const guint8 *data = g_bytes_get_data (bytes, &size);

      if (!hypha_chunk_entry_feed (self, data, size, error))
        return FALSE;

      self->bytes -= size + HYPHA_CHUNK_ENTRY_PIECE_COST;
      g_hash_table_remove (self->ahead, &turn);
    }

  return TRUE;
}

gboolean
hypha_chunk_entry_is_whole (HyphaChunkEntry *self)
{
  return hypha_message_scanner_is_done (self->scanner) && g_hash_table_size (self->ahead) == 0;
}
