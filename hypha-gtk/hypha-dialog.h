/* SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

void hypha_dialog_isolate (GtkWindow *window);
void hypha_dialog_present (GtkWidget *dialog);

G_END_DECLS
