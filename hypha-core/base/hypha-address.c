/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-address-private.h"

void
hypha_address_clear (HyphaAddress *address)
{
  g_clear_pointer (&address->workspace, g_free);
  g_clear_pointer (&address->client, g_free);
  g_clear_pointer (&address->service, g_free);
  g_clear_pointer (&address->app, g_free);
}

/* Cuts text at its only separator: returns what is left of it, and in rest what is right. */
static char *
hypha_address_cut (const char  *text,
                   char         separator,
                   const char **rest)
{
  const char *found = strchr (text, separator);

  if (found == NULL)
    {
      *rest = NULL;
      return g_strdup (text);
    }

  *rest = found + 1;
  return g_strndup (text, found - text);
}

static gboolean
hypha_address_check_separators (const char  *text,
                                GError     **error)
{
  static const char separators[] = { '/', ':', '@' };

  for (gsize i = 0; i < G_N_ELEMENTS (separators); i++)
    {
      const char *first = strchr (text, separators[i]);

      if (first != NULL && strchr (first + 1, separators[i]) != NULL)
        {
          g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                       "Service id must contain at most one '%c'", separators[i]);
          return FALSE;
        }
    }

  return TRUE;
}

/*
 * Parses “[workspace/][client:]service[@app]”. Only the shape is checked here; whether the parts
 * are names, or the * of a query, is for the caller to say.
 */
gboolean
hypha_address_parse (const char    *text,
                     HyphaAddress  *address,
                     GError       **error)
{
  g_autofree char *whole = NULL;
  g_autofree char *head = NULL;
  const char *app = NULL;
  const char *local = NULL;
  const char *service = NULL;

  memset (address, 0, sizeof *address);
  if (!hypha_address_check_separators (text, error))
    return FALSE;

  whole = hypha_address_cut (text, '@', &app);
  head = hypha_address_cut (whole, '/', &local);
  if (local != NULL)
    address->workspace = g_steal_pointer (&head);
  else
    local = whole;

  address->client = hypha_address_cut (local, ':', &service);
  if (service != NULL)
    address->service = g_strdup (service);
  else
    address->service = g_steal_pointer (&address->client);

  address->app = g_strdup (app);
  return TRUE;
}

/* A workspace or client id: ^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$ */
gboolean
hypha_address_is_name (const char *name)
{
  gsize length = strlen (name);

  if (length == 0 || length > HYPHA_ADDRESS_MAX_NAME || !g_ascii_isalnum (name[0]))
    return FALSE;

  for (const char *p = name; *p != '\0'; p++)
    {
      if (!g_ascii_isalnum (*p) && strchr ("_.-", *p) == NULL)
        return FALSE;
    }

  return TRUE;
}

/* A bare service id: printable, without white space and without / : @ * and dots. */
gboolean
hypha_address_is_service_name (const char *name)
{
  gsize length = strlen (name);

  if (length == 0 || length > HYPHA_ADDRESS_MAX_NAME || !g_utf8_validate (name, length, NULL))
    return FALSE;

  for (const char *p = name; *p != '\0'; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      if (!g_unichar_isgraph (c) || (c < 0x80 && strchr ("/:@*.", (int) c) != NULL))
        return FALSE;
    }

  return TRUE;
}

/* Ids that only the core itself may have. */
gboolean
hypha_address_is_reserved_client (const char *workspace,
                                  const char *client)
{
  if (g_str_has_prefix (client, HYPHA_ADDRESS_MANAGER_CLIENT))
    return TRUE;

  if (g_str_equal (workspace, HYPHA_ADDRESS_PUBLIC_WORKSPACE))
    return g_str_equal (client, HYPHA_ADDRESS_LOGIN);

  return g_str_equal (workspace, HYPHA_ADDRESS_ROOT_WORKSPACE) &&
         g_str_equal (client, HYPHA_ADDRESS_ROOT_CLIENT);
}
