/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-app-controller-private.h"
#include "test-hub-fixture.h"
#include "test-utils.h"

/* A hub with all that adds methods, no host, and a client with a service “s”. */
typedef struct
{
  Hub                *hub;
  HyphaAppController *apps;
  Client             *client;
  char               *token;
  GVariant           *service;  /* the map of “default” */
} Place;

/* A call with all arguments by position, and what is said however they are given. */
typedef struct
{
  const char *method;
  const char *args;
  const char *says;
} Form;

#define NO_HOST "requires browser environment"

/* Doing any of it again says the same. @TOKEN@ is the client's own. */
static const Form forms[] = {
  { "echo", "[<'x'>]", "'x'" },
  { "log", "[<'x'>]", "@mv nothing" },
  { "info", "[<'x'>]", "@mv nothing" },
  { "warning", "[<'x'>]", "@mv nothing" },
  { "error", "[<'x'>]", "@mv nothing" },
  { "critical", "[<'x'>]", "@mv nothing" },
  { "register_service", "[<{'id': <'new'>}>, <{'overwrite': <true>}>]", "ws-a/a:new" },
  { "unregister_service", "[<'ws-a/b:s'>]",
    "Permission denied: cannot unregister service 'ws-a/b:s'" },
  { "list_clients", "[<'ws-b'>]", "Permission denied for workspace ws-b" },
  { "ping", "[<'gone'>, <int64 3>]", "Failed to ping client ws-a/gone" },
  { "ping_client", "[<'a'>, <int64 100>]", "timeout must be a number" },
  { "get_service", "[<'none'>, <{'mode': <'exact'>}>]", "@mv nothing" },
  { "get_service_info", "[<'a:s'>, <{'mode': <'first'>}>]", "ws-a/a:s" },
  { "list_services", "[<{'id': <'hidden'>}>, <true>, <false>, <false>]", "ws-a/a:hidden" },
  { "generate_token", "[<{'workspace': <'ws-b'>}>]", "ws-b" },
  { "parse_token", "[<'@TOKEN@'>]", "'current_workspace': <'ws-a'>" },
  { "revoke_token", "[<'no token'>]", "Invalid JWT format" },
  { "create_workspace", "[<{'id': <'ws-mine'>}>, <true>]", "'id': <'ws-mine'>" },
  { "delete_workspace", "[<'ws-b'>]", "Permission denied for workspace ws-b" },
  { "set_env", "[<'key'>, <'value'>]", "@mv nothing" },
  { "get_env", "[<'key'>]", "'value'" },
  { "list_workspaces", "[<'none'>, <int64 0>, <int64 1>]", "@av []" },
  { "get_workspace_info", "[<'ws-b'>]", "Permission denied for workspace ws-b" },
  { "check_status", "@av []", "'status': <'ready'>" },
  { "get_summary", "@av []", "'client_count': <int64 1>" },
  { "subscribe", "[<'ws-b/x'>]", "Subscription to event 'ws-b/x' is forbidden" },
  { "unsubscribe", "[<'x'>]", "true" },
  { "emit", "[<'service_added'>, <'x'>]", "event 'service_added' is the core's own" },
  { "on", "[<'x'>, <'no function'>]", "must be" },
  { "off", "[<'x'>, <'no function'>]", "@mv nothing" },
  { "cleanup", "[<'ws-b'>, <int64 3>]", "Permission denied for workspace ws-b" },
  { "log_event", "[<'two words'>, <'x'>]", "without blanks" },
  { "get_events", "[<'none'>, <int64 0>, <int64 1>]", "@av []" },
  { "get_event_stats", "[<'none'>, <'2026-01-01T00:00:00Z'>, <int64 1>]", "@av []" },
  { "register_service_type", "[<{'id': <'t'>}>, <true>]", "ws-a/t" },
  { "get_service_type", "[<'none'>]", "Service type not found: none" },
  { "list_service_types", "[<'ws-b'>]", "Permission denied for workspace ws-b" },
  { "alert", "[<'x'>]", NO_HOST },
  { "confirm", "[<'x'>]", NO_HOST },
  { "prompt", "[<'x'>, <'y'>]", NO_HOST },
  { "show_message", "[<'x'>]", "@mv nothing" },
  { "show_progress", "[<int64 50>]", "@mv nothing" },
  { "load_app", "[<{'src': <'x'>}>, <@a{sv} {}>]", NO_HOST },
  { "load_plugin", "[<{'src': <'x'>}>, <@a{sv} {}>]", NO_HOST },
  { "create_window", "[<{'src': <'x'>}>, <@a{sv} {}>]", NO_HOST },
  { "get_window", "[<'none'>]", "@mv nothing" },
  { "get_app", "[<{'name': <'none'>}>, <@a{sv} {}>]", "@mv nothing" },
  { "get_plugin", "[<{'id': <'none'>}>, <@a{sv} {}>]", "@mv nothing" },
};

