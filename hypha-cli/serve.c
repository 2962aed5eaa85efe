/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>

#include "commands.h"

typedef struct
{
  HyphaCore *core;
  GMainLoop *loop;
  int        status;
  gboolean   closing;
} Serve;

static void
serve_closed (GObject      *source,
              GAsyncResult *result,
              gpointer      data)
{
  Serve *serve = data;
  g_autoptr (GError) error = NULL;

  if (!hypha_core_close_finish (serve->core, result, &error))
    {
      g_printerr ("hypha: %s\n", error->message);
      serve->status = 1;
    }

  g_main_loop_quit (serve->loop);
}

/* The first signal says goodbye to everybody, a second one does not wait for them. */
static gboolean
serve_end (Serve    *serve,
           gboolean  restarting)
{

  if (serve->closing)
    {
      g_main_loop_quit (serve->loop);
      return G_SOURCE_CONTINUE;
    }

  serve->closing = TRUE;
  hypha_core_set_restarting (serve->core, restarting);
  hypha_core_close_async (serve->core, NULL, serve_closed, serve);
  return G_SOURCE_CONTINUE;
}

/* A person at the keyboard ends it. */
static gboolean
serve_interrupted (gpointer data)
{
  return serve_end (data, FALSE);
}

/* Whoever supervises servers ends them to start them again: an update, a new configuration. */
static gboolean
serve_terminated (gpointer data)
{
  return serve_end (data, TRUE);
}

/* Somebody wonders what it keeps. */
static gboolean
serve_asked (gpointer data)
{
  g_autofree char *status = hypha_core_dup_status (HYPHA_CORE (data));

  g_message ("%s", status);
  return G_SOURCE_CONTINUE;
}

/* Signals are handled before anybody can know that we listen. */
static int
serve_run (HyphaCore *core)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GError) error = NULL;
  Serve serve = { .core = core, .loop = loop };
  guint interrupted = g_unix_signal_add (SIGINT, serve_interrupted, &serve);
  guint terminated = g_unix_signal_add (SIGTERM, serve_terminated, &serve);
  guint asked = g_unix_signal_add (SIGUSR1, serve_asked, core);

  if (hypha_core_start (core, NULL, &error))
    {
      printf ("hypha: listening on %s\n", hypha_core_get_url (core));
      fflush (stdout);
      g_main_loop_run (loop);
    }
  else
    {
      g_printerr ("hypha: %s\n", error->message);
      serve.status = 1;
    }

  g_source_remove (interrupted);
  g_source_remove (terminated);
  g_source_remove (asked);
  return serve.status;
}

int
hypha_command_serve (int    argc,
                     char **argv)
{
  g_autoptr (HyphaCore) core = hypha_core_new ();
  g_autofree char *host = NULL;
  g_autofree char *base_url = NULL;
  g_autofree char *workspace_dir = NULL;
  g_auto (GStrv) origins = NULL;
  g_auto (GStrv) guest_workspaces = NULL;
  gboolean refuse_encrypted = FALSE;
  int port = (int) hypha_core_get_port (core);
  GOptionEntry entries[] = {
    { "host", 0, 0, G_OPTION_ARG_STRING, &host, "Address to listen on (127.0.0.1)", "ADDRESS" },
    { "port", 0, 0, G_OPTION_ARG_INT, &port, "Port to listen on (9527); 0 takes a free one",
      "PORT" },
    { "base-url", 0, 0, G_OPTION_ARG_STRING, &base_url, "Where clients reach the server from outside",
      "URL" },
    { "allow-origin", 0, 0, G_OPTION_ARG_STRING_ARRAY, &origins,
      "Let web pages of this origin use the server; may be given several times", "ORIGIN" },
    { "guest-workspace", 0, 0, G_OPTION_ARG_STRING_ARRAY, &guest_workspaces,
      "Let clients without a token into this workspace; may be given several times", "NAME" },
    { "workspace-dir", 0, 0, G_OPTION_ARG_FILENAME, &workspace_dir,
      "Directory for what the server keeps", "DIR" },
    { "refuse-encrypted", 0, 0, G_OPTION_ARG_NONE, &refuse_encrypted,
      "Keep encrypted messages inside their workspace", NULL },
    { NULL }
  };

  if (!hypha_command_parse ("— run a Hypha server",
                            "The secret that signs tokens is $HYPHA_JWT_SECRET, or the file "
                            "jwt-secret in the directory of --workspace-dir.",
                            entries, &argc, &argv))
    return 1;

  if (port < 0 || port > 65535)
    {
      g_printerr ("hypha: --port %d is not between 0 and 65535\n", port);
      return 1;
    }

  hypha_core_set_port (core, (guint) port);
  hypha_core_set_base_url (core, base_url);
  hypha_core_set_allowed_origins (core, (const char *const *) origins);
  hypha_core_set_guest_workspaces (core, (const char *const *) guest_workspaces);
  hypha_core_set_refuse_encrypted (core, refuse_encrypted);
  if (host != NULL)
    hypha_core_set_host (core, host);
  if (workspace_dir != NULL)
    hypha_core_set_workspace_dir (core, workspace_dir);

  return serve_run (core);
}
