/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <math.h>

#include "hypha-login-desk-internal-private.h"
#include "hypha-peer-private.h"

/* How a login begins: who may start one, for which workspace, and what it is told. */

static void
hypha_login_desk_on_over (HyphaLogin *login,
                          gpointer    data)
{
  g_autoptr (HyphaLogin) hold = hypha_login_ref (login);

  hypha_login_desk_remove (data, login);
  hypha_login_fail (login, g_error_new (HYPHA_ERROR, HYPHA_ERROR_TIMED_OUT,
                                        "the login %s was not confirmed in time; start another one",
                                        hypha_login_get_code (login)));
}

/* The person at this machine, as a user: no more than any other whose id is that name. */
static HyphaUserInfo *
hypha_login_desk_new_person (HyphaLoginDesk *self)
{
  HyphaAuthority *authority = hypha_manager_get_authority (self->manager);
  const char *const none[] = { NULL };
  HyphaUserInfo *person = hypha_user_info_new (g_get_user_name (), "", none, none, 0, FALSE);

  hypha_workspaces_judge (hypha_authority_get_workspaces (authority), person);
  return person;
}

/*
 * The workspace in the argument, if the person may have a token for it; not one that somebody else
 * has made.
 */
static char *
hypha_login_desk_take_workspace (HyphaLoginDesk   *self,
                                 HyphaInvocation  *invocation,
                                 GError          **error)
{
  HyphaWorkspaces *workspaces =
    hypha_authority_get_workspaces (hypha_manager_get_authority (self->manager));
  g_autoptr (HyphaUserInfo) person = hypha_login_desk_new_person (self);
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, 0, "workspace");
  const char *workspace = HYPHA_LOGIN_DESK_WORKSPACE;
  g_autofree char *quoted = NULL;

  if (value != NULL && !g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    workspace = "";
  else if (value != NULL)
    workspace = g_variant_get_string (value, NULL);

  if (hypha_address_is_name (workspace) &&
      hypha_user_info_may (person, HYPHA_LOGIN_DESK_WORKSPACE, HYPHA_NEED_WRITE, workspace) &&
      (hypha_workspaces_owns (workspaces, hypha_user_info_get_id (person), workspace) ||
       hypha_workspaces_trusts (workspaces, workspace, hypha_user_info_get_id (person), 0)))
    return g_strdup (workspace);

  quoted = hypha_error_quote (workspace);
  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
               "Permission denied for workspace: %s. A login opens '%s', and the workspaces that "
               "the person at this machine owns; “hypha token --workspace” makes tokens for others",
               quoted, HYPHA_LOGIN_DESK_WORKSPACE);
  return NULL;
}

/* A number, or otherwise, if it is absent; NAN for what is none. */
double
hypha_login_desk_take_number (HyphaInvocation *invocation,
                              guint            index,
                              const char      *name,
                              double           otherwise)
{
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, index, name);

  if (value == NULL)
    return otherwise;
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE))
    return g_variant_get_double (value);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    return (double) g_variant_get_int64 (value);

  return NAN;
}

static gboolean
hypha_login_desk_take_expires_in (HyphaInvocation  *invocation,
                                  gint64           *expires_in,
                                  GError          **error)
{
  double wanted = hypha_login_desk_take_number (invocation, 1, "expires_in",
                                                HYPHA_TOKEN_API_LIFETIME);

  if (wanted >= 1 && wanted <= HYPHA_LOGIN_DESK_MAX_EXPIRES_IN)
    {
      *expires_in = (gint64) wanted;
      return TRUE;
    }

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
               "expires_in must be a number of seconds from 1 to %d",
               HYPHA_LOGIN_DESK_MAX_EXPIRES_IN);
  return FALSE;
}

