/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <math.h>

#include "hypha-log-methods-private.h"
#include "hypha-question-desk-private.h"

struct _HyphaQuestionDesk
{
  HyphaManager            *manager;  /* owns this */
  const HyphaQuestionHost *host;     /* NULL where nobody shows anything */
  gpointer                 host_data;
  GHashTable              *clients;  /* id → HyphaAsker */
  HyphaShares             *open;     /* dialogs before the person */
};

/* A client that has asked something. Reference-counted: it may go while the host is asked. */
typedef struct
{
  HyphaQuestionDesk *desk;      /* NULL once it has gone */
  char              *share;     /* whose dialogs its own count among */
  GQueue             calls;     /* of HyphaAskerCall; the first one is before the person */
  HyphaQuestion     *progress;  /* NULL while there is none */
  gint64             minute;
  guint              n_minute;
} HyphaAsker;

typedef struct
{
  HyphaAsker      *asker;
  HyphaQuestion   *question;
  HyphaInvocation *invocation;
} HyphaAskerCall;

static void hypha_asker_show_next (HyphaAsker *asker);

static void
hypha_asker_call_free (HyphaAskerCall *call)
{
  g_object_unref (call->question);
  hypha_invocation_unref (call->invocation);
  g_free (call);
}

static void
hypha_asker_free (gpointer data)
{
  HyphaAsker *asker = data;

  g_free (asker->share);
}

static void
hypha_asker_unref (HyphaAsker *asker)
{
  g_rc_box_release_full (asker, hypha_asker_free);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaAsker, hypha_asker_unref)

/* The client has gone, or the core: nobody waits for what it asked. */
static void
hypha_asker_leave (gpointer data)
{
  HyphaAsker *asker = data;
  HyphaAskerCall *call;

  if (!g_queue_is_empty (&asker->calls))
    hypha_shares_give_back (asker->desk->open, asker->share, 1);
  asker->desk = NULL;
  if (asker->progress != NULL)
    hypha_question_close (asker->progress);
  g_clear_object (&asker->progress);

  while ((call = g_queue_pop_head (&asker->calls)) != NULL)
    {
      hypha_question_close (call->question);
      hypha_invocation_return_error (call->invocation,
                                     g_error_new_literal (HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED,
                                                          "nobody waits for this answer"));
      hypha_asker_call_free (call);
    }

  hypha_asker_unref (asker);
}

static HyphaAsker *
hypha_question_desk_ensure (HyphaQuestionDesk *self,
                            HyphaPeer         *caller)
{
  HyphaAsker *asker = g_hash_table_lookup (self->clients, hypha_peer_get_id (caller));

  if (asker == NULL)
    {
      asker = g_rc_box_new0 (HyphaAsker);
      asker->desk = self;
      asker->share = g_strconcat (hypha_peer_get_workspace (caller), "/",
                                  hypha_peer_get_account (caller), NULL);
      g_queue_init (&asker->calls);
      g_hash_table_insert (self->clients, g_strdup (hypha_peer_get_id (caller)), asker);
    }

  return asker;
}

gboolean
hypha_question_desk_has_host (HyphaQuestionDesk *self)
{
  return self->host != NULL && self->host->has_host (self->host_data);
}

static gboolean
hypha_question_desk_fail_no_host (GError **error)
{
  g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_NO_HOST,
                       "Showing a dialog requires browser environment. Currently running in: "
                       "headless server; start hypha-desktop to be asked");
  return FALSE;
}

/* Puts a question before the person. */
gboolean
hypha_question_desk_show (HyphaQuestionDesk  *self,
                          HyphaQuestion      *question,
                          GError            **error)
{
  if (hypha_question_desk_has_host (self) && self->host->ask (question, self->host_data))
    return TRUE;

  return hypha_question_desk_fail_no_host (error);
}

