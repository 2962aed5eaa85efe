/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "fuzz.h"
#include "hypha-msgpack-private.h"

/* What is decoded can be encoded, and decodes to the same; what can be skipped is as long. */
int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  g_autoptr (GBytes) owner = g_bytes_new (data, size);
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GVariant) again = NULL;
  g_autoptr (GByteArray) out = g_byte_array_new ();
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;
  const guint8 *owned = g_bytes_get_data (owner, NULL);
  HyphaMsgpackCursor cursor = { owned, size, 0 };
  gsize consumed = 0;

  value = hypha_msgpack_decode (owned, size, owner, &consumed, NULL);
  if (value == NULL)
    return 0;

  g_assert_true (hypha_msgpack_cursor_skip (&cursor, NULL));
  g_assert_cmpuint (cursor.offset, ==, consumed);
  hypha_msgpack_encode (out, value);
  again = hypha_msgpack_decode (out->data, out->len, NULL, NULL, NULL);
  g_assert_nonnull (again);

  /* As text, because a number that is none equals nothing. */
  first = g_variant_print (value, TRUE);
  second = g_variant_print (again, TRUE);
  g_assert_cmpstr (first, ==, second);
  return 0;
}
