/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-generator-private.h"
#include "hypha-interface-private.h"
#include "test-pair.h"
#include "test-utils.h"

/* Counts to last, then ends, or fails where it is negative. */
typedef struct
{
  gint64            next;
  gint64            last;
  guint             n_freed;
  HyphaInvocation  *kept;   /* of a pull that is not answered */
} Counter;

static void
counter_next (HyphaInvocation *invocation,
              gpointer         data)
{
  Counter *counter = data;

  if (counter->next < ABS (counter->last))
    hypha_invocation_return (invocation, g_variant_new_int64 (counter->next++));
  else if (counter->last < 0)
    hypha_invocation_return_error (invocation,
                                   g_error_new_literal (HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                                                        "counted too far"));
  else
    hypha_generator_stop (invocation);
}

static void
counter_keep (HyphaInvocation *invocation,
              gpointer         data)
{
  ((Counter *) data)->kept = hypha_invocation_ref (invocation);
}

static void
counter_freed (gpointer data)
{
  ((Counter *) data)->n_freed++;
}

static HyphaRemoteGenerator *
lend (Pair             *pair,
      Counter          *counter,
      HyphaServiceFunc  next)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) address = NULL;
  HyphaRemoteGenerator *generator;

  address = g_variant_ref_sink (hypha_generator_new (pair->one, "ws-b/two", next, counter,
                                                     counter_freed, &error));
  generator = hypha_remote_generator_new (pair->two, address, "ws-a/one", &error);
  g_assert_no_error (error);
  return generator;
}

static GVariant *
pull (HyphaRemoteGenerator  *generator,
      GError               **error)
{
  Outcome outcome = { 0 };

  hypha_remote_generator_next_async (generator, 0, NULL, outcome_taken, &outcome);
  g_assert_true (test_wait_flag (&outcome.done));
  if (outcome.error != NULL)
    g_propagate_error (error, outcome.error);
  return outcome.value;
}

