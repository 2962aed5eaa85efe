/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-lookup-private.h"
#include "hypha-registration-private.h"
#include "test-hub-fixture.h"
#include "test-utils.h"

static void
assert_done (Client     *client,
             const char *method,
             const char *args)
{
  g_variant_unref (client_must_call (client, method, args));
}

static gboolean
is_registered (Hub        *hub,
               const char *id)
{
  return hypha_registry_lookup (hub->registry, id) != NULL;
}

static void
test_registration_id_forms (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  static const char *const ids[] = { "svc", "a:svc", "ws-a/a:svc" };
  g_autoptr (GVariant) stored = NULL;
  const char *id = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (ids); i++)
    {
      g_autofree char *record = g_strdup_printf ("[<{'id': <'%s'>}>]", ids[i]);
      g_autofree char *bare = g_strdup_printf ("[<'%s@*'>]", ids[i]);

      assert_done (a, "register_service", record);
      g_assert_true (is_registered (hub, "ws-a/a:svc"));
      assert_done (a, "unregister_service", bare);
      g_assert_false (is_registered (hub, "ws-a/a:svc"));
    }

  stored = client_must_call (a, "register_service", "[<{'name': <'by-name'>}>]");
  g_assert_true (g_variant_lookup (stored, "id", "&s", &id));
  g_assert_cmpstr (id, ==, "ws-a/a:by-name");
  client_assert_refused (a, "register_service", "[<{'id': <'invalid/service/id'>}>]",
                         "Service id must contain at most one '/'");
  client_assert_refused (a, "register_service", "[<{'id': <'invalid/id'>}>]",
                         "Service id must not contain '/'");
  client_assert_refused (a, "register_service", "[<@a{sv} {}>]", "Service id is required");
  client_assert_refused (a, "register_service", "[<{'id': <'a b'>}>]",
                         "without / : @ * . and white");
  client_assert_refused (a, "register_service", "[<int64 1>]", "a service must be a map");
  client_assert_refused (a, "register_service", "[<{'id': <'s'>}>, <int64 1>]", "must be a map");

  /* A text unregisters, as old clients do. */
  assert_done (a, "register_service", "[<'by-name'>]");
  g_assert_false (is_registered (hub, "ws-a/a:by-name"));
}

static void
test_registration_app (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  g_autoptr (GVariant) stored = client_must_call (a, "register_service",
                                                  "[<{'id': <'svc@app-1'>}>]");
  const char *app = NULL;

  g_assert_true (g_variant_lookup (stored, "app_id", "&s", &app));
  g_assert_cmpstr (app, ==, "app-1");
  assert_done (a, "unregister_service", "[<'svc@other'>]");
  g_assert_true (is_registered (hub, "ws-a/a:svc"));
  assert_done (a, "unregister_service", "[<'a:svc@app-1'>]");
  g_assert_false (is_registered (hub, "ws-a/a:svc"));
}

/* By position, by name, and one of each. */
static void
test_registration_named_arguments (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  g_autofree char *error = NULL;

  g_variant_unref (client_call_named (a, "register_service", g_variant_new ("av", NULL),
                                      g_variant_new_parsed ("{'service': <{'id': <'s'>}>,"
                                                            " 'nonsense': <'x'>}"), NULL));
  g_assert_true (is_registered (hub, "ws-a/a:s"));
  g_assert_null (client_call_named (a, "register_service",
                                    g_variant_new_parsed ("[<{'id': <'s'>}>]"),
                                    g_variant_new_parsed ("{'config': <{'overwrite': <false>}>}"),
                                    &error));
  g_assert_cmpstr (error, ==, "Service already exists: ws-a/a:s, please specify a different id "
                              "(not ws-a/a:s) or overwrite=true");
  g_variant_unref (client_call_named (a, "unregister_service",
                                      g_variant_new_parsed ("[<@mv nothing>]"),
                                      g_variant_new_parsed ("{'service_id': <'s'>}"), NULL));
  g_assert_false (is_registered (hub, "ws-a/a:s"));
}

static void
test_registration_overwrite (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);

  assert_done (a, "register_service", "[<{'id': <'s'>, 'config': <{'overwrite': <false>}>}>]");
  client_assert_refused (a, "register_service",
                         "[<{'id': <'s'>, 'config': <{'overwrite': <false>}>}>]",
                         "Service already exists: ws-a/a:s");
  assert_done (a, "register_service", "[<{'id': <'s'>}>]");
  assert_done (a, "register_service", "[<{'id': <'s'>}>, <{'overwrite': <true>}>]");
}

