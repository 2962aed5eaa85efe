/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-rpc-chunks-private.h"
#include "hypha-rpc-internal-private.h"
#include "hypha-value-private.h"

/*
 * HyphaRpc: one client of the router inside this process. It serves the services that were added
 * to it and calls those of others. Owned by whoever made it; everything that waits for an answer
 * is failed, and everything that was lent out ends, when its connection closes.
 */

G_DEFINE_FINAL_TYPE (HyphaRpc, hypha_rpc, G_TYPE_OBJECT)

char *
hypha_rpc_new_session_id (HyphaRpc *self)
{
  return g_strdup_printf ("%08x%" G_GUINT64_FORMAT, g_random_int (), self->next_session++);
}

/*
 * Sends one message, in chunks where it is long: answered is the other side's session that it
 * answers, session the one of ours that waits for its answer; either may be NULL.
 */
void
hypha_rpc_send_message (HyphaRpc   *self,
                        const char *to,
                        GBytes     *message,
                        const char *answered,
                        const char *session)
{
  if (g_bytes_get_size (message) <= HYPHA_RPC_MAX_FRAME)
    hypha_connection_send (self->connection, HYPHA_FRAME_BINARY, message);
  else
    hypha_rpc_chunks_send (self, to, answered, session, message);
}

/* Speaks to a promise: its session is the caller's. A heartbeat has no value. */
void
hypha_rpc_answer (HyphaRpc   *self,
                  const char *to,
                  const char *method,
                  const char *session,
                  GVariant   *value)
{
  g_autoptr (GBytes) message = NULL;
  GVariant *extra = NULL;

  if (value != NULL)
    {
      GVariantDict dict;

      g_variant_dict_init (&dict, NULL);
      g_variant_dict_insert_value (&dict, "args",
                                   g_variant_new_array (G_VARIANT_TYPE_VARIANT, (GVariant *[]) {
                                     g_variant_new_variant (value) }, 1));
      extra = g_variant_dict_end (&dict);
    }

  message = hypha_rpc_codec_message (self->id, to, method, NULL, session, extra);
  hypha_rpc_send_message (self, to, message, session, NULL);
}

/* The same with a value that is written down already. */
void
hypha_rpc_answer_bytes (HyphaRpc     *self,
                        const char   *to,
                        const char   *method,
                        const char   *session,
                        const guint8 *value,
                        gsize         size)
{
  GByteArray *out = g_bytes_unref_to_array (hypha_rpc_codec_message (self->id, to, method, NULL,
                                                                     session, NULL));
  g_autoptr (GBytes) message = NULL;

  hypha_msgpack_write_map (out, 1);
  hypha_msgpack_write_str (out, "args", strlen ("args"));
  hypha_msgpack_write_array (out, 1);
  g_byte_array_append (out, value, (guint) size);
  message = g_byte_array_free_to_bytes (out);
  hypha_rpc_send_message (self, to, message, session, NULL);
}

static void
hypha_rpc_reject (HyphaRpc      *self,
                  HyphaRpcReply *reply,
                  const GError  *error)
{
  if (reply != NULL)
    hypha_rpc_answer (self, reply->to, reply->reject, reply->session,
                      hypha_value_new_error (error));
}

static gboolean
hypha_rpc_handle_call (HyphaRpc       *self,
                       HyphaRpcCall   *call,
                       HyphaRpcReply **reply,
                       GError        **error)
{
  const char *dot = strchr (call->method, '.');
  g_autofree char *session = NULL;

  if (dot == NULL)
    {
      g_autofree char *quoted = hypha_error_quote (call->method);

      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_NOT_FOUND, "Invalid method: %s:%s", call->from,
                   quoted);
      return FALSE;
    }

  if (g_str_has_prefix (call->method, "services."))
    return hypha_rpc_serve_service (self, call, reply, error);

  if (!g_str_equal (dot, ".resolve") && !g_str_equal (dot, ".reject") &&
      !g_str_equal (dot, ".heartbeat"))
    return hypha_rpc_serve_session (self, call, reply, error);

  session = g_strndup (call->method, dot - call->method);
  hypha_rpc_settle (self, call, session, dot + 1);
  return TRUE;
}

