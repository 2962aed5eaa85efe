/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-base64url-private.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Base64 as tokens use it: the URL-safe alphabet, no padding. */
char *
hypha_base64url_encode (const guint8 *data,
                        gsize         size)
{
  GString *text = g_string_sized_new (size / 3 * 4 + 4);

  for (gsize i = 0; i < size; i += 3)
    {
      gsize left = MIN (size - i, 3);
      guint32 group = (guint32) data[i] << 16;

      if (left > 1)
        group |= (guint32) data[i + 1] << 8;
      if (left > 2)
        group |= data[i + 2];

      for (guint k = 0; k <= left; k++)
        g_string_append_c (text, alphabet[(group >> (18 - 6 * k)) & 0x3f]);
    }

  return g_string_free (text, FALSE);
}

static int
hypha_base64url_value (char c)
{
  if (c >= 'A' && c <= 'Z')
    return c - 'A';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 26;
  if (c >= '0' && c <= '9')
    return c - '0' + 52;
  if (c == '-')
    return 62;
  return c == '_' ? 63 : -1;
}

/*
 * The bytes that text stands for, or NULL. One text for one value: a character that does not
 * belong, padding, and left-over bits that are not zero are all refused.
 */
GByteArray *
hypha_base64url_decode (const char *text,
                        gsize       size)
{
  g_autoptr (GByteArray) bytes = g_byte_array_sized_new ((guint) (size / 4 * 3 + 3));
  guint32 bits = 0;
  guint n_bits = 0;

  for (gsize i = 0; i < size; i++)
    {
      int value = hypha_base64url_value (text[i]);
      guint8 byte;

      if (value < 0)
        return NULL;

      bits = (bits << 6 | (guint32) value) & 0xffff;
      n_bits += 6;
      if (n_bits < 8)
        continue;

      n_bits -= 8;
      byte = (guint8) (bits >> n_bits);
      g_byte_array_append (bytes, &byte, 1);
    }

  if (n_bits == 6 || (bits & ((1u << n_bits) - 1)) != 0)
    return NULL;

  return g_steal_pointer (&bytes);
}
