/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <math.h>
#include <string.h>

#include "hypha-http-value-private.h"
#include "hypha-rpc-codec-private.h"
#include "hypha-value-private.h"
#include "test-utils.h"

static void
assert_json (GVariant   *value,
             const char *expected)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (value);
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = hypha_http_value_to_json (owned, &error);
  g_autofree char *text = NULL;

  g_assert_no_error (error);
  text = json_to_string (node, FALSE);
  g_assert_cmpstr (text, ==, expected);
}

static void
test_plain (void)
{
  assert_json (hypha_rpc_codec_null (), "null");
  assert_json (g_variant_new_double (NAN), "null");
  assert_json (g_variant_new_double (INFINITY), "null");
  assert_json (g_variant_new_string ("žluť"), "\"žluť\"");
  assert_json (g_variant_new_parsed ("[<int64 1>, <1.5>, <true>, <{'a': <@ay [1, 2]>}>]"),
               "[1,1.5,true,{\"a\":\"AQI=\"}]");
  assert_json (g_variant_new_parsed ("@a{sv} {}"), "{}");
}

static void
test_function (void)
{
  assert_json (g_variant_new_parsed ("{'f': <{'_rtype': <'method'>, '_rtarget': <'w/secret'>,"
                                     " '_rmethod': <'s.x'>, '_rname': <'add'>}>}"),
               "{\"f\":{\"type\":\"function\",\"function\":{\"name\":\"add\"}}}");
}

static void
test_special (void)
{
  g_autoptr (GDateTime) when = g_date_time_new_from_unix_utc (0);
  g_autoptr (GDateTime) later = g_date_time_add (when, 1500000);

  assert_json (hypha_value_new_datetime (later), "\"1970-01-01T00:00:01.500Z\"");
  assert_json (g_variant_new_parsed ("{'_rtype': <'ndarray'>, '_rvalue': <@ay [1, 0]>,"
                                     " '_rshape': <[<int64 1>]>, '_rdtype': <'int16'>}"),
               "{\"_rtype\":\"ndarray\",\"_rvalue\":\"AQA=\",\"_rshape\":[1],"
               "\"_rdtype\":\"int16\"}");
  assert_json (g_variant_new_parsed ("(byte 0x05, @ay [1, 2])"), "\"AQI=\"");
  assert_json (g_variant_new_parsed ("(@ay [97, 0, 98],)"), "\"a\357\277\275b\"");
}

static void
test_hypha_http_max_depth (void)
{
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new ("av", NULL));
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < HYPHA_HTTP_MAX_DEPTH + 1; i++)
    {
      GVariant *outer = g_variant_new_array (G_VARIANT_TYPE_VARIANT,
                                             (GVariant *[]) { g_variant_new_variant (value) }, 1);

      g_variant_unref (value);
      value = g_variant_ref_sink (outer);
    }

  g_assert_null (hypha_http_value_to_json (value, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_DEEP);
}

static void
test_hypha_http_max_answer (void)
{
  g_autofree char *zeroes = g_malloc0 (HYPHA_HTTP_MAX_ANSWER + 1);
  g_autoptr (GBytes) bytes = g_bytes_new_static (zeroes, HYPHA_HTTP_MAX_ANSWER + 1);
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GError) error = NULL;

  value = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, bytes, TRUE));
  g_assert_null (hypha_http_value_to_json (value, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE);
}

static void
assert_format (const char      *accept,
               const char      *content_type,
               HyphaHttpFormat  expected)
{
  g_assert_cmpint (hypha_http_format_choose (accept, content_type), ==, expected);
}

static void
test_format (void)
{
  assert_format (NULL, NULL, HYPHA_HTTP_FORMAT_JSON);
  assert_format ("*/*", "application/json", HYPHA_HTTP_FORMAT_JSON);
  assert_format ("text/event-stream", NULL, HYPHA_HTTP_FORMAT_EVENTS);
  assert_format ("application/msgpack", NULL, HYPHA_HTTP_FORMAT_MSGPACK);
  assert_format ("*/*", "application/msgpack", HYPHA_HTTP_FORMAT_MSGPACK);
  assert_format ("application/json", "application/msgpack", HYPHA_HTTP_FORMAT_JSON);
}

static void
test_bytes (void)
{
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_parsed ("@ay [1, 2, 3]"));
  g_autoptr (GBytes) whole = NULL;
  g_autoptr (GBytes) packed = NULL;
  const char *content_type;

  whole = hypha_http_value_to_bytes (value, HYPHA_HTTP_FORMAT_JSON, &content_type, NULL);
  g_assert_cmpstr (content_type, ==, "application/octet-stream");
  g_assert_cmpmem (g_bytes_get_data (whole, NULL), g_bytes_get_size (whole), "\1\2\3", 3);

  packed = hypha_http_value_to_bytes (value, HYPHA_HTTP_FORMAT_MSGPACK, &content_type, NULL);
  g_assert_cmpstr (content_type, ==, "application/msgpack");
  g_assert_cmpmem (g_bytes_get_data (packed, NULL), g_bytes_get_size (packed), "\xc4\3\1\2\3", 5);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_func ("/net/http-value/plain", test_plain);
  g_test_add_func ("/net/http-value/function", test_function);
  g_test_add_func ("/net/http-value/special", test_special);
  g_test_add_func ("/net/http-value/max-depth", test_hypha_http_max_depth);
  g_test_add_func ("/net/http-value/max-answer", test_hypha_http_max_answer);
  g_test_add_func ("/net/http-value/format", test_format);
  g_test_add_func ("/net/http-value/bytes", test_bytes);

  return g_test_run ();
}
