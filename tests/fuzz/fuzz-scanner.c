/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "fuzz.h"
#include "hypha-message-scanner-private.h"

/* Whether a message that comes in pieces of a length passes. */
static gboolean
scan (const guint8 *data,
      gsize         size,
      gsize         step)
{
  g_autoptr (HyphaMessageScanner) scanner = hypha_message_scanner_new ();

  for (gsize i = 0; i < size; i += step)
    {
      if (!hypha_message_scanner_feed (scanner, data + i, MIN (step, size - i), NULL))
        return FALSE;
    }

  return hypha_message_scanner_is_done (scanner);
}

/* In pieces nothing passes that would not pass as a whole, and the pieces make no difference. */
int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  HyphaMessage message;
  gboolean passes;

  if (size < 2)
    return 0;

  passes = scan (data + 1, size - 1, size - 1);
  g_assert_cmpint (passes, ==, scan (data + 1, size - 1, 1 + data[0] % 64));
  if (!passes)
    return 0;

  g_assert_true (hypha_message_parse (&message, data + 1, size - 1, NULL));
  g_assert_true (hypha_message_is_method (&message));
  g_assert_true (hypha_message_check_extra (&message, NULL));
  return 0;
}
