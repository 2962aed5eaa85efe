/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-app-controller-internal-private.h"

/*
 * HyphaAppWindow: one window of the host, and who waits for the app in it. That ends once: by the
 * app that runs, an error, the deadline, or the end of the window.
 */

void
hypha_app_result_free (gpointer data)
{
  HyphaAppResult *result = data;

  g_clear_object (&result->window);
  g_clear_pointer (&result->service, g_variant_unref);
  g_free (result);
}

static void
hypha_app_window_stop_deadline (HyphaAppWindow *window)
{
  if (window->deadline != NULL)
    {
      g_source_destroy (window->deadline);
      g_clear_pointer (&window->deadline, g_source_unref);
    }
}

void
hypha_app_window_fail (HyphaAppWindow *window,
                       GError         *error)
{
  g_autoptr (GTask) task = g_steal_pointer (&window->loading);

  hypha_app_window_stop_deadline (window);
  if (task != NULL)
    g_task_return_error (task, error);
  else
    g_error_free (error);
}

void
hypha_app_window_succeed (HyphaAppWindow *window)
{
  g_autoptr (GTask) task = g_steal_pointer (&window->loading);
  HyphaAppResult *result;

  hypha_app_window_stop_deadline (window);
  if (task == NULL)
    return;

  result = g_new0 (HyphaAppResult, 1);
  result->window = g_object_ref (window->info);
  result->service = window->service != NULL ? g_variant_ref (window->service) :
                                              g_variant_ref_sink (hypha_rpc_codec_null ());
  g_task_return_pointer (task, result, hypha_app_result_free);
}

void
hypha_app_window_drop_connection (HyphaAppWindow *window)
{
  g_autoptr (HyphaConnection) connection = g_steal_pointer (&window->connection);

  if (connection != NULL)
    hypha_connection_close (connection, HYPHA_CLOSE_NORMAL, "the page is gone");
}

void
hypha_app_window_free (gpointer data)
{
  HyphaAppWindow *window = data;

  hypha_app_window_drop_connection (window);
  hypha_app_window_fail (window, g_error_new (HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED,
                                              "the window of %s was closed", window->peer));
  g_object_unref (window->info);
  g_free (window->peer);
  g_variant_unref (window->arguments);
  g_clear_pointer (&window->service, g_variant_unref);
  g_free (window);
}

HyphaAppWindow *
hypha_app_window_new (HyphaAppController *controller,
                      HyphaWindowInfo    *info,
                      GVariant           *arguments)
{
  HyphaAppWindow *window = g_new0 (HyphaAppWindow, 1);

  window->controller = controller;
  window->info = g_object_ref (info);
  window->peer = g_strconcat (hypha_window_info_get_workspace (info), "/",
                              hypha_window_info_get_client_id (info), NULL);
  window->arguments = g_variant_ref (arguments);
  return window;
}

static gboolean
hypha_app_window_expire (gpointer data)
{
  HyphaAppWindow *window = data;
  g_autoptr (HyphaAppController) self = g_object_ref (window->controller);
  g_autoptr (HyphaWindowInfo) info = g_object_ref (window->info);

  /* Who waits is told first, and may close the window or the controller. */
  hypha_app_window_fail (window,
                         g_error_new (HYPHA_ERROR, HYPHA_ERROR_TIMED_OUT,
                                      "Timeout after %u s: “%s” has not exported its service; a "
                                      "plugin does that with api.export()", self->timeout / 1000,
                                      hypha_window_info_get_name (info)));

  /* What a person opened is theirs to close, however long it takes. */
  window = g_hash_table_lookup (self->windows, info);
  if (window != NULL && !window->personal)
    {
      g_hash_table_remove (self->windows, info);
      if (!self->closed)
        self->host->remove_window (info, self->host_data);
    }

  return G_SOURCE_REMOVE;
}

void
hypha_app_window_start_deadline (HyphaAppWindow *window)
{
  window->deadline = g_timeout_source_new (window->controller->timeout);
  g_source_set_static_name (window->deadline, "hypha-app-load");
  g_source_set_callback (window->deadline, hypha_app_window_expire, window, NULL);
  g_source_attach (window->deadline, g_main_context_get_thread_default ());
}
