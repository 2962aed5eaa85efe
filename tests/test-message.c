/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-message-private.h"

#include <string.h>

#include "test-utils.h"

/* Two recorded frames of the spec's appendix: as sent by a client, and as delivered. */
#define CALL_SENT                                                                                  \
  "85a474797065a66d6574686f64a466726f6da777732d612f6333a2746fa777732d612f7033a66d6574686f64b2"    \
  "73657276696365732e63616c63332e616464a773657373696f6eb7627730647977306d62623137393533313436"    \
  "393031373983a461726773920203a770726f6d697365a12aa1740f"
#define CALL_DELIVERED                                                                             \
  "87a474797065a66d6574686f64a466726f6da777732d612f6333a2746fa777732d612f7033a66d6574686f64b2"    \
  "73657276696365732e63616c63332e616464a773657373696f6eb7627730647977306d62623137393533313436"    \
  "3930313739a27773a477732d61a47573657286a26964a3626f62ac69735f616e6f6e796d6f7573c2a5656d61696c" \
  "a9626f6240782e6f7267a5726f6c657391a475736572a673636f70657390aa657870697265735f6174ce6b03a432" \
  "83a461726773920203a770726f6d697365a12aa1740f"
#define PY_HEARTBEAT                                                                               \
  "85a474797065a66d6574686f64a466726f6da877732d612f707941a2746fa877732d612f707942a66d6574686f64" \
  "d92047425a766e6e564451754759614e396472546457"                                                   \
  "41762e686561727462656174a6706172656e74b647425a766e6e564451754759614e39647254645741"             \
  "76"

typedef struct
{
  GBytes       *bytes;
  HyphaMessage  message;
} Frame;

static void
frame_clear (Frame *frame)
{
  g_clear_pointer (&frame->bytes, g_bytes_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Frame, frame_clear)

static gboolean
frame_parse (Frame       *frame,
             GBytes      *bytes,
             GError     **error)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);

  frame->bytes = bytes;
  return hypha_message_parse (&frame->message, data, size, error);
}

/* Two segments from GVariant text; extra may be NULL. */
static GBytes *
frame_bytes (const char *envelope,
             const char *extra)
{
  g_autoptr (GVariant) first = g_variant_ref_sink (g_variant_new_parsed (envelope));
  GByteArray *out = g_byte_array_new ();

  hypha_msgpack_encode (out, first);
  if (extra != NULL)
    {
      g_autoptr (GVariant) second = g_variant_ref_sink (g_variant_new_parsed (extra));

      hypha_msgpack_encode (out, second);
    }

  return g_byte_array_free_to_bytes (out);
}

static void
assert_refused (GBytes     *bytes,
                int         code,
                const char *message)
{
  g_auto (Frame) frame = { 0 };
  g_autoptr (GError) error = NULL;

  g_assert_false (frame_parse (&frame, bytes, &error));
  g_assert_error (error, HYPHA_ERROR, code);
  g_assert_cmpstr (error->message, ==, message);
}

static void
assert_extra (const char *envelope,
              const char *extra,
              const char *problem)
{
  g_auto (Frame) frame = { 0 };
  g_autoptr (GError) error = NULL;

  g_assert_true (frame_parse (&frame, frame_bytes (envelope, extra), &error));
  g_assert_cmpint (hypha_message_check_extra (&frame.message, &error), ==, problem == NULL);
  g_assert_cmpstr (error != NULL ? error->message : NULL, ==, problem);
}

static GBytes *
stamp_frame (GBytes     *bytes,
             const char *from,
             const char *to,
             const char *workspace,
             const char *user)
{
  g_auto (Frame) frame = { 0 };
  g_autoptr (GVariant) map = user != NULL ? g_variant_ref_sink (g_variant_new_parsed (user)) : NULL;
  GByteArray *out = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  HyphaStamp stamp;

  g_assert_true (frame_parse (&frame, bytes, &error));
  hypha_stamp_init (&stamp, from, workspace, map);
  hypha_message_stamp (&frame.message, &stamp, to, out);
  g_byte_array_append (out, frame.message.data + frame.message.envelope_size,
                       (guint) (frame.message.size - frame.message.envelope_size));
  hypha_stamp_clear (&stamp);
  return g_byte_array_free_to_bytes (out);
}

