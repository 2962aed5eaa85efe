/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-pipe-connection-private.h"
#include "hypha-rpc-chunks-private.h"
#include "test-utils.h"

/* Bytes of a piece; so many of them and what they cost besides are over the limit. */
#define BIG_PIECE (16 * 1024 * 1024)

/* One HyphaRpc at one end of a pipe; the test is the rest of the world, at the other. */
typedef struct
{
  HyphaRpc        *rpc;
  HyphaConnection *world;
  char            *answer;  /* the last one: “resolve”, or the text of the error */
  char            *method;  /* that the last one went to */
  gsize            longest; /* frame */
  guint            n_beats; /* heartbeats */
  char            *beat;    /* “to method” of the last one */
} Wire;

/* Answers to calls that the test made; they have short sessions, those of the rpc are long. */
static void
on_message (HyphaConnection *connection,
            HyphaFrameType   type,
            GBytes          *bytes,
            Wire            *wire)
{
  g_autoptr (GVariant) envelope = NULL;
  g_autoptr (GVariant) extra = NULL;
  g_autoptr (GVariant) args = NULL;
  g_autoptr (GVariant) value = NULL;
  const char *method = "";
  const guint8 *data;
  gsize size;
  gsize used;

  data = g_bytes_get_data (bytes, &size);
  wire->longest = MAX (wire->longest, size);
  envelope = hypha_msgpack_decode (data, size, NULL, &used, NULL);
  g_assert_nonnull (envelope);
  g_variant_lookup (envelope, "method", "&s", &method);
  if (strstr (method, "beat") != NULL)
    {
      const char *to = "";

      wire->n_beats++;
      g_variant_lookup (envelope, "to", "&s", &to);
      g_free (wire->beat);
      wire->beat = g_strconcat (to, " ", method, NULL);
      return;
    }

  g_free (wire->method);
  wire->method = g_strdup (method);
  if (g_str_has_suffix (method, ".resolve"))
    {
      g_free (wire->answer);
      wire->answer = g_strdup ("resolve");
      return;
    }

  if (!g_str_has_suffix (method, ".reject"))
    return;

  extra = hypha_msgpack_decode (data + used, size - used, NULL, NULL, NULL);
  args = g_variant_lookup_value (extra, "args", G_VARIANT_TYPE ("av"));
  g_variant_get_child (args, 0, "v", &value);
  g_clear_pointer (&wire->answer, g_free);
  g_assert_true (g_variant_lookup (value, "_rvalue", "s", &wire->answer));
}

static Wire *
wire_new (void)
{
  Wire *wire = g_new0 (Wire, 1);
  g_autoptr (HyphaConnection) near_end = NULL;

  hypha_pipe_connection_new_pair (&near_end, &wire->world);
  wire->rpc = hypha_rpc_new (near_end, "ws-a/rpc", "");
  g_signal_connect (wire->world, "message", G_CALLBACK (on_message), wire);
  return wire;
}

static void
wire_free (Wire *wire)
{
  g_signal_handlers_disconnect_by_data (wire->world, wire);
  hypha_rpc_close (wire->rpc);
  g_assert_finalize_object (wire->rpc);
  g_object_unref (wire->world);
  g_free (wire->answer);
  g_free (wire->method);
  g_free (wire->beat);
  g_free (wire);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Wire, wire_free)

static gboolean
is_answered (gpointer data)
{
  return ((Wire *) data)->answer != NULL;
}

/* A call of message_cache in two segments, as bytes that can be sent again and again. */
static GBytes *
make_call (const char *from,
           const char *method,
           GVariant   *args)
{
  g_autoptr (GVariant) extra = NULL;
  g_autofree char *full = g_strconcat ("services.built-in.message_cache.", method, NULL);

  extra = g_variant_ref_sink (g_variant_new_parsed ("{'args': <%*>, 'promise': <'*'>}", args));
  return hypha_rpc_codec_message (from, "ws-a/rpc", full, "s", NULL, extra);
}

