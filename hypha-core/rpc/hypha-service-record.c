/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-rpc-codec-private.h"
#include "hypha-service-internal-private.h"

/* How others see a service: with addresses where they ask for it, as a schema in the registry. */

/* What is made of each member that is no group; returns a floating value. */
typedef struct _HyphaServiceView HyphaServiceView;
struct _HyphaServiceView
{
  GVariant     *(*function) (const HyphaServiceView *view,
                             const HyphaServiceNode *node,
                             const char             *path);
  GVariant     *(*value)    (GVariant *value);
  HyphaService  *service;
  const char    *target;
  const char    *server_url;
};

/* What a parameter may be: “string”, or “string|object”; anything where types is NULL. */
static GVariant *
hypha_service_describe_types (const char *types)
{
  g_auto (GStrv) names = g_strsplit (types != NULL ? types : "", "|", -1);
  GVariantDict schema;

  g_variant_dict_init (&schema, NULL);
  if (g_strv_length (names) == 1)
    g_variant_dict_insert (&schema, "type", "s", names[0]);
  else if (names[0] != NULL)
    {
      GVariantBuilder list;

      g_variant_builder_init (&list, G_VARIANT_TYPE ("av"));
      for (char **name = names; *name != NULL; name++)
        g_variant_builder_add (&list, "v", g_variant_new_string (*name));
      g_variant_dict_insert_value (&schema, "type", g_variant_builder_end (&list));
    }

  return g_variant_dict_end (&schema);
}

/* One parameter, “name?: type”; the name of one that has to be there goes into required. */
static void
hypha_service_describe_param (const char      *param,
                              GVariantBuilder *properties,
                              GPtrArray       *required)
{
  g_auto (GStrv) halves = g_strsplit (param, ": ", 2);
  gboolean optional = g_str_has_suffix (halves[0], "?");

  if (optional)
    halves[0][strlen (halves[0]) - 1] = '\0';
  else if (halves[1] != NULL)
    g_ptr_array_add (required, g_variant_new_variant (g_variant_new_string (halves[0])));

  g_variant_builder_add (properties, "{sv}", halves[0], hypha_service_describe_types (halves[1]));
}

/* A JSON schema of the parameters, so that clients can pass keywords and know what is wanted. */
static GVariant *
hypha_service_describe_params (const char *params)
{
  g_auto (GStrv) all = g_strsplit (params != NULL ? params : "", ", ", -1);
  g_autoptr (GPtrArray) required = g_ptr_array_new ();
  GVariantBuilder properties;
  GVariantDict schema;

  g_variant_builder_init (&properties, G_VARIANT_TYPE_VARDICT);
  for (char **param = all; *param != NULL; param++)
    hypha_service_describe_param (*param, &properties, required);

  g_variant_dict_init (&schema, NULL);
  g_variant_dict_insert (&schema, "type", "s", "object");
  g_variant_dict_insert_value (&schema, "properties", g_variant_builder_end (&properties));
  if (required->len > 0)
    g_variant_dict_insert_value (&schema, "required",
                                 g_variant_new_array (G_VARIANT_TYPE_VARIANT,
                                                      (GVariant *const *) required->pdata,
                                                      required->len));
  return g_variant_dict_end (&schema);
}

static GVariant *
hypha_service_describe_function (const HyphaServiceNode *node)
{
  GVariantDict schema;

  g_variant_dict_init (&schema, NULL);
  g_variant_dict_insert (&schema, "name", "s", node->name);
  g_variant_dict_insert (&schema, "description", "s", node->doc != NULL ? node->doc : "");
  g_variant_dict_insert_value (&schema, "parameters",
                               node->schema != NULL ? node->schema :
                                                      hypha_service_describe_params (node->params));
  return g_variant_dict_end (&schema);
}

static GVariant *
hypha_service_address_function (const HyphaServiceView *view,
                                const HyphaServiceNode *node,
                                const char             *path)
{
  g_autofree char *method_id = g_strconcat ("services.", view->service->id, ".", path, NULL);

  return hypha_rpc_codec_method (view->server_url, view->target, method_id, node->name, node->doc,
                                 hypha_service_describe_function (node));
}

static GVariant *
hypha_service_show_value (GVariant *value)
{
  return value;
}

static GVariant *
hypha_service_type_function (const HyphaServiceView *view,
                             const HyphaServiceNode *node,
                             const char             *path)
{
  GVariantDict type;

  g_variant_dict_init (&type, NULL);
  g_variant_dict_insert (&type, "type", "s", "function");
  g_variant_dict_insert_value (&type, "function", hypha_service_describe_function (node));
  return g_variant_dict_end (&type);
}

static const char *
hypha_service_name_type (GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return "string";
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    return "boolean";
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_MAYBE))
    return "null";
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BASIC))
    return "number";

  return NULL;
}

