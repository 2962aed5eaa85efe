/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-start-window.h"

#include "hypha-application.h"
#include "hypha-dialog.h"

#include <glib/gi18n.h>

/*
 * HyphaStartWindow: where the application starts: opens plugins and shows the services that run.
 * What it shows about them comes from peers, so it is text, never markup, and of bounded size.
 */

struct _HyphaStartWindow
{
  AdwApplicationWindow parent_instance;
  GListModel          *services;  /* all that are worth showing */

  AdwWindowTitle      *title;
  AdwToastOverlay     *toasts;
  GtkStack            *stack;
  GtkListBox          *list;
  GtkLabel            *more;
  GtkRevealer         *busy;
  GtkSpinner          *spinner;
  GtkLabel            *busy_label;
};

G_DEFINE_FINAL_TYPE (HyphaStartWindow, hypha_start_window, ADW_TYPE_APPLICATION_WINDOW)

/* What a plugin calls its service is “default” unless it says otherwise: its window says more. */
static const char *
service_title (HyphaServiceInfo *service)
{
  GApplication *application = g_application_get_default ();
  const char *name = hypha_service_info_get_name (service);
  const char *id = hypha_service_info_get_id (service);
  const char *window = NULL;

  if (name != NULL && *name != '\0' && g_strcmp0 (name, "default") != 0)
    return name;

  if (HYPHA_IS_APPLICATION (application))
    window = hypha_application_get_window_name (HYPHA_APPLICATION (application), id);
  return window != NULL ? window : id;
}

static void
copy_clicked_cb (GtkWidget        *button,
                 HyphaServiceInfo *service)
{
  HyphaStartWindow *self = HYPHA_START_WINDOW (gtk_widget_get_root (button));

  gdk_clipboard_set_text (gtk_widget_get_clipboard (button), hypha_service_info_get_id (service));
  adw_toast_overlay_add_toast (self->toasts, adw_toast_new (_ ("Service id copied")));
}

static GtkWidget *
create_copy_button (HyphaServiceInfo *service)
{
  GtkWidget *button = gtk_button_new_from_icon_name ("edit-copy-symbolic");
  g_autofree char *label = g_strdup_printf (_ ("Copy the id of “%s”"), service_title (service));

  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  gtk_widget_set_tooltip_text (button, _ ("Copy Id"));
  gtk_widget_add_css_class (button, "flat");
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
  g_signal_connect_object (button, "clicked", G_CALLBACK (copy_clicked_cb), service, 0);
  return button;
}

static char *
service_subtitle (HyphaServiceInfo *service)
{
  const char *description = hypha_service_info_get_description (service);

  if (description == NULL || *description == '\0')
    return g_strdup (hypha_service_info_get_id (service));

  return g_strdup_printf ("%s\n%s", description, hypha_service_info_get_id (service));
}

static GtkWidget *
create_row (gpointer item,
            gpointer data)
{
  HyphaServiceInfo *service = HYPHA_SERVICE_INFO (item);
  GtkWidget *row = adw_action_row_new ();
  g_autofree char *subtitle = service_subtitle (service);
  GtkWidget *visibility = gtk_label_new (hypha_service_info_get_visibility (service));

  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), service_title (service));
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), subtitle);
  adw_action_row_set_title_lines (ADW_ACTION_ROW (row), 1);
  adw_action_row_set_subtitle_lines (ADW_ACTION_ROW (row), 3);

  gtk_widget_add_css_class (visibility, "dim-label");
  gtk_widget_add_css_class (visibility, "caption");
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), visibility);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), create_copy_button (service));
  return row;
}

/* Every client has built-in services; they tell a person nothing. */
static gboolean
is_worth_showing (gpointer item,
                  gpointer data)
{
  HyphaServiceInfo *service = HYPHA_SERVICE_INFO (item);
  const char *type = hypha_service_info_get_service_type (service);
  const char *id = hypha_service_info_get_id (service);

  return g_strcmp0 (type, "built-in") != 0 && g_strcmp0 (type, "workspace-manager") != 0 &&
         id != NULL && !g_str_has_suffix (id, ":built-in");
}

static void
services_changed_cb (HyphaStartWindow *self)
{
  guint n = g_list_model_get_n_items (self->services);
  guint hidden = n > HYPHA_START_WINDOW_MAX_ROWS ? n - HYPHA_START_WINDOW_MAX_ROWS : 0;
  g_autofree char *text =
      g_strdup_printf (ngettext ("%u more service is not shown", "%u more services are not shown", hidden),
                       hidden);

  gtk_stack_set_visible_child_name (self->stack, n > 0 ? "services" : "empty");
  gtk_label_set_text (self->more, text);
  gtk_widget_set_visible (GTK_WIDGET (self->more), hidden > 0);
}

