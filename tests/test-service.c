/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-name-private.h"
#include "hypha-service-info-private.h"
#include "test-pair.h"
#include "test-utils.h"

static void
serve_path (HyphaInvocation *invocation,
            gpointer         data)
{
  hypha_invocation_return (invocation, g_variant_new_string (data));
}

/* A function that answers with the path it was added at. */
static void
add (HyphaService *service,
     const char   *path,
     const char   *params)
{
  hypha_service_add_function (service, path, params, params != NULL ? "Adds." : NULL, NULL,
                              serve_path, g_strdup (path), g_free);
}

static void
count_free (gpointer data)
{
  (*(guint *) data)++;
}

/* Members of every kind. */
static HyphaService *
make_service (const char *config)
{
  g_autoptr (GVariant) parsed = g_variant_parse (NULL, config, NULL, NULL, NULL);
  HyphaService *service = hypha_service_new ("calc", "Calc", "adds", "generic", parsed);

  add (service, "add", "a, b");
  hypha_service_add_function (service, "math.getHTTP", NULL, NULL,
                              g_variant_new_parsed ("{'type': <'object'>}"), serve_path,
                              (gpointer) "math.getHTTP", NULL);
  add (service, "my_fn", NULL);
  add (service, "arr.0", NULL);
  hypha_service_add_value (service, "arr.1", g_variant_new_string ("one"));
  hypha_service_add_value (service, "math.pi", g_variant_new_double (3.25));
  hypha_service_add_value (service, "list", g_variant_new_parsed ("[<1>, <true>, <@mv nothing>]"));
  hypha_service_add_value (service, "map", g_variant_new_parsed ("{'deep': <{'x': <'y'>}>}"));
  hypha_service_add_value (service, "blob", g_variant_new_parsed ("@ay [1, 2]"));
  return service;
}

static GVariant *
dig (GVariant   *value,
     const char *path)
{
  g_auto (GStrv) keys = g_strsplit (path, "/", -1);
  GVariant *found = g_variant_ref (value);

  for (guint i = 0; keys[i] != NULL; i++)
    {
      g_autoptr (GVariant) outer = found;

      found = NULL;
      if (g_variant_is_of_type (outer, G_VARIANT_TYPE ("av")))
        g_variant_get_child (outer, (gsize) g_ascii_strtoull (keys[i], NULL, 10), "v", &found);
      else
        found = g_variant_lookup_value (outer, keys[i], NULL);
      g_assert_nonnull (found);
    }

  return found;
}

static void
assert_dug (GVariant   *value,
            const char *path,
            const char *expected)
{
  g_autoptr (GVariant) found = dig (value, path);

  pair_assert_value (found, expected);
}

static void
test_service_describe (void)
{
  g_autoptr (HyphaService) service = make_service ("{'visibility': <'public'>}");
  g_autoptr (GVariant) map = hypha_service_describe (service, "ws-a/one", "http://h:1");

  assert_dug (map, "id", "'calc'");
  assert_dug (map, "config/visibility", "'public'");
  assert_dug (map, "add/_rtype", "'method'");
  assert_dug (map, "add/_rtarget", "'ws-a/one'");
  assert_dug (map, "add/_rmethod", "'services.calc.add'");
  assert_dug (map, "add/_rpromise", "'*'");
  assert_dug (map, "add/_rdoc", "'Adds.'");
  assert_dug (map, "add/_rschema/name", "'add'");
  assert_dug (map, "add/_rschema/description", "'Adds.'");
  assert_dug (map, "add/_rschema/parameters/type", "'object'");
  assert_dug (map, "add/_rschema/parameters/properties", "{'a': <@a{sv} {}>, 'b': <@a{sv} {}>}");
  assert_dug (map, "math/getHTTP/_rmethod", "'services.calc.math.getHTTP'");
  assert_dug (map, "math/getHTTP/_rdoc", "@mv nothing");
  assert_dug (map, "math/pi", "3.25");
  assert_dug (map, "arr/0/_rmethod", "'services.calc.arr.0'");
  assert_dug (map, "arr/1", "'one'");
  assert_dug (map, "map/deep/x", "'y'");
}

