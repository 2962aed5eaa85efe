/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-service-info-private.h"

G_BEGIN_DECLS

/* Services that one client may register, and the size of one record, in bytes. */
#define HYPHA_REGISTRY_MAX_SERVICES 1000
#define HYPHA_REGISTRY_MAX_RECORD (1024 * 1024)
/* Bytes that the records of one client, of one account (HyphaShares) and of all may take together. */
#define HYPHA_REGISTRY_MAX_CLIENT_BYTES (16 * 1024 * 1024)
#define HYPHA_REGISTRY_MAX_ACCOUNT_BYTES (128 * 1024 * 1024)
#define HYPHA_REGISTRY_MAX_TOTAL_BYTES (512 * 1024 * 1024)
/*
 * A record of “built-in” of so many bytes counts for nobody: without that service no client is one,
 * so it has a place whatever others hold.
 */
#define HYPHA_REGISTRY_FREE_BUILT_IN (32 * 1024)

#define HYPHA_TYPE_REGISTRY (hypha_registry_get_type ())

G_DECLARE_FINAL_TYPE (HyphaRegistry, hypha_registry, HYPHA, REGISTRY, GObject)

HyphaRegistry    *hypha_registry_new           (void);
void              hypha_registry_set_limits    (HyphaRegistry     *self,
                                                gsize              max_client_bytes,
                                                gsize              max_account_bytes,
                                                gsize              max_total_bytes);
GListModel       *hypha_registry_get_model     (HyphaRegistry     *self);
gboolean          hypha_registry_put           (HyphaRegistry     *self,
                                                HyphaServiceInfo  *info,
                                                const char        *account,
                                                gboolean          *replaced,
                                                GError           **error);
gboolean          hypha_registry_remove        (HyphaRegistry     *self,
                                                const char        *id);
void              hypha_registry_remove_client (HyphaRegistry     *self,
                                                const char        *workspace,
                                                const char        *client);
HyphaServiceInfo *hypha_registry_lookup        (HyphaRegistry     *self,
                                                const char        *id);
GPtrArray        *hypha_registry_list          (HyphaRegistry     *self,
                                                const char        *workspace);
gboolean          hypha_registry_has_singletons (HyphaRegistry    *self);
GPtrArray        *hypha_registry_list_named    (HyphaRegistry     *self,
                                                const char        *workspace,
                                                const char        *service);

G_END_DECLS
