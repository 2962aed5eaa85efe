/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-lookup-private.h"
#include "hypha-query-private.h"

G_BEGIN_DECLS

/* For hypha-lookup*.c alone. */

char     *hypha_lookup_provider (HyphaServiceInfo  *info);
GVariant *hypha_lookup_complete (HyphaManager      *manager,
                                 HyphaServiceInfo  *info,
                                 GVariant          *answer,
                                 gboolean           member,
                                 GError           **error);

/* hypha-lookup.c: finding a service and fetching it */
gboolean hypha_lookup_is_manager (GVariant    *query);
gboolean hypha_lookup_parse      (HyphaQuery  *query,
                                  GVariant    *value,
                                  GVariant    *options,
                                  const char  *workspace,
                                  GError     **error);

/* hypha-lookup-list.c: what is there */
GVariant *hypha_lookup_record     (HyphaServiceInfo  *info,
                                   HyphaUserInfo     *user,
                                   const char        *workspace);
GVariant *hypha_lookup_list_query (HyphaManager      *manager,
                                   HyphaUserInfo     *user,
                                   const char        *workspace,
                                   GVariant          *query,
                                   gboolean           unlisted,
                                   GError           **error);

G_END_DECLS
