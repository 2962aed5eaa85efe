/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-msgpack-key-private.h"

#include <string.h>

#include "test-utils.h"

static GVariant *
decode_hex (const char  *hex,
            GError     **error)
{
  g_autoptr (GBytes) bytes = test_bytes_from_hex (hex);
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);

  return hypha_msgpack_decode (data, size, NULL, NULL, error);
}

static char *
encode_hex (GVariant *value)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (value);
  g_autoptr (GByteArray) out = g_byte_array_new ();
  GString *hex = g_string_new (NULL);

  hypha_msgpack_encode (out, owned);
  for (guint i = 0; i < out->len; i++)
    g_string_append_printf (hex, "%02x", out->data[i]);

  return g_string_free (hex, FALSE);
}

static void
assert_decodes (const char *hex,
                const char *printed)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = decode_hex (hex, &error);
  g_autofree char *text = NULL;

  g_assert_no_error (error);
  g_assert_nonnull (value);
  g_assert_false (g_variant_is_floating (value));
  text = g_variant_print (value, TRUE);
  g_assert_cmpstr (text, ==, printed);
}

static void
assert_encodes (const char *text,
                const char *hex)
{
  g_autofree char *encoded = encode_hex (g_variant_new_parsed (text));

  g_assert_cmpstr (encoded, ==, hex);
}

static void
assert_refused (const char *hex,
                int         code,
                const char *pattern)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (decode_hex (hex, &error));
  g_assert_error (error, HYPHA_ERROR, code);
  if (!g_pattern_match_simple (pattern, error->message))
    g_error ("“%s” does not match “%s”", error->message, pattern);
}

/* Decodes to the text, and encodes to the same bytes again. */
static void
assert_both (const char *hex,
             const char *printed)
{
  g_autoptr (GVariant) value = decode_hex (hex, NULL);
  g_autofree char *encoded = NULL;

  assert_decodes (hex, printed);
  encoded = encode_hex (value);
  g_assert_cmpstr (encoded, ==, hex);
}

static void
test_msgpack_plain (void)
{
  assert_both ("c0", "@mv nothing");
  assert_both ("c2", "false");
  assert_both ("c3", "true");
  assert_both ("00", "int64 0");
  assert_both ("7f", "int64 127");
  assert_both ("cc80", "int64 128");
  assert_both ("ccff", "int64 255");
  assert_both ("cd0100", "int64 256");
  assert_both ("cdffff", "int64 65535");
  assert_both ("ce00010000", "int64 65536");
  assert_both ("ceffffffff", "int64 4294967295");
  assert_both ("cf0000000100000000", "int64 4294967296");
  assert_both ("cf7fffffffffffffff", "int64 9223372036854775807");
  assert_both ("cf8000000000000000", "uint64 9223372036854775808");
  assert_both ("cfffffffffffffffff", "uint64 18446744073709551615");
  assert_both ("ff", "int64 -1");
  assert_both ("e0", "int64 -32");
  assert_both ("d0df", "int64 -33");
  assert_both ("d080", "int64 -128");
  assert_both ("d1ff7f", "int64 -129");
  assert_both ("d18000", "int64 -32768");
  assert_both ("d2ffff7fff", "int64 -32769");
  assert_both ("d280000000", "int64 -2147483648");
  assert_both ("d3ffffffff7fffffff", "int64 -2147483649");
  assert_both ("d38000000000000000", "int64 -9223372036854775808");
  assert_both ("cb400a000000000000", "3.25");
  assert_both ("a0", "''");
  assert_both ("a26869", "'hi'");
  assert_both ("c400", "@ay []");
  assert_both ("c403010203", "[byte 0x01, 0x02, 0x03]");
}

static void
test_msgpack_long_forms (void)
{
  assert_decodes ("d07f", "int64 127");
  assert_decodes ("cd0001", "int64 1");
  assert_decodes ("d30000000000000001", "int64 1");
  assert_decodes ("ca3fc00000", "1.5");
  assert_decodes ("d9026869", "'hi'");
  assert_decodes ("da00026869", "'hi'");
  assert_decodes ("db000000026869", "'hi'");
  assert_decodes ("c500020102", "[byte 0x01, 0x02]");
  assert_decodes ("c6000000020102", "[byte 0x01, 0x02]");
  assert_decodes ("dc0001c3", "[<true>]");
  assert_decodes ("dd00000001c3", "[<true>]");
  assert_decodes ("de0001a161c3", "{'a': <true>}");
  assert_decodes ("df00000001a161c3", "{'a': <true>}");
}

