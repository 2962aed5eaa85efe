/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "test-http-fixture.h"
#include "test-server-fixture.h"
#include "test-utils.h"

/* Pieces of a body, one after the other, the last of which may be no piece. */
typedef struct
{
  Web        *web;
  const char *pieces;
  gsize       next;
} Body;

static void
body_next (HyphaInvocation *invocation,
           gpointer         data)
{
  Body *self = data;
  char piece = self->pieces[self->next];

  if (piece == '\0')
    {
      hypha_generator_stop (invocation);
      return;
    }

  self->next++;
  if (piece == '!')
    hypha_invocation_return (invocation, g_variant_new_int64 (7));
  else if (piece == '0')
    hypha_invocation_return (invocation, g_variant_new_string (""));
  else if (piece == 'b')
    hypha_invocation_return (invocation, g_variant_new_parsed ("@ay [0x62, 0x00]"));
  else
    hypha_invocation_return (invocation, g_variant_new_take_string (g_strnfill (3, piece)));
}

static void
body_free (gpointer data)
{
  ((Body *) data)->web->n_open--;
  g_free (data);
}

static GVariant *
make_body (HyphaInvocation *invocation,
           Web             *web,
           const char      *pieces)
{
  Body *body = g_new0 (Body, 1);
  g_autoptr (GError) error = NULL;
  GVariant *generator;

  body->web = web;
  body->pieces = pieces;
  web->n_open++;
  generator = hypha_generator_new (hypha_invocation_get_rpc (invocation),
                                   hypha_invocation_get_from (invocation), body_next, body,
                                   body_free, &error);
  g_assert_no_error (error);
  return generator;
}

static void
serve_bare (HyphaInvocation *invocation,
            gpointer         data)
{
  hypha_invocation_return (invocation, make_body (invocation, data, "0xb0y0"));
}

static void
serve_whole (HyphaInvocation *invocation,
             gpointer         data)
{
  hypha_invocation_return (invocation, g_variant_new_parsed (
    "{'status': <int64 201>, 'headers': <{'content-type': <'text/csv'>}>, 'body': <%*>}",
    make_body (invocation, data, "xy")));
}

static void
serve_empty (HyphaInvocation *invocation,
             gpointer         data)
{
  hypha_invocation_return (invocation, g_variant_new_parsed (
    "{'status': <int64 204>, 'body': <%*>}", make_body (invocation, data, "xy")));
}

static void
serve_broken (HyphaInvocation *invocation,
              gpointer         data)
{
  hypha_invocation_return (invocation, make_body (invocation, data, "x!y"));
}

static Web *
web_with_functions (void)
{
  Web *web = web_new ();
  g_autoptr (HyphaService) service = web_service ("pages", "public", "functions");

  hypha_service_add_function (service, "bare", "event", NULL, NULL, serve_bare, web, NULL);
  hypha_service_add_function (service, "whole", "event", NULL, NULL, serve_whole, web, NULL);
  hypha_service_add_function (service, "empty", "event", NULL, NULL, serve_empty, web, NULL);
  hypha_service_add_function (service, "broken", "event", NULL, NULL, serve_broken, web, NULL);
  web_register (web, service);
  return web;
}

static gboolean
all_closed (gpointer data)
{
  return ((Web *) data)->n_open == 0;
}

static void
assert_body (Web        *web,
             const char *method,
             const char *path,
             guint       status,
             const char *type,
             const char *body,
             gsize       size)
{
  g_autofree char *whole = g_strconcat ("/ws-a/apps/pages/", path, NULL);
  g_autoptr (Answer) answer = web_ask (web, method, whole, NULL, NULL,
                                       "Accept: text/event-stream", NULL);

  g_assert_cmpuint (answer->status, ==, status);
  g_assert_cmpstr (answer->type, ==, type);
  g_assert_cmpmem (answer->text, answer->size, body, size);
  g_assert_true (test_wait (all_closed, web));
}

/* What a function makes piece by piece is the body, in no form but its own. */
static void
test_pieces (void)
{
  g_autoptr (Web) web = web_with_functions ();

  assert_body (web, "GET", "bare", 200, NULL, "xxxb\0yyy", 8);
  assert_body (web, "POST", "whole", 201, "text/csv", "xxxyyy", 6);
  assert_body (web, "HEAD", "whole", 201, "text/csv", "", 0);
  assert_body (web, "GET", "empty", 204, NULL, "", 0);
}

/* A body that breaks off must not look whole: the last chunk, which is empty, is not sent. */
static void
test_broken (void)
{
  g_autoptr (Web) web = web_with_functions ();
  g_auto (RawClient) client = { 0 };
  const char *request = "GET /ws-a/apps/pages/broken HTTP/1.1\r\nHost: localhost\r\n\r\n";

  raw_open (&client, hypha_server_get_port (web->server), request);
  raw_wait (&client, raw_at_eof);
  g_assert_nonnull (strstr (client.answer->str, "xxx"));
  g_assert_null (strstr (client.answer->str, "yyy"));
  g_assert_null (strstr (client.answer->str, "\r\n0\r\n\r\n"));
  g_assert_true (test_wait (all_closed, web));
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_func ("/net/http-functions/pieces", test_pieces);
  g_test_add_func ("/net/http-functions/broken", test_broken);

  return g_test_run ();
}
