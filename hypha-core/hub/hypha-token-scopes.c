/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-claims-private.h"
#include "hypha-rpc-codec-private.h"
#include "hypha-token-config-private.h"
#include "hypha-token-scopes-private.h"

#include <string.h>

/* Words that were asked for, or the caller's own; nobody but root gets more than it has. */
char **
hypha_token_narrow (HyphaUserInfo     *user,
                    const char        *what,
                    const char *const *own,
                    char             **wanted,
                    GError           **error)
{
  g_auto (GStrv) asked = wanted;

  if (asked == NULL)
    return g_strdupv (hypha_user_info_is_root (user) ? (char *[]) { NULL } : (char **) own);

  for (char **p = asked; *p != NULL; p++)
    {
      if (!hypha_user_info_is_root (user) && !g_strv_contains (own, *p))
        {
          g_autofree char *quoted = hypha_error_quote (*p);

          g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                       "Access denied: cannot give a token the %s '%s', which its maker has not",
                       what, quoted);
          return NULL;
        }
    }

  return g_steal_pointer (&asked);
}

/* The scopes of a token in the making. */
typedef struct
{
  HyphaToken    *token;
  HyphaUserInfo *user;          /* its maker, a client of own_workspace */
  const char    *own_workspace;
  HyphaLevel     level;         /* in the token's workspace */
  gboolean       given;         /* somebody has said how much that shall be */
  GStrvBuilder  *words;
} HyphaTokenScopes;

/* “permission” of config: read, read_write or admin; without it what most tokens have. */
static gboolean
hypha_token_scopes_take_level (HyphaTokenScopes  *self,
                               GVariant          *config,
                               GError           **error)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (config, "permission", NULL);
  const char *word = NULL;

  self->given = value != NULL && !hypha_rpc_codec_is_null (value);
  self->level = HYPHA_LEVEL_WRITE;
  if (!self->given)
    return TRUE;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    word = g_variant_get_string (value, NULL);

  if (g_strcmp0 (word, "read") == 0)
    self->level = HYPHA_LEVEL_READ;
  else if (g_strcmp0 (word, "admin") == 0)
    self->level = HYPHA_LEVEL_ADMIN;
  else if (g_strcmp0 (word, "read_write") != 0)
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                           "permission must be read, read_write or admin");
      return FALSE;
    }

  return TRUE;
}

static gboolean
hypha_token_scopes_refuse (const char  *scope,
                           GError     **error)
{
  g_autofree char *quoted = hypha_error_quote (scope);

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
               "Access denied: cannot give a token the scope '%s', which its maker has not", quoted);
  return FALSE;
}

/* The workspace in “ws:NAME#level”; NULL if it is no such word. */
static char *
hypha_token_scopes_get_workspace (const char *scope)
{
  const char *hash = strchr (scope, '#');
  g_autofree char *name = NULL;

  if (!g_str_has_prefix (scope, "ws:") || hash == NULL)
    return NULL;

  name = g_strndup (scope + 3, (gsize) (hash - scope - 3));
  return hypha_level_from_scope (scope, name) != HYPHA_LEVEL_NONE ? g_steal_pointer (&name) : NULL;
}

/* One of the maker's own words, or no more than it may do in a workspace. */
static gboolean
hypha_token_scopes_check_word (HyphaTokenScopes  *self,
                               const char        *scope,
                               GError           **error)
{
  g_autofree char *workspace = hypha_token_scopes_get_workspace (scope);

  if (hypha_user_info_is_root (self->user))
    return TRUE;

  if (workspace == NULL)
    return g_strv_contains (hypha_user_info_get_scopes (self->user), scope) ||
           hypha_token_scopes_refuse (scope, error);

  return hypha_level_from_scope (scope, workspace) <=
             hypha_user_info_get_level (self->user, self->own_workspace, workspace) ||
         hypha_token_scopes_refuse (scope, error);
}

/* Of what is said of the token's own workspace, the least counts. */
static void
hypha_token_scopes_add_word (HyphaTokenScopes *self,
                             const char       *scope)
{
  HyphaLevel said = hypha_level_from_scope (scope, self->token->workspace);

  if (said == HYPHA_LEVEL_NONE)
    {
      g_strv_builder_add (self->words, scope);
      return;
    }

  if (!self->given || said < self->level)
    self->level = said;
  self->given = TRUE;
}

/*
 * Whether one of the maker's own words still says something: of a workspace that somebody else has
 * made anew it says nothing, and a new token would be new enough for that one.
 */