static void
test_registration_singleton (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autofree char *other_token = hub_token (hub, "ws-b", "bob");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  g_autoptr (Client) b = hub_connect (hub, "b", token);
  g_autoptr (Client) other = hub_connect (hub, "o", other_token);

  assert_done (a, "register_service", "[<{'id': <'s'>, 'config': <{'singleton': <true>}>}>]");
  assert_done (a, "register_service", "[<{'id': <'s'>, 'config': <{'singleton': <true>}>}>]");
  client_assert_refused (b, "register_service", "[<{'id': <'s'>}>]",
                         "A singleton service with the same name (s)");
  assert_done (other, "register_service", "[<{'id': <'s'>}>]");
  assert_done (b, "register_service", "[<{'id': <'t'>}>]");
  assert_done (a, "unregister_service", "[<'s'>]");
  assert_done (b, "register_service", "[<{'id': <'s'>}>]");
}

/* Nobody lists what is private, and only its workspace gets it. */
static void
test_registration_private (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  g_autoptr (Client) stranger = hub_connect (hub, "x", NULL);
  g_autoptr (GVariant) listed = NULL;
  g_autoptr (GVariant) all = NULL;

  client_register (a, "s", "private");
  listed = client_must_call (a, "list_services", "@av []");
  g_assert_cmpuint (g_variant_n_children (listed), ==, 0);
  all = client_must_call (a, "list_services", "[<{'include_unlisted': <true>}>]");
  g_assert_cmpuint (g_variant_n_children (all), ==, 3);
  client_assert_refused (stranger, "get_service", "[<'ws-a/a:s'>]",
                         "Permission denied for getting protected service: s");
}

static void
test_registration_authorized_workspaces (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autofree char *friend_token = hub_token (hub, "ws-b", "bob");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  g_autoptr (Client) friend = hub_connect (hub, "f", friend_token);
  g_autoptr (GVariant) own = NULL;
  g_autoptr (GVariant) seen = NULL;
  g_autofree char *printed = NULL;
  g_autofree char *printed_own = NULL;

  client_assert_refused (a, "register_service",
                         "[<{'id': <'s'>, 'config': <{'visibility': <'public'>,"
                         " 'authorized_workspaces': <[<'ws-b'>]>}>}>]",
                         "authorized_workspaces can only be set when visibility is 'protected', "
                         "got visibility='public'");
  assert_done (a, "register_service",
               "[<{'id': <'s'>, 'config': <{'authorized_workspaces': <[<'ws-b'>]>}>}>]");
  own = client_must_call (a, "list_services", "@av []");
  printed_own = g_variant_print (own, FALSE);
  g_assert_nonnull (strstr (printed_own, "authorized_workspaces"));
  seen = client_must_call (friend, "list_services", "[<'ws-a'>]");
  g_assert_cmpuint (g_variant_n_children (seen), ==, 1);
  printed = g_variant_print (seen, FALSE);
  g_assert_null (strstr (printed, "authorized_workspaces"));
}

static void
test_registration_local_only (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  g_autoptr (GVariant) stored = NULL;
  g_autofree char *printed = NULL;

  assert_done (a, "register_service", "[<{'id': <'_rintf_1'>}>]");
  assert_done (a, "register_service", "[<{'id': <'s'>, 'config': <{'_local_only': <true>}>}>]");
  g_assert_false (is_registered (hub, "ws-a/a:_rintf_1"));
  g_assert_false (is_registered (hub, "ws-a/a:s"));
  stored = client_must_call (a, "register_service",
                             "[<{'id': <'t'>, 'config': <{'_rintf_allowed_caller': <'x'>,"
                             " '_local_only': <false>}>}>]");
  printed = g_variant_print (stored, FALSE);
  g_assert_null (strstr (printed, "_rintf_allowed_caller"));
  g_assert_null (strstr (printed, "_local_only"));
}

/* The host program may name any client; and the core's own service is in every list. */
static void
test_registration_by_root (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  HyphaPeer *root = hypha_router_lookup (hub->router, "default/root");
  g_autoptr (GVariant) record = g_variant_ref_sink (
    g_variant_new_parsed ("{'id': <'ws-a/a:svc'>}"));
  g_autoptr (GVariant) stored = NULL;
  g_autoptr (GVariant) listed = NULL;
  g_autoptr (GVariant) first = NULL;
  g_autoptr (GError) error = NULL;
  const char *id = NULL;

  stored = hypha_registration_put (hub->registry, root, record, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (is_registered (hub, "ws-a/a:svc"));

  listed = client_must_call (a, "list_services", "[<'default'>]");
  g_assert_cmpuint (g_variant_n_children (listed), ==, 1);
  g_variant_get_child (listed, 0, "v", &first);
  g_assert_true (g_variant_lookup (first, "id", "&s", &id));
  g_assert_cmpstr (id, ==, "default/root:default");

  /* People are not shown it. */
  g_assert_cmpuint (g_list_model_get_n_items (hypha_registry_get_model (hub->registry)), ==, 1);
}

static void
test_registration_listed_default_works (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) x = hub_connect (hub, "x", NULL);
  g_autoptr (GVariant) service = client_must_call (x, "get_service", "[<'default/root:default'>]");
  g_autoptr (GVariant) echo = g_variant_lookup_value (service, "echo", G_VARIANT_TYPE_VARDICT);
  g_autoptr (GVariant) got = NULL;
  const char *target = NULL;

  g_assert_true (g_variant_lookup (echo, "_rtarget", "&s", &target));
  g_assert_cmpstr (target, ==, "default/root");
  got = client_call (x, target, "services.default.echo", g_variant_new_parsed ("[<'x'>]"), NULL);
  g_assert_cmpstr (g_variant_get_string (got, NULL), ==, "x");
}

