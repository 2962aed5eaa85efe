/* SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Places that belong to all, or bytes, and who holds how many. An account may hold so many and no
 * more, and never more than are still free for the others: so one that holds none gets a place as
 * long as there is any, whatever the others try.
 */
typedef struct _HyphaShares HyphaShares;

/* The account of all guests: it costs nothing to be another guest. No id of a user is empty. */
#define HYPHA_SHARES_GUESTS ""

HyphaShares *hypha_shares_new         (gsize        max,
                                       gsize        max_account);
HyphaShares *hypha_shares_ref         (HyphaShares *self);
void         hypha_shares_free        (HyphaShares *self);
gboolean     hypha_shares_has_room    (HyphaShares *self,
                                       const char  *account,
                                       gsize        n);
void         hypha_shares_take        (HyphaShares *self,
                                       const char  *account,
                                       gsize        n);
void         hypha_shares_give_back   (HyphaShares *self,
                                       const char  *account,
                                       gsize        n);
void         hypha_shares_clear       (HyphaShares *self);
gsize        hypha_shares_get_n       (HyphaShares *self);
gsize        hypha_shares_get_n_of    (HyphaShares *self,
                                       const char  *account);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaShares, hypha_shares_free)

G_END_DECLS
