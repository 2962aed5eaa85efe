/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-rpc-chunks-private.h"

/*
 * Long messages in pieces: the store that every peer offers as message_cache; what fills that of
 * another peer is in hypha-rpc-chunks-send.c. An entry belongs to the client that made it; nobody
 * else can add to it, process it or see that it is there.
 */
struct _HyphaRpcChunks
{
  HyphaRpc   *rpc;      /* not owned: it owns us */
  GHashTable *clients;  /* from → HyphaChunkClient */
  GSource    *sweeper;  /* only while there are entries */
  gsize       total;    /* bytes of all clients */
  GHashTable *outgoing; /* to → gsize *: bytes that wait to be sent to each */
  gsize       outgoing_total;
};

typedef struct
{
  GHashTable *entries;  /* key → HyphaChunkEntry */
  gsize       bytes;
} HyphaChunkClient;

typedef struct
{
  GPtrArray *pieces;    /* of GVariant ay, NULL where not yet come */
  gsize      bytes;
  gint64     created;   /* monotonic */
} HyphaChunkEntry;

static void
hypha_chunk_piece_free (gpointer data)
{
  if (data != NULL)
    g_variant_unref (data);
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
  g_free (client);
}

HyphaRpcChunks *
hypha_rpc_chunks_new (HyphaRpc *rpc)
{
  HyphaRpcChunks *self = g_new0 (HyphaRpcChunks, 1);

  self->rpc = rpc;
  self->clients = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, hypha_chunk_client_free);
  self->outgoing = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return self;
}

static void
hypha_rpc_chunks_stop_sweeper (HyphaRpcChunks *self)
{
  if (self->sweeper != NULL)
    {
      g_source_destroy (self->sweeper);
      g_clear_pointer (&self->sweeper, g_source_unref);
    }
}

void
hypha_rpc_chunks_free (HyphaRpcChunks *self)
{
  hypha_rpc_chunks_stop_sweeper (self);
  g_hash_table_unref (self->clients);
  g_hash_table_unref (self->outgoing);
  g_free (self);
}

/* Counts bytes that begin or cease to wait for a client; FALSE if there is no room for more. */
gboolean
hypha_rpc_chunks_count_outgoing (HyphaRpcChunks *self,
                                 const char     *to,
                                 gssize          change)
{
  gsize *bytes = g_hash_table_lookup (self->outgoing, to);
  gsize now = (bytes != NULL ? *bytes : 0) + (gsize) change;

  if (change > 0 && (now > HYPHA_CHUNKS_MAX_OUTGOING ||
                     self->outgoing_total + (gsize) change > HYPHA_CHUNKS_MAX_OUTGOING_TOTAL))
    return FALSE;

  self->outgoing_total += (gsize) change;
  if (now == 0)
    {
      g_hash_table_remove (self->outgoing, to);
      return TRUE;
    }

  if (bytes == NULL)
    {
      bytes = g_new (gsize, 1);
      g_hash_table_insert (self->outgoing, g_strdup (to), bytes);
    }

  *bytes = now;
  return TRUE;
}

/* Bytes of long messages that wait to be sent. */
gsize
hypha_rpc_chunks_get_outgoing (HyphaRpcChunks *self)
{
  return self->outgoing_total;
}

/* Bytes that all unfinished messages hold. */
gsize
hypha_rpc_chunks_get_total (HyphaRpcChunks *self)
{
  return self->total;
}

/* Drops one entry, and the client's record with its last one. */
static void
hypha_rpc_chunks_drop (HyphaRpcChunks *self,
                       const char     *from,
                       const char     *key)
{
  HyphaChunkClient *client = g_hash_table_lookup (self->clients, from);
  HyphaChunkEntry *entry = client != NULL ? g_hash_table_lookup (client->entries, key) : NULL;

  if (entry == NULL)
    return;

  self->total -= entry->bytes;
  client->bytes -= entry->bytes;
  g_hash_table_remove (client->entries, key);
  if (g_hash_table_size (client->entries) == 0)
    g_hash_table_remove (self->clients, from);
  if (g_hash_table_size (self->clients) == 0)
    hypha_rpc_chunks_stop_sweeper (self);
}

void
hypha_rpc_chunks_peer_gone (HyphaRpcChunks *self,
                            const char     *peer)
{
  HyphaChunkClient *client = g_hash_table_lookup (self->clients, peer);

  if (client == NULL)
    return;

  self->total -= client->bytes;
  g_hash_table_remove (self->clients, peer);
  if (g_hash_table_size (self->clients) == 0)
    hypha_rpc_chunks_stop_sweeper (self);
}

