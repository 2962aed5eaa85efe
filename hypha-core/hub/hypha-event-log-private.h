/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-manager-private.h"

G_BEGIN_DECLS

/* Events that are kept: in all, and of one user in one workspace. */
#define HYPHA_EVENT_LOG_MAX 4096
#define HYPHA_EVENT_LOG_MAX_USER 512
/* Bytes that the data of one may take, and its name. */
#define HYPHA_EVENT_LOG_MAX_DATA 4096
#define HYPHA_EVENT_LOG_MAX_NAME 128

/*
 * What users have written down of their own doings: log_event, get_events and get_event_stats. Each
 * sees his own in the workspace that he is in. The oldest go when there are too many, of whoever
 * has most; nothing outlasts the server.
 */

HyphaEventLog *hypha_event_log_new   (HyphaManager  *manager);
void           hypha_event_log_free  (HyphaEventLog *self);
guint          hypha_event_log_get_n (HyphaEventLog *self);

G_END_DECLS
