/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-client-cleanup-private.h"
#include "hypha-client-methods-private.h"
#include "hypha-service-types-private.h"
#include "test-hub-fixture.h"
#include "test-utils.h"

/* Two members of one workspace and somebody else. */
typedef struct
{
  Hub    *hub;
  Client *a;
  Client *b;
  Client *stranger;
} Place;

static void
place_set_up (Place         *place,
              gconstpointer  data)
{
  g_autofree char *token = NULL;
  g_autofree char *other = NULL;

  place->hub = hub_new ();
  token = hub_token (place->hub, "ws-a", "alice");
  other = hub_token (place->hub, "ws-b", "bob");
  place->a = hub_connect (place->hub, "a", token);
  place->b = hub_connect (place->hub, "b", token);
  place->stranger = hub_connect (place->hub, "x", other);
}

static void
place_tear_down (Place         *place,
                 gconstpointer  data)
{
  client_free (place->a);
  client_free (place->b);
  client_free (place->stranger);
  hub_free (place->hub);
}

static void
test_list_clients (Place         *place,
                   gconstpointer  data)
{
  g_autoptr (GVariant) all = NULL;

  all = client_call_manager (place->a, "list_clients", g_variant_new_parsed ("@av []"), NULL);
  g_assert_cmpuint (g_variant_n_children (all), ==, 2);
  client_assert_says (place->a, "list_clients", g_variant_new_parsed ("[<'ws-a'>]"), "ws-a/b");
  client_assert_says (place->a, "list_clients", g_variant_new_parsed ("[<'ws-a'>]"), "alice");
  client_assert_says (place->stranger, "list_clients", g_variant_new_parsed ("[<'ws-a'>]"),
                      "Permission denied for workspace ws-a");
  client_assert_says (place->a, "list_clients", g_variant_new_parsed ("[<int64 1>]"),
                      "workspace must be a text");
}

/* b answers what the manager asks it. */
static void
answer_ping (Client *b)
{
  g_autoptr (GVariant) extra = NULL;
  g_autoptr (GVariant) envelope = client_take (b, &extra);
  const char *session = NULL;
  g_autofree char *method = NULL;

  g_assert_true (g_variant_lookup (envelope, "session", "&s", &session));
  method = g_strconcat (session, ".resolve", NULL);
  client_send (b, g_variant_new_parsed ("{'type': <'method'>, 'to': <'*/workspace-manager'>,"
                                        " 'method': <%s>, 'parent': <%s>}", method, session),
               g_variant_new_parsed ("{'args': <[<'pong'>]>}"));
}

static gboolean
has_binary (gpointer data)
{
  Client *client = data;

  return !g_queue_is_empty (&client->binaries);
}

static void
test_ping (Place         *place,
           gconstpointer  data)
{
  g_autoptr (GVariant) envelope = NULL;
  g_autoptr (GVariant) extra = NULL;
  g_autofree char *text = NULL;

  client_send (place->a, g_variant_new_parsed (
                 "{'type': <'method'>, 'to': <'*/workspace-manager'>, 'session': <'s'>,"
                 " 'method': <'services.default.ping'>}"),
               g_variant_new_parsed ("{'args': <[<{'client_id': <'b'>, 'timeout': <int64 9>}>]>,"
                                     " 'with_kwargs': <true>, 'promise': <'*'>, 't': <5.0>}"));
  g_assert_true (test_wait (has_binary, place->b));
  answer_ping (place->b);
  do
    {
      g_clear_pointer (&envelope, g_variant_unref);
      g_clear_pointer (&extra, g_variant_unref);
      g_clear_pointer (&text, g_free);
      envelope = client_take (place->a, &extra);
      text = g_variant_print (envelope, FALSE);
    }
  while (strstr (text, "s.resolve") == NULL);
  g_clear_pointer (&text, g_free);
  text = g_variant_print (extra, FALSE);
  g_assert_nonnull (strstr (text, "'pong'"));
}

static void
test_ping_nobody (Place         *place,
                  gconstpointer  data)
{
  client_assert_says (place->a, "ping", g_variant_new_parsed ("[<'gone'>]"),
                      "Failed to ping client ws-a/gone: Peer ws-a/gone is not connected");
  client_assert_says (place->a, "ping", g_variant_new_parsed ("[<'ws-a/b'>, <0.05>]"),
                      "Failed to ping client ws-a/b: Method call timed out");
  client_assert_says (place->stranger, "ping_client", g_variant_new_parsed ("[<'ws-a/b'>]"),
                      "Permission denied for workspace ws-a");
  client_assert_says (place->a, "ping", g_variant_new_parsed ("[<'ws-a/b/c'>]"),
                      "client_id must be");
}

static void
test_max_timeout (Place         *place,
                  gconstpointer  data)
{
  client_assert_says (place->a, "ping", g_variant_new_parsed ("[<'b'>, <61.0>]"), "up to 60");
  client_assert_says (place->a, "ping", g_variant_new_parsed ("[<'b'>, <int64 0>]"), "above 0");
  client_assert_says (place->a, "ping", g_variant_new_parsed ("[<'b'>, <'long'>]"),
                      "must be a number");
}