/* The types of what is in a value; an empty map for what has none, like bytes. */
static GVariant *
hypha_service_type_value (GVariant *value)
{
  gboolean map = g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT);
  const char *name = hypha_service_name_type (value);
  GVariantBuilder builder;

  if (!map && g_variant_is_of_type (value, G_VARIANT_TYPE ("av")))
    {
      g_variant_builder_init (&builder, G_VARIANT_TYPE ("av"));
      for (gsize i = 0; i < g_variant_n_children (value); i++)
        {
          g_autoptr (GVariant) item = NULL;

          g_variant_get_child (value, i, "v", &item);
          g_variant_builder_add (&builder, "v", hypha_service_type_value (item));
        }

      return g_variant_builder_end (&builder);
    }

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  if (name != NULL)
    g_variant_builder_add (&builder, "{sv}", "type", g_variant_new_string (name));
  for (gsize i = 0; map && i < g_variant_n_children (value); i++)
    {
      g_autoptr (GVariant) item = NULL;
      const char *key;

      g_variant_get_child (value, i, "{&sv}", &key, &item);
      g_variant_builder_add (&builder, "{sv}", key, hypha_service_type_value (item));
    }

  return g_variant_builder_end (&builder);
}

static GVariant *hypha_service_view_group (const HyphaServiceView *view,
                                           const HyphaServiceNode *group,
                                           const char             *path);

static GVariant *
hypha_service_view_node (const HyphaServiceView *view,
                         const HyphaServiceNode *node,
                         const char             *path)
{
  if (node->children != NULL)
    return hypha_service_view_group (view, node, path);
  if (node->handler != NULL)
    return view->function (view, node, path);

  return view->value (node->value);
}

/* “0”, “1”, and so on, in this order and nothing else. */
static gboolean
hypha_service_node_is_list (const HyphaServiceNode *self)
{
  for (guint i = 0; i < self->children->len; i++)
    {
      const HyphaServiceNode *child = g_ptr_array_index (self->children, i);
      char name[16];

      g_snprintf (name, sizeof name, "%u", i);
      if (!g_str_equal (child->name, name))
        return FALSE;
    }

  return self->children->len > 0;
}

static GVariant *
hypha_service_view_group (const HyphaServiceView *view,
                          const HyphaServiceNode *group,
                          const char             *path)
{
  gboolean list = path[0] != '\0' && hypha_service_node_is_list (group);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, list ? G_VARIANT_TYPE ("av") : G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < group->children->len; i++)
    {
      const HyphaServiceNode *child = g_ptr_array_index (group->children, i);
      g_autofree char *below = path[0] == '\0' ? g_strdup (child->name) :
                                                 g_strconcat (path, ".", child->name, NULL);
      GVariant *shown = hypha_service_view_node (view, child, below);

      if (list)
        g_variant_builder_add (&builder, "v", shown);
      else
        g_variant_builder_add (&builder, "{sv}", child->name, shown);
    }

  return g_variant_builder_end (&builder);
}

/* What describes the service rather than belongs to it; no member takes its place. */
static void
hypha_service_add_metadata (HyphaService *self,
                            GVariantDict *dict)
{
  g_variant_dict_insert (dict, "id", "s", self->id);
  g_variant_dict_insert (dict, "name", "s", self->name);
  g_variant_dict_insert (dict, "description", "s", self->description);
  g_variant_dict_insert (dict, "type", "s", self->type);
  g_variant_dict_insert_value (dict, "config", self->config);
}

/* The members alone, each function as an address at target. Floating. */
GVariant *
hypha_service_describe_members (HyphaService *self,
                                const char   *target,
                                const char   *server_url)
{
  const HyphaServiceView view = {
    hypha_service_address_function, hypha_service_show_value, self, target, server_url
  };

  return hypha_service_view_group (&view, self->root, "");
}

/* The map that get_service returns: metadata, and each method as an address at target. */
GVariant *
hypha_service_describe (HyphaService *self,
                        const char   *target,
                        const char   *server_url)
{
  g_autoptr (GVariant) members = NULL;
  GVariantDict dict;

  if (self->described != NULL)
    return g_variant_ref (self->described);

  members = g_variant_ref_sink (hypha_service_describe_members (self, target, server_url));
  g_variant_dict_init (&dict, members);
  hypha_service_add_metadata (self, &dict);
  self->described = g_variant_ref_sink (g_variant_dict_end (&dict));
  return g_variant_ref (self->described);
}

GVariant *
hypha_service_dup_record (HyphaService *self)
{
  const HyphaServiceView view = {
    hypha_service_type_function, hypha_service_type_value, self, NULL, NULL
  };
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  hypha_service_add_metadata (self, &dict);
  g_variant_dict_insert_value (&dict, "service_schema",
                               hypha_service_view_group (&view, self->root, ""));
  g_variant_dict_insert (&dict, "app_id", "s", "*");
  return g_variant_dict_end (&dict);
}
