/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-address-private.h"
#include "hypha-rpc-internal-private.h"

/* What others call at a HyphaRpc: who may, and what is in service for whom. */

/* A peer's method name goes into errors no longer than it need be. */
static char *
hypha_rpc_quote_method (const char *from,
                        const char *method)
{
  g_autofree char *quoted = hypha_error_quote (method);

  return g_strconcat (from, ":", quoted, NULL);
}

static void
hypha_rpc_set_not_found (GError             **error,
                         const char          *what,
                         const HyphaRpcCall  *call,
                         const char          *where)
{
  g_autofree char *name = hypha_rpc_quote_method (call->from, call->method);

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_NOT_FOUND, "%s: %s%s", what, name, where);
}

/* “from” is the router's word; the workspace in “ws” is the target's where the manager speaks. */
gboolean
hypha_rpc_check_access (HyphaRpc      *self,
                        HyphaService  *service,
                        const char    *from,
                        const char    *method,
                        GError       **error)
{
  const char *allowed = hypha_service_get_allowed_caller (service);
  const char *slash = strchr (from, '/');
  g_autofree char *workspace = slash != NULL ? g_strndup (from, slash - from) : g_strdup ("");
  g_autofree char *name = NULL;

  if (allowed != NULL ? g_str_equal (from, allowed) :
                        g_str_equal (from, HYPHA_ADDRESS_MANAGER) ||
                        hypha_service_admits (service, self->workspace, workspace))
    return TRUE;

  name = hypha_rpc_quote_method (from, method);
  if (allowed != NULL)
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                 "Permission denied for _rintf callback %s, caller %s is not the allowed caller %s",
                 name, from, allowed);
  else
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                 "Permission denied for invoking protected method %s, workspace mismatch: "
                 "%s != %s", name, self->workspace, workspace);
  return FALSE;
}

/* Whatever gets so far is not encrypted: nothing here has a key to open what is. */
static gboolean
hypha_rpc_check_keys (HyphaService        *service,
                      const HyphaRpcCall  *call,
                      GError             **error)
{
  g_autofree char *name = NULL;

  if (!hypha_service_trusts_keys (service))
    return TRUE;

  name = hypha_rpc_quote_method (call->from, call->method);
  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
               "Encryption required for method %s (trusted_keys is set)", name);
  return FALSE;
}

static gboolean
hypha_rpc_check_room (HyphaRpc            *self,
                      const HyphaRpcCall  *call,
                      GError             **error)
{
  g_autoptr (GVariant) user = g_variant_lookup_value (call->context, "user", NULL);

  return hypha_rpc_callers_has_room (self->callers, call->from, user, call->memory, error);
}

static void
hypha_rpc_run (HyphaRpc       *self,
               HyphaHandler   *handler,
               HyphaRpcCall   *call,
               HyphaRpcReply **reply)
{
  g_autoptr (HyphaInvocation) invocation = NULL;

  invocation = hypha_invocation_new (self, call, g_steal_pointer (reply));
  hypha_handler_run (handler, invocation);
  hypha_invocation_forget_bytes (invocation);
}

/* “services.<id>.<path>” */
gboolean
hypha_rpc_serve_service (HyphaRpc       *self,
                         HyphaRpcCall   *call,
                         HyphaRpcReply **reply,
                         GError        **error)
{
  const char *id = call->method + strlen ("services.");
  const char *dot = strchr (id, '.');
  g_autofree char *service_id = dot != NULL ? g_strndup (id, dot - id) : g_strdup (id);
  HyphaService *service = g_hash_table_lookup (self->services, service_id);
  g_autoptr (HyphaHandler) handler = NULL;

  if (service != NULL && dot != NULL)
    {
      if (!hypha_rpc_check_access (self, service, call->from, call->method, error) ||
          !hypha_rpc_check_keys (service, call, error) ||
          !hypha_rpc_check_room (self, call, error))
        return FALSE;

      handler = hypha_service_dup_handler (service, dot + 1);
    }

  if (handler == NULL)
    {
      g_autofree char *where = g_strconcat (" at ", self->id, NULL);

      hypha_rpc_set_not_found (error, "Method not found", call, where);
      return FALSE;
    }

  hypha_rpc_run (self, handler, call, reply);
  return TRUE;
}

/* “<session>.<function>”: only the client that the session was opened for may call. */
gboolean
hypha_rpc_serve_session (HyphaRpc       *self,
                         HyphaRpcCall   *call,
                         HyphaRpcReply **reply,
                         GError        **error)
{
  const char *dot = strchr (call->method, '.');
  g_autofree char *id = g_strndup (call->method, dot - call->method);
  HyphaSession *session = g_hash_table_lookup (self->sessions, id);
  g_autoptr (HyphaHandler) handler = NULL;

  if (session == NULL)
    {
      hypha_rpc_set_not_found (error, "Session not found", call, "");
      return FALSE;
    }

  if (!g_str_equal (hypha_session_get_target (session), call->from))
    {
      g_autofree char *name = hypha_rpc_quote_method (call->from, call->method);

      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                   "Access denied for method call (%s) from %s to target %s", name, call->from,
                   hypha_session_get_target (session));
      return FALSE;
    }

  hypha_rpc_touch_session (self, id, call->from);
  handler = hypha_session_dup_handler (session, dot + 1);
  if (handler == NULL)
    {
      hypha_rpc_set_not_found (error, "Method expired or not found", call, "");
      return FALSE;
    }

  if (!hypha_rpc_check_room (self, call, error))
    return FALSE;

  hypha_rpc_run (self, handler, call, reply);
  return TRUE;
}

/* A call is in service; cancellable stops it when its caller goes. */
void
hypha_rpc_serving_began (HyphaRpc           *self,
                         const HyphaRpcCall *call,
                         GCancellable       *cancellable)
{
  g_autoptr (GVariant) user = g_variant_lookup_value (call->context, "user", NULL);

  hypha_rpc_callers_add (self->callers, call->from, user, call->memory, cancellable);
}

/* Nobody waits for the answers to this caller any more, or to anybody where it is NULL. */
void
hypha_rpc_cancel_caller (HyphaRpc   *self,
                         const char *caller)
{
  g_autoptr (GPtrArray) cancellables = hypha_rpc_callers_list (self->callers, caller);

  for (guint i = 0; i < cancellables->len; i++)
    g_cancellable_cancel (g_ptr_array_index (cancellables, i));
}

guint
hypha_rpc_get_n_serving (HyphaRpc *self)
{
  return hypha_rpc_callers_get_size (self->callers);
}