static void
test_service_types (Place         *place,
                    gconstpointer  data)
{
  GVariant *type = g_variant_ref_sink (
    g_variant_new_parsed ("[<{'id': <'scope'>, 'definition': <{'move': <'x'>}>}>]"));

  client_assert_says (place->a, "list_service_types", g_variant_new_parsed ("@av []"), "[]");
  client_assert_says (place->a, "get_service_type", g_variant_new_parsed ("[<'scope'>]"),
                      "Service type not found: scope");
  client_assert_says (place->a, "register_service_type", type, "'id': <'ws-a/scope'>");
  client_assert_says (place->a, "register_service_type", type,
                      "Service type already exists: ws-a/scope");
  client_assert_says (place->b, "get_service_type", g_variant_new_parsed ("[<'ws-a/scope'>]"),
                      "'move'");
  client_assert_says (place->b, "list_service_types", g_variant_new_parsed ("@av []"),
                      "'ws-a/scope'");
  client_assert_says (place->stranger, "get_service_type",
                      g_variant_new_parsed ("[<'ws-a/scope'>]"), "Permission denied");
  client_assert_says (place->stranger, "register_service_type",
                      g_variant_new_parsed ("[<{'id': <'ws-a/other'>}>]"), "Permission denied");
  client_assert_says (place->a, "register_service_type",
                      g_variant_new_parsed ("[<{'id': <'a:b'>}>]"), "cannot be the id");
  client_assert_says (place->a, "register_service_type",
                      g_variant_new_parsed ("[<{'id': <'scope'>, 'new': <true>}>, <true>]"),
                      "'new'");
  g_variant_unref (type);
}

static void
test_service_types_limits (Place         *place,
                           gconstpointer  data)
{
  g_autofree char *much = g_strnfill (HYPHA_SERVICE_TYPES_MAX_SIZE, 'x');

  for (guint i = 0; i < HYPHA_SERVICE_TYPES_MAX; i++)
    {
      g_autofree char *id = g_strdup_printf ("t%u", i);

      client_assert_says (place->a, "register_service_type",
                          g_variant_new_parsed ("[<{'id': <%s>}>]", id), id);
    }

  client_assert_says (place->a, "register_service_type",
                      g_variant_new_parsed ("[<{'id': <'more'>}>]"), "256 service types, not more");
  client_assert_says (place->a, "register_service_type",
                      g_variant_new_parsed ("[<{'id': <'t0'>, 'much': <%s>}>, <true>]", much),
                      "65536 bytes, not more");
}

static Client *
connect_admin (Hub        *hub,
               const char *workspace)
{
  g_autoptr (HyphaUserInfo) root = hypha_user_info_new_root ();
  g_autoptr (GVariant) config = g_variant_ref_sink (
    g_variant_new_parsed ("{'workspace': <%s>, 'user_id': <'eve'>, 'permission': <'admin'>}",
                          workspace));
  g_autoptr (GError) error = NULL;
  g_autofree char *token = hypha_token_methods_mint (hub->authority, root, "default", "root",
                                                     config, &error);

  g_assert_no_error (error);
  return hub_connect (hub, "boss", token);
}

/* An administrator of ws-a. */
static Client *
connect_boss (Hub *hub)
{
  return connect_admin (hub, "ws-a");
}

/* One that answers stays, whoever is silent goes, and so do its services; strangers have no say. */
static void
test_cleanup (Place         *place,
              gconstpointer  data)
{
  const char *start = "{'type': <'method'>, 'to': <'*/workspace-manager'>, 'session': <'s'>,"
                      " 'method': <'services.default.cleanup'>}";
  g_autofree char *token = hub_token (place->hub, "ws-a", "carol");
  g_autoptr (Client) boss = connect_boss (place->hub);
  g_autoptr (Client) silent = hub_connect (place->hub, "silent", token);
  g_autoptr (GVariant) answer = NULL;
  g_autofree char *text = NULL;
  g_autofree char *error = NULL;

  client_register (place->b, "built-in", "public");
  client_register (silent, "built-in", "public");
  client_assert_says (place->stranger, "cleanup", g_variant_new_parsed ("[<'ws-a'>]"),
                      "Permission denied for workspace ws-a");
  client_assert_says (place->a, "cleanup", g_variant_new_parsed ("[<'ws-a'>]"),
                      "Permission denied for workspace ws-a");

  client_send (boss, g_variant_new_parsed (start),
               g_variant_new_parsed ("{'args': <[<'ws-a'>, <0.2>]>, 'promise': <'*'>}"));
  g_assert_true (test_wait (has_binary, place->b));
  client_assert_says (boss, "cleanup", g_variant_new_parsed ("[<'ws-a'>]"),
                      "is being cleaned up already");
  answer_ping (place->b);
  answer = client_take_answer (boss, "s", &error);
  g_assert_null (error);
  text = g_variant_print (answer, FALSE);
  g_assert_cmpstr (text, ==, "{'removed_clients': <[<'ws-a/silent'>]>}");
  client_wait_closed (silent);
  g_assert_null (hypha_registry_lookup (place->hub->registry, "ws-a/silent:built-in"));
  g_assert_nonnull (hypha_router_lookup (place->hub->router, "ws-a/b"));
  client_assert_says (boss, "cleanup", g_variant_new_parsed ("[<'ws-a'>, <int64 100>]"),
                      "timeout must be a number");
}

