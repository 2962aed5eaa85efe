/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-name-private.h"

/* What describes a service is spelled the same everywhere. */
static gboolean
hypha_name_is_fixed (const char *name)
{
  static const char *const fixed[] = { "id", "name", "description", "config", "app_id", NULL };

  return g_strv_contains (fixed, name);
}

/* “getHTTP” is “get_h_t_t_p”; what has an underscore, or no capital, stays as it is. */
char *
hypha_name_to_snake (const char *name)
{
  GString *snake;

  if (hypha_name_is_fixed (name) || strchr (name, '_') != NULL)
    return g_strdup (name);

  snake = g_string_new (NULL);
  for (const char *p = name; *p != '\0'; p++)
    {
      if (g_ascii_isupper (*p))
        g_string_append_c (snake, '_');
      g_string_append_c (snake, g_ascii_tolower (*p));
    }

  return g_string_free (snake, FALSE);
}

/* An underscore goes, and makes a capital of what follows it. */
char *
hypha_name_to_camel (const char *name)
{
  GString *camel;

  if (hypha_name_is_fixed (name))
    return g_strdup (name);

  camel = g_string_new (NULL);
  for (const char *p = name; *p != '\0'; p++)
    {
      if (p[0] == '_' && p[1] != '\0')
        g_string_append_c (camel, g_ascii_toupper (*++p));
      else
        g_string_append_c (camel, *p);
    }

  return g_string_free (camel, FALSE);
}

static char *
hypha_name_map_path (const char *path,
                     char     *(*map) (const char *name))
{
  g_auto (GStrv) parts = g_strsplit (path, ".", -1);

  for (guint i = 0; parts[i] != NULL; i++)
    {
      char *part = map (parts[i]);

      g_free (parts[i]);
      parts[i] = part;
    }

  return g_strjoinv (".", parts);
}

char *
hypha_name_path_to_snake (const char *path)
{
  return hypha_name_map_path (path, hypha_name_to_snake);
}

char *
hypha_name_path_to_camel (const char *path)
{
  return hypha_name_map_path (path, hypha_name_to_camel);
}
