/* SPDX-License-Identifier: MIT */
#pragma once

#include <libsoup/soup.h>

#include "hypha-connection-private.h"
#include "hypha-error-private.h"

G_BEGIN_DECLS

#define HYPHA_TYPE_SERVER (hypha_server_get_type ())

G_DECLARE_FINAL_TYPE (HyphaServer, hypha_server, HYPHA, SERVER, GObject)

/* WebSockets and HTTP streams that may be open at once; one more is answered with 503. */
#define HYPHA_SERVER_MAX_CONNECTIONS 10000

/*
 * Sockets that may be open at once, whatever they say or do not say; fewer where the process may not
 * have so many files, of which HYPHA_SERVER_RESERVED_FILES stay free for everything else. For one
 * more, whoever has kept us waiting longest for a request has to go, then whose body has come to a
 * halt; if there is nobody, it gets a 503.
 */
#define HYPHA_SERVER_MAX_SOCKETS 15000
#define HYPHA_SERVER_RESERVED_FILES 256

/* Of these, the part that one foreign address (of IPv6, one /64 network) may have: a quarter. */
#define HYPHA_SERVER_ADDRESS_PART 4

/* In so many ms the head of a request has to come, or else a 408; what is open may wait for one. */
#define HYPHA_SERVER_HEAD_TIMEOUT 10000
#define HYPHA_SERVER_IDLE_TIMEOUT 75000

/* How long, in ms, libsoup may take to close who was told to go. */
#define HYPHA_SERVER_LEAVE_TIMEOUT 1000

/* Connections that may wait to be accepted, if the system lets so many (net.core.somaxconn). */
#define HYPHA_SERVER_BACKLOG 4096

/* When there is no file for a connection: how long, in ms, from one try to the next. */
#define HYPHA_SERVER_ACCEPT_PAUSE 1000

/* The log says in one line for so many ms who was turned away. */
#define HYPHA_SERVER_REFUSAL_LOG 10000

/* Largest body of an HTTP request, in bytes; a larger one is answered with 413. */
#define HYPHA_SERVER_MAX_BODY ((gsize) 100 * 1024 * 1024)

/*
 * Bytes of the bodies of all HTTP requests that are in memory at once; a request that goes beyond is
 * answered with 503.
 */
#define HYPHA_SERVER_MAX_BODIES ((gsize) 256 * 1024 * 1024)

/* Of these, what one foreign address (of IPv6, one /64 network) or one connection from here may have. */
#define HYPHA_SERVER_MAX_BODIES_OF_ADDRESS HYPHA_SERVER_MAX_BODY

/*
 * While a body comes, so much of it has to come in so many ms; of a large one, a 64th of what there
 * is. Otherwise the request ends with 408.
 */
#define HYPHA_SERVER_BODY_PACE ((gsize) 64 * 1024)
#define HYPHA_SERVER_BODY_TIMEOUT 30000

/* A body of which no such part has come for so many ms has come to a halt. */
#define HYPHA_SERVER_BODY_STALL 2000

/* After so much silence, in ms, a WebSocket peer is asked for a sign of life. */
#define HYPHA_SERVER_KEEP_ALIVE 45000

/* How long stopping waits for peers and running requests, in ms. */
#define HYPHA_SERVER_STOP_TIMEOUT 3000

/*
 * A WebSocket was opened on /ws. The connection is new and unauthenticated; take a reference to
 * keep it.
 */
typedef void (*HyphaServerAccept) (HyphaServer     *server,
                                   HyphaConnection *connection,
                                   const char      *remote_address,
                                   gpointer         data);

/*
 * In how many seconds remote_address is listened to again; 0 now. Asked of every WebSocket, and of
 * every request with credentials, before anything of them is looked at.
 */
typedef guint (*HyphaServerAdmission) (HyphaServer *server,
                                       const char  *remote_address,
                                       gpointer     data);

HyphaServer *hypha_server_new                 (void);
void         hypha_server_set_accept          (HyphaServer          *self,
                                               HyphaServerAccept     accept,
                                               gpointer              data);
void         hypha_server_set_admission       (HyphaServer          *self,
                                               HyphaServerAdmission  admission,
                                               gpointer              data);
void         hypha_server_allow_host          (HyphaServer          *self,
                                               const char           *host);
void         hypha_server_allow_origin        (HyphaServer          *self,
                                               const char           *origin);
gboolean     hypha_server_origin_allowed      (HyphaServer          *self,
                                               const char           *origin);
void         hypha_server_set_keep_alive      (HyphaServer          *self,
                                               guint                 interval);
void         hypha_server_set_restarting      (HyphaServer          *self,
                                               gboolean              restarting);
void         hypha_server_set_max_connections (HyphaServer          *self,
                                               guint                 max_connections);
void         hypha_server_set_max_bodies      (HyphaServer          *self,
                                               gsize                 max_bodies);
void         hypha_server_set_max_bodies_of_address (HyphaServer    *self,
                                                     gsize           max_bodies);
void         hypha_server_set_body_timeout    (HyphaServer          *self,
                                               guint                 timeout);
void         hypha_server_set_max_sockets     (HyphaServer          *self,
                                               guint                 max_sockets,
                                               guint                 max_of_address);
void         hypha_server_set_wait_timeouts   (HyphaServer          *self,
                                               guint                 head,
                                               guint                 idle);
gboolean     hypha_server_listen              (HyphaServer          *self,
                                               const char           *host,
                                               guint                 port,
                                               GError              **error);
guint        hypha_server_get_port            (HyphaServer          *self);
guint        hypha_server_get_n_connections   (HyphaServer          *self);
gboolean     hypha_server_has_room            (HyphaServer          *self);
SoupServer  *hypha_server_get_soup            (HyphaServer          *self);
GIOStream   *hypha_server_steal               (HyphaServer          *self,
                                               SoupServerMessage    *message,
                                               int                  *fd);
void         hypha_server_ignore_body         (HyphaServer          *self,
                                               SoupServerMessage    *message);
gboolean     hypha_server_is_stopping        (HyphaServer          *self);
void         hypha_server_stop_listening       (HyphaServer          *self);
void         hypha_server_stop_async          (HyphaServer          *self,
                                               GCancellable         *cancellable,
                                               GAsyncReadyCallback   callback,
                                               gpointer              user_data);
gboolean     hypha_server_stop_finish         (HyphaServer          *self,
                                               GAsyncResult         *result,
                                               GError              **error);

G_END_DECLS
