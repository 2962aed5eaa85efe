/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "page-fixture.h"

#include "hypha-frame.h"

#include <adwaita.h>
#include <gio/gunixfdlist.h>

static gboolean
has_bytes (gpointer data)
{
  PageFixture *fixture = data;

  return fixture->bytes != NULL;
}

static GBytes *
pattern_bytes (gsize size)
{
  guint8 *data = g_malloc (size);

  for (gsize i = 0; i < size; i++)
    data[i] = (guint8) (i * 31 + (i >> 8));
  return g_bytes_new_take (data, size);
}

static void
check_echo (PageFixture *fixture,
            gsize        size)
{
  g_autoptr (GBytes) bytes = pattern_bytes (size);

  g_clear_pointer (&fixture->bytes, g_bytes_unref);
  hypha_connection_send (HYPHA_CONNECTION (fixture->bridge), HYPHA_FRAME_BINARY, bytes);
  g_assert_true (test_wait (has_bytes, fixture));
  g_assert_true (g_bytes_equal (fixture->bytes, bytes));
}

static void
test_bytes (void)
{
  g_autoptr (PageFixture) fixture = page_fixture_new_connected ("/page");

  check_echo (fixture, 0);
  check_echo (fixture, 1);
  check_echo (fixture, HYPHA_FRAME_INLINE_MAX);
  check_echo (fixture, HYPHA_FRAME_INLINE_MAX + 1);
  check_echo (fixture, 1024 * 1024);
  check_echo (fixture, HYPHA_FRAME_MAX);
}

static void
test_frame_max (void)
{
  g_autoptr (PageFixture) fixture = page_fixture_new_connected ("/page");
  g_autofree char *script = g_strdup_printf ("send(new Uint8Array(%d))", HYPHA_FRAME_MAX + 1);

  page_fixture_run (fixture, script);
  g_assert_true (test_wait (page_fixture_is_closed, fixture));
  g_assert_cmpuint (fixture->closed_code, ==, 1009);
}

static void
test_queue_max (void)
{
  g_autoptr (PageFixture) fixture = page_fixture_new_connected ("/page");
  g_autoptr (GBytes) bytes = pattern_bytes (HYPHA_FRAME_MAX);

  page_fixture_run (fixture, "for (;;);");
  for (int i = 0; i <= HYPHA_BRIDGE_QUEUE_MAX / HYPHA_FRAME_MAX; i++)
    hypha_connection_send (HYPHA_CONNECTION (fixture->bridge), HYPHA_FRAME_BINARY, bytes);

  g_assert_cmpuint (fixture->closed_code, ==, 1013);
  webkit_web_view_terminate_web_process (hypha_page_get_web_view (fixture->page));
}

/* While the core does not read, the page's own process keeps what the page says. */
static void
test_paused (void)
{
  g_autoptr (PageFixture) fixture = page_fixture_new_connected ("/page");
  HyphaConnectionClass *klass = HYPHA_CONNECTION_GET_CLASS (fixture->bridge);

  page_fixture_run (fixture, "for (let i = 0; i < 80; i++) send(new Uint8Array(1 << 20)); send('all sent')");
  klass->set_reading (HYPHA_CONNECTION (fixture->bridge), FALSE);
  page_fixture_settle ();
  g_assert_cmpuint (fixture->closed_code, ==, 0);
  g_assert_null (fixture->bytes);

  klass->set_reading (HYPHA_CONNECTION (fixture->bridge), TRUE);
  g_assert_true (page_fixture_wait_text (fixture, "all sent"));
  g_assert_nonnull (fixture->bytes);
}

/* What a page sends while nobody reads it takes memory in its own process, but not without end. */
static void
test_port_waiting_max (void)
{
  g_autoptr (PageFixture) fixture = page_fixture_new_connected ("/page");
  HyphaConnectionClass *klass = HYPHA_CONNECTION_GET_CLASS (fixture->bridge);

  klass->set_reading (HYPHA_CONNECTION (fixture->bridge), FALSE);
  page_fixture_run (fixture,
                    "addEventListener('message', e => { if (e.data.type === 'closed') connect(); });"
                    "for (let i = 0; i < 300; i++) send(new Uint8Array(1 << 20));");
  g_assert_true (test_wait (page_fixture_is_closed, fixture));
  g_assert_cmpuint (fixture->closed_code, ==, 1009);

  fixture->connects = 0;
  g_assert_true (test_wait (page_fixture_is_connected, fixture));
  klass->set_reading (HYPHA_CONNECTION (fixture->bridge), TRUE);
  page_fixture_run (fixture, "send('back')");
  g_assert_true (page_fixture_wait_text (fixture, "back"));
}

