/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-http-apps-private.h"
#include "test-http-apps-fixture.h"
#include "test-utils.h"

static void
test_hypha_http_app_piece (Apps          *fixture,
                           gconstpointer  data)
{
  g_autofree char *body = g_strnfill (3 * HYPHA_HTTP_APP_PIECE + 7, 'x');
  g_autofree char *size = g_strdup_printf ("%" G_GSIZE_FORMAT, strlen (body));
  g_autoptr (Answer) large = apps_ask (fixture, "POST", "/ws-a/apps/app/upload", body);
  g_autoptr (Answer) none = apps_ask (fixture, "POST", "/ws-a/apps/app/upload", NULL);

  g_assert_cmpstr (large->text, ==, size);
  g_assert_cmpstr (none->text, ==, "0");
}

static void
test_hypha_http_max_app_headers (Apps          *fixture,
                                 gconstpointer  data)
{
  g_assert_cmpuint (HYPHA_HTTP_MAX_APP_HEADERS, ==, 256);
  apps_assert_answer (fixture, "GET", "/ws-a/apps/app/headers", 200, "one two");
  apps_assert_answer (fixture, "GET", "/ws-a/apps/app/too-many-headers", 500,
                      "{\"success\":false,\"detail\":\"Internal Server Error\","
                      "\"error\":\"the app answered with more than 256 headers\"}");
}

static void
test_hypha_http_max_app_header (Apps          *fixture,
                                gconstpointer  data)
{
  g_assert_cmpuint (HYPHA_HTTP_MAX_APP_HEADER, ==, 16384);
  apps_assert_answer (fixture, "GET", "/ws-a/apps/app/header", 200, "one two");
  apps_assert_answer (fixture, "GET", "/ws-a/apps/app/too-large-header", 500,
                      "{\"success\":false,\"detail\":\"Internal Server Error\","
                      "\"error\":\"the app answered with a header that is none\"}");
}

static gboolean
is_flooded (gpointer data)
{
  Web *web = data;

  return ((GString *) g_object_get_data (G_OBJECT (web->server), "flood"))->len > 0;
}

/* The reader does not read, and the app does not care: it is told, and the answer breaks off. */
static void
test_hypha_http_max_app_queue (Apps          *fixture,
                               gconstpointer  data)
{
  Web *web = fixture->web;
  g_autoptr (GSocketConnection) connection = apps_connect_raw (fixture, "/ws-a/apps/app/flood");
  GString *told;

  g_assert_cmpuint (HYPHA_HTTP_MAX_APP_QUEUE, ==, 64 * 1024 * 1024);
  g_assert_true (test_wait (is_flooded, web));
  told = g_object_get_data (G_OBJECT (web->server), "flood");
  g_assert_nonnull (strstr (told->str, "more than 67108864 bytes wait to be taken"));
}

static gboolean
is_open (gpointer data)
{
  return ((Web *) data)->n_open == 1;
}

static gboolean
is_cancelled (gpointer data)
{
  return ((Web *) data)->n_cancelled == 1;
}

/* Its last send() is answered, and it goes on; but not for ever. */
static void
test_hypha_http_app_linger (Apps          *fixture,
                            gconstpointer  data)
{
  Web *web = fixture->web;

  g_assert_cmpuint (HYPHA_HTTP_APP_LINGER, ==, 30000);
  hypha_http_gateway_set_linger (web->gateway, 200);
  apps_assert_answer (fixture, "GET", "/ws-a/apps/app/linger", 200, "one last");
  g_assert_true (test_wait (is_open, web));
  g_assert_cmpuint (hypha_http_gateway_get_n_requests (web->gateway), ==, 0);
  g_assert_true (test_wait (is_cancelled, web));
}

#define ADD(name, function)                                                                        \
  g_test_add ("/net/http-apps/" name, Apps, NULL, apps_set_up, function, apps_tear_down)

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  ADD ("app-piece", test_hypha_http_app_piece);
  ADD ("max-app-headers", test_hypha_http_max_app_headers);
  ADD ("max-app-header", test_hypha_http_max_app_header);
  ADD ("max-app-queue", test_hypha_http_max_app_queue);
  ADD ("app-linger", test_hypha_http_app_linger);

  return g_test_run ();
}
