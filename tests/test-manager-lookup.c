/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-lookup-private.h"
#include "hypha-query-private.h"
#include "test-hub-fixture.h"
#include "test-utils.h"

/* Answers one get_service with service, an a{sv}. */
static void
serve_get_value (Client   *provider,
                 GVariant *service)
{
  g_autoptr (GVariant) extra = NULL;
  g_autoptr (GVariant) envelope = client_take (provider, &extra);
  g_autofree char *resolve = NULL;
  const char *session = NULL;
  const char *from = NULL;
  const char *ws = NULL;

  g_assert_true (g_variant_lookup (envelope, "session", "&s", &session));
  g_assert_true (g_variant_lookup (envelope, "from", "&s", &from));
  g_assert_cmpstr (from, ==, "*/workspace-manager");
  g_assert_true (g_variant_lookup (envelope, "ws", "&s", &ws));
  g_assert_true (g_str_has_prefix (provider->id, ws));
  resolve = g_strconcat (session, ".resolve", NULL);
  client_send (provider,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <'*/workspace-manager'>,"
                                     " 'method': <%s>, 'parent': <%s>}", resolve, session),
               g_variant_new_parsed ("{'args': <[<%*>]>}", service));
}

/* Finds by every form, and asks the provider itself. */
static void
serve_one_get (Client     *provider,
               const char *service)
{
  serve_get_value (provider,
                   g_variant_new_parsed ("{'id': <%s>, 'f': <{'_rtype': <'method'>,"
                                         " '_rtarget': <'p'>, '_rmethod': <'services.x.f'>}>}",
                                         service));
}

typedef struct
{
  GVariant *value;
  GError   *error;
  gboolean  done;
} Got;

static void
on_got (GObject      *source,
        GAsyncResult *result,
        gpointer      data)
{
  Got *got = data;

  got->value = hypha_lookup_get_finish (result, &got->error);
  got->done = TRUE;
}

static void
assert_found (Hub        *hub,
              Client     *provider,
              const char *workspace,
              const char *query,
              const char *id)
{
  g_autoptr (HyphaUserInfo) user = hypha_user_info_new ("bob", NULL, NULL, NULL, 0, FALSE);
  g_autoptr (GVariant) text = g_variant_ref_sink (g_variant_new_string (query));
  g_autoptr (GVariant) function = NULL;
  const char *found = NULL;
  const char *target = NULL;
  Got got = { 0 };

  hypha_lookup_get_async (hub->manager, user, workspace, text, NULL, NULL, on_got, &got);
  if (id != NULL)
    serve_one_get (provider, "calc");
  g_assert_true (test_wait_flag (&got.done));
  g_assert_no_error (got.error);
  if (id == NULL)
    {
      g_assert_true (hypha_rpc_codec_is_null (got.value));
    }
  else
    {
      g_assert_true (g_variant_lookup (got.value, "id", "&s", &found));
      g_assert_cmpstr (found, ==, id);
      function = g_variant_lookup_value (got.value, "f", G_VARIANT_TYPE_VARDICT);
      g_assert_true (g_variant_lookup (function, "_rtarget", "&s", &target));
      g_assert_cmpstr (target, ==, "ws-a/p");
    }

  g_variant_unref (got.value);
}

static void
test_manager_get_service_forms (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) provider = hub_connect (hub, "p", token);

  client_register (provider, "calc", "protected");
  client_register (provider, "open", "public");
  assert_found (hub, provider, "ws-a", "calc", "ws-a/p:calc");
  assert_found (hub, provider, "ws-a", "p:calc", "ws-a/p:calc");
  assert_found (hub, provider, "ws-a", "ws-a/calc", "ws-a/p:calc");
  assert_found (hub, provider, "ws-a", "ws-a/p:calc", "ws-a/p:calc");
  assert_found (hub, provider, "ws-a", "ws-a/*:calc", "ws-a/p:calc");
  assert_found (hub, provider, "ws-a", "*/p:calc", "ws-a/p:calc");
  assert_found (hub, provider, "ws-b", "ws-a/p:open", "ws-a/p:open");
  assert_found (hub, provider, "ws-b", "ws-a/open", "ws-a/p:open");
  assert_found (hub, provider, "ws-b", "*/*:open", "ws-a/p:open");
  assert_found (hub, NULL, "ws-b", "ws-a/*:calc", NULL);
  assert_found (hub, NULL, "ws-b", "calc", NULL);
  assert_found (hub, NULL, "ws-a", "missing", NULL);
  assert_found (hub, NULL, "ws-a", "ws-a/gone:calc", NULL);
  assert_found (hub, NULL, "ws-a", "", NULL);
  assert_found (hub, NULL, "ws-a", ":calc", NULL);
  assert_found (hub, NULL, "ws-a", "*", NULL);
}

