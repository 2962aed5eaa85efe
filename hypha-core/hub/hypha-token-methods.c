/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-token-methods-private.h"

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

/* Guessing here is guessing as at the door: the same address, the same count. */
static gboolean
hypha_token_methods_check_guesses (HyphaThrottle  *throttle,
                                   HyphaPeer      *caller,
                                   GError        **error)
{
  guint wait = hypha_throttle_get_wait (throttle, hypha_peer_get_remote (caller),
                                        hypha_throttle_now ());

  if (wait == 0)
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
               "too many tokens from this address were none; try again in %u s", wait);
  return FALSE;
}

/* The verified token in the argument; good for API use, or for coming back. */
static HyphaToken *
hypha_token_methods_take (HyphaManager     *manager,
                          HyphaInvocation  *invocation,
                          HyphaPeer        *caller,
                          GError          **error)
{
  HyphaAuthority *authority = hypha_manager_get_authority (manager);
  HyphaThrottle *throttle = hypha_authority_get_throttle (authority);
  g_autofree char *text = hypha_invocation_dup_string (invocation, 0, "token", error);
  HyphaToken *token;

  if (text == NULL || !hypha_token_methods_check_guesses (throttle, caller, error))
    return NULL;

  token = hypha_authority_verify (authority, text, HYPHA_TOKEN_AUDIENCE_RECONNECTION, NULL);
  if (token == NULL)
    token = hypha_authority_verify (authority, text, HYPHA_TOKEN_AUDIENCE_API, error);
  if (token == NULL)
    hypha_authority_count_guess (authority, text, hypha_peer_get_remote (caller));
  return token;
}

/* “scope” as other servers tell it: which workspaces, how much, and what else. */
static GVariant *
hypha_token_methods_describe_scope (HyphaToken *token,
                                    const char *workspace)
{
  GVariantDict workspaces;
  GVariantDict dict;
  GVariantBuilder extra;
  gboolean named = FALSE;

  g_variant_dict_init (&workspaces, NULL);
  g_variant_builder_init (&extra, G_VARIANT_TYPE ("av"));
  for (char **p = token->scopes; *p != NULL; p++)
    {
      const char *hash = strrchr (*p, '#');
      g_autofree char *name = NULL;

      if (g_str_has_prefix (*p, "ws:") && hash != NULL)
        {
          name = g_strndup (*p + 3, (gsize) (hash - *p - 3));
          named = named || g_str_equal (name, workspace);
          g_variant_dict_insert (&workspaces, name, "s", hash + 1);
        }
      else
        {
          g_variant_builder_add (&extra, "v", g_variant_new_string (*p));
        }
    }

  if (!named)
    g_variant_dict_insert (&workspaces, workspace, "s", "rw");
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "current_workspace", "s", workspace);
  g_variant_dict_insert_value (&dict, "workspaces", g_variant_dict_end (&workspaces));
  g_variant_dict_insert_value (&dict, "client_id", token->client_id != NULL && token->client_bound ?
                                 g_variant_new_string (token->client_id) : hypha_rpc_codec_null ());
  g_variant_dict_insert_value (&dict, "extra_scopes", g_variant_builder_end (&extra));
  return g_variant_dict_end (&dict);
}

/* The user whose token it is, as its services will see it, and what the token is for. */
static void
hypha_token_methods_parse (HyphaInvocation *invocation,
                           gpointer         data)
{
  HyphaManager *manager = data;
  HyphaPeer *caller = hypha_manager_get_caller (manager, invocation);
  g_autoptr (GError) error = NULL;
  g_autoptr (HyphaToken) token = NULL;
  g_autoptr (HyphaUserInfo) user = NULL;
  g_autoptr (GVariant) map = NULL;
  g_autofree char *workspace = NULL;
  GVariantDict dict;

  if (caller == NULL)
    return;

  token = hypha_token_methods_take (manager, invocation, caller, &error);
  if (token == NULL)
    {
      hypha_invocation_return_error (invocation, g_steal_pointer (&error));
      return;
    }

  user = hypha_user_info_new (token->subject, token->email, (const char *const *) token->roles,
                              (const char *const *) token->scopes, token->expires_at,
                              token->anonymous);
  workspace = token->workspace != NULL ? g_strdup (token->workspace) :
                                         hypha_workspaces_name_of_user (token->subject);
  map = hypha_user_info_to_variant (user);
  g_variant_dict_init (&dict, map);
  g_variant_dict_insert (&dict, "current_workspace", "s", workspace);
  g_variant_dict_insert_value (&dict, "scope",
                               hypha_token_methods_describe_scope (token, workspace));
  hypha_invocation_return (invocation, g_variant_dict_end (&dict));
}

/* Whoever administers the workspace of a token, and whoever made it. */
static gboolean
hypha_token_methods_check_revoke (HyphaPeer   *caller,
                                  HyphaToken  *token,
                                  gboolean    *by_admin,
                                  GError     **error)
{
  HyphaUserInfo *user = hypha_peer_get_user (caller);
  const char *const *lineage = hypha_user_info_get_lineage (user);
  g_autofree char *workspace = NULL;

  workspace = token->workspace != NULL ? g_strdup (token->workspace) :
                                         hypha_workspaces_name_of_user (token->subject);
  *by_admin = hypha_user_info_may (user, hypha_peer_get_workspace (caller), HYPHA_NEED_ADMIN,
                                   workspace);
  if (*by_admin)
    return TRUE;

  /* Made with the caller's token, however many steps lie between. */
  if (*lineage != NULL && g_strv_contains ((const char *const *) token->lineage, *lineage))
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
               "Permission denied for workspace %s: only its admin can revoke a token", workspace);
  return FALSE;
}

static void
hypha_token_methods_revoked (GObject      *source,
                             GAsyncResult *result,
                             gpointer      data)
{
  g_autoptr (HyphaInvocation) invocation = data;
  g_autoptr (GError) error = NULL;

  hypha_authority_revoke_finish (HYPHA_AUTHORITY (source), result, &error);
  hypha_invocation_return_result (invocation, NULL, g_steal_pointer (&error));
}

static void
hypha_token_methods_revoke (HyphaInvocation *invocation,
                            gpointer         data)
{
  HyphaManager *manager = data;
  HyphaPeer *caller = hypha_manager_get_caller (manager, invocation);
  g_autoptr (GError) error = NULL;
  g_autoptr (HyphaToken) token = NULL;
  gboolean by_admin;

  if (caller == NULL)
    return;

  token = hypha_token_methods_take (manager, invocation, caller, &error);
  if (token == NULL && strstr (error->message, "Token expired") != NULL)
    {
      g_clear_error (&error);
      g_set_error_literal (&error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                           "Token has already expired");
    }

  if (token == NULL || !hypha_token_methods_check_revoke (caller, token, &by_admin, &error))
    {
      hypha_invocation_return_error (invocation, g_steal_pointer (&error));
      return;
    }

  hypha_authority_revoke_async (hypha_manager_get_authority (manager), token,
                                hypha_peer_get_account (caller), by_admin,
                                hypha_token_methods_revoked, hypha_invocation_ref (invocation));
}

const HyphaServiceMethod hypha_token_methods[] = {
  { "generate_token", "config?: object", "Makes a token for the caller's workspace.",
    hypha_token_methods_generate },
  { "parse_token", "token: string", "Tells whose a token is, and what it is for.",
    hypha_token_methods_parse },
  { "revoke_token", "token: string", "Makes a token, and those made with it, worthless.",
    hypha_token_methods_revoke },
};
const gsize hypha_token_n_methods = G_N_ELEMENTS (hypha_token_methods);