static char *
print_envelope (GBytes *bytes)
{
  gsize size;
  gsize consumed;
  const guint8 *data = g_bytes_get_data (bytes, &size);
  g_autoptr (GVariant) value = hypha_msgpack_decode (data, size, NULL, &consumed, NULL);

  return g_variant_print (value, FALSE);
}

static void
assert_stamped (const char *envelope,
                const char *expected)
{
  g_autoptr (GBytes) stamped = stamp_frame (frame_bytes (envelope, "@a{sv} {}"), "ws-a/c1",
                                            "ws-b/c2", "ws-a", NULL);
  g_autofree char *printed = print_envelope (stamped);
  g_auto (Frame) frame = { 0 };
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (printed, ==, expected);
  g_assert_true (frame_parse (&frame, g_bytes_ref (stamped), &error));
  g_assert_true (hypha_message_check_extra (&frame.message, &error));
}

static void
test_message_recorded_call (void)
{
  g_auto (Frame) frame = { 0 };
  g_autoptr (GError) error = NULL;
  g_autofree char *session = NULL;

  g_assert_true (frame_parse (&frame, test_bytes_from_hex (CALL_SENT), &error));
  g_assert_no_error (error);
  g_assert_true (hypha_message_is_method (&frame.message));
  g_assert_cmpuint (frame.message.n_keys, ==, 5);
  g_assert_cmpuint (frame.message.envelope_size, ==, 0x5f);
  g_assert_true (hypha_span_equal (frame.message.from, "ws-a/c3"));
  g_assert_true (hypha_span_equal (frame.message.to, "ws-a/p3"));
  g_assert_true (hypha_span_has_prefix (frame.message.method, "services.calc3."));
  g_assert_false (hypha_span_has_prefix (frame.message.method, "services.calc4."));
  g_assert_false (hypha_span_equal (frame.message.to, "ws-a/p33"));
  session = hypha_span_dup (frame.message.session);
  g_assert_cmpstr (session, ==, "bw0dyw0mbb1795314690179");
  g_assert_null (hypha_span_dup (frame.message.parent));
  g_assert_false (hypha_span_equal (frame.message.parent, ""));
  g_assert_true (hypha_message_check_extra (&frame.message, &error));
}

static void
test_message_recorded_heartbeat (void)
{
  g_auto (Frame) frame = { 0 };
  g_autoptr (GError) error = NULL;

  g_assert_true (frame_parse (&frame, test_bytes_from_hex (PY_HEARTBEAT), &error));
  g_assert_cmpuint (frame.message.envelope_size, ==, frame.message.size);
  g_assert_true (hypha_span_equal (frame.message.parent, "GBZvnnVDQuGYaN9drTdWAv"));
  g_assert_true (hypha_message_check_extra (&frame.message, &error));
}

/* Byte by byte what the reference core made of the recorded call. */
static void
test_message_recorded_stamp (void)
{
  g_autoptr (GBytes) expected = test_bytes_from_hex (CALL_DELIVERED);
  g_autoptr (GBytes) stamped = NULL;

  stamped = stamp_frame (test_bytes_from_hex (CALL_SENT), "ws-a/c3", "ws-a/p3", "ws-a",
                         "@a{sv} {'id': <'bob'>, 'is_anonymous': <false>, 'email': <'bob@x.org'>,"
                         "'roles': <['user']>, 'scopes': <@as []>, 'expires_at': <1795400754>}");
  g_assert_cmpmem (g_bytes_get_data (stamped, NULL), g_bytes_get_size (stamped),
                   g_bytes_get_data (expected, NULL), g_bytes_get_size (expected));
}

