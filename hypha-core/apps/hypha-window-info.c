/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-window-info-private.h"

#include "hypha-json-private.h"
#include "hypha-user-info-private.h"

/* A window's size where nothing says another. */
#define DEFAULT_WIDTH 800
#define DEFAULT_HEIGHT 600

/* Plugins made for a grid of windows give w and h in its cells. */
#define CELL_SIZE 30
#define MAX_CELLS 60

/**
 * HyphaWindowInfo:
 *
 * A window that the core asks its host to show: a plugin, or a web page.
 *
 * It is made by the core, does not change, and is carried by the signals
 * that ask for windows. The host keeps a reference as long as it shows the
 * window. The page in it is a client of the core with the identity that is
 * recorded here; the core binds it when the page is mounted, so there is no
 * token for the page to lose.
 *
 * Since: 0.1
 */
struct _HyphaWindowInfo
{
  GObject        parent_instance;

  char          *id;
  char          *name;
  char          *workspace;
  char          *client_id;
  char          *uri;
  char          *source_uri;
  HyphaUserInfo *user;
  GVariant      *config;
};

G_DEFINE_FINAL_TYPE (HyphaWindowInfo, hypha_window_info, G_TYPE_OBJECT)

enum
{
  PROP_0,
  PROP_ID,
  PROP_NAME,
  PROP_WORKSPACE,
  PROP_CLIENT_ID,
  PROP_URI,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static void
hypha_window_info_get_property (GObject    *object,
                                guint       prop_id,
                                GValue     *value,
                                GParamSpec *pspec)
{
  HyphaWindowInfo *self = HYPHA_WINDOW_INFO (object);

  switch (prop_id)
    {
    case PROP_ID:
      g_value_set_string (value, self->id);
      break;
    case PROP_NAME:
      g_value_set_string (value, self->name);
      break;
    case PROP_WORKSPACE:
      g_value_set_string (value, self->workspace);
      break;
    case PROP_CLIENT_ID:
      g_value_set_string (value, self->client_id);
      break;
    case PROP_URI:
      g_value_set_string (value, self->uri);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
hypha_window_info_finalize (GObject *object)
{
  HyphaWindowInfo *self = HYPHA_WINDOW_INFO (object);

  g_free (self->id);
  g_free (self->name);
  g_free (self->workspace);
  g_free (self->client_id);
  g_free (self->uri);
  g_free (self->source_uri);
  g_clear_pointer (&self->user, hypha_user_info_unref);
  g_clear_pointer (&self->config, g_variant_unref);
  G_OBJECT_CLASS (hypha_window_info_parent_class)->finalize (object);
}

static void
hypha_window_info_class_init (HyphaWindowInfoClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->get_property = hypha_window_info_get_property;
  object_class->finalize = hypha_window_info_finalize;

  /**
   * HyphaWindowInfo:id:
   *
   * What the window is known by; unique.
   *
   * Since: 0.1
   */
  properties[PROP_ID] = g_param_spec_string ("id", NULL, NULL, NULL, flags);

  /**
   * HyphaWindowInfo:name:
   *
   * The window's title.
   *
   * Since: 0.1
   */
  properties[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, NULL, flags);

  /**
   * HyphaWindowInfo:workspace:
   *
   * The workspace that the page is a client of.
   *
   * Since: 0.1
   */
  properties[PROP_WORKSPACE] = g_param_spec_string ("workspace", NULL, NULL, NULL, flags);

  /**
   * HyphaWindowInfo:client-id:
   *
   * The id of the page as a client of the workspace.
   *
   * Since: 0.1
   */
  properties[PROP_CLIENT_ID] = g_param_spec_string ("client-id", NULL, NULL, NULL, flags);

  /**
   * HyphaWindowInfo:uri:
   *
   * The page to load; %NULL for a plugin, whose code comes with the
   * message of [method@WindowInfo.dup_initialize_message].
   *
   * Since: 0.1
   */
  properties[PROP_URI] = g_param_spec_string ("uri", NULL, NULL, NULL, flags);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
hypha_window_info_init (HyphaWindowInfo *self)
{
  g_autofree char *uuid = g_uuid_string_random ();

  self->id = g_strconcat ("window-", uuid, NULL);
}

/* uri is NULL for a plugin, whose code is in config; config is a{sv}, or NULL for an empty one. */
HyphaWindowInfo *
hypha_window_info_new (const char    *name,
                       const char    *workspace,
                       const char    *client_id,
                       HyphaUserInfo *user,
                       const char    *uri,
                       GVariant      *config)
{
  HyphaWindowInfo *self = g_object_new (HYPHA_TYPE_WINDOW_INFO, NULL);

  g_assert (config == NULL || g_variant_is_of_type (config, G_VARIANT_TYPE_VARDICT));
  self->name = g_strdup (name);
  self->workspace = g_strdup (workspace);
  self->client_id = g_strdup (client_id);
  self->user = hypha_user_info_ref (user);
  self->uri = g_strdup (uri);
  self->config = config != NULL ? config : g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0);
  g_variant_ref_sink (self->config);
  return self;
}

HyphaUserInfo *
hypha_window_info_get_user (HyphaWindowInfo *self)
{
  return self->user;
}

GVariant *
hypha_window_info_get_config (HyphaWindowInfo *self)
{
  return self->config;
}

/* Before the window is shown to anybody: a window info does not change after that. */
void
hypha_window_info_set_source_uri (HyphaWindowInfo *self,
                                  const char      *uri)
{
  g_free (self->source_uri);
  self->source_uri = g_strdup (uri);
}

/*
 * The config as the page gets it: the page finds relative addresses by “src”, which a config may
 * have set itself. Where a local file lies is nothing that a page needs to know.
 */
static GVariant *
hypha_window_info_dup_page_config (HyphaWindowInfo *self)
{
  g_autoptr (GVariant) src = g_variant_lookup_value (self->config, "src", G_VARIANT_TYPE_STRING);
  GVariantDict dict;

  if (src != NULL || self->source_uri == NULL ||
      (g_ascii_strncasecmp (self->source_uri, "http://", 7) != 0 &&
       g_ascii_strncasecmp (self->source_uri, "https://", 8) != 0))
    return g_variant_ref (self->config);

  g_variant_dict_init (&dict, self->config);
  g_variant_dict_insert (&dict, "src", "s", self->source_uri);
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

/* A number of any kind, as a config from JSON or MessagePack may have it. */
static double
hypha_window_info_get_number (GVariant   *config,
                              const char *name)
{
  double real;
  gint64 whole;

  if (g_variant_lookup (config, name, "x", &whole))
    return (double) whole;

  return g_variant_lookup (config, name, "d", &real) ? real : 0;
}

/* Anything below a pixel, and what is no number, counts as not given. */
static int
hypha_window_info_get_size (HyphaWindowInfo *self,
                            const char      *name,
                            const char      *short_name,
                            int              fallback)
{
  g_autoptr (GVariant) defaults = NULL;
  double size = hypha_window_info_get_number (self->config, name);

  defaults = g_variant_lookup_value (self->config, "defaults", G_VARIANT_TYPE_VARDICT);
  if (!(size >= 1) && defaults != NULL)
    {
      size = hypha_window_info_get_number (defaults, short_name);
      if (size <= MAX_CELLS)
        size *= CELL_SIZE;
    }

  return size >= 1 ? (int) CLAMP (size, HYPHA_WINDOW_MIN_SIZE, HYPHA_WINDOW_MAX_SIZE) : fallback;
}

/**
 * hypha_window_info_get_id:
 * @self: a window info
 *
 * Gets what the window is known by. It is unique, and made at random.
 *
 * Returns: (transfer none): the id
 *
 * Since: 0.1
 */
const char *
hypha_window_info_get_id (HyphaWindowInfo *self)
{
  g_return_val_if_fail (HYPHA_IS_WINDOW_INFO (self), NULL);

  return self->id;
}

/**
 * hypha_window_info_get_name:
 * @self: a window info
 *
 * Gets the window's title.
 *
 * Returns: (transfer none): the name
 *
 * Since: 0.1
 */
const char *
hypha_window_info_get_name (HyphaWindowInfo *self)
{
  g_return_val_if_fail (HYPHA_IS_WINDOW_INFO (self), NULL);

  return self->name;
}

/**
 * hypha_window_info_get_workspace:
 * @self: a window info
 *
 * Gets the workspace that the page is a client of.
 *
 * Returns: (transfer none): the workspace
 *
 * Since: 0.1
 */
const char *
hypha_window_info_get_workspace (HyphaWindowInfo *self)
{
  g_return_val_if_fail (HYPHA_IS_WINDOW_INFO (self), NULL);

  return self->workspace;
}

/**
 * hypha_window_info_get_client_id:
 * @self: a window info
 *
 * Gets the id of the page as a client of the workspace.
 *
 * Returns: (transfer none): the client id
 *
 * Since: 0.1
 */
const char *
hypha_window_info_get_client_id (HyphaWindowInfo *self)
{
  g_return_val_if_fail (HYPHA_IS_WINDOW_INFO (self), NULL);

  return self->client_id;
}

/**
 * hypha_window_info_get_uri:
 * @self: a window info
 *
 * Gets the page to load.
 *
 * Returns: (transfer none) (nullable): the URI, or %NULL for a plugin
 *
 * Since: 0.1
 */
const char *
hypha_window_info_get_uri (HyphaWindowInfo *self)
{
  g_return_val_if_fail (HYPHA_IS_WINDOW_INFO (self), NULL);

  return self->uri;
}

/**
 * hypha_window_info_get_source_uri:
 * @self: a window info
 *
 * Gets where the plugin's file was loaded from. Relative addresses in the
 * plugin are meant relative to it, and what the plugin stores belongs to it.
 *
 * Returns: (transfer none) (nullable): the URI of the file, or %NULL for a
 *   plugin whose code was given as text, and for a page
 *
 * Since: 0.1
 */
const char *
hypha_window_info_get_source_uri (HyphaWindowInfo *self)
{
  g_return_val_if_fail (HYPHA_IS_WINDOW_INFO (self), NULL);

  return self->source_uri;
}

/**
 * hypha_window_info_is_plugin:
 * @self: a window info
 *
 * Whether the window shows a plugin, whose code comes with the message of
 * [method@WindowInfo.dup_initialize_message], and not a page with a URI.
 *
 * Returns: %TRUE for a plugin
 *
 * Since: 0.1
 */
gboolean
hypha_window_info_is_plugin (HyphaWindowInfo *self)
{
  g_return_val_if_fail (HYPHA_IS_WINDOW_INFO (self), FALSE);

  return self->uri == NULL;
}

/**
 * hypha_window_info_is_hidden:
 * @self: a window info
 *
 * Whether the page has to run without being shown.
 *
 * Returns: %TRUE if there is nothing to see
 *
 * Since: 0.1
 */
gboolean
hypha_window_info_is_hidden (HyphaWindowInfo *self)
{
  const char *type = NULL;

  g_return_val_if_fail (HYPHA_IS_WINDOW_INFO (self), FALSE);

  g_variant_lookup (self->config, "type", "&s", &type);
  return g_strcmp0 (type, "iframe") == 0;
}

/**
 * hypha_window_info_get_width:
 * @self: a window info
 *
 * Gets the width that the window should have at first.
 *
 * Returns: a width in pixels
 *
 * Since: 0.1
 */
int
hypha_window_info_get_width (HyphaWindowInfo *self)
{
  g_return_val_if_fail (HYPHA_IS_WINDOW_INFO (self), 0);

  return hypha_window_info_get_size (self, "width", "w", DEFAULT_WIDTH);
}

/**
 * hypha_window_info_get_height:
 * @self: a window info
 *
 * Gets the height that the window should have at first.
 *
 * Returns: a height in pixels
 *
 * Since: 0.1
 */
int
hypha_window_info_get_height (HyphaWindowInfo *self)
{
  g_return_val_if_fail (HYPHA_IS_WINDOW_INFO (self), 0);

  return hypha_window_info_get_size (self, "height", "h", DEFAULT_HEIGHT);
}

/**
 * hypha_window_info_dup_initialize_message:
 * @self: a window info
 *
 * Makes the message that tells the page who it is and, for a plugin, what to
 * run. The host posts it to the page once it says `hyphaClientReady`.
 *
 * There is no token in it.
 *
 * Returns: (transfer full): a JSON object
 *
 * Since: 0.1
 */
char *
hypha_window_info_dup_initialize_message (HyphaWindowInfo *self)
{
  g_autoptr (GVariant) message = NULL;
  g_autoptr (GVariant) user = NULL;
  g_autoptr (GVariant) config = NULL;
  g_autoptr (JsonNode) node = NULL;
  GVariantDict dict;

  g_return_val_if_fail (HYPHA_IS_WINDOW_INFO (self), NULL);

  user = hypha_user_info_to_variant (self->user);
  config = hypha_window_info_dup_page_config (self);
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "type", "s", "initializeHyphaClient");
  g_variant_dict_insert (&dict, "server_url", "s", HYPHA_WINDOW_SERVER_URL);
  g_variant_dict_insert (&dict, "workspace", "s", self->workspace);
  g_variant_dict_insert (&dict, "client_id", "s", self->client_id);
  g_variant_dict_insert_value (&dict, "user_info", user);
  g_variant_dict_insert_value (&dict, "config", config);
  message = g_variant_ref_sink (g_variant_dict_end (&dict));
  node = hypha_json_from_variant (message);
  return json_to_string (node, FALSE);
}
