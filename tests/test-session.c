/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-remote-function-private.h"
#include "test-pair.h"
#include "test-utils.h"

/* A function that counts its calls and that it was freed, and repeats its argument. */
typedef struct
{
  guint n_calls;
  guint n_freed;
  char *from;
} Callback;

static void
callback_serve (HyphaInvocation *invocation,
                gpointer         data)
{
  Callback *callback = data;
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, 0, NULL);

  callback->n_calls++;
  g_free (callback->from);
  callback->from = g_strdup (hypha_invocation_get_from (invocation));
  if (value == NULL)
    hypha_invocation_return_error (invocation,
                                   g_error_new_literal (HYPHA_ERROR, HYPHA_ERROR_NOT_FOUND,
                                                        "nothing to repeat"));
  else
    hypha_invocation_return (invocation, value);
}

static void
callback_freed (gpointer data)
{
  ((Callback *) data)->n_freed++;
}

/* The service: calls its first argument with the second, and answers with what that answered. */
static void
on_applied (GObject      *source,
            GAsyncResult *result,
            gpointer      data)
{
  g_autoptr (HyphaInvocation) invocation = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = NULL;

  value = hypha_remote_function_call_finish (NULL, result, &error);
  if (error != NULL)
    hypha_invocation_return_error (invocation, g_steal_pointer (&error));
  else if (value == NULL)
    hypha_invocation_return_null (invocation);
  else
    hypha_invocation_return (invocation, value);
}

static void
serve_apply (HyphaInvocation *invocation,
             gpointer         data)
{
  g_autoptr (HyphaRemoteFunction) function = NULL;
  g_autoptr (GVariant) address = hypha_invocation_dup_arg (invocation, 0, "function");
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, 1, "value");
  g_autoptr (GError) error = NULL;
  HyphaRpcRequest request = { 0 };
  GVariantBuilder args;

  function = hypha_remote_function_new (hypha_invocation_get_rpc (invocation), address,
                                        hypha_invocation_get_from (invocation), &error);
  if (function == NULL)
    {
      hypha_invocation_return_error (invocation, g_steal_pointer (&error));
      return;
    }

  g_variant_builder_init (&args, G_VARIANT_TYPE ("av"));
  if (value != NULL)
    g_variant_builder_add (&args, "v", value);
  request.args = g_variant_builder_end (&args);
  hypha_remote_function_call_async (function, &request,
                                    hypha_invocation_get_cancellable (invocation), on_applied,
                                    hypha_invocation_ref (invocation));
}

/* Keeps its calls until they are cancelled or let go. */
static void
serve_never (HyphaInvocation *invocation,
             gpointer         data)
{
  HyphaInvocation **kept = data;

  *kept = hypha_invocation_ref (invocation);
}

static void
serve_args (HyphaInvocation *invocation,
            gpointer         data)
{
  g_autoptr (GVariant) b = hypha_invocation_dup_arg (invocation, 1, "b");
  GVariant *kwargs = hypha_invocation_get_kwargs (invocation);
  GVariant *args = hypha_invocation_get_args (invocation);

  g_assert_nonnull (b);
  hypha_invocation_return (invocation, g_variant_new_parsed (
                             "[<%x>, <%x>, %v]", (gint64) g_variant_n_children (args),
                             (gint64) (kwargs != NULL ? g_variant_n_children (kwargs) : 0), b));
}

static void
add_tools (HyphaRpc *rpc,
           gpointer  data)
{
  g_autoptr (HyphaService) service = NULL;

  service = hypha_service_new ("tools", "Tools", "", "generic",
                               g_variant_new_parsed ("{'visibility': <'public'>}"));
  hypha_service_add_function (service, "apply", "function, value", NULL, NULL, serve_apply, NULL,
                              NULL);
  hypha_service_add_function (service, "never", "", NULL, NULL, serve_never, data, NULL);
  hypha_service_add_function (service, "args", "a, b", NULL, NULL, serve_args, NULL, NULL);
  hypha_rpc_add_service (rpc, service);
}