static void
test_message_malformed (void)
{
  g_autofree char *many = NULL;
  GString *text = g_string_new ("{'type': <'x'>");

  assert_refused (test_bytes_from_hex (""), HYPHA_ERROR_PROTOCOL,
                  "malformed MessagePack at byte 0: it ends early");
  assert_refused (test_bytes_from_hex ("c0"), HYPHA_ERROR_PROTOCOL,
                  "Invalid message: the envelope is not a map");
  assert_refused (test_bytes_from_hex ("8101c0"), HYPHA_ERROR_PROTOCOL,
                  "Invalid message: a key is not text");
  assert_refused (test_bytes_from_hex ("80"), HYPHA_ERROR_PROTOCOL,
                  "Invalid message: it has no type");
  assert_refused (frame_bytes ("{'type': <@mv nothing>}", NULL), HYPHA_ERROR_PROTOCOL,
                  "Invalid message: it has no type");
  assert_refused (frame_bytes ("{'type': <5>}", NULL), HYPHA_ERROR_PROTOCOL,
                  "Invalid message: an address, id or type is not text");
  assert_refused (frame_bytes ("{'type': <'method'>, 'to': <['a']>}", NULL), HYPHA_ERROR_PROTOCOL,
                  "Invalid message: an address, id or type is not text");
  assert_refused (frame_bytes ("{'type': <'method'>, 'type': <'x'>}", NULL), HYPHA_ERROR_PROTOCOL,
                  "Invalid message: a key comes twice");
  assert_refused (frame_bytes ("{'to': <@mv nothing>, 'to': <'x'>}", NULL), HYPHA_ERROR_PROTOCOL,
                  "Invalid message: a key comes twice");

  g_string_append (text, ", 'deep': <'x'>, 'session': <(@ay [0x61, 0x00],)>}");
  many = g_string_free (text, FALSE);
  assert_refused (frame_bytes (many, NULL), HYPHA_ERROR_PROTOCOL,
                  "Invalid message: an address, id or type is not text");
}

/* Clients that decode carelessly would read c1a6 72 6f 6d as “from”, and c1ad… as “method”. */
static void
test_message_overlong_text (void)
{
  assert_refused (test_bytes_from_hex ("82 a474797065 a178 a5c1a6726f6d a178"),
                  HYPHA_ERROR_PROTOCOL, "Invalid message: a key is not text");
  assert_refused (test_bytes_from_hex ("81 a474797065 a7c1ad6574686f64"), HYPHA_ERROR_PROTOCOL,
                  "Invalid message: an address, id or type is not text");
}

static void
test_message_overlong_extra (void)
{
  g_auto (Frame) frame = { 0 };
  g_autoptr (GError) error = NULL;

  g_assert_true (frame_parse (
      &frame, test_bytes_from_hex ("81 a474797065 a178 81 a5c1a6726f6d a178"), &error));
  g_assert_false (hypha_message_check_extra (&frame.message, &error));
  g_assert_cmpstr (error->message, ==, "Invalid message: unexpected key in extra segment");
}

static void
test_message_nil_is_absent (void)
{
  g_auto (Frame) frame = { 0 };
  g_autoptr (GError) error = NULL;

  g_assert_true (frame_parse (
      &frame, frame_bytes ("{'type': <'method'>, 'session': <@mv nothing>}", NULL), &error));
  g_assert_null (frame.message.session.data);
}

/* An envelope of so many keys, the first of them “type”. */
static GBytes *
envelope_with_keys (guint       n_keys,
                    const char *type)
{
  GByteArray *out = g_byte_array_new ();

  hypha_msgpack_write_map (out, n_keys);
  hypha_msgpack_write_str (out, "type", 4);
  hypha_msgpack_write_str (out, type, strlen (type));
  for (guint i = 1; i < n_keys; i++)
    {
      g_autofree char *key = g_strdup_printf ("key%u", i);

      hypha_msgpack_write_str (out, key, strlen (key));
      hypha_msgpack_write_nil (out);
    }

  return g_byte_array_free_to_bytes (out);
}

