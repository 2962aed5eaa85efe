/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-rpc-internal-private.h"
#include "hypha-timer-private.h"
#include "hypha-value-private.h"

/* The calls of a HyphaRpc that wait for their answer: one way in, and one way out. */

typedef struct
{
  HyphaRpc     *rpc;        /* not owned: the task owns it */
  char         *id;         /* of the session that the answer comes to */
  char         *target;
  char         *method;
  HyphaSession *session;    /* of the functions among the arguments; NULL if there are none */
  GSource      *timeout;
  GSource      *cancel;     /* NULL where the call cannot be cancelled */
  gint64        deadline;   /* monotonic, moved by heartbeats unless it is firm */
  gboolean      firm;
  guint         patience;   /* milliseconds */
} HyphaPendingCall;

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
  g_clear_pointer (&call->session, hypha_session_unref);
  g_free (call->id);
  g_free (call->target);
  g_free (call->method);
  g_free (call);
}

/* Takes the waiting task of a session out of the table, so that it ends once. */
static GTask *
hypha_rpc_take_call (HyphaRpc   *self,
                     const char *id)
{
  g_autofree char *key = NULL;
  GTask *task = NULL;
  HyphaPendingCall *call;

  if (!g_hash_table_steal_extended (self->pending, id, (gpointer *) &key, (gpointer *) &task))
    return NULL;

  call = g_task_get_task_data (task);
  if (call->session != NULL)
    hypha_session_close (call->session);
  return task;
}

/* Ends a call with error, which is consumed; nothing happens if it has ended before. */
void
hypha_rpc_fail_call (HyphaRpc   *self,
                     const char *session,
                     GError     *error)
{
  g_autoptr (GTask) task = hypha_rpc_take_call (self, session);

  if (task != NULL)
    g_task_return_error (task, error);
  else
    g_error_free (error);
}

/* Ends the calls of one target, or all where it is NULL. */
void
hypha_rpc_fail_calls (HyphaRpc   *self,
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
        g_ptr_array_add (sessions, g_strdup (call->id));
    }

  for (guint i = 0; i < sessions->len; i++)
    hypha_rpc_fail_call (self, g_ptr_array_index (sessions, i),
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

  hypha_rpc_fail_call (call->rpc, call->id,
                       g_error_new (HYPHA_ERROR, HYPHA_ERROR_TIMED_OUT,
                                    "Method call timed out: %s:%s, no sign of life for %u ms",
                                    call->target, call->method, call->patience));
  return G_SOURCE_REMOVE;
}

static void
hypha_pending_call_touch (HyphaPendingCall *call)
{
  if (!call->firm || call->timeout == NULL)
    call->deadline = g_get_monotonic_time () + (gint64) call->patience * 1000;
}

static void
hypha_pending_call_start_timer (HyphaPendingCall *call)
{
  hypha_pending_call_touch (call);
  call->timeout = hypha_timer_new ("hypha-call-timeout", hypha_pending_call_expire, call);
  g_source_set_ready_time (call->timeout, call->deadline);
}

