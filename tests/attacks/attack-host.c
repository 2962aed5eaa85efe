/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <gio/gio.h>
#include <glib-unix.h>
#include <hypha.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/*
 * A core with windows, but without a display: whoever connects to a second port and says a
 * workspace is the page of a new window in it. So raw clients can attack as pages, too. After a
 * line “workspace/client” of ours, both sides send frames: T or B, the size in 4 bytes, the bytes.
 *
 * Another core, in the same process, has nothing to do with that one.
 */

#define SOURCE "<config lang=\"json\">{\"name\": \"page\", \"type\": \"window\", \"api_version\":" \
               " \"0.1.8\"}</config><script lang=\"javascript\">api.export({})</script>"
#define MAX_FRAME (32 * 1024 * 1024)

G_DECLARE_FINAL_TYPE (HostPage, host_page, HOST, PAGE, HyphaConnection)

/* A page: what its socket says comes from the page. */
struct _HostPage
{
  HyphaConnection    parent_instance;

  HyphaCore         *core;    /* not owned */
  HyphaWindowInfo   *window;  /* NULL until there is one */
  GSocketConnection *socket;
  GDataInputStream  *input;
  guint8             head[5];
  guint8            *body;
  gsize              size;
};

G_DEFINE_FINAL_TYPE (HostPage, host_page, HYPHA_TYPE_CONNECTION)

static void host_page_next (HostPage *self);

static void
host_page_send (HyphaConnection *connection,
                HyphaFrameType   type,
                GBytes          *bytes)
{
  GOutputStream *output = g_io_stream_get_output_stream (G_IO_STREAM (HOST_PAGE (connection)->socket));
  gsize size;
  const void *data = g_bytes_get_data (bytes, &size);
  guint32 length = GUINT32_TO_BE ((guint32) size);

  /* A test's client reads what it is sent, or goes. */
  if (g_output_stream_write_all (output, type == HYPHA_FRAME_TEXT ? "T" : "B", 1, NULL, NULL, NULL) &&
      g_output_stream_write_all (output, &length, sizeof length, NULL, NULL, NULL))
    g_output_stream_write_all (output, data, size, NULL, NULL, NULL);
}

static void
host_page_close (HyphaConnection *connection,
                 guint            code,
                 const char      *reason)
{
  g_io_stream_close (G_IO_STREAM (HOST_PAGE (connection)->socket), NULL, NULL);
  hypha_connection_emit_closed (connection, code, reason != NULL ? reason : "");
}

static void
host_page_dispose (GObject *object)
{
  HostPage *self = HOST_PAGE (object);

  g_clear_object (&self->window);
  g_clear_object (&self->input);
  g_clear_object (&self->socket);
  g_clear_pointer (&self->body, g_free);

  G_OBJECT_CLASS (host_page_parent_class)->dispose (object);
}

static void
host_page_class_init (HostPageClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = host_page_dispose;
  HYPHA_CONNECTION_CLASS (klass)->send = host_page_send;
  HYPHA_CONNECTION_CLASS (klass)->close = host_page_close;
}

static void
host_page_init (HostPage *self)
{
}

static void
host_page_gone (HostPage *self)
{
  hypha_connection_emit_closed (HYPHA_CONNECTION (self), 1001, "the page has gone");
  if (self->window != NULL)
    hypha_core_window_closed (self->core, self->window);
}

static void
host_page_read_body (GObject      *source,
                     GAsyncResult *result,
                     gpointer      data)
{
  g_autoptr (HostPage) self = data;
  g_autoptr (GBytes) bytes = NULL;
  gsize read;

  if (!g_input_stream_read_all_finish (G_INPUT_STREAM (source), result, &read, NULL) ||
      read < self->size)
    {
      host_page_gone (self);
      return;
    }

  bytes = g_bytes_new_take (g_steal_pointer (&self->body), self->size);
  hypha_connection_emit_message (HYPHA_CONNECTION (self),
                                 self->head[0] == 'T' ? HYPHA_FRAME_TEXT : HYPHA_FRAME_BINARY,
                                 bytes);
  host_page_next (self);
}

static void
host_page_read_head (GObject      *source,
                     GAsyncResult *result,
                     gpointer      data)
{
  g_autoptr (HostPage) self = data;
  guint32 length;
  gsize read;

  if (!g_input_stream_read_all_finish (G_INPUT_STREAM (source), result, &read, NULL) ||
      read < sizeof self->head)
    {
      host_page_gone (self);
      return;
    }

  memcpy (&length, self->head + 1, sizeof length);
  self->size = GUINT32_FROM_BE (length);
  g_assert (self->size <= MAX_FRAME);
  self->body = g_malloc (self->size + 1);
  g_input_stream_read_all_async (G_INPUT_STREAM (source), self->body, self->size,
                                 G_PRIORITY_DEFAULT, NULL, host_page_read_body,
                                 g_object_ref (self));
}

