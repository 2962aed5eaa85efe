/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "test-http-fixture.h"
#include "test-server-fixture.h"
#include "test-utils.h"

HyphaService *
web_service (const char *id,
             const char *visibility,
             const char *type)
{
  return hypha_service_new (id, id, "A service of the tests", type,
                            g_variant_new_parsed ("{'visibility': <%s>}", visibility));
}

/* As register_service does for a client that is not in this process. */
void
web_register (Web          *web,
              HyphaService *service)
{
  g_autoptr (GVariant) record = g_variant_ref_sink (hypha_service_dup_record (service));
  g_autoptr (HyphaServiceInfo) info = NULL;
  g_autoptr (GError) error = NULL;
  HyphaPeer *peer = hypha_local_client_get_peer (web->provider);
  gboolean replaced;

  hypha_rpc_add_service (hypha_local_client_get_rpc (web->provider), service);
  info = hypha_service_info_new (hypha_peer_get_workspace (peer), hypha_peer_get_client (peer),
                                 hypha_service_get_id (service), record, &error);
  g_assert_no_error (error);
  g_assert_true (hypha_registry_put (web->hub->registry, info, "", &replaced, &error));
  g_assert_no_error (error);
}

Web *
web_new (void)
{
  Web *web = g_new0 (Web, 1);
  g_autoptr (HyphaUserInfo) user = hypha_user_info_new ("alice", "", NULL, NULL, 0, FALSE);
  g_autoptr (GError) error = NULL;

  web->hub = hub_new ();
  web->server = hypha_server_new ();
  web->gateway = hypha_http_gateway_new (web->server, web->hub->manager);
  g_assert_true (hypha_server_listen (web->server, "127.0.0.1", 0, &error));
  g_assert_no_error (error);
  web->provider = hypha_local_client_new (web->hub->router, "ws-a", "provider", user,
                                          "http://127.0.0.1:9527");
  web->n_peers = hypha_router_get_n_peers (web->hub->router);
  web->session = soup_session_new ();
  web->token = hub_token (web->hub, "ws-a", "alice");
  web->other_token = hub_token (web->hub, "ws-b", "bob");
  return web;
}

/* Nothing may be left of any request. */
static gboolean
web_is_quiet (gpointer data)
{
  Web *web = data;

  return hypha_http_gateway_get_n_requests (web->gateway) == 0 &&
         hypha_router_get_n_peers (web->hub->router) <= web->n_peers;
}

void
web_free (Web *web)
{
  soup_session_abort (web->session);
  g_object_unref (web->session);
  g_assert_true (test_wait (web_is_quiet, web));
  server_stop (web->server, &web->stopped);
  g_assert_true (test_wait_flag (&web->stopped));
  g_assert_finalize_object (web->gateway);
  hypha_local_client_free (web->provider);
  g_object_unref (web->server);
  hub_free (web->hub);
  g_free (web->token);
  g_free (web->other_token);
  g_free (web);
}

char *
web_url (Web        *web,
         const char *path)
{
  return g_strdup_printf ("http://127.0.0.1:%u%s", hypha_server_get_port (web->server), path);
}

typedef struct
{
  GBytes   *bytes;
  gboolean  done;
} Asked;

static void
web_on_answer (GObject      *object,
               GAsyncResult *result,
               gpointer      data)
{
  Asked *asked = data;

  asked->bytes = soup_session_send_and_read_finish (SOUP_SESSION (object), result, NULL);
  asked->done = TRUE;
}

Answer *
web_ask (Web        *web,
         const char *method,
         const char *path,
         const char *token,
         const char *body,
         ...)
{
  g_autofree char *url = web_url (web, path);
  g_autoptr (SoupMessage) message = soup_message_new (method, url);
  SoupMessageHeaders *headers = soup_message_get_request_headers (message);
  Answer *answer = g_new0 (Answer, 1);
  Asked asked = { NULL };
  const char *header;
  va_list list;

  g_assert_nonnull (message);
  if (token != NULL)
    {
      g_autofree char *bearer = g_strconcat ("Bearer ", token, NULL);

      soup_message_headers_append (headers, "Authorization", bearer);
    }

  if (body != NULL)
    {
      g_autoptr (GBytes) bytes = g_bytes_new (body, strlen (body));

      soup_message_set_request_body_from_bytes (message, "application/json", bytes);
    }

  va_start (list, body);
  while ((header = va_arg (list, const char *)) != NULL)
    {
      g_auto (GStrv) halves = g_strsplit (header, ": ", 2);

      soup_message_headers_replace (headers, halves[0], halves[1]);
    }
  va_end (list);

  soup_session_send_and_read_async (web->session, message, G_PRIORITY_DEFAULT, NULL, web_on_answer,
                                    &asked);
  g_assert_true (test_wait_flag (&asked.done));
  answer->status = soup_message_get_status (message);
  answer->type = g_strdup (soup_message_headers_get_content_type (
    soup_message_get_response_headers (message), NULL));
  answer->size = asked.bytes != NULL ? g_bytes_get_size (asked.bytes) : 0;
  answer->text = g_malloc0 (answer->size + 1);
  if (answer->size > 0)
    memcpy (answer->text, g_bytes_get_data (asked.bytes, NULL), answer->size);
  answer->message = g_steal_pointer (&message);
  g_clear_pointer (&asked.bytes, g_bytes_unref);
  return answer;
}

void
answer_free (Answer *answer)
{
  g_free (answer->type);
  g_free (answer->text);
  g_object_unref (answer->message);
  g_free (answer);
}
