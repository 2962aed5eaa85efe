/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-app-source-private.h"

#define PLUGIN_SUFFIX ".imjoy.html"

void
hypha_app_source_free (HyphaAppSource *source)
{
  g_clear_pointer (&source->plugin, hypha_plugin_unref);
  g_free (source->uri);
  g_free (source->origin);
  g_free (source);
}

static gboolean
hypha_app_source_is_web (const char *text)
{
  return g_ascii_strncasecmp (text, "http://", 7) == 0 ||
         g_ascii_strncasecmp (text, "https://", 8) == 0;
}

static gboolean
hypha_app_source_is_file (const char *text)
{
  return *text == '/' || g_ascii_strncasecmp (text, "file:", 5) == 0;
}

/* The address of a plugin file, whether it was given as one or as a path. */
static char *
hypha_app_source_dup_origin (const char *text)
{
  return *text == '/' ? g_filename_to_uri (text, NULL, NULL) : g_strdup (text);
}

/* What is fetched, and how messages may quote it. */
typedef struct
{
  char *origin;
  char *what;
} HyphaAppFetch;

static void
hypha_app_fetch_free (HyphaAppFetch *fetch)
{
  g_free (fetch->origin);
  g_free (fetch->what);
  g_free (fetch);
}

/* Does the path of a URI, without its query and fragment, name a plugin file? */
static gboolean
hypha_app_source_names_plugin (const char *text)
{
  g_autofree char *path = g_strndup (text, strcspn (text, "?#"));

  return g_str_has_suffix (path, PLUGIN_SUFFIX);
}

static void
hypha_app_source_return_plugin (GTask      *task,
                                const char *text,
                                const char *origin)
{
  g_autoptr (HyphaAppSource) source = g_new0 (HyphaAppSource, 1);
  g_autoptr (GError) error = NULL;

  source->origin = g_strdup (origin);
  source->plugin = hypha_plugin_parse (text, NULL, &error);
  if (source->plugin != NULL)
    g_task_return_pointer (task, g_steal_pointer (&source),
                           (GDestroyNotify) hypha_app_source_free);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

/* What a client may not have fetched it may still send. */
static void
hypha_app_source_name_way_out (GError **error)
{
  g_autofree char *why = NULL;

  if (!g_error_matches (*error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED))
    return;

  why = g_strdup ((*error)->message);
  g_clear_error (error);
  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
               "%s; send the source text as “src”, or open it in the app on this machine", why);
}

static void
hypha_app_source_fetched (GObject      *object,
                          GAsyncResult *result,
                          gpointer      data)
{
  g_autoptr (GTask) task = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = hypha_fetch_finish (result, &error);
  g_autofree char *text = NULL;
  HyphaAppFetch *fetch = g_task_get_task_data (task);
  gsize size;
  const char *raw;

  if (bytes == NULL)
    {
      hypha_app_source_name_way_out (&error);
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }

  raw = g_bytes_get_data (bytes, &size);
  if (!g_utf8_validate_len (raw, size, NULL))
    {
      g_task_return_new_error (task, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                               "%s is no plugin file: it is not UTF-8 text", fetch->what);
      return;
    }

  text = g_strndup (raw, size);
  hypha_app_source_return_plugin (task, text, fetch->origin);
}

/*
 * Finds out what source is: plugin code, the URI of a plugin file, or the URI of an app. Plugin
 * code contains tags too, so it is recognised first.
 */
void
hypha_app_source_load_async (const char          *source,
                             HyphaFetchFlags      trust,
                             GCancellable        *cancellable,
                             GAsyncReadyCallback  callback,
                             gpointer             user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  g_autofree char *what = hypha_error_quote (source);
  gboolean web = hypha_app_source_is_web (source);

  g_task_set_source_tag (task, hypha_app_source_load_async);
  if (hypha_plugin_is_source (source))
    {
      hypha_app_source_return_plugin (task, source, NULL);
    }
  else if (web && !hypha_app_source_names_plugin (source))
    {
      HyphaAppSource *app = g_new0 (HyphaAppSource, 1);

      app->uri = g_strdup (source);
      g_task_return_pointer (task, app, (GDestroyNotify) hypha_app_source_free);
    }
  else if (web || hypha_app_source_is_file (source))
    {
      HyphaAppFetch *fetch = g_new0 (HyphaAppFetch, 1);

      fetch->origin = hypha_app_source_dup_origin (source);
      fetch->what = g_steal_pointer (&what);
      g_task_set_task_data (task, fetch, (GDestroyNotify) hypha_app_fetch_free);
      hypha_fetch_async (source, trust, cancellable, hypha_app_source_fetched,
                         g_steal_pointer (&task));
    }
  else
    {
      g_task_return_new_error (task, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                               "“%s” is neither plugin code nor an http:, https: or file: address",
                               what);
    }
}

HyphaAppSource *
hypha_app_source_load_finish (GAsyncResult  *result,
                              GError       **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
