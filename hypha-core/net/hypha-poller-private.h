/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-buffer-pool-private.h"

G_BEGIN_DECLS

/*
 * All sockets of a main context behind one GSource: GMainContext walks every source and every fd
 * at each turn, which for thousands of idle connections costs more than their traffic.
 */
typedef struct _HyphaPoller HyphaPoller;
typedef struct _HyphaPollerClient HyphaPollerClient;

/* Size of the read buffer that all clients of a poller share; it also bounds one turn's reading. */
#define HYPHA_POLLER_SCRATCH ((gsize) 256 * 1024)

/* Large buffers are given back when none has been in use for so long, in µs. */
#define HYPHA_POLLER_KEEP_BUFFERS G_TIME_SPAN_SECOND

/* Deadlines are rounded up to a multiple of this, in µs, so that they share wake-ups. */
#define HYPHA_POLLER_GRANULE (50 * G_TIME_SPAN_MILLISECOND)

/*
 * ready: the fd has something (EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR). flush: once per turn for a
 * client that asked for it. expired: its deadline came, and is cleared. Each may remove or free
 * its own client or any other.
 */
typedef struct
{
  void (*ready)   (HyphaPollerClient *client,
                   guint              events);
  void (*flush)   (HyphaPollerClient *client);
  void (*expired) (HyphaPollerClient *client);
} HyphaPollerFuncs;

/* Embedded in whatever has a socket; private to the poller while it is added. */
struct _HyphaPollerClient
{
  const HyphaPollerFuncs *funcs;
  GList                   dirty_link;
  GList                   timed_link;
  gint64                  deadline;
  int                     fd;
  guint32                 events;
  guint                   dirty : 1;
};

HyphaPoller *hypha_poller_ref_default  (GError                 **error);
void         hypha_poller_unref        (HyphaPoller             *self);
gboolean     hypha_poller_add          (HyphaPoller             *self,
                                        HyphaPollerClient       *client,
                                        const HyphaPollerFuncs  *funcs,
                                        int                      fd,
                                        guint                    events,
                                        GError                 **error);
void         hypha_poller_remove       (HyphaPoller             *self,
                                        HyphaPollerClient       *client);
void         hypha_poller_set_events   (HyphaPoller             *self,
                                        HyphaPollerClient       *client,
                                        guint                    events);
void         hypha_poller_set_deadline (HyphaPoller             *self,
                                        HyphaPollerClient       *client,
                                        gint64                   deadline);
void         hypha_poller_mark_dirty   (HyphaPoller             *self,
                                        HyphaPollerClient       *client);
guint8      *hypha_poller_get_scratch  (HyphaPoller             *self);
HyphaBufferPool *hypha_poller_get_pool (HyphaPoller             *self);
gint64       hypha_poller_get_time     (HyphaPoller             *self);
guint64      hypha_poller_get_turns    (HyphaPoller             *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaPoller, hypha_poller_unref)

G_END_DECLS
