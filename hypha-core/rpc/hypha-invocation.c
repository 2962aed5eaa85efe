/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-invocation-private.h"
#include "hypha-rpc-internal-private.h"
#include "hypha-value-private.h"

/*
 * One call that is being served. It is answered exactly once; an invocation that is dropped
 * without an answer tells the caller so, because a lost reply would leave it waiting.
 */
struct _HyphaInvocation
{
  HyphaRpc      *rpc;
  HyphaRpcCall   call;
  HyphaRpcReply *reply;      /* NULL: the caller wants no answer */
  GSource       *heartbeat;  /* while the answer takes its time */
  guint          pause;      /* between two, in milliseconds */
  GCancellable  *cancellable; /* cancelled when the caller goes */
  HyphaHandler  *handler;    /* what serves it; NULL until it runs */
  HyphaInvocationAnswered told; /* told of the answer, with told_data; NULL if nobody is */
  gpointer       told_data;
  guint          answered : 1;
};

static void
hypha_invocation_stop_heartbeat (HyphaInvocation *self)
{
  if (self->heartbeat != NULL)
    {
      g_source_destroy (self->heartbeat);
      g_clear_pointer (&self->heartbeat, g_source_unref);
    }
}

/* Milliseconds between two heartbeats: what was asked for, or more where many ask. */
static guint
hypha_invocation_get_pause (HyphaInvocation *self)
{
  guint least = (guint) (1000 * (guint64) hypha_rpc_get_n_serving (self->rpc) /
                         HYPHA_RPC_MAX_BEATS);

  return MAX ((guint) (self->reply->interval * 1000), least);
}

static void hypha_invocation_start_heartbeat (HyphaInvocation *self);

static gboolean
hypha_invocation_beat (gpointer data)
{
  HyphaInvocation *self = data;

  hypha_rpc_answer (self->rpc, self->reply->to, self->reply->heartbeat, self->reply->session, NULL);
  if (self->pause == hypha_invocation_get_pause (self))
    return G_SOURCE_CONTINUE;

  hypha_invocation_stop_heartbeat (self);
  hypha_invocation_start_heartbeat (self);
  return G_SOURCE_REMOVE;
}

static void
hypha_invocation_start_heartbeat (HyphaInvocation *self)
{
  if (self->reply == NULL || self->reply->heartbeat == NULL || self->reply->interval <= 0)
    return;

  self->pause = hypha_invocation_get_pause (self);
  self->heartbeat = g_timeout_source_new (self->pause);
  g_source_set_static_name (self->heartbeat, "hypha-heartbeat");
  g_source_set_callback (self->heartbeat, hypha_invocation_beat, self, NULL);
  g_source_attach (self->heartbeat, g_main_context_get_thread_default ());
}

/* Takes what call holds, and reply. */
HyphaInvocation *
hypha_invocation_new (HyphaRpc      *rpc,
                      HyphaRpcCall  *call,
                      HyphaRpcReply *reply)
{
  HyphaInvocation *self = g_rc_box_new0 (HyphaInvocation);

  self->rpc = g_object_ref (rpc);
  self->call = *call;
  self->reply = reply;
  *call = (HyphaRpcCall) { 0 };
  self->cancellable = g_cancellable_new ();
  hypha_rpc_serving_began (rpc, &self->call, self->cancellable);
  return self;
}

HyphaInvocation *
hypha_invocation_ref (HyphaInvocation *self)
{
  /* Whoever keeps a reference answers later. */
  if (self->heartbeat == NULL && !self->answered)
    hypha_invocation_start_heartbeat (self);

  return g_rc_box_acquire (self);
}

static void
hypha_invocation_free (gpointer data)
{
  HyphaInvocation *self = data;

  hypha_invocation_stop_heartbeat (self);
  if (!self->answered)
    hypha_invocation_return_error (self, g_error_new (HYPHA_ERROR, HYPHA_ERROR_FAILED,
                                                      "%s ended without an answer",
                                                      self->call.method));

  if (self->handler != NULL)
    hypha_handler_ended (self->handler);
  g_clear_pointer (&self->handler, hypha_handler_unref);
  hypha_rpc_callers_remove (self->rpc->callers, self->call.from, self->cancellable);
  g_clear_object (&self->cancellable);
  hypha_rpc_call_clear (&self->call);
  g_clear_pointer (&self->reply, hypha_rpc_reply_free);
  g_clear_object (&self->rpc);
}

void
hypha_invocation_unref (HyphaInvocation *self)
{
  g_rc_box_release_full (self, hypha_invocation_free);
}

HyphaRpc *
hypha_invocation_get_rpc (HyphaInvocation *self)
{
  return self->rpc;
}

/* The caller's absolute id, stamped by the router. */
const char *
hypha_invocation_get_from (HyphaInvocation *self)
{
  return self->call.from;
}

/* Cancelled when the caller has gone, and nobody waits for the answer. */
GCancellable *
hypha_invocation_get_cancellable (HyphaInvocation *self)
{
  return self->cancellable;
}

/* The caller's user, stamped by the router; NULL if there is none. */
GVariant *
hypha_invocation_dup_user (HyphaInvocation *self)
{
  return g_variant_lookup_value (self->call.context, "user", NULL);
}

/* The caller's workspace, stamped by the router. */
const char *
hypha_invocation_get_workspace (HyphaInvocation *self)
{
  return self->call.workspace;
}

/*
 * What services that require a context are given: the envelope as the router has stamped it, and
 * how we are connected, which stock clients add themselves: as by a socket.
 */
GVariant *
hypha_invocation_dup_context (HyphaInvocation *self)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, self->call.context);
  g_variant_dict_insert (&dict, "connection_type", "s", "websocket");
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

