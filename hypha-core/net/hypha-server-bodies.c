/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-server-internal-private.h"

#include <string.h>

#include "hypha-throttle-private.h"

/*
 * The bodies of requests, on their way in: how much of them is kept, for whom, and how long they may
 * take. libsoup collects a body before anybody is asked whether it may come.
 */

void
hypha_request_free (gpointer data)
{
  HyphaRequest *request = data;

  g_free (request->owner);
  g_free (request);
}

/* What of its body is in memory is not counted any more. */
void
hypha_server_drop_body (HyphaServer  *self,
                        HyphaRequest *request)
{
  gsize *of_owner = NULL;

  g_assert (self->bodies >= request->kept);

  self->bodies -= request->kept;
  if (request->owner != NULL)
    of_owner = g_hash_table_lookup (self->bodies_of, request->owner);
  if (of_owner != NULL)
    *of_owner -= request->kept;
  if (of_owner != NULL && *of_owner == 0)
    g_hash_table_remove (self->bodies_of, request->owner);
  request->kept = 0;
}

/*
 * Whether size bytes more may be kept. Of a foreign address all bodies together have a share; the
 * addresses of this machine are everybody's here, so that each connection has one.
 */
gboolean
hypha_server_keep_body (HyphaServer  *self,
                        HyphaRequest *request,
                        gsize         size)
{
  gsize *of_owner = &request->kept;

  if (request->owner != NULL)
    {
      of_owner = g_hash_table_lookup (self->bodies_of, request->owner);
      if (of_owner == NULL)
        {
          of_owner = g_new0 (gsize, 1);
          g_hash_table_insert (self->bodies_of, g_strdup (request->owner), of_owner);
        }
      *of_owner += size;
    }

  request->kept += size;
  self->bodies += size;
  return self->bodies <= self->max_bodies && *of_owner <= self->max_bodies_of_address;
}

/* Keeps the body of a request that is refused out of memory; what still comes is thrown away. */
void
hypha_server_ignore_body (HyphaServer       *self,
                          SoupServerMessage *message)
{
  HyphaRequest *request = g_hash_table_lookup (self->requests, message);
  SoupMessageBody *body = soup_server_message_get_request_body (message);

  if (request == NULL)
    return;

  request->refused = TRUE;
  hypha_server_drop_body (self, request);
  soup_message_body_set_accumulate (body, FALSE);
  soup_message_body_truncate (body);
  soup_message_headers_replace (soup_server_message_get_response_headers (message), "Connection",
                                "close");
}

static void
hypha_server_refuse_body (HyphaServer       *self,
                          SoupServerMessage *message,
                          guint              status,
                          const char        *text)
{
  hypha_server_ignore_body (self, message);
  hypha_server_refuse (self, message, status, text);
}

static void
hypha_server_append_header (const char *name,
                            const char *value,
                            gpointer    data)
{
  g_string_append_printf (data, "%s: %s\r\n", name, value);
}

/*
 * Refuses a request at once and past libsoup, which answers nothing before the body is there. The
 * end of what comes in makes libsoup forget the request, and what is kept of it.
 */
void
hypha_server_cut_off (HyphaServer       *self,
                      SoupServerMessage *message,
                      guint              status,
                      const char        *text)
{
  GSocket *socket = soup_server_message_get_socket (message);
  g_autoptr (GString) answer = g_string_new (NULL);
  g_autoptr (GBytes) body = NULL;

  hypha_server_refuse_body (self, message, status, text);
  if (socket == NULL)
    return;

  body = soup_message_body_flatten (soup_server_message_get_response_body (message));
  g_string_append_printf (answer, "HTTP/1.1 %u %s\r\n", status, soup_status_get_phrase (status));
  soup_message_headers_foreach (soup_server_message_get_response_headers (message),
                                hypha_server_append_header, answer);
  g_string_append_printf (answer, "Content-Length: %" G_GSIZE_FORMAT "\r\n\r\n",
                          g_bytes_get_size (body));
  g_string_append_len (answer, g_bytes_get_data (body, NULL), (gssize) g_bytes_get_size (body));
  hypha_server_cut_socket (self, socket, answer->str);
}

