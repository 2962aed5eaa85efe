/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "test-hub-fixture.h"
#include "test-utils.h"

static void
test_manager_describes_itself (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) client = hub_connect (hub, "a", NULL);
  g_autoptr (GVariant) service = NULL;
  g_autoptr (GVariant) echo = NULL;
  g_autoptr (GVariant) config = NULL;
  const char *text = NULL;
  gboolean context = FALSE;

  service = client_call (client, HYPHA_ADDRESS_MANAGER, "services.built-in.get_service",
                         g_variant_new_parsed ("[<'default'>]"), NULL);
  g_assert_true (g_variant_lookup (service, "id", "&s", &text));
  g_assert_cmpstr (text, ==, "default");
  config = g_variant_lookup_value (service, "config", G_VARIANT_TYPE_VARDICT);
  g_assert_true (g_variant_lookup (config, "visibility", "&s", &text));
  g_assert_cmpstr (text, ==, "public");
  g_assert_true (g_variant_lookup (config, "require_context", "b", &context));
  g_assert_true (context);
  g_assert_true (g_variant_lookup (service, "name", "&s", &text));
  g_assert_cmpstr (text, ==, "Default workspace management service");
  g_assert_true (g_variant_lookup (service, "description", "&s", &text));
  g_assert_cmpstr (text, ==, "Services for managing workspace.");
  echo = g_variant_lookup_value (service, "echo", G_VARIANT_TYPE_VARDICT);
  g_assert_true (g_variant_lookup (echo, "_rtarget", "&s", &text));
  g_assert_cmpstr (text, ==, "*/workspace-manager");
  g_assert_true (g_variant_lookup (echo, "_rmethod", "&s", &text));
  g_assert_cmpstr (text, ==, "services.default.echo");
  g_assert_true (g_variant_lookup (echo, "_rserver", "&s", &text));
  g_assert_cmpstr (text, ==, "http://127.0.0.1:9527");
}

static void
assert_echo (Client     *client,
             const char *value)
{
  g_autoptr (GVariant) sent = g_variant_new_parsed (value);
  g_autoptr (GVariant) got = NULL;
  g_autofree char *error = NULL;

  g_variant_ref_sink (sent);
  got = client_call_manager (client, "echo", g_variant_new_parsed ("[<%*>]", sent), &error);
  g_assert_cmpstr (error, ==, NULL);
  g_assert_cmpvariant (got, sent);
}

static void
test_manager_echo (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) client = hub_connect (hub, "a", NULL);

  assert_echo (client, "true");
  assert_echo (client, "int64 -5");
  assert_echo (client, "int64 9007199254740993");
  assert_echo (client, "uint64 18446744073709551615");
  assert_echo (client, "2.5");
  assert_echo (client, "'größe'");
  assert_echo (client, "@ay [1, 2, 3]");
  assert_echo (client, "[<int64 1>, <'a'>, <[<@mv nothing>]>]");
  assert_echo (client, "{'a': <int64 1>}");
  assert_echo (client, "@mv nothing");
  /* A date, as an extension type that nobody here understands. */
  assert_echo (client, "(byte 0xff, @ay [0, 0, 0, 1])");
}

/* A function stays that of the client that sent it. */
static void
test_manager_echo_function (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) client = hub_connect (hub, "c", token);
  g_autoptr (GVariant) got = NULL;
  g_autoptr (GVariant) function = NULL;
  const char *target = NULL;

  got = client_call_manager (client, "echo",
                             g_variant_new_parsed ("[<{'f': <{'_rtype': <'method'>,"
                                                   " '_rtarget': <'c'>, '_rmethod': <'s.1'>}>}>]"),
                             NULL);
  function = g_variant_lookup_value (got, "f", G_VARIANT_TYPE_VARDICT);
  g_assert_true (g_variant_lookup (function, "_rtarget", "&s", &target));
  g_assert_cmpstr (target, ==, "ws-a/c");
}

