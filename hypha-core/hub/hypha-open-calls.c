/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-open-calls-private.h"

struct _HyphaOpenCalls
{
  GHashTable *calls;  /* set of HyphaOpenCall, by session */
  GQueue      order;  /* of the same, oldest first */
};

typedef struct
{
  GList          link;     /* in order */
  gconstpointer  target;   /* whoever has to answer; only compared */
  HyphaSpan      session;  /* of the bytes behind this */
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

HyphaOpenCalls *
hypha_open_calls_new (void)
{
  HyphaOpenCalls *self = g_new0 (HyphaOpenCalls, 1);

  self->calls = g_hash_table_new_full (hypha_open_call_hash, hypha_open_call_equal, g_free, NULL);
  g_queue_init (&self->order);
  return self;
}

void
hypha_open_calls_free (HyphaOpenCalls *self)
{
  g_hash_table_unref (self->calls);
  g_free (self);
}

guint
hypha_open_calls_get_n (HyphaOpenCalls *self)
{
  return g_hash_table_size (self->calls);
}

static void
hypha_open_calls_drop (HyphaOpenCalls *self,
                       HyphaOpenCall  *call)
{
  g_queue_unlink (&self->order, &call->link);
  g_hash_table_remove (self->calls, call);
}

/* A call goes to target. */
void
hypha_open_calls_add (HyphaOpenCalls *self,
                      gconstpointer   target,
                      HyphaSpan       session)
{
  HyphaOpenCall probe = { .session = session };
  HyphaOpenCall *call;

  if (session.size > HYPHA_OPEN_CALLS_MAX_SESSION)
    return;

  call = g_hash_table_lookup (self->calls, &probe);
  if (call != NULL)
    hypha_open_calls_drop (self, call);
  else if (g_hash_table_size (self->calls) >= HYPHA_OPEN_CALLS_MAX)
    hypha_open_calls_drop (self, g_queue_peek_head (&self->order));

  call = g_malloc0 (sizeof *call + session.size);
  call->link.data = call;
  call->target = target;
  call->session = (HyphaSpan) { memcpy (call + 1, session.data, session.size), session.size };
  g_hash_table_add (self->calls, call);
  g_queue_push_tail_link (&self->order, &call->link);
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

/* Forgets the calls that target had to answer, and tells func of each. */
void
hypha_open_calls_take (HyphaOpenCalls     *self,
                       gconstpointer       target,
                       HyphaOpenCallsFunc  func,
                       gpointer            data)
{
  g_autoptr (GPtrArray) sessions = g_ptr_array_new_with_free_func (g_free);
  GList *next;

  for (GList *l = self->order.head; l != NULL; l = next)
    {
      HyphaOpenCall *call = l->data;

      next = l->next;
      if (call->target != target)
        continue;

      g_ptr_array_add (sessions, hypha_span_dup (call->session));
      hypha_open_calls_drop (self, call);
    }

  for (guint i = 0; i < sessions->len; i++)
    func (g_ptr_array_index (sessions, i), data);
}
