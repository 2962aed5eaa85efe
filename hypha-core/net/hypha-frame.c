/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-frame-private.h"

#include <string.h>

/* Frames of RFC 6455 as pure functions on bytes: no state, no allocation, no policy. */

#define FIN_BIT 0x80
#define RSV_BITS 0x70
#define OPCODE_BITS 0x0f
#define MASK_BIT 0x80
#define LENGTH_BITS 0x7f
#define LENGTH_16 126
#define LENGTH_64 127

static gboolean
hypha_opcode_is_known (guint opcode)
{
  return opcode <= HYPHA_OPCODE_BINARY ||
         (opcode >= HYPHA_OPCODE_CLOSE && opcode <= HYPHA_OPCODE_PONG);
}

/* What can be said against a frame from its first two bytes, NULL if nothing. */
static const char *
hypha_frame_find_problem (const guint8 *data)
{
  guint opcode = data[0] & OPCODE_BITS;

  if ((data[0] & RSV_BITS) != 0)
    return "reserved bits are set";

  if (!hypha_opcode_is_known (opcode))
    return "unknown opcode";

  if (!hypha_opcode_is_control (opcode))
    return NULL;

  if ((data[0] & FIN_BIT) == 0)
    return "fragmented control frame";

  return (data[1] & LENGTH_BITS) > HYPHA_FRAME_MAX_CONTROL ? "control frame too long" : NULL;
}

static guint64
hypha_frame_read_length (const guint8 *data,
                         gsize         n_bytes)
{
  guint64 length = 0;

  for (gsize i = 0; i < n_bytes; i++)
    length = length << 8 | data[i];

  return length;
}

/* The RFC wants the shortest form of a length, and no sign bit in the longest. */
static const char *
hypha_frame_find_length_problem (guint64 length,
                                 gsize   n_bytes)
{
  if (n_bytes == 2 && length < LENGTH_16)
    return "length is not in its shortest form";

  if (n_bytes == 8 && length <= G_MAXUINT16)
    return "length is not in its shortest form";

  return length > G_MAXINT64 ? "length is out of range" : NULL;
}

/* Reads a header; faults are found with the first byte that shows them. */
HyphaFrameStatus
hypha_frame_parse_header (const guint8      *data,
                          gsize              size,
                          HyphaFrameHeader  *header,
                          const char       **problem)
{
  gsize length_bytes;

  if (size < 2)
    return HYPHA_FRAME_NEED_MORE;

  *problem = hypha_frame_find_problem (data);
  if (*problem != NULL)
    return HYPHA_FRAME_ERROR;

  header->opcode = data[0] & OPCODE_BITS;
  header->fin = (data[0] & FIN_BIT) != 0;
  header->masked = (data[1] & MASK_BIT) != 0;
  header->length = data[1] & LENGTH_BITS;
  length_bytes = header->length == LENGTH_16 ? 2 : header->length == LENGTH_64 ? 8 : 0;
  header->size = (guint8) (2 + length_bytes + (header->masked ? 4 : 0));
  if (size < header->size)
    return HYPHA_FRAME_NEED_MORE;

  if (length_bytes > 0)
    {
      header->length = hypha_frame_read_length (data + 2, length_bytes);
      *problem = hypha_frame_find_length_problem (header->length, length_bytes);
      if (*problem != NULL)
        return HYPHA_FRAME_ERROR;
    }

  if (header->masked)
    memcpy (header->mask, data + 2 + length_bytes, 4);
  return HYPHA_FRAME_OK;
}

static gsize
hypha_frame_write_length (guint8  *buffer,
                          guint64  length)
{
  gsize n_bytes = length < LENGTH_16 ? 0 : length <= G_MAXUINT16 ? 2 : 8;

  if (n_bytes == 0)
    {
      buffer[0] = (guint8) length;
      return 1;
    }

  buffer[0] = n_bytes == 2 ? LENGTH_16 : LENGTH_64;
  for (gsize i = n_bytes; i > 0; i--)
    {
      buffer[i] = (guint8) length;
      length >>= 8;
    }

  return 1 + n_bytes;
}

/*
 * Writes the header of an unfragmented frame into a buffer of HYPHA_FRAME_MAX_HEADER bytes and
 * tells its size. A server sends no mask; clients (the tests, that is) give one.
 */
gsize
hypha_frame_write_header (guint8       *buffer,
                          HyphaOpcode   opcode,
                          guint64       length,
                          const guint8 *mask)
{
  gsize size = 1;

  buffer[0] = (guint8) (FIN_BIT | opcode);
  size += hypha_frame_write_length (buffer + size, length);
  if (mask == NULL)
    return size;

  buffer[1] |= MASK_BIT;
  memcpy (buffer + size, mask, 4);
  return size + 4;
}

/*
 * Masks or unmasks in place. phase is the number of payload bytes that came before these, so
 * that a payload can be treated in pieces of any size.
 */
