/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-event-handlers-private.h"
#include "hypha-events-private.h"
#include "test-hub-fixture.h"
#include "test-utils.h"

static void
assert_subscribed (Client     *client,
                   const char *event)
{
  g_autofree char *error = NULL;
  g_autoptr (GVariant) done = client_call_manager (client, "subscribe",
                                                   g_variant_new_parsed ("[<%s>]", event), &error);

  g_assert_cmpstr (error, ==, NULL);
  g_assert_true (g_variant_get_boolean (done));
}

static void
assert_emits (Client     *client,
              const char *event)
{
  g_autofree char *error = NULL;
  g_autoptr (GVariant) done = NULL;

  done = client_call_manager (client, "emit", g_variant_new_parsed ("[<%s>, <int64 1>]", event),
                              &error);
  g_assert_cmpstr (error, ==, NULL);
  g_assert_true (hypha_rpc_codec_is_null (done));
}

static void
assert_event (Client     *client,
              const char *event,
              const char *data)
{
  g_autoptr (GVariant) got = client_take_event (client, event);
  g_autoptr (GVariant) wanted = g_variant_ref_sink (g_variant_new_parsed (data));
  GVariantDict dict;

  if (!g_variant_is_of_type (got, G_VARIANT_TYPE_VARDICT))
    {
      g_assert_cmpvariant (got, wanted);
      return;
    }

  /* The order of keys means nothing. */
  g_variant_dict_init (&dict, got);
  g_assert_cmpuint (g_variant_n_children (got), ==, g_variant_n_children (wanted));
  for (gsize i = 0; i < g_variant_n_children (wanted); i++)
    {
      g_autoptr (GVariant) value = NULL;
      g_autoptr (GVariant) found = NULL;
      const char *key;

      g_variant_get_child (wanted, i, "{&sv}", &key, &value);
      found = g_variant_dict_lookup_value (&dict, key, NULL);
      g_assert_nonnull (found);
      g_assert_cmpvariant (found, value);
    }
  g_variant_dict_clear (&dict);
}

/* To the subscribers of the own workspace, and to nobody else. */
static void
test_events_emit (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autofree char *other_token = hub_token (hub, "ws-b", "bob");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  g_autoptr (Client) b = hub_connect (hub, "b", token);
  g_autoptr (Client) idle = hub_connect (hub, "idle", token);
  g_autoptr (Client) other = hub_connect (hub, "o", other_token);
  g_autoptr (GVariant) done = NULL;

  assert_subscribed (b, "news");
  assert_subscribed (other, "news");
  assert_emits (a, "news");
  assert_event (b, "news", "int64 1");
  g_assert_true (g_queue_is_empty (&idle->binaries));
  g_assert_true (g_queue_is_empty (&other->binaries));

  done = client_call_named (a, "emit", g_variant_new_parsed ("[<'news'>]"),
                            g_variant_new_parsed ("{'data': <{'k': <'v'>}>, 'context': <'x'>}"),
                            NULL);
  assert_event (b, "news", "{'k': <'v'>}");
  g_variant_unref (client_call_named (a, "emit", g_variant_new ("av", NULL),
                                      g_variant_new_parsed ("{'type': <'news'>}"), NULL));
  assert_event (b, "news", "@mv nothing");

  g_variant_unref (client_call_named (b, "unsubscribe", g_variant_new ("av", NULL),
                                      g_variant_new_parsed ("{'event_type': <[<'news'>]>}"),
                                      NULL));
  assert_emits (a, "news");
  g_assert_true (g_queue_is_empty (&b->binaries));
}

/* H12, H28: what clients believe to come from the core does. */
static void
test_events_reserved (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  static const char *const reserved[] = {
    "service_added", "service_updated", "service_removed", "client_connected", "client_updated",
    "client_disconnected", "force-exit", "peer_not_found", "error", "connected", "disconnected",
    "services_registered", "manager_refreshed", "remote_client_disconnected", "workspace_ready",
    "workspace_anything", "method", "add_window", "remove_window", "connection_ready",
    "client_ready", "ws-a/service_added", "services_registration_failed", "connection_info",
    "reconnection_token", "refresh_token", "ping", "pong", "constructor", "hasOwnProperty",
    "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString", "valueOf", "__proto__",
    "__x", "ws-a/constructor",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (reserved); i++)
    {
      g_autofree char *args = g_strdup_printf ("[<'%s'>, <int64 1>]", reserved[i]);

      client_assert_refused (a, "emit", args, "is the core's own; choose another name");
    }

  client_assert_refused (a, "emit", "[<'ws-a/a:msg'>]", "an event must have a name");
  client_assert_refused (a, "emit", "[<''>]", "an event must have a name");
  client_assert_refused (a, "emit", "[<'a b'>]", "an event must have a name");
  client_assert_refused (a, "emit", "[<'ws-b/x'>]", "Subscription to event 'ws-b/x' is forbidden");
  client_assert_refused (a, "emit", "[<int64 1>]", "must be a text");
}

