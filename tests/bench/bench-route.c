/* SPDX-License-Identifier: MIT */

/*
 * Load for a Hypha server: pairs of clients that send RPC-shaped frames back and forth, with a
 * fixed number under way in each pair. Prints one row of a Markdown table; a frame counts each
 * time that it has been routed, a round trip is two of them.
 */

#include "config.h"

#include "bench-client.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define MAX_SAMPLES (4 * 1024 * 1024)
#define BUFFER_SIZE (1024 * 1024)
#define WARM_UP 0.3

static const char *host = "127.0.0.1";
static const char *label = "hypha";
static int port = 9527;
static unsigned n_pairs = 1;
static unsigned n_idle;
static size_t in_flight = 1;
static size_t payload_size = 64;
static double duration = 3;
static bool print_header;

static uint64_t n_frames;
static uint32_t *samples;
static size_t n_samples;
static bool measuring;

static uint64_t
now_ns (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return (uint64_t) t.tv_sec * 1000000000u + (uint64_t) t.tv_nsec;
}

static void
usage (void)
{
  bench_die ("usage: bench-route [--host ADDRESS] [--port PORT] [--pairs N] [--in-flight N]\n"
             "                   [--size BYTES] [--idle N] [--seconds S] [--label TEXT] "
             "[--header]");
}

static void
parse_options (int    argc,
               char **argv)
{
  static const struct option options[] = {
    { "host", required_argument, NULL, 'H' },      { "port", required_argument, NULL, 'p' },
    { "pairs", required_argument, NULL, 'n' },     { "in-flight", required_argument, NULL, 'f' },
    { "size", required_argument, NULL, 's' },      { "idle", required_argument, NULL, 'i' },
    { "seconds", required_argument, NULL, 't' },   { "label", required_argument, NULL, 'l' },
    { "header", no_argument, NULL, 'h' },          { NULL, 0, NULL, 0 },
  };
  int option;

  while ((option = getopt_long (argc, argv, "", options, NULL)) != -1)
    switch (option)
      {
      case 'H': host = optarg; break;
      case 'p': port = atoi (optarg); break;
      case 'n': n_pairs = (unsigned) atoi (optarg); break;
      case 'f': in_flight = (size_t) atol (optarg); break;
      case 's': payload_size = (size_t) atol (optarg); break;
      case 'i': n_idle = (unsigned) atoi (optarg); break;
      case 't': duration = atof (optarg); break;
      case 'l': label = optarg; break;
      case 'h': print_header = true; break;
      default: usage ();
      }

  /* The time that is sent along takes eight bytes. */
  if (n_pairs == 0 || in_flight == 0 || payload_size < 8 || duration <= 0 || optind < argc)
    usage ();
}

static void
raise_file_limit (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) < 0)
    return;

  limit.rlim_cur = limit.rlim_max;
  setrlimit (RLIMIT_NOFILE, &limit);
}

/* The client that starts a frame sees it come back, and sends a fresh one; the other returns it. */
static void
handle_frame (BenchClient *client,
              uint64_t     time)
{
  if (measuring)
    n_frames++;

  if (!client->starts)
    {
      bench_client_queue (client, time);
      return;
    }

  if (measuring && n_samples < MAX_SAMPLES)
    samples[n_samples++] = (uint32_t) ((now_ns () - time) / 100);
  bench_client_queue (client, now_ns ());
}

static void
watch_output (int          epoll_fd,
              BenchClient *client,
              bool         wanted)
{
  struct epoll_event event = { .events = EPOLLIN | (wanted ? EPOLLOUT : 0u), .data.ptr = client };

  if (client->wants_out == wanted)
    return;

  client->wants_out = wanted;
  epoll_ctl (epoll_fd, EPOLL_CTL_MOD, client->fd, &event);
}