static void
test_service_record (void)
{
  g_autoptr (HyphaService) service = make_service ("{'visibility': <'unlisted'>}");
  g_autoptr (GVariant) record = g_variant_ref_sink (hypha_service_dup_record (service));
  g_autoptr (HyphaServiceInfo) info = NULL;
  g_autoptr (GError) error = NULL;

  assert_dug (record, "id", "'calc'");
  assert_dug (record, "service_schema/add/type", "'function'");
  assert_dug (record, "service_schema/add/function/name", "'add'");
  assert_dug (record, "service_schema/math/getHTTP/function/parameters", "{'type': <'object'>}");
  assert_dug (record, "service_schema/math/pi", "{'type': <'number'>}");
  assert_dug (record, "service_schema/arr/0/type", "'function'");
  assert_dug (record, "service_schema/arr/1", "{'type': <'string'>}");
  assert_dug (record, "service_schema/list",
              "[<{'type': <'number'>}>, <{'type': <'boolean'>}>, <{'type': <'null'>}>]");
  assert_dug (record, "service_schema/map", "{'deep': <{'x': <{'type': <'string'>}>}>}");
  assert_dug (record, "service_schema/blob", "@a{sv} {}");

  info = hypha_service_info_new ("ws-a", "one", "calc", record, &error);
  g_assert_no_error (error);
  g_assert_true (hypha_service_info_is_unlisted (info));
}

/* Parameters with types say so, and which have to be there. */
static void
test_service_types_of_parameters (void)
{
  g_autoptr (HyphaService) service = make_service ("{'visibility': <'public'>}");
  g_autoptr (GVariant) record = NULL;

  add (service, "typed", "a: string, b?: integer|object, c?, d");
  record = g_variant_ref_sink (hypha_service_dup_record (service));
  assert_dug (record, "service_schema/typed/function/parameters/properties",
              "{'a': <{'type': <'string'>}>, 'b': <{'type': <[<'integer'>, <'object'>]>}>,"
              " 'c': <@a{sv} {}>, 'd': <@a{sv} {}>}");
  assert_dug (record, "service_schema/typed/function/parameters/required", "[<'a'>]");
}

static void
test_service_authorized_workspaces (void)
{
  g_autoptr (HyphaService) open = NULL;
  g_autoptr (HyphaService) shared = NULL;
  g_autoptr (HyphaService) plain = NULL;
  g_autoptr (GVariant) record = NULL;
  g_autoptr (GError) error = NULL;

  open = make_service ("{'visibility': <'public'>, 'authorized_workspaces': <[<'ws-b'>]>}");
  record = g_variant_ref_sink (hypha_service_dup_record (open));
  g_assert_null (hypha_service_info_new ("ws-a", "one", "calc", record, &error));
  g_assert_nonnull (error);
  g_assert_cmpstr (error->message, ==, "authorized_workspaces can only be set when visibility is "
                                       "'protected', got visibility='public'");

  shared = make_service ("{'authorized_workspaces': <[<'ws-b'>]>}");
  g_assert_true (hypha_service_admits (shared, "ws-a", "ws-a"));
  g_assert_true (hypha_service_admits (shared, "ws-a", "ws-b"));
  g_assert_false (hypha_service_admits (shared, "ws-a", "ws-c"));
  plain = make_service ("{'authorized_workspaces': <['ws-b']>, 'visibility': <'protected'>}");
  g_assert_true (hypha_service_admits (plain, "ws-a", "ws-b"));
  g_assert_false (hypha_service_admits (plain, "ws-a", ""));
}

static void
assert_called (Pair       *pair,
               const char *path,
               const char *expected)
{
  g_autofree char *method = g_strconcat ("services.calc.", path, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = pair_call (pair->two, "ws-a/one", method, NULL, &error);

  if (expected == NULL)
    {
      g_assert_null (value);
      g_assert_nonnull (strstr (error->message, "Method not found"));
      return;
    }

  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (value, NULL), ==, expected);
}

