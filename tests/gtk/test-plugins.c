/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "desktop-fixture.h"
#include "test-utils.h"

/* Plugins in real windows of the application. */

typedef struct
{
  GdkTexture *texture;
  gboolean    done;
} Snapshot;

static void
snapshot_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      data)
{
  Snapshot *snapshot = data;
  g_autoptr (GError) error = NULL;

  snapshot->texture = webkit_web_view_get_snapshot_finish (WEBKIT_WEB_VIEW (source), result, &error);
  g_assert_no_error (error);
  snapshot->done = TRUE;
}

static guint
count_colours (GdkTexture *texture)
{
  int width = gdk_texture_get_width (texture);
  int height = gdk_texture_get_height (texture);
  g_autofree guint32 *pixels = g_new0 (guint32, (gsize) width * height);
  g_autoptr (GHashTable) colours = g_hash_table_new (NULL, NULL);

  gdk_texture_download (texture, (guchar *) pixels, (gsize) width * 4);
  for (gsize i = 0; i < (gsize) width * height; i++)
    g_hash_table_add (colours, GUINT_TO_POINTER (pixels[i]));
  return g_hash_table_size (colours);
}

/* What a person sees, kept as a picture; a blank page has one colour. */
static void
check_picture (HyphaWindow *window,
               const char  *name)
{
  HyphaPage *page = hypha_view_get_page (hypha_window_get_view (window));
  g_autofree char *path = g_test_build_filename (G_TEST_BUILT, name, NULL);
  Snapshot snapshot = { 0 };

  webkit_web_view_get_snapshot (hypha_page_get_web_view (page), WEBKIT_SNAPSHOT_REGION_VISIBLE,
                                WEBKIT_SNAPSHOT_OPTIONS_NONE, NULL, snapshot_cb, &snapshot);
  g_assert_true (test_wait_flag (&snapshot.done));
  g_assert_true (gdk_texture_save_to_png (snapshot.texture, path));
  g_test_message ("picture: %s", path);
  g_assert_cmpint (gdk_texture_get_width (snapshot.texture), >, 300);
  g_assert_cmpuint (count_colours (snapshot.texture), >, 16);
  g_object_unref (snapshot.texture);
}

static void
test_hello (void)
{
  g_autoptr (GTimer) timer = g_timer_new ();
  g_autoptr (Desktop) desktop = desktop_new_running ();
  HyphaWindow *window;

  desktop_open_plugin (desktop, HELLO);
  window = desktop_wait_window (desktop, "Hello", HYPHA_VIEW_READY);
  g_test_message ("ready after %.0f ms", g_timer_elapsed (timer, NULL) * 1000);
  desktop_wait_service (desktop, "Hello");
  check_picture (window, "hello.png");
}

static void
test_call_between_plugins (void)
{
  g_autoptr (Desktop) desktop = desktop_new_running ();

  desktop_open_plugin (desktop, HELLO);
  desktop_wait_service (desktop, "Hello");
  desktop_open_plugin (desktop, "data/plugins/caller.imjoy.html");
  desktop_wait_service (desktop, "Hello, Ada! bytes are the same");
}

static void
test_close_window (void)
{
  g_autoptr (Desktop) desktop = desktop_new_running ();
  Expected expected = { .desktop = desktop, .name = "Hello" };

  desktop_open_plugin (desktop, HELLO);
  desktop_wait_service (desktop, "Hello");
  gtk_window_close (GTK_WINDOW (desktop_wait_window (desktop, "Hello", HYPHA_VIEW_READY)));
  g_assert_true (test_wait (desktop_service_is_gone, &expected));
  g_assert_null (desktop_find_window (desktop, "Hello"));
}

static void
test_reload (void)
{
  g_autoptr (Desktop) desktop = desktop_new_running ();
  Expected expected = { .desktop = desktop, .name = "Hello" };

  desktop_open_plugin (desktop, HELLO);
  desktop_wait_service (desktop, "Hello");
  gtk_widget_activate_action (GTK_WIDGET (desktop_wait_window (desktop, "Hello", HYPHA_VIEW_READY)),
                              "win.reload", NULL);
  g_assert_true (test_wait (desktop_service_is_gone, &expected));
  desktop_wait_service (desktop, "Hello");
  desktop_wait_window (desktop, "Hello", HYPHA_VIEW_READY);
}

static void
test_scripts (void)
{
  g_autoptr (Desktop) desktop = desktop_new_running ();

  desktop_open_plugin (desktop, "data/plugins/scripts.imjoy.html");
  desktop_wait_service (desktop, "first, module, from elsewhere, last; 42; rgb(1, 2, 3)");
}

typedef struct
{
  Desktop    *desktop;
  const char *body;
} ExpectedDialog;

static gboolean
has_dialog_with_body (gpointer data)
{
  ExpectedDialog *expected = data;
  AdwMessageDialog *dialog = desktop_find_dialog (expected->desktop);

  return dialog != NULL && g_strcmp0 (adw_message_dialog_get_body (dialog), expected->body) == 0;
}

static void
respond (Desktop    *desktop,
         const char *body)
{
  ExpectedDialog expected = { desktop, body };
  GtkWindow *parent;

  g_assert_true (test_wait (has_dialog_with_body, &expected));
  parent = gtk_window_get_transient_for (GTK_WINDOW (desktop_find_dialog (desktop)));
  g_assert_cmpstr (gtk_window_get_title (parent), ==, "Asker");
  adw_message_dialog_response (desktop_find_dialog (desktop), "yes");
}

