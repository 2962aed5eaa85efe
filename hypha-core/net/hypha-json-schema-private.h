/* SPDX-License-Identifier: MIT */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* Schemas within one another that are kept; what is deeper may be anything. */
#define HYPHA_JSON_SCHEMA_MAX_DEPTH 16
/* Bytes that what is kept of one schema may take; what is beyond may be anything. */
#define HYPHA_JSON_SCHEMA_MAX_SIZE ((gsize) 256 * 1024)

/*
 * JSON schemas as services describe themselves by them: written by anybody. What comes out is a
 * schema by the rules of JSON Schema 2020-12 that stands for itself, whatever came in.
 */

JsonObject *hypha_json_schema_clean (GVariant *schema,
                                     gsize    *budget);

G_END_DECLS
