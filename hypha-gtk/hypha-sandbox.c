/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-sandbox.h"

#include <glib/gi18n.h>
#include <hypha.h>

/*
 * WebKit ends the whole program when it cannot build its sandbox. So the same thing is tried
 * first, once, in a way that can fail in words.
 */

#define PROBE_TIMEOUT_SECONDS 10

static gboolean
sandbox_is_not_ours (void)
{
  /* WebKit's own switch, and Flatpak, where the portal makes the sandbox. */
  return g_strcmp0 (g_getenv ("WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS"), "1") == 0 ||
         g_file_test ("/.flatpak-info", G_FILE_TEST_EXISTS);
}

static void
fail_probe (GTask      *task,
            const char *cause)
{
  g_task_return_new_error (
      task, HYPHA_ERROR, HYPHA_ERROR_UNSUPPORTED,
      _ ("Pages cannot be shown, because this system does not let a program isolate them "
         "(bubblewrap: %s). Allow unprivileged user namespaces, or in a container run it with "
         "the right to make them."),
      cause);
}

static gboolean
probe_timed_out (gpointer data)
{
  g_subprocess_force_exit (data);
  return G_SOURCE_CONTINUE;
}

static void
probe_ended_cb (GObject      *source,
                GAsyncResult *result,
                gpointer      data)
{
  g_autoptr (GTask) task = data;
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;
  GSubprocess *bwrap = G_SUBPROCESS (source);

  g_source_remove (GPOINTER_TO_UINT (g_task_get_task_data (task)));
  if (!g_subprocess_communicate_utf8_finish (bwrap, result, NULL, &output, &error))
    fail_probe (task, error->message);
  else if (g_subprocess_get_if_exited (bwrap) && g_subprocess_get_exit_status (bwrap) == 0)
    g_task_return_boolean (task, TRUE);
  else
    fail_probe (task, output != NULL ? g_strstrip (output) : "");
}

void
hypha_sandbox_probe_async (GCancellable       *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  g_autoptr (GSubprocess) bwrap = NULL;
  g_autoptr (GError) error = NULL;
  guint timeout;

  g_task_set_source_tag (task, hypha_sandbox_probe_async);
  if (sandbox_is_not_ours ())
    {
      g_task_return_boolean (task, TRUE);
      return;
    }

  bwrap = g_subprocess_new (G_SUBPROCESS_FLAGS_STDERR_PIPE, &error, "bwrap", "--ro-bind", "/", "/",
                            "--proc", "/proc", "--unshare-pid", "--unshare-uts", "true", NULL);
  if (bwrap == NULL)
    {
      fail_probe (task, error->message);
      return;
    }

  timeout = g_timeout_add_seconds_full (G_PRIORITY_DEFAULT, PROBE_TIMEOUT_SECONDS, probe_timed_out,
                                        g_object_ref (bwrap), g_object_unref);
  g_task_set_task_data (task, GUINT_TO_POINTER (timeout), NULL);
  g_subprocess_communicate_utf8_async (bwrap, NULL, cancellable, probe_ended_cb,
                                       g_steal_pointer (&task));
}

gboolean
hypha_sandbox_probe_finish (GAsyncResult *result,
                            GError      **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
