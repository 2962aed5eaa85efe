/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "test-app-fixture.h"
#include "test-utils.h"

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
  g_assert_true (test_wait (desk_apps_are_gone, &apps));

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
