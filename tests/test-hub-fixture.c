/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "test-hub-fixture.h"
#include "test-utils.h"

Hub *
hub_new (void)
{
  Hub *hub = g_new0 (Hub, 1);

  hub->secret = g_bytes_new_static ("0123456789abcdef0123456789abcdef", 32);
  hub->authority = hypha_authority_new (hub->secret);
  hub->router = hypha_router_new ();
  hub->registry = hypha_registry_new ();
  hub->manager = hypha_manager_new (hub->router, hub->registry, hub->authority);
  hub->gate = hypha_gate_new (hub->router, hub->authority);
  hypha_manager_set_base_url (hub->manager, "http://127.0.0.1:9527");
  hypha_gate_set_base_url (hub->gate, "http://127.0.0.1:9527");
  hypha_gate_set_rpc (hub->gate, hypha_manager_get_rpc (hub->manager));
  return hub;
}

void
hub_free (Hub *hub)
{
  g_object_unref (hub->gate);
  g_assert_finalize_object (hub->manager);
  g_object_unref (hub->registry);
  g_assert_finalize_object (hub->router);
  g_assert_finalize_object (hub->authority);
  g_bytes_unref (hub->secret);
  g_free (hub);
}

/* A token as the host program mints it. */
char *
hub_token (Hub        *hub,
           const char *workspace,
           const char *user)
{
  g_autoptr (HyphaUserInfo) root = hypha_user_info_new_root ();
  g_autoptr (GVariant) config = NULL;
  g_autoptr (GError) error = NULL;
  char *token;

  config = g_variant_ref_sink (
    g_variant_new_parsed ("{'workspace': <%s>, 'user_id': <%s>, 'email': <'x@example.org'>}",
                          workspace, user));
  token = hypha_token_methods_mint (hub->authority, root, "default", "root", config, &error);
  g_assert_no_error (error);
  return token;
}

static void
client_on_message (HyphaConnection *connection,
                   HyphaFrameType   type,
                   GBytes          *bytes,
                   Client          *client)
{
  gsize size;
  const char *data = g_bytes_get_data (bytes, &size);

  if (type == HYPHA_FRAME_TEXT)
    g_queue_push_tail (&client->texts, g_strndup (data, size));
  else
    g_queue_push_tail (&client->binaries, g_bytes_ref (bytes));
}

static void
client_on_closed (HyphaConnection *connection,
                  guint            code,
                  const char      *reason,
                  Client          *client)
{
  client->close_code = code;
  client->close_reason = g_strdup (reason);
}

/* Takes the connection. */
Client *
client_new (HyphaConnection *connection)
{
  Client *client = g_new0 (Client, 1);

  client->connection = connection;
  g_queue_init (&client->texts);
  g_queue_init (&client->binaries);
  g_signal_connect (connection, "message", G_CALLBACK (client_on_message), client);
  g_signal_connect (connection, "closed", G_CALLBACK (client_on_closed), client);
  return client;
}

void
client_free (Client *client)
{
  g_signal_handlers_disconnect_by_data (client->connection, client);
  hypha_connection_close (client->connection, 1000, NULL);
  g_object_unref (client->connection);
  g_queue_clear_full (&client->texts, g_free);
  g_queue_clear_full (&client->binaries, (GDestroyNotify) g_bytes_unref);
  g_free (client->close_reason);
  g_free (client->id);
  g_free (client);
}

/* A connection that has not said anything yet. */
Client *
hub_open (Hub *hub)
{
  return hub_open_from (hub, "test");
}

Client *
hub_open_from (Hub        *hub,
               const char *remote)
{
  g_autoptr (HyphaConnection) far_end = NULL;
  HyphaConnection *near_end;

  hypha_pipe_connection_new_pair (&near_end, &far_end);
  hypha_gate_accept (hub->gate, far_end, remote);
  return client_new (near_end);
}

/* A client that is in. */
Client *
hub_connect (Hub        *hub,
             const char *client_id,
             const char *token)
{
  Client *client = hub_open (hub);
  g_autoptr (JsonNode) info = NULL;
  g_autofree char *hello = NULL;
  g_autofree char *text = NULL;
  JsonObject *object;

  if (token != NULL)
    hello = g_strdup_printf ("{\"client_id\":\"%s\",\"token\":\"%s\"}", client_id, token);
  else
    hello = g_strdup_printf ("{\"client_id\":\"%s\",\"reconnection_token\":null}", client_id);

  client_send_text (client, hello);
  text = client_take_text (client);
  info = json_from_string (text, NULL);
  object = json_node_get_object (info);
  g_assert_cmpstr (json_object_get_string_member (object, "type"), ==, "connection_info");
  client->id = g_strconcat (json_object_get_string_member (object, "workspace"), "/",
                            json_object_get_string_member (object, "client_id"), NULL);
  return client;
}

