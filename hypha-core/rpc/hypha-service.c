/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-name-private.h"
#include "hypha-rpc-codec-private.h"
#include "hypha-service-internal-private.h"

/* A service of this process: a tree of functions and values, and who may call it. */

static void
hypha_service_node_clear (HyphaServiceNode *self)
{
  g_clear_pointer (&self->children, g_ptr_array_unref);
  g_clear_pointer (&self->handler, hypha_handler_unref);
  g_clear_pointer (&self->params, g_free);
  g_clear_pointer (&self->doc, g_free);
  g_clear_pointer (&self->schema, g_variant_unref);
  g_clear_pointer (&self->value, g_variant_unref);
}

static void
hypha_service_node_free (gpointer data)
{
  HyphaServiceNode *self = data;

  hypha_service_node_clear (self);
  g_free (self->name);
  g_free (self);
}

static HyphaServiceNode *
hypha_service_node_new (const char *name)
{
  HyphaServiceNode *self = g_new0 (HyphaServiceNode, 1);

  self->name = g_strdup (name);
  return self;
}

/* The child of this name, made where there is none; what was no group becomes one. */
static HyphaServiceNode *
hypha_service_node_ensure_child (HyphaServiceNode *self,
                                 const char       *name)
{
  HyphaServiceNode *child;

  if (self->children == NULL)
    {
      hypha_service_node_clear (self);
      self->children = g_ptr_array_new_with_free_func (hypha_service_node_free);
    }

  for (guint i = 0; i < self->children->len; i++)
    {
      child = g_ptr_array_index (self->children, i);
      if (g_str_equal (child->name, name))
        return child;
    }

  child = hypha_service_node_new (name);
  g_ptr_array_add (self->children, child);
  return child;
}

/* config is an a{sv}; a floating reference is consumed. */
HyphaService *
hypha_service_new (const char *id,
                   const char *name,
                   const char *description,
                   const char *type,
                   GVariant   *config)
{
  HyphaService *self = g_rc_box_new0 (HyphaService);

  self->id = g_strdup (id);
  self->name = g_strdup (name);
  self->description = g_strdup (description);
  self->type = g_strdup (type);
  self->config = g_variant_ref_sink (config);
  self->root = hypha_service_node_new ("");
  self->root->children = g_ptr_array_new_with_free_func (hypha_service_node_free);
  return self;
}

HyphaService *
hypha_service_ref (HyphaService *self)
{
  return g_rc_box_acquire (self);
}

static void
hypha_service_free (gpointer data)
{
  HyphaService *self = data;

  g_free (self->id);
  g_free (self->name);
  g_free (self->description);
  g_free (self->type);
  g_free (self->allowed_caller);
  g_variant_unref (self->config);
  g_clear_pointer (&self->index, g_hash_table_unref);
  g_clear_pointer (&self->described, g_variant_unref);
  hypha_service_node_free (self->root);
}

void
hypha_service_unref (HyphaService *self)
{
  g_rc_box_release_full (self, hypha_service_free);
}

/* An a{sv}; a floating reference is consumed. Who has the description already keeps that. */
void
hypha_service_set_config (HyphaService *self,
                          GVariant     *config)
{
  g_variant_unref (self->config);
  self->config = g_variant_ref_sink (config);
  g_clear_pointer (&self->described, g_variant_unref);
}

const char *
hypha_service_get_id (HyphaService *self)
{
  return self->id;
}

/* A place for a new member at path. */
static HyphaServiceNode *
hypha_service_take_node (HyphaService *self,
                         const char   *path)
{
  g_auto (GStrv) parts = g_strsplit (path, ".", -1);
  HyphaServiceNode *node = self->root;

  for (guint i = 0; parts[i] != NULL; i++)
    node = hypha_service_node_ensure_child (node, parts[i]);

  g_clear_pointer (&self->index, g_hash_table_unref);
  g_clear_pointer (&self->described, g_variant_unref);
  hypha_service_node_clear (node);
  return node;
}

void
hypha_service_add_function (HyphaService     *self,
                            const char       *path,
                            const char       *params,
                            const char       *doc,
                            GVariant         *schema,
                            HyphaServiceFunc  func,
                            gpointer          data,
                            GDestroyNotify    destroy)
{
  HyphaServiceNode *node = hypha_service_take_node (self, path);

  node->handler = hypha_handler_new (func, data, destroy);
  node->params = g_strdup (params);
  node->doc = g_strdup (doc);
  node->schema = schema != NULL ? g_variant_ref_sink (schema) : NULL;
}

void
hypha_service_add_value (HyphaService *self,
                         const char   *path,
                         GVariant     *value)
{
  HyphaServiceNode *node = hypha_service_take_node (self, path);

  node->value = g_variant_ref_sink (value);
}

