/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-http-gateway-private.h"

#include "hypha-http-answer-private.h"
#include "hypha-http-routes-private.h"
#include "hypha-shares-private.h"

/*
 * HyphaHttpGateway: services over plain HTTP. It finds out what a path means and hands the request
 * on. Who asks is what a verified token says, and nobody otherwise: the workspace in the path is what
 * is asked about, never who asks.
 */
struct _HyphaHttpGateway
{
  GObject       parent_instance;

  HyphaServer  *server;
  HyphaManager *manager;
  HyphaShares  *shares;        /* of the requests */
  GHashTable   *requests;      /* SoupServerMessage, not owned → HyphaHttpRequest */
  GHashTable   *lingering;     /* HyphaHttpRequest: they are answered */
  guint         timeout;
  guint         write_timeout;
  guint         linger;
  guint         max_requests;
};

G_DEFINE_FINAL_TYPE (HyphaHttpGateway, hypha_http_gateway, G_TYPE_OBJECT)

static void
hypha_http_gateway_left (gpointer data,
                         gpointer request)
{
  HyphaHttpGateway *self = data;

  g_hash_table_remove (self->lingering, request);
}

static void
hypha_http_gateway_finished (SoupServerMessage *message,
                             HyphaHttpGateway  *self)
{
  HyphaHttpRequest *request = g_hash_table_lookup (self->requests, message);

  hypha_shares_give_back (self->shares, request->account, 1);
  if (g_hash_table_size (self->lingering) < self->max_requests &&
      hypha_http_request_linger (request, hypha_http_gateway_left, self))
    {
      g_hash_table_steal (self->requests, message);
      g_hash_table_add (self->lingering, request);
      return;
    }

  g_hash_table_remove (self->requests, message);
}

static void
hypha_http_gateway_drop_request (gpointer data)
{
  HyphaHttpRequest *request = data;

  request->on_left = NULL;
  hypha_http_request_end (request);
  hypha_http_request_unref (request);
}

static void
hypha_http_gateway_dispose (GObject *object)
{
  HyphaHttpGateway *self = HYPHA_HTTP_GATEWAY (object);

  if (self->server != NULL)
    soup_server_remove_handler (hypha_server_get_soup (self->server), "/");

  g_clear_pointer (&self->requests, g_hash_table_unref);
  g_clear_pointer (&self->lingering, g_hash_table_unref);
  g_clear_pointer (&self->shares, hypha_shares_free);
  g_clear_object (&self->server);
  g_clear_object (&self->manager);

  G_OBJECT_CLASS (hypha_http_gateway_parent_class)->dispose (object);
}

static void
hypha_http_gateway_class_init (HyphaHttpGatewayClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = hypha_http_gateway_dispose;
}

static void
hypha_http_gateway_init (HyphaHttpGateway *self)
{
  self->requests = g_hash_table_new_full (NULL, NULL, NULL, hypha_http_gateway_drop_request);
  self->lingering = g_hash_table_new_full (NULL, NULL, hypha_http_gateway_drop_request, NULL);
  self->timeout = HYPHA_RPC_TIMEOUT;
  self->write_timeout = HYPHA_HTTP_WRITE_TIMEOUT;
  self->linger = HYPHA_HTTP_APP_LINGER;
  hypha_http_gateway_set_max_requests (self, HYPHA_HTTP_MAX_REQUESTS);
}

static void
hypha_http_gateway_refuse_guess (HyphaHttpRequest *request)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (request->message);
  g_autofree char *seconds = g_strdup_printf ("%d", HYPHA_THROTTLE_COOL_DOWN);

  soup_message_headers_replace (headers, "Retry-After", seconds);
  hypha_http_request_add_cors (request);
  hypha_http_answer_fail (request->message, HYPHA_HTTP_TOO_MANY_REQUESTS,
                          "too many failed attempts from this address: try again later");
}

