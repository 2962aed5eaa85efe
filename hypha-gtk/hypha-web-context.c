/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-web-context.h"

#include "hypha-download.h"
#include "hypha-sandbox.h"

#include <glib/gi18n.h>
#include <hypha.h>

/*
 * HyphaWebContext: what all pages of the application share. It serves two schemes of our own:
 *
 *   hypha-host://HOST/    the host page of one view, which holds nothing but the frame. It is
 *                         display-isolated, or another page could frame it and take its place;
 *   hypha-plugin://HOST/  the page in which a plugin runs, with a host name of its own so that
 *                         its storage is its own.
 *
 * Each host name belongs to the views that it was given to; others are refused.
 */

#define RESOURCES "/io/github/hypha_desktop/Hypha/pages"
/* The core serves it to other pages. */
#define CLIENT "/io/github/hypha_desktop/Hypha/assets/hypha-rpc-websocket.js"
#define REFUSED_KEY "hypha-refused"
#define EXTENSION_FILE "libhypha-web-extension.so"

#define HOST_POLICY "default-src 'none'; frame-src * data: blob: hypha-plugin:; style-src 'unsafe-inline'"

/*
 * What a page may take, in MiB: WebKit frees what it can as the limit comes near, and ends the
 * process that goes on to MEMORY_KILL times the limit.
 */
#define MEMORY_LIMIT_MB 2048
#define MEMORY_KILL 1.5
#define MEMORY_POLL_SECONDS 5

struct _HyphaWebContext
{
  GObject               parent_instance;
  WebKitWebContext     *context;
  WebKitNetworkSession *session;
  GHashTable           *sites;  /* "HOST\nVIEW" → Site */
  GList                *waiting;  /* of GTask: callers of prepare */
  GError               *error;  /* why no page can be shown */
  guint                 probing : 1;
  guint                 prepared : 1;
};

typedef struct
{
  const char *path;
  const char *resource;
  const char *type;
} PluginFile;

static const PluginFile plugin_files[] = {
  { "/", RESOURCES "/plugin.html", "text/html; charset=utf-8" },
  { "/plugin.js", RESOURCES "/plugin.js", "text/javascript; charset=utf-8" },
  { "/hypha-rpc.js", CLIENT, "text/javascript; charset=utf-8" },
};

G_DEFINE_FINAL_TYPE (HyphaWebContext, hypha_web_context, G_TYPE_OBJECT)

static char *
site_key (const char    *host,
          WebKitWebView *web_view)
{
  return g_strdup_printf ("%s\n%p", host, (gpointer) web_view);
}

/* The page that the requesting view was given for this host name; NULL refuses it. */
static GBytes *
find_site (HyphaWebContext        *self,
           WebKitURISchemeRequest *request)
{
  g_autoptr (GUri) uri = g_uri_parse (webkit_uri_scheme_request_get_uri (request), G_URI_FLAGS_NONE, NULL);
  WebKitWebView *web_view = webkit_uri_scheme_request_get_web_view (request);
  g_autofree char *key = NULL;

  if (uri == NULL || g_uri_get_host (uri) == NULL || web_view == NULL)
    return NULL;

  key = site_key (g_uri_get_host (uri), web_view);
  return g_hash_table_lookup (self->sites, key);
}

/* Once for each view: a page may ask without end, and the log must not fill up with it. */
static void
note_refusal (WebKitURISchemeRequest *request)
{
  WebKitWebView *web_view = webkit_uri_scheme_request_get_web_view (request);

  if (web_view == NULL || g_object_get_data (G_OBJECT (web_view), REFUSED_KEY) != NULL)
    return;

  g_object_set_data (G_OBJECT (web_view), REFUSED_KEY, GINT_TO_POINTER (TRUE));
  g_message ("refused a request for %s", webkit_uri_scheme_request_get_uri (request));
}

static void
refuse (WebKitURISchemeRequest *request)
{
  g_autoptr (GError) error =
      g_error_new (HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED, "no such page in this window");

  note_refusal (request);
  webkit_uri_scheme_request_finish_error (request, error);
}

/* Without explicit headers a page sees no content type at all. */
static void
respond (WebKitURISchemeRequest *request,
         GBytes                 *bytes,
         const char             *type,
         const char             *policy)
{
  g_autoptr (GInputStream) stream = g_memory_input_stream_new_from_bytes (bytes);
  g_autoptr (WebKitURISchemeResponse) response =
      webkit_uri_scheme_response_new (stream, g_bytes_get_size (bytes));
  SoupMessageHeaders *headers = soup_message_headers_new (SOUP_MESSAGE_HEADERS_RESPONSE);

  soup_message_headers_append (headers, "Content-Type", type);
  soup_message_headers_append (headers, "X-Content-Type-Options", "nosniff");
  if (policy != NULL)
    soup_message_headers_append (headers, "Content-Security-Policy", policy);

  webkit_uri_scheme_response_set_content_type (response, type);
  webkit_uri_scheme_response_set_http_headers (response, headers);
  webkit_uri_scheme_request_finish_with_response (request, response);
}

