/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-server-internal-private.h"
#include "test-utils.h"

G_BEGIN_DECLS

/* A server on a free port, which answers at /hello, and what came to it. */
typedef struct
{
  HyphaServer *server;
  GPtrArray   *connections;  /* of HyphaConnection: the WebSockets */
  guint        port;
  guint        n_handled;
  gsize        body_size;    /* of the last request */
  gboolean     stopping;
  gboolean     stopped;
} ServerFixture;

/* A raw HTTP client: what it sends, and all that it got until the server closed or was done. */
typedef struct
{
  int      fd;
  GString *answer;
  gboolean eof;
} RawClient;

void     server_stop               (HyphaServer   *server,
                                    gboolean      *stopped);
void     server_fixture_set_up     (ServerFixture *fixture,
                                    gconstpointer  host);
void     server_fixture_stop       (ServerFixture *fixture);
void     server_fixture_tear_down  (ServerFixture *fixture,
                                    gconstpointer  data);
guint    server_ask                (ServerFixture *fixture,
                                    const char    *request);
guint    server_ask_with           (ServerFixture *fixture,
                                    const char    *path,
                                    const char    *host,
                                    const char    *origin,
                                    gboolean       upgrade);

void     raw_open                  (RawClient     *client,
                                    guint          port,
                                    const char    *request);
void     raw_open_websocket        (RawClient     *client,
                                    guint          port);
void     raw_clear                 (RawClient     *client);
gboolean raw_send_some             (RawClient     *client,
                                    const char    *data,
                                    gsize          size);
gboolean raw_poll                  (gpointer       client);
gboolean raw_at_eof                (gpointer       client);
void     raw_wait                  (RawClient     *client,
                                    TestCondition  condition);
guint    raw_get_status            (RawClient     *client);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (RawClient, raw_clear)

G_END_DECLS
