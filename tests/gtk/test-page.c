/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "page-fixture.h"

#include "hypha-frame-watch.h"
#include "hypha-frame.h"

#include "hypha-user-info-private.h"
#include "hypha-window-info-private.h"

#include <adwaita.h>
#include <gio/gunixfdlist.h>
#include <glib/gstdio.h>
#include <string.h>

static gboolean
is_connected (gpointer data)
{
  PageFixture *fixture = data;

  return fixture->connects > 0;
}

static gboolean
is_closed (gpointer data)
{
  PageFixture *fixture = data;

  return fixture->closed_code != 0;
}

static gboolean
has_failed (gpointer data)
{
  PageFixture *fixture = data;

  return fixture->failure != NULL;
}

static gboolean
has_bytes (gpointer data)
{
  PageFixture *fixture = data;

  return fixture->bytes != NULL;
}

static PageFixture *
connected_page (const char *path)
{
  PageFixture *fixture = page_fixture_new (path);

  g_assert_true (page_fixture_wait_text (fixture, "connected"));
  g_assert_cmpuint (fixture->connects, ==, 1);
  g_assert_true (test_wait_flag (&fixture->started));
  return fixture;
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
  g_autoptr (PageFixture) fixture = connected_page ("/page");

  check_echo (fixture, 0);
  check_echo (fixture, 1);
  check_echo (fixture, HYPHA_FRAME_INLINE_MAX);
  check_echo (fixture, HYPHA_FRAME_INLINE_MAX + 1);
  check_echo (fixture, 1024 * 1024);
  check_echo (fixture, HYPHA_FRAME_MAX);
}

static void
test_text (void)
{
  g_autoptr (PageFixture) fixture = connected_page ("/page");

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
  g_autoptr (PageFixture) fixture = connected_page ("/page");

  page_fixture_run (fixture, "say({ type: 'close', from: me.client_id, workspace: me.workspace })");
  g_assert_true (test_wait (is_closed, fixture));
  g_assert_cmpuint (fixture->closed_code, ==, 1000);
}

static void
test_close_by_core (void)
{
  g_autoptr (PageFixture) fixture = connected_page ("/page");

  page_fixture_run (fixture, "addEventListener('message', e => { if (e.data.type === 'closed') connect(); })");
  hypha_connection_close (HYPHA_CONNECTION (fixture->bridge), 1000, "enough");
  g_assert_cmpuint (fixture->closed_code, ==, 1000);

  fixture->connects = 0;
  g_assert_true (test_wait (is_connected, fixture));
  page_fixture_run (fixture, "send(closedSeen ? 'closed and back' : 'not told')");
  g_assert_true (page_fixture_wait_text (fixture, "closed and back"));
}

static void
test_close_with_window (void)
{
  g_autoptr (PageFixture) fixture = connected_page ("/page");

  hypha_page_disconnect (fixture->page, 1001, "the window was closed");
  g_assert_cmpuint (fixture->closed_code, ==, 1001);
}

/* A document that replaces itself never says goodbye. */
static void
test_frame_reload (void)
{
  g_autoptr (PageFixture) fixture = connected_page ("/page");

  fixture->connects = 0;
  page_fixture_run (fixture, "location.reload()");
  g_assert_true (test_wait (is_closed, fixture));
  g_assert_cmpuint (fixture->closed_code, ==, 1001);
  g_assert_true (test_wait (is_connected, fixture));
  g_assert_cmpuint (fixture->connects, ==, 1);
}

static gboolean
was_hit_again (gpointer data)
{
  PageFixture *fixture = data;

  return fixture->hits >= 2;
}

static gboolean
always_false (gpointer data)
{
  return *(gboolean *) data;
}

static gboolean
set_flag (gpointer data)
{
  *(gboolean *) data = TRUE;
  return G_SOURCE_REMOVE;
}

/* For what must not happen: gives it as long as it took to happen elsewhere, and more. */
static void
settle (void)
{
  gboolean done = FALSE;

  g_timeout_add (700, set_flag, &done);
  test_wait (always_false, &done);
}

