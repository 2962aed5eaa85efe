/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-error-private.h"

G_BEGIN_DECLS

/* Largest plugin source, in bytes; most top-level blocks in it. */
#define HYPHA_PLUGIN_MAX_SIZE (10 * 1024 * 1024)
#define HYPHA_PLUGIN_MAX_BLOCKS 1000
/* Longest config block, in bytes: its JSON takes a hundred times that while it is parsed. */
#define HYPHA_PLUGIN_MAX_CONFIG_SIZE (256 * 1024)

/* A parsed *.imjoy.html file. */
typedef struct _HyphaPlugin HyphaPlugin;

gboolean     hypha_plugin_is_source      (const char   *text);
HyphaPlugin *hypha_plugin_parse          (const char   *source,
                                          const char   *tag,
                                          GError      **error);
HyphaPlugin *hypha_plugin_ref            (HyphaPlugin  *self);
void         hypha_plugin_unref          (HyphaPlugin  *self);
const char  *hypha_plugin_get_name       (HyphaPlugin  *self);
const char  *hypha_plugin_get_plugin_type (HyphaPlugin *self);
GVariant    *hypha_plugin_get_config     (HyphaPlugin  *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaPlugin, hypha_plugin_unref)

G_END_DECLS
