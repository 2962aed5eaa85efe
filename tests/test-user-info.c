/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-user-info-private.h"
#include "test-utils.h"

#define N_NEEDS (HYPHA_NEED_ADMIN + 1)

/* What a user of workspace own may do in target: a letter for each need, in their order. */
typedef struct
{
  const char *name;
  const char *user;    /* root, anonymous, or scopes of a token */
  const char *own;
  const char *target;
  const char *may;     /* of “CMRBGWA”, those that are allowed */
} Case;

static const Case cases[] = {
  { "root", "root", "default", "ws-a", "CMRBGWA" },
  { "anonymous-own", "anonymous", "anonymous-1", "anonymous-1", "CMRBGW" },
  { "anonymous-public", "anonymous", "public", "public", "C" },
  { "anonymous-to-public", "anonymous", "anonymous-1", "public", "C" },
  { "anonymous-other", "anonymous", "anonymous-1", "ws-a", "" },
  { "member", "", "ws-a", "ws-a", "CMRBGW" },
  { "stranger", "", "ws-a", "ws-b", "" },
  { "stranger-to-public", "", "ws-a", "public", "" },
  { "in-public", "", "public", "public", "CMRBW" },
  { "in-default", "", "default", "default", "CMRBW" },
  { "reader", "ws:ws-a#r", "ws-a", "ws-a", "CMR" },
  { "writer", "ws:ws-a#rw", "ws-a", "ws-a", "CMRBGW" },
  { "admin", "ws:ws-a#a", "ws-a", "ws-a", "CMRBGWA" },
  { "reader-elsewhere", "ws:ws-b#r", "ws-a", "ws-b", "CR" },
  { "writer-elsewhere", "ws:ws-b#rw", "ws-a", "ws-b", "CRW" },
  { "admin-elsewhere", "x ws:ws-b#a", "ws-a", "ws-b", "CRWA" },
  { "first-word-counts", "ws:ws-a#r ws:ws-a#a", "ws-a", "ws-a", "CMR" },
  { "other-name", "ws:ws-b2#a ws:ws#a ws:#a ws:ws-b", "ws-a", "ws-b", "" },
  { "no-such-level", "ws:ws-b#x ws:ws-b#rwa ws:ws-b#", "ws-a", "ws-b", "" },
  { "owner", "owner", "ws-a", "mine", "CRWA" },
  { "owner-inside", "owner", "mine", "mine", "CMRBGWA" },
  { "owner-with-less", "owner ws:mine#r", "mine", "mine", "CMR" },
  { "owner-elsewhere", "owner", "ws-a", "ws-b", "" },
  { "delegate-of-owner", "owner delegate", "ws-a", "mine", "" },
  { "delegate-with-word", "owner delegate ws:mine#a", "ws-a", "mine", "CRWA" },
  { "word-too-old", "ws:anew#a", "ws-a", "anew", "" },
  { "delegate-word-too-old", "delegate ws:anew#a", "ws-a", "anew", "" },
  { "word-too-old-inside", "ws:anew#r", "anew", "anew", "CM" },
  { "word-that-nobody-judges", "nobody ws:ws-b#a", "ws-a", "ws-b", "" },
};

static gboolean
owns (HyphaUserInfo *user,
      const char    *workspace,
      gpointer       data)
{
  return g_strv_contains (hypha_user_info_get_scopes (user), "owner") &&
         g_str_equal (workspace, "mine");
}

static gboolean
trusts (HyphaUserInfo *user,
        const char    *workspace,
        gpointer       data)
{
  return !g_str_equal (workspace, "anew");
}

static HyphaUserInfo *
make_user (const char *what)
{
  static const HyphaUserJudge judge = { owns, trusts };
  g_auto (GStrv) scopes = g_strsplit (what, " ", -1);
  HyphaUserInfo *user;

  if (g_str_equal (what, "root"))
    return hypha_user_info_new_root ();

  if (g_str_equal (what, "anonymous"))
    return hypha_user_info_new_anonymous ();

  user = hypha_user_info_new ("alice", NULL, NULL, (const char *const *) scopes, 0, FALSE);
  if (!g_str_has_prefix (what, "nobody"))
    hypha_user_info_set_judge (user, &judge, NULL, NULL);
  if (strstr (what, "delegate") != NULL)
    hypha_user_info_set_delegated (user);
  return user;
}

static void
test_user_info_may (gconstpointer data)
{
  static const char letters[] = "CMRBGWA";
  const Case *row = data;
  g_autoptr (HyphaUserInfo) user = make_user (row->user);
  g_autoptr (GString) may = g_string_new (NULL);

  G_STATIC_ASSERT (sizeof letters == N_NEEDS + 1);
  for (guint need = 0; need < N_NEEDS; need++)
    {
      if (hypha_user_info_may (user, row->own, (HyphaNeed) need, row->target))
        g_string_append_c (may, letters[need]);
    }

  g_assert_cmpstr (may->str, ==, row->may);
}

/* The context that services see has exactly these keys. */
static void
test_user_info_map (void)
{
  g_autoptr (HyphaUserInfo) user = hypha_user_info_new ("alice", "a@b", NULL, NULL, 7, FALSE);
  g_autoptr (GVariant) map = NULL;

  hypha_user_info_set_delegated (user);
  hypha_user_info_set_home (user, "ws-a");
  map = hypha_user_info_to_variant (user);
  g_assert_cmpuint (g_variant_n_children (map), ==, 6);
}

static void
test_user_info_lineage (void)
{
  static const char *const ancestors[] = { "parent", "grandparent", NULL };
  g_autoptr (HyphaUserInfo) user = hypha_user_info_new ("alice", NULL, NULL, NULL, 0, FALSE);

  g_assert_false (hypha_user_info_comes_from (user, "parent"));
  hypha_user_info_set_origin (user, "own", ancestors, 7);
  g_assert_true (hypha_user_info_comes_from (user, "own"));
  g_assert_true (hypha_user_info_comes_from (user, "grandparent"));
  g_assert_false (hypha_user_info_comes_from (user, "child"));
  g_assert_cmpstr (hypha_user_info_get_lineage (user)[0], ==, "own");
  g_assert_cmpint (hypha_user_info_get_origin_time (user), ==, 7);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strconcat ("/base/user-info/may/", cases[i].name, NULL);

      g_test_add_data_func (path, &cases[i], test_user_info_may);
    }

  g_test_add_func ("/base/user-info/map", test_user_info_map);
  g_test_add_func ("/base/user-info/lineage", test_user_info_lineage);
  return g_test_run ();
}
