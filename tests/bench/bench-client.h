/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One WebSocket client of the load generator: plain sockets, no library, so that what is
 * measured is the server. Frames are masked with a key of zero, which is a valid key: the server
 * has the work of unmasking, the generator has none.
 */
typedef struct BenchClient
{
  struct BenchClient *peer;
  int                 fd;
  char                address[256]; /* workspace/client, as the server named it */

  /* The frame that it sends over and over; only the time in it changes. */
  uint8_t            *frame;
  size_t              frame_size;
  size_t              time_offset;
  size_t              payload_size;

  /* Times of the frames that have to be sent. */
  uint64_t           *pending;
  size_t              n_pending;
  size_t              first_pending;
  size_t              max_pending;

  uint8_t            *out;
  size_t              out_capacity;
  size_t              out_size;
  size_t              out_pos;

  /* The frame that is being received. */
  uint8_t             header[10];
  size_t              header_size;
  uint64_t            left;
  uint64_t            time_left;
  uint8_t             time_bytes[8];
  size_t              n_time_bytes;
  bool                wants_out;
  bool                starts;
} BenchClient;

/* A frame came in; its time is the one that its first sender put into it. */
typedef void (*BenchFrame) (BenchClient *client,
                            uint64_t     time);

void bench_client_open      (BenchClient *client,
                             const char  *host,
                             int          port,
                             unsigned     index);
void bench_client_set_frame (BenchClient *client,
                             const char  *to,
                             size_t       payload_size,
                             size_t       in_flight);
void bench_client_queue     (BenchClient *client,
                             uint64_t     time);
bool bench_client_flush     (BenchClient *client);
bool bench_client_read      (BenchClient *client,
                             uint8_t     *buffer,
                             size_t       size,
                             BenchFrame   frame);
void bench_client_close     (BenchClient *client);

void bench_die              (const char  *format,
                             ...) __attribute__ ((format (printf, 1, 2), noreturn));
