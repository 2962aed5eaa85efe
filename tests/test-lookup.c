/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-lookup-private.h"
#include "hypha-peer-private.h"
#include "hypha-query-private.h"
#include "test-hub-fixture.h"
#include "test-utils.h"

/* A workspace with providers in this process, each with a service “s” whose f() returns a number. */
typedef struct
{
  Hub              *hub;
  Client           *caller;
  HyphaLocalClient *providers[3];
} Place;

static void
serve_number (HyphaInvocation *invocation,
              gpointer         data)
{
  hypha_invocation_return (invocation, g_variant_new_int64 (GPOINTER_TO_INT (data)));
}

static void
serve_never (HyphaInvocation *invocation,
             gpointer         data)
{
  GPtrArray *kept = data;

  g_ptr_array_add (kept, hypha_invocation_ref (invocation));
}

static HyphaService *
new_service (const char *id)
{
  return hypha_service_new (id, id, "", "generic",
                            g_variant_new_parsed ("{'visibility': <'public'>,"
                                                  " 'authorized_workspaces': <@mv nothing>}"));
}

static HyphaLocalClient *
add_service (Hub        *hub,
             const char *client,
             const char *id,
             int         number)
{
  g_autoptr (HyphaUserInfo) user = hypha_user_info_new ("bob", NULL, NULL, NULL, 0, FALSE);
  HyphaLocalClient *local = hypha_local_client_new (hub->router, "ws-a", client, user, "");
  g_autoptr (HyphaService) service = new_service (id);
  g_autoptr (GError) error = NULL;

  if (number != 0)
    hypha_service_add_function (service, "f", NULL, NULL, NULL, serve_number,
                                GINT_TO_POINTER (number), NULL);
  hypha_local_client_register (local, hub->registry, service, &error);
  g_assert_no_error (error);
  return local;
}

static HyphaLocalClient *
add_provider (Hub        *hub,
              const char *client,
              int         number)
{
  return add_service (hub, client, "s", number);
}

static Place *
place_new (void)
{
  Place *place = g_new0 (Place, 1);
  g_autofree char *token = NULL;

  place->hub = hub_new ();
  place->providers[0] = add_provider (place->hub, "p1__rlb", 20);
  place->providers[1] = add_provider (place->hub, "p2__rlb", 10);
  place->providers[2] = add_provider (place->hub, "p3__rlb", 0);
  token = hub_token (place->hub, "ws-a", "alice");
  place->caller = hub_connect (place->hub, "c", token);
  return place;
}

static void
place_free (Place *place)
{
  client_free (place->caller);
  for (gsize i = 0; i < G_N_ELEMENTS (place->providers); i++)
    hypha_local_client_free (place->providers[i]);
  hub_free (place->hub);
  g_free (place);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Place, place_free)

/* What a query finds: an id, or NULL for null. */
static char *
find (Client     *client,
      const char *args)
{
  g_autofree char *error = NULL;
  g_autoptr (GVariant) found = client_call_manager (client, "get_service",
                                                    g_variant_new_parsed (args), &error);
  char *id = NULL;

  if (error != NULL)
    g_error ("%s: %s", args, error);
  if (!hypha_rpc_codec_is_null (found))
    g_assert_true (g_variant_lookup (found, "id", "s", &id));
  return id;
}

static void
assert_finds (Client     *client,
              const char *args,
              const char *wanted)
{
  g_autofree char *id = find (client, args);

  if (g_strcmp0 (id, wanted) != 0)
    g_error ("%s finds %s, not %s", args, id, wanted);
}

