/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-app-controller-internal-private.h"
#include "hypha-app-source-private.h"
#include "hypha-window-info-private.h"

/* From “load this” to a window that the host shows: asks for the source, then for the window. */

/* What one load_app asks for, before there is a window. */
struct _HyphaAppLoad
{
  char          *workspace;
  HyphaUserInfo *user;
  GVariant      *config;
  gboolean       personal;  /* the person at this machine asked, no client */
};

static void
hypha_app_load_free (gpointer data)
{
  HyphaAppLoad *load = data;

  g_free (load->workspace);
  hypha_user_info_unref (load->user);
  g_variant_unref (load->config);
  g_free (load);
}

const char *
hypha_app_load_get_workspace (HyphaAppLoad *self)
{
  return self->workspace;
}

static GVariant *
hypha_app_controller_run_arguments (GVariant *config)
{
  g_autoptr (GVariant) data = g_variant_lookup_value (config, "data", NULL);
  g_autoptr (GVariant) own = g_variant_lookup_value (config, "config", NULL);
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert_value (&dict, "data", data != NULL ? data : hypha_rpc_codec_null ());
  g_variant_dict_insert_value (&dict, "config",
                               own != NULL ? own : g_variant_new ("a{sv}", NULL));
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

static HyphaAppWindow *
hypha_app_controller_add_window (HyphaAppController *self,
                                 HyphaAppLoad       *load,
                                 const char         *name,
                                 const char         *uri,
                                 GVariant           *config)
{
  g_autofree char *uuid = g_uuid_string_random ();
  g_autofree char *client = g_strconcat ("client-", uuid, NULL);
  g_autoptr (GVariant) arguments = hypha_app_controller_run_arguments (load->config);
  g_autoptr (HyphaWindowInfo) info = NULL;
  HyphaAppWindow *window;

  info = hypha_window_info_new (name, load->workspace, client, load->user, uri, config);
  window = hypha_app_window_new (self, info, arguments);
  g_hash_table_insert (self->windows, window->info, window);
  return window;
}

static void
hypha_app_controller_return_no_host (GTask *task)
{
  g_task_return_new_error (task, HYPHA_ERROR, HYPHA_ERROR_NO_HOST,
                           "Window/iframe creation requires browser environment. Currently running "
                           "in: a server without a window host; start hypha-desktop to show windows");
}

static void
hypha_app_controller_return_closed (GTask *task)
{
  g_task_return_new_error (task, HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED,
                           "the core was closed meanwhile");
}

static void
hypha_app_controller_show (HyphaAppController *self,
                           GTask              *task,
                           HyphaWindowInfo    *info,
                           gboolean            passive)
{
  g_autoptr (HyphaAppController) hold = g_object_ref (self);
  gboolean shown = self->host->add_window (info, self->host_data);
  HyphaAppWindow *window = g_hash_table_lookup (self->windows, info);
  gboolean waiting;

  /* The host may have closed the window, which has answered the load. */
  if (window == NULL)
    return;

  if (shown)
    {
      if (passive)
        hypha_app_window_succeed (window);
      return;
    }

  /* Nobody waits any more where the host has said what is wrong. */
  waiting = window->loading != NULL;
  g_clear_object (&window->loading);
  g_hash_table_remove (self->windows, info);
  if (waiting)
    hypha_app_controller_return_no_host (task);
}

static void
hypha_app_controller_open (HyphaAppController *self,
                           GTask              *task,
                           HyphaAppSource     *source)
{
  HyphaAppLoad *load = g_task_get_task_data (task);
  g_autoptr (GVariant) config = NULL;
  g_autoptr (HyphaWindowInfo) info = NULL;
  g_autofree char *name = NULL;
  HyphaAppWindow *window;
  gboolean passive = FALSE;

  g_variant_lookup (load->config, "name", "s", &name);
  g_variant_lookup (load->config, "passive", "b", &passive);
  if (source->plugin != NULL)
    {
      config = g_variant_ref (hypha_plugin_get_config (source->plugin));
      if (name == NULL)
        name = g_strdup (hypha_plugin_get_name (source->plugin));
    }
  else
    {
      config = g_variant_ref (load->config);
      if (name == NULL)
        name = g_strdup (source->uri);
    }

  window = hypha_app_controller_add_window (self, load, name, source->uri, config);
  if (source->origin != NULL)
    hypha_window_info_set_source_uri (window->info, source->origin);
  window->loading = g_object_ref (task);
  window->personal = load->personal;
  info = g_object_ref (window->info);

  /* A page that a person opens may be any page: nothing is awaited of it. */
  passive = passive || (load->personal && source->plugin == NULL);
  hypha_app_window_start_deadline (window);
  hypha_app_controller_show (self, task, info, passive);
}

static gboolean
hypha_app_source_check (HyphaAppSource  *source,
                        GError         **error)
{
  const char *type;
  g_autofree char *quoted = NULL;

  if (source->plugin == NULL)
    return TRUE;

  type = hypha_plugin_get_plugin_type (source->plugin);
  if (g_str_equal (type, "window") || g_str_equal (type, "iframe"))
    return TRUE;

  quoted = hypha_error_quote (type);
  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_UNSUPPORTED, "Unsupported plugin type: %s", quoted);
  return FALSE;
}