static gboolean
place_has_host (gpointer data)
{
  return FALSE;
}

static const HyphaAppHost no_host = {
  .has_host = place_has_host,
};

static void
place_set_up (Place         *place,
              gconstpointer  data)
{
  place->hub = hub_new ();
  place->apps = hypha_app_controller_new (place->hub->manager, place->hub->gate, &no_host, NULL);
  place->token = hub_token (place->hub, "ws-a", "alice");
  place->client = hub_connect (place->hub, "a", place->token);
  client_register (place->client, "s", "protected");
  client_register (place->client, "hidden", "unlisted");
  place->service = hypha_manager_describe (place->hub->manager);
}

static void
place_tear_down (Place         *place,
                 gconstpointer  data)
{
  g_variant_unref (place->service);
  g_free (place->token);
  client_free (place->client);
  hypha_manager_close (place->hub->manager);
  hypha_app_controller_close (place->apps);
  g_object_unref (place->apps);
  hub_free (place->hub);
}

/* The names of the arguments that a method declares, in order; NULL where it is no method. */
static char **
place_dup_params (Place      *place,
                  const char *name)
{
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  g_autoptr (GVariant) schema = NULL;
  g_autoptr (GVariant) parameters = NULL;
  g_autoptr (GVariant) properties = NULL;
  g_autoptr (GVariant) member = g_variant_lookup_value (place->service, name, NULL);
  GVariantIter iter;
  const char *key;

  if (member == NULL || !g_variant_is_of_type (member, G_VARIANT_TYPE_VARDICT) ||
      !g_variant_lookup (member, "_rmethod", "&s", &key))
    return NULL;

  schema = g_variant_lookup_value (member, "_rschema", G_VARIANT_TYPE_VARDICT);
  parameters = g_variant_lookup_value (schema, "parameters", G_VARIANT_TYPE_VARDICT);
  properties = g_variant_lookup_value (parameters, "properties", G_VARIANT_TYPE_VARDICT);
  g_variant_iter_init (&iter, properties);
  while (g_variant_iter_next (&iter, "{&sv}", &key, NULL))
    g_strv_builder_add (names, key);

  return g_strv_builder_end (names);
}

static void
test_schemas (Place         *place,
              gconstpointer  data)
{
  for (gsize i = 0; i < G_N_ELEMENTS (forms); i++)
    {
      g_autoptr (GVariant) member = g_variant_lookup_value (place->service, forms[i].method, NULL);
      g_autoptr (GVariant) schema = NULL;
      g_autoptr (GVariant) parameters = NULL;
      const char *text = "";

      g_assert_nonnull (member);
      schema = g_variant_lookup_value (member, "_rschema", G_VARIANT_TYPE_VARDICT);
      g_assert_nonnull (schema);
      g_assert_true (g_variant_lookup (schema, "name", "&s", &text));
      g_assert_cmpstr (text, ==, forms[i].method);
      g_assert_true (g_variant_lookup (schema, "description", "&s", &text));
      g_assert_cmpstr (text, !=, "");
      parameters = g_variant_lookup_value (schema, "parameters", G_VARIANT_TYPE_VARDICT);
      g_assert_true (g_variant_lookup (parameters, "type", "&s", &text));
      g_assert_cmpstr (text, ==, "object");
    }
}

/* The arguments that are given here have the types that the schemas promise. */
static gboolean
is_of_type (GVariant   *value,
            const char *type)
{
  if (g_str_equal (type, "string"))
    return g_variant_is_of_type (value, G_VARIANT_TYPE_STRING);
  if (g_str_equal (type, "boolean"))
    return g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN);
  if (g_str_equal (type, "object"))
    return g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT);
  if (g_str_equal (type, "array"))
    return g_variant_is_of_type (value, G_VARIANT_TYPE ("av"));

  g_assert_true (g_str_equal (type, "integer") || g_str_equal (type, "number"));
  return g_variant_is_of_type (value, G_VARIANT_TYPE_INT64);
}

static gboolean
is_of_types (GVariant *value,
             GVariant *types)
{
  GVariantIter iter;
  GVariant *type;
  gboolean ok = FALSE;

  if (g_variant_is_of_type (types, G_VARIANT_TYPE_STRING))
    return is_of_type (value, g_variant_get_string (types, NULL));

  g_variant_iter_init (&iter, types);
  while (g_variant_iter_next (&iter, "v", &type))
    {
      ok = ok || is_of_type (value, g_variant_get_string (type, NULL));
      g_variant_unref (type);
    }

  return ok;
}

