/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-manager-private.h"

G_BEGIN_DECLS

/* register_service and unregister_service: who may put what into the registry. */

GVariant *hypha_registration_put (HyphaRegistry  *registry,
                                  HyphaPeer      *caller,
                                  GVariant       *record,
                                  GVariant       *config,
                                  GError        **error);

extern const HyphaServiceMethod hypha_registration_methods[];
extern const gsize hypha_registration_n_methods;

G_END_DECLS
