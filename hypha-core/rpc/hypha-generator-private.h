/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-session-private.h"

G_BEGIN_DECLS

/*
 * A stream of values of ours. next answers its invocation with the next item, at once or later, or
 * with hypha_generator_stop (); an error ends the stream too. It is never called again before it
 * has answered. destroy is called once: at the end, when the consumer closes it or goes, or when
 * it has been idle for HYPHA_SESSION_MAX_IDLE. Only target may pull.
 *
 * Returns the floating map that stands for it in a value.
 */
GVariant *hypha_generator_new  (HyphaRpc          *rpc,
                                const char        *target,
                                HyphaServiceFunc   next,
                                gpointer           data,
                                GDestroyNotify     destroy,
                                GError           **error);
void      hypha_generator_stop (HyphaInvocation   *invocation);

/* A stream of another client: {_rtype: "generator", …}, checked like a remote function. */
typedef struct _HyphaRemoteGenerator HyphaRemoteGenerator;

HyphaRemoteGenerator *hypha_remote_generator_new   (HyphaRpc              *rpc,
                                                    GVariant              *address,
                                                    const char            *from,
                                                    GError               **error);

/* Closes it at the other side too, if it has not come to its end. */
void      hypha_remote_generator_free              (HyphaRemoteGenerator  *self);
void      hypha_remote_generator_next_async        (HyphaRemoteGenerator  *self,
                                                    guint                  timeout,
                                                    GCancellable          *cancellable,
                                                    GAsyncReadyCallback    callback,
                                                    gpointer               user_data);

/* NULL without an error at the end. */
GVariant *hypha_remote_generator_next_finish       (HyphaRemoteGenerator  *self,
                                                    GAsyncResult          *result,
                                                    GError               **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaRemoteGenerator, hypha_remote_generator_free)

G_END_DECLS
