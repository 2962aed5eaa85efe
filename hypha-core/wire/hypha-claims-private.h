/* SPDX-License-Identifier: MIT */
#pragma once

#include <json-glib/json-glib.h>

#include "hypha-token-private.h"

G_BEGIN_DECLS

/* Longest text in a claim, in bytes; most roles or scopes; deepest nesting of a part's JSON. */
#define HYPHA_CLAIMS_MAX_TEXT 256
#define HYPHA_CLAIMS_MAX_WORDS 64
#define HYPHA_CLAIMS_MAX_DEPTH 8

JsonObject *hypha_claims_parse   (const char   *text,
                                  gsize         size);
const char *hypha_claims_read    (JsonObject   *claims,
                                  const char   *audience,
                                  gint64        now,
                                  HyphaToken   *token);
gboolean    hypha_claims_is_reserved (const char *name);
char       *hypha_claims_to_json (HyphaToken   *token,
                                  const char   *audience);

G_END_DECLS
