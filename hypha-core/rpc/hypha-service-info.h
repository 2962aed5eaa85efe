/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-types.h"

G_BEGIN_DECLS

#define HYPHA_TYPE_SERVICE_INFO (hypha_service_info_get_type ())

HYPHA_AVAILABLE_IN_0_1
G_DECLARE_FINAL_TYPE (HyphaServiceInfo, hypha_service_info, HYPHA, SERVICE_INFO, GObject)

HYPHA_AVAILABLE_IN_0_1
const char *hypha_service_info_get_id           (HyphaServiceInfo *self);
HYPHA_AVAILABLE_IN_0_1
const char *hypha_service_info_get_name         (HyphaServiceInfo *self);
HYPHA_AVAILABLE_IN_0_1
const char *hypha_service_info_get_description  (HyphaServiceInfo *self);
HYPHA_AVAILABLE_IN_0_1
const char *hypha_service_info_get_service_type (HyphaServiceInfo *self);
HYPHA_AVAILABLE_IN_0_1
const char *hypha_service_info_get_workspace    (HyphaServiceInfo *self);
HYPHA_AVAILABLE_IN_0_1
const char *hypha_service_info_get_visibility   (HyphaServiceInfo *self);

G_END_DECLS
