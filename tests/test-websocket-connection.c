/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "test-link.h"
#include "test-utils.h"

#define TEXT 0x81
#define BINARY 0x82
#define CLOSE 0x88
#define PING 0x89
#define PONG 0x8a

static Link *
link_new (gconstpointer data)
{
  return ((LinkMaker) data) ();
}

static Link *
link_new_echo (gconstpointer data)
{
  Link *link = link_new (data);

  link->echo = TRUE;
  link->count_only = TRUE;
  return link;
}

static void
assert_echo (Link       *link,
             guint       first_byte,
             const char *payload,
             gsize       size)
{
  g_autoptr (GBytes) answer = NULL;

  link_send_frame (link, first_byte, payload, size);
  answer = link_expect_frame (link, first_byte);
  g_assert_cmpmem (g_bytes_get_data (answer, NULL), g_bytes_get_size (answer), payload, size);
}

/* Conformance, in the order of the usual suite: 1, frames of every size. */
static void
test_frames (gconstpointer data)
{
  static const gsize sizes[] = { 0, 1, 125, 126, 127, 128, 16383, 16384, 16385, 65535, 65536,
                                 300000 };
  g_autoptr (Link) link = link_new_echo (data);

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autofree char *payload = g_strnfill (sizes[i], '*');

      assert_echo (link, TEXT, payload, sizes[i]);
      memset (payload, 0xfe, sizes[i]);
      assert_echo (link, BINARY, payload, sizes[i]);
    }
}

/* The same when every byte arrives alone. */
static void
test_frames_chopped (gconstpointer data)
{
  static const gsize sizes[] = { 0, 1, 125, 126, 2000 };
  g_autoptr (Link) link = link_new_echo (data);

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autofree char *payload = g_strnfill (sizes[i], '*');
      g_autoptr (GBytes) frame = link_make_frame (TEXT, payload, sizes[i]);
      const guint8 *bytes = g_bytes_get_data (frame, NULL);

      for (gsize j = 0; j < g_bytes_get_size (frame); j++)
        {
          link_send (link, bytes + j, 1);
          while (g_main_context_iteration (NULL, FALSE))
            ;
        }

      link_expect_text (link, payload);
    }
}

/* 2, pings and pongs. */
static void
test_pings (gconstpointer data)
{
  g_autoptr (Link) link = link_new_echo (data);
  g_autofree char *longest = g_strnfill (125, 0x7e);

  for (int i = 0; i < 10; i++)
    {
      g_autoptr (GBytes) pong = NULL;

      link_send_frame (link, PING, longest, (gsize) (i == 0 ? 0 : 125));
      pong = link_expect_frame (link, PONG);
      g_assert_cmpuint (g_bytes_get_size (pong), ==, i == 0 ? 0 : 125);
    }

  /* Pongs that nobody asked for are no trouble. */
  link_send_frame (link, PONG, "?", 1);
  link_send_frame (link, PONG, NULL, 0);
  assert_echo (link, TEXT, "still here", 10);
}

static void
test_ping_too_long (gconstpointer data)
{
  g_autoptr (Link) link = link_new (data);
  g_autofree char *payload = g_strnfill (126, '*');

  link_send_frame (link, PING, payload, 126);
  link_expect_fault (link, HYPHA_CLOSE_PROTOCOL_ERROR);
}

/* 3, reserved bits: what came before is still answered. */
static void
test_reserved_bits (gconstpointer data)
{
  for (guint bits = 0x10; bits <= 0x70; bits += 0x10)
    {
      g_autoptr (Link) link = link_new_echo (data);

      link_send_frame (link, TEXT, "before", 6);
      link_send_frame (link, bits % 0x20 == 0 ? TEXT | bits : PING | bits, "x", 1);
      link_send_frame (link, TEXT, "after", 5);
      link_expect_text (link, "before");
      link_expect_fault (link, HYPHA_CLOSE_PROTOCOL_ERROR);
      g_assert_cmpuint (link->n_messages, ==, 1);
    }
}

/* 4, opcodes. */
static void
test_bad_opcodes (gconstpointer data)
{
  static const guint opcodes[] = { 3, 4, 5, 6, 7, 11, 12, 13, 14, 15 };

  for (gsize i = 0; i < G_N_ELEMENTS (opcodes); i++)
    {
      g_autoptr (Link) link = link_new_echo (data);

      assert_echo (link, TEXT, "before", 6);
      link_send_frame (link, 0x80 | opcodes[i], i % 2 == 0 ? "x" : NULL, i % 2 == 0);
      link_expect_fault (link, HYPHA_CLOSE_PROTOCOL_ERROR);
    }
}

