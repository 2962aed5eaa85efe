/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-peer-private.h"
#include "hypha-registration-private.h"

/*
 * The bare name in “svc”, “cid:svc” or “ws/cid:svc”, which must belong to the caller; what, for
 * the error, is “register” or “unregister”.
 */
static char *
hypha_registration_own_service (HyphaPeer   *caller,
                                const char  *id,
                                const char  *what,
                                GError     **error)
{
  g_auto (HyphaAddress) address = { 0 };
  g_autofree char *quoted = hypha_error_quote (id);

  if (!hypha_address_parse (id, &address, error))
    return NULL;

  if (address.workspace != NULL && address.client == NULL)
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                           "Service id must not contain '/'");
      return NULL;
    }

  if ((address.workspace != NULL &&
       !g_str_equal (address.workspace, hypha_peer_get_workspace (caller))) ||
      (address.client != NULL && !g_str_equal (address.client, hypha_peer_get_client (caller))))
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                   "Permission denied: cannot %s service '%s' for client '%s'", what, quoted,
                   hypha_peer_get_id (caller));
      return NULL;
    }

  if (hypha_address_is_service_name (address.service))
    return g_steal_pointer (&address.service);

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
               "Service id '%s' must be 1 to %d characters without / : @ * . and white space",
               quoted, HYPHA_ADDRESS_MAX_NAME);
  return NULL;
}

/*
 * What a client needs to be one may be registered everywhere, and what it exports too, but in
 * “public”: there anybody could be taken for the service of its name.
 */
static gboolean
hypha_registration_check (HyphaPeer   *caller,
                          const char  *service,
                          GError     **error)
{
  const char *workspace = hypha_peer_get_workspace (caller);

  gboolean everybodys = g_str_equal (workspace, HYPHA_ADDRESS_PUBLIC_WORKSPACE);

  if (g_str_equal (service, "built-in") || (g_str_equal (service, "default") && !everybodys) ||
      hypha_user_info_may (hypha_peer_get_user (caller), workspace, HYPHA_NEED_REGISTER, workspace))
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
               "Access denied: Only root user can register services in '%s' workspace. "
               "Current client: %s", workspace, hypha_peer_get_id (caller));
  return FALSE;
}

static char *
hypha_registration_take_id (GVariant  *record,
                            GError   **error)
{
  char *id = NULL;

  if (!g_variant_lookup (record, "id", "s", &id) || *id == '\0')
    {
      g_clear_pointer (&id, g_free);
      g_variant_lookup (record, "name", "s", &id);
    }

  if (id == NULL)
    g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                         "Service id is required");
  return id;
}

/* Callbacks of one call are not services; clients that send them expect success. */
static gboolean
hypha_registration_is_local_only (GVariant   *record,
                                  const char *service)
{
  g_autoptr (GVariant) config = g_variant_lookup_value (record, "config", G_VARIANT_TYPE_VARDICT);
  gboolean local = FALSE;

  if (config != NULL)
    g_variant_lookup (config, "_local_only", "b", &local);

  return local || g_str_has_prefix (service, "_rintf_");
}

static GVariant *
hypha_registration_put (HyphaManager  *manager,
                        HyphaPeer     *caller,
                        GVariant      *record,
                        GError       **error)
{
  g_autofree char *id = hypha_registration_take_id (record, error);
  g_autofree char *service = NULL;
  g_autoptr (HyphaServiceInfo) info = NULL;
  gboolean replaced;

  if (id == NULL)
    return NULL;

  service = hypha_registration_own_service (caller, id, "register", error);
  if (service == NULL || !hypha_registration_check (caller, service, error))
    return NULL;

  if (g_variant_get_size (record) > HYPHA_REGISTRY_MAX_RECORD)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE,
                   "the description of service '%s' is larger than %d bytes", service,
                   HYPHA_REGISTRY_MAX_RECORD);
      return NULL;
    }

  info = hypha_service_info_new (hypha_peer_get_workspace (caller), hypha_peer_get_client (caller),
                                 service, record, error);
  if (info == NULL)
    return NULL;

  if (!hypha_registration_is_local_only (record, service) &&
      !hypha_registry_put (hypha_manager_get_registry (manager), info, &replaced, error))
    return NULL;

  return g_variant_ref (hypha_service_info_get_record (info));
}

static gboolean
hypha_registration_remove (HyphaManager  *manager,
                           HyphaPeer     *caller,
                           const char    *id,
                           GError       **error)
{
  g_autofree char *service = hypha_registration_own_service (caller, id, "unregister", error);
  g_autofree char *full = NULL;

  if (service == NULL)
    return FALSE;

  /* One that is gone already is no error: clients unregister again after they reconnected. */
  full = g_strconcat (hypha_peer_get_id (caller), ":", service, NULL);
  hypha_registry_remove (hypha_manager_get_registry (manager), full);
  return TRUE;
}

static void
hypha_registration_answer (HyphaInvocation *invocation,
                           GError          *error)
{
  if (error != NULL)
    hypha_invocation_return_error (invocation, error);
  else
    hypha_invocation_return_null (invocation);
}

static void
hypha_registration_serve_unregister (HyphaInvocation *invocation,
                                     gpointer         data)
{
  HyphaManager *manager = data;
  HyphaPeer *caller = hypha_manager_get_caller (manager, invocation);
  g_autoptr (GError) error = NULL;
  g_autofree char *id = NULL;

  if (caller == NULL)
    return;

  id = hypha_invocation_dup_string (invocation, 0, "service_id", &error);
  if (id != NULL)
    hypha_registration_remove (manager, caller, id, &error);
  hypha_registration_answer (invocation, g_steal_pointer (&error));
}

static void
hypha_registration_serve_register (HyphaInvocation *invocation,
                                   gpointer         data)
{
  HyphaManager *manager = data;
  HyphaPeer *caller = hypha_manager_get_caller (manager, invocation);
  g_autoptr (GVariant) record = NULL;
  g_autoptr (GVariant) stored = NULL;
  g_autoptr (GError) error = NULL;

  if (caller == NULL)
    return;

  record = hypha_invocation_dup_arg (invocation, 0, "service");

  /* Old JavaScript clients unregister like this. */
  if (record != NULL && g_variant_is_of_type (record, G_VARIANT_TYPE_STRING))
    {
      hypha_registration_serve_unregister (invocation, data);
      return;
    }

  if (record == NULL || !g_variant_is_of_type (record, G_VARIANT_TYPE_VARDICT))
    g_set_error_literal (&error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                         "a service must be a map with at least an id");
  else
    stored = hypha_registration_put (manager, caller, record, &error);

  if (stored != NULL)
    hypha_invocation_return (invocation, stored);
  else
    hypha_invocation_return_error (invocation, g_steal_pointer (&error));
}

const HyphaServiceMethod hypha_registration_methods[] = {
  { "register_service", "service, config", "Registers a service of the caller.",
    hypha_registration_serve_register },
  { "unregister_service", "service_id", "Unregisters a service of the caller.",
    hypha_registration_serve_unregister },
};
const gsize hypha_registration_n_methods = G_N_ELEMENTS (hypha_registration_methods);