static void
test_message_max_keys (void)
{
  g_auto (Frame) frame = { 0 };
  g_autoptr (GError) error = NULL;

  g_assert_true (frame_parse (&frame, envelope_with_keys (HYPHA_MESSAGE_MAX_KEYS, "x"), &error));
  g_assert_cmpuint (frame.message.n_keys, ==, HYPHA_MESSAGE_MAX_KEYS);
  assert_refused (envelope_with_keys (HYPHA_MESSAGE_MAX_KEYS + 1, "x"), HYPHA_ERROR_TOO_LARGE,
                  "Invalid message: more than 64 keys in a segment");
}

static void
test_message_max_extra_keys (void)
{
  for (guint n = HYPHA_MESSAGE_MAX_KEYS - 1; n <= HYPHA_MESSAGE_MAX_KEYS + 1; n++)
    {
      g_auto (Frame) frame = { 0 };
      g_autoptr (GError) error = NULL;
      GByteArray *out = g_byte_array_new ();
      g_autoptr (GBytes) first = frame_bytes ("{'type': <'x'>}", NULL);

      g_byte_array_append (out, g_bytes_get_data (first, NULL), (guint) g_bytes_get_size (first));
      hypha_msgpack_write_map (out, n);
      for (guint i = 0; i < n; i++)
        {
          g_autofree char *key = g_strdup_printf ("key%u", i);

          hypha_msgpack_write_str (out, key, strlen (key));
          hypha_msgpack_write_nil (out);
        }

      g_assert_true (frame_parse (&frame, g_byte_array_free_to_bytes (out), &error));
      g_assert_cmpint (hypha_message_check_extra (&frame.message, &error), ==,
                       n <= HYPHA_MESSAGE_MAX_KEYS);
      if (n > HYPHA_MESSAGE_MAX_KEYS)
        g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE);
    }
}

#define UNEXPECTED "Invalid message: unexpected key in extra segment"
#define NOT_A_MAP "Invalid message: extra segment is not a single map"
#define METHOD "{'type': <'method'>}"
#define EVENT "{'type': <'my-event'>}"

static void
test_message_method_extra (void)
{
  static const char *const refused[] = { "type",    "from",   "to", "ws",   "user",
                                         "ctx",     "method", "x",  "argS", "with_kwargz",
                                         "session", "parent", "",   "T",    "encryption" };

  assert_extra (METHOD, NULL, NULL);
  assert_extra (METHOD, "@a{sv} {}", NULL);
  assert_extra (METHOD, "{'args': <[1]>, 'with_kwargs': <true>, 'promise': <'*'>, 't': <1.5>}", NULL);
  assert_extra (METHOD, "{'_enc': <{'a': 1}>, 'data': <b'x'>}", NULL);
  assert_extra (METHOD, "{'args': <[{'from': 'x', 'ctx': 'y'}]>}", NULL);
  assert_extra (METHOD, "{'args': <1>, 'args': <2>}", UNEXPECTED);
  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autofree char *extra = g_strdup_printf ("{'args': <[1]>, '%s': <1>}", refused[i]);

      assert_extra (METHOD, extra, UNEXPECTED);
    }
}

static void
test_message_event_extra (void)
{
  static const char *const refused[] = { "type", "from",   "to",      "ws",    "user",
                                         "ctx",  "method", "session", "parent" };

  assert_extra (EVENT, NULL, NULL);
  assert_extra (EVENT, "{'payload': <1>, 'args': <2>, 'other': <3>}", NULL);
  assert_extra (EVENT, "{'payload': <1>, 'payload': <2>}", UNEXPECTED);
  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autofree char *extra = g_strdup_printf ("{'payload': <[1]>, '%s': <1>}", refused[i]);

      assert_extra (EVENT, extra, UNEXPECTED);
    }
}

static void
test_message_extra_not_one_map (void)
{
  static const char *const tails[] = { "c0", "90", "80 80", "80 c0", "81a461726773 90 00" };

  assert_extra (METHOD, "[1]", NOT_A_MAP);
  assert_extra (METHOD, "@mv nothing", NOT_A_MAP);
  assert_extra (METHOD, "{1: 2}", UNEXPECTED);
  for (gsize i = 0; i < G_N_ELEMENTS (tails); i++)
    {
      g_autofree char *hex = g_strconcat ("81a474797065a178", tails[i], NULL);
      g_auto (Frame) frame = { 0 };
      g_autoptr (GError) error = NULL;

      g_assert_true (frame_parse (&frame, test_bytes_from_hex (hex), &error));
      g_assert_false (hypha_message_check_extra (&frame.message, &error));
      g_assert_cmpstr (error->message, ==, NOT_A_MAP);
    }
}

