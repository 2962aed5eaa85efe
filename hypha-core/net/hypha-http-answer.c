/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-http-answer-private.h"
#include "hypha-json-private.h"

/* To be called before anything else is done with a request, so that no answer goes without. */
void
hypha_http_answer_add_cors (HyphaServer       *server,
                            SoupServerMessage *message)
{
  SoupMessageHeaders *answer = soup_server_message_get_response_headers (message);
  const char *origin;

  soup_message_headers_append (answer, "Vary", "Origin");
  origin = soup_message_headers_get_one (soup_server_message_get_request_headers (message),
                                         "Origin");
  if (origin == NULL || !hypha_server_origin_allowed (server, origin))
    return;

  soup_message_headers_replace (answer, "Access-Control-Allow-Origin", origin);
  soup_message_headers_replace (answer, "Access-Control-Allow-Methods", "GET,POST,OPTIONS");
  soup_message_headers_replace (answer, "Access-Control-Allow-Headers",
                                "Authorization,Content-Type,Range");
}

/* What libsoup does not know by itself. */
static const char *
hypha_http_answer_reason (guint status)
{
  switch (status)
    {
    case HYPHA_HTTP_MISDIRECTED:
      return "Misdirected Request";
    case HYPHA_HTTP_TOO_MANY_REQUESTS:
      return "Too Many Requests";
    default:
      return NULL;
    }
}

static void
hypha_http_answer_send (SoupServerMessage *message,
                        guint              status,
                        GVariant          *body)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (body);
  g_autoptr (JsonNode) node = hypha_json_from_variant (owned);
  char *text = json_to_string (node, FALSE);

  /* An earlier refusal may lie there, which did not get out because the body was still to come. */
  soup_message_body_truncate (soup_server_message_get_response_body (message));
  soup_server_message_set_status (message, status, hypha_http_answer_reason (status));
  soup_server_message_set_response (message, "application/json", SOUP_MEMORY_TAKE, text,
                                    strlen (text));
}

void
hypha_http_answer_done (SoupServerMessage *message)
{
  hypha_http_answer_send (message, SOUP_STATUS_OK, g_variant_new_parsed ("{'success': <true>}"));
}

/*
 * Whoever fails keeps no connection either: libsoup 3.2 never forgets one that is kept and then left,
 * and it costs a stranger nothing to be refused.
 */
void
hypha_http_answer_fail (SoupServerMessage *message,
                        guint              status,
                        const char        *detail)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (message);
  g_autofree char *valid = g_utf8_make_valid (detail, -1);

  soup_message_headers_replace (headers, "Connection", "close");
  if (status == SOUP_STATUS_SERVICE_UNAVAILABLE &&
      soup_message_headers_get_one (headers, "Retry-After") == NULL)
    soup_message_headers_replace (headers, "Retry-After", "1");
  hypha_http_answer_send (message, status,
                          g_variant_new_parsed ("{'success': <false>, 'detail': <%s>}", valid));
}

void
hypha_http_answer_error (SoupServerMessage *message,
                         const GError      *error)
{
  hypha_http_answer_fail (message, hypha_error_get_http_status (error), error->message);
}