static void
test_events_max_data (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  g_autofree char *text = g_strnfill (HYPHA_EVENTS_MAX_DATA, 'x');
  g_autofree char *error = NULL;

  g_assert_null (client_call_manager (a, "emit", g_variant_new_parsed ("[<'big'>, <%s>]", text),
                                      &error));
  g_assert_nonnull (strstr (error, "the data of an event may take 131072 bytes, not more"));
}

static void
test_events_foreign_names (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  g_autoptr (Client) stranger = hub_connect (hub, "x", NULL);

  assert_subscribed (a, "ws-a/x");
  assert_subscribed (a, "ws-a");
  assert_subscribed (a, "ws-a:x");
  client_assert_refused (a, "subscribe", "[<'ws-b/x'>]",
                         "Subscription to event 'ws-b/x' is forbidden");
  client_assert_refused (a, "subscribe", "[<'ws-ab'>]",
                         "Subscription to event 'ws-ab' is forbidden");
  client_assert_refused (a, "subscribe", "[<'ws-other'>]", "is forbidden");
  client_assert_refused (a, "subscribe", "[<[<'x'>, <'*/x'>]>]", "Subscription to event '*/x' is");
  client_assert_refused (a, "on", "[<'ws-b/x'>, <'f'>]",
                         "Subscription to event 'ws-b/x' is forbidden");
  client_assert_refused (a, "subscribe", "[<int64 1>]",
                         "event_type must be a text or a list of texts");
  client_assert_refused (stranger, "subscribe", "[<'public/x'>]", "is forbidden");
}

static Client *
enter_public (Hub        *hub,
              const char *id)
{
  Client *client = hub_open (hub);
  g_autofree char *hello = g_strdup_printf ("{\"client_id\":\"%s\",\"workspace\":\"public\"}", id);
  g_autofree char *info = NULL;

  client_send_text (client, hello);
  info = client_take_text (client);
  g_assert_nonnull (strstr (info, "\"connection_info\""));
  return client;
}

/* In “public” a guest is not told who else is there, but does hear of those that it talks with. */
static void
test_events_guests_in_public (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "public", "alice");
  g_autoptr (Client) member = hub_connect (hub, "m", token);
  g_autoptr (Client) guest = enter_public (hub, "g");
  g_autoptr (Client) known = enter_public (hub, "k");
  g_autoptr (Client) other = enter_public (hub, "o");

  assert_subscribed (guest, "client_connected");
  assert_subscribed (guest, "client_disconnected");
  assert_subscribed (member, "client_connected");
  assert_subscribed (member, "client_disconnected");
  client_assert_refused (guest, "on", "[<'client_connected'>, <'f'>]",
                         "guests are not told who comes and goes");
  client_send (guest, g_variant_new_parsed ("{'type': <'method'>, 'to': <'public/k'>,"
                                            " 'method': <'services.x.y'>}"), NULL);
  client_register (other, "built-in", "public");
  assert_event (member, "client_connected", "{'id': <'public/o'>, 'workspace': <'public'>}");
  hypha_connection_close (other->connection, 1000, NULL);
  assert_event (member, "client_disconnected", "{'id': <'o'>, 'workspace': <'public'>}");
  hypha_connection_close (known->connection, 1000, NULL);
  assert_event (guest, "client_disconnected", "{'id': <'k'>, 'workspace': <'public'>}");
}

