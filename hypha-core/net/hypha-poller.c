/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-poller-private.h"

#include "hypha-error-private.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Sockets served in one turn; what is left is still ready in the next, after other sources. */
#define BATCH_SIZE 256

typedef struct
{
  GSource      source;
  HyphaPoller *poller;
} HyphaPollerSource;

struct _HyphaPoller
{
  GMainContext       *context;
  GSource            *source;
  gpointer            watch;      /* of the epoll fd, in the source */
  guint8             *scratch;
  GQueue              dirty;
  GQueue              timed;
  gint64              next_deadline;
  HyphaBufferPool    *pool;
  gint64              empty_pool_at;
  gint64              used_pool_at;
  gint64              now;
  guint64             turns;
  int                 epoll_fd;
  int                 ref_count;
  int                 n_events;
  int                 n_handled;
  gboolean            dispatching;
  gboolean            muted;      /* a loop runs inside of a turn: nothing is watched until it ends */
  struct epoll_event  events[BATCH_SIZE];
};

/* The pollers of this process by main context; a poller is in it as long as somebody uses it. */
static GHashTable *pollers;
G_LOCK_DEFINE_STATIC (pollers);

/* Sets when the source must run even if no socket is ready. */
static void
hypha_poller_schedule (HyphaPoller *self)
{
  gint64 ready_time = self->next_deadline > 0 ? self->next_deadline : -1;

  if (self->empty_pool_at > 0 && (ready_time < 0 || self->empty_pool_at < ready_time))
    ready_time = self->empty_pool_at;
  if (self->dirty.length > 0)
    ready_time = 0;

  g_source_set_ready_time (self->source, ready_time);
}

static void
hypha_poller_run_ready (HyphaPoller *self)
{
  do
    self->n_events = epoll_wait (self->epoll_fd, self->events, BATCH_SIZE, 0);
  while (self->n_events < 0 && errno == EINTR);

  self->n_handled = MAX (self->n_events, 0);
  for (int i = 0; i < self->n_events; i++)
    {
      HyphaPollerClient *client = self->events[i].data.ptr;

      /* Empty if an earlier client of this batch removed it. */
      if (client != NULL)
        client->funcs->ready (client, self->events[i].events);
    }

  self->n_events = 0;
}

/* Only those that are dirty now: who becomes so meanwhile waits for the next turn. */
static void
hypha_poller_run_dirty (HyphaPoller *self)
{
  for (guint n = self->dirty.length; n > 0 && self->dirty.length > 0; n--)
    {
      HyphaPollerClient *client = g_queue_pop_head_link (&self->dirty)->data;

      client->dirty = FALSE;
      client->funcs->flush (client);
    }
}

static void
hypha_poller_find_next_deadline (HyphaPoller *self)
{
  self->next_deadline = 0;
  for (GList *l = self->timed.head; l != NULL; l = l->next)
    {
      HyphaPollerClient *client = l->data;

      if (self->next_deadline == 0 || client->deadline < self->next_deadline)
        self->next_deadline = client->deadline;
    }
}

static void
hypha_poller_run_expired (HyphaPoller *self)
{
  if (self->next_deadline == 0 || self->now < self->next_deadline)
    return;

  /* Each is looked at once: it goes to the tail, where a new deadline would put it too. */
  for (guint n = self->timed.length; n > 0 && self->timed.length > 0; n--)
    {
      GList *link = g_queue_pop_head_link (&self->timed);
      HyphaPollerClient *client = link->data;

      if (client->deadline > self->now)
        {
          g_queue_push_tail_link (&self->timed, link);
          continue;
        }

      client->deadline = 0;
      client->funcs->expired (client);
    }

  hypha_poller_find_next_deadline (self);
}

/*
 * Keeps large buffers while there is traffic, whatever traffic, and not much longer. Only when the
 * time has come is it put off: a new time for the source is a system call.
 */
static void
hypha_poller_tend_pool (HyphaPoller *self)
{
  if (self->n_handled > 0 && hypha_buffer_pool_get_size (self->pool) > 0)
    {
      self->used_pool_at = self->now;
      if (self->empty_pool_at == 0)
        self->empty_pool_at = self->now + HYPHA_POLLER_KEEP_BUFFERS;
    }

  if (self->empty_pool_at == 0 || self->now < self->empty_pool_at)
    return;

  self->empty_pool_at = self->used_pool_at + HYPHA_POLLER_KEEP_BUFFERS;
  if (self->now < self->empty_pool_at)
    return;

  hypha_buffer_pool_empty (self->pool);
  self->empty_pool_at = 0;
}

