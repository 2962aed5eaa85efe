/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-gate-private.h"
#include "hypha-identity-private.h"
#include "hypha-manager-private.h"
#include "hypha-pipe-connection-private.h"
#include "hypha-token-methods-private.h"

G_BEGIN_DECLS

/* A whole hub without a socket. */
typedef struct
{
  GBytes         *secret;
  HyphaAuthority *authority;
  HyphaRouter    *router;
  HyphaRegistry  *registry;
  HyphaManager   *manager;
  HyphaGate      *gate;
} Hub;

/* A raw client: what it received lies in frames, oldest first. */
typedef struct
{
  HyphaConnection *connection;
  GQueue           texts;     /* of char * */
  GQueue           binaries;  /* of GBytes */
  guint            close_code;
  char            *close_reason;
  char            *id;        /* workspace/client, after connection_info */
  guint            next;
} Client;

Hub        *hub_new             (void);
void        hub_free            (Hub             *hub);
char       *hub_token           (Hub             *hub,
                                 const char      *workspace,
                                 const char      *user);
Client     *client_new          (HyphaConnection *connection);
void        client_free         (Client          *client);
Client     *hub_open            (Hub             *hub);
char       *hub_say_hello       (Hub             *hub,
                                 const char      *id,
                                 const char      *workspace,
                                 const char      *key,
                                 const char      *token,
                                 Client         **client);
Client     *hub_open_from       (Hub             *hub,
                                 const char      *remote);
Client     *hub_connect         (Hub             *hub,
                                 const char      *client_id,
                                 const char      *token);
void        client_send_text    (Client          *client,
                                 const char      *text);
void        client_send         (Client          *client,
                                 GVariant        *envelope,
                                 GVariant        *extra);
char       *client_take_text    (Client          *client);
GVariant   *client_take         (Client          *client,
                                 GVariant       **extra);
GVariant   *client_take_answer  (Client          *client,
                                 const char      *session,
                                 char           **error);
GVariant   *client_call         (Client          *client,
                                 const char      *to,
                                 const char      *method,
                                 GVariant        *args,
                                 char           **error);
GVariant   *client_call_manager (Client          *client,
                                 const char      *method,
                                 GVariant        *args,
                                 char           **error);
GVariant   *client_must_call    (Client          *client,
                                 const char      *method,
                                 const char      *args);
void        client_assert_fails (Client          *client,
                                 const char      *method,
                                 const char      *args,
                                 const char      *text);
void        client_assert_refused (Client        *client,
                                 const char      *method,
                                 const char      *args,
                                 const char      *text);
void        client_assert_says  (Client          *client,
                                 const char      *method,
                                 GVariant        *args,
                                 const char      *expected);
GVariant   *client_call_named   (Client          *client,
                                 const char      *method,
                                 GVariant        *args,
                                 GVariant        *named,
                                 char           **error);
GVariant   *client_take_event   (Client          *client,
                                 const char      *event);
void        client_register     (Client          *client,
                                 const char      *service,
                                 const char      *visibility);
void        client_wait_closed  (Client          *client);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Hub, hub_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Client, client_free)

G_END_DECLS
