/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-event-handlers-private.h"
#include "hypha-shares-private.h"

G_BEGIN_DECLS

/* What the files that make up HyphaEventHandlers share; nobody else includes it. */

struct _HyphaEventHandlers
{
  HyphaRpc     *rpc;
  GHashTable   *clients;      /* id → HyphaEventClient */
  GHashTable   *events;       /* workspace/event → GQueue of the links of its handlers */
  GHashTable   *stalled;      /* account → GQueue of HyphaEventClient that wait for its share */
  HyphaShares  *running;      /* handlers that are at work */
  GCancellable *cancellable;  /* of the calls that are on their way */
};

/* Reference-counted: it may go while one of its handlers is being called. */
typedef struct
{
  HyphaEventHandlers *owner;      /* NULL once it has gone */
  char               *id;         /* workspace/client */
  char               *workspace;
  char               *account;
  GPtrArray          *handlers;   /* of HyphaEventHandler */
  GQueue              ready;      /* of those: what could be called now */
  guint               n_running;
  gboolean            stalled;
} HyphaEventClient;

/* Reference-counted: a call that is on its way keeps it, though it may be dropped by then. */
typedef struct
{
  HyphaEventHandlers *owner;      /* NULL once it is dropped */
  HyphaEventClient   *client;
  GList               link;       /* among those of its event */
  char               *event;
  char               *method;     /* services.<id>.<path> */
  GQueue              waiting;    /* of GVariant */
  gboolean            running;
  gboolean            ready;
} HyphaEventHandler;

/* hypha-event-handlers.c: which there are */
void        hypha_event_client_unref      (HyphaEventClient   *client);
void        hypha_event_handler_unref     (HyphaEventHandler  *handler);
void        hypha_event_handler_drop      (HyphaEventHandler  *handler,
                                           const char         *why);

/* hypha-event-turns.c: which is called when */
void        hypha_event_handler_get_ready (HyphaEventHandler  *handler);
void        hypha_event_handler_stop      (HyphaEventHandler  *handler);
void        hypha_event_client_run        (HyphaEventClient   *client);
void        hypha_event_client_unstall    (HyphaEventClient   *client);
void        hypha_event_handlers_run_next (HyphaEventHandlers *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaEventClient, hypha_event_client_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaEventHandler, hypha_event_handler_unref)

G_END_DECLS
