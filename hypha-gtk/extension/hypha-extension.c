/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-port.h"

#include <gio/gio.h>

#define BRIDGE_SCRIPT "/io/github/hypha_desktop/Hypha/extension/hypha-bridge.js"

/*
 * Loaded by WebKit into every web process of the application. It puts the bridge script into a
 * script world of its own in the main frame, which holds nothing but our host page, so that no
 * page of anybody else ever sees a native function.
 */

G_MODULE_EXPORT void webkit_web_process_extension_initialize (WebKitWebProcessExtension *extension);

static gboolean
is_host_page (WebKitFrame *frame)
{
  const char *uri = webkit_frame_get_uri (frame);

  return webkit_frame_is_main_frame (frame) && uri != NULL && g_str_has_prefix (uri, "hypha-host://");
}

/* The frame that shows the page, not one that the page itself has made. */
static gboolean
is_frame_of_host_page (JSCContext *context)
{
  g_autoptr (JSCValue) value =
      jsc_context_evaluate (context, "self !== top && parent === top", -1);

  return jsc_value_to_boolean (value);
}

static void
install_bridge (HyphaPort  *port,
                JSCContext *context)
{
  g_autoptr (GBytes) script =
      g_resources_lookup_data (BRIDGE_SCRIPT, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  g_autoptr (JSCValue) bridge = NULL;
  g_autoptr (JSCValue) send = NULL;
  g_autoptr (JSCValue) deliver = NULL;

  g_assert (script != NULL);

  bridge = jsc_context_evaluate (context, g_bytes_get_data (script, NULL), g_bytes_get_size (script));
  send = hypha_port_new_send_function (port, context);
  deliver = jsc_value_function_call (bridge, JSC_TYPE_VALUE, send, G_TYPE_NONE);
  hypha_port_set_deliver (port, deliver);
}

static void
window_object_cleared_cb (WebKitScriptWorld *world,
                          WebKitWebPage     *page,
                          WebKitFrame       *frame,
                          gpointer           data)
{
  HyphaPort *port = hypha_port_get (page);
  g_autoptr (JSCContext) context = webkit_frame_get_js_context_for_script_world (frame, world);

  if (is_host_page (frame))
    {
      install_bridge (port, context);
      hypha_port_send_event (port, "hello", NULL, NULL);
    }
  else if (is_frame_of_host_page (context))
    {
      hypha_port_document_changed (port);
    }
}

static void
page_created_cb (WebKitWebProcessExtension *extension,
                 WebKitWebPage             *page,
                 gpointer                   data)
{
  hypha_port_attach (page);
}

G_MODULE_EXPORT void
webkit_web_process_extension_initialize (WebKitWebProcessExtension *extension)
{
  WebKitScriptWorld *world = webkit_script_world_new_with_name ("hypha");

  /* The world lives as long as the process. */
  g_signal_connect (world, "window-object-cleared", G_CALLBACK (window_object_cleared_cb), NULL);
  g_signal_connect (extension, "page-created", G_CALLBACK (page_created_cb), NULL);
}