static gboolean
hypha_rpc_chunks_sweep (gpointer data)
{
  HyphaRpcChunks *self = data;
  gint64 limit = g_get_monotonic_time () - HYPHA_CHUNKS_MAX_AGE * G_USEC_PER_SEC;
  GHashTableIter clients;
  HyphaChunkClient *client;

  g_hash_table_iter_init (&clients, self->clients);
  while (g_hash_table_iter_next (&clients, NULL, (gpointer *) &client))
    {
      GHashTableIter entries;
      HyphaChunkEntry *entry;

      g_hash_table_iter_init (&entries, client->entries);
      while (g_hash_table_iter_next (&entries, NULL, (gpointer *) &entry))
        {
          if (entry->created > limit)
            continue;

          self->total -= entry->bytes;
          client->bytes -= entry->bytes;
          g_hash_table_iter_remove (&entries);
        }

      if (g_hash_table_size (client->entries) == 0)
        g_hash_table_iter_remove (&clients);
    }

  if (g_hash_table_size (self->clients) > 0)
    return G_SOURCE_CONTINUE;

  g_clear_pointer (&self->sweeper, g_source_unref);
  return G_SOURCE_REMOVE;
}

static void
hypha_rpc_chunks_start_sweeper (HyphaRpcChunks *self)
{
  if (self->sweeper != NULL)
    return;

  self->sweeper = g_timeout_source_new_seconds (HYPHA_CHUNKS_MAX_AGE / 5);
  g_source_set_static_name (self->sweeper, "hypha-chunk-sweeper");
  g_source_set_callback (self->sweeper, hypha_rpc_chunks_sweep, self, NULL);
  g_source_attach (self->sweeper, g_main_context_get_thread_default ());
}

static HyphaChunkClient *
hypha_rpc_chunks_ensure_client (HyphaRpcChunks *self,
                                const char     *from)
{
  HyphaChunkClient *client = g_hash_table_lookup (self->clients, from);

  if (client == NULL)
    {
      client = g_new0 (HyphaChunkClient, 1);
      client->entries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                               hypha_chunk_entry_free);
      g_hash_table_insert (self->clients, g_strdup (from), client);
    }

  return client;
}

static HyphaChunkEntry *
hypha_rpc_chunks_lookup (HyphaRpcChunks  *self,
                         const char      *from,
                         const char      *key,
                         GError         **error)
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

static gboolean
hypha_rpc_chunks_create (HyphaRpcChunks  *self,
                         const char      *from,
                         const char      *key,
                         gboolean         overwrite,
                         GError         **error)
{
  HyphaChunkClient *client;
  HyphaChunkEntry *entry;

  if (overwrite)
    hypha_rpc_chunks_drop (self, from, key);

  client = hypha_rpc_chunks_ensure_client (self, from);
  if (g_hash_table_contains (client->entries, key))
    {
      g_autofree char *quoted = hypha_error_quote (key);

      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_ALREADY_EXISTS,
                   "Message with the same key (%s) already exists in the cache store, please use "
                   "overwrite=true or remove it first.", quoted);
      return FALSE;
    }

  if (g_hash_table_size (client->entries) >= HYPHA_CHUNKS_MAX_ENTRIES ||
      strlen (key) > HYPHA_RPC_MAX_FRAME / 1024)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
                   "more than %d unfinished messages, or a key that is too long",
                   HYPHA_CHUNKS_MAX_ENTRIES);
      return FALSE;
    }

  entry = g_new0 (HyphaChunkEntry, 1);
  entry->pieces = g_ptr_array_new_with_free_func (hypha_chunk_piece_free);
  entry->created = g_get_monotonic_time ();
  g_hash_table_insert (client->entries, g_strdup (key), entry);
  hypha_rpc_chunks_start_sweeper (self);
  return TRUE;
}