/*
 * The source may recurse, only because GLib stops and starts to watch one that may not around each
 * of its turns, which costs as many system calls as a small turn itself. No turn begins within
 * another: should a handler run a loop, the sockets wait until it is back.
 */
static void
hypha_poller_set_muted (HyphaPoller *self,
                        gboolean     muted)
{
  if (self->muted == muted)
    return;

  self->muted = muted;
  g_source_modify_unix_fd (self->source, self->watch, muted ? 0 : G_IO_IN);
  if (muted)
    g_source_set_ready_time (self->source, -1);
}

static gboolean
hypha_poller_dispatch (GSource     *source,
                       GSourceFunc  callback,
                       gpointer     data)
{
  HyphaPoller *self = ((HyphaPollerSource *) source)->poller;

  if (self->dispatching)
    {
      hypha_poller_set_muted (self, TRUE);
      return G_SOURCE_CONTINUE;
    }

  /* The last user may leave in a handler. */
  self->ref_count++;
  self->dispatching = TRUE;
  self->now = g_source_get_time (source);
  self->turns++;

  hypha_poller_run_ready (self);
  hypha_poller_run_expired (self);
  hypha_poller_run_dirty (self);
  hypha_poller_tend_pool (self);

  self->dispatching = FALSE;
  hypha_poller_set_muted (self, FALSE);
  hypha_poller_schedule (self);
  hypha_poller_unref (self);
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs poller_source_funcs = {
  .dispatch = hypha_poller_dispatch,
};

static HyphaPoller *
hypha_poller_new (GMainContext *context,
                  int           epoll_fd)
{
  HyphaPoller *self = g_new0 (HyphaPoller, 1);

  self->context = g_main_context_ref (context);
  self->epoll_fd = epoll_fd;
  self->pool = hypha_buffer_pool_new ();
  self->source = g_source_new (&poller_source_funcs, sizeof (HyphaPollerSource));
  ((HyphaPollerSource *) self->source)->poller = self;
  g_source_set_static_name (self->source, "hypha-poller");
  g_source_set_can_recurse (self->source, TRUE);
  self->watch = g_source_add_unix_fd (self->source, epoll_fd, G_IO_IN);
  g_source_attach (self->source, context);
  return self;
}

static HyphaPoller *
hypha_poller_create (GMainContext  *context,
                     GError       **error)
{
  HyphaPoller *self;
  int epoll_fd = epoll_create1 (EPOLL_CLOEXEC);

  if (epoll_fd < 0)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_FAILED, "cannot watch sockets: %s",
                   g_strerror (errno));
      return NULL;
    }

  self = hypha_poller_new (context, epoll_fd);
  if (pollers == NULL)
    pollers = g_hash_table_new (NULL, NULL);
  g_hash_table_insert (pollers, context, self);
  return self;
}

/* The poller of the thread-default main context; it is made for its first user. */
HyphaPoller *
hypha_poller_ref_default (GError **error)
{
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();
  HyphaPoller *self;

  G_LOCK (pollers);
  self = pollers != NULL ? g_hash_table_lookup (pollers, context) : NULL;
  if (self == NULL)
    self = hypha_poller_create (context, error);
  if (self != NULL)
    self->ref_count++;
  G_UNLOCK (pollers);

  return self;
}

void
hypha_poller_unref (HyphaPoller *self)
{
  /* Only the thread of its context counts, so the lock is for the table alone. */
  if (--self->ref_count > 0)
    return;

  G_LOCK (pollers);
  g_hash_table_remove (pollers, self->context);
  if (g_hash_table_size (pollers) == 0)
    g_clear_pointer (&pollers, g_hash_table_unref);
  G_UNLOCK (pollers);

  g_source_destroy (self->source);
  g_source_unref (self->source);
  close (self->epoll_fd);
  g_main_context_unref (self->context);
  hypha_buffer_pool_unref (self->pool);
  g_free (self->scratch);
  g_free (self);
}