static void
test_service_paths (void)
{
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (HyphaService) service = make_service ("{'visibility': <'unlisted'>}");

  hypha_rpc_add_service (pair->one, service);
  assert_called (pair, "add", "add");
  assert_called (pair, "math.getHTTP", "math.getHTTP");
  assert_called (pair, "math.get_h_t_t_p", "math.getHTTP");
  assert_called (pair, "my_fn", "my_fn");
  assert_called (pair, "myFn", "my_fn");
  assert_called (pair, "arr.0", "arr.0");
  assert_called (pair, "arr.1", NULL);
  assert_called (pair, "math", NULL);
  assert_called (pair, "math.pi", NULL);
  assert_called (pair, "", NULL);
  assert_called (pair, "add.", NULL);

  /* A spelling of its own goes before that of another. */
  add (service, "myFn", NULL);
  assert_called (pair, "myFn", "myFn");
  assert_called (pair, "my_fn", "my_fn");
  pair_assert_clean (pair);
}

static void
test_service_replaced (void)
{
  g_autoptr (HyphaService) service = make_service ("@a{sv} {}");
  g_autoptr (HyphaHandler) gone = NULL;
  g_autoptr (GVariant) map = NULL;
  guint n_freed = 0;

  hypha_service_add_function (service, "f", NULL, NULL, NULL, serve_path, &n_freed, count_free);
  g_clear_pointer (&gone, hypha_handler_unref);
  gone = hypha_service_dup_handler (service, "f");
  g_assert_nonnull (gone);
  hypha_service_add_value (service, "f", g_variant_new_boolean (TRUE));
  g_assert_cmpuint (n_freed, ==, 0);
  g_clear_pointer (&gone, hypha_handler_unref);
  g_assert_cmpuint (n_freed, ==, 1);
  g_assert_null (hypha_service_dup_handler (service, "f"));

  /* A value that gets members becomes a group. */
  hypha_service_add_value (service, "f.x", g_variant_new_int64 (1));
  map = hypha_service_describe (service, "ws-a/one", "");
  assert_dug (map, "f", "{'x': <int64 1>}");
}

static void
assert_denied (HyphaRpc   *rpc,
               const char *expected)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (pair_call (rpc, "ws-a/one", "services.calc.add", NULL, &error));
  g_assert_cmpstr (error->message, ==, expected);
}

static void
test_service_access (void)
{
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (HyphaService) service = make_service ("@a{sv} {}");
  g_autoptr (HyphaService) shared = make_service ("{'authorized_workspaces': <[<'ws-b'>]>}");
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) map = NULL;
  g_autoptr (GVariant) value = NULL;

  hypha_rpc_add_service (pair->one, service);
  assert_denied (pair->two, "Permission denied for invoking protected method "
                            "ws-b/two:services.calc.add, workspace mismatch: ws-a != ws-b");
  g_assert_null (pair_call (pair->two, "ws-a/one", "services.built-in.get_service",
                            g_variant_new_parsed ("[<'calc'>]"), &error));
  g_assert_cmpstr (error->message, ==, "Permission denied for getting protected service: calc, "
                                       "workspace mismatch: ws-a != ws-b");
  g_clear_error (&error);

  hypha_rpc_add_service (pair->one, shared);
  assert_called (pair, "add", "add");
  map = pair_call (pair->two, "ws-a/one", "services.built-in.get_service",
                   g_variant_new_parsed ("[<'calc'>]"), &error);
  g_assert_no_error (error);
  assert_dug (map, "add/_rname", "'add'");

  g_assert_true (hypha_rpc_remove_service (pair->one, "calc"));
  g_assert_false (hypha_rpc_remove_service (pair->one, "calc"));
  value = pair_call (pair->two, "ws-a/one", "services.built-in.get_service",
                     g_variant_new_parsed ("[<'calc'>]"), &error);
  g_assert_null (value);
  g_assert_cmpstr (error->message, ==, "Service not found: calc");
  pair_assert_clean (pair);
}

/* A service that trusts keys serves nobody without one: not its own workspace, nor the manager. */
static void
test_service_trusted_keys (void)
{
  static const char *const configs[] = {
    "{'trusted_keys': <['ab']>, 'visibility': <'public'>}",
    "{'trusted_keys': <[<'ab'>]>}",
    "{'trusted_keys': <'ab'>}",
  };
  static const char *const open[] = {
    "{'trusted_keys': <@as []>, 'visibility': <'public'>}",
    "{'trusted_keys': <@av []>, 'visibility': <'public'>}",
    "{'trusted_keys': <@mv nothing>, 'visibility': <'public'>}",
  };
  g_autoptr (Pair) pair = pair_new ();

  for (guint i = 0; i < G_N_ELEMENTS (configs); i++)
    {
      g_autoptr (HyphaService) service = make_service (configs[i]);

      hypha_rpc_add_service (pair->one, service);
      assert_denied (pair->one, "Encryption required for method ws-a/one:services.calc.add "
                                "(trusted_keys is set)");
    }

  for (guint i = 0; i < G_N_ELEMENTS (open); i++)
    {
      g_autoptr (HyphaService) service = make_service (open[i]);

      hypha_rpc_add_service (pair->one, service);
      assert_called (pair, "add", "add");
    }

  pair_assert_clean (pair);
}

