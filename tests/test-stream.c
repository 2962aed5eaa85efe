/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-stream-private.h"
#include "test-pair.h"
#include "test-utils.h"

/* A file of ws-a/one with this text, as ws-b/two has it. */
static HyphaRemoteStream *
lend (Pair       *pair,
      const char *text)
{
  g_autoptr (GInputStream) input = NULL;
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GError) error = NULL;
  HyphaRemoteStream *stream;

  input = g_memory_input_stream_new_from_data (text, (gssize) strlen (text), NULL);
  value = g_variant_ref_sink (hypha_stream_new (pair->one, "ws-b/two", input, "a.txt",
                                                "text/plain", &error));
  stream = hypha_remote_stream_new (pair->two, value, "ws-a/one", &error);
  g_assert_no_error (error);
  return stream;
}

typedef struct
{
  GBytes  *bytes;
  GError  *error;
  gboolean done;
} Reading;

static void
on_read (GObject      *source,
         GAsyncResult *result,
         gpointer      data)
{
  Reading *reading = data;

  reading->bytes = hypha_remote_stream_read_finish (NULL, result, &reading->error);
  reading->done = TRUE;
}

static void
on_sought (GObject      *source,
           GAsyncResult *result,
           gpointer      data)
{
  Reading *reading = data;

  hypha_remote_stream_seek_finish (NULL, result, &reading->error);
  reading->done = TRUE;
}

static void
assert_read (HyphaRemoteStream *stream,
             gsize              count,
             const char        *text)
{
  Reading reading = { 0 };
  gsize size;
  const char *data;

  hypha_remote_stream_read_async (stream, count, 0, NULL, on_read, &reading);
  g_assert_true (test_wait_flag (&reading.done));
  g_assert_no_error (reading.error);
  data = g_bytes_get_data (reading.bytes, &size);
  g_assert_cmpmem (data, size, text, strlen (text));
  g_bytes_unref (reading.bytes);
}

static void
assert_unread (HyphaRemoteStream *stream,
               gsize              count,
               const char        *text)
{
  Reading reading = { 0 };

  hypha_remote_stream_read_async (stream, count, 0, NULL, on_read, &reading);
  g_assert_true (test_wait_flag (&reading.done));
  g_assert_nonnull (reading.error);
  g_assert_nonnull (strstr (reading.error->message, text));
  g_clear_error (&reading.error);
}

static GError *
seek (HyphaRemoteStream *stream,
      guint64            offset)
{
  Reading reading = { 0 };

  hypha_remote_stream_seek_async (stream, offset, 0, NULL, on_sought, &reading);
  g_assert_true (test_wait_flag (&reading.done));
  return reading.error;
}

static void
test_stream_parts (void)
{
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (HyphaRemoteStream) stream = lend (pair, "one two three");
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (hypha_remote_stream_get_name (stream), ==, "a.txt");
  g_assert_cmpstr (hypha_remote_stream_get_type_name (stream), ==, "text/plain");
  g_assert_cmpint (hypha_remote_stream_get_size (stream), ==, 13);
  assert_read (stream, 3, "one");
  assert_read (stream, 100, " two three");
  assert_read (stream, 5, "");
  g_assert_null (seek (stream, 4));
  assert_read (stream, 3, "two");
  error = seek (stream, 100);
  g_assert_nonnull (error);

  /* All of it at once is the last that anybody reads. */
  g_assert_null (seek (stream, 4));
  assert_read (stream, 0, "two three");
  pair_assert_clean (pair);
  assert_unread (stream, 0, "Session not found");
}

/* Reads all of the file that it was given, and closes it. */
static void
on_served (GObject      *source,
           GAsyncResult *result,
           gpointer      data)
{
  g_autoptr (HyphaInvocation) invocation = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = hypha_remote_stream_read_finish (NULL, result, &error);

  if (error != NULL)
    hypha_invocation_return_error (invocation, g_steal_pointer (&error));
  else
    hypha_invocation_return (invocation, g_variant_new_int64 ((gint64) g_bytes_get_size (bytes)));
}

static void
serve_measure (HyphaInvocation *invocation,
               gpointer         data)
{
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, 0, NULL);
  g_autoptr (HyphaRemoteStream) stream = NULL;
  g_autoptr (GError) error = NULL;

  stream = hypha_remote_stream_new (hypha_invocation_get_rpc (invocation), value,
                                    hypha_invocation_get_from (invocation), &error);
  g_assert_no_error (error);
  hypha_remote_stream_read_async (stream, 0, 0, NULL, on_served,
                                  hypha_invocation_ref (invocation));
}

/* Zeros, as a file among the arguments of a call that reads them all. */
static GVariant *
measure (Pair    *pair,
         gsize    size,
         GError **error)
{
  g_autoptr (HyphaSession) session = hypha_session_new (pair->two, "ws-a/one", NULL);
  g_autoptr (HyphaService) service = NULL;
  g_autoptr (GBytes) zeros = g_bytes_new_take (g_malloc0 (size), size);
  g_autoptr (GInputStream) input = g_memory_input_stream_new_from_bytes (zeros);
  HyphaRpcRequest request = { .session = session };

  service = hypha_service_new ("files", "", "", "generic",
                               g_variant_new_parsed ("{'visibility': <'public'>}"));
  hypha_service_add_function (service, "measure", NULL, NULL, NULL, serve_measure, NULL, NULL);
  hypha_rpc_add_service (pair->one, service);
  request.args = g_variant_new_parsed ("[<%*>]", hypha_session_add_stream (session, input, NULL,
                                                                           NULL, NULL));
  return pair_request (pair->two, "ws-a/one", "services.files.measure", &request, error);
}