/* A caller in this process, as those over HTTP: whom it has called is told that it went, no others. */
static void
test_events_local_caller_goes (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) callee = hub_connect (hub, "callee", token);
  g_autoptr (Client) bystander = hub_connect (hub, "bystander", token);
  g_autoptr (HyphaUserInfo) user = hypha_user_info_new ("u", "", NULL, NULL, 0, FALSE);
  HyphaLocalClient *caller = hypha_local_client_new (hub->router, "ws-a", "http-x", user, "");
  g_autoptr (GVariant) call = NULL;

  client_register (callee, "svc", "public");
  assert_subscribed (callee, "client_disconnected");
  assert_subscribed (bystander, "client_disconnected");
  hypha_rpc_call_async (hypha_local_client_get_rpc (caller), "ws-a/callee", "services.svc.f",
                        g_variant_new ("av", NULL), 0, NULL, NULL, NULL);
  call = client_take (callee, NULL);
  hypha_local_client_free (caller);
  assert_event (callee, "client_disconnected", "{'id': <'http-x'>, 'workspace': <'ws-a'>}");
  g_assert_true (g_queue_is_empty (&bystander->binaries));
}

/* The payloads of the core's own events, to the letter. */
static void
test_events_of_the_core (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) watcher = hub_connect (hub, "w", token);
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  g_autoptr (GVariant) added = NULL;
  g_autoptr (GVariant) updated = NULL;
  const char *id = NULL;

  g_variant_unref (client_call_manager (watcher, "subscribe", g_variant_new_parsed (
                     "[<[<'service_added'>, <'service_updated'>, <'service_removed'>,"
                     " <'client_connected'>, <'client_updated'>, <'client_disconnected'>]>]"),
                     NULL));
  client_register (a, "built-in", "public");
  assert_event (watcher, "client_connected", "{'id': <'ws-a/a'>, 'workspace': <'ws-a'>}");
  client_register (a, "built-in", "public");
  assert_event (watcher, "client_updated", "{'id': <'ws-a/a'>, 'workspace': <'ws-a'>}");
  client_register (a, "calc", "public");
  added = client_take_event (watcher, "service_added");
  g_assert_true (g_variant_lookup (added, "id", "&s", &id));
  g_assert_cmpstr (id, ==, "ws-a/a:calc");
  client_register (a, "calc", "protected");
  updated = client_take_event (watcher, "service_updated");
  g_assert_true (g_variant_lookup (updated, "id", "&s", &id));
  g_assert_cmpstr (id, ==, "ws-a/a:calc");
  g_variant_unref (client_call_manager (a, "unregister_service",
                                        g_variant_new_parsed ("[<'calc'>]"), NULL));
  assert_event (watcher, "service_removed", "{'id': <'ws-a/a:calc'>, 'workspace': <'ws-a'>}");
  hypha_connection_close (a->connection, 1000, NULL);
  assert_event (watcher, "client_disconnected", "{'id': <'a'>, 'workspace': <'ws-a'>}");
}

static void
add_handler (Client     *client,
             const char *event,
             const char *method)
{
  g_autofree char *error = NULL;
  g_autoptr (GVariant) done = NULL;
  const char *local = strchr (client->id, '/') + 1;

  done = client_call_manager (client, "on",
                              g_variant_new_parsed ("[<%s>, <{'_rtype': <'method'>, '_rtarget':"
                                                    " <%s>, '_rmethod': <%s>}>]",
                                                    event, local, method), &error);
  g_assert_cmpstr (error, ==, NULL);
}

/* Takes one call of the manager's, and answers it with verb. */
static void
serve_call (Client     *client,
            const char *method,
            const char *verb)
{
  g_autoptr (GVariant) extra = NULL;
  g_autoptr (GVariant) envelope = client_take (client, &extra);
  g_autofree char *answer = NULL;
  const char *called = NULL;
  const char *session = NULL;

  g_assert_true (g_variant_lookup (envelope, "method", "&s", &called));
  g_assert_cmpstr (called, ==, method);
  g_assert_true (g_variant_lookup (envelope, "session", "&s", &session));
  answer = g_strconcat (session, ".", verb, NULL);
  client_send (client,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <'*/workspace-manager'>,"
                                     " 'method': <%s>, 'parent': <%s>}", answer, session),
               g_variant_new_parsed ("{'args': <[<'x'>]>}"));
}

static void
test_events_handler (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  g_autoptr (Client) b = hub_connect (hub, "b", token);

  add_handler (a, "news", "services._rintf_1.f");
  assert_emits (b, "news");
  assert_emits (b, "news");
  assert_emits (b, "other");
  serve_call (a, "services._rintf_1.f", "resolve");

  /* One after the other; and one that fails is not called again. */
  serve_call (a, "services._rintf_1.f", "reject");
  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*ws-a/a: its handler of an event is dropped*");
  assert_emits (b, "news");
  g_assert_true (g_queue_is_empty (&a->binaries));
  test_assert_expected_logs ();
}

