/* SPDX-License-Identifier: MIT */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* Size of a description, about; functions beyond it are left out, and the description says so. */
#define HYPHA_OPENAPI_MAX_SIZE ((gsize) 4 * 1024 * 1024)

typedef struct _HyphaOpenapi HyphaOpenapi;

/* A service as a description has it. */
typedef struct
{
  const char *workspace;
  const char *id;           /* as in paths */
  const char *name;
  const char *description;
  const char *type;
  GVariant   *members;      /* a service map, or the schema of one; nullable if nobody knows */
  gboolean    needs_token;
} HyphaOpenapiService;

HyphaOpenapi *hypha_openapi_new         (const char                *title,
                                         const char                *description,
                                         const char                *server_url);
void          hypha_openapi_add_service (HyphaOpenapi              *self,
                                         const HyphaOpenapiService *service);
JsonNode     *hypha_openapi_end         (HyphaOpenapi              *self);

G_END_DECLS
