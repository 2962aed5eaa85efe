/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-peer-private.h"
#include "hypha-selection-private.h"
#include "hypha-session-private.h"

/* The candidates are being asked. */
typedef struct
{
  HyphaSelectionMode  mode;
  HyphaShares        *asked;       /* the manager's */
  char               *account;     /* whose share of it the questions take */
  GPtrArray          *candidates;  /* of HyphaServiceInfo; the best one is put first */
  GCancellable       *cancellable;
  gulong              chained;
  GCancellable       *outer;       /* the caller's; may be NULL */
  guint               n_waiting;
  HyphaServiceInfo   *best;        /* borrowed from candidates */
  double              best_value;
  gboolean            done;
} HyphaChoice;

typedef struct
{
  GTask            *task;
  HyphaServiceInfo *info;
} HyphaChoiceCall;

static void
hypha_choice_free (gpointer data)
{
  HyphaChoice *choice = data;

  g_cancellable_disconnect (choice->outer, choice->chained);
  g_clear_object (&choice->outer);
  g_object_unref (choice->cancellable);
  g_ptr_array_unref (choice->candidates);
  g_free (choice->account);
  g_free (choice);
}

void
hypha_selection_clear (HyphaSelection *self)
{
  g_clear_pointer (&self->function, g_free);
}

static gboolean
hypha_selection_is_path (const char *path)
{
  if (*path == '\0' || strlen (path) > HYPHA_ADDRESS_MAX_NAME)
    return FALSE;

  for (const char *p = path; *p != '\0'; p++)
    {
      if (!g_ascii_isalnum (*p) && strchr ("_.-", *p) == NULL)
        return FALSE;
    }

  return TRUE;
}

/* “select:criteria:function” */
static gboolean
hypha_selection_parse_select (HyphaSelection  *self,
                              const char      *mode,
                              GError         **error)
{
  g_auto (GStrv) parts = g_strsplit (mode, ":", -1);
  g_autofree char *quoted = NULL;

  if (g_strv_length (parts) != 3 || !hypha_selection_is_path (parts[2]))
    {
      quoted = hypha_error_quote (mode);
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                   "Invalid select mode format: %s. Expected 'select:criteria:function'", quoted);
      return FALSE;
    }

  if (g_str_equal (parts[1], "min"))
    self->mode = HYPHA_SELECTION_MIN;
  else if (g_str_equal (parts[1], "max"))
    self->mode = HYPHA_SELECTION_MAX;
  else if (g_str_equal (parts[1], "first_success"))
    self->mode = HYPHA_SELECTION_SUCCESS;
  else
    {
      quoted = hypha_error_quote (parts[1]);
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                   "Unknown selection criteria: %s", quoted);
      return FALSE;
    }

  g_free (self->function);
  self->function = g_strdup (parts[2]);
  return TRUE;
}

/* A mode that nobody knows is the usual one. */
gboolean
hypha_selection_parse (HyphaSelection  *self,
                       const char      *mode,
                       GError         **error)
{
  static const struct
  {
    const char         *name;
    HyphaSelectionMode  mode;
  } names[] = {
    { "last", HYPHA_SELECTION_LAST },
    { "random", HYPHA_SELECTION_RANDOM },
    { "native:random", HYPHA_SELECTION_RANDOM },
    { "exact", HYPHA_SELECTION_EXACT },
    { "min_load", HYPHA_SELECTION_MIN_LOAD },
  };

  if (g_str_has_prefix (mode, "select:"))
    return hypha_selection_parse_select (self, mode, error);

  self->mode = HYPHA_SELECTION_FIRST;
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      if (g_str_equal (mode, names[i].name))
        self->mode = names[i].mode;
    }

  return TRUE;
}

static void
hypha_selection_swap (gpointer *items,
                      guint     i,
                      guint     j)
{
  gpointer item = items[i];

  items[i] = items[j];
  items[j] = item;
}

/* Orders candidates of equal right by what needs no asking. */
void
hypha_selection_order (const HyphaSelection *self,
                       gpointer             *items,
                       guint                 n_items)
{
  for (guint i = 0; self->mode == HYPHA_SELECTION_LAST && i < n_items / 2; i++)
    hypha_selection_swap (items, i, n_items - 1 - i);

  for (guint i = n_items; self->mode == HYPHA_SELECTION_RANDOM && i > 1; i--)
    hypha_selection_swap (items, i - 1, (guint) g_random_int_range (0, (gint32) i));
}

static void
hypha_choice_put_first (HyphaChoice      *choice,
                        HyphaServiceInfo *best)
{
  guint position = 0;

  if (best == NULL || !g_ptr_array_find (choice->candidates, best, &position))
    return;

  for (; position > 0; position--)
    hypha_selection_swap (choice->candidates->pdata, position, position - 1);
}

static void
hypha_selection_choose_min_load (HyphaChoice *choice,
                                 HyphaRouter *router)
{
  for (guint i = 0; i < choice->candidates->len; i++)
    {
      HyphaServiceInfo *info = g_ptr_array_index (choice->candidates, i);
      g_autofree char *id = g_strconcat (hypha_service_info_get_workspace (info), "/",
                                         hypha_service_info_get_client (info), NULL);
      HyphaPeer *peer = hypha_router_lookup (router, id);
      double load = peer != NULL ? hypha_peer_get_load (peer) : 0;

      if (choice->best == NULL || load < choice->best_value)
        {
          choice->best = info;
          choice->best_value = load;
        }
    }

  hypha_choice_put_first (choice, choice->best);
}

