/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-address-private.h"
#include "hypha-connection-private.h"
#include "hypha-message-private.h"
#include "hypha-shares-private.h"
#include "hypha-user-info-private.h"

G_BEGIN_DECLS

/* A client: a connection with an address and a proven user. Reference-counted. */
typedef struct _HyphaPeer HyphaPeer;

HyphaPeer       *hypha_peer_ref            (HyphaPeer        *self);
void             hypha_peer_unref          (HyphaPeer        *self);
const char      *hypha_peer_get_id         (HyphaPeer        *self);
const char      *hypha_peer_get_workspace  (HyphaPeer        *self);
const char      *hypha_peer_get_client     (HyphaPeer        *self);
HyphaUserInfo   *hypha_peer_get_user       (HyphaPeer        *self);
const char      *hypha_peer_get_account    (HyphaPeer        *self);
HyphaConnection *hypha_peer_get_connection (HyphaPeer        *self);
gint64           hypha_peer_get_since      (HyphaPeer        *self);
gboolean         hypha_peer_is_internal    (HyphaPeer        *self);
gboolean         hypha_peer_is_local       (HyphaPeer        *self);
gboolean         hypha_peer_is_attached    (HyphaPeer        *self);
void             hypha_peer_set_page       (HyphaPeer        *self);
gboolean         hypha_peer_is_page        (HyphaPeer        *self);
void             hypha_peer_set_remote     (HyphaPeer        *self,
                                            const char       *remote);
const char      *hypha_peer_get_remote     (HyphaPeer        *self);
gboolean         hypha_peer_subscribe      (HyphaPeer        *self,
                                            const char       *event);
void             hypha_peer_unsubscribe    (HyphaPeer        *self,
                                            const char       *event);
gboolean         hypha_peer_is_subscribed  (HyphaPeer        *self,
                                            const char       *event);
double           hypha_peer_get_load       (HyphaPeer        *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaPeer, hypha_peer_unref)

#define HYPHA_TYPE_ROUTER (hypha_router_get_type ())

G_DECLARE_FINAL_TYPE (HyphaRouter, hypha_router, HYPHA, ROUTER, GObject)

HyphaRouter *hypha_router_new             (void);
HyphaPeer   *hypha_router_attach          (HyphaRouter      *self,
                                           const char       *workspace,
                                           const char       *client,
                                           HyphaUserInfo    *user,
                                           HyphaConnection  *connection);
void         hypha_router_renew           (HyphaRouter      *self,
                                           HyphaPeer        *peer,
                                           HyphaUserInfo    *user,
                                           HyphaConnection  *connection);
HyphaPeer   *hypha_router_attach_local    (HyphaRouter      *self,
                                           const char       *workspace,
                                           const char       *client,
                                           HyphaUserInfo    *user,
                                           HyphaConnection  *connection);
HyphaPeer   *hypha_router_attach_internal (HyphaRouter      *self,
                                           const char       *workspace,
                                           const char       *client,
                                           HyphaConnection  *connection);
void         hypha_router_set_refuse_sealed (HyphaRouter    *self,
                                             gboolean        refuse_sealed);
void         hypha_router_detach          (HyphaRouter      *self,
                                           HyphaPeer        *peer);
HyphaPeer   *hypha_router_lookup          (HyphaRouter      *self,
                                           const char       *id);
guint        hypha_router_get_n_peers     (HyphaRouter      *self);
guint        hypha_router_get_n_unfinished (HyphaRouter     *self);
HyphaShares *hypha_router_get_chunk_shares (HyphaRouter     *self);
GPtrArray   *hypha_router_list            (HyphaRouter      *self,
                                           const char       *workspace);
void         hypha_router_route           (HyphaRouter      *self,
                                           HyphaPeer        *sender,
                                           const HyphaSlice *frame);
gboolean     hypha_router_may_log         (HyphaRouter      *self,
                                           HyphaPeer        *peer);
void         hypha_router_drained         (HyphaRouter      *self,
                                           HyphaPeer        *peer);
gboolean     hypha_router_is_reserved_type (const char     *type);
gboolean     hypha_router_may_hear        (HyphaPeer        *peer,
                                           const char       *event);
void         hypha_router_push_event      (HyphaRouter      *self,
                                           const char       *workspace,
                                           const char       *event,
                                           GVariant         *data);
void         hypha_router_send_to         (HyphaRouter      *self,
                                           HyphaPeer        *peer,
                                           GBytes           *message);

G_END_DECLS