static void
test_manager_keyword_arguments (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) client = hub_connect (hub, "a", NULL);
  g_autoptr (GVariant) envelope = NULL;
  g_autoptr (GVariant) extra = NULL;
  g_autofree char *printed = NULL;

  client_send (client,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <'*/workspace-manager'>,"
                                     " 'method': <'services.default.echo'>, 'session': <'s'>}"),
               g_variant_new_parsed ("{'args': <[<{'data': <'named'>, 'context': <'lie'>}>]>,"
                                     " 'with_kwargs': <true>, 'promise': <'*'>}"));
  envelope = client_take (client, &extra);
  printed = g_variant_print (extra, FALSE);
  g_assert_cmpstr (printed, ==, "{'args': <[<'named'>]>}");
}

static void
test_manager_unknown_method (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) client = hub_connect (hub, "a", NULL);
  g_autofree char *error = NULL;

  g_assert_null (client_call_manager (client, "no_such", g_variant_new_parsed ("@av []"), &error));
  g_assert_true (g_str_has_prefix (error, "Method not found: "));
}

/* H9: only one's own services can be registered and unregistered. */
static void
test_manager_foreign_ids (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) client = hub_connect (hub, "p", token);
  static const char *const foreign[] = { "ws-c/carol:evil", "carol:evil", "carol:built-in",
                                         "*:x", "ws-c/p:x" };

  for (gsize i = 0; i < G_N_ELEMENTS (foreign); i++)
    {
      g_autofree char *error = NULL;

      g_assert_null (client_call_manager (client, "register_service",
                                          g_variant_new_parsed ("[<{'id': <%s>}>]", foreign[i]),
                                          &error));
      g_assert_true (g_str_has_prefix (error, "Permission denied: cannot register service"));
      g_clear_pointer (&error, g_free);
      g_assert_null (client_call_manager (client, "unregister_service",
                                          g_variant_new_parsed ("[<%s>]", foreign[i]), &error));
      g_assert_true (g_str_has_prefix (error, "Permission denied: cannot unregister service"));
    }
}

static void
test_manager_default_workspace (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "default", "alice");
  g_autoptr (Client) client = hub_connect (hub, "p", token);
  g_autofree char *error = NULL;

  client_register (client, "built-in", "public");
  client_register (client, "default", "public");
  g_assert_null (client_call_manager (client, "register_service",
                                      g_variant_new_parsed ("[<{'id': <'x'>}>]"), &error));
  g_assert_cmpstr (error, ==, "Access denied: Only root user can register services in 'default' "
                              "workspace. Current client: default/p");
}

static void
test_manager_services_per_client_limit (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) client = hub_connect (hub, "p", token);
  g_autofree char *error = NULL;

  for (guint i = 0; i < HYPHA_REGISTRY_MAX_SERVICES; i++)
    {
      g_autofree char *id = g_strdup_printf ("s%u", i);

      client_register (client, id, "public");
    }

  g_assert_null (client_call_manager (client, "register_service",
                                      g_variant_new_parsed ("[<{'id': <'more'>}>]"), &error));
  g_assert_cmpstr (error, ==, "a client may register 1000 services, not more");
}

static void
test_manager_record_size_limit (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) client = hub_connect (hub, "p", NULL);
  g_autofree char *docs = g_strnfill (HYPHA_REGISTRY_MAX_RECORD, 'x');
  g_autofree char *error = NULL;

  g_assert_null (client_call_manager (client, "register_service",
                                      g_variant_new_parsed ("[<{'id': <'x'>, 'docs': <%s>}>]",
                                                            docs), &error));
  g_assert_cmpstr (error, ==, "the description of service 'x' is larger than 1048576 bytes");
}

/* H18: what a client registered leaves with it, and the others are told. */
static void
test_manager_disconnect (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) watcher = hub_connect (hub, "w", token);
  g_autoptr (GVariant) done = NULL;
  g_autoptr (GVariant) removed = NULL;
  g_autoptr (GVariant) gone = NULL;
  g_autofree char *removed_text = NULL;
  g_autofree char *gone_text = NULL;
  Client *provider = hub_connect (hub, "p", token);

  client_register (provider, "calc", "public");
  done = client_call_manager (watcher, "subscribe",
                              g_variant_new_parsed ("[<[<'client_disconnected'>,"
                                                    " <'service_removed'>]>]"), NULL);
  client_free (provider);
  removed = client_take (watcher, NULL);
  gone = client_take (watcher, NULL);
  g_assert_null (hypha_registry_lookup (hub->registry, "ws-a/p:calc"));
  removed_text = g_variant_print (removed, FALSE);
  gone_text = g_variant_print (gone, FALSE);
  g_assert_nonnull (strstr (removed_text, "'service_removed'"));
  g_assert_nonnull (strstr (removed_text, "'ws-a/p:calc'"));
  g_assert_nonnull (strstr (gone_text, "'client_disconnected'"));
  g_assert_nonnull (strstr (gone_text, "'id': <'p'>"));
  g_assert_nonnull (strstr (gone_text, "'from': <'*/workspace-manager'>"));
}

