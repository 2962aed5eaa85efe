/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-chunk-watch-private.h"
#include "hypha-peer-private.h"
#include "hypha-shares-private.h"

G_BEGIN_DECLS

/* For hypha-router*.c alone. */

/*
 * Longest frame from client to client, as it arrives: the stock client of Python loses its connection
 * by a longer one. Stock clients send what is longer than half of that in pieces.
 */
#define HYPHA_ROUTER_MAX_FRAME (1024 * 1024)

struct _HyphaRouter
{
  GObject     parent_instance;

  GHashTable      *peers;       /* id → HyphaPeer (owned) */
  GHashTable      *workspaces;  /* name → GHashTable, a set of HyphaPeer (borrowed) */
  GByteArray      *head;        /* scratch: the stamped envelope of the frame in hand */
  HyphaChunkWatch *watch;
  HyphaShares     *chunk_shares; /* of what unfinished messages for local clients hold */
  HyphaShares     *call_shares; /* of what open calls take */
  HyphaShares     *lines;       /* of the log, that peers have caused in this second */
  gint64           log_second;
  gboolean         refuse_sealed;
};

/* hypha-router.c */
GPtrArray *hypha_router_snapshot       (GHashTable         *peers);

/* hypha-router-notices.c: what the router says itself */
void       hypha_router_install_event  (HyphaRouterClass   *klass);
void       hypha_router_tell_gone      (HyphaRouter        *self,
                                        HyphaPeer          *gone);
void       hypha_router_reject         (HyphaRouter        *self,
                                        HyphaPeer          *sender,
                                        const HyphaMessage *message,
                                        const char         *target,
                                        const char         *why);

/* hypha-router-rules.c: what may pass */
gboolean hypha_router_check_sender    (HyphaPeer           *sender,
                                       const HyphaMessage  *message,
                                       GError             **error);
void     hypha_router_log_refusal     (HyphaRouter         *self,
                                       HyphaPeer           *sender,
                                       const char          *target,
                                       const GError        *error);
gboolean hypha_router_check_broadcast (HyphaRouter         *self,
                                       HyphaPeer           *sender,
                                       const char          *workspace,
                                       const HyphaMessage  *message,
                                       GError             **error);
gboolean hypha_router_may_reach       (HyphaRouter         *self,
                                       HyphaPeer           *sender,
                                       HyphaPeer           *target,
                                       const HyphaMessage  *message,
                                       GBytes             **instead);

G_END_DECLS
