/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-chunk-call-private.h"
#include "hypha-peer-private.h"
#include "hypha-shares-private.h"

HyphaPeer *
hypha_peer_new (const char      *workspace,
                const char      *client,
                HyphaUserInfo   *user,
                HyphaConnection *connection)
{
  HyphaPeer *self = g_rc_box_new0 (HyphaPeer);

  self->id = g_strconcat (workspace, "/", client, NULL);
  self->workspace = g_strdup (workspace);
  self->client = g_strdup (client);
  self->user = hypha_user_info_ref (user);
  self->connection = g_object_ref (connection);
  self->since = g_get_real_time () / G_USEC_PER_SEC;
  self->correspondents = g_hash_table_new (NULL, NULL);
  self->measured = g_str_has_suffix (client, HYPHA_PEER_MEASURED_SUFFIX);
  return self;
}

HyphaPeer *
hypha_peer_ref (HyphaPeer *self)
{
  return g_rc_box_acquire (self);
}

static void
hypha_peer_free (gpointer data)
{
  HyphaPeer *self = data;

  g_assert (!self->attached);

  g_free (self->id);
  g_free (self->workspace);
  g_free (self->client);
  g_free (self->remote);
  hypha_user_info_unref (self->user);
  g_object_unref (self->connection);
  hypha_stamp_clear (&self->stamp);
  g_hash_table_unref (self->correspondents);
  g_clear_pointer (&self->subscriptions, g_hash_table_unref);
  g_clear_pointer (&self->held, g_ptr_array_unref);
  g_clear_pointer (&self->open_calls, hypha_open_calls_free);
}

void
hypha_peer_unref (HyphaPeer *self)
{
  g_rc_box_release_full (self, hypha_peer_free);
}

const char *
hypha_peer_get_id (HyphaPeer *self)
{
  return self->id;
}

const char *
hypha_peer_get_workspace (HyphaPeer *self)
{
  return self->workspace;
}

const char *
hypha_peer_get_client (HyphaPeer *self)
{
  return self->client;
}

HyphaUserInfo *
hypha_peer_get_user (HyphaPeer *self)
{
  return self->user;
}

/* Whose share of what belongs to all it uses. */
const char *
hypha_peer_get_account (HyphaPeer *self)
{
  return hypha_user_info_get_account (self->user);
}

HyphaConnection *
hypha_peer_get_connection (HyphaPeer *self)
{
  return self->connection;
}

/* Since when it is there, in seconds since 1970. */
gint64
hypha_peer_get_since (HyphaPeer *self)
{
  return self->since;
}

gboolean
hypha_peer_is_internal (HyphaPeer *self)
{
  return self->internal;
}

/* In this process: the core's own, the host program, or a caller over HTTP. */
gboolean
hypha_peer_is_local (HyphaPeer *self)
{
  return self->local;
}

/* A page in a window of the host: it is never given anything that outlives it. */
void
hypha_peer_set_page (HyphaPeer *self)
{
  self->page = TRUE;
}

gboolean
hypha_peer_is_page (HyphaPeer *self)
{
  return self->page;
}

/* The address that it connects from. */
void
hypha_peer_set_remote (HyphaPeer  *self,
                       const char *remote)
{
  g_free (self->remote);
  self->remote = g_strdup (remote);
}

/* NULL for those of this process itself. */
const char *
hypha_peer_get_remote (HyphaPeer *self)
{
  return self->remote;
}

/* FALSE once it is gone, or another connection has taken its address. */
gboolean
hypha_peer_is_attached (HyphaPeer *self)
{
  return self->attached;
}

/* FALSE, with nothing changed, beyond HYPHA_PEER_MAX_SUBSCRIPTIONS. */
gboolean
hypha_peer_subscribe (HyphaPeer  *self,
                      const char *event)
{
  if (self->subscriptions == NULL)
    self->subscriptions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  if (g_hash_table_contains (self->subscriptions, event))
    return TRUE;
  if (g_hash_table_size (self->subscriptions) >= HYPHA_PEER_MAX_SUBSCRIPTIONS)
    return FALSE;

  g_hash_table_add (self->subscriptions, g_strdup (event));
  if (g_str_equal (event, "client_disconnected"))
    {
      self->hears = TRUE;
      g_clear_pointer (&self->open_calls, hypha_open_calls_free);
    }
  return TRUE;
}

void
hypha_peer_unsubscribe (HyphaPeer  *self,
                        const char *event)
{
  if (self->subscriptions == NULL)
    return;

  g_hash_table_remove (self->subscriptions, event);
  self->hears = g_hash_table_contains (self->subscriptions, "client_disconnected");
}

gboolean
hypha_peer_is_subscribed (HyphaPeer  *self,
                          const char *event)
{
  return self->subscriptions != NULL && g_hash_table_contains (self->subscriptions, event);
}

/*
 * Remembers that self has sent to target, so that either can be told when the other goes: what
 * a client still waits for fails then, not at its time-out.
 */
void
hypha_peer_met (HyphaPeer *self,
                HyphaPeer *target)
{
  if (self->last_target == target || self == target)
    return;

  self->last_target = target;
  g_hash_table_add (self->correspondents, target);
  g_hash_table_add (target->correspondents, self);
}

static void
hypha_peer_turn_minute (HyphaPeer *self,
                        gint64     now)
{
  gint64 minute = now / (60 * G_USEC_PER_SEC);

  if (self->load_minute == minute)
    return;

  self->n_calls_before = self->load_minute == minute - 1 ? self->n_calls : 0;
  self->n_calls = 0;
  self->load_minute = minute;
}