/* May this client ask at all, and now? */
static gboolean
hypha_question_desk_admit (HyphaQuestionDesk  *self,
                           HyphaPeer          *caller,
                           HyphaAsker         *asker,
                           GError            **error)
{
  gint64 minute = g_get_monotonic_time () / (60 * G_USEC_PER_SEC);

  if (asker->minute != minute)
    {
      asker->minute = minute;
      asker->n_minute = 0;
    }

  if (asker->n_minute < HYPHA_QUESTION_DESK_MAX_MINUTE &&
      (!g_queue_is_empty (&asker->calls) || hypha_shares_has_room (self->open, asker->share, 1)) &&
      g_queue_get_length (&asker->calls) <= HYPHA_QUESTION_DESK_MAX_WAITING)
    {
      asker->n_minute++;
      return TRUE;
    }

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
               "client '%s' asks too much of the person at this machine: %d questions a minute and "
               "%d at a time, %d dialogs of all its user's clients; try again later",
               hypha_peer_get_id (caller), HYPHA_QUESTION_DESK_MAX_MINUTE,
               HYPHA_QUESTION_DESK_MAX_WAITING + 1, HYPHA_QUESTION_DESK_MAX_OPEN_SHARE);
  return FALSE;
}

static void
hypha_asker_answered (HyphaQuestion *question,
                      GVariant      *answer,
                      gpointer       data)
{
  g_autoptr (HyphaAsker) asker = g_rc_box_acquire (data);
  HyphaAskerCall *call = g_queue_pop_head (&asker->calls);

  hypha_shares_give_back (asker->desk->open, asker->share, 1);
  hypha_invocation_return (call->invocation, answer);
  hypha_asker_call_free (call);
  hypha_asker_show_next (asker);
}

/* Shows the first of what a client asks; what cannot be shown is answered with why. */
static void
hypha_asker_show_next (HyphaAsker *asker)
{
  g_autoptr (HyphaAsker) hold = g_rc_box_acquire (asker);
  HyphaAskerCall *call;

  while ((call = g_queue_peek_head (&asker->calls)) != NULL)
    {
      g_autoptr (HyphaQuestion) question = g_object_ref (call->question);
      g_autoptr (GError) error = NULL;

      hypha_shares_take (asker->desk->open, asker->share, 1);
      hypha_question_set_func (question, hypha_asker_answered, asker);

      /* A host may have answered it already, or ended its client. */
      if (hypha_question_desk_show (asker->desk, question, &error) ||
          !hypha_question_is_open (question))
        return;

      hypha_shares_give_back (asker->desk->open, asker->share, 1);
      g_queue_pop_head (&asker->calls);
      hypha_invocation_return_error (call->invocation, g_steal_pointer (&error));
      hypha_asker_call_free (call);
    }
}

/* What is common to all: who asks, and whether it may. NULL with the invocation answered. */
static HyphaAsker *
hypha_question_desk_begin (HyphaQuestionDesk  *self,
                           HyphaInvocation    *invocation,
                           HyphaPeer         **caller)
{
  g_autoptr (GError) error = NULL;
  HyphaAsker *asker = NULL;

  *caller = hypha_manager_get_caller (self->manager, invocation);
  if (*caller == NULL)
    return NULL;

  if (!hypha_question_desk_has_host (self))
    hypha_question_desk_fail_no_host (&error);
  else if (hypha_user_info_is_anonymous (hypha_peer_get_user (*caller)))
    g_set_error_literal (&error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                         "Permission denied: anonymous users cannot open dialogs on this machine; "
                         "connect with a token");
  else
    asker = hypha_question_desk_ensure (self, *caller);

  if (asker == NULL)
    hypha_invocation_return_error (invocation, g_steal_pointer (&error));
  return asker;
}

