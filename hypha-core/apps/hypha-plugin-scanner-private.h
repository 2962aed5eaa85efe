/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-plugin-private.h"

G_BEGIN_DECLS

/* Most elements that are open at once, and most attributes of a top-level one. */
#define HYPHA_PLUGIN_MAX_DEPTH 10000
#define HYPHA_PLUGIN_MAX_ATTRIBUTES 100

/* A top-level element; start and end say where its content lies in the source, in bytes. */
typedef struct
{
  char     *type;
  GVariant *attributes;  /* a{sv} of s, or of b TRUE where there is no value */
  gsize     start;
  gsize     end;
} HyphaPluginBlock;

GPtrArray  *hypha_plugin_scan                (const char        *source,
                                              GError           **error);
gboolean    hypha_plugin_scan_finds          (const char        *source,
                                              const char        *type);
const char *hypha_plugin_block_get_attribute (HyphaPluginBlock  *self,
                                              const char        *name);
char       *hypha_plugin_deindent            (const char        *text,
                                              gsize              size);

G_END_DECLS
