/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-manager-private.h"

G_BEGIN_DECLS

/* Longest time that a client may be given to answer a ping, in seconds. */
#define HYPHA_CLIENT_METHODS_MAX_TIMEOUT 60

/* What the manager tells of clients: list_clients and ping. Their data is the manager. */

extern const HyphaServiceMethod hypha_client_methods[];
extern const gsize hypha_client_n_methods;

/* The clients of a workspace, an av of {id, user}; floating. n may be NULL. */
GVariant *hypha_client_methods_describe (HyphaManager *manager,
                                         const char   *workspace,
                                         gint64       *n);

gboolean  hypha_client_methods_take_timeout (HyphaInvocation  *invocation,
                                             guint            *milliseconds,
                                             GError          **error);

G_END_DECLS
