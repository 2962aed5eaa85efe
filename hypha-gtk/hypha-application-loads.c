/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-application-private.h"

#include <glib/gi18n.h>
#include <string.h>

/* Plugins on their way to a window. */

#define SOURCE_KEY "hypha-source"

typedef struct
{
  HyphaApplication *application;
  char             *source;
  gboolean          begun;
} Load;

static void
update_busy (HyphaApplication *self)
{
  guint n = g_queue_get_length (&self->loads);
  Load *first = g_queue_peek_head (&self->loads);
  g_autofree char *name = NULL;
  g_autofree char *text = NULL;

  if (self->start_window == NULL)
    return;

  if (n == 1)
    {
      name = g_path_get_basename (first->source);
      text = g_strdup_printf (_ ("Opening “%s”…"), name);
    }
  else if (n > 1)
    {
      text = g_strdup_printf (ngettext ("Opening %u plugin…", "Opening %u plugins…", n), n);
    }

  hypha_start_window_set_busy (self->start_window, text);
}

static void
load_free (Load *load)
{
  g_queue_remove (&load->application->loads, load);
  update_busy (load->application);
  g_application_release (G_APPLICATION (load->application));
  g_object_unref (load->application);
  g_free (load->source);
  g_free (load);
}

static HyphaWindow *
find_window_with_error (HyphaApplication *self,
                        const GError     *error)
{
  GHashTableIter iter;
  HyphaWindow *window;

  g_hash_table_iter_init (&iter, self->windows);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &window))
    {
      if (hypha_window_shows_error (window, error))
        return window;
    }

  return NULL;
}

/* Whoever closed a window that was still loading knows that it was not opened. */
static gboolean
is_no_news (HyphaApplication *self,
            const GError     *error)
{
  return self->shut_down ||
         (self->closed_client != NULL && strstr (error->message, self->closed_client) != NULL);
}

static void
load_error_answered_cb (HyphaApplication *self,
                        const char       *response,
                        GtkWidget        *dialog)
{
  if (g_str_equal (response, "retry"))
    hypha_application_load (self, g_object_get_data (G_OBJECT (dialog), SOURCE_KEY));
}

static void
load_failed (Load         *load,
             const GError *error)
{
  HyphaWindow *window = find_window_with_error (load->application, error);
  g_autofree char *name = g_path_get_basename (load->source);
  g_autofree char *what = NULL;
  AdwMessageDialog *dialog;

  if (is_no_news (load->application, error))
    return;

  if (window != NULL)
    {
      hypha_window_set_source (window, load->source);
      return;
    }

  what = g_strdup_printf (_ ("Could Not Open “%s”"), name);
  dialog = hypha_start_window_show_error (
      hypha_application_present_start_window (load->application), what, load->source, error);
  g_object_set_data_full (G_OBJECT (dialog), SOURCE_KEY, g_strdup (load->source), g_free);
  g_signal_connect_object (dialog, "response", G_CALLBACK (load_error_answered_cb), load->application,
                           G_CONNECT_SWAPPED);
}

static void
loaded_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      data)
{
  Load *load = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (HyphaWindowInfo) info =
      hypha_core_load_app_finish (HYPHA_CORE (source), result, &error);
  HyphaWindow *window =
      info != NULL ? hypha_application_find_window (load->application, info) : NULL;

  if (info == NULL)
    load_failed (load, error);
  else if (window != NULL)
    hypha_window_set_source (window, load->source);

  load_free (load);
}

static void
begin_load (gpointer data,
            gpointer user_data)
{
  Load *load = data;

  if (load->begun || !hypha_core_is_running (load->application->core))
    return;

  load->begun = TRUE;
  hypha_core_load_app_async (load->application->core, HYPHA_DESKTOP_WORKSPACE, load->source, NULL,
                             loaded_cb, load);
}

/* Those that waited for the core to run. */
void
hypha_application_begin_loads (HyphaApplication *self)
{
  g_queue_foreach (&self->loads, begin_load, NULL);
}

/**
 * hypha_application_load:
 * @self: the application
 * @source: an address or an absolute path
 *
 * Opens a plugin, as soon as the core runs.
 */
void
hypha_application_load (HyphaApplication *self,
                        const char       *source)
{
  Load *load;

  g_return_if_fail (HYPHA_IS_APPLICATION (self));
  g_return_if_fail (source != NULL);

  load = g_new0 (Load, 1);
  load->application = g_object_ref (self);
  load->source = g_strdup (source);
  g_application_hold (G_APPLICATION (self));
  g_queue_push_tail (&self->loads, load);
  update_busy (self);
  begin_load (load, NULL);
}
