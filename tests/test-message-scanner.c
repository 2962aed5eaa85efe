/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-message-scanner-private.h"
#include "test-chunk-fixture.h"
#include "test-utils.h"

/* In pieces of every size, a message is what it is as a whole. */
static void
assert_scanned_bytes (GByteArray *bytes,
                      gboolean    good)
{
  for (guint step = 1; step <= bytes->len; step++)
    {
      g_autoptr (HyphaMessageScanner) scanner = hypha_message_scanner_new ();
      gboolean fed = TRUE;

      for (guint i = 0; i < bytes->len && fed; i += step)
        fed = hypha_message_scanner_feed (scanner, bytes->data + i, MIN (step, bytes->len - i),
                                          NULL);

      g_assert_cmpint (fed && hypha_message_scanner_is_done (scanner), ==, good);
    }
}

static void
assert_scanned (const char *envelope,
                const char *extra,
                gboolean    good)
{
  g_autoptr (GByteArray) bytes = message_new (envelope, extra);

  assert_scanned_bytes (bytes, good);
}

static void
test_scanner (void)
{
  assert_scanned (CALL, ARGS, TRUE);
  assert_scanned (CALL, "@a{sv} {}", TRUE);
  assert_scanned (CALL, "{'args': <@av []>, 'from': <'ws-b/victim'>}", FALSE);
  assert_scanned (CALL, "{'ctx': <{'ws': <'ws-b'>}>}", FALSE);
  assert_scanned (CALL, "{'type': <'force-exit'>}", FALSE);
  assert_scanned (CALL, "[<'args'>]", FALSE);
  assert_scanned (CALL, "'text'", FALSE);
  assert_scanned ("{'type': <'custom'>}", "@a{sv} {}", FALSE);
  assert_scanned ("{'type': <'method'>, 'caller_public_key': <'x'>}", "@a{sv} {}", FALSE);
}

/* What ends a client in JavaScript, at any depth, as it is when it comes whole. */
static void
test_scanner_refused_keys (void)
{
  static const struct
  {
    const char *arguments;
    gboolean    good;
  } cases[] = {
    { "81a95f5f70726f746f5f5f01", FALSE },
    { "81a16181d9095f5f70726f746f5f5f01", FALSE },
    { "9281a161a95f5f70726f746f5f5f01", TRUE },
    { "81a85f5f70726f746f5f01", TRUE },
    { "81c001", FALSE },
    { "81900a", FALSE },
    { "81d4050101", FALSE },
    { "81c4016101", FALSE },
    { "820102cb400a00000000000001", TRUE },
    { "81a1ff01", FALSE },
    { "81a001", TRUE },
    { "c705ff0102030405", FALSE },
    { "c7050102030405ff", TRUE },
    { "d5ff0102", FALSE },
    { "c700ff", FALSE },
    { "d6ff01020304", TRUE },
    { "c70cffffffffffffffffffffffffff", TRUE },
    { "d40101", TRUE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GBytes) value = test_bytes_from_hex (cases[i].arguments);
      g_autoptr (GByteArray) bytes = message_new (CALL, "{'args': <int64 0>}");
      gsize size;
      const guint8 *data = g_bytes_get_data (value, &size);
      HyphaMessage message;

      g_byte_array_set_size (bytes, bytes->len - 1);
      g_byte_array_append (bytes, data, (guint) size);
      assert_scanned_bytes (bytes, cases[i].good);
      g_assert_true (hypha_message_parse (&message, bytes->data, bytes->len, NULL));
      g_assert_cmpint (hypha_message_check_extra (&message, NULL), ==, cases[i].good);
    }
}

static void
test_scanner_trailing_bytes (void)
{
  g_autoptr (GByteArray) bytes = message_new (CALL, ARGS);
  g_autoptr (HyphaMessageScanner) scanner = hypha_message_scanner_new ();

  g_byte_array_append (bytes, (const guint8 *) "\x80", 1);
  g_assert_false (hypha_message_scanner_feed (scanner, bytes->data, bytes->len, NULL));
  g_assert_false (hypha_message_scanner_feed (scanner, bytes->data, 1, NULL));
}

static void
test_scanner_envelope_limit (void)
{
  g_autoptr (HyphaMessageScanner) scanner = hypha_message_scanner_new ();
  g_autofree char *huge = g_strnfill (HYPHA_SCANNER_MAX_ENVELOPE, 'x');
  g_autofree char *envelope = g_strdup_printf ("{'type': <'method'>, 'method': <'%s'>}", huge);
  g_autoptr (GByteArray) bytes = message_new (envelope, "@a{sv} {}");

  g_assert_false (hypha_message_scanner_feed (scanner, bytes->data, bytes->len, NULL));
}

static void
test_scanner_depth_limit (void)
{
  g_autoptr (HyphaMessageScanner) scanner = hypha_message_scanner_new ();
  g_autoptr (GByteArray) bytes = message_new (CALL, "{'args': <int64 0>}");
  g_autofree guint8 *nest = g_malloc (HYPHA_MSGPACK_MAX_SKIP_DEPTH);

  memset (nest, 0x91, HYPHA_MSGPACK_MAX_SKIP_DEPTH);
  g_assert_true (hypha_message_scanner_feed (scanner, bytes->data, bytes->len - 1, NULL));
  g_assert_false (hypha_message_scanner_feed (scanner, nest, HYPHA_MSGPACK_MAX_SKIP_DEPTH, NULL));
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/wire/message-scanner/pieces", test_scanner);
  g_test_add_func ("/wire/message-scanner/refused-keys", test_scanner_refused_keys);
  g_test_add_func ("/wire/message-scanner/trailing-bytes", test_scanner_trailing_bytes);
  g_test_add_func ("/wire/message-scanner/envelope-limit", test_scanner_envelope_limit);
  g_test_add_func ("/wire/message-scanner/depth-limit", test_scanner_depth_limit);
  return g_test_run ();
}
