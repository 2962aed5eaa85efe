/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "page-fixture.h"

#include "hypha-user-info-private.h"
#include "hypha-window-info-private.h"

#include <adwaita.h>
#include <string.h>

static void
test_text (void)
{
  g_autoptr (PageFixture) fixture = page_fixture_new_connected ("/page");

  page_fixture_run (fixture, "send('gr\xc3\xbc\xc3\x9f dich')");
  g_assert_true (page_fixture_wait_text (fixture, "gr\xc3\xbc\xc3\x9f dich"));
  page_fixture_run (fixture, "send('x'.repeat(200000) + 'y')");
  page_fixture_run (fixture, "send('after')");
  g_assert_true (page_fixture_wait_text (fixture, "after"));
  g_assert_cmpuint (strlen (fixture->texts->pdata[2]), ==, 200001);
}

static void
test_close_by_page (void)
{
  g_autoptr (PageFixture) fixture = page_fixture_new_connected ("/page");

  page_fixture_run (fixture, "say({ type: 'close', from: me.client_id, workspace: me.workspace })");
  g_assert_true (test_wait (page_fixture_is_closed, fixture));
  g_assert_cmpuint (fixture->closed_code, ==, 1000);
}

static void
test_close_by_core (void)
{
  g_autoptr (PageFixture) fixture = page_fixture_new_connected ("/page");

  page_fixture_run (fixture, "addEventListener('message', e => { if (e.data.type === 'closed') connect(); })");
  hypha_connection_close (HYPHA_CONNECTION (fixture->bridge), 1000, "enough");
  g_assert_cmpuint (fixture->closed_code, ==, 1000);

  fixture->connects = 0;
  g_assert_true (test_wait (page_fixture_is_connected, fixture));
  page_fixture_run (fixture, "send(closedSeen ? 'closed and back' : 'not told')");
  g_assert_true (page_fixture_wait_text (fixture, "closed and back"));
}

static void
test_close_with_window (void)
{
  g_autoptr (PageFixture) fixture = page_fixture_new_connected ("/page");

  hypha_page_disconnect (fixture->page, 1001, "the window was closed");
  g_assert_cmpuint (fixture->closed_code, ==, 1001);
}

/* A document that replaces itself never says goodbye. */
static void
test_frame_reload (void)
{
  g_autoptr (PageFixture) fixture = page_fixture_new_connected ("/page");

  fixture->connects = 0;
  page_fixture_run (fixture, "location.reload()");
  g_assert_true (test_wait (page_fixture_is_closed, fixture));
  g_assert_cmpuint (fixture->closed_code, ==, 1001);
  g_assert_true (test_wait (page_fixture_is_connected, fixture));
  g_assert_cmpuint (fixture->connects, ==, 1);
}

/* A redirect by the server itself is not a change of mind of the page. */
static void
test_redirect (void)
{
  g_autoptr (PageFixture) fixture = page_fixture_new ("/moved");

  g_assert_true (page_fixture_wait_text (fixture, "connected"));
  page_fixture_run (fixture, "send(location.hostname)");
  g_assert_true (page_fixture_wait_text (fixture, "localhost"));
}

static HyphaWindowInfo *
plugin_info (const char *source_uri)
{
  g_autoptr (HyphaUserInfo) user = hypha_user_info_new_anonymous ();
  HyphaWindowInfo *info = hypha_window_info_new ("plugin", "ws-test", "client-test", user, NULL, NULL);

  hypha_window_info_set_source_uri (info, source_uri);
  return info;
}

/* What the plugin is told is what its page resolves addresses by. */
static void
test_source_uri (void)
{
  g_autoptr (HyphaWindowInfo) web = plugin_info ("http://127.0.0.1:1/plugins/a.imjoy.html");
  g_autoptr (HyphaWindowInfo) local = plugin_info ("file:///home/me/a.imjoy.html");
  g_autofree char *web_message = hypha_window_info_dup_initialize_message (web);
  g_autofree char *local_message = hypha_window_info_dup_initialize_message (local);

  g_assert_true (hypha_window_info_is_plugin (web));
  g_assert_cmpstr (hypha_window_info_get_source_uri (web), ==, "http://127.0.0.1:1/plugins/a.imjoy.html");
  g_assert_nonnull (strstr (web_message, "127.0.0.1:1"));
  g_assert_null (strstr (local_message, "/home/me"));
}

/* The same file has the same storage each time, another one has not. */
static void
test_plugin_host (void)
{
  static const char *const uris[] = { "file:///a", "file:///a", "file:///b" };
  g_autoptr (PageFixture) fixture = page_fixture_new (NULL);
  char *origins[G_N_ELEMENTS (uris)] = { NULL };

  for (gsize i = 0; i < G_N_ELEMENTS (uris); i++)
    {
      g_autoptr (HyphaWindowInfo) info = plugin_info (uris[i]);
      g_autoptr (HyphaPage) page = hypha_page_new (fixture->context, info);
      WebKitWebView *view = hypha_page_get_web_view (page);

      g_assert_nonnull (view);
      origins[i] = g_strdup (hypha_page_get_target (page));
    }

  g_assert_cmpstr (origins[0], ==, origins[1]);
  g_assert_cmpstr (origins[0], !=, origins[2]);
  for (gsize i = 0; i < G_N_ELEMENTS (uris); i++)
    g_clear_pointer (&origins[i], g_free);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  adw_init ();

  g_test_add_func ("/gtk/page/text", test_text);
  g_test_add_func ("/gtk/page/close-by-page", test_close_by_page);
  g_test_add_func ("/gtk/page/close-by-core", test_close_by_core);
  g_test_add_func ("/gtk/page/close-with-window", test_close_with_window);
  g_test_add_func ("/gtk/page/frame-reload", test_frame_reload);
  g_test_add_func ("/gtk/page/redirect", test_redirect);
  g_test_add_func ("/gtk/page/source-uri", test_source_uri);
  g_test_add_func ("/gtk/page/plugin-host", test_plugin_host);

  return g_test_run ();
}