/* A plugin asks in its own window. */
static void
test_questions (void)
{
  g_autoptr (Desktop) desktop = desktop_new_running ();

  desktop_open_plugin (desktop, "data/plugins/asker.imjoy.html");
  respond (desktop, "Go on?");
  respond (desktop, "What for?");
  desktop_wait_service (desktop, "true nothing");
}

static void
test_script_error (void)
{
  g_autoptr (Desktop) desktop = desktop_new_running ();
  HyphaWindow *window;

  desktop_open_plugin (desktop, "data/plugins/broken.imjoy.html");
  window = desktop_wait_window (desktop, "Broken", HYPHA_VIEW_FAILED);
  desktop_assert_shows (window, "“Broken” Failed");
  desktop_assert_shows (window, "thereIsNoSuchFunction");
  desktop_assert_shows (window, "Broken/script-1.js, line 3");
  desktop_assert_shows (window, "Retry");
  g_assert_null (desktop_find_dialog (desktop));
}

static gboolean
has_source (gpointer data)
{
  return hypha_window_get_source (data) != NULL;
}

/* The core gives a failed window up; it stays to be read, and Retry loads the plugin anew. */
static void
test_retry_after_removal (void)
{
  g_autoptr (Desktop) desktop = desktop_new_running ();
  HyphaWindow *window;
  g_autoptr (HyphaWindowInfo) info = NULL;
  Expected expected = { desktop, "Broken", HYPHA_VIEW_LOADING };

  desktop_open_plugin (desktop, "data/plugins/broken.imjoy.html");
  window = desktop_wait_window (desktop, "Broken", HYPHA_VIEW_FAILED);
  g_assert_true (test_wait (has_source, window));
  info = g_object_ref (hypha_window_get_info (window));

  g_signal_emit_by_name (desktop->core, "remove-window", info);
  g_assert_true (desktop_find_window (desktop, "Broken") == window);
  g_signal_emit_by_name (hypha_window_get_view (window), "retry");
  g_assert_null (desktop_find_window (desktop, "Broken"));
  g_assert_true (test_wait (desktop_window_has_state, &expected));
  g_assert_true (hypha_window_get_info (desktop_find_window (desktop, "Broken")) != info);
}

static void
test_removed_by_core (void)
{
  g_autoptr (Desktop) desktop = desktop_new_running ();
  HyphaWindow *window;
  g_autoptr (HyphaWindowInfo) info = NULL;

  desktop_open_plugin (desktop, HELLO);
  window = desktop_wait_window (desktop, "Hello", HYPHA_VIEW_READY);
  info = g_object_ref (hypha_window_get_info (window));
  g_signal_emit_by_name (desktop->core, "remove-window", info);
  g_assert_null (desktop_find_window (desktop, "Hello"));
}

/* A plugin without a face runs all the same, and does not keep the application running. */
static void
test_hidden (void)
{
  g_autoptr (Desktop) desktop = desktop_new_running ();

  desktop_open_plugin (desktop, "data/plugins/hidden.imjoy.html");
  desktop_wait_service (desktop, "Hidden: timers run");
  g_assert_null (gtk_application_get_windows (GTK_APPLICATION (desktop->application)));
}

static void
test_other_language (void)
{
  g_autoptr (Desktop) desktop = desktop_new_running ();

  desktop_open_plugin (desktop, "data/plugins/python.imjoy.html");
  desktop_assert_shows (desktop_wait_window (desktop, "Python", HYPHA_VIEW_FAILED),
                        "the script language “python” is not supported in a window");
}

static void
test_crash_and_retry (void)
{
  g_autoptr (Desktop) desktop = desktop_new_running ();
  Expected expected = { .desktop = desktop, .name = "Hello" };
  HyphaWindow *window;
  HyphaView *view;

  desktop_open_plugin (desktop, HELLO);
  desktop_wait_service (desktop, "Hello");
  window = desktop_wait_window (desktop, "Hello", HYPHA_VIEW_READY);
  view = hypha_window_get_view (window);
  webkit_web_view_terminate_web_process (hypha_page_get_web_view (hypha_view_get_page (view)));

  desktop_wait_window (desktop, "Hello", HYPHA_VIEW_FAILED);
  g_assert_true (test_wait (desktop_service_is_gone, &expected));
  g_signal_emit_by_name (view, "retry");
  desktop_wait_service (desktop, "Hello");
  desktop_wait_window (desktop, "Hello", HYPHA_VIEW_READY);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  adw_init ();

  g_test_add_func ("/gtk/desktop/hello", test_hello);
  g_test_add_func ("/gtk/desktop/call-between-plugins", test_call_between_plugins);
  g_test_add_func ("/gtk/desktop/close-window", test_close_window);
  g_test_add_func ("/gtk/desktop/reload", test_reload);
  g_test_add_func ("/gtk/desktop/scripts", test_scripts);
  g_test_add_func ("/gtk/desktop/questions", test_questions);
  g_test_add_func ("/gtk/desktop/script-error", test_script_error);
  g_test_add_func ("/gtk/desktop/retry-after-removal", test_retry_after_removal);
  g_test_add_func ("/gtk/desktop/removed-by-core", test_removed_by_core);
  g_test_add_func ("/gtk/desktop/hidden", test_hidden);
  g_test_add_func ("/gtk/desktop/other-language", test_other_language);
  g_test_add_func ("/gtk/desktop/crash-and-retry", test_crash_and_retry);

  return g_test_run ();
}
