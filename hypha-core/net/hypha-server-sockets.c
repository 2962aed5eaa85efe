/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-server-internal-private.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "hypha-soup-leak-private.h"
#include "hypha-throttle-private.h"
#include "hypha-timer-private.h"

/*
 * Connections before and between requests: who has connected and says nothing has a file of ours all
 * the same. libsoup accepts them, and says so with a “request-started” long before there is one; it
 * sets no limit and no deadline.
 */

static void hypha_server_update_wait_deadline (HyphaServer *self);

static void
hypha_server_stop_waiting (HyphaServerSocket *entry)
{
  if (entry->queue != NULL)
    g_queue_unlink (entry->queue, &entry->link);
  entry->queue = NULL;
  entry->message = NULL;
}

/* Each queue has one timeout, so that the oldest is the first that is due. */
static void
hypha_server_start_waiting (HyphaServerSocket *entry,
                            GQueue            *queue,
                            guint              timeout)
{
  if (entry->cut)
    return;

  hypha_server_stop_waiting (entry);
  entry->queue = queue;
  entry->deadline = g_get_monotonic_time () + (gint64) timeout * 1000;
  g_queue_push_tail_link (queue, &entry->link);
  hypha_server_update_wait_deadline (entry->server);
}

/* Counts a socket of a foreign address; FALSE if that has its part already. */
gboolean
hypha_server_count_address (HyphaServer *self,
                            const char  *owner)
{
  guint n = 1;

  if (owner == NULL)
    return TRUE;

  n += GPOINTER_TO_UINT (g_hash_table_lookup (self->sockets_of, owner));
  g_hash_table_insert (self->sockets_of, g_strdup (owner), GUINT_TO_POINTER (n));
  return n <= self->max_sockets_of_address;
}

void
hypha_server_forget_address (HyphaServer *self,
                             const char  *owner)
{
  guint n;

  if (owner == NULL)
    return;

  n = GPOINTER_TO_UINT (g_hash_table_lookup (self->sockets_of, owner));
  g_assert (n > 0);
  if (n == 1)
    g_hash_table_remove (self->sockets_of, owner);
  else
    g_hash_table_insert (self->sockets_of, g_strdup (owner), GUINT_TO_POINTER (n - 1));
}

static void
hypha_server_on_socket_freed (gpointer  data,
                              GObject  *socket)
{
  HyphaServerSocket *entry = data;

  entry->socket = NULL;
  g_hash_table_remove (entry->server->sockets, socket);
}

static void
hypha_server_socket_free (gpointer data)
{
  HyphaServerSocket *entry = data;

  if (entry->socket != NULL)
    g_object_weak_unref (G_OBJECT (entry->socket), hypha_server_on_socket_freed, entry);
  if (entry->cut)
    entry->server->n_cut--;
  hypha_server_stop_waiting (entry);
  hypha_server_forget_address (entry->server, entry->owner);
  g_free (entry->owner);
  g_free (entry);
}

/* The end of what comes in makes libsoup close the socket in its next turn, or else we do. */
static void
hypha_server_cut (HyphaServerSocket *entry,
                  const char        *answer)
{
  if (entry->cut)
    return;

  hypha_server_start_waiting (entry, &entry->server->leaving, HYPHA_SERVER_LEAVE_TIMEOUT);
  entry->cut = TRUE;
  entry->server->n_cut++;
  if (answer != NULL)
    g_socket_send_with_blocking (entry->socket, answer, strlen (answer), FALSE, NULL, NULL);
  g_socket_shutdown (entry->socket, TRUE, TRUE, NULL);
}

void
hypha_server_cut_socket (HyphaServer *self,
                         GSocket     *socket,
                         const char  *answer)
{
  HyphaServerSocket *entry = g_hash_table_lookup (self->sockets, socket);

  if (entry != NULL)
    hypha_server_cut (entry, answer);
}

/* Who is turned away can be many, and must not fill the log as well. */
void
hypha_server_log_refusal (HyphaServer *self,
                          const char  *why)
{
  gint64 now = g_get_monotonic_time ();

  self->n_refused++;
  if (self->refusal_logged_at != 0 &&
      now - self->refusal_logged_at < HYPHA_SERVER_REFUSAL_LOG * G_TIME_SPAN_MILLISECOND)
    return;

  g_message ("connections refused: %u; the last one: %s", self->n_refused, why);
  self->n_refused = 0;
  self->refusal_logged_at = now;
}

#define ANSWER(status, text) \
  "HTTP/1.1 " status "\r\nConnection: close\r\nContent-Type: application/json\r\n" \
  "Retry-After: 1\r\n\r\n{\"success\":false,\"detail\":\"" text "\"}"

/*
 * libsoup 3.2 forgets to close a connection that ends between two requests; so that its file is
 * free, it is closed under libsoup's hands, which look at it no more.
 */