/* May this client ask at all, and now? */
static gboolean
hypha_login_desk_admit (HyphaLoginDesk  *self,
                        HyphaLogin      *wanted,
                        GError         **error)
{
  guint of_client = 0;
  guint of_address = 0;

  for (guint i = 0; i < self->logins->len; i++)
    {
      HyphaLogin *login = g_ptr_array_index (self->logins, i);

      if (g_str_equal (hypha_login_get_client (login), hypha_login_get_client (wanted)))
        of_client++;
      if (g_strcmp0 (hypha_login_get_address (login), hypha_login_get_address (wanted)) == 0)
        of_address++;
    }

  if (of_client < HYPHA_LOGIN_DESK_MAX_OF_CLIENT &&
      of_address < HYPHA_LOGIN_DESK_MAX_OF_ADDRESS && self->logins->len < HYPHA_LOGIN_DESK_MAX)
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
               "too many logins wait to be confirmed: %d of one client, %d of one address and %d "
               "in all may; try again later", HYPHA_LOGIN_DESK_MAX_OF_CLIENT,
               HYPHA_LOGIN_DESK_MAX_OF_ADDRESS, HYPHA_LOGIN_DESK_MAX);
  return FALSE;
}

/* Pages are what others wrote, a token would leave them; who calls over HTTP is gone afterwards. */
static gboolean
hypha_login_desk_check_caller (HyphaPeer  *caller,
                               GError    **error)
{
  if (hypha_peer_is_page (caller))
    g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                         "Access denied: pages in windows cannot log in");
  else if (hypha_peer_is_local (caller))
    g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_UNSUPPORTED,
                         "a login is for the connection that starts it: connect to log in");
  else
    return TRUE;

  return FALSE;
}

/* Where nobody is shown anything, whoever reads the log learns how to agree. */
static void
hypha_login_desk_announce (HyphaLoginDesk *self,
                           HyphaPeer      *caller,
                           HyphaLogin     *login)
{
  HyphaRouter *router = hypha_manager_get_router (self->manager);

  if (hypha_login_get_question (login) == NULL &&
      hypha_login_get_state (login) == HYPHA_LOGIN_WAITING && hypha_router_may_log (router, caller))
    g_message ("%s from %s asks to log in to workspace “%s”; to agree, run: %s %s",
               hypha_peer_get_id (caller), hypha_peer_get_remote (caller),
               hypha_login_get_workspace (login), self->command, hypha_login_get_code (login));
}

static GVariant *
hypha_login_desk_describe (HyphaLoginDesk *self,
                           HyphaLogin     *login)
{
  const char *base_url = hypha_manager_get_base_url (self->manager);
  g_autofree char *url = NULL;
  GVariantDict dict;

  url = g_strdup_printf ("%s/login?key=%s", base_url, hypha_login_get_key (login));
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "key", "s", hypha_login_get_key (login));
  g_variant_dict_insert (&dict, "code", "s", hypha_login_get_code (login));
  g_variant_dict_insert (&dict, "login_url", "s", url);
  return g_variant_dict_end (&dict);
}

static HyphaLogin *
hypha_login_desk_take_login (HyphaLoginDesk   *self,
                             HyphaInvocation  *invocation,
                             HyphaPeer        *caller,
                             GError          **error)
{
  g_autoptr (HyphaLogin) login = NULL;
  g_autofree char *workspace = NULL;
  gint64 expires_in;

  if (!hypha_login_desk_check_caller (caller, error) ||
      !hypha_login_desk_take_expires_in (invocation, &expires_in, error))
    return NULL;

  workspace = hypha_login_desk_take_workspace (self, invocation, error);
  if (workspace == NULL)
    return NULL;

  login = hypha_login_new (caller, workspace, expires_in, error);
  if (login == NULL || !hypha_login_desk_admit (self, login, error))
    return NULL;

  return g_steal_pointer (&login);
}

void
hypha_login_desk_start (HyphaInvocation *invocation,
                        gpointer         data)
{
  HyphaLoginDesk *self = data;
  HyphaPeer *caller = hypha_manager_get_caller (self->manager, invocation);
  g_autoptr (HyphaLogin) login = NULL;
  g_autoptr (GError) error = NULL;

  if (caller == NULL)
    return;

  login = hypha_login_desk_take_login (self, invocation, caller, &error);
  if (login == NULL)
    {
      hypha_invocation_return_error (invocation, g_steal_pointer (&error));
      return;
    }

  g_ptr_array_add (self->logins, hypha_login_ref (login));
  hypha_login_set_lifetime (login, self->lifetime, hypha_login_desk_on_over, self);
  hypha_invocation_return (invocation, hypha_login_desk_describe (self, login));
  hypha_login_desk_show_next (self);

  /* A host may have ended the caller while it was asked. */
  if (hypha_peer_is_attached (caller))
    hypha_login_desk_announce (self, caller, login);
}
