/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-message-key-private.h"
#include "hypha-message-scanner-private.h"
#include "hypha-msgpack-key-private.h"

/* A head is at most a lead byte and eight more. */
#define MAX_HEAD 9
/* Longest key that is looked at: those that are ours are shorter. */
#define MAX_KEY HYPHA_MSGPACK_MAX_REFUSED_KEY

/* The ext type of a time, as a byte. */
#define EXT_TIMESTAMP 0xff

struct _HyphaMessageScanner
{
  GByteArray *envelope;   /* what came so far, until the envelope is whole; then NULL */
  guint64     open[HYPHA_MSGPACK_MAX_SKIP_DEPTH];  /* see HYPHA_MSGPACK_OPEN */
  guint       depth;
  guint       seen;       /* keys of the second segment */
  guint64     body;       /* bytes to come of a str, bin or ext */
  guint8      head[MAX_HEAD];
  guint       head_size;
  char        key[MAX_KEY];
  guint       key_size;
  gsize       parent;     /* where that key lies; 0 if there is none */
  guint       in_key : 1;
  guint       no_time : 1; /* the body is that of an ext, and too long or short for a time */
  guint       started : 1;
  guint       cut : 1;    /* the envelope did not come at once */
  guint       failed : 1;
  guint       refuse_sealed : 1;
};

HyphaMessageScanner *
hypha_message_scanner_new (void)
{
  HyphaMessageScanner *self = g_new0 (HyphaMessageScanner, 1);

  self->envelope = g_byte_array_new ();
  return self;
}

void
hypha_message_scanner_free (HyphaMessageScanner *self)
{
  g_clear_pointer (&self->envelope, g_byte_array_unref);
  g_free (self);
}

/* From now on an encrypted message is a wrong one. */
void
hypha_message_scanner_refuse_sealed (HyphaMessageScanner *self)
{
  self->refuse_sealed = TRUE;
}

static gboolean
hypha_message_scanner_fail (HyphaMessageScanner  *self,
                            const char           *problem,
                            GError              **error)
{
  self->failed = TRUE;
  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PROTOCOL, "Invalid message: %s", problem);
  return FALSE;
}

/* Bytes that follow the lead byte in an item's head; a negative number for what is no head. */
static int
hypha_message_scanner_field (guint8 lead)
{
  static const gint8 fields[32] = {
    0, -1, 0, 0, 1, 2, 4, 1, 2, 4, 4, 8, 1, 2, 4, 8,
    1, 2, 4, 8, 0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4,
  };

  return lead >= 0xc0 && lead <= 0xdf ? fields[lead - 0xc0] : 0;
}

static guint64
hypha_message_scanner_number (HyphaMessageScanner *self)
{
  guint64 number = 0;

  for (guint i = 1; i < self->head_size; i++)
    number = number << 8 | self->head[i];

  return number;
}

/* What a whole head announces: bytes of a body, or items of a container. */
static void
hypha_message_scanner_measure (HyphaMessageScanner *self,
                               guint64             *body,
                               guint64             *items,
                               gboolean            *container,
                               gboolean            *text,
                               gboolean            *ext)
{
  guint8 lead = self->head[0];
  guint64 number = hypha_message_scanner_number (self);

  *body = 0;
  *items = 0;
  *text = (lead >= 0xa0 && lead <= 0xbf) || (lead >= 0xd9 && lead <= 0xdb);
  *ext = (lead >= 0xc7 && lead <= 0xc9) || (lead >= 0xd4 && lead <= 0xd8);
  *container = (lead >= 0x80 && lead <= 0x9f) || (lead >= 0xdc && lead <= 0xdf);
  if (lead >= 0x80 && lead <= 0x8f)
    *items = 2 * (guint64) (lead & 0x0f);
  else if (lead >= 0x90 && lead <= 0x9f)
    *items = lead & 0x0f;
  else if (lead == 0xdc || lead == 0xdd)
    *items = number;
  else if (lead == 0xde || lead == 0xdf)
    *items = 2 * number;
  else if (lead >= 0xa0 && lead <= 0xbf)
    *body = lead & 0x1f;
  else if ((lead >= 0xc4 && lead <= 0xc6) || *text)
    *body = number;
  else if (*ext && lead <= 0xc9)
    *body = number + 1;
  else if (*ext)
    *body = (G_GUINT64_CONSTANT (1) << (lead - 0xd4)) + 1;
}

