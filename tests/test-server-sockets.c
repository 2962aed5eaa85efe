/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test-link.h"
#include "test-server-fixture.h"
#include "test-utils.h"

#define HELLO "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define RPC "POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"

static void
set_timeouts (ServerFixture *fixture,
              guint          head,
              guint          idle)
{
  hypha_server_set_wait_timeouts (fixture->server, head, idle);
}

static gboolean
no_socket_is_left (gpointer data)
{
  HyphaServer *server = ((ServerFixture *) data)->server;

  return g_hash_table_size (server->sockets) == 0 && server->n_cut == 0;
}

static guint
count_files (void)
{
  g_autoptr (GDir) files = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (files) != NULL)
    n++;

  return n;
}

static void
assert_408 (ServerFixture *fixture,
            const char    *request)
{
  g_auto (RawClient) client = { 0 };

  set_timeouts (fixture, 50, 100000);
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*its request came too slowly*");
  raw_open (&client, fixture->port, request);
  raw_wait (&client, raw_at_eof);
  g_assert_true (g_str_has_prefix (client.answer->str, "HTTP/1.1 408 "));
  g_assert_true (g_str_has_suffix (client.answer->str, "the request came too slowly\"}"));
  g_assert_true (test_wait (no_socket_is_left, fixture));
  test_assert_expected_logs ();
}

static void
test_sockets_silent (ServerFixture *fixture,
                     gconstpointer  data)
{
  g_assert_cmpuint (HYPHA_SERVER_HEAD_TIMEOUT, ==, 10000);
  assert_408 (fixture, "");
}

static void
test_sockets_half_a_head (ServerFixture *fixture,
                          gconstpointer  data)
{
  assert_408 (fixture, "GET /hello HTTP/1.1\r\nHost: local");
}

