/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-core-private.h"

/* The properties of HyphaCore: what a program sets before the start, and reads afterwards. */

#define MAX_PORT 65535

enum
{
  PROP_0,
  PROP_HOST,
  PROP_PORT,
  PROP_URL,
  PROP_BASE_URL,
  PROP_ALLOWED_ORIGINS,
  PROP_GUEST_WORKSPACES,
  PROP_WORKSPACE_DIR,
  PROP_REFUSE_ENCRYPTED,
  PROP_RESTARTING,
  PROP_RUNNING,
  PROP_SERVICES,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static void
hypha_core_get_property (GObject    *object,
                         guint       property_id,
                         GValue     *value,
                         GParamSpec *pspec)
{
  HyphaCore *self = HYPHA_CORE (object);

  switch (property_id)
    {
    case PROP_HOST:
      g_value_set_string (value, self->host);
      break;
    case PROP_PORT:
      g_value_set_uint (value, self->port);
      break;
    case PROP_URL:
      g_value_set_string (value, self->url);
      break;
    case PROP_BASE_URL:
      g_value_set_string (value, hypha_core_get_base_url (self));
      break;
    case PROP_ALLOWED_ORIGINS:
      g_value_set_boxed (value, hypha_core_get_allowed_origins (self));
      break;
    case PROP_GUEST_WORKSPACES:
      g_value_set_boxed (value, hypha_core_get_guest_workspaces (self));
      break;
    case PROP_WORKSPACE_DIR:
      g_value_set_string (value, self->workspace_dir);
      break;
    case PROP_RESTARTING:
      g_value_set_boolean (value, self->restarting);
      break;
    case PROP_REFUSE_ENCRYPTED:
      g_value_set_boolean (value, self->refuse_encrypted);
      break;
    case PROP_RUNNING:
      g_value_set_boolean (value, hypha_core_is_running (self));
      break;
    case PROP_SERVICES:
      g_value_set_object (value, hypha_core_get_services (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
hypha_core_set_property (GObject      *object,
                         guint         property_id,
                         const GValue *value,
                         GParamSpec   *pspec)
{
  HyphaCore *self = HYPHA_CORE (object);

  switch (property_id)
    {
    case PROP_HOST:
      hypha_core_set_host (self, g_value_get_string (value));
      break;
    case PROP_PORT:
      hypha_core_set_port (self, g_value_get_uint (value));
      break;
    case PROP_BASE_URL:
      hypha_core_set_base_url (self, g_value_get_string (value));
      break;
    case PROP_ALLOWED_ORIGINS:
      hypha_core_set_allowed_origins (self, g_value_get_boxed (value));
      break;
    case PROP_GUEST_WORKSPACES:
      hypha_core_set_guest_workspaces (self, g_value_get_boxed (value));
      break;
    case PROP_WORKSPACE_DIR:
      hypha_core_set_workspace_dir (self, g_value_get_string (value));
      break;
    case PROP_RESTARTING:
      hypha_core_set_restarting (self, g_value_get_boolean (value));
      break;
    case PROP_REFUSE_ENCRYPTED:
      hypha_core_set_refuse_encrypted (self, g_value_get_boolean (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

/* The properties of the class, with what reads and writes them. */
void
hypha_core_install_properties (GObjectClass *object_class)
{
  const GParamFlags readwrite = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                G_PARAM_EXPLICIT_NOTIFY;
  const GParamFlags readable = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->get_property = hypha_core_get_property;
  object_class->set_property = hypha_core_set_property;

  /**
   * HyphaCore:host:
   *
   * The address to listen on: a numeric IP address or a host name of this machine.
   *
   * Since: 0.1
   */
  properties[PROP_HOST] = g_param_spec_string ("host", NULL, NULL, HYPHA_CORE_DEFAULT_HOST, readwrite);

  /**
   * HyphaCore:port:
   *
   * The port to listen on; 0 takes a free one. While the core runs, the real port.
   *
   * Since: 0.1
   */
  properties[PROP_PORT] = g_param_spec_uint ("port", NULL, NULL, 0, MAX_PORT, HYPHA_CORE_DEFAULT_PORT,
                                             readwrite);

  /**
   * HyphaCore:url:
   *
   * Where the core listens, for instance `http://127.0.0.1:9527`; %NULL while it does not.
   *
   * Since: 0.1
   */
  properties[PROP_URL] = g_param_spec_string ("url", NULL, NULL, NULL, readable);

  /**
   * HyphaCore:base-url:
   *
   * Where clients reach the core from outside, without a slash at the end. [property@Core:url]
   * where nothing else was set.
   *
   * Since: 0.1
   */
  properties[PROP_BASE_URL] = g_param_spec_string ("base-url", NULL, NULL, NULL, readwrite);

  /**
   * HyphaCore:allowed-origins:
   *
   * The origins, besides its own, whose web pages may use the core; see
   * [method@Core.set_allowed_origins].
   *
   * Since: 0.1
   */
  properties[PROP_ALLOWED_ORIGINS] = g_param_spec_boxed ("allowed-origins", NULL, NULL, G_TYPE_STRV,
                                                         readwrite);

  /**
   * HyphaCore:guest-workspaces:
   *
   * The workspaces, besides `public`, that clients without a token may enter; see
   * [method@Core.set_guest_workspaces].
   *
   * Since: 0.1
   */
  properties[PROP_GUEST_WORKSPACES] = g_param_spec_boxed ("guest-workspaces", NULL, NULL,
                                                          G_TYPE_STRV, readwrite);

  /**
   * HyphaCore:workspace-dir:
   *
   * The directory for what the core keeps, the secret that signs tokens among it.
   *
   * Since: 0.1
   */
  properties[PROP_WORKSPACE_DIR] = g_param_spec_string ("workspace-dir", NULL, NULL, NULL,
                                                        readwrite);

  /**
   * HyphaCore:refuse-encrypted:
   *
   * Whether messages that clients have encrypted from end to end have to stay in their workspace.
   * What is in them cannot be checked on its way, so a client that encrypts has to believe what
   * strangers who have its public key say of themselves.
   *
   * Since: 0.1
   */
  properties[PROP_REFUSE_ENCRYPTED] = g_param_spec_boolean ("refuse-encrypted", NULL, NULL, FALSE,
                                                            readwrite);

  /**
   * HyphaCore:restarting:
   *
   * Whether [method@Core.close_async] is the first half of a restart. Clients are then closed with
   * 1012, after which all of them come back; else with 1001, after which old ones do not.
   *
   * Since: 0.1
   */
  properties[PROP_RESTARTING] = g_param_spec_boolean ("restarting", NULL, NULL, FALSE, readwrite);

  /**
   * HyphaCore:running:
   *
   * Whether the core listens.
   *
   * Since: 0.1
   */
  properties[PROP_RUNNING] = g_param_spec_boolean ("running", NULL, NULL, FALSE, readable);

  /**
   * HyphaCore:services:
   *
   * The running services of all workspaces, a list of [class@ServiceInfo].
   *
   * Since: 0.1
   */
  properties[PROP_SERVICES] = g_param_spec_object ("services", NULL, NULL, G_TYPE_LIST_MODEL,
                                                   readable);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

/* It has begun to listen, or stopped. */
void
hypha_core_notify_running (HyphaCore *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_PORT]);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_URL]);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_RUNNING]);
}

/**
 * hypha_core_get_host:
 * @self: a core
 *
 * Gets the address to listen on.
 *
 * Returns: (transfer none): the address
 *
 * Since: 0.1
 */
const char *
hypha_core_get_host (HyphaCore *self)
{
  g_return_val_if_fail (HYPHA_IS_CORE (self), NULL);

  return self->host;
}

/* Replaces a text property; what has started keeps what it was started with. */
static void
hypha_core_set_text (HyphaCore  *self,
                     char      **field,
                     const char *value,
                     guint       property_id)
{
  g_autofree char *old = NULL;

  if (g_strcmp0 (*field, value) == 0)
    return;

  old = g_steal_pointer (field);
  *field = g_strdup (value);
  g_object_notify_by_pspec (G_OBJECT (self), properties[property_id]);
}

/**
 * hypha_core_set_host:
 * @self: a core
 * @host: the address to listen on
 *
 * Sets the address to listen on, for the next start.
 *
 * Since: 0.1
 */
void
hypha_core_set_host (HyphaCore  *self,
                     const char *host)
{
  g_return_if_fail (HYPHA_IS_CORE (self));
  g_return_if_fail (host != NULL);

  hypha_core_set_text (self, &self->host, host, PROP_HOST);
}

/**
 * hypha_core_get_port:
 * @self: a core
 *
 * Gets the port: while the core runs the real one, else the one to listen on.
 *
 * Returns: the port; 0 for a free one
 *
 * Since: 0.1
 */
guint
hypha_core_get_port (HyphaCore *self)
{
  g_return_val_if_fail (HYPHA_IS_CORE (self), 0);

  return self->port;
}

/**
 * hypha_core_set_port:
 * @self: a core
 * @port: the port, at most 65535; 0 takes a free one
 *
 * Sets the port to listen on, for the next start.
 *
 * Since: 0.1
 */
void
hypha_core_set_port (HyphaCore *self,
                     guint      port)
{
  g_return_if_fail (HYPHA_IS_CORE (self));
  g_return_if_fail (port <= MAX_PORT);

  self->wanted_port = port;
  if (hypha_core_is_running (self) || self->port == port)
    return;

  self->port = port;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_PORT]);
}

/**
 * hypha_core_get_url:
 * @self: a core
 *
 * Gets where the core listens.
 *
 * Returns: (transfer none) (nullable): the URL, or %NULL while it does not
 *
 * Since: 0.1
 */
const char *
hypha_core_get_url (HyphaCore *self)
{
  g_return_val_if_fail (HYPHA_IS_CORE (self), NULL);

  return self->url;
}

/**
 * hypha_core_get_base_url:
 * @self: a core
 *
 * Gets where clients reach the core from outside.
 *
 * Returns: (transfer none) (nullable): the URL, without a slash at the end
 *
 * Since: 0.1
 */
const char *
hypha_core_get_base_url (HyphaCore *self)
{
  g_return_val_if_fail (HYPHA_IS_CORE (self), NULL);

  return self->base_url != NULL ? self->base_url : self->url;
}

/* “wss://host/ws”, where sockets connect to, is below https://host; start() refuses the rest. */
static void
hypha_core_use_http (char **url)
{
  static const char *const schemes[][2] = { { "wss://", "https://" }, { "ws://", "http://" } };
  char *socket = *url;

  if (!g_str_has_suffix (socket, "/ws"))
    return;

  for (gsize i = 0; i < G_N_ELEMENTS (schemes); i++)
    if (g_ascii_strncasecmp (socket, schemes[i][0], strlen (schemes[i][0])) == 0)
      {
        const char *rest = socket + strlen (schemes[i][0]);

        *url = g_strdup_printf ("%s%.*s", schemes[i][1], (int) (strlen (rest) - strlen ("/ws")), rest);
        g_free (socket);
        return;
      }
}

/**
 * hypha_core_set_base_url:
 * @self: a core
 * @base_url: (nullable): the URL, or %NULL for the real one
 *
 * Sets where clients reach the core from outside, for the next start: behind a proxy, say, which
 * may speak TLS. `wss://host/ws`, where sockets connect to, means `https://host`.
 *
 * Since: 0.1
 */
void
hypha_core_set_base_url (HyphaCore  *self,
                         const char *base_url)
{
  g_autofree char *trimmed = g_strdup (base_url);

  g_return_if_fail (HYPHA_IS_CORE (self));

  while (trimmed != NULL && g_str_has_suffix (trimmed, "/"))
    trimmed[strlen (trimmed) - 1] = '\0';
  if (trimmed != NULL)
    hypha_core_use_http (&trimmed);
  hypha_core_set_text (self, &self->base_url, trimmed, PROP_BASE_URL);
}

/**
 * hypha_core_get_workspace_dir:
 * @self: a core
 *
 * Gets the directory for what the core keeps.
 *
 * Returns: (transfer none): the path
 *
 * Since: 0.1
 */
const char *
hypha_core_get_workspace_dir (HyphaCore *self)
{
  g_return_val_if_fail (HYPHA_IS_CORE (self), NULL);

  return self->workspace_dir;
}

/**
 * hypha_core_set_workspace_dir:
 * @self: a core
 * @workspace_dir: a path; it is made when it is needed
 *
 * Sets the directory for what the core keeps, for the next start.
 *
 * Since: 0.1
 */
void
hypha_core_set_workspace_dir (HyphaCore  *self,
                              const char *workspace_dir)
{
  g_return_if_fail (HYPHA_IS_CORE (self));
  g_return_if_fail (workspace_dir != NULL);

  hypha_core_set_text (self, &self->workspace_dir, workspace_dir, PROP_WORKSPACE_DIR);
  if (!hypha_core_is_running (self))
    g_clear_object (&self->authority);
}

/**
 * hypha_core_get_restarting:
 * @self: a core
 *
 * Tells whether closing is the first half of a restart.
 *
 * Returns: %TRUE if clients will be told to come back
 *
 * Since: 0.1
 */
gboolean
hypha_core_get_restarting (HyphaCore *self)
{
  g_return_val_if_fail (HYPHA_IS_CORE (self), FALSE);

  return self->restarting;
}

/**
 * hypha_core_set_restarting:
 * @self: a core
 * @restarting: whether the core will soon run again at the same address
 *
 * Sets what [method@Core.close_async] tells clients: to come back, or that this is the end.
 *
 * Since: 0.1
 */
void
hypha_core_set_restarting (HyphaCore *self,
                           gboolean   restarting)
{
  g_return_if_fail (HYPHA_IS_CORE (self));

  if (self->restarting == !!restarting)
    return;

  self->restarting = !!restarting;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_RESTARTING]);
}

