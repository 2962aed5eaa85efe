/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-lookup-private.h"
#include "hypha-query-private.h"
#include "hypha-rpc-chunks-private.h"
#include "test-hub-fixture.h"
#include "test-utils.h"

static void
test_manager_describes_itself (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) client = hub_connect (hub, "a", NULL);
  g_autoptr (GVariant) service = NULL;
  g_autoptr (GVariant) echo = NULL;
  g_autoptr (GVariant) config = NULL;
  const char *text = NULL;

  service = client_call (client, HYPHA_ADDRESS_MANAGER, "services.built-in.get_service",
                         g_variant_new_parsed ("[<'default'>]"), NULL);
  g_assert_true (g_variant_lookup (service, "id", "&s", &text));
  g_assert_cmpstr (text, ==, "default");
  config = g_variant_lookup_value (service, "config", G_VARIANT_TYPE_VARDICT);
  g_assert_nonnull (config);
  echo = g_variant_lookup_value (service, "echo", G_VARIANT_TYPE_VARDICT);
  g_assert_true (g_variant_lookup (echo, "_rtarget", "&s", &text));
  g_assert_cmpstr (text, ==, "*/workspace-manager");
  g_assert_true (g_variant_lookup (echo, "_rmethod", "&s", &text));
  g_assert_cmpstr (text, ==, "services.default.echo");
  g_assert_true (g_variant_lookup (echo, "_rserver", "&s", &text));
  g_assert_cmpstr (text, ==, "http://127.0.0.1:9527");
}

static void
assert_echo (Client     *client,
             const char *value)
{
  g_autoptr (GVariant) sent = g_variant_new_parsed (value);
  g_autoptr (GVariant) got = NULL;
  g_autofree char *error = NULL;

  g_variant_ref_sink (sent);
  got = client_call_manager (client, "echo", g_variant_new_parsed ("[<%*>]", sent), &error);
  g_assert_cmpstr (error, ==, NULL);
  g_assert_cmpvariant (got, sent);
}

static void
test_manager_echo (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) client = hub_connect (hub, "a", NULL);

  assert_echo (client, "true");
  assert_echo (client, "int64 -5");
  assert_echo (client, "int64 9007199254740993");
  assert_echo (client, "uint64 18446744073709551615");
  assert_echo (client, "2.5");
  assert_echo (client, "'größe'");
  assert_echo (client, "@ay [1, 2, 3]");
  assert_echo (client, "[<int64 1>, <'a'>, <[<@mv nothing>]>]");
  assert_echo (client, "{'a': <int64 1>}");
  assert_echo (client, "@mv nothing");
  /* A date, as an extension type that nobody here understands. */
  assert_echo (client, "(byte 0xff, @ay [0, 0, 0, 1])");
}

/* A function stays that of the client that sent it. */
static void
test_manager_echo_function (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) client = hub_connect (hub, "c", token);
  g_autoptr (GVariant) got = NULL;
  g_autoptr (GVariant) function = NULL;
  const char *target = NULL;

  got = client_call_manager (client, "echo",
                             g_variant_new_parsed ("[<{'f': <{'_rtype': <'method'>,"
                                                   " '_rtarget': <'c'>, '_rmethod': <'s.1'>}>}>]"),
                             NULL);
  function = g_variant_lookup_value (got, "f", G_VARIANT_TYPE_VARDICT);
  g_assert_true (g_variant_lookup (function, "_rtarget", "&s", &target));
  g_assert_cmpstr (target, ==, "ws-a/c");
}

static void
test_manager_keyword_arguments (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) client = hub_connect (hub, "a", NULL);
  g_autoptr (GVariant) envelope = NULL;
  g_autoptr (GVariant) extra = NULL;
  g_autofree char *printed = NULL;

  client_send (client,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <'*/workspace-manager'>,"
                                     " 'method': <'services.default.echo'>, 'session': <'s'>}"),
               g_variant_new_parsed ("{'args': <[<{'data': <'named'>, 'context': <'lie'>}>]>,"
                                     " 'with_kwargs': <true>, 'promise': <'*'>}"));
  envelope = client_take (client, &extra);
  printed = g_variant_print (extra, FALSE);
  g_assert_cmpstr (printed, ==, "{'args': <[<'named'>]>}");
}

static void
test_manager_unknown_method (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) client = hub_connect (hub, "a", NULL);
  g_autofree char *error = NULL;

  g_assert_null (client_call_manager (client, "no_such", g_variant_new_parsed ("@av []"), &error));
  g_assert_true (g_str_has_prefix (error, "Method not found: "));
}

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
    "{'f': <{'_rtype': <'x'>, '_rtarget': <'ws-a/p'>, '_rtype': <'method'>,"
    " '_rtarget': <'ws-b/v'>}>}",
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