/* The arguments by position, an av. */
GVariant *
hypha_invocation_get_args (HyphaInvocation *self)
{
  return self->call.args;
}

/* The arguments by name, an a{sv}; NULL if there are none. */
GVariant *
hypha_invocation_get_kwargs (HyphaInvocation *self)
{
  return self->call.kwargs;
}

void
hypha_invocation_set_handler (HyphaInvocation *self,
                              HyphaHandler    *handler)
{
  g_assert (self->handler == NULL);
  self->handler = hypha_handler_ref (handler);
}

/* Whoever is told lives as long as the handler does. */
void
hypha_invocation_set_answered (HyphaInvocation         *self,
                               HyphaInvocationAnswered  answered,
                               gpointer                 data)
{
  self->told = answered;
  self->told_data = data;
}

/*
 * An argument by position or, where there is none or null, by name, which may be NULL for what has
 * none; NULL if absent or null.
 */
GVariant *
hypha_invocation_dup_arg (HyphaInvocation *self,
                          guint            index,
                          const char      *name)
{
  g_autoptr (GVariant) value = NULL;

  if (index < g_variant_n_children (self->call.args))
    g_variant_get_child (self->call.args, index, "v", &value);
  if (value != NULL && hypha_rpc_codec_is_null (value))
    g_clear_pointer (&value, g_variant_unref);
  if (value == NULL && self->call.kwargs != NULL && name != NULL)
    value = g_variant_lookup_value (self->call.kwargs, name, NULL);

  if (value == NULL || hypha_rpc_codec_is_null (value))
    return NULL;

  return g_steal_pointer (&value);
}

/* Whether an argument is there and true. */
gboolean
hypha_invocation_get_flag (HyphaInvocation *self,
                           guint            index,
                           const char      *name)
{
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (self, index, name);

  return value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN) &&
         g_variant_get_boolean (value);
}

/* A text argument that must be there. */
char *
hypha_invocation_dup_string (HyphaInvocation  *self,
                             guint             index,
                             const char       *name,
                             GError          **error)
{
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (self, index, name);

  if (value == NULL || !g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT, "%s: %s must be a text",
                   self->call.method, name);
      return NULL;
    }

  return g_variant_dup_string (value, NULL);
}

static gboolean
hypha_invocation_begin_answer (HyphaInvocation *self)
{
  if (self->answered)
    {
      g_critical ("%s: answered twice", self->call.method);
      return FALSE;
    }

  self->answered = TRUE;
  hypha_invocation_stop_heartbeat (self);
  return TRUE;
}

static void
hypha_invocation_end_answer (HyphaInvocation *self,
                             gboolean         last)
{
  if (self->told != NULL)
    self->told (last, self->told_data);
}

static void
hypha_invocation_answer (HyphaInvocation *self,
                         const char      *method,
                         GVariant        *value,
                         gboolean         last)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (value);

  if (!hypha_invocation_begin_answer (self))
    return;

  if (self->reply != NULL)
    hypha_rpc_answer (self->rpc, self->reply->to, method, self->reply->session, owned);
  hypha_invocation_end_answer (self, last);
}

/* Answers the call. A floating value is consumed. */
void
hypha_invocation_return (HyphaInvocation *self,
                         GVariant        *value)
{
  hypha_invocation_answer (self, self->reply != NULL ? self->reply->resolve : NULL, value, FALSE);
}

/* Answers a pull of a stream, which ends with it. A floating value is consumed. */
void
hypha_invocation_return_last (HyphaInvocation *self,
                              GVariant        *value)
{
  hypha_invocation_answer (self, self->reply != NULL ? self->reply->resolve : NULL, value, TRUE);
}

void
hypha_invocation_return_null (HyphaInvocation *self)
{
  hypha_invocation_return (self, hypha_rpc_codec_null ());
}

void
hypha_invocation_return_argument (HyphaInvocation *self,
                                  guint            index,
                                  const char      *name)
{
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (self, index, name);
  const guint8 *bytes = NULL;
  gsize size = 0;

  if (value == NULL)
    hypha_invocation_return_null (self);
  else if (!hypha_rpc_codec_is_absolute (value) ||
           !hypha_rpc_call_find_argument (&self->call, index, name, &bytes, &size) ||
           hypha_msgpack_cursor_has_number_key (&(HyphaMsgpackCursor) { bytes, size, 0 }))
    hypha_invocation_return (self, hypha_rpc_codec_make_absolute (value, self->call.workspace));
  else if (hypha_invocation_begin_answer (self))
    {
      if (self->reply != NULL)
        hypha_rpc_answer_bytes (self->rpc, self->reply->to, self->reply->resolve,
                                self->reply->session, bytes, size);
      hypha_invocation_end_answer (self, FALSE);
    }
}

/* The message that the call came in is not there any longer. */
void
hypha_invocation_forget_bytes (HyphaInvocation *self)
{
  self->call.extra = NULL;
}

/* Answers the call with an error, which is consumed. */
void
hypha_invocation_return_error (HyphaInvocation *self,
                               GError          *error)
{
  g_debug ("%s: %s failed: %s", self->call.from, self->call.method, error->message);
  hypha_invocation_answer (self, self->reply != NULL ? self->reply->reject : NULL,
                           hypha_value_new_error (error), TRUE);
  g_error_free (error);
}

/* What a function that may fail has given: error, which is consumed, or value, NULL for null. */
void
hypha_invocation_return_result (HyphaInvocation *self,
                                GVariant        *value,
                                GError          *error)
{
  if (error != NULL)
    hypha_invocation_return_error (self, error);
  else if (value != NULL)
    hypha_invocation_return (self, value);
  else
    hypha_invocation_return_null (self);
}