/**
 * hypha_core_get_refuse_encrypted:
 * @self: a core
 *
 * Gets whether messages that are encrypted from end to end have to stay in their workspace.
 *
 * Returns: %TRUE if they have to
 *
 * Since: 0.1
 */
gboolean
hypha_core_get_refuse_encrypted (HyphaCore *self)
{
  g_return_val_if_fail (HYPHA_IS_CORE (self), FALSE);

  return self->refuse_encrypted;
}

/**
 * hypha_core_set_refuse_encrypted:
 * @self: a core
 * @refuse_encrypted: whether they have to stay
 *
 * Sets whether messages that are encrypted from end to end have to stay in their workspace, for the
 * next start.
 *
 * Since: 0.1
 */
void
hypha_core_set_refuse_encrypted (HyphaCore *self,
                                 gboolean   refuse_encrypted)
{
  g_return_if_fail (HYPHA_IS_CORE (self));

  if (self->refuse_encrypted == !!refuse_encrypted)
    return;

  self->refuse_encrypted = !!refuse_encrypted;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_REFUSE_ENCRYPTED]);
}

/**
 * hypha_core_get_services:
 * @self: a core
 *
 * Gets the running services of all workspaces. The list is the same object for the life of the
 * core and changes as services come and go.
 *
 * Returns: (transfer none): a list of [class@ServiceInfo]
 *
 * Since: 0.1
 */
GListModel *
hypha_core_get_services (HyphaCore *self)
{
  g_return_val_if_fail (HYPHA_IS_CORE (self), NULL);

  return self->registry != NULL ? hypha_registry_get_model (self->registry) : NULL;
}
