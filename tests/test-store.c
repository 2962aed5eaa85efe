/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "hypha-store-private.h"
#include "test-utils.h"

typedef struct
{
  char *directory;
  char *file;
} Fixture;

static void
fixture_set_up (Fixture       *fixture,
                gconstpointer  data)
{
  fixture->directory = g_dir_make_tmp ("hypha-store-XXXXXX", NULL);
  fixture->file = g_build_filename (fixture->directory, HYPHA_STORE_FILE, NULL);
}

static void
fixture_tear_down (Fixture       *fixture,
                   gconstpointer  data)
{
  test_remove_directory (fixture->directory);
  g_free (fixture->directory);
  g_free (fixture->file);
}

static HyphaStore *
open_store (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  HyphaStore *store = hypha_store_open (fixture->directory, &error);

  g_assert_no_error (error);
  return store;
}

typedef struct
{
  gboolean  done;
  GError   *error;
} Written;

static void
on_written (GObject      *source,
            GAsyncResult *result,
            gpointer      data)
{
  Written *written = data;

  hypha_store_write_finish (HYPHA_STORE (source), result, &written->error);
  written->done = TRUE;
}

static void
put (HyphaStore *store,
     const char *key,
     GVariant   *value,
     gint64      expires_at,
     GError    **error)
{
  Written written = { 0 };

  hypha_store_put_async (store, "kind", key, value, expires_at, on_written, &written);
  g_assert_true (test_wait_flag (&written.done));
  if (written.error != NULL)
    g_propagate_error (error, written.error);
}

static void
assert_has (HyphaStore *store,
            const char *key,
            const char *expected)
{
  g_autoptr (GVariant) value = g_variant_new_parsed (expected);
  GVariant *found = hypha_store_lookup (store, "kind", key);

  g_assert_nonnull (found);
  g_assert_true (g_variant_equal (found, value));
}

static void
test_store_memory (void)
{
  g_autoptr (HyphaStore) store = hypha_store_new ();
  g_autoptr (GError) error = NULL;

  put (store, "a", g_variant_new_parsed ("{'x': <1>}"), 0, &error);
  g_assert_no_error (error);
  assert_has (store, "a", "{'x': <1>}");
  g_assert_null (hypha_store_lookup (store, "other", "a"));
  hypha_store_remove_async (store, "kind", "a", NULL, NULL);
  g_assert_null (hypha_store_lookup (store, "kind", "a"));
}

/* Values come back as they were, type and all; what was removed or is over does not. */
static void
test_store_reopen (Fixture       *fixture,
                   gconstpointer  data)
{
  const char *value = "{'s': <'ü \\' \"'>, 'n': <@mv nothing>, 'b': <@ay [0x00, 0xff]>,"
                      " 'x': <int64 -1>, 'd': <1.5>, 'l': <[<true>, <@a{sv} {}>]>}";
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  g_autoptr (GError) error = NULL;
  g_autoptr (HyphaStore) store = open_store (fixture);

  put (store, "a", g_variant_new_parsed (value), 0, &error);
  put (store, "later", g_variant_new_parsed ("<1>"), now + 1000, &error);
  put (store, "over", g_variant_new_parsed ("<1>"), now - 1, &error);
  put (store, "gone", g_variant_new_parsed ("<1>"), 0, &error);
  g_assert_no_error (error);
  hypha_store_remove_async (store, "kind", "gone", NULL, NULL);
  hypha_store_close (store);
  g_clear_object (&store);

  store = open_store (fixture);
  assert_has (store, "a", value);
  assert_has (store, "later", "<1>");
  g_assert_null (hypha_store_lookup (store, "kind", "over"));
  g_assert_null (hypha_store_lookup (store, "kind", "gone"));
  hypha_store_close (store);
}

