/* SPDX-License-Identifier: MIT */

/*
 * A yardstick for what a router can do at all: epoll and memcpy, nothing else. It speaks to
 * bench-route and to nobody else: no checks, no stamping, no limits, one fixed answer to the
 * WebSocket handshake. Not for use with anything but trusted load.
 */

#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE (256 * 1024)
#define TABLE_SIZE 65536

typedef struct Buffer
{
  uint8_t *data;
  size_t   size;
  size_t   capacity;
} Buffer;

typedef enum
{
  UPGRADING,
  INTRODUCING,
  ROUTING,
} Phase;

typedef struct Peer
{
  struct Peer *next_dirty;
  Buffer       in;
  Buffer       out;
  size_t       out_pos;
  char         address[64];
  int          fd;
  Phase        phase;
  bool         dirty;
  bool         wants_out;
} Peer;

static Peer *table[TABLE_SIZE];
static Peer *first_dirty;
static int epoll_fd;

static void
reserve (Buffer *buffer,
         size_t  extra)
{
  if (buffer->size + extra <= buffer->capacity)
    return;

  buffer->capacity = (buffer->size + extra) * 2;
  buffer->data = realloc (buffer->data, buffer->capacity);
  if (buffer->data == NULL)
    abort ();
}

static void
append (Buffer     *buffer,
        const void *data,
        size_t      size)
{
  reserve (buffer, size);
  memcpy (buffer->data + buffer->size, data, size);
  buffer->size += size;
}

static Peer **
find_slot (const char *address,
           size_t      size)
{
  uint32_t hash = 2166136261u;
  size_t slot;

  for (size_t i = 0; i < size; i++)
    hash = (hash ^ (uint8_t) address[i]) * 16777619u;

  for (slot = hash % TABLE_SIZE; table[slot] != NULL; slot = (slot + 1) % TABLE_SIZE)
    {
      if (strlen (table[slot]->address) == size &&
          memcmp (table[slot]->address, address, size) == 0)
        break;
    }

  return &table[slot];
}

static void
mark_dirty (Peer *peer)
{
  if (peer->dirty)
    return;

  peer->dirty = true;
  peer->next_dirty = first_dirty;
  first_dirty = peer;
}

static void
send_frame (Peer          *peer,
            uint8_t        first_byte,
            const uint8_t *payload,
            size_t         size)
{
  uint8_t header[10] = { first_byte };
  size_t n_bytes = size < 126 ? 0 : size <= 0xffff ? 2 : 8;

  header[1] = (uint8_t) (n_bytes == 0 ? size : n_bytes == 2 ? 126 : 127);
  for (size_t i = 0; i < n_bytes; i++)
    header[2 + i] = (uint8_t) (size >> (8 * (n_bytes - 1 - i)));

  append (&peer->out, header, 2 + n_bytes);
  append (&peer->out, payload, size);
  mark_dirty (peer);
}

/* The strings of the first map as bench-route writes them: 0xd9, size, bytes. */
static void
route (const uint8_t *data,
       size_t         size)
{
  const uint8_t *p = data + 1;

  for (int i = 0; i < (data[0] & 15) && p + 4 < data + size; i++)
    {
      const uint8_t *key = p + 2;
      const uint8_t *value = key + p[1];
      Peer **slot;

      p = value + 2 + value[1];
      if (value - key != 2 || memcmp (key, "to", 2) != 0)
        continue;

      slot = find_slot ((const char *) value + 2, value[1]);
      if (*slot != NULL)
        send_frame (*slot, 0x82, data, size);
      return;
    }
}

static void
introduce (Peer *peer)
{
  char json[256];
  int size;

  snprintf (peer->address, sizeof peer->address, "w%d/c%d", peer->fd, peer->fd);
  *find_slot (peer->address, strlen (peer->address)) = peer;
  size = snprintf (json, sizeof json,
                   "{\"type\":\"connection_info\",\"workspace\":\"w%d\",\"client_id\":\"c%d\"}",
                   peer->fd, peer->fd);
  send_frame (peer, 0x81, (uint8_t *) json, (size_t) size);
  peer->phase = ROUTING;
}

