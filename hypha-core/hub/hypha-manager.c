/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-local-client-private.h"
#include "hypha-lookup-private.h"
#include "hypha-manager-private.h"
#include "hypha-peer-private.h"
#include "hypha-token-methods-private.h"
#include "hypha-workspace-methods-private.h"

/*
 * HyphaManager: the service “default” of the workspace manager: registering, finding, tokens. It is
 * a client of the router like any other. Who calls is what the router says, looked up there.
 */
struct _HyphaManager
{
  GObject           parent_instance;

  HyphaRouter      *router;
  HyphaRegistry    *registry;
  HyphaLocalClient *client;  /* NULL once it is closed */
  HyphaRpc         *rpc;     /* the client's */
  HyphaService     *service;
  HyphaAuthority   *authority;
  char             *base_url;
};

G_DEFINE_FINAL_TYPE (HyphaManager, hypha_manager, G_TYPE_OBJECT)

HyphaRpc *
hypha_manager_get_rpc (HyphaManager *self)
{
  return self->rpc;
}

HyphaRouter *
hypha_manager_get_router (HyphaManager *self)
{
  return self->router;
}

HyphaRegistry *
hypha_manager_get_registry (HyphaManager *self)
{
  return self->registry;
}

HyphaAuthority *
hypha_manager_get_authority (HyphaManager *self)
{
  return self->authority;
}

const char *
hypha_manager_get_base_url (HyphaManager *self)
{
  return self->base_url;
}

/* Where clients reach the server; without a slash at the end. */
void
hypha_manager_set_base_url (HyphaManager *self,
                            const char   *base_url)
{
  g_free (self->base_url);
  self->base_url = g_strdup (base_url);
  hypha_rpc_set_server_url (self->rpc, base_url);
}

/* The map of the default service itself. */
GVariant *
hypha_manager_describe (HyphaManager *self)
{
  return hypha_service_describe (self->service, HYPHA_ADDRESS_MANAGER, self->base_url);
}

/* Another part of the core adds methods of its own. */
void
hypha_manager_add_methods (HyphaManager             *self,
                           const HyphaServiceMethod *methods,
                           gsize                     n_methods,
                           gpointer                  data)
{
  hypha_service_add_methods (self->service, methods, n_methods, data);
}

/* Who calls; NULL, with the invocation answered, if it has gone meanwhile. Borrowed. */
HyphaPeer *
hypha_manager_get_caller (HyphaManager    *self,
                          HyphaInvocation *invocation)
{
  HyphaPeer *caller = hypha_router_lookup (self->router, hypha_invocation_get_from (invocation));

  if (caller == NULL)
    hypha_invocation_return_error (invocation,
                                   g_error_new_literal (HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED,
                                                        "the caller has gone"));
  return caller;
}

static void
hypha_manager_echo (HyphaInvocation *invocation,
                    gpointer         data)
{
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, 0, "data");

  if (value == NULL)
    value = hypha_invocation_dup_arg (invocation, 0, "msg");

  if (value == NULL)
    hypha_invocation_return_null (invocation);
  else
    hypha_invocation_return (invocation, value);
}

/* A client's line for the log. It is never more than a message there: it is not our warning. */
static void
hypha_manager_write_log (HyphaInvocation *invocation,
                         gpointer         data,
                         GLogLevelFlags   level,
                         const char      *word)
{
  HyphaManager *self = data;
  HyphaPeer *caller = hypha_manager_get_caller (self, invocation);
  g_autoptr (GVariant) value = NULL;
  g_autofree char *text = NULL;
  g_autofree char *line = NULL;

  if (caller == NULL)
    return;

  value = hypha_invocation_dup_arg (invocation, 0, "msg");
  if (value == NULL)
    text = g_strdup ("null");
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    text = g_variant_dup_string (value, NULL);
  else if (g_variant_get_size (value) > HYPHA_RPC_CHUNK_SIZE)
    text = g_strdup_printf ("a value of %" G_GSIZE_FORMAT " bytes", g_variant_get_size (value));
  else
    text = g_variant_print (value, FALSE);

  line = hypha_error_quote (text);
  if (hypha_peer_may_log (caller))
    g_log_structured (G_LOG_DOMAIN, level,
                      "HYPHA_WORKSPACE", hypha_peer_get_workspace (caller),
                      "HYPHA_CLIENT", hypha_peer_get_client (caller),
                      "MESSAGE", "%s: %s: %s", hypha_peer_get_id (caller), word, line);

  hypha_invocation_return_null (invocation);
}

