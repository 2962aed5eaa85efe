/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-core-private.h"

#include <string.h>

#include "hypha-error-private.h"
#include "hypha-login-desk-private.h"
#include "hypha-site-private.h"
#include "hypha-workspace-private.h"

/* Under which names HyphaCore is reached, from which pages, and where those without a token may go. */

/* A base URL names a host that we have to answer to. */
static GUri *
hypha_core_parse_base_url (HyphaCore *self)
{
  g_autoptr (GUri) uri = NULL;

  if (self->base_url != NULL)
    uri = g_uri_parse (self->base_url, G_URI_FLAGS_NONE, NULL);
  if (uri == NULL || g_uri_get_host (uri) == NULL || *g_uri_get_host (uri) == '\0' ||
      (!g_str_equal (g_uri_get_scheme (uri), "http") &&
       !g_str_equal (g_uri_get_scheme (uri), "https")))
    return NULL;

  return g_steal_pointer (&uri);
}

static gboolean
hypha_core_check_base_url (HyphaCore  *self,
                           GError    **error)
{
  g_autoptr (GUri) uri = hypha_core_parse_base_url (self);

  if (self->base_url == NULL || uri != NULL)
    return TRUE;

  if (g_ascii_strncasecmp (self->base_url, "ws", 2) == 0)
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                 "Please provide a valid wss url ending with /ws, not “%s”", self->base_url);
  else
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                 "base URL “%s” is not of the form http://host:port", self->base_url);
  return FALSE;
}

static gboolean
hypha_core_check_origins (HyphaCore  *self,
                          GError    **error)
{
  for (char **p = self->allowed_origins; p != NULL && *p != NULL; p++)
    {
      g_autofree char *host = NULL;
      g_autofree char *quoted = NULL;
      guint port;

      if (hypha_site_parse_origin (*p, &host, &port))
        continue;

      quoted = hypha_error_quote (*p);
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                   "origin “%s” is not of the form https://host; each has to be named, “*” is none",
                   quoted);
      return FALSE;
    }

  return TRUE;
}

static gboolean
hypha_core_check_guest_workspaces (HyphaCore  *self,
                                   GError    **error)
{
  for (char **p = self->guest_workspaces; p != NULL && *p != NULL; p++)
    {
      if (!hypha_workspace_check_name (*p, error))
        return FALSE;

      if (!g_str_equal (*p, HYPHA_ADDRESS_ROOT_WORKSPACE) &&
          !g_str_equal (*p, HYPHA_ADDRESS_PUBLIC_WORKSPACE))
        continue;

      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                   "guests may not be let into workspace %s: %s", *p,
                   g_str_equal (*p, HYPHA_ADDRESS_PUBLIC_WORKSPACE) ?
                     "they are there anyway, and register nothing" : "it is the host's own");
      return FALSE;
    }

  return TRUE;
}

/* Whether the core can be reached as it was told; before anything is begun. */
gboolean
hypha_core_check_address (HyphaCore  *self,
                          GError    **error)
{
  return hypha_core_check_base_url (self, error) && hypha_core_check_origins (self, error) &&
         hypha_core_check_guest_workspaces (self, error);
}

/* Requests for it, and pages from it, are ours. */
static void
hypha_core_allow_base_url (HyphaCore *self,
                           GUri      *base_url)
{
  g_autofree char *origin = NULL;

  origin = g_uri_join (G_URI_FLAGS_NONE, g_uri_get_scheme (base_url), NULL,
                       g_uri_get_host (base_url), g_uri_get_port (base_url), "", NULL, NULL);
  hypha_server_allow_host (self->parts.server, g_uri_get_host (base_url));
  hypha_server_allow_origin (self->parts.server, origin);
}

/* Which hosts and pages the new server knows, and where guests may go. */
void
hypha_core_allow_address (HyphaCore *self)
{
  g_autoptr (GUri) base_url = hypha_core_parse_base_url (self);

  if (base_url != NULL)
    hypha_core_allow_base_url (self, base_url);
  for (char **p = self->allowed_origins; p != NULL && *p != NULL; p++)
    hypha_server_allow_origin (self->parts.server, *p);
  hypha_workspaces_set_guest_names (hypha_authority_get_workspaces (self->authority),
                                    (const char *const *) self->guest_workspaces);
}

