/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-app-controller-internal-private.h"
#include "hypha-app-methods-private.h"
#include "hypha-window-info-private.h"

/*
 * HyphaAppController: from “load this” to a running service. It asks the host for a window, waits
 * for the page in it to export its service, and runs setup() and run(). It adds load_app and
 * create_window to the manager.
 */

G_DEFINE_FINAL_TYPE (HyphaAppController, hypha_app_controller, G_TYPE_OBJECT)

static void
hypha_app_controller_dispose (GObject *object)
{
  HyphaAppController *self = HYPHA_APP_CONTROLLER (object);

  g_clear_pointer (&self->windows, g_hash_table_unref);
  g_clear_pointer (&self->loads, g_hash_table_unref);
  g_clear_object (&self->gate);
  g_clear_object (&self->manager);

  G_OBJECT_CLASS (hypha_app_controller_parent_class)->dispose (object);
}

static void
hypha_app_controller_class_init (HyphaAppControllerClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = hypha_app_controller_dispose;
}

static void
hypha_app_controller_init (HyphaAppController *self)
{
  self->windows = g_hash_table_new_full (NULL, NULL, NULL, hypha_app_window_free);
  self->loads = g_hash_table_new (NULL, NULL);
  self->timeout = HYPHA_APP_LOAD_TIMEOUT * 1000;
}

/*
 * From here on no window opens and the host is never called, so its data may go. Calls nobody,
 * unlike close: it may be used inside any callback.
 */
void
hypha_app_controller_stop (HyphaAppController *self)
{
  self->closed = TRUE;
  self->host_data = NULL;
}

/* Ends it before its last reference goes: calls that are on their way find no window any more. */
void
hypha_app_controller_close (HyphaAppController *self)
{
  g_autoptr (HyphaAppController) hold = g_object_ref (self);

  /* Every window's end is told to somebody, who may drop the last reference. */
  hypha_app_controller_stop (self);
  g_hash_table_remove_all (self->windows);
}

void
hypha_app_controller_set_timeout (HyphaAppController *self,
                                  guint               milliseconds)
{
  self->timeout = milliseconds;
}

guint
hypha_app_controller_get_n_windows (HyphaAppController *self)
{
  return g_hash_table_size (self->windows);
}

HyphaManager *
hypha_app_controller_get_manager (HyphaAppController *self)
{
  return self->manager;
}

/* Whether there is anybody who shows windows. */
gboolean
hypha_app_controller_has_host (HyphaAppController *self)
{
  return !self->closed && self->host->has_host (self->host_data);
}

/* Ends the line of the page in a window. The window, or NULL: who hears of that may close it. */
static HyphaAppWindow *
hypha_app_controller_unmount (HyphaAppController *self,
                              HyphaWindowInfo    *info)
{
  HyphaAppWindow *window = g_hash_table_lookup (self->windows, info);

  if (window == NULL || window->connection == NULL)
    return window;

  hypha_app_window_drop_connection (window);
  return g_hash_table_lookup (self->windows, info);
}

/* The page in a window speaks: its identity is the window's. An older page's line ends. */
void
hypha_app_controller_mount (HyphaAppController *self,
                            HyphaWindowInfo    *info,
                            HyphaConnection    *connection)
{
  g_autoptr (HyphaAppController) hold = g_object_ref (self);
  HyphaAppWindow *window = hypha_app_controller_unmount (self, info);

  if (window == NULL)
    {
      hypha_connection_close (connection, HYPHA_CLOSE_GOING_AWAY, "this window is closed");
      return;
    }

  window->connection = g_object_ref (connection);
  hypha_gate_accept_mounted (self->gate, connection, hypha_window_info_get_workspace (info),
                             hypha_window_info_get_client_id (info),
                             hypha_window_info_get_user (info));
}

/* The host could not show the page, or it crashed. The window stays, with the error in it. */
void
hypha_app_controller_window_failed (HyphaAppController *self,
                                    HyphaWindowInfo    *info,
                                    const GError       *error)
{
  g_autoptr (HyphaAppController) hold = g_object_ref (self);
  HyphaAppWindow *window = hypha_app_controller_unmount (self, info);

  if (window != NULL)
    hypha_app_window_fail (window, g_error_copy (error));
}

/* The window is gone: its services leave, whoever waits for it is told. */
void
hypha_app_controller_window_closed (HyphaAppController *self,
                                    HyphaWindowInfo    *info)
{
  g_autoptr (HyphaAppController) hold = g_object_ref (self);
  g_autoptr (HyphaWindowInfo) hold_info = g_object_ref (info);

  g_hash_table_remove (self->windows, info);
}

/* host, and its data, must live until the controller is closed. */
HyphaAppController *
hypha_app_controller_new (HyphaManager       *manager,
                          HyphaGate          *gate,
                          const HyphaAppHost *host,
                          gpointer            host_data)
{
  HyphaAppController *self = g_object_new (HYPHA_TYPE_APP_CONTROLLER, NULL);

  self->manager = g_object_ref (manager);
  self->gate = g_object_ref (gate);
  self->host = host;
  self->host_data = host_data;
  hypha_app_methods_add (manager, self);
  hypha_app_controller_watch_exports (self);
  return self;
}
