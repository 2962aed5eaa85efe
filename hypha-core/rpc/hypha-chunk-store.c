/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-chunk-store-private.h"
#include "hypha-error.h"
#include "hypha-error-private.h"

struct _HyphaChunkStore
{
  HyphaChunkLimits  limits;
  GHashTable       *clients;  /* from → HyphaChunkClient */
  HyphaShares      *shares;   /* bytes by account */
  GSource          *sweeper;  /* only while there are entries */
};

typedef struct
{
  char       *account;
  GHashTable *entries;  /* key → HyphaChunkEntry */
  gsize       bytes;    /* what they count */
} HyphaChunkClient;

typedef struct
{
  GPtrArray *pieces;    /* of GBytes, NULL where not yet come */
  gsize      size;      /* of the message so far */
  gsize      bytes;     /* what it counts */
  gint64     created;   /* monotonic */
} HyphaChunkEntry;

static void
hypha_chunk_piece_free (gpointer data)
{
  if (data != NULL)
    g_bytes_unref (data);
}

static void
hypha_chunk_entry_free (gpointer data)
{
  HyphaChunkEntry *entry = data;

  g_ptr_array_unref (entry->pieces);
  g_free (entry);
}

static void
hypha_chunk_client_free (gpointer data)
{
  HyphaChunkClient *client = data;

  g_hash_table_unref (client->entries);
  g_free (client->account);
  g_free (client);
}

HyphaChunkStore *
hypha_chunk_store_new (const HyphaChunkLimits *limits)
{
  HyphaChunkStore *self = g_new0 (HyphaChunkStore, 1);

  self->limits = *limits;
  self->clients = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, hypha_chunk_client_free);
  self->shares = hypha_shares_new (limits->total, limits->account);
  return self;
}

/* Counts to shares that others count to as well; before there is anything to count. */
void
hypha_chunk_store_set_shares (HyphaChunkStore *self,
                              HyphaShares     *shares)
{
  g_return_if_fail (g_hash_table_size (self->clients) == 0);

  hypha_shares_free (self->shares);
  self->shares = hypha_shares_ref (shares);
}

static void
hypha_chunk_store_stop_sweeper (HyphaChunkStore *self)
{
  if (self->sweeper != NULL)
    {
      g_source_destroy (self->sweeper);
      g_clear_pointer (&self->sweeper, g_source_unref);
    }
}

void
hypha_chunk_store_free (HyphaChunkStore *self)
{
  GHashTableIter iter;
  HyphaChunkClient *client;

  hypha_chunk_store_stop_sweeper (self);
  g_hash_table_iter_init (&iter, self->clients);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &client))
    hypha_shares_give_back (self->shares, client->account, client->bytes);
  g_hash_table_unref (self->clients);
  hypha_shares_free (self->shares);
  g_free (self);
}

/* What all unfinished messages count, in bytes; with those of others that count to the same. */
gsize
hypha_chunk_store_get_total (HyphaChunkStore *self)
{
  return hypha_shares_get_n (self->shares);
}

gboolean
hypha_chunk_store_is_sweeping (HyphaChunkStore *self)
{
  return self->sweeper != NULL;
}

/* A client without entries is forgotten, and without clients nothing needs to be swept. */
static void
hypha_chunk_store_tidy (HyphaChunkStore  *self,
                        const char       *from,
                        HyphaChunkClient *client)
{
  if (g_hash_table_size (client->entries) == 0)
    g_hash_table_remove (self->clients, from);
  if (g_hash_table_size (self->clients) == 0)
    hypha_chunk_store_stop_sweeper (self);
}

static void
hypha_chunk_store_uncount (HyphaChunkStore  *self,
                           HyphaChunkClient *client,
                           gsize             bytes)
{
  client->bytes -= bytes;
  hypha_shares_give_back (self->shares, client->account, bytes);
}

static void
hypha_chunk_store_drop (HyphaChunkStore *self,
                        const char      *from,
                        const char      *key)
{
  HyphaChunkClient *client = g_hash_table_lookup (self->clients, from);
  HyphaChunkEntry *entry = client != NULL ? g_hash_table_lookup (client->entries, key) : NULL;

  if (entry == NULL)
    return;

  hypha_chunk_store_uncount (self, client, entry->bytes);
  g_hash_table_remove (client->entries, key);
  hypha_chunk_store_tidy (self, from, client);
}

/* It will not finish what it began. */
void
hypha_chunk_store_client_gone (HyphaChunkStore *self,
                               const char      *from)
{
  HyphaChunkClient *client = g_hash_table_lookup (self->clients, from);

  if (client == NULL)
    return;

  hypha_chunk_store_uncount (self, client, client->bytes);
  g_hash_table_remove_all (client->entries);
  hypha_chunk_store_tidy (self, from, client);
}

