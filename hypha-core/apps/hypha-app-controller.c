/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-app-controller-private.h"
#include "hypha-app-methods-private.h"
#include "hypha-app-source-private.h"
#include "hypha-lookup-private.h"
#include "hypha-window-info-private.h"

/*
 * HyphaAppController: from “load this” to a running service. It asks the host for a window, waits
 * for the page in it to export its service, and runs setup() and run(). It adds load_app and
 * create_window to the manager.
 */
struct _HyphaAppController
{
  GObject              parent_instance;

  HyphaManager        *manager;
  HyphaGate           *gate;
  const HyphaAppHost  *host;
  gpointer             host_data;
  GHashTable          *windows;  /* HyphaWindowInfo → HyphaAppWindow */
  GHashTable          *loads;    /* set of HyphaAppLoad, not owned: no window yet */
  guint                timeout;  /* milliseconds */
  guint                closed : 1;
};

/* One window from add-window until it closes. */
typedef struct
{
  HyphaAppController *controller;  /* not owned */
  HyphaWindowInfo    *info;
  char               *peer;        /* workspace/client */
  GVariant           *arguments;   /* a{sv}: what run() gets */
  GVariant           *service;     /* what the page exported; NULL until it has */
  HyphaConnection    *connection;  /* the page's, once mounted */
  GTask              *loading;     /* waits for the app; NULL when that is over */
  GSource            *deadline;
  gboolean            personal;    /* the person at this machine opened it, no client */
} HyphaAppWindow;

/* What one load_app asks for, before there is a window. */
typedef struct
{
  char          *workspace;
  HyphaUserInfo *user;
  GVariant      *config;
  gboolean       personal;  /* the person at this machine asked, no client */
} HyphaAppLoad;

/* What a finished load gives. */
typedef struct
{
  HyphaWindowInfo *window;
  GVariant        *service;
} HyphaAppResult;

G_DEFINE_FINAL_TYPE (HyphaAppController, hypha_app_controller, G_TYPE_OBJECT)

static void
hypha_app_load_free (gpointer data)
{
  HyphaAppLoad *load = data;

  g_free (load->workspace);
  hypha_user_info_unref (load->user);
  g_variant_unref (load->config);
  g_free (load);
}

static void
hypha_app_result_free (gpointer data)
{
  HyphaAppResult *result = data;

  g_clear_object (&result->window);
  g_clear_pointer (&result->service, g_variant_unref);
  g_free (result);
}

static void
hypha_app_window_stop_deadline (HyphaAppWindow *window)
{
  if (window->deadline != NULL)
    {
      g_source_destroy (window->deadline);
      g_clear_pointer (&window->deadline, g_source_unref);
    }
}

static void
hypha_app_window_fail (HyphaAppWindow *window,
                       GError         *error)
{
  g_autoptr (GTask) task = g_steal_pointer (&window->loading);

  hypha_app_window_stop_deadline (window);
  if (task != NULL)
    g_task_return_error (task, error);
  else
    g_error_free (error);
}

static void
hypha_app_window_succeed (HyphaAppWindow *window)
{
  g_autoptr (GTask) task = g_steal_pointer (&window->loading);
  HyphaAppResult *result;

  hypha_app_window_stop_deadline (window);
  if (task == NULL)
    return;

  result = g_new0 (HyphaAppResult, 1);
  result->window = g_object_ref (window->info);
  result->service = window->service != NULL ? g_variant_ref (window->service) :
                                              g_variant_ref_sink (hypha_rpc_codec_null ());
  g_task_return_pointer (task, result, hypha_app_result_free);
}

static void
hypha_app_window_drop_connection (HyphaAppWindow *window)
{
  g_autoptr (HyphaConnection) connection = g_steal_pointer (&window->connection);

  if (connection != NULL)
    hypha_connection_close (connection, HYPHA_CLOSE_NORMAL, "the page is gone");
}

static void
hypha_app_window_free (gpointer data)
{
  HyphaAppWindow *window = data;

  hypha_app_window_drop_connection (window);
  hypha_app_window_fail (window, g_error_new (HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED,
                                              "the window of %s was closed", window->peer));
  g_object_unref (window->info);
  g_free (window->peer);
  g_variant_unref (window->arguments);
  g_clear_pointer (&window->service, g_variant_unref);
  g_free (window);
}

static void
hypha_app_controller_dispose (GObject *object)
{
  HyphaAppController *self = HYPHA_APP_CONTROLLER (object);

  g_clear_pointer (&self->windows, g_hash_table_unref);
  g_clear_pointer (&self->loads, g_hash_table_unref);
  g_clear_object (&self->gate);
  g_clear_object (&self->manager);

  G_OBJECT_CLASS (hypha_app_controller_parent_class)->dispose (object);
}