static void
test_msgpack_containers (void)
{
  assert_both ("90", "@av []");
  assert_both ("80", "@a{sv} {}");
  assert_both ("9301c0a161", "[<int64 1>, <@mv nothing>, <'a'>]");
  assert_both ("82a16101a162919102", "{'a': <int64 1>, 'b': <[<[<int64 2>]>]>}");
  assert_both ("82a16101a16102", "{'a': <int64 1>, 'a': <int64 2>}");
}

static void
test_msgpack_ext_and_raw_str (void)
{
  assert_both ("d6ff00000000", "(byte 0xff, [byte 0x00, 0x00, 0x00, 0x00])");
  assert_both ("d40501", "(byte 0x05, [byte 0x01])");
  assert_both ("d5050102", "(byte 0x05, [byte 0x01, 0x02])");
  assert_both ("c70005", "(byte 0x05, @ay [])");
  assert_both ("c70305010203", "(byte 0x05, [byte 0x01, 0x02, 0x03])");
  assert_decodes ("c80001050a", "(byte 0x05, [byte 0x0a])");
  assert_decodes ("c900000001050a", "(byte 0x05, [byte 0x0a])");
  assert_both ("a3610062", "([byte 0x61, 0x00, 0x62],)");
  assert_both ("a2c1a6", "([byte 0xc1, 0xa6],)");
  assert_both ("a1ff", "([byte 0xff],)");
}

static void
test_msgpack_every_variant (void)
{
  assert_encodes ("byte 0xff", "ccff");
  assert_encodes ("int16 -5", "fb");
  assert_encodes ("uint16 65535", "cdffff");
  assert_encodes ("int32 -32769", "d2ffff7fff");
  assert_encodes ("uint32 4294967295", "ceffffffff");
  assert_encodes ("handle 7", "07");
  assert_encodes ("objectpath '/a'", "a22f61");
  assert_encodes ("signature 'as'", "a26173");
  assert_encodes ("<<int32 5>>", "05");
  assert_encodes ("@mi nothing", "c0");
  assert_encodes ("@mmi just nothing", "c0");
  assert_encodes ("@mi 5", "05");
  assert_encodes ("['a', 'b']", "92a161a162");
  assert_encodes ("[1.0]", "91cb3ff0000000000000");
  assert_encodes ("()", "90");
  assert_encodes ("(1, 'a', true)", "9301a161c3");
  assert_encodes ("{'a': 1}", "81a16101");
  assert_encodes ("{objectpath '/': 1}", "81a12f01");
  assert_encodes ("{5: 'x'}", "81a135a178");
  assert_encodes ("{'a', 1}", "81a16101");
  assert_encodes ("[[byte 0x01], [0x02]]", "92c40101c40102");
}

static void
assert_round_trip (GVariant *value)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (value);
  g_autoptr (GByteArray) out = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) again = NULL;

  hypha_msgpack_encode (out, owned);
  again = hypha_msgpack_decode (out->data, out->len, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_variant_equal (again, owned));
}

/* The same by its bytes, which is a lot faster where a value has many elements. */
static void
assert_re_encodes (GVariant *value)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (value);
  g_autoptr (GVariant) again = NULL;
  g_autoptr (GByteArray) first = g_byte_array_new ();
  g_autoptr (GByteArray) second = g_byte_array_new ();

  hypha_msgpack_encode (first, owned);
  again = hypha_msgpack_decode (first->data, first->len, NULL, NULL, NULL);
  g_assert_nonnull (again);
  g_assert_cmpuint (g_variant_n_children (again), ==, g_variant_n_children (owned));
  hypha_msgpack_encode (second, again);
  g_assert_cmpmem (first->data, first->len, second->data, second->len);
}

static void
test_msgpack_sizes (void)
{
  static const gsize sizes[] = { 0, 1, 31, 32, 255, 256, 65535, 65536, 100000 };

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autofree char *text = g_strnfill (sizes[i], 'x');

      assert_round_trip (g_variant_new_string (text));
      assert_round_trip (g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, text, sizes[i], 1));
    }
}

