/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-http-routes-private.h"
#include "test-http-fixture.h"
#include "test-utils.h"

static Web *
web_with_services (void)
{
  Web *web = web_new ();
  g_autoptr (HyphaService) service = web_service ("calc", "public", "generic");

  web_register (web, service);
  return web;
}

static const char *
get_header (Answer     *answer,
            const char *name)
{
  return soup_message_headers_get_one (soup_message_get_response_headers (answer->message), name);
}

static void
assert_refused (Web        *web,
                const char *path,
                const char *token,
                guint       status,
                const char *detail)
{
  g_autoptr (Answer) answer = web_ask (web, "GET", path, token, NULL, NULL);
  g_autofree char *body = g_strdup_printf ("{\"success\":false,\"detail\":\"%s\"}", detail);

  g_assert_cmpuint (answer->status, ==, status);
  g_assert_cmpstr (answer->text, ==, body);
}

/* The manual has a row for each route, and no other. */
static void
test_manual (void)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "..", "hypha-core", "docs", "http.md",
                                                 NULL);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  gsize n = 0;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    n += g_str_has_prefix (*line, "| `") && strstr (*line, "` | `/") != NULL;
  g_assert_cmpuint (n, ==, hypha_http_n_routes);

  for (gsize i = 0; i < hypha_http_n_routes; i++)
    {
      g_autofree char *row = g_strdup_printf ("\n| `%s` | `%s` | ", hypha_http_routes[i].methods,
                                              hypha_http_routes[i].pattern);

      if (strstr (text, row) == NULL)
        g_error ("http.md does not have:%s", row);
    }
}