static void
hypha_app_controller_sourced (GObject      *object,
                              GAsyncResult *result,
                              gpointer      data)
{
  g_autoptr (GTask) task = data;
  HyphaAppController *self = g_task_get_source_object (task);
  g_autoptr (GError) error = NULL;
  g_autoptr (HyphaAppSource) source = hypha_app_source_load_finish (result, &error);

  g_hash_table_remove (self->loads, g_task_get_task_data (task));
  if (source == NULL || !hypha_app_source_check (source, &error))
    g_task_return_error (task, g_steal_pointer (&error));
  else if (self->closed)
    hypha_app_controller_return_closed (task);
  else
    hypha_app_controller_open (self, task, source);
}

static void
hypha_app_controller_load_source (HyphaAppController *self,
                                  GTask              *task,
                                  const char         *source,
                                  HyphaFetchFlags     trust)
{
  g_hash_table_add (self->loads, g_task_get_task_data (task));
  hypha_app_source_load_async (source, trust, g_task_get_cancellable (task),
                               hypha_app_controller_sourced, g_object_ref (task));
}

/* Every app is a user of its own: what one may do, or its caller, says nothing of another. */
static HyphaUserInfo *
hypha_app_controller_new_user (void)
{
  g_autofree char *uuid = g_uuid_string_random ();
  g_autofree char *id = g_strconcat ("plugin-", uuid, NULL);

  return hypha_user_info_new (id, NULL, NULL, NULL, 0, FALSE);
}

/*
 * Opens what config, an a{sv}, names as “src” in workspace. trust says which addresses
 * whoever asks may have fetched.
 */
void
hypha_app_controller_load_async (HyphaAppController  *self,
                                 const char          *workspace,
                                 HyphaFetchFlags      trust,
                                 GVariant            *config,
                                 GCancellable        *cancellable,
                                 GAsyncReadyCallback  callback,
                                 gpointer             user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  HyphaAppLoad *load = g_new0 (HyphaAppLoad, 1);
  const char *source = NULL;

  g_task_set_source_tag (task, hypha_app_controller_load_async);
  load->workspace = g_strdup (workspace);
  load->user = hypha_app_controller_new_user ();
  load->config = g_variant_ref (config);
  load->personal = (trust & HYPHA_FETCH_ALLOW_FILES) != 0;
  g_task_set_task_data (task, load, hypha_app_load_free);

  g_variant_lookup (config, "src", "&s", &source);
  if (self->closed)
    hypha_app_controller_return_closed (task);
  else if (!hypha_app_controller_has_host (self))
    hypha_app_controller_return_no_host (task);
  else if (source == NULL || *source == '\0')
    g_task_return_new_error (task, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                             "load_app needs “src”: plugin code or the address of an app");
  else if (hypha_app_controller_count (self, workspace) >= HYPHA_APP_MAX_WINDOWS)
    g_task_return_new_error (task, HYPHA_ERROR, HYPHA_ERROR_BUSY,
                             "workspace %s has %d windows open or opening, close some first", workspace,
                             HYPHA_APP_MAX_WINDOWS);
  else
    hypha_app_controller_load_source (self, task, source, trust);
}

/* The service map that the app exported; nil for a page that exports none. */
GVariant *
hypha_app_controller_load_finish (HyphaAppController  *self,
                                  GAsyncResult        *result,
                                  HyphaWindowInfo    **window,
                                  GError             **error)
{
  HyphaAppResult *loaded = g_task_propagate_pointer (G_TASK (result), error);
  GVariant *service;

  if (loaded == NULL)
    return NULL;

  if (window != NULL)
    *window = g_object_ref (loaded->window);
  service = g_steal_pointer (&loaded->service);
  hypha_app_result_free (loaded);
  return service;
}