static gboolean
hypha_poller_control (HyphaPoller       *self,
                      int                operation,
                      HyphaPollerClient *client)
{
  struct epoll_event event = { .events = client->events, .data.ptr = client };

  return epoll_ctl (self->epoll_fd, operation, client->fd, &event) == 0;
}

/* Starts watching. The client must be removed before it is freed or its fd is closed. */
gboolean
hypha_poller_add (HyphaPoller             *self,
                  HyphaPollerClient       *client,
                  const HyphaPollerFuncs  *funcs,
                  int                      fd,
                  guint                    events,
                  GError                 **error)
{
  *client = (HyphaPollerClient){
    .funcs = funcs,
    .fd = fd,
    .events = events,
    .dirty_link = { .data = client },
    .timed_link = { .data = client },
  };

  if (hypha_poller_control (self, EPOLL_CTL_ADD, client))
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_FAILED, "cannot watch a socket: %s",
               g_strerror (errno));
  return FALSE;
}

void
hypha_poller_remove (HyphaPoller       *self,
                     HyphaPollerClient *client)
{
  if (!hypha_poller_control (self, EPOLL_CTL_DEL, client))
    g_warning ("cannot stop watching a socket: %s", g_strerror (errno));

  for (int i = 0; i < self->n_events; i++)
    {
      if (self->events[i].data.ptr == client)
        self->events[i].data.ptr = NULL;
    }

  if (client->dirty)
    g_queue_unlink (&self->dirty, &client->dirty_link);
  client->dirty = FALSE;
  hypha_poller_set_deadline (self, client, 0);

  /* A wake-up for the last deadline, which nobody waits for any more, would be one too many. */
  if (self->timed.length == 0)
    self->next_deadline = 0;
  if (!self->dispatching)
    hypha_poller_schedule (self);
}

void
hypha_poller_set_events (HyphaPoller       *self,
                         HyphaPollerClient *client,
                         guint              events)
{
  if (client->events == events)
    return;

  client->events = events;
  if (!hypha_poller_control (self, EPOLL_CTL_MOD, client))
    g_warning ("cannot change how a socket is watched: %s", g_strerror (errno));
}

/* Sets when expired is called, in monotonic time, rounded up to the granule; 0 for never. */
void
hypha_poller_set_deadline (HyphaPoller       *self,
                           HyphaPollerClient *client,
                           gint64             deadline)
{
  if (deadline > 0)
    deadline += HYPHA_POLLER_GRANULE - 1 - (deadline - 1) % HYPHA_POLLER_GRANULE;

  if (client->deadline == deadline)
    return;

  if (client->deadline == 0)
    g_queue_push_tail_link (&self->timed, &client->timed_link);
  else if (deadline == 0)
    g_queue_unlink (&self->timed, &client->timed_link);

  client->deadline = deadline;
  if (deadline == 0 || (self->next_deadline > 0 && self->next_deadline <= deadline))
    return;

  self->next_deadline = deadline;
  if (!self->dispatching)
    hypha_poller_schedule (self);
}

/* Asks for one flush of this client: in this turn, or at once if none is going on. */
void
hypha_poller_mark_dirty (HyphaPoller       *self,
                         HyphaPollerClient *client)
{
  if (client->dirty)
    return;

  client->dirty = TRUE;
  g_queue_push_tail_link (&self->dirty, &client->dirty_link);
  if (!self->dispatching)
    hypha_poller_schedule (self);
}

/* The shared read buffer; its contents last until the handler that asked for it returns. */
guint8 *
hypha_poller_get_scratch (HyphaPoller *self)
{
  if (self->scratch == NULL)
    self->scratch = g_malloc (HYPHA_POLLER_SCRATCH);
  return self->scratch;
}

/* Where the clients' large buffers come from and go to. */
HyphaBufferPool *
hypha_poller_get_pool (HyphaPoller *self)
{
  return self->pool;
}

/* The time of the current turn, which is exact enough for deadlines and costs nothing. */
gint64
hypha_poller_get_time (HyphaPoller *self)
{
  return self->dispatching ? self->now : g_get_monotonic_time ();
}

/* How often this poller has woken up. */
guint64
hypha_poller_get_turns (HyphaPoller *self)
{
  return self->turns;
}