static void
test_msgpack_counts (void)
{
  static const gsize counts[] = { 0, 1, 15, 16, 65535, 65536 };

  for (gsize i = 0; i < G_N_ELEMENTS (counts); i++)
    {
      GVariantBuilder list = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("av"));
      GVariantBuilder map = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

      for (gsize k = 0; k < counts[i]; k++)
        {
          g_variant_builder_add (&list, "v", g_variant_new_boolean (TRUE));
          g_variant_builder_add (&map, "{sv}", "k", g_variant_new_boolean (FALSE));
        }

      assert_re_encodes (g_variant_builder_end (&list));
      assert_re_encodes (g_variant_builder_end (&map));
    }
}

static void
test_msgpack_slice (void)
{
  static const guint8 heads[] = { 0x92, 0xc4, 0x01, 0x2a, 0xc5, 0x10, 0x00 };
  g_autoptr (GBytes) frame = NULL;
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GVariant) bin = NULL;
  g_autoptr (GVariant) small = NULL;
  g_autofree guint8 *data = g_malloc0 (4096 + 8);
  const guint8 *base;
  const guint8 *body;

  memcpy (data, heads, sizeof heads);
  frame = g_bytes_new (data, 4096 + 7);
  base = g_bytes_get_data (frame, NULL);
  value = hypha_msgpack_decode (base, g_bytes_get_size (frame), frame, NULL, NULL);
  g_variant_get_child (value, 0, "v", &small);
  g_variant_get_child (value, 1, "v", &bin);
  body = g_variant_get_data (bin);
  g_assert_cmpuint (g_variant_get_size (bin), ==, 4096);
  g_assert_true (body == base + 7);
  g_assert_false ((const guint8 *) g_variant_get_data (small) == base + 3);
  g_assert_cmpuint (*(const guint8 *) g_variant_get_data (small), ==, 0x2a);

  /* The value outlives the frame's last other reference. */
  g_clear_pointer (&frame, g_bytes_unref);
  g_assert_cmpuint (body[4095], ==, 0);
}

/* A frame must not be kept alive by a part of it that is less than 1/HYPHA_MSGPACK_MAX_PINNED. */
static void
test_msgpack_max_pinned (void)
{
  static const guint8 head[] = { 0xc5, 0x04, 0x00 };
  const gsize size = HYPHA_MSGPACK_MIN_SLICE * (HYPHA_MSGPACK_MAX_PINNED + 2);
  g_autofree guint8 *data = g_malloc0 (size);
  g_autoptr (GBytes) frame = g_bytes_new_take (g_steal_pointer (&data), size);
  g_autoptr (GVariant) value = NULL;
  guint8 *base = (guint8 *) g_bytes_get_data (frame, NULL);
  gsize consumed;

  memcpy (base, head, sizeof head);
  value = hypha_msgpack_decode (base, size, frame, &consumed, NULL);
  g_assert_cmpuint (consumed, ==, HYPHA_MSGPACK_MIN_SLICE + 3);
  g_assert_cmpuint (g_variant_get_size (value), ==, HYPHA_MSGPACK_MIN_SLICE);
  g_assert_false ((const guint8 *) g_variant_get_data (value) == base + 3);
}

static void
test_msgpack_malformed (void)
{
  assert_refused ("", HYPHA_ERROR_PROTOCOL, "*at byte 0: it ends early");
  assert_refused ("c1", HYPHA_ERROR_PROTOCOL, "*no item starts with c1");
  assert_refused ("92c0", HYPHA_ERROR_PROTOCOL, "*claims more*");
  assert_refused ("9200c1", HYPHA_ERROR_PROTOCOL, "*at byte 2*");
  assert_refused ("a261", HYPHA_ERROR_PROTOCOL, "*claims more*");
  assert_refused ("cd01", HYPHA_ERROR_PROTOCOL, "*ends early");
  assert_refused ("d4", HYPHA_ERROR_PROTOCOL, "*claims more*");
  assert_refused ("d405", HYPHA_ERROR_PROTOCOL, "*claims more*");
  assert_refused ("c0c0", HYPHA_ERROR_PROTOCOL, "*1 bytes after the value");
}

/* Clients in Python send numbers as keys, which those in JavaScript take for text. */
static void
test_msgpack_number_keys (void)
{
  assert_decodes ("8101a161", "{'1': <'a'>}");
  assert_decodes ("82ffc003c3", "{'-1': <@mv nothing>, '3': <true>}");
  assert_decodes ("81cfffffffffffffffffc0", "{'18446744073709551615': <@mv nothing>}");
  assert_decodes ("81d38000000000000000c0", "{'-9223372036854775808': <@mv nothing>}");
}