/* H8: a token never says more than its maker may. */
static void
test_manager_tokens_only_narrow (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) client = hub_connect (hub, "p", token);
  g_autoptr (Client) anonymous = hub_connect (hub, "x", NULL);
  g_autoptr (GVariant) minted = NULL;
  g_autoptr (HyphaToken) parsed = NULL;
  g_autoptr (GError) failure = NULL;
  static const char *const bad[] = {
    "[<{'workspace': <'ws-b'>}>]", "[<{'user_id': <'bob'>}>]", "[<{'roles': <[<'admin'>]>}>]",
    "[<{'scopes': <[<'x'>]>}>]", "[<{'expires_in': <int64 0>}>]", "[<'text'>]",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *error = NULL;

      g_assert_null (client_call_manager (client, "generate_token",
                                          g_variant_new_parsed (bad[i]), &error));
      g_assert_nonnull (error);
    }

  g_assert_null (client_call_manager (anonymous, "generate_token",
                                      g_variant_new_parsed ("@av []"), NULL));
  minted = client_call_manager (client, "generate_token",
                                g_variant_new_parsed ("[<{'expires_in': <int64 300>}>]"), NULL);
  parsed = hypha_token_verify (g_variant_get_string (minted, NULL), hub->secret,
                               HYPHA_TOKEN_AUDIENCE_API, g_get_real_time () / G_USEC_PER_SEC,
                               &failure);
  g_assert_no_error (failure);
  g_assert_cmpstr (parsed->subject, ==, "alice");
  g_assert_cmpstr (parsed->workspace, ==, "ws-a");
  g_assert_cmpint (parsed->expires_at - parsed->issued_at, <=, 300);
  g_assert_false (parsed->client_bound);
}

/* A promise that names somebody else would have the manager speak to that client. */
static void
test_manager_refuses_foreign_promise (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) victim = hub_connect (hub, "v", token);
  g_autoptr (Client) client = hub_connect (hub, "p", token);
  g_autoptr (GVariant) pong = NULL;

  client_send (client,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <'*/workspace-manager'>,"
                                     " 'method': <'services.default.echo'>, 'session': <'s'>}"),
               g_variant_new_parsed ("{'args': <[<'x'>]>, 'promise': <{'resolve':"
                                     " <{'_rtarget': <'ws-a/v'>, '_rmethod': <'services.a.b'>}>}>}"));
  pong = client_call_manager (client, "echo", g_variant_new_parsed ("[<'y'>]"), NULL);
  g_assert_nonnull (pong);
  g_assert_true (g_queue_is_empty (&victim->binaries));
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/hub/manager/describes-itself", test_manager_describes_itself);
  g_test_add_func ("/hub/manager/echo", test_manager_echo);
  g_test_add_func ("/hub/manager/echo-function", test_manager_echo_function);
  g_test_add_func ("/hub/manager/keyword-arguments", test_manager_keyword_arguments);
  g_test_add_func ("/hub/manager/unknown-method", test_manager_unknown_method);
  g_test_add_func ("/hub/manager/foreign-ids", test_manager_foreign_ids);
  g_test_add_func ("/hub/manager/default-workspace", test_manager_default_workspace);
  g_test_add_func ("/hub/manager/services-per-client-limit",
                   test_manager_services_per_client_limit);
  g_test_add_func ("/hub/manager/record-size-limit", test_manager_record_size_limit);
  g_test_add_func ("/hub/manager/disconnect", test_manager_disconnect);
  g_test_add_func ("/hub/manager/tokens-only-narrow", test_manager_tokens_only_narrow);
  g_test_add_func ("/hub/manager/refuses-foreign-promise", test_manager_refuses_foreign_promise);
  return g_test_run ();
}
