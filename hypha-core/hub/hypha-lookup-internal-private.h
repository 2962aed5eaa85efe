/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-lookup-private.h"

G_BEGIN_DECLS

/* For hypha-lookup*.c alone. */

char     *hypha_lookup_provider (HyphaServiceInfo  *info);
GVariant *hypha_lookup_complete (HyphaManager      *manager,
                                 HyphaServiceInfo  *info,
                                 GVariant          *answer,
                                 gboolean           member,
                                 GError           **error);

/* hypha-lookup.c */
gboolean  hypha_lookup_is_bare_manager (GVariant  *query);

G_END_DECLS
