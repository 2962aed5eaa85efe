/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-manager-private.h"

G_BEGIN_DECLS

/* Bytes of the records that one list may have. */
#define HYPHA_LOOKUP_MAX_LIST (64 * 1024 * 1024)

/* Finding services: the grammar of queries, who may see what, and fetching from the provider. */

GVariant  *hypha_lookup_list         (HyphaManager         *manager,
                                      HyphaUserInfo        *user,
                                      const char           *workspace,
                                      GVariant             *query,
                                      GError              **error);
void       hypha_lookup_get_async    (HyphaManager         *manager,
                                      HyphaUserInfo        *user,
                                      const char           *workspace,
                                      GVariant             *query,
                                      GVariant             *options,
                                      GCancellable         *cancellable,
                                      GAsyncReadyCallback   callback,
                                      gpointer              user_data);
GVariant  *hypha_lookup_get_finish   (GAsyncResult         *result,
                                      GError              **error);


/* hypha-lookup-host.c: for the program that the core runs in */
GError    *hypha_lookup_new_miss     (HyphaManager         *manager,
                                      HyphaUserInfo        *user,
                                      const char           *workspace,
                                      GVariant             *query);
gboolean   hypha_lookup_locate       (HyphaManager         *manager,
                                      HyphaUserInfo        *user,
                                      const char           *workspace,
                                      GVariant             *query,
                                      char                **provider,
                                      char                **service,
                                      GError              **error);

extern const HyphaServiceMethod hypha_lookup_methods[];
extern const gsize hypha_lookup_n_methods;

G_END_DECLS
