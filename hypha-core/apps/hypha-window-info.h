/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-types.h"

G_BEGIN_DECLS

#define HYPHA_TYPE_WINDOW_INFO (hypha_window_info_get_type ())

HYPHA_AVAILABLE_IN_0_1
G_DECLARE_FINAL_TYPE (HyphaWindowInfo, hypha_window_info, HYPHA, WINDOW_INFO, GObject)

HYPHA_AVAILABLE_IN_0_1
const char *hypha_window_info_get_id               (HyphaWindowInfo *self);
HYPHA_AVAILABLE_IN_0_1
const char *hypha_window_info_get_name             (HyphaWindowInfo *self);
HYPHA_AVAILABLE_IN_0_1
const char *hypha_window_info_get_workspace        (HyphaWindowInfo *self);
HYPHA_AVAILABLE_IN_0_1
const char *hypha_window_info_get_client_id        (HyphaWindowInfo *self);
HYPHA_AVAILABLE_IN_0_1
const char *hypha_window_info_get_uri              (HyphaWindowInfo *self);
HYPHA_AVAILABLE_IN_0_1
const char *hypha_window_info_get_source_uri       (HyphaWindowInfo *self);
HYPHA_AVAILABLE_IN_0_1
gboolean    hypha_window_info_is_plugin            (HyphaWindowInfo *self);
HYPHA_AVAILABLE_IN_0_1
gboolean    hypha_window_info_is_hidden            (HyphaWindowInfo *self);
HYPHA_AVAILABLE_IN_0_1
int         hypha_window_info_get_width            (HyphaWindowInfo *self);
HYPHA_AVAILABLE_IN_0_1
int         hypha_window_info_get_height           (HyphaWindowInfo *self);
HYPHA_AVAILABLE_IN_0_1
char       *hypha_window_info_dup_initialize_message (HyphaWindowInfo *self);

G_END_DECLS
