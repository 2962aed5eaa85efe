/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-soup-leak-private.h"

#define RELEASED_KEY "hypha-soup-leak-released"
/* Turns of the loop in which a connection to this process has to arrive, each of 10 ms at most. */
#define MAX_TURNS 100

/*
 * libsoup 3.2 takes a reference too many to every socket that its server accepts, so each
 * connection that there ever was costs 352 bytes. Whether the libsoup that this runs with still
 * does so is tried out, once: a reference that is not there must not be dropped.
 */
typedef struct
{
  gboolean  seen;
  GSocket  *socket;  /* not owned; NULL once it is freed */
} HyphaSoupLeak;

static void
hypha_soup_leak_on_freed (gpointer  data,
                          GObject  *socket)
{
  ((HyphaSoupLeak *) data)->socket = NULL;
}

static void
hypha_soup_leak_on_started (SoupServer        *soup,
                            SoupServerMessage *message,
                            HyphaSoupLeak     *leak)
{
  GSocket *socket = soup_server_message_get_socket (message);

  if (socket == NULL || leak->seen)
    return;

  leak->seen = TRUE;
  leak->socket = socket;
  g_object_weak_ref (G_OBJECT (socket), hypha_soup_leak_on_freed, leak);
}

static gboolean
hypha_soup_leak_tick (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

/* Lets one connection to the server come and go. */
static void
hypha_soup_leak_connect (SoupServer    *soup,
                         GMainContext  *context,
                         HyphaSoupLeak *leak)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) connection = NULL;
  g_autoptr (GSource) tick = g_timeout_source_new (10);
  GSList *uris = soup_server_get_uris (soup);

  g_source_set_callback (tick, hypha_soup_leak_tick, NULL, NULL);
  g_source_attach (tick, context);
  g_socket_client_set_enable_proxy (client, FALSE);
  connection = g_socket_client_connect_to_host (
    client, "127.0.0.1", (guint16) g_uri_get_port (uris->data), NULL, NULL);
  for (guint i = 0; connection != NULL && !leak->seen && i < MAX_TURNS; i++)
    g_main_context_iteration (context, TRUE);

  g_source_destroy (tick);
  g_slist_free_full (uris, (GDestroyNotify) g_uri_unref);
}

/* Once; a moment of a port that serves nothing. */
static gboolean
hypha_soup_leak_try (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (SoupServer) soup = NULL;
  HyphaSoupLeak leak = { 0 };
  gboolean leaks;

  g_main_context_push_thread_default (context);
  soup = soup_server_new (NULL, NULL);
  g_signal_connect (soup, "request-started", G_CALLBACK (hypha_soup_leak_on_started), &leak);
  if (soup_server_listen_local (soup, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, NULL))
    hypha_soup_leak_connect (soup, context, &leak);
  soup_server_disconnect (soup);
  g_clear_object (&soup);
  while (g_main_context_iteration (context, FALSE))
    continue;
  g_main_context_pop_thread_default (context);

  leaks = leak.socket != NULL;
  if (leaks)
    g_object_unref (leak.socket);
  return leaks;
}

/* Drops the reference too many to a socket that libsoup has accepted; libsoup has its own still. */
void
hypha_soup_leak_release (GSocket *socket)
{
  static gsize answer = 0;

  if (g_once_init_enter (&answer))
    g_once_init_leave (&answer, hypha_soup_leak_try () ? 2 : 1);

  if (answer != 2 || g_object_get_data (G_OBJECT (socket), RELEASED_KEY) != NULL)
    return;

  g_object_set_data (G_OBJECT (socket), RELEASED_KEY, (gpointer) RELEASED_KEY);
  g_object_unref (socket);
}
