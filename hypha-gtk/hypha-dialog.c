/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-dialog.h"

/* Modal dialogs block their group; without one of its own a window is blocked by any dialog. */

/* Keeps the dialogs of other windows from blocking this one. */
void
hypha_dialog_isolate (GtkWindow *window)
{
  g_autoptr (GtkWindowGroup) group = NULL;

  if (gtk_window_has_group (window))
    return;

  group = gtk_window_group_new ();
  gtk_window_group_add_window (group, window);
}

/* Presents a dialog that blocks the window it belongs to, and no other. */
void
hypha_dialog_present (GtkWidget *dialog)
{
  GtkWindow *parent = gtk_window_get_transient_for (GTK_WINDOW (dialog));

  if (parent != NULL)
    {
      hypha_dialog_isolate (parent);
      gtk_window_group_add_window (gtk_window_get_group (parent), GTK_WINDOW (dialog));
    }

  gtk_window_present (GTK_WINDOW (dialog));
}
