/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-page-private.h"

#include "hypha-permission.h"

#include <glib/gi18n.h>

/* What the web view does, and is allowed to do. */

/* How long the extension may take to report after the host page has loaded, in seconds. */
#define HELLO_TIMEOUT_SECONDS 5

static gboolean
hello_timed_out (gpointer data)
{
  HyphaPage *self = data;

  self->hello_timeout = 0;
  hypha_page_fail (self, HYPHA_ERROR_FAILED,
                   _ ("The part of this program that connects pages did not start."));
  return G_SOURCE_REMOVE;
}

/* Whatever the page does, the view keeps its host page; other windows open elsewhere. */
static gboolean
decide_policy_cb (HyphaPage               *self,
                  WebKitPolicyDecision    *decision,
                  WebKitPolicyDecisionType type,
                  WebKitWebView           *web_view)
{
  WebKitResponsePolicyDecision *response;
  const char *uri;

  if (type != WEBKIT_POLICY_DECISION_TYPE_RESPONSE)
    return FALSE;

  response = WEBKIT_RESPONSE_POLICY_DECISION (decision);
  uri = webkit_uri_request_get_uri (webkit_response_policy_decision_get_request (response));
  if (!webkit_response_policy_decision_is_main_frame_main_resource (response) ||
      g_strcmp0 (uri, self->host_uri) == 0)
    return FALSE;

  hypha_page_note (self, "page wanted to leave its window");
  webkit_policy_decision_ignore (decision);
  return TRUE;
}

static GtkWidget *
create_cb (HyphaPage              *self,
           WebKitNavigationAction *action,
           WebKitWebView          *web_view)
{
  const char *uri = webkit_uri_request_get_uri (webkit_navigation_action_get_request (action));
  GtkRoot *root = gtk_widget_get_root (GTK_WIDGET (web_view));
  const char *scheme = g_uri_peek_scheme (uri);

  if (webkit_navigation_action_is_user_gesture (action) && GTK_IS_WINDOW (root) &&
      (g_strcmp0 (scheme, "http") == 0 || g_strcmp0 (scheme, "https") == 0))
    gtk_show_uri (GTK_WINDOW (root), uri, GDK_CURRENT_TIME);

  return NULL;
}

static gboolean
permission_request_cb (HyphaPage               *self,
                       WebKitPermissionRequest *request,
                       WebKitWebView           *web_view)
{
  hypha_permission_ask (request, web_view, hypha_window_info_get_name (self->info));
  return TRUE;
}

static void
load_changed_cb (HyphaPage      *self,
                 WebKitLoadEvent event,
                 WebKitWebView  *web_view)
{
  if (event == WEBKIT_LOAD_COMMITTED &&
      g_strcmp0 (webkit_web_view_get_uri (web_view), self->host_uri) != 0)
    hypha_page_fail (self, HYPHA_ERROR_FAILED, _ ("The page has left its window."));

  if (event == WEBKIT_LOAD_COMMITTED)
    g_clear_handle_id (&self->load_timeout, g_source_remove);

  if (event == WEBKIT_LOAD_FINISHED && !self->greeted && !self->failed && self->hello_timeout == 0)
    self->hello_timeout = g_timeout_add_seconds (HELLO_TIMEOUT_SECONDS, hello_timed_out, self);
}

static gboolean
load_failed_cb (HyphaPage      *self,
                WebKitLoadEvent event,
                const char     *uri,
                GError         *error,
                WebKitWebView  *web_view)
{
  /* A navigation that was refused above is no failure of this page. */
  if (g_strcmp0 (uri, self->host_uri) == 0 &&
      !g_error_matches (error, WEBKIT_NETWORK_ERROR, WEBKIT_NETWORK_ERROR_CANCELLED))
    hypha_page_report_failure (self, error);

  return TRUE;
}

static void
terminated_cb (HyphaPage                       *self,
               WebKitWebProcessTerminationReason reason,
               WebKitWebView                   *web_view)
{
  g_clear_handle_id (&self->load_timeout, g_source_remove);
  if (self->hung)
    return;

  self->failed = FALSE;
  if (reason == WEBKIT_WEB_PROCESS_EXCEEDED_MEMORY_LIMIT)
    hypha_page_fail (self, HYPHA_ERROR_FAILED, _ ("The page used too much memory and was stopped."));
  else if (reason == WEBKIT_WEB_PROCESS_TERMINATED_BY_API)
    hypha_page_fail (self, HYPHA_ERROR_FAILED, _ ("The page was stopped."));
  else
    hypha_page_fail (self, HYPHA_ERROR_FAILED, _ ("The process that showed the page crashed."));
}

void
hypha_page_connect_view (HyphaPage *self)
{
  static const struct
  {
    const char *signal;
    GCallback   callback;
  } handlers[] = {
    { "user-message-received", G_CALLBACK (hypha_page_message_cb) },
    { "decide-policy", G_CALLBACK (decide_policy_cb) },
    { "create", G_CALLBACK (create_cb) },
    { "permission-request", G_CALLBACK (permission_request_cb) },
    { "load-changed", G_CALLBACK (load_changed_cb) },
    { "load-failed", G_CALLBACK (load_failed_cb) },
    { "web-process-terminated", G_CALLBACK (terminated_cb) },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (handlers); i++)
    g_signal_connect_object (self->web_view, handlers[i].signal, handlers[i].callback, self,
                             G_CONNECT_SWAPPED);
}