/* H9: only one's own services can be registered and unregistered. */
static void
test_manager_foreign_ids (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) client = hub_connect (hub, "p", token);
  static const char *const foreign[] = { "ws-c/carol:evil", "carol:evil", "carol:built-in",
                                         "*:x", "ws-c/p:x" };

  for (gsize i = 0; i < G_N_ELEMENTS (foreign); i++)
    {
      g_autofree char *error = NULL;

      g_assert_null (client_call_manager (client, "register_service",
                                          g_variant_new_parsed ("[<{'id': <%s>}>]", foreign[i]),
                                          &error));
      g_assert_true (g_str_has_prefix (error, "Permission denied: cannot register service"));
      g_clear_pointer (&error, g_free);
      g_assert_null (client_call_manager (client, "unregister_service",
                                          g_variant_new_parsed ("[<%s>]", foreign[i]), &error));
      g_assert_true (g_str_has_prefix (error, "Permission denied: cannot unregister service"));
    }
}

static void
test_manager_default_workspace (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "default", "alice");
  g_autoptr (Client) client = hub_connect (hub, "p", token);
  g_autofree char *error = NULL;

  client_register (client, "built-in", "public");
  client_register (client, "default", "public");
  g_assert_null (client_call_manager (client, "register_service",
                                      g_variant_new_parsed ("[<{'id': <'x'>}>]"), &error));
  g_assert_cmpstr (error, ==, "Access denied: Only root user can register services in 'default' "
                              "workspace. Current client: default/p");
}

static void
test_manager_services_per_client_limit (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) client = hub_connect (hub, "p", token);
  g_autofree char *error = NULL;

  for (guint i = 0; i < HYPHA_REGISTRY_MAX_SERVICES; i++)
    {
      g_autofree char *id = g_strdup_printf ("s%u", i);

      client_register (client, id, "public");
    }

  g_assert_null (client_call_manager (client, "register_service",
                                      g_variant_new_parsed ("[<{'id': <'more'>}>]"), &error));
  g_assert_cmpstr (error, ==, "a client may register 1000 services, not more");
}

static void
test_manager_record_size_limit (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) client = hub_connect (hub, "p", NULL);
  g_autofree char *docs = g_strnfill (HYPHA_REGISTRY_MAX_RECORD, 'x');
  g_autofree char *error = NULL;

  g_assert_null (client_call_manager (client, "register_service",
                                      g_variant_new_parsed ("[<{'id': <'x'>, 'docs': <%s>}>]",
                                                            docs), &error));
  g_assert_cmpstr (error, ==, "the description of service 'x' is larger than 1048576 bytes");
}

/* H18: what a client registered leaves with it, and the others are told. */
static void
test_manager_disconnect (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) watcher = hub_connect (hub, "w", token);
  g_autoptr (GVariant) done = NULL;
  g_autoptr (GVariant) removed = NULL;
  g_autoptr (GVariant) gone = NULL;
  g_autofree char *removed_text = NULL;
  g_autofree char *gone_text = NULL;
  Client *provider = hub_connect (hub, "p", token);

  client_register (provider, "calc", "public");
  done = client_call_manager (watcher, "subscribe",
                              g_variant_new_parsed ("[<[<'client_disconnected'>,"
                                                    " <'service_removed'>]>]"), NULL);
  client_free (provider);
  removed = client_take (watcher, NULL);
  gone = client_take (watcher, NULL);
  g_assert_null (hypha_registry_lookup (hub->registry, "ws-a/p:calc"));
  removed_text = g_variant_print (removed, FALSE);
  gone_text = g_variant_print (gone, FALSE);
  g_assert_nonnull (strstr (removed_text, "'service_removed'"));
  g_assert_nonnull (strstr (removed_text, "'ws-a/p:calc'"));
  g_assert_nonnull (strstr (gone_text, "'client_disconnected'"));
  g_assert_nonnull (strstr (gone_text, "'id': <'p'>"));
  g_assert_nonnull (strstr (gone_text, "'from': <'*/workspace-manager'>"));
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

