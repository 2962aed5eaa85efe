/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-view.h"

#include "hypha-bridge.h"

#include <glib/gi18n.h>

/*
 * HyphaView: a page and what covers it while there is nothing to see: what is being loaded, or
 * why it failed and a button to try again. It asks its owner to take the page's connection
 * (::connect) and tells of failure (::failed). A view that is in no window works as well; this
 * is how hidden plugins run.
 */

struct _HyphaView
{
  AdwBin           parent_instance;
  HyphaWebContext *context;
  HyphaWindowInfo *info;
  HyphaPage       *page;
  GCancellable    *cancellable;
  HyphaViewState   state;

  GtkOverlay      *overlay;
  GtkStack        *cover;
  GtkSpinner      *spinner;
  GtkLabel        *loading;
  AdwStatusPage   *failure;
  GtkButton       *retry;
};

enum
{
  CONNECT,
  FAILED,
  RETRY,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (HyphaView, hypha_view, ADW_TYPE_BIN)

/* A covered page must not take the keyboard. */
static void
set_state (HyphaView     *self,
           HyphaViewState state)
{
  GtkWidget *child = gtk_overlay_get_child (self->overlay);

  self->state = state;
  gtk_widget_set_visible (GTK_WIDGET (self->cover), state != HYPHA_VIEW_READY);
  gtk_spinner_set_spinning (self->spinner, state == HYPHA_VIEW_LOADING);
  if (child != NULL)
    gtk_widget_set_can_focus (child, state == HYPHA_VIEW_READY);

  if (state == HYPHA_VIEW_READY && child != NULL)
    gtk_widget_grab_focus (child);
  else if (state == HYPHA_VIEW_FAILED)
    gtk_widget_grab_focus (GTK_WIDGET (self->retry));
}

static void
show_loading (HyphaView *self)
{
  const char *uri = hypha_window_info_get_uri (self->info);
  g_autofree char *text = NULL;

  if (hypha_window_info_is_plugin (self->info) || uri == NULL)
    text = g_strdup_printf (_ ("Starting “%s”…"), hypha_window_info_get_name (self->info));
  else
    text = g_strdup_printf (_ ("Loading “%s”…"), uri);

  gtk_label_set_text (self->loading, text);
  gtk_stack_set_visible_child_name (self->cover, "loading");
  set_state (self, HYPHA_VIEW_LOADING);
}

/**
 * hypha_view_fail:
 * @self: a view
 * @error: why
 *
 * Shows that the page failed, and why; ends its connection.
 */
void
hypha_view_fail (HyphaView    *self,
                 const GError *error)
{
  g_autofree char *title = NULL;
  g_autofree char *cause = NULL;

  g_return_if_fail (HYPHA_IS_VIEW (self));
  g_return_if_fail (error != NULL);

  hypha_view_disconnect (self, 1006, "the page failed");
  title = g_strdup_printf (_ ("“%s” Failed"), hypha_window_info_get_name (self->info));
  /* Of the two, only the description is markup. */
  cause = g_markup_escape_text (error->message, -1);
  adw_status_page_set_title (self->failure, title);
  adw_status_page_set_description (self->failure, cause);
  /* The button takes the focus, so this is what a screen reader says of the failure. */
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->retry), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION,
                                  error->message, -1);
  gtk_stack_set_visible_child_name (self->cover, "failed");
  set_state (self, HYPHA_VIEW_FAILED);
}

static void
fail_and_tell (HyphaView    *self,
               const GError *error)
{
  g_autoptr (HyphaView) hold = g_object_ref (self);

  hypha_view_fail (self, error);
  g_signal_emit (self, signals[FAILED], 0, error);
}

static void
page_failed_cb (HyphaView *self,
                GError    *error)
{
  fail_and_tell (self, error);
}

static void
page_started_cb (HyphaView *self)
{
  if (self->state == HYPHA_VIEW_LOADING)
    set_state (self, HYPHA_VIEW_READY);
}

static void
page_connect_cb (HyphaView   *self,
                 HyphaBridge *bridge)
{
  g_signal_emit (self, signals[CONNECT], 0, bridge);
}