static void
test_message_stamp_method (void)
{
  assert_stamped ("{'type': <'method'>, 'from': <'x/y'>, 'to': <'z'>, 'method': <'m'>}",
                  "{'type': <'method'>, 'from': <'ws-a/c1'>, 'to': <'ws-b/c2'>, 'method': <'m'>, "
                  "'ws': <'ws-a'>, 'user': <@mv nothing>}");
  assert_stamped ("{'session': <'s'>, 'parent': <'p'>, 'method': <'m'>, 'type': <'method'>}",
                  "{'type': <'method'>, 'from': <'ws-a/c1'>, 'to': <'ws-b/c2'>, 'method': <'m'>, "
                  "'session': <'s'>, 'ws': <'ws-a'>, 'user': <@mv nothing>}");
  assert_stamped ("{'user': <'root'>, 'ws': <'default'>, 'ctx': <1>, 'caller_public_key': <2>,"
                  "'encryption': <true>, 'type': <'method'>, 'to': <'z'>}",
                  "{'type': <'method'>, 'from': <'ws-a/c1'>, 'to': <'ws-b/c2'>, 'ws': <'ws-a'>, "
                  "'user': <@mv nothing>}");
  assert_stamped ("{'type': <'method'>, 'session': <@mv nothing>, 'from': <@mv nothing>}",
                  "{'type': <'method'>, 'from': <'ws-a/c1'>, 'to': <'ws-b/c2'>, 'ws': <'ws-a'>, "
                  "'user': <@mv nothing>}");
}

/* The texts of a method are written anew, in the shortest form that there is for each length. */
static void
test_message_stamp_lengths (void)
{
  static const gsize sizes[] = { 0, 31, 32, 255, 256, 65535, 65536 };

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autofree char *text = g_strnfill (sizes[i], 'x');
      g_autofree char *sent = g_strdup_printf ("{'parent': <'%s'>, 'session': <'%s'>,"
                                               " 'type': <'method'>, 'method': <'%s'>}",
                                               text, text, text);
      g_autofree char *seen = g_strdup_printf ("{'type': <'method'>, 'from': <'ws-a/c1'>, "
                                               "'to': <'ws-b/c2'>, 'method': <'%s'>, "
                                               "'session': <'%s'>, "
                                               "'ws': <'ws-a'>, 'user': <@mv nothing>}",
                                               text, text);

      assert_stamped (sent, seen);
    }
}

static void
test_message_stamp_event (void)
{
  assert_stamped ("{'user': <'root'>, 'data': <{'a': <1>}>, 'from': <'evil'>, 'ws': <'x'>,"
                  "'type': <'my-event'>, 'session': <@mv nothing>}",
                  "{'data': <{'a': <int64 1>}>, 'from': <'ws-a/c1'>, 'type': <'my-event'>, "
                  "'session': <@mv nothing>, 'to': <'ws-b/c2'>, 'ws': <'ws-a'>, "
                  "'user': <@mv nothing>}");
}

/* The head grows from one byte to three where the keys need it, and is right on either side. */
static void
test_message_stamp_many_keys (void)
{
  for (guint n = 1; n <= HYPHA_MESSAGE_MAX_KEYS; n++)
    {
      g_autoptr (GBytes) stamped = stamp_frame (envelope_with_keys (n, "x"), "a/b", "c/d", "a", NULL);
      gsize size;
      const guint8 *data = g_bytes_get_data (stamped, &size);
      g_autoptr (GVariant) value = hypha_msgpack_decode (data, size, NULL, NULL, NULL);

      g_assert_nonnull (value);
      g_assert_cmpuint (g_variant_n_children (value), ==, n + 4);
    }
}

