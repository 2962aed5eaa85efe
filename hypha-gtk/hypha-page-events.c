/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-page-private.h"

/* What the extension tells about the documents in the frame. */

typedef void (*EventFunc) (HyphaPage  *self,
                           const char *first,
                           const char *second);

typedef struct
{
  const char *name;
  EventFunc   func;
} Event;

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

      hypha_page_note (self, what);
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
  hypha_page_offer_bridge (self, bridge);
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
  if (self->plugin_host == NULL)
    hypha_page_report_start (self);
}

static void
on_started (HyphaPage  *self,
            const char *origin,
            const char *second)
{
  if (origin_is_expected (self, origin))
    hypha_page_report_start (self);
}

static void
on_failed (HyphaPage  *self,
           const char *origin,
           const char *cause)
{
  if (origin_is_expected (self, origin))
    hypha_page_fail (self, HYPHA_ERROR_FAILED, cause);
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

gboolean
hypha_page_message_cb (HyphaPage         *self,
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
