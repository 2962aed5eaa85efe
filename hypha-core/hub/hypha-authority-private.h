/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-shares-private.h"
#include "hypha-throttle-private.h"
#include "hypha-token-private.h"
#include "hypha-workspaces-private.h"

G_BEGIN_DECLS

/* Revoked tokens that are remembered until they would have expired: of all, and of one workspace. */
#define HYPHA_AUTHORITY_MAX_REVOKED 100000
#define HYPHA_AUTHORITY_MAX_REVOKED_OF_WORKSPACE 1000
/* What one user may revoke of all these (HyphaShares). */
#define HYPHA_AUTHORITY_MAX_REVOKED_OF_USER 25000

#define HYPHA_TYPE_AUTHORITY (hypha_authority_get_type ())

G_DECLARE_FINAL_TYPE (HyphaAuthority, hypha_authority, HYPHA, AUTHORITY, GObject)

HyphaAuthority  *hypha_authority_new            (GBytes               *secret);
gboolean         hypha_authority_open_store     (HyphaAuthority       *self,
                                                 const char           *directory,
                                                 GError              **error);
void             hypha_authority_close          (HyphaAuthority       *self);
HyphaWorkspaces *hypha_authority_get_workspaces (HyphaAuthority       *self);
HyphaThrottle   *hypha_authority_get_throttle   (HyphaAuthority       *self);
char            *hypha_authority_sign           (HyphaAuthority       *self,
                                                 HyphaToken           *token,
                                                 const char           *audience);
HyphaToken      *hypha_authority_verify         (HyphaAuthority       *self,
                                                 const char           *text,
                                                 const char           *audience,
                                                 GError              **error);
gboolean         hypha_authority_count_guess    (HyphaAuthority       *self,
                                                 const char           *text,
                                                 const char           *address);
gboolean         hypha_authority_is_revoked     (HyphaAuthority       *self,
                                                 const char           *token_id);
void             hypha_authority_revoke_async   (HyphaAuthority       *self,
                                                 HyphaToken           *token,
                                                 const char           *account,
                                                 gboolean              by_admin,
                                                 GAsyncReadyCallback   callback,
                                                 gpointer              data);
gboolean         hypha_authority_revoke_finish  (HyphaAuthority       *self,
                                                 GAsyncResult         *result,
                                                 GError              **error);

G_END_DECLS