/* H8: a token never says more than its maker may. */
static void
test_manager_tokens_only_narrow (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) client = hub_connect (hub, "p", token);
  g_autoptr (Client) anonymous = hub_connect (hub, "x", NULL);
  g_autoptr (GVariant) minted = NULL;
  g_autoptr (HyphaToken) parsed = NULL;
  g_autoptr (GError) failure = NULL;
  static const char *const bad[] = {
    "[<{'workspace': <'ws-b'>}>]", "[<{'user_id': <'bob'>}>]", "[<{'roles': <[<'admin'>]>}>]",
    "[<{'scopes': <[<'x'>]>}>]", "[<{'expires_in': <int64 0>}>]", "[<'text'>]",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *error = NULL;

      g_assert_null (client_call_manager (client, "generate_token",
                                          g_variant_new_parsed (bad[i]), &error));
      g_assert_nonnull (error);
    }

  g_assert_null (client_call_manager (anonymous, "generate_token",
                                      g_variant_new_parsed ("@av []"), NULL));
  minted = client_call_manager (client, "generate_token",
                                g_variant_new_parsed ("[<{'expires_in': <int64 300>}>]"), NULL);
  parsed = hypha_token_verify (g_variant_get_string (minted, NULL), hub->secret,
                               HYPHA_TOKEN_AUDIENCE_API, g_get_real_time () / G_USEC_PER_SEC,
                               &failure);
  g_assert_no_error (failure);
  g_assert_cmpstr (parsed->subject, ==, "alice");
  g_assert_cmpstr (parsed->workspace, ==, "ws-a");
  g_assert_cmpint (parsed->expires_at - parsed->issued_at, <=, 300);
  g_assert_false (parsed->client_bound);
}

/* A promise that names somebody else would have the manager speak to that client. */
static void
test_manager_refuses_foreign_promise (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) victim = hub_connect (hub, "v", token);
  g_autoptr (Client) client = hub_connect (hub, "p", token);
  g_autoptr (GVariant) pong = NULL;

  client_send (client,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <'*/workspace-manager'>,"
                                     " 'method': <'services.default.echo'>, 'session': <'s'>}"),
               g_variant_new_parsed ("{'args': <[<'x'>]>, 'promise': <{'resolve':"
                                     " <{'_rtarget': <'ws-a/v'>, '_rmethod': <'services.a.b'>}>}>}"));
  pong = client_call_manager (client, "echo", g_variant_new_parsed ("[<'y'>]"), NULL);
  g_assert_nonnull (pong);
  g_assert_true (g_queue_is_empty (&victim->binaries));
}

static void
send_chunk (Client     *client,
            const char *method,
            GVariant   *args)
{
  g_autofree char *full = g_strconcat ("services.built-in.message_cache.", method, NULL);
  g_autofree char *error = NULL;
  g_autoptr (GVariant) done = NULL;

  done = client_call (client, HYPHA_ADDRESS_MANAGER, full, args, &error);
  g_assert_cmpstr (error, ==, NULL);
}

/* A call in pieces, whose envelope lies about its sender. */
static void
test_manager_chunked_call (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) client = hub_connect (hub, "p", NULL);
  g_autoptr (GVariant) envelope = NULL;
  g_autoptr (GVariant) extra = NULL;
  g_autoptr (GVariant) first = NULL;
  g_autoptr (GVariant) second = NULL;
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  const char *method = NULL;

  first = g_variant_ref_sink (
    g_variant_new_parsed ("{'type': <'method'>, 'from': <'ws-x/other'>, 'ws': <'ws-x'>,"
                          " 'to': <'*/workspace-manager'>, 'session': <'big'>,"
                          " 'method': <'services.default.echo'>}"));
  second = g_variant_ref_sink (g_variant_new_parsed ("{'args': <[<'hi'>]>, 'promise': <'*'>}"));
  hypha_msgpack_encode (bytes, first);
  hypha_msgpack_encode (bytes, second);
  send_chunk (client, "create", g_variant_new_parsed ("[<'k'>, <false>]"));
  send_chunk (client, "set", g_variant_new_parsed ("[<'k'>, <int64 1>, <%*>, <false>]",
                                                   g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE,
                                                                              bytes->data + 10,
                                                                              bytes->len - 10, 1)));
  send_chunk (client, "set", g_variant_new_parsed ("[<'k'>, <int64 0>, <%*>, <false>]",
                                                   g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE,
                                                                              bytes->data, 10, 1)));
  send_chunk (client, "process", g_variant_new_parsed ("[<'k'>, <false>]"));
  envelope = client_take (client, &extra);
  g_assert_true (g_variant_lookup (envelope, "method", "&s", &method));
  g_assert_cmpstr (method, ==, "big.resolve");
}

/* Another client neither sees nor touches an entry. */
static void
test_manager_chunks_belong_to_creator (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) client = hub_connect (hub, "p", token);
  g_autoptr (Client) other = hub_connect (hub, "q", token);
  g_autofree char *error = NULL;

  send_chunk (client, "create", g_variant_new_parsed ("[<'k'>, <false>]"));
  g_assert_null (client_call (other, HYPHA_ADDRESS_MANAGER,
                              "services.built-in.message_cache.append",
                              g_variant_new_parsed ("[<'k'>, <@ay [1]>, <false>]"), &error));
  g_assert_cmpstr (error, ==, "Message with key k does not exists.");
}

