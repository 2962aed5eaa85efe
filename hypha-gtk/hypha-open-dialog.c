/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-open-dialog.h"

#include <glib/gi18n.h>
#include <string.h>

/* HyphaOpenDialog: asks for a plugin by address or file, and says which with ::open. */

struct _HyphaOpenDialog
{
  AdwWindow             parent_instance;
  GtkFileChooserNative *chooser;

  AdwEntryRow          *address;
  GtkLabel             *problem;
};

enum
{
  OPEN,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (HyphaOpenDialog, hypha_open_dialog, ADW_TYPE_WINDOW)

static gboolean
is_web_address (const char *text)
{
  g_autoptr (GUri) uri = g_uri_parse (text, G_URI_FLAGS_NONE, NULL);
  const char *scheme = uri != NULL ? g_uri_get_scheme (uri) : NULL;

  return (g_strcmp0 (scheme, "http") == 0 || g_strcmp0 (scheme, "https") == 0) &&
         g_uri_get_host (uri) != NULL && *g_uri_get_host (uri) != '\0';
}

/* Servers on this computer hardly ever have a certificate. */
static gboolean
is_loopback (const char *text)
{
  static const char *const hosts[] = { "localhost", "127.0.0.1", "[::1]" };

  for (gsize i = 0; i < G_N_ELEMENTS (hosts); i++)
    {
      if (g_str_has_prefix (text, hosts[i]) && strchr (":/", text[strlen (hosts[i])]) != NULL &&
          text[strlen (hosts[i])] != '\0')
        return TRUE;
    }

  return FALSE;
}

/**
 * hypha_open_dialog_parse_source:
 * @text: what a person typed
 *
 * Finds out what is meant: a web address, also without its scheme, or a file.
 *
 * Returns: (transfer full) (nullable): an address or an absolute path, or %NULL if it is neither
 */
char *
hypha_open_dialog_parse_source (const char *text)
{
  g_autofree char *stripped = g_strstrip (g_strdup (text));
  g_autofree char *guess = NULL;

  if (g_path_is_absolute (stripped) || is_web_address (stripped))
    return g_steal_pointer (&stripped);

  if (g_str_has_prefix (stripped, "file://"))
    return g_filename_from_uri (stripped, NULL, NULL);

  if (g_str_has_prefix (stripped, "~/"))
    return g_build_filename (g_get_home_dir (), stripped + 2, NULL);

  guess = g_strconcat (is_loopback (stripped) ? "http://" : "https://", stripped, NULL);
  if ((strchr (stripped, '.') != NULL || is_loopback (stripped)) && strpbrk (stripped, " \t\n") == NULL &&
      strstr (stripped, "://") == NULL && is_web_address (guess))
    return g_steal_pointer (&guess);

  return NULL;
}

static void
open_source (HyphaOpenDialog *self,
             const char      *source)
{
  g_autoptr (HyphaOpenDialog) hold = g_object_ref (self);

  g_signal_emit (self, signals[OPEN], 0, source);
  gtk_window_destroy (GTK_WINDOW (self));
}

static void
open_address (HyphaOpenDialog *self)
{
  g_autofree char *source =
      hypha_open_dialog_parse_source (gtk_editable_get_text (GTK_EDITABLE (self->address)));

  if (source != NULL)
    {
      open_source (self, source);
      return;
    }

  gtk_widget_add_css_class (GTK_WIDGET (self->address), "error");
  gtk_widget_set_visible (GTK_WIDGET (self->problem), TRUE);
  gtk_widget_grab_focus (GTK_WIDGET (self->address));
}

static void
address_changed_cb (HyphaOpenDialog *self)
{
  gtk_widget_remove_css_class (GTK_WIDGET (self->address), "error");
  gtk_widget_set_visible (GTK_WIDGET (self->problem), FALSE);
}

static void
chosen_cb (HyphaOpenDialog *self,
           int              response)
{
  g_autoptr (GFile) file = NULL;
  g_autofree char *source = NULL;

  if (response != GTK_RESPONSE_ACCEPT)
    return;

  file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (self->chooser));
  source = g_file_get_path (file);
  if (source == NULL)
    source = g_file_get_uri (file);
  open_source (self, source);
}

static void
choose_file_cb (HyphaOpenDialog *self)
{
  g_autoptr (GtkFileFilter) filter = gtk_file_filter_new ();

  if (self->chooser == NULL)
    {
      self->chooser = gtk_file_chooser_native_new (_ ("Open Plugin"), GTK_WINDOW (self),
                                                   GTK_FILE_CHOOSER_ACTION_OPEN, NULL, NULL);
      gtk_file_filter_set_name (filter, _ ("Plugins"));
      gtk_file_filter_add_suffix (filter, "html");
      gtk_file_chooser_add_filter (GTK_FILE_CHOOSER (self->chooser), filter);
      g_signal_connect_object (self->chooser, "response", G_CALLBACK (chosen_cb), self,
                               G_CONNECT_SWAPPED);
    }

  gtk_native_dialog_show (GTK_NATIVE_DIALOG (self->chooser));
}

static void
hypha_open_dialog_dispose (GObject *object)
{
  HyphaOpenDialog *self = HYPHA_OPEN_DIALOG (object);

  g_clear_object (&self->chooser);

  G_OBJECT_CLASS (hypha_open_dialog_parent_class)->dispose (object);
}

static void
hypha_open_dialog_class_init (HyphaOpenDialogClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = hypha_open_dialog_dispose;

  signals[OPEN] = g_signal_new ("open", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                NULL, G_TYPE_NONE, 1, G_TYPE_STRING);

  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/hypha_desktop/Hypha/ui/hypha-open-dialog.ui");
  gtk_widget_class_bind_template_child (widget_class, HyphaOpenDialog, address);
  gtk_widget_class_bind_template_child (widget_class, HyphaOpenDialog, problem);
  gtk_widget_class_bind_template_callback (widget_class, open_address);
  gtk_widget_class_bind_template_callback (widget_class, address_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, choose_file_cb);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Escape, 0, "window.close", NULL);
}

static void
hypha_open_dialog_init (HyphaOpenDialog *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  gtk_window_set_focus (GTK_WINDOW (self), GTK_WIDGET (self->address));
}

HyphaOpenDialog *
hypha_open_dialog_new (GtkWindow *parent)
{
  return g_object_new (HYPHA_TYPE_OPEN_DIALOG, "transient-for", parent, NULL);
}