static void
hypha_app_controller_class_init (HyphaAppControllerClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = hypha_app_controller_dispose;
}

static void
hypha_app_controller_init (HyphaAppController *self)
{
  self->windows = g_hash_table_new_full (NULL, NULL, NULL, hypha_app_window_free);
  self->loads = g_hash_table_new (NULL, NULL);
  self->timeout = HYPHA_APP_LOAD_TIMEOUT * 1000;
}

/*
 * From here on no window opens and the host is never called, so its data may go. Calls nobody,
 * unlike close: it may be used inside any callback.
 */
void
hypha_app_controller_stop (HyphaAppController *self)
{
  self->closed = TRUE;
  self->host_data = NULL;
}

/* Ends it before its last reference goes: calls that are on their way find no window any more. */
void
hypha_app_controller_close (HyphaAppController *self)
{
  g_autoptr (HyphaAppController) hold = g_object_ref (self);

  /* Every window's end is told to somebody, who may drop the last reference. */
  hypha_app_controller_stop (self);
  g_hash_table_remove_all (self->windows);
}

void
hypha_app_controller_set_timeout (HyphaAppController *self,
                                  guint               milliseconds)
{
  self->timeout = milliseconds;
}

guint
hypha_app_controller_get_n_windows (HyphaAppController *self)
{
  return g_hash_table_size (self->windows);
}

static HyphaAppWindow *
hypha_app_controller_find_peer (HyphaAppController *self,
                                const char         *workspace,
                                const char         *client)
{
  g_autofree char *peer = g_strconcat (workspace, "/", client, NULL);
  GHashTableIter iter;
  HyphaAppWindow *window;

  g_hash_table_iter_init (&iter, self->windows);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &window))
    {
      if (g_str_equal (window->peer, peer))
        return window;
    }

  return NULL;
}

/* By which of its names somebody may mean a window: its own id, its client's, its service's. */
static gboolean
hypha_app_window_is (HyphaAppWindow *window,
                     const char     *id)
{
  const char *service = NULL;

  if (window->service != NULL && g_variant_is_of_type (window->service, G_VARIANT_TYPE_VARDICT))
    g_variant_lookup (window->service, "id", "&s", &service);

  return g_str_equal (id, hypha_window_info_get_id (window->info)) ||
         g_str_equal (id, hypha_window_info_get_client_id (window->info)) ||
         g_str_equal (id, window->peer) || g_strcmp0 (id, service) == 0;
}

/*
 * The window of workspace that has this id or, where id is NULL, this name, as {id, name, service};
 * service is nil until the app has exported one. NULL if there is none.
 */
GVariant *
hypha_app_controller_find (HyphaAppController *self,
                           const char         *workspace,
                           const char         *id,
                           const char         *name)
{
  GHashTableIter iter;
  HyphaAppWindow *window;

  g_hash_table_iter_init (&iter, self->windows);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &window))
    {
      GVariantDict dict;

      if (!g_str_equal (hypha_window_info_get_workspace (window->info), workspace) ||
          !(id != NULL ? hypha_app_window_is (window, id) :
                         g_strcmp0 (hypha_window_info_get_name (window->info), name) == 0))
        continue;

      g_variant_dict_init (&dict, NULL);
      g_variant_dict_insert (&dict, "id", "s", hypha_window_info_get_id (window->info));
      g_variant_dict_insert (&dict, "name", "s", hypha_window_info_get_name (window->info));
      g_variant_dict_insert_value (&dict, "service", window->service != NULL ?
                                     window->service : hypha_rpc_codec_null ());
      return g_variant_ref_sink (g_variant_dict_end (&dict));
    }

  return NULL;
}

/* Calls run on from here; the window may have gone before they return. */
typedef struct
{
  HyphaAppController *controller;
  HyphaWindowInfo    *info;
} HyphaAppStep;

static HyphaAppStep *
hypha_app_step_new (HyphaAppWindow *window)
{
  HyphaAppStep *step = g_new (HyphaAppStep, 1);

  step->controller = g_object_ref (window->controller);
  step->info = g_object_ref (window->info);
  return step;
}

/* Ends a step: its window, or NULL if that has gone. */
static HyphaAppWindow *
hypha_app_step_end (HyphaAppStep *step)
{
  HyphaAppWindow *window = g_hash_table_lookup (step->controller->windows, step->info);

  g_object_unref (step->info);
  g_object_unref (step->controller);
  g_free (step);
  return window;
}

static void
hypha_app_window_call (HyphaAppWindow      *window,
                       const char          *method,
                       GVariant            *args,
                       GAsyncReadyCallback  callback)
{
  hypha_rpc_call_async (hypha_manager_get_rpc (window->controller->manager), window->peer, method,
                        args, HYPHA_RPC_TIMEOUT, NULL, callback, hypha_app_step_new (window));
}

