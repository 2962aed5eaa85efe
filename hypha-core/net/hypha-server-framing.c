/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-server-internal-private.h"

#include <string.h>

/*
 * Where a request ends, and whom it is for, must be beyond doubt. A proxy in front that saw it
 * otherwise would take the rest of one request for the next one, of somebody else (RFC 9112, 11.2).
 */
typedef struct
{
  guint    n_hosts;
  guint    n_lengths;
  guint    n_encodings;
  gboolean bad;  /* one that we do not know */
} HyphaFraming;

static void
hypha_framing_count (const char *name,
                     const char *value,
                     gpointer    data)
{
  HyphaFraming *self = data;

  if (g_ascii_strcasecmp (name, "Host") == 0)
    self->n_hosts++;
  else if (g_ascii_strcasecmp (name, "Transfer-Encoding") == 0)
    {
      self->n_encodings++;
      self->bad |= g_ascii_strcasecmp (value, "chunked") != 0;
    }
  else if (g_ascii_strcasecmp (name, "Content-Length") == 0)
    {
      self->n_lengths++;
      self->bad |= *value == '\0' || value[strspn (value, G_CSET_DIGITS)] != '\0';
    }
}

/* What is wrong with it; NULL if nothing is. */
static const char *
hypha_framing_judge (const HyphaFraming *self,
                     SoupHTTPVersion     version)
{
  if (self->n_hosts > 1)
    return "a request must have one Host";
  if (self->n_lengths + self->n_encodings > 1)
    return "a request must have one Content-Length or one Transfer-Encoding";
  if (self->bad)
    return "Content-Length must be a number, and Transfer-Encoding chunked";
  if (self->n_encodings > 0 && version == SOUP_HTTP_1_0)
    return "HTTP/1.0 has no Transfer-Encoding";
  return NULL;
}

/* Ends the connection of a request that could be read in two ways; FALSE if it was one. */
gboolean
hypha_server_check_framing (HyphaServer       *self,
                            SoupServerMessage *message)
{
  HyphaFraming framing = { 0 };
  const char *wrong;

  soup_message_headers_foreach (soup_server_message_get_request_headers (message),
                                hypha_framing_count, &framing);
  wrong = hypha_framing_judge (&framing, soup_server_message_get_http_version (message));
  if (wrong == NULL)
    return TRUE;

  g_message ("%s: request refused: %s", soup_server_message_get_remote_host (message), wrong);
  hypha_server_cut_off (self, message, SOUP_STATUS_BAD_REQUEST, wrong);
  return FALSE;
}
