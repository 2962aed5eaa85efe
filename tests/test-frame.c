/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-frame-private.h"
#include "test-utils.h"

static HyphaFrameStatus
parse_hex (const char        *hex,
           HyphaFrameHeader  *header,
           const char       **problem)
{
  g_autoptr (GBytes) bytes = test_bytes_from_hex (hex);
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);

  return hypha_frame_parse_header (data, size, header, problem);
}

static void
assert_bad (const char *hex,
            const char *expected)
{
  HyphaFrameHeader header;
  const char *problem = NULL;

  g_assert_cmpint (parse_hex (hex, &header, &problem), ==, HYPHA_FRAME_ERROR);
  g_assert_cmpstr (problem, ==, expected);
}

static void
test_frame_header_forms (void)
{
  static const struct
  {
    const char *hex;
    guint64     length;
    guint       opcode;
    guint       size;
    gboolean    fin;
    gboolean    masked;
  } rows[] = {
    { "8100", 0, HYPHA_OPCODE_TEXT, 2, TRUE, FALSE },
    { "0205", 5, HYPHA_OPCODE_BINARY, 2, FALSE, FALSE },
    { "8285 01020304", 5, HYPHA_OPCODE_BINARY, 6, TRUE, TRUE },
    { "80fd 01020304", 125, HYPHA_OPCODE_CONTINUATION, 6, TRUE, TRUE },
    { "827e 007e", 126, HYPHA_OPCODE_BINARY, 4, TRUE, FALSE },
    { "82fe ffff 01020304", 65535, HYPHA_OPCODE_BINARY, 8, TRUE, TRUE },
    { "827f 0000000000010000", 65536, HYPHA_OPCODE_BINARY, 10, TRUE, FALSE },
    { "82ff 7fffffffffffffff 01020304", G_MAXINT64, HYPHA_OPCODE_BINARY, 14, TRUE, TRUE },
    { "8800", 0, HYPHA_OPCODE_CLOSE, 2, TRUE, FALSE },
    { "897d", 125, HYPHA_OPCODE_PING, 2, TRUE, FALSE },
    { "8a01", 1, HYPHA_OPCODE_PONG, 2, TRUE, FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      HyphaFrameHeader header;
      const char *problem;

      g_assert_cmpint (parse_hex (rows[i].hex, &header, &problem), ==, HYPHA_FRAME_OK);
      g_assert_cmpuint (header.length, ==, rows[i].length);
      g_assert_cmpuint (header.opcode, ==, rows[i].opcode);
      g_assert_cmpuint (header.size, ==, rows[i].size);
      g_assert_cmpint (header.fin, ==, rows[i].fin);
      g_assert_cmpint (header.masked, ==, rows[i].masked);
    }
}

static void
test_frame_header_in_pieces (void)
{
  g_autoptr (GBytes) bytes = test_bytes_from_hex ("82ff 0000000000010000 01020304");
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);
  HyphaFrameHeader header;
  const char *problem;

  for (gsize i = 0; i < size; i++)
    g_assert_cmpint (hypha_frame_parse_header (data, i, &header, &problem), ==,
                     HYPHA_FRAME_NEED_MORE);

  g_assert_cmpint (hypha_frame_parse_header (data, size, &header, &problem), ==, HYPHA_FRAME_OK);
  g_assert_cmpmem (header.mask, 4, "\1\2\3\4", 4);
}

static void
test_frame_header_bad (void)
{
  assert_bad ("c100", "reserved bits are set");
  assert_bad ("a100", "reserved bits are set");
  assert_bad ("9100", "reserved bits are set");
  for (guint opcode = 0; opcode < 16; opcode++)
    {
      g_autofree char *hex = g_strdup_printf ("8%x00", opcode);

      if ((opcode >= 3 && opcode <= 7) || opcode >= 0xb)
        assert_bad (hex, "unknown opcode");
    }

  assert_bad ("0900", "fragmented control frame");
  assert_bad ("0800", "fragmented control frame");
  assert_bad ("897e", "control frame too long");
  assert_bad ("88ff", "control frame too long");
  assert_bad ("827e 007d", "length is not in its shortest form");
  assert_bad ("827f 000000000000ffff", "length is not in its shortest form");
  assert_bad ("827f 8000000000000000", "length is out of range");
}

