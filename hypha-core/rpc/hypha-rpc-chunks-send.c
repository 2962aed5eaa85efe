/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-rpc-chunks-private.h"
#include "hypha-value-private.h"

/* Long messages on their way out: a piece at a time goes to the message_cache of another peer. */

typedef struct
{
  HyphaRpc *rpc;
  char     *to;
  char     *key;
  char     *session;    /* of ours, where the message is a call; NULL where it is an answer */
  GBytes   *message;
  gsize     offset;     /* of the next piece */
  guint     heartbeat : 1;
  guint     processed : 1;
} HyphaChunkSend;

static void hypha_chunk_send_step (HyphaChunkSend *send);

static void
hypha_chunk_send_free (HyphaChunkSend *send)
{
  HyphaRpcChunks *chunks = hypha_rpc_get_chunks (send->rpc);

  /* The store goes before the last of these, where the connection is closed. */
  if (chunks != NULL)
    hypha_rpc_chunks_count_outgoing (chunks, send->to, -(gssize) g_bytes_get_size (send->message));
  g_object_unref (send->rpc);
  g_free (send->to);
  g_free (send->key);
  g_free (send->session);
  g_bytes_unref (send->message);
  g_free (send);
}

/* The peer need not keep for its five minutes what will never be whole. */
static void
hypha_chunk_send_abandon (HyphaChunkSend *send)
{
  const HyphaRpcRequest request = {
    .args = g_variant_new_parsed ("[<%s>]", send->key),
    .one_way = TRUE,
  };

  hypha_rpc_request_async (send->rpc, send->to, "services.built-in.message_cache.remove", &request,
                           NULL, NULL, NULL);
}

/* It does not come: whoever waits for an answer to it need not. */
static void
hypha_chunk_send_fail (HyphaChunkSend *send,
                       const GError   *error)
{
  g_debug ("%s: long message to %s not delivered: %s", hypha_rpc_get_id (send->rpc), send->to,
           error->message);
  if (!g_error_matches (error, HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED))
    hypha_chunk_send_abandon (send);
  if (send->session != NULL)
    hypha_rpc_fail_call (send->rpc, send->session,
                         g_error_new (error->domain, error->code,
                                      "the long call to %s was not delivered: %s", send->to,
                                      error->message));
}

static void
hypha_chunk_send_stepped (GObject      *source,
                          GAsyncResult *result,
                          gpointer      data)
{
  HyphaChunkSend *send = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = hypha_rpc_call_finish (HYPHA_RPC (source), result, &error);

  if (error != NULL)
    hypha_chunk_send_fail (send, error);
  else if (send->session != NULL)
    hypha_rpc_touch_call (send->rpc, send->session);

  if (error != NULL || send->processed)
    hypha_chunk_send_free (send);
  else
    hypha_chunk_send_step (send);
}

static void
hypha_chunk_send_call (HyphaChunkSend *send,
                       const char     *method,
                       GVariant       *piece)
{
  g_autofree char *method_id = g_strconcat ("services.built-in.message_cache.", method, NULL);
  GVariantBuilder args;

  g_variant_builder_init (&args, G_VARIANT_TYPE ("av"));
  g_variant_builder_add (&args, "v", g_variant_new_string (send->key));
  if (piece != NULL)
    g_variant_builder_add (&args, "v", piece);
  g_variant_builder_add (&args, "v", g_variant_new_boolean (send->heartbeat));

  hypha_rpc_call_async (send->rpc, send->to, method_id, g_variant_builder_end (&args),
                        HYPHA_RPC_TIMEOUT, NULL, hypha_chunk_send_stepped, send);
}

/* Old clients know append but not set, and only one at a time keeps its order there. */
static void
hypha_chunk_send_step (HyphaChunkSend *send)
{
  gsize size = g_bytes_get_size (send->message);
  gsize left = size - send->offset;
  g_autoptr (GBytes) piece = NULL;

  if (left == 0)
    {
      send->processed = TRUE;
      hypha_chunk_send_call (send, "process", NULL);
      return;
    }

  piece = g_bytes_new_from_bytes (send->message, send->offset, MIN (left, HYPHA_RPC_CHUNK_SIZE));
  send->offset += g_bytes_get_size (piece);
  hypha_chunk_send_call (send, "append",
                         g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, piece, TRUE));
}

/* Tells whoever waits for the message that it does not come. */
static void
hypha_rpc_chunks_refuse (HyphaRpc   *rpc,
                         const char *to,
                         const char *answered,
                         const char *session)
{
  g_autofree char *method = answered != NULL ? g_strconcat (answered, ".reject", NULL) : NULL;
  g_autoptr (GError) error = NULL;

  g_message ("%s: too many long messages wait for %s, one is dropped", hypha_rpc_get_id (rpc), to);
  g_set_error (&error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
               "too many long messages wait for %s; it has to take them first", to);
  if (answered != NULL)
    hypha_rpc_answer (rpc, to, method, answered, hypha_value_new_error (error));
  if (session != NULL)
    hypha_rpc_fail_call (rpc, session, g_steal_pointer (&error));
}

/*
 * Sends message, which is longer than a frame, to a peer in pieces. answered is the peer's session
 * that it answers: the pieces keep that alive. session is ours that waits for the answer to it.
 */
void
hypha_rpc_chunks_send (HyphaRpc   *rpc,
                       const char *to,
                       const char *answered,
                       const char *session,
                       GBytes     *message)
{
  HyphaChunkSend *send;

  if (!hypha_rpc_chunks_count_outgoing (hypha_rpc_get_chunks (rpc), to,
                                        (gssize) g_bytes_get_size (message)))
    {
      hypha_rpc_chunks_refuse (rpc, to, answered, session);
      return;
    }

  send = g_new0 (HyphaChunkSend, 1);
  send->rpc = g_object_ref (rpc);
  send->to = g_strdup (to);
  send->key = answered != NULL ? g_strdup (answered) : g_uuid_string_random ();
  send->session = g_strdup (session);
  send->heartbeat = answered != NULL;
  send->message = g_bytes_ref (message);
  hypha_chunk_send_call (send, "create", NULL);
}
