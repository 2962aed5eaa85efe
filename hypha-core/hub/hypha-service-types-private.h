/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-manager-private.h"

G_BEGIN_DECLS

/* Types that one workspace may have, and the size of one, in bytes. */
#define HYPHA_SERVICE_TYPES_MAX 256
#define HYPHA_SERVICE_TYPES_MAX_SIZE (64 * 1024)

/*
 * What kinds of services a workspace agrees on: register_service_type and so on. They last as long
 * as somebody is in the workspace.
 */
typedef struct _HyphaServiceTypes HyphaServiceTypes;

HyphaServiceTypes *hypha_service_types_new   (HyphaManager      *manager);
void               hypha_service_types_free  (HyphaServiceTypes *self);
guint              hypha_service_types_get_n (HyphaServiceTypes *self);

G_END_DECLS
