/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-service-types-private.h"

#include <string.h>

#include "hypha-address-private.h"
#include "hypha-workspace-methods-private.h"

struct _HyphaServiceTypes
{
  HyphaManager *manager;     /* owns this */
  GHashTable   *workspaces;  /* name → GHashTable of id → GVariant, an a{sv} */
  gulong        detached;
};

/* “type” or “workspace/type”: workspace is the caller's own where it is not named. */
static gboolean
hypha_service_types_split (HyphaPeer   *caller,
                           const char  *id,
                           char       **workspace,
                           char       **name,
                           GError     **error)
{
  const char *slash = strchr (id, '/');
  g_autofree char *quoted = hypha_error_quote (id);

  *workspace = slash != NULL ? g_strndup (id, (gsize) (slash - id)) :
                               g_strdup (hypha_peer_get_workspace (caller));
  *name = g_strdup (slash != NULL ? slash + 1 : id);
  if (hypha_address_is_name (*workspace) && hypha_address_is_service_name (*name))
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
               "'%s' cannot be the id of a service type", quoted);
  return FALSE;
}

static gboolean
hypha_service_types_check_new (HyphaServiceTypes  *self,
                               HyphaPeer          *caller,
                               GVariant           *type,
                               const char         *workspace,
                               const char         *id,
                               gboolean            overwrite,
                               GError            **error)
{
  GHashTable *types = g_hash_table_lookup (self->workspaces, workspace);
  gboolean there = types != NULL && g_hash_table_contains (types, id);

  if (!hypha_workspace_methods_check (caller, HYPHA_NEED_WRITE, workspace, error))
    return FALSE;

  if (there && !overwrite)
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_ALREADY_EXISTS,
                 "Service type already exists: %s", id);
  else if (g_variant_get_size (type) > HYPHA_SERVICE_TYPES_MAX_SIZE)
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE,
                 "a service type may take %d bytes, not more", HYPHA_SERVICE_TYPES_MAX_SIZE);
  else if (!there && types != NULL && g_hash_table_size (types) >= HYPHA_SERVICE_TYPES_MAX)
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
                 "a workspace may have %d service types, not more", HYPHA_SERVICE_TYPES_MAX);
  else
    return TRUE;

  return FALSE;
}

/* Stores type under its full id; what is stored is borrowed. */
static GVariant *
hypha_service_types_put (HyphaServiceTypes  *self,
                         HyphaPeer          *caller,
                         GVariant           *type,
                         gboolean            overwrite,
                         GError            **error)
{
  g_autofree char *workspace = NULL;
  g_autofree char *name = NULL;
  g_autofree char *id = NULL;
  const char *given = "";
  GHashTable *types;
  GVariantDict dict;
  GVariant *stored;

  g_variant_lookup (type, "id", "&s", &given);
  if (!hypha_service_types_split (caller, given, &workspace, &name, error))
    return NULL;

  id = g_strconcat (workspace, "/", name, NULL);
  if (!hypha_service_types_check_new (self, caller, type, workspace, id, overwrite, error))
    return NULL;

  types = g_hash_table_lookup (self->workspaces, workspace);
  if (types == NULL)
    {
      types = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                     (GDestroyNotify) g_variant_unref);
      g_hash_table_insert (self->workspaces, g_strdup (workspace), types);
    }

  g_variant_dict_init (&dict, type);
  g_variant_dict_insert (&dict, "id", "s", id);
  stored = g_variant_ref_sink (g_variant_dict_end (&dict));
  g_hash_table_replace (types, g_steal_pointer (&id), stored);
  return stored;
}

static void
hypha_service_types_register (HyphaInvocation *invocation,
                              gpointer         data)
{
  HyphaServiceTypes *self = data;
  HyphaPeer *caller = hypha_manager_get_caller (self->manager, invocation);
  g_autoptr (GVariant) type = hypha_invocation_dup_arg (invocation, 0, "type_info");
  g_autoptr (GError) error = NULL;
  GVariant *stored = NULL;

  if (caller == NULL)
    return;

  if (type == NULL || !g_variant_is_of_type (type, G_VARIANT_TYPE_VARDICT))
    g_set_error_literal (&error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                         "a service type must be a map with at least an id");
  else
    stored = hypha_service_types_put (self, caller, type,
                                      hypha_invocation_get_flag (invocation, 1, "overwrite"),
                                      &error);

  hypha_invocation_return_result (invocation, stored, g_steal_pointer (&error));
}

