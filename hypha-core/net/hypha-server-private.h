/* SPDX-License-Identifier: MIT */
#pragma once

#include <libsoup/soup.h>

#include "hypha-connection-private.h"
#include "hypha-error-private.h"

G_BEGIN_DECLS

#define HYPHA_TYPE_SERVER (hypha_server_get_type ())

G_DECLARE_FINAL_TYPE (HyphaServer, hypha_server, HYPHA, SERVER, GObject)

/* A WebSocket was opened on /ws: connection is new and unauthenticated; take a reference to keep it. */
typedef void (*HyphaServerAccept) (HyphaServer     *server,
                                   HyphaConnection *connection,
                                   const char      *remote_address,
                                   gpointer         data);

HyphaServer *hypha_server_new             (void);
void         hypha_server_set_accept      (HyphaServer          *self,
                                           HyphaServerAccept     accept,
                                           gpointer              data);
void         hypha_server_allow_origin    (HyphaServer          *self,
                                           const char           *origin);
gboolean     hypha_server_origin_allowed  (HyphaServer          *self,
                                           const char           *origin);
gboolean     hypha_server_listen          (HyphaServer          *self,
                                           const char           *host,
                                           guint                 port,
                                           GError              **error);
guint        hypha_server_get_port        (HyphaServer          *self);
SoupServer  *hypha_server_get_soup        (HyphaServer          *self);
void         hypha_server_stop_async      (HyphaServer          *self,
                                           GCancellable         *cancellable,
                                           GAsyncReadyCallback   callback,
                                           gpointer              user_data);
gboolean     hypha_server_stop_finish     (HyphaServer          *self,
                                           GAsyncResult         *result,
                                           GError              **error);

G_END_DECLS