static gboolean
hypha_choice_is_better (HyphaChoice *choice,
                        GVariant    *answer)
{
  double value;

  if (choice->mode == HYPHA_SELECTION_SUCCESS)
    return choice->best == NULL;

  if (g_variant_is_of_type (answer, G_VARIANT_TYPE_DOUBLE))
    value = g_variant_get_double (answer);
  else if (g_variant_is_of_type (answer, G_VARIANT_TYPE_INT64))
    value = (double) g_variant_get_int64 (answer);
  else
    return FALSE;

  if (choice->best != NULL && !(choice->mode == HYPHA_SELECTION_MIN ? value < choice->best_value :
                                                                      value > choice->best_value))
    return FALSE;

  choice->best_value = value;
  return TRUE;
}

/* If nobody has given a useful answer, chance decides. */
static void
hypha_choice_end (HyphaChoice *choice,
                  GTask       *task)
{
  const HyphaSelection random = { .mode = HYPHA_SELECTION_RANDOM };

  choice->done = TRUE;
  if (choice->best != NULL)
    hypha_choice_put_first (choice, choice->best);
  else
    hypha_selection_order (&random, choice->candidates->pdata, choice->candidates->len);

  g_cancellable_cancel (choice->cancellable);
  g_task_return_boolean (task, TRUE);
}

static void
hypha_choice_answered (GObject      *source,
                       GAsyncResult *result,
                       gpointer      data)
{
  HyphaChoiceCall *call = data;
  g_autoptr (GTask) task = call->task;
  HyphaChoice *choice = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = hypha_rpc_call_finish (HYPHA_RPC (source), result, &error);

  if (answer != NULL && !choice->done && hypha_choice_is_better (choice, answer))
    choice->best = call->info;

  hypha_shares_give_back (choice->asked, choice->account, 1);
  choice->n_waiting--;
  if (!choice->done && (choice->n_waiting == 0 || (choice->mode == HYPHA_SELECTION_SUCCESS &&
                                                   choice->best != NULL)))
    hypha_choice_end (choice, task);
  g_free (call);
}

/*
 * The manager calls in its own name, which every provider trusts. So only services of the caller's
 * own workspace are asked: elsewhere a public service would take a stranger's wish for ours.
 */
static void
hypha_choice_ask (GTask      *task,
                  HyphaRpc   *rpc,
                  const char *workspace,
                  const char *function,
                  guint       timeout)
{
  HyphaChoice *choice = g_task_get_task_data (task);
  GPtrArray *candidates = choice->candidates;

  for (guint i = 0; i < candidates->len && choice->n_waiting < HYPHA_SELECTION_MAX_ASKED; i++)
    {
      HyphaServiceInfo *info = g_ptr_array_index (candidates, i);
      g_autofree char *provider = NULL;
      g_autofree char *method = NULL;
      const HyphaRpcRequest request = { .timeout = timeout, .firm = TRUE };
      HyphaChoiceCall *call;

      if (!g_str_equal (hypha_service_info_get_workspace (info), workspace) ||
          !hypha_shares_has_room (choice->asked, choice->account, 1))
        continue;

      provider = g_strconcat (workspace, "/", hypha_service_info_get_client (info), NULL);
      method = g_strdup_printf ("services.%s.%s", hypha_service_info_get_service (info), function);
      call = g_new0 (HyphaChoiceCall, 1);
      call->task = g_object_ref (task);
      call->info = info;
      choice->n_waiting++;
      hypha_shares_take (choice->asked, choice->account, 1);
      hypha_rpc_request_async (rpc, provider, method, &request, choice->cancellable,
                               hypha_choice_answered, call);
    }

  if (choice->n_waiting == 0)
    hypha_choice_end (choice, task);
}

static void
hypha_choice_on_cancelled (GCancellable *outer,
                           gpointer      data)
{
  g_cancellable_cancel (data);
}

/*
 * Puts the candidate that is wanted first; the others follow as they were. user is the caller, and
 * workspace where it is a member, or NULL. A caller that asks too many at once gets fewer asked.
 */
void
hypha_selection_choose_async (const HyphaSelection *self,
                              HyphaManager         *manager,
                              HyphaUserInfo        *user,
                              const char           *workspace,
                              GPtrArray            *candidates,
                              GCancellable         *cancellable,
                              GAsyncReadyCallback   callback,
                              gpointer              user_data)
{
  g_autoptr (GTask) task = g_task_new (manager, NULL, callback, user_data);
  HyphaChoice *choice = g_new0 (HyphaChoice, 1);

  g_task_set_source_tag (task, hypha_selection_choose_async);
  choice->mode = self->mode;
  choice->asked = hypha_manager_get_asked (manager);
  choice->account = g_strdup (hypha_user_info_get_account (user));
  choice->candidates = g_ptr_array_ref (candidates);
  choice->cancellable = g_cancellable_new ();
  g_task_set_task_data (task, choice, hypha_choice_free);

  if (candidates->len > 1 && self->mode == HYPHA_SELECTION_MIN_LOAD)
    hypha_selection_choose_min_load (choice, hypha_manager_get_router (manager));

  if (candidates->len <= 1 || self->mode < HYPHA_SELECTION_MIN || workspace == NULL)
    {
      g_task_return_boolean (task, TRUE);
      return;
    }

  if (cancellable != NULL)
    {
      choice->outer = g_object_ref (cancellable);
      choice->chained = g_cancellable_connect (cancellable, G_CALLBACK (hypha_choice_on_cancelled),
                                               g_object_ref (choice->cancellable), g_object_unref);
    }

  hypha_choice_ask (task, hypha_manager_get_rpc (manager), workspace, self->function,
                    self->timeout > 0 ? self->timeout : HYPHA_SELECTION_TIMEOUT);
}

void
hypha_selection_choose_finish (GAsyncResult *result)
{
  g_task_propagate_boolean (G_TASK (result), NULL);
}
