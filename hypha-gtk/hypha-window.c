/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-window.h"

#include "hypha-bridge.h"
#include "hypha-dialog.h"

#include <glib/gi18n.h>
#include <string.h>

/* HyphaWindow: the window of one plugin or app, and its line to the core. */

struct _HyphaWindow
{
  AdwApplicationWindow parent_instance;
  HyphaCore           *core;
  HyphaWindowInfo     *info;
  HyphaView           *view;
  char                *source;   /* what it was loaded from, where that is known */
  char                *problem;  /* what it shows, once it has failed */
  guint                removed : 1;  /* the core does not know it any more */

  AdwBin              *content;
  AdwWindowTitle      *title;
};

G_DEFINE_FINAL_TYPE (HyphaWindow, hypha_window, ADW_TYPE_APPLICATION_WINDOW)

enum
{
  REOPEN,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

static void
view_connect_cb (HyphaWindow *self,
                 HyphaBridge *bridge)
{
  if (self->removed)
    hypha_connection_close (HYPHA_CONNECTION (bridge), 1001, "the window was removed");
  else
    hypha_core_mount (self->core, self->info, HYPHA_CONNECTION (bridge));
}

static void
view_failed_cb (HyphaWindow *self,
                GError      *error)
{
  g_free (self->problem);
  self->problem = g_strdup (error->message);
  if (!self->removed)
    hypha_core_window_failed (self->core, self->info, error);
}

static void
load_again (HyphaWindow *self)
{
  g_clear_pointer (&self->problem, g_free);
  if (!self->removed)
    hypha_view_load (self->view);
  else if (self->source != NULL)
    g_signal_emit (self, signals[REOPEN], 0);
}

/* There is no way back to what the core has given up and we do not know the source of. */
static void
update_retry (HyphaWindow *self)
{
  gboolean possible = !self->removed || self->source != NULL;

  hypha_view_set_can_retry (self->view, possible);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.reload", possible);
}

/**
 * hypha_window_removed:
 * @self: a window
 *
 * The core gave the window up. It closes, unless it shows why: then it stays to be read.
 */
void
hypha_window_removed (HyphaWindow *self)
{
  g_return_if_fail (HYPHA_IS_WINDOW (self));

  self->removed = TRUE;
  hypha_view_disconnect (self->view, 1001, "the window was removed");
  if (hypha_view_get_state (self->view) != HYPHA_VIEW_FAILED)
    gtk_window_destroy (GTK_WINDOW (self));
  else
    update_retry (self);
}

const char *
hypha_window_get_source (HyphaWindow *self)
{
  g_return_val_if_fail (HYPHA_IS_WINDOW (self), NULL);

  return self->source;
}

/* Remembers what the window was loaded from, so that it can be loaded anew. */
void
hypha_window_set_source (HyphaWindow *self,
                         const char  *source)
{
  g_return_if_fail (HYPHA_IS_WINDOW (self));

  g_free (self->source);
  self->source = g_strdup (source);
  update_retry (self);
}

/* Whether a person can already read in this window what went wrong. */
gboolean
hypha_window_shows_error (HyphaWindow  *self,
                          const GError *error)
{
  g_return_val_if_fail (HYPHA_IS_WINDOW (self), FALSE);

  return self->problem != NULL && strstr (error->message, self->problem) != NULL &&
         gtk_widget_get_visible (GTK_WIDGET (self));
}

HyphaWindowInfo *
hypha_window_get_info (HyphaWindow *self)
{
  g_return_val_if_fail (HYPHA_IS_WINDOW (self), NULL);

  return self->info;
}

HyphaView *
hypha_window_get_view (HyphaWindow *self)
{
  g_return_val_if_fail (HYPHA_IS_WINDOW (self), NULL);

  return self->view;
}

static void
tell_closed (HyphaWindow *self)
{
  gboolean known = !self->removed;

  self->removed = TRUE;
  hypha_view_disconnect (self->view, 1001, "the window was closed");
  if (known)
    hypha_core_window_closed (self->core, self->info);
}

static gboolean
hypha_window_close_request (GtkWindow *window)
{
  tell_closed (HYPHA_WINDOW (window));

  return GTK_WINDOW_CLASS (hypha_window_parent_class)->close_request (window);
}

static void
reload_activated (GtkWidget  *widget,
                  const char *action,
                  GVariant   *parameter)
{
  load_again (HYPHA_WINDOW (widget));
}

static void
inspect_activated (GtkWidget  *widget,
                   const char *action,
                   GVariant   *parameter)
{
  HyphaPage *page = hypha_view_get_page (HYPHA_WINDOW (widget)->view);

  if (page != NULL)
    webkit_web_inspector_show (webkit_web_view_get_inspector (hypha_page_get_web_view (page)));
}

static void
hypha_window_dispose (GObject *object)
{
  HyphaWindow *self = HYPHA_WINDOW (object);

  if (self->view != NULL)
    tell_closed (self);
  g_clear_object (&self->view);
  g_clear_object (&self->info);
  g_clear_object (&self->core);

  G_OBJECT_CLASS (hypha_window_parent_class)->dispose (object);
}

static void
hypha_window_finalize (GObject *object)
{
  g_free (HYPHA_WINDOW (object)->source);
  g_free (HYPHA_WINDOW (object)->problem);

  G_OBJECT_CLASS (hypha_window_parent_class)->finalize (object);
}

static void
hypha_window_class_init (HyphaWindowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = hypha_window_dispose;
  G_OBJECT_CLASS (klass)->finalize = hypha_window_finalize;
  GTK_WINDOW_CLASS (klass)->close_request = hypha_window_close_request;

  /* Try again, for a window that the core has given up. */
  signals[REOPEN] = g_signal_new ("reopen", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                  NULL, NULL, G_TYPE_NONE, 0);

  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/hypha_desktop/Hypha/ui/hypha-window.ui");
  gtk_widget_class_bind_template_child (widget_class, HyphaWindow, content);
  gtk_widget_class_bind_template_child (widget_class, HyphaWindow, title);
  gtk_widget_class_install_action (widget_class, "win.reload", NULL, reload_activated);
  gtk_widget_class_install_action (widget_class, "win.inspect", NULL, inspect_activated);
}

static void
hypha_window_init (HyphaWindow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  hypha_dialog_isolate (GTK_WINDOW (self));
}

/**
 * hypha_window_new:
 * @application: the application
 * @core: the core that asked for the window
 * @info: what to show
 *
 * Makes the window and starts to load what it shows.
 *
 * Returns: (transfer none): a window
 */
HyphaWindow *
hypha_window_new (GtkApplication  *application,
                  HyphaCore       *core,
                  HyphaWindowInfo *info)
{
  HyphaWindow *self = g_object_new (HYPHA_TYPE_WINDOW, "application", application, NULL);
  const char *name = hypha_window_info_get_name (info);

  self->core = g_object_ref (core);
  self->info = g_object_ref (info);
  self->view = g_object_ref_sink (hypha_view_new (info));
  g_signal_connect_object (self->view, "connect", G_CALLBACK (view_connect_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->view, "failed", G_CALLBACK (view_failed_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->view, "retry", G_CALLBACK (load_again), self, G_CONNECT_SWAPPED);

  adw_bin_set_child (self->content, GTK_WIDGET (self->view));
  gtk_window_set_title (GTK_WINDOW (self), name);
  adw_window_title_set_title (self->title, name);
  gtk_window_set_default_size (GTK_WINDOW (self), hypha_window_info_get_width (info),
                               hypha_window_info_get_height (info));
  hypha_view_load (self->view);
  return self;
}
