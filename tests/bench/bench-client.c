/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "bench-client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OUT_CAPACITY (64 * 1024)

void
bench_die (const char *format,
           ...)
{
  va_list args;

  va_start (args, format);
  vfprintf (stderr, format, args);
  va_end (args);
  fputc ('\n', stderr);
  exit (1);
}

static void *
bench_alloc (size_t size)
{
  void *memory = calloc (1, size);

  if (memory == NULL)
    bench_die ("out of memory");
  return memory;
}

static void
bench_send_all (int         fd,
                const void *data,
                size_t      size)
{
  const uint8_t *bytes = data;

  while (size > 0)
    {
      ssize_t n = send (fd, bytes, size, MSG_NOSIGNAL);

      if (n <= 0)
        bench_die ("cannot send the handshake: %s", strerror (errno));
      bytes += n;
      size -= (size_t) n;
    }
}

static void
bench_receive_all (int     fd,
                   void   *data,
                   size_t  size)
{
  if (recv (fd, data, size, MSG_WAITALL) != (ssize_t) size)
    bench_die ("server closed during the handshake");
}

static int
bench_connect (const char *host,
               int         port)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons ((uint16_t) port) };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int yes = 1;

  if (inet_pton (AF_INET, host, &address.sin_addr) != 1)
    bench_die ("%s is not an IPv4 address", host);
  if (fd < 0 || connect (fd, (struct sockaddr *) &address, sizeof address) < 0)
    bench_die ("cannot connect to %s port %d: %s", host, port, strerror (errno));

  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return fd;
}

/* Byte by byte, so that nothing behind the answer is taken. */
static void
bench_upgrade (int         fd,
               const char *host,
               int         port)
{
  char text[4096];
  int size = snprintf (text, sizeof text,
                       "GET /ws HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", host, port);

  bench_send_all (fd, text, (size_t) size);
  for (size_t i = 0; i + 1 < sizeof text; i++)
    {
      bench_receive_all (fd, text + i, 1);
      text[i + 1] = '\0';
      if (i >= 3 && memcmp (text + i - 3, "\r\n\r\n", 4) == 0)
        {
          if (strncmp (text, "HTTP/1.1 101", 12) != 0)
            bench_die ("no WebSocket at %s port %d: %s", host, port, text);
          return;
        }
    }

  bench_die ("answer to the handshake is too long");
}

/* The value of a string member; the server writes plain JSON with no escapes in these two. */
static void
bench_get_member (const char *json,
                  const char *name,
                  char       *value,
                  size_t      size)
{
  char pattern[64];
  const char *start;
  size_t length;

  snprintf (pattern, sizeof pattern, "\"%s\"", name);
  start = strstr (json, pattern);
  if (start == NULL)
    bench_die ("no %s in the server's answer: %s", name, json);

  start = strchr (start + strlen (pattern), '"');
  length = start != NULL ? strcspn (start + 1, "\"") : size;
  if (length >= size)
    bench_die ("strange %s in the server's answer: %s", name, json);

  memcpy (value, start + 1, length);
  value[length] = '\0';
}

static void
bench_introduce (BenchClient *client,
                 unsigned     index)
{
  uint8_t frame[256] = { 0x81 };
  char json[65536];
  char workspace[100];
  char id[100];
  uint8_t header[4];
  size_t length;
  int size = snprintf ((char *) frame + 6, sizeof frame - 6, "{\"client_id\":\"bench-%d-%u\"}",
                       (int) getpid (), index);

  frame[1] = (uint8_t) (0x80 | size);
  bench_send_all (client->fd, frame, 6 + (size_t) size);

  bench_receive_all (client->fd, header, 2);
  length = header[1];
  if (header[0] != 0x81 || length > 126)
    bench_die ("strange answer to the first frame");

  if (length == 126)
    {
      bench_receive_all (client->fd, header + 2, 2);
      length = (size_t) header[2] << 8 | header[3];
    }

  if (length >= sizeof json)
    bench_die ("strange answer to the first frame");
  bench_receive_all (client->fd, json, length);
  json[length] = '\0';
  bench_get_member (json, "workspace", workspace, sizeof workspace);
  bench_get_member (json, "client_id", id, sizeof id);
  snprintf (client->address, sizeof client->address, "%s/%s", workspace, id);
}

/* Connects and goes through both handshakes, blocking. */
void
bench_client_open (BenchClient *client,
                   const char  *host,
                   int          port,
                   unsigned     index)
{
  memset (client, 0, sizeof *client);
  client->fd = bench_connect (host, port);
  bench_upgrade (client->fd, host, port);
  bench_introduce (client, index);
}

static uint8_t *
put_string (uint8_t    *p,
            const char *text)
{
  size_t size = strlen (text);

  *p++ = 0xd9;
  *p++ = (uint8_t) size;
  memcpy (p, text, size);
  return p + size;
}

static uint8_t *
put_big_endian (uint8_t  *p,
                uint64_t  value,
                int       n_bytes)
{
  for (int i = n_bytes - 1; i >= 0; i--)
    *p++ = (uint8_t) (value >> (8 * i));
  return p;
}

/* The message of a call without a session: two MessagePack maps, one behind the other. */
static size_t
bench_build_message (uint8_t    *buffer,
                     const char *from,
                     const char *to,
                     size_t      payload_size)
{
  uint8_t *p = buffer;

  *p++ = 0x84;
  p = put_string (p, "type");
  p = put_string (p, "method");
  p = put_string (p, "from");
  p = put_string (p, from);
  p = put_string (p, "to");
  p = put_string (p, to);
  p = put_string (p, "method");
  p = put_string (p, "services.default.echo");
  *p++ = 0x81;
  p = put_string (p, "args");
  *p++ = 0x91;
  *p++ = 0xc6;
  p = put_big_endian (p, payload_size, 4);
  return (size_t) (p - buffer);
}