static void
make_page (HyphaView *self)
{
  WebKitWebView *web_view;

  self->page = hypha_page_new (self->context, self->info);
  g_signal_connect_object (self->page, "connect", G_CALLBACK (page_connect_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->page, "started", G_CALLBACK (page_started_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->page, "failed", G_CALLBACK (page_failed_cb), self, G_CONNECT_SWAPPED);

  web_view = hypha_page_get_web_view (self->page);
  gtk_widget_set_can_focus (GTK_WIDGET (web_view), FALSE);
  gtk_accessible_update_property (GTK_ACCESSIBLE (web_view), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  hypha_window_info_get_name (self->info), -1);
  gtk_overlay_set_child (self->overlay, GTK_WIDGET (web_view));
}

static void
prepared_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      data)
{
  g_autoptr (HyphaView) self = data;
  g_autoptr (GError) error = NULL;

  if (!hypha_web_context_prepare_finish (HYPHA_WEB_CONTEXT (source), result, &error))
    {
      if (!g_cancellable_is_cancelled (self->cancellable))
        fail_and_tell (self, error);
      return;
    }

  if (g_cancellable_is_cancelled (self->cancellable))
    return;

  if (self->page == NULL)
    make_page (self);
  hypha_page_load (self->page);
}

/**
 * hypha_view_load:
 * @self: a view
 *
 * Loads the page, or loads it again.
 */
void
hypha_view_load (HyphaView *self)
{
  g_return_if_fail (HYPHA_IS_VIEW (self));

  show_loading (self);
  hypha_web_context_prepare_async (self->context, self->cancellable, prepared_cb, g_object_ref (self));
}

void
hypha_view_set_can_retry (HyphaView *self,
                          gboolean   can_retry)
{
  g_return_if_fail (HYPHA_IS_VIEW (self));

  gtk_widget_set_visible (GTK_WIDGET (self->retry), can_retry);
}

void
hypha_view_disconnect (HyphaView  *self,
                       guint       code,
                       const char *reason)
{
  g_return_if_fail (HYPHA_IS_VIEW (self));

  if (self->page != NULL)
    hypha_page_disconnect (self->page, code, reason);
}

HyphaViewState
hypha_view_get_state (HyphaView *self)
{
  g_return_val_if_fail (HYPHA_IS_VIEW (self), HYPHA_VIEW_FAILED);

  return self->state;
}

/* The page, once there is one. */
HyphaPage *
hypha_view_get_page (HyphaView *self)
{
  g_return_val_if_fail (HYPHA_IS_VIEW (self), NULL);

  return self->page;
}

static void
retry_clicked_cb (HyphaView *self)
{
  g_signal_emit (self, signals[RETRY], 0);
}

static void
hypha_view_dispose (GObject *object)
{
  HyphaView *self = HYPHA_VIEW (object);

  g_cancellable_cancel (self->cancellable);
  hypha_view_disconnect (self, 1001, "the window was closed");
  g_clear_object (&self->page);
  g_clear_object (&self->context);

  G_OBJECT_CLASS (hypha_view_parent_class)->dispose (object);
}

static void
hypha_view_finalize (GObject *object)
{
  HyphaView *self = HYPHA_VIEW (object);

  g_clear_object (&self->cancellable);
  g_clear_object (&self->info);

  G_OBJECT_CLASS (hypha_view_parent_class)->finalize (object);
}

static void
hypha_view_class_init (HyphaViewClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = hypha_view_dispose;
  G_OBJECT_CLASS (klass)->finalize = hypha_view_finalize;

  signals[CONNECT] = g_signal_new ("connect", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                   NULL, NULL, G_TYPE_NONE, 1, HYPHA_TYPE_BRIDGE);
  signals[FAILED] = g_signal_new ("failed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                  NULL, NULL, G_TYPE_NONE, 1, G_TYPE_ERROR);
  signals[RETRY] = g_signal_new ("retry", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                 NULL, NULL, G_TYPE_NONE, 0);

  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/hypha_desktop/Hypha/ui/hypha-view.ui");
  gtk_widget_class_bind_template_child (widget_class, HyphaView, overlay);
  gtk_widget_class_bind_template_child (widget_class, HyphaView, cover);
  gtk_widget_class_bind_template_child (widget_class, HyphaView, spinner);
  gtk_widget_class_bind_template_child (widget_class, HyphaView, loading);
  gtk_widget_class_bind_template_child (widget_class, HyphaView, failure);
  gtk_widget_class_bind_template_child (widget_class, HyphaView, retry);
  gtk_widget_class_bind_template_callback (widget_class, retry_clicked_cb);
}

static void
hypha_view_init (HyphaView *self)
{
  self->context = hypha_web_context_dup_default ();
  self->cancellable = g_cancellable_new ();
  gtk_widget_init_template (GTK_WIDGET (self));
}

HyphaView *
hypha_view_new (HyphaWindowInfo *info)
{
  HyphaView *self;

  g_return_val_if_fail (HYPHA_IS_WINDOW_INFO (info), NULL);

  self = g_object_new (HYPHA_TYPE_VIEW, NULL);
  self->info = g_object_ref (info);
  return self;
}