/* What could be read of a message tells whom to answer, or which call of ours it was to answer. */
static void
hypha_rpc_refuse_unreadable (HyphaRpc     *self,
                             HyphaRpcCall *call,
                             const GError *why)
{
  g_autoptr (HyphaRpcReply) reply = NULL;

  g_debug ("%s: %s", self->id, why->message);
  if (call->from == NULL)
    return;

  if (call->method != NULL)
    hypha_rpc_settle_unreadable (self, call, why);
  if (call->session != NULL)
    reply = hypha_rpc_reply_new (call, NULL);
  hypha_rpc_reject (self, reply, why);
}

/* Handles one whole message, as it came or as it was put together from chunks. */
void
hypha_rpc_dispatch (HyphaRpc     *self,
                    const guint8 *data,
                    gsize         size,
                    GBytes       *owner)
{
  g_auto (HyphaRpcCall) call = { 0 };
  g_autoptr (HyphaRpcReply) reply = NULL;
  g_autoptr (GError) error = NULL;
  HyphaMessage message;

  if (!hypha_message_parse (&message, data, size, &error) ||
      !hypha_message_check_extra (&message, &error))
    {
      g_debug ("%s: %s", self->id, error->message);
      return;
    }

  if (!hypha_message_is_method (&message))
    return;

  if (!hypha_rpc_call_decode (&call, &message, owner, &error))
    {
      hypha_rpc_refuse_unreadable (self, &call, error);
      return;
    }

  reply = hypha_rpc_reply_new (&call, &error);
  if (error == NULL && hypha_rpc_handle_call (self, &call, &reply, &error))
    return;

  g_debug ("%s: %s", self->id, error->message);
  hypha_rpc_reject (self, reply, error);
}

static void
hypha_rpc_on_message (HyphaConnection  *connection,
                      HyphaFrameType    type,
                      const HyphaSlice *slice,
                      gpointer          data)
{
  g_autoptr (HyphaRpc) self = g_object_ref (data);

  if (type == HYPHA_FRAME_BINARY)
    hypha_rpc_dispatch (self, slice->data, slice->size, slice->owner);
}

/* Nobody can be heard or answered any more. */
static void
hypha_rpc_end_all (HyphaRpc *self)
{
  hypha_rpc_fail_calls (self, NULL, "Connection was closed");
  hypha_rpc_cancel_caller (self, NULL);
  hypha_rpc_close_sessions (self, NULL);
  hypha_rpc_drop_interfaces (self, NULL);
}

static void
hypha_rpc_on_closed (HyphaConnection *connection,
                     guint            code,
                     const char      *reason,
                     gpointer         data)
{
  g_autoptr (HyphaRpc) self = g_object_ref (data);

  hypha_rpc_end_all (self);
}

static const HyphaConnectionSink rpc_sink = {
  .message = hypha_rpc_on_message,
  .closed = hypha_rpc_on_closed,
};

static void
hypha_rpc_dispose (GObject *object)
{
  HyphaRpc *self = HYPHA_RPC (object);

  if (self->connection != NULL)
    {
      hypha_connection_set_sink (self->connection, NULL, NULL);
      hypha_connection_close (self->connection, HYPHA_CLOSE_GOING_AWAY, NULL);
      hypha_rpc_end_all (self);
      g_clear_object (&self->connection);
    }

  g_clear_pointer (&self->chunks, hypha_rpc_chunks_free);
  g_clear_pointer (&self->services, g_hash_table_unref);
  g_clear_pointer (&self->interfaces, g_hash_table_unref);
  g_clear_pointer (&self->pending, g_hash_table_unref);
  g_clear_pointer (&self->sessions, g_hash_table_unref);
  g_clear_pointer (&self->targets, g_hash_table_unref);
  g_clear_pointer (&self->callers, hypha_rpc_callers_free);
  g_clear_pointer (&self->id, g_free);
  g_clear_pointer (&self->workspace, g_free);
  g_clear_pointer (&self->server_url, g_free);

  G_OBJECT_CLASS (hypha_rpc_parent_class)->dispose (object);
}

