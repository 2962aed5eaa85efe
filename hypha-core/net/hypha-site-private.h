/* SPDX-License-Identifier: MIT */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Host and Origin headers: who a browser says it talks to, and on whose behalf. */

gboolean  hypha_site_parse_authority  (const char  *authority,
                                       char       **host,
                                       guint       *port);
gboolean  hypha_site_parse_origin     (const char  *origin,
                                       char       **host,
                                       guint       *port);
char     *hypha_site_normalize_origin (const char  *origin);
gboolean  hypha_site_is_loopback      (const char  *host);
gboolean  hypha_site_is_address       (const char  *host);
gboolean  hypha_site_is_same          (const char  *origin,
                                       const char  *authority);

/*
 * Which names are ours, and which pages may use us.
 *
 * Host: a web page can make a name of its own point to this machine and so get around the
 * browser's same-origin rule, but it cannot make the browser send another name; so only names
 * that are known to be ours are served.
 *
 * Origin: a web page is served if it came from this server, from a web server on this machine
 * (whoever can run one here needs no page to reach us), or from an origin that was allowed by
 * name. Programs that are not browsers send no Origin and are not concerned.
 */
typedef struct
{
  GHashTable *hosts;
  GHashTable *origins;
  gboolean    any_address; /* listening on all of them, so every address may be ours */
} HyphaSitePolicy;

void      hypha_site_policy_init           (HyphaSitePolicy *self);
void      hypha_site_policy_clear          (HyphaSitePolicy *self);
void      hypha_site_policy_allow_host     (HyphaSitePolicy *self,
                                            const char      *host);
void      hypha_site_policy_allow_origin   (HyphaSitePolicy *self,
                                            const char      *origin);
gboolean  hypha_site_policy_host_allowed   (HyphaSitePolicy *self,
                                            const char      *authority);
gboolean  hypha_site_policy_origin_allowed (HyphaSitePolicy *self,
                                            const char      *origin);

G_END_DECLS
