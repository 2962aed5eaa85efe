/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-application.h"
#include "hypha-open-dialog.h"
#include "hypha-window.h"
#include "test-utils.h"

#include <signal.h>
#include <string.h>

/* The whole application with its core, in this process; plugins run in real views. */
typedef struct
{
  HyphaApplication *application;
  HyphaCore        *core;
  char             *start_error;
} Desktop;

static void
start_failed_cb (Desktop *self,
                 GError  *error)
{
  self->start_error = g_strdup (error->message);
}

static gboolean
is_running (gpointer data)
{
  Desktop *self = data;

  return hypha_core_is_running (self->core);
}

static Desktop *
desktop_new (guint port)
{
  Desktop *self = g_new0 (Desktop, 1);
  static guint count;
  g_autofree char *id = g_strdup_printf ("io.github.hypha_desktop.Test%u", count++);
  g_autoptr (GError) error = NULL;

  self->application = hypha_application_new (id);
  g_application_set_flags (G_APPLICATION (self->application),
                           G_APPLICATION_HANDLES_OPEN | G_APPLICATION_NON_UNIQUE);
  self->core = hypha_application_get_core (self->application);
  hypha_core_set_port (self->core, port);
  g_signal_connect_swapped (self->application, "start-failed", G_CALLBACK (start_failed_cb), self);

  g_application_register (G_APPLICATION (self->application), NULL, &error);
  g_assert_no_error (error);
  return self;
}

static Desktop *
running_desktop (void)
{
  Desktop *self = desktop_new (0);

  g_assert_true (test_wait (is_running, self));
  return self;
}

static gboolean
quit_cb (gpointer data)
{
  g_application_quit (data);
  return G_SOURCE_REMOVE;
}

static gboolean
is_null (gpointer data)
{
  return *(gpointer *) data == NULL;
}

/*
 * Only an application that has run can leave the session bus, so it runs, for no time. Answers
 * from the bus may hold it a moment longer.
 */
static void
desktop_free (Desktop *self)
{
  gpointer application = self->application;

  g_idle_add_full (G_PRIORITY_HIGH, quit_cb, application, NULL);
  g_application_run (application, 0, NULL);

  g_object_add_weak_pointer (application, &application);
  g_object_unref (application);
  g_assert_true (test_wait (is_null, &application));
  g_free (self->start_error);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Desktop, desktop_free)

static HyphaWindow *
find_window (Desktop    *self,
             const char *title)
{
  for (GList *l = gtk_application_get_windows (GTK_APPLICATION (self->application)); l != NULL; l = l->next)
    {
      if (HYPHA_IS_WINDOW (l->data) && g_strcmp0 (gtk_window_get_title (l->data), title) == 0)
        return l->data;
    }

  return NULL;
}

static gboolean
has_service_named (Desktop    *self,
                   const char *name)
{
  GListModel *services = hypha_core_get_services (self->core);

  for (guint i = 0; i < g_list_model_get_n_items (services); i++)
    {
      g_autoptr (HyphaServiceInfo) service = g_list_model_get_item (services, i);

      if (g_strcmp0 (hypha_service_info_get_name (service), name) == 0)
        return TRUE;
    }

  return FALSE;
}

typedef struct
{
  Desktop       *desktop;
  const char    *name;
  HyphaViewState state;
} Expected;

static gboolean
service_is_there (gpointer data)
{
  Expected *expected = data;

  return has_service_named (expected->desktop, expected->name);
}

static gboolean
service_is_gone (gpointer data)
{
  return !service_is_there (data);
}

static gboolean
window_has_state (gpointer data)
{
  Expected *expected = data;
  HyphaWindow *window = find_window (expected->desktop, expected->name);

  return window != NULL && hypha_view_get_state (hypha_window_get_view (window)) == expected->state;
}

static gboolean
has_source (gpointer data)
{
  return hypha_window_get_source (data) != NULL;
}

static void
wait_service (Desktop    *self,
              const char *name)
{
  Expected expected = { .desktop = self, .name = name };

  g_assert_true (test_wait (service_is_there, &expected));
}

static HyphaWindow *
wait_window (Desktop       *self,
             const char    *title,
             HyphaViewState state)
{
  Expected expected = { self, title, state };

  g_assert_true (test_wait (window_has_state, &expected));
  return find_window (self, title);
}

