/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "page-fixture.h"

#include "hypha-user-info-private.h"
#include "hypha-window-info-private.h"

static const char page_source[] =
    "<!DOCTYPE html><html><body style='background: #2a7'><h1>page</h1><script>\n"
    "let me;\n"
    "const say = message => parent.postMessage(message, '*');\n"
    "const send = data => say({ type: 'message', data, from: me.client_id, workspace: me.workspace });\n"
    "const connect = () => say({ type: 'connect', url: 'wss://local-hypha-server:9527/ws',\n"
    "                            from: me.client_id, workspace: me.workspace });\n"
    "addEventListener('message', event => {\n"
    "  const m = event.data;\n"
    "  if (m.type === 'initializeHyphaClient') { me = m; connect(); }\n"
    "  else if (m.to !== me?.client_id) return;\n"
    "  else if (m.type === 'connected') send('connected');\n"
    "  else if (m.type === 'closed') globalThis.closedSeen = true;\n"
    "  else if (typeof m.data === 'string') eval(m.data);\n"
    "  else if (m.data instanceof ArrayBuffer) send(new Uint8Array(m.data));\n"
    "});\n"
    "say({ type: 'hyphaClientReady' });\n"
    "if (location.hash === '#twice') say({ type: 'hyphaClientReady' });\n"
    "</script></body></html>";

static void
handle_request (SoupServer        *server,
                SoupServerMessage *message,
                const char        *path,
                GHashTable        *query,
                gpointer           data)
{
  PageFixture *self = data;
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (message);

  if (g_str_equal (path, "/moved"))
    {
      g_autofree char *target = page_fixture_uri (self, "localhost", "/page");

      soup_server_message_set_redirect (message, 302, target);
      return;
    }

  if (g_str_equal (path, "/missing"))
    {
      soup_server_message_set_status (message, 404, NULL);
      soup_server_message_set_response (message, "text/html", SOUP_MEMORY_STATIC, "gone", 4);
      return;
    }

  if (g_str_equal (path, "/unframed"))
    soup_message_headers_append (headers, "X-Frame-Options", "DENY");
  if (g_str_equal (path, "/sandboxed"))
    soup_message_headers_append (headers, "Content-Security-Policy", "sandbox allow-scripts");

  self->hits++;
  soup_server_message_set_status (message, 200, NULL);
  soup_server_message_set_response (message, "text/html", SOUP_MEMORY_STATIC, page_source,
                                    sizeof page_source - 1);
}

static void
start_server (PageFixture *self)
{
  g_autoptr (GError) error = NULL;
  GSList *uris;

  self->server = soup_server_new (NULL, NULL);
  soup_server_add_handler (self->server, NULL, handle_request, self, NULL);
  soup_server_listen_local (self->server, 0, 0, &error);
  g_assert_no_error (error);

  uris = soup_server_get_uris (self->server);
  self->port = g_uri_get_port (uris->data);
  g_slist_free_full (uris, (GDestroyNotify) g_uri_unref);
}

char *
page_fixture_uri (PageFixture *self,
                  const char  *host,
                  const char  *path)
{
  return g_strdup_printf ("http://%s:%u%s", host, self->port, path);
}

static void
message_cb (PageFixture    *self,
            HyphaFrameType  type,
            GBytes         *bytes)
{
  gsize size;
  const char *data = g_bytes_get_data (bytes, &size);

  if (type == HYPHA_FRAME_TEXT)
    {
      g_test_message ("page says: %.*s", (int) MIN (size, 80), data);
      g_ptr_array_add (self->texts, g_strndup (data, size));
      return;
    }

  g_clear_pointer (&self->bytes, g_bytes_unref);
  self->bytes = g_bytes_ref (bytes);
}

static void
closed_cb (PageFixture *self,
           guint        code,
           const char  *reason)
{
  g_test_message ("closed: %u %s", code, reason);
  self->closed_code = code;
  g_free (self->closed_reason);
  self->closed_reason = g_strdup (reason);
}

static void
connect_cb (PageFixture *self,
            HyphaBridge *bridge)
{
  self->connects++;
  g_set_object (&self->bridge, bridge);
  g_signal_connect_swapped (bridge, "message", G_CALLBACK (message_cb), self);
  g_signal_connect_swapped (bridge, "closed", G_CALLBACK (closed_cb), self);
}

static void
started_cb (PageFixture *self)
{
  self->started = TRUE;
}

static void
failed_cb (PageFixture *self,
           GError      *error)
{
  g_test_message ("failed: %s", error->message);
  g_clear_error (&self->failure);
  self->failure = g_error_copy (error);
}

static void
prepared_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      data)
{
  g_autoptr (GError) error = NULL;

  hypha_web_context_prepare_finish (HYPHA_WEB_CONTEXT (source), result, &error);
  g_assert_no_error (error);
  *(gboolean *) data = TRUE;
}

