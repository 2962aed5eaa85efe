/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-timer-private.h"

/*
 * A timeout source of GLib sets its ready time itself when its callback has returned, over what was
 * set in there: one whose next time is known to its callback alone would never rest.
 */
static gboolean
hypha_timer_dispatch (GSource     *source,
                      GSourceFunc  callback,
                      gpointer     data)
{
  g_source_set_ready_time (source, -1);
  return callback (data);
}

static GSourceFuncs timer_funcs = { .dispatch = hypha_timer_dispatch };

/* Calls back, here, at the ready time that it is given, and not again before it has another one. */
GSource *
hypha_timer_new (const char  *name,
                 GSourceFunc  callback,
                 gpointer     data)
{
  GSource *source = g_source_new (&timer_funcs, sizeof (GSource));

  g_source_set_name (source, name);
  g_source_set_callback (source, callback, data, NULL);
  g_source_attach (source, g_main_context_get_thread_default ());
  return source;
}
