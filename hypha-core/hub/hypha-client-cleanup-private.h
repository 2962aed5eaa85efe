/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-manager-private.h"

G_BEGIN_DECLS

/* Calls under way for one user and for all (HyphaShares), and clients that one asks at once. */
#define HYPHA_CLIENT_CLEANUP_MAX_USER 4
#define HYPHA_CLIENT_CLEANUP_MAX 16
#define HYPHA_CLIENT_CLEANUP_MAX_ASKED 256

/* The method cleanup: clients that do not answer are sent away. One at a time for each workspace. */
typedef struct _HyphaClientCleanup HyphaClientCleanup;

HyphaClientCleanup *hypha_client_cleanup_new  (HyphaManager       *manager);
void                hypha_client_cleanup_free (HyphaClientCleanup *self);

G_END_DECLS
