/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-http-stream-private.h"

#include <string.h>

#include "hypha-generator-private.h"
#include "hypha-http-apps-private.h"
#include "hypha-http-detail-private.h"
#include "hypha-msgpack-private.h"

/*
 * An item is asked for when the one before is written, so a slow reader makes the service slow and
 * nothing piles up. It ends with the generator, with an error of it, which is the last item, or
 * with the request: then the generator is closed.
 */
typedef struct
{
  HyphaHttpRequest     *request;
  HyphaRemoteGenerator *generator;  /* NULL once it is over */
  gboolean              raw;        /* items are the bytes of the answer */
} HyphaHttpStream;

static void
hypha_http_stream_free (gpointer data)
{
  HyphaHttpStream *self = data;

  g_clear_pointer (&self->generator, hypha_remote_generator_free);
  hypha_http_request_unref (self->request);
}

static void
hypha_http_stream_unref (HyphaHttpStream *self)
{
  g_rc_box_release_full (self, hypha_http_stream_free);
}

/* The request is over, and with it what kept the stream. */
static void
hypha_http_stream_on_end (gpointer data,
                          gpointer request)
{
  HyphaHttpStream *self = data;

  g_clear_pointer (&self->generator, hypha_remote_generator_free);
  hypha_http_stream_unref (self);
}

static GBytes *
hypha_http_stream_take_bytes (GVariant  *item,
                              GError   **error)
{
  GBytes *bytes = hypha_http_apps_dup_bytes (item);

  if (bytes == NULL)
    g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                         "a piece of a body must be bytes or a text");
  return bytes;
}

static GBytes *
hypha_http_stream_format (HyphaHttpStream  *self,
                          GVariant         *item,
                          GError          **error)
{
  g_autoptr (JsonNode) node = NULL;
  g_autofree char *json = NULL;
  char *text;

  if (self->raw)
    return hypha_http_stream_take_bytes (item, error);

  if (self->request->format == HYPHA_HTTP_FORMAT_MSGPACK)
    {
      GByteArray *out = g_byte_array_new ();

      hypha_msgpack_encode (out, item);
      return g_byte_array_free_to_bytes (out);
    }

  node = hypha_http_value_to_json (item, error);
  if (node == NULL)
    return NULL;

  json = json_to_string (node, FALSE);
  if (self->request->format == HYPHA_HTTP_FORMAT_EVENTS)
    text = g_strconcat ("data: ", json, "\n\n", NULL);
  else
    text = g_strconcat (json, "\n", NULL);
  return g_bytes_new_take (text, strlen (text));
}

/* The last piece. */
static void
hypha_http_stream_end (HyphaHttpStream *self)
{
  if (!self->raw && self->request->format == HYPHA_HTTP_FORMAT_EVENTS)
    {
      g_autoptr (GBytes) done = g_bytes_new_static ("data: [DONE]\n\n",
                                                    strlen ("data: [DONE]\n\n"));

      hypha_http_request_write (self->request, done);
    }

  hypha_http_request_complete (self->request);
}

static void
hypha_http_stream_fail (HyphaHttpStream *self,
                        const GError    *error)
{
  g_autofree char *detail = hypha_http_detail_dup (error->message);
  g_autoptr (GVariant) item = NULL;
  g_autoptr (GBytes) piece = NULL;

  /* What has no form has no room for an error either: it must not look whole. */
  if (self->raw)
    {
      g_debug ("the body of an answer ended early: %s", detail);
      hypha_http_request_abort (self->request);
      return;
    }

  item = g_variant_ref_sink (g_variant_new_parsed ("{'error': <%s>, 'type': <'error'>}", detail));
  piece = hypha_http_stream_format (self, item, NULL);
  self->request->on_wrote = NULL;
  hypha_http_request_write (self->request, piece);
  hypha_http_stream_end (self);
}

static void hypha_http_stream_pull (gpointer data,
                                    gpointer request);

static void
hypha_http_stream_pulled (GObject      *source,
                          GAsyncResult *result,
                          gpointer      data)
{
  HyphaHttpStream *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) item = NULL;
  g_autoptr (GBytes) piece = NULL;

  item = hypha_remote_generator_next_finish (self->generator, result, &error);
  if (item != NULL)
    piece = hypha_http_stream_format (self, item, &error);

  if (hypha_http_request_is_over (self->request))
    g_debug ("an item came when nobody waited for it any more");
  else if (error != NULL)
    hypha_http_stream_fail (self, error);
  else if (piece != NULL && g_bytes_get_size (piece) == 0)
    hypha_http_stream_pull (self, self->request);
  else if (piece != NULL)
    hypha_http_request_write (self->request, piece);
  else
    hypha_http_stream_end (self);

  hypha_http_stream_unref (self);
}

static void
hypha_http_stream_pull (gpointer data,
                        gpointer request)
{
  HyphaHttpStream *self = data;

  if (self->generator != NULL)
    hypha_remote_generator_next_async (self->generator, self->request->timeout,
                                       self->request->cancellable, hypha_http_stream_pulled,
                                       g_rc_box_acquire (self));
}

/* NULL if the request is answered: it is no generator. */
static HyphaHttpStream *
hypha_http_stream_new (HyphaHttpRequest *request,
                       GVariant         *generator,
                       const char       *provider)
{
  g_autoptr (GError) error = NULL;
  HyphaHttpStream *self;
  HyphaRemoteGenerator *remote;

  remote = hypha_remote_generator_new (hypha_http_request_get_rpc (request), generator, provider,
                                       &error);
  if (remote == NULL)
    {
      hypha_http_request_fail (request, error);
      return NULL;
    }

  self = g_rc_box_new0 (HyphaHttpStream);
  self->request = hypha_http_request_ref (request);
  self->generator = remote;
  request->on_end = hypha_http_stream_on_end;
  request->on_end_data = self;
  request->on_wrote = hypha_http_stream_pull;
  request->on_wrote_data = self;
  return self;
}

void
hypha_http_stream_start (HyphaHttpRequest *request,
                         GVariant         *generator,
                         const char       *provider)
{
  static const char *const content_types[] = {
    [HYPHA_HTTP_FORMAT_JSON] = "application/x-ndjson",
    [HYPHA_HTTP_FORMAT_EVENTS] = "text/event-stream",
    [HYPHA_HTTP_FORMAT_MSGPACK] = "application/msgpack",
  };
  HyphaHttpStream *self = hypha_http_stream_new (request, generator, provider);

  if (self == NULL)
    return;

  hypha_http_request_begin (request, content_types[request->format]);
  hypha_http_stream_pull (self, request);
}

void
hypha_http_stream_start_raw (HyphaHttpRequest *request,
                             GVariant         *generator,
                             const char       *provider)
{
  HyphaHttpStream *self = hypha_http_stream_new (request, generator, provider);

  if (self == NULL)
    return;

  self->raw = TRUE;
  if (!hypha_http_apps_has_body (request, soup_server_message_get_status (request->message)))
    {
      hypha_http_request_go_on (request);
      return;
    }

  hypha_http_request_begin (request, NULL);
  hypha_http_stream_pull (self, request);
}