static void
test_methods (void)
{
  g_autoptr (Web) web = web_with_services ();
  static const struct
  {
    const char *path;
    const char *allow;
  } rows[] = {
    { "/assets/config.json", "GET, HEAD, OPTIONS" },
    { "/assets/hypha-rpc-websocket.mjs", "GET, HEAD, OPTIONS" },
    { "/ws", "GET, OPTIONS" },
    { "/ws-a/info", "GET, HEAD, OPTIONS" },
    { "/ws-a/openapi.json", "GET, HEAD, OPTIONS" },
    { "/ws-a/services", "GET, HEAD, POST, OPTIONS" },
    { "/ws-a/services/calc", "GET, HEAD, OPTIONS" },
    { "/ws-a/services/calc/add", "GET, POST, OPTIONS" },
    { "/ws-a/services/calc/openapi.json", "GET, HEAD, POST, OPTIONS" },
    { "/ws-a/apps/calc/a/b", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (Answer) refused = web_ask (web, "DELETE", rows[i].path, NULL, NULL, NULL);
      gboolean takes = strstr (rows[i].allow, "DELETE") != NULL;
      g_autoptr (Answer) options = web_ask (web, "OPTIONS", rows[i].path, NULL, NULL, NULL);

      g_assert_cmpuint (refused->status, ==, 404);
      g_assert_cmpstr (refused->text, ==,
                       takes ? "{\"success\":false,\"detail\":\"Not Found\"}" :
                               "{\"success\":false,\"detail\":\"Route not found\"}");
      g_assert_cmpuint (options->status, ==, 200);
      g_assert_cmpstr (get_header (options, "Allow"), ==, rows[i].allow);
    }
}

/* This program has no client library. */
static void
test_assets (void)
{
  g_autoptr (Web) web = web_new ();
  g_autoptr (Answer) own = web_ask (web, "GET", "/assets/config.json", web->token, NULL, NULL);
  g_autoptr (Answer) nobody = web_ask (web, "GET", "/assets/config.json", NULL, NULL, NULL);

  assert_refused (web, "/assets/hypha-rpc-websocket.mjs", NULL, 404,
                  "this server was built without the client library; load hypha-rpc-websocket.mjs "
                  "of hypha-rpc from elsewhere");
  assert_refused (web, "/assets/other.mjs", NULL, 404, "Route not found");
  g_assert_cmpuint (own->status, ==, 200);
  g_assert_nonnull (strstr (own->text, "\"id\":\"alice\""));
  g_assert_nonnull (strstr (own->text, "\"workspace\":\"ws-a\""));
  g_assert_nonnull (strstr (own->text, "\"public_base_url\":\"http://"));
  g_assert_nonnull (strstr (nobody->text, "\"is_anonymous\":true"));
}

static void
test_head (void)
{
  g_autoptr (Web) web = web_with_services ();

  for (const char *const *path =
         (const char *const[]) { "/health", "/ws-a/info", "/ws-a/services", "/ws-a/services/calc",
                                 "/ws-a/openapi.json", "/ws-a/services/calc/openapi.json", NULL };
       *path != NULL; path++)
    {
      g_autoptr (Answer) get = web_ask (web, "GET", *path, web->token, NULL, NULL);
      g_autoptr (Answer) head = web_ask (web, "HEAD", *path, web->token, NULL, NULL);

      g_assert_cmpuint (head->status, ==, get->status);
      g_assert_cmpuint (head->size, ==, 0);
    }
}

/* A private workspace is as if it were not there, and so are the stock clients in it. */
static void
test_unknown_workspace (void)
{
  g_autoptr (Web) web = web_new ();
  g_autoptr (HyphaService) service = web_service ("secret", "protected", "generic");
  g_autofree char *token = hub_token (web->hub, "ws-a", "alice");
  g_autoptr (Client) laptop = hub_connect (web->hub, "laptop", token);

  web_register (web, service);
  client_register (laptop, "built-in", "public");
  for (const char *const *end = (const char *const[]) { "info", "openapi.json", "services",
                                                        "services/secret", "services/secret/f",
                                                        "services/built-in",
                                                        "services/secret/openapi.json",
                                                        "apps/secret/x", NULL };
       *end != NULL; end++)
    {
      g_autofree char *private = g_strconcat ("/ws-a/", *end, NULL);
      g_autofree char *missing = g_strconcat ("/nowhere/", *end, NULL);

      assert_refused (web, private, NULL, 404, "Workspace ws-a not found");
      assert_refused (web, private, web->other_token, 404, "Workspace ws-a not found");
      assert_refused (web, missing, NULL, 404, "Workspace nowhere not found");
      assert_refused (web, missing, web->token, 404, "Workspace nowhere not found");
    }
}

static void
on_created (GObject      *object,
            GAsyncResult *result,
            gpointer      data)
{
  g_assert_true (hypha_workspaces_finish (HYPHA_WORKSPACES (object), result, NULL));
  *(gboolean *) data = TRUE;
}

static void
test_info (void)
{
  g_autoptr (Web) web = web_with_services ();
  g_autoptr (GVariant) config = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
  g_autoptr (Answer) answer = NULL;
  HyphaAuthority *authority = hypha_manager_get_authority (web->hub->manager);
  gboolean created = FALSE;

  hypha_workspaces_create_async (hypha_authority_get_workspaces (authority), "alice", "ws-a", config,
                                 on_created, &created);
  g_assert_true (test_wait_flag (&created));
  answer = web_ask (web, "GET", "/ws-a/info", web->token, NULL, NULL);
  g_assert_cmpuint (answer->status, ==, 200);
  g_assert_nonnull (strstr (answer->text, "\"ws-a\""));
  g_assert_null (strstr (answer->text, "environs"));
  assert_refused (web, "/ws-a/info", NULL, 403,
                  "Permission denied: this needs a token for the workspace");
}

static guint
admit_later (HyphaServer *server,
             const char  *remote_address,
             gpointer     data)
{
  return 7;
}

/* What the server refuses by itself has the form of all other errors. */
static void
test_refusals (void)
{
  g_autoptr (Web) web = web_with_services ();
  g_autoptr (Answer) origin = NULL;
  g_autoptr (Answer) host = NULL;
  g_autoptr (Answer) throttled = NULL;

  origin = web_ask (web, "GET", "/health", NULL, NULL, "Origin: https://evil.example", NULL);
  g_assert_cmpuint (origin->status, ==, 403);
  g_assert_true (g_str_has_prefix (origin->text, "{\"success\":false,\"detail\":\""));
  g_assert_null (get_header (origin, "Access-Control-Allow-Origin"));
  host = web_ask (web, "GET", "/health", NULL, NULL, "Host: evil.example", NULL);
  g_assert_cmpuint (host->status, ==, 421);
  g_assert_true (g_str_has_prefix (host->text, "{\"success\":false,\"detail\":\""));

  hypha_server_set_admission (web->server, admit_later, NULL);
  throttled = web_ask (web, "GET", "/health", web->token, NULL, "Origin: http://localhost:1", NULL);
  g_assert_cmpuint (throttled->status, ==, 429);
  g_assert_cmpstr (throttled->type, ==, "application/json");
  g_assert_cmpstr (get_header (throttled, "Retry-After"), ==, "7");
  g_assert_cmpstr (get_header (throttled, "Access-Control-Allow-Origin"), ==, "http://localhost:1");
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http-routes/manual", test_manual);
  g_test_add_func ("/http-routes/methods", test_methods);
  g_test_add_func ("/http-routes/assets", test_assets);
  g_test_add_func ("/http-routes/head", test_head);
  g_test_add_func ("/http-routes/unknown-workspace", test_unknown_workspace);
  g_test_add_func ("/http-routes/info", test_info);
  g_test_add_func ("/http-routes/refusals", test_refusals);
  return g_test_run ();
}
