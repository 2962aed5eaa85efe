/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-secret-private.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "test-utils.h"

typedef struct
{
  char *directory;
  char *path;
} Fixture;

static void
fixture_set_up (Fixture       *fixture,
                gconstpointer  data)
{
  g_autofree char *parent = g_dir_make_tmp ("hypha-secret-XXXXXX", NULL);

  g_unsetenv (HYPHA_SECRET_VARIABLE);
  fixture->directory = g_build_filename (parent, "state", NULL);
  fixture->path = g_build_filename (fixture->directory, HYPHA_SECRET_FILE, NULL);
}

static void
fixture_tear_down (Fixture       *fixture,
                   gconstpointer  data)
{
  g_autofree char *parent = g_path_get_dirname (fixture->directory);

  g_unlink (fixture->path);
  g_rmdir (fixture->path);
  g_rmdir (fixture->directory);
  g_assert_no_errno (g_rmdir (parent));
  g_free (fixture->directory);
  g_free (fixture->path);
}

static GBytes *
load (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  GBytes *secret = hypha_secret_load (fixture->directory, &error);

  g_assert_no_error (error);
  return secret;
}

static void
assert_refused (Fixture    *fixture,
                int         code,
                const char *pattern)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (hypha_secret_load (fixture->directory, &error));
  g_assert_error (error, HYPHA_ERROR, code);
  if (!g_pattern_match_simple (pattern, error->message))
    g_error ("“%s” does not match “%s”", error->message, pattern);
}

static void
write_file (Fixture    *fixture,
            const char *text,
            int         mode)
{
  g_assert_no_errno (g_mkdir_with_parents (fixture->directory, 0700));
  g_assert_true (g_file_set_contents_full (fixture->path, text, -1, G_FILE_SET_CONTENTS_NONE, mode,
                                           NULL));
  g_assert_no_errno (g_chmod (fixture->path, mode));
}

static void
test_secret_created (Fixture       *fixture,
                     gconstpointer  data)
{
  g_autoptr (GBytes) first = load (fixture);
  g_autoptr (GBytes) second = load (fixture);
  g_autoptr (GDir) directory = g_dir_open (fixture->directory, 0, NULL);
  struct stat status;
  guint files = 0;

  g_assert_cmpuint (g_bytes_get_size (first), ==, 2 * HYPHA_SECRET_SIZE);
  g_assert_true (g_bytes_equal (first, second));
  g_assert_no_errno (stat (fixture->path, &status));
  g_assert_cmpuint (status.st_mode & 07777, ==, 0600);
  g_assert_no_errno (stat (fixture->directory, &status));
  g_assert_cmpuint (status.st_mode & 07777, ==, 0700);
  while (g_dir_read_name (directory) != NULL)
    files++;
  g_assert_cmpuint (files, ==, 1);
}

static void
test_secret_differs (Fixture       *fixture,
                     gconstpointer  data)
{
  g_autoptr (GBytes) first = load (fixture);
  g_autoptr (GBytes) second = NULL;

  g_assert_no_errno (g_unlink (fixture->path));
  second = load (fixture);
  g_assert_false (g_bytes_equal (first, second));
}

typedef struct
{
  Fixture *fixture;
  gint    *gate;
} Racer;

static gpointer
race (gpointer data)
{
  Racer *racer = data;

  while (g_atomic_int_get (racer->gate) == 0)
    g_thread_yield ();

  return load (racer->fixture);
}

/* Whoever is first wins, and nobody goes on with a secret that the others do not have. */
static void
test_secret_race (Fixture       *fixture,
                  gconstpointer  data)
{
  GThread *threads[8];
  g_autoptr (GBytes) agreed = NULL;
  gint gate = 0;
  Racer racer = { fixture, &gate };

  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("racer", race, &racer);

  g_atomic_int_set (&gate, 1);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      g_autoptr (GBytes) secret = g_thread_join (threads[i]);

      if (agreed == NULL)
        agreed = g_bytes_ref (secret);
      g_assert_true (g_bytes_equal (secret, agreed));
    }
}

