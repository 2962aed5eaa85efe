/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "test-link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hypha-server-private.h"
#include "test-utils.h"

static const guint8 link_mask[4] = { 0x37, 0xfa, 0x21, 0x3d };

static void
link_message (HyphaConnection  *connection,
              HyphaFrameType    type,
              const HyphaSlice *slice,
              gpointer          data)
{
  Link *link = data;

  link->n_messages++;
  if (link->echo)
    hypha_connection_send_parts (connection, type, slice, 1);

  if (!link->count_only)
    {
      g_queue_push_tail (&link->messages, hypha_slice_to_bytes (slice));
      g_queue_push_tail (&link->message_types, GINT_TO_POINTER (type));
    }

  if (link->on_message != NULL)
    link->on_message (link);
}

static void
link_closed (HyphaConnection *connection,
             guint            code,
             const char      *reason,
             gpointer         data)
{
  Link *link = data;

  link->n_closed++;
  link->closed_code = code;
  link->closed_reason = g_strdup (reason);
}

static void
link_drained (HyphaConnection *connection,
              gpointer         data)
{
  ((Link *) data)->n_drained++;
}

static const HyphaConnectionSink link_sink = { link_message, link_closed, link_drained };

static gboolean
link_readable (int          fd,
               GIOCondition condition,
               gpointer     data)
{
  static guint8 buffer[256 * 1024];
  Link *link = data;
  gssize n = recv (fd, buffer, sizeof buffer, MSG_DONTWAIT);

  if (n > 0)
    g_byte_array_append (link->incoming, buffer, (guint) n);

  if (n > 0 || (n < 0 && errno == EAGAIN))
    return G_SOURCE_CONTINUE;

  link->eof = TRUE;
  link->source = 0;
  return G_SOURCE_REMOVE;
}

/* Takes over the two ends. */
void
link_adopt (Link            *link,
            HyphaConnection *connection,
            int              fd)
{
  link->connection = connection;
  hypha_connection_set_sink (connection, &link_sink, link);
  link->fd = fd;
  link_resume_client (link);
}

Link *
link_new_pair (void)
{
  g_autoptr (GError) error = NULL;
  Link *link = g_new0 (Link, 1);
  HyphaConnection *connection;
  int fds[2];

  link->incoming = g_byte_array_new ();
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  connection = hypha_websocket_connection_new (fds[0], NULL, NULL, &error);
  g_assert_no_error (error);
  link_adopt (link, connection, fds[1]);
  return link;
}

static HyphaServer *link_server;

static void
link_accept (HyphaServer     *server,
             HyphaConnection *connection,
             const char      *remote_address,
             gpointer         data)
{
  Link **waiting = data;

  g_assert_cmpstr (remote_address, ==, "127.0.0.1");
  (*waiting)->connection = g_object_ref (connection);
  hypha_connection_set_sink (connection, &link_sink, *waiting);
}

static gboolean
link_is_open (gpointer data)
{
  Link *link = data;

  return link->connection != NULL && link->incoming->len > 0 &&
         g_strstr_len ((char *) link->incoming->data, link->incoming->len, "\r\n\r\n") != NULL;
}

