/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-page.h"

#include "hypha-bridge.h"
#include "hypha-frame-watch.h"
#include "hypha-permission.h"

#include <glib/gi18n.h>

/*
 * HyphaPage: what one window shows, without the widgets around it. It owns the web view, which
 * holds a host page, which holds one frame with the plugin or app; it knows which origin that
 * frame was given to, and makes a HyphaBridge when the document in it asks to be connected.
 */

/* How long the extension may take to report after the host page has loaded, in seconds. */
#define HELLO_TIMEOUT_SECONDS 5

/* How long the host page may take to load. It is ours and local: only a busy process delays it. */
#define LOAD_TIMEOUT_SECONDS 15

struct _HyphaPage
{
  GObject          parent_instance;
  HyphaWebContext *context;
  HyphaWindowInfo *info;
  WebKitWebView   *web_view;
  HyphaBridge     *bridge;       /* of the document in the frame; NULL while there is none */
  HyphaFrameWatch *watch;        /* of the load under way */
  char            *host;         /* of the host page */
  char            *host_uri;
  char            *plugin_host;  /* NULL for an app with a URI of its own */
  char            *target;       /* what the frame shows */
  guint            hello_timeout;
  guint            load_timeout;
  guint            documents;    /* that the frame has had since the host page came */
  guint            trusted : 1;  /* the document in the frame is the one that was asked for */
  guint            greeted : 1;  /* the extension has reported for this host page */
  guint            failed : 1;   /* reported, for this load */
  guint            hung : 1;     /* did not load, and was ended for that */
  guint            noted : 1;    /* a message about this document is in the log */
};