static gboolean
hypha_app_window_has_method (HyphaAppWindow *window,
                             const char     *name)
{
  g_autoptr (GVariant) method = g_variant_lookup_value (window->service, name, NULL);

  return method != NULL && hypha_rpc_codec_is_type (method, "method");
}

static void
hypha_app_window_ran (GObject      *source,
                      GAsyncResult *result,
                      gpointer      data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = hypha_rpc_call_finish (HYPHA_RPC (source), result, &error);
  HyphaAppWindow *window = hypha_app_step_end (data);

  if (window == NULL)
    return;

  if (error != NULL)
    {
      g_message ("%s: run() failed: %s", window->peer, error->message);
      g_prefix_error (&error, "run() of %s failed: ", hypha_window_info_get_name (window->info));
      hypha_app_window_fail (window, g_steal_pointer (&error));
    }
  else
    {
      hypha_app_window_succeed (window);
    }
}

static void
hypha_app_window_run (HyphaAppWindow *window)
{
  GVariantBuilder args;

  if (!hypha_app_window_has_method (window, "run"))
    {
      hypha_app_window_succeed (window);
      return;
    }

  g_variant_builder_init (&args, G_VARIANT_TYPE ("av"));
  g_variant_builder_add (&args, "v", window->arguments);
  hypha_app_window_call (window, "services.default.run", g_variant_builder_end (&args),
                         hypha_app_window_ran);
}

/* An error of setup() does not keep a plugin from running; the log has it. */
static void
hypha_app_window_set_up (GObject      *source,
                         GAsyncResult *result,
                         gpointer      data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = hypha_rpc_call_finish (HYPHA_RPC (source), result, &error);
  HyphaAppWindow *window = hypha_app_step_end (data);

  if (error != NULL && window != NULL)
    g_message ("%s: setup() failed: %s", window->peer, error->message);
  if (window != NULL)
    hypha_app_window_run (window);
}

static void
hypha_app_window_got_service (GObject      *source,
                              GAsyncResult *result,
                              gpointer      data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) service = hypha_lookup_get_finish (result, &error);
  HyphaAppWindow *window = hypha_app_step_end (data);

  if (window == NULL)
    return;

  if (service == NULL || !g_variant_is_of_type (service, G_VARIANT_TYPE_VARDICT))
    {
      if (error == NULL)
        error = g_error_new (HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED,
                             "%s went away before it was ready", window->peer);
      hypha_app_window_fail (window, g_steal_pointer (&error));
      return;
    }

  g_clear_pointer (&window->service, g_variant_unref);
  window->service = g_steal_pointer (&service);
  if (hypha_app_window_has_method (window, "setup"))
    hypha_app_window_call (window, "services.default.setup", g_variant_new ("av", NULL),
                           hypha_app_window_set_up);
  else
    hypha_app_window_run (window);
}

/* A page of ours has exported its service: on first load, and again after a reload. */
static void
hypha_app_controller_on_service_added (HyphaRegistry      *registry,
                                       HyphaServiceInfo   *info,
                                       HyphaAppController *self)
{
  HyphaAppWindow *window;
  g_autoptr (GVariant) id = NULL;

  if (!g_str_equal (hypha_service_info_get_service (info), "default"))
    return;

  window = hypha_app_controller_find_peer (self, hypha_service_info_get_workspace (info),
                                           hypha_service_info_get_client (info));
  if (window == NULL)
    return;

  id = g_variant_ref_sink (g_variant_new_string (hypha_service_info_get_id (info)));
  hypha_lookup_get_async (self->manager, hypha_window_info_get_user (window->info),
                          hypha_window_info_get_workspace (window->info), id, NULL, NULL,
                          hypha_app_window_got_service, hypha_app_step_new (window));
}

static gboolean
hypha_app_window_expire (gpointer data)
{
  HyphaAppWindow *window = data;
  g_autoptr (HyphaAppController) self = g_object_ref (window->controller);
  g_autoptr (HyphaWindowInfo) info = g_object_ref (window->info);

  /* Who waits is told first, and may close the window or the controller. */
  hypha_app_window_fail (window,
                         g_error_new (HYPHA_ERROR, HYPHA_ERROR_TIMED_OUT,
                                      "Timeout after %u s: “%s” has not exported its service; a "
                                      "plugin does that with api.export()", self->timeout / 1000,
                                      hypha_window_info_get_name (info)));

  /* What a person opened is theirs to close, however long it takes. */
  window = g_hash_table_lookup (self->windows, info);
  if (window != NULL && !window->personal)
    {
      g_hash_table_remove (self->windows, info);
      if (!self->closed)
        self->host->remove_window (info, self->host_data);
    }

  return G_SOURCE_REMOVE;
}

