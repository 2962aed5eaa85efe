/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-json-private.h"

#include <math.h>
#include <string.h>

#include "test-utils.h"

static JsonNode *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  JsonNode *node = hypha_json_parse (text, strlen (text), HYPHA_JSON_MAX_DEPTH, &error);

  g_assert_no_error (error);
  g_assert_nonnull (node);
  return node;
}

static void
assert_variant (const char *json,
                const char *printed)
{
  g_autoptr (JsonNode) node = parse (json);
  g_autoptr (GVariant) value = g_variant_ref_sink (hypha_json_to_variant (node));
  g_autofree char *text = g_variant_print (value, TRUE);

  g_assert_cmpstr (text, ==, printed);
}

static void
assert_json (const char *variant,
             const char *expected)
{
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_parsed (variant));
  g_autoptr (JsonNode) node = hypha_json_from_variant (value);
  g_autofree char *text = json_to_string (node, FALSE);

  g_assert_cmpstr (text, ==, expected);
}

static void
assert_refused (const char *text,
                gsize       size,
                int         code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (hypha_json_parse (text, size, HYPHA_JSON_MAX_DEPTH, &error));
  g_assert_error (error, HYPHA_ERROR, code);
}

static void
test_json_to_variant (void)
{
  assert_variant ("null", "@mv nothing");
  assert_variant ("true", "true");
  assert_variant ("-5", "int64 -5");
  assert_variant ("2.5", "2.5");
  assert_variant ("\"größe\"", "'größe'");
  assert_variant ("[1, null, []]", "[<int64 1>, <@mv nothing>, <@av []>]");
  assert_variant ("{\"b\": {\"c\": false}, \"a\": {}}", "{'b': <{'c': <false>}>, 'a': <@a{sv} {}>}");
}

static void
test_json_half_surrogate (void)
{
  const char *bad = "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd";
  g_autofree char *value = g_strdup_printf ("[<'%s'>]", bad);

  assert_variant ("[\"\\ud800x\"]", value);
  assert_refused ("[\"\\ud800\"]", 10, HYPHA_ERROR_INVALID_ARGUMENT);
}

/* Neither in a value nor in a name; a backslash before the escape makes it none. */
static void
test_json_zero_character (void)
{
  assert_refused ("\"a\\u0000b\"", 10, HYPHA_ERROR_INVALID_ARGUMENT);
  assert_refused ("{\"a\\u0000b\": 1}", 10, HYPHA_ERROR_INVALID_ARGUMENT);
  assert_variant ("\"a\\\\u0000b\"", "'a\\\\u0000b'");
}

/* JavaScript's decoder of MessagePack ends at it; an escape in it makes no difference. */
static void
test_json_refused_name (void)
{
  assert_refused ("{\"__proto__\": 1}", 10, HYPHA_ERROR_INVALID_ARGUMENT);
  assert_refused ("[0, {\"a\": [{\"b\": 1, \"__proto__\": {}}, 2]}, 3]", 10,
                  HYPHA_ERROR_INVALID_ARGUMENT);
  assert_refused ("{\"__pr\\u006fto__\": 1}", 10, HYPHA_ERROR_INVALID_ARGUMENT);
  assert_variant ("{\"a\": \"__proto__\", \"__proto\": 1}",
                  "{'a': <'__proto__'>, '__proto': <int64 1>}");
}

static void
test_json_from_variant (void)
{
  assert_json ("@mv nothing", "null");
  assert_json ("<<int16 5>>", "5");
  assert_json ("true", "true");
  assert_json ("byte 0xff", "255");
  assert_json ("uint64 18446744073709551615", "1.8446744073709552e+19");
  assert_json ("uint64 5", "5");
  assert_json ("[uint32 1, 2]", "[1,2]");
  assert_json ("(int64 -1, 'a', objectpath '/x', uint16 7, handle 3)", "[-1,\"a\",\"/x\",7,3]");
  assert_json ("b'hi'", "\"aGkA\"");
  assert_json ("@ay []", "\"\"");
  assert_json ("{'b': <1>, 'a': <@mv nothing>}", "{\"b\":1,\"a\":null}");
  assert_json ("{5: 'x'}", "{\"5\":\"x\"}");
  assert_json ("@a{sv} {}", "{}");
  assert_json ("2.5", "2.5");
}

static void
test_json_not_finite (void)
{
  const double values[] = { INFINITY, -INFINITY, NAN };

  for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
    {
      g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_double (values[i]));
      g_autoptr (JsonNode) node = hypha_json_from_variant (value);

      g_assert_true (JSON_NODE_HOLDS_NULL (node));
    }
}

static void
test_json_malformed (void)
{
  assert_refused ("", 0, HYPHA_ERROR_INVALID_ARGUMENT);
  assert_refused ("   ", 3, HYPHA_ERROR_INVALID_ARGUMENT);
  assert_refused ("{", 1, HYPHA_ERROR_INVALID_ARGUMENT);
  assert_refused ("{\"a\" 1}", 7, HYPHA_ERROR_INVALID_ARGUMENT);
  assert_refused ("\"\xff\"", 3, HYPHA_ERROR_INVALID_ARGUMENT);
  assert_refused ("\"a\0b\"", 5, HYPHA_ERROR_INVALID_ARGUMENT);
}

/* Where, but not what: it may be a secret that is in the wrong place. */
static void
test_json_error_place (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (hypha_json_parse ("{\n\"password\" \"hunter2\"}", 23, 8, &error));
  g_assert_true (g_str_has_prefix (error->message, "JSON is malformed at line 2, character "));
  g_assert_null (strstr (error->message, "hunter2"));
}

static void
test_json_max_depth (void)
{
  g_autofree char *open = g_strnfill (HYPHA_JSON_MAX_DEPTH + 1, '[');
  g_autofree char *close = g_strnfill (HYPHA_JSON_MAX_DEPTH + 1, ']');
  g_autofree char *too_deep = g_strconcat (open, close, NULL);
  g_autofree char *deepest = g_strndup (too_deep + 1, 2 * HYPHA_JSON_MAX_DEPTH);
  g_autofree char *many = g_strnfill (1000000, '[');
  g_autofree char *quoted = g_strconcat ("\"\\\"", open, "\"", NULL);
  g_autoptr (JsonNode) node = parse (deepest);
  g_autoptr (JsonNode) text = parse (quoted);

  assert_refused (too_deep, strlen (too_deep), HYPHA_ERROR_TOO_DEEP);
  assert_refused (many, strlen (many), HYPHA_ERROR_TOO_DEEP);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/wire/json/to-variant", test_json_to_variant);
  g_test_add_func ("/wire/json/half-surrogate", test_json_half_surrogate);
  g_test_add_func ("/wire/json/zero-character", test_json_zero_character);
  g_test_add_func ("/wire/json/refused-name", test_json_refused_name);
  g_test_add_func ("/wire/json/from-variant", test_json_from_variant);
  g_test_add_func ("/wire/json/not-finite", test_json_not_finite);
  g_test_add_func ("/wire/json/malformed", test_json_malformed);
  g_test_add_func ("/wire/json/error-place", test_json_error_place);
  g_test_add_func ("/wire/json/max-depth", test_json_max_depth);
  return g_test_run ();
}
