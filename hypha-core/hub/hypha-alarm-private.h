/* SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Calls back at a time of the wall clock. One for many deadlines: whoever owns it knows the next. */
typedef struct _HyphaAlarm HyphaAlarm;

typedef void (*HyphaAlarmFunc) (gpointer data);

HyphaAlarm *hypha_alarm_new     (const char     *name,
                                 HyphaAlarmFunc  func,
                                 gpointer        data);
void        hypha_alarm_free    (HyphaAlarm     *self);
void        hypha_alarm_set     (HyphaAlarm     *self,
                                 gint64          seconds);
gint64      hypha_alarm_get     (HyphaAlarm     *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaAlarm, hypha_alarm_free)

G_END_DECLS
