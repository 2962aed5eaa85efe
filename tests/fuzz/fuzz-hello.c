/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "fuzz.h"
#include "hypha-identity-private.h"

static void
check_field (const char *value)
{
  g_assert_true (value == NULL || (*value != '\0' && g_utf8_validate (value, -1, NULL)));
}

/* A first frame is either refused with a reason, or its fields are texts that say something. */
int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  g_auto (HyphaHello) hello = { 0 };
  g_autoptr (GError) error = NULL;

  if (!hypha_hello_parse (&hello, (const char *) data, size, &error))
    {
      g_assert_nonnull (error);
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
      return 0;
    }

  g_assert_no_error (error);
  check_field (hello.client);
  check_field (hello.workspace);
  check_field (hello.token);
  check_field (hello.reconnection_token);
  return 0;
}
