/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-error-private.h"

G_BEGIN_DECLS

/* Longest workspace, client or service name, in bytes. */
#define HYPHA_ADDRESS_MAX_NAME 128
/* Longest “workspace/client”, with its terminating zero. */
#define HYPHA_ADDRESS_MAX_PEER (2 * HYPHA_ADDRESS_MAX_NAME + 2)

#define HYPHA_ADDRESS_MANAGER_CLIENT "workspace-manager"
#define HYPHA_ADDRESS_MANAGER "*/" HYPHA_ADDRESS_MANAGER_CLIENT
#define HYPHA_ADDRESS_ROOT_WORKSPACE "default"
#define HYPHA_ADDRESS_ROOT_CLIENT "root"
#define HYPHA_ADDRESS_PUBLIC_WORKSPACE "public"
/* Who lets people log in: client and service of “public”. */
#define HYPHA_ADDRESS_LOGIN "hypha-login"

/* “workspace/client:service@app”; parts that the text does not have are NULL. */
typedef struct
{
  char *workspace;
  char *client;
  char *service;
  char *app;
} HyphaAddress;

gboolean hypha_address_parse              (const char    *text,
                                           HyphaAddress  *address,
                                           GError       **error);
void     hypha_address_clear              (HyphaAddress  *address);
gboolean hypha_address_is_name            (const char    *name);
gboolean hypha_address_is_service_name    (const char    *name);
gboolean hypha_address_is_reserved_client (const char    *workspace,
                                           const char    *client);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (HyphaAddress, hypha_address_clear)

G_END_DECLS