/* A byte each time that it is polled. */
static gboolean
raw_trickle (gpointer data)
{
  RawClient *client = data;

  send (client->fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
  return raw_at_eof (client);
}

/* It is the head that has to come, not just something. */
static void
test_sockets_trickle (ServerFixture *fixture,
                      gconstpointer  data)
{
  g_auto (RawClient) client = { 0 };

  set_timeouts (fixture, 50, 100000);
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*its request came too slowly*");
  raw_open (&client, fixture->port, "GET /");
  raw_wait (&client, raw_trickle);
  g_assert_cmpuint (raw_get_status (&client), ==, 408);
  g_assert_true (test_wait (no_socket_is_left, fixture));
  test_assert_expected_logs ();
}

/* GLib's own timeout sources would have it called again at once, and for ever. */
static void
assert_rests (GSource *timer)
{
  gint64 now = g_get_monotonic_time ();

  g_assert_true (g_source_get_ready_time (timer) < 0 || g_source_get_ready_time (timer) > now);
}

/* When nobody waits any more, nothing is done. */
static void
test_sockets_rest (ServerFixture *fixture,
                   gconstpointer  data)
{
  assert_408 (fixture, "");
  g_assert_nonnull (fixture->server->wait_deadline);
  assert_rests (fixture->server->wait_deadline);
}

/* A connection that is kept may wait longer, but not for ever; then its file is free. */
static void
test_sockets_idle (ServerFixture *fixture,
                   gconstpointer  data)
{
  g_auto (RawClient) client = { 0 };
  guint before = count_files ();

  g_assert_cmpuint (HYPHA_SERVER_IDLE_TIMEOUT, ==, 75000);
  set_timeouts (fixture, 100, 400);
  raw_open (&client, fixture->port, RPC);
  raw_wait (&client, raw_poll);
  g_assert_cmpuint (raw_get_status (&client), ==, 404);
  g_assert_false (client.eof);
  g_assert_cmpuint (fixture->server->idle.length, ==, 1);
  raw_wait (&client, raw_at_eof);
  g_assert_true (test_wait (no_socket_is_left, fixture));
  g_assert_cmpuint (count_files (), <=, before + 1);
}

/* Its client has left: libsoup keeps it in this case. */
static void
test_sockets_idle_left (ServerFixture *fixture,
                        gconstpointer  data)
{
  RawClient client = { 0 };
  guint before = count_files ();

  set_timeouts (fixture, 100, 200);
  raw_open (&client, fixture->port, RPC);
  raw_wait (&client, raw_poll);
  raw_clear (&client);
  g_assert_true (test_wait (no_socket_is_left, fixture));
  g_assert_cmpuint (count_files (), <=, before);
}

/* It is the next request that has to come, not just something of it. */
static void
test_sockets_next_head (ServerFixture *fixture,
                        gconstpointer  data)
{
  g_auto (RawClient) client = { 0 };

  set_timeouts (fixture, 200, 200);
  raw_open (&client, fixture->port, RPC);
  raw_wait (&client, raw_poll);
  g_assert_true (raw_send_some (&client, "GET /", 5));
  raw_wait (&client, raw_at_eof);
  g_assert_true (test_wait (no_socket_is_left, fixture));
}

/* What is in use is not cut for being old. */
static void
test_sockets_in_use (ServerFixture *fixture,
                     gconstpointer  data)
{
  g_auto (RawClient) websocket = { 0 };
  gint64 end;

  set_timeouts (fixture, 50, 50);
  raw_open_websocket (&websocket, fixture->port);
  end = g_get_monotonic_time () + 200 * G_TIME_SPAN_MILLISECOND;
  while (g_get_monotonic_time () < end)
    g_main_context_iteration (NULL, FALSE);
  raw_poll (&websocket);
  g_assert_false (websocket.eof);
  g_assert_cmpuint (g_hash_table_size (fixture->server->sockets), ==, 1);
}

/* Thirty who say nothing do not keep out the one who does. */
static void
test_sockets_max (ServerFixture *fixture,
                  gconstpointer  data)
{
  RawClient silent[30] = { 0 };

  g_assert_cmpuint (HYPHA_SERVER_MAX_SOCKETS, ==, 15000);
  hypha_server_set_max_sockets (fixture->server, 4, 4);
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*too many connections*");
  for (guint i = 0; i < G_N_ELEMENTS (silent); i++)
    {
      raw_open (&silent[i], fixture->port, "");
      while (g_main_context_iteration (NULL, FALSE))
        continue;
    }
  g_assert_cmpuint (server_ask (fixture, HELLO), ==, 200);
  g_assert_cmpuint (g_hash_table_size (fixture->server->sockets) - fixture->server->n_cut, <=, 4);
  raw_wait (&silent[0], raw_at_eof);
  g_assert_cmpuint (raw_get_status (&silent[0]), ==, 503);
  test_assert_expected_logs ();

  for (guint i = 0; i < G_N_ELEMENTS (silent); i++)
    raw_clear (&silent[i]);
  g_assert_true (test_wait (no_socket_is_left, fixture));
}

/* Who was answered, and kept its connection, is cut after those who have asked for nothing. */
static void
test_sockets_silent_first (ServerFixture *fixture,
                           gconstpointer  data)
{
  g_auto (RawClient) kept = { 0 };
  g_auto (RawClient) silent = { 0 };

  hypha_server_set_max_sockets (fixture->server, 2, 2);
  raw_open (&kept, fixture->port, RPC);
  raw_wait (&kept, raw_poll);
  raw_open (&silent, fixture->port, "");
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_assert_cmpuint (g_hash_table_size (fixture->server->sockets), ==, 2);

  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*too many connections*");
  g_assert_cmpuint (server_ask (fixture, HELLO), ==, 200);
  raw_wait (&silent, raw_at_eof);
  raw_poll (&kept);
  g_assert_false (kept.eof);
  test_assert_expected_logs ();
}

#define UPLOAD "POST /hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"

static gboolean
both_upload (gpointer data)
{
  return ((ServerFixture *) data)->server->bodies_coming.length == 2;
}

/* Two whose bodies are to come have all the room. */
static void
fill_with_uploads (ServerFixture *fixture,
                   RawClient     *first,
                   RawClient     *second)
{
  hypha_server_set_max_sockets (fixture->server, 2, 2);
  raw_open (first, fixture->port, UPLOAD);
  raw_open (second, fixture->port, UPLOAD);
  g_assert_true (test_wait (both_upload, fixture));
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*too many connections*");
}

/* Whose body has come to a halt makes room: the first one, and not the other. */
static void
test_sockets_stalled_body (ServerFixture *fixture,
                           gconstpointer  data)
{
  g_auto (RawClient) first = { 0 };
  g_auto (RawClient) second = { 0 };

  g_assert_cmpuint (HYPHA_SERVER_BODY_STALL, ==, 2000);
  fixture->server->body_stall = 0;
  fill_with_uploads (fixture, &first, &second);
  g_assert_cmpuint (server_ask (fixture, HELLO), ==, 200);
  raw_wait (&first, raw_at_eof);
  g_assert_cmpuint (raw_get_status (&first), ==, 503);
  g_assert_true (raw_send_some (&second, "all of it", 9));
  raw_wait (&second, raw_at_eof);
  g_assert_cmpuint (raw_get_status (&second), ==, 200);
  g_assert_true (test_wait (no_socket_is_left, fixture));
  test_assert_expected_logs ();
}

/* A body that comes is not cut off for somebody else. */
static void
test_sockets_body_goes_on (ServerFixture *fixture,
                           gconstpointer  data)
{
  g_auto (RawClient) first = { 0 };
  g_auto (RawClient) second = { 0 };

  fill_with_uploads (fixture, &first, &second);
  g_assert_cmpuint (server_ask (fixture, HELLO), ==, 503);
  g_assert_true (raw_send_some (&first, "all of it", 9));
  raw_wait (&first, raw_at_eof);
  g_assert_cmpuint (raw_get_status (&first), ==, 200);
  test_assert_expected_logs ();
}

/* Nobody waits, all are in use: one more is told so. */
static void
test_sockets_full (ServerFixture *fixture,
                   gconstpointer  data)
{
  g_auto (RawClient) first = { 0 };
  g_auto (RawClient) second = { 0 };

  hypha_server_set_max_sockets (fixture->server, 2, 2);
  raw_open_websocket (&first, fixture->port);
  raw_open_websocket (&second, fixture->port);
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*too many connections*");
  g_assert_cmpuint (server_ask (fixture, HELLO), ==, 503);
  g_assert_cmpuint (fixture->n_handled, ==, 0);
  test_assert_expected_logs ();
}

/* A foreign address has its part, another one its own; this machine is everybody's. */
static void
test_sockets_of_address (ServerFixture *fixture,
                         gconstpointer  data)
{
  HyphaServer *server = fixture->server;

  hypha_server_set_max_sockets (server, 10, 2);
  g_assert_true (hypha_server_count_address (server, "203.0.113.1"));
  g_assert_true (hypha_server_count_address (server, "203.0.113.1"));
  g_assert_false (hypha_server_count_address (server, "203.0.113.1"));
  g_assert_true (hypha_server_count_address (server, "203.0.113.2"));
  for (guint i = 0; i < 5; i++)
    g_assert_true (hypha_server_count_address (server, NULL));

  for (guint i = 0; i < 3; i++)
    hypha_server_forget_address (server, "203.0.113.1");
  hypha_server_forget_address (server, "203.0.113.2");
  g_assert_cmpuint (g_hash_table_size (server->sockets_of), ==, 0);
}

/* An address of this machine that is not its own alone: 0 if it has none. */
static struct sockaddr_in
find_foreign_address (void)
{
  struct sockaddr_in found = { 0 };
  struct ifaddrs *all = NULL;

  g_assert_cmpint (getifaddrs (&all), ==, 0);
  for (struct ifaddrs *i = all; i != NULL && found.sin_family == 0; i = i->ifa_next)
    {
      if (i->ifa_addr != NULL && i->ifa_addr->sa_family == AF_INET &&
          (i->ifa_flags & IFF_LOOPBACK) == 0)
        memcpy (&found, i->ifa_addr, sizeof found);
    }

  freeifaddrs (all);
  return found;
}

/* The one after the last is refused at once; whoever connects from here is not. */
static void
test_sockets_max_of_address (ServerFixture *fixture,
                             gconstpointer  data)
{
  struct sockaddr_in address = find_foreign_address ();
  RawClient clients[3] = { 0 };

  if (address.sin_family == 0)
    {
      g_test_skip ("this machine has no address but loopback");
      return;
    }

  hypha_server_set_max_sockets (fixture->server, 10, 2);
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*too many connections from its address*");
  address.sin_port = htons ((guint16) fixture->port);
  for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
    {
      clients[i].fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      clients[i].answer = g_string_new (NULL);
      g_assert_cmpint (connect (clients[i].fd, (struct sockaddr *) &address, sizeof address), ==, 0);
    }
  raw_wait (&clients[2], raw_at_eof);
  g_assert_cmpuint (raw_get_status (&clients[2]), ==, 503);
  raw_poll (&clients[1]);
  g_assert_false (clients[1].eof);
  g_assert_cmpuint (server_ask (fixture, HELLO), ==, 200);

  for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
    raw_clear (&clients[i]);
  g_assert_true (test_wait (no_socket_is_left, fixture));
  g_assert_cmpuint (g_hash_table_size (fixture->server->sockets_of), ==, 0);
  test_assert_expected_logs ();
}

/* A burst does not wait for the second try of TCP, which comes after a second. */
static void
test_sockets_burst (ServerFixture *fixture,
                    gconstpointer  data)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  struct pollfd burst[100];

  address.sin_port = htons ((guint16) fixture->port);
  for (guint i = 0; i < G_N_ELEMENTS (burst); i++)
    {
      burst[i].fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      burst[i].events = POLLOUT;
      if (connect (burst[i].fd, (struct sockaddr *) &address, sizeof address) < 0)
        g_assert_cmpint (errno, ==, EINPROGRESS);
    }

  /* Nobody has accepted any yet. */
  g_assert_cmpint (poll (burst, G_N_ELEMENTS (burst), 0), ==, G_N_ELEMENTS (burst));
  for (guint i = 0; i < G_N_ELEMENTS (burst); i++)
    close (burst[i].fd);
}