static void
open_pairs (BenchClient *clients,
            int          epoll_fd)
{
  for (unsigned i = 0; i < 2 * n_pairs; i++)
    bench_client_open (&clients[i], host, port, i);

  for (unsigned i = 0; i < 2 * n_pairs; i++)
    {
      struct epoll_event event = { .events = EPOLLIN, .data.ptr = &clients[i] };

      clients[i].peer = &clients[i ^ 1];
      clients[i].starts = i % 2 == 0;
      bench_client_set_frame (&clients[i], clients[i ^ 1].address, payload_size, in_flight);
      epoll_ctl (epoll_fd, EPOLL_CTL_ADD, clients[i].fd, &event);
    }

  for (unsigned i = 0; i < 2 * n_pairs; i += 2)
    {
      for (size_t j = 0; j < in_flight; j++)
        bench_client_queue (&clients[i], now_ns ());
      watch_output (epoll_fd, &clients[i], !bench_client_flush (&clients[i]));
    }
}

static void
run_until (int      epoll_fd,
           uint64_t end)
{
  static uint8_t buffer[BUFFER_SIZE];
  struct epoll_event events[256];

  while (now_ns () < end)
    {
      int n = epoll_wait (epoll_fd, events, 256, 1000);

      if (n == 0)
        bench_die ("nothing came for a second");

      for (int i = 0; i < n; i++)
        {
          BenchClient *client = events[i].data.ptr;

          if ((events[i].events & ~(uint32_t) EPOLLOUT) != 0 &&
              !bench_client_read (client, buffer, sizeof buffer, handle_frame))
            bench_die ("server closed the connection");
          watch_output (epoll_fd, client, !bench_client_flush (client));
        }
    }
}

static int
compare_samples (const void *a,
                 const void *b)
{
  uint32_t x = *(const uint32_t *) a;
  uint32_t y = *(const uint32_t *) b;

  return x < y ? -1 : x > y;
}

static double
percentile (double share)
{
  return n_samples > 0 ? samples[(size_t) (share * (double) (n_samples - 1))] / 10.0 : 0;
}

static void
print_row (double seconds)
{
  double rate = (double) n_frames / seconds;

  if (print_header)
    printf ("| server | payload | pairs | in flight | idle | frames/s | MB/s | p50 µs | p99 µs |\n"
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");

  qsort (samples, n_samples, sizeof *samples, compare_samples);
  printf ("| %s | %zu | %u | %zu | %u | %.0f | %.1f | %.1f | %.1f |\n", label, payload_size,
          n_pairs, in_flight, n_idle, rate, rate * (double) payload_size / 1e6, percentile (0.5),
          percentile (0.99));
}

int
main (int    argc,
      char **argv)
{
  BenchClient *clients;
  BenchClient *idle;
  uint64_t start;
  int epoll_fd;

  parse_options (argc, argv);
  raise_file_limit ();
  clients = calloc (2 * (size_t) n_pairs, sizeof *clients);
  idle = calloc ((size_t) n_idle + 1, sizeof *idle);
  samples = malloc (MAX_SAMPLES * sizeof *samples);
  epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  if (clients == NULL || idle == NULL || samples == NULL || epoll_fd < 0)
    bench_die ("out of memory or files");

  for (unsigned i = 0; i < n_idle; i++)
    bench_client_open (&idle[i], host, port, 2 * n_pairs + i);
  open_pairs (clients, epoll_fd);

  run_until (epoll_fd, now_ns () + (uint64_t) (WARM_UP * 1e9));
  measuring = true;
  start = now_ns ();
  run_until (epoll_fd, start + (uint64_t) (duration * 1e9));
  print_row ((double) (now_ns () - start) / 1e9);

  for (unsigned i = 0; i < 2 * n_pairs; i++)
    bench_client_close (&clients[i]);
  for (unsigned i = 0; i < n_idle; i++)
    bench_client_close (&idle[i]);
  free (clients);
  free (idle);
  free (samples);
  close (epoll_fd);
  return 0;
}
