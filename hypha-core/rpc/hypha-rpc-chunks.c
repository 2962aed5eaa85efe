/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-rpc-chunks-private.h"

/*
 * Long messages in pieces: what every peer offers as message_cache; what fills that of another peer
 * is in hypha-rpc-chunks-send.c.
 */
struct _HyphaRpcChunks
{
  HyphaRpc        *rpc;      /* not owned: it owns us */
  HyphaChunkStore *store;
  GHashTable      *outgoing; /* to → gsize *: bytes that wait to be sent to each */
  gsize            outgoing_total;
};

static const HyphaChunkLimits chunk_limits = {
  .client = HYPHA_CHUNKS_MAX_BYTES,
  .account = HYPHA_CHUNKS_MAX_ACCOUNT,
  .guests = HYPHA_CHUNKS_MAX_GUESTS,
  .total = HYPHA_CHUNKS_MAX_TOTAL,
  .age = HYPHA_CHUNKS_MAX_AGE * 1000,
};

HyphaRpcChunks *
hypha_rpc_chunks_new (HyphaRpc *rpc)
{
  HyphaRpcChunks *self = g_new0 (HyphaRpcChunks, 1);

  self->rpc = rpc;
  self->store = hypha_chunk_store_new (&chunk_limits);
  self->outgoing = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return self;
}

void
hypha_rpc_chunks_free (HyphaRpcChunks *self)
{
  hypha_chunk_store_free (self->store);
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
  return hypha_chunk_store_get_total (self->store);
}

void
hypha_rpc_chunks_set_shares (HyphaRpcChunks *self,
                             HyphaShares    *shares)
{
  hypha_chunk_store_set_shares (self->store, shares);
}

void
hypha_rpc_chunks_peer_gone (HyphaRpcChunks *self,
                            const char     *peer)
{
  hypha_chunk_store_client_gone (self->store, peer);
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
      !hypha_message_check_lengths (&message, error) ||
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
  g_autoptr (GVariant) user = hypha_invocation_dup_user (invocation);
  const char *from = hypha_invocation_get_from (invocation);

  if (key != NULL)
    hypha_chunk_store_create (self->store, from, hypha_rpc_callers_get_account (from, user), key,
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
    hypha_chunk_store_put (self->store, hypha_invocation_get_from (invocation), key, index, piece,
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
  const guint8 *bytes;
  gsize size;

  if (key != NULL)
    joined = hypha_chunk_store_take (self->store, hypha_invocation_get_from (invocation), key,
                                     &error);
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

  if (key != NULL)
    hypha_chunk_store_remove (self->store, hypha_invocation_get_from (invocation), key, &error);

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
