/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-site-private.h"

#include <string.h>

static gboolean
hypha_site_parse_port (const char *text,
                       guint      *port)
{
  guint64 value;

  *port = 0;
  if (*text == '\0')
    return TRUE;

  if (*text != ':' || !g_ascii_string_to_unsigned (text + 1, 10, 1, G_MAXUINT16, &value, NULL))
    return FALSE;

  *port = (guint) value;
  return TRUE;
}

static gboolean
hypha_site_parse_bracketed (const char  *authority,
                            char       **host,
                            guint       *port)
{
  const char *end = strchr (authority, ']');
  g_autofree char *inside = NULL;
  g_autoptr (GInetAddress) address = NULL;

  if (end == NULL || !hypha_site_parse_port (end + 1, port))
    return FALSE;

  inside = g_strndup (authority + 1, (gsize) (end - authority) - 1);
  address = g_inet_address_new_from_string (inside);
  if (address == NULL || g_inet_address_get_family (address) != G_SOCKET_FAMILY_IPV6)
    return FALSE;

  *host = g_inet_address_to_string (address);
  return TRUE;
}

/*
 * Splits host[:port], as in a Host header. The host comes out in lower case, without brackets
 * and without the dot that ends a full name; the port is 0 if there is none. Anything that does
 * not look exactly like that is refused, so that nothing slips by in a user name or an escape.
 */
gboolean
hypha_site_parse_authority (const char  *authority,
                            char       **host,
                            guint       *port)
{
  gsize size;

  if (*authority == '[')
    return hypha_site_parse_bracketed (authority, host, port);

  size = strspn (authority, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-._");
  if (size == 0 || !hypha_site_parse_port (authority + size, port))
    return FALSE;

  if (authority[size - 1] == '.')
    size--;

  *host = g_ascii_strdown (authority, (gssize) size);
  return TRUE;
}

static const char *
hypha_site_skip_scheme (const char *origin,
                        guint      *default_port)
{
  static const struct
  {
    const char *prefix;
    guint       port;
  } schemes[] = { { "http://", 80 }, { "https://", 443 } };

  for (gsize i = 0; i < G_N_ELEMENTS (schemes); i++)
    {
      gsize size = strlen (schemes[i].prefix);

      *default_port = schemes[i].port;
      if (g_ascii_strncasecmp (origin, schemes[i].prefix, size) == 0)
        return origin + size;
    }

  return NULL;
}

/* Splits an http or https origin; the port is never 0. */
gboolean
hypha_site_parse_origin (const char  *origin,
                         char       **host,
                         guint       *port)
{
  guint default_port;
  const char *authority = hypha_site_skip_scheme (origin, &default_port);

  if (authority == NULL || !hypha_site_parse_authority (authority, host, port))
    return FALSE;

  if (*port == 0)
    *port = default_port;
  return TRUE;
}

/* One spelling for every origin: scheme, host in lower case, port; others as they are. */
char *
hypha_site_normalize_origin (const char *origin)
{
  g_autofree char *host = NULL;
  guint port;

  if (!hypha_site_parse_origin (origin, &host, &port))
    return g_ascii_strdown (origin, -1);

  return g_strdup_printf ("%s://%s:%u",
                          g_ascii_strncasecmp (origin, "https:", 6) == 0 ? "https" : "http",
                          host, port);
}

/* Names and addresses that nobody but this machine answers to (RFC 6761 for the names). */
gboolean
hypha_site_is_loopback (const char *host)
{
  g_autoptr (GInetAddress) address = NULL;

  if (g_str_equal (host, "localhost") || g_str_has_suffix (host, ".localhost"))
    return TRUE;

  address = g_inet_address_new_from_string (host);
  return address != NULL && g_inet_address_get_is_loopback (address);
}

gboolean
hypha_site_is_address (const char *host)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (host);

  return address != NULL;
}

/* Does a page of this origin talk to where it came from? */
gboolean
hypha_site_is_same (const char *origin,
                    const char *authority)
{
  g_autofree char *origin_host = NULL;
  g_autofree char *host = NULL;
  guint origin_port;
  guint default_port;
  guint port;

  if (!hypha_site_parse_origin (origin, &origin_host, &origin_port) ||
      !hypha_site_parse_authority (authority, &host, &port))
    return FALSE;

  hypha_site_skip_scheme (origin, &default_port);
  return g_str_equal (origin_host, host) && origin_port == (port != 0 ? port : default_port);
}

void
hypha_site_policy_init (HyphaSitePolicy *self)
{
  self->hosts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->origins = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->any_address = FALSE;
}

void
hypha_site_policy_clear (HyphaSitePolicy *self)
{
  g_clear_pointer (&self->hosts, g_hash_table_unref);
  g_clear_pointer (&self->origins, g_hash_table_unref);
}

void
hypha_site_policy_allow_host (HyphaSitePolicy *self,
                              const char      *host)
{
  g_hash_table_add (self->hosts, g_ascii_strdown (host, -1));
}

void
hypha_site_policy_allow_origin (HyphaSitePolicy *self,
                                const char      *origin)
{
  g_hash_table_add (self->origins, hypha_site_normalize_origin (origin));
}

gboolean
hypha_site_policy_host_allowed (HyphaSitePolicy *self,
                                const char      *authority)
{
  g_autofree char *host = NULL;
  guint port;

  if (authority == NULL || !hypha_site_parse_authority (authority, &host, &port))
    return FALSE;

  if (hypha_site_is_loopback (host) || g_hash_table_contains (self->hosts, host))
    return TRUE;

  /* An address, unlike a name, cannot be made to point elsewhere. */
  return self->any_address && hypha_site_is_address (host);
}

/* “null”, the origin of files and of sandboxed frames, could be anybody's, so it is nobody's. */
gboolean
hypha_site_policy_origin_allowed (HyphaSitePolicy *self,
                                  const char      *origin)
{
  g_autofree char *normalized = hypha_site_normalize_origin (origin);
  g_autofree char *host = NULL;
  guint port;

  if (g_hash_table_contains (self->origins, normalized))
    return TRUE;

  return hypha_site_parse_origin (origin, &host, &port) && hypha_site_is_loopback (host);
}
