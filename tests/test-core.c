/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <hypha.h>
#include <string.h>

#include "test-utils.h"

static HyphaCore *
core_new (void)
{
  HyphaCore *core = hypha_core_new ();
  g_autofree char *dir = g_dir_make_tmp ("hypha-core-XXXXXX", NULL);

  hypha_core_set_workspace_dir (core, dir);
  hypha_core_set_port (core, 0);
  return core;
}

static void
test_core_defaults (void)
{
  g_autoptr (HyphaCore) core = hypha_core_new ();

  g_assert_cmpstr (hypha_core_get_host (core), ==, "127.0.0.1");
  g_assert_cmpuint (hypha_core_get_port (core), ==, 9527);
  g_assert_null (hypha_core_get_url (core));
  g_assert_null (hypha_core_get_base_url (core));
  g_assert_false (hypha_core_is_running (core));
  g_assert_cmpuint (g_list_model_get_n_items (hypha_core_get_services (core)), ==, 0);
}

static void
count_notify (GObject    *object,
              GParamSpec *pspec,
              guint      *count)
{
  (*count)++;
}

static void
test_core_start (void)
{
  g_autoptr (HyphaCore) core = core_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *url = NULL;
  guint notified = 0;

  g_signal_connect (core, "notify::running", G_CALLBACK (count_notify), &notified);
  g_assert_true (hypha_core_start (core, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (hypha_core_get_port (core), !=, 0);
  url = g_strdup_printf ("http://127.0.0.1:%u", hypha_core_get_port (core));
  g_assert_cmpstr (hypha_core_get_url (core), ==, url);
  g_assert_cmpstr (hypha_core_get_base_url (core), ==, url);

  g_assert_false (hypha_core_start (core, NULL, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_ALREADY_EXISTS);
  g_clear_error (&error);

  hypha_core_close (core);
  g_assert_false (hypha_core_is_running (core));
  g_assert_cmpuint (hypha_core_get_port (core), ==, 0);
  g_assert_cmpuint (notified, ==, 2);

  g_assert_true (hypha_core_start (core, NULL, &error));
  g_assert_no_error (error);
  g_assert_finalize_object (g_steal_pointer (&core));
}

typedef struct
{
  GAsyncResult *result;
  gboolean      done;
} Waiter;

static void
on_done (GObject      *source,
         GAsyncResult *result,
         gpointer      data)
{
  Waiter *waiter = data;

  waiter->result = g_object_ref (result);
  waiter->done = TRUE;
}

static void
test_core_start_and_close_async (void)
{
  g_autoptr (HyphaCore) core = core_new ();
  g_autoptr (GError) error = NULL;
  Waiter started = { 0 };
  Waiter closed = { 0 };

  hypha_core_start_async (core, NULL, on_done, &started);
  g_assert_true (test_wait_flag (&started.done));
  g_assert_true (hypha_core_start_finish (core, started.result, &error));
  g_assert_no_error (error);
  hypha_core_close_async (core, NULL, on_done, &closed);
  g_assert_true (test_wait_flag (&closed.done));
  g_assert_true (hypha_core_close_finish (core, closed.result, &error));
  g_assert_no_error (error);
  g_assert_false (hypha_core_is_running (core));
  g_object_unref (started.result);
  g_object_unref (closed.result);
}

static void
test_core_taken_port (void)
{
  g_autoptr (HyphaCore) first = core_new ();
  g_autoptr (HyphaCore) second = core_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *port = NULL;

  g_assert_true (hypha_core_start (first, NULL, &error));
  hypha_core_set_port (second, hypha_core_get_port (first));
  g_assert_false (hypha_core_start (second, NULL, &error));
  g_assert_nonnull (error);
  port = g_strdup_printf ("%u", hypha_core_get_port (first));
  g_assert_nonnull (strstr (error->message, port));
  g_assert_false (hypha_core_is_running (second));
}

static void
test_core_base_url (void)
{
  g_autoptr (HyphaCore) core = core_new ();
  g_autoptr (GError) error = NULL;

  hypha_core_set_base_url (core, "ftp://x");
  g_assert_false (hypha_core_start (core, NULL, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);

  hypha_core_set_base_url (core, "https://hypha.example.org/");
  g_assert_true (hypha_core_start (core, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (hypha_core_get_base_url (core), ==, "https://hypha.example.org");
}

static void
test_core_token (void)
{
  g_autoptr (HyphaCore) core = core_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *token = hypha_core_generate_token (core, "ws-a", "alice", 60, &error);
  g_autofree char *bad = NULL;

  g_assert_no_error (error);
  g_assert_nonnull (strchr (token, '.'));
  bad = hypha_core_generate_token (core, "*", NULL, 0, &error);
  g_assert_null (bad);
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT);
}

static void
assert_load_fails (HyphaCore *core,
                   int        code)
{
  g_autoptr (GError) error = NULL;
  Waiter waiter = { 0 };

  hypha_core_load_app_async (core, "desktop", "/nowhere.imjoy.html", NULL, on_done, &waiter);
  g_assert_true (test_wait_flag (&waiter.done));
  g_assert_null (hypha_core_load_app_finish (core, waiter.result, &error));
  g_assert_error (error, HYPHA_ERROR, code);
  g_object_unref (waiter.result);
}

static void
test_core_load_app_without_host (void)
{
  g_autoptr (HyphaCore) core = core_new ();
  g_autoptr (GError) error = NULL;

  assert_load_fails (core, HYPHA_ERROR_NOT_CONNECTED);
  g_assert_true (hypha_core_start (core, NULL, &error));
  assert_load_fails (core, HYPHA_ERROR_NO_HOST);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/core/defaults", test_core_defaults);
  g_test_add_func ("/core/start", test_core_start);
  g_test_add_func ("/core/start-and-close-async", test_core_start_and_close_async);
  g_test_add_func ("/core/taken-port", test_core_taken_port);
  g_test_add_func ("/core/base-url", test_core_base_url);
  g_test_add_func ("/core/token", test_core_token);
  g_test_add_func ("/core/load-app-without-host", test_core_load_app_without_host);
  return g_test_run ();
}
