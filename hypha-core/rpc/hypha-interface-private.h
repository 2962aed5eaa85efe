/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-remote-function-private.h"

G_BEGIN_DECLS

/* Interfaces that one client of ours may have lent to one other client, and to all. */
#define HYPHA_INTERFACE_MAX_OPEN_CALLER 256
#define HYPHA_INTERFACE_MAX_OPEN 16384

/*
 * An object of ours whose functions another client may call for longer than a call lasts: until it
 * calls _dispose, or goes, or we take it back. service must be new: it becomes “_rintf_<id>”, which
 * only allowed_caller, an absolute id, sees. Returns the floating map that stands for it in a value.
 */
GVariant            *hypha_rpc_add_interface           (HyphaRpc      *self,
                                                        HyphaService  *service,
                                                        const char    *allowed_caller,
                                                        GError       **error);

/* id is the “_rintf_service_id”. */
void                 hypha_rpc_remove_interface        (HyphaRpc      *self,
                                                        const char    *id);
guint                hypha_rpc_get_n_interfaces        (HyphaRpc      *self);

/* An object of another client, as it came in a value: a map of functions, checked as such. */
gboolean             hypha_remote_interface_check      (GVariant      *map);
HyphaRemoteFunction *hypha_remote_interface_dup_member (HyphaRpc      *rpc,
                                                        GVariant      *map,
                                                        const char    *from,
                                                        const char    *name,
                                                        GError       **error);

/* Tells its owner that we need it no more; nothing is heard of that. */
void                 hypha_remote_interface_dispose    (HyphaRpc      *rpc,
                                                        GVariant      *map,
                                                        const char    *from);

G_END_DECLS
