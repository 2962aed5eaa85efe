/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-rpc-chunks-private.h"
#include "test-hub-fixture.h"
#include "test-utils.h"

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
  g_test_add_func ("/hub/manager/chunked-call", test_manager_chunked_call);
  g_test_add_func ("/hub/manager/chunks-belong-to-creator", test_manager_chunks_belong_to_creator);
  g_test_add_func ("/hub/manager/chunk-entries-limit", test_manager_chunk_entries_limit);
  g_test_add_func ("/hub/manager/chunked-answer", test_manager_chunked_answer);
  return g_test_run ();
}
