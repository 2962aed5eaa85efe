/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-token-methods-private.h"

/* Longest life of a token that somebody mints, in seconds: ten years. */
#define MAX_LIFETIME (G_GINT64_CONSTANT (10) * 365 * 86400)

static char **
hypha_token_take_words (GVariant   *config,
                        const char *key)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (config, key, NULL);
  g_autoptr (GStrvBuilder) words = g_strv_builder_new ();
  GVariantIter iter;
  GVariant *item;

  if (value == NULL)
    return NULL;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return g_strsplit (g_variant_get_string (value, NULL), " ", -1);

  if (!g_variant_is_of_type (value, G_VARIANT_TYPE ("av")))
    return NULL;

  g_variant_iter_init (&iter, value);
  while (g_variant_iter_next (&iter, "v", &item))
    {
      if (g_variant_is_of_type (item, G_VARIANT_TYPE_STRING))
        g_strv_builder_add (words, g_variant_get_string (item, NULL));
      g_variant_unref (item);
    }

  return g_strv_builder_end (words);
}

/* Words that were asked for, or the caller's own; nobody but root gets more than it has. */
static char **
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

static gboolean
hypha_token_check_workspace (HyphaUserInfo  *user,
                             const char     *own,
                             const char     *client,
                             const char     *wanted,
                             GError        **error)
{
  g_autofree char *quoted = hypha_error_quote (wanted);

  if (!hypha_address_is_name (wanted))
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                   "'%s' cannot be the name of a workspace", quoted);
      return FALSE;
    }

  if (hypha_user_info_may (user, own, HYPHA_NEED_MEMBER, wanted))
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
               "Access denied: Cannot generate token for workspace '%s' from workspace '%s' with "
               "client '%s'. Only root client in default workspace can generate cross-workspace "
               "tokens.", quoted, own, client);
  return FALSE;
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

  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    lifetime = g_variant_get_int64 (value);
  else if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE))
    lifetime = (gint64) CLAMP (g_variant_get_double (value), 0, (double) MAX_LIFETIME);

  else if (value != NULL && !hypha_rpc_codec_is_null (value))
    lifetime = 0;

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
  g_autofree char *subject = NULL;
  const char *wanted = workspace;
  gboolean root = hypha_user_info_is_root (user);

  if (hypha_user_info_is_anonymous (user))
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                           "Access denied: anonymous users cannot generate tokens");
      return NULL;
    }

  g_variant_lookup (config, "workspace", "&s", &wanted);
  subject = hypha_token_take_own (user, config, "user_id", hypha_user_info_get_id (user), error);
  if (subject == NULL || !hypha_token_check_workspace (user, workspace, client, wanted, error))
    return NULL;

  token = hypha_token_new (subject, wanted);
  g_free (token->email);
  token->email = hypha_token_take_own (user, config, "email",
                                       root ? "" : hypha_user_info_get_email (user), error);
  if (token->email == NULL || !hypha_token_set_client (token, user, config, client, error) ||
      !hypha_token_set_lifetime (token, user, config, error))
    return NULL;

  g_strfreev (token->roles);
  token->roles = hypha_token_narrow (user, "role", hypha_user_info_get_roles (user),
                                     hypha_token_take_words (config, "roles"), error);
  if (token->roles == NULL)
    return NULL;

  g_strfreev (token->scopes);
  token->scopes = hypha_token_take_words (config, "scopes");
  if (token->scopes == NULL)
    token->scopes = hypha_token_take_words (config, "scope");
  token->scopes = hypha_token_narrow (user, "scope", hypha_user_info_get_scopes (user),
                                      token->scopes, error);
  if (token->scopes == NULL)
    return NULL;

  return hypha_authority_sign (authority, token, HYPHA_TOKEN_AUDIENCE_API);
}

static void
hypha_token_methods_generate (HyphaInvocation *invocation,
                              gpointer         data)
{
  HyphaManager *manager = data;
  HyphaPeer *caller = hypha_manager_get_caller (manager, invocation);
  g_autoptr (GVariant) config = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  if (caller == NULL)
    return;

  config = hypha_invocation_dup_arg (invocation, 0, "config");
  if (config == NULL)
    config = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));

  /* What a page knows may leave it; a token would be good elsewhere. */
  if (hypha_peer_is_page (caller))
    g_set_error_literal (&error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                         "Access denied: pages in windows cannot generate tokens");
  else if (g_variant_is_of_type (config, G_VARIANT_TYPE_VARDICT))
    text = hypha_token_methods_mint (hypha_manager_get_authority (manager),
                                     hypha_peer_get_user (caller), hypha_peer_get_workspace (caller),
                                     hypha_peer_get_client (caller), config, &error);
  else
    g_set_error_literal (&error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                         "the configuration of a token must be a map");

  if (text != NULL)
    hypha_invocation_return (invocation, g_variant_new_string (text));
  else
    hypha_invocation_return_error (invocation, g_steal_pointer (&error));
}

const HyphaServiceMethod hypha_token_methods[] = {
  { "generate_token", "config", "Makes a token for the caller's workspace.",
    hypha_token_methods_generate },
};
const gsize hypha_token_n_methods = G_N_ELEMENTS (hypha_token_methods);
