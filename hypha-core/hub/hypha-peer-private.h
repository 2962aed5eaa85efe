/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-router-private.h"

G_BEGIN_DECLS

/* Events that one client may be subscribed to, and log lines that it may write in one second. */
#define HYPHA_PEER_MAX_SUBSCRIPTIONS 256
#define HYPHA_PEER_MAX_LOG_LINES 100

struct _HyphaPeer
{
  char            *id;             /* workspace/client */
  char            *workspace;
  char            *client;
  HyphaUserInfo   *user;
  HyphaConnection *connection;
  HyphaStamp       stamp;          /* what the router says of this sender */
  GHashTable      *subscriptions;  /* set of event names; NULL until the first */
  GHashTable      *correspondents; /* set of HyphaPeer: who sent to it or was sent to; borrowed */
  HyphaPeer       *last_target;    /* borrowed; spares a look-up in correspondents */
  GPtrArray       *held;           /* senders that are paused until this one drains; borrowed */
  guint            n_holding;      /* targets that hold this sender */
  GSource         *stalled;        /* gives up a connection that stays over its budget */
  gint64           log_second;
  guint            log_lines;
  guint            internal : 1;   /* the core's own, not a client */
  guint            attached : 1;
};

HyphaPeer *hypha_peer_new        (const char      *workspace,
                                  const char      *client,
                                  HyphaUserInfo   *user,
                                  HyphaConnection *connection);
void       hypha_peer_met        (HyphaPeer       *self,
                                  HyphaPeer       *target);
void       hypha_peer_forget_all (HyphaPeer       *self);
void       hypha_peer_hold       (HyphaPeer       *self,
                                  HyphaPeer       *sender);
void       hypha_peer_release    (HyphaPeer       *self);
void       hypha_peer_unhold     (HyphaPeer       *self);

G_END_DECLS