/* A web process that does not keep to the window is cut off. */
static void
test_held_max (void)
{
  g_autoptr (PageFixture) fixture = page_fixture_new_connected ("/page");
  HyphaConnectionClass *klass = HYPHA_CONNECTION_GET_CLASS (fixture->bridge);
  g_autoptr (GBytes) bytes = pattern_bytes (HYPHA_FRAME_INLINE_MAX);

  test_expect_log ("hypha-gtk", G_LOG_LEVEL_MESSAGE, "*sends more than it is allowed to");
  klass->set_reading (HYPHA_CONNECTION (fixture->bridge), FALSE);
  for (int i = 0; i <= HYPHA_BRIDGE_HELD_MAX / HYPHA_FRAME_INLINE_MAX && fixture->closed_code == 0; i++)
    {
      GUnixFDList *fds = NULL;
      GVariant *frame = hypha_frame_pack ("client-test", FALSE, g_bytes_get_data (bytes, NULL),
                                          g_bytes_get_size (bytes), &fds, NULL);
      g_autoptr (WebKitUserMessage) message =
          g_object_ref_sink (webkit_user_message_new ("frame", frame));

      hypha_bridge_receive (fixture->bridge, message);
    }

  g_assert_cmpuint (fixture->closed_code, ==, 1008);
  test_assert_expected_logs ();
}

static void
check_refused (GVariant   *parameters,
               guint       code,
               const char *log)
{
  g_autoptr (PageFixture) fixture = page_fixture_new_connected ("/page");
  g_autoptr (WebKitUserMessage) message =
      g_object_ref_sink (webkit_user_message_new ("frame", parameters));

  test_expect_log ("hypha-gtk", G_LOG_LEVEL_MESSAGE, log);
  hypha_bridge_receive (fixture->bridge, message);
  g_assert_cmpuint (fixture->closed_code, ==, code);
  test_assert_expected_logs ();
}

/* What a web process that was taken over may send. */
static void
test_forged_frames (void)
{
  GVariant *bytes = g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, "abc\xff", 4, 1);

  g_variant_ref_sink (bytes);
  check_refused (NULL, 1002, "*not a frame");
  check_refused (g_variant_new ("(ss)", "client-test", ""), 1002, "*not a frame");
  check_refused (g_variant_new ("(sbt@ay)", "client-test", FALSE, G_GUINT64_CONSTANT (5), bytes), 1002,
                 "*came with 4");
  check_refused (g_variant_new ("(sbt@ay)", "client-test", FALSE, G_MAXUINT64, bytes), 1002,
                 "*is larger than*");
  check_refused (g_variant_new ("(sbt@ay)", "client-test", FALSE, G_GUINT64_CONSTANT (1 << 20), bytes),
                 1002, "*without its memory file");
  check_refused (g_variant_new ("(sbt@ay)", "client-other", FALSE, G_GUINT64_CONSTANT (4), bytes), 1008,
                 "*in another name*");
  check_refused (g_variant_new ("(sbt@ay)", "client-test", TRUE, G_GUINT64_CONSTANT (4), bytes), 1008,
                 "*not in UTF-8");
  g_variant_unref (bytes);
}

/* A memory file that is shorter than was said makes an error, not a crash. */
static void
test_short_memory_file (void)
{
  gsize size = HYPHA_FRAME_INLINE_MAX + 1;
  g_autofree char *data = g_malloc0 (size);
  g_auto (HyphaFrame) frame = { 0 };
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) packed =
      g_variant_ref_sink (hypha_frame_pack ("c", FALSE, data, size, &fds, &error));
  g_autoptr (GVariant) empty = g_variant_get_child_value (packed, 3);
  g_autoptr (GVariant) longer = NULL;

  g_assert_no_error (error);
  g_assert_nonnull (fds);
  g_assert_true (hypha_frame_unpack (&frame, packed, fds, &error));
  g_assert_cmpuint (g_bytes_get_size (frame.bytes), ==, size);
  hypha_frame_clear (&frame);

  longer = g_variant_ref_sink (g_variant_new ("(sbt@ay)", "c", FALSE, (guint64) size + 1, empty));
  g_assert_false (hypha_frame_unpack (&frame, longer, fds, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  adw_init ();

  g_test_add_func ("/gtk/page/bytes", test_bytes);
  g_test_add_func ("/gtk/page/frame-max", test_frame_max);
  g_test_add_func ("/gtk/page/queue-max", test_queue_max);
  g_test_add_func ("/gtk/page/paused", test_paused);
  g_test_add_func ("/gtk/page/port-waiting-max", test_port_waiting_max);
  g_test_add_func ("/gtk/bridge/held-max", test_held_max);
  g_test_add_func ("/gtk/bridge/forged-frames", test_forged_frames);
  g_test_add_func ("/gtk/frame/short-memory-file", test_short_memory_file);

  return g_test_run ();
}