static void
test_lookup_modes (void)
{
  g_autoptr (Place) place = place_new ();
  g_autofree char *random = NULL;

  assert_finds (place->caller, "[<'s'>]", "ws-a/p1__rlb:s");
  assert_finds (place->caller, "[<'s'>, <{'mode': <'first'>}>]", "ws-a/p1__rlb:s");
  assert_finds (place->caller, "[<'s'>, <{'mode': <'default'>}>]", "ws-a/p1__rlb:s");
  assert_finds (place->caller, "[<'s'>, <{'mode': <'what'>}>]", "ws-a/p1__rlb:s");
  assert_finds (place->caller, "[<'s'>, <{'mode': <@mv nothing>}>]", "ws-a/p1__rlb:s");
  assert_finds (place->caller, "[<'s'>, <{'mode': <'last'>}>]", "ws-a/p3__rlb:s");
  random = find (place->caller, "[<'s'>, <{'mode': <'random'>}>]");
  g_assert_true (g_str_has_prefix (random, "ws-a/p"));
  client_assert_refused (place->caller, "get_service", "[<'s'>, <{'mode': <'exact'>}>]",
                         "Multiple services found for ");
  assert_finds (place->caller, "[<'p2__rlb:s'>, <{'mode': <'exact'>}>]", "ws-a/p2__rlb:s");
}

static void
test_lookup_min_load (void)
{
  g_autoptr (Place) place = place_new ();

  for (guint i = 0; i < 3; i++)
    {
      g_variant_unref (client_call (place->caller, "ws-a/p1__rlb", "services.s.f",
                                    g_variant_new ("av", NULL), NULL));
      if (i > 0)
        g_variant_unref (client_call (place->caller, "ws-a/p2__rlb", "services.s.f",
                                      g_variant_new ("av", NULL), NULL));
      client_call (place->caller, "ws-a/p3__rlb", "services.s.f", g_variant_new ("av", NULL), NULL);
    }

  assert_finds (place->caller, "[<'s'>, <{'mode': <'min_load'>}>]", "ws-a/p2__rlb:s");
}

static void
test_lookup_select (void)
{
  g_autoptr (Place) place = place_new ();
  g_autofree char *id = NULL;
  g_autofree char *first = NULL;

  assert_finds (place->caller, "[<'s'>, <{'mode': <'select:min:f'>}>]", "ws-a/p2__rlb:s");
  assert_finds (place->caller, "[<'s'>, <{'mode': <'select:max:f'>}>]", "ws-a/p1__rlb:s");
  first = find (place->caller, "[<'s'>, <{'mode': <'select:first_success:f'>}>]");
  g_assert_cmpstr (first, !=, "ws-a/p3__rlb:s");

  /* Nobody has it: any will do. */
  id = find (place->caller, "[<'s'>, <{'mode': <'select:min:none'>}>]");
  g_assert_nonnull (id);
  client_assert_refused (place->caller, "get_service", "[<'s'>, <{'mode': <'select:min'>}>]",
                         "Invalid select mode format: select:min. Expected 'select:criteria:function'");
  client_assert_refused (place->caller, "get_service", "[<'s'>, <{'mode': <'select:min:a b'>}>]",
                         "Invalid select mode format");
  client_assert_refused (place->caller, "get_service", "[<'s'>, <{'mode': <'select:best:f'>}>]",
                         "Unknown selection criteria: best");
}

/* One candidate does not answer: after select_timeout it is left out. */
static void
test_lookup_select_timeout (void)
{
  g_autoptr (Place) place = place_new ();
  g_autoptr (HyphaService) service = new_service ("s");
  g_autoptr (GPtrArray) kept = g_ptr_array_new_with_free_func (
    (GDestroyNotify) hypha_invocation_unref);
  g_autoptr (GError) error = NULL;

  hypha_service_add_function (service, "f", NULL, NULL, NULL, serve_never, kept, NULL);
  g_assert_true (hypha_local_client_register (place->providers[1], place->hub->registry, service,
                                              &error));
  assert_finds (place->caller,
                "[<'s'>, <{'mode': <'select:min:f'>, 'select_timeout': <0.1>}>]",
                "ws-a/p1__rlb:s");
  g_assert_cmpuint (kept->len, ==, 1);
}

