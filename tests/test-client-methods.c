/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

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

/* An administrator of ws-a. */
static Client *
connect_boss (Hub *hub)
{
  g_autoptr (HyphaUserInfo) root = hypha_user_info_new_root ();
  g_autoptr (GVariant) config = g_variant_ref_sink (
    g_variant_new_parsed ("{'workspace': <'ws-a'>, 'user_id': <'eve'>, 'permission': <'admin'>}"));
  g_autoptr (GError) error = NULL;
  g_autofree char *token = hypha_token_methods_mint (hub->authority, root, "default", "root",
                                                     config, &error);

  g_assert_no_error (error);
  return hub_connect (hub, "boss", token);
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
  add ("/hub/client-methods/ping-nobody", test_ping_nobody);
  add ("/hub/client-methods/max-timeout", test_max_timeout);
  add ("/hub/service-types", test_service_types);
  add ("/hub/service-types/limits", test_service_types_limits);
  return g_test_run ();
}