static void
host_request_cb (WebKitURISchemeRequest *request,
                 gpointer                data)
{
  GBytes *page = find_site (data, request);

  if (page == NULL || g_strcmp0 (webkit_uri_scheme_request_get_path (request), "/") != 0)
    refuse (request);
  else
    respond (request, page, "text/html; charset=utf-8", HOST_POLICY);
}

static void
plugin_request_cb (WebKitURISchemeRequest *request,
                   gpointer                data)
{
  const char *path = webkit_uri_scheme_request_get_path (request);

  for (gsize i = 0; i < G_N_ELEMENTS (plugin_files); i++)
    {
      const PluginFile *file = &plugin_files[i];
      g_autoptr (GBytes) bytes = NULL;

      if (g_strcmp0 (path, file->path) != 0 || find_site (data, request) == NULL)
        continue;

      bytes = g_resources_lookup_data (file->resource, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
      respond (request, bytes, file->type, NULL);
      return;
    }

  refuse (request);
}

static char *
extension_directory (void)
{
  const char *directory = g_getenv ("HYPHA_WEB_EXTENSION_DIR");

  return g_strdup (directory != NULL ? directory : HYPHA_PKGLIB_DIR "/web-extensions");
}

static void
initialize_extensions_cb (WebKitWebContext *context,
                          gpointer          data)
{
  g_autofree char *directory = extension_directory ();

  webkit_web_context_set_web_process_extensions_directory (context, directory);
}

static void
register_schemes (HyphaWebContext *self)
{
  WebKitSecurityManager *manager = webkit_web_context_get_security_manager (self->context);

  webkit_web_context_register_uri_scheme (self->context, "hypha-host", host_request_cb, self, NULL);
  webkit_security_manager_register_uri_scheme_as_secure (manager, "hypha-host");
  webkit_security_manager_register_uri_scheme_as_display_isolated (manager, "hypha-host");

  webkit_web_context_register_uri_scheme (self->context, "hypha-plugin", plugin_request_cb, self, NULL);
  webkit_security_manager_register_uri_scheme_as_secure (manager, "hypha-plugin");
}

/* A smaller limit may be set from outside, but none that lets a page have more. */
static guint
memory_limit (void)
{
  const char *text = g_getenv ("HYPHA_WEB_MEMORY_LIMIT");
  guint64 limit;

  if (text == NULL || !g_ascii_string_to_unsigned (text, 10, 1, MEMORY_LIMIT_MB, &limit, NULL))
    return MEMORY_LIMIT_MB;

  return (guint) limit;
}

static WebKitWebContext *
new_limited_context (void)
{
  WebKitMemoryPressureSettings *settings = webkit_memory_pressure_settings_new ();
  WebKitWebContext *context;

  webkit_memory_pressure_settings_set_memory_limit (settings, memory_limit ());
  webkit_memory_pressure_settings_set_kill_threshold (settings, MEMORY_KILL);
  webkit_memory_pressure_settings_set_poll_interval (settings, MEMORY_POLL_SECONDS);
  context = g_object_new (WEBKIT_TYPE_WEB_CONTEXT, "memory-pressure-settings", settings, NULL);
  webkit_memory_pressure_settings_free (settings);
  return context;
}

static void
create_context (HyphaWebContext *self)
{
  g_autofree char *directory = extension_directory ();

  self->context = new_limited_context ();
  webkit_web_context_set_cache_model (self->context, WEBKIT_CACHE_MODEL_DOCUMENT_BROWSER);
  webkit_web_context_add_path_to_sandbox (self->context, directory, TRUE);
  g_signal_connect (self->context, "initialize-web-process-extensions",
                    G_CALLBACK (initialize_extensions_cb), NULL);
  register_schemes (self);

  self->session = g_getenv ("HYPHA_EPHEMERAL") != NULL ? webkit_network_session_new_ephemeral ()
                                                       : webkit_network_session_new (NULL, NULL);
  hypha_download_watch (self->session);
}

static gboolean
check_extension (GError **error)
{
  g_autofree char *directory = extension_directory ();
  g_autofree char *path = g_build_filename (directory, EXTENSION_FILE, NULL);

  if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_NOT_FOUND,
               _ ("A part of this program is missing: “%s”."), path);
  return FALSE;
}

static void
finish_waiting (HyphaWebContext *self)
{
  g_autolist (GTask) waiting = g_steal_pointer (&self->waiting);

  for (GList *l = waiting; l != NULL; l = l->next)
    {
      if (self->error != NULL)
        g_task_return_error (l->data, g_error_copy (self->error));
      else
        g_task_return_boolean (l->data, TRUE);
    }
}

