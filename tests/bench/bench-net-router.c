/* SPDX-License-Identifier: MIT */

/*
 * The net room alone under bench-route's load: the real server and the real connections, with a
 * router on top that only finds the target. What the core adds to this is its own cost.
 */

#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hypha-server-private.h"

static GHashTable *peers;
static guint n_peers;

static void
introduce (HyphaConnection *connection)
{
  g_autofree char *address = g_strdup_printf ("w%u/c%u", n_peers, n_peers);
  g_autofree char *json =
    g_strdup_printf ("{\"type\":\"connection_info\",\"workspace\":\"w%u\",\"client_id\":\"c%u\"}",
                     n_peers, n_peers);
  g_autoptr (GBytes) bytes = g_bytes_new (json, strlen (json));

  n_peers++;
  hypha_connection_send (connection, HYPHA_FRAME_TEXT, bytes);
  g_hash_table_insert (peers, g_steal_pointer (&address), connection);
}

/* The strings of the first map as bench-route writes them: 0xd9, size, bytes. */
static HyphaConnection *
find_target (const guint8 *data,
             gsize         size)
{
  const guint8 *p = data + 1;

  for (int i = 0; i < (data[0] & 15) && p + 4 < data + size; i++)
    {
      const guint8 *key = p + 2;
      const guint8 *value = key + p[1];
      char address[256];

      p = value + 2 + value[1];
      if (value - key != 2 || memcmp (key, "to", 2) != 0)
        continue;

      memcpy (address, value + 2, value[1]);
      address[value[1]] = '\0';
      return g_hash_table_lookup (peers, address);
    }

  return NULL;
}

static void
on_message (HyphaConnection  *connection,
            HyphaFrameType    type,
            const HyphaSlice *slice,
            gpointer          data)
{
  HyphaConnection *target;

  if (type == HYPHA_FRAME_TEXT)
    {
      introduce (connection);
      return;
    }

  target = find_target (slice->data, slice->size);
  if (target != NULL)
    hypha_connection_send_parts (target, type, slice, 1);
}

static gboolean
is_connection (gpointer key,
               gpointer value,
               gpointer data)
{
  return value == data;
}

static void
on_closed (HyphaConnection *connection,
           guint            code,
           const char      *reason,
           gpointer         data)
{
  g_hash_table_foreach_remove (peers, is_connection, connection);
  g_object_unref (connection);
}

static const HyphaConnectionSink sink = { on_message, on_closed, NULL };

static void
on_accept (HyphaServer     *server,
           HyphaConnection *connection,
           const char      *remote_address,
           gpointer         data)
{
  hypha_connection_set_sink (g_object_ref (connection), &sink, NULL);
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (HyphaServer) server = hypha_server_new ();
  g_autoptr (GError) error = NULL;

  peers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  hypha_server_set_accept (server, on_accept, NULL);
  if (!hypha_server_listen (server, "127.0.0.1", argc > 1 ? (guint) atoi (argv[1]) : 0, &error))
    {
      g_printerr ("%s\n", error->message);
      return 1;
    }

  g_print ("listening on 127.0.0.1 port %u\n", hypha_server_get_port (server));
  g_main_loop_run (loop);
  return 0;
}
