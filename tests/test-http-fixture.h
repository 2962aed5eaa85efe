/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-generator-private.h"
#include "hypha-http-gateway-private.h"
#include "hypha-local-client-private.h"
#include "test-hub-fixture.h"

G_BEGIN_DECLS

/* A whole server on a free port with one provider in it, “ws-a/provider”, and what asks it. */
typedef struct
{
  Hub              *hub;
  HyphaServer      *server;
  HyphaHttpGateway *gateway;
  HyphaLocalClient *provider;
  SoupSession      *session;
  char             *token;       /* of the workspace ws-a */
  char             *other_token; /* of another one */
  guint             n_open;      /* generators that nobody has closed */
  guint             n_pulled;
  guint             n_cancelled; /* calls of “wait” that were given up */
  gboolean          stopped;
  guint             n_peers;     /* before there was any request */
} Web;

/* What came back. */
typedef struct
{
  guint  status;
  char  *type;
  char  *text;
  gsize  size;
  SoupMessage *message;
} Answer;

Web          *web_new       (void);
void          web_free      (Web          *web);
void          web_register  (Web          *web,
                             HyphaService *service);
HyphaService *web_service   (const char   *id,
                             const char   *visibility,
                             const char   *type);
char         *web_url       (Web          *web,
                             const char   *path);

/* headers: “Name: value” texts until NULL. */
Answer       *web_ask       (Web          *web,
                             const char   *method,
                             const char   *path,
                             const char   *token,
                             const char   *body,
                             ...) G_GNUC_NULL_TERMINATED;
void          answer_free   (Answer       *answer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Web, web_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Answer, answer_free)

G_END_DECLS
