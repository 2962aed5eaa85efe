/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-core-private.h"

#include "test-pair.h"
#include "test-utils.h"

/* A running core, and a client of it, ws-a/c, that offers “sums”. */
typedef struct
{
  HyphaCore        *core;
  HyphaLocalClient *client;
  HyphaInvocation  *held;    /* what “hold” does not answer; NULL if nothing */
  char             *directory;
} Place;

static void
serve_subtract (HyphaInvocation *invocation,
                gpointer         data)
{
  g_autoptr (GVariant) a = hypha_invocation_dup_arg (invocation, 0, "a");
  g_autoptr (GVariant) b = hypha_invocation_dup_arg (invocation, 1, "b");

  hypha_invocation_return (invocation, g_variant_new_int64 (g_variant_get_int64 (a) -
                                                            g_variant_get_int64 (b)));
}

static void
serve_who (HyphaInvocation *invocation,
           gpointer         data)
{
  hypha_invocation_return (invocation,
                           g_variant_new_string (hypha_invocation_get_from (invocation)));
}

static void
serve_fail (HyphaInvocation *invocation,
            gpointer         data)
{
  hypha_invocation_return_error (invocation, g_error_new (HYPHA_ERROR, HYPHA_ERROR_FAILED,
                                                          "no sums today"));
}

static void
serve_nothing (HyphaInvocation *invocation,
               gpointer         data)
{
  hypha_invocation_return_null (invocation);
}

static void
serve_hold (HyphaInvocation *invocation,
            gpointer         data)
{
  Place *place = data;

  place->held = hypha_invocation_ref (invocation);
}

static const HyphaServiceMethod methods[] = {
  { "math.subtract", "a, b", "a - b", serve_subtract },
  { "who", "", "Who calls.", serve_who },
  { "fail", "", "Fails.", serve_fail },
  { "nothing", "", "Returns null.", serve_nothing },
  { "hold", "", "Does not answer.", serve_hold },
};

/* The core starts, and the client connects with both of its services. */
static void
place_start (Place *place)
{
  static const struct
  {
    const char *id;
    const char *visibility;
  } services[] = { { "sums", "protected" }, { "open", "public" } };
  g_autoptr (HyphaUserInfo) user = hypha_user_info_new_root ();
  g_autoptr (GError) error = NULL;

  g_assert_true (hypha_core_start (place->core, NULL, &error));
  g_assert_no_error (error);
  place->client = hypha_local_client_new (place->core->parts.router, "ws-a", "c", user,
                                          hypha_core_get_base_url (place->core));
  for (gsize i = 0; i < G_N_ELEMENTS (services); i++)
    {
      GVariant *config = g_variant_new_parsed ("{'visibility': <%s>}", services[i].visibility);
      g_autoptr (HyphaService) service = hypha_service_new (services[i].id, "Sums", "Adds up.",
                                                            "test", config);

      hypha_service_add_methods (service, methods, G_N_ELEMENTS (methods), place);
      hypha_local_client_register (place->client, place->core->registry, service, &error);
      g_assert_no_error (error);
    }
}

