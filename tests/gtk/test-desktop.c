/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "desktop-fixture.h"
#include "hypha-open-dialog.h"
#include "test-utils.h"

#include <string.h>

static gboolean
has_other_dialog (gpointer data)
{
  return desktop_find_dialog (NULL) != NULL && (gpointer) desktop_find_dialog (NULL) != data;
}

/* A dialog of one window leaves the others usable. */
static void
test_window_groups (void)
{
  g_autoptr (Desktop) desktop = desktop_new_running ();
  GtkWindow *window;
  GtkWindow *dialog;

  desktop_open_plugin (desktop, HELLO);
  window = GTK_WINDOW (desktop_wait_window (desktop, "Hello", HYPHA_VIEW_READY));
  desktop_open_plugin (desktop, "data/plugins/there-is-none.imjoy.html");
  g_assert_true (test_wait (desktop_has_dialog, desktop));
  dialog = GTK_WINDOW (desktop_find_dialog (desktop));

  g_assert_true (gtk_window_has_group (window));
  g_assert_true (gtk_window_get_group (window) != gtk_window_get_group (dialog));
  g_assert_true (gtk_window_get_group (gtk_window_get_transient_for (dialog)) ==
                 gtk_window_get_group (dialog));
  gtk_window_destroy (dialog);
}

static gboolean
has_start_row (gpointer data)
{
  g_autofree char *labels = desktop_dup_labels (data);

  return strstr (labels, "Unnamed") != NULL;
}

/* Most plugins do not name their service; a page of rows called “default” tells nothing. */
static void
test_unnamed_service (void)
{
  g_autoptr (Desktop) desktop = desktop_new_running ();
  GtkWindow *start;

  g_application_activate (G_APPLICATION (desktop->application));
  start = gtk_application_get_active_window (GTK_APPLICATION (desktop->application));
  desktop_open_plugin (desktop, "data/plugins/unnamed.imjoy.html");
  desktop_wait_window (desktop, "Unnamed", HYPHA_VIEW_READY);
  g_assert_true (test_wait (has_start_row, start));
}

/* What a person sees is said as well. */
static void
test_accessible_names (void)
{
  g_autoptr (Desktop) desktop = desktop_new_running ();
  HyphaView *view;
  HyphaPage *page;

  desktop_open_plugin (desktop, HELLO);
  view = hypha_window_get_view (desktop_wait_window (desktop, "Hello", HYPHA_VIEW_READY));
  page = hypha_view_get_page (view);
  gtk_test_accessible_assert_property (GTK_ACCESSIBLE (hypha_page_get_web_view (page)),
                                       GTK_ACCESSIBLE_PROPERTY_LABEL, "Hello");
}

static void
test_missing_file (void)
{
  g_autoptr (Desktop) desktop = desktop_new_running ();
  AdwMessageDialog *dialog;

  desktop_open_plugin (desktop, "data/plugins/there-is-none.imjoy.html");
  g_assert_true (test_wait (desktop_has_dialog, desktop));
  dialog = desktop_find_dialog (desktop);
  desktop_assert_shows (dialog, "Could Not Open “there-is-none.imjoy.html”");
  desktop_assert_shows (dialog, "data/plugins/there-is-none.imjoy.html");

  adw_message_dialog_response (dialog, "retry");
  g_assert_true (test_wait (has_other_dialog, dialog));
  gtk_window_destroy (GTK_WINDOW (desktop_find_dialog (desktop)));
}

static void
test_start_page (void)
{
  g_autoptr (Desktop) desktop = desktop_new_running ();
  Expected expected = { .desktop = desktop, .name = "Hello" };
  GtkWindow *start;

  g_application_activate (G_APPLICATION (desktop->application));
  start = gtk_application_get_active_window (GTK_APPLICATION (desktop->application));
  desktop_assert_shows (start, "No Services Yet");
  desktop_assert_shows (start, hypha_core_get_url (desktop->core));

  desktop_open_plugin (desktop, HELLO);
  desktop_wait_service (desktop, "Hello");
  desktop_assert_shows (start, "Running Services");
  desktop_assert_shows (start, "A greeting in a window");

  gtk_window_close (GTK_WINDOW (desktop_wait_window (desktop, "Hello", HYPHA_VIEW_READY)));
  g_assert_true (test_wait (desktop_service_is_gone, &expected));
  desktop_assert_shows (start, "No Services Yet");
}