static void
assert_sent (Wire       *wire,
             GBytes     *call,
             const char *answer)
{
  g_clear_pointer (&wire->answer, g_free);
  hypha_connection_send (wire->world, HYPHA_FRAME_BINARY, call);
  g_assert_true (test_wait (is_answered, wire));
  g_assert_cmpstr (wire->answer, ==, answer);
}

static void
assert_call (Wire       *wire,
             const char *from,
             const char *method,
             GVariant   *args,
             const char *answer)
{
  g_autoptr (GBytes) call = make_call (from, method, args);

  assert_sent (wire, call, answer);
}

typedef struct
{
  guint n_busy;
  guint n_lost;
} Ends;

static void
on_called (GObject      *source,
           GAsyncResult *result,
           gpointer      data)
{
  Ends *ends = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = hypha_rpc_call_finish (HYPHA_RPC (source), result, &error);

  g_assert_null (value);
  if (g_error_matches (error, HYPHA_ERROR, HYPHA_ERROR_BUSY))
    ends->n_busy++;
  else if (g_error_matches (error, HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED))
    ends->n_lost++;
  else
    g_assert_no_error (error);
}

static gboolean
is_busy (gpointer data)
{
  return ((Ends *) data)->n_busy > 0;
}

static gboolean
are_lost (gpointer data)
{
  return ((Ends *) data)->n_lost >= HYPHA_RPC_MAX_PENDING;
}

static void
test_rpc_max_pending (void)
{
  g_autoptr (Wire) wire = wire_new ();
  Ends ends = { 0 };

  for (guint i = 0; i < HYPHA_RPC_MAX_PENDING + 1; i++)
    hypha_rpc_call_async (wire->rpc, "ws-a/silent", "services.x.f",
                          g_variant_new_parsed ("@av []"), HYPHA_RPC_TIMEOUT, NULL, on_called,
                          &ends);

  g_assert_true (test_wait (is_busy, &ends));
  g_assert_cmpuint (hypha_rpc_get_n_pending (wire->rpc), ==, HYPHA_RPC_MAX_PENDING);
  g_assert_cmpuint (ends.n_lost, ==, 0);

  /* All of them end, each once. */
  hypha_rpc_close (wire->rpc);
  g_assert_true (test_wait (are_lost, &ends));
  g_assert_cmpuint (hypha_rpc_get_n_pending (wire->rpc), ==, 0);
  g_assert_cmpuint (ends.n_lost, ==, HYPHA_RPC_MAX_PENDING);
  g_assert_cmpuint (ends.n_busy, ==, 1);
}

static void
test_rpc_chunks_max_pieces (void)
{
  g_autoptr (Wire) wire = wire_new ();
  g_autofree char *refusal = NULL;
  const gint64 last = HYPHA_CHUNKS_MAX_PIECES - 1;

  refusal = g_strdup_printf ("a message may have %d pieces, of which one may come %d before its turn",
                             HYPHA_CHUNKS_MAX_PIECES, HYPHA_CHUNKS_MAX_GAP);
  assert_call (wire, "ws-a/p", "create", g_variant_new_parsed ("[<'k'>, <false>]"), "resolve");
  for (gint64 i = HYPHA_CHUNKS_MAX_GAP; i < last; i += HYPHA_CHUNKS_MAX_GAP)
    assert_call (wire, "ws-a/p", "set",
                 g_variant_new_parsed ("[<'k'>, <%x>, <@ay [1]>, <false>]", i), "resolve");

  assert_call (wire, "ws-a/p", "set",
               g_variant_new_parsed ("[<'k'>, <%x>, <@ay [1]>, <false>]", last), "resolve");
  assert_call (wire, "ws-a/p", "set",
               g_variant_new_parsed ("[<'k'>, <%x>, <@ay [1]>, <false>]", last + 1), refusal);
  assert_call (wire, "ws-a/p", "set",
               g_variant_new_parsed ("[<'k'>, <%x>, <@ay [1]>, <false>]", G_MAXINT64), refusal);
  assert_call (wire, "ws-a/p", "append", g_variant_new_parsed ("[<'k'>, <@ay [1]>, <false>]"),
               refusal);
}

