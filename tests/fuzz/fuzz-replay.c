/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "fuzz.h"

#include <string.h>

/*
 * Runs a fuzz target over the files of the directories that are its arguments, and over each file
 * with one byte changed, some hundred times. It is what stands in for a fuzzer in the test suite.
 */
#define CHANGES 200
#define MAX_CHANGED_SIZE 4096

static void
run (const guint8 *data,
     gsize         size)
{
  /* An allocation of its own, so that a sanitizer sees what is read behind it. */
  g_autofree guint8 *copy = g_memdup2 (data, size);

  LLVMFuzzerTestOneInput (copy != NULL ? copy : (const guint8 *) "", size);
}

static void
run_file (const char *path)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);
  g_autofree char *content = NULL;
  gsize size;

  if (!g_file_get_contents (path, &content, &size, NULL))
    g_error ("cannot read %s", path);

  run ((const guint8 *) content, size);
  if (size == 0 || size > MAX_CHANGED_SIZE)
    return;

  for (guint i = 0; i < CHANGES; i++)
    {
      g_autofree guint8 *changed = g_memdup2 (content, size);

      changed[g_rand_int_range (rand, 0, (gint32) size)] = (guint8) g_rand_int (rand);
      run (changed, size);
      run (changed, (gsize) g_rand_int_range (rand, 0, (gint32) size));
    }
}

static guint
run_directory (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) directory = g_dir_open (path, 0, &error);
  const char *name;
  guint count = 0;

  if (directory == NULL)
    g_error ("%s", error->message);

  while ((name = g_dir_read_name (directory)) != NULL)
    {
      g_autofree char *file = g_build_filename (path, name, NULL);

      run_file (file);
      count++;
    }

  return count;
}

int
main (int    argc,
      char **argv)
{
  g_print ("1..%d\n", argc - 1);
  for (int i = 1; i < argc; i++)
    {
      guint count = run_directory (argv[i]);

      g_print ("%s %d - %u files of %s\n", count > 0 ? "ok" : "not ok", i, count, argv[i]);
    }

  return 0;
}