/* Who has too many providers asked at once finds what it finds, but nobody is asked for it. */
static void
test_lookup_select_max_asked (void)
{
  g_autoptr (Place) place = place_new ();
  HyphaShares *asked = hypha_manager_get_asked (place->hub->manager);
  g_autoptr (HyphaService) service = new_service ("s");
  g_autoptr (GPtrArray) called = g_ptr_array_new_with_free_func (
    (GDestroyNotify) hypha_invocation_unref);
  g_autofree char *token = hub_token (place->hub, "ws-a", "bob");
  g_autoptr (Client) bob = hub_connect (place->hub, "bob", token);
  g_autofree char *id = NULL;
  const char *query = "[<'s'>, <{'mode': <'select:max:f'>}>]";

  assert_finds (place->caller, query, "ws-a/p1__rlb:s");
  g_assert_cmpuint (hypha_shares_get_n (asked), ==, 0);
  hypha_shares_take (asked, "alice", HYPHA_SELECTION_MAX_ASKED_ACCOUNT);
  assert_finds (bob, query, "ws-a/p1__rlb:s");
  hypha_service_add_function (service, "f", NULL, NULL, NULL, serve_never, called, NULL);
  g_assert_true (hypha_local_client_register (place->providers[1], place->hub->registry, service,
                                              NULL));
  id = find (place->caller, query);
  g_assert_nonnull (id);
  g_assert_cmpuint (called->len, ==, 0);
  g_assert_cmpuint (hypha_shares_get_n (asked), ==, HYPHA_SELECTION_MAX_ASKED_ACCOUNT);
  hypha_shares_give_back (asked, "alice", HYPHA_SELECTION_MAX_ASKED_ACCOUNT);
}

/* A stranger cannot have the manager call functions in its name. */
static void
test_lookup_select_by_stranger (void)
{
  g_autoptr (Place) place = place_new ();
  g_autoptr (HyphaService) service = new_service ("s");
  g_autoptr (GPtrArray) called = g_ptr_array_new_with_free_func (
    (GDestroyNotify) hypha_invocation_unref);
  g_autoptr (Client) stranger = hub_connect (place->hub, "x", NULL);
  g_autofree char *id = NULL;

  hypha_service_add_function (service, "f", NULL, NULL, NULL, serve_never, called, NULL);
  g_assert_true (hypha_local_client_register (place->providers[1], place->hub->registry, service,
                                              NULL));
  id = find (stranger, "[<'ws-a/*:s'>, <{'mode': <'select:min:f'>}>]");
  g_assert_nonnull (id);
  g_assert_cmpuint (called->len, ==, 0);
}

static void
test_lookup_patterns (void)
{
  g_autoptr (Place) place = place_new ();

  assert_finds (place->caller, "[<'p2*:s'>]", "ws-a/p2__rlb:s");
  assert_finds (place->caller, "[<'*3*:s'>]", "ws-a/p3__rlb:s");
  assert_finds (place->caller, "[<'ws-*/p*:s'>]", "ws-a/p1__rlb:s");
  assert_finds (place->caller, "[<'ws-b*/p*:s'>]", NULL);
  assert_finds (place->caller, "[<'~'>]", "default");
  assert_finds (place->caller, "[<'ws'>]", "default");
  assert_finds (place->caller, "[<'ws-a/~'>]", "default");
  assert_finds (place->caller, "[<'my-test/ws'>]", "default");
  assert_finds (place->caller, "[<{'service_id': <'my-test/~'>}>]", "default");
  assert_finds (place->caller, "[<{'id': <'s'>, 'client_id': <'p2__rlb'>}>]", "ws-a/p2__rlb:s");
  assert_finds (place->caller, "[<{'service_id': <'s'>, 'workspace': <'*'>}>]", "ws-a/p1__rlb:s");
  assert_finds (place->caller, "[<'s@none'>]", NULL);
  client_assert_refused (place->caller, "get_service", "[<'p1__rlb:s x'>]",
                         "Invalid characters in query part: s x");
  client_assert_refused (place->caller, "get_service", "[<'ws-a/p1__rlb:s@app'>]",
                         "App id mismatch: app != *");
  client_assert_refused (place->caller, "get_service",
                         "[<{'id': <'p1__rlb:s'>, 'client_id': <'p2__rlb'>}>]",
                         "client_id (p2__rlb) does not match service_id (p1__rlb)");
  client_assert_refused (place->caller, "get_service", "[<int64 1>]",
                         "Service ID must be a string");
  client_assert_refused (place->caller, "get_service", "[<'a/b/c'>]", "at most one '/'");
}

