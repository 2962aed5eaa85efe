/* SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The two spellings of a name, “my_fn” and “myFn”, and of each part of a path like “math.myFn”. */
char *hypha_name_to_snake      (const char *name);
char *hypha_name_to_camel      (const char *name);
char *hypha_name_path_to_snake (const char *path);
char *hypha_name_path_to_camel (const char *path);

G_END_DECLS