void
client_send_text (Client     *client,
                  const char *text)
{
  g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));

  hypha_connection_send (client->connection, HYPHA_FRAME_TEXT, bytes);
}

/* Sends two segments as they stand; floating references are consumed. */
void
client_send (Client   *client,
             GVariant *envelope,
             GVariant *extra)
{
  g_autoptr (GVariant) first = g_variant_ref_sink (envelope);
  g_autoptr (GVariant) second = extra != NULL ? g_variant_ref_sink (extra) : NULL;
  g_autoptr (GBytes) bytes = NULL;
  GByteArray *out = g_byte_array_new ();

  hypha_msgpack_encode (out, first);
  if (second != NULL)
    hypha_msgpack_encode (out, second);
  bytes = g_byte_array_free_to_bytes (out);
  hypha_connection_send (client->connection, HYPHA_FRAME_BINARY, bytes);
}

static gboolean
has_text_or_closed (gpointer data)
{
  Client *client = data;

  return !g_queue_is_empty (&client->texts) || client->close_code != 0;
}

/* The next text frame. */
char *
client_take_text (Client *client)
{
  g_assert_true (test_wait (has_text_or_closed, client));
  g_assert_false (g_queue_is_empty (&client->texts));
  return g_queue_pop_head (&client->texts);
}

/* Asks for a workspace with a token under key; what the gate answers, whatever it is. */
char *
hub_say_hello (Hub        *hub,
               const char *id,
               const char *workspace,
               const char *key,
               const char *token,
               Client    **client)
{
  g_autofree char *hello = NULL;

  *client = hub_open (hub);
  hello = g_strdup_printf ("{\"client_id\":\"%s\",\"workspace\":\"%s\",\"%s\":\"%s\"}", id,
                           workspace, key, token);
  client_send_text (*client, hello);
  return client_take_text (*client);
}

static gboolean
has_binary (gpointer data)
{
  Client *client = data;

  return !g_queue_is_empty (&client->binaries);
}

/* The next binary frame: its envelope and, where wanted, its extra segment (NULL if absent). */
GVariant *
client_take (Client    *client,
             GVariant **extra)
{
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GError) error = NULL;
  const guint8 *data;
  GVariant *envelope;
  gsize size;
  gsize used;

  g_assert_true (test_wait (has_binary, client));
  bytes = g_queue_pop_head (&client->binaries);
  data = g_bytes_get_data (bytes, &size);
  envelope = hypha_msgpack_decode (data, size, NULL, &used, &error);
  g_assert_no_error (error);
  if (extra != NULL)
    {
      *extra = used < size ? hypha_msgpack_decode (data + used, size - used, NULL, NULL, &error) :
                             NULL;
      g_assert_no_error (error);
    }

  return envelope;
}

/* The answer of the call in session: the value, or NULL and the error's text. */
GVariant *
client_take_answer (Client      *client,
                    const char  *session,
                    char       **error)
{
  g_autofree char *resolve = g_strconcat (session, ".resolve", NULL);
  g_autofree char *reject = g_strconcat (session, ".reject", NULL);

  while (TRUE)
    {
      g_autoptr (GVariant) extra = NULL;
      g_autoptr (GVariant) envelope = client_take (client, &extra);
      g_autoptr (GVariant) list = NULL;
      g_autoptr (GVariant) value = NULL;
      const char *answered = "";

      g_variant_lookup (envelope, "method", "&s", &answered);
      if (!g_str_equal (answered, resolve) && !g_str_equal (answered, reject))
        continue;

      list = g_variant_lookup_value (extra, "args", G_VARIANT_TYPE ("av"));
      g_variant_get_child (list, 0, "v", &value);
      if (g_str_equal (answered, resolve))
        return g_steal_pointer (&value);

      if (error != NULL)
        g_variant_lookup (value, "_rvalue", "s", error);
      return NULL;
    }
}

/* Calls and waits: the value, or NULL and the error's text. Other messages are dropped. */
GVariant *
client_call (Client      *client,
             const char  *to,
             const char  *method,
             GVariant    *args,
             char       **error)
{
  g_autofree char *session = g_strdup_printf ("s%u", client->next++);

  client_send (client,
               g_variant_new_parsed ("{'type': <'method'>, 'from': <'liar/liar'>, 'to': <%s>,"
                                     " 'method': <%s>, 'session': <%s>}", to, method, session),
               g_variant_new_parsed ("{'args': <%*>, 'promise': <'*'>, 't': <int64 15>}", args));
  return client_take_answer (client, session, error);
}

