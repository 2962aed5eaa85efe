/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-app-controller-private.h"
#include "hypha-window-info-private.h"
#include "test-hub-fixture.h"
#include "test-utils.h"

#define PLUGIN \
  "<config lang=\"json\">{\"name\": \"Hello\", \"type\": \"window\"}</config>\n" \
  "<script lang=\"javascript\">api.export({})</script>\n"

typedef struct _Desk Desk;

/* A hub with a host that takes windows, or has none to give. */
struct _Desk
{
  Hub                *hub;
  HyphaAppController *apps;
  HyphaWindowInfo    *window;   /* the last one asked for */
  guint               removed;
  gboolean            hosted;
  GVariant           *service;  /* of the last load */
  GError             *error;
  gboolean            done;
  guint               n_done;
  void              (*while_adding) (Desk *desk);  /* in add_window, which then fails */
  void              (*when_loaded)  (Desk *desk);
};

static gboolean
desk_has_host (gpointer data)
{
  return ((Desk *) data)->hosted;
}

static gboolean
desk_add_window (HyphaWindowInfo *window,
                 gpointer         data)
{
  Desk *desk = data;

  g_set_object (&desk->window, window);
  if (desk->while_adding == NULL)
    return TRUE;

  desk->while_adding (desk);
  return FALSE;
}

static void
desk_remove_window (HyphaWindowInfo *window,
                    gpointer         data)
{
  ((Desk *) data)->removed++;
}

static const HyphaAppHost desk_host = {
  .has_host = desk_has_host,
  .add_window = desk_add_window,
  .remove_window = desk_remove_window,
};

static Desk *
desk_new (void)
{
  Desk *desk = g_new0 (Desk, 1);

  desk->hub = hub_new ();
  desk->hosted = TRUE;
  desk->apps = hypha_app_controller_new (desk->hub->manager, desk->hub->gate, &desk_host, desk);
  return desk;
}

static gboolean
is_gone (gpointer data)
{
  return *(gpointer *) data == NULL;
}

static void
desk_drop_apps (Desk *desk)
{
  gpointer apps = desk->apps;

  if (apps == NULL)
    return;

  g_object_add_weak_pointer (G_OBJECT (desk->apps), &apps);
  hypha_manager_close (desk->hub->manager);
  hypha_app_controller_close (desk->apps);
  g_clear_object (&desk->apps);
  g_assert_true (test_wait (is_gone, &apps));
}

/* What is still on its way ends in the main loop, and nothing stays behind. */
static void
desk_free (Desk *desk)
{
  desk_drop_apps (desk);
  hub_free (desk->hub);
  g_clear_object (&desk->window);
  g_clear_pointer (&desk->service, g_variant_unref);
  g_clear_error (&desk->error);
  g_free (desk);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Desk, desk_free)

static void
desk_on_loaded (GObject      *source,
                GAsyncResult *result,
                gpointer      data)
{
  Desk *desk = data;

  g_clear_error (&desk->error);
  g_clear_pointer (&desk->service, g_variant_unref);
  desk->service = hypha_app_controller_load_finish (HYPHA_APP_CONTROLLER (source), result, NULL,
                                                    &desk->error);
  desk->done = TRUE;
  desk->n_done++;
  if (desk->when_loaded != NULL)
    desk->when_loaded (desk);
}

static void
desk_load_trusted (Desk            *desk,
                   const char      *source,
                   HyphaFetchFlags  trust)
{
  g_autoptr (GVariant) config = NULL;

  config = g_variant_ref_sink (g_variant_new_parsed ("{'src': <%s>, 'data': <'d'>}", source));
  desk->done = FALSE;
  g_clear_error (&desk->error);
  g_clear_pointer (&desk->service, g_variant_unref);
  hypha_app_controller_load_async (desk->apps, "desktop", trust, config,
                                   NULL, desk_on_loaded, desk);
}

static void
desk_load (Desk       *desk,
           const char *source)
{
  desk_load_trusted (desk, source, HYPHA_FETCH_DEFAULT);
}

static gboolean
desk_has_window (gpointer data)
{
  Desk *desk = data;

  return desk->window != NULL || desk->done;
}