static void
bind_services (HyphaStartWindow *self,
               GListModel       *services)
{
  GtkFilter *filter = GTK_FILTER (gtk_custom_filter_new (is_worth_showing, NULL, NULL));
  g_autoptr (GtkSliceListModel) slice = NULL;

  self->services = G_LIST_MODEL (gtk_filter_list_model_new (g_object_ref (services), filter));
  slice = gtk_slice_list_model_new (g_object_ref (self->services), 0, HYPHA_START_WINDOW_MAX_ROWS);
  gtk_list_box_bind_model (self->list, G_LIST_MODEL (slice), create_row, NULL, NULL);
  g_signal_connect_object (self->services, "items-changed", G_CALLBACK (services_changed_cb), self,
                           G_CONNECT_SWAPPED);
  services_changed_cb (self);
}

/* Shows where the core listens. */
void
hypha_start_window_set_url (HyphaStartWindow *self,
                            const char       *url)
{
  g_return_if_fail (HYPHA_IS_START_WINDOW (self));

  adw_window_title_set_subtitle (self->title, url);
}

/* Shows what is being done; NULL when it is done. */
void
hypha_start_window_set_busy (HyphaStartWindow *self,
                             const char       *text)
{
  g_return_if_fail (HYPHA_IS_START_WINDOW (self));

  if (text != NULL)
    gtk_label_set_text (self->busy_label, text);
  gtk_spinner_set_spinning (self->spinner, text != NULL);
  gtk_revealer_set_reveal_child (self->busy, text != NULL);
}

/*
 * A dialog, not a toast: the cause has to be readable to the end, and to be copied. It answers
 * “retry” or “close”.
 */
AdwMessageDialog *
hypha_start_window_show_error (HyphaStartWindow *self,
                               const char       *what,
                               const char       *source,
                               const GError     *error)
{
  g_autofree char *body = NULL;
  GtkWidget *dialog;

  g_return_val_if_fail (HYPHA_IS_START_WINDOW (self), NULL);

  body = g_strdup_printf ("%s\n\n%s", source, error->message);
  dialog = adw_message_dialog_new (GTK_WINDOW (self), what, body);
  adw_message_dialog_add_responses (ADW_MESSAGE_DIALOG (dialog), "close", _ ("_Close"), "retry",
                                    _ ("_Retry"), NULL);
  adw_message_dialog_set_close_response (ADW_MESSAGE_DIALOG (dialog), "close");
  adw_message_dialog_set_default_response (ADW_MESSAGE_DIALOG (dialog), "retry");
  hypha_dialog_present (dialog);
  return ADW_MESSAGE_DIALOG (dialog);
}

static void
hypha_start_window_dispose (GObject *object)
{
  HyphaStartWindow *self = HYPHA_START_WINDOW (object);

  g_clear_object (&self->services);

  G_OBJECT_CLASS (hypha_start_window_parent_class)->dispose (object);
}

static void
hypha_start_window_class_init (HyphaStartWindowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = hypha_start_window_dispose;

  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/hypha_desktop/Hypha/ui/hypha-start-window.ui");
  gtk_widget_class_bind_template_child (widget_class, HyphaStartWindow, title);
  gtk_widget_class_bind_template_child (widget_class, HyphaStartWindow, toasts);
  gtk_widget_class_bind_template_child (widget_class, HyphaStartWindow, stack);
  gtk_widget_class_bind_template_child (widget_class, HyphaStartWindow, list);
  gtk_widget_class_bind_template_child (widget_class, HyphaStartWindow, more);
  gtk_widget_class_bind_template_child (widget_class, HyphaStartWindow, busy);
  gtk_widget_class_bind_template_child (widget_class, HyphaStartWindow, spinner);
  gtk_widget_class_bind_template_child (widget_class, HyphaStartWindow, busy_label);
}

static void
hypha_start_window_init (HyphaStartWindow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  hypha_dialog_isolate (GTK_WINDOW (self));
}

HyphaStartWindow *
hypha_start_window_new (GtkApplication *application,
                        HyphaCore      *core)
{
  HyphaStartWindow *self = g_object_new (HYPHA_TYPE_START_WINDOW, "application", application, NULL);

  bind_services (self, hypha_core_get_services (core));
  return self;
}

/* Who says it comes first; of what it says more fits than in one line. It is plain text. */
static GtkWidget *
create_message_label (HyphaQuestion *question)
{
  g_autofree char *text = g_strdup_printf (_ ("%s: %s"), hypha_question_get_client (question),
                                           hypha_question_get_text (question));
  GtkWidget *label;

  /* The lines of a label are counted for each paragraph. */
  label = gtk_label_new (g_strdelimit (text, "\n\t", ' '));
  gtk_label_set_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_lines (GTK_LABEL (label), 4);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_widget_set_tooltip_text (label, text);
  return label;
}

/* What a client says, for a while. */
void
hypha_start_window_show_message (HyphaStartWindow *self,
                                 HyphaQuestion    *question)
{
  AdwToast *toast;

  g_return_if_fail (HYPHA_IS_START_WINDOW (self));
  g_return_if_fail (HYPHA_IS_QUESTION (question));

  toast = adw_toast_new ("");
  adw_toast_set_custom_title (toast, create_message_label (question));
  g_signal_connect_object (toast, "dismissed", G_CALLBACK (hypha_question_dismiss), question,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (question, "closed", G_CALLBACK (adw_toast_dismiss), toast,
                           G_CONNECT_SWAPPED);
  adw_toast_overlay_add_toast (self->toasts, toast);
}