static GPtrArray *
add_silent (Hub        *hub,
            const char *workspace,
            guint       n)
{
  GPtrArray *clients = g_ptr_array_new_with_free_func ((GDestroyNotify) client_free);
  g_autofree char *token = hub_token (hub, workspace, "carol");

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *id = g_strdup_printf ("silent-%u", i);

      g_ptr_array_add (clients, hub_connect (hub, id, token));
      client_register (g_ptr_array_index (clients, i), "built-in", "public");
    }

  return clients;
}

static void
start_cleanup (Client     *client,
               const char *workspace,
               double      timeout)
{
  client_send (client,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <'*/workspace-manager'>,"
                                     " 'session': <'s'>,"
                                     " 'method': <'services.default.cleanup'>}"),
               g_variant_new_parsed ("{'args': <[<%s>, <%d>]>, 'promise': <'*'>}", workspace,
                                     timeout));
}

/* A crowd is asked in turns, so that the manager can still ask others. */
static void
test_cleanup_in_turns (Place         *place,
                       gconstpointer  data)
{
  HyphaRpc *rpc = hypha_manager_get_rpc (place->hub->manager);
  const guint n = HYPHA_CLIENT_CLEANUP_MAX_ASKED + 10;
  g_autoptr (GPtrArray) crowd = add_silent (place->hub, "ws-a", n);
  g_autoptr (Client) boss = connect_boss (place->hub);
  g_autoptr (GVariant) answer = NULL;
  g_autoptr (GVariant) removed = NULL;

  start_cleanup (boss, "ws-a", 0.2);
  client_wait_closed (g_ptr_array_index (crowd, 0));
  g_assert_cmpuint (hypha_rpc_get_n_pending (rpc), <=, HYPHA_CLIENT_CLEANUP_MAX_ASKED);
  answer = client_take_answer (boss, "s", NULL);
  removed = g_variant_lookup_value (answer, "removed_clients", G_VARIANT_TYPE ("av"));
  g_assert_cmpuint (g_variant_n_children (removed), ==, n);
  g_assert_cmpuint (hypha_rpc_get_n_pending (rpc), ==, 0);
}

static gboolean
asks_nobody (gpointer data)
{
  return hypha_rpc_get_n_pending (hypha_manager_get_rpc (((Hub *) data)->manager)) == 0;
}

/* One that administers many workspaces cannot have all of them cleaned up at once. */
static void
test_cleanup_max_user (Place         *place,
                       gconstpointer  data)
{
  g_autoptr (GPtrArray) crowds = g_ptr_array_new_with_free_func (
    (GDestroyNotify) g_ptr_array_unref);
  g_autoptr (GPtrArray) bosses = g_ptr_array_new_with_free_func ((GDestroyNotify) client_free);

  for (guint i = 0; i <= HYPHA_CLIENT_CLEANUP_MAX_USER; i++)
    {
      g_autofree char *workspace = g_strdup_printf ("ws-%u", i);
      g_autofree char *args = g_strdup_printf ("[<'%s'>, <0.2>]", workspace);
      Client *boss = connect_admin (place->hub, workspace);

      g_ptr_array_add (bosses, boss);
      g_ptr_array_add (crowds, add_silent (place->hub, workspace, 1));
      if (i < HYPHA_CLIENT_CLEANUP_MAX_USER)
        start_cleanup (boss, workspace, 20);
      else
        client_assert_says (boss, "cleanup", g_variant_new_parsed (args),
                            "4 workspaces are being cleaned up");
    }

  /* One that is over makes room. */
  g_ptr_array_remove_index (crowds, 0);
  g_clear_pointer (&bosses->pdata[0], client_free);
  bosses->pdata[0] = connect_admin (place->hub, "ws-0");
  client_assert_says (g_ptr_array_index (bosses, HYPHA_CLIENT_CLEANUP_MAX_USER), "cleanup",
                      g_variant_new_parsed ("[<'ws-4'>, <0.2>]"), "ws-4/silent-0");
  g_ptr_array_set_size (crowds, 0);
  g_assert_true (test_wait (asks_nobody, place->hub));
}

#define add(path, func) \
  g_test_add (path, Place, NULL, place_set_up, func, place_tear_down)

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  add ("/hub/client-methods/list", test_list_clients);
  add ("/hub/client-methods/ping", test_ping);
  add ("/hub/client-methods/cleanup", test_cleanup);
  add ("/hub/client-methods/cleanup-in-turns", test_cleanup_in_turns);
  add ("/hub/client-methods/cleanup-max-user", test_cleanup_max_user);
  add ("/hub/client-methods/ping-nobody", test_ping_nobody);
  add ("/hub/client-methods/max-timeout", test_max_timeout);
  add ("/hub/service-types", test_service_types);
  add ("/hub/service-types/limits", test_service_types_limits);
  return g_test_run ();
}
