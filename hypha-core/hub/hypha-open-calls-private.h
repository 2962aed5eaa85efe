/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-message-private.h"

G_BEGIN_DECLS

/* Calls of one caller that are remembered; of more, the oldest are forgotten. */
#define HYPHA_OPEN_CALLS_MAX 1024
/* Longest session id that is remembered, in bytes. */
#define HYPHA_OPEN_CALLS_MAX_SESSION 128

/*
 * The calls of one client that nobody has answered yet, for clients that do not ask to be told when
 * another goes: what they wait for is rejected in its stead. Nothing of a call is kept but its
 * session and whom it went to.
 */
typedef struct _HyphaOpenCalls HyphaOpenCalls;

/* Told of one call: its session, terminated. */
typedef void (*HyphaOpenCallsFunc) (const char *session,
                                    gpointer    data);

HyphaOpenCalls *hypha_open_calls_new    (void);
void            hypha_open_calls_free   (HyphaOpenCalls      *self);
void            hypha_open_calls_add    (HyphaOpenCalls      *self,
                                         gconstpointer        target,
                                         HyphaSpan            session);
void            hypha_open_calls_settle (HyphaOpenCalls      *self,
                                         gconstpointer        target,
                                         const HyphaMessage  *answer);
void            hypha_open_calls_take   (HyphaOpenCalls      *self,
                                         gconstpointer        target,
                                         HyphaOpenCallsFunc   func,
                                         gpointer             data);
guint           hypha_open_calls_get_n  (HyphaOpenCalls      *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaOpenCalls, hypha_open_calls_free)

G_END_DECLS
