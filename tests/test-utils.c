/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "test-utils.h"

#include <glib/gstdio.h>

typedef struct
{
  char           *domain;
  GLogLevelFlags  level;
  char           *pattern;
} ExpectedLog;

static GQueue expected_logs = G_QUEUE_INIT;

static const char *
field_value (const GLogField *fields,
             gsize            n_fields,
             const char      *key)
{
  for (gsize i = 0; i < n_fields; i++)
    {
      if (g_str_equal (fields[i].key, key))
        return fields[i].value;
    }

  return "";
}

static gboolean
take_expected (const char     *domain,
               GLogLevelFlags  level,
               const char     *message)
{
  ExpectedLog *expected = g_queue_peek_head (&expected_logs);

  if (expected == NULL || expected->level != level || g_strcmp0 (expected->domain, domain) != 0 ||
      !g_pattern_match_simple (expected->pattern, message))
    return FALSE;

  g_queue_pop_head (&expected_logs);
  g_free (expected->domain);
  g_free (expected->pattern);
  g_free (expected);
  return TRUE;
}

/* A warning that no test declared fails the test: it is a bug, or a missing expectation. */
static GLogWriterOutput
write_log (GLogLevelFlags   level,
           const GLogField *fields,
           gsize            n_fields,
           gpointer         data)
{
  const char *domain = field_value (fields, n_fields, "GLIB_DOMAIN");
  const char *message = field_value (fields, n_fields, "MESSAGE");

  if (take_expected (domain, level, message))
    return G_LOG_WRITER_HANDLED;

  if ((level & (G_LOG_LEVEL_WARNING | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR)) != 0)
    {
      g_printerr ("# undeclared %s: %s\n", domain, message);
      abort ();
    }

  return g_log_writer_default (level, fields, n_fields, data);
}

void
test_init (int    *argc,
           char ***argv)
{
  g_test_init (argc, argv, NULL);
  g_log_set_writer_func (write_log, NULL, NULL);
}

/* Declares the next log line of its kind; g_test_expect_message() does not see structured logs. */
void
test_expect_log (const char     *domain,
                 GLogLevelFlags  level,
                 const char     *pattern)
{
  ExpectedLog *expected = g_new0 (ExpectedLog, 1);

  expected->domain = g_strdup (domain);
  expected->level = level;
  expected->pattern = g_strdup (pattern);
  g_queue_push_tail (&expected_logs, expected);
}

void
test_assert_expected_logs (void)
{
  ExpectedLog *missing = g_queue_peek_head (&expected_logs);

  if (missing != NULL)
    g_error ("expected log line did not come: %s: %s", missing->domain, missing->pattern);
}

static gboolean
set_flag (gpointer data)
{
  *(gboolean *) data = TRUE;
  return G_SOURCE_REMOVE;
}

/* Runs the main context until the condition holds; FALSE if the deadline came first. */
gboolean
test_wait (TestCondition condition,
           gpointer      data)
{
  gboolean expired = FALSE;
  guint id = g_timeout_add_seconds (TEST_DEADLINE, set_flag, &expired);

  while (!condition (data) && !expired)
    g_main_context_iteration (NULL, TRUE);

  if (!expired)
    g_source_remove (id);
  return !expired;
}

static gboolean
keep_turning (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

/* The same for what no source tells of: asked each millisecond. */
gboolean
test_poll (TestCondition condition,
           gpointer      data)
{
  guint id = g_timeout_add (1, keep_turning, NULL);
  gboolean came = test_wait (condition, data);

  g_source_remove (id);
  return came;
}

static gboolean
flag_is_set (gpointer data)
{
  return *(gboolean *) data;
}

gboolean
test_wait_flag (gboolean *flag)
{
  return test_wait (flag_is_set, flag);
}

/* Bytes from hexadecimal digits; blanks are ignored. */
GBytes *
test_bytes_from_hex (const char *hex)
{
  GByteArray *bytes = g_byte_array_new ();
  int high = -1;

  for (const char *p = hex; *p != '\0'; p++)
    {
      int digit = g_ascii_xdigit_value (*p);
      guint8 byte;

      if (digit < 0)
        continue;

      if (high < 0)
        {
          high = digit;
          continue;
        }

      byte = (guint8) (high << 4 | digit);
      g_byte_array_append (bytes, &byte, 1);
      high = -1;
    }

  return g_byte_array_free_to_bytes (bytes);
}

/* A directory that holds files only. */
void
test_remove_directory (const char *directory)
{
  g_autoptr (GDir) dir = g_dir_open (directory, 0, NULL);
  const char *name;

  g_assert_nonnull (dir);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (directory, name, NULL);

      g_assert_cmpint (g_unlink (path), ==, 0);
    }

  g_assert_cmpint (g_rmdir (directory), ==, 0);
}