static void
test_events_off (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  g_autoptr (Client) b = hub_connect (hub, "b", token);

  add_handler (a, "one", "services._rintf_1.f");
  add_handler (a, "one", "services._rintf_1.g");
  add_handler (a, "two", "services._rintf_1.f");
  assert_emits (b, "one");
  serve_call (a, "services._rintf_1.f", "resolve");
  serve_call (a, "services._rintf_1.g", "resolve");
  g_variant_unref (client_call_manager (a, "off",
                                        g_variant_new_parsed ("[<'one'>, <{'_rmethod':"
                                                              " <'services._rintf_1.g'>}>]"),
                                        NULL));
  assert_emits (b, "one");
  serve_call (a, "services._rintf_1.f", "resolve");
  g_variant_unref (client_call_named (a, "off", g_variant_new ("av", NULL),
                                      g_variant_new_parsed ("{'event': <'one'>}"), NULL));
  assert_emits (b, "one");
  g_assert_true (g_queue_is_empty (&a->binaries));
  assert_emits (b, "two");
  serve_call (a, "services._rintf_1.f", "resolve");
  g_variant_unref (client_call_manager (a, "off", g_variant_new ("av", NULL), NULL));
  assert_emits (b, "two");
  g_assert_true (g_queue_is_empty (&a->binaries));
}

static void
test_events_handler_refused (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);

  client_assert_refused (a, "on", "[<'x'>]",
                         "a plain callback ends with the call; or use subscribe");
  client_assert_refused (a, "on", "[<'x'>, <'f'>]", "a plain callback ends with the call");
  client_assert_refused (a, "on",
                         "[<'x'>, <{'_rtype': <'method'>, '_rtarget': <'a'>, '_rmethod': <'s1.f'>}>]",
                         "a plain callback ends with the call");
  client_assert_refused (a, "on", "[<'x'>, <{'_rtype': <'method'>, '_rtarget': <'ws-b/b'>,"
                                  " '_rmethod': <'services.x.f'>}>]",
                         "must be a function of the caller itself");
  client_assert_refused (a, "on", "[<'x'>, <{'_rtype': <'method'>, '_rtarget': <'*/workspace-manager'>,"
                                  " '_rmethod': <'services.default.log'>}>]",
                         "must be a function of the caller itself");
}

static void
test_event_handlers_max_client (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);

  for (guint i = 0; i < HYPHA_EVENT_HANDLERS_MAX_CLIENT; i++)
    add_handler (a, "x", "services.s.f");

  client_assert_refused (a, "on",
                         "[<'x'>, <{'_rtype': <'method'>, '_rtarget': <'a'>,"
                         " '_rmethod': <'services.s.f'>}>]",
                         "a client may have 64 event handlers, not more");
}

/* One that never answers is given up when too much waits for it. */
static void
test_event_handlers_max_waiting (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  g_autoptr (Client) b = hub_connect (hub, "b", token);

  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*ws-a/a*dropped: it is too slow");
  add_handler (a, "x", "services.s.f");
  for (guint i = 0; i < HYPHA_EVENT_HANDLERS_MAX_WAITING + 2; i++)
    assert_emits (b, "x");

  test_assert_expected_logs ();
  g_assert_cmpuint (g_queue_get_length (&a->binaries), ==, 1);
}

/* Without waiting for an answer, before which calls of handlers may come. */
static void
send_emit (Client     *client,
           const char *event)
{
  client_send (client,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <'*/workspace-manager'>,"
                                     " 'method': <'services.default.emit'>}"),
               g_variant_new_parsed ("{'args': <[<%s>, <int64 1>]>}", event));
}

static void
settle (Client *client)
{
  g_variant_unref (client_call_manager (client, "echo", g_variant_new_parsed ("[<'x'>]"), NULL));
}

static void
wait_pending (Hub   *hub,
              guint  n)
{
  while (hypha_rpc_get_n_pending (hypha_manager_get_rpc (hub->manager)) != n)
    g_main_context_iteration (NULL, TRUE);
}

