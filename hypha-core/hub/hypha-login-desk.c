/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <math.h>

#include "hypha-login-desk-private.h"
#include "hypha-peer-private.h"
#include "hypha-question-desk-private.h"
#include "hypha-token-methods-private.h"

struct _HyphaLoginDesk
{
  HyphaManager *manager;  /* owns this */
  GPtrArray    *logins;   /* of HyphaLogin, the oldest first */
  char         *command;  /* that the log names */
  guint         lifetime; /* milliseconds */
};

static void hypha_login_desk_show_next (HyphaLoginDesk *self);

static void
hypha_login_desk_remove (HyphaLoginDesk *self,
                         HyphaLogin     *login)
{
  hypha_login_set_question (login, NULL);
  g_ptr_array_remove (self->logins, login);
  hypha_login_desk_show_next (self);
}

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
static double
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
static void
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
  if (value != NULL)
    hypha_invocation_return (check, value);
  else
    hypha_invocation_return_error (check, g_steal_pointer (&error));
}

static void
hypha_login_desk_end (HyphaLoginDesk *self,
                      HyphaLogin     *login,
                      gboolean        yes)
{
  g_autoptr (HyphaInvocation) check = NULL;
  gboolean profile;

  g_message ("%s: the login %s to workspace “%s” was %s", hypha_login_get_client (login),
             hypha_login_get_code (login), hypha_login_get_workspace (login),
             yes ? "confirmed" : "refused");
  hypha_login_set_state (login, yes ? HYPHA_LOGIN_CONFIRMED : HYPHA_LOGIN_REFUSED);
  check = hypha_login_steal_check (login, &profile);
  if (check != NULL)
    {
      hypha_login_desk_finish (self, login, check, profile);
      return;
    }

  hypha_login_set_question (login, NULL);
  hypha_login_desk_show_next (self);
}

static HyphaLogin *
hypha_login_desk_find_code (HyphaLoginDesk *self,
                            const char     *code)
{
  for (guint i = 0; i < self->logins->len; i++)
    {
      HyphaLogin *login = g_ptr_array_index (self->logins, i);

      if (hypha_login_get_state (login) == HYPHA_LOGIN_WAITING &&
          hypha_login_has_code (login, code))
        return login;
    }

  return NULL;
}

/* The word of the person at this machine, or of a program that has proved to be theirs. */
gboolean
hypha_login_desk_decide (HyphaLoginDesk  *self,
                         const char      *code,
                         gboolean         yes,
                         GError         **error)
{
  HyphaLogin *login = hypha_login_desk_find_code (self, code);
  g_autofree char *quoted = hypha_error_quote (code);

  if (login != NULL)
    {
      hypha_login_desk_end (self, login, yes);
      return TRUE;
    }

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_NOT_FOUND,
               "no login with the code '%s' waits: it is over, or was decided before", quoted);
  return FALSE;
}

static void
hypha_login_desk_answered (HyphaQuestion *question,
                           GVariant      *answer,
                           gpointer       data)
{
  HyphaLogin *login = hypha_login_desk_find_code (data, hypha_question_get_code (question));

  if (login != NULL)
    hypha_login_desk_end (data, login, g_variant_get_boolean (answer));
}

static HyphaQuestion *
hypha_login_desk_new_question (HyphaLoginDesk *self,
                               HyphaLogin     *login)
{
  g_autofree char *text = NULL;
  HyphaQuestion *question;

  text = g_strdup_printf ("workspace: %s\nuser: %s\nhours: %.1f",
                          hypha_login_get_workspace (login), g_get_user_name (),
                          (double) hypha_login_get_expires_in (login) / 3600);
  question = hypha_question_new (HYPHA_QUESTION_LOGIN, hypha_login_get_client (login), text);
  hypha_question_set_code (question, hypha_login_get_code (login));
  hypha_question_set_func (question, hypha_login_desk_answered, self);
  return question;
}

/* The first that is not before the person yet; NULL if there is none, or are enough. */
static HyphaLogin *
hypha_login_desk_find_next (HyphaLoginDesk *self)
{
  HyphaLogin *next = NULL;
  guint n_shown = 0;

  for (guint i = 0; i < self->logins->len; i++)
    {
      HyphaLogin *login = g_ptr_array_index (self->logins, i);

      if (hypha_login_get_question (login) != NULL)
        n_shown++;
      else if (next == NULL && hypha_login_get_state (login) == HYPHA_LOGIN_WAITING)
        next = login;
    }

  return n_shown < HYPHA_LOGIN_DESK_MAX_SHOWN ? next : NULL;
}

/* The host may answer while it is asked, so the login is looked for anew each time. */
static void
hypha_login_desk_show_next (HyphaLoginDesk *self)
{
  HyphaQuestionDesk *desk = hypha_manager_get_desk (self->manager);
  HyphaLogin *login;

  while (hypha_question_desk_has_host (desk) &&
         (login = hypha_login_desk_find_next (self)) != NULL)
    {
      g_autoptr (HyphaLogin) hold = hypha_login_ref (login);
      g_autoptr (HyphaQuestion) question = hypha_login_desk_new_question (self, login);

      hypha_login_set_question (login, question);
      if (hypha_question_desk_show (desk, question, NULL))
        continue;

      hypha_login_set_question (login, NULL);
      return;
    }
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

static void
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

static void
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
