/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-open-calls-private.h"
#include "hypha-router-private.h"

G_BEGIN_DECLS

/* Events that one client may be subscribed to. */
#define HYPHA_PEER_MAX_SUBSCRIPTIONS 256
/* Log lines that one user, or all guests, may cause in one second, and all peers together. */
#define HYPHA_PEER_MAX_LOG_LINES 100
#define HYPHA_ROUTER_MAX_LOG_LINES 1000
/* What one sender may have lying before a part of the core, in frames and in bytes. */
#define HYPHA_PEER_SHARE_FRAMES 128
#define HYPHA_PEER_SHARE_BYTES (1024 * 1024)

/* Clients whose id ends so share load with others: how much each gets is counted. */
#define HYPHA_PEER_MEASURED_SUFFIX "__rlb"

/* What one message waits for; the names are in the message. */
typedef struct
{
  HyphaSpan sessions[2];
  gsize     n_sessions;
} HyphaPeerCalls;

struct _HyphaPeer
{
  char            *id;             /* workspace/client */
  char            *workspace;
  char            *client;
  HyphaUserInfo   *user;
  HyphaConnection *connection;
  char            *remote;         /* where it connects from; NULL for those of this process */
  HyphaStamp       stamp;          /* what the router says of this sender */
  GHashTable      *subscriptions;  /* set of event names; NULL until the first */
  GHashTable      *correspondents; /* set of HyphaPeer: who sent to it or was sent to; borrowed */
  HyphaPeer       *last_target;    /* borrowed; spares a look-up in correspondents */
  GPtrArray       *held;           /* senders that are paused until this one drains; borrowed */
  guint            n_holding;      /* targets that hold this sender */
  guint64          turn;           /* of a part of the core: how often its inbox was emptied */
  guint64          share_turn;     /* of a sender: the turn that its share is of */
  guint            share_frames;
  gsize            share_bytes;
  HyphaOpenCalls  *open_calls;     /* NULL until the first, and while it is told of who goes */
  gint64           since;          /* seconds since 1970 */
  gint64           load_minute;    /* of a measured client: the minute that n_calls is of */
  guint            n_calls;
  guint            n_calls_before; /* in the minute before that */
  guint            internal : 1;   /* the core's own, not a client */
  guint            local : 1;      /* in this process; nobody is told that it comes and goes */
  guint            attached : 1;
  guint            hears : 1;      /* it is told when another client goes */
  guint            measured : 1;   /* its load is counted */
  guint            page : 1;       /* in a window of the host */
};

HyphaPeer *hypha_peer_new        (const char      *workspace,
                                  const char      *client,
                                  HyphaUserInfo   *user,
                                  HyphaConnection *connection);
void       hypha_peer_renew      (HyphaPeer       *self,
                                  HyphaUserInfo   *user,
                                  HyphaConnection *connection);
void       hypha_peer_met        (HyphaPeer       *self,
                                  HyphaPeer       *target);
gboolean   hypha_peer_begin_calls (HyphaPeer            *self,
                                   HyphaPeer            *target,
                                   const HyphaMessage   *message,
                                   HyphaShares          *shares,
                                   HyphaPeerCalls       *calls);
void       hypha_peer_add_calls  (HyphaPeer       *self,
                                  HyphaPeer       *target,
                                  const HyphaPeerCalls *calls);
void       hypha_peer_was_called (HyphaPeer       *self);
void       hypha_peer_forget_all (HyphaPeer       *self);
void       hypha_peer_hold       (HyphaPeer       *self,
                                  HyphaPeer       *sender);
gboolean   hypha_peer_take_share (HyphaPeer       *self,
                                  HyphaPeer       *sender,
                                  gsize            size);
void       hypha_peer_next_turn  (HyphaPeer       *self);
void       hypha_peer_release    (HyphaPeer       *self);
void       hypha_peer_unhold     (HyphaPeer       *self);

G_END_DECLS
