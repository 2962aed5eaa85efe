/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-value-private.h"
#include "test-pair.h"
#include "test-utils.h"

/* In MessagePack and back, as every value travels. */
static GVariant *
travel (GVariant *value)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (value);
  g_autoptr (GByteArray) out = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  GVariant *arrived;

  hypha_msgpack_encode (out, owned);
  arrived = hypha_msgpack_decode (out->data, out->len, NULL, NULL, &error);
  g_assert_no_error (error);
  return arrived;
}

static void
test_value_arrays (void)
{
  g_autoptr (GBytes) bytes = g_bytes_new ("\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40\0\0\x80\x40", 16);
  g_autoptr (GVariant) matrix = travel (hypha_value_new_ndarray ("float32", (gsize[]) { 2, 2 }, 2,
                                                                 bytes));
  g_autoptr (GVariant) typed = travel (hypha_value_new_typedarray ("float64", bytes));
  g_auto (HyphaArray) first = { 0 };
  g_auto (HyphaArray) second = { 0 };
  g_autoptr (GError) error = NULL;

  g_assert_true (hypha_value_get_array (matrix, &first, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (first.dtype, ==, "float32");
  g_assert_cmpuint (first.n_dimensions, ==, 2);
  g_assert_cmpuint (first.shape[1], ==, 2);
  g_assert_true (g_bytes_equal (first.bytes, bytes));
  g_assert_true (hypha_value_get_array (typed, &second, &error));
  g_assert_cmpuint (second.shape[0], ==, 2);
}

/* What a peer can make of one. */
static void
test_value_broken_arrays (void)
{
  static const char *const broken[] = {
    "'text'", "{'_rtype': <'set'>}", "{'_rtype': <'ndarray'>}",
    "{'_rtype': <'ndarray'>, '_rvalue': <@ay [1]>, '_rdtype': <'uint8'>}",
    "{'_rtype': <'ndarray'>, '_rvalue': <@ay [1]>, '_rdtype': <'uint8'>, '_rshape': <[<int64 2>]>}",
    "{'_rtype': <'ndarray'>, '_rvalue': <@ay [1]>, '_rdtype': <'uint8'>, '_rshape': <[<'1'>]>}",
    "{'_rtype': <'ndarray'>, '_rvalue': <@ay [1]>, '_rdtype': <'uint8'>,"
    " '_rshape': <[<int64 -1>]>}",
    "{'_rtype': <'ndarray'>, '_rvalue': <@ay []>, '_rdtype': <'uint8'>,"
    " '_rshape': <[<int64 4294967296>, <int64 4294967296>]>}",
    "{'_rtype': <'ndarray'>, '_rvalue': <@ay [1, 2, 3]>, '_rdtype': <'int16'>,"
    " '_rshape': <[<int64 1>]>}",
    "{'_rtype': <'typedarray'>, '_rvalue': <@ay [1, 2, 3]>, '_rdtype': <'int16'>}",
    "{'_rtype': <'typedarray'>, '_rvalue': <@ay [1]>, '_rdtype': <'object'>}",
    "{'_rtype': <'typedarray'>, '_rvalue': <'text'>, '_rdtype': <'int8'>}",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (broken); i++)
    {
      g_autoptr (GVariant) value = g_variant_parse (NULL, broken[i], NULL, NULL, NULL);
      g_auto (HyphaArray) array = { 0 };
      g_autoptr (GError) error = NULL;

      g_assert_nonnull (value);
      g_assert_false (hypha_value_get_array (value, &array, &error));
      g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT);
      g_assert_null (array.bytes);
    }
}

static void
test_value_max_dimensions (void)
{
  gsize shape[HYPHA_VALUE_MAX_DIMENSIONS + 1];
  g_autoptr (GBytes) bytes = g_bytes_new ("x", 1);
  g_autoptr (GVariant) most = NULL;
  g_autoptr (GVariant) more = NULL;
  g_auto (HyphaArray) array = { 0 };
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (shape); i++)
    shape[i] = 1;
  most = travel (hypha_value_new_ndarray ("uint8", shape, HYPHA_VALUE_MAX_DIMENSIONS, bytes));
  more = travel (hypha_value_new_ndarray ("uint8", shape, HYPHA_VALUE_MAX_DIMENSIONS + 1, bytes));
  g_assert_true (hypha_value_get_array (most, &array, NULL));
  hypha_array_clear (&array);
  g_assert_false (hypha_value_get_array (more, &array, &error));
}