static void
open_plugin (Desktop    *self,
             const char *name)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "..", name, NULL);
  g_autofree char *absolute = g_canonicalize_filename (path, NULL);

  hypha_application_load (self->application, absolute);
}

#define HELLO "../examples/hello.imjoy.html"

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
  g_autoptr (Desktop) desktop = running_desktop ();
  HyphaWindow *window;

  open_plugin (desktop, HELLO);
  window = wait_window (desktop, "Hello", HYPHA_VIEW_READY);
  g_test_message ("ready after %.0f ms", g_timer_elapsed (timer, NULL) * 1000);
  wait_service (desktop, "Hello");
  check_picture (window, "hello.png");
}

static void
test_call_between_plugins (void)
{
  g_autoptr (Desktop) desktop = running_desktop ();

  open_plugin (desktop, HELLO);
  wait_service (desktop, "Hello");
  open_plugin (desktop, "data/plugins/caller.imjoy.html");
  wait_service (desktop, "Hello, Ada! bytes are the same");
}

static void
test_close_window (void)
{
  g_autoptr (Desktop) desktop = running_desktop ();
  Expected expected = { .desktop = desktop, .name = "Hello" };

  open_plugin (desktop, HELLO);
  wait_service (desktop, "Hello");
  gtk_window_close (GTK_WINDOW (wait_window (desktop, "Hello", HYPHA_VIEW_READY)));
  g_assert_true (test_wait (service_is_gone, &expected));
  g_assert_null (find_window (desktop, "Hello"));
}

static void
test_reload (void)
{
  g_autoptr (Desktop) desktop = running_desktop ();
  Expected expected = { .desktop = desktop, .name = "Hello" };

  open_plugin (desktop, HELLO);
  wait_service (desktop, "Hello");
  gtk_widget_activate_action (GTK_WIDGET (wait_window (desktop, "Hello", HYPHA_VIEW_READY)),
                              "win.reload", NULL);
  g_assert_true (test_wait (service_is_gone, &expected));
  wait_service (desktop, "Hello");
  wait_window (desktop, "Hello", HYPHA_VIEW_READY);
}

static void
test_scripts (void)
{
  g_autoptr (Desktop) desktop = running_desktop ();

  open_plugin (desktop, "data/plugins/scripts.imjoy.html");
  wait_service (desktop, "first, module, from elsewhere, last; 42; rgb(1, 2, 3)");
}

/* The texts of all labels below a widget, joined. */
static void
collect_labels (GtkWidget *widget,
                GString   *text)
{
  if (GTK_IS_LABEL (widget))
    g_string_append_printf (text, "%s\n", gtk_label_get_text (GTK_LABEL (widget)));

  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL;
       child = gtk_widget_get_next_sibling (child))
    {
      if (gtk_widget_get_child_visible (child))
        collect_labels (child, text);
    }
}

static char *
dup_labels (gpointer widget)
{
  g_autoptr (GString) text = g_string_new (NULL);

  collect_labels (GTK_WIDGET (widget), text);
  return g_strdup (text->str);
}

static void
assert_shows (gpointer    widget,
              const char *text)
{
  g_autofree char *labels = dup_labels (widget);

  if (strstr (labels, text) == NULL)
    g_error ("“%s” is not in:\n%s", text, labels);
}

static AdwMessageDialog *
find_dialog (Desktop *self)
{
  g_autoptr (GList) windows = gtk_window_list_toplevels ();

  for (GList *l = windows; l != NULL; l = l->next)
    {
      if (ADW_IS_MESSAGE_DIALOG (l->data))
        return l->data;
    }

  return NULL;
}

static gboolean
has_dialog (gpointer data)
{
  return find_dialog (data) != NULL;
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
  AdwMessageDialog *dialog = find_dialog (expected->desktop);

  return dialog != NULL && g_strcmp0 (adw_message_dialog_get_body (dialog), expected->body) == 0;
}

static void
respond (Desktop    *desktop,
         const char *body)
{
  ExpectedDialog expected = { desktop, body };
  GtkWindow *parent;

  g_assert_true (test_wait (has_dialog_with_body, &expected));
  parent = gtk_window_get_transient_for (GTK_WINDOW (find_dialog (desktop)));
  g_assert_cmpstr (gtk_window_get_title (parent), ==, "Asker");
  adw_message_dialog_response (find_dialog (desktop), "yes");
}