static void
host_page_next (HostPage *self)
{
  g_input_stream_read_all_async (G_INPUT_STREAM (self->input), self->head, sizeof self->head,
                                 G_PRIORITY_DEFAULT, NULL, host_page_read_head,
                                 g_object_ref (self));
}

/* The page that the window which is being made is for. */
static HostPage *opening;

static gboolean
host_add_window (HyphaCore       *core,
                 HyphaWindowInfo *window,
                 gpointer         data)
{
  HostPage *page = g_steal_pointer (&opening);
  g_autofree char *line = NULL;

  if (page == NULL)
    return FALSE;

  page->window = g_object_ref (window);
  line = g_strdup_printf ("%s/%s\n", hypha_window_info_get_workspace (window),
                          hypha_window_info_get_client_id (window));
  g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (page->socket)), line,
                             strlen (line), NULL, NULL, NULL);
  hypha_core_mount (core, window, HYPHA_CONNECTION (page));
  host_page_next (page);
  return TRUE;
}

/* Most pages of attackers never come up as plugins, so most loads fail; that is no news. */
static void
host_loaded (GObject      *source,
             GAsyncResult *result,
             gpointer      data)
{
  g_autoptr (HostPage) page = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (HyphaWindowInfo) window = NULL;

  window = hypha_core_load_app_finish (HYPHA_CORE (source), result, &error);
  if (error != NULL)
    g_debug ("%s", error->message);
}

static void
host_read_workspace (GObject      *source,
                     GAsyncResult *result,
                     gpointer      data)
{
  g_autoptr (HostPage) page = data;
  g_autofree char *workspace = NULL;

  workspace = g_data_input_stream_read_line_finish (page->input, result, NULL, NULL);
  if (workspace == NULL)
    return;

  opening = page;
  hypha_core_load_app_async (page->core, workspace, SOURCE, NULL, host_loaded,
                             g_object_ref (page));
}

static gboolean
host_incoming (GSocketService    *service,
               GSocketConnection *socket,
               GObject           *source,
               gpointer           data)
{
  g_autoptr (HostPage) page = g_object_new (host_page_get_type (), NULL);

  page->core = data;
  page->socket = g_object_ref (socket);
  page->input = g_data_input_stream_new (g_io_stream_get_input_stream (G_IO_STREAM (socket)));
  g_data_input_stream_read_line_async (page->input, G_PRIORITY_DEFAULT, NULL, host_read_workspace,
                                       g_object_ref (page));
  return FALSE;
}

static HyphaCore *
host_start_other (void)
{
  g_autofree char *directory = g_build_filename (g_get_user_runtime_dir (), "other", NULL);
  g_autoptr (GError) error = NULL;
  HyphaCore *core = hypha_core_new ();

  hypha_core_set_workspace_dir (core, directory);
  hypha_core_set_port (core, 0);
  if (!hypha_core_start (core, NULL, &error))
    g_error ("%s", error->message);
  return core;
}

static gboolean
host_quit (gpointer data)
{
  g_main_loop_quit (data);
  return G_SOURCE_CONTINUE;
}

int
main (void)
{
  g_autoptr (HyphaCore) core = hypha_core_new ();
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GSocketService) pages = g_socket_service_new ();
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new (loopback, 0);
  g_autoptr (GSocketAddress) bound = NULL;
  g_autoptr (HyphaCore) other = NULL;
  g_autoptr (GError) error = NULL;

  signal (SIGPIPE, SIG_IGN);
  g_unix_signal_add (SIGTERM, host_quit, loop);
  hypha_core_set_port (core, 0);
  g_signal_connect (core, "add-window", G_CALLBACK (host_add_window), NULL);
  if (!g_socket_listener_add_address (G_SOCKET_LISTENER (pages), address, G_SOCKET_TYPE_STREAM,
                                      G_SOCKET_PROTOCOL_TCP, NULL, &bound, &error) ||
      !hypha_core_start (core, NULL, &error))
    g_error ("%s", error->message);

  other = host_start_other ();
  g_signal_connect (pages, "incoming", G_CALLBACK (host_incoming), core);
  printf ("hypha: listening on %s\npages: %u\nother: %u\n", hypha_core_get_url (core),
          g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound)), hypha_core_get_port (other));
  fflush (stdout);
  g_main_loop_run (loop);
  g_socket_service_stop (pages);
  hypha_core_close (other);
  hypha_core_close (core);
  return 0;
}
