/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-event-handlers-private.h"
#include "hypha-events-private.h"
#include "hypha-peer-private.h"

struct _HyphaEvents
{
  HyphaManager       *manager;  /* owns this */
  HyphaEventHandlers *handlers;
};

/* Names that only the core sends, besides those that the router refuses as types of messages. */
static const char *const own_events[] = {
  "method",
  "connection_ready",
  "client_ready",
  "add_window",
  "remove_window",
  NULL
};

/* Where the rest of event begins after “workspace/”, or NULL if it names none. */
static const char *
hypha_events_local_name (const char *event)
{
  const char *slash = strchr (event, '/');

  return slash != NULL ? slash + 1 : NULL;
}

/* “ws-a” and “ws-a:x” are of the workspace “ws-a”; “ws-ab” is not. */
static gboolean
hypha_events_is_below (const char *event,
                       const char *workspace)
{
  gsize length = strlen (workspace);

  return strncmp (event, workspace, length) == 0 &&
         (event[length] == '\0' || (!g_ascii_isalnum (event[length]) &&
                                    strchr ("-_", event[length]) == NULL));
}

static gboolean
hypha_events_forbid (const char  *event,
                     GError     **error)
{
  g_autofree char *quoted = hypha_error_quote (event);

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
               "Subscription to event '%s' is forbidden: it belongs to another workspace", quoted);
  return FALSE;
}

/* Events are those of the own workspace: “ws/x”, and whatever begins with “ws-”, must be of it. */
gboolean
hypha_events_check_name (HyphaPeer   *caller,
                         const char  *event,
                         GError     **error)
{
  const char *local = hypha_events_local_name (event);
  g_autofree char *workspace = NULL;

  if (strlen (event) > HYPHA_ADDRESS_MAX_PEER)
    return hypha_events_forbid (event, error);

  if (local == NULL)
    return !g_str_has_prefix (event, "ws-") ||
           hypha_events_is_below (event, hypha_peer_get_workspace (caller)) ||
           hypha_events_forbid (event, error);

  workspace = g_strndup (event, local - 1 - event);
  return hypha_user_info_may (hypha_peer_get_user (caller), hypha_peer_get_workspace (caller),
                              HYPHA_NEED_MEMBER, workspace) ||
         hypha_events_forbid (event, error);
}

static gboolean
hypha_events_is_word (const char *name)
{
  if (*name == '\0' || !g_utf8_validate (name, -1, NULL))
    return FALSE;

  for (const char *p = name; *p != '\0'; p = g_utf8_next_char (p))
    {
      if (!g_unichar_isgraph (g_utf8_get_char (p)) || strchr ("/:*@", *p) != NULL)
        return FALSE;
    }

  return TRUE;
}

/* Whether caller may send an event of this name: clients believe the core's own without a check. */
gboolean
hypha_events_check_custom (HyphaPeer   *caller,
                           const char  *event,
                           GError     **error)
{
  const char *local = hypha_events_local_name (event);
  const char *name = local != NULL ? local : event;

  if (!hypha_events_check_name (caller, event, error))
    return FALSE;

  if (!hypha_events_is_word (name))
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                   "an event must have a name of 1 to %d characters without / : * @ and white "
                   "space", HYPHA_ADDRESS_MAX_PEER);
      return FALSE;
    }

  if (!hypha_router_is_reserved_type (name) && !g_strv_contains (own_events, name))
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
               "event '%s' is the core's own; choose another name", name);
  return FALSE;
}

/* The events in the argument: one text, or a list of them. */
static char **
hypha_events_take (HyphaInvocation  *invocation,
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

static void
hypha_events_answer (HyphaInvocation *invocation,
                     GVariant        *value,
                     GError          *error)
{
  if (error != NULL)
    hypha_invocation_return_error (invocation, error);
  else
    hypha_invocation_return (invocation, value);
}

static void
hypha_events_subscribe (HyphaInvocation *invocation,
                        gpointer         data)
{
  HyphaEvents *self = data;
  HyphaPeer *caller = hypha_manager_get_caller (self->manager, invocation);
  g_autoptr (GVariant) done = g_variant_ref_sink (g_variant_new_boolean (TRUE));
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) events = NULL;

  if (caller == NULL)
    return;

  events = hypha_events_take (invocation, &error);
  for (char **p = events; error == NULL && *p != NULL; p++)
    {
      if (hypha_events_check_name (caller, *p, &error) && !hypha_peer_subscribe (caller, *p))
        g_set_error (&error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
                     "a client may subscribe to %d events, not more", HYPHA_PEER_MAX_SUBSCRIPTIONS);
    }

  hypha_events_answer (invocation, done, g_steal_pointer (&error));
}

