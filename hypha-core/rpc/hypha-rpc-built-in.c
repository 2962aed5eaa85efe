/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-rpc-chunks-private.h"
#include "hypha-rpc-internal-private.h"

/* What every RPC peer offers: a sign of life, its services, and long messages in pieces. */

static void
hypha_rpc_ping (HyphaInvocation *invocation,
                gpointer         data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = hypha_invocation_dup_string (invocation, 0, "msg", &error);

  if (error != NULL)
    hypha_invocation_return_error (invocation, g_steal_pointer (&error));
  else if (!g_str_equal (text, "ping"))
    hypha_invocation_return_error (invocation,
                                   g_error_new_literal (HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                                                        "ping expects the text “ping”"));
  else
    hypha_invocation_return (invocation, g_variant_new_string ("pong"));
}

/* A service of ours for from; NULL if there is none, or none for it. Borrowed. */
static HyphaService *
hypha_rpc_find_service (HyphaRpc    *self,
                        const char  *id,
                        const char  *from,
                        GError     **error)
{
  HyphaService *service = g_hash_table_lookup (self->services, id);
  g_autofree char *quoted = hypha_error_quote (id);
  const char *allowed = service != NULL ? hypha_service_get_allowed_caller (service) : NULL;

  /* An interface that was lent to somebody else is nobody's business. */
  if (service == NULL || (allowed != NULL && !g_str_equal (allowed, from)))
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_NOT_FOUND, "Service not found: %s", quoted);
      return NULL;
    }

  if (hypha_rpc_check_access (self, service, from, id, NULL))
    return service;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
               "Permission denied for getting protected service: %s, workspace mismatch: "
               "%s != %.*s",
               quoted, self->workspace, (int) strcspn (from, "/"), from);
  return NULL;
}

static void
hypha_rpc_get_service (HyphaInvocation *invocation,
                       gpointer         data)
{
  HyphaRpc *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) described = NULL;
  g_autofree char *id = hypha_invocation_dup_string (invocation, 0, "service_id", &error);
  HyphaService *service = NULL;

  if (id != NULL)
    service = hypha_rpc_find_service (self, id, hypha_invocation_get_from (invocation), &error);
  if (service == NULL)
    {
      hypha_invocation_return_error (invocation, g_steal_pointer (&error));
      return;
    }

  described = hypha_service_describe (service, self->id, self->server_url);
  hypha_invocation_return (invocation, described);
}

static const HyphaServiceMethod built_in_methods[] = {
  { "ping", "msg", "Answers “pong”.", hypha_rpc_ping },
  { "get_service", "service_id", "Returns a service of this client.", hypha_rpc_get_service },
};

void
hypha_rpc_add_built_in (HyphaRpc *self)
{
  g_autoptr (HyphaService) service = NULL;
  g_autofree char *name = g_strconcat ("Built-in services for ", self->id, NULL);
  GVariantDict config;

  g_variant_dict_init (&config, NULL);
  g_variant_dict_insert (&config, "require_context", "b", TRUE);
  g_variant_dict_insert (&config, "visibility", "s", "public");
  g_variant_dict_insert (&config, "api_version", "x", (gint64) 3);

  service = hypha_service_new ("built-in", name, "", "built-in", g_variant_dict_end (&config));
  hypha_service_add_methods (service, built_in_methods, G_N_ELEMENTS (built_in_methods), self);
  hypha_rpc_chunks_add_methods (self->chunks, service);
  hypha_rpc_add_service (self, service);
}
