/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-page-question.h"

/*
 * Questions that a page causes. A person is asked in the page's window, about one thing at a
 * time, so that a page cannot bury the window in questions; nobody to ask means no.
 */

#define ASKING_KEY "hypha-asking"

/* The window to ask in, until the question has ended; NULL if nobody can be asked now. */
GtkWindow *
hypha_page_question_begin (WebKitWebView *web_view)
{
  GtkRoot *root = gtk_widget_get_root (GTK_WIDGET (web_view));

  if (!GTK_IS_WINDOW (root) || !gtk_widget_get_mapped (GTK_WIDGET (root)) ||
      g_object_get_data (G_OBJECT (root), ASKING_KEY) != NULL)
    return NULL;

  g_object_set_data (G_OBJECT (root), ASKING_KEY, GINT_TO_POINTER (TRUE));
  return GTK_WINDOW (root);
}

void
hypha_page_question_end (GtkWindow *window)
{
  g_object_set_data (G_OBJECT (window), ASKING_KEY, NULL);
}
