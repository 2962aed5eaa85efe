/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-manager-private.h"
#include "hypha-server-private.h"

G_BEGIN_DECLS

#define HYPHA_TYPE_HTTP_LOGIN (hypha_http_login_get_type ())

G_DECLARE_FINAL_TYPE (HyphaHttpLogin, hypha_http_login, HYPHA, HTTP_LOGIN, GObject)

HyphaHttpLogin *hypha_http_login_new (HyphaServer  *server,
                                      HyphaManager *manager);

G_END_DECLS