/* Asks, after what the client has asked before; its answer is the person's. */
static void
hypha_question_desk_ask (HyphaQuestionDesk *self,
                         HyphaInvocation   *invocation,
                         HyphaQuestionKind  kind)
{
  HyphaPeer *caller;
  HyphaAsker *asker = hypha_question_desk_begin (self, invocation, &caller);
  g_autoptr (GVariant) msg = hypha_invocation_dup_arg (invocation, 0, "msg");
  g_autoptr (GVariant) proposed = hypha_invocation_dup_arg (invocation, 1, "default_value");
  g_autofree char *text = hypha_log_methods_render (msg);
  g_autofree char *default_text = NULL;
  g_autoptr (GError) error = NULL;
  HyphaAskerCall *call;

  if (asker == NULL)
    return;

  if (!hypha_question_desk_admit (self, caller, asker, &error))
    {
      hypha_invocation_return_error (invocation, g_steal_pointer (&error));
      return;
    }

  call = g_new0 (HyphaAskerCall, 1);
  call->asker = asker;
  call->invocation = hypha_invocation_ref (invocation);
  call->question = hypha_question_new (kind, hypha_peer_get_id (caller), text);
  if (kind == HYPHA_QUESTION_PROMPT && proposed != NULL)
    {
      default_text = hypha_log_methods_render (proposed);
      hypha_question_set_default_text (call->question, default_text);
    }

  g_queue_push_tail (&asker->calls, call);
  if (g_queue_get_length (&asker->calls) == 1)
    hypha_asker_show_next (asker);
}

static void
hypha_question_desk_alert (HyphaInvocation *invocation,
                           gpointer         data)
{
  hypha_question_desk_ask (data, invocation, HYPHA_QUESTION_ALERT);
}

static void
hypha_question_desk_confirm (HyphaInvocation *invocation,
                             gpointer         data)
{
  hypha_question_desk_ask (data, invocation, HYPHA_QUESTION_CONFIRM);
}

static void
hypha_question_desk_prompt (HyphaInvocation *invocation,
                            gpointer         data)
{
  hypha_question_desk_ask (data, invocation, HYPHA_QUESTION_PROMPT);
}

static void
hypha_question_desk_answer (HyphaInvocation *invocation,
                            GError          *error)
{
  if (error != NULL)
    hypha_invocation_return_error (invocation, error);
  else
    hypha_invocation_return_null (invocation);
}

/* News that nobody can be shown goes into the log: whoever sent it waits for nothing. */
static gboolean
hypha_question_desk_log_news (HyphaQuestionDesk *self,
                              HyphaInvocation   *invocation,
                              const char        *name)
{
  HyphaPeer *caller;
  g_autoptr (GVariant) value = NULL;
  g_autofree char *text = NULL;
  g_autofree char *line = NULL;

  if (hypha_question_desk_has_host (self))
    return FALSE;

  caller = hypha_manager_get_caller (self->manager, invocation);
  if (caller == NULL)
    return TRUE;

  value = hypha_invocation_dup_arg (invocation, 0, name);
  text = hypha_log_methods_render (value);
  line = hypha_error_quote (text);
  if (hypha_router_may_log (hypha_manager_get_router (self->manager), caller))
    g_info ("%s: %s: %s", hypha_peer_get_id (caller), name, line);
  hypha_invocation_return_null (invocation);
  return TRUE;
}

/* Nobody waits for a message to be read. */
static void
hypha_question_desk_show_message (HyphaInvocation *invocation,
                                  gpointer         data)
{
  HyphaQuestionDesk *self = data;
  HyphaPeer *caller;
  HyphaAsker *asker;
  g_autoptr (GVariant) msg = NULL;
  g_autofree char *text = NULL;
  g_autoptr (HyphaQuestion) question = NULL;
  g_autoptr (GError) error = NULL;

  if (hypha_question_desk_log_news (self, invocation, "msg"))
    return;

  asker = hypha_question_desk_begin (self, invocation, &caller);
  if (asker == NULL)
    return;

  msg = hypha_invocation_dup_arg (invocation, 0, "msg");
  text = hypha_log_methods_render (msg);
  question = hypha_question_new (HYPHA_QUESTION_MESSAGE, hypha_peer_get_id (caller), text);
  if (hypha_question_desk_admit (self, caller, asker, &error))
    hypha_question_desk_show (self, question, &error);
  hypha_question_desk_answer (invocation, g_steal_pointer (&error));
}

static gboolean
hypha_question_desk_take_percent (HyphaInvocation  *invocation,
                                  double           *percent,
                                  GError          **error)
{
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, 0, "progress");

  *percent = NAN;
  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE))
    *percent = g_variant_get_double (value);
  else if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    *percent = (double) g_variant_get_int64 (value);

  if (*percent >= 0 && *percent <= 100)
    return TRUE;

  g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                       "progress must be a number from 0 to 100");
  return FALSE;
}

