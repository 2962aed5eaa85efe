/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-plugin-scanner-private.h"

#include <string.h>

#include "hypha-json-private.h"

struct _HyphaPlugin
{
  char     *name;
  char     *type;
  GVariant *config;
};

static void
hypha_plugin_clear (gpointer data)
{
  HyphaPlugin *self = data;

  g_free (self->name);
  g_free (self->type);
  g_clear_pointer (&self->config, g_variant_unref);
}

HyphaPlugin *
hypha_plugin_ref (HyphaPlugin *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
hypha_plugin_unref (HyphaPlugin *self)
{
  g_atomic_rc_box_release_full (self, hypha_plugin_clear);
}

const char *
hypha_plugin_get_name (HyphaPlugin *self)
{
  return self->name;
}

/* The type that the config names for the tag; NULL if it names none. */
const char *
hypha_plugin_get_plugin_type (HyphaPlugin *self)
{
  return self->type;
}

/* What travels to the plugin's page as “config”: a{sv}, null being the empty mv. */
GVariant *
hypha_plugin_get_config (HyphaPlugin *self)
{
  return self->config;
}

/* Whether text is the source of a plugin, and not a URL or any other HTML. */
gboolean
hypha_plugin_is_source (const char *text)
{
  return g_utf8_validate (text, -1, NULL) && hypha_plugin_scan_finds (text, "config");
}

static gboolean
hypha_plugin_refuse (const char  *problem,
                     int          code,
                     GError     **error)
{
  g_set_error (error, HYPHA_ERROR, code, "Failed to parse the plugin file, error: %s", problem);
  return FALSE;
}

/* What a derivation works with: the fields so far, and what they come from. */
typedef struct
{
  const char   *source;
  GPtrArray    *blocks;
  GVariantDict  config;
  char         *tag;
} HyphaPluginBuild;

static void
hypha_plugin_build_clear (HyphaPluginBuild *self)
{
  g_clear_pointer (&self->blocks, g_ptr_array_unref);
  g_variant_dict_clear (&self->config);
  g_clear_pointer (&self->tag, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (HyphaPluginBuild, hypha_plugin_build_clear)

static HyphaPluginBlock *
hypha_plugin_build_find (HyphaPluginBuild *self,
                         const char       *type)
{
  for (guint i = 0; i < self->blocks->len; i++)
    {
      HyphaPluginBlock *block = g_ptr_array_index (self->blocks, i);

      if (g_str_equal (block->type, type))
        return block;
    }

  return NULL;
}

static char *
hypha_plugin_build_dup_content (HyphaPluginBuild *self,
                                HyphaPluginBlock *block)
{
  return hypha_plugin_deindent (self->source + block->start, block->end - block->start);
}

/* The JSON object in the first config block. */
static gboolean
hypha_plugin_build_read_config (HyphaPluginBuild  *self,
                                GError           **error)
{
  HyphaPluginBlock *block = hypha_plugin_build_find (self, "config");
  const char *lang = block != NULL ? hypha_plugin_block_get_attribute (block, "lang") : NULL;
  g_autoptr (JsonNode) root = NULL;
  g_autoptr (GVariant) fields = NULL;
  g_autoptr (GError) json_error = NULL;

  if (block == NULL)
    return hypha_plugin_refuse ("it has no <config> block", HYPHA_ERROR_INVALID_ARGUMENT, error);

  if (g_strcmp0 (lang, "yaml") == 0)
    return hypha_plugin_refuse ("YAML not supported", HYPHA_ERROR_INVALID_ARGUMENT, error);

  if (lang != NULL && !g_str_equal (lang, "json"))
    return hypha_plugin_refuse ("the config block is not in JSON", HYPHA_ERROR_INVALID_ARGUMENT,
                                error);

  if (block->end - block->start > HYPHA_PLUGIN_MAX_CONFIG_SIZE)
    return hypha_plugin_refuse ("the config block is too long", HYPHA_ERROR_TOO_LARGE, error);

  root = hypha_json_parse (self->source + block->start, block->end - block->start,
                           HYPHA_JSON_MAX_DEPTH, &json_error);
  if (root == NULL)
    return hypha_plugin_refuse (json_error->message, HYPHA_ERROR_INVALID_ARGUMENT, error);

  if (!JSON_NODE_HOLDS_OBJECT (root))
    return hypha_plugin_refuse ("the config block is not a JSON object",
                                HYPHA_ERROR_INVALID_ARGUMENT, error);

  fields = g_variant_ref_sink (hypha_json_to_variant (root));
  g_variant_dict_init (&self->config, fields);
  return TRUE;
}

/* Without a tag from outside, the first one that the plugin lists. */
static void
hypha_plugin_build_choose_tag (HyphaPluginBuild *self,
                               const char       *tag)
{
  g_autoptr (GVariant) tags = NULL;
  g_autoptr (GVariant) first = NULL;

  self->tag = g_strdup (tag);
  tags = g_variant_dict_lookup_value (&self->config, "tags", G_VARIANT_TYPE ("av"));
  if (self->tag == NULL && tags != NULL && g_variant_n_children (tags) > 0)
    {
      g_variant_get_child (tags, 0, "v", &first);
      if (g_variant_is_of_type (first, G_VARIANT_TYPE_STRING))
        self->tag = g_variant_dup_string (first, NULL);
    }

  if (self->tag != NULL)
    g_variant_dict_insert (&self->config, "tag", "s", self->tag);
  else
    g_variant_dict_remove (&self->config, "tag");
}

/* A field that is an object has a value for each tag. */
static gboolean
hypha_plugin_build_configure_field (HyphaPluginBuild  *self,
                                    const char        *field,
                                    GError           **error)
{
  g_autoptr (GVariant) choices = NULL;
  g_autoptr (GVariant) choice = NULL;

  choices = g_variant_dict_lookup_value (&self->config, field, G_VARIANT_TYPE_VARDICT);
  if (choices == NULL)
    return TRUE;

  if (self->tag == NULL)
    return hypha_plugin_refuse ("You must use 'tags' with configurable fields.",
                                HYPHA_ERROR_INVALID_ARGUMENT, error);

  choice = g_variant_lookup_value (choices, self->tag, NULL);
  if (choice != NULL)
    g_variant_dict_insert_value (&self->config, field, choice);
  else
    g_variant_dict_remove (&self->config, field);
  return TRUE;
}

static gboolean
hypha_plugin_build_configure (HyphaPluginBuild  *self,
                              GError           **error)
{
  static const char *const fields[] = { "env",   "requirements", "dependencies", "icon",
                                        "ui",    "type",         "flags",        "labels",
                                        "cover", "base_frame",   "base_worker",  "passive" };

  for (gsize i = 0; i < G_N_ELEMENTS (fields); i++)
    {
      if (!hypha_plugin_build_configure_field (self, fields[i], error))
        return FALSE;
    }

  return TRUE;
}

/* Copies an attribute that has a name of its own in the record. */
static void
hypha_plugin_copy_attribute (GVariantDict     *record,
                             HyphaPluginBlock *block,
                             const char       *name)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (block->attributes, name, NULL);

  if (value != NULL)
    g_variant_dict_insert_value (record, name, value);
}

static GVariant *
hypha_plugin_build_record (HyphaPluginBuild *self,
                           HyphaPluginBlock *block)
{
  g_autofree char *content = hypha_plugin_build_dup_content (self, block);
  GVariantDict record;

  g_variant_dict_init (&record, NULL);
  g_variant_dict_insert (&record, "type", "s", block->type);
  g_variant_dict_insert (&record, "content", "s", content);
  g_variant_dict_insert_value (&record, "attrs", block->attributes);
  g_variant_dict_insert (&record, "start", "x", (gint64) block->start);
  g_variant_dict_insert (&record, "end", "x", (gint64) block->end);
  hypha_plugin_copy_attribute (&record, block, "lang");
  hypha_plugin_copy_attribute (&record, block, "src");
  hypha_plugin_copy_attribute (&record, block, "scoped");
  hypha_plugin_copy_attribute (&record, block, "module");
  return g_variant_dict_end (&record);
}

/* Whether a script is for the chosen tag: one without a tag is for all of them. */
static gboolean
hypha_plugin_build_wants (HyphaPluginBuild *self,
                          HyphaPluginBlock *block)
{
  const char *tag = hypha_plugin_block_get_attribute (block, "tag");

  return tag == NULL || g_strcmp0 (tag, self->tag) == 0;
}

static void
hypha_plugin_build_add_list (HyphaPluginBuild *self,
                             const char       *field,
                             const char       *type)
{
  GVariantBuilder list = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("av"));
  gboolean scripts = g_str_equal (type, "script");

  for (guint i = 0; i < self->blocks->len; i++)
    {
      HyphaPluginBlock *block = g_ptr_array_index (self->blocks, i);

      if (g_str_equal (block->type, type) && (!scripts || hypha_plugin_build_wants (self, block)))
        g_variant_builder_add (&list, "v", hypha_plugin_build_record (self, block));
    }

  g_variant_dict_insert_value (&self->config, field, g_variant_builder_end (&list));
}

/*
 * “script” and “lang” are what hosts that run only one script look at: the last that is for just
 * this tag, else the first of all.
 */
static void
hypha_plugin_build_add_script (HyphaPluginBuild *self)
{
  HyphaPluginBlock *chosen = NULL;
  g_autofree char *content = NULL;
  const char *lang = NULL;

  for (guint i = 0; i < self->blocks->len; i++)
    {
      HyphaPluginBlock *block = g_ptr_array_index (self->blocks, i);

      if (g_str_equal (block->type, "script") &&
          g_strcmp0 (hypha_plugin_block_get_attribute (block, "tag"), self->tag) == 0)
        chosen = block;
    }

  if (chosen == NULL)
    {
      chosen = hypha_plugin_build_find (self, "script");
      lang = chosen != NULL ? hypha_plugin_block_get_attribute (chosen, "lang") : NULL;
    }

  content = chosen != NULL ? hypha_plugin_build_dup_content (self, chosen) : NULL;
  if (content != NULL)
    g_variant_dict_insert (&self->config, "script", "s", content);
  else
    g_variant_dict_insert_value (&self->config, "script",
                                 g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL));
  g_variant_dict_insert (&self->config, "lang", "s", lang != NULL ? lang : "javascript");
}