static size_t
take_upgrade (Peer *peer)
{
  static const char answer[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
  uint8_t *end = memmem (peer->in.data, peer->in.size, "\r\n\r\n", 4);

  if (end == NULL)
    return 0;

  append (&peer->out, answer, sizeof answer - 1);
  mark_dirty (peer);
  peer->phase = INTRODUCING;
  return (size_t) (end + 4 - peer->in.data);
}

static void
unmask (uint8_t       *data,
        size_t         size,
        const uint8_t *mask)
{
  uint64_t word_mask;
  size_t i = 0;

  for (int j = 0; j < 8; j++)
    ((uint8_t *) &word_mask)[j] = mask[j & 3];

  for (; i + 8 <= size; i += 8)
    {
      uint64_t word;

      memcpy (&word, data + i, 8);
      word ^= word_mask;
      memcpy (data + i, &word, 8);
    }

  for (; i < size; i++)
    data[i] ^= mask[i & 3];
}

static size_t
take_frame (Peer    *peer,
            uint8_t *data,
            size_t   size)
{
  size_t n_bytes;
  size_t header;
  uint64_t length;

  if (size < 2)
    return 0;

  length = data[1] & 0x7f;
  n_bytes = length == 126 ? 2 : length == 127 ? 8 : 0;
  header = 2 + n_bytes + 4;
  if (size < header)
    return 0;

  if (n_bytes > 0)
    length = 0;
  for (size_t i = 0; i < n_bytes; i++)
    length = length << 8 | data[2 + i];
  if (length > size - header)
    {
      reserve (&peer->in, length);
      return 0;
    }

  unmask (data + header, length, data + header - 4);
  if (peer->phase == INTRODUCING)
    introduce (peer);
  else
    route (data + header, length);
  return header + length;
}

static void
drop (Peer *peer)
{
  /* The table keeps it, as a peer that nothing is heard of; load does not come and go. */
  epoll_ctl (epoll_fd, EPOLL_CTL_DEL, peer->fd, NULL);
  close (peer->fd);
  peer->fd = -1;
  peer->address[0] = '\1';
}

static void
read_peer (Peer *peer)
{
  size_t pos = 0;
  ssize_t n;

  reserve (&peer->in, READ_SIZE);
  n = recv (peer->fd, peer->in.data + peer->in.size, peer->in.capacity - peer->in.size,
            MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN)
    return;

  if (n <= 0)
    {
      drop (peer);
      return;
    }

  peer->in.size += (size_t) n;
  if (peer->phase == UPGRADING)
    pos = take_upgrade (peer);

  if (peer->phase != UPGRADING)
    {
      size_t used;

      while ((used = take_frame (peer, peer->in.data + pos, peer->in.size - pos)) > 0)
        pos += used;
    }

  memmove (peer->in.data, peer->in.data + pos, peer->in.size - pos);
  peer->in.size -= pos;
}

static void
flush_peer (Peer *peer)
{
  ssize_t n = 0;
  bool wants_out;

  if (peer->fd < 0)
    return;

  if (peer->out.size > peer->out_pos)
    n = send (peer->fd, peer->out.data + peer->out_pos, peer->out.size - peer->out_pos,
              MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n > 0)
    peer->out_pos += (size_t) n;
  if (peer->out_pos == peer->out.size)
    peer->out_pos = peer->out.size = 0;

  wants_out = peer->out.size > 0;
  if (wants_out != peer->wants_out)
    {
      struct epoll_event event = { .events = EPOLLIN | (wants_out ? EPOLLOUT : 0u),
                                   .data.ptr = peer };

      peer->wants_out = wants_out;
      epoll_ctl (epoll_fd, EPOLL_CTL_MOD, peer->fd, &event);
    }
}

static void
accept_peer (int listen_fd)
{
  int fd = accept4 (listen_fd, NULL, NULL, SOCK_CLOEXEC);
  Peer *peer = calloc (1, sizeof *peer);
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = peer };
  int yes = 1;

  if (fd < 0 || peer == NULL)
    abort ();

  peer->fd = fd;
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  epoll_ctl (epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static int
listen_on (int port)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons ((uint16_t) port) };
  struct epoll_event event = { .events = EPOLLIN };
  socklen_t size = sizeof address;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int yes = 1;

  address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind (fd, (struct sockaddr *) &address, sizeof address) < 0 || listen (fd, 4096) < 0 ||
      getsockname (fd, (struct sockaddr *) &address, &size) < 0)
    {
      perror ("cannot listen");
      exit (1);
    }

  epoll_ctl (epoll_fd, EPOLL_CTL_ADD, fd, &event);
  printf ("listening on 127.0.0.1 port %d\n", ntohs (address.sin_port));
  fflush (stdout);
  return fd;
}

int
main (int    argc,
      char **argv)
{
  struct epoll_event events[256];
  struct rlimit limit;
  int listen_fd;

  if (getrlimit (RLIMIT_NOFILE, &limit) == 0)
    {
      limit.rlim_cur = limit.rlim_max;
      setrlimit (RLIMIT_NOFILE, &limit);
    }

  epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  listen_fd = listen_on (argc > 1 ? atoi (argv[1]) : 0);
  for (;;)
    {
      int n = epoll_wait (epoll_fd, events, 256, -1);

      for (int i = 0; i < n; i++)
        {
          Peer *peer = events[i].data.ptr;

          if (peer == NULL)
            accept_peer (listen_fd);
          else if (peer->fd >= 0 && (events[i].events & ~(uint32_t) EPOLLOUT) != 0)
            read_peer (peer);
          if (peer != NULL && (events[i].events & EPOLLOUT) != 0)
            mark_dirty (peer);
        }

      while (first_dirty != NULL)
        {
          Peer *peer = first_dirty;

          first_dirty = peer->next_dirty;
          peer->dirty = false;
          flush_peer (peer);
        }
    }
}
