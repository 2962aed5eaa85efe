/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-claims-private.h"
#include "hypha-token-config-private.h"
#include "hypha-token-methods-private.h"
#include "hypha-token-scopes-private.h"

/* Making a token: what is asked for it, and that nobody gives more than it has. */

/* Longest life of a token that somebody mints, in seconds: ten years. */
#define MAX_LIFETIME (G_GINT64_CONSTANT (10) * 365 * 86400)

/* A text of config that, but for root, may only be the caller's own. */
static char *
hypha_token_take_own (HyphaUserInfo  *user,
                      GVariant       *config,
                      const char     *key,
                      const char     *own,
                      GError        **error)
{
  const char *wanted = NULL;

  g_variant_lookup (config, key, "&s", &wanted);
  if (wanted == NULL || g_str_equal (wanted, own) || hypha_user_info_is_root (user))
    return g_strdup (wanted != NULL ? wanted : own);

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
               "Access denied: cannot generate a token for another %s", key);
  return NULL;
}

/* Own workspaces only: a member's by being in it, others by administering them. */
static gboolean
hypha_token_check_workspace (HyphaUserInfo  *user,
                             const char     *own,
                             const char     *client,
                             const char     *wanted,
                             GError        **error)
{
  g_autofree char *quoted = hypha_error_quote (wanted);
  HyphaNeed need = g_str_equal (own, wanted) ? HYPHA_NEED_WRITE : HYPHA_NEED_ADMIN;

  if (!hypha_address_is_name (wanted))
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                   "'%s' cannot be the name of a workspace", quoted);
      return FALSE;
    }

  if (hypha_user_info_may (user, own, need, wanted))
    return TRUE;

  if (hypha_user_info_may (user, own, HYPHA_NEED_READ, wanted))
    g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                         "Only admin can generate token.");
  else
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                 "Access denied: Cannot generate token for workspace '%s' from workspace '%s' with "
                 "client '%s'. Only root client in default workspace can generate cross-workspace "
                 "tokens.", quoted, own, client);
  return FALSE;
}

/* The seconds in a number of either kind, as clients of both languages send them; 0 in all else. */
static gint64
hypha_token_get_lifetime (GVariant *value)
{
  gdouble seconds;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    return g_variant_get_int64 (value);
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE))
    return 0;

  /* Beyond these bounds, and for what is no number, the conversion is not defined. */
  seconds = g_variant_get_double (value);
  return seconds >= 1 && seconds <= (gdouble) MAX_LIFETIME ? (gint64) seconds : 0;
}

/* When the token ends: not after its maker's own does. */
static gboolean
hypha_token_set_lifetime (HyphaToken     *token,
                          HyphaUserInfo  *user,
                          GVariant       *config,
                          GError        **error)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (config, "expires_in", NULL);
  gint64 own = hypha_user_info_get_expires_at (user);
  gint64 lifetime = HYPHA_TOKEN_API_LIFETIME;

  if (value != NULL && !hypha_rpc_codec_is_null (value))
    lifetime = hypha_token_get_lifetime (value);

  if (lifetime <= 0 || lifetime > MAX_LIFETIME)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                   "expires_in must be a number of seconds from 1 to %" G_GINT64_FORMAT,
                   MAX_LIFETIME);
      return FALSE;
    }

  token->issued_at = g_get_real_time () / G_USEC_PER_SEC;
  token->expires_at = token->issued_at + lifetime;
  if (own > 0)
    token->expires_at = MIN (token->expires_at, own);
  return TRUE;
}

static gboolean
hypha_token_set_client (HyphaToken     *token,
                        HyphaUserInfo  *user,
                        GVariant       *config,
                        const char     *client,
                        GError        **error)
{
  const char *bound = hypha_user_info_get_bound_client (user);
  const char *wanted = NULL;

  /* Only a client id that was asked for binds the token to it, or the maker's own bond. */
  token->client_bound = g_variant_lookup (config, "client_id", "&s", &wanted) || bound != NULL;
  if (wanted == NULL)
    wanted = bound != NULL ? bound : client;

  if (bound != NULL && !g_str_equal (bound, wanted))
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                   "Access denied: this token is for client '%s' alone, and so are those made "
                   "with it", bound);
      return FALSE;
    }

  if (!hypha_address_is_name (wanted))
    {
      g_autofree char *quoted = hypha_error_quote (wanted);

      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                   "'%s' cannot be the id of a client", quoted);
      return FALSE;
    }

  token->client_id = g_strdup (wanted);
  return TRUE;
}

