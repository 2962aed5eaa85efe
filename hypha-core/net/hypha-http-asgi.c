/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-http-apps-private.h"

#include "hypha-http-detail-private.h"
#include "hypha-http-services-private.h"
#include "hypha-session-private.h"

/*
 * One request that an ASGI app serves: it takes the body by receive() and answers by send(), which
 * are functions of a session that lasts as long as its serve(). A send() is answered when the piece
 * is written, so a slow reader makes the app slow.
 */
typedef struct
{
  HyphaHttpRequest *request;
  char             *provider;
  GBytes           *body;
  gsize             taken;      /* bytes of body that the app has */
  guint             n_received; /* calls of receive() beyond the end of the body */
  GQueue            listening;  /* of HyphaInvocation: receive() that waits for the end */
  GQueue            writing;    /* of HyphaInvocation: send() whose piece is on its way */
  GQueue            sizes;      /* of these pieces, in bytes */
  gsize             queued;     /* the sum of them */
  guint             started : 1;
  guint             completed : 1;
  guint             failed : 1;
  guint             served : 1;
} HyphaHttpAsgi;

static void
hypha_http_asgi_free (gpointer data)
{
  HyphaHttpAsgi *self = data;

  g_queue_clear_full (&self->listening, (GDestroyNotify) hypha_invocation_unref);
  g_queue_clear_full (&self->writing, (GDestroyNotify) hypha_invocation_unref);
  g_queue_clear (&self->sizes);
  g_clear_pointer (&self->body, g_bytes_unref);
  g_free (self->provider);
  hypha_http_request_unref (self->request);
}

static void
hypha_http_asgi_unref (gpointer data)
{
  g_rc_box_release_full (data, hypha_http_asgi_free);
}

static void
hypha_http_asgi_disconnected (HyphaInvocation *invocation)
{
  hypha_invocation_return (invocation, g_variant_new_parsed ("{'type': <'http.disconnect'>}"));
}

/* The request is over: who waits for anything is told. */
static void
hypha_http_asgi_on_end (gpointer data,
                        gpointer request)
{
  HyphaHttpAsgi *self = data;
  HyphaInvocation *invocation;

  while ((invocation = g_queue_pop_head (&self->listening)) != NULL)
    {
      hypha_http_asgi_disconnected (invocation);
      hypha_invocation_unref (invocation);
    }

  while ((invocation = g_queue_pop_head (&self->writing)) != NULL)
    {
      hypha_invocation_return_null (invocation);
      hypha_invocation_unref (invocation);
    }

  /* An app that goes on has no use for it. */
  g_bytes_unref (self->body);
  self->body = g_bytes_new_static ("", 0);
  self->taken = 0;
  hypha_http_asgi_unref (self);
}

static void
hypha_http_asgi_on_wrote (gpointer data,
                          gpointer request)
{
  HyphaHttpAsgi *self = data;
  HyphaInvocation *invocation = g_queue_pop_head (&self->writing);

  self->queued -= GPOINTER_TO_SIZE (g_queue_pop_head (&self->sizes));
  if (invocation != NULL)
    {
      hypha_invocation_return_null (invocation);
      hypha_invocation_unref (invocation);
    }
}

static void
hypha_http_asgi_complete (HyphaHttpAsgi *self)
{
  if (!self->completed)
    {
      self->request->lingers = !self->served;
      hypha_http_request_complete (self->request);
    }

  self->completed = TRUE;
}

/* What it was to be is not known yet: an error can be told. Otherwise the answer is broken off. */
static void
hypha_http_asgi_fail (HyphaHttpAsgi *self,
                      const char    *why)
{
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (JsonObject) object = NULL;
  g_autofree char *detail = NULL;

  if (self->completed || hypha_http_request_is_over (self->request))
    return;

  self->completed = TRUE;
  self->failed = TRUE;
  self->request->lingers = !self->served;
  if (self->started)
    {
      hypha_http_request_abort (self->request);
      return;
    }

  node = json_node_alloc ();
  object = json_object_new ();
  json_object_set_boolean_member (object, "success", FALSE);
  json_object_set_string_member (object, "detail", "Internal Server Error");
  detail = hypha_http_detail_dup (why);
  json_object_set_string_member (object, "error", detail);
  json_node_init_object (node, object);
  hypha_http_request_answer_json (self->request, SOUP_STATUS_INTERNAL_SERVER_ERROR, node);
}

