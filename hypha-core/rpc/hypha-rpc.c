/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-address-private.h"
#include "hypha-invocation-private.h"
#include "hypha-rpc-chunks-private.h"
#include "hypha-rpc-private.h"

/*
 * HyphaRpc: one client of the router inside this process. It serves the services that were added
 * to it and calls those of others. Owned by whoever made it; everything that waits for an answer
 * is failed when its connection closes.
 */
struct _HyphaRpc
{
  GObject          parent_instance;

  HyphaConnection *connection;
  char            *id;          /* workspace/client */
  char            *server_url;
  GHashTable      *services;    /* id → HyphaService */
  GHashTable      *pending;     /* session → GTask with HyphaPendingCall: the one way in and out */
  HyphaRpcChunks  *chunks;
  GHashTable      *callers;     /* id → set of GCancellable: what is in service for each */
  guint64          next_session;
  guint            n_serving;
};

/* A call that waits for its answer. */
typedef struct
{
  HyphaRpc *rpc;        /* not owned: the task owns it */
  char     *session;
  char     *target;
  char     *method;
  GSource  *timeout;
  GSource  *cancel;     /* NULL where the call cannot be cancelled */
  gint64    deadline;   /* monotonic, moved by heartbeats */
  guint     patience;   /* milliseconds */
} HyphaPendingCall;

G_DEFINE_FINAL_TYPE (HyphaRpc, hypha_rpc, G_TYPE_OBJECT)

static void
hypha_rpc_drop_source (GSource *source)
{
  g_source_destroy (source);
  g_source_unref (source);
}

static void
hypha_pending_call_free (gpointer data)
{
  HyphaPendingCall *call = data;

  g_clear_pointer (&call->timeout, hypha_rpc_drop_source);
  g_clear_pointer (&call->cancel, hypha_rpc_drop_source);
  g_free (call->session);
  g_free (call->target);
  g_free (call->method);
  g_free (call);
}

/* Takes the waiting task of a session out of the table, so that it ends once. */
static GTask *
hypha_rpc_take_pending (HyphaRpc   *self,
                        const char *session)
{
  g_autofree char *key = NULL;
  GTask *task = NULL;

  if (!g_hash_table_steal_extended (self->pending, session, (gpointer *) &key, (gpointer *) &task))
    return NULL;

  return task;
}

static void
hypha_rpc_fail_pending (HyphaRpc   *self,
                        const char *session,
                        GError     *error)
{
  g_autoptr (GTask) task = hypha_rpc_take_pending (self, session);

  if (task != NULL)
    g_task_return_error (task, error);
  else
    g_error_free (error);
}

static void
hypha_rpc_fail_all (HyphaRpc   *self,
                    const char *target,
                    const char *why)
{
  g_autoptr (GPtrArray) sessions = g_ptr_array_new_with_free_func (g_free);
  GHashTableIter iter;
  GTask *task;

  g_hash_table_iter_init (&iter, self->pending);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &task))
    {
      HyphaPendingCall *call = g_task_get_task_data (task);

      if (target == NULL || g_str_equal (call->target, target))
        g_ptr_array_add (sessions, g_strdup (call->session));
    }

  for (guint i = 0; i < sessions->len; i++)
    hypha_rpc_fail_pending (self, g_ptr_array_index (sessions, i),
                            g_error_new (HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED, "%s", why));
}

static gboolean
hypha_pending_call_expire (gpointer data)
{
  HyphaPendingCall *call = data;
  gint64 left = call->deadline - g_get_monotonic_time ();

  /* A heartbeat has moved the deadline. */
  if (left > 0)
    {
      g_source_set_ready_time (call->timeout, call->deadline);
      return G_SOURCE_CONTINUE;
    }

  hypha_rpc_fail_pending (call->rpc, call->session,
                          g_error_new (HYPHA_ERROR, HYPHA_ERROR_TIMED_OUT,
                                       "Method call timed out: %s:%s, no sign of life for %u ms",
                                       call->target, call->method, call->patience));
  return G_SOURCE_REMOVE;
}

static gboolean
hypha_timer_dispatch (GSource     *source,
                      GSourceFunc  callback,
                      gpointer     data)
{
  g_source_set_ready_time (source, -1);
  return callback (data);
}

static GSourceFuncs timer_funcs = { .dispatch = hypha_timer_dispatch };

