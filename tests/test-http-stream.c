/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hypha-http-request-private.h"
#include "test-http-calc-fixture.h"
#include "test-link.h"
#include "test-utils.h"

static void
assert_stream (Calc       *fixture,
               const char *query,
               const char *accept,
               const char *type,
               const char *expected)
{
  g_autofree char *path = g_strconcat ("/ws-a/services/calc/count?", query, NULL);
  g_autofree char *header = g_strconcat ("Accept: ", accept, NULL);
  g_autoptr (Answer) answer = web_ask (fixture->web, "GET", path, NULL, NULL, header, NULL);

  g_assert_cmpuint (answer->status, ==, 200);
  g_assert_cmpstr (answer->type, ==, type);
  g_assert_cmpstr (answer->text, ==, expected);
  g_assert_cmpuint (fixture->web->n_open, ==, 0);
}

static void
test_stream (Calc          *fixture,
             gconstpointer  data)
{
  assert_stream (fixture, "end=3", "*/*", "application/x-ndjson", "0\n1\n2\n");
  assert_stream (fixture, "end=0", "*/*", "application/x-ndjson", "");
  assert_stream (fixture, "end=3&fail=2", "*/*", "application/x-ndjson",
                 "0\n1\n{\"error\":\"no such luck\",\"type\":\"error\"}\n");
  assert_stream (fixture, "end=2", "text/event-stream", "text/event-stream",
                 "data: 0\n\ndata: 1\n\ndata: [DONE]\n\n");
  assert_stream (fixture, "end=3", "application/msgpack", "application/msgpack", "\0\1\2");
}

typedef struct
{
  Web          *web;
  GInputStream *stream;
  guint         limit;
} Reader;

static void
on_sent (GObject      *object,
         GAsyncResult *result,
         gpointer      data)
{
  g_autoptr (GError) error = NULL;

  ((Reader *) data)->stream = soup_session_send_finish (SOUP_SESSION (object), result, &error);
  g_assert_no_error (error);
}

static gboolean
has_stream (gpointer data)
{
  return ((Reader *) data)->stream != NULL;
}

/* Nothing has moved for a while, on both sides. */
static gboolean
is_still (gpointer data)
{
  Reader *reader = data;
  static gint64 since;

  if (reader->web->n_pulled != reader->limit)
    {
      reader->limit = reader->web->n_pulled;
      since = g_get_monotonic_time ();
    }

  return g_get_monotonic_time () - since > 200 * 1000;
}

static gboolean
tick (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

static gboolean
all_closed (gpointer data)
{
  return ((Web *) data)->n_open == 0;
}

/* A reader that does not read stops the service, and closes it when it goes. */
static void
test_back_pressure (Calc          *fixture,
                    gconstpointer  data)
{
  Web *web = fixture->web;
  g_autofree char *url = web_url (web, "/ws-a/services/calc/count?end=1&size=65536");
  g_autoptr (SoupMessage) message = soup_message_new ("GET", url);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Reader reader = { web, NULL, 0 };
  guint id = g_timeout_add (10, tick, NULL);

  soup_session_send_async (web->session, message, G_PRIORITY_DEFAULT, cancellable, on_sent, &reader);
  g_assert_true (test_wait (has_stream, &reader));
  g_assert_true (test_wait (is_still, &reader));
  g_assert_cmpuint (web->n_open, ==, 1);
  g_assert_cmpuint (web->n_pulled, <, 1000);

  g_cancellable_cancel (cancellable);
  g_object_unref (reader.stream);
  soup_session_abort (web->session);
  g_assert_true (test_wait (all_closed, web));
  g_source_remove (id);
}

/* A reader that never reads does not keep a service open. */
static void
test_hypha_http_write_timeout (Calc          *fixture,
                               gconstpointer  data)
{
  Web *web = fixture->web;
  g_autofree char *url = web_url (web, "/ws-a/services/calc/count?end=1&size=65536");
  g_autoptr (SoupMessage) message = soup_message_new ("GET", url);
  Reader reader = { web, NULL, 0 };

  g_assert_cmpuint (HYPHA_HTTP_WRITE_TIMEOUT, ==, 60000);
  hypha_http_gateway_set_write_timeout (web->gateway, 200);
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*nothing of the answer was taken for 200 ms");
  soup_session_send_async (web->session, message, G_PRIORITY_DEFAULT, NULL, on_sent, &reader);
  g_assert_true (test_wait (has_stream, &reader));
  g_assert_cmpuint (web->n_open, ==, 1);
  g_assert_true (test_wait (all_closed, web));
  g_object_unref (reader.stream);
  test_assert_expected_logs ();
}

static gboolean
asks_nothing (gpointer data)
{
  return hypha_http_gateway_get_n_requests (((Web *) data)->gateway) == 0;
}

static gboolean
asks_something (gpointer data)
{
  return !asks_nothing (data);
}

/* An answer in one piece that nobody takes does not stay either. */
static void
test_hypha_http_write_timeout_whole (Calc          *fixture,
                                     gconstpointer  data)
{
  Web *web = fixture->web;
  g_autofree char *url = web_url (web, "/ws-a/services/calc/much");
  g_autoptr (GUri) uri = g_uri_parse (url, G_URI_FLAGS_NONE, NULL);
  int fd = link_connect ((guint) g_uri_get_port (uri));
  const char *request = "GET /ws-a/services/calc/much HTTP/1.1\r\nHost: localhost\r\n\r\n";
  guint id = g_timeout_add (10, tick, NULL);

  hypha_http_gateway_set_write_timeout (web->gateway, 200);
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*nothing of the answer was taken for 200 ms");
  g_assert_cmpint (send (fd, request, strlen (request), MSG_NOSIGNAL), ==, strlen (request));
  g_assert_true (test_wait (asks_something, web));
  g_assert_true (test_wait (asks_nothing, web));
  test_assert_expected_logs ();
  close (fd);
  g_source_remove (id);
}

#define ADD(name, function)                                                                        \
  g_test_add ("/net/http-stream/" name, Calc, NULL, calc_set_up, function, calc_tear_down)

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  ADD ("stream", test_stream);
  ADD ("back-pressure", test_back_pressure);
  ADD ("write-timeout", test_hypha_http_write_timeout);
  ADD ("write-timeout-whole", test_hypha_http_write_timeout_whole);

  return g_test_run ();
}
