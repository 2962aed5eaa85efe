/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "fuzz.h"
#include "hypha-json-private.h"
#include "hypha-plugin-private.h"

/* What parses as a plugin is the source of one, and its config can travel. */
int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  g_autofree char *source = g_strndup ((const char *) data, size);
  gboolean is_source = hypha_plugin_is_source (source);
  g_autoptr (HyphaPlugin) plugin = hypha_plugin_parse (source, NULL, NULL);
  g_autoptr (JsonNode) node = NULL;

  if (plugin == NULL)
    return 0;

  g_assert_true (is_source);
  g_assert_nonnull (hypha_plugin_get_name (plugin));
  node = hypha_json_from_variant (hypha_plugin_get_config (plugin));
  g_assert_true (JSON_NODE_HOLDS_OBJECT (node));
  return 0;
}
