/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-manager-private.h"

G_BEGIN_DECLS

/* Handlers that one client may have, and events that may wait for one of them. */
#define HYPHA_EVENT_HANDLERS_MAX_CLIENT 64
#define HYPHA_EVENT_HANDLERS_MAX_WAITING 16
/* Handlers that may be running: in all, of one user or all guests, of one client. */
#define HYPHA_EVENT_HANDLERS_MAX_RUNNING 1024
#define HYPHA_EVENT_HANDLERS_MAX_RUNNING_ACCOUNT 256
#define HYPHA_EVENT_HANDLERS_MAX_RUNNING_CLIENT 16
/* How long a handler may take without a sign of life, in milliseconds. */
#define HYPHA_EVENT_HANDLERS_TIMEOUT 10000

/*
 * Functions of clients that want to be called for an event: on and off. Only a method of a service
 * is kept, because a plain callback is forgotten by its client as soon as the call of on has ended.
 * A handler that fails, that is too slow, or whose client goes is dropped.
 */
typedef struct _HyphaEventHandlers HyphaEventHandlers;

HyphaEventHandlers *hypha_event_handlers_new         (HyphaRpc            *rpc);
void                hypha_event_handlers_free        (HyphaEventHandlers  *self);
gboolean            hypha_event_handlers_add         (HyphaEventHandlers  *self,
                                                      HyphaPeer           *caller,
                                                      const char          *event,
                                                      GVariant            *function,
                                                      GError             **error);
void                hypha_event_handlers_remove      (HyphaEventHandlers  *self,
                                                      const char          *client,
                                                      const char          *event,
                                                      GVariant            *function);
void                hypha_event_handlers_deliver     (HyphaEventHandlers  *self,
                                                      const char          *workspace,
                                                      const char          *event,
                                                      GVariant            *data);
guint               hypha_event_handlers_get_n       (HyphaEventHandlers  *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaEventHandlers, hypha_event_handlers_free)

G_END_DECLS