/* Opens what info says in a window of its own; what was shown before is closed. */
void
page_fixture_show_info (PageFixture     *self,
                        HyphaWindowInfo *info)
{
  self->info = g_object_ref (info);
  self->page = hypha_page_new (self->context, self->info);
  g_signal_connect_swapped (self->page, "connect", G_CALLBACK (connect_cb), self);
  g_signal_connect_swapped (self->page, "started", G_CALLBACK (started_cb), self);
  g_signal_connect_swapped (self->page, "failed", G_CALLBACK (failed_cb), self);

  self->window = GTK_WINDOW (gtk_window_new ());
  gtk_window_set_default_size (self->window, 500, 400);
  gtk_window_set_child (self->window, GTK_WIDGET (hypha_page_get_web_view (self->page)));
  gtk_window_present (self->window);
  hypha_page_load (self->page);
}

/* Opens the uri in a window of its own; what was shown before is closed. */
void
page_fixture_show (PageFixture *self,
                   const char  *uri)
{
  g_autoptr (HyphaUserInfo) user = hypha_user_info_new_anonymous ();

  g_autoptr (HyphaWindowInfo) info =
      hypha_window_info_new ("page", "ws-test", "client-test", user, uri, NULL);

  page_fixture_show_info (self, info);
}

PageFixture *
page_fixture_new (const char *path)
{
  PageFixture *self = g_new0 (PageFixture, 1);
  g_autofree char *uri = NULL;
  gboolean prepared = FALSE;

  self->context = hypha_web_context_dup_default ();
  self->texts = g_ptr_array_new_with_free_func (g_free);
  start_server (self);
  hypha_web_context_prepare_async (self->context, NULL, prepared_cb, &prepared);
  g_assert_true (test_wait_flag (&prepared));

  if (path != NULL)
    {
      uri = page_fixture_uri (self, "127.0.0.1", path);
      page_fixture_show (self, uri);
    }

  return self;
}

/* A page that runs scripts. */
PageFixture *
page_fixture_new_connected (const char *path)
{
  PageFixture *fixture = page_fixture_new (path);

  g_assert_true (page_fixture_wait_text (fixture, "connected"));
  g_assert_cmpuint (fixture->connects, ==, 1);
  g_assert_true (test_wait_flag (&fixture->started));
  return fixture;
}

void
page_fixture_free (PageFixture *self)
{
  if (self->bridge != NULL)
    g_signal_handlers_disconnect_by_data (self->bridge, self);
  if (self->page != NULL)
    g_signal_handlers_disconnect_by_data (self->page, self);
  g_clear_pointer (&self->window, gtk_window_destroy);
  g_clear_object (&self->page);
  g_clear_object (&self->info);
  g_clear_object (&self->bridge);
  g_clear_object (&self->server);
  g_clear_object (&self->context);
  g_clear_pointer (&self->bytes, g_bytes_unref);
  g_clear_error (&self->failure);
  g_ptr_array_unref (self->texts);
  g_free (self->closed_reason);
  g_free (self);
}

/* Lets the page run a script. */
void
page_fixture_run (PageFixture *self,
                  const char  *script)
{
  g_autoptr (GBytes) bytes = g_bytes_new (script, strlen (script));

  hypha_connection_send (HYPHA_CONNECTION (self->bridge), HYPHA_FRAME_TEXT, bytes);
}

typedef struct
{
  PageFixture *self;
  const char  *text;
} Expected;

static gboolean
has_text (gpointer data)
{
  Expected *expected = data;

  return g_ptr_array_find_with_equal_func (expected->self->texts, expected->text, g_str_equal, NULL);
}

gboolean
page_fixture_wait_text (PageFixture *self,
                        const char  *text)
{
  Expected expected = { self, text };

  return test_wait (has_text, &expected);
}

gboolean
page_fixture_has_text (PageFixture *self,
                       const char  *text)
{
  return g_ptr_array_find_with_equal_func (self->texts, text, g_str_equal, NULL);
}

gboolean
page_fixture_is_connected (gpointer data)
{
  PageFixture *fixture = data;

  return fixture->connects > 0;
}

gboolean
page_fixture_is_closed (gpointer data)
{
  PageFixture *fixture = data;

  return fixture->closed_code != 0;
}

gboolean
page_fixture_has_failed (gpointer data)
{
  PageFixture *fixture = data;

  return fixture->failure != NULL;
}

static gboolean
set_flag (gpointer data)
{
  *(gboolean *) data = TRUE;
  return G_SOURCE_REMOVE;
}

/* For what must not happen: gives it as long as it took to happen elsewhere, and more. */
void
page_fixture_settle (void)
{
  gboolean done = FALSE;

  g_timeout_add (700, set_flag, &done);
  test_wait_flag (&done);
}
