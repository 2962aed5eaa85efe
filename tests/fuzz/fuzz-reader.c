/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "fuzz.h"
#include "hypha-reader-private.h"

/* By how much larger the pieces are where there is a run. */
#define LONG_STEP 500

/* What a reader said of a stream of bytes: opcode, size and content of everything, then the end. */
typedef struct
{
  GByteArray *said;
  guint       fault;
} Story;

static void
story_add (Story             *story,
           HyphaReaderResult  result,
           HyphaReaderItem   *item)
{
  guint8 head[2] = { (guint8) result, (guint8) item->opcode };
  guint32 size = (guint32) item->slice.size;

  g_byte_array_append (story->said, head, sizeof head);
  g_byte_array_append (story->said, (const guint8 *) &size, sizeof size);
  if (size > 0)
    g_byte_array_append (story->said, item->slice.data, size);
  g_clear_pointer (&item->slice.owner, g_bytes_unref);
}

/* FALSE: the stream is over, by a fault. */
static gboolean
story_take (Story             *story,
            HyphaReaderResult  result,
            HyphaReaderItem   *item)
{
  if (result == HYPHA_READER_FAULT)
    {
      g_assert_nonnull (item->problem);
      story->fault = item->fault;
      return FALSE;
    }

  if (result == HYPHA_READER_MESSAGE && item->opcode == HYPHA_OPCODE_TEXT)
    g_assert_true (hypha_utf8_valid (item->slice.data, item->slice.size));
  if (result != HYPHA_READER_MORE)
    story_add (story, result, item);
  return TRUE;
}

/* Shows what is carried over and the new piece, as the connection does. */
static gboolean
show (Story       *story,
      HyphaReader *reader,
      GByteArray  *carry)
{
  gsize pos = 0;

  while (TRUE)
    {
      HyphaReaderItem item = { 0 };
      gsize used = 0;
      HyphaReaderResult result = hypha_reader_next (reader, carry->data + pos, carry->len - pos,
                                                    &used, &item);

      g_assert_cmpuint (used, <=, carry->len - pos);
      pos += used;
      if (!story_take (story, result, &item))
        return FALSE;
      if (result == HYPHA_READER_MORE && (used == 0 || pos == carry->len))
        break;
    }

  g_byte_array_remove_range (carry, 0, (guint) pos);
  return TRUE;
}

static gsize
fill (Story        *story,
      HyphaReader  *reader,
      const guint8 *data,
      gsize         size,
      gboolean     *fine)
{
  gsize room = 0;
  guint8 *space = hypha_reader_get_space (reader, &room);
  HyphaReaderItem item = { 0 };

  if (space == NULL)
    return 0;

  g_assert_cmpuint (room, >, 0);
  room = MIN (room, size);
  memcpy (space, data, room);
  *fine = story_take (story, hypha_reader_filled (reader, room, &item), &item);
  return room;
}

static void
tell (Story        *story,
      const guint8 *data,
      gsize         size,
      gsize         step)
{
  g_autoptr (GByteArray) carry = g_byte_array_new ();
  HyphaReader reader = { 0 };
  gboolean fine = TRUE;
  gsize pos = 0;

  story->said = g_byte_array_new ();
  while (fine && pos < size)
    {
      gsize piece = MIN (step, size - pos);
      gsize filled = carry->len == 0 ? fill (story, &reader, data + pos, piece, &fine) : 0;

      pos += filled;
      if (filled > 0)
        continue;

      g_byte_array_append (carry, data + pos, (guint) piece);
      pos += piece;
      fine = show (story, &reader, carry);
      g_assert_cmpuint (carry->len, <=, HYPHA_READER_CARRY + HYPHA_FRAME_MAX_HEADER + step);
    }

  g_assert_true (!fine || reader.capacity <= MAX (size * HYPHA_READER_GROWTH, HYPHA_READER_FIRST));
  hypha_reader_clear (&reader);
}

/* The bytes of a WebSocket say the same whether they come at once or in pieces. */
int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  g_autoptr (GBytes) wide = NULL;
  Story whole = { 0 };
  Story pieces = { 0 };
  const guint8 *bytes;
  gsize step;

  if (size < 4)
    return 0;

  wide = fuzz_widen (data + 1, size - 1);
  bytes = g_bytes_get_data (wide, &size);
  step = (1 + (gsize) data[0]) * (data[2] > 0 ? LONG_STEP : 1);
  tell (&whole, bytes, size, size);
  tell (&pieces, bytes, size, step);
  g_assert_cmpmem (whole.said->data, whole.said->len, pieces.said->data, pieces.said->len);
  g_assert_cmpuint (whole.fault, ==, pieces.fault);
  g_byte_array_unref (whole.said);
  g_byte_array_unref (pieces.said);
  return 0;
}