/* A guest with all the handlers that it may have, each of which has an event to handle. */
static Client *
connect_busy_guest (Hub *hub)
{
  Client *guest = hub_connect (hub, "g", NULL);

  for (guint i = 0; i < HYPHA_EVENT_HANDLERS_MAX_CLIENT; i++)
    add_handler (guest, "x", "services.s.f");

  send_emit (guest, "x");
  return guest;
}

/* Beyond so many, the handlers of a client wait for each other, and all are called. */
static void
test_event_handlers_max_running_client (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) other = hub_connect (hub, "o", token);
  g_autoptr (Client) guest = connect_busy_guest (hub);

  wait_pending (hub, HYPHA_EVENT_HANDLERS_MAX_RUNNING_CLIENT);
  settle (other);
  wait_pending (hub, HYPHA_EVENT_HANDLERS_MAX_RUNNING_CLIENT);
  for (guint i = 0; i < HYPHA_EVENT_HANDLERS_MAX_CLIENT; i++)
    serve_call (guest, "services.s.f", "resolve");

  wait_pending (hub, 0);
}

/* However many guests have handlers that hang, those of others are called, and nobody's dropped. */
static void
test_event_handlers_max_running (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  g_autoptr (Client) b = hub_connect (hub, "b", token);
  g_autoptr (GPtrArray) guests = g_ptr_array_new_with_free_func ((GDestroyNotify) client_free);
  Client *late;

  for (guint i = 0; i < 1 + HYPHA_EVENT_HANDLERS_MAX_RUNNING_ACCOUNT /
       HYPHA_EVENT_HANDLERS_MAX_RUNNING_CLIENT; i++)
    g_ptr_array_add (guests, connect_busy_guest (hub));

  wait_pending (hub, HYPHA_EVENT_HANDLERS_MAX_RUNNING_ACCOUNT);
  add_handler (a, "news", "services.s.f");
  assert_emits (b, "news");
  serve_call (a, "services.s.f", "resolve");

  /* One more guest waits, with the newest of its events, until others make room. */
  late = hub_connect (hub, "late", NULL);
  add_handler (late, "x", "services.s.f");
  for (guint i = 0; i < HYPHA_EVENT_HANDLERS_MAX_WAITING + 4; i++)
    send_emit (late, "x");
  settle (late);

  g_ptr_array_set_size (guests, 0);
  for (guint i = 0; i < HYPHA_EVENT_HANDLERS_MAX_WAITING; i++)
    serve_call (late, "services.s.f", "resolve");

  wait_pending (hub, 0);
  settle (b);
  g_assert_true (g_queue_is_empty (&late->binaries));
  client_free (late);
}

static void
test_events_handler_goes_with_its_client (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) a = hub_connect (hub, "a", token);
  g_autoptr (Client) b = hub_connect (hub, "b", token);
  g_autoptr (Client) again = NULL;

  add_handler (a, "x", "services.s.f");
  assert_emits (b, "x");
  hypha_connection_close (a->connection, 1000, NULL);
  client_wait_closed (a);
  again = hub_connect (hub, "a", token);
  assert_emits (b, "x");
  g_assert_true (g_queue_is_empty (&again->binaries));
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_func ("/hub/events/emit", test_events_emit);
  g_test_add_func ("/hub/events/reserved", test_events_reserved);
  g_test_add_func ("/hub/events/max-data", test_events_max_data);
  g_test_add_func ("/hub/events/foreign-names", test_events_foreign_names);
  g_test_add_func ("/hub/events/local-caller-goes", test_events_local_caller_goes);
  g_test_add_func ("/hub/events/guests-in-public", test_events_guests_in_public);
  g_test_add_func ("/hub/events/of-the-core", test_events_of_the_core);
  g_test_add_func ("/hub/events/handler", test_events_handler);
  g_test_add_func ("/hub/events/off", test_events_off);
  g_test_add_func ("/hub/events/handler-refused", test_events_handler_refused);
  g_test_add_func ("/hub/event-handlers/max-client", test_event_handlers_max_client);
  g_test_add_func ("/hub/event-handlers/max-waiting", test_event_handlers_max_waiting);
  g_test_add_func ("/hub/event-handlers/max-running-client",
                   test_event_handlers_max_running_client);
  g_test_add_func ("/hub/event-handlers/max-running", test_event_handlers_max_running);
  g_test_add_func ("/hub/events/handler-goes-with-its-client",
                   test_events_handler_goes_with_its_client);

  return g_test_run ();
}