static void
test_generator_finished (void)
{
  g_autoptr (Pair) pair = pair_new ();
  Counter counter = { .last = 3 };
  g_autoptr (HyphaRemoteGenerator) generator = lend (pair, &counter, counter_next);
  g_autoptr (GError) error = NULL;

  for (gint64 i = 0; i < 3; i++)
    {
      g_autoptr (GVariant) item = pull (generator, &error);

      g_assert_no_error (error);
      g_assert_cmpint (g_variant_get_int64 (item), ==, i);
    }

  g_assert_null (pull (generator, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (counter.n_freed, ==, 1);
  g_assert_null (pull (generator, &error));
  g_assert_no_error (error);
  pair_assert_clean (pair);
}

static void
test_generator_fails (void)
{
  g_autoptr (Pair) pair = pair_new ();
  Counter counter = { .last = -1 };
  g_autoptr (HyphaRemoteGenerator) generator = lend (pair, &counter, counter_next);
  g_autoptr (GVariant) item = NULL;
  g_autoptr (GError) error = NULL;

  item = pull (generator, &error);
  g_assert_no_error (error);
  g_assert_null (pull (generator, &error));
  g_assert_cmpstr (error->message, ==, "counted too far");
  g_assert_cmpstr (hypha_error_get_class_name (error), ==, "ValueError");
  g_clear_error (&error);

  /* That was its end. */
  g_assert_null (pull (generator, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (counter.n_freed, ==, 1);
  pair_assert_clean (pair);
}

static void
counter_nest (HyphaInvocation *invocation,
              gpointer         data)
{
  GVariant *value = g_variant_new ("av", NULL);

  for (guint i = 0; i < HYPHA_MSGPACK_MAX_DEPTH; i++)
    value = g_variant_new_parsed ("[%v]", value);
  hypha_invocation_return (invocation, value);
}

/* An item that cannot be decoded is an error, which ends it at both sides. */
static void
test_generator_unreadable (void)
{
  g_autoptr (Pair) pair = pair_new ();
  Counter counter = { 0 };
  g_autoptr (HyphaRemoteGenerator) generator = lend (pair, &counter, counter_nest);
  g_autoptr (GError) error = NULL;

  g_assert_null (pull (generator, &error));
  g_assert_nonnull (error);
  g_assert_true (g_str_has_suffix (error->message, "cannot be read: nesting deeper than 32 levels"));
  pair_assert_clean (pair);
  g_assert_cmpuint (counter.n_freed, ==, 1);
}

static gboolean
is_freed (gpointer data)
{
  return ((Counter *) data)->n_freed > 0;
}

static void
test_generator_abandoned (void)
{
  g_autoptr (Pair) pair = pair_new ();
  Counter counter = { .last = 1000 };
  HyphaRemoteGenerator *generator = lend (pair, &counter, counter_next);
  g_autoptr (GVariant) item = pull (generator, NULL);

  g_assert_nonnull (item);
  hypha_remote_generator_free (generator);
  g_assert_true (test_wait (is_freed, &counter));
  g_assert_cmpuint (counter.n_freed, ==, 1);
  pair_assert_clean (pair);
}

static void
test_generator_idle (void)
{
  g_autoptr (Pair) pair = pair_new ();
  Counter counter = { .last = 1000 };
  g_autoptr (HyphaRemoteGenerator) generator = lend (pair, &counter, counter_next);
  g_autoptr (GError) error = NULL;

  hypha_rpc_expire_sessions (pair->one, g_get_monotonic_time () +
                             (HYPHA_SESSION_MAX_IDLE + 1) * G_USEC_PER_SEC);
  g_assert_cmpuint (counter.n_freed, ==, 1);
  g_assert_null (pull (generator, &error));
  g_assert_nonnull (strstr (error->message, "Session not found: ws-b/two:"));
}

static void
test_generator_consumer_gone (void)
{
  g_autoptr (Pair) pair = pair_new ();
  Counter counter = { .last = 1000 };
  HyphaRemoteGenerator *generator = lend (pair, &counter, counter_next);
  g_autoptr (GVariant) item = pull (generator, NULL);

  g_assert_nonnull (item);
  hypha_remote_generator_free (generator);
  pair_drop (pair, 1);
  g_assert_cmpuint (counter.n_freed, ==, 1);
  pair_assert_clean (pair);
}

static gboolean
is_kept (gpointer data)
{
  return ((Counter *) data)->kept != NULL;
}

/* One pull at a time; closing tells whoever makes the item, whose data stays until it answers. */
static void
test_generator_closed_while_pulled (void)
{
  g_autoptr (Pair) pair = pair_new ();
  Counter counter = { 0 };
  g_auto (Outcome) outcome = { 0 };
  g_autoptr (GVariant) address = NULL;
  g_autoptr (GVariant) closed = NULL;
  g_autoptr (GError) error = NULL;
  const char *method = NULL;
  const char *close = NULL;

  address = g_variant_ref_sink (hypha_generator_new (pair->one, "ws-b/two", counter_keep, &counter,
                                                     counter_freed, NULL));
  g_variant_lookup (address, "_rmethod", "&s", &method);
  g_variant_lookup (address, "_rclose_method", "&s", &close);
  hypha_rpc_call_async (pair->two, "ws-a/one", method, g_variant_new ("av", NULL), 0, NULL,
                        outcome_taken, &outcome);
  g_assert_true (test_wait (is_kept, &counter));
  g_assert_null (pair_call (pair->two, "ws-a/one", method, NULL, &error));
  g_assert_nonnull (strstr (error->message, "asked for already"));
  g_clear_error (&error);
  g_assert_null (pair_call (pair->three, "ws-a/one", close, NULL, &error));
  g_assert_nonnull (strstr (error->message, "Access denied"));
  g_clear_error (&error);

  closed = pair_call (pair->two, "ws-a/one", close, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_variant_get_boolean (closed));
  g_assert_true (g_cancellable_is_cancelled (hypha_invocation_get_cancellable (counter.kept)));
  g_assert_cmpuint (counter.n_freed, ==, 0);
  hypha_invocation_return (counter.kept, g_variant_new_int64 (7));
  g_assert_true (test_wait_flag (&outcome.done));
  g_assert_nonnull (outcome.value);
  hypha_invocation_unref (counter.kept);
  g_assert_cmpuint (counter.n_freed, ==, 1);
  pair_assert_clean (pair);
}

static void
check_function (Pair       *pair,
                const char *address,
                gint        code)
{
  g_autoptr (GVariant) value = g_variant_parse (NULL, address, NULL, NULL, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (HyphaRemoteFunction) function = NULL;

  g_assert_nonnull (value);
  function = hypha_remote_function_new (pair->one, value, "ws-b/two", &error);
  if (code < 0)
    {
      g_assert_no_error (error);
      g_assert_cmpstr (hypha_remote_function_get_target (function), ==, "ws-b/two");
      return;
    }

  g_assert_error (error, HYPHA_ERROR, code);
  g_assert_null (function);
}

static void
test_function_addresses (void)
{
  g_autoptr (Pair) pair = pair_new ();

  check_function (pair, "{'_rtype': <'method'>, '_rtarget': <'two'>, '_rmethod': <'s.f'>}", -1);
  check_function (pair, "{'_rtype': <'method'>, '_rtarget': <'ws-b/two'>, '_rmethod': <'s.f'>,"
                        " '_rpromise': <true>, '_rasync': <true>}", -1);
  check_function (pair, "{'_rtype': <'method'>, '_rtarget': <'ws-b/two'>, '_rmethod': <'s.f'>,"
                        " '_renc_pub': <@mv nothing>}", -1);
  check_function (pair, "{'_rtype': <'method'>, '_rtarget': <'two'>, '_rmethod': <'s.f'>,"
                        " '_renc_pub': <@ay [1]>}", -1);

  /* Somebody else's: we would lend our rights to the sender. */
  check_function (pair, "{'_rtype': <'method'>, '_rtarget': <'three'>, '_rmethod': <'s.f'>}",
                  HYPHA_ERROR_PERMISSION_DENIED);
  check_function (pair, "{'_rtype': <'method'>, '_rtarget': <'ws-a/two'>, '_rmethod': <'s.f'>}",
                  HYPHA_ERROR_PERMISSION_DENIED);
  check_function (pair, "{'_rtype': <'method'>, '_rtarget': <'*/workspace-manager'>,"
                        " '_rmethod': <'services.default.echo'>}", HYPHA_ERROR_PERMISSION_DENIED);

  check_function (pair, "{'_rtype': <'method'>, '_rtarget': <1>, '_rmethod': <'s.f'>}",
                  HYPHA_ERROR_PROTOCOL);
  check_function (pair, "{'_rtype': <'method'>, '_rtarget': <'two'>}", HYPHA_ERROR_PROTOCOL);
  check_function (pair, "{'_rtype': <'method'>, '_rtarget': <'two'>, '_rmethod': <'f'>}",
                  HYPHA_ERROR_PROTOCOL);
  check_function (pair, "{'_rtype': <'error'>}", HYPHA_ERROR_INVALID_ARGUMENT);
  check_function (pair, "'text'", HYPHA_ERROR_INVALID_ARGUMENT);
}

static void
serve_echo (HyphaInvocation *invocation,
            gpointer         data)
{
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, 0, NULL);
  guint *n_calls = data;

  (*n_calls)++;
  if (value != NULL)
    hypha_invocation_return (invocation, value);
  else
    hypha_invocation_return_null (invocation);
}

static gboolean
is_called (gpointer data)
{
  return *(guint *) data > 0;
}

/* What promises nothing ends at once, whatever it does. */
static void
test_function_without_promise (void)
{
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (HyphaSession) session = hypha_session_new (pair->two, "ws-a/one", NULL);
  g_autoptr (HyphaRemoteFunction) function = NULL;
  g_autoptr (GVariant) address = NULL;
  g_autoptr (GVariant) silent = NULL;
  const HyphaRpcRequest request = { 0 };
  g_auto (Outcome) outcome = { 0 };
  GVariantDict dict;
  guint n_calls = 0;

  address = g_variant_ref_sink (hypha_session_add_function (session, "f", serve_echo, &n_calls,
                                                            NULL, NULL));
  g_variant_dict_init (&dict, address);
  g_variant_dict_insert (&dict, "_rpromise", "b", FALSE);
  silent = g_variant_ref_sink (g_variant_dict_end (&dict));
  function = hypha_remote_function_new (pair->one, silent, "ws-b/two", NULL);
  hypha_remote_function_call_async (function, &request, NULL, outcome_taken, &outcome);
  g_assert_true (test_wait_flag (&outcome.done));
  g_assert_no_error (outcome.error);
  g_assert_null (outcome.value);
  g_assert_true (test_wait (is_called, &n_calls));
  hypha_session_close (session);
  pair_assert_clean (pair);
}

static GVariant *
lend_object (Pair    *pair,
             guint   *n_calls,
             GError **error)
{
  g_autoptr (HyphaService) service = NULL;
  GVariant *map;

  service = hypha_service_new ("object", "", "", "generic", g_variant_new ("a{sv}", NULL));
  hypha_service_add_function (service, "echo", NULL, NULL, NULL, serve_echo, n_calls, NULL);
  hypha_service_add_value (service, "answer", g_variant_new_int64 (42));
  map = hypha_rpc_add_interface (pair->one, service, "ws-b/two", error);
  return map != NULL ? g_variant_ref_sink (map) : NULL;
}

static GVariant *
call_member (Pair        *pair,
             GVariant    *map,
             const char  *name,
             GError     **error)
{
  g_autoptr (HyphaRemoteFunction) function = NULL;
  const HyphaRpcRequest request = { .args = g_variant_new_parsed ("[<'x'>]") };
  Outcome outcome = { 0 };

  function = hypha_remote_interface_dup_member (pair->two, map, "ws-a/one", name, error);
  g_assert_nonnull (function);
  hypha_remote_function_call_async (function, &request, NULL, outcome_taken, &outcome);
  g_assert_true (test_wait_flag (&outcome.done));
  if (outcome.error != NULL)
    g_propagate_error (error, outcome.error);
  return outcome.value;
}

static void
test_interface_called_and_disposed (void)
{
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (GError) error = NULL;
  guint n_calls = 0;
  g_autoptr (GVariant) map = lend_object (pair, &n_calls, &error);
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GVariant) disposed = NULL;
  const char *id = NULL;
  gint64 answer = 0;

  g_assert_true (hypha_remote_interface_check (map));
  g_assert_true (g_variant_lookup (map, "_rintf_service_id", "&s", &id));
  g_assert_true (g_str_has_prefix (id, "_rintf_"));
  g_assert_true (g_variant_lookup (map, "answer", "x", &answer));
  g_assert_cmpint (answer, ==, 42);

  value = call_member (pair, map, "echo", &error);
  g_assert_no_error (error);
  pair_assert_value (value, "'x'");
  g_assert_cmpuint (hypha_rpc_get_n_interfaces (pair->one), ==, 1);

  disposed = call_member (pair, map, "_dispose", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (hypha_rpc_get_n_interfaces (pair->one), ==, 0);
  g_assert_null (call_member (pair, map, "echo", &error));
  g_assert_nonnull (strstr (error->message, "Method not found"));
  g_assert_null (hypha_remote_interface_dup_member (pair->two, map, "ws-a/one", "absent", NULL));
  pair_assert_clean (pair);
}

static void
test_interface_access (void)
{
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (GError) error = NULL;
  guint n_calls = 0;
  g_autoptr (GVariant) map = lend_object (pair, &n_calls, &error);
  g_autofree char *method = NULL;
  g_autofree char *denied = NULL;
  const char *id = NULL;

  g_assert_true (g_variant_lookup (map, "_rintf_service_id", "&s", &id));
  method = g_strconcat ("services.", id, ".echo", NULL);
  denied = g_strdup_printf ("Permission denied for _rintf callback ws-b/three:%s, caller "
                            "ws-b/three is not the allowed caller ws-b/two", method);
  g_assert_null (pair_call (pair->three, "ws-a/one", method, NULL, &error));
  g_assert_cmpstr (error->message, ==, denied);
  g_clear_error (&error);

  /* Nor does anybody else learn of it. */
  g_assert_null (pair_call (pair->three, "ws-a/one", "services.built-in.get_service",
                            g_variant_new_parsed ("[<%s>]", id), &error));
  g_assert_nonnull (strstr (error->message, "Service not found"));
  g_assert_cmpuint (n_calls, ==, 0);
}

static gboolean
has_no_interfaces (gpointer data)
{
  return hypha_rpc_get_n_interfaces (data) == 0;
}

static void
test_interface_removed (void)
{
  g_autoptr (Pair) pair = pair_new ();
  guint n_calls = 0;
  g_autoptr (GVariant) first = lend_object (pair, &n_calls, NULL);
  g_autoptr (GVariant) second = lend_object (pair, &n_calls, NULL);
  g_autoptr (GVariant) third = NULL;
  const char *id = NULL;

  hypha_rpc_remove_interface (pair->one, "built-in");
  g_variant_lookup (first, "_rintf_service_id", "&s", &id);
  hypha_rpc_remove_interface (pair->one, id);
  g_assert_cmpuint (hypha_rpc_get_n_interfaces (pair->one), ==, 1);
  hypha_remote_interface_dispose (pair->two, second, "ws-a/one");
  g_assert_true (test_wait (has_no_interfaces, pair->one));

  third = lend_object (pair, &n_calls, NULL);
  pair_drop (pair, 1);
  g_assert_cmpuint (hypha_rpc_get_n_interfaces (pair->one), ==, 0);
}

static void
test_interface_max_open_caller (void)
{
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (GError) error = NULL;
  guint n_calls = 0;

  for (guint i = 0; i < HYPHA_INTERFACE_MAX_OPEN_CALLER; i++)
    g_variant_unref (lend_object (pair, &n_calls, NULL));
  g_assert_null (lend_object (pair, &n_calls, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY);
}

static void
test_interface_max_open (void)
{
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i <= HYPHA_INTERFACE_MAX_OPEN; i++)
    {
      g_autofree char *caller = g_strdup_printf ("ws-c/c%u", i / HYPHA_INTERFACE_MAX_OPEN_CALLER);
      g_autoptr (HyphaService) service = NULL;
      g_autoptr (GVariant) map = NULL;

      service = hypha_service_new ("object", "", "", "generic", g_variant_new ("a{sv}", NULL));
      map = hypha_rpc_add_interface (pair->one, service, caller, &error);
      g_assert_true ((map != NULL) == (i < HYPHA_INTERFACE_MAX_OPEN));
      if (map != NULL)
        g_variant_ref_sink (map);
    }

  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/rpc/generator/finished", test_generator_finished);
  g_test_add_func ("/rpc/generator/fails", test_generator_fails);
  g_test_add_func ("/rpc/generator/unreadable", test_generator_unreadable);
  g_test_add_func ("/rpc/generator/abandoned", test_generator_abandoned);
  g_test_add_func ("/rpc/generator/idle", test_generator_idle);
  g_test_add_func ("/rpc/generator/consumer-gone", test_generator_consumer_gone);
  g_test_add_func ("/rpc/generator/closed-while-pulled", test_generator_closed_while_pulled);
  g_test_add_func ("/rpc/function/addresses", test_function_addresses);
  g_test_add_func ("/rpc/function/without-promise", test_function_without_promise);
  g_test_add_func ("/rpc/interface/called-and-disposed", test_interface_called_and_disposed);
  g_test_add_func ("/rpc/interface/access", test_interface_access);
  g_test_add_func ("/rpc/interface/removed", test_interface_removed);
  g_test_add_func ("/rpc/interface/max-open-caller", test_interface_max_open_caller);
  g_test_add_func ("/rpc/interface/max-open", test_interface_max_open);
  return g_test_run ();
}
