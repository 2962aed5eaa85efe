/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-web-context.h"

#include <hypha.h>

G_BEGIN_DECLS

#define HYPHA_TYPE_PAGE (hypha_page_get_type ())

G_DECLARE_FINAL_TYPE (HyphaPage, hypha_page, HYPHA, PAGE, GObject)

HyphaPage     *hypha_page_new          (HyphaWebContext *context,
                                        HyphaWindowInfo *info);
WebKitWebView *hypha_page_get_web_view (HyphaPage       *self);
const char    *hypha_page_get_target   (HyphaPage       *self);
void           hypha_page_load         (HyphaPage       *self);
void           hypha_page_disconnect   (HyphaPage       *self,
                                        guint            code,
                                        const char      *reason);

G_END_DECLS
