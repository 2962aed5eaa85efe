/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-app-controller-internal-private.h"
#include "hypha-lookup-private.h"
#include "hypha-window-info-private.h"

/* From a page that exports its service to an app that runs: looks it up, calls setup() and run(). */

/* Calls run on from here; the window may have gone before they return. */
typedef struct
{
  HyphaAppController *controller;
  HyphaWindowInfo    *info;
} HyphaAppStep;

static HyphaAppStep *
hypha_app_step_new (HyphaAppWindow *window)
{
  HyphaAppStep *step = g_new (HyphaAppStep, 1);

  step->controller = g_object_ref (window->controller);
  step->info = g_object_ref (window->info);
  return step;
}

/* Ends a step: its window, or NULL if that has gone. */
static HyphaAppWindow *
hypha_app_step_end (HyphaAppStep *step)
{
  HyphaAppWindow *window = g_hash_table_lookup (step->controller->windows, step->info);

  g_object_unref (step->info);
  g_object_unref (step->controller);
  g_free (step);
  return window;
}

static void
hypha_app_window_call (HyphaAppWindow      *window,
                       const char          *method,
                       GVariant            *args,
                       GAsyncReadyCallback  callback)
{
  hypha_rpc_call_async (hypha_manager_get_rpc (window->controller->manager), window->peer, method,
                        args, HYPHA_RPC_TIMEOUT, NULL, callback, hypha_app_step_new (window));
}

static gboolean
hypha_app_window_has_method (HyphaAppWindow *window,
                             const char     *name)
{
  g_autoptr (GVariant) method = g_variant_lookup_value (window->service, name, NULL);

  return method != NULL && hypha_rpc_codec_is_type (method, "method");
}

static void
hypha_app_window_ran (GObject      *source,
                      GAsyncResult *result,
                      gpointer      data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = hypha_rpc_call_finish (HYPHA_RPC (source), result, &error);
  HyphaAppWindow *window = hypha_app_step_end (data);

  if (window == NULL)
    return;

  if (error != NULL)
    {
      g_message ("%s: run() failed: %s", window->peer, error->message);
      g_prefix_error (&error, "run() of %s failed: ", hypha_window_info_get_name (window->info));
      hypha_app_window_fail (window, g_steal_pointer (&error));
    }
  else
    {
      hypha_app_window_succeed (window);
    }
}

static void
hypha_app_window_run (HyphaAppWindow *window)
{
  GVariantBuilder args;

  if (!hypha_app_window_has_method (window, "run"))
    {
      hypha_app_window_succeed (window);
      return;
    }

  g_variant_builder_init (&args, G_VARIANT_TYPE ("av"));
  g_variant_builder_add (&args, "v", window->arguments);
  hypha_app_window_call (window, "services.default.run", g_variant_builder_end (&args),
                         hypha_app_window_ran);
}

/* An error of setup() does not keep a plugin from running; the log has it. */
static void
hypha_app_window_set_up (GObject      *source,
                         GAsyncResult *result,
                         gpointer      data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = hypha_rpc_call_finish (HYPHA_RPC (source), result, &error);
  HyphaAppWindow *window = hypha_app_step_end (data);

  if (error != NULL && window != NULL)
    g_message ("%s: setup() failed: %s", window->peer, error->message);
  if (window != NULL)
    hypha_app_window_run (window);
}

static void
hypha_app_window_got_service (GObject      *source,
                              GAsyncResult *result,
                              gpointer      data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) service = hypha_lookup_get_finish (result, &error);
  HyphaAppWindow *window = hypha_app_step_end (data);

  if (window == NULL)
    return;

  if (service == NULL || !g_variant_is_of_type (service, G_VARIANT_TYPE_VARDICT))
    {
      if (error == NULL)
        error = g_error_new (HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED,
                             "%s went away before it was ready", window->peer);
      hypha_app_window_fail (window, g_steal_pointer (&error));
      return;
    }

  g_clear_pointer (&window->service, g_variant_unref);
  window->service = g_steal_pointer (&service);
  if (hypha_app_window_has_method (window, "setup"))
    hypha_app_window_call (window, "services.default.setup", g_variant_new ("av", NULL),
                           hypha_app_window_set_up);
  else
    hypha_app_window_run (window);
}

/* A page of ours has exported its service: on first load, and again after a reload. */
static void
hypha_app_controller_on_service_added (HyphaRegistry      *registry,
                                       HyphaServiceInfo   *info,
                                       HyphaAppController *self)
{
  HyphaAppWindow *window;
  g_autoptr (GVariant) id = NULL;

  if (!g_str_equal (hypha_service_info_get_service (info), "default"))
    return;

  window = hypha_app_controller_find_peer (self, hypha_service_info_get_workspace (info),
                                           hypha_service_info_get_client (info));
  if (window == NULL)
    return;

  id = g_variant_ref_sink (g_variant_new_string (hypha_service_info_get_id (info)));
  hypha_lookup_get_async (self->manager, hypha_window_info_get_user (window->info),
                          hypha_window_info_get_workspace (window->info), id, NULL, NULL,
                          hypha_app_window_got_service, hypha_app_step_new (window));
}

void
hypha_app_controller_watch_exports (HyphaAppController *self)
{
  g_signal_connect_object (hypha_manager_get_registry (self->manager), "service-added",
                           G_CALLBACK (hypha_app_controller_on_service_added), self, 0);
}
