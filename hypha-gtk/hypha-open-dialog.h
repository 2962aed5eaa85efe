/* SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

#define HYPHA_TYPE_OPEN_DIALOG (hypha_open_dialog_get_type ())

G_DECLARE_FINAL_TYPE (HyphaOpenDialog, hypha_open_dialog, HYPHA, OPEN_DIALOG, AdwWindow)

HyphaOpenDialog *hypha_open_dialog_new          (GtkWindow  *parent);
char            *hypha_open_dialog_parse_source (const char *text);

G_END_DECLS
