/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-shares-private.h"
#include "test-utils.h"

/* Takes all that the account gets, and says how many that were. */
static guint
take_all (HyphaShares *shares,
          const char  *account)
{
  guint n = 0;

  for (; hypha_shares_has_room (shares, account, 1); n++)
    hypha_shares_take (shares, account, 1);

  return n;
}

static void
test_account (void)
{
  g_autoptr (HyphaShares) shares = hypha_shares_new (100, 25);

  g_assert_cmpuint (take_all (shares, "a"), ==, 25);
  g_assert_cmpuint (hypha_shares_get_n_of (shares, "a"), ==, 25);
  g_assert_cmpuint (hypha_shares_get_n_of (shares, "b"), ==, 0);

  hypha_shares_give_back (shares, "a", 1);
  g_assert_cmpuint (take_all (shares, "a"), ==, 1);
}

/* The more are greedy, the less each of them gets; a newcomer gets something to the last place. */
static void
test_newcomers (void)
{
  g_autoptr (HyphaShares) shares = hypha_shares_new (64, 64);

  g_assert_cmpuint (take_all (shares, "a"), ==, 32);
  g_assert_cmpuint (take_all (shares, "b"), ==, 16);
  g_assert_cmpuint (take_all (shares, "c"), ==, 8);
  g_assert_cmpuint (take_all (shares, "d"), ==, 4);
  g_assert_cmpuint (take_all (shares, "e"), ==, 2);
  g_assert_cmpuint (take_all (shares, "f"), ==, 1);
  g_assert_cmpuint (take_all (shares, "g"), ==, 1);
  g_assert_cmpuint (hypha_shares_get_n (shares), ==, 64);
  g_assert_false (hypha_shares_has_room (shares, "h", 1));

  /* What is given back is first of all for those who have least. */
  hypha_shares_give_back (shares, "a", 1);
  g_assert_false (hypha_shares_has_room (shares, "a", 1));
  g_assert_false (hypha_shares_has_room (shares, "g", 1));
  g_assert_true (hypha_shares_has_room (shares, "h", 1));
}

static void
test_forgets (void)
{
  g_autoptr (HyphaShares) shares = hypha_shares_new (2, 2);

  hypha_shares_take (shares, "a", 1);
  hypha_shares_take (shares, "a", 1);
  hypha_shares_give_back (shares, "a", 1);
  hypha_shares_give_back (shares, "a", 1);
  g_assert_cmpuint (hypha_shares_get_n (shares), ==, 0);
  g_assert_cmpuint (hypha_shares_get_n_of (shares, "a"), ==, 0);
}

/* Of bytes a part is no use: all of them fit, or none. */
static void
test_bytes (void)
{
  g_autoptr (HyphaShares) shares = hypha_shares_new (100, 60);

  g_assert_true (hypha_shares_has_room (shares, "a", 60));
  g_assert_false (hypha_shares_has_room (shares, "a", 61));
  g_assert_false (hypha_shares_has_room (shares, "a", G_MAXSIZE));
  hypha_shares_take (shares, "a", 40);
  g_assert_true (hypha_shares_has_room (shares, "a", 20));
  g_assert_false (hypha_shares_has_room (shares, "a", 21));
  g_assert_true (hypha_shares_has_room (shares, "b", 60));
  hypha_shares_take (shares, "a", 30);
  g_assert_false (hypha_shares_has_room (shares, "a", 0));
  g_assert_true (hypha_shares_has_room (shares, "b", 30));
  g_assert_false (hypha_shares_has_room (shares, "b", 31));
  hypha_shares_give_back (shares, "a", 70);
  g_assert_cmpuint (hypha_shares_get_n (shares), ==, 0);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/shares/account", test_account);
  g_test_add_func ("/base/shares/newcomers", test_newcomers);
  g_test_add_func ("/base/shares/forgets", test_forgets);
  g_test_add_func ("/base/shares/bytes", test_bytes);
  return g_test_run ();
}
