/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <json-glib/json-glib.h>

#include "hypha-log-methods-private.h"
#include "hypha-peer-private.h"

static void
hypha_log_echo (HyphaInvocation *invocation,
                gpointer         data)
{
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, 0, "data");

  /* A function in it is the caller's, not ours, which is what its address would say. */
  hypha_invocation_return_argument (invocation, 0, value != NULL ? "data" : "msg");
}

/* Any value as text for people; value may be NULL. */
char *
hypha_log_methods_render (GVariant *value)
{
  if (value == NULL)
    return g_strdup ("null");
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return g_variant_dup_string (value, NULL);
  if (g_variant_get_size (value) > HYPHA_RPC_CHUNK_SIZE)
    return g_strdup_printf ("a value of %" G_GSIZE_FORMAT " bytes", g_variant_get_size (value));

  return json_gvariant_serialize_data (value, NULL);
}

/* A client's line for the log. It is never more than a message there: it is not our warning. */
static void
hypha_log_write (HyphaInvocation *invocation,
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
  text = hypha_log_methods_render (value);
  line = hypha_error_quote (text);
  if (hypha_router_may_log (hypha_manager_get_router (self), caller))
    g_log_structured (G_LOG_DOMAIN, level,
                      "HYPHA_WORKSPACE", hypha_peer_get_workspace (caller),
                      "HYPHA_CLIENT", hypha_peer_get_client (caller),
                      "MESSAGE", "%s: %s: %s", hypha_peer_get_id (caller), word, line);

  hypha_invocation_return_null (invocation);
}

static void
hypha_log_log (HyphaInvocation *invocation,
               gpointer         data)
{
  hypha_log_write (invocation, data, G_LOG_LEVEL_DEBUG, "log");
}

static void
hypha_log_info (HyphaInvocation *invocation,
                gpointer         data)
{
  hypha_log_write (invocation, data, G_LOG_LEVEL_INFO, "info");
}

static void
hypha_log_warning (HyphaInvocation *invocation,
                   gpointer         data)
{
  hypha_log_write (invocation, data, G_LOG_LEVEL_MESSAGE, "warning");
}

static void
hypha_log_error (HyphaInvocation *invocation,
                 gpointer         data)
{
  hypha_log_write (invocation, data, G_LOG_LEVEL_MESSAGE, "error");
}

static void
hypha_log_critical (HyphaInvocation *invocation,
                    gpointer         data)
{
  hypha_log_write (invocation, data, G_LOG_LEVEL_MESSAGE, "critical");
}

const HyphaServiceMethod hypha_log_methods[] = {
  { "echo", "data?", "Returns its argument.", hypha_log_echo },
  { "log", "msg?", "Writes a line into the server's log.", hypha_log_log },
  { "info", "msg?", "Writes an informative line into the server's log.", hypha_log_info },
  { "warning", "msg?", "Writes a warning into the server's log.", hypha_log_warning },
  { "error", "msg?", "Writes an error into the server's log.", hypha_log_error },
  { "critical", "msg?", "Writes a critical error into the server's log.", hypha_log_critical },
};
const gsize hypha_log_n_methods = G_N_ELEMENTS (hypha_log_methods);
