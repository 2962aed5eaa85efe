/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-message-private.h"

#include <string.h>

#include "test-utils.h"

/* Frames that stock clients really send; tests/data/frames/README.md says how they were recorded. */

typedef void (*FrameCheck) (const char         *name,
                            GBytes             *bytes,
                            const HyphaMessage *message,
                            gpointer            data);

/* Runs check on every recorded frame; returns how many there are. */
static guint
foreach_frame (FrameCheck check,
               gpointer   data)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "data", "frames", NULL);
  g_autoptr (GDir) directory = g_dir_open (path, 0, NULL);
  const char *name;
  guint count = 0;

  g_assert_nonnull (directory);
  while ((name = g_dir_read_name (directory)) != NULL)
    {
      g_autofree char *file = g_build_filename (path, name, NULL);
      g_autoptr (GBytes) bytes = NULL;
      g_autoptr (GError) error = NULL;
      HyphaMessage message;
      char *content;
      gsize size;

      if (!g_str_has_suffix (name, ".bin"))
        continue;

      g_assert_true (g_file_get_contents (file, &content, &size, NULL));
      bytes = g_bytes_new_take (content, size);
      if (!hypha_message_parse (&message, (const guint8 *) content, size, &error))
        g_error ("%s: %s", name, error->message);

      check (name, bytes, &message, data);
      count++;
    }

  return count;
}

static GVariant *
decode_segment (GBytes              *bytes,
                gsize                offset,
                gsize               *end)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);
  g_autoptr (GError) error = NULL;
  gsize consumed = 0;
  GVariant *value = hypha_msgpack_decode (data + offset, size - offset, bytes, &consumed, &error);

  g_assert_no_error (error);
  *end = offset + consumed;
  return value;
}

/* Every frame passes what the router checks, and has an address or is an event. */
static void
check_routable (const char         *name,
                GBytes             *bytes,
                const HyphaMessage *message,
                gpointer            data)
{
  g_autoptr (GError) error = NULL;

  if (!hypha_message_check_extra (message, &error))
    g_error ("%s: %s", name, error->message);

  g_assert_nonnull (message->to.data);
  if (hypha_message_is_method (message))
    g_assert_nonnull (message->method.data);
}

static void
test_frames_routable (void)
{
  g_assert_cmpuint (foreach_frame (check_routable, NULL), >=, 80);
}

/* Decoded and encoded again, a frame is the same to the byte. */
static void
check_round_trip (const char         *name,
                  GBytes             *bytes,
                  const HyphaMessage *message,
                  gpointer            data)
{
  gsize size = g_bytes_get_size (bytes);
  g_autoptr (GByteArray) out = g_byte_array_new ();
  gsize offset = 0;

  while (offset < size)
    {
      g_autoptr (GVariant) segment = decode_segment (bytes, offset, &offset);

      hypha_msgpack_encode (out, segment);
    }

  g_assert_cmpmem (out->data, out->len, g_bytes_get_data (bytes, NULL), size);
}

static void
test_frames_round_trip (void)
{
  foreach_frame (check_round_trip, NULL);
}

/* A stamped frame has the router's word on the sender, and the client's second segment. */
static void
check_stamp (const char         *name,
             GBytes             *bytes,
             const HyphaMessage *message,
             gpointer            data)
{
  const HyphaStamp *stamp = data;
  g_autoptr (GByteArray) out = g_byte_array_new ();
  g_autoptr (GVariant) envelope = NULL;
  g_autoptr (GVariant) user = NULL;
  const char *text;
  HyphaMessage stamped;

  hypha_message_stamp (message, stamp, "ws-x/target", out);
  g_assert_true (hypha_message_parse (&stamped, out->data, out->len, NULL));
  g_assert_cmpuint (stamped.envelope_size, ==, out->len);
  envelope = hypha_msgpack_decode (out->data, out->len, NULL, NULL, NULL);
  g_assert_true (g_variant_lookup (envelope, "from", "&s", &text));
  g_assert_cmpstr (text, ==, "ws-x/sender");
  g_assert_true (g_variant_lookup (envelope, "to", "&s", &text));
  g_assert_cmpstr (text, ==, "ws-x/target");
  g_assert_true (g_variant_lookup (envelope, "ws", "&s", &text));
  g_assert_cmpstr (text, ==, "ws-x");
  user = g_variant_lookup_value (envelope, "user", G_VARIANT_TYPE_VARDICT);
  g_assert_nonnull (user);
  g_assert_cmpuint (stamped.session.size, ==, message->session.size);
  g_assert_null (stamped.parent.data);
}

static void
test_frames_stamp (void)
{
  g_autoptr (GVariant) user = g_variant_ref_sink (g_variant_new_parsed ("{'id': <'bob'>}"));
  HyphaStamp stamp;

  hypha_stamp_init (&stamp, "ws-x/sender", "ws-x", user);
  foreach_frame (check_stamp, &stamp);
  hypha_stamp_clear (&stamp);
}