/* The page in the last window: connected, and its identity proven. */
static Client *
desk_open_page (Desk *desk)
{
  g_autoptr (HyphaConnection) far_end = NULL;
  g_autofree char *hello = NULL;
  g_autofree char *text = NULL;
  HyphaConnection *near_end;
  Client *page;

  g_assert_true (test_wait (desk_has_window, desk));
  g_assert_nonnull (desk->window);
  hypha_pipe_connection_new_pair (&near_end, &far_end);
  hypha_app_controller_mount (desk->apps, desk->window, far_end);
  page = client_new (near_end);
  hello = g_strdup_printf ("{\"client_id\":\"%s\"}",
                           hypha_window_info_get_client_id (desk->window));
  client_send_text (page, hello);
  text = client_take_text (page);
  g_assert_nonnull (strstr (text, "\"connection_info\""));
  page->id = g_strdup (hypha_window_info_get_client_id (desk->window));
  return page;
}

/* Takes one call, which must be of method, and answers it. */
static void
page_serve (Client     *page,
            const char *method,
            const char *verb,
            GVariant   *answer)
{
  g_autoptr (GVariant) extra = NULL;
  g_autoptr (GVariant) envelope = client_take (page, &extra);
  g_autofree char *reply = NULL;
  const char *called = NULL;
  const char *session = NULL;

  g_assert_true (g_variant_lookup (envelope, "method", "&s", &called));
  g_assert_cmpstr (called, ==, method);
  if (g_str_equal (method, "services.default.run"))
    {
      g_autofree char *printed = g_variant_print (extra, FALSE);

      g_assert_nonnull (strstr (printed, "'data': <'d'>"));
    }

  g_assert_true (g_variant_lookup (envelope, "session", "&s", &session));
  reply = g_strconcat (session, ".", verb, NULL);
  client_send (page,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <'*/workspace-manager'>,"
                                     " 'method': <%s>, 'parent': <%s>}", reply, session),
               g_variant_new_parsed ("{'args': <[<%*>]>}", answer));
}

static void
page_export (Client *page)
{
  /* No session, no answer: the next message is the core's own call. */
  client_send (page,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <'*/workspace-manager'>,"
                                     " 'method': <'services.default.register_service'>}"),
               g_variant_new_parsed ("{'args': <[<{'id': <'default'>,"
                                     " 'config': <{'visibility': <'public'>}>}>]>}"));
  page_serve (page, "services.built-in.get_service", "resolve",
              g_variant_new_parsed ("{'id': <'default'>,"
                                    " 'setup': <{'_rtype': <'method'>, '_rtarget': <%s>}>,"
                                    " 'run': <{'_rtype': <'method'>, '_rtarget': <%s>}>}",
                                    page->id, page->id));
}

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

static void
test_app_load_timeout (void)
{
  g_autoptr (Desk) desk = desk_new ();

  hypha_app_controller_set_timeout (desk->apps, 20);
  desk_load (desk, PLUGIN);
  g_assert_true (test_wait_flag (&desk->done));
  g_assert_error (desk->error, HYPHA_ERROR, HYPHA_ERROR_TIMED_OUT);
  g_assert_cmpuint (desk->removed, ==, 1);
  g_assert_cmpuint (hypha_app_controller_get_n_windows (desk->apps), ==, 0);
}

/* What a person looks at does not vanish. */
static void
test_app_window_of_a_person_stays (void)
{
  g_autoptr (Desk) desk = desk_new ();

  hypha_app_controller_set_timeout (desk->apps, 20);
  desk_load_trusted (desk, PLUGIN, HYPHA_FETCH_ALLOW_FILES);
  g_assert_true (test_wait_flag (&desk->done));
  g_assert_error (desk->error, HYPHA_ERROR, HYPHA_ERROR_TIMED_OUT);
  g_assert_cmpuint (desk->removed, ==, 0);
  g_assert_cmpuint (hypha_app_controller_get_n_windows (desk->apps), ==, 1);

  /* A page of the web exports nothing, and need not. */
  desk_load_trusted (desk, "http://127.0.0.1:1/page.html", HYPHA_FETCH_ALLOW_FILES);
  g_assert_true (test_wait_flag (&desk->done));
  g_assert_no_error (desk->error);
  g_assert_false (hypha_window_info_is_plugin (desk->window));
}

