/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-login-desk-private.h"

G_BEGIN_DECLS

/* For hypha-login-desk*.c alone. */

struct _HyphaLoginDesk
{
  HyphaManager *manager;  /* owns this */
  GPtrArray    *logins;   /* of HyphaLogin, the oldest first */
  char         *command;  /* that the log names */
  guint         lifetime; /* milliseconds */
};

/* hypha-login-desk.c: the service, and which logins there are */
void hypha_login_desk_remove (HyphaLoginDesk *self,
                              HyphaLogin     *login);

/* hypha-login-desk-start.c: a login begins */
double hypha_login_desk_take_number (HyphaInvocation *invocation,
                                     guint            index,
                                     const char      *name,
                                     double           otherwise);
void   hypha_login_desk_start       (HyphaInvocation *invocation,
                                     gpointer         data);

/* hypha-login-desk-person.c: the person decides */
void hypha_login_desk_show_next (HyphaLoginDesk *self);

/* hypha-login-desk-check.c: a login ends */
void hypha_login_desk_finish (HyphaLoginDesk  *self,
                              HyphaLogin      *login,
                              HyphaInvocation *check,
                              gboolean         profile);
void hypha_login_desk_check  (HyphaInvocation *invocation,
                              gpointer         data);

G_END_DECLS