static void
hypha_chunk_store_sweep_client (HyphaChunkStore  *self,
                                HyphaChunkClient *client,
                                gint64            limit)
{
  GHashTableIter iter;
  HyphaChunkEntry *entry;

  g_hash_table_iter_init (&iter, client->entries);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &entry))
    {
      if (entry->created > limit)
        continue;

      hypha_chunk_store_uncount (self, client, entry->bytes);
      g_hash_table_iter_remove (&iter);
    }
}

static gboolean
hypha_chunk_store_sweep (gpointer data)
{
  HyphaChunkStore *self = data;
  gint64 limit = g_get_monotonic_time () - (gint64) self->limits.age * 1000;
  GHashTableIter iter;
  HyphaChunkClient *client;

  g_hash_table_iter_init (&iter, self->clients);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &client))
    {
      hypha_chunk_store_sweep_client (self, client, limit);
      if (g_hash_table_size (client->entries) == 0)
        g_hash_table_iter_remove (&iter);
    }

  if (g_hash_table_size (self->clients) > 0)
    return G_SOURCE_CONTINUE;

  g_clear_pointer (&self->sweeper, g_source_unref);
  return G_SOURCE_REMOVE;
}

static void
hypha_chunk_store_start_sweeper (HyphaChunkStore *self)
{
  if (self->sweeper != NULL)
    return;

  self->sweeper = g_timeout_source_new (self->limits.age / 5);
  g_source_set_static_name (self->sweeper, "hypha-chunk-sweeper");
  g_source_set_callback (self->sweeper, hypha_chunk_store_sweep, self, NULL);
  g_source_attach (self->sweeper, g_main_context_get_thread_default ());
}

static HyphaChunkClient *
hypha_chunk_store_ensure_client (HyphaChunkStore *self,
                                 const char      *from,
                                 const char      *account)
{
  HyphaChunkClient *client = g_hash_table_lookup (self->clients, from);

  if (client == NULL)
    {
      client = g_new0 (HyphaChunkClient, 1);
      client->account = g_strdup (account);
      client->entries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                               hypha_chunk_entry_free);
      g_hash_table_insert (self->clients, g_strdup (from), client);
    }

  return client;
}

static HyphaChunkEntry *
hypha_chunk_store_lookup (HyphaChunkStore  *self,
                          const char       *from,
                          const char       *key,
                          GError          **error)
{
  HyphaChunkClient *client = g_hash_table_lookup (self->clients, from);
  HyphaChunkEntry *entry = client != NULL ? g_hash_table_lookup (client->entries, key) : NULL;

  if (entry == NULL)
    {
      g_autofree char *quoted = hypha_error_quote (key);

      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_NOT_FOUND, "Message with key %s does not exists.",
                   quoted);
    }

  return entry;
}

/* Counts bytes to client and its account, if there is room for them. */
static gboolean
hypha_chunk_store_count (HyphaChunkStore   *self,
                         HyphaChunkClient  *client,
                         gsize              bytes,
                         GError           **error)
{
  gboolean guest = g_str_equal (client->account, HYPHA_SHARES_GUESTS);
  gsize limit = guest ? self->limits.guests : self->limits.account;
  gsize of_account = hypha_shares_get_n_of (self->shares, client->account);
  gsize left = of_account < limit ? limit - of_account : 0;

  if (bytes > self->limits.client || client->bytes > self->limits.client - bytes)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE,
                   "unfinished messages of one client may hold %" G_GSIZE_FORMAT " bytes",
                   self->limits.client);
      return FALSE;
    }

  /* Each leaves the others as much as it has: its user's other clients, and other users. */
  if (client->bytes + bytes > left || !hypha_shares_has_room (self->shares, client->account, bytes))
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
                   "no room for more of this message: unfinished ones of %s hold %" G_GSIZE_FORMAT
                   " of the %" G_GSIZE_FORMAT " bytes of all; try again later",
                   guest ? "anonymous users" : "this user", of_account,
                   hypha_shares_get_n (self->shares));
      return FALSE;
    }

  client->bytes += bytes;
  hypha_shares_take (self->shares, client->account, bytes);
  return TRUE;
}

static gboolean
hypha_chunk_store_check_key (HyphaChunkClient  *client,
                             const char        *key,
                             GError           **error)
{
  if (g_hash_table_contains (client->entries, key))
    {
      g_autofree char *quoted = hypha_error_quote (key);

      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_ALREADY_EXISTS,
                   "Message with the same key (%s) already exists in the cache store, please use "
                   "overwrite=true or remove it first.", quoted);
      return FALSE;
    }

  if (g_hash_table_size (client->entries) >= HYPHA_CHUNKS_MAX_ENTRIES ||
      strlen (key) > HYPHA_CHUNKS_MAX_KEY)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
                   "more than %d unfinished messages, or a key that is too long",
                   HYPHA_CHUNKS_MAX_ENTRIES);
      return FALSE;
    }

  return TRUE;
}