/* Who may only look cannot put its own in the place of a service, by calling itself like it. */
static void
test_lookup_service_before_default (void)
{
  g_autoptr (Place) place = place_new ();
  g_autoptr (HyphaLocalClient) thief = add_service (place->hub, "s", "default", 0);
  g_autoptr (HyphaLocalClient) plugin = add_service (place->hub, "plugin", "default", 0);

  assert_finds (place->caller, "[<'ws-a/s'>]", "ws-a/p1__rlb:s");
  assert_finds (place->caller, "[<'ws-a/plugin'>]", "ws-a/plugin:default");
}

static void
test_lookup_glob (void)
{
  g_autoptr (GString) bad = g_string_new ("");
  g_autofree char *text = g_strnfill (HYPHA_ADDRESS_MAX_NAME, 'a');

  g_assert_true (hypha_query_glob ("*", ""));
  g_assert_true (hypha_query_glob ("a*b*c", "axxbxxc"));
  g_assert_true (hypha_query_glob ("*ab", "aab"));
  g_assert_false (hypha_query_glob ("a*b", "axc"));
  g_assert_false (hypha_query_glob ("", "a"));
  g_assert_true (hypha_query_glob ("?", "?"));
  g_assert_false (hypha_query_glob ("?", "a"));

  /* What takes other matchers years. */
  for (guint i = 0; i < 60; i++)
    g_string_append (bad, "a*");
  g_string_append_c (bad, 'b');
  g_assert_false (hypha_query_glob (bad->str, text));
}

/* The forms of arguments: by position, by name, both; a bare number for the options. */
static void
test_lookup_arguments (void)
{
  g_autoptr (Place) place = place_new ();
  g_autoptr (GVariant) named = NULL;
  g_autoptr (GVariant) mixed = NULL;
  g_autoptr (GVariant) schema = NULL;
  g_autoptr (GVariant) info = NULL;
  const char *id = NULL;

  named = client_call_named (place->caller, "get_service", g_variant_new ("av", NULL),
                             g_variant_new_parsed ("{'service_id': <'s'>, 'config':"
                                                   " <{'mode': <'last'>}>}"), NULL);
  g_assert_true (g_variant_lookup (named, "id", "&s", &id));
  g_assert_cmpstr (id, ==, "ws-a/p3__rlb:s");
  mixed = client_call_named (place->caller, "get_service", g_variant_new_parsed ("[<'s'>]"),
                             g_variant_new_parsed ("{'config': <{'mode': <'last'>}>}"), NULL);
  g_assert_true (g_variant_lookup (mixed, "id", "&s", &id));
  g_assert_cmpstr (id, ==, "ws-a/p3__rlb:s");
  assert_finds (place->caller, "[<'s'>, <int64 3>]", "ws-a/p1__rlb:s");
  assert_finds (place->caller, "[<'s'>, <{'timeout': <2.5>, 'skipTimeout': <true>,"
                               " 'case_conversion': <'camel'>}>]", "ws-a/p1__rlb:s");
  client_assert_refused (place->caller, "get_service", "[<'s'>, <{'timeout': <'soon'>}>]",
                         "timeout must be a number of seconds greater than 0");
  client_assert_refused (place->caller, "get_service", "[<'s'>, <{'select_timeout': <int64 -1>}>]",
                         "select_timeout must be a number of seconds greater than 0");
  info = client_call_named (place->caller, "get_service_info", g_variant_new ("av", NULL),
                            g_variant_new_parsed ("{'service_id': <'s'>}"), NULL);
  g_assert_true (g_variant_lookup (info, "id", "&s", &id));
  g_assert_cmpstr (id, ==, "ws-a/p1__rlb:s");
  client_assert_refused (place->caller, "get_service_info", "[<'nothing'>]",
                         "Service not found: nothing");
  g_clear_pointer (&info, g_variant_unref);
  info = client_call_manager (place->caller, "get_service_info", g_variant_new_parsed ("[<'ws'>]"),
                              NULL);
  g_assert_true (g_variant_lookup (info, "id", "&s", &id));
  g_assert_cmpstr (id, ==, "default");
  g_clear_pointer (&info, g_variant_unref);
  info = client_must_call (place->caller, "get_service_info", "[<'my-test/~'>]");
  g_assert_true (g_variant_lookup (info, "id", "&s", &id));
  g_assert_cmpstr (id, ==, "default");
  schema = g_variant_lookup_value (info, "service_schema", G_VARIANT_TYPE_VARDICT);
  g_assert_true (g_variant_lookup (schema, "echo", "*", NULL));
  g_variant_unref (client_call_named (place->caller, "list_services",
                                      g_variant_new_parsed ("[<'ws-a'>]"),
                                      g_variant_new_parsed ("{'include_app_services': <true>,"
                                                            " 'prioritize_running_services':"
                                                            " <true>, 'pagination': <true>}"),
                                      NULL));
}