/* A service that would have its users call a third client in their own name. */
static void
test_manager_foreign_targets (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) provider = hub_connect (hub, "p", token);
  g_autoptr (HyphaUserInfo) user = hypha_user_info_new ("bob", NULL, NULL, NULL, 0, FALSE);
  g_autoptr (GVariant) query = g_variant_ref_sink (g_variant_new_string ("ws-a/p:calc"));
  static const char *const bad[] = {
    "{'f': <{'_rtype': <'method'>, '_rtarget': <'ws-b/v'>}>}",
    "{'f': <{'_rtype': <'method'>, '_rtarget': <'v'>}>}",
    "{'f': <{'_rtype': <'generator'>, '_rtarget': <'*/workspace-manager'>}>}",
    "{'a': <{'b': <[<int64 1>, <{'_rtarget': <'ws-b/v'>, '_rtype': <'method'>}>]>}>}",
    "{'f': <{'_rtype': <'method'>, '_rtarget': <[<'ws-b/v'>]>}>}",
    "{'f': <{'_rtype': <'x'>, '_rtarget': <'ws-a/p'>, '_rtype': <'method'>, '_rtarget': <'ws-b/v'>}>}",
    "{'_rtype': <'method'>, '_rtarget': <'ws-b/v'>}",
  };

  client_register (provider, "calc", "public");
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      Got got = { 0 };

      hypha_lookup_get_async (hub->manager, user, "ws-b", query, NULL, NULL, on_got, &got);
      serve_get_value (provider, g_variant_new_parsed (bad[i]));
      g_assert_true (test_wait_flag (&got.done));
      g_assert_null (got.value);
      g_assert_error (got.error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED);
      g_assert_true (g_str_has_prefix (got.error->message, "service ws-a/p:calc hands out"));
      if (i == 0)
        g_assert_true (g_str_has_suffix (got.error->message, "another client, ws-b/v"));
      g_error_free (got.error);
    }
}

/* H13, H14: a protected service of another workspace is neither given nor listed. */
static void
test_manager_protected (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) provider = hub_connect (hub, "p", token);
  g_autoptr (Client) stranger = hub_connect (hub, "x", NULL);
  g_autoptr (GVariant) listed = NULL;
  g_autofree char *error = NULL;

  client_register (provider, "calc", "protected");
  client_register (provider, "hidden", "unlisted");
  g_assert_null (client_call_manager (stranger, "get_service",
                                      g_variant_new_parsed ("[<'ws-a/p:calc'>]"), &error));
  g_assert_true (g_str_has_prefix (error, "Permission denied for getting protected service: calc, "
                                          "workspace mismatch: ws-a != anonymous-"));
  listed = client_call_manager (stranger, "list_services", g_variant_new_parsed ("[<'ws-a'>]"),
                                NULL);
  g_assert_cmpuint (g_variant_n_children (listed), ==, 0);
}

static void
test_manager_list (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) client = hub_connect (hub, "p", token);
  g_autoptr (GVariant) all = NULL;
  g_autoptr (GVariant) public = NULL;
  g_autoptr (GVariant) unlisted = NULL;
  g_autofree char *error = NULL;

  client_register (client, "one", "public");
  client_register (client, "two", "protected");
  client_register (client, "three", "unlisted");
  all = client_call_manager (client, "list_services", g_variant_new_parsed ("@av []"), NULL);
  g_assert_cmpuint (g_variant_n_children (all), ==, 2);
  public = client_call_manager (client, "list_services",
                                g_variant_new_parsed ("[<{'visibility': <'public'>}>]"), NULL);
  /* And the core's own two, which lists of the public ones always have. */
  g_assert_cmpuint (g_variant_n_children (public), ==, 3);
  unlisted = client_call_manager (client, "list_services",
                                  g_variant_new_parsed ("[<{'include_unlisted': <true>}>]"), NULL);
  g_assert_cmpuint (g_variant_n_children (unlisted), ==, 5);
  g_assert_null (client_call_manager (client, "list_services",
                                      g_variant_new_parsed ("[<{'bad': <'x'>}>]"), &error));
  g_assert_cmpstr (error, ==, "Invalid query keys: bad");
}

