/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-question-dialog.h"

#include <glib/gi18n.h>

/*
 * What clients ask of the person at this machine. A dialog may appear while somebody is typing, so
 * keys that were meant for something else never agree to anything: they take note, or refuse. What
 * a client says is never the heading, and never markup.
 */

#define ENTRY_KEY "hypha-entry"

static char *
create_heading (HyphaQuestion *question,
                const char    *name)
{
  switch (hypha_question_get_kind (question))
    {
    case HYPHA_QUESTION_LOGIN:
      return g_strdup (_ ("Let a Program Log In?"));
    case HYPHA_QUESTION_CONFIRM:
    case HYPHA_QUESTION_PROMPT:
      return g_strdup_printf (_ ("“%s” Asks"), name);
    case HYPHA_QUESTION_PROGRESS:
      return g_strdup_printf (_ ("“%s” Is Busy"), name);
    case HYPHA_QUESTION_ALERT:
    case HYPHA_QUESTION_MESSAGE:
    default:
      return g_strdup_printf (_ ("“%s” Says"), name);
    }
}

static char *
create_body (HyphaQuestion *question,
             const char    *name)
{
  const char *text = hypha_question_get_text (question);

  if (hypha_question_get_kind (question) != HYPHA_QUESTION_LOGIN)
    return g_strdup (text);

  return g_strdup_printf (_ ("“%s” wants to act in your name. Confirm this only if you have just "
                             "started it, and it shows this code.\n\n%s"), name, text);
}

static void
add_code (AdwMessageDialog *dialog,
          HyphaQuestion    *question)
{
  GtkWidget *label = gtk_label_new (hypha_question_get_code (question));

  gtk_widget_add_css_class (label, "title-1");
  gtk_widget_add_css_class (label, "numeric");
  adw_message_dialog_set_extra_child (dialog, label);
}

static void
add_entry (AdwMessageDialog *dialog,
           HyphaQuestion    *question)
{
  const char *text = hypha_question_get_default_text (question);
  GtkWidget *entry = gtk_entry_new ();

  if (text != NULL)
    gtk_editable_set_text (GTK_EDITABLE (entry), text);
  gtk_entry_set_activates_default (GTK_ENTRY (entry), TRUE);
  gtk_accessible_update_property (GTK_ACCESSIBLE (entry), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Answer"), -1);
  adw_message_dialog_set_extra_child (dialog, entry);
  g_object_set_data (G_OBJECT (dialog), ENTRY_KEY, entry);
}

static gboolean
to_fraction (GBinding     *binding,
             const GValue *from,
             GValue       *to,
             gpointer      data)
{
  g_value_set_double (to, g_value_get_double (from) / 100);
  return TRUE;
}

/* It does not keep from working. */
static void
add_progress (AdwMessageDialog *dialog,
              HyphaQuestion    *question)
{
  GtkWidget *bar = gtk_progress_bar_new ();

  gtk_progress_bar_set_show_text (GTK_PROGRESS_BAR (bar), TRUE);
  gtk_window_set_modal (GTK_WINDOW (dialog), FALSE);
  adw_message_dialog_set_extra_child (dialog, bar);
  g_object_bind_property_full (question, "percent", bar, "fraction", G_BINDING_SYNC_CREATE,
                               to_fraction, NULL, NULL, NULL);
}

static void
add_responses (AdwMessageDialog *dialog,
               const char       *no,
               const char       *yes,
               const char       *usual)
{
  adw_message_dialog_add_response (dialog, "no", no);
  if (yes != NULL)
    adw_message_dialog_add_response (dialog, "yes", yes);
  adw_message_dialog_set_default_response (dialog, usual);
  adw_message_dialog_set_close_response (dialog, "no");
}

static void
fill (AdwMessageDialog *dialog,
      HyphaQuestion    *question)
{
  switch (hypha_question_get_kind (question))
    {
    case HYPHA_QUESTION_LOGIN:
      add_code (dialog, question);
      add_responses (dialog, _ ("_Refuse"), _ ("Let It _Log In"), "no");
      break;
    case HYPHA_QUESTION_CONFIRM:
      add_responses (dialog, _ ("_Cancel"), _ ("_OK"), "no");
      break;
    case HYPHA_QUESTION_PROMPT:
      add_entry (dialog, question);
      add_responses (dialog, _ ("_Cancel"), _ ("_OK"), "yes");
      break;
    case HYPHA_QUESTION_PROGRESS:
      add_progress (dialog, question);
      add_responses (dialog, _ ("_Hide"), NULL, "no");
      break;
    case HYPHA_QUESTION_ALERT:
    case HYPHA_QUESTION_MESSAGE:
    default:
      add_responses (dialog, _ ("_Close"), NULL, "no");
      break;
    }
}

static void
response_cb (GtkWidget     *dialog,
             const char    *response,
             HyphaQuestion *question)
{
  gboolean yes = g_str_equal (response, "yes");
  GtkEditable *entry = g_object_get_data (G_OBJECT (dialog), ENTRY_KEY);

  /* The dialog closes by itself. */
  g_signal_handlers_disconnect_by_func (question, gtk_window_destroy, dialog);
  switch (hypha_question_get_kind (question))
    {
    case HYPHA_QUESTION_LOGIN:
    case HYPHA_QUESTION_CONFIRM:
      hypha_question_answer_boolean (question, yes);
      break;
    case HYPHA_QUESTION_PROMPT:
      hypha_question_answer_text (question, yes ? gtk_editable_get_text (entry) : NULL);
      break;
    case HYPHA_QUESTION_ALERT:
    case HYPHA_QUESTION_MESSAGE:
    case HYPHA_QUESTION_PROGRESS:
    default:
      hypha_question_answer_done (question);
      break;
    }
}

/* It went with its window: nobody has agreed to anything. */
static void
destroyed_cb (GtkWidget     *dialog,
              HyphaQuestion *question)
{
  hypha_question_dismiss (question);
}

static void
connect_with (GtkWidget     *dialog,
              const char    *signal,
              GCallback      callback,
              HyphaQuestion *question)
{
  g_signal_connect_data (dialog, signal, callback, g_object_ref (question),
                         (GClosureNotify) (void (*) (void)) g_object_unref, G_CONNECT_DEFAULT);
}

/**
 * hypha_question_dialog_new:
 * @question: what a client asks
 * @parent: (nullable): the window to ask in
 * @name: what a person knows the client as
 *
 * Makes a dialog that asks, and goes when nobody waits for the answer any more.
 *
 * Returns: (transfer none): the dialog, to be presented
 */
GtkWidget *
hypha_question_dialog_new (HyphaQuestion *question,
                           GtkWindow     *parent,
                           const char    *name)
{
  g_autofree char *heading = create_heading (question, name);
  g_autofree char *body = create_body (question, name);
  GtkWidget *dialog = adw_message_dialog_new (parent, NULL, NULL);

  adw_message_dialog_set_heading (ADW_MESSAGE_DIALOG (dialog), heading);
  adw_message_dialog_set_body (ADW_MESSAGE_DIALOG (dialog), body);
  gtk_window_set_destroy_with_parent (GTK_WINDOW (dialog), TRUE);
  fill (ADW_MESSAGE_DIALOG (dialog), question);
  connect_with (dialog, "response", G_CALLBACK (response_cb), question);
  connect_with (dialog, "destroy", G_CALLBACK (destroyed_cb), question);
  g_signal_connect_object (question, "closed", G_CALLBACK (gtk_window_destroy), dialog,
                           G_CONNECT_SWAPPED);
  return dialog;
}
