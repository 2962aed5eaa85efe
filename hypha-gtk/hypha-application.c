/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-application-private.h"

#include "hypha-dialog.h"
#include "hypha-open-dialog.h"

#include <glib-unix.h>
#include <glib/gi18n.h>

/*
 * HyphaApplication: one core, a start window, and a window for each plugin or app that the core
 * asks to show. It is the host of the core: the only place that answers ::add-window.
 */

enum
{
  LISTENING,
  START_FAILED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (HyphaApplication, hypha_application, ADW_TYPE_APPLICATION)

HyphaStartWindow *
hypha_application_present_start_window (HyphaApplication *self)
{
  if (self->start_window == NULL)
    {
      g_set_weak_pointer (&self->start_window,
                          hypha_start_window_new (GTK_APPLICATION (self), self->core));
      if (hypha_core_is_running (self->core))
        hypha_start_window_set_url (self->start_window, hypha_core_get_url (self->core));
    }

  gtk_window_present (GTK_WINDOW (self->start_window));
  return self->start_window;
}

static void
start_failure_read_cb (HyphaApplication *self)
{
  g_application_quit (G_APPLICATION (self));
}

/* A taken port is what a second start, or a server of the same machine, looks like. */
static char *
describe_start_failure (const GError *error)
{
  if (!g_error_matches (error, HYPHA_ERROR, HYPHA_ERROR_ALREADY_EXISTS))
    return g_strdup (error->message);

  return g_strdup_printf (_ ("%s\n\nHypha may already be running. Close it first, or start this one on "
                             "a free port: “hypha-desktop --port 0”."),
                          error->message);
}

static void
start_failed (HyphaApplication *self,
              const GError     *error)
{
  g_autofree char *text = describe_start_failure (error);
  GtkWidget *dialog;

  self->exit_status = 1;
  g_signal_emit (self, signals[START_FAILED], 0, error);

  dialog = adw_message_dialog_new (GTK_WINDOW (hypha_application_present_start_window (self)),
                                   _ ("Hypha Could Not Start"), text);
  adw_message_dialog_add_response (ADW_MESSAGE_DIALOG (dialog), "quit", _ ("_Quit"));
  adw_message_dialog_set_close_response (ADW_MESSAGE_DIALOG (dialog), "quit");
  g_signal_connect_object (dialog, "response", G_CALLBACK (start_failure_read_cb), self,
                           G_CONNECT_SWAPPED);
  hypha_dialog_present (dialog);
}

static void
started_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      data)
{
  g_autoptr (HyphaApplication) self = data;
  g_autoptr (GError) error = NULL;

  if (!hypha_core_start_finish (self->core, result, &error))
    {
      start_failed (self, error);
    }
  else
    {
      g_signal_emit (self, signals[LISTENING], 0, hypha_core_get_url (self->core));
      if (self->start_window != NULL)
        hypha_start_window_set_url (self->start_window, hypha_core_get_url (self->core));
      hypha_application_begin_loads (self);
    }

  g_application_release (G_APPLICATION (self));
}

static void
open_dialog_cb (HyphaApplication *self,
                const char       *source)
{
  hypha_application_load (self, source);
}

static void
open_plugin_activated (GSimpleAction *action,
                       GVariant      *parameter,
                       gpointer       data)
{
  HyphaApplication *self = data;
  GtkWindow *parent = gtk_application_get_active_window (GTK_APPLICATION (self));
  HyphaOpenDialog *dialog = hypha_open_dialog_new (parent);

  g_signal_connect_object (dialog, "open", G_CALLBACK (open_dialog_cb), self, G_CONNECT_SWAPPED);
  hypha_dialog_present (GTK_WIDGET (dialog));
}

static void
start_page_activated (GSimpleAction *action,
                      GVariant      *parameter,
                      gpointer       data)
{
  hypha_application_present_start_window (data);
}

static void
about_activated (GSimpleAction *action,
                 GVariant      *parameter,
                 gpointer       data)
{
  HyphaApplication *self = data;
  const char *developers[] = { _ ("The Hypha desktop contributors"), NULL };

  adw_show_about_window (gtk_application_get_active_window (GTK_APPLICATION (self)),
                         "application-name", _ ("Hypha"),
                         "application-icon", g_application_get_application_id (G_APPLICATION (self)),
                         "version", HYPHA_VERSION,
                         "developers", developers,
                         "comments", _ ("Runs Hypha and ImJoy plugins on this computer"),
                         "license-type", GTK_LICENSE_MIT_X11,
                         NULL);
}

static void
quit_activated (GSimpleAction *action,
                GVariant      *parameter,
                gpointer       data)
{
  g_application_quit (G_APPLICATION (data));
}