/* A client's share; others have bytes of their own, and what is removed makes room. */
static void
test_rpc_chunks_max_bytes (void)
{
  g_autoptr (Wire) wire = wire_new ();
  g_autofree guint8 *zeros = g_malloc0 (BIG_PIECE);
  g_autoptr (GBytes) append = NULL;
  g_autofree char *refusal = NULL;

  append = make_call ("ws-a/p", "append",
                      g_variant_new_parsed ("[<'k'>, <%*>, <false>]", g_variant_new_fixed_array (
                                              G_VARIANT_TYPE_BYTE, zeros, BIG_PIECE, 1)));
  refusal = g_strdup_printf ("unfinished messages of one client may hold %d bytes",
                             HYPHA_CHUNKS_MAX_BYTES);
  assert_call (wire, "ws-a/p", "create", g_variant_new_parsed ("[<'k'>, <false>]"), "resolve");
  for (guint i = 0; i < HYPHA_CHUNKS_MAX_BYTES / BIG_PIECE - 1; i++)
    assert_sent (wire, append, "resolve");

  assert_sent (wire, append, refusal);
  assert_call (wire, "ws-a/q", "create", g_variant_new_parsed ("[<'k'>, <false>]"), "resolve");
  assert_call (wire, "ws-a/q", "append", g_variant_new_parsed ("[<'k'>, <@ay [1]>, <false>]"),
               "resolve");
  assert_call (wire, "ws-a/p", "remove", g_variant_new_parsed ("[<'k'>]"), "resolve");
  assert_call (wire, "ws-a/p", "create", g_variant_new_parsed ("[<'k'>, <false>]"), "resolve");
  assert_sent (wire, append, "resolve");
}

static void
serve_kept (HyphaInvocation *invocation,
            gpointer         data)
{
  *(HyphaInvocation **) data = hypha_invocation_ref (invocation);
}

static void
add_kept (Wire             *wire,
          HyphaInvocation **kept)
{
  g_autoptr (HyphaService) service = NULL;

  service = hypha_service_new ("x", "", "", "generic",
                               g_variant_new_parsed ("{'visibility': <'public'>}"));
  hypha_service_add_function (service, "f", NULL, NULL, NULL, serve_kept, kept, NULL);
  hypha_rpc_add_service (wire->rpc, service);
}

static gboolean
has_beaten (gpointer data)
{
  return ((Wire *) data)->n_beats >= 2;
}

/* A call with this promise, which is told twice that it has to wait, and then resolved. */
static void
assert_promise (const char *extra,
                const char *beat)
{
  g_autoptr (Wire) wire = wire_new ();
  HyphaInvocation *kept = NULL;
  g_autoptr (GBytes) call = NULL;

  add_kept (wire, &kept);
  call = hypha_rpc_codec_message ("ws-a/p", "ws-a/rpc", "services.x.f", "s", NULL,
                                  g_variant_new_parsed (extra));
  hypha_connection_send (wire->world, HYPHA_FRAME_BINARY, call);
  g_assert_true (test_wait (has_beaten, wire));
  g_assert_cmpstr (wire->beat, ==, beat);
  g_assert_null (wire->answer);
  hypha_invocation_return_null (kept);
  g_assert_true (test_wait (is_answered, wire));
  g_assert_cmpstr (wire->answer, ==, "resolve");
  g_assert_cmpstr (wire->method, ==, "s.resolve");
  hypha_invocation_unref (kept);
  g_assert_cmpuint (hypha_rpc_get_n_serving (wire->rpc), ==, 0);
}

/* A client of old, which gives the functions of its promise any name it likes. */
static void
test_rpc_old_promise (void)
{
  assert_promise ("{'promise': <{'interval': <0.01>,"
                  " 'heartbeat': <{'_rtype': <'method'>, '_rtarget': <'p'>,"
                  "   '_rmethod': <'s.4a5b#beat'>}>,"
                  " 'resolve': <{'_rtype': <'method'>, '_rtarget': <'ws-a/p'>,"
                  "   '_rmethod': <'s.resolve'>}>,"
                  " 'reject': <{'_rtype': <'method'>, '_rtarget': <'p'>,"
                  "   '_rmethod': <'s.reject'>}>}>}", "ws-a/p s.4a5b#beat");
}

