/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-application.h"

#include <glib/gi18n.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_PORT 65535

static const GOptionEntry entries[] = {
  { "host", 0, 0, G_OPTION_ARG_STRING, NULL, N_ ("Listen on this address instead of 127.0.0.1"),
    N_ ("ADDRESS") },
  /* Text: GApplication cannot tell a number that is 0 from one that was not given. */
  { "port", 'p', 0, G_OPTION_ARG_STRING, NULL, N_ ("Listen on this port instead of 9527; 0 takes a free one"),
    N_ ("PORT") },
  { "workspace-dir", 0, 0, G_OPTION_ARG_FILENAME, NULL, N_ ("Keep the files of workspaces here"),
    N_ ("DIRECTORY") },
  { "version", 0, 0, G_OPTION_ARG_NONE, NULL, N_ ("Print the version and exit"), NULL },
  { NULL },
};

static gboolean
came_too_late (GApplication *application,
               GVariantDict *options)
{
  if (!g_application_get_is_remote (application))
    return FALSE;

  if (!g_variant_dict_contains (options, "host") && !g_variant_dict_contains (options, "port") &&
      !g_variant_dict_contains (options, "workspace-dir"))
    return FALSE;

  g_printerr (_ ("hypha-desktop: already running; its address and directory cannot be changed now\n"));
  return TRUE;
}

/* Options belong to the instance that runs the core; -1 means: go on. */
static int
handle_local_options (GApplication *application,
                      GVariantDict *options,
                      gpointer      data)
{
  HyphaCore *core = hypha_application_get_core (HYPHA_APPLICATION (application));
  g_autoptr (GError) error = NULL;
  const char *text;
  guint64 port;

  if (g_variant_dict_contains (options, "version"))
    {
      g_print ("hypha-desktop %s\n", HYPHA_VERSION);
      return EXIT_SUCCESS;
    }

  if (g_variant_dict_lookup (options, "port", "&s", &text))
    {
      if (!g_ascii_string_to_unsigned (text, 10, 0, MAX_PORT, &port, NULL))
        {
          g_printerr (_ ("hypha-desktop: port %s is not between 0 and %d\n"), text, MAX_PORT);
          return EXIT_FAILURE;
        }
      hypha_core_set_port (core, (guint) port);
    }

  if (g_variant_dict_lookup (options, "host", "&s", &text))
    hypha_core_set_host (core, text);
  if (g_variant_dict_lookup (options, "workspace-dir", "^&ay", &text))
    hypha_core_set_workspace_dir (core, text);

  if (!g_application_register (application, NULL, &error))
    {
      g_printerr ("hypha-desktop: %s\n", error->message);
      return EXIT_FAILURE;
    }

  return came_too_late (application, options) ? EXIT_FAILURE : -1;
}

static void
listening_cb (HyphaApplication *application,
              const char       *url)
{
  g_print ("hypha-desktop: listening on %s\n", url);
  fflush (stdout);
}

static void
start_failed_cb (HyphaApplication *application,
                 GError           *error)
{
  g_printerr ("hypha-desktop: %s\n", error->message);
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (HyphaApplication) application = NULL;
  int status;

  setlocale (LC_ALL, "");
  bindtextdomain (HYPHA_GETTEXT_DOMAIN, HYPHA_LOCALE_DIR);
  bind_textdomain_codeset (HYPHA_GETTEXT_DOMAIN, "UTF-8");
  textdomain (HYPHA_GETTEXT_DOMAIN);
  g_set_prgname ("hypha-desktop");

  application = hypha_application_new (HYPHA_APPLICATION_ID);
  g_application_add_main_option_entries (G_APPLICATION (application), entries);
  g_application_set_option_context_parameter_string (G_APPLICATION (application), _ ("[PLUGIN…]"));
  g_application_set_option_context_summary (
      G_APPLICATION (application), _ ("Runs Hypha and ImJoy plugins, given by address or file."));
  g_signal_connect (application, "handle-local-options", G_CALLBACK (handle_local_options), NULL);
  g_signal_connect (application, "listening", G_CALLBACK (listening_cb), NULL);
  g_signal_connect (application, "start-failed", G_CALLBACK (start_failed_cb), NULL);

  status = g_application_run (G_APPLICATION (application), argc, argv);
  return status != EXIT_SUCCESS ? status : hypha_application_get_exit_status (application);
}