static void
test_session_callback (void)
{
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (HyphaSession) session = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = NULL;
  Callback callback = { 0 };
  HyphaRpcRequest request = { 0 };

  add_tools (pair->one, NULL);
  session = hypha_session_new (pair->two, "ws-a/one", &error);
  request.session = session;
  request.args = g_variant_new_parsed ("[<%*>, <'hello'>]",
                                       hypha_session_add_function (session, "cb", callback_serve,
                                                                   &callback, callback_freed,
                                                                   &error));
  value = pair_request (pair->two, "ws-a/one", "services.tools.apply", &request, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (value, NULL), ==, "hello");
  g_assert_cmpuint (callback.n_calls, ==, 1);
  g_assert_cmpstr (callback.from, ==, "ws-a/one");

  /* It has ended with the call, and its function with it. */
  g_assert_true (hypha_session_is_closed (session));
  g_assert_cmpuint (callback.n_freed, ==, 1);
  pair_assert_clean (pair);
  g_assert_null (hypha_session_add_function (session, "late", callback_serve, &callback,
                                             callback_freed, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_FAILED);
  g_assert_cmpuint (callback.n_freed, ==, 2);
  g_free (callback.from);
}

/* Answers with more levels than anybody decodes. */
static void
serve_too_deep (HyphaInvocation *invocation,
                gpointer         data)
{
  GVariant *value = g_variant_new ("av", NULL);

  for (guint i = 0; i < HYPHA_MSGPACK_MAX_DEPTH; i++)
    value = g_variant_new_parsed ("[%v]", value);
  hypha_invocation_return (invocation, value);
}

/* Who calls a callback whose answer cannot be decoded learns so at once, as for any other call. */
static void
test_session_callback_unreadable (void)
{
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (HyphaSession) session = hypha_session_new (pair->two, "ws-a/one", NULL);
  g_autoptr (GError) error = NULL;
  HyphaRpcRequest request = { .session = session };

  add_tools (pair->one, NULL);
  request.args = g_variant_new_parsed ("[<%*>]", hypha_session_add_function (
                                         session, "cb", serve_too_deep, NULL, NULL, &error));
  g_assert_null (pair_request (pair->two, "ws-a/one", "services.tools.apply", &request, &error));
  g_assert_nonnull (error);
  g_assert_true (g_str_has_suffix (error->message, "cannot be read: nesting deeper than 32 levels"));
  pair_assert_clean (pair);
}

/* The error of a callback comes back through the callee, with its class. */
static void
test_session_callback_fails (void)
{
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (HyphaSession) session = NULL;
  g_autoptr (GError) error = NULL;
  Callback callback = { 0 };
  HyphaRpcRequest request = { 0 };

  add_tools (pair->one, NULL);
  session = hypha_session_new (pair->two, "ws-a/one", NULL);
  request.session = session;
  request.args = g_variant_new_parsed ("[<%*>]",
                                       hypha_session_add_function (session, "cb", callback_serve,
                                                                   &callback, callback_freed,
                                                                   NULL));
  g_assert_null (pair_request (pair->two, "ws-a/one", "services.tools.apply", &request, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_REMOTE);
  g_assert_cmpstr (error->message, ==, "nothing to repeat");
  g_assert_cmpstr (hypha_error_get_class_name (error), ==, "KeyError");
  g_assert_cmpstr (hypha_error_get_trace (error), ==, "KeyError: nothing to repeat");
  g_assert_cmpuint (callback.n_freed, ==, 1);
  pair_assert_clean (pair);
  g_free (callback.from);
}

static char *
take_method (GVariant *address)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (address);
  char *method = NULL;

  g_assert_true (g_variant_lookup (owned, "_rmethod", "s", &method));
  return method;
}

static void
test_session_access (void)
{
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (HyphaSession) session = hypha_session_new (pair->two, "ws-a/one", NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *method = NULL;
  g_autofree char *other = NULL;
  g_autofree char *denied = NULL;
  g_autofree char *expired = NULL;
  g_autofree char *gone = NULL;
  Callback callback = { 0 };

  method = take_method (hypha_session_add_function (session, "cb", callback_serve, &callback,
                                                    callback_freed, NULL));
  denied = g_strdup_printf ("Access denied for method call (ws-b/three:%s) from ws-b/three to "
                            "target ws-a/one", method);

  /* Nobody but the target, not even from the same workspace. */
  g_assert_null (pair_call (pair->three, "ws-b/two", method, NULL, &error));
  g_assert_cmpstr (error->message, ==, denied);
  g_assert_cmpstr (hypha_error_get_class_name (error), ==, "PermissionError");
  g_clear_error (&error);
  g_assert_cmpuint (callback.n_calls, ==, 0);

  other = g_strconcat (hypha_session_get_id (session), ".9#other", NULL);
  expired = g_strdup_printf ("Method expired or not found: ws-a/one:%s", other);
  g_assert_null (pair_call (pair->one, "ws-b/two", other, NULL, &error));
  g_assert_cmpstr (error->message, ==, expired);
  g_clear_error (&error);

  hypha_session_close (session);
  gone = g_strdup_printf ("Session not found: ws-a/one:%s", method);
  g_assert_null (pair_call (pair->one, "ws-b/two", method, NULL, &error));
  g_assert_cmpstr (error->message, ==, gone);
  g_clear_error (&error);
  g_assert_cmpuint (callback.n_freed, ==, 1);

  g_assert_null (pair_call (pair->one, "ws-b/two", "nonsense", NULL, &error));
  g_assert_cmpstr (error->message, ==, "Invalid method: ws-a/one:nonsense");
  pair_assert_clean (pair);
}

static void
test_session_keywords (void)
{
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) mixed = NULL;
  g_autoptr (GVariant) named = NULL;
  HyphaRpcRequest request = {
    .args = g_variant_new_parsed ("[<int64 1>]"),
    .kwargs = g_variant_new_parsed ("{'b': <'two'>, 'context': <'a lie'>}"),
  };

  add_tools (pair->one, NULL);
  mixed = pair_request (pair->two, "ws-a/one", "services.tools.args", &request, &error);
  g_assert_no_error (error);
  pair_assert_value (mixed, "[<int64 1>, <int64 2>, <'two'>]");

  request.args = NULL;
  request.kwargs = g_variant_new_parsed ("{'b': <int64 2>}");
  named = pair_request (pair->two, "ws-a/one", "services.tools.args", &request, &error);
  g_assert_no_error (error);
  pair_assert_value (named, "[<int64 0>, <int64 1>, <int64 2>]");
  pair_assert_clean (pair);
}

/* What has no name cannot be given by one. */
static void
test_session_nameless_argument (void)
{
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (HyphaSession) session = hypha_session_new (pair->two, "ws-a/one", NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *method = NULL;
  Callback callback = { 0 };
  const HyphaRpcRequest request = { .kwargs = g_variant_new_parsed ("{'a': <1>}") };

  method = take_method (hypha_session_add_function (session, "cb", callback_serve, &callback,
                                                    callback_freed, NULL));
  g_assert_null (pair_request (pair->one, "ws-b/two", method, &request, &error));
  g_assert_cmpstr (error->message, ==, "nothing to repeat");
  hypha_session_close (session);
  pair_assert_clean (pair);
  g_free (callback.from);
}

static gboolean
is_kept (gpointer data)
{
  return *(HyphaInvocation **) data != NULL;
}

/* A call and its session end with the time-out, the callee's going, and cancelling. */
static void
check_end (guint how)
{
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (HyphaSession) session = hypha_session_new (pair->two, "ws-a/one", NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GVariant) address = NULL;
  HyphaInvocation *kept = NULL;
  g_auto (Outcome) outcome = { 0 };
  Callback callback = { 0 };
  HyphaRpcRequest request = { .session = session, .timeout = how == 0 ? 50 : 0 };

  add_tools (pair->one, &kept);
  address = g_variant_ref_sink (hypha_session_add_function (session, "cb", callback_serve,
                                                            &callback, callback_freed, NULL));
  request.args = g_variant_new_parsed ("[%v]", address);
  hypha_rpc_request_async (pair->two, "ws-a/one", "services.tools.never", &request, cancellable,
                           outcome_taken, &outcome);
  g_assert_true (test_wait (is_kept, &kept));
  if (how == 0)
    g_clear_pointer (&kept, hypha_invocation_unref);
  if (how == 1)
    pair_drop (pair, 0);
  if (how == 2)
    g_cancellable_cancel (cancellable);

  g_assert_true (test_wait_flag (&outcome.done));
  g_assert_nonnull (outcome.error);
  g_assert_true (hypha_session_is_closed (session));
  g_assert_cmpuint (callback.n_freed, ==, 1);
  if (how == 1)
    g_assert_true (g_cancellable_is_cancelled (hypha_invocation_get_cancellable (kept)));
  g_clear_pointer (&kept, hypha_invocation_unref);
  pair_assert_clean (pair);
}

static void
test_session_ends_with_answer (void)
{
  check_end (0);
}

static void
test_session_ends_with_callee (void)
{
  check_end (1);
}

static void
test_session_ends_with_cancel (void)
{
  check_end (2);
}

static gboolean
is_called (gpointer data)
{
  return ((Callback *) data)->n_calls > 0;
}

/* A silent callee: nothing comes back, so the call's own time-out ends it. */
static void
test_session_times_out (void)
{
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (HyphaSession) session = hypha_session_new (pair->two, "ws-a/one", NULL);
  g_autoptr (GError) error = NULL;
  Callback callback = { 0 };
  HyphaRpcRequest request = { .session = session, .timeout = 50 };

  hypha_connection_set_sink (hypha_peer_get_connection (
                               hypha_local_client_get_peer (pair->clients[0])), NULL, NULL);
  request.args = g_variant_new_parsed ("[<%*>]",
                                       hypha_session_add_function (session, "cb", callback_serve,
                                                                   &callback, callback_freed,
                                                                   NULL));
  g_assert_null (pair_request (pair->two, "ws-a/one", "services.tools.apply", &request, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_TIMED_OUT);
  g_assert_cmpuint (callback.n_freed, ==, 1);
  g_assert_cmpuint (hypha_rpc_get_n_sessions (pair->two), ==, 0);
  g_assert_cmpuint (hypha_rpc_get_n_pending (pair->two), ==, 0);
}

/* One way: nobody waits, and the session stays until it is closed. */
static void
test_session_one_way (void)
{
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (HyphaSession) session = hypha_session_new (pair->two, "ws-a/one", NULL);
  g_autoptr (GError) error = NULL;
  Callback callback = { 0 };
  HyphaRpcRequest request = { .session = session, .one_way = TRUE };

  add_tools (pair->one, NULL);
  request.args = g_variant_new_parsed ("[<%*>, <'x'>]",
                                       hypha_session_add_function (session, "cb", callback_serve,
                                                                   &callback, callback_freed,
                                                                   NULL));
  g_assert_null (pair_request (pair->two, "ws-a/one", "services.tools.apply", &request, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (hypha_rpc_get_n_pending (pair->two), ==, 0);
  g_assert_true (test_wait (is_called, &callback));
  g_assert_false (hypha_session_is_closed (session));
  hypha_session_close (session);
  g_assert_cmpuint (callback.n_freed, ==, 1);
  pair_assert_clean (pair);
  g_free (callback.from);
}

static void
test_session_max_idle (void)
{
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (HyphaSession) idle = hypha_session_new (pair->two, "ws-a/one", NULL);
  g_autoptr (HyphaSession) busy = hypha_session_new (pair->two, "ws-a/one", NULL);
  const gint64 later = g_get_monotonic_time () + HYPHA_SESSION_MAX_IDLE * G_USEC_PER_SEC;
  HyphaInvocation *kept = NULL;
  g_auto (Outcome) outcome = { 0 };
  g_auto (Outcome) inner = { 0 };
  Callback callback = { 0 };
  HyphaInvocation *inside = NULL;
  g_autoptr (HyphaSession) serving = hypha_session_new (pair->two, "ws-a/one", NULL);
  g_autofree char *method = NULL;
  const HyphaRpcRequest request = { .session = busy };

  add_tools (pair->one, &kept);
  g_variant_unref (g_variant_ref_sink (hypha_session_add_function (idle, "cb", callback_serve,
                                                                   &callback, callback_freed,
                                                                   NULL)));
  hypha_rpc_request_async (pair->two, "ws-a/one", "services.tools.never", &request, NULL,
                           outcome_taken, &outcome);
  g_assert_true (test_wait (is_kept, &kept));

  /* One that serves a call is not idle either. */
  method = take_method (hypha_session_add_function (serving, "slow", serve_never, &inside, NULL,
                                                    NULL));
  hypha_rpc_call_async (pair->one, "ws-b/two", method, g_variant_new ("av", NULL), 0, NULL,
                        outcome_taken, &inner);
  g_assert_true (test_wait (is_kept, &inside));

  hypha_rpc_expire_sessions (pair->two, later - G_USEC_PER_SEC);
  g_assert_false (hypha_session_is_closed (idle));
  hypha_rpc_expire_sessions (pair->two, later + G_USEC_PER_SEC);
  g_assert_true (hypha_session_is_closed (idle));
  g_assert_false (hypha_session_is_closed (busy));
  g_assert_false (hypha_session_is_closed (serving));
  g_assert_cmpuint (callback.n_freed, ==, 1);

  hypha_invocation_return_null (kept);
  hypha_invocation_return_null (inside);
  g_assert_true (test_wait_flag (&outcome.done));
  g_assert_true (test_wait_flag (&inner.done));
  hypha_invocation_unref (kept);
  hypha_invocation_unref (inside);
  hypha_rpc_expire_sessions (pair->two, later + 2 * G_USEC_PER_SEC);
  pair_assert_clean (pair);
}

static void
test_session_max_open_target (void)
{
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (HyphaSession) other = NULL;
  g_autoptr (HyphaSession) again = NULL;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < HYPHA_SESSION_MAX_OPEN_TARGET; i++)
    hypha_session_unref (hypha_session_new (pair->two, "ws-a/one", NULL));
  g_assert_null (hypha_session_new (pair->two, "ws-a/one", &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY);

  other = hypha_session_new (pair->two, "ws-b/three", NULL);
  g_assert_nonnull (other);
  pair_drop (pair, 0);
  g_assert_cmpuint (hypha_rpc_get_n_sessions (pair->two), ==, 1);
  again = hypha_session_new (pair->two, "ws-a/one", NULL);
  g_assert_nonnull (again);
  hypha_session_close (again);
  hypha_session_close (other);
  pair_assert_clean (pair);
}

static void
test_session_max_open (void)
{
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < HYPHA_SESSION_MAX_OPEN; i++)
    {
      g_autofree char *target = g_strdup_printf ("ws-c/c%u", i / HYPHA_SESSION_MAX_OPEN_TARGET);

      hypha_session_unref (hypha_session_new (pair->two, target, NULL));
    }

  g_assert_null (hypha_session_new (pair->two, "ws-a/one", &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY);
  hypha_rpc_close (pair->two);
  g_assert_cmpuint (hypha_rpc_get_n_sessions (pair->two), ==, 0);
}

static void
test_session_max_functions (void)
{
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (HyphaSession) session = hypha_session_new (pair->two, "ws-a/one", NULL);
  g_autoptr (GError) error = NULL;
  Callback callback = { 0 };

  for (guint i = 0; i < HYPHA_SESSION_MAX_FUNCTIONS; i++)
    g_variant_unref (g_variant_ref_sink (hypha_session_add_function (
                       session, "cb", callback_serve, &callback, callback_freed, NULL)));
  g_assert_null (hypha_session_add_function (session, "cb", callback_serve, &callback,
                                             callback_freed, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY);
  g_assert_cmpuint (callback.n_freed, ==, 1);
  hypha_session_close (session);
  g_assert_cmpuint (callback.n_freed, ==, HYPHA_SESSION_MAX_FUNCTIONS + 1);
}

/* A long call whose pieces nobody takes fails at once, not after its time-out. */
static void
test_session_long_call_refused (void)
{
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (GError) error = NULL;
  g_autofree guint8 *zeros = g_malloc0 (400000);

  g_assert_null (pair_call (pair->two, "ws-c/nobody", "services.tools.args",
                            g_variant_new_parsed ("[<%*>]", g_variant_new_fixed_array (
                                                    G_VARIANT_TYPE_BYTE, zeros, 400000, 1)),
                            &error));
  g_assert_nonnull (strstr (error->message, "Peer ws-c/nobody is not connected"));
  pair_assert_clean (pair);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/rpc/session/callback", test_session_callback);
  g_test_add_func ("/rpc/session/callback-fails", test_session_callback_fails);
  g_test_add_func ("/rpc/session/callback-unreadable", test_session_callback_unreadable);
  g_test_add_func ("/rpc/session/access", test_session_access);
  g_test_add_func ("/rpc/session/keywords", test_session_keywords);
  g_test_add_func ("/rpc/session/nameless-argument", test_session_nameless_argument);
  g_test_add_func ("/rpc/session/ends-with-answer", test_session_ends_with_answer);
  g_test_add_func ("/rpc/session/ends-with-callee", test_session_ends_with_callee);
  g_test_add_func ("/rpc/session/ends-with-cancel", test_session_ends_with_cancel);
  g_test_add_func ("/rpc/session/times-out", test_session_times_out);
  g_test_add_func ("/rpc/session/one-way", test_session_one_way);
  g_test_add_func ("/rpc/session/max-idle", test_session_max_idle);
  g_test_add_func ("/rpc/session/max-open-target", test_session_max_open_target);
  g_test_add_func ("/rpc/session/max-open", test_session_max_open);
  g_test_add_func ("/rpc/session/max-functions", test_session_max_functions);
  g_test_add_func ("/rpc/session/long-call-refused", test_session_long_call_refused);
  return g_test_run ();
}