/* What the person types to confirm a login here. */
static char *
hypha_core_dup_login_command (HyphaCore *self)
{
  g_autofree char *usual = g_build_filename (g_get_user_data_dir (), "hypha", NULL);
  g_autofree char *quoted = g_shell_quote (self->workspace_dir);
  GString *command = g_string_new ("hypha login");

  if (!g_str_equal (self->host, HYPHA_CORE_DEFAULT_HOST) && !g_str_equal (self->host, "0.0.0.0"))
    g_string_append_printf (command, " --host %s", self->host);
  if (self->port != HYPHA_CORE_DEFAULT_PORT)
    g_string_append_printf (command, " --port %u", self->port);
  if (!g_str_equal (self->workspace_dir, usual))
    g_string_append_printf (command, " --workspace-dir %s", quoted);
  return g_string_free (command, FALSE);
}

/* It listens: what everybody has to know now. */
void
hypha_core_announce (HyphaCore *self)
{
  g_autofree char *command = NULL;
  gboolean ipv6 = strchr (self->host, ':') != NULL;

  self->port = hypha_server_get_port (self->parts.server);
  self->url = g_strdup_printf (ipv6 ? "http://[%s]:%u" : "http://%s:%u", self->host, self->port);
  hypha_manager_set_base_url (self->parts.manager, hypha_core_get_base_url (self));
  hypha_gate_set_base_url (self->parts.gate, hypha_core_get_base_url (self));
  command = hypha_core_dup_login_command (self);
  hypha_login_desk_set_command (hypha_manager_get_logins (self->parts.manager), command);
  hypha_core_notify_running (self);
}

static void
hypha_core_set_names (HyphaCore         *self,
                      char            ***names,
                      const char *const *value,
                      const char        *property)
{
  if (value == (const char *const *) *names ||
      (value != NULL && *names != NULL && g_strv_equal (value, (const char *const *) *names)))
    return;

  g_strfreev (*names);
  *names = g_strdupv ((char **) value);
  g_object_notify (G_OBJECT (self), property);
}

/**
 * hypha_core_get_allowed_origins:
 * @self: a core
 *
 * Gets the origins, besides its own, whose web pages may use the core.
 *
 * Returns: (transfer none) (nullable) (array zero-terminated=1): the origins
 *
 * Since: 0.1
 */
const char *const *
hypha_core_get_allowed_origins (HyphaCore *self)
{
  g_return_val_if_fail (HYPHA_IS_CORE (self), NULL);

  return (const char *const *) self->allowed_origins;
}

/**
 * hypha_core_set_allowed_origins:
 * @self: a core
 * @origins: (nullable) (array zero-terminated=1): origins, for instance `https://app.example.org`
 *
 * Names the origins whose web pages may use the core, for the next start: over WebSockets and HTTP.
 * Pages of this machine and of [property@Core:base-url] always may. All others are refused, whatever
 * token they have.
 *
 * [method@Core.start] fails with %HYPHA_ERROR_INVALID_ARGUMENT if one is no origin of `http` or
 * `https`. There is none that stands for all.
 *
 * Since: 0.1
 */
void
hypha_core_set_allowed_origins (HyphaCore         *self,
                                const char *const *origins)
{
  g_return_if_fail (HYPHA_IS_CORE (self));

  hypha_core_set_names (self, &self->allowed_origins, origins, "allowed-origins");
}

/**
 * hypha_core_get_guest_workspaces:
 * @self: a core
 *
 * Gets the workspaces, besides `public`, that clients without a token may enter.
 *
 * Returns: (transfer none) (nullable) (array zero-terminated=1): the names
 *
 * Since: 0.1
 */
const char *const *
hypha_core_get_guest_workspaces (HyphaCore *self)
{
  g_return_val_if_fail (HYPHA_IS_CORE (self), NULL);

  return (const char *const *) self->guest_workspaces;
}

/**
 * hypha_core_set_guest_workspaces:
 * @self: a core
 * @workspaces: (nullable) (array zero-terminated=1): names of workspaces
 *
 * Names the workspaces that clients without a token may enter by asking for them, for the next
 * start. In these they are members like any other: they may register services, and call those that
 * are protected. So this is for a network whose people trust one another.
 *
 * [method@Core.start] fails with %HYPHA_ERROR_INVALID_ARGUMENT if one is no name of a workspace, or
 * `default` or `public`.
 *
 * Since: 0.1
 */
void
hypha_core_set_guest_workspaces (HyphaCore         *self,
                                 const char *const *workspaces)
{
  g_return_if_fail (HYPHA_IS_CORE (self));

  hypha_core_set_names (self, &self->guest_workspaces, workspaces, "guest-workspaces");
}