static void
serve_flag (HyphaInvocation *invocation,
            gpointer         data)
{
  *(gboolean *) data = TRUE;
  hypha_invocation_return_null (invocation);
}

static void
test_registration_local_client (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (HyphaUserInfo) user = hypha_user_info_new ("bob", NULL, NULL, NULL, 0, FALSE);
  g_autoptr (HyphaLocalClient) local = hypha_local_client_new (hub->router, "ws-a", "l", user, "");
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  g_autoptr (HyphaService) service = NULL;
  g_autoptr (GVariant) found = NULL;
  g_autoptr (GVariant) gone = NULL;
  g_autoptr (GError) error = NULL;
  gboolean set_up = FALSE;
  gboolean called = FALSE;

  service = hypha_service_new ("default", "d", "", "generic", g_variant_new ("a{sv}", NULL));
  hypha_service_add_function (service, "setup", NULL, NULL, NULL, serve_flag, &set_up, NULL);
  hypha_service_add_function (service, "f", NULL, NULL, NULL, serve_flag, &called, NULL);
  g_assert_true (hypha_local_client_register (local, hub->registry, service, &error));
  g_assert_no_error (error);
  g_assert_true (is_registered (hub, "ws-a/l:default"));

  /* A service “default” of this process is set up. */
  g_assert_true (test_wait_flag (&set_up));

  found = client_must_call (a, "get_service", "[<'l:default'>]");
  g_assert_true (g_variant_is_of_type (found, G_VARIANT_TYPE_VARDICT));
  g_variant_unref (client_call (a, "ws-a/l", "services.default.f", g_variant_new ("av", NULL),
                                NULL));
  g_assert_true (called);

  hypha_local_client_unregister (local, hub->registry, "default");
  gone = client_must_call (a, "get_service", "[<'l:default'>]");
  g_assert_true (hypha_rpc_codec_is_null (gone));

  g_assert_true (hypha_local_client_register (local, hub->registry, service, &error));
  g_clear_pointer (&local, hypha_local_client_free);
  g_assert_false (is_registered (hub, "ws-a/l:default"));
}

static void
test_registration_host_function (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) x = hub_connect (hub, "x", NULL);
  static const char *const fixed[] = { "register_service", "unregisterService", "generate_token",
                                       "getService", "list_services" };
  g_autoptr (GError) error = NULL;
  gboolean called = FALSE;

  g_assert_true (hypha_manager_add_function (hub->manager, "sayHello", "name", "Greets.",
                                             serve_flag, &called, NULL, &error));
  g_assert_no_error (error);
  assert_done (x, "say_hello", "@av []");
  g_assert_true (called);
  for (gsize i = 0; i < G_N_ELEMENTS (fixed); i++)
    {
      g_assert_false (hypha_manager_add_function (hub->manager, fixed[i], NULL, NULL, serve_flag,
                                                  &called, NULL, &error));
      g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT);
      g_clear_error (&error);
    }
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_func ("/hub/registration/id-forms", test_registration_id_forms);
  g_test_add_func ("/hub/registration/app", test_registration_app);
  g_test_add_func ("/hub/registration/named-arguments", test_registration_named_arguments);
  g_test_add_func ("/hub/registration/overwrite", test_registration_overwrite);
  g_test_add_func ("/hub/registration/singleton", test_registration_singleton);
  g_test_add_func ("/hub/registration/private", test_registration_private);
  g_test_add_func ("/hub/registration/authorized-workspaces",
                   test_registration_authorized_workspaces);
  g_test_add_func ("/hub/registration/local-only", test_registration_local_only);
  g_test_add_func ("/hub/registration/by-root", test_registration_by_root);
  g_test_add_func ("/hub/registration/listed-default-works",
                   test_registration_listed_default_works);
  g_test_add_func ("/hub/registration/local-client", test_registration_local_client);
  g_test_add_func ("/hub/registration/host-function", test_registration_host_function);

  return g_test_run ();
}