static void
test_manager_chunk_entries_limit (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) client = hub_connect (hub, "p", NULL);
  g_autofree char *error = NULL;

  for (guint i = 0; i < HYPHA_CHUNKS_MAX_ENTRIES; i++)
    {
      g_autofree char *key = g_strdup_printf ("k%u", i);

      send_chunk (client, "create", g_variant_new_parsed ("[<%s>, <false>]", key));
    }

  g_assert_null (client_call (client, HYPHA_ADDRESS_MANAGER,
                              "services.built-in.message_cache.create",
                              g_variant_new_parsed ("[<'more'>, <false>]"), &error));
  g_assert_nonnull (error);
}

/* A long answer comes in pieces, keyed by the session of the call. */
static void
test_manager_chunked_answer (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) client = hub_connect (hub, "p", NULL);
  g_autofree char *text = g_strnfill (300000, 'x');
  gsize total = 0;

  client_send (client,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <'*/workspace-manager'>,"
                                     " 'method': <'services.default.echo'>, 'session': <'big'>}"),
               g_variant_new_parsed ("{'args': <[<%s>]>, 'promise': <'*'>}", text));

  while (TRUE)
    {
      g_autoptr (GVariant) extra = NULL;
      g_autoptr (GVariant) envelope = client_take (client, &extra);
      g_autoptr (GVariant) args = g_variant_lookup_value (extra, "args", G_VARIANT_TYPE ("av"));
      g_autoptr (GVariant) key = NULL;
      g_autofree char *resolve = NULL;
      const char *method = NULL;
      const char *session = NULL;

      g_assert_true (g_variant_lookup (envelope, "method", "&s", &method));
      g_assert_true (g_variant_lookup (envelope, "session", "&s", &session));
      g_variant_get_child (args, 0, "v", &key);
      g_assert_cmpstr (g_variant_get_string (key, NULL), ==, "big");
      if (g_str_has_suffix (method, ".append"))
        {
          g_autoptr (GVariant) piece = NULL;

          g_variant_get_child (args, 1, "v", &piece);
          g_assert_cmpuint (g_variant_get_size (piece), <=, HYPHA_RPC_CHUNK_SIZE);
          total += g_variant_get_size (piece);
        }

      resolve = g_strconcat (session, ".resolve", NULL);
      client_send (client,
                   g_variant_new_parsed ("{'type': <'method'>, 'to': <'*/workspace-manager'>,"
                                         " 'method': <%s>, 'parent': <%s>}", resolve, session),
                   g_variant_new_parsed ("{'args': <[<@mv nothing>]>}"));
      if (g_str_has_suffix (method, ".process"))
        break;
    }

  g_assert_cmpuint (total, >, 300000);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/hub/manager/describes-itself", test_manager_describes_itself);
  g_test_add_func ("/hub/manager/echo", test_manager_echo);
  g_test_add_func ("/hub/manager/echo-function", test_manager_echo_function);
  g_test_add_func ("/hub/manager/keyword-arguments", test_manager_keyword_arguments);
  g_test_add_func ("/hub/manager/unknown-method", test_manager_unknown_method);
  g_test_add_func ("/hub/manager/get-service-forms", test_manager_get_service_forms);
  g_test_add_func ("/hub/manager/protected", test_manager_protected);
  g_test_add_func ("/hub/manager/list", test_manager_list);
  g_test_add_func ("/hub/manager/foreign-targets", test_manager_foreign_targets);
  g_test_add_func ("/hub/manager/list-unlisted-argument", test_manager_list_unlisted_argument);
  g_test_add_func ("/hub/manager/exact-id-in-any-workspace",
                   test_manager_exact_id_in_any_workspace);
  g_test_add_func ("/hub/manager/lookup-max-list", test_manager_lookup_max_list);
  g_test_add_func ("/hub/manager/foreign-ids", test_manager_foreign_ids);
  g_test_add_func ("/hub/manager/default-workspace", test_manager_default_workspace);
  g_test_add_func ("/hub/manager/services-per-client-limit",
                   test_manager_services_per_client_limit);
  g_test_add_func ("/hub/manager/record-size-limit", test_manager_record_size_limit);
  g_test_add_func ("/hub/manager/disconnect", test_manager_disconnect);
  g_test_add_func ("/hub/manager/provider-goes-while-asked",
                   test_manager_provider_goes_while_asked);
  g_test_add_func ("/hub/manager/tokens-only-narrow", test_manager_tokens_only_narrow);
  g_test_add_func ("/hub/manager/refuses-foreign-promise", test_manager_refuses_foreign_promise);
  g_test_add_func ("/hub/manager/chunked-call", test_manager_chunked_call);
  g_test_add_func ("/hub/manager/chunks-belong-to-creator", test_manager_chunks_belong_to_creator);
  g_test_add_func ("/hub/manager/chunk-entries-limit", test_manager_chunk_entries_limit);
  g_test_add_func ("/hub/manager/chunked-answer", test_manager_chunked_answer);
  return g_test_run ();
}
