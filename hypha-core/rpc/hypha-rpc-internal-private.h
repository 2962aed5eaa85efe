/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-invocation-private.h"
#include "hypha-rpc-callers-private.h"
#include "hypha-session-private.h"

G_BEGIN_DECLS

/* What the files that make up HyphaRpc share; nobody else includes it. */

typedef struct _HyphaRpcChunks HyphaRpcChunks;

struct _HyphaRpc
{
  GObject          parent_instance;

  HyphaConnection *connection;
  char            *id;          /* workspace/client */
  char            *workspace;
  char            *server_url;
  GHashTable      *services;    /* id → HyphaService */
  GHashTable      *interfaces;  /* the other client → set of the ids of its _rintf services */
  GHashTable      *pending;     /* session → GTask with HyphaPendingCall: the one way in and out */
  GHashTable      *sessions;    /* id → HyphaSession: those that are open */
  GHashTable      *targets;     /* the other client → set of its HyphaSession, borrowed */
  GSource         *sweeper;     /* only while there are sessions */
  HyphaRpcChunks  *chunks;
  HyphaRpcCallers *callers;     /* whom we are at work for */
  guint64          next_session;
};

/* hypha-rpc.c */
char       *hypha_rpc_new_session_id   (HyphaRpc             *self);
void        hypha_rpc_send_message     (HyphaRpc             *self,
                                        const char           *to,
                                        GBytes               *message,
                                        const char           *answered,
                                        const char           *session);
void        hypha_rpc_answer           (HyphaRpc             *self,
                                        const char           *to,
                                        const char           *method,
                                        const char           *session,
                                        GVariant             *value);
void        hypha_rpc_answer_bytes     (HyphaRpc             *self,
                                        const char           *to,
                                        const char           *method,
                                        const char           *session,
                                        const guint8         *value,
                                        gsize                 size);
void        hypha_rpc_dispatch         (HyphaRpc             *self,
                                        const guint8         *data,
                                        gsize                 size,
                                        GBytes               *owner);
HyphaRpcChunks *hypha_rpc_get_chunks   (HyphaRpc             *self);

/* hypha-rpc-calls.c: what we wait for */
gboolean    hypha_rpc_touch_session    (HyphaRpc             *self,
                                        const char           *session,
                                        const char           *from);
void        hypha_rpc_touch_call       (HyphaRpc             *self,
                                        const char           *session);
void        hypha_rpc_fail_call        (HyphaRpc             *self,
                                        const char           *session,
                                        GError               *error);
void        hypha_rpc_fail_calls       (HyphaRpc             *self,
                                        const char           *target,
                                        const char           *why);
void        hypha_rpc_settle           (HyphaRpc             *self,
                                        HyphaRpcCall         *call,
                                        const char           *session,
                                        const char           *verb);
void        hypha_rpc_settle_unreadable (HyphaRpc            *self,
                                        HyphaRpcCall         *call,
                                        const GError         *why);

/* hypha-rpc-serving.c: what others wait for; a caller that is NULL is everybody */
gboolean    hypha_rpc_serve_service    (HyphaRpc             *self,
                                        HyphaRpcCall         *call,
                                        HyphaRpcReply       **reply,
                                        GError              **error);
gboolean    hypha_rpc_serve_session    (HyphaRpc             *self,
                                        HyphaRpcCall         *call,
                                        HyphaRpcReply       **reply,
                                        GError              **error);
gboolean    hypha_rpc_check_access     (HyphaRpc             *self,
                                        HyphaService         *service,
                                        const char           *from,
                                        const char           *method,
                                        GError              **error);
void        hypha_rpc_cancel_caller    (HyphaRpc             *self,
                                        const char           *caller);
void        hypha_rpc_serving_began    (HyphaRpc             *self,
                                        const HyphaRpcCall   *call,
                                        GCancellable         *cancellable);

/* hypha-rpc-built-in.c */
void        hypha_rpc_add_built_in     (HyphaRpc             *self);

/* hypha-session.c */
char       *hypha_session_put_handler  (HyphaSession         *self,
                                        const char           *key,
                                        HyphaHandler         *handler);
HyphaHandler *hypha_session_dup_handler (HyphaSession         *self,
                                        const char           *name);
const char *hypha_session_get_target   (HyphaSession         *self);
void        hypha_session_touch        (HyphaSession         *self);
void        hypha_rpc_close_sessions   (HyphaRpc             *self,
                                        const char           *target);

/* hypha-interface.c */
void        hypha_rpc_drop_interfaces  (HyphaRpc             *self,
                                        const char           *caller);

G_END_DECLS
