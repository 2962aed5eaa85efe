/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-invocation-private.h"
#include "hypha-local-client-private.h"
#include "hypha-session-private.h"

G_BEGIN_DECLS

/* A router and in-process clients of it: ws-a/one, ws-b/two and ws-b/three. */
typedef struct
{
  HyphaRouter      *router;
  HyphaLocalClient *clients[3];
  HyphaRpc         *one;   /* borrowed, like the others */
  HyphaRpc         *two;
  HyphaRpc         *three;
} Pair;

/* What a call came to. */
typedef struct
{
  GVariant *value;
  GError   *error;
  gboolean  done;
} Outcome;

Pair     *pair_new        (void);
void      pair_free       (Pair                  *pair);
void      pair_drop       (Pair                  *pair,
                           guint                  client);
void      pair_assert_clean (Pair                *pair);
void      pair_assert_value (GVariant            *value,
                             const char          *text);
void      outcome_clear   (Outcome               *outcome);
void      outcome_taken   (GObject               *source,
                           GAsyncResult          *result,
                           gpointer               data);
GVariant *pair_request    (HyphaRpc              *rpc,
                           const char            *target,
                           const char            *method,
                           const HyphaRpcRequest *request,
                           GError               **error);
GVariant *pair_call       (HyphaRpc              *rpc,
                           const char            *target,
                           const char            *method,
                           GVariant              *args,
                           GError               **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Pair, pair_free)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Outcome, outcome_clear)

G_END_DECLS