/* One bar of a client, which moves until it is at its end; a bar that was taken away stays so. */
static void
hypha_question_desk_set_progress (HyphaQuestionDesk  *self,
                                  HyphaPeer          *caller,
                                  HyphaAsker         *asker,
                                  double              percent,
                                  GError            **error)
{
  g_autoptr (HyphaAsker) hold = g_rc_box_acquire (asker);

  if (asker->progress == NULL)
    {
      g_autoptr (HyphaQuestion) question = NULL;

      if (!hypha_question_desk_admit (self, caller, asker, error))
        return;

      question = hypha_question_new (HYPHA_QUESTION_PROGRESS, hypha_peer_get_id (caller), "");
      hypha_question_set_percent (question, percent);
      asker->progress = g_object_ref (question);
      if (!hypha_question_desk_show (self, question, error))
        g_clear_object (&asker->progress);
    }

  if (asker->progress == NULL)
    return;

  hypha_question_set_percent (asker->progress, percent);
  if (percent < 100)
    return;

  hypha_question_close (asker->progress);
  g_clear_object (&asker->progress);
}

static void
hypha_question_desk_show_progress (HyphaInvocation *invocation,
                                   gpointer         data)
{
  HyphaQuestionDesk *self = data;
  HyphaPeer *caller;
  HyphaAsker *asker;
  g_autoptr (GError) error = NULL;
  double percent;

  if (hypha_question_desk_log_news (self, invocation, "progress"))
    return;

  asker = hypha_question_desk_begin (self, invocation, &caller);
  if (asker == NULL)
    return;

  if (hypha_question_desk_take_percent (invocation, &percent, &error))
    hypha_question_desk_set_progress (self, caller, asker, percent, &error);
  hypha_question_desk_answer (invocation, g_steal_pointer (&error));
}

static const HyphaServiceMethod question_methods[] = {
  { "alert", "msg?", "Shows a text to the person at this machine and waits until it is read.",
    hypha_question_desk_alert },
  { "confirm", "msg?", "Asks the person at this machine for a yes or no.",
    hypha_question_desk_confirm },
  { "prompt", "msg?, default_value?: string",
    "Asks the person at this machine for a text, or null.", hypha_question_desk_prompt },
  { "show_message", "msg?", "Shows a text to the person at this machine for a while.",
    hypha_question_desk_show_message },
  { "show_progress", "progress: number", "Shows how far something is, from 0 to 100.",
    hypha_question_desk_show_progress },
};

static void
hypha_question_desk_on_peer_detached (HyphaRouter       *router,
                                      HyphaPeer         *peer,
                                      HyphaQuestionDesk *self)
{
  g_hash_table_remove (self->clients, hypha_peer_get_id (peer));
}

HyphaQuestionDesk *
hypha_question_desk_new (HyphaManager *manager)
{
  HyphaQuestionDesk *self = g_new0 (HyphaQuestionDesk, 1);

  self->manager = manager;
  self->clients = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, hypha_asker_leave);
  self->open = hypha_shares_new (HYPHA_QUESTION_DESK_MAX_OPEN, HYPHA_QUESTION_DESK_MAX_OPEN_SHARE);
  hypha_manager_add_methods (manager, question_methods, G_N_ELEMENTS (question_methods), self);
  g_signal_connect (hypha_manager_get_router (manager), "peer-detached",
                    G_CALLBACK (hypha_question_desk_on_peer_detached), self);
  return self;
}

void
hypha_question_desk_free (HyphaQuestionDesk *self)
{
  g_signal_handlers_disconnect_by_data (hypha_manager_get_router (self->manager), self);
  g_hash_table_unref (self->clients);
  hypha_shares_free (self->open);
  g_free (self);
}

void
hypha_question_desk_set_host (HyphaQuestionDesk       *self,
                              const HyphaQuestionHost *host,
                              gpointer                 data)
{
  self->host = host;
  self->host_data = data;
}