static void
test_stream_argument (void)
{
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GError) error = NULL;

  value = measure (pair, 1000000, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_variant_get_int64 (value), ==, 1000000);
  pair_assert_clean (pair);
}

static void
test_stream_max_read (void)
{
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GError) error = NULL;

  value = measure (pair, HYPHA_STREAM_MAX_READ, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_variant_get_int64 (value), ==, HYPHA_STREAM_MAX_READ);
  g_assert_null (measure (pair, HYPHA_STREAM_MAX_READ + 1, &error));
  g_assert_nonnull (strstr (error->message, "more than 67108864 bytes to read"));
  pair_assert_clean (pair);
}

/* Only who it was lent to, and only until it is closed. */
static void
test_stream_access (void)
{
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (GInputStream) input = g_memory_input_stream_new ();
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GVariant) read = NULL;
  g_autoptr (GVariant) close = NULL;
  g_autoptr (GVariant) closed = NULL;
  g_autoptr (GError) error = NULL;
  const char *method = NULL;

  value = g_variant_ref_sink (hypha_stream_new (pair->one, "ws-b/two", input, NULL, NULL, NULL));
  read = g_variant_lookup_value (value, "read", G_VARIANT_TYPE_VARDICT);
  close = g_variant_lookup_value (value, "close", G_VARIANT_TYPE_VARDICT);
  g_assert_true (g_variant_lookup (read, "_rmethod", "&s", &method));
  g_assert_null (pair_call (pair->three, "ws-a/one", method, NULL, &error));
  g_assert_nonnull (strstr (error->message, "Access denied"));
  g_clear_error (&error);
  g_assert_null (pair_call (pair->two, "ws-a/one", method, g_variant_new_parsed ("[<'x'>]"),
                            &error));
  g_assert_cmpstr (error->message, ==, "size must be an integer");
  g_clear_error (&error);

  g_assert_true (g_variant_lookup (close, "_rmethod", "&s", &method));
  closed = pair_call (pair->two, "ws-a/one", method, NULL, &error);
  g_assert_no_error (error);
  pair_assert_clean (pair);
  g_assert_cmpuint (G_OBJECT (input)->ref_count, ==, 1);
}

static void
assert_no_file (Pair       *pair,
                const char *text)
{
  g_autoptr (GVariant) value = g_variant_new_parsed (text);
  g_autoptr (GError) error = NULL;

  g_variant_ref_sink (value);
  g_assert_null (hypha_remote_stream_new (pair->one, value, "ws-b/two", &error));
  g_assert_nonnull (error);
}

static void
test_stream_broken (void)
{
  g_autoptr (Pair) pair = pair_new ();

  assert_no_file (pair, "'text'");
  assert_no_file (pair, "{'_rtype': <'iostream'>}");
  assert_no_file (pair, "{'_rtype': <'iostream'>, 'read': <{'_rtype': <'method'>,"
                        " '_rtarget': <'three'>, '_rmethod': <'s.f'>}>}");
  assert_no_file (pair, "{'_rtype': <'set'>, 'read': <{'_rtype': <'method'>,"
                        " '_rtarget': <'two'>, '_rmethod': <'s.f'>}>}");
}

/* Of somebody who gives what was not asked for, in forms that clients have. */
static void
serve_given (HyphaInvocation *invocation,
             gpointer         data)
{
  hypha_invocation_return (invocation, g_variant_new_parsed (data));
}

static void
assert_given (const char *given,
              const char *text,
              const char *refusal)
{
  g_autoptr (Pair) pair = pair_new ();
  g_autoptr (HyphaSession) session = hypha_session_new (pair->one, "ws-b/two", NULL);
  g_autoptr (HyphaRemoteStream) stream = NULL;
  g_autoptr (GVariant) value = NULL;

  value = g_variant_ref_sink (g_variant_new_parsed (
    "{'_rtype': <'iostream'>, 'read': <%*>}",
    hypha_session_add_function (session, "read", serve_given, (gpointer) given, NULL, NULL)));
  stream = hypha_remote_stream_new (pair->two, value, "ws-a/one", NULL);
  if (text != NULL)
    assert_read (stream, 2, text);
  else
    assert_unread (stream, 2, refusal);
  hypha_session_close (session);
}

static void
test_stream_given (void)
{
  g_autoptr (GError) error = NULL;

  assert_given ("@ay [0x61, 0x62]", "ab", NULL);
  assert_given ("{'_rtype': <'memoryview'>, '_rvalue': <@ay [0x61]>}", "a", NULL);
  assert_given ("'äö'", "äö", NULL);
  assert_given ("@ay [1, 2, 3]", NULL, "3 bytes were read where 2 were asked for");
  assert_given ("@mv nothing", NULL, "not a valid run of bytes");
  assert_given ("int64 1", NULL, "not a valid run of bytes");
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/rpc/stream/parts", test_stream_parts);
  g_test_add_func ("/rpc/stream/argument", test_stream_argument);
  g_test_add_func ("/rpc/stream/max-read", test_stream_max_read);
  g_test_add_func ("/rpc/stream/access", test_stream_access);
  g_test_add_func ("/rpc/stream/broken", test_stream_broken);
  g_test_add_func ("/rpc/stream/given", test_stream_given);
  return g_test_run ();
}
