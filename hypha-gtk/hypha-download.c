/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-download.h"

#include "hypha-dialog.h"
#include "hypha-page-question.h"

#include <adwaita.h>
#include <glib/gi18n.h>

/*
 * Downloads: a page can start one without a gesture, so nothing is written before a person has
 * chosen where to. Nobody to ask, or a question that is open already, ends the download.
 */

#define CHOOSER_KEY "hypha-chooser"

/* The chooser belongs to the download, and must not outlive the window. */
static void
end_question (WebKitDownload *download)
{
  GtkNativeDialog *chooser = g_object_get_data (G_OBJECT (download), CHOOSER_KEY);
  GtkWindow *window = chooser != NULL ? gtk_native_dialog_get_transient_for (chooser) : NULL;

  if (window != NULL)
    hypha_page_question_end (window);
  g_object_set_data (G_OBJECT (download), CHOOSER_KEY, NULL);
}

static void
chosen_cb (WebKitDownload       *download,
           int                   response,
           GtkFileChooserNative *chooser)
{
  g_autoptr (WebKitDownload) hold = g_object_ref (download);
  g_autoptr (GFile) file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (chooser));
  g_autofree char *path = file != NULL ? g_file_get_path (file) : NULL;

  end_question (download);
  if (response != GTK_RESPONSE_ACCEPT || path == NULL)
    {
      webkit_download_cancel (download);
      return;
    }

  /* The chooser has asked whether a file that exists may be replaced. */
  webkit_download_set_allow_overwrite (download, TRUE);
  webkit_download_set_destination (download, path);
}

/* The last part of the name alone: what comes before it is the person's to choose. */
static void
ask_for_file (WebKitDownload *download,
              GtkWindow      *window,
              const char     *suggested)
{
  g_autofree char *name = g_path_get_basename (suggested);
  GtkFileChooserNative *chooser = gtk_file_chooser_native_new (
      _ ("Save As"), window, GTK_FILE_CHOOSER_ACTION_SAVE, NULL, NULL);

  g_object_set_data_full (G_OBJECT (download), CHOOSER_KEY, chooser, g_object_unref);
  gtk_file_chooser_set_current_name (GTK_FILE_CHOOSER (chooser), name);
  g_signal_connect_object (chooser, "response", G_CALLBACK (chosen_cb), download, G_CONNECT_SWAPPED);
  g_signal_connect_object (window, "destroy", G_CALLBACK (webkit_download_cancel), download,
                           G_CONNECT_SWAPPED);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (chooser));
}

static gboolean
decide_destination_cb (WebKitDownload *download,
                       const char     *suggested,
                       gpointer        data)
{
  WebKitWebView *web_view = webkit_download_get_web_view (download);
  GtkWindow *window = web_view != NULL ? hypha_page_question_begin (web_view) : NULL;

  if (window == NULL)
    webkit_download_cancel (download);
  else
    ask_for_file (download, window, suggested);

  return TRUE;
}

static void
failed_cb (WebKitDownload *download,
           GError         *error,
           gpointer        data)
{
  WebKitWebView *web_view = webkit_download_get_web_view (download);
  GtkRoot *root = web_view != NULL ? gtk_widget_get_root (GTK_WIDGET (web_view)) : NULL;
  GtkWidget *dialog;

  end_question (download);
  if (!GTK_IS_WINDOW (root) || g_error_matches (error, WEBKIT_DOWNLOAD_ERROR,
                                                WEBKIT_DOWNLOAD_ERROR_CANCELLED_BY_USER))
    return;

  dialog = adw_message_dialog_new (GTK_WINDOW (root), _ ("Could Not Save the File"), error->message);
  adw_message_dialog_add_response (ADW_MESSAGE_DIALOG (dialog), "close", _ ("_Close"));
  hypha_dialog_present (dialog);
}

static void
download_started_cb (WebKitNetworkSession *session,
                     WebKitDownload       *download,
                     gpointer              data)
{
  g_signal_connect (download, "decide-destination", G_CALLBACK (decide_destination_cb), NULL);
  g_signal_connect (download, "failed", G_CALLBACK (failed_cb), NULL);
}

/* Asks a person about all downloads of the session. */
void
hypha_download_watch (WebKitNetworkSession *session)
{
  g_signal_connect (session, "download-started", G_CALLBACK (download_started_cb), NULL);
}
