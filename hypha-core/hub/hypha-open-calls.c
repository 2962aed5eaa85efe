/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-open-calls-private.h"

struct _HyphaOpenCalls
{
  GHashTable  *calls;    /* set of HyphaOpenCall, by session */
  GHashTable  *targets;  /* whoever has to answer → GQueue of the same; only compared */
  GQueue       order;    /* of the same, oldest first */
  gsize        size;     /* bytes that they take */
  HyphaShares *shares;
  char        *account;
};

typedef struct
{
  GList          link;         /* in order */
  GList          target_link;  /* in the queue of its target */
  gconstpointer  target;
  gint64         made_at;      /* monotonic, in microseconds */
  HyphaSpan      session;      /* of the bytes behind this */
} HyphaOpenCall;

static guint
hypha_open_call_hash (gconstpointer data)
{
  const HyphaOpenCall *call = data;
  guint hash = 5381;

  for (gsize i = 0; i < call->session.size; i++)
    hash = hash * 33 + (guint8) call->session.data[i];

  return hash;
}

static gboolean
hypha_open_call_equal (gconstpointer a,
                       gconstpointer b)
{
  const HyphaOpenCall *one = a;
  const HyphaOpenCall *other = b;

  return one->session.size == other->session.size &&
         memcmp (one->session.data, other->session.data, one->session.size) == 0;
}

/* The calls of a client; beyond what each has, they take of what account has of shares. */
HyphaOpenCalls *
hypha_open_calls_new (HyphaShares *shares,
                      const char  *account)
{
  HyphaOpenCalls *self = g_new0 (HyphaOpenCalls, 1);

  self->calls = g_hash_table_new_full (hypha_open_call_hash, hypha_open_call_equal, g_free, NULL);
  self->targets = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  g_queue_init (&self->order);
  self->shares = hypha_shares_ref (shares);
  self->account = g_strdup (account);
  return self;
}

/* How much of so many bytes the account answers for: in whole blocks, but for the first. */
static gsize
hypha_open_calls_get_shared (gsize size)
{
  return size > 0 ? (size - 1) / HYPHA_OPEN_CALLS_BLOCK * HYPHA_OPEN_CALLS_BLOCK : 0;
}

static void
hypha_open_calls_set_size (HyphaOpenCalls *self,
                           gsize           size)
{
  gsize before = hypha_open_calls_get_shared (self->size);
  gsize after = hypha_open_calls_get_shared (size);

  if (after > before)
    hypha_shares_take (self->shares, self->account, after - before);
  else if (after < before)
    hypha_shares_give_back (self->shares, self->account, before - after);
  self->size = size;
}

void
hypha_open_calls_free (HyphaOpenCalls *self)
{
  hypha_open_calls_set_size (self, 0);
  hypha_shares_free (self->shares);
  g_hash_table_unref (self->targets);
  g_hash_table_unref (self->calls);
  g_free (self->account);
  g_free (self);
}

guint
hypha_open_calls_get_n (HyphaOpenCalls *self)
{
  return g_hash_table_size (self->calls);
}

static gsize
hypha_open_calls_measure (HyphaSpan session)
{
  return HYPHA_OPEN_CALLS_CALL_SIZE + session.size;
}

static void
hypha_open_calls_drop (HyphaOpenCalls *self,
                       HyphaOpenCall  *call)
{
  GQueue *queue = g_hash_table_lookup (self->targets, call->target);

  g_queue_unlink (queue, &call->target_link);
  if (g_queue_is_empty (queue))
    g_hash_table_remove (self->targets, call->target);
  g_queue_unlink (&self->order, &call->link);
  hypha_open_calls_set_size (self, self->size - hypha_open_calls_measure (call->session));
  g_hash_table_remove (self->calls, call);
}

static gboolean
hypha_open_calls_has_room (HyphaOpenCalls *self,
                           gsize           size)
{
  gsize before = hypha_open_calls_get_shared (self->size);
  gsize after = hypha_open_calls_get_shared (self->size + size);

  return after == before || hypha_shares_has_room (self->shares, self->account, after - before);
}

/*
 * Whether these may be added. Only what is so old that nobody waits for it any more gives way: a call
 * that were forgotten would wait for its time-out where it could have failed at once.
 */
