/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-alarm-private.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <glib-unix.h>

/*
 * A timer of GLib counts the time that the machine is awake: a token would outlive its hour by as
 * long as a laptop sleeps, and not follow a clock that is set. The kernel's timer does both, and
 * costs nothing while it waits.
 */
struct _HyphaAlarm
{
  HyphaAlarmFunc  func;
  gpointer        data;
  char           *name;
  GSource        *source;  /* NULL until it is set for the first time */
  int             fd;
  gint64          seconds; /* since 1970; 0 while it is not set */
};

HyphaAlarm *
hypha_alarm_new (const char     *name,
                 HyphaAlarmFunc  func,
                 gpointer        data)
{
  HyphaAlarm *self = g_new0 (HyphaAlarm, 1);

  self->name = g_strdup (name);
  self->func = func;
  self->data = data;
  self->fd = -1;
  return self;
}

void
hypha_alarm_free (HyphaAlarm *self)
{
  if (self->source != NULL)
    {
      g_source_destroy (self->source);
      g_source_unref (self->source);
      close (self->fd);
    }

  g_free (self->name);
  g_free (self);
}

static gboolean
hypha_alarm_ring (int          fd,
                  GIOCondition condition,
                  gpointer     data)
{
  HyphaAlarm *self = data;
  guint64 rings;

  /* Nothing to read: it was set anew meanwhile. */
  if (read (fd, &rings, sizeof rings) == sizeof rings)
    {
      self->seconds = 0;
      self->func (self->data);
    }

  return G_SOURCE_CONTINUE;
}

static void
hypha_alarm_start (HyphaAlarm *self)
{
  self->fd = timerfd_create (CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
  if (self->fd < 0)
    g_error ("%s: no timer to be had: %s", self->name, g_strerror (errno));

  self->source = g_unix_fd_source_new (self->fd, G_IO_IN);
  g_source_set_name (self->source, self->name);
  g_source_set_callback (self->source, G_SOURCE_FUNC (hypha_alarm_ring), self, NULL);
  g_source_attach (self->source, g_main_context_get_thread_default ());
}

/* When to ring, in seconds since 1970; a time that has passed rings at once. */
void
hypha_alarm_set (HyphaAlarm *self,
                 gint64      seconds)
{
  struct itimerspec when = { .it_value = { .tv_sec = MAX (seconds, 1) } };

  if (self->source == NULL)
    hypha_alarm_start (self);

  self->seconds = seconds;
  timerfd_settime (self->fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* When it will ring; 0 if it will not. */
gint64
hypha_alarm_get (HyphaAlarm *self)
{
  return self->seconds;
}
