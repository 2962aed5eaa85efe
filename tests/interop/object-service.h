/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-rpc-private.h"
#include "hypha-service-private.h"

G_BEGIN_DECLS

/* The service “objects” of rpc: a function for everything that objects can do. */
HyphaService *object_service_new (HyphaRpc        *rpc);

/* For the two files that make it. */
void          object_values_add  (HyphaService    *service);
gint64        object_take_number (HyphaInvocation *invocation,
                                  guint            index,
                                  const char      *name,
                                  gint64           fallback);

G_END_DECLS
