/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-peer-private.h"
#include "hypha-registration-private.h"

/*
 * Takes “svc”, “cid:svc” or “ws/cid:svc”, each with “@app”, apart and makes it whole. It must belong
 * to the caller, but root may name any; what, for the error, is “register” or “unregister”.
 */
static gboolean
hypha_registration_parse (HyphaAddress  *address,
                          HyphaPeer     *caller,
                          const char    *id,
                          const char    *what,
                          GError       **error)
{
  g_autofree char *quoted = hypha_error_quote (id);
  const char *workspace = hypha_peer_get_workspace (caller);
  const char *client = hypha_peer_get_client (caller);

  if (!hypha_address_parse (id, address, error))
    return FALSE;

  if (address->workspace != NULL && address->client == NULL)
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                           "Service id must not contain '/'");
      return FALSE;
    }

  if (address->workspace == NULL)
    address->workspace = g_strdup (workspace);
  if (address->client == NULL)
    address->client = g_strdup (client);

  if (!hypha_user_info_is_root (hypha_peer_get_user (caller)) &&
      (!g_str_equal (address->workspace, workspace) || !g_str_equal (address->client, client)))
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                   "Permission denied: cannot %s service '%s' for client '%s'", what, quoted,
                   hypha_peer_get_id (caller));
      return FALSE;
    }

  if (hypha_address_is_service_name (address->service) &&
      hypha_address_is_name (address->workspace) && hypha_address_is_name (address->client))
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
               "Service id '%s' must be 1 to %d characters without / : @ * . and white space",
               quoted, HYPHA_ADDRESS_MAX_NAME);
  return FALSE;
}

static void
hypha_registration_refuse (HyphaPeer  *caller,
                           GError    **error)
{
  const char *workspace = hypha_peer_get_workspace (caller);

  if (g_str_equal (workspace, HYPHA_ADDRESS_PUBLIC_WORKSPACE) ||
      g_str_equal (workspace, HYPHA_ADDRESS_ROOT_WORKSPACE))
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                 "Access denied: Only root user can register services in '%s' workspace. "
                 "Current client: %s", workspace, hypha_peer_get_id (caller));
  else
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                 "Access denied: client %s may only read workspace '%s', and to register services "
                 "needs a token that may write there", hypha_peer_get_id (caller), workspace);
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

  hypha_registration_refuse (caller, error);
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

/* “svc@app” names the app as the key “app_id” does, which goes before. */
static GVariant *
hypha_registration_set_app (GVariant   *record,
                            const char *app)
{
  g_autoptr (GVariant) own = g_variant_lookup_value (record, "app_id", NULL);
  GVariantDict dict;

  g_variant_dict_init (&dict, record);
  if (app != NULL && (own == NULL || hypha_rpc_codec_is_null (own)))
    g_variant_dict_insert (&dict, "app_id", "s", app);
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

/* Only an explicit false keeps what is there: clients register again whenever they reconnect. */
static gboolean
hypha_registration_may_replace (GVariant *record,
                                GVariant *config)
{
  g_autoptr (GVariant) own = g_variant_lookup_value (record, "config", G_VARIANT_TYPE_VARDICT);
  gboolean overwrite = TRUE;

  if (own != NULL)
    g_variant_lookup (own, "overwrite", "b", &overwrite);
  if (config != NULL)
    g_variant_lookup (config, "overwrite", "b", &overwrite);
  return overwrite;
}

/* A singleton is the only service of its name in its workspace. */
static gboolean
hypha_registration_check_singleton (HyphaRegistry     *registry,
                                    HyphaServiceInfo  *info,
                                    GError           **error)
{
  const char *workspace = hypha_service_info_get_workspace (info);
  const char *service = hypha_service_info_get_service (info);
  g_autoptr (GPtrArray) others = NULL;

  if (hypha_service_info_is_built_in (info) || g_str_equal (service, "default") ||
      (!hypha_service_info_is_singleton (info) && !hypha_registry_has_singletons (registry)))
    return TRUE;

  others = hypha_registry_list_named (registry, workspace, service);
  for (guint i = 0; i < others->len; i++)
    {
      HyphaServiceInfo *other = g_ptr_array_index (others, i);

      if (g_str_equal (hypha_service_info_get_id (other), hypha_service_info_get_id (info)) ||
          (!hypha_service_info_is_singleton (other) && !hypha_service_info_is_singleton (info)))
        continue;

      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_ALREADY_EXISTS,
                   "A singleton service with the same name (%s) has already exists in the "
                   "workspace (%s), please remove it first or use a different name.", service,
                   workspace);
      return FALSE;
    }

  return TRUE;
}

static gboolean
hypha_registration_check_record (GVariant    *record,
                                 const char  *service,
                                 GError     **error)
{
  if (g_variant_get_size (record) <= HYPHA_REGISTRY_MAX_RECORD)
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE,
               "the description of service '%s' is larger than %d bytes", service,
               HYPHA_REGISTRY_MAX_RECORD);
  return FALSE;
}

