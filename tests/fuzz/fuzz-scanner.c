/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "fuzz.h"
#include "hypha-message-scanner-private.h"

/* By how much larger the pieces are where there is a run. */
#define LONG_STEP 4096

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
  g_autoptr (GBytes) wide = NULL;
  HyphaMessage message;
  const guint8 *bytes;
  gboolean passes;
  gsize step;

  if (size < 4)
    return 0;

  wide = fuzz_widen (data + 1, size - 1);
  bytes = g_bytes_get_data (wide, &size);
  step = (1 + (gsize) data[0] % 64) * (data[2] > 0 ? LONG_STEP : 1);
  passes = scan (bytes, size, size);
  g_assert_cmpint (passes, ==, scan (bytes, size, step));
  if (!passes)
    return 0;

  g_assert_true (hypha_message_parse (&message, bytes, size, NULL));
  g_assert_true (hypha_message_is_method (&message));
  g_assert_true (hypha_message_check_extra (&message, NULL));
  return 0;
}