/* A plugin asks in its own window. */
static void
test_questions (void)
{
  g_autoptr (Desktop) desktop = running_desktop ();

  open_plugin (desktop, "data/plugins/asker.imjoy.html");
  respond (desktop, "Go on?");
  respond (desktop, "What for?");
  wait_service (desktop, "true nothing");
}

static void
test_script_error (void)
{
  g_autoptr (Desktop) desktop = running_desktop ();
  HyphaWindow *window;

  open_plugin (desktop, "data/plugins/broken.imjoy.html");
  window = wait_window (desktop, "Broken", HYPHA_VIEW_FAILED);
  assert_shows (window, "“Broken” Failed");
  assert_shows (window, "thereIsNoSuchFunction");
  assert_shows (window, "Broken/script-1.js, line 3");
  assert_shows (window, "Retry");
  g_assert_null (find_dialog (desktop));
}

/* The core gives a failed window up; it stays to be read, and Retry loads the plugin anew. */
static void
test_retry_after_removal (void)
{
  g_autoptr (Desktop) desktop = running_desktop ();
  HyphaWindow *window;
  g_autoptr (HyphaWindowInfo) info = NULL;
  Expected expected = { desktop, "Broken", HYPHA_VIEW_LOADING };

  open_plugin (desktop, "data/plugins/broken.imjoy.html");
  window = wait_window (desktop, "Broken", HYPHA_VIEW_FAILED);
  g_assert_true (test_wait (has_source, window));
  info = g_object_ref (hypha_window_get_info (window));

  g_signal_emit_by_name (desktop->core, "remove-window", info);
  g_assert_true (find_window (desktop, "Broken") == window);
  g_signal_emit_by_name (hypha_window_get_view (window), "retry");
  g_assert_null (find_window (desktop, "Broken"));
  g_assert_true (test_wait (window_has_state, &expected));
  g_assert_true (hypha_window_get_info (find_window (desktop, "Broken")) != info);
}

static void
test_removed_by_core (void)
{
  g_autoptr (Desktop) desktop = running_desktop ();
  HyphaWindow *window;
  g_autoptr (HyphaWindowInfo) info = NULL;

  open_plugin (desktop, HELLO);
  window = wait_window (desktop, "Hello", HYPHA_VIEW_READY);
  info = g_object_ref (hypha_window_get_info (window));
  g_signal_emit_by_name (desktop->core, "remove-window", info);
  g_assert_null (find_window (desktop, "Hello"));
}

/* A plugin without a face runs all the same, and does not keep the application running. */
static void
test_hidden (void)
{
  g_autoptr (Desktop) desktop = running_desktop ();

  open_plugin (desktop, "data/plugins/hidden.imjoy.html");
  wait_service (desktop, "Hidden: timers run");
  g_assert_null (gtk_application_get_windows (GTK_APPLICATION (desktop->application)));
}

static void
test_other_language (void)
{
  g_autoptr (Desktop) desktop = running_desktop ();

  open_plugin (desktop, "data/plugins/python.imjoy.html");
  assert_shows (wait_window (desktop, "Python", HYPHA_VIEW_FAILED),
                "the script language “python” is not supported in a window");
}

static void
test_crash_and_retry (void)
{
  g_autoptr (Desktop) desktop = running_desktop ();
  Expected expected = { .desktop = desktop, .name = "Hello" };
  HyphaWindow *window;
  HyphaView *view;

  open_plugin (desktop, HELLO);
  wait_service (desktop, "Hello");
  window = wait_window (desktop, "Hello", HYPHA_VIEW_READY);
  view = hypha_window_get_view (window);
  webkit_web_view_terminate_web_process (hypha_page_get_web_view (hypha_view_get_page (view)));

  wait_window (desktop, "Hello", HYPHA_VIEW_FAILED);
  g_assert_true (test_wait (service_is_gone, &expected));
  g_signal_emit_by_name (view, "retry");
  wait_service (desktop, "Hello");
  wait_window (desktop, "Hello", HYPHA_VIEW_READY);
}

static gboolean
has_other_dialog (gpointer data)
{
  return find_dialog (NULL) != NULL && (gpointer) find_dialog (NULL) != data;
}

