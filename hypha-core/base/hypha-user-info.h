/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-types.h"

G_BEGIN_DECLS

#define HYPHA_TYPE_USER_INFO (hypha_user_info_get_type ())

/**
 * HyphaUserInfo:
 *
 * Who is behind a connection: an immutable, reference-counted record.
 *
 * It is made by the core from a verified token, or for an anonymous or
 * in-process client, and never from what a client says about itself.
 *
 * Since: 0.1
 */
typedef struct _HyphaUserInfo HyphaUserInfo;

HYPHA_AVAILABLE_IN_0_1
GType              hypha_user_info_get_type         (void);
HYPHA_AVAILABLE_IN_0_1
HyphaUserInfo     *hypha_user_info_ref              (HyphaUserInfo *self);
HYPHA_AVAILABLE_IN_0_1
void               hypha_user_info_unref            (HyphaUserInfo *self);
HYPHA_AVAILABLE_IN_0_1
const char        *hypha_user_info_get_id           (HyphaUserInfo *self);
HYPHA_AVAILABLE_IN_0_1
const char        *hypha_user_info_get_email        (HyphaUserInfo *self);
HYPHA_AVAILABLE_IN_0_1
gboolean           hypha_user_info_is_anonymous     (HyphaUserInfo *self);
HYPHA_AVAILABLE_IN_0_1
const char *const *hypha_user_info_get_roles        (HyphaUserInfo *self);
HYPHA_AVAILABLE_IN_0_1
const char *const *hypha_user_info_get_scopes       (HyphaUserInfo *self);
HYPHA_AVAILABLE_IN_0_1
gint64             hypha_user_info_get_expires_at   (HyphaUserInfo *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaUserInfo, hypha_user_info_unref)

G_END_DECLS