static void
hypha_rpc_class_init (HyphaRpcClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = hypha_rpc_dispose;
}

static void
hypha_rpc_init (HyphaRpc *self)
{
  self->services = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
                                          (GDestroyNotify) hypha_service_unref);
  self->interfaces = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                            (GDestroyNotify) g_hash_table_unref);
  self->pending = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  self->sessions = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
                                          (GDestroyNotify) hypha_session_unref);
  self->targets = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                         (GDestroyNotify) g_hash_table_unref);
  self->callers = hypha_rpc_callers_new ();
  self->chunks = hypha_rpc_chunks_new (self);
}

/* A client with this absolute id over connection, whose other end is attached to the router. */
HyphaRpc *
hypha_rpc_new (HyphaConnection *connection,
               const char      *id,
               const char      *server_url)
{
  HyphaRpc *self = g_object_new (HYPHA_TYPE_RPC, NULL);

  self->connection = g_object_ref (connection);
  self->id = g_strdup (id);
  self->workspace = g_strndup (id, strcspn (id, "/"));
  self->server_url = g_strdup (server_url);
  hypha_rpc_add_built_in (self);
  hypha_connection_set_sink (connection, &rpc_sink, self);
  return self;
}

/* Ends it: whatever waits fails now, and nothing that is on its way is served any more. */
void
hypha_rpc_close (HyphaRpc *self)
{
  hypha_connection_close (self->connection, HYPHA_CLOSE_GOING_AWAY, NULL);
}

/* What unfinished messages for us count to, where others count theirs as well. */
void
hypha_rpc_set_chunk_shares (HyphaRpc    *self,
                            HyphaShares *shares)
{
  hypha_rpc_chunks_set_shares (self->chunks, shares);
}

/* What our method addresses carry as _rserver; to be set before the first service is described. */
void
hypha_rpc_set_server_url (HyphaRpc   *self,
                          const char *server_url)
{
  g_free (self->server_url);
  self->server_url = g_strdup (server_url);
}

const char *
hypha_rpc_get_id (HyphaRpc *self)
{
  return self->id;
}

const char *
hypha_rpc_get_server_url (HyphaRpc *self)
{
  return self->server_url;
}

/* A service of the same id is replaced; calls that it serves go on. */
void
hypha_rpc_add_service (HyphaRpc     *self,
                       HyphaService *service)
{
  g_hash_table_replace (self->services, (gpointer) hypha_service_get_id (service),
                        hypha_service_ref (service));
}

/* Offers it no more; FALSE if there is none of this id. */
gboolean
hypha_rpc_remove_service (HyphaRpc   *self,
                          const char *id)
{
  return g_hash_table_remove (self->services, id);
}

/* One client is gone: nobody waits for it any longer, and what it was lent or left ends. */
void
hypha_rpc_peer_gone (HyphaRpc   *self,
                     const char *peer)
{
  g_autofree char *why = g_strdup_printf ("Peer %s is not connected", peer);

  hypha_rpc_chunks_peer_gone (self->chunks, peer);
  hypha_rpc_cancel_caller (self, peer);
  hypha_rpc_fail_calls (self, peer, why);
  hypha_rpc_close_sessions (self, peer);
  hypha_rpc_drop_interfaces (self, peer);
}

/* For hypha-rpc-chunks.c: the store of unfinished messages. */
HyphaRpcChunks *
hypha_rpc_get_chunks (HyphaRpc *self)
{
  return self->chunks;
}