/* A provider that is silent is passed over while there are others, and named where there are none. */
static void
test_lookup_silent_provider (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) caller = hub_connect (hub, "c", token);
  g_autoptr (Client) silent = hub_connect (hub, "a", token);
  HyphaLocalClient *other = NULL;

  client_register (silent, "s", "public");
  client_assert_refused (caller, "get_service", "[<'s'>, <{'timeout': <0.05>}>]",
                         "Timeout while getting service ws-a/*:s");
  assert_finds (caller, "[<'s'>, <{'timeout': <0.05>, 'skip_timeout': <true>}>]", NULL);
  other = add_provider (hub, "b", 1);
  assert_finds (caller, "[<'s'>, <{'timeout': <0.05>}>]", "ws-a/b:s");
  hypha_local_client_free (other);
}

/* A member gets what a client of its workspace has and did not register; strangers do not. */
static void
test_lookup_unregistered (void)
{
  g_autoptr (Place) place = place_new ();
  g_autoptr (HyphaService) service = hypha_service_new ("u", "u", "", "generic",
                                                        g_variant_new ("a{sv}", NULL));
  g_autoptr (Client) stranger = hub_connect (place->hub, "x", NULL);

  hypha_rpc_add_service (hypha_local_client_get_rpc (place->providers[0]), service);
  assert_finds (place->caller, "[<'ws-a/p1__rlb:u'>]", "ws-a/p1__rlb:u");
  assert_finds (place->caller, "[<'ws-a/p1__rlb:none'>]", NULL);
  assert_finds (place->caller, "[<'ws-a/p1__rlb:_rintf_1'>]", NULL);
  assert_finds (place->caller, "[<'ws-a/gone:u'>]", NULL);
  assert_finds (stranger, "[<'ws-a/p1__rlb:u'>]", NULL);
}

/* What a provider says of who else may use it is for its own workspace. */
static void
test_lookup_authorized_workspaces (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (HyphaUserInfo) user = hypha_user_info_new ("bob", NULL, NULL, NULL, 0, FALSE);
  g_autoptr (HyphaLocalClient) local = hypha_local_client_new (hub->router, "ws-a", "p", user, "");
  g_autofree char *token = hub_token (hub, "ws-b", "bob");
  g_autoptr (Client) friend = hub_connect (hub, "f", token);
  g_autoptr (HyphaService) service = NULL;
  g_autoptr (GVariant) found = NULL;
  g_autoptr (GVariant) info = NULL;
  g_autofree char *printed = NULL;
  g_autofree char *printed_info = NULL;
  g_autofree char *error = NULL;

  service = hypha_service_new ("s", "s", "", "generic",
                               g_variant_new_parsed ("{'authorized_workspaces': <[<'ws-b'>]>}"));
  g_assert_true (hypha_local_client_register (local, hub->registry, service, NULL));
  found = client_call_manager (friend, "get_service", g_variant_new_parsed ("[<'ws-a/p:s'>]"),
                               &error);
  g_assert_cmpstr (error, ==, NULL);
  printed = g_variant_print (found, FALSE);
  g_assert_null (strstr (printed, "authorized_workspaces"));
  info = client_call_manager (friend, "get_service_info", g_variant_new_parsed ("[<'ws-a/p:s'>]"),
                              NULL);
  printed_info = g_variant_print (info, FALSE);
  g_assert_null (strstr (printed_info, "authorized_workspaces"));
}

