/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <stdio.h>

#include "commands.h"

int
hypha_command_token (int    argc,
                     char **argv)
{
  g_autoptr (HyphaCore) core = hypha_core_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *workspace = NULL;
  g_autofree char *user = NULL;
  g_autofree char *workspace_dir = NULL;
  g_autofree char *token = NULL;
  int expires_in = 86400;
  GOptionEntry entries[] = {
    { "workspace", 0, 0, G_OPTION_ARG_STRING, &workspace, "Workspace that the token opens (desktop)",
      "NAME" },
    { "user", 0, 0, G_OPTION_ARG_STRING, &user, "Whose token it is (the name of the user)", "ID" },
    { "expires-in", 0, 0, G_OPTION_ARG_INT, &expires_in, "How long it is good for (86400)",
      "SECONDS" },
    { "workspace-dir", 0, 0, G_OPTION_ARG_FILENAME, &workspace_dir,
      "Directory of the server whose secret signs it", "DIR" },
    { NULL }
  };

  if (!hypha_command_parse ("— make a token for a workspace",
                            "Prints a token for servers of this user. Keep it like a password.",
                            entries, &argc, &argv))
    return 1;

  if (expires_in <= 0)
    {
      g_printerr ("hypha: --expires-in %d is not greater than 0\n", expires_in);
      return 1;
    }

  if (workspace_dir != NULL)
    hypha_core_set_workspace_dir (core, workspace_dir);
  token = hypha_core_generate_token (core, workspace != NULL ? workspace : "desktop", user,
                                     (guint) expires_in, &error);
  if (token == NULL)
    {
      g_printerr ("hypha: %s\n", error->message);
      return 1;
    }

  printf ("%s\n", token);
  return 0;
}