static void
test_secret_variable (Fixture       *fixture,
                      gconstpointer  data)
{
  g_autoptr (GBytes) secret = NULL;

  g_setenv (HYPHA_SECRET_VARIABLE, "exactly-16-bytes", TRUE);
  secret = load (fixture);
  g_assert_cmpmem (g_bytes_get_data (secret, NULL), g_bytes_get_size (secret), "exactly-16-bytes", 16);
  g_assert_false (g_file_test (fixture->directory, G_FILE_TEST_EXISTS));
}

static void
test_secret_min_size (Fixture       *fixture,
                      gconstpointer  data)
{
  g_setenv (HYPHA_SECRET_VARIABLE, "only-15-bytes..", TRUE);
  assert_refused (fixture, HYPHA_ERROR_INVALID_ARGUMENT, "*HYPHA_JWT_SECRET*shorter than 16 bytes*");
  g_setenv (HYPHA_SECRET_VARIABLE, "", TRUE);
  assert_refused (fixture, HYPHA_ERROR_INVALID_ARGUMENT, "*HYPHA_JWT_SECRET*shorter than 16 bytes*");
  g_unsetenv (HYPHA_SECRET_VARIABLE);
  write_file (fixture, "only-15-bytes..\n", 0600);
  assert_refused (fixture, HYPHA_ERROR_INVALID_ARGUMENT, "*jwt-secret*not between 16 and 4095 bytes*");
}

static void
test_secret_own_text (Fixture       *fixture,
                      gconstpointer  data)
{
  g_autoptr (GBytes) secret = NULL;

  write_file (fixture, "a secret of one's own\n", 0400);
  secret = load (fixture);
  g_assert_cmpmem (g_bytes_get_data (secret, NULL), g_bytes_get_size (secret),
                   "a secret of one's own", 21);
}

static void
test_secret_permissions (Fixture       *fixture,
                         gconstpointer  data)
{
  static const int modes[] = { 0640, 0604, 0620, 0602, 0610, 0601 };

  write_file (fixture, "a secret of one's own\n", 0600);
  for (gsize i = 0; i < G_N_ELEMENTS (modes); i++)
    {
      g_assert_no_errno (g_chmod (fixture->path, modes[i]));
      assert_refused (fixture, HYPHA_ERROR_PERMISSION_DENIED, "*run “chmod 600 /*/jwt-secret”");
    }
}

static void
test_secret_owner (Fixture       *fixture,
                   gconstpointer  data)
{
  write_file (fixture, "a secret of one's own\n", 0600);
  if (chown (fixture->path, 12345, (gid_t) -1) != 0)
    {
      g_test_skip ("only root can give a file to another user");
      return;
    }

  assert_refused (fixture, HYPHA_ERROR_PERMISSION_DENIED, "*belongs to another user: run “chown *");
}

static void
test_secret_not_a_file (Fixture       *fixture,
                        gconstpointer  data)
{
  g_assert_no_errno (g_mkdir_with_parents (fixture->path, 0700));
  assert_refused (fixture, HYPHA_ERROR_FAILED, "*not a regular file*");
  g_assert_no_errno (g_rmdir (fixture->path));
  g_assert_no_errno (symlink ("/etc/passwd", fixture->path));
  assert_refused (fixture, HYPHA_ERROR_FAILED, "cannot read the secret file *");
}

static void
test_secret_no_directory (Fixture       *fixture,
                          gconstpointer  data)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (hypha_secret_load ("/proc/no/such/place", &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_FAILED);
  g_assert_true (g_str_has_prefix (error->message, "cannot create the directory “/proc/no/such/place”: "));
}

#define ADD(name, func) \
  g_test_add ("/wire/secret/" name, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  ADD ("created", test_secret_created);
  ADD ("differs", test_secret_differs);
  ADD ("race", test_secret_race);
  ADD ("variable", test_secret_variable);
  ADD ("min-size", test_secret_min_size);
  ADD ("own-text", test_secret_own_text);
  ADD ("permissions", test_secret_permissions);
  ADD ("owner", test_secret_owner);
  ADD ("not-a-file", test_secret_not_a_file);
  ADD ("no-directory", test_secret_no_directory);
  return g_test_run ();
}
