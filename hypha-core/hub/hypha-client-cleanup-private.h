/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-manager-private.h"

G_BEGIN_DECLS

/* The method cleanup: clients that do not answer are sent away. One at a time for each workspace. */
typedef struct _HyphaClientCleanup HyphaClientCleanup;

HyphaClientCleanup *hypha_client_cleanup_new  (HyphaManager       *manager);
void                hypha_client_cleanup_free (HyphaClientCleanup *self);

G_END_DECLS
