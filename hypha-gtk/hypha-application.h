/* SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>
#include <hypha.h>

G_BEGIN_DECLS

/* The workspace in which the application itself loads plugins. */
#define HYPHA_DESKTOP_WORKSPACE "desktop"

#define HYPHA_TYPE_APPLICATION (hypha_application_get_type ())

G_DECLARE_FINAL_TYPE (HyphaApplication, hypha_application, HYPHA, APPLICATION, AdwApplication)

HyphaApplication *hypha_application_new             (const char       *application_id);
HyphaCore        *hypha_application_get_core        (HyphaApplication *self);
const char       *hypha_application_get_window_name (HyphaApplication *self,
                                                       const char       *service_id);
int               hypha_application_get_exit_status (HyphaApplication *self);
void              hypha_application_load            (HyphaApplication *self,
                                                     const char       *source);

G_END_DECLS