static void
hypha_manager_log (HyphaInvocation *invocation,
                   gpointer         data)
{
  hypha_manager_write_log (invocation, data, G_LOG_LEVEL_DEBUG, "log");
}

static void
hypha_manager_info (HyphaInvocation *invocation,
                    gpointer         data)
{
  hypha_manager_write_log (invocation, data, G_LOG_LEVEL_INFO, "info");
}

static void
hypha_manager_warning (HyphaInvocation *invocation,
                       gpointer         data)
{
  hypha_manager_write_log (invocation, data, G_LOG_LEVEL_MESSAGE, "warning");
}

static void
hypha_manager_error (HyphaInvocation *invocation,
                     gpointer         data)
{
  hypha_manager_write_log (invocation, data, G_LOG_LEVEL_MESSAGE, "error");
}

static void
hypha_manager_critical (HyphaInvocation *invocation,
                        gpointer         data)
{
  hypha_manager_write_log (invocation, data, G_LOG_LEVEL_MESSAGE, "critical");
}

/*
 * The bare name in “svc”, “cid:svc” or “ws/cid:svc”, which must belong to the caller; what, for
 * the error, is “register” or “unregister”.
 */
static char *
hypha_manager_own_service (HyphaPeer   *caller,
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
hypha_manager_check_register (HyphaPeer   *caller,
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
hypha_manager_take_service_id (GVariant  *record,
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
hypha_manager_is_local_only (GVariant   *record,
                             const char *service)
{
  g_autoptr (GVariant) config = g_variant_lookup_value (record, "config", G_VARIANT_TYPE_VARDICT);
  gboolean local = FALSE;

  if (config != NULL)
    g_variant_lookup (config, "_local_only", "b", &local);

  return local || g_str_has_prefix (service, "_rintf_");
}

static GVariant *
hypha_manager_register (HyphaManager  *self,
                        HyphaPeer     *caller,
                        GVariant      *record,
                        GError       **error)
{
  g_autofree char *id = hypha_manager_take_service_id (record, error);
  g_autofree char *service = NULL;
  g_autoptr (HyphaServiceInfo) info = NULL;
  gboolean replaced;

  if (id == NULL)
    return NULL;

  service = hypha_manager_own_service (caller, id, "register", error);
  if (service == NULL || !hypha_manager_check_register (caller, service, error))
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

  if (!hypha_manager_is_local_only (record, service) &&
      !hypha_registry_put (self->registry, info, &replaced, error))
    return NULL;

  return g_variant_ref (hypha_service_info_get_record (info));
}

static gboolean
hypha_manager_unregister (HyphaManager  *self,
                          HyphaPeer     *caller,
                          const char    *id,
                          GError       **error)
{
  g_autofree char *service = hypha_manager_own_service (caller, id, "unregister", error);
  g_autofree char *full = NULL;

  if (service == NULL)
    return FALSE;

  /* One that is gone already is no error: clients unregister again after they reconnected. */
  full = g_strconcat (hypha_peer_get_id (caller), ":", service, NULL);
  hypha_registry_remove (self->registry, full);
  return TRUE;
}

static void
hypha_manager_answer (HyphaInvocation *invocation,
                      GError          *error)
{
  if (error != NULL)
    hypha_invocation_return_error (invocation, error);
  else
    hypha_invocation_return_null (invocation);
}

static void
hypha_manager_serve_unregister (HyphaInvocation *invocation,
                                gpointer         data)
{
  HyphaManager *self = data;
  HyphaPeer *caller = hypha_manager_get_caller (self, invocation);
  g_autoptr (GError) error = NULL;
  g_autofree char *id = NULL;

  if (caller == NULL)
    return;

  id = hypha_invocation_dup_string (invocation, 0, "service_id", &error);
  if (id != NULL)
    hypha_manager_unregister (self, caller, id, &error);
  hypha_manager_answer (invocation, g_steal_pointer (&error));
}

static void
hypha_manager_serve_register (HyphaInvocation *invocation,
                              gpointer         data)
{
  HyphaManager *self = data;
  HyphaPeer *caller = hypha_manager_get_caller (self, invocation);
  g_autoptr (GVariant) record = NULL;
  g_autoptr (GVariant) stored = NULL;
  g_autoptr (GError) error = NULL;

  if (caller == NULL)
    return;

  record = hypha_invocation_dup_arg (invocation, 0, "service");

  /* Old JavaScript clients unregister like this. */
  if (record != NULL && g_variant_is_of_type (record, G_VARIANT_TYPE_STRING))
    {
      hypha_manager_serve_unregister (invocation, data);
      return;
    }

  if (record == NULL || !g_variant_is_of_type (record, G_VARIANT_TYPE_VARDICT))
    g_set_error_literal (&error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                         "a service must be a map with at least an id");
  else
    stored = hypha_manager_register (self, caller, record, &error);

  if (stored != NULL)
    hypha_invocation_return (invocation, stored);
  else
    hypha_invocation_return_error (invocation, g_steal_pointer (&error));
}

/* The events in the argument: one text, or a list of them. */
static char **
hypha_manager_take_events (HyphaInvocation  *invocation,
                           GError          **error)
{
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, 0, "event_type");
  g_autoptr (GStrvBuilder) events = g_strv_builder_new ();
  GVariantIter iter;
  GVariant *item;

  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    {
      g_strv_builder_add (events, g_variant_get_string (value, NULL));
      return g_strv_builder_end (events);
    }

  if (value == NULL || !g_variant_is_of_type (value, G_VARIANT_TYPE ("av")))
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                           "event_type must be a text or a list of texts");
      return NULL;
    }

  g_variant_iter_init (&iter, value);
  while (g_variant_iter_next (&iter, "v", &item))
    {
      if (g_variant_is_of_type (item, G_VARIANT_TYPE_STRING))
        g_strv_builder_add (events, g_variant_get_string (item, NULL));
      g_variant_unref (item);
    }

  return g_strv_builder_end (events);
}

