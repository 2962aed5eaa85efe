/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-page-private.h"

#include <glib/gi18n.h>

/*
 * HyphaPage: what one window shows, without the widgets around it. It owns the web view, which
 * holds a host page, which holds one frame with the plugin or app; it knows which origin that
 * frame was given to, and makes a HyphaBridge when the document in it asks to be connected.
 */

/* How long the host page may take to load. It is ours and local: only a busy process delays it. */
#define LOAD_TIMEOUT_SECONDS 15

enum
{
  CONNECT,
  STARTED,
  FAILED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

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

void
hypha_page_offer_bridge (HyphaPage   *self,
                         HyphaBridge *bridge)
{
  g_signal_emit (self, signals[CONNECT], 0, bridge);
}

void
hypha_page_report_start (HyphaPage *self)
{
  if (!self->failed)
    g_signal_emit (self, signals[STARTED], 0);
}

void
hypha_page_report_failure (HyphaPage    *self,
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

void
hypha_page_fail (HyphaPage  *self,
                 HyphaError  code,
                 const char *message)
{
  g_autoptr (GError) error = g_error_new_literal (HYPHA_ERROR, code, message);

  hypha_page_report_failure (self, error);
}

static void
watch_failed_cb (HyphaPage *self,
                 GError    *error)
{
  hypha_page_report_failure (self, error);
}

/* A page may misbehave without end; the log must not fill up with it. */
void
hypha_page_note (HyphaPage  *self,
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
  hypha_page_fail (self, HYPHA_ERROR_TIMED_OUT, _ ("The page did not answer and was stopped."));
  if (self->web_view != NULL)
    webkit_web_view_terminate_web_process (self->web_view);
  return G_SOURCE_REMOVE;
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
  hypha_page_connect_view (self);
  return self;
}