/* A dialog of one window leaves the others usable. */
static void
test_window_groups (void)
{
  g_autoptr (Desktop) desktop = running_desktop ();
  GtkWindow *window;
  GtkWindow *dialog;

  open_plugin (desktop, HELLO);
  window = GTK_WINDOW (wait_window (desktop, "Hello", HYPHA_VIEW_READY));
  open_plugin (desktop, "data/plugins/there-is-none.imjoy.html");
  g_assert_true (test_wait (has_dialog, desktop));
  dialog = GTK_WINDOW (find_dialog (desktop));

  g_assert_true (gtk_window_has_group (window));
  g_assert_true (gtk_window_get_group (window) != gtk_window_get_group (dialog));
  g_assert_true (gtk_window_get_group (gtk_window_get_transient_for (dialog)) ==
                 gtk_window_get_group (dialog));
  gtk_window_destroy (dialog);
}

static gboolean
has_start_row (gpointer data)
{
  g_autofree char *labels = dup_labels (data);

  return strstr (labels, "Unnamed") != NULL;
}

/* Most plugins do not name their service; a page of rows called “default” tells nothing. */
static void
test_unnamed_service (void)
{
  g_autoptr (Desktop) desktop = running_desktop ();
  GtkWindow *start;

  g_application_activate (G_APPLICATION (desktop->application));
  start = gtk_application_get_active_window (GTK_APPLICATION (desktop->application));
  open_plugin (desktop, "data/plugins/unnamed.imjoy.html");
  wait_window (desktop, "Unnamed", HYPHA_VIEW_READY);
  g_assert_true (test_wait (has_start_row, start));
}

/* What a person sees is said as well. */
static void
test_accessible_names (void)
{
  g_autoptr (Desktop) desktop = running_desktop ();
  HyphaView *view;
  HyphaPage *page;

  open_plugin (desktop, HELLO);
  view = hypha_window_get_view (wait_window (desktop, "Hello", HYPHA_VIEW_READY));
  page = hypha_view_get_page (view);
  gtk_test_accessible_assert_property (GTK_ACCESSIBLE (hypha_page_get_web_view (page)),
                                       GTK_ACCESSIBLE_PROPERTY_LABEL, "Hello");
}

static void
test_missing_file (void)
{
  g_autoptr (Desktop) desktop = running_desktop ();
  AdwMessageDialog *dialog;

  open_plugin (desktop, "data/plugins/there-is-none.imjoy.html");
  g_assert_true (test_wait (has_dialog, desktop));
  dialog = find_dialog (desktop);
  assert_shows (dialog, "Could Not Open “there-is-none.imjoy.html”");
  assert_shows (dialog, "data/plugins/there-is-none.imjoy.html");

  adw_message_dialog_response (dialog, "retry");
  g_assert_true (test_wait (has_other_dialog, dialog));
  gtk_window_destroy (GTK_WINDOW (find_dialog (desktop)));
}

static void
test_start_page (void)
{
  g_autoptr (Desktop) desktop = running_desktop ();
  Expected expected = { .desktop = desktop, .name = "Hello" };
  GtkWindow *start;

  g_application_activate (G_APPLICATION (desktop->application));
  start = gtk_application_get_active_window (GTK_APPLICATION (desktop->application));
  assert_shows (start, "No Services Yet");
  assert_shows (start, hypha_core_get_url (desktop->core));

  open_plugin (desktop, HELLO);
  wait_service (desktop, "Hello");
  assert_shows (start, "Running Services");
  assert_shows (start, "A greeting in a window");

  gtk_window_close (GTK_WINDOW (wait_window (desktop, "Hello", HYPHA_VIEW_READY)));
  g_assert_true (test_wait (service_is_gone, &expected));
  assert_shows (start, "No Services Yet");
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
  g_autoptr (Desktop) desktop = running_desktop ();
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
  wait_service (desktop, "Hello");
}