static void
test_service_require_context (void)
{
  g_autoptr (HyphaService) all = make_service ("{'require_context': <true>}");
  g_autoptr (HyphaService) some = make_service ("{'require_context': <[<'add'>, <'math.x'>]>}");
  g_autoptr (HyphaService) none = make_service ("{'require_context': <false>}");

  g_assert_true (hypha_service_wants_context (all, "add"));
  g_assert_true (hypha_service_wants_context (some, "math.x"));
  g_assert_false (hypha_service_wants_context (some, "my_fn"));
  g_assert_false (hypha_service_wants_context (none, "add"));
}

static void
assert_spellings (const char *name,
                  const char *snake,
                  const char *camel)
{
  g_autofree char *to_snake = hypha_name_path_to_snake (name);
  g_autofree char *to_camel = hypha_name_path_to_camel (name);

  g_assert_cmpstr (to_snake, ==, snake);
  g_assert_cmpstr (to_camel, ==, camel);
}

static void
test_service_spellings (void)
{
  assert_spellings ("getHTTP", "get_h_t_t_p", "getHTTP");
  assert_spellings ("my_fn", "my_fn", "myFn");
  assert_spellings ("my_Fn", "my_Fn", "myFn");
  assert_spellings ("plain", "plain", "plain");
  assert_spellings ("trailing_", "trailing_", "trailing_");
  assert_spellings ("a__b", "a__b", "a_b");
  assert_spellings ("app_id", "app_id", "app_id");
  assert_spellings ("aB.c_d.app_id", "a_b.c_d.app_id", "aB.cD.app_id");
  assert_spellings ("", "", "");
}

/* The context is the envelope: nothing of the second segment gets into it. */
static void
test_service_context (void)
{
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (GVariant) args = g_variant_ref_sink (g_variant_new ("av", NULL));
  g_autoptr (GVariant) extra = NULL;
  g_autoptr (GBytes) message = NULL;
  HyphaRpcCall call;
  HyphaMessage parsed;
  g_autoptr (GError) error = NULL;

  extra = g_variant_ref_sink (g_variant_new_parsed ("{'args': <@av []>, 'user': <'root'>,"
                                                    " 'from': <'ws-a/root'>}"));
  message = hypha_rpc_codec_message ("ws-b/two", "ws-a/one", "services.calc.add", "s", NULL, extra);
  g_assert_true (hypha_message_parse (&parsed, g_bytes_get_data (message, NULL),
                                      g_bytes_get_size (message), NULL));
  g_assert_true (hypha_rpc_call_decode (&call, &parsed, message, &error));
  assert_dug (call.context, "from", "'ws-b/two'");
  g_assert_null (g_variant_lookup_value (call.context, "user", NULL));
  g_assert_null (g_variant_lookup_value (call.context, "args", NULL));
  hypha_rpc_call_clear (&call);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/rpc/service/types-of-parameters", test_service_types_of_parameters);
  g_test_add_func ("/rpc/service/describe", test_service_describe);
  g_test_add_func ("/rpc/service/record", test_service_record);
  g_test_add_func ("/rpc/service/authorized-workspaces", test_service_authorized_workspaces);
  g_test_add_func ("/rpc/service/paths", test_service_paths);
  g_test_add_func ("/rpc/service/replaced", test_service_replaced);
  g_test_add_func ("/rpc/service/access", test_service_access);
  g_test_add_func ("/rpc/service/trusted-keys", test_service_trusted_keys);
  g_test_add_func ("/rpc/service/require-context", test_service_require_context);
  g_test_add_func ("/rpc/service/spellings", test_service_spellings);
  g_test_add_func ("/rpc/service/context", test_service_context);
  return g_test_run ();
}
