/* SPDX-License-Identifier: MIT */
#pragma once

#include <hypha.h>

G_BEGIN_DECLS

/* Each takes its own name as argv[0] and returns the exit status. */
int hypha_command_login (int    argc,
                         char **argv);
int hypha_command_serve (int    argc,
                         char **argv);
int hypha_command_token (int    argc,
                         char **argv);

gboolean hypha_command_parse (const char   *usage,
                              const char   *summary,
                              GOptionEntry *entries,
                              int          *argc,
                              char       ***argv);

G_END_DECLS