static gboolean
hypha_token_is_scalar (GVariant *value)
{
  return g_variant_is_of_type (value, G_VARIANT_TYPE_STRING) ||
         g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN) ||
         g_variant_is_of_type (value, G_VARIANT_TYPE_INT64) ||
         g_variant_is_of_type (value, G_VARIANT_TYPE_INT32) ||
         g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE);
}

/* Claims of root's own: nothing here reads them, and they never take the place of one that is. */
static gboolean
hypha_token_add_custom (HyphaToken  *token,
                        GVariant    *config,
                        GError     **error)
{
  GVariantDict custom;
  GVariantIter iter;
  const char *name;
  GVariant *value;

  g_variant_dict_init (&custom, NULL);
  g_variant_iter_init (&iter, config);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &value))
    {
      g_autoptr (GVariant) owned = value;
      g_autofree char *quoted = hypha_error_quote (name);

      if (hypha_token_config_is_key (name) || hypha_rpc_codec_is_null (value))
        continue;

      if (hypha_claims_is_reserved (name) || !hypha_token_is_scalar (value))
        {
          g_variant_dict_clear (&custom);
          g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                       "'%s' cannot be a claim of a token: it must be a text, a number or a "
                       "boolean under a name that has no meaning yet", quoted);
          return FALSE;
        }

      g_variant_dict_insert_value (&custom, name, value);
    }

  token->custom = g_variant_ref_sink (g_variant_dict_end (&custom));
  return TRUE;
}

/*
 * A token is never worth more than the one that it was made with, and ends with it. But it is as old
 * as its making: what it says was true then.
 */
static gboolean
hypha_token_set_lineage (HyphaToken     *token,
                         HyphaUserInfo  *user,
                         GError        **error)
{
  const char *const *lineage = hypha_user_info_get_lineage (user);

  token->delegated = !hypha_user_info_is_root (user);
  if (g_strv_length ((char **) lineage) >= HYPHA_TOKEN_MAX_LINEAGE)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                   "Access denied: this token comes from %d others, and no more may be made with it",
                   HYPHA_TOKEN_MAX_LINEAGE - 1);
      return FALSE;
    }

  g_strfreev (token->lineage);
  token->lineage = g_strdupv ((char **) lineage);
  return TRUE;
}

/* Whose token it is, and for which client. */
static gboolean
hypha_token_set_subject (HyphaToken     *token,
                         HyphaUserInfo  *user,
                         const char     *client,
                         GVariant       *config,
                         GError        **error)
{
  gboolean root = hypha_user_info_is_root (user);

  token->subject = hypha_token_take_own (user, config, "user_id", hypha_user_info_get_id (user),
                                         error);
  if (token->subject == NULL)
    return FALSE;

  g_free (token->email);
  token->email = hypha_token_take_own (user, config, "email",
                                       root ? "" : hypha_user_info_get_email (user), error);
  return token->email != NULL && hypha_token_set_client (token, user, config, client, error) &&
         hypha_token_set_lifetime (token, user, config, error) &&
         hypha_token_set_lineage (token, user, error);
}

static gboolean
hypha_token_set_roles (HyphaToken     *token,
                       HyphaUserInfo  *user,
                       GVariant       *config,
                       GError        **error)
{
  g_strfreev (token->roles);
  token->roles = hypha_token_narrow (user, "role", hypha_user_info_get_roles (user),
                                     hypha_token_config_dup_words (config, "roles"), error);
  return token->roles != NULL;
}

/*
 * A token for API use, signed. user, a client of workspace, may only narrow what it has itself;
 * root may give anything. config is an a{sv} with the keys of generate_token.
 */
char *
hypha_token_methods_mint (HyphaAuthority *authority,
                          HyphaUserInfo  *user,
                          const char     *workspace,
                          const char     *client,
                          GVariant       *config,
                          GError        **error)
{
  g_autoptr (HyphaToken) token = NULL;
  const char *wanted = workspace;

  if (hypha_user_info_is_anonymous (user))
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                           "Access denied: anonymous users cannot generate tokens");
      return NULL;
    }

  if (!hypha_token_config_check (config, error))
    return NULL;

  g_variant_lookup (config, "workspace", "&s", &wanted);
  if (!hypha_token_check_workspace (user, workspace, client, wanted, error))
    return NULL;

  token = hypha_token_new (NULL, wanted);
  if (!hypha_token_set_subject (token, user, client, config, error) ||
      !hypha_token_set_roles (token, user, config, error) ||
      !hypha_token_scopes_set (token, user, workspace, config, error))
    return NULL;

  if (hypha_user_info_is_root (user) && !hypha_token_add_custom (token, config, error))
    return NULL;

  return hypha_authority_sign (authority, token, HYPHA_TOKEN_AUDIENCE_API);
}