static void
hypha_events_unsubscribe (HyphaInvocation *invocation,
                          gpointer         data)
{
  HyphaEvents *self = data;
  HyphaPeer *caller = hypha_manager_get_caller (self->manager, invocation);
  g_autoptr (GVariant) done = g_variant_ref_sink (g_variant_new_boolean (TRUE));
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) events = NULL;

  if (caller == NULL)
    return;

  events = hypha_events_take (invocation, &error);
  for (char **p = events; error == NULL && *p != NULL; p++)
    hypha_peer_unsubscribe (caller, *p);

  hypha_events_answer (invocation, done, g_steal_pointer (&error));
}

/* Sends an event of the caller's own to the subscribers in its workspace. */
static gboolean
hypha_events_send_custom (HyphaEvents  *self,
                          HyphaPeer    *caller,
                          const char   *event,
                          GVariant     *data,
                          GError      **error)
{
  const char *workspace = hypha_peer_get_workspace (caller);

  if (!hypha_events_check_custom (caller, event, error))
    return FALSE;

  if (!hypha_user_info_may (hypha_peer_get_user (caller), workspace, HYPHA_NEED_BROADCAST,
                            workspace))
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                   "Permission denied: client '%s' cannot send events in workspace '%s'",
                   hypha_peer_get_id (caller), workspace);
      return FALSE;
    }

  if (g_variant_get_size (data) > HYPHA_EVENTS_MAX_DATA)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE,
                   "the data of an event may take %d bytes, not more", HYPHA_EVENTS_MAX_DATA);
      return FALSE;
    }

  hypha_router_push_event (hypha_manager_get_router (self->manager), workspace, event, data);
  return TRUE;
}

static void
hypha_events_emit (HyphaInvocation *invocation,
                   gpointer         data)
{
  HyphaEvents *self = data;
  HyphaPeer *caller = hypha_manager_get_caller (self->manager, invocation);
  g_autoptr (GVariant) nothing = g_variant_ref_sink (hypha_rpc_codec_null ());
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *event = NULL;

  if (caller == NULL)
    return;

  event = hypha_invocation_dup_string (invocation, 0, "type", &error);
  value = hypha_invocation_dup_arg (invocation, 1, "data");
  if (event != NULL)
    hypha_events_send_custom (self, caller, event, value != NULL ? value : nothing, &error);

  hypha_events_answer (invocation, nothing, g_steal_pointer (&error));
}

static gboolean
hypha_events_check_hears (HyphaPeer   *caller,
                          const char  *event,
                          GError     **error)
{
  if (hypha_router_may_hear (caller, event))
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
               "Permission denied for workspace %s: guests are not told who comes and goes",
               hypha_peer_get_workspace (caller));
  return FALSE;
}

static void
hypha_events_on (HyphaInvocation *invocation,
                 gpointer         data)
{
  HyphaEvents *self = data;
  HyphaPeer *caller = hypha_manager_get_caller (self->manager, invocation);
  g_autoptr (GVariant) nothing = g_variant_ref_sink (hypha_rpc_codec_null ());
  g_autoptr (GVariant) handler = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *event = NULL;

  if (caller == NULL)
    return;

  event = hypha_invocation_dup_string (invocation, 0, "event", &error);
  handler = hypha_invocation_dup_arg (invocation, 1, "handler");
  if (event != NULL && hypha_events_check_name (caller, event, &error) &&
      hypha_events_check_hears (caller, event, &error))
    hypha_event_handlers_add (self->handlers, caller, event, handler != NULL ? handler : nothing,
                              &error);

  hypha_events_answer (invocation, nothing, g_steal_pointer (&error));
}

/* Without a handler, all of one event; without an event, all. */
static void
hypha_events_off (HyphaInvocation *invocation,
                  gpointer         data)
{
  HyphaEvents *self = data;
  HyphaPeer *caller = hypha_manager_get_caller (self->manager, invocation);
  g_autoptr (GVariant) event = hypha_invocation_dup_arg (invocation, 0, "event");
  g_autoptr (GVariant) handler = hypha_invocation_dup_arg (invocation, 1, "handler");
  g_autoptr (GVariant) nothing = g_variant_ref_sink (hypha_rpc_codec_null ());
  g_autoptr (GError) error = NULL;

  if (caller == NULL)
    return;

  if (event != NULL && !g_variant_is_of_type (event, G_VARIANT_TYPE_STRING))
    g_set_error_literal (&error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                         "off: event must be a text");
  else
    hypha_event_handlers_remove (self->handlers, hypha_peer_get_id (caller),
                                 event != NULL ? g_variant_get_string (event, NULL) : NULL,
                                 handler);

  hypha_events_answer (invocation, nothing, g_steal_pointer (&error));
}

static const HyphaServiceMethod event_methods[] = {
  { "subscribe", "event_type: string|array", "Asks for events of the caller's workspace.",
    hypha_events_subscribe },
  { "unsubscribe", "event_type: string|array", "Asks for no more such events.",
    hypha_events_unsubscribe },
  { "emit", "type: string, data?",
    "Sends an event of one's own to the subscribers in the workspace.", hypha_events_emit },
  { "on", "event: string, handler: object",
    "Has a method of the caller's called for every such event.", hypha_events_on },
  { "off", "event?: string, handler?: object", "Has it called no more.", hypha_events_off },
};

