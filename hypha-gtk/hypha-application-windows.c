/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-application-private.h"

#include "hypha-dialog.h"
#include "hypha-question-dialog.h"

/* What the core asks to show. */

HyphaWindow *
hypha_application_find_window (HyphaApplication *self,
                               HyphaWindowInfo  *info)
{
  return g_hash_table_lookup (self->windows, hypha_window_info_get_id (info));
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
  HyphaWindow *window = hypha_application_find_window (self, info);

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

/* Lets the core show windows here; without this it has no host. */
void
hypha_application_host_windows (HyphaApplication *self)
{
  g_signal_connect_object (self->core, "add-window", G_CALLBACK (add_window_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->core, "remove-window", G_CALLBACK (remove_window_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->core, "question", G_CALLBACK (question_cb), self, G_CONNECT_SWAPPED);
}

/* Hidden ones too, and before the core goes: it is told that they are gone. */
void
hypha_application_destroy_windows (HyphaApplication *self)
{
  g_autoptr (GList) hidden = g_hash_table_get_values (self->windows);
  GList *windows;

  for (GList *l = hidden; l != NULL; l = l->next)
    gtk_window_destroy (l->data);
  while ((windows = gtk_application_get_windows (GTK_APPLICATION (self))) != NULL)
    gtk_window_destroy (windows->data);
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
