/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-rpc-private.h"

G_BEGIN_DECLS

/* Sessions that one client of ours may have open, and of them with one other client. */
#define HYPHA_SESSION_MAX_OPEN 16384
#define HYPHA_SESSION_MAX_OPEN_TARGET 1024
/* Functions in one session. */
#define HYPHA_SESSION_MAX_FUNCTIONS 1024
/* A session without any call goes after this time, in seconds, as it does at stock clients. */
#define HYPHA_SESSION_MAX_IDLE 600

/*
 * What lives only as long as a conversation with one other client: the functions that a call hands
 * over as arguments, and generators. Only that client may call into it. A session ends with the
 * call that it belongs to, when it is closed, when the other client goes, or when it has been idle
 * too long; its functions are freed then, once, whatever comes later from outside.
 */
typedef struct _HyphaSession HyphaSession;

HyphaSession *hypha_session_new          (HyphaRpc          *rpc,
                                          const char        *target,
                                          GError           **error);
HyphaSession *hypha_session_ref          (HyphaSession      *self);
void          hypha_session_unref        (HyphaSession      *self);
void          hypha_session_close        (HyphaSession      *self);
gboolean      hypha_session_is_closed    (HyphaSession      *self);
const char   *hypha_session_get_id       (HyphaSession      *self);

/*
 * The floating address of a new function, to be put among arguments; NULL beyond the limit, with
 * data destroyed.
 */
GVariant     *hypha_session_add_function (HyphaSession      *self,
                                          const char        *name,
                                          HyphaServiceFunc   func,
                                          gpointer           data,
                                          GDestroyNotify     destroy,
                                          GError           **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaSession, hypha_session_unref)

/* Everything that a call can have. Zero is the usual thing everywhere. */
typedef struct
{
  GVariant     *args;     /* av; floating references are consumed */
  GVariant     *kwargs;   /* a{sv} */
  HyphaSession *session;  /* whose functions are among the arguments; it ends with the call,
                             unless that is one way */
  const char   *parent;   /* the callee's session, where one of its callbacks is called */
  guint         timeout;  /* of silence, in milliseconds; 0 is HYPHA_RPC_TIMEOUT */
  gboolean      firm;     /* of the whole call: signs of life do not make it longer */
  gboolean      one_way;  /* nobody waits for an answer: the call ends at once, with NULL */
} HyphaRpcRequest;

void      hypha_rpc_request_async (HyphaRpc              *self,
                                   const char            *target,
                                   const char            *method,
                                   const HyphaRpcRequest *request,
                                   GCancellable          *cancellable,
                                   GAsyncReadyCallback    callback,
                                   gpointer               user_data);
/* ends in hypha_rpc_call_finish () */

guint     hypha_rpc_get_n_sessions  (HyphaRpc *self);
void      hypha_rpc_expire_sessions (HyphaRpc *self,
                                     gint64    now);

G_END_DECLS