/* 5, fragmentation. */
static void
test_fragments (gconstpointer data)
{
  g_autoptr (Link) link = link_new_echo (data);
  g_autoptr (GBytes) pong = NULL;

  link_send_frame (link, 0x01, "one ", 4);
  link_send_frame (link, 0x00, NULL, 0);
  link_send_frame (link, PING, "in between", 10);
  link_send_frame (link, 0x00, "two ", 4);
  link_send_frame (link, 0x80, "three", 5);
  pong = link_expect_frame (link, PONG);
  g_assert_cmpuint (g_bytes_get_size (pong), ==, 10);
  link_expect_text (link, "one two three");

  link_send_frame (link, 0x01, NULL, 0);
  link_send_frame (link, 0x00, NULL, 0);
  link_send_frame (link, 0x80, NULL, 0);
  link_expect_text (link, "");

  link_send_frame (link, 0x01, NULL, 0);
  link_send_frame (link, 0x80, "late", 4);
  link_expect_text (link, "late");
}

static void
test_fragments_bad_order (gconstpointer data)
{
  static const guint sequences[][3] = {
    { 0x80, 0x81, 0x81 }, /* nothing to continue */
    { 0x00, 0x81, 0x81 },
    { 0x01, 0x81, 0x81 }, /* a new message in the middle */
    { 0x01, 0x82, 0x80 },
    { 0x81, 0x80, 0x81 },
    { 0x09, 0x80, 0x81 }, /* a fragmented ping, and a close */
    { 0x01, 0x08, 0x80 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (sequences); i++)
    {
      g_autoptr (Link) link = link_new (data);

      for (gsize j = 0; j < 3; j++)
        link_send_frame (link, sequences[i][j], "xyz", 3);
      link_expect_fault (link, HYPHA_CLOSE_PROTOCOL_ERROR);
      g_assert_cmpuint (link->n_messages, ==, i == 4 ? 1 : 0);
    }
}

/* Fragments that are long themselves: read straight into the message. */
static void
test_fragments_long (gconstpointer data)
{
  g_autoptr (Link) link = link_new (data);
  g_autofree char *payload = g_malloc (1000000);
  g_autoptr (GBytes) message = NULL;

  for (gsize i = 0; i < 1000000; i++)
    payload[i] = (char) (i * 31 >> 3);

  link_send_frame (link, 0x02, payload, 400000);
  link_send_frame (link, PING, NULL, 0);
  link_send_frame (link, 0x00, payload + 400000, 10);
  link_send_frame (link, 0x00, payload + 400010, 399990);
  link_send_frame (link, 0x80, payload + 800000, 200000);
  message = link_expect_message (link, HYPHA_FRAME_BINARY);
  g_assert_cmpmem (g_bytes_get_data (message, NULL), g_bytes_get_size (message), payload, 1000000);
}

/* 6, text is UTF-8, whatever the pieces. */
static void
test_text_valid (gconstpointer data)
{
  static const char text[] = "κόσμε \xf0\x9f\x98\x80 \xef\xbf\xbf";
  g_autoptr (Link) link = link_new_echo (data);
  gsize size = strlen (text);

  assert_echo (link, TEXT, text, size);
  assert_echo (link, TEXT, "a\0b", 3);
  for (gsize cut = 0; cut <= size; cut++)
    {
      link_send_frame (link, 0x01, text, cut);
      link_send_frame (link, 0x80, text + cut, size - cut);
      link_expect_text (link, text);
    }
}

static void
test_text_invalid (gconstpointer data)
{
  static const char *const bad[] = { "\xff", "abc\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                     "cut \xe2\x82" };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (Link) link = link_new (data);

      link_send_frame (link, TEXT, bad[i], strlen (bad[i]));
      link_expect_fault (link, HYPHA_CLOSE_BAD_DATA);
      g_assert_cmpuint (link->n_messages, ==, 0);
    }
}

/* A long bad text ends with the first piece that shows it, not with its last. */
static void
test_text_invalid_early (gconstpointer data)
{
  g_autoptr (Link) first = link_new (data);
  g_autoptr (Link) second = link_new (data);
  g_autofree char *payload = g_strnfill (100000, 'a');
  g_autoptr (GBytes) frame = NULL;

  link_send_frame (first, 0x01, "fine", 4);
  link_send_frame (first, 0x00, "\xff", 1);
  link_expect_fault (first, HYPHA_CLOSE_BAD_DATA);

  payload[30000] = (char) 0xff;
  frame = link_make_frame (TEXT, payload, 100000);
  link_send (second, g_bytes_get_data (frame, NULL), 60000);
  link_expect_fault (second, HYPHA_CLOSE_BAD_DATA);
}

static void
test_binary_is_not_text (gconstpointer data)
{
  g_autoptr (Link) link = link_new_echo (data);

  assert_echo (link, BINARY, "\xff\xfe\0\x80", 4);
}

/* 7, the closing handshake. */
static void
assert_close_answer (gconstpointer data,
                     const char   *payload,
                     gsize         size,
                     guint         code,
                     const char   *reason)
{
  g_autoptr (Link) link = link_new (data);
  g_autoptr (GBytes) answer = NULL;

  link_send_frame (link, CLOSE, payload, size);
  link_send_frame (link, TEXT, "too late", 8);
  answer = link_expect_frame (link, CLOSE);
  g_assert_cmpmem (g_bytes_get_data (answer, NULL), g_bytes_get_size (answer), payload,
                   MIN (size, 2));
  link_expect_closed (link, code);
  link_expect_eof (link);
  g_assert_cmpstr (link->closed_reason, ==, reason);
  g_assert_cmpuint (link->n_messages, ==, 0);
}

static void
test_close_by_peer (gconstpointer data)
{
  g_autofree char *longest = g_strnfill (125, 'r');

  assert_close_answer (data, "", 0, 1005, "");
  assert_close_answer (data, "\x03\xe8", 2, 1000, "");
  assert_close_answer (data, "\x03\xe8" "done", 6, 1000, "done");
  assert_close_answer (data, "\x0b\xb8", 2, 3000, "");
  assert_close_answer (data, "\x13\x87", 2, 4999, "");
  longest[0] = 0x03;
  longest[1] = (char) 0xe9;
  assert_close_answer (data, longest, 125, 1001, longest + 2);
}

static void
test_close_by_peer_bad (gconstpointer data)
{
  static const struct
  {
    const char *payload;
    gsize       size;
    guint       code;
  } rows[] = {
    { "\x03", 1, HYPHA_CLOSE_PROTOCOL_ERROR },
    { "\x00\x00", 2, HYPHA_CLOSE_PROTOCOL_ERROR },
    { "\x03\xec", 2, HYPHA_CLOSE_PROTOCOL_ERROR }, /* 1004 */
    { "\x03\xed", 2, HYPHA_CLOSE_PROTOCOL_ERROR }, /* 1005 */
    { "\x03\xee", 2, HYPHA_CLOSE_PROTOCOL_ERROR }, /* 1006 */
    { "\x03\xf7", 2, HYPHA_CLOSE_PROTOCOL_ERROR }, /* 1015 */
    { "\x0b\xb7", 2, HYPHA_CLOSE_PROTOCOL_ERROR }, /* 2999 */
    { "\x13\x88", 2, HYPHA_CLOSE_PROTOCOL_ERROR }, /* 5000 */
    { "\x03\xe8\xff", 3, HYPHA_CLOSE_BAD_DATA },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (Link) link = link_new (data);

      link_send_frame (link, CLOSE, rows[i].payload, rows[i].size);
      link_expect_fault (link, rows[i].code);
    }
}

static void
test_close_too_long (gconstpointer data)
{
  g_autoptr (Link) link = link_new (data);
  g_autofree char *payload = g_strnfill (126, 'r');

  link_send_frame (link, CLOSE, payload, 126);
  link_expect_fault (link, HYPHA_CLOSE_PROTOCOL_ERROR);
}

static void
test_close_by_us (gconstpointer data)
{
  g_autoptr (Link) link = link_new (data);
  g_autoptr (GBytes) payload = NULL;

  hypha_connection_close (link->connection, HYPHA_CLOSE_GOING_AWAY, "Server shutting down");
  g_assert_cmpuint (link->n_closed, ==, 0);
  hypha_connection_close (link->connection, HYPHA_CLOSE_NORMAL, "again");
  payload = link_expect_frame (link, CLOSE);
  g_assert_cmpmem (g_bytes_get_data (payload, NULL), g_bytes_get_size (payload),
                   "\x03\xe9" "Server shutting down", 22);

  /* What the peer had under way is not delivered any more. */
  link_send_frame (link, TEXT, "crossed", 7);
  link_send_frame (link, CLOSE, "\x03\xe9", 2);
  link_expect_closed (link, HYPHA_CLOSE_GOING_AWAY);
  link_expect_eof (link);
  g_assert_cmpuint (link->n_messages, ==, 0);
  g_assert_cmpuint (link->incoming->len, ==, 0);
}

static void
test_close_timeout (gconstpointer data)
{
  g_autoptr (Link) link = link_new (data);

  hypha_websocket_connection_set_close_timeout (
    HYPHA_WEBSOCKET_CONNECTION (link->connection), 60);
  hypha_connection_close (link->connection, HYPHA_CLOSE_NORMAL, NULL);
  link_expect_closed (link, HYPHA_CLOSE_NORMAL);
  link_expect_eof (link);
}

static void
test_close_without_handshake (gconstpointer data)
{
  g_autoptr (Link) first = link_new (data);
  g_autoptr (Link) second = link_new (data);

  link_close_client (first);
  link_expect_closed (first, HYPHA_CLOSE_ABNORMAL);

  /* In the middle of a frame. */
  link_send_hex (second, "82ff 0000000000100000 01020304 aabb");
  link_close_client (second);
  link_expect_closed (second, HYPHA_CLOSE_ABNORMAL);
  g_assert_cmpuint (second->n_messages, ==, 0);
}

/* Closing from inside a handler: the frames behind it are not delivered. */
static void
close_link (gpointer data)
{
  hypha_connection_close (((Link *) data)->connection, HYPHA_CLOSE_POLICY, "enough");
}

static void
test_close_in_handler (gconstpointer data)
{
  g_autoptr (Link) link = link_new (data);

  link->on_message = close_link;
  for (int i = 0; i < 5; i++)
    link_send_frame (link, TEXT, "x", 1);
  link_send_frame (link, CLOSE, NULL, 0);
  link_expect_fault (link, HYPHA_CLOSE_POLICY);
  g_assert_cmpuint (link->n_messages, ==, 1);
}

static void
append_frame (GByteArray    *stream,
              guint          first_byte,
              gconstpointer  payload,
              gsize          size)
{
  g_autoptr (GBytes) frame = link_make_frame (first_byte, payload, size);

  g_byte_array_append (stream, g_bytes_get_data (frame, NULL), (guint) g_bytes_get_size (frame));
}

static gsize
random_size (gsize most)
{
  static const gint32 limits[] = { 2, 130, 5000, 20000, 100000, 400000 };
  gsize size = (gsize) g_test_rand_int_range (0, limits[g_test_rand_int_range (0, 6)]);

  return MIN (size, most);
}

/* One message in random fragments, with a ping here and there. */
static void
append_message (GByteArray   *stream,
                const guint8 *payload,
                gsize         size)
{
  guint opcode = HYPHA_OPCODE_BINARY;

  while (g_test_rand_int_range (0, 3) == 0)
    {
      gsize piece = random_size (size);

      append_frame (stream, opcode, payload, piece);
      if (g_test_rand_bit ())
        append_frame (stream, PING, "ping", 4);
      opcode = HYPHA_OPCODE_CONTINUATION;
      payload += piece;
      size -= piece;
    }

  append_frame (stream, 0x80 | opcode, payload, size);
}

/* Whatever the sizes, the fragments, and the pieces in which they arrive: what was sent comes. */
static void
test_random_pieces (gconstpointer data)
{
  enum { N = 60, LONGEST = 400000 };
  g_autoptr (Link) link = link_new (data);
  GByteArray *stream = g_byte_array_new ();
  g_autofree guint8 *payload = g_malloc (LONGEST + N);
  gsize sizes[N];

  for (gsize i = 0; i < LONGEST + N; i++)
    payload[i] = (guint8) (i * 131 >> 4);

  for (gsize i = 0; i < N; i++)
    {
      sizes[i] = random_size (LONGEST);
      append_message (stream, payload + i, sizes[i]);
    }

  for (gsize pos = 0; pos < stream->len;)
    {
      gsize piece = random_size (stream->len - pos - 1) + 1;

      link_send (link, stream->data + pos, piece);
      pos += piece;
      while (g_test_rand_bit () && g_main_context_iteration (NULL, FALSE))
        ;
    }

  for (gsize i = 0; i < N; i++)
    {
      g_autoptr (GBytes) message = link_expect_message (link, HYPHA_FRAME_BINARY);

      g_assert_cmpmem (g_bytes_get_data (message, NULL), g_bytes_get_size (message), payload + i,
                       sizes[i]);
    }

  g_assert_cmpuint (link->n_closed, ==, 0);
  g_byte_array_unref (stream);
}

/* Masking is not a matter of taste. */
static void
test_unmasked (gconstpointer data)
{
  g_autoptr (Link) link = link_new (data);

  link_send_hex (link, "8103 616263");
  link_expect_fault (link, HYPHA_CLOSE_PROTOCOL_ERROR);
  g_assert_cmpuint (link->n_messages, ==, 0);
}

static void
test_garbage (gconstpointer data)
{
  g_autoptr (Link) link = link_new (data);
  const char *request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

  link_send (link, request, strlen (request));
  link_expect_fault (link, HYPHA_CLOSE_PROTOCOL_ERROR);
}

/* Limits, each by its name. */
static void
test_max_frame (gconstpointer data)
{
  g_autoptr (Link) link = link_new_echo (data);
  g_autoptr (Link) over = link_new (data);
  g_autofree char *payload = g_malloc (HYPHA_WEBSOCKET_MAX_FRAME);

  memset (payload, 0x5a, HYPHA_WEBSOCKET_MAX_FRAME);
  assert_echo (link, BINARY, payload, HYPHA_WEBSOCKET_MAX_FRAME);

  /* One more byte is refused before any of it comes. */
  link_send_hex (over, "82ff 0000000001000001 01020304");
  link_expect_fault (over, HYPHA_CLOSE_TOO_BIG);
}

static void
test_max_message (gconstpointer data)
{
  g_autoptr (Link) link = link_new (data);
  g_autofree char *payload = g_malloc0 (HYPHA_WEBSOCKET_MAX_MESSAGE / 4);

  link_send_frame (link, 0x02, payload, HYPHA_WEBSOCKET_MAX_MESSAGE / 4);
  for (int i = 0; i < 3; i++)
    link_send_frame (link, 0x00, payload, HYPHA_WEBSOCKET_MAX_MESSAGE / 4);
  link_send_frame (link, 0x80, payload, 1);
  link_expect_fault (link, HYPHA_CLOSE_TOO_BIG);
  g_assert_cmpuint (link->n_messages, ==, 0);
}

static void
test_max_pongs (gconstpointer data)
{
  g_autoptr (Link) link = link_new_echo (data);
  GByteArray *flood = g_byte_array_new ();
  g_autoptr (GBytes) ping = link_make_frame (PING, "flood", 5);
  guint n_pongs = 0;

  /* All of them arrive in one turn, before anything can be written. */
  for (int i = 0; i < HYPHA_WEBSOCKET_MAX_PONGS * 3; i++)
    g_byte_array_append (flood, g_bytes_get_data (ping, NULL), (guint) g_bytes_get_size (ping));
  link_send (link, flood->data, flood->len);
  g_byte_array_unref (flood);

  link_send_frame (link, TEXT, "end", 3);
  for (;;)
    {
      g_autoptr (GBytes) frame = NULL;

      g_assert_true (test_wait (link_has_frame, link));
      if (link->incoming->data[0] == TEXT)
        break;

      frame = link_expect_frame (link, PONG);
      n_pongs++;
    }

  g_assert_cmpuint (n_pongs, ==, HYPHA_WEBSOCKET_MAX_PONGS);
}

#define add_case(name, func) link_add_case ("/net/websocket/", name, func)

int
main (int    argc,
      char **argv)
{
  int result;

  test_init (&argc, &argv);

  add_case ("frames", test_frames);
  add_case ("frames-chopped", test_frames_chopped);
  add_case ("pings", test_pings);
  add_case ("ping-too-long", test_ping_too_long);
  add_case ("reserved-bits", test_reserved_bits);
  add_case ("bad-opcodes", test_bad_opcodes);
  add_case ("fragments", test_fragments);
  add_case ("fragments-bad-order", test_fragments_bad_order);
  add_case ("fragments-long", test_fragments_long);
  add_case ("text-valid", test_text_valid);
  add_case ("text-invalid", test_text_invalid);
  add_case ("text-invalid-early", test_text_invalid_early);
  add_case ("binary-is-not-text", test_binary_is_not_text);
  add_case ("close-by-peer", test_close_by_peer);
  add_case ("close-by-peer-bad", test_close_by_peer_bad);
  add_case ("close-too-long", test_close_too_long);
  add_case ("close-by-us", test_close_by_us);
  add_case ("close-timeout", test_close_timeout);
  add_case ("close-without-handshake", test_close_without_handshake);
  add_case ("close-in-handler", test_close_in_handler);
  add_case ("random-pieces", test_random_pieces);
  add_case ("unmasked", test_unmasked);
  add_case ("garbage", test_garbage);
  add_case ("max-frame", test_max_frame);
  add_case ("max-message", test_max_message);
  add_case ("max-pongs", test_max_pongs);

  result = g_test_run ();
  link_stop_server ();
  return result;
}
