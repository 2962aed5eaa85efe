/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-view.h"

G_BEGIN_DECLS

#define HYPHA_TYPE_WINDOW (hypha_window_get_type ())

G_DECLARE_FINAL_TYPE (HyphaWindow, hypha_window, HYPHA, WINDOW, AdwApplicationWindow)

HyphaWindow     *hypha_window_new      (GtkApplication  *application,
                                        HyphaCore       *core,
                                        HyphaWindowInfo *info);
HyphaWindowInfo *hypha_window_get_info (HyphaWindow     *self);
HyphaView       *hypha_window_get_view (HyphaWindow     *self);
const char      *hypha_window_get_source (HyphaWindow   *self);
void             hypha_window_set_source (HyphaWindow   *self,
                                          const char    *source);
gboolean         hypha_window_shows_error (HyphaWindow  *self,
                                           const GError *error);
void             hypha_window_removed  (HyphaWindow     *self);

G_END_DECLS
