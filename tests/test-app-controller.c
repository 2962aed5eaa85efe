/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "test-app-fixture.h"
#include "test-utils.h"

static GVariant *
an_error (const char *text)
{
  return g_variant_new_parsed ("{'_rtype': <'error'>, '_rvalue': <%s>}", text);
}

static void
test_app_load (void)
{
  g_autoptr (Desk) desk = desk_new ();
  g_autoptr (Client) page = NULL;
  g_autoptr (GVariant) run = NULL;
  g_autofree char *id = NULL;
  const char *text = NULL;

  desk_load (desk, PLUGIN);
  page = desk_open_page (desk);
  g_assert_cmpstr (hypha_window_info_get_name (desk->window), ==, "Hello");
  g_assert_true (hypha_window_info_is_plugin (desk->window));
  page_export (page);
  page_serve (page, "services.default.setup", "resolve", g_variant_new_parsed ("@mv nothing"));
  g_assert_false (desk->done);
  page_serve (page, "services.default.run", "resolve", g_variant_new_parsed ("@mv nothing"));
  g_assert_true (test_wait_flag (&desk->done));
  g_assert_no_error (desk->error);
  id = g_strdup_printf ("desktop/%s:default", hypha_window_info_get_client_id (desk->window));
  g_assert_true (g_variant_lookup (desk->service, "id", "&s", &text));
  g_assert_cmpstr (text, ==, id);
  g_assert_nonnull (hypha_registry_lookup (desk->hub->registry, id));

  /* The window closes: its services leave with it. */
  hypha_app_controller_window_closed (desk->apps, desk->window);
  g_assert_null (hypha_registry_lookup (desk->hub->registry, id));
  g_assert_cmpuint (hypha_app_controller_get_n_windows (desk->apps), ==, 0);
  client_wait_closed (page);
}

/* Members find a window by its name, its id, its client or its service; others do not. */
static void
test_app_find (void)
{
  g_autoptr (Desk) desk = desk_new ();
  g_autofree char *token = hub_token (desk->hub, "desktop", "alice");
  g_autofree char *other = hub_token (desk->hub, "ws-b", "bob");
  g_autoptr (Client) member = hub_connect (desk->hub, "m", token);
  g_autoptr (Client) stranger = hub_connect (desk->hub, "s", other);
  g_autoptr (Client) page = NULL;
  g_autofree char *service = NULL;
  const char *id;

  desk_load (desk, PLUGIN);
  page = desk_open_page (desk);
  id = hypha_window_info_get_id (desk->window);
  client_assert_says (member, "get_window", g_variant_new_parsed ("[<'Hello'>]"),
                      "'service': <@mv nothing>");
  page_export (page);
  page_serve (page, "services.default.setup", "resolve", g_variant_new_parsed ("@mv nothing"));
  page_serve (page, "services.default.run", "resolve", g_variant_new_parsed ("@mv nothing"));
  g_assert_true (test_wait_flag (&desk->done));

  service = g_strdup_printf ("desktop/%s:default", hypha_window_info_get_client_id (desk->window));
  client_assert_says (member, "get_window", g_variant_new_parsed ("[<'Hello'>]"), service);
  client_assert_says (member, "get_window", g_variant_new_parsed ("[<{'id': <%s>}>]", id), service);
  client_assert_says (member, "get_window", g_variant_new_parsed ("[<{'name': <'None'>}>]"),
                      "nothing");
  client_assert_says (member, "get_window", g_variant_new_parsed ("[<{'name': <int64 1>}>]"),
                      "nothing");
  client_assert_says (stranger, "get_window", g_variant_new_parsed ("[<'Hello'>]"), "nothing");
  client_assert_says (member, "get_plugin", g_variant_new_parsed ("[<{'id': <%s>}>]", service),
                      "'run'");
  client_assert_says (member, "get_app", g_variant_new_parsed ("[<{'name': <'Hello'>}>]"),
                      "'setup'");
  client_assert_says (member, "get_app", g_variant_new_parsed ("[<@a{sv} {}>]"),
                      "Please provide either id or name for the plugin");
  client_assert_says (stranger, "get_app", g_variant_new_parsed ("[<{'id': <%s>}>]", service),
                      "nothing");
}

