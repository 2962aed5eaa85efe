/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <locale.h>
#include <stdio.h>

#include "commands.h"

typedef struct
{
  const char *name;
  const char *summary;
  int (*run) (int    argc,
              char **argv);
} HyphaCommand;

static const HyphaCommand commands[] = {
  { "login", "Confirm a login at a running server", hypha_command_login },
  { "serve", "Run a Hypha server", hypha_command_serve },
  { "token", "Make a token for a workspace", hypha_command_token },
};

static void
print_usage (FILE *out)
{
  fprintf (out, "Usage: hypha COMMAND [OPTION…]\n\nCommands:\n");
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    fprintf (out, "  %-8s %s\n", commands[i].name, commands[i].summary);
  fprintf (out, "\n“hypha COMMAND --help” tells more. “hypha --version” tells the version.\n");
}

/* Reads the options of one command; says what is wrong with them in one line. */
gboolean
hypha_command_parse (const char   *usage,
                     const char   *summary,
                     GOptionEntry *entries,
                     int          *argc,
                     char       ***argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new (usage);
  g_autoptr (GError) error = NULL;

  g_option_context_set_summary (context, summary);
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, &error))
    {
      g_printerr ("hypha: %s\n", error->message);
      return FALSE;
    }

  if (*argc > 1)
    {
      g_printerr ("hypha: unexpected argument “%s”\n", (*argv)[1]);
      return FALSE;
    }

  return TRUE;
}

int
main (int    argc,
      char **argv)
{
  setlocale (LC_ALL, "");

  if (argc < 2)
    {
      print_usage (stderr);
      return 1;
    }

  if (g_str_equal (argv[1], "--help") || g_str_equal (argv[1], "-h") ||
      g_str_equal (argv[1], "help"))
    {
      print_usage (stdout);
      return 0;
    }

  if (g_str_equal (argv[1], "--version"))
    {
      printf ("hypha %s\n", HYPHA_VERSION);
      return 0;
    }

  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    {
      if (g_str_equal (argv[1], commands[i].name))
        {
          g_autofree char *name = g_strconcat ("hypha ", argv[1], NULL);

          g_set_prgname (name);
          return commands[i].run (argc - 1, argv + 1);
        }
    }

  g_printerr ("hypha: no command “%s”; “hypha --help” lists them\n", argv[1]);
  return 1;
}
