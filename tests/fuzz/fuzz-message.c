/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "fuzz.h"
#include "hypha-message-private.h"

/* Whatever is let through carries the router's from and to, and is let through again. */
int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  HyphaMessage message;
  HyphaMessage stamped;
  HyphaStamp stamp;

  if (!hypha_message_parse (&message, data, size, NULL) ||
      !hypha_message_check_extra (&message, NULL))
    return 0;

  hypha_stamp_init (&stamp, "ws/from", "ws", NULL);
  hypha_message_stamp (&message, &stamp, "ws/to", out);
  hypha_stamp_clear (&stamp);
  g_byte_array_append (out, data + message.envelope_size, (guint) (size - message.envelope_size));

  /* Stamping adds keys, so the largest envelopes do not pass twice. */
  if (message.n_keys > HYPHA_MESSAGE_MAX_KEYS - 4)
    return 0;

  g_assert_true (hypha_message_parse (&stamped, out->data, out->len, NULL));
  g_assert_true (hypha_message_check_extra (&stamped, NULL));
  g_assert_true (hypha_span_equal (stamped.from, "ws/from"));
  g_assert_true (hypha_span_equal (stamped.to, "ws/to"));
  g_assert_cmpint (hypha_message_is_method (&stamped), ==, hypha_message_is_method (&message));
  g_assert_cmpuint (stamped.size - stamped.envelope_size, ==, size - message.envelope_size);
  return 0;
}