/* “*” stands for the functions of the call's own session, and t for how often it is told to wait. */
static void
test_rpc_short_promise (void)
{
  assert_promise ("{'promise': <'*'>, 't': <0.01>}", "ws-a/p s.heartbeat");
}

/* How soon, with less patience than half a second: two beats took a second before. */
static void
test_rpc_min_heartbeat (void)
{
  gint64 start = g_get_monotonic_time ();

  assert_promise ("{'promise': <'*'>, 't': <0.05>}", "ws-a/p s.heartbeat");
  g_assert_cmpint (g_get_monotonic_time () - start, <, 9 * G_USEC_PER_SEC / 10);
}

static void
serve_many (HyphaInvocation *invocation,
            gpointer         data)
{
  g_ptr_array_add (data, hypha_invocation_ref (invocation));
}

static gboolean
are_many (gpointer data)
{
  return ((GPtrArray *) data)->len == 16 * HYPHA_RPC_MAX_SERVING_CALLER;
}

/* Many who want to hear often hear less often, together no more than there may be. */
static void
test_rpc_max_beats (void)
{
  g_autoptr (Wire) wire = wire_new ();
  g_autoptr (GPtrArray) kept = NULL;
  g_autoptr (HyphaService) service = NULL;
  gint64 start;
  double seconds;

  kept = g_ptr_array_new_with_free_func ((GDestroyNotify) hypha_invocation_unref);
  service = hypha_service_new ("x", "", "", "generic",
                               g_variant_new_parsed ("{'visibility': <'public'>}"));
  hypha_service_add_function (service, "f", NULL, NULL, NULL, serve_many, kept, NULL);
  hypha_rpc_add_service (wire->rpc, service);
  for (guint i = 0; i < 16 * HYPHA_RPC_MAX_SERVING_CALLER; i++)
    {
      g_autofree char *from = g_strdup_printf ("ws-a/p%u", i % 16);
      g_autoptr (GBytes) call = NULL;

      call = hypha_rpc_codec_message (from, "ws-a/rpc", "services.x.f", "s", NULL,
                                      g_variant_new_parsed (i < 16 ?
                                                            "{'promise': <'*'>, 't': <0.01>}" :
                                                            "{'promise': <'*'>}"));
      hypha_connection_send (wire->world, HYPHA_FRAME_BINARY, call);
    }

  g_assert_true (test_wait (are_many, kept));
  wire->n_beats = 0;
  start = g_get_monotonic_time ();
  while (g_get_monotonic_time () - start < G_USEC_PER_SEC)
    g_main_context_iteration (NULL, FALSE);

  /* Sixteen want to hear, and each has the share of one call; the first may have been on its way. */
  seconds = (double) (g_get_monotonic_time () - start) / G_USEC_PER_SEC;
  g_assert_cmpuint (wire->n_beats, >, 0);
  g_assert_cmpfloat (wire->n_beats, <, 16 * (1 + HYPHA_RPC_MAX_BEATS * seconds / kept->len));
  for (guint i = 0; i < kept->len; i++)
    hypha_invocation_return_null (g_ptr_array_index (kept, i));
}

static gboolean
is_one (gpointer data)
{
  return ((GPtrArray *) data)->len == 1;
}