static void
hypha_service_types_get (HyphaInvocation *invocation,
                         gpointer         data)
{
  HyphaServiceTypes *self = data;
  HyphaPeer *caller = hypha_manager_get_caller (self->manager, invocation);
  g_autoptr (GError) error = NULL;
  g_autofree char *given = NULL;
  g_autofree char *workspace = NULL;
  g_autofree char *name = NULL;
  g_autofree char *id = NULL;
  GHashTable *types;
  GVariant *type = NULL;

  if (caller == NULL)
    return;

  given = hypha_invocation_dup_string (invocation, 0, "type_id", &error);
  if (given == NULL || !hypha_service_types_split (caller, given, &workspace, &name, &error) ||
      !hypha_workspace_methods_check (caller, HYPHA_NEED_READ, workspace, &error))
    {
      hypha_invocation_return_error (invocation, g_steal_pointer (&error));
      return;
    }

  id = g_strconcat (workspace, "/", name, NULL);
  types = g_hash_table_lookup (self->workspaces, workspace);
  if (types != NULL)
    type = g_hash_table_lookup (types, id);

  if (type != NULL)
    hypha_invocation_return (invocation, type);
  else
    hypha_invocation_return_error (invocation,
                                   g_error_new (HYPHA_ERROR, HYPHA_ERROR_NOT_FOUND,
                                                "Service type not found: %s", given));
}

static void
hypha_service_types_list (HyphaInvocation *invocation,
                          gpointer         data)
{
  HyphaServiceTypes *self = data;
  HyphaPeer *caller = hypha_manager_get_caller (self->manager, invocation);
  g_autofree char *workspace = NULL;
  g_autoptr (GError) error = NULL;
  GHashTable *types;
  GHashTableIter iter;
  GVariantBuilder list;
  GVariant *type;

  if (caller == NULL)
    return;

  workspace = hypha_workspace_methods_take_workspace (caller, invocation, &error);
  if (workspace == NULL ||
      !hypha_workspace_methods_check (caller, HYPHA_NEED_READ, workspace, &error))
    {
      hypha_invocation_return_error (invocation, g_steal_pointer (&error));
      return;
    }

  g_variant_builder_init (&list, G_VARIANT_TYPE ("av"));
  types = g_hash_table_lookup (self->workspaces, workspace);
  if (types != NULL)
    {
      g_hash_table_iter_init (&iter, types);
      while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &type))
        g_variant_builder_add (&list, "v", type);
    }

  hypha_invocation_return (invocation, g_variant_builder_end (&list));
}

static const HyphaServiceMethod type_methods[] = {
  { "register_service_type", "type_info: object, overwrite?: boolean",
    "Says what a kind of services of the workspace has to offer.", hypha_service_types_register },
  { "get_service_type", "type_id: string", "Returns a kind of services.", hypha_service_types_get },
  { "list_service_types", "workspace?: string", "Lists the kinds of services of a workspace.",
    hypha_service_types_list },
};

/* Nobody is left to agree. */
static void
hypha_service_types_on_detached (HyphaRouter       *router,
                                 HyphaPeer         *peer,
                                 HyphaServiceTypes *self)
{
  const char *workspace = hypha_peer_get_workspace (peer);
  g_autoptr (GPtrArray) left = NULL;

  if (!g_hash_table_contains (self->workspaces, workspace))
    return;

  left = hypha_router_list (router, workspace);
  if (left->len == 0)
    g_hash_table_remove (self->workspaces, workspace);
}

HyphaServiceTypes *
hypha_service_types_new (HyphaManager *manager)
{
  HyphaServiceTypes *self = g_new0 (HyphaServiceTypes, 1);

  self->manager = manager;
  self->workspaces = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                            (GDestroyNotify) g_hash_table_unref);
  self->detached = g_signal_connect (hypha_manager_get_router (manager), "peer-detached",
                                     G_CALLBACK (hypha_service_types_on_detached), self);
  hypha_manager_add_methods (manager, type_methods, G_N_ELEMENTS (type_methods), self);
  return self;
}

void
hypha_service_types_free (HyphaServiceTypes *self)
{
  g_signal_handler_disconnect (hypha_manager_get_router (self->manager), self->detached);
  g_hash_table_unref (self->workspaces);
  g_free (self);
}

/* Workspaces that have any. */
guint
hypha_service_types_get_n (HyphaServiceTypes *self)
{
  return g_hash_table_size (self->workspaces);
}
