/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-authority-private.h"
#include "hypha-user-info-private.h"

G_BEGIN_DECLS

/* What a client says in its first frame. Absent and null are alike: NULL. */
typedef struct
{
  char *client;
  char *workspace;
  char *token;
  char *reconnection_token;
} HyphaHello;

/* Who a client is, proven. */
typedef struct
{
  char          *client;
  char          *workspace;
  HyphaUserInfo *user;
  gboolean       reconnecting;  /* holds the reconnection token of exactly this address */
  gint64         issued_at;     /* that token: seconds since 1970 */
} HyphaIdentity;

gboolean hypha_hello_parse          (HyphaHello        *hello,
                                     const char        *text,
                                     gsize              size,
                                     GError           **error);
void     hypha_hello_clear          (HyphaHello        *hello);
gboolean hypha_identity_prove       (HyphaIdentity     *identity,
                                     const HyphaHello  *hello,
                                     HyphaAuthority    *authority,
                                     GError           **error);
void     hypha_identity_clear       (HyphaIdentity     *identity);
char    *hypha_identity_reconnection_token (const char     *workspace,
                                            const char     *client,
                                            HyphaUserInfo  *user,
                                            HyphaAuthority *authority);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (HyphaHello, hypha_hello_clear)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (HyphaIdentity, hypha_identity_clear)

G_END_DECLS