/* The first argument of a frame if it is a map. */
static GVariant *
first_argument (GBytes             *bytes,
                const HyphaMessage *message)
{
  g_autoptr (GVariant) extra = NULL;
  g_autoptr (GVariant) args = NULL;
  g_autoptr (GVariant) first = NULL;
  gsize end;

  if (message->envelope_size == message->size)
    return NULL;

  extra = decode_segment (bytes, message->envelope_size, &end);
  args = g_variant_lookup_value (extra, "args", G_VARIANT_TYPE ("av"));
  if (args == NULL || g_variant_n_children (args) == 0)
    return NULL;

  g_variant_get_child (args, 0, "v", &first);
  return g_variant_is_of_type (first, G_VARIANT_TYPE_VARDICT) ? g_steal_pointer (&first) : NULL;
}

/* The answer that has one of everything, from each language. */
static void
check_values (const char         *name,
              GBytes             *bytes,
              const HyphaMessage *message,
              gpointer            data)
{
  guint *found = data;
  g_autoptr (GVariant) values = first_argument (bytes, message);
  g_autoptr (GVariant) raw = NULL;
  g_autoptr (GVariant) nothing = NULL;
  const char *text;
  gint64 number = 0;
  double real = 0;

  if (values == NULL || !g_variant_lookup (values, "big", "x", &number))
    return;

  g_assert_cmpint (number, ==, G_GINT64_CONSTANT (1) << 40);
  g_assert_true (g_variant_lookup (values, "negative", "x", &number));
  g_assert_cmpint (number, ==, -5);
  g_assert_true (g_variant_lookup (values, "real", "d", &real));
  g_assert_cmpfloat (real, ==, 3.25);
  g_assert_true (g_variant_lookup (values, "text", "&s", &text));
  g_assert_cmpstr (text, ==, "größe ☃");
  g_assert_true (g_variant_lookup (values, "long", "&s", &text));
  g_assert_cmpuint (strlen (text), ==, 300);
  raw = g_variant_lookup_value (values, "bytes", G_VARIANT_TYPE_BYTESTRING);
  g_assert_nonnull (raw);
  g_assert_cmpmem (g_variant_get_data (raw), g_variant_get_size (raw), "\1\2\3", 3);
  nothing = g_variant_lookup_value (values, "nothing", G_VARIANT_TYPE ("mv"));
  g_assert_nonnull (nothing);
  (*found)++;
}

static void
test_frames_values (void)
{
  guint found = 0;

  foreach_frame (check_values, &found);
  g_assert_cmpuint (found, ==, 2);
}

/* JavaScript's dates come as an ext that nobody here knows, and have to leave as one. */
static void
check_date (const char         *name,
            GBytes             *bytes,
            const HyphaMessage *message,
            gpointer            data)
{
  guint *found = data;
  g_autoptr (GVariant) values = first_argument (bytes, message);
  g_autoptr (GVariant) date = NULL;
  guint8 type;

  date = values != NULL ? g_variant_lookup_value (values, "date", G_VARIANT_TYPE ("(yay)")) : NULL;
  if (date == NULL)
    return;

  g_variant_get_child (date, 0, "y", &type);
  g_assert_cmpuint (type, ==, 0xff);
  (*found)++;
}

static void
test_frames_date (void)
{
  guint found = 0;

  foreach_frame (check_date, &found);
  g_assert_cmpuint (found, ==, 1);
}

/* A frame that ends early, anywhere, is refused. */
static void
check_truncated (const char         *name,
                 GBytes             *bytes,
                 const HyphaMessage *message,
                 gpointer            data)
{
  gsize size = MIN (g_bytes_get_size (bytes), 2000);

  for (gsize cut = 0; cut < size; cut++)
    {
      g_autofree guint8 *part = g_memdup2 (g_bytes_get_data (bytes, NULL), cut);
      HyphaMessage short_message;
      gboolean parsed = hypha_message_parse (&short_message, part, cut, NULL);

      g_assert_cmpint (parsed, ==, cut >= message->envelope_size);
      if (cut > message->envelope_size)
        g_assert_false (hypha_message_check_extra (&short_message, NULL));
    }
}

static void
test_frames_truncated (void)
{
  foreach_frame (check_truncated, NULL);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/wire/frames/routable", test_frames_routable);
  g_test_add_func ("/wire/frames/round-trip", test_frames_round_trip);
  g_test_add_func ("/wire/frames/stamp", test_frames_stamp);
  g_test_add_func ("/wire/frames/values", test_frames_values);
  g_test_add_func ("/wire/frames/date", test_frames_date);
  g_test_add_func ("/wire/frames/truncated", test_frames_truncated);
  return g_test_run ();
}
