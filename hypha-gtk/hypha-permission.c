/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-permission.h"

#include "hypha-dialog.h"
#include "hypha-page-question.h"

#include <adwaita.h>
#include <glib/gi18n.h>

/* What a page may not do unasked. */

static const char *
question_for (WebKitPermissionRequest *request)
{
  if (WEBKIT_IS_USER_MEDIA_PERMISSION_REQUEST (request))
    {
      WebKitUserMediaPermissionRequest *media = WEBKIT_USER_MEDIA_PERMISSION_REQUEST (request);
      gboolean video = webkit_user_media_permission_is_for_video_device (media);
      gboolean audio = webkit_user_media_permission_is_for_audio_device (media);

      if (webkit_user_media_permission_is_for_display_device (media))
        return _ ("It wants to see the screen.");
      if (video && audio)
        return _ ("It wants to use the camera and the microphone.");
      return video ? _ ("It wants to use the camera.") : _ ("It wants to use the microphone.");
    }

  if (WEBKIT_IS_GEOLOCATION_PERMISSION_REQUEST (request))
    return _ ("It wants to know where this computer is.");
  if (WEBKIT_IS_CLIPBOARD_PERMISSION_REQUEST (request))
    return _ ("It wants to read the clipboard.");
  if (WEBKIT_IS_NOTIFICATION_PERMISSION_REQUEST (request))
    return _ ("It wants to show notifications.");
  if (WEBKIT_IS_POINTER_LOCK_PERMISSION_REQUEST (request))
    return _ ("It wants to take the pointer.");

  return NULL;
}

static void
response_cb (WebKitPermissionRequest *request,
             const char              *response,
             GtkWidget               *dialog)
{
  GtkWindow *parent = gtk_window_get_transient_for (GTK_WINDOW (dialog));

  if (parent != NULL)
    hypha_page_question_end (parent);

  if (g_str_equal (response, "allow"))
    webkit_permission_request_allow (request);
  else
    webkit_permission_request_deny (request);
}

/* The dialog keeps the request; WebKit takes one that goes unanswered for a refusal. */
static void
ask (WebKitPermissionRequest *request,
     GtkWindow               *parent,
     const char              *heading,
     const char              *question)
{
  GtkWidget *dialog = adw_message_dialog_new (parent, heading, question);

  adw_message_dialog_add_responses (ADW_MESSAGE_DIALOG (dialog), "deny", _ ("_Deny"), "allow",
                                    _ ("_Allow"), NULL);
  adw_message_dialog_set_default_response (ADW_MESSAGE_DIALOG (dialog), "deny");
  adw_message_dialog_set_close_response (ADW_MESSAGE_DIALOG (dialog), "deny");
  g_signal_connect_data (dialog, "response", G_CALLBACK (response_cb), g_object_ref (request),
                         (GClosureNotify) (void (*) (void)) g_object_unref, G_CONNECT_SWAPPED);
  hypha_dialog_present (dialog);
}

/**
 * hypha_permission_ask:
 * @request: what a page asks for
 * @web_view: the view that shows the page
 * @name: what a person knows the page as
 *
 * Lets a person decide, at once or later.
 */
void
hypha_permission_ask (WebKitPermissionRequest *request,
                      WebKitWebView           *web_view,
                      const char              *name)
{
  const char *question = question_for (request);
  GtkWindow *window = question != NULL ? hypha_page_question_begin (web_view) : NULL;
  g_autofree char *heading = NULL;

  if (window == NULL)
    {
      webkit_permission_request_deny (request);
      return;
    }

  heading = g_strdup_printf (_ ("Allow “%s”?"), name);
  ask (request, window, heading, question);
}
