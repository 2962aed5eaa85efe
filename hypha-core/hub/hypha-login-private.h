/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-invocation-private.h"
#include "hypha-question-private.h"
#include "hypha-router-private.h"

G_BEGIN_DECLS

/* Random bytes of a key, and characters of a code that a person compares, without its dash. */
#define HYPHA_LOGIN_KEY_SIZE 32
#define HYPHA_LOGIN_CODE_SIZE 8
/* How long before its caller gives up a check is answered, in milliseconds. */
#define HYPHA_LOGIN_CHECK_MARGIN 500

typedef enum
{
  HYPHA_LOGIN_WAITING,
  HYPHA_LOGIN_CONFIRMED,
  HYPHA_LOGIN_REFUSED,
} HyphaLoginState;

/*
 * Somebody who wants to log in and has not been answered. There is no token in it: that is made
 * when it is handed out, to the client that has asked and to no other.
 */
typedef struct _HyphaLogin HyphaLogin;

typedef void (*HyphaLoginFunc) (HyphaLogin *login,
                                gpointer    data);

HyphaLogin     *hypha_login_new           (HyphaPeer       *caller,
                                           const char      *workspace,
                                           gint64           expires_in,
                                           GError         **error);
HyphaLogin     *hypha_login_ref           (HyphaLogin      *self);
void            hypha_login_unref         (HyphaLogin      *self);
const char     *hypha_login_get_key       (HyphaLogin      *self);
const char     *hypha_login_get_code      (HyphaLogin      *self);
const char     *hypha_login_get_client    (HyphaLogin      *self);
const char     *hypha_login_get_address   (HyphaLogin      *self);
const char     *hypha_login_get_workspace (HyphaLogin      *self);
gint64          hypha_login_get_expires_in (HyphaLogin     *self);
HyphaLoginState hypha_login_get_state     (HyphaLogin      *self);
void            hypha_login_set_state     (HyphaLogin      *self,
                                           HyphaLoginState  state);
gboolean        hypha_login_has_key       (HyphaLogin      *self,
                                           const char      *key);
gboolean        hypha_login_has_code      (HyphaLogin      *self,
                                           const char      *code);
void            hypha_login_set_lifetime  (HyphaLogin      *self,
                                           guint            milliseconds,
                                           HyphaLoginFunc   over,
                                           gpointer         data);
HyphaQuestion  *hypha_login_get_question  (HyphaLogin      *self);
void            hypha_login_set_question  (HyphaLogin      *self,
                                           HyphaQuestion   *question);
void            hypha_login_wait          (HyphaLogin      *self,
                                           HyphaInvocation *check,
                                           gboolean         profile,
                                           guint            milliseconds);
HyphaInvocation *hypha_login_steal_check  (HyphaLogin      *self,
                                           gboolean        *profile);
void            hypha_login_fail          (HyphaLogin      *self,
                                           GError          *error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaLogin, hypha_login_unref)

G_END_DECLS