static void
hypha_pending_call_start_timer (HyphaPendingCall *call)
{
  call->deadline = g_get_monotonic_time () + (gint64) call->patience * 1000;
  call->timeout = g_source_new (&timer_funcs, sizeof (GSource));
  g_source_set_static_name (call->timeout, "hypha-call-timeout");
  g_source_set_callback (call->timeout, hypha_pending_call_expire, call, NULL);
  g_source_set_ready_time (call->timeout, call->deadline);
  g_source_attach (call->timeout, g_main_context_get_thread_default ());
}

static gboolean
hypha_pending_call_cancel (GCancellable *cancellable,
                           gpointer      data)
{
  HyphaPendingCall *call = data;

  hypha_rpc_fail_pending (call->rpc, call->session,
                          g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED,
                                       "call of %s:%s was cancelled", call->target, call->method));
  return G_SOURCE_REMOVE;
}

static void
hypha_pending_call_watch (HyphaPendingCall *call,
                          GCancellable     *cancellable)
{
  if (cancellable == NULL)
    return;

  call->cancel = g_cancellable_source_new (cancellable);
  g_source_set_static_name (call->cancel, "hypha-call-cancel");
  g_source_set_callback (call->cancel, G_SOURCE_FUNC (hypha_pending_call_cancel), call, NULL);
  g_source_attach (call->cancel, g_main_context_get_thread_default ());
}

/* A heartbeat, or a piece of a long answer: the callee is alive. */
gboolean
hypha_rpc_touch_session (HyphaRpc   *self,
                         const char *session,
                         const char *from)
{
  GTask *task = g_hash_table_lookup (self->pending, session);
  HyphaPendingCall *call;

  if (task == NULL)
    return FALSE;

  call = g_task_get_task_data (task);
  if (!g_str_equal (call->target, from))
    return FALSE;

  call->deadline = g_get_monotonic_time () + (gint64) call->patience * 1000;
  return TRUE;
}

void
hypha_rpc_send_frame (HyphaRpc *self,
                      GBytes   *frame)
{
  hypha_connection_send (self->connection, HYPHA_FRAME_BINARY, frame);
}

/* Sends one message, in chunks where it is long. An answer's parent is the caller's session. */
void
hypha_rpc_send (HyphaRpc   *self,
                const char *to,
                const char *method,
                const char *session,
                const char *parent,
                GVariant   *extra)
{
  g_autoptr (GBytes) message = NULL;

  message = hypha_rpc_codec_message (self->id, to, method, session, parent, extra);
  if (g_bytes_get_size (message) <= HYPHA_RPC_MAX_FRAME)
    hypha_rpc_send_frame (self, message);
  else
    hypha_rpc_chunks_send (self, to, session == NULL ? parent : NULL, session == NULL, message);
}

/* “<session>.resolve”, “.reject” or “.heartbeat” of a call of ours. */
static void
hypha_rpc_settle (HyphaRpc     *self,
                  HyphaRpcCall *call,
                  const char   *session,
                  const char   *verb)
{
  g_autoptr (GTask) task = NULL;
  g_autoptr (GVariant) value = NULL;

  if (!hypha_rpc_touch_session (self, session, call->from))
    {
      g_debug ("%s: late or foreign answer %s from %s dropped", self->id, verb, call->from);
      return;
    }

  if (g_str_equal (verb, "heartbeat"))
    return;

  if (g_variant_n_children (call->args) > 0)
    g_variant_get_child (call->args, 0, "v", &value);
  else
    value = g_variant_ref_sink (hypha_rpc_codec_null ());

  task = hypha_rpc_take_pending (self, session);
  if (g_str_equal (verb, "resolve"))
    g_task_return_pointer (task, g_steal_pointer (&value), (GDestroyNotify) g_variant_unref);
  else
    g_task_return_error (task, hypha_rpc_codec_dup_error (value));
}

static void
hypha_rpc_reject (HyphaRpc      *self,
                  HyphaRpcReply *reply,
                  const GError  *error)
{
  GVariantDict extra;

  if (reply == NULL)
    return;

  g_variant_dict_init (&extra, NULL);
  g_variant_dict_insert_value (&extra, "args", g_variant_new_array (
                                 G_VARIANT_TYPE_VARIANT,
                                 (GVariant *[]) { g_variant_new_variant (
                                   hypha_rpc_codec_error (error->message)) }, 1));
  hypha_rpc_send (self, reply->to, reply->reject, NULL, reply->session,
                  g_variant_dict_end (&extra));
}

