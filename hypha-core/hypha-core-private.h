/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-app-controller-private.h"
#include "hypha-core.h"
#include "hypha-http-gateway-private.h"
#include "hypha-http-login-private.h"
#include "hypha-http-rpc-private.h"
#include "hypha-question-desk-private.h"

G_BEGIN_DECLS

#define HYPHA_CORE_DEFAULT_HOST "127.0.0.1"
#define HYPHA_CORE_DEFAULT_PORT 9527

/* What exists only while the core runs. */
typedef struct
{
  HyphaRouter        *router;
  HyphaManager       *manager;
  HyphaGate          *gate;
  HyphaServer        *server;
  HyphaHttpGateway   *gateway;
  HyphaHttpRpc       *http_rpc;
  HyphaHttpLogin     *http_login;
  HyphaAppController *apps;
} HyphaCoreParts;

struct _HyphaCore
{
  GObject             parent_instance;

  char               *host;
  char               *base_url;       /* as given; NULL for the real URL */
  char              **allowed_origins; /* NULL for none, like the next one */
  char              **guest_workspaces;
  char               *workspace_dir;
  char               *url;            /* NULL until it runs */
  HyphaAuthority     *authority;      /* NULL until the secret is needed */
  HyphaRegistry      *registry;       /* lives as long as the core: its model is public */
  HyphaCoreParts      parts;          /* all NULL unless it runs or is about to */
  guint               port;
  guint               wanted_port;
  gboolean            restarting;     /* closing is the first half of it */
  gboolean            refuse_encrypted;
};

/* For hypha-core.c alone. */
extern const HyphaAppHost hypha_core_app_host;

void hypha_core_install_signals    (GObjectClass   *klass);
void hypha_core_watch_registry     (HyphaCore      *self);
void hypha_core_watch_parts        (HyphaCore      *self);
void hypha_core_install_properties (GObjectClass   *object_class);
void hypha_core_notify_running     (HyphaCore      *self);
gboolean hypha_core_check_address  (HyphaCore      *self,
                                    GError        **error);
void hypha_core_allow_address      (HyphaCore      *self);
void hypha_core_announce           (HyphaCore      *self);
void hypha_core_parts_discard      (HyphaCoreParts *self);

G_END_DECLS
