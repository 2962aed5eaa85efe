/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-server-internal-private.h"
#include "hypha-timer-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * libsoup gives up a listening socket for good, and tells nobody, when a connection cannot be
 * accepted once: without a file for it, for instance. So each is watched at a priority below
 * libsoup's: with both ready libsoup comes first, and what comes here is left by it.
 */
typedef struct
{
  HyphaServer *server;    /* not owned */
  GSocket     *socket;
  GSource     *source;    /* while libsoup listens */
} HyphaServerWatch;

#define PRIORITY (G_PRIORITY_DEFAULT + 1)

static void hypha_server_watch (HyphaServerWatch *watch);

static void
hypha_server_watch_stop (HyphaServerWatch *watch)
{
  if (watch->source != NULL)
    g_source_destroy (watch->source);
  g_clear_pointer (&watch->source, g_source_unref);
}

static void
hypha_server_watch_free (gpointer data)
{
  HyphaServerWatch *watch = data;

  hypha_server_watch_stop (watch);
  g_object_unref (watch->socket);
  g_free (watch);
}

/* Is there a file for a connection? libsoup must not try in vain: each time costs a listener. */
static gboolean
hypha_server_has_file (GSocket *socket)
{
  int fd = fcntl (g_socket_get_fd (socket), F_DUPFD_CLOEXEC, 0);

  if (fd >= 0)
    close (fd);
  return fd >= 0;
}

/* FALSE if it has to be tried again. */
static gboolean
hypha_server_listen_again (HyphaServer      *self,
                           HyphaServerWatch *watch)
{
  g_autoptr (GError) error = NULL;

  if (watch->source != NULL)
    return TRUE;

  if (!hypha_server_has_file (watch->socket))
    return FALSE;

  if (!soup_server_listen_socket (self->soup, watch->socket, 0, &error))
    {
      g_warning ("cannot listen again: %s", error->message);
      return FALSE;
    }

  hypha_server_watch (watch);
  return TRUE;
}

static void
hypha_server_stop_resuming (HyphaServer *self)
{
  if (self->resume != NULL)
    g_source_destroy (self->resume);
  g_clear_pointer (&self->resume, g_source_unref);
}

/* There may be a file by then. Not too often: each time in vain costs a listener. */
static void
hypha_server_resume_later (HyphaServer *self)
{
  g_source_set_ready_time (self->resume, self->resumed_at +
                           HYPHA_SERVER_ACCEPT_PAUSE * G_TIME_SPAN_MILLISECOND);
}

static gboolean
hypha_server_resume (gpointer data)
{
  HyphaServer *self = HYPHA_SERVER (data);
  gboolean done = TRUE;

  self->resumed_at = g_get_monotonic_time ();
  for (guint i = 0; i < self->watches->len; i++)
    {
      if (!hypha_server_listen_again (self, self->watches->pdata[i]))
        done = FALSE;
    }

  if (done)
    hypha_server_stop_resuming (self);
  else
    hypha_server_resume_later (self);
  return G_SOURCE_CONTINUE;
}

static gboolean
hypha_server_given_up (GSocket      *socket,
                       GIOCondition  condition,
                       gpointer      data)
{
  HyphaServerWatch *watch = data;
  HyphaServer *self = watch->server;
  gboolean has_file = hypha_server_has_file (socket);

  hypha_server_watch_stop (watch);
  if (!has_file)
    hypha_server_log_refusal (self, "no connection is accepted for a while, for want of files");

  if (self->resume == NULL)
    {
      self->resume = hypha_timer_new ("hypha-server-resume", hypha_server_resume, self);
      hypha_server_resume_later (self);
    }
  return G_SOURCE_REMOVE;
}

static void
hypha_server_watch (HyphaServerWatch *watch)
{
  watch->source = g_socket_create_source (watch->socket, G_IO_IN, NULL);
  g_source_set_static_name (watch->source, "hypha-server-listener");
  g_source_set_priority (watch->source, PRIORITY);
  g_source_set_callback (watch->source, G_SOURCE_FUNC (hypha_server_given_up), watch, NULL);
  g_source_attach (watch->source, g_main_context_get_thread_default ());
}

/* GSocket lets ten wait to be accepted; with more at once the others come a second later. */
static void
hypha_server_set_backlog (GSocket *socket)
{
  if (listen (g_socket_get_fd (socket), HYPHA_SERVER_BACKLOG) < 0)
    g_warning ("cannot let more connections wait to be accepted: %s", g_strerror (errno));
}

void
hypha_server_watch_listeners (HyphaServer *self)
{
  g_autoptr (GSList) listeners = soup_server_get_listeners (self->soup);

  self->watches = g_ptr_array_new_with_free_func (hypha_server_watch_free);
  for (GSList *l = listeners; l != NULL; l = l->next)
    {
      HyphaServerWatch *watch = g_new0 (HyphaServerWatch, 1);

      watch->server = self;
      watch->socket = g_object_ref (l->data);
      hypha_server_set_backlog (watch->socket);
      hypha_server_watch (watch);
      g_ptr_array_add (self->watches, watch);
    }
}

void
hypha_server_unwatch_listeners (HyphaServer *self)
{
  hypha_server_stop_resuming (self);
  g_clear_pointer (&self->watches, g_ptr_array_unref);
}
