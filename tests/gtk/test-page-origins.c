/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "page-fixture.h"

#include <adwaita.h>

static gboolean
was_hit_again (gpointer data)
{
  PageFixture *fixture = data;

  return fixture->hits >= 2;
}

/* The frame goes to another site, which knows the name of the client and speaks as it. */
static void
test_foreign_origin (void)
{
  g_autoptr (PageFixture) fixture = page_fixture_new_connected ("/page");
  g_autofree char *elsewhere = page_fixture_uri (fixture, "localhost", "/page");
  g_autofree char *script = g_strdup_printf ("location.href = '%s'", elsewhere);

  test_expect_log ("hypha-gtk", G_LOG_LEVEL_MESSAGE, "*not connected to a page of http://localhost:*");
  page_fixture_run (fixture, script);
  g_assert_true (test_wait (page_fixture_is_closed, fixture));
  g_assert_true (test_wait (was_hit_again, fixture));
  page_fixture_settle ();
  g_assert_cmpuint (fixture->connects, ==, 1);
  test_assert_expected_logs ();
}

static void
test_opaque_origin (void)
{
  g_autoptr (PageFixture) fixture = page_fixture_new_connected ("/sandboxed");

  page_fixture_run (fixture, "send(String(origin))");
  g_assert_true (page_fixture_wait_text (fixture, "null"));

  /* The second document of an opaque origin may be anybody's. */
  test_expect_log ("hypha-gtk", G_LOG_LEVEL_MESSAGE, "*not connected to a page of null");
  page_fixture_run (fixture, "location.reload()");
  g_assert_true (test_wait (page_fixture_is_closed, fixture));
  g_assert_true (test_wait (was_hit_again, fixture));
  page_fixture_settle ();
  g_assert_cmpuint (fixture->connects, ==, 1);
  test_assert_expected_logs ();
}

/* A frame inside the app speaks to the host page in the app's name. */
static void
test_nested_frame (void)
{
  g_autoptr (PageFixture) fixture = page_fixture_new_connected ("/page");

  page_fixture_run (fixture,
                    "const f = document.createElement('iframe');"
                    "f.srcdoc = `<script>for (const type of ['hyphaClientReady', 'connect', 'close'])"
                    "  top.postMessage({ type, from: '${me.client_id}', workspace: 'ws-test' }, '*');"
                    "  parent.eval(\"send('nested')\");<\\/script>`;"
                    "document.body.append(f);");
  g_assert_true (page_fixture_wait_text (fixture, "nested"));
  page_fixture_settle ();
  g_assert_cmpuint (fixture->connects, ==, 1);
  g_assert_cmpuint (fixture->closed_code, ==, 0);
}

/* A hostile page frames the host page of another window, to be taken for it. */
static void
test_host_page_framed (void)
{
  g_autoptr (PageFixture) victim = page_fixture_new_connected ("/page");
  g_autoptr (PageFixture) attacker = page_fixture_new_connected ("/page");
  const char *host = webkit_web_view_get_uri (hypha_page_get_web_view (victim->page));
  g_autofree char *script = g_strdup_printf ("const f = document.createElement('iframe');"
                                             "f.src = '%s'; document.body.append(f);"
                                             "f.onload = () => send('loaded')",
                                             host);

  g_assert_true (g_str_has_prefix (host, "hypha-host://"));
  page_fixture_run (attacker, script);
  page_fixture_settle ();
  g_assert_cmpuint (victim->hits, ==, 1);
  g_assert_cmpuint (victim->connects, ==, 1);
  g_assert_cmpuint (victim->closed_code, ==, 0);
  g_assert_cmpuint (attacker->connects, ==, 1);
}

/* Even at the top of its own view, a host page of another view is refused. */
static void
test_host_page_of_other_view (void)
{
  g_autoptr (PageFixture) victim = page_fixture_new_connected ("/page");
  g_autoptr (PageFixture) other = page_fixture_new_connected ("/page");
  WebKitWebView *view = hypha_page_get_web_view (other->page);

  test_expect_log ("hypha-gtk", G_LOG_LEVEL_MESSAGE, "refused a request for hypha-host://*");
  webkit_web_view_load_uri (view, webkit_web_view_get_uri (hypha_page_get_web_view (victim->page)));
  page_fixture_settle ();
  test_assert_expected_logs ();
  g_assert_cmpuint (victim->hits, ==, 1);
}

static void
test_leaving (void)
{
  g_autoptr (PageFixture) fixture = page_fixture_new_connected ("/page");
  g_autofree char *host = g_strdup (webkit_web_view_get_uri (hypha_page_get_web_view (fixture->page)));

  page_fixture_run (fixture, "try { top.location = '/page'; } catch (e) { send(e.name); }");
  page_fixture_settle ();
  page_fixture_run (fixture, "send('still here')");
  g_assert_true (page_fixture_wait_text (fixture, "still here"));
  g_assert_cmpstr (webkit_web_view_get_uri (hypha_page_get_web_view (fixture->page)), ==, host);
}

/* A document that goes on asking is in the log once. */
static void
ask_twice_from_elsewhere (void)
{
  g_autoptr (PageFixture) fixture = page_fixture_new_connected ("/page");
  g_autofree char *elsewhere = page_fixture_uri (fixture, "localhost", "/page#twice");
  g_autofree char *script = g_strdup_printf ("location.href = '%s'", elsewhere);

  test_expect_log ("hypha-gtk", G_LOG_LEVEL_MESSAGE, "*not connected to a page of*");
  page_fixture_run (fixture, script);
  g_assert_true (test_wait (was_hit_again, fixture));
  page_fixture_settle ();
  test_assert_expected_logs ();
}

/* A second line is not expected, so it would be printed. */
static void
test_log_once (void)
{
  if (g_test_subprocess ())
    {
      ask_twice_from_elsewhere ();
      return;
    }

  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr_unmatched ("*not connected to a page of*");
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  adw_init ();

  g_test_add_func ("/gtk/page/foreign-origin", test_foreign_origin);
  g_test_add_func ("/gtk/page/opaque-origin", test_opaque_origin);
  g_test_add_func ("/gtk/page/nested-frame", test_nested_frame);
  g_test_add_func ("/gtk/page/host-page-framed", test_host_page_framed);
  g_test_add_func ("/gtk/page/host-page-of-other-view", test_host_page_of_other_view);
  g_test_add_func ("/gtk/page/leaving", test_leaving);
  g_test_add_func ("/gtk/page/log-once", test_log_once);

  return g_test_run ();
}
