/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-interface-private.h"
#include "hypha-rpc-internal-private.h"

guint
hypha_rpc_get_n_interfaces (HyphaRpc *self)
{
  GHashTableIter iter;
  GHashTable *ids;
  guint n = 0;

  g_hash_table_iter_init (&iter, self->interfaces);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &ids))
    n += g_hash_table_size (ids);

  return n;
}

void
hypha_rpc_remove_interface (HyphaRpc   *self,
                            const char *id)
{
  HyphaService *service = g_hash_table_lookup (self->services, id);
  const char *caller = service != NULL ? hypha_service_get_allowed_caller (service) : NULL;
  GHashTable *ids = caller != NULL ? g_hash_table_lookup (self->interfaces, caller) : NULL;
  g_autofree char *key = NULL;

  if (ids == NULL)
    return;

  /* id may be what is freed here. */
  key = g_strdup (id);
  g_hash_table_remove (ids, key);
  if (g_hash_table_size (ids) == 0)
    g_hash_table_remove (self->interfaces, caller);
  hypha_rpc_remove_service (self, key);
}

/* Takes back what caller was lent, or everything where it is NULL. */
void
hypha_rpc_drop_interfaces (HyphaRpc   *self,
                           const char *caller)
{
  g_autoptr (GPtrArray) gone = g_ptr_array_new_with_free_func (g_free);
  GHashTableIter callers;
  GHashTableIter iter;
  const char *lent_to;
  GHashTable *ids;
  const char *id;

  g_hash_table_iter_init (&callers, self->interfaces);
  while (g_hash_table_iter_next (&callers, (gpointer *) &lent_to, (gpointer *) &ids))
    {
      if (caller != NULL && !g_str_equal (lent_to, caller))
        continue;

      g_hash_table_iter_init (&iter, ids);
      while (g_hash_table_iter_next (&iter, (gpointer *) &id, NULL))
        g_ptr_array_add (gone, g_strdup (id));
    }

  for (guint i = 0; i < gone->len; i++)
    hypha_rpc_remove_interface (self, g_ptr_array_index (gone, i));
}

typedef struct
{
  HyphaRpc *rpc;  /* not owned: it owns the service that owns this */
  char     *id;
} HyphaInterface;

static void
hypha_interface_free (gpointer data)
{
  HyphaInterface *self = data;

  g_free (self->id);
  g_free (self);
}

static void
hypha_interface_dispose (HyphaInvocation *invocation,
                         gpointer         data)
{
  HyphaInterface *self = data;

  hypha_rpc_remove_interface (self->rpc, self->id);
  hypha_invocation_return_null (invocation);
}

static gboolean
hypha_rpc_check_interface_room (HyphaRpc    *self,
                                const char  *caller,
                                GError     **error)
{
  GHashTable *ids = g_hash_table_lookup (self->interfaces, caller);
  guint n = ids != NULL ? g_hash_table_size (ids) : 0;

  if (hypha_connection_is_closed (self->connection))
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED, "Connection is closed");
      return FALSE;
    }

  if (n < HYPHA_INTERFACE_MAX_OPEN_CALLER &&
      hypha_rpc_get_n_interfaces (self) < HYPHA_INTERFACE_MAX_OPEN)
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
               "%s has lent %u objects to %s already; it has to dispose of some first", self->id, n,
               caller);
  return FALSE;
}

GVariant *
hypha_rpc_add_interface (HyphaRpc      *self,
                         HyphaService  *service,
                         const char    *allowed_caller,
                         GError       **error)
{
  g_autofree char *session = hypha_rpc_new_session_id (self);
  g_autoptr (GVariant) members = NULL;
  HyphaInterface *interface;
  GHashTable *ids;
  GVariantDict map;

  if (!hypha_rpc_check_interface_room (self, allowed_caller, error))
    return NULL;

  interface = g_new0 (HyphaInterface, 1);
  interface->rpc = self;
  interface->id = g_strconcat ("_rintf_", session, NULL);
  hypha_service_add_function (service, "_dispose", NULL, NULL, NULL, hypha_interface_dispose,
                              interface, hypha_interface_free);
  hypha_service_lend (service, interface->id, allowed_caller);
  hypha_rpc_add_service (self, service);

  ids = g_hash_table_lookup (self->interfaces, allowed_caller);
  if (ids == NULL)
    {
      ids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
      g_hash_table_insert (self->interfaces, g_strdup (allowed_caller), ids);
    }
  g_hash_table_add (ids, g_strdup (interface->id));

  members = g_variant_ref_sink (hypha_service_describe_members (service, self->id,
                                                                self->server_url));
  g_variant_dict_init (&map, members);
  g_variant_dict_insert (&map, "_rintf", "b", TRUE);
  g_variant_dict_insert (&map, "_rintf_service_id", "s", interface->id);
  return g_variant_dict_end (&map);
}

gboolean
hypha_remote_interface_check (GVariant *map)
{
  gboolean lent = FALSE;

  return g_variant_is_of_type (map, G_VARIANT_TYPE_VARDICT) &&
         g_variant_lookup (map, "_rintf", "b", &lent) && lent;
}

/* from is the client whose message held the map. */
HyphaRemoteFunction *
hypha_remote_interface_dup_member (HyphaRpc    *rpc,
                                   GVariant    *map,
                                   const char  *from,
                                   const char  *name,
                                   GError     **error)
{
  g_autoptr (GVariant) address = NULL;

  if (hypha_remote_interface_check (map))
    address = g_variant_lookup_value (map, name, G_VARIANT_TYPE_VARDICT);
  if (address != NULL)
    return hypha_remote_function_new (rpc, address, from, error);

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_NOT_FOUND, "the object of %s has no function “%s”",
               from, name);
  return NULL;
}

void
hypha_remote_interface_dispose (HyphaRpc   *rpc,
                                GVariant   *map,
                                const char *from)
{
  g_autoptr (HyphaRemoteFunction) dispose = NULL;
  const HyphaRpcRequest request = { .one_way = TRUE };

  dispose = hypha_remote_interface_dup_member (rpc, map, from, "_dispose", NULL);
  if (dispose != NULL)
    hypha_remote_function_call_async (dispose, &request, NULL, NULL, NULL);
}
