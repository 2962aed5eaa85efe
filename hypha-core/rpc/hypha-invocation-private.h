/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-handler-private.h"
#include "hypha-rpc-private.h"

G_BEGIN_DECLS

/* Told once, when the call has been answered; last says that nothing can follow the answer. */
typedef void (*HyphaInvocationAnswered) (gboolean last,
                                         gpointer data);

HyphaInvocation *hypha_invocation_new           (HyphaRpc         *rpc,
                                                 HyphaRpcCall     *call,
                                                 HyphaRpcReply    *reply);
HyphaInvocation *hypha_invocation_ref           (HyphaInvocation  *self);
void             hypha_invocation_unref         (HyphaInvocation  *self);
HyphaRpc        *hypha_invocation_get_rpc       (HyphaInvocation  *self);
const char      *hypha_invocation_get_from      (HyphaInvocation  *self);
const char      *hypha_invocation_get_workspace (HyphaInvocation  *self);
GVariant        *hypha_invocation_dup_context   (HyphaInvocation  *self);
GVariant        *hypha_invocation_dup_user      (HyphaInvocation  *self);
GCancellable    *hypha_invocation_get_cancellable (HyphaInvocation *self);
GVariant        *hypha_invocation_get_args      (HyphaInvocation  *self);
GVariant        *hypha_invocation_get_kwargs    (HyphaInvocation  *self);
GVariant        *hypha_invocation_dup_arg       (HyphaInvocation  *self,
                                                 guint             index,
                                                 const char       *name);
gboolean         hypha_invocation_get_flag      (HyphaInvocation  *self,
                                                 guint             index,
                                                 const char       *name);
char            *hypha_invocation_dup_string    (HyphaInvocation  *self,
                                                 guint             index,
                                                 const char       *name,
                                                 GError          **error);
void             hypha_invocation_return        (HyphaInvocation  *self,
                                                 GVariant         *value);
void             hypha_invocation_return_last   (HyphaInvocation  *self,
                                                 GVariant         *value);
void             hypha_invocation_return_null   (HyphaInvocation  *self);
/*
 * Answers with an argument as it came, to the byte; null where there is none. Functions in it that
 * are addressed within the caller's workspace are addressed in full, and then numbers keep their
 * value alone. To be called before the function that serves the call has returned.
 */
void             hypha_invocation_return_argument (HyphaInvocation *self,
                                                 guint             index,
                                                 const char       *name);
void             hypha_invocation_return_error  (HyphaInvocation  *self,
                                                 GError           *error);
void             hypha_invocation_return_result (HyphaInvocation  *self,
                                                 GVariant         *value,
                                                 GError           *error);

/* For the other files of the room. */
void             hypha_invocation_forget_bytes  (HyphaInvocation  *self);
void             hypha_invocation_set_handler   (HyphaInvocation  *self,
                                                 HyphaHandler     *handler);
void             hypha_invocation_set_answered  (HyphaInvocation         *self,
                                                 HyphaInvocationAnswered  answered,
                                                 gpointer                 data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaInvocation, hypha_invocation_unref)

G_END_DECLS