static void
hypha_plugin_build_add_docs (HyphaPluginBuild *self)
{
  HyphaPluginBlock *docs = hypha_plugin_build_find (self, "docs");

  if (docs != NULL)
    g_variant_dict_insert_value (&self->config, "docs", hypha_plugin_build_record (self, docs));
}

static void
hypha_plugin_build_add_ids (HyphaPluginBuild *self,
                            const char       *name)
{
  g_autofree char *trimmed = g_strstrip (g_strdup (name));
  g_autofree char *uuid = g_uuid_string_random ();
  g_autofree char *whole = g_strdelimit (g_strdup (name), " ", '_');
  g_autofree char *id = g_strconcat (g_strdelimit (trimmed, " ", '_'), "_", uuid, NULL);

  g_variant_dict_insert (&self->config, "_id", "s", whole);
  g_variant_dict_insert (&self->config, "id", "s", id);
}

static void
hypha_plugin_build_add_rest (HyphaPluginBuild *self)
{
  g_autoptr (GVariant) requirements = NULL;
  gboolean runnable = TRUE;

  g_variant_dict_lookup (&self->config, "runnable", "b", &runnable);
  g_variant_dict_insert (&self->config, "runnable", "b", runnable);
  g_variant_dict_insert (&self->config, "code", "s", self->source);

  requirements = g_variant_dict_lookup_value (&self->config, "requirements", NULL);
  if (requirements == NULL || g_variant_is_of_type (requirements, G_VARIANT_TYPE_MAYBE))
    g_variant_dict_insert_value (&self->config, "requirements",
                                 g_variant_new_array (G_VARIANT_TYPE_VARIANT, NULL, 0));
}