/* The next piece of the body; then that there is no more; then, when it is so, that it is over. */
static void
hypha_http_asgi_receive (HyphaInvocation *invocation,
                         gpointer         data)
{
  HyphaHttpAsgi *self = data;
  gsize left = g_bytes_get_size (self->body) - self->taken;
  gsize size = MIN (left, HYPHA_HTTP_APP_PIECE);
  g_autoptr (GBytes) piece = NULL;

  if (hypha_http_request_is_over (self->request))
    {
      hypha_http_asgi_disconnected (invocation);
      return;
    }

  if (left == 0 && self->n_received >= 2)
    {
      g_queue_push_tail (&self->listening, hypha_invocation_ref (invocation));
      return;
    }

  piece = g_bytes_new_from_bytes (self->body, self->taken, size);
  self->taken += size;
  if (size == left)
    self->n_received++;
  hypha_invocation_return (invocation, g_variant_new_parsed (
    "{'type': <'http.request'>, 'body': <%@ay>, 'more_body': <%b>}",
    g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, piece, TRUE), size < left));
}

static gboolean
hypha_http_asgi_start (HyphaHttpAsgi  *self,
                       GVariant       *message,
                       GError        **error)
{
  HyphaHttpRequest *request = self->request;
  g_autoptr (GVariant) headers = g_variant_lookup_value (message, "headers", NULL);
  guint status;

  if (self->started)
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                           "http.response.start was sent already");
      return FALSE;
    }

  if (!hypha_http_apps_take_status (message, &status, error))
    return FALSE;

  hypha_http_request_add_cors (request);
  if (headers != NULL && !hypha_http_apps_set_headers (request, headers, error))
    return FALSE;

  self->started = TRUE;
  soup_server_message_set_status (request->message, status, NULL);
  if (hypha_http_apps_has_body (request, status))
    {
      hypha_http_request_begin (request, NULL);
    }
  else
    {
      self->completed = TRUE;
      request->lingers = TRUE;
      hypha_http_request_go_on (request);
    }

  return TRUE;
}

/* An app that waits for each piece to be taken never comes here twice at once. */
static gboolean
hypha_http_asgi_enqueue (HyphaHttpAsgi    *self,
                         HyphaInvocation  *invocation,
                         GBytes           *body,
                         GError          **error)
{
  gsize size = g_bytes_get_size (body);

  if (self->queued > 0 && self->queued + size > HYPHA_HTTP_MAX_APP_QUEUE)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE,
                   "more than %" G_GSIZE_FORMAT " bytes wait to be taken; wait for each send()",
                   HYPHA_HTTP_MAX_APP_QUEUE);
      return FALSE;
    }

  self->queued += size;
  g_queue_push_tail (&self->sizes, GSIZE_TO_POINTER (size));
  g_queue_push_tail (&self->writing, hypha_invocation_ref (invocation));
  hypha_http_request_write (self->request, body);
  return TRUE;
}

/* more_body absent means “until serve() is done”: some apps never say it. */
static gboolean
hypha_http_asgi_write (HyphaHttpAsgi    *self,
                       HyphaInvocation  *invocation,
                       GVariant         *message,
                       GError          **error)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (message, "body", NULL);
  g_autoptr (GBytes) body = NULL;
  gboolean more = TRUE;

  if (!self->started)
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                           "http.response.body was sent before http.response.start");
      return FALSE;
    }

  body = value != NULL ? hypha_http_apps_dup_bytes (value) : g_bytes_new_static ("", 0);
  if (body == NULL)
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                           "a body must be bytes or a text");
      return FALSE;
    }

  g_variant_lookup (message, "more_body", "b", &more);
  if (g_bytes_get_size (body) == 0)
    hypha_invocation_return_null (invocation);
  else if (!hypha_http_asgi_enqueue (self, invocation, body, error))
    return FALSE;

  if (!more)
    hypha_http_asgi_complete (self);
  return TRUE;
}