/* Calls that wait hold no more than there may be, however little it took to send them. */
static void
test_rpc_max_arguments (void)
{
  const guint n_maps = HYPHA_MSGPACK_MAX_MEMORY / HYPHA_MSGPACK_VALUE_COST / 2;
  g_autoptr (Wire) wire = wire_new ();
  g_autoptr (GPtrArray) kept = NULL;
  g_autoptr (HyphaService) service = NULL;
  g_autoptr (GBytes) message = NULL;
  GByteArray *call;

  kept = g_ptr_array_new_with_free_func ((GDestroyNotify) hypha_invocation_unref);
  service = hypha_service_new ("x", "", "", "generic",
                               g_variant_new_parsed ("{'visibility': <'public'>}"));
  hypha_service_add_function (service, "f", NULL, NULL, NULL, serve_many, kept, NULL);
  hypha_rpc_add_service (wire->rpc, service);
  call = g_bytes_unref_to_array (hypha_rpc_codec_message ("ws-a/p", "ws-a/rpc", "services.x.f",
                                                          "s", NULL, NULL));
  hypha_msgpack_write_map (call, 1);
  hypha_msgpack_write_str (call, "args", strlen ("args"));
  hypha_msgpack_write_array (call, n_maps);
  g_byte_array_set_size (call, call->len + n_maps);
  memset (call->data + call->len - n_maps, 0x80, n_maps);
  message = g_byte_array_free_to_bytes (call);

  /* Each of 32 MiB and a little more: a client leaves half of 512 MiB, or as much as it takes. */
  for (guint i = 0; i < 9; i++)
    hypha_connection_send (wire->world, HYPHA_FRAME_BINARY, message);
  g_assert_true (test_wait (is_answered, wire));
  g_assert_true (g_str_has_prefix (wire->answer, "The arguments of calls in service take "));
  g_assert_cmpuint (kept->len, ==, 8);
  g_clear_pointer (&wire->answer, g_free);
  for (guint i = 0; i < kept->len; i++)
    hypha_invocation_return_null (g_ptr_array_index (kept, i));
  g_ptr_array_set_size (kept, 0);
  hypha_connection_send (wire->world, HYPHA_FRAME_BINARY, message);
  g_assert_true (test_wait (is_one, kept));
  hypha_invocation_return_null (g_ptr_array_index (kept, 0));
}

static void
serve_echo (HyphaInvocation *invocation,
            gpointer         data)
{
  hypha_invocation_return_argument (invocation, 0, "value");
}

/* Keeps the last bytes that were sent, as many as were expected. */
typedef struct
{
  GBytes *expected;
  gboolean came;
} Echo;

static void
on_echo (HyphaConnection *connection,
         HyphaFrameType   type,
         GBytes          *bytes,
         Echo            *echo)
{
  gsize wanted;
  gsize size;
  const guint8 *end = g_bytes_get_data (echo->expected, &wanted);
  const guint8 *data = g_bytes_get_data (bytes, &size);

  g_assert_cmpuint (size, >, wanted);
  g_assert_cmpmem (data + size - wanted, wanted, end, wanted);
  echo->came = TRUE;
}

/* Sends this second segment to something that returns its argument, which has to end in those bytes. */
static void
assert_echo (const char *extra,
             gsize       extra_size,
             const char *answer,
             gsize       answer_size)
{
  g_autoptr (Wire) wire = wire_new ();
  g_autoptr (HyphaService) service = NULL;
  g_autoptr (GBytes) expected = g_bytes_new_static (answer, answer_size);
  g_autoptr (GBytes) message = NULL;
  GByteArray *call;
  Echo echo = { expected, FALSE };

  service = hypha_service_new ("x", "", "", "generic",
                               g_variant_new_parsed ("{'visibility': <'public'>}"));
  hypha_service_add_function (service, "f", "value", NULL, NULL, serve_echo, NULL, NULL);
  hypha_rpc_add_service (wire->rpc, service);
  g_signal_connect (wire->world, "message", G_CALLBACK (on_echo), &echo);
  call = g_bytes_unref_to_array (hypha_rpc_codec_message ("ws-a/p", "ws-a/rpc", "services.x.f",
                                                          "s", NULL, NULL));
  g_byte_array_append (call, (const guint8 *) extra, (guint) extra_size);
  message = g_byte_array_free_to_bytes (call);
  hypha_connection_send (wire->world, HYPHA_FRAME_BINARY, message);
  g_assert_true (test_wait_flag (&echo.came));
}

