/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-user-info.h"

G_BEGIN_DECLS

/* What somebody wants to do with a workspace. */
typedef enum
{
  HYPHA_NEED_CONNECT,   /* be a client in it */
  HYPHA_NEED_MEMBER,    /* see and call what it does not publish, broadcast in it, mint its tokens */
  HYPHA_NEED_REGISTER,  /* register services in it */
} HyphaNeed;

HyphaUserInfo *hypha_user_info_new           (const char        *id,
                                              const char        *email,
                                              const char *const *roles,
                                              const char *const *scopes,
                                              gint64             expires_at,
                                              gboolean           anonymous);
HyphaUserInfo *hypha_user_info_new_anonymous (void);
HyphaUserInfo *hypha_user_info_new_root      (void);
void           hypha_user_info_bind          (HyphaUserInfo     *self,
                                              const char        *client);
const char    *hypha_user_info_get_bound_client (HyphaUserInfo  *self);
gboolean       hypha_user_info_is_root       (HyphaUserInfo     *self);
GVariant      *hypha_user_info_to_variant    (HyphaUserInfo     *self);
gboolean       hypha_user_info_may           (HyphaUserInfo     *self,
                                              const char        *own_workspace,
                                              HyphaNeed          need,
                                              const char        *target_workspace);

G_END_DECLS
