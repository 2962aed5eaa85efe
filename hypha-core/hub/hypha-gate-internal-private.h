/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-alarm-private.h"
#include "hypha-gate-private.h"
#include "hypha-peer-private.h"

G_BEGIN_DECLS

/* For the files of the gate alone. */

struct _HyphaGate
{
  GObject         parent_instance;

  HyphaRouter    *router;
  HyphaRpc       *rpc;        /* asks the holder of a taken address whether it lives */
  HyphaAuthority *authority;
  char           *base_url;
  GHashTable     *sessions;   /* set of HyphaGateSession */
  HyphaAlarm     *expiry;     /* of the first user's token to expire */
  guint           timeout;    /* milliseconds for the handshake */
  guint           n_delayed;  /* refusals that are yet to be told */
};

/* One connection. It may end inside any call on it, so whoever works on a session holds it. */
typedef struct
{
  HyphaGate       *gate;        /* not owned */
  HyphaConnection *connection;
  char            *remote;      /* for the log */
  GSource         *timeout;     /* of the handshake */
  HyphaPeer       *peer;        /* NULL until the client is let in */
  HyphaIdentity    identity;    /* while somebody else's address is probed */
  HyphaIdentity   *mounted;     /* a page: the host knows who it is */
  HyphaPeer       *holder;      /* who is probed; NULL when nobody is */
  GCancellable    *probe;
  GSource         *decision;    /* what follows the probe, from the main loop; or a late refusal */
  GError          *refusal;     /* to be told later; NULL for most */
  gboolean         alive;       /* the probe was answered */
  gboolean         renewed;     /* the holder has come back meanwhile */
  gboolean         superseded;  /* its client has another connection now */
} HyphaGateSession;

/* hypha-gate.c: sessions and the handshake */
void hypha_gate_session_unref        (HyphaGateSession *session);
void hypha_gate_session_stop_timeout (HyphaGateSession *session);

/* hypha-gate-contest.c: who gets an address */
void hypha_gate_enter (HyphaGateSession *session);

/* hypha-gate-evict.c: who may not stay */
void     hypha_gate_evict_init      (HyphaGate        *self);
void     hypha_gate_evict_clear     (HyphaGate        *self);
void     hypha_gate_evict_at_expiry (HyphaGateSession *session);
gboolean hypha_gate_evict_check     (HyphaGateSession *session);

/* hypha-gate-frames.c: text frames */
void hypha_gate_send_error (HyphaGateSession *session,
                            const char       *why);
void hypha_gate_send_info  (HyphaGateSession *session);
void hypha_gate_control    (HyphaGateSession *session,
                            const HyphaSlice *slice);

/* hypha-gate-refusals.c: who is not let in */
void hypha_gate_refuse       (HyphaGateSession *session,
                              guint             code,
                              const char       *why);
void hypha_gate_refuse_error (HyphaGateSession *session,
                              const GError     *error);
void hypha_gate_refuse_token (HyphaGateSession *session,
                              GError           *error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaGateSession, hypha_gate_session_unref)

G_END_DECLS
