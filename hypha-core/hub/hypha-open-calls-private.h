/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-message-private.h"
#include "hypha-shares-private.h"

G_BEGIN_DECLS

/* What one call takes here besides the name of its session, in bytes. */
#define HYPHA_OPEN_CALLS_CALL_SIZE 160
/* What each client has for its calls; more of it is taken in pieces of this size. */
#define HYPHA_OPEN_CALLS_BLOCK (16 * 1024)
/* What the clients of a user, or all guests, and all clients may have besides, in bytes. */
#define HYPHA_OPEN_CALLS_MAX_ACCOUNT (4 * 1024 * 1024)
#define HYPHA_OPEN_CALLS_MAX_TOTAL (64 * 1024 * 1024)
/* Calls that wait longer are forgotten where there is no room, in seconds: nobody waits so long. */
#define HYPHA_OPEN_CALLS_MAX_AGE 600

/*
 * The calls of one client that nobody has answered yet, for clients that do not ask to be told when
 * another goes: what they wait for is rejected in its stead. Nothing of a call is kept but its
 * session and whom it went to.
 */
typedef struct _HyphaOpenCalls HyphaOpenCalls;

/* Told of one call: its session, terminated. */
typedef void (*HyphaOpenCallsFunc) (const char *session,
                                    gpointer    data);

HyphaOpenCalls *hypha_open_calls_new       (HyphaShares         *shares,
                                            const char          *account);
void            hypha_open_calls_free      (HyphaOpenCalls      *self);
gboolean        hypha_open_calls_make_room (HyphaOpenCalls      *self,
                                            const HyphaSpan     *sessions,
                                            gsize                n_sessions);
void            hypha_open_calls_add       (HyphaOpenCalls      *self,
                                            gconstpointer        target,
                                            HyphaSpan            session);
void            hypha_open_calls_settle    (HyphaOpenCalls      *self,
                                            gconstpointer        target,
                                            const HyphaMessage  *answer);
void            hypha_open_calls_take      (HyphaOpenCalls      *self,
                                            gconstpointer        target,
                                            HyphaOpenCallsFunc   func,
                                            gpointer             data);
guint           hypha_open_calls_get_n     (HyphaOpenCalls      *self);

/* For tests: as if all calls that wait had been made so many seconds earlier. */
void            hypha_open_calls_age       (HyphaOpenCalls      *self,
                                            guint                seconds);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaOpenCalls, hypha_open_calls_free)

G_END_DECLS
