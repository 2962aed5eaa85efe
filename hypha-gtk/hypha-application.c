/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-application.h"

#include "hypha-dialog.h"
#include "hypha-open-dialog.h"
#include "hypha-question-dialog.h"
#include "hypha-start-window.h"
#include "hypha-window.h"

#include <glib-unix.h>
#include <glib/gi18n.h>
#include <string.h>

/*
 * HyphaApplication: one core, a start window, and a window for each plugin or app that the core
 * asks to show. It is the host of the core: the only place that answers ::add-window.
 */

#define SOURCE_KEY "hypha-source"

struct _HyphaApplication
{
  AdwApplication    parent_instance;
  HyphaCore        *core;
  HyphaWebContext  *web_context;  /* keeps what all pages share */
  HyphaStartWindow *start_window; /* weak */
  GHashTable       *windows;      /* window id → HyphaWindow, shown or not */
  GQueue            loads;        /* of Load, under way or waiting for the core */
  char             *closed_client; /* whose window a person closed last */
  guint             signal_ids[2];
  int               exit_status;
  guint             shut_down : 1;
};

typedef struct
{
  HyphaApplication *application;
  char             *source;
  gboolean          begun;
} Load;

enum
{
  LISTENING,
  START_FAILED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (HyphaApplication, hypha_application, ADW_TYPE_APPLICATION)

static HyphaStartWindow *
present_start_window (HyphaApplication *self)
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
find_window (HyphaApplication *self,
             HyphaWindowInfo  *info)
{
  return g_hash_table_lookup (self->windows, hypha_window_info_get_id (info));
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
  dialog = hypha_start_window_show_error (present_start_window (load->application), what,
                                          load->source, error);
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
  HyphaWindow *window = info != NULL ? find_window (load->application, info) : NULL;

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

static gboolean
is_value (gpointer key,
          gpointer value,
          gpointer data)
{
  return value == data;
}

/* The window no longer knows what it showed. */
static void
window_destroyed_cb (HyphaApplication *self,
                     HyphaWindow      *window)
{
  g_hash_table_foreach_remove (self->windows, is_value, window);
}

static gboolean
window_close_request_cb (HyphaApplication *self,
                         HyphaWindow      *window)
{
  g_free (self->closed_client);
  self->closed_client = g_strdup (hypha_window_info_get_client_id (hypha_window_get_info (window)));
  return FALSE;
}

static void
window_reopen_cb (HyphaApplication *self,
                  HyphaWindow      *window)
{
  g_autofree char *source = g_strdup (hypha_window_get_source (window));

  hypha_application_load (self, source);
  gtk_window_destroy (GTK_WINDOW (window));
}

/* A window that is to stay hidden must not keep the application running. */
static gboolean
add_window_cb (HyphaApplication *self,
               HyphaWindowInfo  *info)
{
  gboolean hidden = hypha_window_info_is_hidden (info);
  HyphaWindow *window = hypha_window_new (hidden ? NULL : GTK_APPLICATION (self), self->core, info);

  g_hash_table_insert (self->windows, g_strdup (hypha_window_info_get_id (info)), window);
  g_signal_connect_object (window, "destroy", G_CALLBACK (window_destroyed_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (window, "close-request", G_CALLBACK (window_close_request_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (window, "reopen", G_CALLBACK (window_reopen_cb), self, G_CONNECT_SWAPPED);
  if (!hidden)
    gtk_window_present (GTK_WINDOW (window));

  return TRUE;
}

static void
remove_window_cb (HyphaApplication *self,
                  HyphaWindowInfo  *info)
{
  HyphaWindow *window = find_window (self, info);

  if (window != NULL)
    hypha_window_removed (window);
}

/* The window of a page that asks, if it is to be seen. */
static HyphaWindow *
find_window_of_client (HyphaApplication *self,
                       const char       *client)
{
  GHashTableIter iter;
  HyphaWindow *window;

  g_hash_table_iter_init (&iter, self->windows);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &window))
    {
      HyphaWindowInfo *info = hypha_window_get_info (window);
      g_autofree char *id = g_strdup_printf ("%s/%s", hypha_window_info_get_workspace (info),
                                             hypha_window_info_get_client_id (info));

      if (g_str_equal (id, client) && gtk_widget_get_mapped (GTK_WIDGET (window)))
        return window;
    }

  return NULL;
}

/* A page asks in its own window, others in the start window; a message there is no dialog. */
static gboolean
question_cb (HyphaApplication *self,
             HyphaQuestion    *question)
{
  const char *client = hypha_question_get_client (question);
  HyphaWindow *window = find_window_of_client (self, client);
  GtkWindow *parent = window != NULL ? GTK_WINDOW (window) : GTK_WINDOW (self->start_window);
  GtkWidget *dialog;

  if (self->shut_down)
    return FALSE;

  if (hypha_question_get_kind (question) == HYPHA_QUESTION_MESSAGE && window == NULL &&
      self->start_window != NULL)
    {
      hypha_start_window_show_message (self->start_window, question);
      return TRUE;
    }

  dialog = hypha_question_dialog_new (question, parent,
                                      window != NULL ? gtk_window_get_title (parent) : client);
  if (parent == NULL)
    gtk_window_set_application (GTK_WINDOW (dialog), GTK_APPLICATION (self));
  hypha_dialog_present (dialog);
  return TRUE;
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

  dialog = adw_message_dialog_new (GTK_WINDOW (present_start_window (self)),
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
      g_queue_foreach (&self->loads, begin_load, NULL);
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
  present_start_window (data);
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
  g_signal_connect_object (self->core, "add-window", G_CALLBACK (add_window_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->core, "remove-window", G_CALLBACK (remove_window_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->core, "question", G_CALLBACK (question_cb), self, G_CONNECT_SWAPPED);
  g_application_hold (application);
  hypha_core_start_async (self->core, NULL, started_cb, g_object_ref (self));
}

static void
hypha_application_activate (GApplication *application)
{
  present_start_window (HYPHA_APPLICATION (application));
}

static void
hypha_application_open (GApplication *application,
                        GFile       **files,
                        int           n_files,
                        const char   *hint)
{
  HyphaApplication *self = HYPHA_APPLICATION (application);

  if (gtk_application_get_windows (GTK_APPLICATION (self)) == NULL)
    present_start_window (self);

  for (int i = 0; i < n_files; i++)
    {
      g_autofree char *source = g_file_get_path (files[i]);

      if (source == NULL)
        source = g_file_get_uri (files[i]);
      hypha_application_load (self, source);
    }
}

/* Hidden ones too, and before the core goes: it is told that they are gone. */
static void
destroy_windows (HyphaApplication *self)
{
  g_autoptr (GList) hidden = g_hash_table_get_values (self->windows);
  GList *windows;

  for (GList *l = hidden; l != NULL; l = l->next)
    gtk_window_destroy (l->data);
  while ((windows = gtk_application_get_windows (GTK_APPLICATION (self))) != NULL)
    gtk_window_destroy (windows->data);
}

static void
hypha_application_shutdown (GApplication *application)
{
  HyphaApplication *self = HYPHA_APPLICATION (application);

  for (gsize i = 0; i < G_N_ELEMENTS (self->signal_ids); i++)
    g_clear_handle_id (&self->signal_ids[i], g_source_remove);

  self->shut_down = TRUE;
  destroy_windows (self);
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

/* The title of the window whose page offers a service; NULL if it is no page of ours. */
const char *
hypha_application_get_window_name (HyphaApplication *self,
                                   const char       *service_id)
{
  GHashTableIter iter;
  HyphaWindow *window;

  g_return_val_if_fail (HYPHA_IS_APPLICATION (self), NULL);

  g_hash_table_iter_init (&iter, self->windows);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &window))
    {
      HyphaWindowInfo *info = hypha_window_get_info (window);
      g_autofree char *prefix = g_strdup_printf ("%s/%s:", hypha_window_info_get_workspace (info),
                                                 hypha_window_info_get_client_id (info));

      if (g_str_has_prefix (service_id, prefix))
        return hypha_window_info_get_name (info);
    }

  return NULL;
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
