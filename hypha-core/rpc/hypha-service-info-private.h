/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-error-private.h"
#include "hypha-service-info.h"
#include "hypha-user-info-private.h"

G_BEGIN_DECLS

HyphaServiceInfo *hypha_service_info_new            (const char        *workspace,
                                                     const char        *client,
                                                     const char        *service,
                                                     GVariant          *record,
                                                     GError           **error);
const char       *hypha_service_info_get_client     (HyphaServiceInfo  *self);
const char       *hypha_service_info_get_service    (HyphaServiceInfo  *self);
const char       *hypha_service_info_get_app_id     (HyphaServiceInfo  *self);
GVariant         *hypha_service_info_get_record     (HyphaServiceInfo  *self);
GVariant         *hypha_service_info_get_outer_record (HyphaServiceInfo *self);
GVariant         *hypha_service_info_without_authorized (GVariant      *map);
gboolean          hypha_service_info_is_the_cores   (HyphaServiceInfo  *self);
gboolean          hypha_service_info_is_singleton   (HyphaServiceInfo  *self);
gboolean          hypha_service_info_is_published   (HyphaServiceInfo  *self);
gboolean          hypha_service_info_is_unlisted    (HyphaServiceInfo  *self);
gboolean          hypha_service_info_is_built_in    (HyphaServiceInfo  *self);
gboolean          hypha_service_info_visible_to     (HyphaServiceInfo  *self,
                                                     HyphaUserInfo     *user,
                                                     const char        *own_workspace);

G_END_DECLS
