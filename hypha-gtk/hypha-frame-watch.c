/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-frame-watch.h"

#include <glib/gi18n.h>
#include <hypha.h>

/*
 * HyphaFrameWatch: watches one load of the frame in a host page, because WebKit reports loads
 * only for the view as a whole, and an iframe says “load” for a failure too. It knows the origin
 * that the document should come from, redirects of the server included, and tells of failure.
 */

struct _HyphaFrameWatch
{
  GObject            parent_instance;
  char              *host_uri;
  char              *origin;
  char              *target;
  WebKitWebResource *resource;  /* the document in the frame, once asked for */
  guint              timeout;   /* until there is an answer, or the document itself */
};

enum
{
  FAILED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (HyphaFrameWatch, hypha_frame_watch, G_TYPE_OBJECT)

static void
set_origin (HyphaFrameWatch *self,
            const char      *uri)
{
  WebKitSecurityOrigin *origin = webkit_security_origin_new_for_uri (uri);

  g_free (self->origin);
  self->origin = webkit_security_origin_to_string (origin);
  webkit_security_origin_unref (origin);
}

static void
report (HyphaFrameWatch *self,
        const GError    *error)
{
  g_autoptr (HyphaFrameWatch) hold = g_object_ref (self);

  hypha_frame_watch_arrived (self);
  g_signal_emit (self, signals[FAILED], 0, error);
}

/* WebKit says nothing about an address that it refuses to ask for at all. */
static gboolean
timed_out (gpointer data)
{
  HyphaFrameWatch *self = data;
  g_autoptr (GError) error =
      g_error_new (HYPHA_ERROR, HYPHA_ERROR_TIMED_OUT,
                   _ ("“%s” did not answer in time, or may not be shown here."), self->target);

  self->timeout = 0;
  report (self, error);
  return G_SOURCE_REMOVE;
}

static void
failed_cb (HyphaFrameWatch   *self,
           GError            *error,
           WebKitWebResource *resource)
{
  g_autoptr (GError) refused = NULL;

  /* What WebKit calls a cancelled load of a frame is a site that may not be shown in one. */
  if (!g_error_matches (error, WEBKIT_NETWORK_ERROR, WEBKIT_NETWORK_ERROR_CANCELLED))
    {
      report (self, error);
      return;
    }

  refused = g_error_new (HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                         _ ("“%s” does not allow to be shown inside another program's window."),
                         webkit_web_resource_get_uri (resource));
  report (self, refused);
}

static void
response_cb (HyphaFrameWatch   *self,
             GParamSpec        *pspec,
             WebKitWebResource *resource)
{
  WebKitURIResponse *response = webkit_web_resource_get_response (resource);
  guint status = response != NULL ? webkit_uri_response_get_status_code (response) : 0;
  g_autoptr (GError) error = NULL;

  if (response != NULL)
    hypha_frame_watch_arrived (self);
  if (status < 400)
    return;

  error = g_error_new (HYPHA_ERROR, HYPHA_ERROR_NOT_FOUND, _ ("The server answered “%u %s” for “%s”."),
                       status, soup_status_get_phrase (status), webkit_web_resource_get_uri (resource));
  report (self, error);
}

static void
sent_request_cb (HyphaFrameWatch   *self,
                 WebKitURIRequest  *request,
                 WebKitURIResponse *redirected,
                 WebKitWebResource *resource)
{
  if (redirected != NULL)
    set_origin (self, webkit_uri_request_get_uri (request));
}

/* The first thing that a host page asks for, and the only one, is the document in its frame. */
static void
resource_load_started_cb (HyphaFrameWatch   *self,
                          WebKitWebResource *resource,
                          WebKitURIRequest  *request,
                          WebKitWebView     *web_view)
{
  if (self->resource != NULL ||
      g_strcmp0 (webkit_uri_request_get_uri (request), self->host_uri) == 0)
    return;

  self->resource = g_object_ref (resource);
  g_signal_connect_object (resource, "failed", G_CALLBACK (failed_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (resource, "notify::response", G_CALLBACK (response_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (resource, "sent-request", G_CALLBACK (sent_request_cb), self,
                           G_CONNECT_SWAPPED);
}

static void
hypha_frame_watch_finalize (GObject *object)
{
  HyphaFrameWatch *self = HYPHA_FRAME_WATCH (object);

  g_free (self->host_uri);
  g_free (self->origin);
  g_free (self->target);
  g_clear_handle_id (&self->timeout, g_source_remove);
  g_clear_object (&self->resource);

  G_OBJECT_CLASS (hypha_frame_watch_parent_class)->finalize (object);
}

static void
hypha_frame_watch_class_init (HyphaFrameWatchClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = hypha_frame_watch_finalize;

  signals[FAILED] = g_signal_new ("failed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                  NULL, NULL, G_TYPE_NONE, 1, G_TYPE_ERROR);
}

static void
hypha_frame_watch_init (HyphaFrameWatch *self)
{
}

/* The origin that the document in the frame should have; NULL if that is opaque. */
const char *
hypha_frame_watch_get_origin (HyphaFrameWatch *self)
{
  g_return_val_if_fail (HYPHA_IS_FRAME_WATCH (self), NULL);

  return self->origin;
}

/* The document has come, or speaks: there is nothing left to wait for. */
void
hypha_frame_watch_arrived (HyphaFrameWatch *self)
{
  g_return_if_fail (HYPHA_IS_FRAME_WATCH (self));

  g_clear_handle_id (&self->timeout, g_source_remove);
}

HyphaFrameWatch *
hypha_frame_watch_new (WebKitWebView *web_view,
                       const char    *host_uri,
                       const char    *target,
                       guint          seconds)
{
  HyphaFrameWatch *self = g_object_new (HYPHA_TYPE_FRAME_WATCH, NULL);

  self->host_uri = g_strdup (host_uri);
  self->target = g_strdup (target);
  self->timeout = g_timeout_add_seconds (seconds, timed_out, self);
  set_origin (self, target);
  g_signal_connect_object (web_view, "resource-load-started", G_CALLBACK (resource_load_started_cb),
                           self, G_CONNECT_SWAPPED);
  return self;
}