static void
place_stop (Place *place)
{
  g_clear_pointer (&place->held, hypha_invocation_unref);
  g_clear_pointer (&place->client, hypha_local_client_free);
  hypha_core_close (place->core);
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static Place *
place_new (void)
{
  Place *place = g_new0 (Place, 1);

  place->directory = g_dir_make_tmp ("hypha-core-calls-XXXXXX", NULL);
  place->core = hypha_core_new ();
  hypha_core_set_workspace_dir (place->core, place->directory);
  hypha_core_set_port (place->core, 0);
  place_start (place);
  return place;
}

static void
place_free (Place *place)
{
  place_stop (place);
  g_assert_finalize_object (place->core);
  test_remove_directory (place->directory);
  g_free (place->directory);
  g_free (place);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Place, place_free)

static void
called (GObject      *source,
        GAsyncResult *result,
        gpointer      data)
{
  Outcome *outcome = data;

  outcome->value = hypha_core_call_finish (HYPHA_CORE (source), result, &outcome->error);
  outcome->done = TRUE;
}

static void
got (GObject      *source,
     GAsyncResult *result,
     gpointer      data)
{
  Outcome *outcome = data;

  outcome->value = hypha_core_get_service_finish (HYPHA_CORE (source), result, &outcome->error);
  outcome->done = TRUE;
}

/* args is what g_variant_new_parsed() takes, or NULL. */
static void
call (Place      *place,
      const char *service,
      const char *function,
      const char *args,
      Outcome    *outcome)
{
  hypha_core_call_async (place->core, service, function,
                         args != NULL ? g_variant_new_parsed (args) : NULL, 0, NULL, called,
                         outcome);
  g_assert_true (test_wait_flag (&outcome->done));
}

static void
assert_answers (Place      *place,
                const char *service,
                const char *function,
                const char *args,
                const char *expected)
{
  g_auto (Outcome) outcome = { 0 };

  call (place, service, function, args, &outcome);
  g_assert_no_error (outcome.error);
  pair_assert_value (outcome.value, expected);
}

static void
assert_fails (Place      *place,
              const char *service,
              const char *function,
              const char *args,
              int         code,
              const char *message)
{
  g_auto (Outcome) outcome = { 0 };

  call (place, service, function, args, &outcome);
  g_assert_null (outcome.value);
  g_assert_error (outcome.error, HYPHA_ERROR, code);
  if (message != NULL)
    g_assert_cmpstr (outcome.error->message, ==, message);
}

static void
test_calls_arguments (void)
{
  g_autoptr (Place) place = place_new ();

  assert_answers (place, "ws-a/c:sums", "math.subtract", "[<int64 5>, <int64 3>]", "int64 2");
  assert_answers (place, "ws-a/sums", "math.subtract", "(int64 5, int64 3)", "int64 2");
  assert_answers (place, "ws-a/sums", "math.subtract", "{'b': <int64 3>, 'a': <int64 5>}",
                  "int64 2");
  assert_answers (place, "ws-a/sums", "who", NULL, "'*/workspace-manager'");
  assert_answers (place, "ws-a/sums", "who", "()", "'*/workspace-manager'");
  assert_answers (place, "ws-a/open", "who", NULL, "'default/root'");
  assert_answers (place, "ws-a/sums", "nothing", NULL, "@mv nothing");
  assert_answers (place, "ws", "echo", "('hello',)", "'hello'");
  assert_fails (place, "ws-a/sums", "who", "'hello'", HYPHA_ERROR_INVALID_ARGUMENT,
                "arguments are a tuple, an “av” or an “a{sv}”, not “s”");
}

static void
test_calls_errors (void)
{
  g_autoptr (Place) place = place_new ();

  assert_fails (place, "ws-a/sums", "fail", NULL, HYPHA_ERROR_REMOTE, NULL);
  assert_fails (place, "ws-a/sums", "math", NULL, HYPHA_ERROR_REMOTE, NULL);
  assert_fails (place, "ws-a/sum", "who", NULL, HYPHA_ERROR_NOT_FOUND,
                "Service not found: ws-a/sum; there is ws-a/c:sums");
  assert_fails (place, "ws-a/other", "who", NULL, HYPHA_ERROR_NOT_FOUND,
                "Service not found: ws-a/other");
  assert_fails (place, "a/b/c", "who", NULL, HYPHA_ERROR_INVALID_ARGUMENT, NULL);
}

static gboolean
is_held (gpointer data)
{
  return ((Place *) data)->held != NULL;
}

static void
test_calls_cancel_and_close (void)
{
  g_autoptr (Place) place = place_new ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_auto (Outcome) cancelled = { 0 };
  g_auto (Outcome) gone = { 0 };

  hypha_core_call_async (place->core, "ws-a/sums", "hold", NULL, 0, cancellable, called,
                         &cancelled);
  g_assert_true (test_wait (is_held, place));
  g_cancellable_cancel (cancellable);
  g_assert_true (test_wait_flag (&cancelled.done));
  g_assert_error (cancelled.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_pointer (&place->held, hypha_invocation_unref);

  /* The core goes while somebody waits. */
  hypha_core_call_async (place->core, "ws-a/sums", "hold", NULL, 0, NULL, called, &gone);
  g_assert_true (test_wait (is_held, place));
  hypha_core_close (place->core);
  g_assert_true (test_wait_flag (&gone.done));
  g_assert_error (gone.error, HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED);
}

/* Nobody says a word: the callee's end of the pipe is not read. */
static void
test_calls_timeout (void)
{
  g_autoptr (Place) place = place_new ();
  g_auto (Outcome) outcome = { 0 };

  hypha_connection_set_sink (hypha_peer_get_connection (
                               hypha_local_client_get_peer (place->client)), NULL, NULL);
  hypha_core_call_async (place->core, "ws-a/sums", "who", NULL, 20, NULL, called, &outcome);
  g_assert_true (test_wait_flag (&outcome.done));
  g_assert_error (outcome.error, HYPHA_ERROR, HYPHA_ERROR_TIMED_OUT);
}

static void
test_calls_get_service (void)
{
  g_autoptr (Place) place = place_new ();
  g_auto (Outcome) found = { 0 };
  g_auto (Outcome) missed = { 0 };
  const char *id = NULL;

  hypha_core_get_service_async (place->core, g_variant_new_parsed ("{'id': <'ws-a/sums'>}"),
                                g_variant_new_parsed ("{'mode': <'first'>}"), NULL, got, &found);
  g_assert_true (test_wait_flag (&found.done));
  g_assert_no_error (found.error);
  g_assert_true (g_variant_lookup (found.value, "id", "&s", &id));
  g_assert_cmpstr (id, ==, "ws-a/c:sums");

  hypha_core_get_service_async (place->core, g_variant_new_string ("ws-a/summs"), NULL, NULL, got,
                                &missed);
  g_assert_true (test_wait_flag (&missed.done));
  g_assert_error (missed.error, HYPHA_ERROR, HYPHA_ERROR_NOT_FOUND);
  g_assert_cmpstr (missed.error->message, ==,
                   "Service not found: ws-a/summs; there is ws-a/c:sums");
}

static gboolean
lists (Place      *place,
       GVariant   *query,
       const char *wanted)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) list = hypha_core_list_services (place->core, query, &error);
  gboolean found = FALSE;

  g_assert_no_error (error);
  g_assert_true (g_variant_is_of_type (list, G_VARIANT_TYPE ("av")));
  for (gsize i = 0; i < g_variant_n_children (list); i++)
    {
      g_autoptr (GVariant) record = NULL;
      const char *id = NULL;

      g_variant_get_child (list, i, "v", &record);
      g_assert_true (g_variant_lookup (record, "id", "&s", &id));
      found = found || g_str_equal (id, wanted);
    }

  return found;
}