/* Puts a piece at index, or at the end where index is negative. */
static gboolean
hypha_rpc_chunks_store (HyphaRpcChunks  *self,
                        const char      *from,
                        const char      *key,
                        gint64           index,
                        GVariant        *piece,
                        GError         **error)
{
  HyphaChunkEntry *entry = hypha_rpc_chunks_lookup (self, from, key, error);
  HyphaChunkClient *client = g_hash_table_lookup (self->clients, from);
  gsize size = g_variant_get_size (piece);

  if (entry == NULL)
    return FALSE;

  if (index < 0)
    index = entry->pieces->len;

  if (index >= HYPHA_CHUNKS_MAX_PIECES || index > entry->pieces->len + HYPHA_CHUNKS_MAX_GAP ||
      client->bytes + size > HYPHA_CHUNKS_MAX_BYTES ||
      self->total + size > HYPHA_CHUNKS_MAX_TOTAL)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE,
                   "unfinished messages of one client may hold %d pieces and %d bytes",
                   HYPHA_CHUNKS_MAX_PIECES, HYPHA_CHUNKS_MAX_BYTES);
      return FALSE;
    }

  if ((guint) index >= entry->pieces->len)
    g_ptr_array_set_size (entry->pieces, (int) index + 1);
  else if (g_ptr_array_index (entry->pieces, index) != NULL)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_ALREADY_EXISTS,
                   "piece %" G_GINT64_FORMAT " came twice", index);
      return FALSE;
    }

  g_ptr_array_index (entry->pieces, index) = g_variant_ref (piece);
  entry->bytes += size;
  client->bytes += size;
  self->total += size;
  return TRUE;
}

static GByteArray *
hypha_rpc_chunks_join (HyphaChunkEntry  *entry,
                       GError          **error)
{
  g_autoptr (GByteArray) joined = g_byte_array_sized_new ((guint) entry->bytes);

  for (guint i = 0; i < entry->pieces->len; i++)
    {
      GVariant *piece = g_ptr_array_index (entry->pieces, i);

      if (piece == NULL)
        {
          g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PROTOCOL, "piece %u of %u is missing", i,
                       entry->pieces->len);
          return NULL;
        }

      g_byte_array_append (joined, g_variant_get_data (piece), (guint) g_variant_get_size (piece));
    }

  return g_steal_pointer (&joined);
}

/*
 * Who sent the message, and to whom, is what the router said of the call that delivered it: the
 * envelope inside the pieces is the sender's own words.
 */
static GBytes *
hypha_rpc_chunks_restamp (HyphaRpcChunks   *self,
                          HyphaInvocation  *invocation,
                          GByteArray       *joined,
                          GError          **error)
{
  g_autoptr (GVariant) user = NULL;
  g_autoptr (GByteArray) out = NULL;
  HyphaStamp stamp;
  HyphaMessage message;

  if (!hypha_message_parse (&message, joined->data, joined->len, error) ||
      !hypha_message_check_extra (&message, error))
    return NULL;

  user = hypha_invocation_dup_user (invocation);
  if (user == NULL)
    user = g_variant_ref_sink (hypha_rpc_codec_null ());

  hypha_stamp_init (&stamp, hypha_invocation_get_from (invocation),
                    hypha_invocation_get_workspace (invocation), user);
  out = g_byte_array_sized_new (joined->len + 256);
  hypha_message_stamp (&message, &stamp, hypha_rpc_get_id (self->rpc), out);
  hypha_stamp_clear (&stamp);
  g_byte_array_append (out, joined->data + message.envelope_size,
                       (guint) (joined->len - message.envelope_size));
  return g_byte_array_free_to_bytes (g_steal_pointer (&out));
}

/* The arguments that all five methods share; with heartbeat the key is a session of ours. */
static char *
hypha_rpc_chunks_take_key (HyphaRpcChunks   *self,
                           HyphaInvocation  *invocation,
                           guint             heartbeat_index,
                           GError          **error)
{
  g_autofree char *key = hypha_invocation_dup_string (invocation, 0, "key", error);

  if (key == NULL)
    return NULL;

  if (hypha_invocation_get_flag (invocation, heartbeat_index, "heartbeat") &&
      !hypha_rpc_touch_session (self->rpc, key, hypha_invocation_get_from (invocation)))
    {
      g_autofree char *quoted = hypha_error_quote (key);

      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_NOT_FOUND, "session does not exist anymore: %s",
                   quoted);
      return NULL;
    }

  return g_steal_pointer (&key);
}

static void
hypha_rpc_chunks_answer (HyphaInvocation *invocation,
                         GError          *error)
{
  if (error != NULL)
    hypha_invocation_return_error (invocation, error);
  else
    hypha_invocation_return_null (invocation);
}

static void
hypha_rpc_chunks_serve_create (HyphaInvocation *invocation,
                               gpointer         data)
{
  HyphaRpcChunks *self = data;
  g_autoptr (GError) error = NULL;
  g_autofree char *key = hypha_rpc_chunks_take_key (self, invocation, 1, &error);

  if (key != NULL)
    hypha_rpc_chunks_create (self, hypha_invocation_get_from (invocation), key,
                             hypha_invocation_get_flag (invocation, 2, "overwrite"), &error);

  hypha_rpc_chunks_answer (invocation, g_steal_pointer (&error));
}

