/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "fuzz.h"
#include "hypha-chunk-watch-private.h"
#include "hypha-rpc-codec-private.h"

#include <string.h>

/*
 * Two senders deliver pieces to one receiver as the input says, past the watch. The receiver keeps
 * and refuses as the stock clients do: in JavaScript append goes behind all pieces, in Python to
 * the index that is their number. What it would process must be a call that is fine as a whole.
 */
#define LIVE_KEY "s" /* passes for a session that is alive, until it ends */
#define MAX_CALLS 40

typedef struct
{
  GHashTable *entries; /* key → GHashTable: index → GBytes */
  gboolean    javascript;
  gboolean    ended;   /* the session LIVE_KEY */
} Receiver;

static const char *const verbs[] = { "create", "append", "set", "process", "remove" };
static const char *const senders[] = { "ws-c/a", "ws-c/b" };
static const char *const keys[] = { "k", LIVE_KEY };

#define MAIN "\x82\xa4type\xa6method\xa6method\xa1m"
#define EVIL "\x81\xa4" "from\xa4ws-a"

/* As long as clients make their pieces. */
#define LONG (256 * 1024)

/*
 * Pieces that are worth trying; the third begins a text that swallows the first and the fourth. Behind
 * data come zeroes: the last is all of what the one before begins.
 */
static const struct
{
  const char *data;
  gsize       size;
  gsize       zeroes;
} pieces[] = {
  { MAIN, sizeof MAIN - 1, 0 },
  { "\x81\xa4" "args\x90", 7, 0 },
  { "\x81\xa4" "args\x91\xc4\x21", 9, 0 },
  { EVIL, sizeof EVIL - 1, 0 },
  { MAIN EVIL, sizeof MAIN EVIL - 1, 0 },
  { MAIN "\x81\xa4" "args\x90", sizeof MAIN + 6, 0 },
  { "\x80", 1, 0 },
  { MAIN "\x81\xa4" "args\x91\xc6\x00\x04\x00\x00", sizeof MAIN + 11, 0 },
  { "", 0, LONG },
};

static gboolean
is_true (GVariant *value)
{
  if (value == NULL || hypha_rpc_codec_is_null (value))
    return FALSE;
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    return g_variant_get_boolean (value);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    return g_variant_get_int64 (value) != 0;
  return TRUE;
}

static GVariant *
argument (GVariant *args,
          gsize     index)
{
  GVariant *value = NULL;

  if (index < g_variant_n_children (args))
    g_variant_get_child (args, index, "v", &value);
  return value;
}

static void
check_whole (GHashTable *entry)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  HyphaMessage message;

  for (guint i = 0; i < g_hash_table_size (entry); i++)
    {
      GBytes *piece = g_hash_table_lookup (entry, GUINT_TO_POINTER (i));

      /* A hole: neither client gets further. */
      if (piece == NULL)
        return;
      g_byte_array_append (bytes, g_bytes_get_data (piece, NULL), (guint) g_bytes_get_size (piece));
    }

  g_assert_true (hypha_message_parse (&message, bytes->data, bytes->len, NULL));
  g_assert_true (hypha_message_is_method (&message));
  g_assert_true (hypha_message_check_extra (&message, NULL));
}

static guint
end_of (GHashTable *entry,
        gboolean    javascript)
{
  GHashTableIter iter;
  gpointer index;
  guint end = 0;

  if (!javascript)
    return g_hash_table_size (entry);

  g_hash_table_iter_init (&iter, entry);
  while (g_hash_table_iter_next (&iter, &index, NULL))
    end = MAX (end, GPOINTER_TO_UINT (index) + 1);
  return end;
}

static void
keep (GHashTable *entry,
      guint       index,
      GVariant   *data)
{
  if (data != NULL && g_variant_is_of_type (data, G_VARIANT_TYPE_BYTESTRING))
    g_hash_table_insert (entry, GUINT_TO_POINTER (index), g_variant_get_data_as_bytes (data));
}

static void
receive (Receiver   *self,
         const char *verb,
         GVariant   *args)
{
  g_autoptr (GVariant) key = argument (args, 0);
  g_autoptr (GVariant) second = argument (args, 1);
  g_autoptr (GVariant) third = argument (args, 2);
  g_autoptr (GVariant) fourth = argument (args, 3);
  gboolean set = g_str_equal (verb, "set");
  gboolean append = g_str_equal (verb, "append");
  GVariant *heartbeat = set ? fourth : append ? third : second;
  const char *name = g_variant_get_string (key, NULL);
  GHashTable *entry = g_hash_table_lookup (self->entries, name);

  if (!g_str_equal (verb, "remove") && is_true (heartbeat) &&
      (self->ended || !g_str_equal (name, LIVE_KEY)))
    return;

  if (g_str_equal (verb, "create") && (entry == NULL || is_true (third)))
    g_hash_table_replace (self->entries, g_strdup (name),
                          g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) g_bytes_unref));
  else if (entry == NULL || g_str_equal (verb, "create"))
    return;
  else if (append)
    keep (entry, end_of (entry, self->javascript), second);
  else if (set)
    keep (entry, (guint) g_variant_get_int64 (second), third);
  else if (g_str_equal (verb, "process"))
    check_whole (entry);

  if (g_str_equal (verb, "process") || g_str_equal (verb, "remove"))
    g_hash_table_remove (self->entries, name);
}