static void
test_calls_list_services (void)
{
  g_autoptr (Place) place = place_new ();
  g_autoptr (GError) error = NULL;

  g_assert_true (lists (place, NULL, "default/root:default"));
  g_assert_true (lists (place, g_variant_new_string ("ws-a"), "ws-a/c:sums"));
  g_assert_true (lists (place, g_variant_new_parsed ("{'workspace': <'ws-a'>, 'type': <'test'>}"),
                        "ws-a/c:sums"));
  g_assert_false (lists (place, g_variant_new_parsed ("{'workspace': <'ws-a'>, 'type': <'x'>}"),
                         "ws-a/c:sums"));
  g_assert_null (hypha_core_list_services (place->core, g_variant_new_parsed ("{'what': <1>}"),
                                           &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT);
}

/* The host program's own service, in default: found by its bare id, and by nobody's list elsewhere. */
static void
test_calls_root_registers (void)
{
  g_autoptr (Place) place = place_new ();
  HyphaLocalClient *root = hypha_manager_get_root (place->core->parts.manager);
  g_autoptr (HyphaService) service = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (Outcome) found = { 0 };
  const char *id = NULL;

  service = hypha_service_new ("root-sums", "Sums", "Adds up.", "test",
                               g_variant_new_parsed ("@a{sv} {}"));
  hypha_service_add_methods (service, methods, G_N_ELEMENTS (methods), place);
  g_assert_true (hypha_local_client_register (root, place->core->registry, service, &error));
  g_assert_no_error (error);

  hypha_core_get_service_async (place->core, g_variant_new_string ("root-sums"), NULL, NULL, got,
                                &found);
  g_assert_true (test_wait_flag (&found.done));
  g_assert_no_error (found.error);
  g_assert_true (g_variant_lookup (found.value, "id", "&s", &id));
  g_assert_cmpstr (id, ==, "default/root:root-sums");
  assert_answers (place, "root-sums", "math.subtract", "(5, 3)", "int64 2");

  g_assert_true (lists (place, g_variant_new_string ("default"), "default/root:root-sums"));
  g_assert_true (lists (place, NULL, "default/root:root-sums"));
  g_assert_false (lists (place, g_variant_new_string ("ws-a"), "default/root:root-sums"));
}

/* Behind a proxy that speaks TLS: what clients are told leads there. */
static void
test_calls_behind_tls (void)
{
  g_autoptr (Place) place = place_new ();
  g_auto (Outcome) manager = { 0 };
  g_auto (Outcome) sums = { 0 };
  g_autoptr (GVariant) echo = NULL;
  g_autoptr (GVariant) config = NULL;
  const char *text = NULL;

  place_stop (place);
  hypha_core_set_base_url (place->core, "wss://hypha.example.org/ws");
  place_start (place);

  hypha_core_get_service_async (place->core, g_variant_new_string ("ws"), NULL, NULL, got, &manager);
  g_assert_true (test_wait_flag (&manager.done));
  echo = g_variant_lookup_value (manager.value, "echo", G_VARIANT_TYPE_VARDICT);
  g_assert_true (g_variant_lookup (echo, "_rserver", "&s", &text));
  g_assert_cmpstr (text, ==, "https://hypha.example.org");
  config = g_variant_lookup_value (manager.value, "config", G_VARIANT_TYPE_VARDICT);
  g_assert_true (g_variant_lookup (config, "public_base_url", "&s", &text));
  g_assert_cmpstr (text, ==, "https://hypha.example.org");
  g_assert_true (g_variant_lookup (config, "local_base_url", "&s", &text));
  g_assert_cmpstr (text, ==, "https://hypha.example.org");
  g_assert_true (g_variant_lookup (config, "login_service_url", "&s", &text));
  g_assert_cmpstr (text, ==, "https://hypha.example.org/public/services/hypha-login");
  g_assert_true (g_variant_lookup (config, "hypha_version", "&s", &text));
  g_assert_true (g_variant_lookup (config, "server_id", "&s", &text));
  g_assert_true (g_uuid_string_is_valid (text));
  g_clear_pointer (&config, g_variant_unref);

  hypha_core_get_service_async (place->core, g_variant_new_string ("ws-a/sums"), NULL, NULL, got,
                                &sums);
  g_assert_true (test_wait_flag (&sums.done));
  config = g_variant_lookup_value (sums.value, "config", G_VARIANT_TYPE_VARDICT);
  g_assert_true (g_variant_lookup (config, "url", "&s", &text));
  g_assert_cmpstr (text, ==, "https://hypha.example.org/ws-a/services/c:sums");
}

/* H20: what one core of a program has, another one has nothing of. */
static void
test_calls_two_cores (void)
{
  g_autoptr (Place) place = place_new ();
  g_autofree char *directory = g_dir_make_tmp ("hypha-core-calls-XXXXXX", NULL);
  Place other = { .core = hypha_core_new () };
  g_autofree char *token = NULL;
  g_autoptr (HyphaToken) seen = NULL;
  g_autoptr (HyphaToken) own = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (Outcome) made = { 0 };

  hypha_core_set_workspace_dir (other.core, directory);
  hypha_core_set_port (other.core, 0);
  g_assert_true (hypha_core_start (other.core, NULL, NULL));
  g_assert_true (lists (place, g_variant_new_string ("ws-a"), "ws-a/c:sums"));
  g_assert_false (lists (&other, g_variant_new_string ("ws-a"), "ws-a/c:sums"));
  assert_fails (&other, "ws-a/c:sums", "who", NULL, HYPHA_ERROR_NOT_FOUND,
                "Service not found: ws-a/c:sums");
  g_assert_false (hypha_core_disconnect_client (other.core, "ws-a/c", 1000, "", NULL));
  g_assert_cmpuint (g_list_model_get_n_items (hypha_core_get_services (place->core)), ==, 2);
  g_assert_cmpuint (g_list_model_get_n_items (hypha_core_get_services (other.core)), ==, 0);

  call (place, "ws", "create_workspace", "[<{'id': <'team-x'>}>]", &made);
  g_assert_no_error (made.error);
  assert_fails (&other, "ws", "get_workspace_info", "[<'team-x'>]", HYPHA_ERROR_REMOTE, NULL);

  token = hypha_core_generate_token (place->core, "ws-a", "alice", 60, NULL);
  own = hypha_authority_verify (place->core->authority, token, HYPHA_TOKEN_AUDIENCE_API, NULL);
  g_assert_nonnull (own);
  seen = hypha_authority_verify (other.core->authority, token, HYPHA_TOKEN_AUDIENCE_API, &error);
  g_assert_null (seen);
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_UNAUTHENTICATED);

  hypha_core_close (other.core);
  assert_answers (place, "ws-a/c:sums", "who", NULL, "'*/workspace-manager'");
  g_assert_finalize_object (other.core);
  test_remove_directory (directory);
}