static void
hypha_server_refuse_large_body (HyphaServer       *self,
                                SoupServerMessage *message)
{
  hypha_server_refuse_body (self, message, SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE,
                            "request body is too large");
}

static void
hypha_server_count_body (HyphaServer       *self,
                         SoupServerMessage *message,
                         HyphaRequest      *request,
                         gsize              size)
{
  if (request->received > HYPHA_SERVER_MAX_BODY)
    {
      hypha_server_refuse_large_body (self, message);
      return;
    }

  if (hypha_server_keep_body (self, request, size))
    return;

  g_message ("%s: request refused: the bodies of all requests are over %" G_GSIZE_FORMAT
             " bytes, or those of its address over %" G_GSIZE_FORMAT,
             soup_server_message_get_remote_host (message), self->max_bodies,
             self->max_bodies_of_address);
  soup_message_headers_replace (soup_server_message_get_response_headers (message), "Retry-After",
                                "1");
  hypha_server_refuse_body (self, message, SOUP_STATUS_SERVICE_UNAVAILABLE,
                            "too many large requests at once: try again later");
}

/* A large body has to come faster: what it holds is missing to others. */
static void
hypha_server_pace_body (HyphaServer       *self,
                        SoupServerMessage *message,
                        HyphaRequest      *request,
                        gsize              size)
{
  gsize pace = MAX (HYPHA_SERVER_BODY_PACE, request->received / 64);

  request->paced += size;
  if (request->paced < pace)
    return;

  request->paced = 0;
  hypha_server_wait_for_body (self, message);
}

static void
hypha_server_got_chunk (SoupServerMessage *message,
                        GBytes            *chunk,
                        gpointer           data)
{
  HyphaServer *self = HYPHA_SERVER (data);
  HyphaRequest *request = g_hash_table_lookup (self->requests, message);

  if (request == NULL)
    return;

  request->received += g_bytes_get_size (chunk);
  hypha_server_pace_body (self, message, request, g_bytes_get_size (chunk));
  if (!request->refused)
    hypha_server_count_body (self, message, request, g_bytes_get_size (chunk));

  /* It has had its chance to read the answer. */
  if (request->received > 2 * HYPHA_SERVER_MAX_BODY)
    g_socket_close (soup_server_message_get_socket (message), NULL);
}

static void
hypha_server_got_body (SoupServerMessage *message,
                       gpointer           data)
{
  HyphaServer *self = HYPHA_SERVER (data);

  hypha_server_got_head (self, soup_server_message_get_socket (message));
}

/* The headers of a request have come; from now on its body counts. */
void
hypha_server_expect_body (HyphaServer       *self,
                          SoupServerMessage *message)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);
  SoupEncoding encoding = soup_message_headers_get_encoding (headers);
  HyphaRequest *request = g_new0 (HyphaRequest, 1);

  g_hash_table_insert (self->requests, message, request);
  if (encoding != SOUP_ENCODING_CHUNKED &&
      (encoding != SOUP_ENCODING_CONTENT_LENGTH ||
       soup_message_headers_get_content_length (headers) == 0))
    return;

  request->owner = hypha_throttle_foreign_key (soup_server_message_get_remote_host (message));
  g_signal_connect_object (message, "got-chunk", G_CALLBACK (hypha_server_got_chunk), self, 0);
  g_signal_connect_object (message, "got-body", G_CALLBACK (hypha_server_got_body), self, 0);
  hypha_server_wait_for_body (self, message);
}

void
hypha_server_check_body (HyphaServer       *self,
                         SoupServerMessage *message)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);

  if (soup_message_headers_get_encoding (headers) == SOUP_ENCODING_CONTENT_LENGTH &&
      soup_message_headers_get_content_length (headers) > (goffset) HYPHA_SERVER_MAX_BODY)
    hypha_server_refuse_large_body (self, message);
}
