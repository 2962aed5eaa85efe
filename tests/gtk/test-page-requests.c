/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "page-fixture.h"

#include <adwaita.h>
#include <glib/gstdio.h>
#include <string.h>

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
  g_autoptr (PageFixture) fixture = page_fixture_new_connected ("/page");

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
  g_autoptr (PageFixture) fixture = page_fixture_new_connected ("/page");

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
  g_autoptr (PageFixture) fixture = page_fixture_new_connected ("/page");

  start_download (fixture, "hypha-test-refused.bin");
  g_assert_true (test_wait (has_chooser, NULL));
  start_download (fixture, "hypha-test-second.bin");
  page_fixture_settle ();
  gtk_dialog_response (GTK_DIALOG (find_chooser ()), GTK_RESPONSE_CANCEL);
  g_assert_true (test_wait (has_no_chooser, NULL));
  page_fixture_settle ();
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
  g_autoptr (PageFixture) fixture = page_fixture_new_connected ("/page");
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

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  adw_init ();

  g_test_add_func ("/gtk/page/permission", test_permission);
  g_test_add_func ("/gtk/page/clipboard-is-private", test_clipboard_is_private);
  g_test_add_func ("/gtk/page/download-refused", test_download_refused);
  g_test_add_func ("/gtk/page/download-chosen", test_download_chosen);

  return g_test_run ();
}
