/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-client-cleanup-private.h"
#include "hypha-client-methods-private.h"
#include "hypha-event-log-private.h"
#include "hypha-events-private.h"
#include "hypha-local-client-private.h"
#include "hypha-log-methods-private.h"
#include "hypha-login-desk-private.h"
#include "hypha-lookup-private.h"
#include "hypha-manager-private.h"
#include "hypha-name-private.h"
#include "hypha-question-desk-private.h"
#include "hypha-registration-private.h"
#include "hypha-selection-private.h"
#include "hypha-service-types-private.h"
#include "hypha-token-methods-private.h"
#include "hypha-workspace-methods-private.h"

/*
 * HyphaManager: the service “default” of the workspace manager, put together from what other files
 * serve. It is a client of the router like any other. Who calls is what the router says, looked up
 * there.
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
  HyphaLocalClient *root;    /* the host program; NULL once it is closed */
  HyphaService     *listed;  /* the same service as root has it, for lists */
  HyphaEvents      *events;
  HyphaEventLog    *event_log;
  HyphaClientCleanup *cleanup;
  HyphaServiceTypes *types;
  HyphaQuestionDesk *desk;
  HyphaLocalClient *door;    /* offers the logins; NULL once it is closed */
  HyphaLoginDesk   *logins;
  HyphaShares      *asked;   /* providers that choices wait for */
  char             *base_url;
  char             *server_id;
};

G_DEFINE_FINAL_TYPE (HyphaManager, hypha_manager, G_TYPE_OBJECT)

HyphaRpc *
hypha_manager_get_rpc (HyphaManager *self)
{
  return self->rpc;
}

/* The shares of hypha_selection_choose_async(). */
HyphaShares *
hypha_manager_get_asked (HyphaManager *self)
{
  return self->asked;
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

/* The host program's own client, default/root. */
HyphaLocalClient *
hypha_manager_get_root (HyphaManager *self)
{
  return self->root;
}

/* What clients ask of the person at this machine. */
HyphaQuestionDesk *
hypha_manager_get_desk (HyphaManager *self)
{
  return self->desk;
}

/* What users write down. */
HyphaEventLog *
hypha_manager_get_event_log (HyphaManager *self)
{
  return self->event_log;
}

/* Who wants to be let in by the person at this machine. */
HyphaLoginDesk *
hypha_manager_get_logins (HyphaManager *self)
{
  return self->logins;
}

const char *
hypha_manager_get_base_url (HyphaManager *self)
{
  return self->base_url;
}

/* What the service “default” says of itself, and of the server that it is the manager of. */
static GVariant *
hypha_manager_new_config (HyphaManager *self,
                          const char   *workspace)
{
  g_autofree char *login = g_strconcat (self->base_url, "/" HYPHA_ADDRESS_PUBLIC_WORKSPACE
                                        "/services/" HYPHA_ADDRESS_LOGIN, NULL);
  GVariantDict config;

  g_variant_dict_init (&config, NULL);
  g_variant_dict_insert (&config, "require_context", "b", TRUE);
  g_variant_dict_insert (&config, "visibility", "s", "public");
  g_variant_dict_insert (&config, "workspace", "s", workspace);
  g_variant_dict_insert (&config, "server_id", "s", self->server_id);
  g_variant_dict_insert (&config, "hypha_version", "s", HYPHA_MANAGER_HYPHA_VERSION);
  g_variant_dict_insert (&config, "public_base_url", "s", self->base_url);
  g_variant_dict_insert (&config, "local_base_url", "s", self->base_url);
  g_variant_dict_insert (&config, "login_service_url", "s", login);
  return g_variant_dict_end (&config);
}

/* Where clients reach the server; without a slash at the end. */
void
hypha_manager_set_base_url (HyphaManager *self,
                            const char   *base_url)
{
  g_free (self->base_url);
  self->base_url = g_strdup (base_url);
  hypha_service_set_config (self->service, hypha_manager_new_config (self, "*"));
  hypha_rpc_set_server_url (self->rpc, base_url);
  hypha_rpc_set_server_url (hypha_local_client_get_rpc (self->root), base_url);
  hypha_rpc_set_server_url (hypha_local_client_get_rpc (self->door), base_url);
}

/* The map of the default service itself. */
GVariant *
hypha_manager_describe (HyphaManager *self)
{
  return hypha_service_describe (self->service, HYPHA_ADDRESS_MANAGER, self->base_url);
}

/* What get_service_info says of it: what a service of a client has in the registry. */
GVariant *
hypha_manager_dup_record (HyphaManager *self)
{
  return g_variant_ref_sink (hypha_service_dup_record (self->service));
}

/* Another part of the core adds methods of its own. */
void
hypha_manager_add_methods (HyphaManager             *self,
                           const HyphaServiceMethod *methods,
                           gsize                     n_methods,
                           gpointer                  data)
{
  hypha_service_add_methods (self->service, methods, n_methods, data);
  hypha_service_add_methods (self->listed, methods, n_methods, data);
}

/*
 * The host program adds a function of its own to the service “default”. name becomes snake_case. It
 * may take the place of a method, but not of one that clients rely on to be safe.
 */
gboolean
hypha_manager_add_function (HyphaManager      *self,
                            const char        *name,
                            const char        *params,
                            const char        *doc,
                            HyphaServiceFunc   func,
                            gpointer           data,
                            GDestroyNotify     destroy,
                            GError           **error)
{
  static const char *const fixed[] = { "register_service", "unregister_service", "generate_token",
                                       "get_service", "list_services", NULL };
  g_autofree char *snake = hypha_name_to_snake (name);

  if (g_strv_contains (fixed, snake) || !hypha_address_is_service_name (snake))
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                   "a function of the host cannot be called “%s” in the service “default”", snake);
      return FALSE;
    }

  hypha_service_add_function (self->service, snake, params, doc, NULL, func, data, destroy);
  return TRUE;
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
hypha_manager_on_peer_detached (HyphaRouter  *router,
                                HyphaPeer    *peer,
                                HyphaManager *self)
{
  if (!hypha_peer_is_internal (peer))
    hypha_registry_remove_client (self->registry, hypha_peer_get_workspace (peer),
                                  hypha_peer_get_client (peer));
}

