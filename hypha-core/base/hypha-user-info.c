/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-address-private.h"
#include "hypha-shares-private.h"
#include "hypha-user-info-private.h"

struct _HyphaUserInfo
{
  char     *id;
  char     *email;
  char    **roles;
  char    **scopes;
  char     *bound;      /* the one client id that the user's token is good for; nullable */
  char     *home;       /* the token's own workspace, where the client is in another; nullable */
  char    **lineage;    /* ids of the user's token and of those that it was made with */
  const HyphaUserJudge *judge; /* nullable: owns nothing, and no word of a token counts */
  gpointer       judge_data;
  GDestroyNotify judge_destroy;
  gint64    expires_at;
  gint64    origin_time; /* when the token that it came with was made, in microseconds since 1970 */
  guint     anonymous : 1;
  guint     root : 1;
  guint     delegated : 1; /* by a token that another client made: never more than that says */
};

G_DEFINE_BOXED_TYPE (HyphaUserInfo, hypha_user_info, hypha_user_info_ref, hypha_user_info_unref)

static char **
hypha_user_info_copy_words (const char *const *words)
{
  static const char *const none[] = { NULL };

  return g_strdupv ((char **) (words != NULL ? words : none));
}

/* A user as a verified token names it; expires_at is in seconds since 1970, 0 for never. */
HyphaUserInfo *
hypha_user_info_new (const char        *id,
                     const char        *email,
                     const char *const *roles,
                     const char *const *scopes,
                     gint64             expires_at,
                     gboolean           anonymous)
{
  HyphaUserInfo *self = g_atomic_rc_box_new0 (HyphaUserInfo);

  self->id = g_strdup (id);
  self->email = g_strdup (email != NULL ? email : "");
  self->roles = hypha_user_info_copy_words (roles);
  self->scopes = hypha_user_info_copy_words (scopes);
  self->lineage = hypha_user_info_copy_words (NULL);
  self->expires_at = expires_at;
  self->anonymous = anonymous;
  return self;
}

/* A fresh anonymous user; its id is also the name of its own workspace. */
HyphaUserInfo *
hypha_user_info_new_anonymous (void)
{
  g_autofree char *uuid = g_uuid_string_random ();
  g_autofree char *id = g_strconcat ("anonymous-", uuid, NULL);

  return hypha_user_info_new (id, "anonymous@amun.ai", NULL, NULL, 0, TRUE);
}

/* The host program itself. There is no token for it: it exists in this process only. */
HyphaUserInfo *
hypha_user_info_new_root (void)
{
  static const char *const roles[] = { "admin", NULL };
  HyphaUserInfo *self;

  self = hypha_user_info_new ("root", "root@localhost", roles, NULL, 0, FALSE);
  self->root = TRUE;
  return self;
}

static void
hypha_user_info_free (gpointer data)
{
  HyphaUserInfo *self = data;

  g_free (self->id);
  g_free (self->email);
  g_strfreev (self->roles);
  g_strfreev (self->scopes);
  g_free (self->bound);
  g_free (self->home);
  g_strfreev (self->lineage);
  if (self->judge_destroy != NULL)
    self->judge_destroy (self->judge_data);
}

/* For whoever has just made it from a token that is good for one client only. */
void
hypha_user_info_bind (HyphaUserInfo *self,
                      const char    *client)
{
  g_free (self->bound);
  self->bound = g_strdup (client);
}

const char *
hypha_user_info_get_bound_client (HyphaUserInfo *self)
{
  return self->bound;
}

/* Who knows the workspaces that this user may have to do with; for whoever has just made it. */
void
hypha_user_info_set_judge (HyphaUserInfo        *self,
                           const HyphaUserJudge *judge,
                           gpointer              data,
                           GDestroyNotify        destroy)
{
  g_assert (self->judge == NULL);

  self->judge = judge;
  self->judge_data = data;
  self->judge_destroy = destroy;
}

/*
 * Which token the user is here with, those that it was made with, and when the first of them was
 * made, in microseconds since 1970; for the user's maker.
 */