/* A key of the second segment has come: it must be one that a call may have, once. */
static gboolean
hypha_message_scanner_check_own_key (HyphaMessageScanner  *self,
                                     GError              **error)
{
  HyphaKey key = hypha_key_classify (self->key, self->key_size);
  guint bit = key != HYPHA_KEY_OTHER ? HYPHA_KEY_BIT (key) : 0;

  if ((bit & HYPHA_METHOD_EXTRA_KEYS) == 0 || (self->seen & bit) != 0)
    return hypha_message_scanner_fail (self, "unexpected key in extra segment", error);

  if (key == HYPHA_KEY_ENC && self->refuse_sealed)
    return hypha_message_scanner_fail (self, "it is encrypted", error);

  self->seen |= bit;
  return TRUE;
}

/* A key has come. Long ones are not looked at; they are no key that must not be. */
static gboolean
hypha_message_scanner_check_key (HyphaMessageScanner  *self,
                                 GError              **error)
{
  self->in_key = FALSE;
  if (self->depth == 1)
    return hypha_message_scanner_check_own_key (self, error);

  return hypha_msgpack_is_key (self->key, self->key_size) ||
         hypha_message_scanner_fail (self, HYPHA_MSGPACK_BAD_KEY, error);
}

/* An item is over, and with it perhaps the containers that it was the last of. */
static gboolean
hypha_message_scanner_end_item (HyphaMessageScanner  *self,
                                GError              **error)
{
  if (self->in_key && !hypha_message_scanner_check_key (self, error))
    return FALSE;

  while (self->depth > 0 &&
         (self->open[self->depth - 1] -= HYPHA_MSGPACK_OPEN_ITEM) < HYPHA_MSGPACK_OPEN_ITEM)
    self->depth--;

  return TRUE;
}

static gboolean
hypha_message_scanner_open (HyphaMessageScanner  *self,
                            guint64               items,
                            gboolean              map,
                            GError              **error)
{
  if (items == 0)
    return hypha_message_scanner_end_item (self, error);

  if (self->depth == HYPHA_MSGPACK_MAX_SKIP_DEPTH)
    return hypha_message_scanner_fail (self, "nested too deeply", error);

  self->open[self->depth++] = HYPHA_MSGPACK_OPEN (items, map ? 1 : 0);
  return TRUE;
}

/* Numbers may be keys, but not of the second segment itself. */
static gboolean
hypha_message_scanner_begin_key (HyphaMessageScanner  *self,
                                 guint8                lead,
                                 gboolean              text,
                                 GError              **error)
{
  gboolean number = lead < 0x80 || (lead >= 0xca && lead <= 0xd3) || lead >= 0xe0;

  if (self->depth == 1 && (!text || self->body > MAX_KEY))
    return hypha_message_scanner_fail (self, "unexpected key in extra segment", error);

  self->in_key = text && self->body <= MAX_KEY;
  self->key_size = 0;
  return text || number || hypha_message_scanner_fail (self, HYPHA_MSGPACK_BAD_KEY, error);
}

static gboolean
hypha_message_scanner_begin_item (HyphaMessageScanner  *self,
                                  GError              **error)
{
  guint8 lead = self->head[0];
  gboolean map = (lead >= 0x80 && lead <= 0x8f) || lead == 0xde || lead == 0xdf;
  gboolean container;
  gboolean text;
  gboolean ext;
  guint64 items;

  hypha_message_scanner_measure (self, &self->body, &items, &container, &text, &ext);
  self->head_size = 0;
  self->no_time = ext && self->body != 1 + 4 && self->body != 1 + 8 && self->body != 1 + 12;
  if (!self->started && !map)
    return hypha_message_scanner_fail (self, "extra segment is not a single map", error);

  self->started = TRUE;
  if (self->depth > 0 && HYPHA_MSGPACK_OPEN_IS_AT_KEY (self->open[self->depth - 1]) &&
      !hypha_message_scanner_begin_key (self, lead, text, error))
    return FALSE;

  if (container)
    return hypha_message_scanner_open (self, items, map, error);

  return self->body > 0 || hypha_message_scanner_end_item (self, error);
}

static gsize
hypha_message_scanner_take_body (HyphaMessageScanner *self,
                                 const guint8        *data,
                                 gsize                size)
{
  gsize n = (gsize) MIN (self->body, size);

  if (self->in_key)
    {
      memcpy (self->key + self->key_size, data, n);
      self->key_size += (guint) n;
    }

  self->body -= n;
  return n;
}