static void
hypha_http_asgi_send (HyphaInvocation *invocation,
                      gpointer         data)
{
  HyphaHttpAsgi *self = data;
  g_autoptr (GVariant) message = hypha_invocation_dup_arg (invocation, 0, "message");
  g_autoptr (GError) error = NULL;
  const char *type = "";

  /* All of the answer is out; more than what was asked for is nothing bad. */
  if (self->completed && !self->failed)
    {
      hypha_invocation_return_null (invocation);
      return;
    }

  if (self->failed || hypha_http_request_is_over (self->request))
    {
      hypha_invocation_return_error (invocation,
                                     g_error_new_literal (HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED,
                                                          "nobody waits for the answer any more"));
      return;
    }

  if (message != NULL && g_variant_is_of_type (message, G_VARIANT_TYPE_VARDICT))
    g_variant_lookup (message, "type", "&s", &type);

  if (g_str_equal (type, "http.response.start"))
    {
      if (hypha_http_asgi_start (self, message, &error))
        hypha_invocation_return_null (invocation);
    }
  else if (g_str_equal (type, "http.response.body"))
    {
      hypha_http_asgi_write (self, invocation, message, &error);
    }
  else
    {
      error = g_error_new_literal (HYPHA_ERROR, HYPHA_ERROR_UNSUPPORTED,
                                   "send() takes http.response.start and http.response.body");
    }

  if (error == NULL)
    return;

  /* An app that is told may not look; who waits for its answer is told as well. */
  hypha_http_asgi_fail (self, error->message);
  hypha_invocation_return_error (invocation, g_steal_pointer (&error));
}

/* serve() ended with an error. */
static void
hypha_http_asgi_end (HyphaHttpAsgi *self,
                     const GError  *error)
{
  if (self->started || self->completed || !g_error_matches (error, HYPHA_ERROR, HYPHA_ERROR_TIMED_OUT))
    {
      hypha_http_asgi_fail (self, error->message);
      return;
    }

  self->completed = TRUE;
  self->failed = TRUE;
  hypha_http_request_fail (self->request, error);
}

static void
hypha_http_asgi_served (GObject      *source,
                        GAsyncResult *result,
                        gpointer      data)
{
  HyphaHttpAsgi *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = hypha_rpc_call_finish (HYPHA_RPC (source), result, &error);

  self->served = TRUE;
  self->request->lingers = FALSE;
  if (hypha_http_request_is_over (self->request))
    hypha_http_request_leave (self->request);
  else if (value == NULL)
    hypha_http_asgi_end (self, error);
  else if (!self->started)
    hypha_http_asgi_fail (self, "the app ended without an answer");
  else
    hypha_http_asgi_complete (self);

  hypha_http_asgi_unref (self);
}

static GVariant *
hypha_http_asgi_argument (HyphaHttpAsgi  *self,
                          HyphaSession   *session,
                          GError        **error)
{
  g_autoptr (GVariant) receive = NULL;
  g_autoptr (GVariant) send = NULL;
  GVariant *scope;

  receive = hypha_session_add_function (session, "receive", hypha_http_asgi_receive,
                                        g_rc_box_acquire (self), hypha_http_asgi_unref, error);
  if (receive == NULL)
    return NULL;

  g_variant_ref_sink (receive);
  send = hypha_session_add_function (session, "send", hypha_http_asgi_send,
                                     g_rc_box_acquire (self), hypha_http_asgi_unref, error);
  if (send == NULL)
    return NULL;

  g_variant_ref_sink (send);
  scope = hypha_http_apps_scope (self->request);
  return g_variant_new_parsed ("[<{'scope': <%*>, 'receive': <%*>, 'send': <%*>}>]", scope, receive,
                               send);
}

/* Calls serve({scope, receive, send}) of the app. */
void
hypha_http_asgi_serve (HyphaHttpRequest *request,
                       HyphaServiceInfo *info)
{
  HyphaHttpAsgi *self = g_rc_box_new0 (HyphaHttpAsgi);
  HyphaRpc *rpc = hypha_http_request_get_rpc (request);
  HyphaRpcRequest call = { .timeout = request->timeout };
  g_autoptr (HyphaSession) session = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *method = NULL;

  self->request = hypha_http_request_ref (request);
  self->provider = hypha_http_call_provider (info);
  self->body = soup_message_body_flatten (soup_server_message_get_request_body (request->message));
  g_queue_init (&self->listening);
  g_queue_init (&self->writing);
  g_queue_init (&self->sizes);

  session = hypha_session_new (rpc, self->provider, &error);
  if (session != NULL)
    call.args = hypha_http_asgi_argument (self, session, &error);
  if (call.args == NULL)
    {
      hypha_http_request_fail (request, error);
      hypha_http_asgi_unref (self);
      return;
    }

  request->on_end = hypha_http_asgi_on_end;
  request->on_end_data = g_rc_box_acquire (self);
  request->on_wrote = hypha_http_asgi_on_wrote;
  request->on_wrote_data = self;
  call.session = session;
  method = g_strdup_printf ("services.%s.serve", hypha_service_info_get_service (info));
  hypha_http_request_wait (request);
  hypha_rpc_request_async (rpc, self->provider, method, &call, request->cancellable,
                           hypha_http_asgi_served, self);
}
