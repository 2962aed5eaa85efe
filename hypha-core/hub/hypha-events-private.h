/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-manager-private.h"

G_BEGIN_DECLS

/* Bytes that the data of one event may have: clients of Python take no frame over 1 MiB. */
#define HYPHA_EVENTS_MAX_DATA (HYPHA_RPC_CHUNK_SIZE / 2)

/*
 * What happens in a workspace, as its clients hear of it: the core's own events about services and
 * clients, and those that clients make up themselves. Owned by the manager, which outlives it.
 */
typedef struct _HyphaEvents HyphaEvents;

HyphaEvents *hypha_events_new          (HyphaManager  *manager);
void         hypha_events_free         (HyphaEvents   *self);
gboolean     hypha_events_check_name   (HyphaPeer     *caller,
                                        const char    *event,
                                        GError       **error);
gboolean     hypha_events_check_custom (HyphaPeer     *caller,
                                        const char    *event,
                                        GError       **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaEvents, hypha_events_free)

G_END_DECLS
