/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-login-desk-internal-private.h"
#include "hypha-peer-private.h"

void
hypha_login_desk_remove (HyphaLoginDesk *self,
                         HyphaLogin     *login)
{
  hypha_login_set_question (login, NULL);
  g_ptr_array_remove (self->logins, login);
  hypha_login_desk_show_next (self);
}

/* Whoever knows the key. Every login is compared, wherever it is. */
HyphaLogin *
hypha_login_desk_find_key (HyphaLoginDesk *self,
                           const char     *key)
{
  HyphaLogin *found = NULL;

  for (guint i = 0; i < self->logins->len; i++)
    {
      if (hypha_login_has_key (g_ptr_array_index (self->logins, i), key))
        found = g_ptr_array_index (self->logins, i);
    }

  return found;
}

/* Elsewhere a web page says who has logged in; here nobody may who connects. */
static void
hypha_login_desk_report (HyphaInvocation *invocation,
                         gpointer         data)
{
  hypha_invocation_return_error (
    invocation, g_error_new_literal (HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                                     "Access denied: only the person at the machine of the server "
                                     "confirms logins, in its window or with “hypha login”"));
}

/* Nobody stays logged in anywhere but by a token, and that is ended by revoke_token. */
static void
hypha_login_desk_logout (HyphaInvocation *invocation,
                         gpointer         data)
{
  HyphaLoginDesk *self = data;
  g_autofree char *url = g_strconcat (hypha_manager_get_base_url (self->manager), "/login", NULL);
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "logout_url", "s", url);
  hypha_invocation_return (invocation, g_variant_dict_end (&dict));
}

static const HyphaServiceMethod login_methods[] = {
  { "start", "workspace?: string, expires_in?: number",
    "Asks the person at the server's machine for a token.", hypha_login_desk_start },
  { "check", "key: string, timeout?: number, profile?: boolean",
    "Waits until that is decided, and returns the token.", hypha_login_desk_check },
  { "report", "key?: string, token?: string",
    "Always refused: logins are confirmed at the server's machine.", hypha_login_desk_report },
  { "logout", "config?: object", "Tells where it says how a token is ended.",
    hypha_login_desk_logout },
};

/* What a client has started ends with it. */
static void
hypha_login_desk_on_peer_detached (HyphaRouter    *router,
                                   HyphaPeer      *peer,
                                   HyphaLoginDesk *self)
{
  for (guint i = self->logins->len; i > 0; i--)
    {
      HyphaLogin *login = g_ptr_array_index (self->logins, i - 1);
      g_autoptr (HyphaLogin) hold = hypha_login_ref (login);

      if (!g_str_equal (hypha_login_get_client (login), hypha_peer_get_id (peer)))
        continue;

      g_ptr_array_remove_index (self->logins, i - 1);
      hypha_login_set_question (login, NULL);
      hypha_login_fail (login, g_error_new_literal (HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED,
                                                    "nobody waits for this login"));
      i = MIN (i, self->logins->len + 1);
    }

  hypha_login_desk_show_next (self);
}

static void
hypha_login_desk_offer (HyphaLoginDesk   *self,
                        HyphaLocalClient *client)
{
  g_autoptr (HyphaService) service = NULL;
  g_autoptr (GError) error = NULL;
  GVariantDict config;

  g_variant_dict_init (&config, NULL);
  g_variant_dict_insert (&config, "visibility", "s", "public");
  g_variant_dict_insert (&config, "require_context", "b", TRUE);
  service = hypha_service_new (HYPHA_ADDRESS_LOGIN, "Login",
                               "Gets a token that the person at the server's machine agrees to.",
                               "generic", g_variant_dict_end (&config));
  hypha_service_add_methods (service, login_methods, G_N_ELEMENTS (login_methods), self);
  if (!hypha_local_client_register (client, hypha_manager_get_registry (self->manager), service,
                                    &error))
    g_warning ("the service for logins is not listed: %s", error->message);
}

/* client offers the service, and goes before this does. */
HyphaLoginDesk *
hypha_login_desk_new (HyphaManager     *manager,
                      HyphaLocalClient *client)
{
  HyphaLoginDesk *self = g_new0 (HyphaLoginDesk, 1);

  self->manager = manager;
  self->logins = g_ptr_array_new_with_free_func ((GDestroyNotify) hypha_login_unref);
  self->lifetime = HYPHA_LOGIN_DESK_LIFETIME * 1000;
  self->command = g_strdup ("hypha login");
  hypha_login_desk_offer (self, client);
  g_signal_connect (hypha_manager_get_router (manager), "peer-detached",
                    G_CALLBACK (hypha_login_desk_on_peer_detached), self);
  return self;
}

void
hypha_login_desk_free (HyphaLoginDesk *self)
{
  g_signal_handlers_disconnect_by_data (hypha_manager_get_router (self->manager), self);
  for (guint i = 0; i < self->logins->len; i++)
    hypha_login_fail (g_ptr_array_index (self->logins, i),
                      g_error_new_literal (HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED,
                                           "Server shutting down"));
  g_ptr_array_unref (self->logins);
  g_free (self->command);
  g_free (self);
}

/* What the log says to run, before the code. */
void
hypha_login_desk_set_command (HyphaLoginDesk *self,
                              const char     *command)
{
  g_free (self->command);
  self->command = g_strdup (command);
}

/* Of logins that are started from now on. */
void
hypha_login_desk_set_lifetime (HyphaLoginDesk *self,
                               guint           milliseconds)
{
  self->lifetime = milliseconds;
}

/* Those that wait for a decision, the oldest first. */
GPtrArray *
hypha_login_desk_list (HyphaLoginDesk *self)
{
  GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify) hypha_login_unref);

  for (guint i = 0; i < self->logins->len; i++)
    {
      HyphaLogin *login = g_ptr_array_index (self->logins, i);

      if (hypha_login_get_state (login) == HYPHA_LOGIN_WAITING)
        g_ptr_array_add (list, hypha_login_ref (login));
    }

  return list;
}
