/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-login-private.h"
#include "hypha-manager-private.h"

G_BEGIN_DECLS

/* Logins that wait: of one client, of one address, of all. */
#define HYPHA_LOGIN_DESK_MAX_OF_CLIENT 4
#define HYPHA_LOGIN_DESK_MAX_OF_ADDRESS 16
#define HYPHA_LOGIN_DESK_MAX 64
/* Logins that are before the person at a time; the others come after them. */
#define HYPHA_LOGIN_DESK_MAX_SHOWN 4
/* How long a login waits to be confirmed and fetched, in seconds, and a check if it does not say. */
#define HYPHA_LOGIN_DESK_LIFETIME 300
#define HYPHA_LOGIN_DESK_CHECK_TIMEOUT 60
/* Longest life of a token that a login asks for, in seconds. */
#define HYPHA_LOGIN_DESK_MAX_EXPIRES_IN (366 * 86400)
/* The workspace of whoever asks for none, as of “hypha token”. */
#define HYPHA_LOGIN_DESK_WORKSPACE "desktop"

/*
 * The service “public/hypha-login”: whoever asks there gets a token of the person at this machine,
 * once that person has agreed. Owned by the manager.
 */
HyphaLoginDesk *hypha_login_desk_new          (HyphaManager    *manager,
                                               HyphaLocalClient *client);
void            hypha_login_desk_free         (HyphaLoginDesk  *self);
void            hypha_login_desk_set_command  (HyphaLoginDesk  *self,
                                               const char      *command);
void            hypha_login_desk_set_lifetime (HyphaLoginDesk  *self,
                                               guint            milliseconds);
GPtrArray      *hypha_login_desk_list         (HyphaLoginDesk  *self);
HyphaLogin     *hypha_login_desk_find_key     (HyphaLoginDesk  *self,
                                               const char      *key);
gboolean        hypha_login_desk_decide       (HyphaLoginDesk  *self,
                                               const char      *code,
                                               gboolean         yes,
                                               GError         **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaLoginDesk, hypha_login_desk_free)

G_END_DECLS