static void
probed_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      data)
{
  g_autoptr (HyphaWebContext) self = data;

  self->probing = FALSE;
  if (hypha_sandbox_probe_finish (result, &self->error) && check_extension (&self->error))
    create_context (self);
  self->prepared = self->error == NULL;

  finish_waiting (self);
}

/* Finds out whether pages can be shown at all; only then may a view be made. */
void
hypha_web_context_prepare_async (HyphaWebContext    *self,
                                 GCancellable       *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_return_if_fail (HYPHA_IS_WEB_CONTEXT (self));

  g_task_set_source_tag (task, hypha_web_context_prepare_async);
  if (self->prepared)
    {
      g_task_return_boolean (task, TRUE);
      return;
    }

  self->waiting = g_list_append (self->waiting, g_steal_pointer (&task));
  if (self->probing)
    return;

  /* Retry asks again: what was wrong may have been put right. */
  self->probing = TRUE;
  g_clear_error (&self->error);
  hypha_sandbox_probe_async (NULL, probed_cb, g_object_ref (self));
}

gboolean
hypha_web_context_prepare_finish (HyphaWebContext *self,
                                  GAsyncResult    *result,
                                  GError         **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
set_feature (WebKitSettings *settings,
             const char     *name,
             gboolean        enabled)
{
  g_autoptr (WebKitFeatureList) features = webkit_settings_get_all_features ();

  for (gsize i = 0; i < webkit_feature_list_get_length (features); i++)
    {
      WebKitFeature *feature = webkit_feature_list_get (features, i);

      if (g_strcmp0 (webkit_feature_get_identifier (feature), name) == 0)
        webkit_settings_set_feature_enabled (settings, feature, enabled);
    }
}

/* A new view, floating; only after prepare has succeeded. */
WebKitWebView *
hypha_web_context_new_view (HyphaWebContext *self)
{
  g_autoptr (WebKitSettings) settings = webkit_settings_new ();

  g_return_val_if_fail (HYPHA_IS_WEB_CONTEXT (self), NULL);
  g_return_val_if_fail (self->prepared, NULL);

  webkit_settings_set_enable_page_cache (settings, FALSE);
  webkit_settings_set_enable_developer_extras (settings, TRUE);
  /* Reading needs a person's consent (hypha-permission.c); this would do without. */
  webkit_settings_set_javascript_can_access_clipboard (settings, FALSE);
  /* A window that is covered or minimised must not slow down what its plugin is doing. */
  set_feature (settings, "HiddenPageDOMTimerThrottling", FALSE);

  return g_object_new (WEBKIT_TYPE_WEB_VIEW,
                       "web-context", self->context,
                       "network-session", self->session,
                       "settings", settings,
                       NULL);
}

/* Gives a host name, of either scheme, to a view; page is what the host scheme answers. */
void
hypha_web_context_serve (HyphaWebContext *self,
                         const char      *host,
                         WebKitWebView   *web_view,
                         GBytes          *page)
{
  g_return_if_fail (HYPHA_IS_WEB_CONTEXT (self));

  g_hash_table_insert (self->sites, site_key (host, web_view), g_bytes_ref (page));
}

void
hypha_web_context_withdraw (HyphaWebContext *self,
                            const char      *host,
                            WebKitWebView   *web_view)
{
  g_autofree char *key = site_key (host, web_view);

  g_return_if_fail (HYPHA_IS_WEB_CONTEXT (self));

  g_hash_table_remove (self->sites, key);
}

static void
hypha_web_context_dispose (GObject *object)
{
  HyphaWebContext *self = HYPHA_WEB_CONTEXT (object);

  g_clear_object (&self->context);
  g_clear_object (&self->session);

  G_OBJECT_CLASS (hypha_web_context_parent_class)->dispose (object);
}

static void
hypha_web_context_finalize (GObject *object)
{
  HyphaWebContext *self = HYPHA_WEB_CONTEXT (object);

  g_hash_table_unref (self->sites);
  g_clear_error (&self->error);

  G_OBJECT_CLASS (hypha_web_context_parent_class)->finalize (object);
}

static void
hypha_web_context_class_init (HyphaWebContextClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = hypha_web_context_dispose;
  object_class->finalize = hypha_web_context_finalize;
}

static void
hypha_web_context_init (HyphaWebContext *self)
{
  self->sites = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
}

/* The one context of the program, for as long as somebody holds it. */
HyphaWebContext *
hypha_web_context_dup_default (void)
{
  static HyphaWebContext *instance;

  if (instance != NULL)
    return g_object_ref (instance);

  g_set_weak_pointer (&instance, g_object_new (HYPHA_TYPE_WEB_CONTEXT, NULL));
  return instance;
}