/* Nothing that waits is lost in an orderly end, and the last word counts. */
static void
test_store_close_writes (Fixture       *fixture,
                         gconstpointer  data)
{
  g_autoptr (HyphaStore) store = open_store (fixture);
  g_autoptr (GError) error = NULL;

  for (int i = 0; i <= 100; i++)
    hypha_store_put_async (store, "kind", "a", g_variant_new_int32 (i), 0, NULL, NULL);
  hypha_store_close (store);
  put (store, "b", g_variant_new_int32 (1), 0, &error);
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_FAILED);
  g_clear_object (&store);

  store = open_store (fixture);
  assert_has (store, "a", "100");
  hypha_store_close (store);
}

static void
test_store_mode (Fixture       *fixture,
                 gconstpointer  data)
{
  g_autoptr (HyphaStore) store = open_store (fixture);
  g_autofree char *log = g_strconcat (fixture->file, "-wal", NULL);
  g_autoptr (GError) error = NULL;
  GStatBuf status;

  put (store, "a", g_variant_new_int32 (1), 0, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_stat (fixture->file, &status), ==, 0);
  g_assert_cmphex (status.st_mode & 0777, ==, 0600);
  g_assert_cmpint (g_stat (log, &status), ==, 0);
  g_assert_cmphex (status.st_mode & 0777, ==, 0600);
  hypha_store_close (store);
  g_clear_object (&store);

  /* Others could have changed it. */
  g_assert_cmpint (g_chmod (fixture->file, 0660), ==, 0);
  g_assert_null (hypha_store_open (fixture->directory, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED);
  g_assert_nonnull (strstr (error->message, "chmod 600"));
}

static void
assert_damaged (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;
  gsize size_before;
  gsize size_after;

  g_assert_true (g_file_get_contents (fixture->file, &before, &size_before, NULL));
  g_assert_null (hypha_store_open (fixture->directory, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, fixture->file));
  g_assert_nonnull (strstr (error->message, "move it away"));
  g_assert_true (g_file_get_contents (fixture->file, &after, &size_after, NULL));
  g_assert_cmpmem (before, size_before, after, size_after);
}

static void
test_store_damaged (Fixture       *fixture,
                    gconstpointer  data)
{
  g_autoptr (HyphaStore) store = open_store (fixture);
  g_autofree char *content = NULL;
  g_autoptr (GError) error = NULL;
  gsize size;

  for (int i = 0; i < 200; i++)
    {
      g_autofree char *key = g_strdup_printf ("key-%d", i);

      put (store, key, g_variant_new_parsed ("{'some': <'text that fills pages'>}"), 0, &error);
    }

  g_assert_no_error (error);
  hypha_store_close (store);
  g_clear_object (&store);

  g_assert_true (g_file_get_contents (fixture->file, &content, &size, NULL));
  memset (content + 4096, 0xa5, 4096);
  g_assert_true (g_file_set_contents_full (fixture->file, content, (gssize) size,
                                           G_FILE_SET_CONTENTS_NONE, 0600, NULL));
  assert_damaged (fixture);

  memset (content, 'x', size);
  g_assert_true (g_file_set_contents_full (fixture->file, content, (gssize) size,
                                           G_FILE_SET_CONTENTS_NONE, 0600, NULL));
  assert_damaged (fixture);
}

/* As on a full disk; the store stays usable. */
static void
test_store_full_disk (Fixture       *fixture,
                      gconstpointer  data)
{
  g_autoptr (HyphaStore) store = open_store (fixture);
  g_autoptr (GError) error = NULL;
  g_autofree char *large = g_strnfill (HYPHA_STORE_MAX_RECORD / 2, 'x');
  struct rlimit before;
  struct rlimit tight;

  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &before), ==, 0);
  tight = before;
  tight.rlim_cur = 64 * 1024;
  signal (SIGXFSZ, SIG_IGN);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &tight), ==, 0);
  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "cannot write to the store*");
  put (store, "large", g_variant_new_string (large), 0, &error);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &before), ==, 0);
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, fixture->file));
  test_assert_expected_logs ();
  g_clear_error (&error);

  put (store, "small", g_variant_new_int32 (1), 0, &error);
  g_assert_no_error (error);
  hypha_store_close (store);
}

