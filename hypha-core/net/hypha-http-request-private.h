/* SPDX-License-Identifier: MIT */
#pragma once

#include <json-glib/json-glib.h>

#include "hypha-http-value-private.h"
#include "hypha-identity-private.h"
#include "hypha-local-client-private.h"
#include "hypha-manager-private.h"
#include "hypha-server-private.h"

G_BEGIN_DECLS

/* How long one piece of an answer may take to reach the other side, in milliseconds. */
#define HYPHA_HTTP_WRITE_TIMEOUT 60000

/* How long an app may go on when its answer is complete, in milliseconds. */
#define HYPHA_HTTP_APP_LINGER 30000

/*
 * One HTTP request on its way: who asks, what about, and how it is answered. It is over when the
 * message is finished, whoever still holds it; from then on nothing is answered any more, and what
 * was begun on its behalf is cancelled.
 *
 * Whoever asks is a client of the router for as long as the request lasts, in its own workspace;
 * what it calls sees it like any other client.
 */
typedef struct
{
  HyphaServer       *server;       /* NULL when it is over, like the next two */
  HyphaManager      *manager;
  SoupServerMessage *message;
  HyphaIdentity      identity;
  char              *token_error;  /* why the token that came with it is none; NULL otherwise */
  char              *account;      /* as of HyphaShares */
  HyphaLocalClient  *client;       /* NULL until something is called */
  GCancellable      *cancellable;
  GSource           *watch;        /* of the socket, while it waits */
  char              *workspace;    /* of the path, like the next two: what is asked about */
  char              *service;
  char             **rest;         /* what follows, in decoded segments */
  char              *cookie_mark;  /* of an app, for HyphaHttpCookies; NULL for others */
  HyphaHttpFormat    format;
  GFunc              on_end;       /* what depends on it is told first; (data, request) */
  gpointer           on_end_data;
  GFunc              on_wrote;     /* the piece that was written last is out */
  gpointer           on_wrote_data;
  GSource           *write_deadline;
  GSource           *expiry;       /* of the token, while the answer comes */
  GSource           *linger_deadline;
  GFunc              on_left;      /* it has lingered long enough; (data, request) */
  gpointer           on_left_data;
  guint              n_pieces;     /* that are on their way */
  guint              timeout;      /* of a silent service, in milliseconds */
  guint              write_timeout; /* of a reader that takes nothing; the same */
  guint              linger;       /* of what was called, when the answer is complete; the same */
  guint              throttled : 1; /* its token is guessed, and many of its address were */
  guint              waiting : 1;  /* the message is paused */
  guint              streaming : 1;
  guint              given_up : 1; /* it ends before its time */
  guint              lingers : 1;  /* what was called has an end of its own */
  guint              told : 1;     /* somebody was told of the end, and may say something last */
} HyphaHttpRequest;

HyphaHttpRequest *hypha_http_request_new          (HyphaServer       *server,
                                                   HyphaManager      *manager,
                                                   SoupServerMessage *message);
HyphaHttpRequest *hypha_http_request_ref          (HyphaHttpRequest  *self);
void              hypha_http_request_unref        (HyphaHttpRequest  *self);
gboolean          hypha_http_request_is_over      (HyphaHttpRequest  *self);
void              hypha_http_request_end          (HyphaHttpRequest  *self);
gboolean          hypha_http_request_linger       (HyphaHttpRequest  *self,
                                                   GFunc              on_left,
                                                   gpointer           data);
void              hypha_http_request_leave        (HyphaHttpRequest  *self);
gboolean          hypha_http_request_is_foreign   (HyphaHttpRequest  *self);
const char       *hypha_http_request_get_header   (HyphaHttpRequest  *self,
                                                   const char        *name);
const char       *hypha_http_request_get_query    (HyphaHttpRequest  *self);
gboolean          hypha_http_request_is_for_others (HyphaHttpRequest *self,
                                                    const char       *authorization);
HyphaUserInfo    *hypha_http_request_get_user     (HyphaHttpRequest  *self);
HyphaRpc         *hypha_http_request_get_rpc      (HyphaHttpRequest  *self);
void              hypha_http_request_wait         (HyphaHttpRequest  *self);
void              hypha_http_request_go_on        (HyphaHttpRequest  *self);
void              hypha_http_request_add_cors     (HyphaHttpRequest  *self);
void              hypha_http_request_answer       (HyphaHttpRequest  *self,
                                                   guint              status,
                                                   const char        *content_type,
                                                   GBytes            *body);
void              hypha_http_request_answer_json  (HyphaHttpRequest  *self,
                                                   guint              status,
                                                   JsonNode          *body);
void              hypha_http_request_answer_value (HyphaHttpRequest  *self,
                                                   GVariant          *value);
void              hypha_http_request_refuse       (HyphaHttpRequest  *self,
                                                   guint              status,
                                                   const char        *detail);
void              hypha_http_request_refuse_missing (HyphaHttpRequest *self,
                                                     const char       *detail);
void              hypha_http_request_fail         (HyphaHttpRequest  *self,
                                                   const GError      *error);
void              hypha_http_request_begin        (HyphaHttpRequest  *self,
                                                   const char        *content_type);
void              hypha_http_request_write        (HyphaHttpRequest  *self,
                                                   GBytes            *piece);
void              hypha_http_request_complete     (HyphaHttpRequest  *self);
void              hypha_http_request_abort        (HyphaHttpRequest  *self);
void              hypha_http_request_give_up      (HyphaHttpRequest  *self,
                                                   const char        *why);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaHttpRequest, hypha_http_request_unref)

G_END_DECLS
