/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <math.h>

#include "hypha-login-desk-internal-private.h"
#include "hypha-token-methods-private.h"

/* How whoever has started a login learns how it ended, and gets the token. */

/* A confirmed login has its token made now, for its own client. NULL with an error. Floating. */
static GVariant *
hypha_login_desk_redeem (HyphaLoginDesk  *self,
                         HyphaLogin      *login,
                         gboolean         profile,
                         GError         **error)
{
  g_autoptr (HyphaUserInfo) root = hypha_user_info_new_root ();
  const char *name = g_get_user_name ();
  g_autoptr (GVariant) config = NULL;
  g_autofree char *token = NULL;
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "workspace", "s", hypha_login_get_workspace (login));
  g_variant_dict_insert (&dict, "user_id", "s", name);
  g_variant_dict_insert (&dict, "expires_in", "x", hypha_login_get_expires_in (login));
  config = g_variant_ref_sink (g_variant_dict_end (&dict));
  token = hypha_token_methods_mint (hypha_manager_get_authority (self->manager), root,
                                    HYPHA_ADDRESS_ROOT_WORKSPACE, HYPHA_ADDRESS_ROOT_CLIENT, config,
                                    error);
  if (token == NULL || !profile)
    return token != NULL ? g_variant_new_string (token) : NULL;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "token", "s", token);
  g_variant_dict_insert (&dict, "workspace", "s", hypha_login_get_workspace (login));
  g_variant_dict_insert (&dict, "expires_in", "x", hypha_login_get_expires_in (login));
  g_variant_dict_insert (&dict, "user_id", "s", name);
  g_variant_dict_insert (&dict, "name", "s", name);
  g_variant_dict_insert (&dict, "nickname", "s", name);
  g_variant_dict_insert_value (&dict, "email", hypha_rpc_codec_null ());
  g_variant_dict_insert_value (&dict, "email_verified", hypha_rpc_codec_null ());
  g_variant_dict_insert_value (&dict, "picture", hypha_rpc_codec_null ());
  return g_variant_dict_end (&dict);
}

/* Tells a client that asks how a login ended, which is over with that. */
void
hypha_login_desk_finish (HyphaLoginDesk  *self,
                         HyphaLogin      *login,
                         HyphaInvocation *check,
                         gboolean         profile)
{
  g_autoptr (HyphaLogin) hold = hypha_login_ref (login);
  g_autoptr (GError) error = NULL;
  GVariant *value = NULL;

  if (hypha_login_get_state (login) == HYPHA_LOGIN_CONFIRMED)
    value = hypha_login_desk_redeem (self, login, profile, &error);
  else
    g_set_error_literal (&error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                         "the person at this machine has refused the login");

  hypha_login_desk_remove (self, login);
  hypha_invocation_return_result (check, value, g_steal_pointer (&error));
}

/* The caller's own login; a right key of another client is told to be as wrong as any. */
static HyphaLogin *
hypha_login_desk_take_own (HyphaLoginDesk   *self,
                           HyphaInvocation  *invocation,
                           GError          **error)
{
  g_autofree char *key = hypha_invocation_dup_string (invocation, 0, "key", error);
  HyphaLogin *login;

  if (key == NULL)
    return NULL;

  login = hypha_login_desk_find_key (self, key);
  if (login != NULL &&
      g_str_equal (hypha_login_get_client (login), hypha_invocation_get_from (invocation)))
    return login;

  g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_NOT_FOUND,
                       "Invalid key: the login is over, or it is not this client's");
  return NULL;
}

void
hypha_login_desk_check (HyphaInvocation *invocation,
                        gpointer         data)
{
  HyphaLoginDesk *self = data;
  g_autoptr (GError) error = NULL;
  double timeout = hypha_login_desk_take_number (invocation, 1, "timeout",
                                                 HYPHA_LOGIN_DESK_CHECK_TIMEOUT);
  gboolean profile = hypha_invocation_get_flag (invocation, 2, "profile");
  HyphaLogin *login = hypha_login_desk_take_own (self, invocation, &error);

  if (login != NULL && isnan (timeout))
    g_set_error_literal (&error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                         "timeout must be a number of seconds");

  if (error != NULL)
    hypha_invocation_return_error (invocation, g_steal_pointer (&error));
  else if (hypha_login_get_state (login) != HYPHA_LOGIN_WAITING)
    hypha_login_desk_finish (self, login, invocation, profile);
  else if (timeout <= 0)
    hypha_invocation_return_null (invocation);
  else
    hypha_login_wait (login, invocation, profile,
                      (guint) (MIN (timeout, HYPHA_LOGIN_DESK_LIFETIME) * 1000));
}
