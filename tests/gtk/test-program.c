/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "test-utils.h"

#include <signal.h>

/* The program itself, as a person or a script starts it. */
typedef struct
{
  GSubprocess *process;
  char        *output;
  gboolean     done;
} Program;

static void
line_read_cb (GObject      *source,
              GAsyncResult *result,
              gpointer      data)
{
  Program *program = data;

  program->output =
      g_data_input_stream_read_line_finish_utf8 (G_DATA_INPUT_STREAM (source), result, NULL, NULL);
  program->done = TRUE;
}

static void
exited_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      data)
{
  Program *program = data;

  g_assert_true (g_subprocess_communicate_utf8_finish (G_SUBPROCESS (source), result, &program->output,
                                                       NULL, NULL));
  program->done = TRUE;
}

static void
run_to_end (Program           *program,
            const char *const *argv)
{
  program->process = g_subprocess_newv (argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE, NULL);
  g_assert_nonnull (program->process);
  g_subprocess_communicate_utf8_async (program->process, NULL, NULL, exited_cb, program);
  g_assert_true (test_wait_flag (&program->done));
}

static void
program_clear (Program *program)
{
  g_clear_object (&program->process);
  g_clear_pointer (&program->output, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Program, program_clear)

static void
test_program_version (void)
{
  g_auto (Program) program = { 0 };
  const char *const argv[] = { g_getenv ("HYPHA_DESKTOP"), "--version", NULL };

  run_to_end (&program, argv);
  g_assert_cmpstr (program.output, ==, "hypha-desktop " HYPHA_VERSION "\n");
  g_assert_cmpint (g_subprocess_get_exit_status (program.process), ==, 0);
}

static void
test_program_bad_port (void)
{
  g_auto (Program) program = { 0 };
  const char *const argv[] = { g_getenv ("HYPHA_DESKTOP"), "--port", "65536", NULL };

  run_to_end (&program, argv);
  g_assert_cmpint (g_subprocess_get_exit_status (program.process), ==, 1);
}

static void
test_program_terminate (void)
{
  g_auto (Program) program = { 0 };
  g_autoptr (GDataInputStream) lines = NULL;
  g_autofree char *directory = g_dir_make_tmp ("hypha-desktop-XXXXXX", NULL);
  const char *const argv[] = { g_getenv ("HYPHA_DESKTOP"), "--port", "0", "--workspace-dir", directory,
                               NULL };

  program.process = g_subprocess_newv (argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE, NULL);
  g_assert_nonnull (program.process);
  lines = g_data_input_stream_new (g_subprocess_get_stdout_pipe (program.process));
  g_data_input_stream_read_line_async (lines, G_PRIORITY_DEFAULT, NULL, line_read_cb, &program);
  g_assert_true (test_wait_flag (&program.done));
  g_assert_true (g_str_has_prefix (program.output, "hypha-desktop: listening on http://127.0.0.1:"));
  g_assert_false (g_str_has_suffix (program.output, ":9527"));
  g_clear_pointer (&program.output, g_free);

  program.done = FALSE;
  g_subprocess_send_signal (program.process, SIGTERM);
  g_subprocess_communicate_utf8_async (program.process, NULL, NULL, exited_cb, &program);
  g_assert_true (test_wait_flag (&program.done));
  g_assert_true (g_subprocess_get_if_exited (program.process));
  g_assert_cmpint (g_subprocess_get_exit_status (program.process), ==, 0);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_func ("/gtk/program/version", test_program_version);
  g_test_add_func ("/gtk/program/bad-port", test_program_bad_port);
  g_test_add_func ("/gtk/program/terminate", test_program_terminate);

  return g_test_run ();
}