static void
hypha_rpc_chunks_put (HyphaRpcChunks  *self,
                      HyphaInvocation *invocation,
                      gint64           index,
                      guint            data_index)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *key = hypha_rpc_chunks_take_key (self, invocation, data_index + 1, &error);
  g_autoptr (GVariant) piece = hypha_invocation_dup_arg (invocation, data_index, "data");

  if (key != NULL && (piece == NULL || !g_variant_is_of_type (piece, G_VARIANT_TYPE_BYTESTRING)))
    g_set_error_literal (&error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                         "a piece of a message must be bytes");
  else if (key != NULL)
    hypha_rpc_chunks_store (self, hypha_invocation_get_from (invocation), key, index, piece,
                            &error);

  hypha_rpc_chunks_answer (invocation, g_steal_pointer (&error));
}

static void
hypha_rpc_chunks_serve_append (HyphaInvocation *invocation,
                               gpointer         data)
{
  hypha_rpc_chunks_put (data, invocation, -1, 1);
}

static void
hypha_rpc_chunks_serve_set (HyphaInvocation *invocation,
                            gpointer         data)
{
  g_autoptr (GVariant) index = hypha_invocation_dup_arg (invocation, 1, "index");

  if (index == NULL || !g_variant_is_of_type (index, G_VARIANT_TYPE_INT64) ||
      g_variant_get_int64 (index) < 0)
    hypha_invocation_return_error (invocation,
                                   g_error_new_literal (HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                                                        "the index of a piece must be a number "
                                                        "from 0"));
  else
    hypha_rpc_chunks_put (data, invocation, g_variant_get_int64 (index), 2);
}

static void
hypha_rpc_chunks_serve_process (HyphaInvocation *invocation,
                                gpointer         data)
{
  HyphaRpcChunks *self = data;
  g_autoptr (HyphaRpc) rpc = g_object_ref (self->rpc);
  g_autoptr (GError) error = NULL;
  g_autofree char *key = hypha_rpc_chunks_take_key (self, invocation, 1, &error);
  g_autoptr (GByteArray) joined = NULL;
  g_autoptr (GBytes) message = NULL;
  HyphaChunkEntry *entry = NULL;
  const guint8 *bytes;
  gsize size;

  if (key != NULL)
    entry = hypha_rpc_chunks_lookup (self, hypha_invocation_get_from (invocation), key, &error);
  if (entry != NULL)
    {
      joined = hypha_rpc_chunks_join (entry, &error);
      hypha_rpc_chunks_drop (self, hypha_invocation_get_from (invocation), key);
    }
  if (joined != NULL)
    message = hypha_rpc_chunks_restamp (self, invocation, joined, &error);

  hypha_rpc_chunks_answer (invocation, g_steal_pointer (&error));
  if (message == NULL)
    return;

  bytes = g_bytes_get_data (message, &size);
  hypha_rpc_dispatch (rpc, bytes, size, message);
}

static void
hypha_rpc_chunks_serve_remove (HyphaInvocation *invocation,
                               gpointer         data)
{
  HyphaRpcChunks *self = data;
  g_autoptr (GError) error = NULL;
  g_autofree char *key = hypha_invocation_dup_string (invocation, 0, "key", &error);

  if (key != NULL &&
      hypha_rpc_chunks_lookup (self, hypha_invocation_get_from (invocation), key, &error) != NULL)
    hypha_rpc_chunks_drop (self, hypha_invocation_get_from (invocation), key);

  hypha_rpc_chunks_answer (invocation, g_steal_pointer (&error));
}

static const HyphaServiceMethod chunk_methods[] = {
  { "message_cache.create", "key, heartbeat, overwrite",
    "Starts a message in pieces.", hypha_rpc_chunks_serve_create },
  { "message_cache.append", "key, data, heartbeat",
    "Adds a piece at the end.", hypha_rpc_chunks_serve_append },
  { "message_cache.set", "key, index, data, heartbeat",
    "Puts a piece in its place.", hypha_rpc_chunks_serve_set },
  { "message_cache.process", "key, heartbeat",
    "Handles the message that the pieces make.", hypha_rpc_chunks_serve_process },
  { "message_cache.remove", "key",
    "Forgets an unfinished message.", hypha_rpc_chunks_serve_remove },
};

void
hypha_rpc_chunks_add_methods (HyphaRpcChunks *self,
                              HyphaService   *service)
{
  hypha_service_add_methods (service, chunk_methods, G_N_ELEMENTS (chunk_methods), self);
}