int
link_connect (guint port)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons ((guint16) port) };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  g_assert_cmpint (connect (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
  return fd;
}

static HyphaServer *
link_get_server (Link **waiting)
{
  g_autoptr (GError) error = NULL;

  if (link_server != NULL)
    return link_server;

  link_server = hypha_server_new ();
  hypha_server_set_accept (link_server, link_accept, waiting);
  hypha_server_listen (link_server, "127.0.0.1", 0, &error);
  g_assert_no_error (error);
  return link_server;
}

/* Through the real server: a TCP connection, and the handshake of RFC 6455 with its own example. */
Link *
link_new_server (void)
{
  static Link *waiting;
  Link *link = g_new0 (Link, 1);
  guint port = hypha_server_get_port (link_get_server (&waiting));
  g_autofree char *request =
    g_strdup_printf ("GET /ws?token=secret HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
                     "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                     "Sec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", port);
  const char *end;

  waiting = link;
  link->incoming = g_byte_array_new ();
  link->fd = link_connect (port);
  link_resume_client (link);
  link_send (link, request, strlen (request));
  g_assert_true (test_wait (link_is_open, link));

  end = g_strstr_len ((char *) link->incoming->data, link->incoming->len, "\r\n\r\n");
  g_byte_array_append (link->incoming, (const guint8 *) "", 1);
  g_assert_true (g_str_has_prefix ((char *) link->incoming->data, "HTTP/1.1 101 "));
  g_assert_nonnull (strstr ((char *) link->incoming->data, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
  g_assert_null (strstr ((char *) link->incoming->data, "deflate"));
  g_assert_cmpstr (end, ==, "\r\n\r\n");
  g_byte_array_set_size (link->incoming, 0);
  return link;
}

static void
link_server_stopped (GObject      *object,
                     GAsyncResult *result,
                     gpointer      data)
{
  g_autoptr (GError) error = NULL;

  hypha_server_stop_finish (HYPHA_SERVER (object), result, &error);
  g_assert_no_error (error);
  *(gboolean *) data = TRUE;
}

/* At the end of a test program that used it. */
void
link_stop_server (void)
{
  gboolean stopped = FALSE;

  if (link_server == NULL)
    return;

  hypha_server_stop_async (link_server, NULL, link_server_stopped, &stopped);
  g_assert_true (test_wait_flag (&stopped));
  g_assert_cmpuint (hypha_server_get_n_connections (link_server), ==, 0);
  g_clear_object (&link_server);
}

void
link_close_client (Link *link)
{
  g_clear_handle_id (&link->source, g_source_remove);
  if (link->fd >= 0)
    close (link->fd);
  link->fd = -1;
}

static gboolean
link_has_closed (gpointer data)
{
  return ((Link *) data)->n_closed > 0;
}

void
link_free (Link *link)
{
  link_close_client (link);
  if (!hypha_connection_is_closed (link->connection))
    g_assert_true (test_wait (link_has_closed, link));

  g_assert_cmpuint (link->n_closed, ==, 1);
  hypha_connection_set_sink (link->connection, NULL, NULL);
  g_object_unref (link->connection);
  g_queue_clear_full (&link->messages, (GDestroyNotify) g_bytes_unref);
  g_queue_clear (&link->message_types);
  g_byte_array_unref (link->incoming);
  g_free (link->closed_reason);
  g_free (link);

  /* The socket may have some last turns to go. */
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

void
link_pause_client (Link *link)
{
  g_clear_handle_id (&link->source, g_source_remove);
}

void
link_resume_client (Link *link)
{
  link->source = g_unix_fd_add (link->fd, G_IO_IN | G_IO_HUP, link_readable, link);
}

/* Sends all of it, with turns for the other end in between. */
void
link_send (Link          *link,
           gconstpointer  data,
           gsize          size)
{
  gint64 deadline = g_get_monotonic_time () + TEST_DEADLINE * G_TIME_SPAN_SECOND;
  const guint8 *bytes = data;

  while (size > 0)
    {
      gssize n = send (link->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);

      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      if (n < 0 && errno != EAGAIN)
        return;

      if (n < 0)
        {
          g_main_context_iteration (NULL, FALSE);
          continue;
        }

      bytes += n;
      size -= (gsize) n;
    }
}

void
link_send_hex (Link       *link,
               const char *hex)
{
  g_autoptr (GBytes) bytes = test_bytes_from_hex (hex);

  link_send (link, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
}

/* A masked frame; first_byte holds FIN, the reserved bits and the opcode as on the wire. */
GBytes *
link_make_frame (guint         first_byte,
                 gconstpointer payload,
                 gsize         size)
{
  guint8 header[HYPHA_FRAME_MAX_HEADER];
  gsize header_size = hypha_frame_write_header (header, HYPHA_OPCODE_TEXT, size, link_mask);
  guint8 *frame = g_malloc (header_size + size);

  header[0] = (guint8) first_byte;
  memcpy (frame, header, header_size);
  if (size > 0)
    memcpy (frame + header_size, payload, size);
  hypha_frame_unmask (frame + header_size, size, link_mask, 0);
  return g_bytes_new_take (frame, header_size + size);
}

void
link_send_frame (Link          *link,
                 guint          first_byte,
                 gconstpointer  payload,
                 gsize          size)
{
  g_autoptr (GBytes) frame = link_make_frame (first_byte, payload, size);

  link_send (link, g_bytes_get_data (frame, NULL), g_bytes_get_size (frame));
}

/* A condition for test_wait(): the server has sent a whole frame, or closed. */
gboolean
link_has_frame (gpointer data)
{
  Link *link = data;
  HyphaFrameHeader header;
  const char *problem;

  if (hypha_frame_parse_header (link->incoming->data, link->incoming->len, &header, &problem) !=
      HYPHA_FRAME_OK)
    return link->eof;

  return link->eof || link->incoming->len >= header.size + header.length;
}

/* The next frame that the server sent, which has to start with this byte. */
GBytes *
link_expect_frame (Link  *link,
                   guint  first_byte)
{
  HyphaFrameHeader header;
  const char *problem;
  GBytes *payload;

  g_assert_true (test_wait (link_has_frame, link));
  g_assert_cmpint (hypha_frame_parse_header (link->incoming->data, link->incoming->len, &header,
                                             &problem), ==, HYPHA_FRAME_OK);
  g_assert_cmphex (link->incoming->data[0], ==, first_byte);
  g_assert_false (header.masked);
  g_assert_cmpuint (link->incoming->len, >=, header.size + header.length);
  payload = g_bytes_new (link->incoming->data + header.size, (gsize) header.length);
  g_byte_array_remove_range (link->incoming, 0, header.size + (guint) header.length);
  return payload;
}

void
link_expect_text (Link       *link,
                  const char *text)
{
  g_autoptr (GBytes) payload = link_expect_frame (link, 0x81);

  g_assert_cmpmem (g_bytes_get_data (payload, NULL), g_bytes_get_size (payload), text,
                   strlen (text));
}

static gboolean
link_has_message (gpointer data)
{
  Link *link = data;

  return link->messages.length > 0 || link->n_closed > 0;
}

/* The next message that the server's end received. */
GBytes *
link_expect_message (Link           *link,
                     HyphaFrameType  type)
{
  g_assert_true (test_wait (link_has_message, link));
  g_assert_cmpuint (link->messages.length, >, 0);
  g_assert_cmpint (GPOINTER_TO_INT (g_queue_pop_head (&link->message_types)), ==, type);
  return g_queue_pop_head (&link->messages);
}

/* The server's end has ended with this code. */
void
link_expect_closed (Link  *link,
                    guint  code)
{
  g_assert_true (test_wait (link_has_closed, link));
  g_assert_cmpuint (link->closed_code, ==, code);
}

static gboolean
link_at_eof (gpointer data)
{
  return ((Link *) data)->eof;
}

void
link_expect_eof (Link *link)
{
  g_assert_true (test_wait (link_at_eof, link));
}

/* The server's end has had enough: it says so with this code, and closes. */
void
link_expect_fault (Link  *link,
                   guint  code)
{
  g_autoptr (GBytes) payload = link_expect_frame (link, 0x88);
  const guint8 *data = g_bytes_get_data (payload, NULL);

  g_assert_cmpuint (g_bytes_get_size (payload), >=, 2);
  g_assert_cmpuint ((guint) data[0] << 8 | data[1], ==, code);
  link_expect_closed (link, code);
  link_expect_eof (link);
  g_assert_cmpuint (link->incoming->len, ==, 0);
}

/* Memory in use, in bytes; 0 where a sanitizer keeps what was freed and no figure counts. */
gsize
link_get_rss (void)
{
#ifdef __SANITIZE_ADDRESS__
  return 0;
#else
  g_autofree char *status = NULL;
  const char *line;

  g_assert_true (g_file_get_contents ("/proc/self/status", &status, NULL, NULL));
  line = strstr (status, "VmRSS:");
  return (gsize) g_ascii_strtoull (line + strlen ("VmRSS:"), NULL, 10) * 1024;
#endif
}

/* Every case over a pair of sockets, and through the real server. */
void
link_add_case (const char    *prefix,
               const char    *name,
               GTestDataFunc  func)
{
  g_autofree char *pair = g_strconcat (prefix, "pair/", name, NULL);
  g_autofree char *server = g_strconcat (prefix, "server/", name, NULL);

  g_test_add_data_func (pair, (gconstpointer) link_new_pair, func);
  g_test_add_data_func (server, (gconstpointer) link_new_server, func);
}