/* As a text, or nothing, as clients fill in what they were not given. */
static void
test_manager_list_null (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) client = hub_connect (hub, "p", token);
  static const char *const queries[] = {
    "{'id': <'one'>, 'service_id': <@mv nothing>}", "{'id': <@mv nothing>, 'service_id': <'one'>}",
    "{'id': <'one'>, 'workspace': <@mv nothing>, 'client_id': <@mv nothing>,"
    " 'type': <@mv nothing>, 'app_id': <@mv nothing>, 'visibility': <@mv nothing>}",
  };

  client_register (client, "one", "public");
  client_register (client, "two", "public");
  for (gsize i = 0; i < G_N_ELEMENTS (queries); i++)
    {
      g_autofree char *args = g_strdup_printf ("[<%s>]", queries[i]);
      g_autofree char *error = NULL;
      g_autoptr (GVariant) found = client_call_manager (client, "list_services",
                                                        g_variant_new_parsed (args), &error);

      g_assert_cmpstr (error, ==, NULL);
      g_assert_cmpuint (g_variant_n_children (found), ==, 1);
    }

  client_assert_fails (client, "list_services", "[<{'id': <'one'>, 'service_id': <'one'>}>]",
                       "Cannot specify both 'id' and 'service_id' in the query.");
}

static guint
count_listed (Client     *client,
              const char *args,
              const char *suffix)
{
  g_autoptr (GVariant) found = client_must_call (client, "list_services", args);
  guint n = 0;

  for (gsize i = 0; i < g_variant_n_children (found); i++)
    {
      g_autoptr (GVariant) record = NULL;
      const char *id = "";

      g_variant_get_child (found, i, "v", &record);
      g_variant_lookup (record, "id", "&s", &id);
      n += g_str_has_suffix (id, suffix);
    }

  return n;
}

/* H13: stock clients publish what makes them one, and with it who they are. */
static void
test_manager_hides_built_in (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-secret", "alice");
  g_autofree char *other_token = hub_token (hub, "ws-b", "bob");
  g_autoptr (Client) laptop = hub_connect (hub, "laptop", token);
  g_autoptr (Client) friend = hub_connect (hub, "friend", token);
  g_autoptr (Client) bob = hub_connect (hub, "b", other_token);
  g_autoptr (Client) guest = hub_connect (hub, "x", NULL);
  g_autoptr (GVariant) exact = NULL;
  static const char *const all[] = { "[<@a{sv} {}>]", "[<'ws-secret'>]", "[<'*'>]",
                                     "[<{'type': <'built-in'>}>]", "[<{'id': <'built-in'>}>]",
                                     "[<{'workspace': <'ws-secret'>}>]", "[<'*/*:built-in'>]",
                                     "[<{'id': <'laptop:built-in'>}>]" };

  g_variant_unref (client_must_call (laptop, "register_service",
                                     "[<{'id': <'built-in'>, 'type': <'built-in'>,"
                                     " 'config': <{'visibility': <'public'>}>}>]"));
  client_register (guest, "built-in", "public");
  for (gsize i = 0; i < G_N_ELEMENTS (all); i++)
    {
      g_assert_cmpuint (count_listed (bob, all[i], "laptop:built-in"), ==, 0);
      g_assert_cmpuint (count_listed (guest, all[i], "laptop:built-in"), ==, 0);
      g_assert_cmpuint (count_listed (friend, all[i], "laptop:built-in"), ==, 1);
    }

  g_assert_cmpuint (count_listed (guest, "@av []", "x:built-in"), ==, 1);
  client_assert_fails (guest, "get_service_info", "[<'ws-secret/*:built-in'>]",
                       "Service not found: ws-secret/*:built-in");
  exact = client_must_call (guest, "get_service_info", "[<'ws-secret/laptop:built-in'>]");
  g_assert_nonnull (exact);
}

/* As a keyword, as stock Python clients send it, and as the second argument. */
static void
test_manager_list_unlisted_argument (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) client = hub_connect (hub, "p", token);
  g_autoptr (GVariant) second = NULL;
  g_autoptr (GVariant) without = NULL;
  g_autoptr (GVariant) envelope = NULL;
  g_autoptr (GVariant) extra = NULL;
  g_autoptr (GVariant) args = NULL;
  g_autoptr (GVariant) named = NULL;
  g_autofree char *error = NULL;

  client_register (client, "one", "public");
  client_register (client, "two", "unlisted");
  second = client_call_manager (client, "list_services",
                                g_variant_new_parsed ("[<@mv nothing>, <true>]"), NULL);
  g_assert_cmpuint (g_variant_n_children (second), ==, 2);
  without = client_call_manager (client, "list_services",
                                 g_variant_new_parsed ("[<@mv nothing>, <false>]"), NULL);
  g_assert_cmpuint (g_variant_n_children (without), ==, 1);
  g_assert_null (client_call_manager (client, "list_services",
                                      g_variant_new_parsed ("[<'ws-a'>, <'yes'>]"), &error));
  g_assert_cmpstr (error, ==, "include_unlisted must be true or false");

  client_send (client,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <'*/workspace-manager'>,"
                                     " 'method': <'services.default.list_services'>,"
                                     " 'session': <'named'>}"),
               g_variant_new_parsed ("{'args': <[<{'include_unlisted': <true>}>]>,"
                                     " 'with_kwargs': <true>, 'promise': <'*'>}"));
  envelope = client_take (client, &extra);
  args = g_variant_lookup_value (extra, "args", G_VARIANT_TYPE ("av"));
  g_variant_get_child (args, 0, "v", &named);
  g_assert_cmpuint (g_variant_n_children (named), ==, 2);
}

