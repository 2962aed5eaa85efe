/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-http-request-internal-private.h"

#include <string.h>

/* How a request is answered in one piece, or refused. */

/* A page may read the answer only if its origin is allowed; an error is an answer too. */
void
hypha_http_request_add_cors (HyphaHttpRequest *self)
{
  SoupMessageHeaders *answer = soup_server_message_get_response_headers (self->message);
  const char *origin = hypha_http_request_get_header (self, "Origin");

  soup_message_headers_replace (answer, "Vary", "Origin");
  if (origin == NULL || !hypha_server_origin_allowed (self->server, origin))
    return;

  soup_message_headers_replace (answer, "Access-Control-Allow-Origin", origin);
  soup_message_headers_replace (answer, "Access-Control-Allow-Methods",
                                "GET,POST,PUT,DELETE,OPTIONS");
  soup_message_headers_replace (answer, "Access-Control-Allow-Headers",
                                "Authorization,Content-Type,Range");
  soup_message_headers_replace (answer, "Access-Control-Expose-Headers", "Content-Disposition");
}

/* content_type and body may be NULL. */
void
hypha_http_request_answer (HyphaHttpRequest *self,
                           guint             status,
                           const char       *content_type,
                           GBytes           *body)
{
  SoupMessageHeaders *headers;

  if (hypha_http_request_is_over (self))
    return;

  headers = soup_server_message_get_response_headers (self->message);
  hypha_http_request_add_cors (self);
  soup_message_headers_replace (headers, "X-Content-Type-Options", "nosniff");
  soup_server_message_set_status (self->message, status, NULL);
  if (content_type != NULL)
    soup_message_headers_set_content_type (headers, content_type, NULL);
  if (body != NULL && g_bytes_get_size (body) > 0)
    soup_message_body_append_bytes (soup_server_message_get_response_body (self->message), body);

  hypha_http_request_time_answer (self);
  hypha_http_request_go_on (self);
}

void
hypha_http_request_answer_json (HyphaHttpRequest *self,
                                guint             status,
                                JsonNode         *node)
{
  char *text = json_to_string (node, FALSE);
  g_autoptr (GBytes) body = g_bytes_new_take (text, strlen (text));

  hypha_http_request_answer (self, status, "application/json", body);
}

/* A value of a service, written as it was asked for. */
void
hypha_http_request_answer_value (HyphaHttpRequest *self,
                                 GVariant         *value)
{
  g_autoptr (GError) error = NULL;
  const char *content_type;
  g_autoptr (GBytes) body = hypha_http_value_to_bytes (value, self->format, &content_type, &error);

  if (body != NULL)
    hypha_http_request_answer (self, SOUP_STATUS_OK, content_type, body);
  else
    hypha_http_request_fail (self, error);
}

void
hypha_http_request_refuse (HyphaHttpRequest *self,
                           guint             status,
                           const char       *detail)
{
  g_autoptr (JsonNode) node = json_node_alloc ();
  g_autoptr (JsonObject) object = json_object_new ();

  if (hypha_http_request_is_over (self))
    return;

  /* Whoever came with a token that is none may not know. */
  if (status == SOUP_STATUS_FORBIDDEN && self->token_error != NULL)
    {
      status = SOUP_STATUS_UNAUTHORIZED;
      detail = self->token_error;
      soup_message_headers_replace (soup_server_message_get_response_headers (self->message),
                                    "WWW-Authenticate", "Bearer error=\"invalid_token\"");
    }

  json_object_set_boolean_member (object, "success", FALSE);
  json_object_set_string_member (object, "detail", detail);
  json_node_init_object (node, object);
  hypha_http_request_answer_json (self, status, node);
}

/* What is not there for whoever asks; with a good token it may be. */
void
hypha_http_request_refuse_missing (HyphaHttpRequest *self,
                                   const char       *detail)
{
  hypha_http_request_refuse (self, self->token_error != NULL ? SOUP_STATUS_FORBIDDEN :
                                                               SOUP_STATUS_NOT_FOUND, detail);
}

void
hypha_http_request_fail (HyphaHttpRequest *self,
                         const GError     *error)
{
  hypha_http_request_refuse (self, hypha_error_get_http_status (error), error->message);
}

/* Whoever asked may not any more: no answer, no more of one, and no more of what it has called. */
void
hypha_http_request_give_up (HyphaHttpRequest *self,
                            const char       *why)
{
  if (self->message == NULL)
    {
      hypha_http_request_leave (self);
      return;
    }

  if (self->given_up || (!self->streaming && !self->waiting))
    return;

  g_message ("%s: request ended: %s", soup_server_message_get_remote_host (self->message), why);
  if (self->streaming)
    hypha_http_request_abort (self);
  else
    hypha_http_request_refuse (self, SOUP_STATUS_UNAUTHORIZED, why);

  /* libsoup needs a moment to finish it; nothing is added to it until then. */
  self->given_up = TRUE;
}