gboolean
hypha_open_calls_make_room (HyphaOpenCalls  *self,
                            const HyphaSpan *sessions,
                            gsize            n_sessions)
{
  gint64 old = g_get_monotonic_time () - HYPHA_OPEN_CALLS_MAX_AGE * G_USEC_PER_SEC;
  gsize size = 0;

  for (gsize i = 0; i < n_sessions; i++)
    size += hypha_open_calls_measure (sessions[i]);

  while (!hypha_open_calls_has_room (self, size))
    {
      HyphaOpenCall *oldest = g_queue_peek_head (&self->order);

      if (oldest == NULL || oldest->made_at > old)
        return FALSE;

      hypha_open_calls_drop (self, oldest);
    }

  return TRUE;
}

static GQueue *
hypha_open_calls_ensure_target (HyphaOpenCalls *self,
                                gconstpointer   target)
{
  GQueue *queue = g_hash_table_lookup (self->targets, target);

  if (queue == NULL)
    {
      queue = g_new0 (GQueue, 1);
      g_hash_table_insert (self->targets, (gpointer) target, queue);
    }

  return queue;
}

/* A call goes to target. Whether there is room for it has been asked. */
void
hypha_open_calls_add (HyphaOpenCalls *self,
                      gconstpointer   target,
                      HyphaSpan       session)
{
  HyphaOpenCall probe = { .session = session };
  HyphaOpenCall *call = g_hash_table_lookup (self->calls, &probe);

  if (call != NULL)
    hypha_open_calls_drop (self, call);

  call = g_malloc0 (sizeof *call + session.size);
  call->link.data = call;
  call->target_link.data = call;
  call->target = target;
  call->made_at = g_get_monotonic_time ();
  call->session = (HyphaSpan) { memcpy (call + 1, session.data, session.size), session.size };
  hypha_open_calls_set_size (self, self->size + hypha_open_calls_measure (session));
  g_hash_table_add (self->calls, call);
  g_queue_push_tail_link (&self->order, &call->link);
  g_queue_push_tail_link (hypha_open_calls_ensure_target (self, target), &call->target_link);
}

void
hypha_open_calls_age (HyphaOpenCalls *self,
                      guint           seconds)
{
  for (GList *l = self->order.head; l != NULL; l = l->next)
    ((HyphaOpenCall *) l->data)->made_at -= seconds * G_USEC_PER_SEC;
}

/* Whether a message is “<session>.resolve” or “<session>.reject” of its parent. */
static gboolean
hypha_open_calls_is_answer (const HyphaMessage *message)
{
  HyphaSpan verb;

  if (message->parent.data == NULL || message->method.size <= message->parent.size ||
      memcmp (message->method.data, message->parent.data, message->parent.size) != 0)
    return FALSE;

  verb.data = message->method.data + message->parent.size;
  verb.size = message->method.size - message->parent.size;
  return hypha_span_equal (verb, ".resolve") || hypha_span_equal (verb, ".reject");
}

/* A message that comes from target: if it answers a call, nobody waits for that any more. */
void
hypha_open_calls_settle (HyphaOpenCalls     *self,
                         gconstpointer       target,
                         const HyphaMessage *answer)
{
  HyphaOpenCall probe = { .session = answer->parent };
  HyphaOpenCall *call;

  if (!hypha_open_calls_is_answer (answer))
    return;

  call = g_hash_table_lookup (self->calls, &probe);
  if (call != NULL && call->target == target)
    hypha_open_calls_drop (self, call);
}

/* Forgets the calls that target had to answer, and tells func of each, the oldest first. */
void
hypha_open_calls_take (HyphaOpenCalls     *self,
                       gconstpointer       target,
                       HyphaOpenCallsFunc  func,
                       gpointer            data)
{
  g_autoptr (GPtrArray) sessions = g_ptr_array_new_with_free_func (g_free);
  GQueue *queue;

  /* The queue goes with the last of them. */
  while ((queue = g_hash_table_lookup (self->targets, target)) != NULL)
    {
      HyphaOpenCall *call = g_queue_peek_head (queue);

      g_ptr_array_add (sessions, hypha_span_dup (call->session));
      hypha_open_calls_drop (self, call);
    }

  for (guint i = 0; i < sessions->len; i++)
    func (g_ptr_array_index (sessions, i), data);
}