void
hypha_frame_unmask (guint8       *data,
                    gsize         size,
                    const guint8  mask[4],
                    gsize         phase)
{
  guint8 turned[8] = { 0 };
  guint64 word_mask;
  gsize i = 0;

  for (gsize j = 0; j < sizeof turned; j++)
    turned[j] = mask[(phase + j) & 3];
  memcpy (&word_mask, turned, sizeof word_mask);

  /* memcpy is how C reads a word that is not aligned; compilers make one load of it. */
  for (; i + 32 <= size; i += 32)
    {
      guint64 words[4];

      memcpy (words, data + i, sizeof words);
      words[0] ^= word_mask;
      words[1] ^= word_mask;
      words[2] ^= word_mask;
      words[3] ^= word_mask;
      memcpy (data + i, words, sizeof words);
    }

  for (; i + 8 <= size; i += 8)
    {
      guint64 word;

      memcpy (&word, data + i, sizeof word);
      word ^= word_mask;
      memcpy (data + i, &word, sizeof word);
    }

  for (; i < size; i++)
    data[i] ^= turned[i & 7];
}

/* May this code stand in a close frame? (RFC 6455, 7.4, and the codes registered since) */
gboolean
hypha_close_code_valid (guint code)
{
  if (code >= 3000)
    return code <= 4999;

  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

/*
 * Reads the payload of a close frame; an empty one means 1005. If it breaks the rules, fault is
 * the code to close with and problem says why.
 */
gboolean
hypha_frame_parse_close (const guint8  *data,
                         gsize          size,
                         guint         *code,
                         char         **reason,
                         guint         *fault,
                         const char   **problem)
{
  *fault = HYPHA_CLOSE_PROTOCOL_ERROR;
  *code = HYPHA_CLOSE_NO_STATUS;
  *reason = NULL;
  if (size == 0)
    return TRUE;

  *problem = "close frame with half a code";
  if (size == 1)
    return FALSE;

  *code = (guint) data[0] << 8 | data[1];
  *problem = "close code is not allowed";
  if (!hypha_close_code_valid (*code))
    return FALSE;

  *fault = HYPHA_CLOSE_BAD_DATA;
  *problem = "close reason is not UTF-8";
  if (!hypha_utf8_valid (data + 2, size - 2))
    return FALSE;

  *reason = g_strndup ((const char *) data + 2, size - 2);
  return TRUE;
}

/* The longest start of the reason that fits and does not cut a character in two. */
static gsize
hypha_frame_cut_reason (const char *reason)
{
  gsize size = strlen (reason);

  if (size <= HYPHA_FRAME_MAX_REASON)
    return size;

  size = HYPHA_FRAME_MAX_REASON;
  while (size > 0 && ((guint8) reason[size] & 0xc0) == 0x80)
    size--;
  return size;
}

/*
 * Writes the payload of a close frame into a buffer of HYPHA_FRAME_MAX_CONTROL bytes and tells
 * its size. Codes that must not be sent, 1005 among them, give an empty payload.
 */
gsize
hypha_frame_build_close (guint8     *buffer,
                         guint       code,
                         const char *reason)
{
  g_autofree char *valid = NULL;
  gsize size;

  if (!hypha_close_code_valid (code))
    return 0;

  valid = g_utf8_make_valid (reason != NULL ? reason : "", -1);
  size = hypha_frame_cut_reason (valid);
  buffer[0] = (guint8) (code >> 8);
  buffer[1] = (guint8) code;
  memcpy (buffer + 2, valid, size);
  return 2 + size;
}

/* The ranges of the second byte keep out overlong forms, surrogates and what is above U+10FFFF. */
static gboolean
hypha_utf8_start (HyphaUtf8State *state,
                  guint8          byte)
{
  if (byte < 0xc2 || byte > 0xf4)
    return FALSE;

  state->missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
  state->low = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
  state->high = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
  return TRUE;
}

static gsize
hypha_utf8_skip_ascii (const guint8 *data,
                       gsize         size)
{
  gsize i = 0;

  for (; i + 8 <= size; i += 8)
    {
      guint64 word;

      memcpy (&word, data + i, sizeof word);
      if ((word & G_GUINT64_CONSTANT (0x8080808080808080)) != 0)
        break;
    }

  while (i < size && data[i] < 0x80)
    i++;
  return i;
}

/*
 * Checks the next piece of a text; pieces may end within a character. U+0000 is a character
 * like any other here, which is why GLib's own check will not do.
 */
gboolean
hypha_utf8_feed (HyphaUtf8State *state,
                 const guint8   *data,
                 gsize           size)
{
  gsize i = 0;

  while (i < size)
    {
      if (state->missing == 0)
        {
          i += hypha_utf8_skip_ascii (data + i, size - i);
          if (i < size && !hypha_utf8_start (state, data[i++]))
            return FALSE;
          continue;
        }

      if (data[i] < state->low || data[i] > state->high)
        return FALSE;

      state->missing--;
      state->low = 0x80;
      state->high = 0xbf;
      i++;
    }

  return TRUE;
}

gboolean
hypha_utf8_valid (const guint8 *data,
                  gsize         size)
{
  HyphaUtf8State state = { 0 };

  return hypha_utf8_feed (&state, data, size) && state.missing == 0;
}
