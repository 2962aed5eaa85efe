/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-address-private.h"
#include "hypha-service-info-private.h"

/**
 * HyphaServiceInfo:
 *
 * The description of one registered service. Immutable: a service that is registered again gets a
 * new one.
 *
 * Since: 0.1
 */

struct _HyphaServiceInfo
{
  GObject    parent_instance;

  char      *id;         /* workspace/client:service */
  char      *workspace;
  char      *client;
  char      *service;
  char      *name;
  char      *description;
  char      *type;
  char      *visibility; /* public, protected or unlisted */
  char      *app_id;
  char     **authorized; /* workspaces that may use a protected service */
  gboolean   hidden;     /* “private”: protected, and in no list */
  GVariant  *record;     /* a{sv}: what clients of its workspace see of it */
  GVariant  *outer;      /* the same for others: not who else may use it */
};

enum
{
  PROP_0,
  PROP_ID,
  PROP_NAME,
  PROP_DESCRIPTION,
  PROP_SERVICE_TYPE,
  PROP_WORKSPACE,
  PROP_VISIBILITY,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (HyphaServiceInfo, hypha_service_info, G_TYPE_OBJECT)

static void
hypha_service_info_get_property (GObject    *object,
                                 guint       property_id,
                                 GValue     *value,
                                 GParamSpec *pspec)
{
  HyphaServiceInfo *self = HYPHA_SERVICE_INFO (object);

  switch (property_id)
    {
    case PROP_ID:
      g_value_set_string (value, self->id);
      break;
    case PROP_NAME:
      g_value_set_string (value, self->name);
      break;
    case PROP_DESCRIPTION:
      g_value_set_string (value, self->description);
      break;
    case PROP_SERVICE_TYPE:
      g_value_set_string (value, self->type);
      break;
    case PROP_WORKSPACE:
      g_value_set_string (value, self->workspace);
      break;
    case PROP_VISIBILITY:
      g_value_set_string (value, self->visibility);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
hypha_service_info_finalize (GObject *object)
{
  HyphaServiceInfo *self = HYPHA_SERVICE_INFO (object);

  g_free (self->id);
  g_free (self->workspace);
  g_free (self->client);
  g_free (self->service);
  g_free (self->name);
  g_free (self->description);
  g_free (self->type);
  g_free (self->visibility);
  g_free (self->app_id);
  g_strfreev (self->authorized);
  g_clear_pointer (&self->record, g_variant_unref);
  g_clear_pointer (&self->outer, g_variant_unref);

  G_OBJECT_CLASS (hypha_service_info_parent_class)->finalize (object);
}

static void
hypha_service_info_class_init (HyphaServiceInfoClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->get_property = hypha_service_info_get_property;
  object_class->finalize = hypha_service_info_finalize;

  /**
   * HyphaServiceInfo:id:
   *
   * The address of the service, `workspace/client:service`.
   *
   * Since: 0.1
   */
  properties[PROP_ID] = g_param_spec_string ("id", NULL, NULL, NULL, flags);

  /**
   * HyphaServiceInfo:name:
   *
   * The name that the service gave itself.
   *
   * Since: 0.1
   */
  properties[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, NULL, flags);

  /**
   * HyphaServiceInfo:description:
   *
   * What the service says about itself; may be empty.
   *
   * Since: 0.1
   */
  properties[PROP_DESCRIPTION] = g_param_spec_string ("description", NULL, NULL, NULL, flags);

  /**
   * HyphaServiceInfo:service-type:
   *
   * The type of the service, for instance `generic`.
   *
   * Since: 0.1
   */
  properties[PROP_SERVICE_TYPE] = g_param_spec_string ("service-type", NULL, NULL, NULL, flags);

  /**
   * HyphaServiceInfo:workspace:
   *
   * The workspace that the service lives in.
   *
   * Since: 0.1
   */
  properties[PROP_WORKSPACE] = g_param_spec_string ("workspace", NULL, NULL, NULL, flags);

  /**
   * HyphaServiceInfo:visibility:
   *
   * Who may find and call it: `public`, `protected` or `unlisted`.
   *
   * Since: 0.1
   */
  properties[PROP_VISIBILITY] = g_param_spec_string ("visibility", NULL, NULL, NULL, flags);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
hypha_service_info_init (HyphaServiceInfo *self)
{
}

static char *
hypha_service_info_dup_text (GVariant   *map,
                             const char *key,
                             const char *fallback)
{
  const char *text = NULL;

  g_variant_lookup (map, key, "&s", &text);
  return g_strdup (text != NULL ? text : fallback);
}

static char **
hypha_service_info_dup_words (GVariant   *map,
                              const char *key)
{
  g_autoptr (GVariant) list = g_variant_lookup_value (map, key, G_VARIANT_TYPE ("av"));
  g_autoptr (GStrvBuilder) words = g_strv_builder_new ();
  GVariantIter iter;
  GVariant *item;

  if (list != NULL)
    {
      g_variant_iter_init (&iter, list);
      while (g_variant_iter_next (&iter, "v", &item))
        {
          if (g_variant_is_of_type (item, G_VARIANT_TYPE_STRING))
            g_strv_builder_add (words, g_variant_get_string (item, NULL));
          g_variant_unref (item);
        }
    }

  return g_strv_builder_end (words);
}

/* README examples say “private”: nobody else sees it, so it is protected and not listed. */
static gboolean
hypha_service_info_set_visibility (HyphaServiceInfo  *self,
                                   GVariant          *config,
                                   GError           **error)
{
  g_autofree char *given = hypha_service_info_dup_text (config, "visibility", "protected");

  if (g_str_equal (given, "private"))
    {
      self->visibility = g_strdup ("protected");
      self->hidden = TRUE;
      return TRUE;
    }

  if (!g_str_equal (given, "public") && !g_str_equal (given, "protected") &&
      !g_str_equal (given, "unlisted"))
    {
      g_autofree char *quoted = hypha_error_quote (given);

      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                   "visibility of service “%s” must be public, protected or unlisted, not “%s”",
                   self->service, quoted);
      return FALSE;
    }

  self->visibility = g_steal_pointer (&given);
  if (self->authorized[0] == NULL || g_str_equal (self->visibility, "protected"))
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
               "authorized_workspaces can only be set when visibility is 'protected', "
               "got visibility='%s'", self->visibility);
  return FALSE;
}

/* The record as stored: what came, with the facts that the core knows better on top. */
static GVariant *
hypha_service_info_complete_record (HyphaServiceInfo *self,
                                    GVariant         *record,
                                    GVariant         *config)
{
  GVariantDict stored;
  GVariantDict stored_config;

  g_variant_dict_init (&stored_config, config);
  g_variant_dict_insert (&stored_config, "workspace", "s", self->workspace);
  g_variant_dict_insert (&stored_config, "visibility", "s", self->visibility);
  g_variant_dict_remove (&stored_config, "_local_only");
  g_variant_dict_remove (&stored_config, "_rintf_allowed_caller");

  g_variant_dict_init (&stored, record);
  g_variant_dict_insert (&stored, "id", "s", self->id);
  g_variant_dict_insert (&stored, "name", "s", self->name);
  g_variant_dict_insert (&stored, "type", "s", self->type);
  g_variant_dict_insert (&stored, "app_id", "s", self->app_id);
  g_variant_dict_insert_value (&stored, "config", g_variant_dict_end (&stored_config));
  return g_variant_ref_sink (g_variant_dict_end (&stored));
}

/* What clients of other workspaces see of a description, the config of a record or of a service. */
GVariant *
hypha_service_info_without_authorized (GVariant *map)
{
  g_autoptr (GVariant) config = g_variant_lookup_value (map, "config", G_VARIANT_TYPE_VARDICT);
  GVariantDict dict;
  GVariantDict outer;

  if (config == NULL)
    return g_variant_ref (map);

  g_variant_dict_init (&outer, config);
  g_variant_dict_remove (&outer, "authorized_workspaces");
  g_variant_dict_init (&dict, map);
  g_variant_dict_insert_value (&dict, "config", g_variant_dict_end (&outer));
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

/* Describes workspace/client:service from what its client registered, an a{sv}. */
HyphaServiceInfo *
hypha_service_info_new (const char  *workspace,
                        const char  *client,
                        const char  *service,
                        GVariant    *record,
                        GError     **error)
{
  g_autoptr (HyphaServiceInfo) self = g_object_new (HYPHA_TYPE_SERVICE_INFO, NULL);
  g_autoptr (GVariant) config = NULL;

  config = g_variant_lookup_value (record, "config", G_VARIANT_TYPE_VARDICT);
  if (config == NULL)
    config = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));

  self->id = g_strdup_printf ("%s/%s:%s", workspace, client, service);
  self->workspace = g_strdup (workspace);
  self->client = g_strdup (client);
  self->service = g_strdup (service);
  self->name = hypha_service_info_dup_text (record, "name", service);
  self->description = hypha_service_info_dup_text (record, "description", "");
  self->type = hypha_service_info_dup_text (record, "type", "generic");
  self->app_id = hypha_service_info_dup_text (record, "app_id", "*");
  self->authorized = hypha_service_info_dup_words (config, "authorized_workspaces");
  if (!hypha_service_info_set_visibility (self, config, error))
    return NULL;

  self->record = hypha_service_info_complete_record (self, record, config);
  if (self->authorized[0] != NULL)
    self->outer = hypha_service_info_without_authorized (self->record);
  return g_steal_pointer (&self);
}

const char *
hypha_service_info_get_client (HyphaServiceInfo *self)
{
  return self->client;
}

/* The bare service id, without workspace and client. */
const char *
hypha_service_info_get_service (HyphaServiceInfo *self)
{
  return self->service;
}

const char *
hypha_service_info_get_app_id (HyphaServiceInfo *self)
{
  return self->app_id;
}

GVariant *
hypha_service_info_get_record (HyphaServiceInfo *self)
{
  return self->record;
}

/* What a client of another workspace may know. */
GVariant *
hypha_service_info_get_outer_record (HyphaServiceInfo *self)
{
  return self->outer != NULL ? self->outer : self->record;
}

/* Open to everybody who knows its address. */
gboolean
hypha_service_info_is_published (HyphaServiceInfo *self)
{
  return !g_str_equal (self->visibility, "protected");
}

gboolean
hypha_service_info_is_unlisted (HyphaServiceInfo *self)
{
  return self->hidden || g_str_equal (self->visibility, "unlisted");
}

gboolean
hypha_service_info_is_built_in (HyphaServiceInfo *self)
{
  return g_str_equal (self->service, "built-in");
}

/* One that is there for clients and of no interest to people. */
gboolean
hypha_service_info_is_the_cores (HyphaServiceInfo *self)
{
  return hypha_service_info_is_built_in (self) ||
         (g_str_equal (self->workspace, HYPHA_ADDRESS_PUBLIC_WORKSPACE) &&
          g_str_equal (self->client, HYPHA_ADDRESS_LOGIN)) ||
         (g_str_equal (self->workspace, HYPHA_ADDRESS_ROOT_WORKSPACE) &&
          g_str_equal (self->client, HYPHA_ADDRESS_ROOT_CLIENT) &&
          g_str_equal (self->service, "default"));
}

/* Only one client of a workspace may have a service of this name. */
gboolean
hypha_service_info_is_singleton (HyphaServiceInfo *self)
{
  g_autoptr (GVariant) config = g_variant_lookup_value (self->record, "config",
                                                        G_VARIANT_TYPE_VARDICT);
  gboolean singleton = FALSE;

  g_variant_lookup (config, "singleton", "b", &singleton);
  return singleton;
}

/* May user, who is a client of own_workspace, get hold of this service? */
gboolean
hypha_service_info_visible_to (HyphaServiceInfo *self,
                               HyphaUserInfo    *user,
                               const char       *own_workspace)
{
  if (hypha_service_info_is_published (self))
    return TRUE;

  if (hypha_user_info_may (user, own_workspace, HYPHA_NEED_READ, self->workspace))
    return TRUE;

  return g_strv_contains ((const char *const *) self->authorized, own_workspace);
}

/**
 * hypha_service_info_get_id:
 * @self: a service description
 *
 * Gets the address of the service.
 *
 * Returns: (transfer none): `workspace/client:service`
 *
 * Since: 0.1
 */
const char *
hypha_service_info_get_id (HyphaServiceInfo *self)
{
  g_return_val_if_fail (HYPHA_IS_SERVICE_INFO (self), NULL);

  return self->id;
}

/**
 * hypha_service_info_get_name:
 * @self: a service description
 *
 * Gets the name that the service gave itself.
 *
 * Returns: (transfer none): the name
 *
 * Since: 0.1
 */
const char *
hypha_service_info_get_name (HyphaServiceInfo *self)
{
  g_return_val_if_fail (HYPHA_IS_SERVICE_INFO (self), NULL);

  return self->name;
}

/**
 * hypha_service_info_get_description:
 * @self: a service description
 *
 * Gets what the service says about itself.
 *
 * Returns: (transfer none): the text, or an empty string
 *
 * Since: 0.1
 */
const char *
hypha_service_info_get_description (HyphaServiceInfo *self)
{
  g_return_val_if_fail (HYPHA_IS_SERVICE_INFO (self), NULL);

  return self->description;
}

/**
 * hypha_service_info_get_service_type:
 * @self: a service description
 *
 * Gets the type of the service.
 *
 * Returns: (transfer none): the type, for instance `generic`
 *
 * Since: 0.1
 */
const char *
hypha_service_info_get_service_type (HyphaServiceInfo *self)
{
  g_return_val_if_fail (HYPHA_IS_SERVICE_INFO (self), NULL);

  return self->type;
}

/**
 * hypha_service_info_get_workspace:
 * @self: a service description
 *
 * Gets the workspace that the service lives in.
 *
 * Returns: (transfer none): the name of the workspace
 *
 * Since: 0.1
 */
const char *
hypha_service_info_get_workspace (HyphaServiceInfo *self)
{
  g_return_val_if_fail (HYPHA_IS_SERVICE_INFO (self), NULL);

  return self->workspace;
}

/**
 * hypha_service_info_get_visibility:
 * @self: a service description
 *
 * Gets who may find and call the service.
 *
 * Returns: (transfer none): `public`, `protected` or `unlisted`
 *
 * Since: 0.1
 */
const char *
hypha_service_info_get_visibility (HyphaServiceInfo *self)
{
  g_return_val_if_fail (HYPHA_IS_SERVICE_INFO (self), NULL);

  return self->visibility;
}
