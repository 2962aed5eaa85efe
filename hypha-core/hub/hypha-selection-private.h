/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-manager-private.h"

G_BEGIN_DECLS

/*
 * Candidates that are asked for their own function: for one call, and at once for one account
 * (HyphaShares) and for all. How long one may take, in milliseconds.
 */
#define HYPHA_SELECTION_MAX_ASKED 64
#define HYPHA_SELECTION_MAX_ASKED_ACCOUNT 2048
#define HYPHA_SELECTION_MAX_ASKED_ALL 8192
#define HYPHA_SELECTION_TIMEOUT 2000
/* Longest time that one may be given, in milliseconds. */
#define HYPHA_SELECTION_MAX_TIMEOUT 30000

typedef enum
{
  HYPHA_SELECTION_FIRST,
  HYPHA_SELECTION_LAST,
  HYPHA_SELECTION_RANDOM,
  HYPHA_SELECTION_EXACT,     /* more than one candidate is an error */
  HYPHA_SELECTION_MIN_LOAD,  /* whose client gets the fewest calls a minute */
  HYPHA_SELECTION_MIN,       /* whose function returns the least number */
  HYPHA_SELECTION_MAX,
  HYPHA_SELECTION_SUCCESS,   /* whose function returns first */
} HyphaSelectionMode;

/* Which of several services somebody wants. Zero is the usual. */
typedef struct
{
  HyphaSelectionMode  mode;
  char               *function;
  guint               timeout;  /* milliseconds; 0 is HYPHA_SELECTION_TIMEOUT */
} HyphaSelection;

gboolean hypha_selection_parse        (HyphaSelection        *self,
                                       const char            *mode,
                                       GError               **error);
void     hypha_selection_clear        (HyphaSelection        *self);
void     hypha_selection_order        (const HyphaSelection  *self,
                                       gpointer              *items,
                                       guint                  n_items);
void     hypha_selection_choose_async (const HyphaSelection  *self,
                                       HyphaManager          *manager,
                                       HyphaUserInfo         *user,
                                       const char            *workspace,
                                       GPtrArray             *candidates,
                                       GCancellable          *cancellable,
                                       GAsyncReadyCallback    callback,
                                       gpointer               user_data);
void     hypha_selection_choose_finish (GAsyncResult         *result);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (HyphaSelection, hypha_selection_clear)

G_END_DECLS
