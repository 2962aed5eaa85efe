/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-error-private.h"

G_BEGIN_DECLS

/* What RFC 6455 allows at most: a header, the payload of a control frame, a close reason. */
#define HYPHA_FRAME_MAX_HEADER 14
#define HYPHA_FRAME_MAX_CONTROL 125
#define HYPHA_FRAME_MAX_REASON (HYPHA_FRAME_MAX_CONTROL - 2)

typedef enum
{
  HYPHA_OPCODE_CONTINUATION = 0x0,
  HYPHA_OPCODE_TEXT = 0x1,
  HYPHA_OPCODE_BINARY = 0x2,
  HYPHA_OPCODE_CLOSE = 0x8,
  HYPHA_OPCODE_PING = 0x9,
  HYPHA_OPCODE_PONG = 0xa,
} HyphaOpcode;

typedef enum
{
  HYPHA_FRAME_NEED_MORE,
  HYPHA_FRAME_OK,
  HYPHA_FRAME_ERROR,
} HyphaFrameStatus;

typedef struct
{
  guint64     length;
  HyphaOpcode opcode;
  guint8      mask[4];
  guint8      size;
  guint       fin : 1;
  guint       masked : 1;
} HyphaFrameHeader;

/* The part of a character that the last piece of text ended with; all zero at the start of one. */
typedef struct
{
  guint8 missing;
  guint8 low;
  guint8 high;
} HyphaUtf8State;

HyphaFrameStatus hypha_frame_parse_header (const guint8      *data,
                                           gsize              size,
                                           HyphaFrameHeader  *header,
                                           const char       **problem);
gsize            hypha_frame_write_header (guint8            *buffer,
                                           HyphaOpcode        opcode,
                                           guint64            length,
                                           const guint8      *mask);
void             hypha_frame_unmask       (guint8            *data,
                                           gsize              size,
                                           const guint8       mask[4],
                                           gsize              phase);
gboolean         hypha_frame_parse_close  (const guint8      *data,
                                           gsize              size,
                                           guint             *code,
                                           char             **reason,
                                           guint             *fault,
                                           const char       **problem);
gsize            hypha_frame_build_close  (guint8            *buffer,
                                           guint              code,
                                           const char        *reason);
gboolean         hypha_close_code_valid   (guint              code);
gboolean         hypha_utf8_feed          (HyphaUtf8State    *state,
                                           const guint8      *data,
                                           gsize              size);
gboolean         hypha_utf8_valid         (const guint8      *data,
                                           gsize              size);

static inline gboolean
hypha_opcode_is_control (HyphaOpcode opcode)
{
  return (opcode & 0x8) != 0;
}

G_END_DECLS