static void
test_store_record_limit (void)
{
  g_autoptr (HyphaStore) store = hypha_store_new ();
  g_autofree char *large = g_strnfill (HYPHA_STORE_MAX_RECORD, 'x');
  g_autoptr (GError) error = NULL;

  put (store, "a", g_variant_new_string (large), 0, &error);
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE);
  g_assert_null (hypha_store_lookup (store, "kind", "a"));
}

/* More than a disk takes is refused, not kept without end. */
static void
test_store_pending_limit (Fixture       *fixture,
                          gconstpointer  data)
{
  g_autoptr (HyphaStore) store = open_store (fixture);
  g_autoptr (GError) error = NULL;
  Written written = { 0 };

  for (int i = 0; i < HYPHA_STORE_MAX_PENDING; i++)
    hypha_store_put_async (store, "kind", "a", g_variant_new_int32 (i), 0, NULL, NULL);
  hypha_store_put_async (store, "kind", "b", g_variant_new_int32 (0), 0, on_written, &written);
  g_assert_true (test_wait_flag (&written.done));
  g_assert_error (written.error, HYPHA_ERROR, HYPHA_ERROR_BUSY);
  g_clear_error (&written.error);
  g_assert_null (hypha_store_lookup (store, "kind", "b"));
  hypha_store_close (store);
}

/* The child writes, and says so only when it is told that it is on the disk. */
static int
write_until_killed (const char *directory)
{
  g_autoptr (HyphaStore) store = hypha_store_open (directory, NULL);

  g_assert_nonnull (store);
  for (int i = 0;; i++)
    {
      g_autofree char *key = g_strdup_printf ("%d", i);
      g_autoptr (GError) error = NULL;

      put (store, key, g_variant_new_int32 (i), 0, &error);
      g_assert_no_error (error);
      g_print ("%d\n", i);
    }

  return 0;
}

static void
test_store_killed (Fixture       *fixture,
                   gconstpointer  data)
{
  const char *program = data;
  g_autoptr (GSubprocess) child = NULL;
  g_autoptr (GDataInputStream) lines = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (HyphaStore) store = NULL;
  int last = -1;

  child = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, program, "--write",
                            fixture->directory, NULL);
  g_assert_no_error (error);
  lines = g_data_input_stream_new (g_subprocess_get_stdout_pipe (child));
  while (last < 50)
    {
      g_autofree char *line = g_data_input_stream_read_line (lines, NULL, NULL, &error);

      g_assert_no_error (error);
      g_assert_nonnull (line);
      last = atoi (line);
    }

  g_subprocess_send_signal (child, SIGKILL);
  g_subprocess_wait (child, NULL, NULL);

  store = open_store (fixture);
  for (int i = 0; i <= last; i++)
    {
      g_autofree char *key = g_strdup_printf ("%d", i);

      assert_has (store, key, key);
    }

  hypha_store_close (store);
}

#define ADD(path, func) \
  g_test_add (path, Fixture, argv[0], fixture_set_up, func, fixture_tear_down)

int
main (int    argc,
      char **argv)
{
  if (argc == 3 && strcmp (argv[1], "--write") == 0)
    return write_until_killed (argv[2]);

  test_init (&argc, &argv);
  g_test_add_func ("/hub/store/memory", test_store_memory);
  ADD ("/hub/store/reopen", test_store_reopen);
  ADD ("/hub/store/close-writes", test_store_close_writes);
  ADD ("/hub/store/mode", test_store_mode);
  ADD ("/hub/store/damaged", test_store_damaged);
  ADD ("/hub/store/full-disk", test_store_full_disk);
  g_test_add_func ("/hub/store/record-limit", test_store_record_limit);
  ADD ("/hub/store/pending-limit", test_store_pending_limit);
  ADD ("/hub/store/killed", test_store_killed);
  return g_test_run ();
}
