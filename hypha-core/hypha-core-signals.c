/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-core-private.h"

/* What a core says to its program: its signals, and the hosts that they are. */

enum
{
  ADD_WINDOW,
  REMOVE_WINDOW,
  CONNECTION_READY,
  SERVICE_ADDED,
  SERVICE_UPDATED,
  SERVICE_REMOVED,
  CLIENT_DISCONNECTED,
  EVENT,
  QUESTION,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

static gboolean
hypha_core_has_host (gpointer data)
{
  return g_signal_has_handler_pending (data, signals[ADD_WINDOW], 0, FALSE);
}

static gboolean
hypha_core_add_window (HyphaWindowInfo *window,
                       gpointer         data)
{
  gboolean taken = FALSE;

  g_signal_emit (data, signals[ADD_WINDOW], 0, window, &taken);
  return taken;
}

static void
hypha_core_remove_window (HyphaWindowInfo *window,
                          gpointer         data)
{
  g_signal_emit (data, signals[REMOVE_WINDOW], 0, window);
}

const HyphaAppHost hypha_core_app_host = {
  .has_host = hypha_core_has_host,
  .add_window = hypha_core_add_window,
  .remove_window = hypha_core_remove_window,
};

static gboolean
hypha_core_has_question_host (gpointer data)
{
  return g_signal_has_handler_pending (data, signals[QUESTION], 0, FALSE);
}

static gboolean
hypha_core_ask (HyphaQuestion *question,
                gpointer       data)
{
  gboolean taken = FALSE;

  g_signal_emit (data, signals[QUESTION], 0, question, &taken);
  return taken;
}

static const HyphaQuestionHost question_host = {
  .has_host = hypha_core_has_question_host,
  .ask = hypha_core_ask,
};

static void
hypha_core_on_peer_attached (HyphaRouter *router,
                             HyphaPeer   *peer,
                             HyphaCore   *self)
{
  if (!hypha_peer_is_local (peer))
    g_signal_emit (self, signals[CONNECTION_READY], 0, hypha_peer_get_id (peer));
}

static void
hypha_core_on_peer_detached (HyphaRouter *router,
                             HyphaPeer   *peer,
                             HyphaCore   *self)
{
  if (!hypha_peer_is_local (peer))
    g_signal_emit (self, signals[CLIENT_DISCONNECTED], 0, hypha_peer_get_id (peer));
}

/* Names come from clients: those that nobody here has asked for get no quark. */
static void
hypha_core_on_event (HyphaRouter *router,
                     const char  *workspace,
                     const char  *event,
                     GVariant    *data,
                     HyphaCore   *self)
{
  g_signal_emit (self, signals[EVENT], g_quark_try_string (event), workspace, event, data);
}

static void
hypha_core_on_service_added (HyphaRegistry    *registry,
                             HyphaServiceInfo *info,
                             HyphaCore        *self)
{
  if (!hypha_service_info_is_the_cores (info))
    g_signal_emit (self, signals[SERVICE_ADDED], 0, info);
}

static void
hypha_core_on_service_updated (HyphaRegistry    *registry,
                               HyphaServiceInfo *info,
                               HyphaCore        *self)
{
  if (!hypha_service_info_is_the_cores (info))
    g_signal_emit (self, signals[SERVICE_UPDATED], 0, info);
}

static void
hypha_core_on_service_removed (HyphaRegistry    *registry,
                               HyphaServiceInfo *info,
                               HyphaCore        *self)
{
  if (!hypha_service_info_is_the_cores (info))
    g_signal_emit (self, signals[SERVICE_REMOVED], 0, info);
}

void
hypha_core_install_signals (GObjectClass *klass)
{  /**
   * HyphaCore::add-window:
   * @self: the core
   * @window: what to show
   *
   * An app needs a window. The handler makes one, connects its page with [method@Core.mount], and
   * reports its end with [method@Core.window_closed].
   *
   * Returns: %TRUE if the window will be shown
   *
   * Since: 0.1
   */
  signals[ADD_WINDOW] = g_signal_new ("add-window", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST,
                                      0, g_signal_accumulator_true_handled, NULL, NULL,
                                      G_TYPE_BOOLEAN, 1, HYPHA_TYPE_WINDOW_INFO);

  /**
   * HyphaCore::remove-window:
   * @self: the core
   * @window: the window
   *
   * The core has given a window up; the host closes it.
   *
   * Since: 0.1
   */
  signals[REMOVE_WINDOW] = g_signal_new ("remove-window", G_TYPE_FROM_CLASS (klass),
                                         G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                                         HYPHA_TYPE_WINDOW_INFO);

  /**
   * HyphaCore::connection-ready:
   * @self: the core
   * @client: the client's address, `workspace/client`
   *
   * A client has proved who it is and is connected.
   *
   * Since: 0.1
   */
  signals[CONNECTION_READY] = g_signal_new ("connection-ready", G_TYPE_FROM_CLASS (klass),
                                            G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                                            1, G_TYPE_STRING);

  /**
   * HyphaCore::service-added:
   * @self: the core
   * @service: the service
   *
   * A client has registered a service.
   *
   * Since: 0.1
   */
  signals[SERVICE_ADDED] = g_signal_new ("service-added", G_TYPE_FROM_CLASS (klass),
                                         G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                                         HYPHA_TYPE_SERVICE_INFO);

  /**
   * HyphaCore::service-updated:
   * @self: the core
   * @service: the service, as it is now
   *
   * A client has registered one of its services again.
   *
   * Since: 0.1
   */
  signals[SERVICE_UPDATED] = g_signal_new ("service-updated", G_TYPE_FROM_CLASS (klass),
                                           G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                                           HYPHA_TYPE_SERVICE_INFO);

  /**
   * HyphaCore::client-disconnected:
   * @self: the core
   * @client: the client's address, `workspace/client`
   *
   * A client has gone; its services have left before.
   *
   * Since: 0.1
   */
  signals[CLIENT_DISCONNECTED] = g_signal_new ("client-disconnected", G_TYPE_FROM_CLASS (klass),
                                               G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                                               1, G_TYPE_STRING);

  /**
   * HyphaCore::event:
   * @self: the core
   * @workspace: where it has happened
   * @event: its name
   * @data: what it says
   *
   * Something has happened in a workspace: what subscribers there are told, the events that clients
   * make up included. The detail is the name of the event.
   *
   * Since: 0.1
   */
  signals[EVENT] = g_signal_new ("event", G_TYPE_FROM_CLASS (klass),
                                 G_SIGNAL_RUN_LAST | G_SIGNAL_DETAILED, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 3, G_TYPE_STRING, G_TYPE_STRING, G_TYPE_VARIANT);

  /**
   * HyphaCore::question:
   * @self: the core
   * @question: what to ask
   *
   * A client wants something of the person at this machine. The handler keeps a reference, shows the
   * question, and answers it when the person does; until then the client waits.
   *
   * Returns: %TRUE if the question will be shown
   *
   * Since: 0.1
   */
  signals[QUESTION] = g_signal_new ("question", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                    g_signal_accumulator_true_handled, NULL, NULL, G_TYPE_BOOLEAN,
                                    1, HYPHA_TYPE_QUESTION);

  /**
   * HyphaCore::service-removed:
   * @self: the core
   * @service: the service
   *
   * A service was unregistered, or its client has gone.
   *
   * Since: 0.1
   */
  signals[SERVICE_REMOVED] = g_signal_new ("service-removed", G_TYPE_FROM_CLASS (klass),
                                           G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                                           HYPHA_TYPE_SERVICE_INFO);
}

/* The registry lives as long as the core. */
void
hypha_core_watch_registry (HyphaCore *self)
{
  g_signal_connect_object (self->registry, "service-added",
                           G_CALLBACK (hypha_core_on_service_added), self, 0);
  g_signal_connect_object (self->registry, "service-updated",
                           G_CALLBACK (hypha_core_on_service_updated), self, 0);
  g_signal_connect_object (self->registry, "service-removed",
                           G_CALLBACK (hypha_core_on_service_removed), self, 0);
}

/* The parts live while the core runs. */
void
hypha_core_watch_parts (HyphaCore *self)
{
  HyphaRouter *router = self->parts.router;

  g_signal_connect_object (router, "peer-attached", G_CALLBACK (hypha_core_on_peer_attached), self,
                           0);
  g_signal_connect_object (router, "peer-detached", G_CALLBACK (hypha_core_on_peer_detached), self,
                           0);
  g_signal_connect_object (router, "event", G_CALLBACK (hypha_core_on_event), self, 0);
  hypha_question_desk_set_host (hypha_manager_get_desk (self->parts.manager), &question_host, self);
}