static void
hypha_http_gateway_handle (SoupServer        *soup,
                           SoupServerMessage *message,
                           const char        *path,
                           GHashTable        *query,
                           gpointer           data)
{
  HyphaHttpGateway *self = data;
  g_autoptr (HyphaHttpRequest) request = NULL;
  HyphaHttpHandler handler;

  request = hypha_http_request_new (self->server, self->manager, message);
  request->timeout = self->timeout;
  request->write_timeout = self->write_timeout;
  request->linger = self->linger;
  if (request->throttled)
    {
      hypha_http_gateway_refuse_guess (request);
      return;
    }

  if (!hypha_shares_has_room (self->shares, request->account, 1))
    {
      hypha_http_request_refuse (request, SOUP_STATUS_SERVICE_UNAVAILABLE,
                                 "too many requests wait already; try again later");
      return;
    }

  hypha_shares_take (self->shares, request->account, 1);
  g_hash_table_insert (self->requests, message, hypha_http_request_ref (request));
  g_signal_connect_object (message, "finished", G_CALLBACK (hypha_http_gateway_finished), self, 0);
  handler = hypha_http_routes_find (request);
  handler (request);
}

static void
hypha_http_gateway_give_up (HyphaHttpRequest *request,
                            const char       *token_id)
{
  if (hypha_user_info_comes_from (hypha_http_request_get_user (request), token_id))
    hypha_http_request_give_up (request, "Token has been revoked");
}

/* What was asked for with a token, and goes on, ends with it, as connections do. */
static void
hypha_http_gateway_on_revoked (HyphaAuthority   *authority,
                               const char       *token_id,
                               HyphaHttpGateway *self)
{
  g_autoptr (GPtrArray) requests =
    g_ptr_array_new_with_free_func ((GDestroyNotify) hypha_http_request_unref);
  GHashTableIter iter;
  gpointer request;

  g_hash_table_iter_init (&iter, self->requests);
  while (g_hash_table_iter_next (&iter, NULL, &request))
    g_ptr_array_add (requests, hypha_http_request_ref (request));
  g_hash_table_iter_init (&iter, self->lingering);
  while (g_hash_table_iter_next (&iter, &request, NULL))
    g_ptr_array_add (requests, hypha_http_request_ref (request));

  for (guint i = 0; i < requests->len; i++)
    hypha_http_gateway_give_up (requests->pdata[i], token_id);
}

/* How long a service may be silent before a call of it fails, in ms. */
void
hypha_http_gateway_set_timeout (HyphaHttpGateway *self,
                                guint             timeout)
{
  self->timeout = timeout;
}

/* How long a reader may take nothing of what there is, in ms. */
void
hypha_http_gateway_set_write_timeout (HyphaHttpGateway *self,
                                      guint             write_timeout)
{
  self->write_timeout = write_timeout;
}

/* How long an app may go on when its answer is complete, in ms. */
void
hypha_http_gateway_set_linger (HyphaHttpGateway *self,
                               guint             linger)
{
  self->linger = linger;
}

/* Before there is any. */
void
hypha_http_gateway_set_max_requests (HyphaHttpGateway *self,
                                     guint             max_requests)
{
  g_assert (self->shares == NULL || hypha_shares_get_n (self->shares) == 0);

  g_clear_pointer (&self->shares, hypha_shares_free);
  self->shares = hypha_shares_new (max_requests, max_requests);
  self->max_requests = max_requests;
}

/* The requests that are not over. */
guint
hypha_http_gateway_get_n_requests (HyphaHttpGateway *self)
{
  return g_hash_table_size (self->requests);
}

/* Answers the requests of server; it is the core's to keep. */
HyphaHttpGateway *
hypha_http_gateway_new (HyphaServer  *server,
                        HyphaManager *manager)
{
  HyphaHttpGateway *self = g_object_new (HYPHA_TYPE_HTTP_GATEWAY, NULL);

  self->server = g_object_ref (server);
  self->manager = g_object_ref (manager);
  soup_server_add_handler (hypha_server_get_soup (server), "/", hypha_http_gateway_handle, self,
                           NULL);
  g_signal_connect_object (hypha_manager_get_authority (manager), "revoked",
                           G_CALLBACK (hypha_http_gateway_on_revoked), self, 0);
  return self;
}