/*
 * What ends a client in JavaScript, which decodes a frame where nothing catches what it throws: at
 * the end of an array of maps, so that what is around it is walked over first.
 */
static void
assert_skips (const char *hex,
              gboolean    passes)
{
  g_autofree char *whole = g_strconcat ("92 82 a161 01 ca3fc00000 90 81 a162 91", hex, NULL);
  const char *const forms[] = { hex, whole };

  for (gsize i = 0; i < G_N_ELEMENTS (forms); i++)
    {
      g_autoptr (GBytes) bytes = test_bytes_from_hex (forms[i]);
      g_autoptr (GError) error = NULL;
      HyphaMsgpackCursor cursor = { 0 };

      cursor.data = g_bytes_get_data (bytes, &cursor.size);
      g_assert_cmpint (hypha_msgpack_cursor_skip (&cursor, &error), ==, passes);
      g_assert_cmpuint (cursor.offset, ==, passes ? cursor.size : 0);
      if (!passes)
        g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_PROTOCOL);
    }
}

#define PROTO "5f5f70726f746f5f5f"

static void
test_msgpack_refused_keys (void)
{
  static const char *const refused[] = {
    "81a9" PROTO "01", "82a16101a9" PROTO "01", "81d909" PROTO "01", "81da0009" PROTO "01",
    "81db00000009" PROTO "01", "de0001a9" PROTO "01", "df00000001a9" PROTO "80",
    "81c001", "81c201", "81c301", "81c40161c0", "819001", "818001", "81d4050101", "81d6ff0000000001",
    "81a1ff01", "81aac19f5f70726f746f5f5f01", "81a95f5f70726f746f5fc11f", "81a3610062c0"
  };
  static const char *const allowed[] = {
    "81a85f5f70726f746f5f01", "81aa" PROTO "5f01", "8101a9" PROTO, "81cb400a00000000000001",
    "8101c0", "81e001", "81cfffffffffffffffff01", "81a2c3a401", "81a001", "9281a001a9" PROTO,
    "81a16181a9" "5f5f50726f746f5f5f" "01"
  };

  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autoptr (GError) error = NULL;

      assert_skips (refused[i], FALSE);
      g_assert_null (decode_hex (refused[i], &error));
      g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_PROTOCOL);
    }

  for (gsize i = 0; i < G_N_ELEMENTS (allowed); i++)
    assert_skips (allowed[i], TRUE);
}

/* The refused key takes so many bytes at most; what is longer is not looked at when it passes. */
static void
test_msgpack_max_refused_key (void)
{
  g_autofree char *longest = g_strnfill (2 * (HYPHA_MSGPACK_MAX_REFUSED_KEY - 1), 'f');
  g_autofree char *refused = g_strdup_printf ("81d9%02x80%s01", (guint) HYPHA_MSGPACK_MAX_REFUSED_KEY,
                                              longest);
  g_autofree char *passes = g_strdup_printf ("81d9%02x8080%s01", HYPHA_MSGPACK_MAX_REFUSED_KEY + 1u,
                                             longest);

  assert_skips (refused, FALSE);
  assert_skips (passes, TRUE);
  assert_refused (passes, HYPHA_ERROR_PROTOCOL, "a map has a key*");
}

/* What became a key here, of a text from outside, does not leave. */
static void
test_msgpack_encodes_no_refused_key (void)
{
  assert_encodes ("{'__proto__': 1}", "80");
  assert_encodes ("{'a': <{'b': <{'__proto__': <1>, 'c': <2>}>}>, '__proto__': <3>}",
                  "81a16181a16281a16302");
}

/* The other half of what ends a client in JavaScript. */
static void
test_msgpack_timestamps (void)
{
  static const char *const refused[] = { "d4ff01", "d5ff0102", "c700ff", "c705ff0102030405",
                                         "c80001ff0a", "c903ff", "d8ff00112233445566778899aabbccddeeff" };
  static const char *const allowed[] = { "d6ff00000000", "d7ff0000000000000000", "c704ff01020304",
                                         "c70cff000000000000000000000000", "c705010102030405" };

  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autoptr (GError) error = NULL;

      assert_skips (refused[i], FALSE);
      g_assert_null (decode_hex (refused[i], &error));
    }

  for (gsize i = 0; i < G_N_ELEMENTS (allowed); i++)
    assert_skips (allowed[i], TRUE);
}

