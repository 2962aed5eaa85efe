/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-http-stream-internal-private.h"
#include "hypha-json-private.h"
#include "hypha-msgpack-private.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static HyphaHttpStreamConnection *
hypha_http_stream_connection_from_client (HyphaPollerClient *client)
{
  return (HyphaHttpStreamConnection *) (gpointer) ((guint8 *) client -
                                                   G_STRUCT_OFFSET (HyphaHttpStreamConnection,
                                                                    client));
}

gint64
hypha_http_stream_connection_get_time (HyphaHttpStreamConnection *self)
{
  return hypha_poller_get_time (self->poller);
}

/* One deadline in the poller stands for all that the stream has. */
void
hypha_http_stream_connection_update_deadline (HyphaHttpStreamConnection *self)
{
  gint64 deadline = self->linger_until;

  if (self->state == STATE_OPEN)
    {
      deadline = self->ping_at;
      if (self->over_budget)
        deadline = MIN (deadline, self->stalled_at + self->stall_timeout * (gint64) 1000);
    }

  hypha_poller_set_deadline (self->poller, &self->client, deadline);
}

static void
hypha_http_stream_connection_append (HyphaHttpStreamConnection *self,
                                     const char                *text)
{
  HyphaSlice slice = { .data = (const guint8 *) text, .size = strlen (text) };

  hypha_outbox_append (&self->outbox, &slice);
}

/*
 * The status line and headers, CORS included, that libsoup would have written. The headers of the
 * request's answer stay as they are: it may still be refused.
 */
static void
hypha_http_stream_connection_append_head (HyphaHttpStreamConnection *self)
{
  g_autoptr (GString) head = g_string_new (NULL);
  SoupMessageHeadersIter iter;
  const char *name;
  const char *value;

  g_string_append (head, self->chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" :
                                         "HTTP/1.0 200 OK\r\n");
  g_string_append (head, "Content-Type: application/x-msgpack-stream\r\n"
                         "Cache-Control: no-cache\r\n"
                         "Connection: close\r\n");

  /* A proxy that gathers what it gets would keep it for ever. */
  g_string_append (head, "X-Accel-Buffering: no\r\n");
  soup_message_headers_iter_init (&iter,
                                  soup_server_message_get_response_headers (self->message));
  while (soup_message_headers_iter_next (&iter, &name, &value))
    g_string_append_printf (head, "%s: %s\r\n", name, value);
  g_string_append (head, "\r\n");
  hypha_http_stream_connection_append (self, head->str);
  self->headed = TRUE;
}

/* One frame of the stream is one chunk of the body. */
static void
hypha_http_stream_connection_append_frame (HyphaHttpStreamConnection *self,
                                           const HyphaSlice          *parts,
                                           guint                      n_parts)
{
  char line[32];
  guint32 prefix;
  HyphaSlice length = { .data = (const guint8 *) &prefix, .size = sizeof prefix };
  gsize size = 0;

  for (guint i = 0; i < n_parts; i++)
    size += parts[i].size;

  prefix = GUINT32_TO_BE ((guint32) size);
  if (self->chunked)
    {
      g_snprintf (line, sizeof line, "%" G_GSIZE_MODIFIER "x\r\n", size + sizeof prefix);
      hypha_http_stream_connection_append (self, line);
    }

  hypha_outbox_append (&self->outbox, &length);
  for (guint i = 0; i < n_parts; i++)
    {
      if (parts[i].size > 0)
        hypha_outbox_append (&self->outbox, &parts[i]);
    }

  if (self->chunked)
    hypha_http_stream_connection_append (self, "\r\n");
}

/* The body of HTTP/1.0 ends with the connection. */
void
hypha_http_stream_connection_append_end (HyphaHttpStreamConnection *self)
{
  if (self->chunked)
    hypha_http_stream_connection_append (self, "0\r\n\r\n");
}

/* Counts what was queued against the budget and the cap. */
static void
hypha_http_stream_connection_note_queued (HyphaHttpStreamConnection *self)
{
  if (self->outbox.queued > HYPHA_HTTP_STREAM_QUEUE_CAP)
    {
      hypha_outbox_clear (&self->outbox);
      self->over_cap = TRUE;
      return;
    }

  if (self->over_budget || self->outbox.queued <= HYPHA_CONNECTION_QUEUE_BUDGET)
    return;

  self->over_budget = TRUE;
  self->stall_written = 0;
  self->stalled_at = hypha_http_stream_connection_get_time (self);
  if (self->state == STATE_OPEN)
    hypha_http_stream_connection_update_deadline (self);
}

void
hypha_http_stream_connection_queue (HyphaHttpStreamConnection *self,
                                    const HyphaSlice          *parts,
                                    guint                      n_parts)
{
  if (!self->headed)
    hypha_http_stream_connection_append_head (self);

  hypha_http_stream_connection_append_frame (self, parts, n_parts);
  hypha_http_stream_connection_note_queued (self);
}

