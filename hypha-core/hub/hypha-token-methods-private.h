/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-manager-private.h"

G_BEGIN_DECLS

/* Minting tokens: generate_token, and the same for the host program. */

/* hypha-token-mint.c */
char *hypha_token_methods_mint (HyphaAuthority *authority,
                                HyphaUserInfo  *user,
                                const char     *workspace,
                                const char     *client,
                                GVariant       *config,
                                GError        **error);

/* hypha-token-methods.c */
extern const HyphaServiceMethod hypha_token_methods[];
extern const gsize hypha_token_n_methods;

G_END_DECLS