#define ECHO(extra, answer) assert_echo (extra, sizeof extra - 1, answer, sizeof answer - 1)

/* A 32-bit float, and integers that are longer than they need be, come back as they went. */
static void
test_rpc_echo_bytes (void)
{
  ECHO ("\x81\xa4" "args\x92\xca\x3f\x80\x00\x00\x01", "args\x91\xca\x3f\x80\x00\x00");
  ECHO ("\x81\xa4" "args\x91\x82\xa6_rtype\xa1q\xa1n\xcd\x00\x01",
        "args\x91\x82\xa6_rtype\xa1q\xa1n\xcd\x00\x01");

  /* By name, after what is nothing or another. */
  ECHO ("\x82\xabwith_kwargs\xc3\xa4" "args\x91\x82\xa1v\x01\xa5value\xd0\x05",
        "args\x91\xd0\x05");
  ECHO ("\x82\xa4" "args\x92\xc0\x81\xa5value\xd1\x00\x05\xabwith_kwargs\xc3",
        "args\x91\xd1\x00\x05");
  ECHO ("\x82\xa4" "args\x92\xd0\x07\x81\xa5value\x05\xabwith_kwargs\xc3", "args\x91\xd0\x07");

  /* A function that is addressed in full is left alone, another one is not; nobody has stamped a ws. */
  ECHO ("\x81\xa4" "args\x91\x82\xa6_rtype\xa6method\xa8_rtarget\xd9\x06ws-a/p",
        "args\x91\x82\xa6_rtype\xa6method\xa8_rtarget\xd9\x06ws-a/p");
  ECHO ("\x82\xa4" "args\x91\x91\x82\xa6_rtype\xa6method\xa8_rtarget\xa1p\xa1t\x01",
        "args\x91\x91\x82\xa6_rtype\xa6method\xa8_rtarget\xa2/p");
  ECHO ("\x81\xa4" "args\x90", "args\x91\xc0");

  /* A number as a key, which Python does not take, is a text when it comes back. */
  ECHO ("\x81\xa4" "args\x91\x91\x81\x01\xa1" "a", "args\x91\x91\x81\xa1" "1\xa1" "a");
}

/* The functions of a promise are the caller's own; otherwise the caller is told so, nobody else. */
static void
test_rpc_foreign_promise (void)
{
  g_autoptr (Wire) wire = wire_new ();
  HyphaInvocation *kept = NULL;
  g_autoptr (GBytes) call = NULL;

  add_kept (wire, &kept);
  call = hypha_rpc_codec_message (
    "ws-a/p", "ws-a/rpc", "services.x.f", "s", NULL,
    g_variant_new_parsed ("{'promise': <{'resolve': <{'_rtype': <'method'>,"
                          " '_rtarget': <'ws-a/victim'>, '_rmethod': <'services.y.f'>}>}>}"));
  hypha_connection_send (wire->world, HYPHA_FRAME_BINARY, call);
  g_assert_true (test_wait (is_answered, wire));
  g_assert_null (kept);
  g_assert_cmpstr (wire->method, ==, "s.reject");
  g_assert_cmpstr (wire->answer, ==, "the promise of “ws-a/p” names another client");
}

/* What is sent back again and again is short. */
static void
test_rpc_long_promise (void)
{
  g_autoptr (Wire) wire = wire_new ();
  HyphaInvocation *kept = NULL;
  g_autofree char *name = g_strnfill (HYPHA_MESSAGE_MAX_NAME + 1, 'x');
  g_autoptr (GBytes) call = NULL;

  add_kept (wire, &kept);
  call = hypha_rpc_codec_message (
    "ws-a/p", "ws-a/rpc", "services.x.f", "s", NULL,
    g_variant_new_parsed ("{'promise': <{'heartbeat': <{'_rtype': <'method'>,"
                          " '_rtarget': <'ws-a/p'>, '_rmethod': <%s>}>}>}", name));
  hypha_connection_send (wire->world, HYPHA_FRAME_BINARY, call);
  g_assert_true (test_wait (is_answered, wire));
  g_assert_null (kept);
  g_assert_cmpstr (wire->method, ==, "s.reject");
  g_assert_nonnull (strstr (wire->answer, "longer than 1024 bytes"));
}