/* What the core says in JSON is a MessagePack map on this kind of connection. */
void
hypha_http_stream_connection_queue_control (HyphaHttpStreamConnection *self,
                                            const HyphaSlice          *parts,
                                            guint                      n_parts)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GByteArray) packed = g_byte_array_new ();
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (GVariant) map = NULL;
  HyphaSlice slice = { 0 };

  for (guint i = 0; i < n_parts; i++)
    g_string_append_len (text, (const char *) parts[i].data, (gssize) parts[i].size);

  node = hypha_json_parse (text->str, text->len, HYPHA_JSON_MAX_DEPTH, NULL);
  if (node == NULL)
    {
      g_warning ("control message is no JSON");
      return;
    }

  map = g_variant_ref_sink (hypha_json_to_variant (node));
  hypha_msgpack_encode (packed, map);
  slice.data = packed->data;
  slice.size = packed->len;
  hypha_http_stream_connection_queue (self, &slice, 1);
}

/* Enough was written for the clock that watches a slow reader to start again. */
static void
hypha_http_stream_connection_note_written (HyphaHttpStreamConnection *self,
                                           gsize                      written)
{
  if (!self->over_budget || self->state != STATE_OPEN)
    return;

  self->stall_written += written;
  if (self->outbox.queued < HYPHA_CONNECTION_QUEUE_BUDGET / 2)
    {
      self->over_budget = FALSE;
      hypha_http_stream_connection_update_deadline (self);
      hypha_connection_emit_drained (HYPHA_CONNECTION (self));
    }
  else if (self->stall_written >= HYPHA_HTTP_STREAM_STALL_PROGRESS)
    {
      self->stall_written = 0;
      self->stalled_at = hypha_http_stream_connection_get_time (self);
      hypha_http_stream_connection_update_deadline (self);
    }
}

static void
hypha_http_stream_connection_write (HyphaHttpStreamConnection *self)
{
  gsize before = self->outbox.queued;
  HyphaOutboxStatus status = hypha_outbox_flush (&self->outbox, self->client.fd);

  if (status == HYPHA_OUTBOX_FAILED)
    {
      hypha_http_stream_connection_lose (self, HYPHA_CLOSE_ABNORMAL, "connection lost");
      return;
    }

  /* The peer sees the end of the stream and closes its side; then we can. */
  if (status == HYPHA_OUTBOX_EMPTY && self->state == STATE_LINGERING)
    shutdown (self->client.fd, SHUT_WR);

  if (before > self->outbox.queued)
    self->ping_at = hypha_http_stream_connection_get_time (self) +
                    self->ping_interval * (gint64) 1000;
  hypha_http_stream_connection_note_written (self, before - self->outbox.queued);
}

static void
hypha_http_stream_connection_flush (HyphaPollerClient *client)
{
  g_autoptr (HyphaHttpStreamConnection) self =
    g_object_ref (hypha_http_stream_connection_from_client (client));

  if (self->over_cap)
    {
      hypha_http_stream_connection_lose (self, HYPHA_CLOSE_TRY_AGAIN,
                                         "too much is waiting to be read");
      return;
    }

  hypha_http_stream_connection_take_waiting (self);
  if (self->closing && self->state == STATE_OPEN)
    hypha_http_stream_connection_linger (self);
  if (self->state != STATE_SHUT)
    hypha_http_stream_connection_write (self);
  if (self->state != STATE_SHUT)
    hypha_poller_set_events (self->poller, &self->client,
                             EPOLLRDHUP | (self->outbox.queued > 0 ? EPOLLOUT : 0));
}

static void
hypha_http_stream_connection_ready (HyphaPollerClient *client,
                                    guint              events)
{
  g_autoptr (HyphaHttpStreamConnection) self =
    g_object_ref (hypha_http_stream_connection_from_client (client));

  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
    hypha_http_stream_connection_lose (self, HYPHA_CLOSE_ABNORMAL, "the client hung up");
  else
    hypha_poller_mark_dirty (self->poller, client);
}

/* Nothing was written for one interval, and nothing waits to be: a sign of life. */
static void
hypha_http_stream_connection_check_ping (HyphaHttpStreamConnection *self,
                                         gint64                     now)
{
  static const char ping[] = "{\"type\":\"ping\"}";
  HyphaSlice slice = { .data = (const guint8 *) ping, .size = strlen (ping) };

  if (now < self->ping_at)
    return;

  self->ping_at = now + self->ping_interval * (gint64) 1000;
  if (self->outbox.queued == 0)
    {
      hypha_http_stream_connection_queue_control (self, &slice, 1);
      hypha_poller_mark_dirty (self->poller, &self->client);
    }
}

static void
hypha_http_stream_connection_expired (HyphaPollerClient *client)
{
  g_autoptr (HyphaHttpStreamConnection) self =
    g_object_ref (hypha_http_stream_connection_from_client (client));
  gint64 now = hypha_http_stream_connection_get_time (self);

  if (self->state == STATE_LINGERING ||
      (self->over_budget && now >= self->stalled_at + self->stall_timeout * (gint64) 1000))
    {
      hypha_http_stream_connection_lose (self, HYPHA_CLOSE_TRY_AGAIN, "peer does not read");
      return;
    }

  hypha_http_stream_connection_check_ping (self, now);
  hypha_http_stream_connection_update_deadline (self);
}

const HyphaPollerFuncs hypha_http_stream_connection_poller_funcs = {
  .ready = hypha_http_stream_connection_ready,
  .flush = hypha_http_stream_connection_flush,
  .expired = hypha_http_stream_connection_expired,
};
