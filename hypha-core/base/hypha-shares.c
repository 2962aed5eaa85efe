/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-shares-private.h"

struct _HyphaShares
{
  GHashTable *accounts;    /* name → how many places it holds, never 0 */
  guint       max;
  guint       max_account;
  guint       n;
};

HyphaShares *
hypha_shares_new (guint max,
                  guint max_account)
{
  HyphaShares *self = g_new0 (HyphaShares, 1);

  self->accounts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->max = max;
  self->max_account = max_account;
  return self;
}

void
hypha_shares_free (HyphaShares *self)
{
  g_hash_table_unref (self->accounts);
  g_free (self);
}

guint
hypha_shares_get_n (HyphaShares *self)
{
  return self->n;
}

guint
hypha_shares_get_n_of (HyphaShares *self,
                       const char  *account)
{
  return GPOINTER_TO_UINT (g_hash_table_lookup (self->accounts, account));
}

/* May this account have one place more? */
gboolean
hypha_shares_has_room (HyphaShares *self,
                       const char  *account)
{
  guint n_free = self->n < self->max ? self->max - self->n : 0;

  return hypha_shares_get_n_of (self, account) < MIN (self->max_account, n_free);
}

/* The account holds one place more, whether there was room or not. */
void
hypha_shares_take (HyphaShares *self,
                   const char  *account)
{
  guint n = hypha_shares_get_n_of (self, account);

  g_hash_table_insert (self->accounts, g_strdup (account), GUINT_TO_POINTER (n + 1));
  self->n++;
}

void
hypha_shares_give_back (HyphaShares *self,
                        const char  *account)
{
  guint n = hypha_shares_get_n_of (self, account);

  g_return_if_fail (n > 0);

  self->n--;
  if (n == 1)
    g_hash_table_remove (self->accounts, account);
  else
    g_hash_table_insert (self->accounts, g_strdup (account), GUINT_TO_POINTER (n - 1));
}