static void
write_piece (GByteArray *out,
             gsize       which)
{
  guint32 size = (guint32) (pieces[which].size + pieces[which].zeroes);
  guint8 head[5] = { 0xc6 };
  guint end;

  size = GUINT32_TO_BE (size);
  memcpy (head + 1, &size, sizeof size);
  g_byte_array_append (out, head, sizeof head);
  g_byte_array_append (out, (const guint8 *) pieces[which].data, (guint) pieces[which].size);
  end = out->len;
  g_byte_array_set_size (out, end + (guint) pieces[which].zeroes);
  memset (out->data + end, 0, pieces[which].zeroes);
}

/* One argument, written as two bytes of the input say. */
static void
write_argument (GByteArray *out,
                guint8      kind,
                guint8      what)
{
  static const guint8 plain[] = { 0xc0, 0xc2, 0xc3, 0, 1, 2, 3 };

  if (kind % 4 == 0)
    {
      hypha_msgpack_write_str (out, keys[what % 2], strlen (keys[what % 2]));
    }
  else if (kind % 4 == 1)
    {
      write_piece (out, what % G_N_ELEMENTS (pieces));
    }
  else
    {
      g_byte_array_append (out, &plain[what % G_N_ELEMENTS (plain)], 1);
    }
}

static gsize
write_call (GByteArray   *out,
            const char   *verb,
            const guint8 *data,
            gsize         n_arguments)
{
  g_autofree char *method = g_strconcat ("services.built-in.message_cache.", verb, NULL);

  hypha_msgpack_write_map (out, 2);
  hypha_msgpack_write_str (out, "type", 4);
  hypha_msgpack_write_str (out, "method", 6);
  hypha_msgpack_write_str (out, "method", 6);
  hypha_msgpack_write_str (out, method, strlen (method));
  hypha_msgpack_write_map (out, 1);
  hypha_msgpack_write_str (out, "args", 4);
  hypha_msgpack_write_array (out, (guint32) n_arguments);
  for (gsize i = 0; i < n_arguments; i++)
    write_argument (out, data[2 * i], data[2 * i + 1]);

  return 2 * n_arguments;
}

static void
deliver (HyphaChunkWatch *watch,
         Receiver        *receivers,
         const char      *sender,
         const char      *verb,
         GByteArray      *call)
{
  g_autoptr (GBytes) instead = NULL;
  g_autoptr (GVariant) extra = NULL;
  g_autoptr (GVariant) args = NULL;
  const HyphaChunkRoute route = { .sender = sender, .account = "mallory", .target = "ws-a/v" };
  HyphaMessage message;
  const guint8 *data = call->data;
  gsize size = call->len;

  g_assert_true (hypha_message_parse (&message, data, size, NULL));
  g_assert_true (hypha_message_is_piece (&message));
  if (!hypha_chunk_watch_inspect (watch, &route, &message, &instead, NULL))
    return;

  if (instead != NULL)
    data = g_bytes_get_data (instead, &size);
  extra = hypha_msgpack_decode (data + message.envelope_size, size - message.envelope_size, NULL,
                                NULL, NULL);
  args = g_variant_lookup_value (extra, "args", G_VARIANT_TYPE ("av"));
  receive (&receivers[0], verb, args);
  receive (&receivers[1], verb, args);
}

int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  g_autoptr (HyphaChunkWatch) watch = hypha_chunk_watch_new ();
  Receiver receivers[2] = { { NULL, TRUE, FALSE }, { NULL, FALSE, FALSE } };
  gsize pos = 0;

  for (guint i = 0; i < 2; i++)
    receivers[i].entries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                                  (GDestroyNotify) g_hash_table_unref);

  for (guint i = 0; i < MAX_CALLS && pos + 2 <= size; i++)
    {
      g_autoptr (GByteArray) call = g_byte_array_new ();
      const char *sender = senders[data[pos] % 2];
      const char *verb = verbs[data[pos] / 2 % G_N_ELEMENTS (verbs)];
      gsize n_arguments = data[pos + 1] % 6;

      pos += 2;
      if (data[pos - 2] >= 0xf0)
        {
          hypha_chunk_watch_forget (watch, sender);
          continue;
        }

      if (data[pos - 2] >= 0xe0)
        {
          receivers[0].ended = receivers[1].ended = TRUE;
          continue;
        }

      if (pos + 2 * n_arguments > size)
        break;

      pos += write_call (call, verb, data + pos, n_arguments);
      deliver (watch, receivers, sender, verb, call);
    }

  g_hash_table_unref (receivers[0].entries);
  g_hash_table_unref (receivers[1].entries);
  return 0;
}