static void
test_calls_not_running (void)
{
  g_autoptr (HyphaCore) core = hypha_core_new ();
  g_autoptr (GError) error = NULL;
  g_auto (Outcome) call = { 0 };
  g_auto (Outcome) service = { 0 };

  g_assert_null (hypha_core_list_services (core, NULL, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED);
  hypha_core_call_async (core, "ws", "echo", NULL, 0, NULL, called, &call);
  g_assert_true (test_wait_flag (&call.done));
  g_assert_error (call.error, HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED);
  hypha_core_get_service_async (core, g_variant_new_string ("ws"), NULL, NULL, got, &service);
  g_assert_true (test_wait_flag (&service.done));
  g_assert_error (service.error, HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/core/calls/arguments", test_calls_arguments);
  g_test_add_func ("/core/calls/errors", test_calls_errors);
  g_test_add_func ("/core/calls/cancel-and-close", test_calls_cancel_and_close);
  g_test_add_func ("/core/calls/timeout", test_calls_timeout);
  g_test_add_func ("/core/calls/get-service", test_calls_get_service);
  g_test_add_func ("/core/calls/list-services", test_calls_list_services);
  g_test_add_func ("/core/calls/root-registers", test_calls_root_registers);
  g_test_add_func ("/core/calls/behind-tls", test_calls_behind_tls);
  g_test_add_func ("/core/calls/two-cores", test_calls_two_cores);
  g_test_add_func ("/core/calls/not-running", test_calls_not_running);
  return g_test_run ();
}
