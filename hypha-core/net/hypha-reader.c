/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-reader-private.h"

#include <string.h>

static HyphaReaderResult
hypha_reader_fault (HyphaReaderItem *item,
                    guint            code,
                    const char      *problem)
{
  item->fault = code;
  item->problem = problem;
  return HYPHA_READER_FAULT;
}

/* The rules that take more than the header itself to check. */
static HyphaReaderResult
hypha_reader_check (HyphaReader            *self,
                    const HyphaFrameHeader *header,
                    HyphaReaderItem        *item)
{
  gboolean continued = header->opcode == HYPHA_OPCODE_CONTINUATION;
  gboolean expected = self->opcode != HYPHA_OPCODE_CONTINUATION;

  if (!header->masked)
    return hypha_reader_fault (item, HYPHA_CLOSE_PROTOCOL_ERROR, "frame is not masked");

  if (hypha_opcode_is_control (header->opcode))
    return HYPHA_READER_MORE;

  if (continued && !expected)
    return hypha_reader_fault (item, HYPHA_CLOSE_PROTOCOL_ERROR,
                               "continuation without a start");

  if (!continued && expected)
    return hypha_reader_fault (item, HYPHA_CLOSE_PROTOCOL_ERROR,
                               "new message before the end of the last one");

  if (header->length > HYPHA_WEBSOCKET_MAX_FRAME)
    return hypha_reader_fault (item, HYPHA_CLOSE_TOO_BIG, "frame too long");

  if (header->length > HYPHA_WEBSOCKET_MAX_MESSAGE - self->assembled)
    return hypha_reader_fault (item, HYPHA_CLOSE_TOO_BIG, "message too long");

  return HYPHA_READER_MORE;
}

/* Moves to a buffer of the full size if one is at hand, once enough has come to deserve it. */
static gboolean
hypha_reader_reuse (HyphaReader *self,
                    gsize        needed,
                    gsize        limit)
{
  guint8 *data;

  if (self->pool == NULL || limit < HYPHA_BUFFER_POOL_SMALLEST ||
      needed < limit / HYPHA_READER_REUSE)
    return FALSE;

  data = hypha_buffer_pool_take (self->pool, limit, &self->capacity);
  if (data == NULL)
    return FALSE;

  if (self->assembled > 0)
    memcpy (data, self->assembly, self->assembled);
  g_free (self->assembly);
  self->assembly = data;
  return TRUE;
}

/* Grows the buffer for bytes that are there, with room for more of them but not for a promise. */
static void
hypha_reader_reserve (HyphaReader *self,
                      gsize        arrived)
{
  gsize needed = self->assembled + arrived;
  gsize limit = self->fin ? self->assembled + MAX (arrived, self->frame_left)
                          : HYPHA_WEBSOCKET_MAX_MESSAGE;
  gsize room = MAX (needed * HYPHA_READER_GROWTH, HYPHA_READER_FIRST);

  if (needed <= self->capacity || (self->fin && hypha_reader_reuse (self, needed, limit)))
    return;

  self->capacity = MIN (room, limit);
  self->assembly = g_realloc (self->assembly, self->capacity);
}

static void
hypha_reader_end_message (HyphaReader *self)
{
  self->assembly = NULL;
  self->assembled = 0;
  self->capacity = 0;
  self->opcode = HYPHA_OPCODE_CONTINUATION;
  self->utf8 = (HyphaUtf8State){ 0 };
}

/* Hands out what was assembled; a buffer that is half empty or less is cut to size first. */
static HyphaReaderResult
hypha_reader_take_assembly (HyphaReader     *self,
                            HyphaReaderItem *item)
{
  item->opcode = self->opcode;
  if (self->capacity / 2 >= self->assembled)
    {
      self->capacity = self->assembled;
      self->assembly = g_realloc (self->assembly, self->capacity);
    }

  if (self->pool != NULL && self->capacity >= HYPHA_BUFFER_POOL_SMALLEST)
    item->slice.owner = hypha_buffer_pool_wrap (self->pool, self->assembly, self->assembled,
                                                self->capacity);
  else
    item->slice.owner = g_bytes_new_take (self->assembly, self->assembled);

  item->slice.data = g_bytes_get_data (item->slice.owner, &item->slice.size);
  hypha_reader_end_message (self);
  return HYPHA_READER_MESSAGE;
}

/* Text is checked as it arrives, so that a long bad one ends early; at the end it must be whole. */
static gboolean
hypha_reader_text_ok (HyphaReader  *self,
                      const guint8 *data,
                      gsize         size,
                      gboolean      last)
{
  if (self->opcode != HYPHA_OPCODE_TEXT)
    return TRUE;

  return hypha_utf8_feed (&self->utf8, data, size) && (!last || self->utf8.missing == 0);
}

