/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-address-private.h"
#include "hypha-user-info-private.h"

struct _HyphaUserInfo
{
  char     *id;
  char     *email;
  char    **roles;
  char    **scopes;
  char     *bound;      /* the one client id that the user's token is good for; nullable */
  gint64    expires_at;
  guint     anonymous : 1;
  guint     root : 1;
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

gboolean
hypha_user_info_is_root (HyphaUserInfo *self)
{
  return self->root;
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

/*
 * The one permission check: may this user, whose connection belongs to own_workspace, do what
 * need says with target_workspace? Everybody asks here: sockets, HTTP, pages, in-process clients.
 */
gboolean
hypha_user_info_may (HyphaUserInfo *self,
                     const char    *own_workspace,
                     HyphaNeed      need,
                     const char    *target_workspace)
{
  if (self->root)
    return TRUE;

  switch (need)
    {
    case HYPHA_NEED_CONNECT:
      return g_str_equal (own_workspace, target_workspace) ||
             (self->anonymous && g_str_equal (target_workspace, HYPHA_ADDRESS_PUBLIC_WORKSPACE));

    case HYPHA_NEED_MEMBER:
      /* Everybody may sit in “public”, so sitting there proves nothing. */
      return g_str_equal (own_workspace, target_workspace) &&
             !(self->anonymous && g_str_equal (target_workspace, HYPHA_ADDRESS_PUBLIC_WORKSPACE));

    case HYPHA_NEED_REGISTER:
      return g_str_equal (own_workspace, target_workspace) &&
             !g_str_equal (target_workspace, HYPHA_ADDRESS_ROOT_WORKSPACE) &&
             !g_str_equal (target_workspace, HYPHA_ADDRESS_PUBLIC_WORKSPACE);

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