static void
hypha_server_close_socket (HyphaServerSocket *entry)
{
  g_socket_close (entry->socket, NULL);
  g_hash_table_remove (entry->server->sockets, entry->socket);
}

static void
hypha_server_head_expired (HyphaServerSocket *entry)
{
  hypha_server_log_refusal (entry->server, "its request came too slowly");
  hypha_server_cut (entry, ANSWER ("408 Request Timeout", "the request came too slowly"));
}

/* Nobody there has asked for anything. */
static void
hypha_server_idle_expired (HyphaServerSocket *entry)
{
  hypha_server_cut (entry, NULL);
}

static void
hypha_server_body_expired (HyphaServerSocket *entry)
{
  hypha_server_log_refusal (entry->server, "the body of its request came too slowly");
  hypha_server_cut_off (entry->server, entry->message, SOUP_STATUS_REQUEST_TIMEOUT,
                        "the body of the request came too slowly");
}

static void
hypha_server_expire (GQueue *queue,
                     void  (*expired) (HyphaServerSocket *entry))
{
  gint64 now = g_get_monotonic_time ();
  HyphaServerSocket *oldest;

  while ((oldest = g_queue_peek_head (queue)) != NULL && oldest->deadline <= now)
    expired (oldest);
}

static gboolean
hypha_server_wait_expired (gpointer data)
{
  HyphaServer *self = HYPHA_SERVER (data);

  hypha_server_expire (&self->waiting, hypha_server_head_expired);
  hypha_server_expire (&self->idle, hypha_server_idle_expired);
  hypha_server_expire (&self->bodies_coming, hypha_server_body_expired);
  hypha_server_expire (&self->leaving, hypha_server_close_socket);
  hypha_server_update_wait_deadline (self);
  return G_SOURCE_CONTINUE;
}

/* Who has left the queues since may leave a ready time too early, which does no harm. */
static void
hypha_server_update_wait_deadline (HyphaServer *self)
{
  GQueue *queues[] = { &self->waiting, &self->idle, &self->bodies_coming, &self->leaving };
  gint64 deadline = -1;

  for (guint i = 0; i < G_N_ELEMENTS (queues); i++)
    {
      HyphaServerSocket *oldest = g_queue_peek_head (queues[i]);

      if (oldest != NULL && (deadline < 0 || oldest->deadline < deadline))
        deadline = oldest->deadline;
    }

  if (self->wait_deadline == NULL)
    self->wait_deadline = hypha_timer_new ("hypha-server-waiting", hypha_server_wait_expired, self);
  g_source_set_ready_time (self->wait_deadline, deadline);
}

/* The body of a request that has come to a halt; NULL if all go on. */
static HyphaServerSocket *
hypha_server_find_stalled (HyphaServer *self)
{
  HyphaServerSocket *slowest = g_queue_peek_head (&self->bodies_coming);
  gint64 since = (gint64) self->body_timeout - self->body_stall;

  if (slowest == NULL || slowest->deadline - since * 1000 > g_get_monotonic_time ())
    return NULL;

  return slowest;
}

/*
 * Who has asked for nothing makes room for somebody who might, before those who were answered, and
 * these before those who ask for something and do not come to the end of it.
 */
static gboolean
hypha_server_make_room (HyphaServer *self)
{
  HyphaServerSocket *entry;

  if ((entry = g_queue_peek_head (&self->waiting)) != NULL)
    hypha_server_cut (entry, ANSWER ("503 Service Unavailable", "too many connections"));
  else if ((entry = g_queue_peek_head (&self->idle)) != NULL)
    hypha_server_cut (entry, NULL);
  else if ((entry = hypha_server_find_stalled (self)) != NULL)
    hypha_server_cut_off (self, entry->message, SOUP_STATUS_SERVICE_UNAVAILABLE,
                          "too many connections");
  else
    return FALSE;

  hypha_server_log_refusal (self, "it said nothing, and there were too many connections");
  return TRUE;
}

static void
hypha_server_admit_socket (HyphaServer       *self,
                           HyphaServerSocket *entry)
{
  gboolean counted = hypha_server_count_address (self, entry->owner);
  guint n = g_hash_table_size (self->sockets) - self->n_cut;

  if (!counted)
    {
      hypha_server_log_refusal (self, "too many connections from its address");
      hypha_server_cut (entry, ANSWER ("503 Service Unavailable",
                                              "too many connections from this address"));
    }
  else if (n > self->max_sockets && !hypha_server_make_room (self))
    {
      hypha_server_log_refusal (self, "too many connections");
      hypha_server_cut (entry, ANSWER ("503 Service Unavailable", "too many connections"));
    }
}

static char *
hypha_server_get_owner (GSocket *socket)
{
  g_autoptr (GSocketAddress) address = g_socket_get_remote_address (socket, NULL);
  g_autofree char *text = NULL;

  if (!G_IS_INET_SOCKET_ADDRESS (address))
    return NULL;

  text = g_inet_address_to_string (
    g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (address)));
  return hypha_throttle_foreign_key (text);
}