static GtkWidget *
find_child (GtkWidget *widget,
            GType      type)
{
  if (g_type_is_a (G_OBJECT_TYPE (widget), type))
    return widget;

  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL;
       child = gtk_widget_get_next_sibling (child))
    {
      GtkWidget *found = find_child (child, type);

      if (found != NULL)
        return found;
    }

  return NULL;
}

static HyphaOpenDialog *
find_open_dialog (void)
{
  g_autoptr (GList) windows = gtk_window_list_toplevels ();

  for (GList *l = windows; l != NULL; l = l->next)
    {
      if (HYPHA_IS_OPEN_DIALOG (l->data))
        return l->data;
    }

  return NULL;
}

static void
test_open_dialog (void)
{
  g_autoptr (Desktop) desktop = desktop_new_running ();
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "..", HELLO, NULL);
  g_autofree char *absolute = g_canonicalize_filename (path, NULL);
  HyphaOpenDialog *dialog;
  GtkWidget *address;

  g_application_activate (G_APPLICATION (desktop->application));
  g_action_group_activate_action (G_ACTION_GROUP (desktop->application), "open-plugin", NULL);
  dialog = find_open_dialog ();
  g_assert_nonnull (dialog);
  address = find_child (GTK_WIDGET (dialog), ADW_TYPE_ENTRY_ROW);
  g_assert_true (gtk_widget_is_ancestor (gtk_window_get_focus (GTK_WINDOW (dialog)), address));

  gtk_editable_set_text (GTK_EDITABLE (address), "nonsense");
  g_signal_emit_by_name (address, "entry-activated");
  g_assert_true (gtk_widget_has_css_class (address, "error"));
  g_assert_true (find_open_dialog () == dialog);

  gtk_editable_set_text (GTK_EDITABLE (address), absolute);
  g_assert_false (gtk_widget_has_css_class (address, "error"));
  g_signal_emit_by_name (address, "entry-activated");
  g_assert_null (find_open_dialog ());
  desktop_wait_service (desktop, "Hello");
}

static void
test_taken_port (void)
{
  g_autoptr (Desktop) first = desktop_new_running ();
  g_autoptr (Desktop) second = desktop_new (hypha_core_get_port (first->core));

  g_assert_true (test_wait (desktop_has_dialog, second));
  g_assert_nonnull (second->start_error);
  desktop_assert_shows (desktop_find_dialog (second), second->start_error);
  desktop_assert_shows (desktop_find_dialog (second), "Hypha may already be running");
  desktop_assert_shows (desktop_find_dialog (second), "--port");
  g_assert_cmpint (hypha_application_get_exit_status (second->application), ==, 1);
  gtk_window_destroy (GTK_WINDOW (desktop_find_dialog (second)));
}

static void
test_source (void)
{
  static const struct
  {
    const char *text;
    const char *source;
  } cases[] = {
    { " https://example.org/a.imjoy.html\n", "https://example.org/a.imjoy.html" },
    { "http://127.0.0.1:9000/x", "http://127.0.0.1:9000/x" },
    { "example.org/a.imjoy.html", "https://example.org/a.imjoy.html" },
    { "127.0.0.1:8080/x", "http://127.0.0.1:8080/x" },
    { "localhost:8080/x.html", "http://localhost:8080/x.html" },
    { "localhost.example.org/x", "https://localhost.example.org/x" },
    { "[::1]:80/x", "http://[::1]:80/x" },
    { "/tmp/a plugin.imjoy.html", "/tmp/a plugin.imjoy.html" },
    { "file:///tmp/a%20b.html", "/tmp/a b.html" },
    { "", NULL }, { "hello", NULL }, { "two words.html", NULL }, { "ftp://example.org/a", NULL },
    { "javascript:alert(1)", NULL }, { "https://", NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *source = hypha_open_dialog_parse_source (cases[i].text);

      g_assert_cmpstr (source, ==, cases[i].source);
    }
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  adw_init ();

  g_test_add_func ("/gtk/open-dialog/source", test_source);
  g_test_add_func ("/gtk/desktop/missing-file", test_missing_file);
  g_test_add_func ("/gtk/desktop/window-groups", test_window_groups);
  g_test_add_func ("/gtk/desktop/unnamed-service", test_unnamed_service);
  g_test_add_func ("/gtk/desktop/accessible-names", test_accessible_names);
  g_test_add_func ("/gtk/desktop/start-page", test_start_page);
  g_test_add_func ("/gtk/desktop/open-dialog", test_open_dialog);
  g_test_add_func ("/gtk/desktop/taken-port", test_taken_port);

  return g_test_run ();
}
