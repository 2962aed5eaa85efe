/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-http-stream-connection-private.h"
#include "hypha-server-private.h"
#include "hypha-site-private.h"
#include "hypha-websocket-connection-private.h"

G_BEGIN_DECLS

/* For the two halves of the class alone: listening and stopping, and what happens to a request. */

/*
 * The one listener: libsoup serves HTTP and checks the WebSocket handshake, then gives up the
 * socket, which becomes a HyphaConnection.
 *
 * Every request has to pass the checks of HyphaSitePolicy before a handler sees it. They run when
 * the headers have come, but right after libsoup's early handlers; so those are not for use here.
 */
struct _HyphaServer
{
  GObject            parent_instance;

  SoupServer        *soup;
  GHashTable        *connections; /* HyphaWebsocketConnection, not owned */
  GHashTable        *streams;     /* HyphaHttpStreamConnection, not owned */
  GHashTable        *requests;    /* SoupServerMessage, not owned → HyphaRequest */
  HyphaSitePolicy    policy;
  HyphaServerAccept  accept;
  gpointer           accept_data;
  HyphaServerAdmission admission;
  gpointer           admission_data;
  GTask             *stopping;
  GSource           *stop_deadline;
  guint              keep_alive;
  guint              max_connections;
  gsize              bodies;      /* bytes of the requests' bodies that are in memory */
  gsize              max_bodies;
  gsize              max_bodies_of_address;
  GHashTable        *bodies_of;   /* address, as of HyphaThrottle → gsize of bodies */
  guint              body_timeout;
  guint              body_stall;
  GHashTable        *sockets;     /* GSocket, not owned → HyphaServerSocket: all that are open */
  GHashTable        *sockets_of;  /* address, as of HyphaThrottle → guint of sockets */
  GQueue             waiting;     /* HyphaServerSocket whose request's head comes, oldest first */
  GQueue             idle;        /* HyphaServerSocket between two requests, oldest first */
  GQueue             bodies_coming; /* HyphaServerSocket of a body, the slowest first */
  GQueue             leaving;     /* HyphaServerSocket that was told to go, oldest first */
  GSource           *wait_deadline; /* of the oldest ones */
  guint              n_cut;       /* of the sockets, those that were told to go */
  guint              max_sockets;
  guint              max_sockets_of_address;
  guint              head_timeout;
  guint              idle_timeout;
  guint              n_refused;   /* since the log said so */
  gint64             refusal_logged_at;
  GPtrArray         *watches;     /* GSource, on listening sockets that libsoup may give up */
  GSource           *resume;      /* while no connection is accepted */
  gint64             resumed_at;
  guint              port;
  gboolean           restarting;  /* clients are told to come back */
};

typedef struct
{
  gsize    received;
  gsize    kept;        /* of it, what is in memory */
  gsize    paced;       /* of it, what came since the deadline was set */
  char    *owner;       /* a foreign address, or the network of one; NULL for this machine */
  guint    refused : 1; /* for its body, which is not kept */
} HyphaRequest;

/* A connection, from when it is accepted until its socket is freed, whoever has it by then. */
typedef struct
{
  HyphaServer *server;   /* not owned, like the socket */
  GSocket     *socket;
  char        *owner;    /* as in HyphaRequest */
  GQueue      *queue;    /* where it is, if it waits */
  GList        link;
  gint64       deadline; /* while it is there */
  SoupServerMessage *message; /* not owned: while its body comes */
  guint        cut : 1;
} HyphaServerSocket;

/* Clients know this reason. */
#define SHUTDOWN_REASON "Server shutting down"

void     hypha_request_free       (gpointer           data);
void     hypha_server_refuse      (HyphaServer       *self,
                                   SoupServerMessage *message,
                                   guint              status,
                                   const char        *text);
void     hypha_server_expect_body (HyphaServer       *self,
                                   SoupServerMessage *message);
void     hypha_server_check_body  (HyphaServer       *self,
                                   SoupServerMessage *message);
gboolean hypha_server_keep_body   (HyphaServer       *self,
                                   HyphaRequest      *request,
                                   gsize              size);
void     hypha_server_drop_body   (HyphaServer       *self,
                                   HyphaRequest      *request);
void     hypha_server_cut_off     (HyphaServer       *self,
                                   SoupServerMessage *message,
                                   guint              status,
                                   const char        *text);
gboolean hypha_server_check_framing (HyphaServer       *self,
                                     SoupServerMessage *message);
void     hypha_server_init_sockets   (HyphaServer   *self);
void     hypha_server_clear_sockets  (HyphaServer   *self);
gboolean hypha_server_count_address  (HyphaServer   *self,
                                      const char    *owner);
void     hypha_server_forget_address (HyphaServer   *self,
                                      const char    *owner);
void     hypha_server_expect_head    (HyphaServer   *self,
                                      GSocket       *socket);
gboolean hypha_server_got_head       (HyphaServer   *self,
                                      GSocket       *socket);
void     hypha_server_wait_for_body  (HyphaServer       *self,
                                      SoupServerMessage *message);
void     hypha_server_expect_request (HyphaServer   *self,
                                      GSocket       *socket);
void     hypha_server_cut_socket     (HyphaServer   *self,
                                      GSocket       *socket,
                                      const char    *answer);
void     hypha_server_log_refusal    (HyphaServer   *self,
                                      const char    *why);
void     hypha_server_limit_sockets  (HyphaServer   *self);
void     hypha_server_watch_listeners   (HyphaServer *self);
void     hypha_server_unwatch_listeners (HyphaServer *self);
void hypha_server_say_goodbye     (HyphaServer       *self,
                                   HyphaConnection   *connection);
void hypha_server_check_stopped   (HyphaServer       *self);
void hypha_server_request_started (HyphaServer       *self,
                                   SoupServerMessage *message,
                                   SoupServer        *soup);
void hypha_server_request_ended   (HyphaServer       *self,
                                   SoupServerMessage *message,
                                   SoupServer        *soup);

G_END_DECLS
