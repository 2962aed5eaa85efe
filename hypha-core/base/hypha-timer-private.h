/* SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

GSource *hypha_timer_new (const char  *name,
                          GSourceFunc  callback,
                          gpointer     data);

G_END_DECLS
