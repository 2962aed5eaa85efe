/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "page-fixture.h"

#include "hypha-frame-watch.h"

#include <adwaita.h>
#include <glib/gstdio.h>
#include <string.h>

static void
test_refused_connection (void)
{
  g_autoptr (PageFixture) fixture = page_fixture_new (NULL);
  g_autofree char *uri = page_fixture_uri (fixture, "127.0.0.1", "/page");

  soup_server_disconnect (fixture->server);
  page_fixture_show (fixture, uri);
  g_assert_true (test_wait (page_fixture_has_failed, fixture));
  g_assert_nonnull (strstr (fixture->failure->message, "127.0.0.1"));
}

static void
test_missing_page (void)
{
  g_autoptr (PageFixture) fixture = page_fixture_new ("/missing");

  g_assert_true (test_wait (page_fixture_has_failed, fixture));
  g_assert_nonnull (strstr (fixture->failure->message, "404"));
}

static void
test_framing_refused (void)
{
  g_autoptr (PageFixture) fixture = page_fixture_new ("/unframed");

  g_assert_true (test_wait (page_fixture_has_failed, fixture));
  g_assert_error (fixture->failure, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED);
}

static void
test_crash_and_retry (void)
{
  g_autoptr (PageFixture) fixture = page_fixture_new_connected ("/page");

  webkit_web_view_terminate_web_process (hypha_page_get_web_view (fixture->page));
  g_assert_true (test_wait (page_fixture_has_failed, fixture));
  g_assert_cmpuint (fixture->closed_code, ==, 1006);

  fixture->connects = 0;
  hypha_page_load (fixture->page);
  g_assert_true (test_wait (page_fixture_is_connected, fixture));
}

/* A script that never ends keeps the process from loading the page again. */
static void
test_load_timeout (void)
{
  g_autoptr (PageFixture) fixture = page_fixture_new_connected ("/page");

  page_fixture_run (fixture, "send('busy'); for (;;);");
  page_fixture_settle ();
  hypha_page_load (fixture->page);
  g_assert_true (test_wait (page_fixture_has_failed, fixture));
  g_assert_error (fixture->failure, HYPHA_ERROR, HYPHA_ERROR_TIMED_OUT);

  g_clear_error (&fixture->failure);
  fixture->connects = 0;
  hypha_page_load (fixture->page);
  g_assert_true (test_wait (page_fixture_is_connected, fixture));
  g_assert_no_error (fixture->failure);
}

static void
watch_failed_cb (GError **failure,
                 GError  *error)
{
  *failure = g_error_copy (error);
}

static gboolean
is_set (gpointer data)
{
  return *(gpointer *) data != NULL;
}

/* Nothing is heard of an address that WebKit refuses to ask for. */
static void
test_frame_watch_deadline (void)
{
  g_autoptr (PageFixture) fixture = page_fixture_new_connected ("/page");
  WebKitWebView *view = hypha_page_get_web_view (fixture->page);
  g_autoptr (HyphaFrameWatch) watch = hypha_frame_watch_new (view, "a:", "http://b.test/", 1);
  g_autoptr (HyphaFrameWatch) arrived = hypha_frame_watch_new (view, "a:", "http://c.test/", 1);
  g_autoptr (GError) failure = NULL;
  g_autoptr (GError) none = NULL;

  g_signal_connect_swapped (watch, "failed", G_CALLBACK (watch_failed_cb), &failure);
  g_signal_connect_swapped (arrived, "failed", G_CALLBACK (watch_failed_cb), &none);
  hypha_frame_watch_arrived (arrived);
  g_assert_true (test_wait (is_set, &failure));
  g_assert_error (failure, HYPHA_ERROR, HYPHA_ERROR_TIMED_OUT);
  g_assert_nonnull (strstr (failure->message, "http://b.test/"));
  page_fixture_settle ();
  g_assert_no_error (none);
}

static void
test_memory_limit (void)
{
  g_autoptr (PageFixture) fixture = NULL;

  g_setenv ("HYPHA_WEB_MEMORY_LIMIT", "200", TRUE);
  fixture = page_fixture_new_connected ("/page");
  g_unsetenv ("HYPHA_WEB_MEMORY_LIMIT");
  page_fixture_run (fixture,
                    "globalThis.kept = [];"
                    "setInterval(() => { if (kept.length < 80) "
                    "  kept.push(new Uint8Array(8 << 20).fill(kept.length + 1)); }, 20);");
  g_assert_true (test_wait (page_fixture_has_failed, fixture));
  g_assert_nonnull (strstr (fixture->failure->message, "too much memory"));
}

static void
prepared_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      data)
{
  GError **error = data;

  g_assert_false (hypha_web_context_prepare_finish (HYPHA_WEB_CONTEXT (source), result, error));
}

static void
check_not_prepared (const char *message)
{
  g_autoptr (HyphaWebContext) context = hypha_web_context_dup_default ();
  g_autoptr (GError) error = NULL;

  hypha_web_context_prepare_async (context, NULL, prepared_cb, &error);
  g_assert_true (test_wait (is_set, &error));
  if (strstr (error->message, message) == NULL)
    g_error ("“%s” is not in “%s”", message, error->message);
}

/* WebKit would end the program here. */
static void
test_sandbox_refused (void)
{
  g_autofree char *path = g_strdup (g_getenv ("PATH"));
  g_autofree char *directory = g_dir_make_tmp ("hypha-XXXXXX", NULL);
  g_autofree char *bwrap = g_build_filename (directory, "bwrap", NULL);

  g_setenv ("PATH", directory, TRUE);
  check_not_prepared ("bubblewrap");

  g_assert_true (g_file_set_contents_full (bwrap, "#!/bin/sh\necho no namespaces here >&2\nexit 1\n", -1,
                                           G_FILE_SET_CONTENTS_NONE, 0755, NULL));
  check_not_prepared ("no namespaces here");

  g_setenv ("PATH", path, TRUE);
  g_unlink (bwrap);
  g_rmdir (directory);
}

static void
test_extension_missing (void)
{
  g_autofree char *directory = g_strdup (g_getenv ("HYPHA_WEB_EXTENSION_DIR"));

  g_setenv ("HYPHA_WEB_EXTENSION_DIR", "/nonexistent", TRUE);
  check_not_prepared ("/nonexistent/libhypha-web-extension.so");
  g_setenv ("HYPHA_WEB_EXTENSION_DIR", directory, TRUE);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  adw_init ();

  g_test_add_func ("/gtk/page/refused-connection", test_refused_connection);
  g_test_add_func ("/gtk/page/missing-page", test_missing_page);
  g_test_add_func ("/gtk/page/framing-refused", test_framing_refused);
  g_test_add_func ("/gtk/page/crash-and-retry", test_crash_and_retry);
  g_test_add_func ("/gtk/page/load-timeout", test_load_timeout);
  g_test_add_func ("/gtk/frame-watch/deadline", test_frame_watch_deadline);
  g_test_add_func ("/gtk/web-context/memory-limit", test_memory_limit);
  g_test_add_func ("/gtk/web-context/sandbox-refused", test_sandbox_refused);
  g_test_add_func ("/gtk/web-context/extension-missing", test_extension_missing);

  return g_test_run ();
}