void
hypha_user_info_set_origin (HyphaUserInfo     *self,
                            const char        *token_id,
                            const char *const *lineage,
                            gint64             time)
{
  g_autoptr (GStrvBuilder) all = g_strv_builder_new ();

  if (token_id != NULL)
    g_strv_builder_add (all, token_id);
  g_strv_builder_addv (all, (const char **) lineage);
  g_strfreev (self->lineage);
  self->lineage = g_strv_builder_end (all);
  self->origin_time = time;
}

gint64
hypha_user_info_get_origin_time (HyphaUserInfo *self)
{
  return self->origin_time;
}

/* The workspace that the user's token is for, where the client sits in another. */
void
hypha_user_info_set_home (HyphaUserInfo *self,
                          const char    *home)
{
  g_free (self->home);
  self->home = g_strdup (home);
}

const char *const *
hypha_user_info_get_lineage (HyphaUserInfo *self)
{
  return (const char *const *) self->lineage;
}

const char *
hypha_user_info_get_home (HyphaUserInfo *self)
{
  return self->home;
}

void
hypha_user_info_set_delegated (HyphaUserInfo *self)
{
  self->delegated = TRUE;
}

gboolean
hypha_user_info_is_delegated (HyphaUserInfo *self)
{
  return self->delegated;
}

/* Is the user here with this token, or with one that was made with it? */
gboolean
hypha_user_info_comes_from (HyphaUserInfo *self,
                            const char    *token_id)
{
  return g_strv_contains ((const char *const *) self->lineage, token_id);
}

gboolean
hypha_user_info_is_root (HyphaUserInfo *self)
{
  return self->root;
}

/* Whose share of what belongs to all it uses: its own, and that is one for all guests. */
const char *
hypha_user_info_get_account (HyphaUserInfo *self)
{
  return self->anonymous ? HYPHA_SHARES_GUESTS : self->id;
}

/*
 * Whether self has the rights of other, no more and no less, so that it may speak for it. A newer
 * token of the same user is as good; an older one may be from before a workspace was made anew.
 */
gboolean
hypha_user_info_has_rights_of (HyphaUserInfo *self,
                               HyphaUserInfo *other)
{
  return g_str_equal (self->id, other->id) && self->delegated == other->delegated &&
         g_strcmp0 (self->bound, other->bound) == 0 &&
         g_strcmp0 (self->home, other->home) == 0 && self->origin_time >= other->origin_time &&
         g_strv_equal ((const char *const *) self->roles, (const char *const *) other->roles) &&
         g_strv_equal ((const char *const *) self->scopes, (const char *const *) other->scopes);
}

/*
 * Whether self may have the address of other, and with it what is sent there: the user itself, but
 * nobody to whom it has given some of its rights.
 */
gboolean
hypha_user_info_may_succeed (HyphaUserInfo *self,
                             HyphaUserInfo *other)
{
  return hypha_user_info_has_rights_of (self, other) ||
         (g_str_equal (self->id, other->id) && !self->delegated &&
          (other->delegated || self->origin_time >= other->origin_time));
}

/* The map that receivers find as “user” in their context. */
GVariant *
hypha_user_info_to_variant (HyphaUserInfo *self)
{
  GVariantDict dict;
  GVariantBuilder roles;
  GVariantBuilder scopes;

  g_variant_builder_init (&roles, G_VARIANT_TYPE ("av"));
  for (char **p = self->roles; *p != NULL; p++)
    g_variant_builder_add (&roles, "v", g_variant_new_string (*p));

  g_variant_builder_init (&scopes, G_VARIANT_TYPE ("av"));
  for (char **p = self->scopes; *p != NULL; p++)
    g_variant_builder_add (&scopes, "v", g_variant_new_string (*p));

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "id", "s", self->id);
  g_variant_dict_insert (&dict, "is_anonymous", "b", self->anonymous);
  g_variant_dict_insert (&dict, "email", "s", self->email);
  g_variant_dict_insert_value (&dict, "roles", g_variant_builder_end (&roles));
  g_variant_dict_insert_value (&dict, "scopes", g_variant_builder_end (&scopes));
  if (self->expires_at > 0)
    g_variant_dict_insert (&dict, "expires_at", "x", self->expires_at);

  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

