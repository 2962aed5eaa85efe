/* SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>
#include <hypha.h>

G_BEGIN_DECLS

/* Services that are listed; a peer may register any number. */
#define HYPHA_START_WINDOW_MAX_ROWS 200

#define HYPHA_TYPE_START_WINDOW (hypha_start_window_get_type ())

G_DECLARE_FINAL_TYPE (HyphaStartWindow, hypha_start_window, HYPHA, START_WINDOW, AdwApplicationWindow)

HyphaStartWindow *hypha_start_window_new       (GtkApplication   *application,
                                                HyphaCore        *core);
void              hypha_start_window_set_url   (HyphaStartWindow *self,
                                                const char       *url);
void              hypha_start_window_set_busy  (HyphaStartWindow *self,
                                                const char       *text);
void              hypha_start_window_show_message (HyphaStartWindow *self,
                                                   HyphaQuestion    *question);
AdwMessageDialog *hypha_start_window_show_error (HyphaStartWindow *self,
                                                 const char       *what,
                                                 const char       *source,
                                                 const GError     *error);

G_END_DECLS
