/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-buffer-pool-private.h"
#include "hypha-connection-private.h"
#include "hypha-frame-private.h"

G_BEGIN_DECLS

/* Largest payload of one frame, and of one message over all its fragments. */
#define HYPHA_WEBSOCKET_MAX_FRAME ((gsize) 16 * 1024 * 1024)
#define HYPHA_WEBSOCKET_MAX_MESSAGE ((gsize) 16 * 1024 * 1024)

/* Frames up to this size are read as a whole; longer ones move on as their bytes arrive. */
#define HYPHA_READER_CARRY ((gsize) 16 * 1024)

/* From here on it pays to read a frame to its place rather than to copy what came with others. */
#define HYPHA_READER_HUGE ((gsize) 128 * 1024)

/* A buffer is never larger than this many times the bytes that have really arrived for it... */
#define HYPHA_READER_GROWTH 4
/* ...or, if more, than this. */
#define HYPHA_READER_FIRST ((gsize) 16 * 1024)

/* When one part in so many of a message has come, it may have a buffer that others had before. */
#define HYPHA_READER_REUSE 16

/* Turns the bytes of one client into messages and control frames; between them it owns nothing. */
typedef struct
{
  HyphaBufferPool *pool;      /* not owned; NULL does without */
  guint8          *assembly;
  gsize            assembled;
  gsize            capacity;
  gsize            frame_left; /* payload bytes of a long frame that are still to come */
  gsize            mask_phase;
  HyphaUtf8State   utf8;
  HyphaOpcode      opcode;     /* of the message in progress; CONTINUATION if there is none */
  guint8           mask[4];
  guint            fin : 1;
  guint            huge_frames : 1; /* the last one was, so the next will be */
} HyphaReader;

typedef enum
{
  HYPHA_READER_MORE,
  HYPHA_READER_MESSAGE,
  HYPHA_READER_CONTROL,
  HYPHA_READER_FAULT,
} HyphaReaderResult;

/* The owner of a message's slice, if it has one, belongs to whoever asked for the message. */
typedef struct
{
  HyphaSlice   slice;
  HyphaOpcode  opcode;
  guint        fault;
  const char  *problem;
} HyphaReaderItem;

HyphaReaderResult hypha_reader_next      (HyphaReader     *self,
                                          guint8          *data,
                                          gsize            size,
                                          gsize           *used,
                                          HyphaReaderItem *item);
guint8           *hypha_reader_get_space (HyphaReader     *self,
                                          gsize           *size);
HyphaReaderResult hypha_reader_filled    (HyphaReader     *self,
                                          gsize            size,
                                          HyphaReaderItem *item);
void              hypha_reader_clear     (HyphaReader     *self);

G_END_DECLS