/* The same of the manager, with arguments by name after those by position. */
GVariant *
client_call_named (Client      *client,
                   const char  *method,
                   GVariant    *args,
                   GVariant    *named,
                   char       **error)
{
  g_autofree char *session = g_strdup_printf ("s%u", client->next++);
  g_autofree char *full = g_strconcat ("services.default.", method, NULL);
  g_autoptr (GVariant) positional = g_variant_ref_sink (args);
  GVariantBuilder all;
  GVariantIter iter;
  GVariant *item;

  g_variant_builder_init (&all, G_VARIANT_TYPE ("av"));
  g_variant_iter_init (&iter, positional);
  while ((item = g_variant_iter_next_value (&iter)) != NULL)
    {
      g_variant_builder_add_value (&all, item);
      g_variant_unref (item);
    }
  g_variant_builder_add (&all, "v", named);

  client_send (client,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <%s>, 'method': <%s>,"
                                     " 'session': <%s>}", HYPHA_ADDRESS_MANAGER, full, session),
               g_variant_new_parsed ("{'args': <%*>, 'with_kwargs': <true>, 'promise': <'*'>}",
                                     g_variant_builder_end (&all)));
  return client_take_answer (client, session, error);
}

/* The data of the next event of this name. Other messages are dropped. */
GVariant *
client_take_event (Client     *client,
                   const char *event)
{
  while (TRUE)
    {
      g_autoptr (GVariant) envelope = client_take (client, NULL);
      const char *type = "";

      g_variant_lookup (envelope, "type", "&s", &type);
      if (g_str_equal (type, event))
        return g_variant_lookup_value (envelope, "data", NULL);
    }
}

GVariant *
client_call_manager (Client      *client,
                     const char  *method,
                     GVariant    *args,
                     char       **error)
{
  g_autofree char *full = g_strconcat ("services.default.", method, NULL);

  return client_call (client, HYPHA_ADDRESS_MANAGER, full, args, error);
}

/* The same with arguments as text; it must not fail. */
GVariant *
client_must_call (Client     *client,
                  const char *method,
                  const char *args)
{
  g_autofree char *error = NULL;
  GVariant *value = client_call_manager (client, method, g_variant_new_parsed (args), &error);

  if (error != NULL)
    g_error ("%s %s: %s", method, args, error);
  g_assert_nonnull (value);
  return value;
}

static char *
client_take_refusal (Client     *client,
                     const char *method,
                     const char *args)
{
  char *error = NULL;

  g_assert_null (client_call_manager (client, method, g_variant_new_parsed (args), &error));
  g_assert_nonnull (error);
  return error;
}

/* It must fail, with this text. */
void
client_assert_fails (Client     *client,
                     const char *method,
                     const char *args,
                     const char *text)
{
  g_autofree char *error = client_take_refusal (client, method, args);

  g_assert_cmpstr (error, ==, text);
}

/* It must fail, with this somewhere in the text. */
void
client_assert_refused (Client     *client,
                       const char *method,
                       const char *args,
                       const char *text)
{
  g_autofree char *error = client_take_refusal (client, method, args);

  if (strstr (error, text) == NULL)
    g_error ("%s %s: “%s” does not say “%s”", method, args, error, text);
}

/* This is somewhere in the answer, or in the error. */
void
client_assert_says (Client     *client,
                    const char *method,
                    GVariant   *args,
                    const char *expected)
{
  g_autofree char *error = NULL;
  g_autofree char *text = NULL;
  g_autoptr (GVariant) answer = client_call_manager (client, method, args, &error);

  text = answer != NULL ? g_variant_print (answer, FALSE) : g_strdup (error);
  if (strstr (text, expected) == NULL)
    g_error ("%s: “%s” does not say “%s”", method, text, expected);
}

void
client_register (Client     *client,
                 const char *service,
                 const char *visibility)
{
  g_autofree char *error = NULL;
  g_autoptr (GVariant) stored = NULL;

  stored = client_call_manager (client, "register_service",
                                g_variant_new_parsed ("[<{'id': <%s>, 'name': <%s>,"
                                                      " 'config': <{'visibility': <%s>}>}>]",
                                                      service, service, visibility),
                                &error);
  g_assert_cmpstr (error, ==, NULL);
  g_assert_nonnull (stored);
}

static gboolean
is_closed (gpointer data)
{
  Client *client = data;

  return client->close_code != 0;
}

void
client_wait_closed (Client *client)
{
  g_assert_true (test_wait (is_closed, client));
}
