/* SPDX-License-Identifier: MIT */
#pragma once

#include <json-glib/json-glib.h>

#include "hypha-error-private.h"

G_BEGIN_DECLS

/* Deepest JSON from outside that is parsed; the same as for MessagePack, for the same reason. */
#define HYPHA_JSON_MAX_DEPTH 32

JsonNode *hypha_json_parse        (const char  *text,
                                   gsize        size,
                                   guint        max_depth,
                                   GError     **error);
GVariant *hypha_json_to_variant   (JsonNode    *node);
JsonNode *hypha_json_from_variant (GVariant    *value);

G_END_DECLS