/* Events are those of the own workspace; “ws/x” names one and must be the own. */
static gboolean
hypha_manager_check_event (HyphaPeer   *caller,
                           const char  *event,
                           GError     **error)
{
  g_autofree char *quoted = hypha_error_quote (event);
  const char *slash = strchr (event, '/');
  g_autofree char *workspace = slash != NULL ? g_strndup (event, slash - event) : NULL;

  if (strlen (event) <= HYPHA_ADDRESS_MAX_PEER &&
      (workspace == NULL ||
       hypha_user_info_may (hypha_peer_get_user (caller), hypha_peer_get_workspace (caller),
                            HYPHA_NEED_MEMBER, workspace)))
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
               "Subscription to event '%s' is forbidden: it belongs to another workspace", quoted);
  return FALSE;
}

static void
hypha_manager_change_subscription (HyphaManager    *self,
                                   HyphaInvocation *invocation,
                                   gboolean         subscribe)
{
  HyphaPeer *caller = hypha_manager_get_caller (self, invocation);
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) events = NULL;

  if (caller == NULL)
    return;

  events = hypha_manager_take_events (invocation, &error);
  for (char **p = events; error == NULL && *p != NULL; p++)
    {
      if (!subscribe)
        hypha_peer_unsubscribe (caller, *p);
      else if (hypha_manager_check_event (caller, *p, &error) &&
               !hypha_peer_subscribe (caller, *p))
        g_set_error (&error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
                     "a client may subscribe to %d events, not more", HYPHA_PEER_MAX_SUBSCRIPTIONS);
    }

  if (error != NULL)
    hypha_invocation_return_error (invocation, g_steal_pointer (&error));
  else
    hypha_invocation_return (invocation, g_variant_new_boolean (TRUE));
}

