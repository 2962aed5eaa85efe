/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-login-desk-internal-private.h"
#include "hypha-question-desk-private.h"

/* What the person at this machine is asked, and says. */

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
void
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
