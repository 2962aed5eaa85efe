/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-page.h"

#include <adwaita.h>

G_BEGIN_DECLS

typedef enum
{
  HYPHA_VIEW_LOADING,
  HYPHA_VIEW_READY,
  HYPHA_VIEW_FAILED,
} HyphaViewState;

#define HYPHA_TYPE_VIEW (hypha_view_get_type ())

G_DECLARE_FINAL_TYPE (HyphaView, hypha_view, HYPHA, VIEW, AdwBin)

HyphaView      *hypha_view_new        (HyphaWindowInfo *info);
HyphaViewState  hypha_view_get_state  (HyphaView       *self);
HyphaPage      *hypha_view_get_page   (HyphaView       *self);
void            hypha_view_load       (HyphaView       *self);
void            hypha_view_fail       (HyphaView       *self,
                                       const GError    *error);
void            hypha_view_set_can_retry (HyphaView    *self,
                                          gboolean      can_retry);
void            hypha_view_disconnect (HyphaView       *self,
                                       guint            code,
                                       const char      *reason);

G_END_DECLS