static void
test_value_collections (void)
{
  g_autoptr (GBytes) bytes = g_bytes_new ("ab", 2);
  g_autoptr (GVariant) view = travel (hypha_value_new_memoryview (bytes));
  g_autoptr (GVariant) set = travel (hypha_value_new_set (g_variant_new_parsed ("[<'a'>]")));
  g_autoptr (GVariant) map = NULL;
  g_autoptr (GVariant) keys = g_variant_parse (NULL, "{'_rtype': <'orderedmap'>,"
                                                     " '_rvalue': <[<'a'>]>}", NULL, NULL, NULL);
  g_autoptr (GBytes) seen = hypha_value_dup_bytes (view, NULL);
  g_autoptr (GVariant) items = hypha_value_dup_set (set, NULL);
  g_autoptr (GVariant) pairs = NULL;
  g_autoptr (GError) error = NULL;

  map = travel (hypha_value_new_ordered_map (g_variant_new_parsed ("[<[<'a'>, <int64 1>]>]")));
  pairs = hypha_value_dup_ordered_map (map, NULL);
  g_assert_true (g_bytes_equal (seen, bytes));
  pair_assert_value (items, "[<'a'>]");
  pair_assert_value (pairs, "[<[<'a'>, <int64 1>]>]");

  /* What Python sends of one: its keys alone. */
  g_assert_null (hypha_value_dup_ordered_map (keys, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT);
  g_assert_null (hypha_value_dup_set (map, NULL));
  g_assert_null (hypha_value_dup_bytes (set, NULL));
}

static void
assert_moment (const char *text,
               gsize       size)
{
  g_autoptr (GDateTime) when = g_date_time_new_from_iso8601 (text, NULL);
  g_autoptr (GVariant) value = travel (hypha_value_new_datetime (when));
  g_autoptr (GVariant) bytes = g_variant_get_child_value (value, 1);
  g_autoptr (GError) error = NULL;
  g_autoptr (GDateTime) back = hypha_value_dup_datetime (value, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (g_variant_get_size (bytes), ==, size);
  g_assert_true (g_date_time_equal (when, back));
}

static void
test_value_moments (void)
{
  static const char *const broken[] = {
    "'text'", "(byte 1, @ay [0, 0, 0, 0])", "(byte 0xff, @ay [])", "(byte 0xff, @ay [1, 2, 3])",
    "(byte 0xff, @ay [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])",
    "(byte 0xff, @ay [0x3b, 0x9a, 0xca, 0, 0, 0, 0, 0, 0, 0, 0, 0])",
    "(byte 0xff, @ay [0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])",
    "(byte 0xff, @ay [0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0])",
  };

  assert_moment ("1970-01-01T00:00:00Z", 4);
  assert_moment ("2106-02-07T06:28:15Z", 4);
  assert_moment ("2106-02-07T06:28:16Z", 8);
  assert_moment ("2026-11-24T08:00:00.123456Z", 8);
  assert_moment ("2514-05-30T01:53:03Z", 8);
  assert_moment ("2514-05-30T01:53:04Z", 12);
  assert_moment ("1969-12-31T23:59:59.5Z", 12);
  assert_moment ("0001-01-01T00:00:00Z", 12);
  assert_moment ("2026-11-24T08:00:00+02", 4);

  for (gsize i = 0; i < G_N_ELEMENTS (broken); i++)
    {
      g_autoptr (GVariant) value = g_variant_parse (NULL, broken[i], NULL, NULL, NULL);
      g_autoptr (GError) error = NULL;

      g_assert_nonnull (value);
      g_assert_null (hypha_value_dup_datetime (value, &error));
      g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT);
    }
}

/* The class by which clients tell errors apart is the table's, or the one that came. */
static void
test_value_errors (void)
{
  static const struct
  {
    HyphaError  code;
    const char *class_name;
  } classes[] = {
    { HYPHA_ERROR_NOT_FOUND, "KeyError" }, { HYPHA_ERROR_PERMISSION_DENIED, "PermissionError" },
    { HYPHA_ERROR_INVALID_ARGUMENT, "ValueError" }, { HYPHA_ERROR_TIMED_OUT, "TimeoutError" },
    { HYPHA_ERROR_UNSUPPORTED, "NotImplementedError" }, { HYPHA_ERROR_FAILED, "Exception" },
    { HYPHA_ERROR_ALREADY_EXISTS, "FileExistsError" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (classes); i++)
    {
      g_autoptr (GError) error = g_error_new (HYPHA_ERROR, (gint) classes[i].code, "why: %d", 1);
      g_autoptr (GVariant) value = travel (hypha_value_new_error (error));
      g_autofree char *trace = g_strconcat (classes[i].class_name, ": why: 1", NULL);
      g_autoptr (GError) back = hypha_value_dup_error (value);
      g_autoptr (GError) copy = g_error_copy (back);

      g_assert_error (copy, HYPHA_ERROR, HYPHA_ERROR_REMOTE);
      g_assert_cmpstr (copy->message, ==, "why: 1");
      g_assert_cmpstr (hypha_error_get_class_name (copy), ==, classes[i].class_name);
      g_assert_cmpstr (hypha_error_get_trace (copy), ==, trace);
    }
}

static void
assert_class (const char *value,
              const char *class_name,
              const char *message)
{
  g_autoptr (GVariant) parsed = g_variant_parse (NULL, value, NULL, NULL, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (parsed);
  error = hypha_value_dup_error (parsed);
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_REMOTE);
  g_assert_cmpstr (hypha_error_get_class_name (error), ==, class_name);
  g_assert_cmpstr (error->message, ==, message);
}

static void
test_value_remote_errors (void)
{
  assert_class ("{'_rtype': <'error'>, '_rvalue': <'RangeError: bad'>,"
                " '_rtrace': <'RangeError: bad\\n    at f (x.js:1)'>}", "RangeError",
                "RangeError: bad");
  assert_class ("{'_rtype': <'error'>, '_rvalue': <'bad'>, '_rtrace': <'Traceback (most recent call"
                " last):\\n  File \"x: y\"\\nmy.mod.OddError: bad\\n'>}", "my.mod.OddError", "bad");
  assert_class ("{'_rtype': <'error'>, '_rvalue': <'TypeError: x'>}", "TypeError", "TypeError: x");
  assert_class ("{'_rtype': <'error'>, '_rvalue': <'no class: x'>, '_rtrace': <''>}", "Exception",
                "no class: x");
  assert_class ("{'_rtype': <'error'>}", "Exception", "the service failed without saying why");
  assert_class ("'text'", "Exception", "text");
  assert_class ("@mv nothing", "Exception", "the service failed without saying why");
}

static void
serve_echo (HyphaInvocation *invocation,
            gpointer         data)
{
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, 0, "value");

  hypha_invocation_return (invocation, value);
}

/* What is only passed on arrives as it was sent, whatever it is. */
static void
test_value_passed_on (void)
{
  static const char *const values[] = {
    "{'_rtype': <'own-codec'>, 'x': <[<@mv nothing>, <true>]>, '_rvalue': <@ay [0, 1]>}",
    "{'_rtype': <'iostream'>, '_rnative': <'js:blob'>, 'read': <{'_rtype': <'method'>,"
    " '_rtarget': <'two'>, '_rmethod': <'s.1'>}>}",
    "(byte 0x2a, @ay [1, 2, 3])", "(@ay [0xff, 0],)", "uint64 18446744073709551615",
    "int64 -9223372036854775808", "-0.0", "@av []", "@a{sv} {}",
  };
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (HyphaService) service = NULL;

  service = hypha_service_new ("mirror", "", "", "generic",
                               g_variant_new_parsed ("{'visibility': <'public'>}"));
  hypha_service_add_function (service, "echo", "value", NULL, NULL, serve_echo, NULL, NULL);
  hypha_rpc_add_service (pair->one, service);
  for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
    {
      g_autoptr (GVariant) value = g_variant_parse (NULL, values[i], NULL, NULL, NULL);
      g_autoptr (GVariant) back = NULL;
      g_autoptr (GError) error = NULL;

      g_assert_nonnull (value);
      back = pair_call (pair->two, "ws-a/one", "services.mirror.echo",
                        g_variant_new_parsed ("[%v]", value), &error);
      g_assert_no_error (error);
      pair_assert_value (back, values[i]);
    }

  pair_assert_clean (pair);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/rpc/value/arrays", test_value_arrays);
  g_test_add_func ("/rpc/value/broken-arrays", test_value_broken_arrays);
  g_test_add_func ("/rpc/value/max-dimensions", test_value_max_dimensions);
  g_test_add_func ("/rpc/value/collections", test_value_collections);
  g_test_add_func ("/rpc/value/moments", test_value_moments);
  g_test_add_func ("/rpc/value/errors", test_value_errors);
  g_test_add_func ("/rpc/value/remote-errors", test_value_remote_errors);
  g_test_add_func ("/rpc/value/passed-on", test_value_passed_on);
  return g_test_run ();
}