static void
test_app_setup_error_is_logged (void)
{
  g_autoptr (Desk) desk = desk_new ();
  g_autoptr (Client) page = NULL;

  test_expect_log ("hypha-apps", G_LOG_LEVEL_MESSAGE, "*setup() failed: broken");
  desk_load (desk, PLUGIN);
  page = desk_open_page (desk);
  page_export (page);
  page_serve (page, "services.default.setup", "reject", an_error ("broken"));
  page_serve (page, "services.default.run", "resolve", g_variant_new_parsed ("@mv nothing"));
  g_assert_true (test_wait_flag (&desk->done));
  g_assert_no_error (desk->error);
  test_assert_expected_logs ();
}

static void
test_app_run_error_fails (void)
{
  g_autoptr (Desk) desk = desk_new ();
  g_autoptr (Client) page = NULL;

  test_expect_log ("hypha-apps", G_LOG_LEVEL_MESSAGE, "*run() failed: broken");
  desk_load (desk, PLUGIN);
  page = desk_open_page (desk);
  page_export (page);
  page_serve (page, "services.default.setup", "resolve", g_variant_new_parsed ("@mv nothing"));
  page_serve (page, "services.default.run", "reject", an_error ("broken"));
  g_assert_true (test_wait_flag (&desk->done));
  g_assert_error (desk->error, HYPHA_ERROR, HYPHA_ERROR_REMOTE);
  g_assert_cmpstr (desk->error->message, ==, "run() of Hello failed: broken");
  test_assert_expected_logs ();
}

static void
test_app_no_host (void)
{
  g_autoptr (Desk) desk = desk_new ();
  g_autoptr (Client) client = hub_connect (desk->hub, "a", NULL);
  g_autofree char *error = NULL;
  static const char *const methods[] = { "load_app", "load_plugin", "create_window" };

  desk->hosted = FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (methods); i++)
    {
      g_clear_pointer (&error, g_free);
      g_assert_null (client_call_manager (client, methods[i],
                                          g_variant_new_parsed ("[<{'src': <%s>}>]", PLUGIN),
                                          &error));
      g_assert_nonnull (strstr (error, "requires browser environment"));
      g_assert_nonnull (strstr (error, "window host"));
    }
}

static void
test_app_anonymous_may_not (void)
{
  g_autoptr (Desk) desk = desk_new ();
  g_autoptr (Client) client = hub_connect (desk->hub, "a", NULL);
  g_autofree char *error = NULL;

  g_assert_null (client_call_manager (client, "load_app", g_variant_new_parsed ("[<%s>]", PLUGIN),
                                      &error));
  g_assert_true (g_str_has_prefix (error, "Permission denied: anonymous users cannot open"));
  g_assert_null (desk->window);
}

static void
test_app_bad_sources (void)
{
  g_autoptr (Desk) desk = desk_new ();
  static const char *const sources[] = {
    "", "nonsense", "<config lang=\"json\">{</config>", "/etc/passwd",
    "<config lang=\"json\">{\"name\": \"x\", \"type\": \"native-python\"}</config>",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (sources); i++)
    {
      desk_load (desk, sources[i]);
      g_assert_true (test_wait_flag (&desk->done));
      g_assert_nonnull (desk->error);
      g_assert_null (desk->window);
    }
}

/* What may not be fetched for a client is refused with the way out. */
static void
test_app_local_sources (void)
{
  g_autoptr (Desk) desk = desk_new ();
  static const char *const sources[] = { "/tmp/x.imjoy.html", "http://127.0.0.1:1/x.imjoy.html" };

  for (gsize i = 0; i < G_N_ELEMENTS (sources); i++)
    {
      desk_load (desk, sources[i]);
      g_assert_true (test_wait_flag (&desk->done));
      g_assert_error (desk->error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED);
      g_assert_nonnull (strstr (desk->error->message, "send the source text"));
    }
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/apps/controller/load", test_app_load);
  g_test_add_func ("/apps/controller/find", test_app_find);
  g_test_add_func ("/apps/controller/setup-error-is-logged", test_app_setup_error_is_logged);
  g_test_add_func ("/apps/controller/run-error-fails", test_app_run_error_fails);
  g_test_add_func ("/apps/controller/no-host", test_app_no_host);
  g_test_add_func ("/apps/controller/anonymous-may-not", test_app_anonymous_may_not);
  g_test_add_func ("/apps/controller/bad-sources", test_app_bad_sources);
  g_test_add_func ("/apps/controller/local-sources", test_app_local_sources);
  return g_test_run ();
}