/* Heads that claim gigabytes are refused before anything is allocated for them. */
static void
test_msgpack_claims (void)
{
  assert_refused ("ddffffffffc0", HYPHA_ERROR_PROTOCOL, "*claims more*");
  assert_refused ("dfffffffffa161c0", HYPHA_ERROR_PROTOCOL, "*claims more*");
  assert_refused ("dbffffffff61", HYPHA_ERROR_PROTOCOL, "*claims more*");
  assert_refused ("c6ffffffff61", HYPHA_ERROR_PROTOCOL, "*claims more*");
  assert_refused ("c9ffffffff0561", HYPHA_ERROR_PROTOCOL, "*claims more*");
  assert_refused ("82a161c0", HYPHA_ERROR_PROTOCOL, "*claims more*");
}

static void
test_msgpack_consumed (void)
{
  gsize consumed = 0;
  g_autoptr (GVariant) value = hypha_msgpack_decode ((const guint8 *) "\x91\xc3\xc1", 3, NULL,
                                                     &consumed, NULL);

  g_assert_nonnull (value);
  g_assert_cmpuint (consumed, ==, 2);
}

/* So many arrays, each in the one before, the innermost empty. */
static GByteArray *
nested_arrays (guint depth)
{
  GByteArray *bytes = g_byte_array_new ();

  g_byte_array_set_size (bytes, depth);
  memset (bytes->data, 0x91, depth);
  bytes->data[depth - 1] = 0x90;
  return bytes;
}

/* {"": {"": … nil}} */
static GByteArray *
nested_maps (guint depth)
{
  GByteArray *bytes = g_byte_array_new ();

  for (guint i = 0; i < depth; i++)
    g_byte_array_append (bytes, (const guint8 *) "\x81\xa0", 2);
  g_byte_array_append (bytes, (const guint8 *) "\xc0", 1);
  return bytes;
}

static void
test_msgpack_max_depth (void)
{
  GByteArray *(*const makers[]) (guint depth) = { nested_arrays, nested_maps };

  for (gsize i = 0; i < G_N_ELEMENTS (makers); i++)
    {
      g_autoptr (GByteArray) deepest = makers[i] (HYPHA_MSGPACK_MAX_DEPTH);
      g_autoptr (GByteArray) too_deep = makers[i] (HYPHA_MSGPACK_MAX_DEPTH + 1);
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value = NULL;

      value = hypha_msgpack_decode (deepest->data, deepest->len, NULL, NULL, &error);
      g_assert_no_error (error);
      assert_round_trip (value);
      g_assert_null (hypha_msgpack_decode (too_deep->data, too_deep->len, NULL, NULL, &error));
      g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_DEEP);
      g_assert_cmpstr (error->message, ==, "nesting deeper than 32 levels");
    }
}

