/* SPDX-License-Identifier: MIT */
#pragma once

#include <json-glib/json-glib.h>

#include "hypha-error-private.h"

G_BEGIN_DECLS

/* Deepest value that is written as JSON; what was decoded from MessagePack is not deeper. */
#define HYPHA_HTTP_MAX_DEPTH 40
/* Largest value that is written as an answer, in bytes before it is written. */
#define HYPHA_HTTP_MAX_ANSWER ((gsize) 256 * 1024 * 1024)

/* How an answer is to be written. */
typedef enum
{
  HYPHA_HTTP_FORMAT_JSON,
  HYPHA_HTTP_FORMAT_EVENTS,   /* JSON, but streams as server-sent events */
  HYPHA_HTTP_FORMAT_MSGPACK,
} HyphaHttpFormat;

HyphaHttpFormat hypha_http_format_choose  (const char       *accept,
                                           const char       *content_type);
GBytes         *hypha_http_value_to_bytes (GVariant         *value,
                                           HyphaHttpFormat   format,
                                           const char      **content_type,
                                           GError          **error);
JsonNode       *hypha_http_value_to_json  (GVariant         *value,
                                           GError          **error);

G_END_DECLS