static void
test_lookup_list_errors (void)
{
  g_autoptr (Place) place = place_new ();

  client_assert_refused (place->caller, "list_services", "[<{'id': <'a'>, 'service_id': <'b'>}>]",
                         "Cannot specify both 'id' and 'service_id' in the query.");
  client_assert_refused (place->caller, "list_services",
                         "[<{'workspace': <'*'>, 'visibility': <'protected'>}>]",
                         "Cannot list protected services in all workspaces.");
  client_assert_refused (place->caller, "list_services", "[<{'a': <'x'>}>]",
                         "Invalid query keys: a");
  client_assert_refused (place->caller, "list_services", "[<int64 1>]",
                         "a query must be a text or a map");
}

/* A value that means nothing does not widen the query; null is no value. */
static void
test_lookup_values (void)
{
  static const char *const keys[] = { "workspace", "client_id", "app_id", "visibility", "type" };
  g_autoptr (Place) place = place_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autofree char *get = g_strdup_printf ("[<{'id': <'s'>, '%s': <int64 5>}>]", keys[i]);
      g_autofree char *list = g_strdup_printf ("[<{'%s': <int64 5>}>]", keys[i]);
      g_autofree char *null = g_strdup_printf ("[<{'id': <'s'>, '%s': <@mv nothing>}>]", keys[i]);
      g_autofree char *text = g_strdup_printf ("“%s” in a query must be a text", keys[i]);

      client_assert_refused (place->caller, "get_service", get, text);
      client_assert_refused (place->caller, "list_services", list, text);
      assert_finds (place->caller, null, "ws-a/p1__rlb:s");
    }

  client_assert_refused (place->caller, "list_services", "[<{'id': <int64 5>}>]",
                         "“id” in a query must be a text");
  client_assert_refused (place->caller, "list_services", "[<{'service_id': <int64 5>}>]",
                         "“service_id” in a query must be a text");
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_func ("/hub/lookup/modes", test_lookup_modes);
  g_test_add_func ("/hub/lookup/min-load", test_lookup_min_load);
  g_test_add_func ("/hub/lookup/select", test_lookup_select);
  g_test_add_func ("/hub/lookup/select-max-asked", test_lookup_select_max_asked);
  g_test_add_func ("/hub/lookup/select-timeout", test_lookup_select_timeout);
  g_test_add_func ("/hub/lookup/select-by-stranger", test_lookup_select_by_stranger);
  g_test_add_func ("/hub/lookup/patterns", test_lookup_patterns);
  g_test_add_func ("/hub/lookup/service-before-default", test_lookup_service_before_default);
  g_test_add_func ("/hub/lookup/glob", test_lookup_glob);
  g_test_add_func ("/hub/lookup/arguments", test_lookup_arguments);
  g_test_add_func ("/hub/lookup/silent-provider", test_lookup_silent_provider);
  g_test_add_func ("/hub/lookup/unregistered", test_lookup_unregistered);
  g_test_add_func ("/hub/lookup/authorized-workspaces", test_lookup_authorized_workspaces);
  g_test_add_func ("/hub/lookup/list-errors", test_lookup_list_errors);
  g_test_add_func ("/hub/lookup/values", test_lookup_values);
  return g_test_run ();
}
