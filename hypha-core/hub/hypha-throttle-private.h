/* SPDX-License-Identifier: MIT */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Failed attempts to prove an identity that one address has in a time, in seconds. */
#define HYPHA_THROTTLE_MAX_FAILURES 10
#define HYPHA_THROTTLE_WINDOW 60
/* How long it is refused, or its refusals are delayed, after that, in seconds. */
#define HYPHA_THROTTLE_COOL_DOWN 60
/* How long a refusal of an address of this machine is delayed, in milliseconds. */
#define HYPHA_THROTTLE_DELAY 1000
/* Addresses that are remembered. */
#define HYPHA_THROTTLE_MAX_ADDRESSES 4096

/*
 * Who guesses. Times are in seconds of any clock that only goes forward, see hypha_throttle_now().
 */
typedef struct _HyphaThrottle HyphaThrottle;

HyphaThrottle *hypha_throttle_new           (void);
void           hypha_throttle_free          (HyphaThrottle *self);
gint64         hypha_throttle_now           (void);
char          *hypha_throttle_key           (const char    *address,
                                             gboolean      *loopback);
char          *hypha_throttle_foreign_key   (const char    *address);
void           hypha_throttle_failed        (HyphaThrottle *self,
                                             const char    *address,
                                             gint64         now);
guint          hypha_throttle_get_wait      (HyphaThrottle *self,
                                             const char    *address,
                                             gint64         now);
guint          hypha_throttle_get_delay     (HyphaThrottle *self,
                                             const char    *address,
                                             gint64         now);
guint          hypha_throttle_get_n_addresses (HyphaThrottle *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaThrottle, hypha_throttle_free)

G_END_DECLS