static gboolean
hypha_rpc_check_access (HyphaRpc            *self,
                        HyphaService        *service,
                        const HyphaRpcCall  *call,
                        GError             **error)
{
  g_auto (HyphaAddress) own = { 0 };
  g_autofree char *quoted = NULL;

  if (hypha_service_is_public (service))
    return TRUE;

  if (hypha_address_parse (self->id, &own, error) &&
      g_str_equal (own.workspace, call->workspace))
    return TRUE;

  quoted = hypha_error_quote (call->method);
  if (error == NULL || *error == NULL)
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                 "Permission denied for invoking protected method %s:%s, workspace mismatch: "
                 "%s != %s", call->from, quoted, own.workspace, call->workspace);
  return FALSE;
}

static gboolean
hypha_rpc_check_room (HyphaRpc    *self,
                      const char  *caller,
                      GError     **error)
{
  GHashTable *calls = g_hash_table_lookup (self->callers, caller);

  if (self->n_serving < HYPHA_RPC_MAX_SERVING &&
      (calls == NULL || g_hash_table_size (calls) < HYPHA_RPC_MAX_SERVING_CALLER))
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
               "%s serves %u calls already, %u of them yours; try again later", self->id,
               self->n_serving, calls != NULL ? g_hash_table_size (calls) : 0);
  return FALSE;
}

/* A peer's method name goes into errors no longer than it need be. */
static GError *
hypha_rpc_not_found (HyphaRpc   *self,
                     const char *what,
                     const char *from,
                     const char *method)
{
  g_autofree char *quoted = hypha_error_quote (method);

  return g_error_new (HYPHA_ERROR, HYPHA_ERROR_NOT_FOUND, "%s not found: %s:%s at %s", what, from,
                      quoted, self->id);
}

/* “services.<id>.<path>” */
static gboolean
hypha_rpc_serve (HyphaRpc       *self,
                 HyphaRpcCall   *call,
                 HyphaRpcReply **reply,
                 GError        **error)
{
  g_autoptr (HyphaInvocation) invocation = NULL;
  const char *id = call->method + strlen ("services.");
  const char *dot = strchr (id, '.');
  g_autofree char *service_id = NULL;
  g_autofree char *path = NULL;
  g_autofree char *method = g_strdup (call->method);
  g_autofree char *from = g_strdup (call->from);
  HyphaService *service;

  service_id = dot != NULL ? g_strndup (id, dot - id) : g_strdup (id);
  service = g_hash_table_lookup (self->services, service_id);
  if (service == NULL || dot == NULL)
    {
      g_propagate_error (error, hypha_rpc_not_found (self, "Method", call->from, call->method));
      return FALSE;
    }

  if (!hypha_rpc_check_access (self, service, call, error))
    return FALSE;

  if (!hypha_rpc_check_room (self, call->from, error))
    return FALSE;

  path = g_strdup (dot + 1);
  invocation = hypha_invocation_new (self, call, g_steal_pointer (reply));
  if (!hypha_service_invoke (service, path, invocation))
    hypha_invocation_return_error (invocation,
                                   hypha_rpc_not_found (self, "Method", from, method));
  return TRUE;
}

static gboolean
hypha_rpc_handle_call (HyphaRpc       *self,
                       HyphaRpcCall   *call,
                       HyphaRpcReply **reply,
                       GError        **error)
{
  const char *dot = strchr (call->method, '.');
  g_autofree char *session = NULL;

  if (g_str_has_prefix (call->method, "services."))
    return hypha_rpc_serve (self, call, reply, error);

  session = dot != NULL ? g_strndup (call->method, dot - call->method) : g_strdup (call->method);
  if (dot != NULL && (g_str_equal (dot, ".resolve") || g_str_equal (dot, ".reject") ||
                      g_str_equal (dot, ".heartbeat")))
    {
      hypha_rpc_settle (self, call, session, dot + 1);
      return TRUE;
    }

  g_propagate_error (error, hypha_rpc_not_found (self, "Session", call->from, call->method));
  return FALSE;
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
      /* What could be read of it tells whom to answer. */
      if (call.from != NULL && call.session != NULL)
        reply = hypha_rpc_reply_new (&call, NULL);
      hypha_rpc_reject (self, reply, error);
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

static void
hypha_rpc_on_closed (HyphaConnection *connection,
                     guint            code,
                     const char      *reason,
                     gpointer         data)
{
  g_autoptr (HyphaRpc) self = g_object_ref (data);

  hypha_rpc_fail_all (self, NULL, "Connection was closed");
}

static const HyphaConnectionSink rpc_sink = {
  .message = hypha_rpc_on_message,
  .closed = hypha_rpc_on_closed,
};

static void
hypha_rpc_ping (HyphaInvocation *invocation,
                gpointer         data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = hypha_invocation_dup_string (invocation, 0, "msg", &error);

  if (error != NULL)
    hypha_invocation_return_error (invocation, g_steal_pointer (&error));
  else if (!g_str_equal (text, "ping"))
    hypha_invocation_return_error (invocation,
                                   g_error_new_literal (HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                                                        "ping expects the text “ping”"));
  else
    hypha_invocation_return (invocation, g_variant_new_string ("pong"));
}

static void
hypha_rpc_get_service (HyphaInvocation *invocation,
                       gpointer         data)
{
  HyphaRpc *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) described = NULL;
  g_autofree char *id = hypha_invocation_dup_string (invocation, 0, "service_id", &error);
  HyphaService *service;

  if (error != NULL)
    {
      hypha_invocation_return_error (invocation, g_steal_pointer (&error));
      return;
    }

  service = g_hash_table_lookup (self->services, id);
  if (service == NULL)
    {
      g_autofree char *quoted = hypha_error_quote (id);

      hypha_invocation_return_error (invocation,
                                     g_error_new (HYPHA_ERROR, HYPHA_ERROR_NOT_FOUND,
                                                  "Service not found: %s", quoted));
      return;
    }

  described = hypha_service_describe (service, self->id, self->server_url);
  hypha_invocation_return (invocation, described);
}