static void
hypha_manager_subscribe (HyphaInvocation *invocation,
                         gpointer         data)
{
  hypha_manager_change_subscription (data, invocation, TRUE);
}

static void
hypha_manager_unsubscribe (HyphaInvocation *invocation,
                           gpointer         data)
{
  hypha_manager_change_subscription (data, invocation, FALSE);
}

static const HyphaServiceMethod manager_methods[] = {
  { "echo", "data", "Returns its argument.", hypha_manager_echo },
  { "log", "msg", "Writes a line into the server's log.", hypha_manager_log },
  { "info", "msg", "Writes an informative line into the server's log.", hypha_manager_info },
  { "warning", "msg", "Writes a warning into the server's log.", hypha_manager_warning },
  { "error", "msg", "Writes an error into the server's log.", hypha_manager_error },
  { "critical", "msg", "Writes a critical error into the server's log.", hypha_manager_critical },
  { "register_service", "service, config", "Registers a service of the caller.",
    hypha_manager_serve_register },
  { "unregister_service", "service_id", "Unregisters a service of the caller.",
    hypha_manager_serve_unregister },
  { "subscribe", "event_type", "Asks for events of the caller's workspace.",
    hypha_manager_subscribe },
  { "unsubscribe", "event_type", "Asks for no more such events.", hypha_manager_unsubscribe },
};

static GVariant *
hypha_manager_client_event (const char *id,
                            const char *workspace)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "id", "s", id);
  g_variant_dict_insert (&dict, "workspace", "s", workspace);
  return g_variant_dict_end (&dict);
}

/*
 * A record as an event: it goes to many, and clients of Python take no frame over 1 MiB, so what
 * is long in it is left out; get_service has it.
 */
static GVariant *
hypha_manager_service_event (HyphaServiceInfo *info)
{
  GVariant *record = hypha_service_info_get_record (info);
  GVariantDict dict;
  g_autoptr (GVariant) shortened = NULL;

  if (g_variant_get_size (record) <= HYPHA_RPC_CHUNK_SIZE / 2)
    return g_variant_ref (record);

  g_variant_dict_init (&dict, record);
  g_variant_dict_remove (&dict, "service_schema");
  g_variant_dict_remove (&dict, "docs");
  shortened = g_variant_ref_sink (g_variant_dict_end (&dict));
  if (g_variant_get_size (shortened) <= HYPHA_RPC_CHUNK_SIZE / 2)
    return g_steal_pointer (&shortened);

  return g_variant_ref_sink (hypha_manager_client_event (hypha_service_info_get_id (info),
                                                         hypha_service_info_get_workspace (info)));
}

/* A client is there when its built-in service is. */
static void
hypha_manager_push_service (HyphaManager     *self,
                            HyphaServiceInfo *info,
                            const char       *client_event,
                            const char       *service_event)
{
  const char *workspace = hypha_service_info_get_workspace (info);
  g_autofree char *id = g_strconcat (workspace, "/", hypha_service_info_get_client (info), NULL);
  g_autoptr (GVariant) event = NULL;

  if (hypha_service_info_is_built_in (info))
    {
      hypha_router_push_event (self->router, workspace, client_event,
                               hypha_manager_client_event (id, workspace));
      return;
    }

  event = hypha_manager_service_event (info);
  hypha_router_push_event (self->router, workspace, service_event, event);
}

static void
hypha_manager_on_service_added (HyphaRegistry    *registry,
                                HyphaServiceInfo *info,
                                HyphaManager     *self)
{
  hypha_manager_push_service (self, info, "client_connected", "service_added");
}

static void
hypha_manager_on_service_updated (HyphaRegistry    *registry,
                                  HyphaServiceInfo *info,
                                  HyphaManager     *self)
{
  hypha_manager_push_service (self, info, "client_updated", "service_updated");
}