static gboolean
hypha_registration_check_taken (HyphaRegistry     *registry,
                                HyphaServiceInfo  *info,
                                gboolean           replace,
                                GError           **error)
{
  const char *id = hypha_service_info_get_id (info);

  if (replace || hypha_registry_lookup (registry, id) == NULL)
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_ALREADY_EXISTS,
               "Service already exists: %s, please specify a different id (not %s) or "
               "overwrite=true", id, id);
  return FALSE;
}

/*
 * Puts record, an a{sv} as register_service takes it, into the registry for caller; config, its
 * second argument, may be NULL. The result is what is stored.
 */
GVariant *
hypha_registration_put (HyphaRegistry  *registry,
                        HyphaPeer      *caller,
                        GVariant       *record,
                        GVariant       *config,
                        GError        **error)
{
  g_autofree char *id = hypha_registration_take_id (record, error);
  g_auto (HyphaAddress) address = { 0 };
  g_autoptr (GVariant) complete = NULL;
  g_autoptr (HyphaServiceInfo) info = NULL;
  gboolean replaced;

  if (id == NULL || !hypha_registration_parse (&address, caller, id, "register", error) ||
      !hypha_registration_check (caller, address.service, error) ||
      !hypha_registration_check_record (record, address.service, error))
    return NULL;

  complete = hypha_registration_set_app (record, address.app);
  info = hypha_service_info_new (address.workspace, address.client, address.service, complete,
                                 error);
  if (info == NULL)
    return NULL;

  if (!hypha_registration_is_local_only (record, address.service) &&
      (!hypha_registration_check_singleton (registry, info, error) ||
       !hypha_registration_check_taken (registry, info,
                                        hypha_registration_may_replace (record, config), error) ||
       !hypha_registry_put (registry, info, hypha_peer_get_account (caller), &replaced, error)))
    return NULL;

  return g_variant_ref (hypha_service_info_get_record (info));
}

/* Whether the service that is there is the one of that app, where one is named. */
static gboolean
hypha_registration_is_of_app (HyphaServiceInfo *info,
                              const char       *app)
{
  return app == NULL || g_str_equal (app, "*") ||
         g_str_equal (app, hypha_service_info_get_app_id (info));
}

static gboolean
hypha_registration_remove (HyphaRegistry  *registry,
                           HyphaPeer      *caller,
                           const char     *id,
                           GError        **error)
{
  g_auto (HyphaAddress) address = { 0 };
  g_autofree char *full = NULL;
  HyphaServiceInfo *info;

  if (!hypha_registration_parse (&address, caller, id, "unregister", error))
    return FALSE;

  /* One that is gone already is no error: clients unregister again after they reconnected. */
  full = g_strdup_printf ("%s/%s:%s", address.workspace, address.client, address.service);
  info = hypha_registry_lookup (registry, full);
  if (info != NULL && hypha_registration_is_of_app (info, address.app))
    hypha_registry_remove (registry, full);
  return TRUE;
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
    hypha_registration_remove (hypha_manager_get_registry (manager), caller, id, &error);
  hypha_invocation_return_result (invocation, NULL, g_steal_pointer (&error));
}

static void
hypha_registration_serve_register (HyphaInvocation *invocation,
                                   gpointer         data)
{
  HyphaManager *manager = data;
  HyphaPeer *caller = hypha_manager_get_caller (manager, invocation);
  g_autoptr (GVariant) record = hypha_invocation_dup_arg (invocation, 0, "service");
  g_autoptr (GVariant) config = hypha_invocation_dup_arg (invocation, 1, "config");
  g_autoptr (GVariant) stored = NULL;
  g_autoptr (GError) error = NULL;

  if (caller == NULL)
    return;

  /* Old JavaScript clients unregister like this. */
  if (record != NULL && g_variant_is_of_type (record, G_VARIANT_TYPE_STRING))
    {
      hypha_registration_serve_unregister (invocation, data);
      return;
    }

  if (record == NULL || !g_variant_is_of_type (record, G_VARIANT_TYPE_VARDICT))
    g_set_error_literal (&error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                         "a service must be a map with at least an id");
  else if (config != NULL && !g_variant_is_of_type (config, G_VARIANT_TYPE_VARDICT))
    g_set_error_literal (&error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                         "the config of register_service must be a map");
  else
    stored = hypha_registration_put (hypha_manager_get_registry (manager), caller, record, config,
                                     &error);

  hypha_invocation_return_result (invocation, stored, g_steal_pointer (&error));
}

const HyphaServiceMethod hypha_registration_methods[] = {
  { "register_service", "service: object, config?: object", "Registers a service of the caller.",
    hypha_registration_serve_register },
  { "unregister_service", "service_id: string", "Unregisters a service of the caller.",
    hypha_registration_serve_unregister },
};
const gsize hypha_registration_n_methods = G_N_ELEMENTS (hypha_registration_methods);