static const HyphaServiceMethod built_in_methods[] = {
  { "ping", "msg", "Answers “pong”.", hypha_rpc_ping },
  { "get_service", "service_id", "Returns a service of this client.", hypha_rpc_get_service },
};

/* What every RPC peer offers: a sign of life, its services, and long messages in pieces. */
static void
hypha_rpc_add_built_in (HyphaRpc *self)
{
  g_autoptr (HyphaService) service = NULL;
  g_autofree char *name = g_strconcat ("Built-in services for ", self->id, NULL);
  GVariantDict config;

  g_variant_dict_init (&config, NULL);
  g_variant_dict_insert (&config, "require_context", "b", TRUE);
  g_variant_dict_insert (&config, "visibility", "s", "public");
  g_variant_dict_insert (&config, "api_version", "x", (gint64) 3);

  service = hypha_service_new ("built-in", name, "", "built-in", g_variant_dict_end (&config));
  hypha_service_add_methods (service, built_in_methods, G_N_ELEMENTS (built_in_methods), self);
  hypha_rpc_chunks_add_methods (self->chunks, service);
  hypha_rpc_add_service (self, service);
}

static void
hypha_rpc_dispose (GObject *object)
{
  HyphaRpc *self = HYPHA_RPC (object);

  if (self->connection != NULL)
    {
      hypha_connection_set_sink (self->connection, NULL, NULL);
      hypha_connection_close (self->connection, HYPHA_CLOSE_GOING_AWAY, NULL);
      g_clear_object (&self->connection);
    }

  g_clear_pointer (&self->chunks, hypha_rpc_chunks_free);
  g_clear_pointer (&self->services, g_hash_table_unref);
  g_clear_pointer (&self->pending, g_hash_table_unref);
  g_clear_pointer (&self->callers, g_hash_table_unref);
  g_clear_pointer (&self->id, g_free);
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
  self->pending = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  self->callers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                         (GDestroyNotify) g_hash_table_unref);
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

void
hypha_rpc_add_service (HyphaRpc     *self,
                       HyphaService *service)
{
  g_hash_table_replace (self->services, (gpointer) hypha_service_get_id (service),
                        hypha_service_ref (service));
}

guint
hypha_rpc_get_n_pending (HyphaRpc *self)
{
  return g_hash_table_size (self->pending);
}

guint
hypha_rpc_get_n_serving (HyphaRpc *self)
{
  return self->n_serving;
}

/* A call of caller is in service; cancellable stops it when the caller goes. */
void
hypha_rpc_serving_began (HyphaRpc     *self,
                         const char   *caller,
                         GCancellable *cancellable)
{
  GHashTable *calls = g_hash_table_lookup (self->callers, caller);

  if (calls == NULL)
    {
      calls = g_hash_table_new_full (NULL, NULL, g_object_unref, NULL);
      g_hash_table_insert (self->callers, g_strdup (caller), calls);
    }

  g_hash_table_add (calls, g_object_ref (cancellable));
  self->n_serving++;
}