static gboolean
hypha_token_scopes_is_current (HyphaTokenScopes *self,
                               const char       *scope)
{
  g_autofree char *workspace = hypha_token_scopes_get_workspace (scope);

  return workspace == NULL || hypha_user_info_is_trusted (self->user, workspace);
}

/* Without any that were asked for: the maker's own. */
static void
hypha_token_scopes_inherit (HyphaTokenScopes *self)
{
  const char *const *own = hypha_user_info_get_scopes (self->user);

  for (; *own != NULL && !hypha_user_info_is_root (self->user); own++)
    {
      if (hypha_level_from_scope (*own, self->token->workspace) == HYPHA_LEVEL_NONE &&
          hypha_token_scopes_is_current (self, *own))
        g_strv_builder_add (self->words, *own);
    }
}

static gboolean
hypha_token_scopes_add_asked (HyphaTokenScopes  *self,
                              GVariant          *config,
                              GError           **error)
{
  g_auto (GStrv) asked = hypha_token_config_dup_words (config, "scopes");

  if (asked == NULL)
    asked = hypha_token_config_dup_words (config, "scope");
  if (asked == NULL)
    hypha_token_scopes_inherit (self);

  for (char **p = asked; p != NULL && *p != NULL; p++)
    {
      if (**p == '\0')
        continue;

      if (!hypha_token_scopes_check_word (self, *p, error))
        return FALSE;

      hypha_token_scopes_add_word (self, *p);
    }

  return TRUE;
}

/*
 * “extra_scopes”. With one that names a resource, “kind:what”, the token is for that alone: whoever
 * administers the workspace may hand such a right out, since nobody connects with it.
 */
static gboolean
hypha_token_scopes_add_extra (HyphaTokenScopes  *self,
                              GVariant          *config,
                              GError           **error)
{
  g_auto (GStrv) extra = hypha_token_config_dup_words (config, "extra_scopes");
  gboolean admin = hypha_user_info_may (self->user, self->own_workspace, HYPHA_NEED_ADMIN,
                                        self->token->workspace);

  for (char **p = extra; p != NULL && *p != NULL; p++)
    {
      gboolean special = strchr (*p, ':') != NULL && !g_str_has_prefix (*p, "ws:");

      if (**p == '\0')
        continue;

      if (!(special && admin) && !hypha_token_scopes_check_word (self, *p, error))
        return FALSE;

      self->token->special = self->token->special || special;
      hypha_token_scopes_add_word (self, *p);
    }

  return TRUE;
}

static gboolean
hypha_token_scopes_check_size (char   **scopes,
                               GError **error)
{
  gboolean good = g_strv_length (scopes) <= HYPHA_CLAIMS_MAX_WORDS;

  for (char **p = scopes; *p != NULL && good; p++)
    good = strlen (*p) <= HYPHA_CLAIMS_MAX_TEXT && strpbrk (*p, " \t\r\n") == NULL;

  if (!good)
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                 "a token has at most %d scopes of at most %d bytes, without white space",
                 HYPHA_CLAIMS_MAX_WORDS, HYPHA_CLAIMS_MAX_TEXT);
  return good;
}

/*
 * Sets the scopes of a token for token->workspace. How much it may do there is written out where it
 * was asked for; it is never more than its maker may.
 */
gboolean
hypha_token_scopes_set (HyphaToken     *token,
                        HyphaUserInfo  *user,
                        const char     *own_workspace,
                        GVariant       *config,
                        GError        **error)
{
  g_autoptr (GStrvBuilder) words = g_strv_builder_new ();
  g_auto (GStrv) scopes = NULL;
  HyphaTokenScopes self = {
    .token = token,
    .user = user,
    .own_workspace = own_workspace,
    .words = words,
  };

  if (!hypha_token_scopes_take_level (&self, config, error) ||
      !hypha_token_scopes_add_asked (&self, config, error) ||
      !hypha_token_scopes_add_extra (&self, config, error))
    return FALSE;

  if (self.level > hypha_user_info_get_level (user, own_workspace, token->workspace))
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                           "Only admin can generate token.");
      return FALSE;
    }

  if (self.given)
    {
      g_autofree char *word = g_strdup_printf ("ws:%s#%s", token->workspace,
                                               hypha_level_to_word (self.level));

      g_strv_builder_add (words, word);
    }

  scopes = g_strv_builder_end (words);
  if (!hypha_token_scopes_check_size (scopes, error))
    return FALSE;

  g_strfreev (token->scopes);
  token->scopes = g_steal_pointer (&scopes);
  return TRUE;
}
