/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-rpc-private.h"
#include "hypha-service-private.h"

G_BEGIN_DECLS

/* The service “objects” of rpc: a function for everything that objects can do. */
HyphaService *object_service_new (HyphaRpc *rpc);

G_END_DECLS