static void
test_message_stamp_many_unknown_keys (void)
{
  g_autoptr (GBytes) stamped = stamp_frame (envelope_with_keys (HYPHA_MESSAGE_MAX_KEYS, "method"),
                                            "a/b", "c/d", "a", NULL);
  g_autofree char *printed = print_envelope (stamped);

  g_assert_cmpstr (printed, ==,
                   "{'type': <'method'>, 'from': <'a/b'>, 'to': <'c/d'>, 'ws': <'a'>, "
                   "'user': <@mv nothing>}");
}

static void
test_message_truncated (void)
{
  g_autoptr (GBytes) bytes = test_bytes_from_hex (CALL_SENT);
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);

  for (gsize cut = 0; cut < size; cut++)
    {
      g_autofree guint8 *part = g_memdup2 (data, cut);
      HyphaMessage message;

      if (cut < 0x5f)
        g_assert_false (hypha_message_parse (&message, part, cut, NULL));
      else
        g_assert_true (hypha_message_parse (&message, part, cut, NULL));

      if (cut > 0x5f)
        g_assert_false (hypha_message_check_extra (&message, NULL));
    }
}

/* One wrong byte anywhere: refused or not, nothing is read that is not there. */
static void
test_message_flipped (void)
{
  g_autoptr (GBytes) bytes = test_bytes_from_hex (CALL_SENT);
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);
  guint accepted = 0;
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);

  for (guint i = 0; i < 50000; i++)
    {
      g_autofree guint8 *changed = g_memdup2 (data, size);
      HyphaMessage message;

      changed[g_rand_int_range (rand, 0, (gint32) size)] = (guint8) g_rand_int (rand);
      if (hypha_message_parse (&message, changed, size, NULL) &&
          hypha_message_check_extra (&message, NULL))
        {
          g_autoptr (GByteArray) out = g_byte_array_new ();
          g_autoptr (GVariant) value = NULL;
          HyphaStamp stamp;

          hypha_stamp_init (&stamp, "ws/c", "ws", NULL);
          hypha_message_stamp (&message, &stamp, "ws/d", out);
          hypha_stamp_clear (&stamp);
          g_assert_true (hypha_message_parse (&message, out->data, out->len, NULL));
          g_assert_true (hypha_span_equal (message.from, "ws/c"));
          g_assert_true (hypha_span_equal (message.to, "ws/d"));
          accepted++;
        }
    }

  g_assert_cmpuint (accepted, >, 0);
  g_assert_cmpuint (accepted, <, 50000);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/wire/message/recorded-call", test_message_recorded_call);
  g_test_add_func ("/wire/message/recorded-heartbeat", test_message_recorded_heartbeat);
  g_test_add_func ("/wire/message/recorded-stamp", test_message_recorded_stamp);
  g_test_add_func ("/wire/message/malformed", test_message_malformed);
  g_test_add_func ("/wire/message/overlong-text", test_message_overlong_text);
  g_test_add_func ("/wire/message/overlong-extra", test_message_overlong_extra);
  g_test_add_func ("/wire/message/nil-is-absent", test_message_nil_is_absent);
  g_test_add_func ("/wire/message/max-keys", test_message_max_keys);
  g_test_add_func ("/wire/message/max-extra-keys", test_message_max_extra_keys);
  g_test_add_func ("/wire/message/method-extra", test_message_method_extra);
  g_test_add_func ("/wire/message/event-extra", test_message_event_extra);
  g_test_add_func ("/wire/message/extra-not-one-map", test_message_extra_not_one_map);
  g_test_add_func ("/wire/message/stamp-method", test_message_stamp_method);
  g_test_add_func ("/wire/message/stamp-lengths", test_message_stamp_lengths);
  g_test_add_func ("/wire/message/stamp-event", test_message_stamp_event);
  g_test_add_func ("/wire/message/stamp-many-keys", test_message_stamp_many_keys);
  g_test_add_func ("/wire/message/stamp-many-unknown-keys", test_message_stamp_many_unknown_keys);
  g_test_add_func ("/wire/message/truncated", test_message_truncated);
  g_test_add_func ("/wire/message/flipped", test_message_flipped);
  return g_test_run ();
}
