/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-base64url-private.h"
#include "hypha-login-private.h"
#include "hypha-secret-private.h"
#include "hypha-throttle-private.h"

/* Without those that look like one another. A byte chooses one of them fairly. */
static const char digits[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
G_STATIC_ASSERT (256 % (sizeof digits - 1) == 0);

struct _HyphaLogin
{
  char            *key;         /* only its client knows it */
  char            *code;        /* what people see of it */
  char            *client;      /* workspace/client, as the router knows it */
  char            *address;     /* what counts as one of where it connects from */
  char            *workspace;
  gint64           expires_in;
  HyphaLoginState  state;
  HyphaQuestion   *question;    /* before the person; NULL for most */
  HyphaInvocation *check;       /* waits for the end; NULL while nobody does */
  GSource         *check_over;
  gboolean         profile;
  GSource         *over;
  HyphaLoginFunc   over_func;
  gpointer         over_data;
};

static char *
hypha_login_make_key (GError **error)
{
  guint8 bytes[HYPHA_LOGIN_KEY_SIZE];

  if (!hypha_secret_fill_random (bytes, sizeof bytes, error))
    return NULL;

  return hypha_base64url_encode (bytes, sizeof bytes);
}

static char *
hypha_login_make_code (GError **error)
{
  guint8 bytes[HYPHA_LOGIN_CODE_SIZE];
  GString *code;

  if (!hypha_secret_fill_random (bytes, sizeof bytes, error))
    return NULL;

  code = g_string_new (NULL);
  for (gsize i = 0; i < sizeof bytes; i++)
    {
      if (i == sizeof bytes / 2)
        g_string_append_c (code, '-');
      g_string_append_c (code, digits[bytes[i] % (sizeof digits - 1)]);
    }

  return g_string_free (code, FALSE);
}

HyphaLogin *
hypha_login_new (HyphaPeer   *caller,
                 const char  *workspace,
                 gint64       expires_in,
                 GError     **error)
{
  g_autoptr (HyphaLogin) self = g_rc_box_new0 (HyphaLogin);
  gboolean loopback = FALSE;

  self->client = g_strdup (hypha_peer_get_id (caller));
  self->address = hypha_throttle_key (hypha_peer_get_remote (caller), &loopback);
  self->workspace = g_strdup (workspace);
  self->expires_in = expires_in;
  self->key = hypha_login_make_key (error);
  if (self->key != NULL)
    self->code = hypha_login_make_code (error);

  return self->code != NULL ? g_steal_pointer (&self) : NULL;
}

HyphaLogin *
hypha_login_ref (HyphaLogin *self)
{
  return g_rc_box_acquire (self);
}

static void
hypha_login_stop (GSource **source)
{
  if (*source == NULL)
    return;

  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static void
hypha_login_free (gpointer data)
{
  HyphaLogin *self = data;

  g_assert (self->check == NULL);

  hypha_login_stop (&self->over);
  hypha_login_set_question (self, NULL);
  if (self->key != NULL)
    explicit_bzero (self->key, strlen (self->key));
  g_free (self->key);
  g_free (self->code);
  g_free (self->client);
  g_free (self->address);
  g_free (self->workspace);
}

void
hypha_login_unref (HyphaLogin *self)
{
  g_rc_box_release_full (self, hypha_login_free);
}

const char *
hypha_login_get_key (HyphaLogin *self)
{
  return self->key;
}

const char *
hypha_login_get_code (HyphaLogin *self)
{
  return self->code;
}

const char *
hypha_login_get_client (HyphaLogin *self)
{
  return self->client;
}

/* NULL if there is none. */
const char *
hypha_login_get_address (HyphaLogin *self)
{
  return self->address;
}

const char *
hypha_login_get_workspace (HyphaLogin *self)
{
  return self->workspace;
}

/* Seconds that its token will be good for. */
gint64
hypha_login_get_expires_in (HyphaLogin *self)
{
  return self->expires_in;
}

HyphaLoginState
hypha_login_get_state (HyphaLogin *self)
{
  return self->state;
}

void
hypha_login_set_state (HyphaLogin      *self,
                       HyphaLoginState  state)
{
  self->state = state;
}

/* Tells by no time how much of a guess is right. */
gboolean
hypha_login_has_key (HyphaLogin *self,
                     const char *key)
{
  gsize size = strlen (self->key);

  return strlen (key) == size &&
         hypha_secret_equal ((const guint8 *) self->key, (const guint8 *) key, size);
}

/* As people write it: small letters and no dash are alike. */
gboolean
hypha_login_has_code (HyphaLogin *self,
                      const char *code)
{
  const char *p = self->code;

  for (; *code != '\0'; code++)
    {
      if (*code == '-' || *code == ' ')
        continue;
      if (*p == '-')
        p++;
      if (*p == '\0' || *p++ != g_ascii_toupper (*code))
        return FALSE;
    }

  return *p == '\0';
}

static gboolean
hypha_login_is_over (gpointer data)
{
  HyphaLogin *self = data;

  hypha_login_stop (&self->over);
  self->over_func (self, self->over_data);
  return G_SOURCE_REMOVE;
}

static GSource *
hypha_login_plan (HyphaLogin  *self,
                  guint        milliseconds,
                  const char  *name,
                  GSourceFunc  func)
{
  GSource *source = g_timeout_source_new (milliseconds);

  g_source_set_static_name (source, name);
  g_source_set_callback (source, func, self, NULL);
  g_source_attach (source, g_main_context_get_thread_default ());
  return source;
}

/* Calls over, which may drop it, after that time. */
void
hypha_login_set_lifetime (HyphaLogin     *self,
                          guint           milliseconds,
                          HyphaLoginFunc  over,
                          gpointer        data)
{
  hypha_login_stop (&self->over);
  self->over_func = over;
  self->over_data = data;
  self->over = hypha_login_plan (self, milliseconds, "hypha-login", hypha_login_is_over);
}

HyphaQuestion *
hypha_login_get_question (HyphaLogin *self)
{
  return self->question;
}

/* NULL takes the one that is there away from the person. */
void
hypha_login_set_question (HyphaLogin    *self,
                          HyphaQuestion *question)
{
  if (self->question != NULL)
    hypha_question_close (self->question);
  g_set_object (&self->question, question);
}

/* Whoever waits, if anybody does; the caller owns it and answers it. */
HyphaInvocation *
hypha_login_steal_check (HyphaLogin *self,
                         gboolean   *profile)
{
  hypha_login_stop (&self->check_over);
  *profile = self->profile;
  return g_steal_pointer (&self->check);
}

/* Answers whoever waits, if anybody does, with an error, which is consumed. */
void
hypha_login_fail (HyphaLogin *self,
                  GError     *error)
{
  gboolean profile;
  g_autoptr (HyphaInvocation) check = hypha_login_steal_check (self, &profile);

  if (check != NULL)
    hypha_invocation_return_error (check, error);
  else
    g_error_free (error);
}

static gboolean
hypha_login_waited_enough (gpointer data)
{
  HyphaLogin *self = data;

  hypha_login_fail (self, g_error_new (HYPHA_ERROR, HYPHA_ERROR_TIMED_OUT,
                                       "nobody has confirmed the login %s yet: whoever sits at the "
                                       "machine of the server does so in its window, or with "
                                       "“hypha login %s”", self->code, self->code));
  return G_SOURCE_REMOVE;
}

/* check is answered when the login ends, and at the latest after that time. One waits at a time. */
void
hypha_login_wait (HyphaLogin      *self,
                  HyphaInvocation *check,
                  gboolean         profile,
                  guint            milliseconds)
{
  guint margin = MIN (HYPHA_LOGIN_CHECK_MARGIN, milliseconds / 4);

  hypha_login_fail (self, g_error_new_literal (HYPHA_ERROR, HYPHA_ERROR_BUSY,
                                               "another check of the same login has taken the "
                                               "place of this one"));
  self->check = hypha_invocation_ref (check);
  self->profile = profile;
  self->check_over = hypha_login_plan (self, milliseconds - margin, "hypha-login-check",
                                       hypha_login_waited_enough);
}