static gboolean
hypha_pending_call_cancel (GCancellable *cancellable,
                           gpointer      data)
{
  HyphaPendingCall *call = data;

  hypha_rpc_fail_call (call->rpc, call->id,
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

static HyphaPendingCall *
hypha_rpc_lookup_call (HyphaRpc   *self,
                       const char *id)
{
  GTask *task = g_hash_table_lookup (self->pending, id);

  return task != NULL ? g_task_get_task_data (task) : NULL;
}

/* A heartbeat, a piece of a long answer, or a call of a callback: the other side is alive. */
gboolean
hypha_rpc_touch_session (HyphaRpc   *self,
                         const char *session,
                         const char *from)
{
  HyphaPendingCall *call = hypha_rpc_lookup_call (self, session);
  HyphaSession *open = g_hash_table_lookup (self->sessions, session);
  gboolean ours = FALSE;

  if (call != NULL && g_str_equal (call->target, from))
    {
      hypha_pending_call_touch (call);
      ours = TRUE;
    }

  if (open != NULL && g_str_equal (hypha_session_get_target (open), from))
    {
      hypha_session_touch (open);
      ours = TRUE;
    }

  return ours;
}

/* A long call is still on its way: its callee has not been silent. */
void
hypha_rpc_touch_call (HyphaRpc   *self,
                      const char *session)
{
  HyphaPendingCall *call = hypha_rpc_lookup_call (self, session);

  if (call != NULL)
    hypha_pending_call_touch (call);
}

/* “<session>.resolve”, “.reject” or “.heartbeat” of a call of ours. */
void
hypha_rpc_settle (HyphaRpc     *self,
                  HyphaRpcCall *call,
                  const char   *session,
                  const char   *verb)
{
  HyphaPendingCall *pending = hypha_rpc_lookup_call (self, session);
  g_autoptr (GTask) task = NULL;
  g_autoptr (GVariant) value = NULL;

  if (pending == NULL || !g_str_equal (pending->target, call->from))
    {
      g_debug ("%s: late or foreign answer %s from %s dropped", self->id, verb, call->from);
      return;
    }

  if (g_str_equal (verb, "heartbeat"))
    {
      hypha_pending_call_touch (pending);
      return;
    }

  if (g_variant_n_children (call->args) > 0)
    g_variant_get_child (call->args, 0, "v", &value);
  else
    value = g_variant_ref_sink (hypha_rpc_codec_null ());

  task = hypha_rpc_take_call (self, session);
  if (g_str_equal (verb, "resolve"))
    g_task_return_pointer (task, g_steal_pointer (&value), (GDestroyNotify) g_variant_unref);
  else
    g_task_return_error (task, hypha_value_dup_error (value));
}

/*
 * The same where the arguments cannot be decoded: the call ends with the reason, instead of when
 * its patience does. It is a fault of the callee, whatever the reason is called.
 */
void
hypha_rpc_settle_unreadable (HyphaRpc     *self,
                             HyphaRpcCall *call,
                             const GError *why)
{
  const char *verb = call->method + strcspn (call->method, ".");
  g_autofree char *session = g_strndup (call->method, (gsize) (verb - call->method));
  HyphaPendingCall *pending = hypha_rpc_lookup_call (self, session);

  if (pending == NULL || !g_str_equal (pending->target, call->from) ||
      (!g_str_equal (verb, ".resolve") && !g_str_equal (verb, ".reject")))
    return;

  hypha_rpc_fail_call (self, session,
                       g_error_new (HYPHA_ERROR, HYPHA_ERROR_FAILED,
                                    "the answer of %s:%s cannot be read: %s", pending->target,
                                    pending->method, why->message));
}

static GTask *
hypha_rpc_call_new (HyphaRpc              *self,
                    const char            *target,
                    const char            *method,
                    const HyphaRpcRequest *request,
                    GCancellable          *cancellable,
                    GAsyncReadyCallback    callback,
                    gpointer               user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  HyphaPendingCall *call = g_new0 (HyphaPendingCall, 1);

  g_task_set_source_tag (task, hypha_rpc_request_async);
  call->rpc = self;
  if (request->session != NULL)
    call->session = hypha_session_ref (request->session);
  call->id = call->session != NULL ? g_strdup (hypha_session_get_id (call->session)) :
                                     hypha_rpc_new_session_id (self);
  call->target = g_strdup (target);
  call->method = g_strdup (method);
  call->patience = request->timeout > 0 ? request->timeout : HYPHA_RPC_TIMEOUT;
  call->firm = request->firm;
  g_task_set_task_data (task, call, hypha_pending_call_free);
  return task;
}

static gboolean
hypha_rpc_check_call (HyphaRpc          *self,
                      HyphaPendingCall  *call,
                      GError           **error)
{
  if (hypha_connection_is_closed (self->connection))
    g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED, "Connection is closed");
  else if (g_hash_table_size (self->pending) >= HYPHA_RPC_MAX_PENDING)
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
                 "%s waits for %d answers already, try again later", self->id,
                 HYPHA_RPC_MAX_PENDING);
  else if (call->session != NULL && hypha_session_is_closed (call->session))
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_FAILED,
                 "the session for the call of %s:%s has ended", call->target, call->method);
  else if (g_hash_table_contains (self->pending, call->id))
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_FAILED,
                 "the session for the call of %s:%s has a call already", call->target,
                 call->method);
  else
    return TRUE;

  return FALSE;
}

