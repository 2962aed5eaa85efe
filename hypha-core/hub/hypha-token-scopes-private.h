/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-token-private.h"
#include "hypha-user-info-private.h"

G_BEGIN_DECLS

/* Roles and scopes of a token that somebody asks for: nobody but root gives more than it has. */

char   **hypha_token_narrow      (HyphaUserInfo      *user,
                                  const char         *what,
                                  const char *const  *own,
                                  char              **wanted,
                                  GError            **error);
gboolean hypha_token_scopes_set  (HyphaToken         *token,
                                  HyphaUserInfo      *user,
                                  const char         *own_workspace,
                                  GVariant           *config,
                                  GError            **error);

G_END_DECLS