static void
test_frame_header_write (void)
{
  static const guint64 lengths[] = { 0, 1, 125, 126, 65535, 65536, 16 * 1024 * 1024 };

  for (gsize i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      guint8 buffer[HYPHA_FRAME_MAX_HEADER];
      HyphaFrameHeader header;
      const char *problem;
      gsize size = hypha_frame_write_header (buffer, HYPHA_OPCODE_TEXT, lengths[i], NULL);
      gsize masked = hypha_frame_write_header (buffer, HYPHA_OPCODE_BINARY, lengths[i],
                                               (const guint8 *) "\1\2\3\4");

      g_assert_cmpuint (masked, ==, size + 4);
      g_assert_cmpint (hypha_frame_parse_header (buffer, masked, &header, &problem), ==,
                       HYPHA_FRAME_OK);
      g_assert_cmpuint (header.length, ==, lengths[i]);
      g_assert_cmpuint (header.size, ==, masked);
      g_assert_cmpuint (header.opcode, ==, HYPHA_OPCODE_BINARY);
      g_assert_cmpmem (header.mask, 4, "\1\2\3\4", 4);
    }
}

/* Every size, alignment and phase that the word loops can get wrong, against the definition. */
static void
test_frame_unmask (void)
{
  static const guint8 mask[4] = { 0x12, 0xf4, 0x56, 0x8a };
  guint8 plain[160];
  guint8 masked[160 + 8];

  for (gsize i = 0; i < sizeof plain; i++)
    plain[i] = (guint8) (i * 7);

  for (gsize offset = 0; offset < 8; offset++)
    for (gsize phase = 0; phase < 5; phase++)
      for (gsize size = 0; size <= sizeof plain; size++)
        {
          for (gsize i = 0; i < size; i++)
            masked[offset + i] = plain[i] ^ mask[(phase + i) & 3];
          masked[offset + size] = 0xaa;

          hypha_frame_unmask (masked + offset, size, mask, phase);
          g_assert_cmpmem (masked + offset, size, plain, size);
          g_assert_cmpuint (masked[offset + size], ==, 0xaa);
        }
}

static void
test_frame_close_codes (void)
{
  static const guint good[] = { 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011,
                                1012, 1013, 1014, 3000, 3999, 4000, 4999 };
  static const guint bad[] = { 0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000,
                               65535 };

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    g_assert_true (hypha_close_code_valid (good[i]));

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (hypha_close_code_valid (bad[i]));
}

static void
assert_close (const char *hex,
              guint       expected_code,
              const char *expected_reason,
              guint       expected_fault)
{
  g_autoptr (GBytes) bytes = test_bytes_from_hex (hex);
  g_autofree char *reason = NULL;
  const char *problem = NULL;
  guint code;
  guint fault;
  gboolean ok = hypha_frame_parse_close (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes),
                                         &code, &reason, &fault, &problem);

  g_assert_cmpint (ok, ==, expected_fault == 0);
  g_assert_cmpuint (code, ==, expected_code);
  g_assert_cmpstr (reason, ==, expected_reason);
  if (ok)
    return;

  g_assert_cmpuint (fault, ==, expected_fault);
  g_assert_nonnull (problem);
}

static void
test_frame_close_parse (void)
{
  assert_close ("", 1005, NULL, 0);
  assert_close ("03", 1005, NULL, HYPHA_CLOSE_PROTOCOL_ERROR);
  assert_close ("03e8", 1000, "", 0);
  assert_close ("03e9 627965", 1001, "bye", 0);
  assert_close ("03e8 e282ac", 1000, "€", 0);
  assert_close ("03e8 e282", 1000, NULL, HYPHA_CLOSE_BAD_DATA);
  assert_close ("03ed", 1005, NULL, HYPHA_CLOSE_PROTOCOL_ERROR);
  assert_close ("0000", 0, NULL, HYPHA_CLOSE_PROTOCOL_ERROR);
}