/* The frame goes to another site, which knows the name of the client and speaks as it. */
static void
test_foreign_origin (void)
{
  g_autoptr (PageFixture) fixture = connected_page ("/page");
  g_autofree char *elsewhere = page_fixture_uri (fixture, "localhost", "/page");
  g_autofree char *script = g_strdup_printf ("location.href = '%s'", elsewhere);

  test_expect_log ("hypha-gtk", G_LOG_LEVEL_MESSAGE, "*not connected to a page of http://localhost:*");
  page_fixture_run (fixture, script);
  g_assert_true (test_wait (is_closed, fixture));
  g_assert_true (test_wait (was_hit_again, fixture));
  settle ();
  g_assert_cmpuint (fixture->connects, ==, 1);
  test_assert_expected_logs ();
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

static void
test_opaque_origin (void)
{
  g_autoptr (PageFixture) fixture = connected_page ("/sandboxed");

  page_fixture_run (fixture, "send(String(origin))");
  g_assert_true (page_fixture_wait_text (fixture, "null"));

  /* The second document of an opaque origin may be anybody's. */
  test_expect_log ("hypha-gtk", G_LOG_LEVEL_MESSAGE, "*not connected to a page of null");
  page_fixture_run (fixture, "location.reload()");
  g_assert_true (test_wait (is_closed, fixture));
  g_assert_true (test_wait (was_hit_again, fixture));
  settle ();
  g_assert_cmpuint (fixture->connects, ==, 1);
  test_assert_expected_logs ();
}

/* A frame inside the app speaks to the host page in the app's name. */
static void
test_nested_frame (void)
{
  g_autoptr (PageFixture) fixture = connected_page ("/page");

  page_fixture_run (fixture,
                    "const f = document.createElement('iframe');"
                    "f.srcdoc = `<script>for (const type of ['hyphaClientReady', 'connect', 'close'])"
                    "  top.postMessage({ type, from: '${me.client_id}', workspace: 'ws-test' }, '*');"
                    "  parent.eval(\"send('nested')\");<\\/script>`;"
                    "document.body.append(f);");
  g_assert_true (page_fixture_wait_text (fixture, "nested"));
  settle ();
  g_assert_cmpuint (fixture->connects, ==, 1);
  g_assert_cmpuint (fixture->closed_code, ==, 0);
}

/* A hostile page frames the host page of another window, to be taken for it. */
static void
test_host_page_framed (void)
{
  g_autoptr (PageFixture) victim = connected_page ("/page");
  g_autoptr (PageFixture) attacker = connected_page ("/page");
  const char *host = webkit_web_view_get_uri (hypha_page_get_web_view (victim->page));
  g_autofree char *script = g_strdup_printf ("const f = document.createElement('iframe');"
                                             "f.src = '%s'; document.body.append(f);"
                                             "f.onload = () => send('loaded')",
                                             host);

  g_assert_true (g_str_has_prefix (host, "hypha-host://"));
  page_fixture_run (attacker, script);
  settle ();
  g_assert_cmpuint (victim->hits, ==, 1);
  g_assert_cmpuint (victim->connects, ==, 1);
  g_assert_cmpuint (victim->closed_code, ==, 0);
  g_assert_cmpuint (attacker->connects, ==, 1);
}

/* Even at the top of its own view, a host page of another view is refused. */
static void
test_host_page_of_other_view (void)
{
  g_autoptr (PageFixture) victim = connected_page ("/page");
  g_autoptr (PageFixture) other = connected_page ("/page");
  WebKitWebView *view = hypha_page_get_web_view (other->page);

  test_expect_log ("hypha-gtk", G_LOG_LEVEL_MESSAGE, "refused a request for hypha-host://*");
  webkit_web_view_load_uri (view, webkit_web_view_get_uri (hypha_page_get_web_view (victim->page)));
  settle ();
  test_assert_expected_logs ();
  g_assert_cmpuint (victim->hits, ==, 1);
}

static void
test_leaving (void)
{
  g_autoptr (PageFixture) fixture = connected_page ("/page");
  g_autofree char *host = g_strdup (webkit_web_view_get_uri (hypha_page_get_web_view (fixture->page)));

  page_fixture_run (fixture, "try { top.location = '/page'; } catch (e) { send(e.name); }");
  settle ();
  page_fixture_run (fixture, "send('still here')");
  g_assert_true (page_fixture_wait_text (fixture, "still here"));
  g_assert_cmpstr (webkit_web_view_get_uri (hypha_page_get_web_view (fixture->page)), ==, host);
}

static void
test_refused_connection (void)
{
  g_autoptr (PageFixture) fixture = page_fixture_new (NULL);
  g_autofree char *uri = page_fixture_uri (fixture, "127.0.0.1", "/page");

  soup_server_disconnect (fixture->server);
  page_fixture_show (fixture, uri);
  g_assert_true (test_wait (has_failed, fixture));
  g_assert_nonnull (strstr (fixture->failure->message, "127.0.0.1"));
}

static void
test_missing_page (void)
{
  g_autoptr (PageFixture) fixture = page_fixture_new ("/missing");

  g_assert_true (test_wait (has_failed, fixture));
  g_assert_nonnull (strstr (fixture->failure->message, "404"));
}

static void
test_framing_refused (void)
{
  g_autoptr (PageFixture) fixture = page_fixture_new ("/unframed");

  g_assert_true (test_wait (has_failed, fixture));
  g_assert_error (fixture->failure, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED);
}

static void
test_crash_and_retry (void)
{
  g_autoptr (PageFixture) fixture = connected_page ("/page");

  webkit_web_view_terminate_web_process (hypha_page_get_web_view (fixture->page));
  g_assert_true (test_wait (has_failed, fixture));
  g_assert_cmpuint (fixture->closed_code, ==, 1006);

  fixture->connects = 0;
  hypha_page_load (fixture->page);
  g_assert_true (test_wait (is_connected, fixture));
}

static void
test_frame_max (void)
{
  g_autoptr (PageFixture) fixture = connected_page ("/page");
  g_autofree char *script = g_strdup_printf ("send(new Uint8Array(%d))", HYPHA_FRAME_MAX + 1);

  page_fixture_run (fixture, script);
  g_assert_true (test_wait (is_closed, fixture));
  g_assert_cmpuint (fixture->closed_code, ==, 1009);
}

static void
test_queue_max (void)
{
  g_autoptr (PageFixture) fixture = connected_page ("/page");
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
  g_autoptr (PageFixture) fixture = connected_page ("/page");
  HyphaConnectionClass *klass = HYPHA_CONNECTION_GET_CLASS (fixture->bridge);

  page_fixture_run (fixture, "for (let i = 0; i < 80; i++) send(new Uint8Array(1 << 20)); send('all sent')");
  klass->set_reading (HYPHA_CONNECTION (fixture->bridge), FALSE);
  settle ();
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
  g_autoptr (PageFixture) fixture = connected_page ("/page");
  HyphaConnectionClass *klass = HYPHA_CONNECTION_GET_CLASS (fixture->bridge);

  klass->set_reading (HYPHA_CONNECTION (fixture->bridge), FALSE);
  page_fixture_run (fixture,
                    "addEventListener('message', e => { if (e.data.type === 'closed') connect(); });"
                    "for (let i = 0; i < 300; i++) send(new Uint8Array(1 << 20));");
  g_assert_true (test_wait (is_closed, fixture));
  g_assert_cmpuint (fixture->closed_code, ==, 1009);

  fixture->connects = 0;
  g_assert_true (test_wait (is_connected, fixture));
  klass->set_reading (HYPHA_CONNECTION (fixture->bridge), TRUE);
  page_fixture_run (fixture, "send('back')");
  g_assert_true (page_fixture_wait_text (fixture, "back"));
}

static AdwMessageDialog *
find_dialog (void)
{
  g_autoptr (GList) windows = gtk_window_list_toplevels ();

  for (GList *l = windows; l != NULL; l = l->next)
    {
      if (ADW_IS_MESSAGE_DIALOG (l->data))
        return l->data;
    }

  return NULL;
}

static gboolean
has_dialog (gpointer data)
{
  return find_dialog () != NULL;
}

/* A second question while the first is open is refused without asking. */
static void
test_permission (void)
{
  g_autoptr (PageFixture) fixture = connected_page ("/page");

  page_fixture_run (fixture,
                    "globalThis.ask = name => navigator.geolocation.getCurrentPosition("
                    "  () => send(name + ' allowed'), error => send(`${name} error ${error.code}`));"
                    "ask('first'); ask('second')");
  g_assert_true (test_wait (has_dialog, NULL));
  g_assert_nonnull (strstr (adw_message_dialog_get_body (find_dialog ()), "where this computer is"));
  adw_message_dialog_response (find_dialog (), "deny");
  g_assert_true (page_fixture_wait_text (fixture, "first error 1"));
  g_assert_true (page_fixture_wait_text (fixture, "second error 1"));
}

/* Without a person's gesture there is not even a question. */
static void
test_clipboard_is_private (void)
{
  g_autoptr (PageFixture) fixture = connected_page ("/page");

  page_fixture_run (fixture,
                    "navigator.clipboard.readText().then(() => send('read'), e => send(e.name))");
  g_assert_true (page_fixture_wait_text (fixture, "NotAllowedError"));
  g_assert_false (page_fixture_has_text (fixture, "read"));

  page_fixture_run (fixture, "send(`paste ${document.execCommand('paste')}`)");
  g_assert_true (page_fixture_wait_text (fixture, "paste false"));
}

static GtkWidget *
find_chooser (void)
{
  g_autoptr (GList) windows = gtk_window_list_toplevels ();

  for (GList *l = windows; l != NULL; l = l->next)
    {
      if (GTK_IS_FILE_CHOOSER_DIALOG (l->data))
        return l->data;
    }

  return NULL;
}

static gboolean
has_chooser (gpointer data)
{
  return find_chooser () != NULL;
}

static gboolean
has_no_chooser (gpointer data)
{
  return find_chooser () == NULL;
}

static void
start_download (PageFixture *fixture,
                const char  *name)
{
  g_autofree char *script = g_strdup_printf ("const a = document.createElement('a');"
                                             "a.href = 'data:application/octet-stream,abc';"
                                             "a.download = '%s'; a.click()",
                                             name);

  page_fixture_run (fixture, script);
}

static gboolean
is_file (gpointer path)
{
  return g_file_test (path, G_FILE_TEST_IS_REGULAR);
}

static void
check_not_written (const char *name)
{
  g_autofree char *in_home = g_build_filename (g_get_home_dir (), "Downloads", name, NULL);
  const char *downloads = g_get_user_special_dir (G_USER_DIRECTORY_DOWNLOAD);
  g_autofree char *in_downloads = g_build_filename (downloads != NULL ? downloads : ".", name, NULL);

  g_assert_false (g_file_test (in_home, G_FILE_TEST_EXISTS));
  g_assert_false (g_file_test (in_downloads, G_FILE_TEST_EXISTS));
  g_assert_false (g_file_test (name, G_FILE_TEST_EXISTS));
}

/* A page's click writes nothing; a second one, while the first waits for an answer, neither. */
static void
test_download_refused (void)
{
  g_autoptr (PageFixture) fixture = connected_page ("/page");

  start_download (fixture, "hypha-test-refused.bin");
  g_assert_true (test_wait (has_chooser, NULL));
  start_download (fixture, "hypha-test-second.bin");
  settle ();
  gtk_dialog_response (GTK_DIALOG (find_chooser ()), GTK_RESPONSE_CANCEL);
  g_assert_true (test_wait (has_no_chooser, NULL));
  settle ();
  g_assert_null (find_chooser ());
  check_not_written ("hypha-test-refused.bin");
  check_not_written ("hypha-test-second.bin");
}

static void
download_started_cb (WebKitDownload      **download,
                     WebKitDownload       *started,
                     WebKitNetworkSession *session)
{
  *download = g_object_ref (started);
}

typedef struct
{
  GtkFileChooser *chooser;
  GFile          *file;
} Choice;

/* The chooser reads the directory first. */
static gboolean
is_chosen (gpointer data)
{
  Choice *choice = data;
  g_autoptr (GFile) file = gtk_file_chooser_get_file (choice->chooser);

  return file != NULL && g_file_equal (file, choice->file);
}

/* The chooser's own button answers when it likes, so the answer is given in its name. */
static void
test_download_chosen (void)
{
  g_autoptr (PageFixture) fixture = connected_page ("/page");
  g_autofree char *directory = g_dir_make_tmp ("hypha-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (directory, "chosen.bin", NULL);
  g_autoptr (GFile) folder = g_file_new_for_path (directory);
  g_autoptr (GFile) file = g_file_new_for_path (path);
  g_autoptr (WebKitDownload) download = NULL;
  Choice choice = { .file = file };

  g_signal_connect_swapped (
      webkit_web_view_get_network_session (hypha_page_get_web_view (fixture->page)),
      "download-started", G_CALLBACK (download_started_cb), &download);
  start_download (fixture, "chosen.bin");
  g_assert_true (test_wait (has_chooser, NULL));
  choice.chooser = g_object_get_data (G_OBJECT (download), "hypha-chooser");
  g_assert_true (gtk_file_chooser_set_current_folder (choice.chooser, folder, NULL));
  g_assert_true (test_wait (is_chosen, &choice));
  g_signal_emit_by_name (choice.chooser, "response", GTK_RESPONSE_ACCEPT);
  g_assert_true (test_wait (is_file, path));
  check_not_written ("chosen.bin");
  g_unlink (path);
  g_rmdir (directory);
}

/* A script that never ends keeps the process from loading the page again. */
static void
test_load_timeout (void)
{
  g_autoptr (PageFixture) fixture = connected_page ("/page");

  page_fixture_run (fixture, "send('busy'); for (;;);");
  settle ();
  hypha_page_load (fixture->page);
  g_assert_true (test_wait (has_failed, fixture));
  g_assert_error (fixture->failure, HYPHA_ERROR, HYPHA_ERROR_TIMED_OUT);

  g_clear_error (&fixture->failure);
  fixture->connects = 0;
  hypha_page_load (fixture->page);
  g_assert_true (test_wait (is_connected, fixture));
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
  g_autoptr (PageFixture) fixture = connected_page ("/page");
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
  settle ();
  g_assert_no_error (none);
}

/* A document that goes on asking is in the log once. */
static void
ask_twice_from_elsewhere (void)
{
  g_autoptr (PageFixture) fixture = connected_page ("/page");
  g_autofree char *elsewhere = page_fixture_uri (fixture, "localhost", "/page#twice");
  g_autofree char *script = g_strdup_printf ("location.href = '%s'", elsewhere);

  test_expect_log ("hypha-gtk", G_LOG_LEVEL_MESSAGE, "*not connected to a page of*");
  page_fixture_run (fixture, script);
  g_assert_true (test_wait (was_hit_again, fixture));
  settle ();
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

static void
test_memory_limit (void)
{
  g_autoptr (PageFixture) fixture = NULL;

  g_setenv ("HYPHA_WEB_MEMORY_LIMIT", "200", TRUE);
  fixture = connected_page ("/page");
  g_unsetenv ("HYPHA_WEB_MEMORY_LIMIT");
  page_fixture_run (fixture,
                    "globalThis.kept = [];"
                    "setInterval(() => { if (kept.length < 80) "
                    "  kept.push(new Uint8Array(8 << 20).fill(kept.length + 1)); }, 20);");
  g_assert_true (test_wait (has_failed, fixture));
  g_assert_nonnull (strstr (fixture->failure->message, "too much memory"));
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

/* A web process that does not keep to the window is cut off. */
static void
test_held_max (void)
{
  g_autoptr (PageFixture) fixture = connected_page ("/page");
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
  g_autoptr (PageFixture) fixture = connected_page ("/page");
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

  g_test_add_func ("/gtk/page/text", test_text);
  g_test_add_func ("/gtk/page/bytes", test_bytes);
  g_test_add_func ("/gtk/page/close-by-page", test_close_by_page);
  g_test_add_func ("/gtk/page/close-by-core", test_close_by_core);
  g_test_add_func ("/gtk/page/close-with-window", test_close_with_window);
  g_test_add_func ("/gtk/page/frame-reload", test_frame_reload);
  g_test_add_func ("/gtk/page/foreign-origin", test_foreign_origin);
  g_test_add_func ("/gtk/page/redirect", test_redirect);
  g_test_add_func ("/gtk/page/opaque-origin", test_opaque_origin);
  g_test_add_func ("/gtk/page/nested-frame", test_nested_frame);
  g_test_add_func ("/gtk/page/host-page-framed", test_host_page_framed);
  g_test_add_func ("/gtk/page/host-page-of-other-view", test_host_page_of_other_view);
  g_test_add_func ("/gtk/page/leaving", test_leaving);
  g_test_add_func ("/gtk/page/refused-connection", test_refused_connection);
  g_test_add_func ("/gtk/page/missing-page", test_missing_page);
  g_test_add_func ("/gtk/page/framing-refused", test_framing_refused);
  g_test_add_func ("/gtk/page/crash-and-retry", test_crash_and_retry);
  g_test_add_func ("/gtk/page/frame-max", test_frame_max);
  g_test_add_func ("/gtk/page/queue-max", test_queue_max);
  g_test_add_func ("/gtk/page/paused", test_paused);
  g_test_add_func ("/gtk/page/port-waiting-max", test_port_waiting_max);
  g_test_add_func ("/gtk/page/permission", test_permission);
  g_test_add_func ("/gtk/page/clipboard-is-private", test_clipboard_is_private);
  g_test_add_func ("/gtk/page/download-refused", test_download_refused);
  g_test_add_func ("/gtk/page/download-chosen", test_download_chosen);
  g_test_add_func ("/gtk/page/load-timeout", test_load_timeout);
  g_test_add_func ("/gtk/page/log-once", test_log_once);
  g_test_add_func ("/gtk/frame-watch/deadline", test_frame_watch_deadline);
  g_test_add_func ("/gtk/web-context/memory-limit", test_memory_limit);
  g_test_add_func ("/gtk/page/source-uri", test_source_uri);
  g_test_add_func ("/gtk/page/plugin-host", test_plugin_host);
  g_test_add_func ("/gtk/web-context/sandbox-refused", test_sandbox_refused);
  g_test_add_func ("/gtk/web-context/extension-missing", test_extension_missing);
  g_test_add_func ("/gtk/bridge/held-max", test_held_max);
  g_test_add_func ("/gtk/bridge/forged-frames", test_forged_frames);
  g_test_add_func ("/gtk/frame/short-memory-file", test_short_memory_file);

  return g_test_run ();
}