/* Walks the second segment, from wherever the last piece ended. */
static gboolean
hypha_message_scanner_walk (HyphaMessageScanner  *self,
                            const guint8         *data,
                            gsize                 size,
                            GError              **error)
{
  gsize i = 0;

  while (i < size)
    {
      int field;

      if (self->body > 0)
        {
          if (self->no_time && data[i] == EXT_TIMESTAMP)
            return hypha_message_scanner_fail (self, "a timestamp has 4, 8 or 12 bytes", error);

          self->no_time = FALSE;
          i += hypha_message_scanner_take_body (self, data + i, size - i);
          if (self->body == 0 && !hypha_message_scanner_end_item (self, error))
            return FALSE;
          continue;
        }

      if (self->started && self->depth == 0)
        return hypha_message_scanner_fail (self, "extra segment is not a single map", error);

      self->head[self->head_size++] = data[i++];
      field = hypha_message_scanner_field (self->head[0]);
      if (field < 0)
        return hypha_message_scanner_fail (self, "malformed MessagePack", error);
      if (self->head_size == 1 + (guint) field && !hypha_message_scanner_begin_item (self, error))
        return FALSE;
    }

  return TRUE;
}

/* Whatever else a whole call's envelope had, the router would have dropped. */
static gboolean
hypha_message_scanner_check_envelope (HyphaMessageScanner  *self,
                                      const HyphaMessage   *message,
                                      GError              **error)
{
  HyphaMsgpackCursor cursor = { message->data, message->envelope_size, 0 };
  HyphaMsgpackItem item;
  HyphaKey key;

  if (!hypha_message_is_method (message))
    return hypha_message_scanner_fail (self, "only calls may come in pieces", error);
  if (hypha_message_is_piece (message))
    return hypha_message_scanner_fail (self, "pieces may not come in pieces", error);
  if (!hypha_message_check_lengths (message, error) ||
      !hypha_message_check_method (message, error) ||
      !hypha_message_check_sessions (message, error))
    return FALSE;

  if (!hypha_msgpack_cursor_next (&cursor, &item, error))
    return FALSE;

  for (guint32 i = 0; i < message->n_keys; i++)
    {
      if (!hypha_msgpack_cursor_next (&cursor, &item, error) ||
          !hypha_msgpack_cursor_skip (&cursor, error))
        return FALSE;

      key = hypha_key_classify ((const char *) item.data, item.size);
      if (key > HYPHA_KEY_USER)
        return hypha_message_scanner_fail (self, "unexpected key in the envelope", error);
      if (key == HYPHA_KEY_PARENT && self->cut)
        return hypha_message_scanner_fail (self, "its envelope is cut up", error);
      if (key == HYPHA_KEY_PARENT)
        self->parent = (gsize) (item.data - message->data);
    }

  return TRUE;
}

/* Takes the next piece; FALSE, then and ever after, once it is wrong. */
gboolean
hypha_message_scanner_feed (HyphaMessageScanner  *self,
                            const guint8         *data,
                            gsize                 size,
                            GError              **error)
{
  g_autoptr (GByteArray) envelope = NULL;
  HyphaMessage message;
  gsize taken;

  if (self->failed)
    return hypha_message_scanner_fail (self, "it was wrong before", error);

  if (self->envelope == NULL)
    return hypha_message_scanner_walk (self, data, size, error);

  self->cut = self->envelope->len > 0;
  /* Too little of it cannot be told from nonsense, so it is tried again until it is too much. */
  taken = MIN (size, HYPHA_SCANNER_MAX_ENVELOPE - self->envelope->len);
  g_byte_array_append (self->envelope, data, (guint) taken);
  if (!hypha_message_parse (&message, self->envelope->data, self->envelope->len, NULL))
    return self->envelope->len < HYPHA_SCANNER_MAX_ENVELOPE ||
           hypha_message_scanner_fail (self, "it has no envelope", error);

  if (!hypha_message_scanner_check_envelope (self, &message, error))
    return FALSE;

  envelope = g_steal_pointer (&self->envelope);
  return hypha_message_scanner_walk (self, envelope->data + message.envelope_size,
                                     envelope->len - message.envelope_size, error) &&
         hypha_message_scanner_walk (self, data + taken, size - taken, error);
}

/*
 * Where in the first piece the key “parent” of the envelope lies, 0 if there is none. A message that
 * has it only in a later one is refused: the first may be with the receiver.
 */
gsize
hypha_message_scanner_get_parent (HyphaMessageScanner *self)
{
  return self->parent;
}

/* Whether what came so far is a whole message. */
gboolean
hypha_message_scanner_is_done (HyphaMessageScanner *self)
{
  return !self->failed && self->envelope == NULL && self->depth == 0 && self->body == 0 &&
         self->head_size == 0;
}