/* An encrypted call can only be answered by whoever has the key. */
static void
test_rpc_encrypted (void)
{
  g_autoptr (Wire) wire = wire_new ();
  g_autoptr (GBytes) call = NULL;

  call = hypha_rpc_codec_message ("ws-a/p", "ws-a/rpc", "services.built-in.ping", "s", NULL,
                                  g_variant_new_parsed ("{'_enc': <{'v': <2>}>,"
                                                        " 'data': <@ay [1]>}"));
  assert_sent (wire, call, "encrypted calls can only be answered by the client that holds the key");
}

/* {'args': [[[…]]]}, deeper than we decode. */
static GVariant *
make_too_deep (void)
{
  GVariant *value = g_variant_new ("av", NULL);

  for (guint i = 0; i < HYPHA_MSGPACK_MAX_DEPTH; i++)
    value = g_variant_new_parsed ("[%v]", value);
  return g_variant_new_parsed ("{'args': <[%v]>}", value);
}

/* Answers a call with what cannot be decoded, but first others do, and another verb. */
static void
answer_too_deep (HyphaConnection *connection,
                 HyphaFrameType   type,
                 GBytes          *bytes,
                 Wire            *wire)
{
  static const char *const senders[] = { "ws-a/q", "ws-a/p", "ws-a/p" };
  static const char *const verbs[] = { "resolve", "heartbeat", "reject" };
  g_autoptr (GVariant) envelope = NULL;
  const char *session = NULL;
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);
  gsize used;

  envelope = hypha_msgpack_decode (data, size, NULL, &used, NULL);
  g_assert_true (g_variant_lookup (envelope, "session", "&s", &session));
  for (guint i = 0; i < G_N_ELEMENTS (senders); i++)
    {
      g_autofree char *method = g_strconcat (session, ".", verbs[i], NULL);
      g_autoptr (GBytes) answer = hypha_rpc_codec_message (senders[i], "ws-a/rpc", method, NULL,
                                                           session, make_too_deep ());

      hypha_connection_send (connection, HYPHA_FRAME_BINARY, answer);
    }
}

static void
on_unreadable (GObject      *source,
               GAsyncResult *result,
               gpointer      data)
{
  Wire *wire = data;
  g_autoptr (GError) error = NULL;

  g_assert_null (hypha_rpc_call_finish (HYPHA_RPC (source), result, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_FAILED);
  wire->answer = g_strdup (error->message);
}

/* A call whose answer cannot be decoded ends at once, by the word of its callee alone. */
static void
test_rpc_unreadable_answer (void)
{
  g_autoptr (Wire) wire = wire_new ();

  g_signal_connect (wire->world, "message", G_CALLBACK (answer_too_deep), wire);
  hypha_rpc_call_async (wire->rpc, "ws-a/p", "services.x.f", NULL, 0, NULL, on_unreadable, wire);
  g_assert_true (test_wait (is_answered, wire));
  g_assert_cmpstr (wire->answer, ==, "the answer of ws-a/p:services.x.f cannot be read: "
                                     "nesting deeper than 32 levels");
  g_assert_cmpuint (hypha_rpc_get_n_pending (wire->rpc), ==, 0);
}

/* With heartbeat a piece belongs to a session of ours, a call or another, with who sends it. */
static void
test_rpc_chunks_heartbeat (void)
{
  g_autoptr (Wire) wire = wire_new ();
  g_autoptr (HyphaSession) session = hypha_session_new (wire->rpc, "ws-a/p", NULL);
  const char *id = hypha_session_get_id (session);
  g_autofree char *gone = g_strconcat ("session does not exist anymore: ", id, NULL);

  assert_call (wire, "ws-a/p", "create", g_variant_new_parsed ("[<%s>, <true>]", id), "resolve");
  assert_call (wire, "ws-a/q", "create", g_variant_new_parsed ("[<%s>, <true>]", id), gone);
  assert_call (wire, "ws-a/p", "append", g_variant_new_parsed ("[<%s>, <@ay [1]>, <true>]", id),
               "resolve");
  hypha_session_close (session);
  assert_call (wire, "ws-a/p", "append", g_variant_new_parsed ("[<%s>, <@ay [1]>, <true>]", id),
               gone);
}

static gboolean
has_sent_a_piece (gpointer data)
{
  Wire *wire = data;

  return wire->method != NULL && g_str_has_suffix (wire->method, ".append");
}

/* Answers the calls that carry a long message, so that the next one comes. */
static void
take_piece (HyphaConnection *connection,
            HyphaFrameType   type,
            GBytes          *bytes,
            Wire            *wire)
{
  g_autoptr (GVariant) envelope = NULL;
  g_autofree char *resolve = NULL;
  g_autoptr (GBytes) answer = NULL;
  const char *session = NULL;
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);
  gsize used;

  envelope = hypha_msgpack_decode (data, size, NULL, &used, NULL);
  g_assert_true (g_variant_lookup (envelope, "session", "&s", &session));
  resolve = g_strconcat (session, ".resolve", NULL);
  answer = hypha_rpc_codec_message ("ws-a/p", "ws-a/rpc", resolve, NULL, session,
                                    g_variant_new_parsed ("{'args': <[<@mv nothing>]>}"));
  hypha_connection_send (connection, HYPHA_FRAME_BINARY, answer);
}