static void
test_sockets_file_limit (ServerFixture *fixture,
                         gconstpointer  data)
{
  struct rlimit limit;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  g_assert_cmpuint (limit.rlim_cur, ==, limit.rlim_max);
  g_assert_cmpuint (fixture->server->max_sockets, ==,
                    MIN (HYPHA_SERVER_MAX_SOCKETS, limit.rlim_max - HYPHA_SERVER_RESERVED_FILES));
}

static gboolean
is_paused (gpointer data)
{
  return ((ServerFixture *) data)->server->resume != NULL;
}

/* Takes all files; returns what is to be set again. */
static struct rlimit
take_files (void)
{
  struct rlimit before, tight;
  int fd = fcntl (0, F_DUPFD_CLOEXEC, 0);

  close (fd);
  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &before), ==, 0);
  tight = before;
  tight.rlim_cur = (rlim_t) fd;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &tight), ==, 0);
  return before;
}

/* Without a file for a connection, it waits; with one, it is served. */
static void
test_sockets_no_files (ServerFixture *fixture,
                       gconstpointer  data)
{
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*no connection is accepted*");
  for (guint i = 0; i < 2; i++)
    {
      g_auto (RawClient) client = { 0 };
      struct rlimit before;

      raw_open (&client, fixture->port, HELLO);
      before = take_files ();
      g_assert_true (test_wait (is_paused, fixture));
      for (guint j = 0; j < 3; j++)
        g_main_context_iteration (NULL, FALSE);
      assert_rests (fixture->server->resume);
      g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &before), ==, 0);
      raw_wait (&client, raw_poll);
      g_assert_cmpuint (raw_get_status (&client), ==, 200);
      g_assert_false (is_paused (fixture));
    }

  test_assert_expected_logs ();
}

