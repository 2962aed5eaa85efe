/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-workspaces-internal-private.h"

/* Whose a workspace is, and which tokens are good for it. */

/* The workspace of a token that names none: the user's own, whatever characters the id has. */
char *
hypha_workspaces_name_of_user (const char *user)
{
  g_autofree char *plain = g_strconcat (USER_PREFIX, user, NULL);
  g_autofree char *digest = NULL;

  if (hypha_address_is_name (plain))
    return g_steal_pointer (&plain);

  digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, user, -1);
  return g_strdup_printf (USER_PREFIX "%.32s", digest);
}

/* Is it the one that is named after the user? */
static gboolean
hypha_workspaces_is_of_user (const char *user,
                             const char *name)
{
  g_autofree char *own = NULL;

  if (g_str_equal (user, HYPHA_ADDRESS_ROOT_CLIENT) || !g_str_has_prefix (name, USER_PREFIX))
    return FALSE;

  own = hypha_workspaces_name_of_user (user);
  return g_str_equal (own, name);
}

/* “root” is nobody but this process, whatever a token says. */
gboolean
hypha_workspaces_owns (HyphaWorkspaces *self,
                       const char      *user,
                       const char      *name)
{
  HyphaWorkspace *workspace = g_hash_table_lookup (self->workspaces, name);

  if (g_str_equal (user, HYPHA_ADDRESS_ROOT_CLIENT) || (workspace != NULL && workspace->standing))
    return FALSE;

  return (workspace != NULL &&
          g_strv_contains ((const char *const *) workspace->owners, user)) ||
         hypha_workspaces_is_of_user (user, name);
}

/*
 * When something is made: microseconds since 1970, and never the same twice, so that a token and a
 * workspace have an order however fast one follows the other, and if the clock is set back.
 */
gint64
hypha_workspaces_get_time (HyphaWorkspaces *self)
{
  self->last_time = MAX (self->last_time + 1, g_get_real_time ());
  return self->last_time;
}

/*
 * Is the workspace still the one that a token of then was made for? Without this, whoever makes a
 * workspace under a name that others have tokens for would have their clients in it, and whoever
 * was an admin of the last one of that name would be of this. That somebody is named among its owners
 * does not do: it is its maker who names them. They get in by its name, not by what a token of then
 * says.
 */
gboolean
hypha_workspaces_trusts (HyphaWorkspaces *self,
                         const char      *name,
                         const char      *user,
                         gint64           origin_time)
{
  HyphaWorkspace *workspace = g_hash_table_lookup (self->workspaces, name);

  return workspace == NULL || !hypha_workspace_is_made (workspace) ||
         g_str_equal (workspace->maker, HYPHA_ADDRESS_ROOT_CLIENT) ||
         origin_time >= workspace->made_at || g_str_equal (workspace->maker, user) ||
         hypha_workspaces_is_of_user (user, name);
}

static gboolean
hypha_workspaces_judge_owner (HyphaUserInfo *user,
                              const char    *workspace,
                              gpointer       data)
{
  return hypha_workspaces_owns (data, hypha_user_info_get_id (user), workspace);
}

static gboolean
hypha_workspaces_judge_age (HyphaUserInfo *user,
                            const char    *workspace,
                            gpointer       data)
{
  return hypha_workspaces_trusts (data, workspace, hypha_user_info_get_id (user),
                                  hypha_user_info_get_origin_time (user));
}

/* Has a new user's rights asked here each time that they are used. */
void
hypha_workspaces_judge (HyphaWorkspaces *self,
                        HyphaUserInfo   *user)
{
  static const HyphaUserJudge judge = { hypha_workspaces_judge_owner, hypha_workspaces_judge_age };

  hypha_user_info_set_judge (user, &judge, g_object_ref (self), g_object_unref);
}
