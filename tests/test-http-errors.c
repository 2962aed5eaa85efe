/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-http-detail-private.h"
#include "test-http-fixture.h"
#include "test-utils.h"

#define TRACE                                                                                      \
  "Traceback (most recent call last):\n  File \"/home/someone/secret.py\", line 1, in f\n    g ()\n"

static void
test_detail (void)
{
  static const struct
  {
    const char *message;
    const char *detail;
  } rows[] = {
    { "no such luck", "no such luck" },
    { "two\n  lines", "two\n  lines" },
    { "", "" },
    { TRACE "ValueError: no such luck\n", "ValueError: no such luck" },
    { TRACE "ValueError: two\nlines\n", "ValueError: two\nlines" },
    { TRACE "KeyError: 1\n\nDuring handling of the above exception, another exception occurred:\n\n"
      TRACE "ValueError: 2", "ValueError: 2" },
    { TRACE "RemoteException: RemoteError:bad\n" TRACE "ValueError: bad\n", "ValueError: bad" },
    { "RemoteError:bad\n" TRACE "ValueError: bad", "RemoteError:bad" },
    { "it failed: " TRACE "ValueError: bad", "ValueError: bad" },
    { TRACE, "the service failed without saying why" },
    { "Traceback (most recent call last)", "the service failed without saying why" },
    { "Error: bad\n    at f (file:///home/someone/secret.mjs:1:2)\n    at g", "Error: bad" },
    { TRACE "RemoteException: RemoteError:bad\nError: bad\n    at f (x.mjs:1:2)\n",
      "RemoteException: RemoteError:bad\nError: bad" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *detail = hypha_http_detail_dup (rows[i].message);

      g_assert_cmpstr (detail, ==, rows[i].detail);
    }
}

/* As stock Python clients say why: all of the trace, as the message. */
static void
serve_trace (HyphaInvocation *invocation,
             gpointer         data)
{
  hypha_invocation_return_error (invocation,
                                 g_error_new_literal (HYPHA_ERROR, HYPHA_ERROR_FAILED,
                                                      TRACE "ValueError: no such luck\n"));
}

static void
serve_error (HyphaInvocation *invocation,
             gpointer         data)
{
  hypha_invocation_return (invocation, hypha_rpc_codec_error ("no such luck", TRACE));
}

static void
serve_items (HyphaInvocation *invocation,
             gpointer         data)
{
  g_autoptr (GError) error = NULL;

  hypha_invocation_return (invocation,
                           hypha_generator_new (hypha_invocation_get_rpc (invocation),
                                                hypha_invocation_get_from (invocation), serve_trace,
                                                NULL, NULL, &error));
  g_assert_no_error (error);
}

static Web *
web_with_failures (void)
{
  static const char *const types[] = { "generic", "functions", "asgi" };
  Web *web = web_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (types); i++)
    {
      g_autoptr (HyphaService) service = web_service (types[i], "public", types[i]);

      hypha_service_add_function (service, "serve", NULL, NULL, NULL, serve_trace, NULL, NULL);
      hypha_service_add_function (service, "items", "", NULL, NULL, serve_items, NULL, NULL);
      hypha_service_add_function (service, "error", "", NULL, NULL, serve_error, NULL, NULL);
      web_register (web, service);
    }

  return web;
}

/* H26: whoever asks is told what failed, not where in somebody's program. */
static void
test_traces (void)
{
  g_autoptr (Web) web = web_with_failures ();
  static const struct
  {
    const char *path;
    guint       status;
    const char *text;
  } rows[] = {
    { "/ws-a/services/generic/serve", 400,
      "{\"success\":false,\"detail\":\"ValueError: no such luck\"}" },
    { "/ws-a/services/generic/items", 200,
      "{\"error\":\"ValueError: no such luck\",\"type\":\"error\"}\n" },
    { "/ws-a/services/generic/error", 200,
      "{\"_rtype\":\"error\",\"_rvalue\":\"no such luck\"}" },
    { "/ws-a/apps/functions/serve", 500,
      "{\"success\":false,\"detail\":\"Internal Server Error: ValueError: no such luck\"}" },
    { "/ws-a/apps/asgi/", 500,
      "{\"success\":false,\"detail\":\"Internal Server Error\",\"error\":\"ValueError: no such luck\"}" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (Answer) answer = web_ask (web, "GET", rows[i].path, NULL, NULL, NULL);

      g_assert_cmpstr (answer->text, ==, rows[i].text);
      g_assert_cmpuint (answer->status, ==, rows[i].status);
    }
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_func ("/net/http-errors/detail", test_detail);
  g_test_add_func ("/net/http-errors/traces", test_traces);

  return g_test_run ();
}