static HyphaService *
hypha_manager_new_service (HyphaManager *self,
                           const char   *workspace)
{
  return hypha_service_new ("default", "Default workspace management service",
                            "Services for managing workspace.", "generic",
                            hypha_manager_new_config (self, workspace));
}

static void
hypha_manager_add_service (HyphaManager *self)
{
  self->service = hypha_manager_new_service (self, "*");
  self->listed = hypha_manager_new_service (self, HYPHA_ADDRESS_ROOT_WORKSPACE);
  hypha_manager_add_methods (self, hypha_log_methods, hypha_log_n_methods, self);
  hypha_manager_add_methods (self, hypha_registration_methods, hypha_registration_n_methods, self);
  hypha_manager_add_methods (self, hypha_client_methods, hypha_client_n_methods, self);
  hypha_manager_add_methods (self, hypha_lookup_methods, hypha_lookup_n_methods, self);
  hypha_manager_add_methods (self, hypha_token_methods, hypha_token_n_methods, self);
  hypha_manager_add_methods (self, hypha_workspace_methods, hypha_workspace_n_methods, self);
  hypha_manager_add_methods (self, hypha_workspace_report_methods, hypha_workspace_n_report_methods,
                             self);
  hypha_rpc_add_service (self->rpc, self->service);
}

/* The host program is a client like others, whose rights are root's. */
static void
hypha_manager_add_root (HyphaManager *self)
{
  g_autoptr (HyphaUserInfo) user = hypha_user_info_new_root ();
  g_autoptr (GError) error = NULL;

  self->root = hypha_local_client_new (self->router, HYPHA_ADDRESS_ROOT_WORKSPACE,
                                       HYPHA_ADDRESS_ROOT_CLIENT, user, self->base_url);
  if (!hypha_local_client_register (self->root, self->registry, self->listed, &error))
    g_warning ("the service of the host program is not listed: %s", error->message);
}

/* The service for logins is no part of “default”: clients look for it in “public”. */
static void
hypha_manager_add_logins (HyphaManager *self)
{
  g_autoptr (HyphaUserInfo) user = hypha_user_info_new_root ();

  self->door = hypha_local_client_new (self->router, HYPHA_ADDRESS_PUBLIC_WORKSPACE,
                                       HYPHA_ADDRESS_LOGIN, user, self->base_url);
  self->logins = hypha_login_desk_new (self, self->door);
}

/* Ends it before its last reference goes: methods that others added are not called any more. */
void
hypha_manager_close (HyphaManager *self)
{
  g_clear_pointer (&self->door, hypha_local_client_free);
  g_clear_pointer (&self->root, hypha_local_client_free);
  g_clear_pointer (&self->client, hypha_local_client_free);
}

static void
hypha_manager_dispose (GObject *object)
{
  HyphaManager *self = HYPHA_MANAGER (object);

  hypha_manager_close (self);
  g_clear_pointer (&self->logins, hypha_login_desk_free);
  g_clear_pointer (&self->desk, hypha_question_desk_free);
  g_clear_pointer (&self->events, hypha_events_free);
  g_clear_pointer (&self->cleanup, hypha_client_cleanup_free);
  g_clear_pointer (&self->event_log, hypha_event_log_free);
  g_clear_pointer (&self->types, hypha_service_types_free);
  g_clear_object (&self->rpc);
  g_clear_pointer (&self->service, hypha_service_unref);
  g_clear_pointer (&self->listed, hypha_service_unref);
  g_clear_object (&self->registry);
  g_clear_object (&self->router);
  g_clear_object (&self->authority);
  g_clear_pointer (&self->base_url, g_free);
  g_clear_pointer (&self->server_id, g_free);

  G_OBJECT_CLASS (hypha_manager_parent_class)->dispose (object);
}

/* Whoever waits for an answer holds a reference, so nobody gives back to what is gone. */
static void
hypha_manager_finalize (GObject *object)
{
  HyphaManager *self = HYPHA_MANAGER (object);

  hypha_shares_free (self->asked);

  G_OBJECT_CLASS (hypha_manager_parent_class)->finalize (object);
}

static void
hypha_manager_class_init (HyphaManagerClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = hypha_manager_dispose;
  G_OBJECT_CLASS (klass)->finalize = hypha_manager_finalize;
}

static void
hypha_manager_init (HyphaManager *self)
{
  self->base_url = g_strdup ("");
  self->server_id = g_uuid_string_random ();
  self->asked = hypha_shares_new (HYPHA_SELECTION_MAX_ASKED_ALL, HYPHA_SELECTION_MAX_ASKED_ACCOUNT);
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

  g_signal_connect_object (router, "peer-detached",
                           G_CALLBACK (hypha_manager_on_peer_detached), self, 0);

  /* After that: a client's services leave before it is said to be gone. */
  self->events = hypha_events_new (self);
  self->event_log = hypha_event_log_new (self);
  self->cleanup = hypha_client_cleanup_new (self);
  self->types = hypha_service_types_new (self);
  self->desk = hypha_question_desk_new (self);
  hypha_manager_add_root (self);
  hypha_manager_add_logins (self);
  return self;
}