/* Begins a message. The account counts for as long as the client has any that is unfinished. */
gboolean
hypha_chunk_store_create (HyphaChunkStore  *self,
                          const char       *from,
                          const char       *account,
                          const char       *key,
                          gboolean          overwrite,
                          GError          **error)
{
  HyphaChunkClient *client;
  HyphaChunkEntry *entry;

  if (overwrite)
    hypha_chunk_store_drop (self, from, key);

  client = hypha_chunk_store_ensure_client (self, from, account);
  if (!hypha_chunk_store_check_key (client, key, error) ||
      !hypha_chunk_store_count (self, client, HYPHA_CHUNKS_ENTRY_COST, error))
    {
      hypha_chunk_store_tidy (self, from, client);
      return FALSE;
    }

  entry = g_new0 (HyphaChunkEntry, 1);
  entry->pieces = g_ptr_array_new_with_free_func (hypha_chunk_piece_free);
  entry->bytes = HYPHA_CHUNKS_ENTRY_COST;
  entry->created = g_get_monotonic_time ();
  g_hash_table_insert (client->entries, g_strdup (key), entry);
  hypha_chunk_store_start_sweeper (self);
  return TRUE;
}

static gboolean
hypha_chunk_entry_check_index (HyphaChunkEntry  *entry,
                               gint64            index,
                               GError          **error)
{
  if (index >= HYPHA_CHUNKS_MAX_PIECES || index > entry->pieces->len + HYPHA_CHUNKS_MAX_GAP)
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE,
                 "a message may have %d pieces, of which one may come %d before its turn",
                 HYPHA_CHUNKS_MAX_PIECES, HYPHA_CHUNKS_MAX_GAP);
  else if (index < entry->pieces->len && g_ptr_array_index (entry->pieces, index) != NULL)
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_ALREADY_EXISTS,
                 "piece %" G_GINT64_FORMAT " came twice", index);
  else
    return TRUE;

  return FALSE;
}

/* Puts a piece, a GVariant ay, at index, or at the end where index is negative. */
gboolean
hypha_chunk_store_put (HyphaChunkStore  *self,
                       const char       *from,
                       const char       *key,
                       gint64            index,
                       GVariant         *piece,
                       GError          **error)
{
  HyphaChunkEntry *entry = hypha_chunk_store_lookup (self, from, key, error);
  HyphaChunkClient *client = g_hash_table_lookup (self->clients, from);
  gsize size = g_variant_get_size (piece);
  gsize bytes = size;

  if (entry == NULL)
    return FALSE;

  if (index < 0)
    index = entry->pieces->len;
  if (!hypha_chunk_entry_check_index (entry, index, error))
    return FALSE;

  /* Places that are left out count as well. */
  if (index >= entry->pieces->len)
    bytes += (gsize) (index + 1 - entry->pieces->len) * HYPHA_CHUNKS_PIECE_COST;
  if (!hypha_chunk_store_count (self, client, bytes, error))
    return FALSE;

  if (index >= entry->pieces->len)
    g_ptr_array_set_size (entry->pieces, (int) index + 1);

  /* A copy: the piece may be a small part of its frame, and would keep all of that. */
  g_ptr_array_index (entry->pieces, index) = g_bytes_new (g_variant_get_data (piece), size);
  entry->size += size;
  entry->bytes += bytes;
  return TRUE;
}

static GByteArray *
hypha_chunk_entry_join (HyphaChunkEntry  *entry,
                        GError          **error)
{
  g_autoptr (GByteArray) joined = g_byte_array_sized_new ((guint) entry->size);

  for (guint i = 0; i < entry->pieces->len; i++)
    {
      GBytes *piece = g_ptr_array_index (entry->pieces, i);
      const guint8 *data;
      gsize size;

      if (piece == NULL)
        {
          g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PROTOCOL, "piece %u of %u is missing", i,
                       entry->pieces->len);
          return NULL;
        }

      data = g_bytes_get_data (piece, &size);
      g_byte_array_append (joined, data, (guint) size);
    }

  return g_steal_pointer (&joined);
}

/* The message that the pieces make. Whole or not, they are dropped. */
GByteArray *
hypha_chunk_store_take (HyphaChunkStore  *self,
                        const char       *from,
                        const char       *key,
                        GError          **error)
{
  HyphaChunkEntry *entry = hypha_chunk_store_lookup (self, from, key, error);
  GByteArray *joined;

  if (entry == NULL)
    return NULL;

  joined = hypha_chunk_entry_join (entry, error);
  hypha_chunk_store_drop (self, from, key);
  return joined;
}

gboolean
hypha_chunk_store_remove (HyphaChunkStore  *self,
                          const char       *from,
                          const char       *key,
                          GError          **error)
{
  if (hypha_chunk_store_lookup (self, from, key, error) == NULL)
    return FALSE;

  hypha_chunk_store_drop (self, from, key);
  return TRUE;
}