/* What “ws:NAME#r”, “#rw” or “#a” says of workspace; NONE where it is no such word. */
HyphaLevel
hypha_level_from_scope (const char *scope,
                        const char *workspace)
{
  gsize length = strlen (workspace);

  if (!g_str_has_prefix (scope, "ws:") || strncmp (scope + 3, workspace, length) != 0 ||
      scope[3 + length] != '#')
    return HYPHA_LEVEL_NONE;

  scope += 3 + length + 1;
  if (g_str_equal (scope, "a"))
    return HYPHA_LEVEL_ADMIN;
  if (g_str_equal (scope, "rw"))
    return HYPHA_LEVEL_WRITE;
  if (g_str_equal (scope, "r"))
    return HYPHA_LEVEL_READ;

  return HYPHA_LEVEL_NONE;
}

/* “r”, “rw” or “a”; NULL for NONE. */
const char *
hypha_level_to_word (HyphaLevel level)
{
  static const char *const words[] = { NULL, "r", "rw", "a" };

  return words[level];
}

/*
 * Whether workspace is the one still that the user's token is about. Tokens know names only, and a
 * name may have become somebody else's: nobody who does not know says yes.
 */
gboolean
hypha_user_info_is_trusted (HyphaUserInfo *self,
                            const char    *workspace)
{
  return self->judge != NULL && self->judge->trusts (self, workspace, self->judge_data);
}

/* A delegate has what its token says, and nothing of what its maker owns. */
static gboolean
hypha_user_info_owns (HyphaUserInfo *self,
                      const char    *workspace)
{
  return self->judge != NULL && !self->delegated &&
         self->judge->owns (self, workspace, self->judge_data);
}

/* What the token says of workspace in so many words; FALSE if it says nothing. */
static gboolean
hypha_user_info_get_granted (HyphaUserInfo *self,
                             const char    *workspace,
                             HyphaLevel    *level)
{
  for (char **p = self->scopes; *p != NULL; p++)
    {
      *level = hypha_level_from_scope (*p, workspace);
      if (*level == HYPHA_LEVEL_NONE)
        continue;

      /* Of one of the same name that is older: it is neither more nor less than nothing. */
      if (!hypha_user_info_is_trusted (self, workspace))
        *level = HYPHA_LEVEL_NONE;
      return TRUE;
    }

  return FALSE;
}

/*
 * How much the user, a client of own_workspace, may do in target_workspace. What the token says of
 * it in so many words counts first, so that a token for less is worth less in its maker's hands too.
 */
HyphaLevel
hypha_user_info_get_level (HyphaUserInfo *self,
                           const char    *own_workspace,
                           const char    *target_workspace)
{
  gboolean own = g_str_equal (own_workspace, target_workspace);
  gboolean everybodys = g_str_equal (target_workspace, HYPHA_ADDRESS_PUBLIC_WORKSPACE);
  HyphaLevel granted;

  if (self->root)
    return HYPHA_LEVEL_ADMIN;

  /* Everybody may sit in “public”, so sitting there proves nothing. */
  if (self->anonymous)
    return own && !everybodys ? HYPHA_LEVEL_WRITE : HYPHA_LEVEL_NONE;

  if (hypha_user_info_get_granted (self, target_workspace, &granted))
    return granted;

  if (hypha_user_info_owns (self, target_workspace))
    return HYPHA_LEVEL_ADMIN;

  return own ? HYPHA_LEVEL_WRITE : HYPHA_LEVEL_NONE;
}

/*
 * The one permission check: may this user, whose connection belongs to own_workspace, do what
 * need says with target_workspace? Everybody asks here: sockets, HTTP, pages, in-process clients.
 * hypha-core/docs/security.md has it as a table.
 */
