/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-app-methods-private.h"

static void
hypha_app_methods_loaded (GObject      *source,
                          GAsyncResult *result,
                          gpointer      data)
{
  g_autoptr (HyphaInvocation) invocation = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) service = NULL;

  service = hypha_app_controller_load_finish (HYPHA_APP_CONTROLLER (source), result, NULL, &error);
  hypha_invocation_return_result (invocation, service, g_steal_pointer (&error));
}

/* load_app takes a map, or the address alone. */
static GVariant *
hypha_app_methods_take_config (HyphaInvocation  *invocation,
                               GError          **error)
{
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, 0, "config");

  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return g_variant_ref_sink (g_variant_new_parsed ("{'src': <%s>}",
                                                     g_variant_get_string (value, NULL)));
  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT))
    return g_steal_pointer (&value);

  g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                       "load_app needs a map with “src”, or an address");
  return NULL;
}

static void
hypha_app_methods_serve_load (HyphaInvocation *invocation,
                              gpointer         data)
{
  HyphaAppController *self = data;
  HyphaPeer *caller = hypha_manager_get_caller (hypha_app_controller_get_manager (self),
                                                invocation);
  g_autoptr (GVariant) config = NULL;
  g_autoptr (GError) error = NULL;

  if (caller == NULL)
    return;

  config = hypha_app_methods_take_config (invocation, &error);

  /* Without a host nobody gets a window, whoever asks: that is the clearer answer. */
  if (config != NULL && hypha_app_controller_has_host (self) &&
      hypha_user_info_is_anonymous (hypha_peer_get_user (caller)))
    g_set_error_literal (&error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                         "Permission denied: anonymous users cannot open windows on this machine; "
                         "connect with a token");

  if (error != NULL)
    hypha_invocation_return_error (invocation, g_steal_pointer (&error));
  else
    hypha_app_controller_load_async (self, hypha_peer_get_workspace (caller),
                                     HYPHA_FETCH_DEFAULT, config, NULL,
                                     hypha_app_methods_loaded,
                                     hypha_invocation_ref (invocation));
}

/* A name alone, or a map with “id” or “name”; what says neither names no window. */
static GVariant *
hypha_app_methods_find (HyphaAppController *self,
                        HyphaPeer          *caller,
                        GVariant           *config)
{
  const char *workspace = hypha_peer_get_workspace (caller);
  const char *id = NULL;
  const char *name = NULL;

  if (!hypha_user_info_may (hypha_peer_get_user (caller), workspace, HYPHA_NEED_READ, workspace))
    return NULL;

  if (g_variant_is_of_type (config, G_VARIANT_TYPE_STRING))
    {
      name = g_variant_get_string (config, NULL);
    }
  else if (g_variant_is_of_type (config, G_VARIANT_TYPE_VARDICT))
    {
      g_variant_lookup (config, "id", "&s", &id);
      g_variant_lookup (config, "name", "&s", &name);
    }

  return id != NULL || name != NULL ? hypha_app_controller_find (self, workspace, id, name) : NULL;
}

static void
hypha_app_methods_serve_get_window (HyphaInvocation *invocation,
                                    gpointer         data)
{
  HyphaAppController *self = data;
  HyphaPeer *caller = hypha_manager_get_caller (hypha_app_controller_get_manager (self),
                                                invocation);
  g_autoptr (GVariant) config = hypha_invocation_dup_arg (invocation, 0, "config");
  g_autoptr (GVariant) found = NULL;

  if (caller == NULL)
    return;

  if (config != NULL)
    found = hypha_app_methods_find (self, caller, config);
  if (found != NULL)
    hypha_invocation_return (invocation, found);
  else
    hypha_invocation_return_null (invocation);
}

/* The app that runs already; an address alone loads one. */
static void
hypha_app_methods_serve_get_app (HyphaInvocation *invocation,
                                 gpointer         data)
{
  HyphaAppController *self = data;
  HyphaPeer *caller = hypha_manager_get_caller (hypha_app_controller_get_manager (self),
                                                invocation);
  g_autoptr (GVariant) config = hypha_invocation_dup_arg (invocation, 0, "config");
  g_autoptr (GVariant) found = NULL;
  g_autoptr (GVariant) service = NULL;
  const char *text = NULL;

  if (caller == NULL)
    return;

  if (config != NULL && g_variant_is_of_type (config, G_VARIANT_TYPE_STRING))
    {
      hypha_app_methods_serve_load (invocation, data);
      return;
    }

  if (config == NULL || !g_variant_is_of_type (config, G_VARIANT_TYPE_VARDICT) ||
      !(g_variant_lookup (config, "id", "&s", &text) ||
        g_variant_lookup (config, "name", "&s", &text)))
    {
      hypha_invocation_return_error (invocation,
                                     g_error_new_literal (HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                                                          "Please provide either id or name for "
                                                          "the plugin"));
      return;
    }

  found = hypha_app_methods_find (self, caller, config);
  service = found != NULL ? g_variant_lookup_value (found, "service", NULL) : NULL;
  if (service != NULL)
    hypha_invocation_return (invocation, service);
  else
    hypha_invocation_return_null (invocation);
}

static const HyphaServiceMethod app_methods[] = {
  { "load_app", "config: string|object, extra_config?: object",
    "Loads an app and returns its service.", hypha_app_methods_serve_load },
  { "load_plugin", "config: string|object, extra_config?: object",
    "Loads a plugin and returns its service.", hypha_app_methods_serve_load },
  { "create_window", "config: string|object, extra_config?: object",
    "Opens a window and returns its service.", hypha_app_methods_serve_load },
  { "get_window", "config: string|object",
    "Returns a window of the workspace, by name or id, or null.",
    hypha_app_methods_serve_get_window },
  { "get_app", "config: string|object, extra_config?: object",
    "Returns the service of an app by name or id, or null.", hypha_app_methods_serve_get_app },
  { "get_plugin", "config: string|object, extra_config?: object",
    "Returns the service of a plugin by name or id, or null.", hypha_app_methods_serve_get_app },
};

/* Gives the manager what loads apps; controller must live until the manager is closed. */
void
hypha_app_methods_add (HyphaManager       *manager,
                       HyphaAppController *controller)
{
  hypha_manager_add_methods (manager, app_methods, G_N_ELEMENTS (app_methods), controller);
}