static void
hypha_manager_on_service_removed (HyphaRegistry    *registry,
                                  HyphaServiceInfo *info,
                                  HyphaManager     *self)
{
  const char *workspace = hypha_service_info_get_workspace (info);

  if (!hypha_service_info_is_built_in (info))
    hypha_router_push_event (self->router, workspace, "service_removed",
                             hypha_manager_client_event (hypha_service_info_get_id (info),
                                                         workspace));
}

/* Clients put “workspace/id” together themselves, so this id is the bare one. */
static void
hypha_manager_on_peer_detached (HyphaRouter  *router,
                                HyphaPeer    *peer,
                                HyphaManager *self)
{
  const char *workspace = hypha_peer_get_workspace (peer);
  const char *client = hypha_peer_get_client (peer);

  if (hypha_peer_is_internal (peer))
    return;

  hypha_registry_remove_client (self->registry, workspace, client);
  if (!hypha_peer_is_local (peer))
    hypha_router_push_event (self->router, workspace, "client_disconnected",
                             hypha_manager_client_event (client, workspace));
}

static void
hypha_manager_add_service (HyphaManager *self)
{
  GVariantDict config;

  g_variant_dict_init (&config, NULL);
  g_variant_dict_insert (&config, "require_context", "b", TRUE);
  g_variant_dict_insert (&config, "visibility", "s", "public");
  g_variant_dict_insert (&config, "workspace", "s", "*");
  self->service = hypha_service_new ("default", "Default workspace management service",
                                     "Services for managing workspace.", "generic",
                                     g_variant_dict_end (&config));
  hypha_manager_add_methods (self, manager_methods, G_N_ELEMENTS (manager_methods), self);
  hypha_manager_add_methods (self, hypha_lookup_methods, hypha_lookup_n_methods, self);
  hypha_manager_add_methods (self, hypha_token_methods, hypha_token_n_methods, self);
  hypha_manager_add_methods (self, hypha_workspace_methods, hypha_workspace_n_methods, self);
  hypha_rpc_add_service (self->rpc, self->service);
}

/* Ends it before its last reference goes: methods that others added are not called any more. */
void
hypha_manager_close (HyphaManager *self)
{
  g_clear_pointer (&self->client, hypha_local_client_free);
}

static void
hypha_manager_dispose (GObject *object)
{
  HyphaManager *self = HYPHA_MANAGER (object);

  hypha_manager_close (self);
  g_clear_object (&self->rpc);
  g_clear_pointer (&self->service, hypha_service_unref);
  g_clear_object (&self->registry);
  g_clear_object (&self->router);
  g_clear_object (&self->authority);
  g_clear_pointer (&self->base_url, g_free);

  G_OBJECT_CLASS (hypha_manager_parent_class)->dispose (object);
}

static void
hypha_manager_class_init (HyphaManagerClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = hypha_manager_dispose;
}

static void
hypha_manager_init (HyphaManager *self)
{
  self->base_url = g_strdup ("");
}

HyphaManager *
hypha_manager_new (HyphaRouter    *router,
                   HyphaRegistry  *registry,
                   HyphaAuthority *authority)
{
  HyphaManager *self = g_object_new (HYPHA_TYPE_MANAGER, NULL);

  self->router = g_object_ref (router);
  self->registry = g_object_ref (registry);
  self->authority = g_object_ref (authority);
  hypha_workspaces_watch (hypha_authority_get_workspaces (authority), router);
  self->client = hypha_local_client_new (router, "*", HYPHA_ADDRESS_MANAGER_CLIENT, NULL, "");
  self->rpc = g_object_ref (hypha_local_client_get_rpc (self->client));
  hypha_manager_add_service (self);

  g_signal_connect_object (registry, "service-added",
                           G_CALLBACK (hypha_manager_on_service_added), self, 0);
  g_signal_connect_object (registry, "service-updated",
                           G_CALLBACK (hypha_manager_on_service_updated), self, 0);
  g_signal_connect_object (registry, "service-removed",
                           G_CALLBACK (hypha_manager_on_service_removed), self, 0);
  g_signal_connect_object (router, "peer-detached",
                           G_CALLBACK (hypha_manager_on_peer_detached), self, 0);
  return self;
}