static void
test_frame_close_build (void)
{
  guint8 buffer[HYPHA_FRAME_MAX_CONTROL];
  g_autofree char *long_reason = g_strnfill (200, 'x');
  g_autofree char *euros = g_strconcat (long_reason + 200 - 121, "€€", NULL);
  gsize size;

  g_assert_cmpuint (hypha_frame_build_close (buffer, 1005, "x"), ==, 0);
  g_assert_cmpuint (hypha_frame_build_close (buffer, 1006, "x"), ==, 0);
  g_assert_cmpuint (hypha_frame_build_close (buffer, 1000, NULL), ==, 2);
  g_assert_cmpmem (buffer, 2, "\x03\xe8", 2);
  g_assert_cmpuint (hypha_frame_build_close (buffer, 1001, "Server shutting down"), ==, 22);
  g_assert_cmpmem (buffer, 22, "\x03\xe9" "Server shutting down", 22);
  g_assert_cmpuint (hypha_frame_build_close (buffer, 1000, long_reason), ==, 125);

  /* 121 bytes and a character of three: it does not fit, so it is left out whole. */
  size = hypha_frame_build_close (buffer, 1000, euros);
  g_assert_cmpuint (size, ==, 2 + 121);
  g_assert_true (hypha_utf8_valid (buffer + 2, size - 2));

  size = hypha_frame_build_close (buffer, 1000, "bad \xff byte");
  g_assert_true (hypha_utf8_valid (buffer + 2, size - 2));
}

static void
assert_utf8 (const char *hex,
             gboolean    valid)
{
  g_autoptr (GBytes) bytes = test_bytes_from_hex (hex);
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);

  g_assert_cmpint (hypha_utf8_valid (data, size), ==, valid);

  /* The same in two pieces, cut everywhere. */
  for (gsize cut = 0; cut <= size; cut++)
    {
      HyphaUtf8State state = { 0 };
      gboolean ok = hypha_utf8_feed (&state, data, cut) &&
                    hypha_utf8_feed (&state, data + cut, size - cut) && state.missing == 0;

      g_assert_cmpint (ok, ==, valid);
    }
}

static void
test_frame_utf8 (void)
{
  assert_utf8 ("", TRUE);
  assert_utf8 ("00", TRUE);
  assert_utf8 ("6100620063", TRUE);
  assert_utf8 ("7f c280 dfbf e0a080 ed9fbf ee8080 efbfbf f0908080 f48fbfbf", TRUE);
  assert_utf8 ("6162636465666768 c3a9 6162636465666768", TRUE);
  assert_utf8 ("80", FALSE);
  assert_utf8 ("c0af", FALSE);
  assert_utf8 ("c1bf", FALSE);
  assert_utf8 ("c2", FALSE);
  assert_utf8 ("e080af", FALSE);
  assert_utf8 ("e282", FALSE);
  assert_utf8 ("eda080", FALSE);
  assert_utf8 ("edbfbf", FALSE);
  assert_utf8 ("f08080af", FALSE);
  assert_utf8 ("f0908080 f0", FALSE);
  assert_utf8 ("f4908080", FALSE);
  assert_utf8 ("f5808080", FALSE);
  assert_utf8 ("fe", FALSE);
  assert_utf8 ("ff", FALSE);
  assert_utf8 ("6162636465666768ff", FALSE);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_func ("/net/frame/header-forms", test_frame_header_forms);
  g_test_add_func ("/net/frame/header-in-pieces", test_frame_header_in_pieces);
  g_test_add_func ("/net/frame/header-bad", test_frame_header_bad);
  g_test_add_func ("/net/frame/header-write", test_frame_header_write);
  g_test_add_func ("/net/frame/unmask", test_frame_unmask);
  g_test_add_func ("/net/frame/close-codes", test_frame_close_codes);
  g_test_add_func ("/net/frame/close-parse", test_frame_close_parse);
  g_test_add_func ("/net/frame/close-build", test_frame_close_build);
  g_test_add_func ("/net/frame/utf8", test_frame_utf8);

  return g_test_run ();
}