static const GActionEntry actions[] = {
  { .name = "open-plugin", .activate = open_plugin_activated },
  { .name = "start-page", .activate = start_page_activated },
  { .name = "about", .activate = about_activated },
  { .name = "quit", .activate = quit_activated },
};

static void
set_accelerators (GtkApplication *application)
{
  static const struct
  {
    const char *action;
    const char *keys[3];
  } accelerators[] = {
    { "app.open-plugin", { "<Control>o", NULL } }, { "app.quit", { "<Control>q", NULL } },
    { "win.reload", { "<Control>r", "F5", NULL } }, { "win.inspect", { "<Control><Shift>i", NULL } },
    { "window.close", { "<Control>w", NULL } },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (accelerators); i++)
    gtk_application_set_accels_for_action (application, accelerators[i].action, accelerators[i].keys);
}

static gboolean
terminate_cb (gpointer data)
{
  g_application_quit (data);
  return G_SOURCE_CONTINUE;
}

static void
hypha_application_startup (GApplication *application)
{
  HyphaApplication *self = HYPHA_APPLICATION (application);

  G_APPLICATION_CLASS (hypha_application_parent_class)->startup (application);

  gtk_window_set_default_icon_name (g_application_get_application_id (application));
  g_action_map_add_action_entries (G_ACTION_MAP (self), actions, G_N_ELEMENTS (actions), self);
  set_accelerators (GTK_APPLICATION (self));
  self->signal_ids[0] = g_unix_signal_add (SIGINT, terminate_cb, self);
  self->signal_ids[1] = g_unix_signal_add (SIGTERM, terminate_cb, self);

  self->web_context = hypha_web_context_dup_default ();
  hypha_application_host_windows (self);
  g_application_hold (application);
  hypha_core_start_async (self->core, NULL, started_cb, g_object_ref (self));
}

static void
hypha_application_activate (GApplication *application)
{
  hypha_application_present_start_window (HYPHA_APPLICATION (application));
}

static void
hypha_application_open (GApplication *application,
                        GFile       **files,
                        int           n_files,
                        const char   *hint)
{
  HyphaApplication *self = HYPHA_APPLICATION (application);

  if (gtk_application_get_windows (GTK_APPLICATION (self)) == NULL)
    hypha_application_present_start_window (self);

  for (int i = 0; i < n_files; i++)
    {
      g_autofree char *source = g_file_get_path (files[i]);

      if (source == NULL)
        source = g_file_get_uri (files[i]);
      hypha_application_load (self, source);
    }
}

static void
hypha_application_shutdown (GApplication *application)
{
  HyphaApplication *self = HYPHA_APPLICATION (application);

  for (gsize i = 0; i < G_N_ELEMENTS (self->signal_ids); i++)
    g_clear_handle_id (&self->signal_ids[i], g_source_remove);

  self->shut_down = TRUE;
  hypha_application_destroy_windows (self);
  hypha_core_close (self->core);
  g_clear_object (&self->web_context);

  G_APPLICATION_CLASS (hypha_application_parent_class)->shutdown (application);
}

static void
hypha_application_finalize (GObject *object)
{
  HyphaApplication *self = HYPHA_APPLICATION (object);

  g_clear_weak_pointer (&self->start_window);
  g_hash_table_unref (self->windows);
  g_free (self->closed_client);
  g_object_unref (self->core);

  G_OBJECT_CLASS (hypha_application_parent_class)->finalize (object);
}

static void
hypha_application_class_init (HyphaApplicationClass *klass)
{
  GApplicationClass *application_class = G_APPLICATION_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = hypha_application_finalize;

  application_class->startup = hypha_application_startup;
  application_class->activate = hypha_application_activate;
  application_class->open = hypha_application_open;
  application_class->shutdown = hypha_application_shutdown;

  signals[LISTENING] = g_signal_new ("listening", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                     NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
  signals[START_FAILED] = g_signal_new ("start-failed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST,
                                        0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_ERROR);
}

static void
hypha_application_init (HyphaApplication *self)
{
  self->core = hypha_core_new ();
  self->windows = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_queue_init (&self->loads);
}

/* The core, to be set up before the application runs. */
HyphaCore *
hypha_application_get_core (HyphaApplication *self)
{
  g_return_val_if_fail (HYPHA_IS_APPLICATION (self), NULL);

  return self->core;
}

/* What the program should exit with, beyond what g_application_run() says. */
int
hypha_application_get_exit_status (HyphaApplication *self)
{
  g_return_val_if_fail (HYPHA_IS_APPLICATION (self), 1);

  return self->exit_status;
}

HyphaApplication *
hypha_application_new (const char *application_id)
{
  return g_object_new (HYPHA_TYPE_APPLICATION,
                       "application-id", application_id,
                       "flags", G_APPLICATION_HANDLES_OPEN,
                       "resource-base-path", "/io/github/hypha_desktop/Hypha",
                       NULL);
}