void
bench_client_set_frame (BenchClient *client,
                        const char  *to,
                        size_t       payload_size,
                        size_t       in_flight)
{
  uint8_t message[1024];
  size_t message_size = bench_build_message (message, client->address, to, payload_size);
  size_t total = message_size + payload_size;
  uint8_t *p;

  client->frame = bench_alloc (14 + total);
  p = client->frame;
  *p++ = 0x82;
  *p++ = (uint8_t) (0x80 | (total < 126 ? total : total <= 0xffff ? 126 : 127));
  p = put_big_endian (p, total, total < 126 ? 0 : total <= 0xffff ? 2 : 8);
  p = put_big_endian (p, 0, 4);
  memcpy (p, message, message_size);
  p += message_size;
  client->time_offset = (size_t) (p - client->frame);
  client->frame_size = client->time_offset + payload_size;
  client->payload_size = payload_size;

  client->max_pending = 2 * in_flight + 1;
  client->pending = bench_alloc (client->max_pending * sizeof *client->pending);
  client->out_capacity = client->frame_size > OUT_CAPACITY ? client->frame_size : OUT_CAPACITY;
  client->out = bench_alloc (client->out_capacity);
  if (client->frame_size * 2 > client->out_capacity)
    memcpy (client->out, client->frame, client->frame_size);
}

void
bench_client_queue (BenchClient *client,
                    uint64_t     time)
{
  if (client->n_pending == client->max_pending)
    bench_die ("more frames came back than were sent");

  client->pending[(client->first_pending + client->n_pending++) % client->max_pending] = time;
}

static void
bench_client_fill (BenchClient *client)
{
  client->out_pos = 0;
  client->out_size = 0;
  while (client->n_pending > 0 && client->out_size + client->frame_size <= client->out_capacity)
    {
      uint8_t *frame = client->out + client->out_size;

      /* A large frame has the buffer to itself and is in it already. */
      if (client->frame_size * 2 <= client->out_capacity)
        memcpy (frame, client->frame, client->frame_size);
      memcpy (frame + client->time_offset, &client->pending[client->first_pending],
              sizeof (uint64_t));
      client->first_pending = (client->first_pending + 1) % client->max_pending;
      client->n_pending--;
      client->out_size += client->frame_size;
    }
}

/* Sends what is pending; false if the socket takes no more for now. */
bool
bench_client_flush (BenchClient *client)
{
  for (;;)
    {
      ssize_t n;

      if (client->out_pos == client->out_size)
        bench_client_fill (client);
      if (client->out_size == 0)
        return true;

      n = send (client->fd, client->out + client->out_pos, client->out_size - client->out_pos,
                MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n < 0 && errno == EAGAIN)
        return false;
      if (n < 0)
        bench_die ("cannot send: %s", strerror (errno));
      client->out_pos += (size_t) n;
    }
}

static size_t
bench_client_wanted_header (const BenchClient *client)
{
  if (client->header_size < 2)
    return 2;

  return client->header[1] == 126 ? 4 : client->header[1] == 127 ? 10 : 2;
}

static size_t
bench_client_take_header (BenchClient   *client,
                          const uint8_t *data,
                          size_t         size)
{
  size_t used = 0;
  size_t wanted = 2;

  while (used < size && client->header_size < wanted)
    {
      client->header[client->header_size++] = data[used++];
      wanted = bench_client_wanted_header (client);
    }

  if (client->header_size < bench_client_wanted_header (client))
    return used;

  if (client->header[0] != 0x82)
    bench_die ("unexpected frame 0x%02x from the server", client->header[0]);

  client->left = wanted == 2 ? client->header[1] : 0;
  for (size_t i = 2; i < wanted; i++)
    client->left = client->left << 8 | client->header[i];
  if (client->left < client->payload_size)
    bench_die ("short frame from the server");

  client->time_left = client->left - client->payload_size;
  client->n_time_bytes = 0;
  return used;
}

/* Skips through the payload, picking the time out of it. */
static size_t
bench_client_take_payload (BenchClient   *client,
                           const uint8_t *data,
                           size_t         size)
{
  size_t used = size < client->left ? size : (size_t) client->left;
  size_t pos = client->time_left < used ? (size_t) client->time_left : used;

  client->time_left -= pos;
  while (pos < used && client->n_time_bytes < sizeof client->time_bytes)
    client->time_bytes[client->n_time_bytes++] = data[pos++];

  client->left -= used;
  return used;
}

/* Reads once; false if the server has closed. */
bool
bench_client_read (BenchClient *client,
                   uint8_t     *buffer,
                   size_t       size,
                   BenchFrame   frame)
{
  ssize_t n = recv (client->fd, buffer, size, MSG_DONTWAIT);
  size_t pos = 0;

  if (n < 0 && errno == EAGAIN)
    return true;
  if (n <= 0)
    return false;

  while (pos < (size_t) n)
    {
      uint64_t time;

      if (client->left == 0)
        pos += bench_client_take_header (client, buffer + pos, (size_t) n - pos);
      if (client->left == 0)
        continue;

      pos += bench_client_take_payload (client, buffer + pos, (size_t) n - pos);
      if (client->left > 0)
        continue;

      client->header_size = 0;
      memcpy (&time, client->time_bytes, sizeof time);
      frame (client, time);
    }

  return true;
}

void
bench_client_close (BenchClient *client)
{
  close (client->fd);
  free (client->frame);
  free (client->pending);
  free (client->out);
}
