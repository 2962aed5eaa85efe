/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-token-private.h"

G_BEGIN_DECLS

#define HYPHA_TYPE_AUTHORITY (hypha_authority_get_type ())

G_DECLARE_FINAL_TYPE (HyphaAuthority, hypha_authority, HYPHA, AUTHORITY, GObject)

HyphaAuthority *hypha_authority_new        (GBytes          *secret);
char           *hypha_authority_sign       (HyphaAuthority  *self,
                                            HyphaToken      *token,
                                            const char      *audience);
HyphaToken     *hypha_authority_verify     (HyphaAuthority  *self,
                                            const char      *text,
                                            const char      *audience,
                                            GError         **error);

G_END_DECLS