/* A frame that lies in the caller's buffer as a whole, unmasked. */
static HyphaReaderResult
hypha_reader_take_frame (HyphaReader            *self,
                         const HyphaFrameHeader *header,
                         const guint8           *payload,
                         HyphaReaderItem        *item)
{
  gsize size = (gsize) header->length;

  if (header->opcode != HYPHA_OPCODE_CONTINUATION)
    self->opcode = header->opcode;

  if (!hypha_reader_text_ok (self, payload, size, header->fin))
    return hypha_reader_fault (item, HYPHA_CLOSE_BAD_DATA, "text is not UTF-8");

  if (header->fin && self->assembled == 0)
    {
      item->slice = (HyphaSlice){ .data = payload, .size = size };
      item->opcode = self->opcode;
      g_clear_pointer (&self->assembly, g_free);
      hypha_reader_end_message (self);
      return HYPHA_READER_MESSAGE;
    }

  self->fin = header->fin;
  self->frame_left = 0;
  hypha_reader_reserve (self, size);
  if (size > 0)
    memcpy (self->assembly + self->assembled, payload, size);
  self->assembled += size;
  return header->fin ? hypha_reader_take_assembly (self, item) : HYPHA_READER_MORE;
}

static void
hypha_reader_begin_long (HyphaReader            *self,
                         const HyphaFrameHeader *header)
{
  if (header->opcode != HYPHA_OPCODE_CONTINUATION)
    self->opcode = header->opcode;

  self->frame_left = (gsize) header->length;
  self->mask_phase = 0;
  self->fin = header->fin;
  self->huge_frames = header->length >= HYPHA_READER_HUGE;
  memcpy (self->mask, header->mask, sizeof self->mask);
}

/* The next piece of a long frame that came by way of the caller's buffer. */
static HyphaReaderResult
hypha_reader_continue_long (HyphaReader     *self,
                            const guint8    *data,
                            gsize            size,
                            gsize           *used,
                            HyphaReaderItem *item)
{
  gsize piece = MIN (size, self->frame_left);

  *used += piece;
  hypha_reader_reserve (self, piece);
  if (piece > 0)
    memcpy (self->assembly + self->assembled, data, piece);
  return hypha_reader_filled (self, piece, item);
}

static HyphaReaderResult
hypha_reader_take_control (const HyphaFrameHeader *header,
                           const guint8           *payload,
                           HyphaReaderItem        *item)
{
  item->opcode = header->opcode;
  item->slice = (HyphaSlice){ .data = payload, .size = (gsize) header->length };
  return HYPHA_READER_CONTROL;
}

/*
 * Takes the next thing from data, which is unmasked in place, and tells how many bytes it used.
 * MORE with nothing used means that the rest must be kept and shown again with what follows it;
 * MORE with something used, that there may be another thing behind it.
 */
HyphaReaderResult
hypha_reader_next (HyphaReader     *self,
                   guint8          *data,
                   gsize            size,
                   gsize           *used,
                   HyphaReaderItem *item)
{
  HyphaFrameHeader header;
  HyphaFrameStatus status;

  *used = 0;
  item->slice.owner = NULL;
  if (self->frame_left > 0)
    return hypha_reader_continue_long (self, data, size, used, item);

  status = hypha_frame_parse_header (data, size, &header, &item->problem);
  if (status == HYPHA_FRAME_NEED_MORE)
    return HYPHA_READER_MORE;

  if (status == HYPHA_FRAME_ERROR)
    return hypha_reader_fault (item, HYPHA_CLOSE_PROTOCOL_ERROR, item->problem);

  if (hypha_reader_check (self, &header, item) == HYPHA_READER_FAULT)
    return HYPHA_READER_FAULT;

  data += header.size;
  size -= header.size;
  if (header.length > size)
    {
      if (header.length <= HYPHA_READER_CARRY)
        return HYPHA_READER_MORE;

      *used = header.size;
      hypha_reader_begin_long (self, &header);
      return hypha_reader_continue_long (self, data, size, used, item);
    }

  *used = header.size + (gsize) header.length;
  hypha_frame_unmask (data, (gsize) header.length, header.mask, 0);
  if (hypha_opcode_is_control (header.opcode))
    return hypha_reader_take_control (&header, data, item);

  self->huge_frames = header.length >= HYPHA_READER_HUGE;
  return hypha_reader_take_frame (self, &header, data, item);
}

/* Where the rest of a long frame is to be read to, without a detour; NULL if none is going on. */
guint8 *
hypha_reader_get_space (HyphaReader *self,
                        gsize       *size)
{
  if (self->frame_left == 0)
    return NULL;

  hypha_reader_reserve (self, 1);
  *size = MIN (self->capacity - self->assembled, self->frame_left);
  return self->assembly + self->assembled;
}

/* So many bytes have been put into the space. */
HyphaReaderResult
hypha_reader_filled (HyphaReader     *self,
                     gsize            size,
                     HyphaReaderItem *item)
{
  guint8 *data = self->assembly + self->assembled;

  item->slice.owner = NULL;
  hypha_frame_unmask (data, size, self->mask, self->mask_phase);
  self->mask_phase += size;
  self->assembled += size;
  self->frame_left -= size;

  if (!hypha_reader_text_ok (self, data, size, self->fin && self->frame_left == 0))
    return hypha_reader_fault (item, HYPHA_CLOSE_BAD_DATA, "text is not UTF-8");

  if (self->frame_left > 0 || !self->fin)
    return HYPHA_READER_MORE;

  return hypha_reader_take_assembly (self, item);
}

void
hypha_reader_clear (HyphaReader *self)
{
  g_free (self->assembly);
  *self = (HyphaReader){ .pool = self->pool };
}