enum
{
  CONNECT,
  STARTED,
  FAILED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

typedef void (*EventFunc) (HyphaPage  *self,
                           const char *first,
                           const char *second);

typedef struct
{
  const char *name;
  EventFunc   func;
} Event;

G_DEFINE_FINAL_TYPE (HyphaPage, hypha_page, G_TYPE_OBJECT)

/**
 * hypha_page_disconnect:
 * @self: a page
 * @code: a WebSocket close code
 * @reason: why
 *
 * Ends the page's connection to the core, if it has one.
 */
void
hypha_page_disconnect (HyphaPage  *self,
                       guint       code,
                       const char *reason)
{
  g_autoptr (HyphaBridge) bridge = NULL;

  g_return_if_fail (HYPHA_IS_PAGE (self));

  bridge = g_steal_pointer (&self->bridge);
  if (bridge != NULL)
    hypha_bridge_abandon (bridge, code, reason);
}

static void
report_failure (HyphaPage    *self,
                const GError *error)
{
  g_autoptr (HyphaPage) hold = g_object_ref (self);

  if (self->failed)
    return;

  self->failed = TRUE;
  g_clear_handle_id (&self->load_timeout, g_source_remove);
  hypha_page_disconnect (self, 1006, "the page failed");
  g_signal_emit (self, signals[FAILED], 0, error);
}

static void
fail (HyphaPage  *self,
      HyphaError  code,
      const char *message)
{
  g_autoptr (GError) error = g_error_new_literal (HYPHA_ERROR, code, message);

  report_failure (self, error);
}

static void
watch_failed_cb (HyphaPage *self,
                 GError    *error)
{
  report_failure (self, error);
}

/* A page may misbehave without end; the log must not fill up with it. */
static void
note (HyphaPage  *self,
      const char *what)
{
  if (!self->noted)
    g_message ("%s: %s", hypha_window_info_get_client_id (self->info), what);
  self->noted = TRUE;
}

/* A script that never ends keeps its process from loading anything else. */
static gboolean
load_timed_out (gpointer data)
{
  g_autoptr (HyphaPage) self = g_object_ref (data);

  self->load_timeout = 0;
  self->hung = TRUE;
  fail (self, HYPHA_ERROR_TIMED_OUT, _ ("The page did not answer and was stopped."));
  if (self->web_view != NULL)
    webkit_web_view_terminate_web_process (self->web_view);
  return G_SOURCE_REMOVE;
}

static gboolean
hello_timed_out (gpointer data)
{
  HyphaPage *self = data;

  self->hello_timeout = 0;
  fail (self, HYPHA_ERROR_FAILED, _ ("The part of this program that connects pages did not start."));
  return G_SOURCE_REMOVE;
}

/* A new host page, so whatever was connected before it is gone. */
static void
on_hello (HyphaPage  *self,
          const char *first,
          const char *second)
{
  self->greeted = TRUE;
  self->trusted = FALSE;
  self->noted = FALSE;
  self->documents = 0;
  g_clear_handle_id (&self->hello_timeout, g_source_remove);
  g_clear_handle_id (&self->load_timeout, g_source_remove);
  hypha_page_disconnect (self, 1001, "the page was loaded again");
}

static void
on_document (HyphaPage  *self,
             const char *uri,
             const char *second)
{
  self->trusted = FALSE;
  self->noted = FALSE;
  self->documents++;
  hypha_page_disconnect (self, 1001, "the page was left");
}

/*
 * An opaque origin tells nothing, so it counts only for the first document: whatever the frame
 * shows later may have come from anywhere.
 */
static gboolean
origin_is_expected (HyphaPage  *self,
                    const char *origin)
{
  if (g_str_equal (origin, "null"))
    return self->documents <= 1;

  return g_strcmp0 (origin, hypha_frame_watch_get_origin (self->watch)) == 0;
}

static void
on_ready (HyphaPage  *self,
          const char *origin,
          const char *second)
{
  g_autofree char *message = NULL;

  hypha_frame_watch_arrived (self->watch);
  hypha_page_disconnect (self, 1001, "the page starts again");
  self->trusted = origin_is_expected (self, origin);
  if (!self->trusted)
    {
      g_autofree char *what = g_strdup_printf ("not connected to a page of %s", origin);

      note (self, what);
      return;
    }

  message = hypha_window_info_dup_initialize_message (self->info);
  webkit_web_view_send_message_to_page (
      self->web_view, webkit_user_message_new ("initialize", g_variant_new ("(ss)", origin, message)),
      NULL, NULL, NULL);
}

static gboolean
is_our_client (HyphaPage  *self,
               const char *client_id)
{
  return self->trusted &&
         g_strcmp0 (client_id, hypha_window_info_get_client_id (self->info)) == 0;
}

static void
bridge_closed_cb (HyphaPage       *self,
                  guint            code,
                  const char      *reason,
                  HyphaConnection *bridge)
{
  if ((gpointer) self->bridge == (gpointer) bridge)
    g_clear_object (&self->bridge);
}

static void
on_connect (HyphaPage  *self,
            const char *client_id,
            const char *workspace)
{
  g_autoptr (HyphaBridge) bridge = NULL;

  if (!is_our_client (self, client_id) ||
      g_strcmp0 (workspace, hypha_window_info_get_workspace (self->info)) != 0)
    return;

  hypha_page_disconnect (self, 1001, "the page connects again");
  bridge = hypha_bridge_new (self->web_view, client_id);
  self->bridge = g_object_ref (bridge);
  g_signal_connect_object (bridge, "closed", G_CALLBACK (bridge_closed_cb), self, G_CONNECT_SWAPPED);
  g_signal_emit (self, signals[CONNECT], 0, bridge);
  hypha_bridge_open (bridge);
}

static void
on_close (HyphaPage  *self,
          const char *client_id,
          const char *second)
{
  if (is_our_client (self, client_id))
    hypha_page_disconnect (self, 1000, "the page closed the connection");
}

static void
on_lost (HyphaPage  *self,
         const char *client_id,
         const char *cause)
{
  if (self->bridge != NULL)
    hypha_connection_close (HYPHA_CONNECTION (self->bridge), 1009, cause);
}

static void
on_loaded (HyphaPage  *self,
           const char *first,
           const char *second)
{
  hypha_frame_watch_arrived (self->watch);
  if (self->plugin_host == NULL && !self->failed)
    g_signal_emit (self, signals[STARTED], 0);
}

static void
on_started (HyphaPage  *self,
            const char *origin,
            const char *second)
{
  if (origin_is_expected (self, origin) && !self->failed)
    g_signal_emit (self, signals[STARTED], 0);
}

static void
on_failed (HyphaPage  *self,
           const char *origin,
           const char *cause)
{
  if (origin_is_expected (self, origin))
    fail (self, HYPHA_ERROR_FAILED, cause);
}

static const Event events[] = {
  { "hello", on_hello },     { "document", on_document }, { "ready", on_ready },
  { "connect", on_connect }, { "close", on_close },       { "lost", on_lost },
  { "loaded", on_loaded },   { "started", on_started },   { "failed", on_failed },
};

static void
handle_event (HyphaPage         *self,
              WebKitUserMessage *message)
{
  GVariant *parameters = webkit_user_message_get_parameters (message);
  const char *first;
  const char *second;

  if (parameters == NULL || !g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(ss)")))
    return;

  g_variant_get (parameters, "(&s&s)", &first, &second);
  for (gsize i = 0; i < G_N_ELEMENTS (events); i++)
    {
      if (g_str_equal (webkit_user_message_get_name (message), events[i].name))
        {
          events[i].func (self, first, second);
          return;
        }
    }
}

static gboolean
user_message_received_cb (HyphaPage         *self,
                          WebKitUserMessage *message,
                          WebKitWebView     *web_view)
{
  g_autoptr (HyphaPage) hold = g_object_ref (self);
  g_autoptr (HyphaBridge) bridge = self->bridge != NULL ? g_object_ref (self->bridge) : NULL;

  if (!g_str_equal (webkit_user_message_get_name (message), "frame"))
    handle_event (self, message);
  else if (bridge != NULL)
    {
      /* The bridge answers when it has taken the frame. */
      hypha_bridge_receive (bridge, message);
      return TRUE;
    }

  webkit_user_message_send_reply (message, webkit_user_message_new ("taken", NULL));
  return TRUE;
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

  note (self, "page wanted to leave its window");
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
    fail (self, HYPHA_ERROR_FAILED, _ ("The page has left its window."));

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
    report_failure (self, error);

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
    fail (self, HYPHA_ERROR_FAILED, _ ("The page used too much memory and was stopped."));
  else if (reason == WEBKIT_WEB_PROCESS_TERMINATED_BY_API)
    fail (self, HYPHA_ERROR_FAILED, _ ("The page was stopped."));
  else
    fail (self, HYPHA_ERROR_FAILED, _ ("The process that showed the page crashed."));
}

static void
clear_timeouts (HyphaPage *self)
{
  g_clear_handle_id (&self->hello_timeout, g_source_remove);
  g_clear_handle_id (&self->load_timeout, g_source_remove);
}

/**
 * hypha_page_load:
 * @self: a page
 *
 * Loads the page, from the beginning if it was loaded before.
 */
void
hypha_page_load (HyphaPage *self)
{
  g_return_if_fail (HYPHA_IS_PAGE (self));

  hypha_page_disconnect (self, 1001, "the page is loaded again");
  clear_timeouts (self);
  g_clear_object (&self->watch);
  self->greeted = FALSE;
  self->trusted = FALSE;
  self->failed = FALSE;
  self->hung = FALSE;

  self->watch = hypha_frame_watch_new (self->web_view, self->host_uri, self->target,
                                       HYPHA_FRAME_WATCH_SECONDS);
  g_signal_connect_object (self->watch, "failed", G_CALLBACK (watch_failed_cb), self,
                           G_CONNECT_SWAPPED);
  self->load_timeout = g_timeout_add_seconds (LOAD_TIMEOUT_SECONDS, load_timed_out, self);
  webkit_web_view_load_uri (self->web_view, self->host_uri);
}

WebKitWebView *
hypha_page_get_web_view (HyphaPage *self)
{
  g_return_val_if_fail (HYPHA_IS_PAGE (self), NULL);

  return self->web_view;
}

/* What the frame shows. */
const char *
hypha_page_get_target (HyphaPage *self)
{
  g_return_val_if_fail (HYPHA_IS_PAGE (self), NULL);

  return self->target;
}

/* Storage belongs to the plugin's source, or to this one window where it has none. */
static char *
make_plugin_host (HyphaWindowInfo *info)
{
  const char *uri = hypha_window_info_get_source_uri (info);
  g_autofree char *source = NULL;

  if (uri == NULL)
    return g_uuid_string_random ();

  source = g_strconcat (hypha_window_info_get_workspace (info), "\n", uri, NULL);
  return g_compute_checksum_for_string (G_CHECKSUM_SHA1, source, -1);
}

static GBytes *
make_host_page (HyphaPage *self)
{
  g_autoptr (GBytes) template = g_resources_lookup_data (
      "/io/github/hypha_desktop/Hypha/pages/host.html", G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  g_autofree char *target = g_markup_escape_text (self->target, -1);
  g_autoptr (GString) page = g_string_new (g_bytes_get_data (template, NULL));

  g_string_replace (page, "@TARGET@", target, 1);
  return g_string_free_to_bytes (g_steal_pointer (&page));
}

static void
connect_view (HyphaPage *self)
{
  static const struct
  {
    const char *signal;
    GCallback   callback;
  } handlers[] = {
    { "user-message-received", G_CALLBACK (user_message_received_cb) },
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

static void
hypha_page_dispose (GObject *object)
{
  HyphaPage *self = HYPHA_PAGE (object);

  hypha_page_disconnect (self, 1001, "the window was closed");
  clear_timeouts (self);
  if (self->web_view != NULL)
    {
      hypha_web_context_withdraw (self->context, self->host, self->web_view);
      if (self->plugin_host != NULL)
        hypha_web_context_withdraw (self->context, self->plugin_host, self->web_view);
    }
  g_clear_object (&self->watch);
  g_clear_object (&self->web_view);
  g_clear_object (&self->info);
  g_clear_object (&self->context);

  G_OBJECT_CLASS (hypha_page_parent_class)->dispose (object);
}

static void
hypha_page_finalize (GObject *object)
{
  HyphaPage *self = HYPHA_PAGE (object);

  g_free (self->host);
  g_free (self->host_uri);
  g_free (self->plugin_host);
  g_free (self->target);

  G_OBJECT_CLASS (hypha_page_parent_class)->finalize (object);
}

static void
hypha_page_class_init (HyphaPageClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = hypha_page_dispose;
  object_class->finalize = hypha_page_finalize;

  /* The page asks to be connected; the handler gives the bridge to the core. */
  signals[CONNECT] = g_signal_new ("connect", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                   NULL, NULL, G_TYPE_NONE, 1, HYPHA_TYPE_BRIDGE);
  /* There is something to see. */
  signals[STARTED] = g_signal_new ("started", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                   NULL, NULL, G_TYPE_NONE, 0);
  /* The load failed, or the page ended; once for each load. */
  signals[FAILED] = g_signal_new ("failed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                  NULL, NULL, G_TYPE_NONE, 1, G_TYPE_ERROR);
}

static void
hypha_page_init (HyphaPage *self)
{
  self->host = g_uuid_string_random ();
  self->host_uri = g_strdup_printf ("hypha-host://%s/", self->host);
}

/**
 * hypha_page_new:
 * @context: a context that has been prepared
 * @info: what to show
 *
 * Makes a page; nothing is loaded yet.
 *
 * Returns: (transfer full): a page
 */
HyphaPage *
hypha_page_new (HyphaWebContext *context,
                HyphaWindowInfo *info)
{
  HyphaPage *self = g_object_new (HYPHA_TYPE_PAGE, NULL);
  g_autoptr (GBytes) page = NULL;

  self->context = g_object_ref (context);
  self->info = g_object_ref (info);
  self->web_view = g_object_ref_sink (hypha_web_context_new_view (context));
  if (hypha_window_info_is_plugin (info))
    self->plugin_host = make_plugin_host (info);
  self->target = self->plugin_host != NULL ? g_strdup_printf ("hypha-plugin://%s/", self->plugin_host)
                                           : g_strdup (hypha_window_info_get_uri (info));

  page = make_host_page (self);
  hypha_web_context_serve (context, self->host, self->web_view, page);
  if (self->plugin_host != NULL)
    hypha_web_context_serve (context, self->plugin_host, self->web_view, page);
  connect_view (self);
  return self;
}