static void
test_taken_port (void)
{
  g_autoptr (Desktop) first = running_desktop ();
  g_autoptr (Desktop) second = desktop_new (hypha_core_get_port (first->core));

  g_assert_true (test_wait (has_dialog, second));
  g_assert_nonnull (second->start_error);
  assert_shows (find_dialog (second), second->start_error);
  assert_shows (find_dialog (second), "Hypha may already be running");
  assert_shows (find_dialog (second), "--port");
  g_assert_cmpint (hypha_application_get_exit_status (second->application), ==, 1);
  gtk_window_destroy (GTK_WINDOW (find_dialog (second)));
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

/* The program itself, as a person or a script starts it. */
typedef struct
{
  GSubprocess *process;
  char        *output;
  gboolean     done;
} Program;

static void
line_read_cb (GObject      *source,
              GAsyncResult *result,
              gpointer      data)
{
  Program *program = data;

  program->output =
      g_data_input_stream_read_line_finish_utf8 (G_DATA_INPUT_STREAM (source), result, NULL, NULL);
  program->done = TRUE;
}

static void
exited_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      data)
{
  Program *program = data;

  g_assert_true (g_subprocess_communicate_utf8_finish (G_SUBPROCESS (source), result, &program->output,
                                                       NULL, NULL));
  program->done = TRUE;
}

static void
run_to_end (Program           *program,
            const char *const *argv)
{
  program->process = g_subprocess_newv (argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE, NULL);
  g_assert_nonnull (program->process);
  g_subprocess_communicate_utf8_async (program->process, NULL, NULL, exited_cb, program);
  g_assert_true (test_wait_flag (&program->done));
}

static void
program_clear (Program *program)
{
  g_clear_object (&program->process);
  g_clear_pointer (&program->output, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Program, program_clear)

static void
test_program_version (void)
{
  g_auto (Program) program = { 0 };
  const char *const argv[] = { g_getenv ("HYPHA_DESKTOP"), "--version", NULL };

  run_to_end (&program, argv);
  g_assert_cmpstr (program.output, ==, "hypha-desktop " HYPHA_VERSION "\n");
  g_assert_cmpint (g_subprocess_get_exit_status (program.process), ==, 0);
}

static void
test_program_bad_port (void)
{
  g_auto (Program) program = { 0 };
  const char *const argv[] = { g_getenv ("HYPHA_DESKTOP"), "--port", "65536", NULL };

  run_to_end (&program, argv);
  g_assert_cmpint (g_subprocess_get_exit_status (program.process), ==, 1);
}

static void
test_program_terminate (void)
{
  g_auto (Program) program = { 0 };
  g_autoptr (GDataInputStream) lines = NULL;
  g_autofree char *directory = g_dir_make_tmp ("hypha-desktop-XXXXXX", NULL);
  const char *const argv[] = { g_getenv ("HYPHA_DESKTOP"), "--port", "0", "--workspace-dir", directory,
                               NULL };

  program.process = g_subprocess_newv (argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE, NULL);
  g_assert_nonnull (program.process);
  lines = g_data_input_stream_new (g_subprocess_get_stdout_pipe (program.process));
  g_data_input_stream_read_line_async (lines, G_PRIORITY_DEFAULT, NULL, line_read_cb, &program);
  g_assert_true (test_wait_flag (&program.done));
  g_assert_true (g_str_has_prefix (program.output, "hypha-desktop: listening on http://127.0.0.1:"));
  g_assert_false (g_str_has_suffix (program.output, ":9527"));
  g_clear_pointer (&program.output, g_free);

  program.done = FALSE;
  g_subprocess_send_signal (program.process, SIGTERM);
  g_subprocess_communicate_utf8_async (program.process, NULL, NULL, exited_cb, &program);
  g_assert_true (test_wait_flag (&program.done));
  g_assert_true (g_subprocess_get_if_exited (program.process));
  g_assert_cmpint (g_subprocess_get_exit_status (program.process), ==, 0);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  adw_init ();

  g_test_add_func ("/gtk/open-dialog/source", test_source);
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
  g_test_add_func ("/gtk/desktop/missing-file", test_missing_file);
  g_test_add_func ("/gtk/desktop/window-groups", test_window_groups);
  g_test_add_func ("/gtk/desktop/unnamed-service", test_unnamed_service);
  g_test_add_func ("/gtk/desktop/accessible-names", test_accessible_names);
  g_test_add_func ("/gtk/desktop/start-page", test_start_page);
  g_test_add_func ("/gtk/desktop/open-dialog", test_open_dialog);
  g_test_add_func ("/gtk/desktop/taken-port", test_taken_port);
  g_test_add_func ("/gtk/program/version", test_program_version);
  g_test_add_func ("/gtk/program/bad-port", test_program_bad_port);
  g_test_add_func ("/gtk/program/terminate", test_program_terminate);

  return g_test_run ();
}
