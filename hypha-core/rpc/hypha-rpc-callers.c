/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-error.h"
#include "hypha-rpc-callers-private.h"
#include "hypha-shares-private.h"

/*
 * For whom a HyphaRpc is at work. Calls that are never answered must not keep out others, so each
 * level may take no more than what it leaves: a client as many as are free for its user, a user as
 * many as are free in all. However many are greedy together, whoever comes next finds room; the
 * more they are the less each has. All guests are one user.
 */
struct _HyphaRpcCallers
{
  HyphaShares *users;    /* calls by the id of the user */
  HyphaShares *memory;   /* bytes of their arguments, by the same */
  GHashTable  *callers;  /* client's absolute id → HyphaCaller */
};

typedef struct
{
  char       *account;
  GHashTable *calls;  /* GCancellable → bytes of its arguments */
  gsize       memory; /* of them all */
} HyphaCaller;

static void
hypha_caller_free (gpointer data)
{
  HyphaCaller *caller = data;

  g_hash_table_unref (caller->calls);
  g_free (caller->account);
  g_free (caller);
}

HyphaRpcCallers *
hypha_rpc_callers_new (void)
{
  HyphaRpcCallers *self = g_new0 (HyphaRpcCallers, 1);

  self->users = hypha_shares_new (HYPHA_RPC_MAX_SERVING, HYPHA_RPC_MAX_SERVING_USER);
  self->memory = hypha_shares_new (HYPHA_RPC_MAX_ARGUMENTS, HYPHA_RPC_MAX_ARGUMENTS_USER);
  self->callers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, hypha_caller_free);
  return self;
}

void
hypha_rpc_callers_free (HyphaRpcCallers *self)
{
  g_hash_table_unref (self->callers);
  hypha_shares_free (self->users);
  hypha_shares_free (self->memory);
  g_free (self);
}

/* To whose account a call goes; user is the stamped one, NULL where the core itself calls. */
const char *
hypha_rpc_callers_get_account (const char *caller,
                               GVariant   *user)
{
  gboolean anonymous = FALSE;
  const char *id = NULL;

  if (user == NULL || !g_variant_is_of_type (user, G_VARIANT_TYPE_VARDICT))
    return caller;

  g_variant_lookup (user, "is_anonymous", "b", &anonymous);
  g_variant_lookup (user, "id", "&s", &id);
  return anonymous ? HYPHA_SHARES_GUESTS : id != NULL ? id : caller;
}

/* Each client leaves as much of its account's share as it takes. */
static gboolean
hypha_rpc_callers_has_memory (HyphaRpcCallers    *self,
                              const HyphaCaller  *known,
                              const char         *account,
                              gsize               memory,
                              GError            **error)
{
  gsize own = known != NULL ? known->memory : 0;
  gsize left = HYPHA_RPC_MAX_ARGUMENTS_USER - hypha_shares_get_n_of (self->memory, account);

  if (own + memory <= left && hypha_shares_has_room (self->memory, account, memory))
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
               "The arguments of calls in service take %" G_GSIZE_FORMAT " bytes, %" G_GSIZE_FORMAT
               " of them those of %s; wait for answers, then try again",
               hypha_shares_get_n (self->memory), hypha_shares_get_n_of (self->memory, account),
               *account == '\0' ? "anonymous users" : "this user");
  return FALSE;
}

/* Whether one more call of this client, whose arguments take so much memory, may be served. */
gboolean
hypha_rpc_callers_has_room (HyphaRpcCallers  *self,
                            const char       *caller,
                            GVariant         *user,
                            gsize             memory,
                            GError          **error)
{
  const char *account = hypha_rpc_callers_get_account (caller, user);
  HyphaCaller *known = g_hash_table_lookup (self->callers, caller);
  guint own = known != NULL ? g_hash_table_size (known->calls) : 0;
  gsize of_user = hypha_shares_get_n_of (self->users, account);

  if (own < MIN (HYPHA_RPC_MAX_SERVING_CALLER, HYPHA_RPC_MAX_SERVING_USER - of_user) &&
      hypha_shares_has_room (self->users, account, 1))
    return hypha_rpc_callers_has_memory (self, known, account, memory, error);

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
               "Too many calls are in service: %" G_GSIZE_FORMAT ", %" G_GSIZE_FORMAT " of them of "
               "%s, %u of this client; wait for answers, then try again",
               hypha_shares_get_n (self->users), of_user,
               *account == '\0' ? "anonymous users" : "this user", own);
  return FALSE;
}

void
hypha_rpc_callers_add (HyphaRpcCallers *self,
                       const char      *caller,
                       GVariant        *user,
                       gsize            memory,
                       GCancellable    *cancellable)
{
  HyphaCaller *known = g_hash_table_lookup (self->callers, caller);

  if (known == NULL)
    {
      known = g_new0 (HyphaCaller, 1);
      known->account = g_strdup (hypha_rpc_callers_get_account (caller, user));
      known->calls = g_hash_table_new_full (NULL, NULL, g_object_unref, NULL);
      g_hash_table_insert (self->callers, g_strdup (caller), known);
    }

  g_hash_table_insert (known->calls, g_object_ref (cancellable), GSIZE_TO_POINTER (memory));
  hypha_shares_take (self->users, known->account, 1);
  hypha_shares_take (self->memory, known->account, memory);
  known->memory += memory;
}

void
hypha_rpc_callers_remove (HyphaRpcCallers *self,
                          const char      *caller,
                          GCancellable    *cancellable)
{
  HyphaCaller *known = g_hash_table_lookup (self->callers, caller);

  gpointer memory;

  if (known == NULL || !g_hash_table_lookup_extended (known->calls, cancellable, NULL, &memory))
    return;

  g_hash_table_remove (known->calls, cancellable);
  hypha_shares_give_back (self->users, known->account, 1);
  hypha_shares_give_back (self->memory, known->account, GPOINTER_TO_SIZE (memory));
  known->memory -= GPOINTER_TO_SIZE (memory);
  if (g_hash_table_size (known->calls) == 0)
    g_hash_table_remove (self->callers, caller);
}

static void
hypha_caller_add_to (HyphaCaller *caller,
                     GPtrArray   *cancellables)
{
  GHashTableIter iter;
  gpointer cancellable;

  g_hash_table_iter_init (&iter, caller->calls);
  while (g_hash_table_iter_next (&iter, &cancellable, NULL))
    g_ptr_array_add (cancellables, g_object_ref (cancellable));
}

/* What stops the calls of a client that are in service, or those of all where caller is NULL. */
GPtrArray *
hypha_rpc_callers_list (HyphaRpcCallers *self,
                        const char      *caller)
{
  GPtrArray *cancellables = g_ptr_array_new_with_free_func (g_object_unref);
  HyphaCaller *known = caller != NULL ? g_hash_table_lookup (self->callers, caller) : NULL;
  GHashTableIter iter;

  if (known != NULL)
    hypha_caller_add_to (known, cancellables);

  g_hash_table_iter_init (&iter, self->callers);
  while (caller == NULL && g_hash_table_iter_next (&iter, NULL, (gpointer *) &known))
    hypha_caller_add_to (known, cancellables);

  return cancellables;
}

guint
hypha_rpc_callers_get_size (HyphaRpcCallers *self)
{
  return hypha_shares_get_n (self->users);
}