/* A connection was accepted, or the next request on it begins. */
void
hypha_server_expect_head (HyphaServer *self,
                          GSocket     *socket)
{
  HyphaServerSocket *entry = g_hash_table_lookup (self->sockets, socket);

  if (entry == NULL)
    {
      entry = g_new0 (HyphaServerSocket, 1);
      entry->server = self;
      entry->socket = socket;
      entry->owner = hypha_server_get_owner (socket);
      entry->link.data = entry;
      g_object_weak_ref (G_OBJECT (socket), hypha_server_on_socket_freed, entry);
      g_hash_table_insert (self->sockets, socket, entry);
      hypha_server_admit_socket (self, entry);
      hypha_soup_leak_release (socket);
    }

  hypha_server_start_waiting (entry, &self->waiting, self->head_timeout);
}

/*
 * From here on others see to it that it does not take for ever. FALSE if its time was over: what was
 * on its way by then still comes.
 */
gboolean
hypha_server_got_head (HyphaServer *self,
                       GSocket     *socket)
{
  HyphaServerSocket *entry = g_hash_table_lookup (self->sockets, socket);

  if (entry == NULL)
    return TRUE;

  if (!entry->cut)
    hypha_server_stop_waiting (entry);
  return !entry->cut;
}

/* A part of its body has come, or it is to come now: the next part has its time. */
void
hypha_server_wait_for_body (HyphaServer       *self,
                            SoupServerMessage *message)
{
  GSocket *socket = soup_server_message_get_socket (message);
  HyphaServerSocket *entry = g_hash_table_lookup (self->sockets, socket);

  if (entry == NULL || entry->cut)
    return;

  hypha_server_start_waiting (entry, &self->bodies_coming, self->body_timeout);
  entry->message = message;
}

/* A request is over; there may be a next one. */
void
hypha_server_expect_request (HyphaServer *self,
                             GSocket     *socket)
{
  HyphaServerSocket *entry = g_hash_table_lookup (self->sockets, socket);

  if (entry != NULL)
    hypha_server_start_waiting (entry, &self->idle, self->idle_timeout);
}

/* The usual soft limit of 1,024 files would end at a tenth of our connections. */
void
hypha_server_limit_sockets (HyphaServer *self)
{
  struct rlimit limit;
  rlim_t most;

  if (getrlimit (RLIMIT_NOFILE, &limit) < 0)
    return;

  if (limit.rlim_cur != limit.rlim_max)
    {
      rlim_t before = limit.rlim_cur;

      limit.rlim_cur = limit.rlim_max;
      if (setrlimit (RLIMIT_NOFILE, &limit) < 0)
        {
          g_warning ("cannot raise the limit on open files: %s", g_strerror (errno));
          limit.rlim_cur = before;
        }
    }

  /* With hardly any files, half of them. */
  most = limit.rlim_cur > 2 * HYPHA_SERVER_RESERVED_FILES ?
         limit.rlim_cur - HYPHA_SERVER_RESERVED_FILES : limit.rlim_cur / 2;
  if (self->max_sockets > most)
    hypha_server_set_max_sockets (self, (guint) most,
                                  MAX (1, (guint) most / HYPHA_SERVER_ADDRESS_PART));
}

void
hypha_server_set_max_sockets (HyphaServer *self,
                              guint        max_sockets,
                              guint        max_of_address)
{
  self->max_sockets = max_sockets;
  self->max_sockets_of_address = max_of_address;
}

/* In how many ms the head of a request has to come, and the next request, from now on. */
void
hypha_server_set_wait_timeouts (HyphaServer *self,
                                guint        head,
                                guint        idle)
{
  self->head_timeout = head;
  self->idle_timeout = idle;
}

void
hypha_server_init_sockets (HyphaServer *self)
{
  self->sockets = g_hash_table_new_full (NULL, NULL, NULL, hypha_server_socket_free);
  self->sockets_of = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  hypha_server_set_max_sockets (self, HYPHA_SERVER_MAX_SOCKETS,
                                HYPHA_SERVER_MAX_SOCKETS / HYPHA_SERVER_ADDRESS_PART);
  hypha_server_set_wait_timeouts (self, HYPHA_SERVER_HEAD_TIMEOUT, HYPHA_SERVER_IDLE_TIMEOUT);
}

/* They may go on without the server, as WebSockets do. */
void
hypha_server_clear_sockets (HyphaServer *self)
{
  if (self->wait_deadline != NULL)
    g_source_destroy (self->wait_deadline);
  g_clear_pointer (&self->wait_deadline, g_source_unref);
  g_clear_pointer (&self->sockets, g_hash_table_unref);
  g_clear_pointer (&self->sockets_of, g_hash_table_unref);
}
