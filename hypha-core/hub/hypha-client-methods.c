/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-client-methods-private.h"

#include <string.h>

#include "hypha-address-private.h"
#include "hypha-workspace-methods-private.h"

/* How long a client may take to answer a ping, in seconds, if the caller does not say. */
#define PING_TIMEOUT 5.0

/* A ping on its way: whom, for the words of a failure. */
typedef struct
{
  HyphaInvocation *invocation;
  char            *client;
} HyphaPing;

GVariant *
hypha_client_methods_describe (HyphaManager *manager,
                               const char   *workspace,
                               gint64       *n)
{
  g_autoptr (GPtrArray) peers = hypha_router_list (hypha_manager_get_router (manager), workspace);
  GVariantBuilder list;
  gint64 count = 0;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("av"));
  for (guint i = 0; i < peers->len; i++)
    {
      HyphaPeer *peer = g_ptr_array_index (peers, i);
      g_autoptr (GVariant) user = NULL;
      GVariantDict dict;

      if (hypha_peer_is_local (peer))
        continue;

      user = hypha_user_info_to_variant (hypha_peer_get_user (peer));
      g_variant_dict_init (&dict, NULL);
      g_variant_dict_insert (&dict, "id", "s", hypha_peer_get_id (peer));
      g_variant_dict_insert_value (&dict, "user", user);
      g_variant_builder_add (&list, "v", g_variant_dict_end (&dict));
      count++;
    }

  if (n != NULL)
    *n = count;
  return g_variant_builder_end (&list);
}

static void
hypha_client_list (HyphaInvocation *invocation,
                   gpointer         data)
{
  HyphaPeer *caller = hypha_manager_get_caller (data, invocation);
  g_autoptr (GError) error = NULL;
  g_autofree char *workspace = NULL;

  if (caller == NULL)
    return;

  workspace = hypha_workspace_methods_take_workspace (caller, invocation, &error);
  if (workspace != NULL &&
      hypha_workspace_methods_check (caller, HYPHA_NEED_READ, workspace, &error))
    hypha_invocation_return (invocation, hypha_client_methods_describe (data, workspace, NULL));
  else
    hypha_invocation_return_error (invocation, g_steal_pointer (&error));
}

static void
hypha_ping_free (HyphaPing *ping)
{
  hypha_invocation_unref (ping->invocation);
  g_free (ping->client);
  g_free (ping);
}

/* A client that does not answer is news, not an error: who asks expects a text either way. */
static void
hypha_ping_answered (GObject      *source,
                     GAsyncResult *result,
                     gpointer      data)
{
  HyphaPing *ping = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) pong = hypha_rpc_call_finish (HYPHA_RPC (source), result, &error);

  if (error == NULL)
    hypha_invocation_return (ping->invocation, g_variant_new_string ("pong"));
  else
    hypha_invocation_return (ping->invocation,
                             g_variant_new_printf ("Failed to ping client %s: %s", ping->client,
                                                   error->message));
  hypha_ping_free (ping);
}

/* The second argument of what waits for clients: how long each may be silent. */
gboolean
hypha_client_methods_take_timeout (HyphaInvocation  *invocation,
                                   guint            *milliseconds,
                                   GError          **error)
{
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, 1, "timeout");
  double seconds = PING_TIMEOUT;

  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    seconds = (double) g_variant_get_int64 (value);
  else if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE))
    seconds = g_variant_get_double (value);
  else if (value != NULL)
    seconds = 0;

  if (seconds > 0 && seconds <= HYPHA_CLIENT_METHODS_MAX_TIMEOUT)
    {
      *milliseconds = (guint) MAX (seconds * 1000, 1);
      return TRUE;
    }

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
               "timeout must be a number of seconds above 0 and up to %d",
               HYPHA_CLIENT_METHODS_MAX_TIMEOUT);
  return FALSE;
}

/* The absolute id of the client that a call names, if the caller may know that it is there. */
static char *
hypha_ping_take_client (HyphaPeer        *caller,
                        HyphaInvocation  *invocation,
                        GError          **error)
{
  g_autofree char *given = hypha_invocation_dup_string (invocation, 0, "client_id", error);
  const char *slash = given != NULL ? strchr (given, '/') : NULL;
  g_autofree char *workspace = NULL;

  if (given == NULL)
    return NULL;

  workspace = slash != NULL ? g_strndup (given, (gsize) (slash - given)) :
                              g_strdup (hypha_peer_get_workspace (caller));
  if (!hypha_address_is_name (workspace) ||
      !hypha_address_is_name (slash != NULL ? slash + 1 : given))
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                           "ping: client_id must be “client” or “workspace/client”");
      return NULL;
    }

  if (!hypha_workspace_methods_check (caller, HYPHA_NEED_READ, workspace, error))
    return NULL;

  return g_strconcat (workspace, "/", slash != NULL ? slash + 1 : given, NULL);
}

static void
hypha_client_ping (HyphaInvocation *invocation,
                   gpointer         data)
{
  HyphaManager *manager = data;
  HyphaPeer *caller = hypha_manager_get_caller (manager, invocation);
  g_autoptr (GError) error = NULL;
  g_autofree char *client = NULL;
  guint timeout = 0;
  GVariantBuilder args;
  HyphaPing *ping;

  if (caller == NULL)
    return;

  client = hypha_ping_take_client (caller, invocation, &error);
  if (client == NULL || !hypha_client_methods_take_timeout (invocation, &timeout, &error))
    {
      hypha_invocation_return_error (invocation, g_steal_pointer (&error));
      return;
    }

  ping = g_new0 (HyphaPing, 1);
  ping->invocation = hypha_invocation_ref (invocation);
  ping->client = g_steal_pointer (&client);
  g_variant_builder_init (&args, G_VARIANT_TYPE ("av"));
  g_variant_builder_add (&args, "v", g_variant_new_string ("ping"));
  hypha_rpc_call_async (hypha_manager_get_rpc (manager), ping->client, "services.built-in.ping",
                        g_variant_builder_end (&args), timeout,
                        hypha_invocation_get_cancellable (invocation), hypha_ping_answered, ping);
}

const HyphaServiceMethod hypha_client_methods[] = {
  { "list_clients", "workspace?: string", "Lists the clients of a workspace, and who they are.",
    hypha_client_list },
  { "ping", "client_id: string, timeout?: number",
    "Tells whether a client answers: “pong”, or why not.", hypha_client_ping },
  { "ping_client", "client_id: string, timeout?: number",
    "Tells whether a client answers: “pong”, or why not.", hypha_client_ping },
};
const gsize hypha_client_n_methods = G_N_ELEMENTS (hypha_client_methods);