/* The arguments, keywords last, in one list. */
static GVariant *
hypha_rpc_request_join (GVariant *args,
                        GVariant *kwargs)
{
  GVariantBuilder builder;

  if (args != NULL && kwargs == NULL)
    return args;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("av"));
  for (gsize i = 0; args != NULL && i < g_variant_n_children (args); i++)
    {
      g_autoptr (GVariant) boxed = g_variant_get_child_value (args, i);

      g_variant_builder_add_value (&builder, boxed);
    }

  if (kwargs != NULL)
    g_variant_builder_add (&builder, "v", kwargs);
  return g_variant_builder_end (&builder);
}

/* The second segment of a call; floating. */
static GVariant *
hypha_rpc_request_extra (HyphaRpc              *self,
                         HyphaPendingCall      *call,
                         const HyphaRpcRequest *request)
{
  g_autoptr (GVariant) args = request->args != NULL ? g_variant_ref_sink (request->args) : NULL;
  g_autoptr (GVariant) kwargs = NULL;
  GVariantDict extra;

  if (request->kwargs != NULL)
    kwargs = g_variant_ref_sink (request->kwargs);

  g_variant_dict_init (&extra, NULL);
  g_variant_dict_insert_value (&extra, "args", hypha_rpc_request_join (args, kwargs));
  if (kwargs != NULL)
    g_variant_dict_insert (&extra, "with_kwargs", "b", TRUE);
  if (!request->one_way)
    g_variant_dict_insert_value (&extra, "promise",
                                 hypha_rpc_codec_promise (self->id, call->id,
                                                          call->patience / 2000.0));
  return g_variant_dict_end (&extra);
}

static void
hypha_rpc_await_call (HyphaRpc     *self,
                      GTask        *task,
                      GCancellable *cancellable)
{
  HyphaPendingCall *call = g_task_get_task_data (task);

  g_hash_table_insert (self->pending, g_strdup (call->id), g_object_ref (task));
  hypha_pending_call_start_timer (call);
  hypha_pending_call_watch (call, cancellable);
}

/*
 * Calls method of the client target, an absolute id. The call fails when the callee has been silent
 * for the request's time-out. The session of a call that is one way stays until it is closed.
 */
void
hypha_rpc_request_async (HyphaRpc              *self,
                         const char            *target,
                         const char            *method,
                         const HyphaRpcRequest *request,
                         GCancellable          *cancellable,
                         GAsyncReadyCallback    callback,
                         gpointer               user_data)
{
  g_autoptr (GVariant) extra = NULL;
  g_autoptr (GBytes) message = NULL;
  g_autoptr (GTask) task = NULL;
  HyphaPendingCall *call;
  GError *error = NULL;
  const char *session;

  task = hypha_rpc_call_new (self, target, method, request, cancellable, callback, user_data);
  call = g_task_get_task_data (task);
  extra = g_variant_ref_sink (hypha_rpc_request_extra (self, call, request));
  if (!hypha_rpc_check_call (self, call, &error))
    {
      if (call->session != NULL && !g_hash_table_contains (self->pending, call->id))
        hypha_session_close (call->session);
      g_task_return_error (task, error);
      return;
    }

  session = request->one_way ? NULL : call->id;
  message = hypha_rpc_codec_message (self->id, target, method, session, request->parent, extra);
  if (request->one_way)
    g_task_return_pointer (task, NULL, NULL);
  else
    hypha_rpc_await_call (self, task, cancellable);
  hypha_rpc_send_message (self, target, message, NULL, session);
}

/* The same for calls that have nothing but arguments. */
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
  const HyphaRpcRequest request = { .args = args, .timeout = timeout };

  hypha_rpc_request_async (self, target, method, &request, cancellable, callback, user_data);
}

GVariant *
hypha_rpc_call_finish (HyphaRpc      *self,
                       GAsyncResult  *result,
                       GError       **error)
{
  g_assert (g_task_is_valid (result, self));

  return g_task_propagate_pointer (G_TASK (result), error);
}

guint
hypha_rpc_get_n_pending (HyphaRpc *self)
{
  return g_hash_table_size (self->pending);
}