static void
test_app_window_fails (void)
{
  g_autoptr (Desk) desk = desk_new ();
  g_autoptr (Client) page = NULL;
  g_autoptr (Client) reloaded = NULL;
  g_autoptr (GError) crash = g_error_new (HYPHA_ERROR, HYPHA_ERROR_FAILED, "the page crashed");

  desk_load (desk, PLUGIN);
  page = desk_open_page (desk);
  hypha_app_controller_window_failed (desk->apps, desk->window, crash);
  g_assert_true (test_wait_flag (&desk->done));
  g_assert_error (desk->error, HYPHA_ERROR, HYPHA_ERROR_FAILED);
  client_wait_closed (page);

  /* Retry: the same window, set up and run again. */
  reloaded = desk_open_page (desk);
  page_export (reloaded);
  page_serve (reloaded, "services.default.setup", "resolve",
              g_variant_new_parsed ("@mv nothing"));
  page_serve (reloaded, "services.default.run", "resolve", g_variant_new_parsed ("@mv nothing"));
}

static void
test_app_windows_per_workspace_limit (void)
{
  g_autoptr (Desk) desk = desk_new ();

  for (guint i = 0; i < HYPHA_APP_MAX_WINDOWS; i++)
    {
      g_clear_object (&desk->window);
      desk_load (desk, PLUGIN);
      g_assert_true (test_wait (desk_has_window, desk));
    }

  g_clear_object (&desk->window);
  desk_load (desk, PLUGIN);
  g_assert_true (test_wait_flag (&desk->done));
  g_assert_error (desk->error, HYPHA_ERROR, HYPHA_ERROR_BUSY);
}

static gboolean
desk_all_settled (gpointer data)
{
  Desk *desk = data;

  return desk->n_done + hypha_app_controller_get_n_windows (desk->apps) == HYPHA_APP_MAX_WINDOWS + 1;
}

/* Loads that are on their way to a window count too. */
static void
test_app_windows_per_workspace_limit_at_once (void)
{
  g_autoptr (Desk) desk = desk_new ();

  for (guint i = 0; i <= HYPHA_APP_MAX_WINDOWS; i++)
    desk_load (desk, PLUGIN);

  g_assert_true (test_wait (desk_all_settled, desk));
  g_assert_cmpuint (hypha_app_controller_get_n_windows (desk->apps), ==, HYPHA_APP_MAX_WINDOWS);
  g_assert_error (desk->error, HYPHA_ERROR, HYPHA_ERROR_BUSY);
}

/* A load that fails before it has a window leaves no trace in the count. */
static void
test_app_windows_per_workspace_limit_forgets (void)
{
  g_autoptr (Desk) desk = desk_new ();

  for (guint i = 0; i <= HYPHA_APP_MAX_WINDOWS; i++)
    {
      desk_load (desk, "nonsense");
      g_assert_true (test_wait_flag (&desk->done));
      g_assert_error (desk->error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT);
    }

  desk_load (desk, PLUGIN);
  g_assert_true (test_wait (desk_has_window, desk));
  g_assert_nonnull (desk->window);
}

static void
close_the_window (Desk *desk)
{
  hypha_app_controller_window_closed (desk->apps, desk->window);
}

static void
close_the_controller (Desk *desk)
{
  hypha_app_controller_close (desk->apps);
}

static void
stop_the_controller (Desk *desk)
{
  hypha_app_controller_stop (desk->apps);
}

static void
fail_the_window (Desk *desk)
{
  g_autoptr (GError) error = g_error_new (HYPHA_ERROR, HYPHA_ERROR_FAILED, "no display");

  hypha_app_controller_window_failed (desk->apps, desk->window, error);
}

