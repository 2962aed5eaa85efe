/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-shares-private.h"

struct _HyphaShares
{
  guint       n_refs;
  GHashTable *accounts;    /* name → how many places it holds, never 0 */
  gsize       max;
  gsize       max_account;
  gsize       n;
};

HyphaShares *
hypha_shares_new (gsize max,
                  gsize max_account)
{
  HyphaShares *self = g_new0 (HyphaShares, 1);

  self->accounts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->n_refs = 1;
  self->max = max;
  self->max_account = max_account;
  return self;
}

/* For another place that shares the same out; each of them frees it. */
HyphaShares *
hypha_shares_ref (HyphaShares *self)
{
  self->n_refs++;
  return self;
}

void
hypha_shares_free (HyphaShares *self)
{
  if (--self->n_refs > 0)
    return;

  g_hash_table_unref (self->accounts);
  g_free (self);
}

gsize
hypha_shares_get_n (HyphaShares *self)
{
  return self->n;
}

gsize
hypha_shares_get_n_of (HyphaShares *self,
                       const char  *account)
{
  return GPOINTER_TO_SIZE (g_hash_table_lookup (self->accounts, account));
}

/* May this account have n places more? */
gboolean
hypha_shares_has_room (HyphaShares *self,
                       const char  *account,
                       gsize        n)
{
  gsize n_free = self->n < self->max ? self->max - self->n : 0;
  gsize limit = MIN (self->max_account, n_free);
  gsize held = hypha_shares_get_n_of (self, account);

  return held <= limit && n <= limit - held;
}

static void
hypha_shares_set_n_of (HyphaShares *self,
                       const char  *account,
                       gsize        n)
{
  if (n == 0)
    g_hash_table_remove (self->accounts, account);
  else
    g_hash_table_insert (self->accounts, g_strdup (account), GSIZE_TO_POINTER (n));
}

/* The account holds n places more, whether there was room or not. */
void
hypha_shares_take (HyphaShares *self,
                   const char  *account,
                   gsize        n)
{
  hypha_shares_set_n_of (self, account, hypha_shares_get_n_of (self, account) + n);
  self->n += n;
}

void
hypha_shares_give_back (HyphaShares *self,
                        const char  *account,
                        gsize        n)
{
  gsize held = hypha_shares_get_n_of (self, account);

  g_return_if_fail (n <= held);

  hypha_shares_set_n_of (self, account, held - n);
  self->n -= n;
}

/* Nobody holds any more. */
void
hypha_shares_clear (HyphaShares *self)
{
  g_hash_table_remove_all (self->accounts);
  self->n = 0;
}
