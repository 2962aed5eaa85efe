/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-plugin-private.h"

G_BEGIN_DECLS

/* A start tag as it lies in the source. */
typedef struct
{
  char     *name;
  GVariant *attributes;
  gboolean  closed;
} HyphaPluginTag;

gboolean    hypha_plugin_is_name_char (char               c);
const char *hypha_plugin_skip_blanks  (const char        *p);
gboolean    hypha_plugin_fail         (const char        *what,
                                       int                limit,
                                       GError           **error);
const char *hypha_plugin_read_tag     (const char        *p,
                                       gboolean           nested,
                                       HyphaPluginTag    *tag,
                                       GError           **error);
void        hypha_plugin_tag_clear    (HyphaPluginTag    *tag);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (HyphaPluginTag, hypha_plugin_tag_clear)

G_END_DECLS