static HyphaPlugin *
hypha_plugin_build_end (HyphaPluginBuild  *self,
                        GError           **error)
{
  g_autofree char *name = NULL;
  HyphaPlugin *plugin;

  if (!g_variant_dict_lookup (&self->config, "name", "s", &name) || *name == '\0')
    {
      hypha_plugin_refuse ("the config has no name", HYPHA_ERROR_INVALID_ARGUMENT, error);
      return NULL;
    }

  hypha_plugin_build_add_list (self, "scripts", "script");
  hypha_plugin_build_add_list (self, "links", "link");
  hypha_plugin_build_add_list (self, "windows", "window");
  hypha_plugin_build_add_list (self, "styles", "style");
  hypha_plugin_build_add_list (self, "attachments", "attachment");
  hypha_plugin_build_add_script (self);
  hypha_plugin_build_add_docs (self);
  hypha_plugin_build_add_ids (self, name);
  hypha_plugin_build_add_rest (self);

  plugin = g_atomic_rc_box_new0 (HyphaPlugin);
  plugin->name = g_steal_pointer (&name);
  g_variant_dict_lookup (&self->config, "type", "s", &plugin->type);
  plugin->config = g_variant_ref_sink (g_variant_dict_end (&self->config));
  return plugin;
}

/* Reads the source of a plugin; tag chooses among the variants that it may have, NULL the first. */
HyphaPlugin *
hypha_plugin_parse (const char  *source,
                    const char  *tag,
                    GError     **error)
{
  g_auto (HyphaPluginBuild) build = { .source = source, .config = G_VARIANT_DICT_INIT (NULL) };
  g_autoptr (GError) scan_error = NULL;

  if (strnlen (source, HYPHA_PLUGIN_MAX_SIZE + 1) > HYPHA_PLUGIN_MAX_SIZE)
    {
      hypha_plugin_refuse ("it is too long", HYPHA_ERROR_TOO_LARGE, error);
      return NULL;
    }

  if (!g_utf8_validate (source, -1, NULL))
    {
      hypha_plugin_refuse ("it is not UTF-8 text", HYPHA_ERROR_INVALID_ARGUMENT, error);
      return NULL;
    }

  build.blocks = hypha_plugin_scan (source, &scan_error);
  if (build.blocks == NULL)
    {
      hypha_plugin_refuse (scan_error->message, HYPHA_ERROR_TOO_LARGE, error);
      return NULL;
    }

  if (!hypha_plugin_build_read_config (&build, error))
    return NULL;

  hypha_plugin_build_choose_tag (&build, tag);
  if (!hypha_plugin_build_configure (&build, error))
    return NULL;

  return hypha_plugin_build_end (&build, error);
}
