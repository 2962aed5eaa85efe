/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-service-private.h"

G_BEGIN_DECLS

/*
 * A function that can be called from outside, with what it needs. It outlives the calls that it
 * serves: its data goes when it is not offered any more and the last of them has ended.
 */
typedef struct _HyphaHandler HyphaHandler;

HyphaHandler *hypha_handler_new        (HyphaServiceFunc  func,
                                        gpointer          data,
                                        GDestroyNotify    destroy);
HyphaHandler *hypha_handler_ref        (HyphaHandler     *self);
void          hypha_handler_unref      (HyphaHandler     *self);
void          hypha_handler_run        (HyphaHandler     *self,
                                        HyphaInvocation  *invocation);
void          hypha_handler_ended      (HyphaHandler     *self);
gboolean      hypha_handler_is_running (HyphaHandler     *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaHandler, hypha_handler_unref)

G_END_DECLS