void
hypha_rpc_serving_ended (HyphaRpc     *self,
                         const char   *caller,
                         GCancellable *cancellable)
{
  GHashTable *calls = g_hash_table_lookup (self->callers, caller);

  self->n_serving--;
  if (calls == NULL)
    return;

  g_hash_table_remove (calls, cancellable);
  if (g_hash_table_size (calls) == 0)
    g_hash_table_remove (self->callers, caller);
}

/* Nobody waits for these answers any more. */
static void
hypha_rpc_cancel_caller (HyphaRpc   *self,
                         const char *caller)
{
  GHashTable *calls = g_hash_table_lookup (self->callers, caller);
  g_autoptr (GPtrArray) cancellables = g_ptr_array_new_with_free_func (g_object_unref);
  GHashTableIter iter;
  gpointer cancellable;

  if (calls == NULL)
    return;

  g_hash_table_iter_init (&iter, calls);
  while (g_hash_table_iter_next (&iter, &cancellable, NULL))
    g_ptr_array_add (cancellables, g_object_ref (cancellable));

  for (guint i = 0; i < cancellables->len; i++)
    g_cancellable_cancel (g_ptr_array_index (cancellables, i));
}

/* One client is gone: nobody waits for it any longer, and its unfinished messages are dropped. */
void
hypha_rpc_peer_gone (HyphaRpc   *self,
                     const char *peer)
{
  g_autofree char *why = g_strdup_printf ("Peer %s is not connected", peer);

  hypha_rpc_chunks_peer_gone (self->chunks, peer);
  hypha_rpc_cancel_caller (self, peer);
  hypha_rpc_fail_all (self, peer, why);
}

/* For hypha-rpc-chunks.c: the store of unfinished messages. */
HyphaRpcChunks *
hypha_rpc_get_chunks (HyphaRpc *self)
{
  return self->chunks;
}

static GTask *
hypha_rpc_call_new (HyphaRpc            *self,
                    const char          *target,
                    const char          *method,
                    guint                timeout,
                    GCancellable        *cancellable,
                    GAsyncReadyCallback  callback,
                    gpointer             user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  HyphaPendingCall *call = g_new0 (HyphaPendingCall, 1);

  g_task_set_source_tag (task, hypha_rpc_call_async);
  call->rpc = self;
  call->session = g_strdup_printf ("%08x%" G_GUINT64_FORMAT, g_random_int (), self->next_session++);
  call->target = g_strdup (target);
  call->method = g_strdup (method);
  call->patience = timeout;
  g_task_set_task_data (task, call, hypha_pending_call_free);
  return task;
}

/*
 * Calls method of the client target, an absolute id, with args, an av whose floating reference is
 * consumed. The call fails when the callee has been silent for timeout milliseconds.
 */
void
hypha_rpc_call_async (HyphaRpc            *self,
                      const char          *target,
                      const char          *method,
                      GVariant            *args,
                      guint                timeout,
                      GCancellable        *cancellable,
                      GAsyncReadyCallback  callback,
                      gpointer             user_data)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (args);
  g_autoptr (GTask) task = NULL;
  HyphaPendingCall *call;
  GVariantDict extra;

  task = hypha_rpc_call_new (self, target, method, timeout, cancellable, callback, user_data);
  call = g_task_get_task_data (task);
  if (hypha_connection_is_closed (self->connection))
    {
      g_task_return_new_error (task, HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED,
                               "Connection is closed");
      return;
    }

  if (g_hash_table_size (self->pending) >= HYPHA_RPC_MAX_PENDING)
    {
      g_task_return_new_error (task, HYPHA_ERROR, HYPHA_ERROR_BUSY,
                               "%s waits for %d answers already, try again later", self->id,
                               HYPHA_RPC_MAX_PENDING);
      return;
    }

  g_hash_table_insert (self->pending, g_strdup (call->session), g_object_ref (task));
  hypha_pending_call_start_timer (call);
  hypha_pending_call_watch (call, cancellable);

  g_variant_dict_init (&extra, NULL);
  g_variant_dict_insert_value (&extra, "args", owned);
  g_variant_dict_insert_value (&extra, "promise",
                               hypha_rpc_codec_promise (self->id, call->session,
                                                        timeout / 2000.0));
  hypha_rpc_send (self, target, method, call->session, NULL, g_variant_dict_end (&extra));
}

GVariant *
hypha_rpc_call_finish (HyphaRpc      *self,
                       GAsyncResult  *result,
                       GError       **error)
{
  g_assert (g_task_is_valid (result, self));

  return g_task_propagate_pointer (G_TASK (result), error);
}
