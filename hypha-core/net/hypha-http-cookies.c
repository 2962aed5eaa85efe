/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-http-cookies-private.h"

#include <string.h>

/* Nobody finds another service with the same digits. */
#define MARK_DIGITS "32"

/* What the names of the cookies of an app begin with, as a browser has them. */
char *
hypha_http_cookies_dup_mark (const char *workspace,
                             const char *service)
{
  g_autofree char *app = g_strconcat (workspace, "/", service, NULL);
  g_autofree char *digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, app, -1);

  return g_strdup_printf ("hypha-%." MARK_DIGITS "s-", digest);
}

/* Makes the value of Set-Cookie what the browser gets. */
void
hypha_http_cookies_mark (const char  *mark,
                         char       **set_cookie)
{
  g_autofree char *bare = g_strstrip (g_steal_pointer (set_cookie));

  *set_cookie = g_strconcat (mark, bare, NULL);
}

/* The value of Cookie as the app gets it; NULL if none of them is its own. */
char *
hypha_http_cookies_pick (const char *mark,
                         const char *cookies)
{
  g_auto (GStrv) pairs = g_strsplit (cookies, ";", -1);
  g_autoptr (GString) own = g_string_new (NULL);

  for (char **pair = pairs; *pair != NULL; pair++)
    {
      const char *text = g_strstrip (*pair);

      if (g_str_has_prefix (text, mark))
        g_string_append_printf (own, "%s%s", own->len > 0 ? "; " : "", text + strlen (mark));
    }

  return own->len > 0 ? g_string_free (g_steal_pointer (&own), FALSE) : NULL;
}