static GVariant *
hypha_events_describe_client (const char *id,
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
hypha_events_describe_service (HyphaServiceInfo *info)
{
  GVariant *record = hypha_service_info_get_record (info);
  GVariantDict dict;
  g_autoptr (GVariant) shortened = NULL;

  if (g_variant_get_size (record) <= HYPHA_EVENTS_MAX_DATA)
    return g_variant_ref (record);

  g_variant_dict_init (&dict, record);
  g_variant_dict_remove (&dict, "service_schema");
  g_variant_dict_remove (&dict, "docs");
  shortened = g_variant_ref_sink (g_variant_dict_end (&dict));
  if (g_variant_get_size (shortened) <= HYPHA_EVENTS_MAX_DATA)
    return g_steal_pointer (&shortened);

  return g_variant_ref_sink (hypha_events_describe_client (hypha_service_info_get_id (info),
                                                           hypha_service_info_get_workspace (info)));
}

/* A client is there when its built-in service is. */
static void
hypha_events_push_service (HyphaEvents      *self,
                           HyphaServiceInfo *info,
                           const char       *client_event,
                           const char       *service_event)
{
  HyphaRouter *router = hypha_manager_get_router (self->manager);
  const char *workspace = hypha_service_info_get_workspace (info);
  g_autofree char *id = g_strconcat (workspace, "/", hypha_service_info_get_client (info), NULL);
  g_autoptr (GVariant) event = NULL;

  if (hypha_service_info_is_built_in (info))
    {
      hypha_router_push_event (router, workspace, client_event,
                               hypha_events_describe_client (id, workspace));
      return;
    }

  event = hypha_events_describe_service (info);
  hypha_router_push_event (router, workspace, service_event, event);
}

static void
hypha_events_on_service_added (HyphaRegistry    *registry,
                               HyphaServiceInfo *info,
                               HyphaEvents      *self)
{
  hypha_events_push_service (self, info, "client_connected", "service_added");
}

static void
hypha_events_on_service_updated (HyphaRegistry    *registry,
                                 HyphaServiceInfo *info,
                                 HyphaEvents      *self)
{
  hypha_events_push_service (self, info, "client_updated", "service_updated");
}

static void
hypha_events_on_service_removed (HyphaRegistry    *registry,
                                 HyphaServiceInfo *info,
                                 HyphaEvents      *self)
{
  const char *workspace = hypha_service_info_get_workspace (info);

  if (!hypha_service_info_is_built_in (info))
    hypha_router_push_event (hypha_manager_get_router (self->manager), workspace,
                             "service_removed",
                             hypha_events_describe_client (hypha_service_info_get_id (info),
                                                           workspace));
}

/* Clients put “workspace/id” together themselves, so this id is the bare one. */
static void
hypha_events_on_peer_detached (HyphaRouter *router,
                               HyphaPeer   *peer,
                               HyphaEvents *self)
{
  const char *workspace = hypha_peer_get_workspace (peer);

  hypha_event_handlers_remove (self->handlers, hypha_peer_get_id (peer), NULL, NULL);
  if (!hypha_peer_is_local (peer))
    hypha_router_push_event (router, workspace, "client_disconnected",
                             hypha_events_describe_client (hypha_peer_get_client (peer),
                                                           workspace));
}

static void
hypha_events_on_event (HyphaRouter *router,
                       const char  *workspace,
                       const char  *event,
                       GVariant    *data,
                       HyphaEvents *self)
{
  hypha_event_handlers_deliver (self->handlers, workspace, event, data);
}

HyphaEvents *
hypha_events_new (HyphaManager *manager)
{
  HyphaEvents *self = g_new0 (HyphaEvents, 1);
  HyphaRegistry *registry = hypha_manager_get_registry (manager);
  HyphaRouter *router = hypha_manager_get_router (manager);

  self->manager = manager;
  self->handlers = hypha_event_handlers_new (hypha_manager_get_rpc (manager));
  hypha_manager_add_methods (manager, event_methods, G_N_ELEMENTS (event_methods), self);
  g_signal_connect (registry, "service-added", G_CALLBACK (hypha_events_on_service_added), self);
  g_signal_connect (registry, "service-updated", G_CALLBACK (hypha_events_on_service_updated),
                    self);
  g_signal_connect (registry, "service-removed", G_CALLBACK (hypha_events_on_service_removed),
                    self);
  g_signal_connect (router, "peer-detached", G_CALLBACK (hypha_events_on_peer_detached), self);
  g_signal_connect (router, "event", G_CALLBACK (hypha_events_on_event), self);
  return self;
}

void
hypha_events_free (HyphaEvents *self)
{
  g_signal_handlers_disconnect_by_data (hypha_manager_get_registry (self->manager), self);
  g_signal_handlers_disconnect_by_data (hypha_manager_get_router (self->manager), self);
  hypha_event_handlers_free (self->handlers);
  g_free (self);
}