gboolean
hypha_user_info_may (HyphaUserInfo *self,
                     const char    *own_workspace,
                     HyphaNeed      need,
                     const char    *target_workspace)
{
  gboolean own = g_str_equal (own_workspace, target_workspace);
  gboolean everybodys = g_str_equal (target_workspace, HYPHA_ADDRESS_PUBLIC_WORKSPACE);

  if (self->root)
    return TRUE;

  /* This one is asked for every message in pieces, so nothing is looked up for it. */
  if (need == HYPHA_NEED_MEMBER)
    return own && !(self->anonymous && everybodys);

  if (need == HYPHA_NEED_CONNECT && (own || (self->anonymous && everybodys)))
    return TRUE;

  switch (need)
    {
    case HYPHA_NEED_CONNECT:
    case HYPHA_NEED_READ:
      return hypha_user_info_get_level (self, own_workspace, target_workspace) >= HYPHA_LEVEL_READ;

    case HYPHA_NEED_BROADCAST:
      return own &&
             hypha_user_info_get_level (self, own_workspace, target_workspace) >= HYPHA_LEVEL_WRITE;

    case HYPHA_NEED_REGISTER:
      return own && !everybodys &&
             !g_str_equal (target_workspace, HYPHA_ADDRESS_ROOT_WORKSPACE) &&
             hypha_user_info_get_level (self, own_workspace, target_workspace) >= HYPHA_LEVEL_WRITE;

    case HYPHA_NEED_WRITE:
      return hypha_user_info_get_level (self, own_workspace, target_workspace) >= HYPHA_LEVEL_WRITE;

    case HYPHA_NEED_ADMIN:
      return hypha_user_info_get_level (self, own_workspace, target_workspace) >= HYPHA_LEVEL_ADMIN;

    case HYPHA_NEED_MEMBER:
    default:
      return FALSE;
    }
}

/**
 * hypha_user_info_ref:
 * @self: a user
 *
 * Adds a reference.
 *
 * Returns: (transfer full): @self
 *
 * Since: 0.1
 */
HyphaUserInfo *
hypha_user_info_ref (HyphaUserInfo *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return g_atomic_rc_box_acquire (self);
}

/**
 * hypha_user_info_unref:
 * @self: (transfer full): a user
 *
 * Drops a reference.
 *
 * Since: 0.1
 */
void
hypha_user_info_unref (HyphaUserInfo *self)
{
  g_return_if_fail (self != NULL);

  g_atomic_rc_box_release_full (self, hypha_user_info_free);
}

/**
 * hypha_user_info_get_id:
 * @self: a user
 *
 * Gets the id of the user.
 *
 * Returns: (transfer none): the id, for instance `alice`
 *
 * Since: 0.1
 */
const char *
hypha_user_info_get_id (HyphaUserInfo *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->id;
}

/**
 * hypha_user_info_get_email:
 * @self: a user
 *
 * Gets the e-mail address of the user.
 *
 * Returns: (transfer none): the address, or an empty string
 *
 * Since: 0.1
 */
const char *
hypha_user_info_get_email (HyphaUserInfo *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->email;
}

/**
 * hypha_user_info_is_anonymous:
 * @self: a user
 *
 * Tells whether the user connected without a token.
 *
 * Returns: %TRUE for an anonymous user
 *
 * Since: 0.1
 */
gboolean
hypha_user_info_is_anonymous (HyphaUserInfo *self)
{
  g_return_val_if_fail (self != NULL, TRUE);

  return self->anonymous;
}

/**
 * hypha_user_info_get_roles:
 * @self: a user
 *
 * Gets the roles that the user's token carries.
 *
 * Returns: (transfer none) (array zero-terminated=1): the roles
 *
 * Since: 0.1
 */
const char *const *
hypha_user_info_get_roles (HyphaUserInfo *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return (const char *const *) self->roles;
}

/**
 * hypha_user_info_get_scopes:
 * @self: a user
 *
 * Gets the scopes that the user's token carries.
 *
 * Returns: (transfer none) (array zero-terminated=1): the scopes
 *
 * Since: 0.1
 */
const char *const *
hypha_user_info_get_scopes (HyphaUserInfo *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return (const char *const *) self->scopes;
}

/**
 * hypha_user_info_get_expires_at:
 * @self: a user
 *
 * Gets when the user's token expires.
 *
 * Returns: seconds since 1970-01-01 UTC, or 0 for never
 *
 * Since: 0.1
 */
gint64
hypha_user_info_get_expires_at (HyphaUserInfo *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return self->expires_at;
}