#define ADD(name, function) \
  g_test_add (name, ServerFixture, NULL, server_fixture_set_up, function, \
              server_fixture_tear_down)

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  ADD ("/net/server-sockets/silent", test_sockets_silent);
  ADD ("/net/server-sockets/half-a-head", test_sockets_half_a_head);
  ADD ("/net/server-sockets/trickle", test_sockets_trickle);
  ADD ("/net/server-sockets/rest", test_sockets_rest);
  ADD ("/net/server-sockets/idle", test_sockets_idle);
  ADD ("/net/server-sockets/idle-left", test_sockets_idle_left);
  ADD ("/net/server-sockets/next-head", test_sockets_next_head);
  ADD ("/net/server-sockets/in-use", test_sockets_in_use);
  ADD ("/net/server-sockets/max", test_sockets_max);
  ADD ("/net/server-sockets/silent-first", test_sockets_silent_first);
  ADD ("/net/server-sockets/stalled-body", test_sockets_stalled_body);
  ADD ("/net/server-sockets/body-goes-on", test_sockets_body_goes_on);
  ADD ("/net/server-sockets/full", test_sockets_full);
  ADD ("/net/server-sockets/of-address", test_sockets_of_address);
  g_test_add ("/net/server-sockets/max-of-address", ServerFixture, "0.0.0.0",
              server_fixture_set_up, test_sockets_max_of_address, server_fixture_tear_down);
  ADD ("/net/server-sockets/burst", test_sockets_burst);
  ADD ("/net/server-sockets/file-limit", test_sockets_file_limit);
  ADD ("/net/server-sockets/no-files", test_sockets_no_files);

  return g_test_run ();
}
