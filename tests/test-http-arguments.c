/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-http-arguments-private.h"
#include "test-utils.h"

static char *
print (GVariant *value)
{
  return value != NULL ? g_variant_print (value, FALSE) : g_strdup ("absent");
}

/* What a request with this query and this body of this type calls with: “positional | named”. */
static char *
map (const char *query,
     const char *content_type,
     const char *body,
     const char *parameters)
{
  g_auto (HyphaHttpArguments) arguments = { 0 };
  g_autoptr (GVariant) schema = NULL;
  g_autoptr (GVariant) args = NULL;
  g_autoptr (GVariant) kwargs = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *positional = NULL;
  g_autofree char *named = NULL;
  gboolean ok;

  ok = hypha_http_arguments_parse (&arguments, query, (const guint8 *) body,
                                   body != NULL ? strlen (body) : 0, content_type, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
  if (parameters != NULL)
    schema = g_variant_ref_sink (g_variant_new_parsed (parameters));
  hypha_http_arguments_map (&arguments, schema, &args, &kwargs);
  positional = print (args);
  named = print (kwargs);
  return g_strconcat (positional, " | ", named, NULL);
}

static void
assert_map (const char *query,
            const char *content_type,
            const char *body,
            const char *parameters,
            const char *expected)
{
  g_autofree char *mapped = map (query, content_type, body, parameters);

  g_assert_cmpstr (mapped, ==, expected);
}

static void
refuse (const char *query,
        const char *content_type,
        const char *body,
        int         code)
{
  g_auto (HyphaHttpArguments) arguments = { 0 };
  g_autoptr (GError) error = NULL;

  g_assert_false (hypha_http_arguments_parse (&arguments, query, (const guint8 *) body,
                                              body != NULL ? strlen (body) : 0, content_type,
                                              &error));
  g_assert_error (error, HYPHA_ERROR, code);
}

static void
test_text (void)
{
  static const struct
  {
    const char *text;
    const char *value;
  } cases[] = {
    { "true", "true" },
    { "false", "false" },
    { "null", "nothing" },
    { "undefined", "absent" },
    { "7", "7" },
    { "-7", "-7" },
    { "007", "7" },
    { "9007199254740991", "9007199254740991" },
    { "9007199254740992", "'9007199254740992'" },
    { "1.5", "1.5" },
    { "-0.25", "-0.25" },
    { "1.", "'1.'" },
    { ".5", "'.5'" },
    { "1e3", "'1e3'" },
    { "0x10", "'0x10'" },
    { "-", "'-'" },
    { "", "''" },
    { "True", "'True'" },
    { "{\"a\":1}", "{'a': <int64 1>}" },
    { "[1,\"x\"]", "[<int64 1>, <'x'>]" },
    { "{broken}", "'{broken}'" },
    { "[1", "'[1'" },
    { "NaN", "'NaN'" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      GVariant *floating = hypha_http_argument_from_text (cases[i].text);
      g_autoptr (GVariant) value = floating != NULL ? g_variant_ref_sink (floating) : NULL;
      g_autofree char *printed = print (value);

      g_assert_cmpstr (printed, ==, cases[i].value);
    }
}

static void
test_query (void)
{
  assert_map (NULL, NULL, NULL, NULL, "[] | absent");
  assert_map ("", NULL, NULL, NULL, "[] | absent");
  assert_map ("name=a+b%20c%26", NULL, NULL, NULL, "[<'a b c&'>] | absent");
  assert_map ("a=1&a=2", NULL, NULL, NULL, "[<int64 2>] | absent");
  assert_map ("a=1&b=x", NULL, NULL, NULL, "[<{'a': <int64 1>, 'b': <'x'>}>] | absent");
  assert_map ("a=undefined", NULL, NULL, NULL, "[] | absent");
  assert_map ("a", NULL, NULL, NULL, "[<''>] | absent");
  assert_map ("&&a=1&", NULL, NULL, NULL, "[<int64 1>] | absent");
  assert_map ("a=b=c", NULL, NULL, NULL, "[<'b=c'>] | absent");
  refuse ("a=%ff", NULL, NULL, HYPHA_ERROR_INVALID_ARGUMENT);
  refuse ("a=%00", NULL, NULL, HYPHA_ERROR_INVALID_ARGUMENT);
  refuse ("a=%zz", NULL, NULL, HYPHA_ERROR_INVALID_ARGUMENT);
}

static void
test_control_keys (void)
{
  g_auto (HyphaHttpArguments) arguments = { 0 };

  g_assert_true (hypha_http_arguments_parse (
    &arguments, "workspace=w&service_id=s&function_key=f&_mode=last&x=1", NULL, 0, NULL, NULL));
  g_assert_cmpuint (g_variant_n_children (arguments.named), ==, 1);
  g_assert_cmpstr (arguments.mode, ==, "last");
}

/* They are arguments of a function that declares them, and in a body of one that says nothing. */
static void
test_declared_control_keys (void)
{
  const char *one = "{'properties': <{'workspace': <@a{sv} {}>}>}";
  const char *two = "{'properties': <{'a': <@a{sv} {}>, '_mode': <@a{sv} {}>}>}";
  const char *form = "application/x-www-form-urlencoded";

  assert_map ("workspace=w", NULL, NULL, one, "[] | {'workspace': <'w'>}");
  assert_map (NULL, NULL, "{\"workspace\":\"w\"}", one, "[] | {'workspace': <'w'>}");
  assert_map (NULL, form, "workspace=w&service_id=s", one, "[] | {'workspace': <'w'>}");
  assert_map ("workspace=w&a=1", NULL, "{\"service_id\":\"s\"}", two, "[] | {'a': <int64 1>}");
  assert_map ("workspace=w", NULL, "{\"workspace\":\"v\"}", one, "[] | {'workspace': <'v'>}");
  assert_map ("workspace=w&a=1", NULL, NULL, NULL, "[<int64 1>] | absent");
  assert_map (NULL, NULL, "{\"function_key\":\"f\"}", NULL, "[<'f'>] | absent");
  assert_map ("_mode=last", NULL, "{\"_mode\":\"first\"}", two, "[] | absent");
}

static void
test_body (void)
{
  const char *json = "application/json; charset=utf-8";

  assert_map ("a=1&b=2", json, "{\"b\":3}", NULL,
              "[<{'a': <int64 1>, 'b': <int64 3>}>] | absent");
  assert_map (NULL, NULL, "{\"a\":\"x\"}", NULL, "[<'x'>] | absent");
  assert_map (NULL, json, "{\"a\":null}", NULL, "[<@mv nothing>] | absent");
  assert_map (NULL, json, "{}", NULL, "[] | absent");
  assert_map (NULL, "application/x-www-form-urlencoded", "a=1&b=true", NULL,
              "[<{'a': <int64 1>, 'b': <true>}>] | absent");
  assert_map (NULL, "application/msgpack", "\x81\xa1"
              "a\x07", NULL, "[<int64 7>] | absent");

  /* A list gives the arguments by position, in either spelling. */
  assert_map (NULL, json, "[1,2]", NULL, "[<int64 1>, <int64 2>] | absent");
  assert_map (NULL, json, "{\"1\":2,\"0\":1}", NULL, "[<int64 1>, <int64 2>] | absent");
  assert_map (NULL, json, "\"text\"", NULL, "[<'text'>] | absent");

  /* A page that names no type sends a text. */
  assert_map (NULL, "text/plain;charset=UTF-8", "{\"a\":\"x\"}", NULL, "[<'x'>] | absent");
  assert_map ("b=1", "text/plain", "{broken", NULL, "[<int64 1>] | absent");

  refuse (NULL, json, "{broken", HYPHA_ERROR_INVALID_ARGUMENT);
  refuse (NULL, "application/msgpack", "\x07\x07", HYPHA_ERROR_INVALID_ARGUMENT);
  refuse (NULL, "text/xml", "<a/>", HYPHA_ERROR_UNSUPPORTED);
}

/* A name that ends the program of whoever is called in JavaScript. */
static void
test_refused_name (void)
{
  refuse ("__proto__=1&b=2", NULL, NULL, HYPHA_ERROR_INVALID_ARGUMENT);
  refuse ("b=2&%5F_proto__", NULL, NULL, HYPHA_ERROR_INVALID_ARGUMENT);
  refuse (NULL, "application/json", "{\"x\": {\"__proto__\": 1}}", HYPHA_ERROR_INVALID_ARGUMENT);
  refuse (NULL, "application/x-www-form-urlencoded", "__proto__=1", HYPHA_ERROR_INVALID_ARGUMENT);
  refuse (NULL, "application/msgpack", "\x81\xa1x\x81\xa9__proto__\x01",
          HYPHA_ERROR_PROTOCOL);
  assert_map ("a={\"__proto__\":1}", NULL, NULL, NULL, "[<'{\"__proto__\":1}'>] | absent");
}

static void
test_by_name (void)
{
  const char *two = "{'properties': <{'a': <@a{sv} {}>, 'b': <@a{sv} {}>}>}";
  const char *one = "{'properties': <{'options': <@a{sv} {}>}>}";

  assert_map ("b=22&a=9", NULL, NULL, two,
              "[] | {'b': <int64 22>, 'a': <int64 9>}");
  assert_map ("a=9", NULL, NULL, two, "[] | {'a': <int64 9>}");
  assert_map ("x=9", NULL, NULL, two, "[<int64 9>] | absent");
  assert_map ("x=9&a=1", NULL, NULL, two, "[<{'x': <int64 9>, 'a': <int64 1>}>] | absent");
  assert_map ("x=9&a=1", NULL, NULL, one, "[<{'x': <int64 9>, 'a': <int64 1>}>] | absent");
  assert_map ("x=9", NULL, NULL, "{'type': <'object'>}", "[<int64 9>] | absent");
}

static void
test_hypha_http_max_arguments (void)
{
  g_autoptr (GString) query = g_string_new (NULL);
  g_auto (HyphaHttpArguments) arguments = { 0 };
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < HYPHA_HTTP_MAX_ARGUMENTS; i++)
    g_string_append_printf (query, "a%u=1&", i);
  g_assert_true (hypha_http_arguments_parse (&arguments, query->str, NULL, 0, NULL, &error));
  g_assert_no_error (error);

  g_string_append (query, "one=more");
  refuse (query->str, NULL, NULL, HYPHA_ERROR_TOO_LARGE);
}

static void
test_too_deep (void)
{
  g_autoptr (GString) body = g_string_new (NULL);

  for (guint i = 0; i < 10000; i++)
    g_string_append_c (body, '[');
  refuse (NULL, "application/json", body->str, HYPHA_ERROR_TOO_DEEP);
  assert_map ("a=[[[[", NULL, NULL, NULL, "[<'[[[['>] | absent");
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_func ("/net/http-arguments/text", test_text);
  g_test_add_func ("/net/http-arguments/query", test_query);
  g_test_add_func ("/net/http-arguments/control-keys", test_control_keys);
  g_test_add_func ("/net/http-arguments/declared-control-keys", test_declared_control_keys);
  g_test_add_func ("/net/http-arguments/body", test_body);
  g_test_add_func ("/net/http-arguments/refused-name", test_refused_name);
  g_test_add_func ("/net/http-arguments/by-name", test_by_name);
  g_test_add_func ("/net/http-arguments/max-arguments", test_hypha_http_max_arguments);
  g_test_add_func ("/net/http-arguments/too-deep", test_too_deep);

  return g_test_run ();
}