/* A host that does something with a window, and then says that it has none, is answered once. */
static void
test_app_host_changes_its_mind (void)
{
  static const struct
  {
    void (*act) (Desk *desk);
    int code;
  } cases[] = {
    { close_the_window, HYPHA_ERROR_NOT_CONNECTED },
    { close_the_controller, HYPHA_ERROR_NOT_CONNECTED },
    { stop_the_controller, HYPHA_ERROR_NO_HOST },
    { fail_the_window, HYPHA_ERROR_FAILED },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (Desk) desk = desk_new ();

      desk->while_adding = cases[i].act;
      desk_load (desk, PLUGIN);
      g_assert_true (test_wait_flag (&desk->done));
      g_assert_error (desk->error, HYPHA_ERROR, cases[i].code);
      g_assert_cmpuint (desk->n_done, ==, 1);
      g_assert_cmpuint (hypha_app_controller_get_n_windows (desk->apps), ==, 0);
    }
}

/* As a core does that ends for want of its app: the last reference may be the one that waits. */
static void
drop_the_controller (Desk *desk)
{
  hypha_manager_close (desk->hub->manager);
  hypha_app_controller_close (desk->apps);
  g_clear_object (&desk->apps);
}

static void
test_app_load_timeout_ends_all (void)
{
  Desk *desk = desk_new ();
  gpointer apps = desk->apps;

  g_object_add_weak_pointer (G_OBJECT (desk->apps), &apps);
  hypha_app_controller_set_timeout (desk->apps, 20);
  desk->when_loaded = drop_the_controller;
  desk_load (desk, PLUGIN);
  g_assert_true (test_wait_flag (&desk->done));
  g_assert_error (desk->error, HYPHA_ERROR, HYPHA_ERROR_TIMED_OUT);
  g_assert_true (test_wait (is_gone, &apps));

  /* The host of a closed controller is not asked for anything. */
  g_assert_cmpuint (desk->removed, ==, 0);
  desk_free (desk);
}

/* Whoever hears that a page is gone may close its window. */
static void
on_page_closed (HyphaConnection *connection,
                guint            code,
                const char      *reason,
                Desk            *desk)
{
  hypha_app_controller_window_closed (desk->apps, desk->window);
}

static void
test_app_close_while_unmounting (void)
{
  g_autoptr (Desk) desk = desk_new ();
  g_autoptr (GError) crash = g_error_new (HYPHA_ERROR, HYPHA_ERROR_FAILED, "the page crashed");

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (HyphaConnection) near_end = NULL;
      g_autoptr (HyphaConnection) far_end = NULL;
      g_autoptr (HyphaConnection) reloaded = NULL;

      g_clear_object (&desk->window);
      desk_load (desk, PLUGIN);
      g_assert_true (test_wait (desk_has_window, desk));
      hypha_pipe_connection_new_pair (&near_end, &far_end);
      g_signal_connect (far_end, "closed", G_CALLBACK (on_page_closed), desk);
      hypha_app_controller_mount (desk->apps, desk->window, far_end);
      reloaded = g_object_ref (near_end);
      if (i == 0)
        hypha_app_controller_window_failed (desk->apps, desk->window, crash);
      else
        hypha_app_controller_mount (desk->apps, desk->window, reloaded);

      g_assert_true (test_wait_flag (&desk->done));
      g_assert_error (desk->error, HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED);
      g_assert_cmpuint (hypha_app_controller_get_n_windows (desk->apps), ==, 0);
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
  g_test_add_func ("/apps/controller/load-timeout", test_app_load_timeout);
  g_test_add_func ("/apps/controller/window-of-a-person-stays",
                   test_app_window_of_a_person_stays);
  g_test_add_func ("/apps/controller/window-fails", test_app_window_fails);
  g_test_add_func ("/apps/controller/windows-per-workspace-limit",
                   test_app_windows_per_workspace_limit);
  g_test_add_func ("/apps/controller/windows-per-workspace-limit-at-once",
                   test_app_windows_per_workspace_limit_at_once);
  g_test_add_func ("/apps/controller/windows-per-workspace-limit-forgets",
                   test_app_windows_per_workspace_limit_forgets);
  g_test_add_func ("/apps/controller/host-changes-its-mind", test_app_host_changes_its_mind);
  g_test_add_func ("/apps/controller/load-timeout-ends-all", test_app_load_timeout_ends_all);
  g_test_add_func ("/apps/controller/close-while-unmounting", test_app_close_while_unmounting);
  return g_test_run ();
}
