/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-core-private.h"
#include "hypha-frame-private.h"

/* What the program does with the clients of its core. */

/* Splits “workspace/client” of a client that the core may know. */
static gboolean
hypha_core_parse_client (HyphaCore   *self,
                         const char  *text,
                         char       **workspace,
                         const char **client,
                         GError     **error)
{
  const char *slash = strchr (text, '/');

  if (self->parts.gate == NULL)
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED,
                           "the core is not running; start it first");
      return FALSE;
    }

  if (slash == NULL)
    {
      g_autofree char *quoted = hypha_error_quote (text);

      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                   "a client is “workspace/client”, not %s", quoted);
      return FALSE;
    }

  *workspace = g_strndup (text, (gsize) (slash - text));
  *client = slash + 1;
  return TRUE;
}

/**
 * hypha_core_kick_client:
 * @self: a running core
 * @client: whom, `workspace/client`
 * @reason: why, for the client
 * @error: return location for an error
 *
 * Disconnects a client for good: stock clients do not come back by themselves. Its services leave
 * at once. To keep out whoever is behind it, its token has to be revoked as well.
 *
 * Returns: %TRUE if it was connected; otherwise the error is %HYPHA_ERROR_NOT_CONNECTED
 *
 * Since: 0.1
 */
gboolean
hypha_core_kick_client (HyphaCore   *self,
                        const char  *client,
                        const char  *reason,
                        GError     **error)
{
  g_autofree char *workspace = NULL;
  const char *name;

  g_return_val_if_fail (HYPHA_IS_CORE (self), FALSE);
  g_return_val_if_fail (client != NULL, FALSE);
  g_return_val_if_fail (reason != NULL && g_utf8_validate (reason, -1, NULL), FALSE);

  return hypha_core_parse_client (self, client, &workspace, &name, error) &&
         hypha_gate_kick (self->parts.gate, workspace, name, reason, error);
}

/**
 * hypha_core_disconnect_client:
 * @self: a running core
 * @client: whom, `workspace/client`
 * @code: the close code of the WebSocket: 4000 to 4999 mean what the program says
 * @reason: why, for the client
 * @error: return location for an error
 *
 * Disconnects a client; its services leave at once. Stock clients come back by themselves, those
 * of old unless @code is 1000 or 1001.
 *
 * Returns: %TRUE if it was connected; otherwise the error is %HYPHA_ERROR_NOT_CONNECTED
 *
 * Since: 0.1
 */
gboolean
hypha_core_disconnect_client (HyphaCore   *self,
                              const char  *client,
                              guint        code,
                              const char  *reason,
                              GError     **error)
{
  g_autofree char *workspace = NULL;
  const char *name;

  g_return_val_if_fail (HYPHA_IS_CORE (self), FALSE);
  g_return_val_if_fail (client != NULL, FALSE);
  g_return_val_if_fail (reason != NULL && g_utf8_validate (reason, -1, NULL), FALSE);

  if (!hypha_close_code_valid (code))
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                   "%u is no code that a connection may be closed with", code);
      return FALSE;
    }

  return hypha_core_parse_client (self, client, &workspace, &name, error) &&
         hypha_gate_force_disconnect (self->parts.gate, workspace, name, code, reason, error);
}
