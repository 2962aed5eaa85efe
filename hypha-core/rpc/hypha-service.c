/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-rpc-codec-private.h"
#include "hypha-service-private.h"

/* A service of this process: methods by name. The method tables are static and borrowed. */
struct _HyphaService
{
  char       *id;
  char       *name;
  char       *description;
  char       *type;
  GVariant   *config;       /* a{sv} */
  GPtrArray  *methods;      /* of HyphaServiceEntry, in the order in which they were added */
  GHashTable *by_name;      /* name → HyphaServiceEntry, borrowed from methods */
  GVariant   *described;    /* what the last describe gave; NULL after a change */
};

typedef struct
{
  const HyphaServiceMethod *method;
  gpointer                  data;
} HyphaServiceEntry;

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
  self->methods = g_ptr_array_new_with_free_func (g_free);
  self->by_name = g_hash_table_new (g_str_hash, g_str_equal);
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
  g_variant_unref (self->config);
  g_hash_table_unref (self->by_name);
  g_ptr_array_unref (self->methods);
  g_clear_pointer (&self->described, g_variant_unref);
}

void
hypha_service_unref (HyphaService *self)
{
  g_rc_box_release_full (self, hypha_service_free);
}

const char *
hypha_service_get_id (HyphaService *self)
{
  return self->id;
}

gboolean
hypha_service_is_public (HyphaService *self)
{
  const char *visibility = "protected";

  g_variant_lookup (self->config, "visibility", "&s", &visibility);
  return g_str_equal (visibility, "public");
}

/* Adds a static table of methods; a later one with the same name takes the place of the first. */
void
hypha_service_add_methods (HyphaService             *self,
                           const HyphaServiceMethod *methods,
                           gsize                     n_methods,
                           gpointer                  data)
{
  for (gsize i = 0; i < n_methods; i++)
    {
      HyphaServiceEntry *entry = g_new (HyphaServiceEntry, 1);

      entry->method = &methods[i];
      entry->data = data;
      g_ptr_array_add (self->methods, entry);
      g_hash_table_insert (self->by_name, (gpointer) methods[i].name, entry);
    }

  g_clear_pointer (&self->described, g_variant_unref);
}

/* Runs the method at path, which consumes the invocation's answer; FALSE if there is none. */
gboolean
hypha_service_invoke (HyphaService    *self,
                      const char      *path,
                      HyphaInvocation *invocation)
{
  HyphaServiceEntry *entry = g_hash_table_lookup (self->by_name, path);

  if (entry == NULL)
    return FALSE;

  entry->method->func (invocation, entry->data);
  return TRUE;
}

/* A JSON schema of the parameters: all that clients need to pass keywords. */
static GVariant *
hypha_service_describe_params (const char *params)
{
  g_auto (GStrv) names = g_strsplit (params, ", ", -1);
  GVariantDict schema;
  GVariantDict by_name;

  g_variant_dict_init (&by_name, NULL);
  for (char **p = names; *p != NULL; p++)
    g_variant_dict_insert_value (&by_name, *p, g_variant_new ("a{sv}", NULL));

  g_variant_dict_init (&schema, NULL);
  g_variant_dict_insert (&schema, "type", "s", "object");
  g_variant_dict_insert_value (&schema, "properties", g_variant_dict_end (&by_name));
  return g_variant_dict_end (&schema);
}

static GVariant *
hypha_service_describe_method (HyphaService             *self,
                               const HyphaServiceMethod *method,
                               const char               *target,
                               const char               *server_url)
{
  g_autofree char *method_id = g_strconcat ("services.", self->id, ".", method->name, NULL);
  const char *dot = strrchr (method->name, '.');
  const char *name = dot != NULL ? dot + 1 : method->name;
  GVariantDict schema;

  g_variant_dict_init (&schema, NULL);
  g_variant_dict_insert (&schema, "name", "s", name);
  g_variant_dict_insert (&schema, "description", "s", method->doc);
  g_variant_dict_insert_value (&schema, "parameters",
                               hypha_service_describe_params (method->params));

  return hypha_rpc_codec_method (server_url, target, method_id, name, method->doc,
                                 g_variant_dict_end (&schema));
}

/* The methods below prefix (“message_cache.”), or those at the top where it is empty. */
static void
hypha_service_describe_level (HyphaService *self,
                              const char   *prefix,
                              const char   *target,
                              const char   *server_url,
                              GVariantDict *level)
{
  for (guint i = 0; i < self->methods->len; i++)
    {
      HyphaServiceEntry *entry = g_ptr_array_index (self->methods, i);
      const HyphaServiceMethod *method = entry->method;
      const char *rest = method->name + strlen (prefix);
      const char *dot;
      g_autofree char *group = NULL;

      if (!g_str_has_prefix (method->name, prefix))
        continue;

      dot = strchr (rest, '.');
      if (dot == NULL)
        {
          g_variant_dict_insert_value (level, rest,
                                       hypha_service_describe_method (self, method, target,
                                                                      server_url));
          continue;
        }

      group = g_strndup (rest, dot - rest);
      if (!g_variant_dict_contains (level, group))
        {
          g_autofree char *deeper = g_strndup (method->name, dot + 1 - method->name);
          GVariantDict nested;

          g_variant_dict_init (&nested, NULL);
          hypha_service_describe_level (self, deeper, target, server_url, &nested);
          g_variant_dict_insert_value (level, group, g_variant_dict_end (&nested));
        }
    }
}

/* The map that get_service returns: metadata, and each method as an address at target. */
GVariant *
hypha_service_describe (HyphaService *self,
                        const char   *target,
                        const char   *server_url)
{
  GVariantDict dict;

  if (self->described != NULL)
    return g_variant_ref (self->described);

  g_variant_dict_init (&dict, NULL);
  hypha_service_describe_level (self, "", target, server_url, &dict);
  g_variant_dict_insert (&dict, "id", "s", self->id);
  g_variant_dict_insert (&dict, "name", "s", self->name);
  g_variant_dict_insert (&dict, "description", "s", self->description);
  g_variant_dict_insert (&dict, "type", "s", self->type);
  g_variant_dict_insert_value (&dict, "config", self->config);
  self->described = g_variant_ref_sink (g_variant_dict_end (&dict));
  return g_variant_ref (self->described);
}