static void
test_rpc_max_frame (void)
{
  g_autoptr (Wire) wire = wire_new ();
  g_autofree guint8 *zeros = g_malloc0 (2 * HYPHA_RPC_CHUNK_SIZE);
  Ends ends = { 0 };

  g_signal_connect (wire->world, "message", G_CALLBACK (take_piece), wire);
  hypha_rpc_call_async (wire->rpc, "ws-a/p", "services.x.f",
                        g_variant_new_parsed ("[<%*>]", g_variant_new_fixed_array (
                                                G_VARIANT_TYPE_BYTE, zeros,
                                                2 * HYPHA_RPC_CHUNK_SIZE, 1)),
                        0, NULL, on_called, &ends);
  g_assert_true (test_wait (has_sent_a_piece, wire));
  g_assert_cmpuint (wire->longest, >, HYPHA_RPC_CHUNK_SIZE);
  g_assert_cmpuint (wire->longest, <=, HYPHA_RPC_MAX_FRAME);

  hypha_rpc_close (wire->rpc);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (ends.n_lost, ==, 1);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/rpc/max-pending", test_rpc_max_pending);
  g_test_add_func ("/rpc/max-frame", test_rpc_max_frame);
  g_test_add_func ("/rpc/old-promise", test_rpc_old_promise);
  g_test_add_func ("/rpc/short-promise", test_rpc_short_promise);
  g_test_add_func ("/rpc/min-heartbeat", test_rpc_min_heartbeat);
  g_test_add_func ("/rpc/max-beats", test_rpc_max_beats);
  g_test_add_func ("/rpc/max-arguments", test_rpc_max_arguments);
  g_test_add_func ("/rpc/echo-bytes", test_rpc_echo_bytes);
  g_test_add_func ("/rpc/foreign-promise", test_rpc_foreign_promise);
  g_test_add_func ("/rpc/long-promise", test_rpc_long_promise);
  g_test_add_func ("/rpc/encrypted", test_rpc_encrypted);
  g_test_add_func ("/rpc/unreadable-answer", test_rpc_unreadable_answer);
  g_test_add_func ("/rpc/chunks-heartbeat", test_rpc_chunks_heartbeat);
  g_test_add_func ("/rpc/chunks-max-pieces", test_rpc_chunks_max_pieces);
  g_test_add_func ("/rpc/chunks-max-bytes", test_rpc_chunks_max_bytes);
  return g_test_run ();
}
