/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-events-private.h"
#include "hypha-local-client-private.h"
#include "hypha-log-methods-private.h"
#include "hypha-lookup-private.h"
#include "hypha-manager-private.h"
#include "hypha-question-desk-private.h"
#include "hypha-registration-private.h"
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
  HyphaEvents      *events;
  HyphaQuestionDesk *desk;
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

/* What clients ask of the person at this machine. */
HyphaQuestionDesk *
hypha_manager_get_desk (HyphaManager *self)
{
  return self->desk;
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
hypha_manager_on_peer_detached (HyphaRouter  *router,
                                HyphaPeer    *peer,
                                HyphaManager *self)
{
  if (!hypha_peer_is_internal (peer))
    hypha_registry_remove_client (self->registry, hypha_peer_get_workspace (peer),
                                  hypha_peer_get_client (peer));
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
  hypha_manager_add_methods (self, hypha_log_methods, hypha_log_n_methods, self);
  hypha_manager_add_methods (self, hypha_registration_methods, hypha_registration_n_methods, self);
  hypha_manager_add_methods (self, hypha_lookup_methods, hypha_lookup_n_methods, self);
  hypha_manager_add_methods (self, hypha_token_methods, hypha_token_n_methods, self);
  hypha_manager_add_methods (self, hypha_workspace_methods, hypha_workspace_n_methods, self);
  hypha_manager_add_methods (self, hypha_workspace_report_methods, hypha_workspace_n_report_methods,
                             self);
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
  g_clear_pointer (&self->desk, hypha_question_desk_free);
  g_clear_pointer (&self->events, hypha_events_free);
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

  g_signal_connect_object (router, "peer-detached",
                           G_CALLBACK (hypha_manager_on_peer_detached), self, 0);

  /* After that: a client's services leave before it is said to be gone. */
  self->events = hypha_events_new (self);
  self->desk = hypha_question_desk_new (self);
  return self;
}