static void
test_types (Place         *place,
            gconstpointer  data)
{
  for (gsize i = 0; i < G_N_ELEMENTS (forms); i++)
    {
      g_autoptr (GVariant) member = g_variant_lookup_value (place->service, forms[i].method, NULL);
      g_autoptr (GVariant) schema = g_variant_lookup_value (member, "_rschema", NULL);
      g_autoptr (GVariant) parameters = g_variant_lookup_value (schema, "parameters", NULL);
      g_autoptr (GVariant) properties = g_variant_lookup_value (parameters, "properties", NULL);
      g_autoptr (GVariant) args = g_variant_ref_sink (g_variant_new_parsed (forms[i].args));

      for (gsize n = 0; n < g_variant_n_children (args); n++)
        {
          g_autoptr (GVariant) property = NULL;
          g_autoptr (GVariant) types = NULL;
          g_autoptr (GVariant) value = NULL;

          g_variant_get_child (args, n, "v", &value);
          g_variant_get_child (properties, n, "{&sv}", NULL, &property);
          types = g_variant_lookup_value (property, "type", NULL);
          if (types != NULL && !is_of_types (value, types) &&
              strstr (forms[i].says, "must be") == NULL && !g_str_equal (forms[i].method, "off"))
            g_error ("%s: argument %" G_GSIZE_FORMAT " is of another type", forms[i].method, n);
        }
    }
}

/* Calls with the first n_positional arguments by position and the others by name. */
static void
place_call (Place      *place,
            const Form *form,
            GVariant   *args,
            char      **params,
            gsize       n_positional)
{
  g_autoptr (GVariant) answer = NULL;
  g_autofree char *error = NULL;
  g_autofree char *text = NULL;
  GVariantBuilder positional;
  GVariantDict named;

  g_variant_builder_init (&positional, G_VARIANT_TYPE ("av"));
  g_variant_dict_init (&named, NULL);
  for (gsize i = 0; i < g_variant_n_children (args); i++)
    {
      g_autoptr (GVariant) value = NULL;

      g_variant_get_child (args, i, "v", &value);
      if (i < n_positional)
        g_variant_builder_add (&positional, "v", value);
      else
        g_variant_dict_insert_value (&named, params[i], value);
    }

  answer = client_call_named (place->client, form->method, g_variant_builder_end (&positional),
                              g_variant_dict_end (&named), &error);
  text = answer != NULL ? g_variant_print (answer, TRUE) : g_strdup (error);
  if (strstr (text, form->says) == NULL)
    g_error ("%s with %" G_GSIZE_FORMAT " arguments by position: “%s” does not say “%s”",
             form->method, n_positional, text, form->says);
}

static void
test_forms (Place         *place,
            gconstpointer  data)
{
  for (gsize i = 0; i < G_N_ELEMENTS (forms); i++)
    {
      g_auto (GStrv) parts = g_strsplit (forms[i].args, "@TOKEN@", 2);
      g_autofree char *text = g_strjoinv (place->token, parts);
      g_autoptr (GVariant) args = g_variant_parse (G_VARIANT_TYPE ("av"), text, NULL, NULL, NULL);
      g_auto (GStrv) params = place_dup_params (place, forms[i].method);

      if (params == NULL)
        g_error ("the service has no method “%s”", forms[i].method);

      g_assert_cmpuint (g_variant_n_children (args), ==, g_strv_length (params));
      for (gsize n = 0; n <= g_variant_n_children (args); n++)
        place_call (place, &forms[i], args, params, n);
    }
}

static void
test_all_tried (Place         *place,
                gconstpointer  data)
{
  GVariantIter iter;
  const char *name;
  gsize n = 0;

  g_variant_iter_init (&iter, place->service);
  while (g_variant_iter_next (&iter, "{&sv}", &name, NULL))
    {
      g_auto (GStrv) params = place_dup_params (place, name);

      n += params != NULL;
    }

  g_assert_cmpuint (n, ==, G_N_ELEMENTS (forms));
}

#define add(path, func) \
  g_test_add (path, Place, NULL, place_set_up, func, place_tear_down)

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  add ("/hub/manager-methods/schemas", test_schemas);
  add ("/hub/manager-methods/types", test_types);
  add ("/hub/manager-methods/forms", test_forms);
  add ("/hub/manager-methods/all-tried", test_all_tried);
  return g_test_run ();
}
