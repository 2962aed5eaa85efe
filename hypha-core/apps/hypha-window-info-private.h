/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-user-info.h"
#include "hypha-window-info.h"

G_BEGIN_DECLS

/* The only server_url that setupLocalClient() of hypha-rpc accepts starts like this. */
#define HYPHA_WINDOW_SERVER_URL "https://local-hypha-server:9527"

/* Smallest and largest width and height that a config can ask for, in pixels. */
#define HYPHA_WINDOW_MIN_SIZE 100
#define HYPHA_WINDOW_MAX_SIZE 4096

HyphaWindowInfo *hypha_window_info_new         (const char      *name,
                                                const char      *workspace,
                                                const char      *client_id,
                                                HyphaUserInfo   *user,
                                                const char      *uri,
                                                GVariant        *config);
HyphaUserInfo   *hypha_window_info_get_user    (HyphaWindowInfo *self);
GVariant        *hypha_window_info_get_config  (HyphaWindowInfo *self);
void             hypha_window_info_set_source_uri (HyphaWindowInfo *self,
                                                   const char      *uri);

G_END_DECLS
