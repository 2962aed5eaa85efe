/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-http-rpc-private.h"
#include "test-hub-fixture.h"

G_BEGIN_DECLS

/* The address of the client that most tests have, and its proof is “alice”. */
#define ALICE_A "client_id=a&workspace=ws-a"

/* A hub behind a real server on a free port. */
typedef struct
{
  Hub          *hub;
  HyphaServer  *server;
  HyphaHttpRpc *http_rpc;
  char         *alice;     /* tokens of the workspace ws-a */
  char         *bob;
  guint         port;
  guint         tick;
  gboolean      stopping;
  gboolean      stopped;
} RpcFixture;

/* One request by raw bytes, and what came back so far. */
typedef struct
{
  int         fd;
  GByteArray *raw;
  GByteArray *body;    /* without what chunks it */
  gsize       parsed;  /* of raw; 0 until the head is complete */
  gsize       taken;   /* of body, by request_take_frame() */
  guint       status;
  gboolean    chunked;
  gboolean    ended;   /* the last chunk came */
  gboolean    eof;
} Request;

void             rpc_set_up           (RpcFixture     *fixture,
                                       gconstpointer   data);
void             rpc_stop             (RpcFixture     *fixture);
void             rpc_tear_down        (RpcFixture     *fixture,
                                       gconstpointer   data);
HyphaConnection *rpc_find_connection  (RpcFixture     *fixture,
                                       const char     *id);

Request         *request_new          (RpcFixture     *fixture,
                                       const char     *head,
                                       GBytes         *body);
void             request_free         (Request        *request);
void             request_poll         (Request        *request);
gboolean         request_is_answered  (gpointer        request);
gboolean         request_is_over      (gpointer        request);
GVariant        *request_take_frame   (Request        *request,
                                       GVariant      **extra);
void             request_expect_echo  (Request        *stream,
                                       guint           number);

/* Requests at /rpc; query is what follows the question mark, token a bearer or NULL. */
Request         *rpc_start_get        (RpcFixture     *fixture,
                                       const char     *query,
                                       const char     *token);
guint            rpc_get_status       (RpcFixture     *fixture,
                                       const char     *query,
                                       const char     *token);
Request         *rpc_open_stream      (RpcFixture     *fixture,
                                       const char     *query,
                                       const char     *token,
                                       GVariant      **info);
Request         *rpc_start_post       (RpcFixture     *fixture,
                                       const char     *query,
                                       const char     *token,
                                       GBytes         *body);
guint            rpc_post             (RpcFixture     *fixture,
                                       const char     *query,
                                       const char     *token,
                                       GBytes         *body);
guint            rpc_post_echo        (RpcFixture     *fixture,
                                       const char     *query,
                                       const char     *token,
                                       guint           number);

GBytes          *rpc_pack             (const char     *text,
                                       const char     *more);
GBytes          *rpc_pack_echo        (guint           number);
char            *rpc_lookup_string    (GVariant       *map,
                                       const char     *key);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Request, request_free)

G_END_DECLS
