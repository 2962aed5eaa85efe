/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-message-private.h"

G_BEGIN_DECLS

/* Seconds between the heartbeats of a call at least, whatever the caller asks for. */
#define HYPHA_RPC_MIN_HEARTBEAT 0.05

/* How a call wants to be answered. Every method id belongs to the caller itself. */
typedef struct
{
  char   *to;         /* the caller, absolute */
  char   *session;    /* the caller's session */
  char   *resolve;
  char   *reject;
  char   *heartbeat;
  double  interval;   /* seconds between heartbeats */
} HyphaRpcReply;

/* One received call, decoded. */
typedef struct
{
  GVariant *context;   /* a{sv}: the first segment, as the router stamped it */
  char     *from;
  char     *workspace; /* of the caller; from “ws”, stamped */
  char     *method;
  char     *session;   /* nullable */
  GVariant *args;      /* av, without keywords */
  GVariant *kwargs;    /* a{sv}, nullable */
  GVariant *promise;   /* nullable */
  double    t;         /* seconds, 0 if absent */
  gsize     memory;    /* that the second segment takes, decoded */
  const guint8 *extra; /* the second segment, borrowed: NULL once the call was handed over */
  gsize     extra_size;
} HyphaRpcCall;

gboolean       hypha_rpc_call_decode        (HyphaRpcCall        *call,
                                             const HyphaMessage  *message,
                                             GBytes              *owner,
                                             GError             **error);
void           hypha_rpc_call_clear         (HyphaRpcCall        *call);
gboolean       hypha_rpc_call_find_argument (const HyphaRpcCall  *call,
                                             guint                index,
                                             const char          *name,
                                             const guint8       **bytes,
                                             gsize               *size);
HyphaRpcReply *hypha_rpc_reply_new          (const HyphaRpcCall  *call,
                                             GError             **error);
void           hypha_rpc_reply_free         (HyphaRpcReply       *reply);

GBytes        *hypha_rpc_codec_message      (const char          *from,
                                             const char          *to,
                                             const char          *method,
                                             const char          *session,
                                             const char          *parent,
                                             GVariant            *extra);
GVariant      *hypha_rpc_codec_promise      (const char          *target,
                                             const char          *session,
                                             double               interval);
GVariant      *hypha_rpc_codec_method       (const char          *server_url,
                                             const char          *target,
                                             const char          *method_id,
                                             const char          *name,
                                             const char          *doc,
                                             GVariant            *schema);
GVariant      *hypha_rpc_codec_error        (const char          *text,
                                             const char          *trace);
gboolean       hypha_rpc_codec_is_type      (GVariant            *value,
                                             const char          *rtype);
GVariant      *hypha_rpc_codec_make_absolute (GVariant           *value,
                                              const char         *workspace);
gboolean       hypha_rpc_codec_is_absolute  (GVariant            *value);
gboolean       hypha_rpc_codec_is_null      (GVariant            *value);
GVariant      *hypha_rpc_codec_null         (void);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (HyphaRpcCall, hypha_rpc_call_clear)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaRpcReply, hypha_rpc_reply_free)

G_END_DECLS