/* The workspace key widens an id that named one address. */
static void
test_manager_exact_id_in_any_workspace (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) provider = hub_connect (hub, "p", token);
  g_auto (HyphaQuery) query = { 0 };
  g_autoptr (HyphaUserInfo) user = hypha_user_info_new ("bob", NULL, NULL, NULL, 0, FALSE);
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GPtrArray) found = NULL;
  g_autoptr (GError) error = NULL;

  client_register (provider, "open", "public");
  value = g_variant_ref_sink (g_variant_new_parsed ("{'id': <'ws-z/p:open'>,"
                                                    " 'workspace': <'*'>}"));
  g_assert_true (hypha_query_parse_get (&query, value, "ws-b", &error));
  g_assert_no_error (error);
  found = hypha_query_find (&query, hub->registry, user, "ws-b", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (found->len, ==, 1);
  g_assert_cmpstr (hypha_service_info_get_id (g_ptr_array_index (found, 0)), ==, "ws-a/p:open");
}

/* Five clients with records that each of them may have, but that make no sane list. */
static void
test_manager_lookup_max_list (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) client = hub_connect (hub, "p", token);
  g_autofree char *docs = g_strnfill (HYPHA_LOOKUP_MAX_LIST / 5, 'x');
  g_autofree char *error = NULL;
  g_autoptr (GVariant) record = NULL;
  g_autoptr (GVariant) narrow = NULL;
  g_autofree char *message = NULL;

  message = g_strdup_printf ("the 5 services found take more than %d bytes, narrow the query",
                             HYPHA_LOOKUP_MAX_LIST);
  record = g_variant_ref_sink (g_variant_new_parsed ("{'docs': <%s>}", docs));
  for (guint i = 0; i < 5; i++)
    {
      g_autofree char *id = g_strdup_printf ("c%u", i);
      g_autoptr (HyphaServiceInfo) info = hypha_service_info_new ("ws-a", id, "s", record, NULL);
      gboolean replaced;

      g_assert_true (hypha_registry_put (hub->registry, info, "", &replaced, NULL));
    }

  g_assert_null (client_call_manager (client, "list_services", g_variant_new_parsed ("@av []"),
                                      &error));
  g_assert_cmpstr (error, ==, message);
  narrow = client_call_manager (client, "list_services",
                                g_variant_new_parsed ("[<{'service_id': <'none'>}>]"), NULL);
  g_assert_cmpuint (g_variant_n_children (narrow), ==, 0);
}

/* A provider that goes while it is asked: the caller learns at once that there is nothing. */
static void
test_manager_provider_goes_while_asked (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (HyphaUserInfo) user = hypha_user_info_new ("alice", NULL, NULL, NULL, 0, FALSE);
  g_autoptr (GVariant) query = g_variant_ref_sink (g_variant_new_string ("calc"));
  g_autoptr (GVariant) asked = NULL;
  Client *provider = hub_connect (hub, "p", token);
  Got got = { 0 };

  client_register (provider, "calc", "public");
  hypha_lookup_get_async (hub->manager, user, "ws-a", query, NULL, NULL, on_got, &got);
  asked = client_take (provider, NULL);
  client_free (provider);
  g_assert_true (test_wait_flag (&got.done));
  g_assert_no_error (got.error);
  g_assert_true (hypha_rpc_codec_is_null (got.value));
  g_assert_cmpuint (hypha_rpc_get_n_pending (hypha_manager_get_rpc (hub->manager)), ==, 0);
  g_variant_unref (got.value);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/hub/manager/get-service-forms", test_manager_get_service_forms);
  g_test_add_func ("/hub/manager/protected", test_manager_protected);
  g_test_add_func ("/hub/manager/list", test_manager_list);
  g_test_add_func ("/hub/manager/foreign-targets", test_manager_foreign_targets);
  g_test_add_func ("/hub/manager/list-null", test_manager_list_null);
  g_test_add_func ("/hub/manager/hides-built-in", test_manager_hides_built_in);
  g_test_add_func ("/hub/manager/list-unlisted-argument", test_manager_list_unlisted_argument);
  g_test_add_func ("/hub/manager/exact-id-in-any-workspace",
                   test_manager_exact_id_in_any_workspace);
  g_test_add_func ("/hub/manager/lookup-max-list", test_manager_lookup_max_list);
  g_test_add_func ("/hub/manager/provider-goes-while-asked",
                   test_manager_provider_goes_while_asked);
  return g_test_run ();
}