/* Counts a call of a measured client. */
void
hypha_peer_was_called (HyphaPeer *self)
{
  hypha_peer_turn_minute (self, g_get_monotonic_time ());
  self->n_calls++;
}

/* Calls in the last minute, about; 0 for a client that is not measured. */
double
hypha_peer_get_load (HyphaPeer *self)
{
  gint64 now = g_get_monotonic_time ();
  double passed = (double) (now % (60 * G_USEC_PER_SEC)) / (60.0 * G_USEC_PER_SEC);

  hypha_peer_turn_minute (self, now);
  return self->n_calls + self->n_calls_before * (1 - passed);
}

/*
 * What message, from self to target, waits for: itself, and the call that it begins. FALSE if self
 * waits for so much already that this could not be remembered. Whoever is told of clients that go
 * fails its calls itself; a part of this process hears of it as well.
 */
gboolean
hypha_peer_begin_calls (HyphaPeer          *self,
                        HyphaPeer          *target,
                        const HyphaMessage *message,
                        HyphaShares        *shares,
                        HyphaPeerCalls     *calls)
{
  calls->n_sessions = 0;
  if (self->hears || self->local || target->internal)
    return TRUE;

  if (message->session.data != NULL)
    calls->sessions[calls->n_sessions++] = message->session;
  if (hypha_chunk_call_get_session (message, &calls->sessions[calls->n_sessions]))
    calls->n_sessions++;
  if (calls->n_sessions == 0)
    return TRUE;

  if (self->open_calls == NULL)
    self->open_calls = hypha_open_calls_new (shares, hypha_peer_get_account (self));
  return hypha_open_calls_make_room (self->open_calls, calls->sessions, calls->n_sessions);
}

/* The message has passed: remembers what was found. */
void
hypha_peer_add_calls (HyphaPeer            *self,
                      HyphaPeer            *target,
                      const HyphaPeerCalls *calls)
{
  for (gsize i = 0; i < calls->n_sessions; i++)
    hypha_open_calls_add (self->open_calls, target, calls->sessions[i]);
}

void
hypha_peer_forget_all (HyphaPeer *self)
{
  GHashTableIter iter;
  HyphaPeer *other;

  g_hash_table_iter_init (&iter, self->correspondents);
  while (g_hash_table_iter_next (&iter, (gpointer *) &other, NULL))
    {
      g_hash_table_remove (other->correspondents, self);
      if (other->last_target == self)
        other->last_target = NULL;
    }

  g_hash_table_remove_all (self->correspondents);
  self->last_target = NULL;
}

/* Pauses sender until self has drained: back-pressure instead of a queue without end. */
void
hypha_peer_hold (HyphaPeer *self,
                 HyphaPeer *sender)
{
  if (self->held == NULL)
    self->held = g_ptr_array_new ();

  if (self == sender || g_ptr_array_find (self->held, sender, NULL))
    return;

  /* So that a sender that goes finds who holds it. */
  hypha_peer_met (sender, self);
  g_ptr_array_add (self->held, sender);
  if (sender->n_holding++ == 0)
    hypha_connection_set_reading (sender->connection, FALSE);
}

/*
 * A part of the core takes from everybody: each sender has a share of what may lie before it, so
 * that whoever sends most does not make the others wait. TRUE if this frame used up the share.
 */
gboolean
hypha_peer_take_share (HyphaPeer *self,
                       HyphaPeer *sender,
                       gsize      size)
{
  if (sender->share_turn != self->turn)
    {
      sender->share_turn = self->turn;
      sender->share_frames = 0;
      sender->share_bytes = 0;
    }

  sender->share_frames++;
  sender->share_bytes += size;
  return sender->share_frames >= HYPHA_PEER_SHARE_FRAMES ||
         sender->share_bytes >= HYPHA_PEER_SHARE_BYTES;
}

/* What lay before self is done: everybody has a whole share again. */
void
hypha_peer_next_turn (HyphaPeer *self)
{
  self->turn++;
}

/* Lets everybody go on whom self holds. */
void
hypha_peer_release (HyphaPeer *self)
{
  g_autoptr (GPtrArray) held = g_steal_pointer (&self->held);

  for (guint i = 0; held != NULL && i < held->len; i++)
    {
      HyphaPeer *sender = g_ptr_array_index (held, i);

      if (--sender->n_holding == 0)
        hypha_connection_set_reading (sender->connection, TRUE);
    }
}

/* Nothing waits in the new connection yet; whoever is held stays so. */
void
hypha_peer_renew (HyphaPeer       *self,
                  HyphaUserInfo   *user,
                  HyphaConnection *connection)
{
  hypha_user_info_unref (self->user);
  self->user = hypha_user_info_ref (user);
  g_set_object (&self->connection, connection);
  if (self->n_holding > 0)
    hypha_connection_set_reading (connection, FALSE);
  hypha_peer_release (self);
}

/* A sender that goes is held by nobody any more. */
void
hypha_peer_unhold (HyphaPeer *self)
{
  GHashTableIter iter;
  HyphaPeer *target;

  g_hash_table_iter_init (&iter, self->correspondents);
  while (self->n_holding > 0 && g_hash_table_iter_next (&iter, (gpointer *) &target, NULL))
    {
      if (target->held != NULL && g_ptr_array_remove_fast (target->held, self))
        self->n_holding--;
    }
}
