/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-http-request-private.h"

G_BEGIN_DECLS

/* What stands at the end of a path. */
typedef void (*HyphaHttpHandler) (HyphaHttpRequest *request);

/*
 * {x} in a pattern is any one segment, {x…} is one and all that follow. “*” are all methods. OPTIONS
 * is answered wherever there is something, but for “*” outside of workspaces.
 */
typedef struct
{
  const char       *pattern;
  const char       *methods;
  HyphaHttpHandler  handler;
} HyphaHttpRoute;

extern const HyphaHttpRoute hypha_http_routes[];
extern const gsize hypha_http_n_routes;

HyphaHttpHandler hypha_http_routes_find (HyphaHttpRequest *request);

G_END_DECLS