/* Adds a table of methods that share their data. */
void
hypha_service_add_methods (HyphaService             *self,
                           const HyphaServiceMethod *methods,
                           gsize                     n_methods,
                           gpointer                  data)
{
  for (gsize i = 0; i < n_methods; i++)
    hypha_service_add_function (self, methods[i].name, methods[i].params, methods[i].doc, NULL,
                                methods[i].func, data, NULL);
}

static void
hypha_service_index_spelling (HyphaService *self,
                              char         *path,
                              HyphaHandler *handler)
{
  if (g_hash_table_contains (self->index, path))
    g_free (path);
  else
    g_hash_table_insert (self->index, path, hypha_handler_ref (handler));
}

/* The functions below node under the names they were given, or under the other spellings of them. */
static void
hypha_service_index_node (HyphaService     *self,
                          HyphaServiceNode *node,
                          const char       *path,
                          gboolean          others)
{
  for (guint i = 0; node->children != NULL && i < node->children->len; i++)
    {
      HyphaServiceNode *child = g_ptr_array_index (node->children, i);
      g_autofree char *below = path[0] == '\0' ? g_strdup (child->name) :
                                                 g_strconcat (path, ".", child->name, NULL);

      hypha_service_index_node (self, child, below, others);
      if (child->handler == NULL)
        continue;

      if (!others)
        {
          hypha_service_index_spelling (self, g_steal_pointer (&below), child->handler);
          continue;
        }

      hypha_service_index_spelling (self, hypha_name_path_to_snake (below), child->handler);
      hypha_service_index_spelling (self, hypha_name_path_to_camel (below), child->handler);
    }
}

/* The function at path, in snake_case or camelCase; NULL if there is none. */
HyphaHandler *
hypha_service_dup_handler (HyphaService *self,
                           const char   *path)
{
  HyphaHandler *handler;

  if (self->index == NULL)
    {
      self->index = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                           (GDestroyNotify) hypha_handler_unref);
      hypha_service_index_node (self, self->root, "", FALSE);
      hypha_service_index_node (self, self->root, "", TRUE);
    }

  handler = g_hash_table_lookup (self->index, path);
  return handler != NULL ? hypha_handler_ref (handler) : NULL;
}

static const char *
hypha_service_get_visibility (HyphaService *self)
{
  const char *visibility = "protected";

  g_variant_lookup (self->config, "visibility", "&s", &visibility);
  return visibility;
}

gboolean
hypha_service_is_public (HyphaService *self)
{
  return g_str_equal (hypha_service_get_visibility (self), "public");
}

/* Whether config names word in the list at key, which may be an as or an av. */
static gboolean
hypha_service_config_lists (HyphaService *self,
                            const char   *key,
                            const char   *word)
{
  g_autoptr (GVariant) list = g_variant_lookup_value (self->config, key, G_VARIANT_TYPE_ARRAY);
  gboolean found = FALSE;

  for (gsize i = 0; list != NULL && !found && i < g_variant_n_children (list); i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (list, i);
      g_autoptr (GVariant) item = g_variant_is_of_type (child, G_VARIANT_TYPE_VARIANT) ?
                                  g_variant_get_variant (child) : g_variant_ref (child);

      found = g_variant_is_of_type (item, G_VARIANT_TYPE_STRING) &&
              g_str_equal (g_variant_get_string (item, NULL), word);
    }

  return found;
}

gboolean
hypha_service_admits (HyphaService *self,
                      const char   *own_workspace,
                      const char   *workspace)
{
  const char *visibility = hypha_service_get_visibility (self);

  if (g_str_equal (visibility, "public") || g_str_equal (visibility, "unlisted") ||
      g_str_equal (own_workspace, workspace))
    return TRUE;

  return g_str_equal (visibility, "protected") &&
         hypha_service_config_lists (self, "authorized_workspaces", workspace);
}

/* What is no list of keys trusts nobody. */
gboolean
hypha_service_trusts_keys (HyphaService *self)
{
  g_autoptr (GVariant) keys = g_variant_lookup_value (self->config, "trusted_keys", NULL);

  if (keys == NULL || hypha_rpc_codec_is_null (keys))
    return FALSE;

  return !g_variant_is_of_type (keys, G_VARIANT_TYPE_ARRAY) || g_variant_n_children (keys) > 0;
}

gboolean
hypha_service_wants_context (HyphaService *self,
                             const char   *path)
{
  gboolean all = FALSE;

  return (g_variant_lookup (self->config, "require_context", "b", &all) && all) ||
         hypha_service_config_lists (self, "require_context", path);
}

/* Makes it the service id that caller alone may call; to be done before it is added. */
void
hypha_service_lend (HyphaService *self,
                    const char   *id,
                    const char   *caller)
{
  g_free (self->id);
  g_free (self->allowed_caller);
  self->id = g_strdup (id);
  self->allowed_caller = g_strdup (caller);
  g_clear_pointer (&self->described, g_variant_unref);
}

const char *
hypha_service_get_allowed_caller (HyphaService *self)
{
  return self->allowed_caller;
}
