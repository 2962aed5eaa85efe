/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "test-pair.h"
#include "test-utils.h"

Pair *
pair_new (void)
{
  static const char *const ids[][2] = { { "ws-a", "one" }, { "ws-b", "two" }, { "ws-b", "three" } };
  g_autoptr (HyphaUserInfo) user = hypha_user_info_new_root ();
  Pair *pair = g_new0 (Pair, 1);

  pair->router = hypha_router_new ();
  for (guint i = 0; i < G_N_ELEMENTS (ids); i++)
    pair->clients[i] = hypha_local_client_new (pair->router, ids[i][0], ids[i][1], user,
                                               "http://127.0.0.1:9527");
  pair->one = hypha_local_client_get_rpc (pair->clients[0]);
  pair->two = hypha_local_client_get_rpc (pair->clients[1]);
  pair->three = hypha_local_client_get_rpc (pair->clients[2]);
  return pair;
}

/* One of the clients goes. */
void
pair_drop (Pair  *pair,
           guint  client)
{
  g_clear_pointer (&pair->clients[client], hypha_local_client_free);
}

void
pair_free (Pair *pair)
{
  for (guint i = 0; i < G_N_ELEMENTS (pair->clients); i++)
    pair_drop (pair, i);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_finalize_object (pair->router);
  g_free (pair);
}

static gboolean
is_clean (gpointer data)
{
  Pair *pair = data;
  guint n = 0;

  for (guint i = 0; i < G_N_ELEMENTS (pair->clients); i++)
    {
      HyphaRpc *rpc;

      if (pair->clients[i] == NULL)
        continue;

      rpc = hypha_local_client_get_rpc (pair->clients[i]);
      n += hypha_rpc_get_n_pending (rpc) + hypha_rpc_get_n_serving (rpc) +
           hypha_rpc_get_n_sessions (rpc);
    }

  return n == 0;
}

/* Nothing is left behind, or not for long. */
void
pair_assert_clean (Pair *pair)
{
  g_assert_true (test_wait (is_clean, pair));
}

/* text is what g_variant_parse() takes. */
void
pair_assert_value (GVariant   *value,
                   const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) expected = g_variant_parse (NULL, text, NULL, NULL, &error);
  g_autofree char *found = NULL;

  g_assert_no_error (error);
  g_assert_nonnull (value);
  if (g_variant_equal (value, expected))
    return;

  found = g_variant_print (value, TRUE);
  g_assert_cmpstr (found, ==, text);
}

void
outcome_clear (Outcome *outcome)
{
  g_clear_pointer (&outcome->value, g_variant_unref);
  g_clear_error (&outcome->error);
  outcome->done = FALSE;
}

/* Ends any call whose result is a task with a value. */
void
outcome_taken (GObject      *source,
               GAsyncResult *result,
               gpointer      data)
{
  Outcome *outcome = data;

  g_assert_false (outcome->done);
  outcome->value = g_task_propagate_pointer (G_TASK (result), &outcome->error);
  outcome->done = TRUE;
}

GVariant *
pair_request (HyphaRpc              *rpc,
              const char            *target,
              const char            *method,
              const HyphaRpcRequest *request,
              GError               **error)
{
  Outcome outcome = { 0 };

  hypha_rpc_request_async (rpc, target, method, request, NULL, outcome_taken, &outcome);
  g_assert_true (test_wait_flag (&outcome.done));
  if (outcome.error != NULL)
    g_propagate_error (error, outcome.error);
  return outcome.value;
}

GVariant *
pair_call (HyphaRpc    *rpc,
           const char  *target,
           const char  *method,
           GVariant    *args,
           GError     **error)
{
  const HyphaRpcRequest request = { .args = args };

  return pair_request (rpc, target, method, &request, error);
}
