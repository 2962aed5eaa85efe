/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "fuzz.h"
#include "hypha-address-private.h"

/* The parts of an address, put together again, are the address; none has a separator in it. */
int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_auto (HyphaAddress) address = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) again = g_string_new (NULL);

  if (!hypha_address_parse (text, &address, &error))
    {
      g_assert_nonnull (error);
      return 0;
    }

  if (address.workspace != NULL)
    g_string_append_printf (again, "%s/", address.workspace);
  if (address.client != NULL)
    g_string_append_printf (again, "%s:", address.client);
  g_string_append (again, address.service);
  if (address.app != NULL)
    g_string_append_printf (again, "@%s", address.app);
  g_assert_cmpstr (again->str, ==, text);

  if (hypha_address_is_name (text))
    {
      g_assert_true (hypha_address_is_name (address.service));
      g_assert_true (address.workspace == NULL && address.client == NULL && address.app == NULL);
    }

  if (hypha_address_is_service_name (text))
    g_assert_cmpstr (address.service, ==, text);
  return 0;
}
