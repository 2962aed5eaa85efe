/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "desktop-fixture.h"

#include <string.h>

#include "test-utils.h"

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

Desktop *
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

Desktop *
desktop_new_running (void)
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
void
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

HyphaWindow *
desktop_find_window (Desktop    *self,
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

static gboolean
service_is_there (gpointer data)
{
  Expected *expected = data;

  return has_service_named (expected->desktop, expected->name);
}

gboolean
desktop_service_is_gone (gpointer data)
{
  return !service_is_there (data);
}

gboolean
desktop_window_has_state (gpointer data)
{
  Expected *expected = data;
  HyphaWindow *window = desktop_find_window (expected->desktop, expected->name);

  return window != NULL && hypha_view_get_state (hypha_window_get_view (window)) == expected->state;
}

void
desktop_wait_service (Desktop    *self,
                      const char *name)
{
  Expected expected = { .desktop = self, .name = name };

  g_assert_true (test_wait (service_is_there, &expected));
}

HyphaWindow *
desktop_wait_window (Desktop        *self,
                     const char     *title,
                     HyphaViewState  state)
{
  Expected expected = { self, title, state };

  g_assert_true (test_wait (desktop_window_has_state, &expected));
  return desktop_find_window (self, title);
}

void
desktop_open_plugin (Desktop    *self,
                     const char *name)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "..", name, NULL);
  g_autofree char *absolute = g_canonicalize_filename (path, NULL);

  hypha_application_load (self->application, absolute);
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

char *
desktop_dup_labels (gpointer widget)
{
  g_autoptr (GString) text = g_string_new (NULL);

  collect_labels (GTK_WIDGET (widget), text);
  return g_strdup (text->str);
}

void
desktop_assert_shows (gpointer    widget,
                      const char *text)
{
  g_autofree char *labels = desktop_dup_labels (widget);

  if (strstr (labels, text) == NULL)
    g_error ("“%s” is not in:\n%s", text, labels);
}

AdwMessageDialog *
desktop_find_dialog (Desktop *self)
{
  g_autoptr (GList) windows = gtk_window_list_toplevels ();

  for (GList *l = windows; l != NULL; l = l->next)
    {
      if (ADW_IS_MESSAGE_DIALOG (l->data))
        return l->data;
    }

  return NULL;
}

gboolean
desktop_has_dialog (gpointer data)
{
  return desktop_find_dialog (data) != NULL;
}
