/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-user-info.h"

G_BEGIN_DECLS

/* What somebody wants to do with a workspace. */
typedef enum
{
  HYPHA_NEED_CONNECT,   /* be a client in it */
  HYPHA_NEED_MEMBER,    /* be treated as one who sits in it: events, calls in pieces without a watch */
  HYPHA_NEED_READ,      /* see and call what it does not publish, and who is there */
  HYPHA_NEED_BROADCAST, /* send events and messages to all in it */
  HYPHA_NEED_REGISTER,  /* register services in it */
  HYPHA_NEED_WRITE,     /* change what it keeps; make tokens for it */
  HYPHA_NEED_ADMIN,     /* delete it, overwrite it, revoke its tokens, make tokens for its admins */
} HyphaNeed;

/* How much somebody may do in a workspace: each level includes those before it. */
typedef enum
{
  HYPHA_LEVEL_NONE,
  HYPHA_LEVEL_READ,
  HYPHA_LEVEL_WRITE,
  HYPHA_LEVEL_ADMIN,
} HyphaLevel;

/* Who knows workspaces: asked each time, so that what is taken away is gone. */
typedef struct
{
  /* Does the user own it now? */
  gboolean (*owns)   (HyphaUserInfo *user,
                      const char    *workspace,
                      gpointer       data);
  /* Is it the one still that what the user's token says of it is about? */
  gboolean (*trusts) (HyphaUserInfo *user,
                      const char    *workspace,
                      gpointer       data);
} HyphaUserJudge;

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
void           hypha_user_info_set_judge     (HyphaUserInfo     *self,
                                              const HyphaUserJudge *judge,
                                              gpointer           data,
                                              GDestroyNotify     destroy);
void           hypha_user_info_set_origin    (HyphaUserInfo     *self,
                                              const char        *token_id,
                                              const char *const *lineage,
                                              gint64             time);
gint64         hypha_user_info_get_origin_time (HyphaUserInfo   *self);
gboolean       hypha_user_info_is_trusted    (HyphaUserInfo     *self,
                                              const char        *workspace);
void           hypha_user_info_set_home      (HyphaUserInfo     *self,
                                              const char        *home);
const char *const *hypha_user_info_get_lineage (HyphaUserInfo   *self);
const char    *hypha_user_info_get_home      (HyphaUserInfo     *self);
void           hypha_user_info_set_delegated (HyphaUserInfo     *self);
gboolean       hypha_user_info_is_delegated  (HyphaUserInfo     *self);
gboolean       hypha_user_info_comes_from    (HyphaUserInfo     *self,
                                              const char        *token_id);
HyphaLevel     hypha_level_from_scope        (const char        *scope,
                                              const char        *workspace);
const char    *hypha_level_to_word           (HyphaLevel         level);
HyphaLevel     hypha_user_info_get_level     (HyphaUserInfo     *self,
                                              const char        *own_workspace,
                                              const char        *target_workspace);
gboolean       hypha_user_info_is_root       (HyphaUserInfo     *self);
const char    *hypha_user_info_get_account   (HyphaUserInfo     *self);
gboolean       hypha_user_info_has_rights_of (HyphaUserInfo     *self,
                                              HyphaUserInfo     *other);
gboolean       hypha_user_info_may_succeed   (HyphaUserInfo     *self,
                                              HyphaUserInfo     *other);
GVariant      *hypha_user_info_to_variant    (HyphaUserInfo     *self);
gboolean       hypha_user_info_may           (HyphaUserInfo     *self,
                                              const char        *own_workspace,
                                              HyphaNeed          need,
                                              const char        *target_workspace);

G_END_DECLS
