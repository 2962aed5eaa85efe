/* SPDX-License-Identifier: MIT */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* The pieces that every description by OpenAPI has alike. Objects are for the caller to free. */

void        hypha_openapi_parts_begin       (JsonObject *root,
                                             const char *title,
                                             const char *server_url);
JsonObject *hypha_openapi_parts_reference   (const char *kind,
                                             const char *name);
JsonArray  *hypha_openapi_parts_security    (gboolean    optional);
JsonObject *hypha_openapi_parts_responses   (gboolean    has_body);
JsonObject *hypha_openapi_parts_content     (const char *content_type,
                                             JsonObject *schema);
void        hypha_openapi_parts_add_content (JsonObject *content,
                                             const char *content_type,
                                             JsonObject *schema);

G_END_DECLS