/* The windows of a workspace, with those that are on their way. */
static guint
hypha_app_controller_count (HyphaAppController *self,
                            const char         *workspace)
{
  GHashTableIter iter;
  HyphaWindowInfo *info;
  HyphaAppLoad *load;
  guint n = 0;

  g_hash_table_iter_init (&iter, self->windows);
  while (g_hash_table_iter_next (&iter, (gpointer *) &info, NULL))
    {
      if (g_str_equal (hypha_window_info_get_workspace (info), workspace))
        n++;
    }

  g_hash_table_iter_init (&iter, self->loads);
  while (g_hash_table_iter_next (&iter, (gpointer *) &load, NULL))
    {
      if (g_str_equal (load->workspace, workspace))
        n++;
    }

  return n;
}

/* What run() gets: {data, config} of the caller. */
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
  HyphaAppWindow *window = g_new0 (HyphaAppWindow, 1);
  g_autofree char *uuid = g_uuid_string_random ();
  g_autofree char *client = g_strconcat ("client-", uuid, NULL);

  window->controller = self;
  window->info = hypha_window_info_new (name, load->workspace, client, load->user, uri, config);
  window->peer = g_strconcat (load->workspace, "/", client, NULL);
  window->arguments = hypha_app_controller_run_arguments (load->config);
  g_hash_table_insert (self->windows, window->info, window);
  return window;
}

static void
hypha_app_window_start_deadline (HyphaAppWindow *window)
{
  window->deadline = g_timeout_source_new (window->controller->timeout);
  g_source_set_static_name (window->deadline, "hypha-app-load");
  g_source_set_callback (window->deadline, hypha_app_window_expire, window, NULL);
  g_source_attach (window->deadline, g_main_context_get_thread_default ());
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

HyphaManager *
hypha_app_controller_get_manager (HyphaAppController *self)
{
  return self->manager;
}

/* Whether there is anybody who shows windows. */
gboolean
hypha_app_controller_has_host (HyphaAppController *self)
{
  return !self->closed && self->host->has_host (self->host_data);
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

/* Ends the line of the page in a window. The window, or NULL: who hears of that may close it. */
static HyphaAppWindow *
hypha_app_controller_unmount (HyphaAppController *self,
                              HyphaWindowInfo    *info)
{
  HyphaAppWindow *window = g_hash_table_lookup (self->windows, info);

  if (window == NULL || window->connection == NULL)
    return window;

  hypha_app_window_drop_connection (window);
  return g_hash_table_lookup (self->windows, info);
}

/* The page in a window speaks: its identity is the window's. An older page's line ends. */
void
hypha_app_controller_mount (HyphaAppController *self,
                            HyphaWindowInfo    *info,
                            HyphaConnection    *connection)
{
  g_autoptr (HyphaAppController) hold = g_object_ref (self);
  HyphaAppWindow *window = hypha_app_controller_unmount (self, info);

  if (window == NULL)
    {
      hypha_connection_close (connection, HYPHA_CLOSE_GOING_AWAY, "this window is closed");
      return;
    }

  window->connection = g_object_ref (connection);
  hypha_gate_accept_mounted (self->gate, connection, hypha_window_info_get_workspace (info),
                             hypha_window_info_get_client_id (info),
                             hypha_window_info_get_user (info));
}

/* The host could not show the page, or it crashed. The window stays, with the error in it. */
void
hypha_app_controller_window_failed (HyphaAppController *self,
                                    HyphaWindowInfo    *info,
                                    const GError       *error)
{
  g_autoptr (HyphaAppController) hold = g_object_ref (self);
  HyphaAppWindow *window = hypha_app_controller_unmount (self, info);

  if (window != NULL)
    hypha_app_window_fail (window, g_error_copy (error));
}

/* The window is gone: its services leave, whoever waits for it is told. */
void
hypha_app_controller_window_closed (HyphaAppController *self,
                                    HyphaWindowInfo    *info)
{
  g_autoptr (HyphaAppController) hold = g_object_ref (self);
  g_autoptr (HyphaWindowInfo) hold_info = g_object_ref (info);

  g_hash_table_remove (self->windows, info);
}

/* host, and its data, must live until the controller is closed. */
HyphaAppController *
hypha_app_controller_new (HyphaManager       *manager,
                          HyphaGate          *gate,
                          const HyphaAppHost *host,
                          gpointer            host_data)
{
  HyphaAppController *self = g_object_new (HYPHA_TYPE_APP_CONTROLLER, NULL);

  self->manager = g_object_ref (manager);
  self->gate = g_object_ref (gate);
  self->host = host;
  self->host_data = host_data;
  hypha_app_methods_add (manager, self);
  g_signal_connect_object (hypha_manager_get_registry (manager), "service-added",
                           G_CALLBACK (hypha_app_controller_on_service_added), self, 0);
  return self;
}
