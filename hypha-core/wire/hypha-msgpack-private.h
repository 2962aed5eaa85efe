/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-error-private.h"

G_BEGIN_DECLS

/*
 * MessagePack ↔ GVariant.
 *
 *   nil     mv (empty)      bool  b        int  x (t above G_MAXINT64)     float  d
 *   str     s               bin   ay       array  av                       map    a{sv}
 *   ext     (yay): type, bytes             a str that is no C string (zero byte, not UTF-8)  (ay)
 *
 * The last two exist so that a value which is only passed on comes out as it went in. A whole number
 * that is a key of a map becomes decimal digits.
 */

/* Nesting that is decoded; a{sv} stops round-tripping in GLib after 42 levels. */
#define HYPHA_MSGPACK_MAX_DEPTH 32
/* Nesting that is walked over without decoding, where a frame is only routed. */
#define HYPHA_MSGPACK_MAX_SKIP_DEPTH 512
/*
 * Memory that the values of one decoded message may take, in bytes: one byte on the wire can cost
 * hundreds as a GVariant. So much for any message, and for each of its own bytes so much more. What
 * is counted, besides the bytes of texts and binaries, is nearly what was measured with GLib 2.74: a
 * value (178 to 267), a key of a map or the bytes that make a value of two (297), and a value in a
 * list that has nothing but numbers, truth values and nil (20).
 */
#define HYPHA_MSGPACK_MAX_MEMORY (64 * 1024 * 1024)
#define HYPHA_MSGPACK_MEMORY_PER_BYTE 1
#define HYPHA_MSGPACK_VALUE_COST 256
#define HYPHA_MSGPACK_PART_COST 256
#define HYPHA_MSGPACK_NUMBER_COST 24
/*
 * A bin is decoded as a slice of the owner only if it is at least this long, and at least one part
 * in so many of its owner: whoever keeps a few bytes must not keep a whole frame alive by them.
 */
#define HYPHA_MSGPACK_MIN_SLICE 1024
#define HYPHA_MSGPACK_MAX_PINNED 8

/* INT whenever the number fits in gint64, however it was written; UINT above that. */
typedef enum
{
  HYPHA_MSGPACK_NIL,
  HYPHA_MSGPACK_BOOL,
  HYPHA_MSGPACK_INT,
  HYPHA_MSGPACK_UINT,
  HYPHA_MSGPACK_FLOAT,
  HYPHA_MSGPACK_STR,
  HYPHA_MSGPACK_BIN,
  HYPHA_MSGPACK_ARRAY,
  HYPHA_MSGPACK_MAP,
  HYPHA_MSGPACK_EXT,
} HyphaMsgpackKind;

/* One item's head. size: bytes of a str, bin or ext; entries of an array or map. */
typedef struct
{
  HyphaMsgpackKind kind;
  gint8            ext_type;
  guint32          size;
  union
  {
    gboolean boolean;
    gint64   integer;
    guint64  unsigned_integer;
    double   real;
  };
  /* Of a str, bin or ext: where its bytes are, inside the input. */
  const guint8    *data;
} HyphaMsgpackItem;

/* A read position. The bytes are borrowed. */
typedef struct
{
  const guint8 *data;
  gsize         size;
  gsize         offset;
} HyphaMsgpackCursor;

gboolean  hypha_msgpack_cursor_next (HyphaMsgpackCursor  *cursor,
                                     HyphaMsgpackItem    *item,
                                     GError             **error);
gboolean  hypha_msgpack_cursor_has_number_key (HyphaMsgpackCursor *cursor);
gboolean  hypha_msgpack_cursor_skip (HyphaMsgpackCursor  *cursor,
                                     GError             **error);
GVariant *hypha_msgpack_decode      (const guint8        *data,
                                     gsize                size,
                                     GBytes              *owner,
                                     gsize               *consumed,
                                     GError             **error);
GVariant *hypha_msgpack_decode_counted (const guint8       *data,
                                     gsize                size,
                                     GBytes              *owner,
                                     gsize               *consumed,
                                     gsize               *memory,
                                     GError             **error);
GVariant *hypha_msgpack_decode_numbers (HyphaMsgpackCursor *cursor,
                                     guint32              count);
void      hypha_msgpack_encode      (GByteArray          *out,
                                     GVariant            *value);
void      hypha_msgpack_write_nil   (GByteArray          *out);
void      hypha_msgpack_write_str   (GByteArray          *out,
                                     const char          *text,
                                     gsize                size);
void      hypha_msgpack_write_map   (GByteArray          *out,
                                     guint32              entries);
void      hypha_msgpack_write_array (GByteArray          *out,
                                     guint32              entries);

G_END_DECLS