static void
test_msgpack_max_skip_depth (void)
{
  g_autoptr (GByteArray) deepest = nested_arrays (HYPHA_MSGPACK_MAX_SKIP_DEPTH);
  g_autoptr (GByteArray) too_deep = nested_maps (HYPHA_MSGPACK_MAX_SKIP_DEPTH + 1);
  HyphaMsgpackCursor cursor = { deepest->data, deepest->len, 0 };
  g_autoptr (GError) error = NULL;

  g_assert_true (hypha_msgpack_cursor_skip (&cursor, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (cursor.offset, ==, deepest->len);

  cursor = (HyphaMsgpackCursor) { too_deep->data, too_deep->len, 0 };
  g_assert_false (hypha_msgpack_cursor_skip (&cursor, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_DEEP);
  g_assert_cmpuint (cursor.offset, ==, 0);
}

/* An array of so many values of one byte. */
static GByteArray *
flat_array (guint32 values,
            guint8  value)
{
  GByteArray *bytes = g_byte_array_new ();

  hypha_msgpack_write_array (bytes, values);
  g_byte_array_set_size (bytes, bytes->len + values);
  memset (bytes->data + bytes->len - values, value, values);
  return bytes;
}

/* The most values of one byte, at this cost, that an array may have. */
static guint32
most_values (gsize cost)
{
  const gsize head = 5;

  return (guint32) ((HYPHA_MSGPACK_MAX_MEMORY + HYPHA_MSGPACK_MEMORY_PER_BYTE * head -
                     HYPHA_MSGPACK_VALUE_COST) / (cost - HYPHA_MSGPACK_MEMORY_PER_BYTE));
}

static void
assert_most_values (guint8 value,
                    gsize  cost)
{
  guint32 n = most_values (cost);
  g_autoptr (GByteArray) most = flat_array (n, value);
  g_autoptr (GByteArray) too_many = flat_array (n + 1, value);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) decoded = NULL;

  decoded = hypha_msgpack_decode (most->data, most->len, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_variant_n_children (decoded), ==, n);
  g_assert_null (hypha_msgpack_decode (too_many->data, too_many->len, NULL, NULL, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE);
  g_assert_nonnull (strstr (error->message, " bytes of memory"));
}

/* Empty maps, and numbers, which take so little in a list that millions fit. */
static void
test_msgpack_max_memory (void)
{
  g_assert_cmpuint (most_values (HYPHA_MSGPACK_NUMBER_COST), >, 2500000);
  assert_most_values (0x80, HYPHA_MSGPACK_VALUE_COST);
  assert_most_values (0x05, HYPHA_MSGPACK_NUMBER_COST);
}

/* {"": "", "": "", …}, where each key counts too. */
static void
test_msgpack_max_memory_of_map (void)
{
  const guint32 n = HYPHA_MSGPACK_MAX_MEMORY / (HYPHA_MSGPACK_VALUE_COST + HYPHA_MSGPACK_PART_COST);
  g_autoptr (GByteArray) map = g_byte_array_new ();
  g_autoptr (GError) error = NULL;

  hypha_msgpack_write_map (map, 2 * n);
  g_byte_array_set_size (map, map->len + 4 * n);
  memset (map->data + map->len - 4 * n, 0xa0, 4 * n);
  g_assert_null (hypha_msgpack_decode (map->data, map->len, NULL, NULL, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE);
}

/* What bytes are as large as they are, however large, is not held against them. */
static void
test_msgpack_memory_grows (void)
{
  static const guint8 head[] = { 0xc6, 0x09, 0x00, 0x00, 0x00 };
  const gsize size = 0x09000000;
  g_autoptr (GByteArray) bin = g_byte_array_new ();
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (size, >, HYPHA_MSGPACK_MAX_MEMORY);
  g_byte_array_set_size (bin, (guint) (sizeof head + size));
  memcpy (bin->data, head, sizeof head);
  value = hypha_msgpack_decode (bin->data, bin->len, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_variant_get_size (value), ==, size);
}

/* One number of each kind again and again, as the builder puts them and as they are decoded. */
static void
assert_numbers (guint n)
{
  static const char *const numbers[] = {
    "true", "int64 -5", "1e300", "@mv nothing", "uint64 18446744073709551615", "false", "int64 1",
    "-0.5",
  };
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autoptr (GVariant) expected = NULL;
  g_autoptr (GVariant) decoded = NULL;
  g_autoptr (GVariant) copy = NULL;
  g_autoptr (GBytes) serialised = NULL;
  g_autoptr (GError) error = NULL;
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("av"));
  for (guint i = 0; i < n; i++)
    g_variant_builder_add (&builder, "v", g_variant_new_parsed (numbers[i % G_N_ELEMENTS (numbers)]));
  expected = g_variant_ref_sink (g_variant_builder_end (&builder));
  hypha_msgpack_encode (bytes, expected);
  decoded = hypha_msgpack_decode (bytes->data, bytes->len, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_variant_equal (decoded, expected));

  /* Nobody checks what is said to be in normal form, so it has to be. */
  serialised = g_variant_get_data_as_bytes (decoded);
  copy = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE ("av"), serialised, FALSE));
  g_assert_true (g_variant_is_normal_form (copy));
  assert_round_trip (decoded);
}

/* So many that the ends of the elements take one, two and four bytes; from 4,370 on it is four. */
static void
test_msgpack_numbers (void)
{
  for (guint n = 0; n < 64; n++)
    assert_numbers (n);

  for (guint n = 4340; n < 4400; n++)
    assert_numbers (n);
}

/* The second segment of spec vector “types”: every special form that a client sends. */
#define TYPES_HEX                                                                                  \
  "81a461726773918aa366333283a65f7274797065aa74797065646172726179a75f7276616c7565c4080000c03f"    \
  "000000c0a75f726474797065a7666c6f61743332a27538c403010203a2616282a65f7274797065aa6d656d6f72"    \
  "7976696577a75f7276616c7565c4020908a373657482a65f7274797065a3736574a75f7276616c7565920102a3"    \
  "6d617082a65f7274797065aa6f7264657265646d6170a75f7276616c7565919"                                \
  "2a16101a3626967cf0000010000000000a36e6567fba27069cb400a000000000000a36e756c"                    \
  "c0a464617465d6ff00000000"

static void
test_msgpack_recorded_types (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = decode_hex (TYPES_HEX, &error);
  g_autoptr (GVariant) args = NULL;
  g_autoptr (GVariant) first = NULL;
  g_autofree char *encoded = NULL;
  gint64 big = 0;
  double pi = 0;

  g_assert_no_error (error);
  encoded = encode_hex (g_variant_ref (value));
  g_assert_cmpstr (encoded, ==, TYPES_HEX);

  args = g_variant_lookup_value (value, "args", G_VARIANT_TYPE ("av"));
  g_variant_get_child (args, 0, "v", &first);
  g_assert_true (g_variant_lookup (first, "big", "x", &big));
  g_assert_cmpint (big, ==, G_GINT64_CONSTANT (1) << 40);
  g_assert_true (g_variant_lookup (first, "pi", "d", &pi));
  g_assert_cmpfloat (pi, ==, 3.25);
}

static void
test_msgpack_truncated (void)
{
  g_autoptr (GBytes) bytes = test_bytes_from_hex (TYPES_HEX);
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);

  for (gsize cut = 0; cut < size; cut++)
    {
      /* An allocation of its own, so that a sanitizer sees a read behind the cut. */
      g_autofree guint8 *part = g_memdup2 (data, cut);
      HyphaMsgpackCursor cursor = { part, cut, 0 };
      g_autoptr (GError) error = NULL;

      g_assert_null (hypha_msgpack_decode (part, cut, NULL, NULL, &error));
      g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_PROTOCOL);
      g_assert_false (hypha_msgpack_cursor_skip (&cursor, NULL));
    }
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/wire/msgpack/plain", test_msgpack_plain);
  g_test_add_func ("/wire/msgpack/long-forms", test_msgpack_long_forms);
  g_test_add_func ("/wire/msgpack/containers", test_msgpack_containers);
  g_test_add_func ("/wire/msgpack/ext-and-raw-str", test_msgpack_ext_and_raw_str);
  g_test_add_func ("/wire/msgpack/every-variant", test_msgpack_every_variant);
  g_test_add_func ("/wire/msgpack/sizes", test_msgpack_sizes);
  g_test_add_func ("/wire/msgpack/counts", test_msgpack_counts);
  g_test_add_func ("/wire/msgpack/slice", test_msgpack_slice);
  g_test_add_func ("/wire/msgpack/max-pinned", test_msgpack_max_pinned);
  g_test_add_func ("/wire/msgpack/malformed", test_msgpack_malformed);
  g_test_add_func ("/wire/msgpack/number-keys", test_msgpack_number_keys);
  g_test_add_func ("/wire/msgpack/refused-keys", test_msgpack_refused_keys);
  g_test_add_func ("/wire/msgpack/max-refused-key", test_msgpack_max_refused_key);
  g_test_add_func ("/wire/msgpack/encodes-no-refused-key", test_msgpack_encodes_no_refused_key);
  g_test_add_func ("/wire/msgpack/timestamps", test_msgpack_timestamps);
  g_test_add_func ("/wire/msgpack/claims", test_msgpack_claims);
  g_test_add_func ("/wire/msgpack/consumed", test_msgpack_consumed);
  g_test_add_func ("/wire/msgpack/max-depth", test_msgpack_max_depth);
  g_test_add_func ("/wire/msgpack/max-skip-depth", test_msgpack_max_skip_depth);
  g_test_add_func ("/wire/msgpack/max-memory", test_msgpack_max_memory);
  g_test_add_func ("/wire/msgpack/max-memory-of-map", test_msgpack_max_memory_of_map);
  g_test_add_func ("/wire/msgpack/memory-grows", test_msgpack_memory_grows);
  g_test_add_func ("/wire/msgpack/numbers", test_msgpack_numbers);
  g_test_add_func ("/wire/msgpack/recorded-types", test_msgpack_recorded_types);
  g_test_add_func ("/wire/msgpack/truncated", test_msgpack_truncated);
  return g_test_run ();
}
