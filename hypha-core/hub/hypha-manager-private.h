/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-authority-private.h"
#include "hypha-invocation-private.h"
#include "hypha-local-client-private.h"
#include "hypha-registry-private.h"
#include "hypha-router-private.h"
#include "hypha-shares-private.h"

G_BEGIN_DECLS

typedef struct _HyphaEventLog HyphaEventLog;
typedef struct _HyphaLoginDesk HyphaLoginDesk;
typedef struct _HyphaQuestionDesk HyphaQuestionDesk;

/* How long a provider may take to hand out its service, in milliseconds. */
#define HYPHA_MANAGER_GET_TIMEOUT 10000

/* The version of hypha servers that clients take this one for. */
#define HYPHA_MANAGER_HYPHA_VERSION "0.1.0"

#define HYPHA_TYPE_MANAGER (hypha_manager_get_type ())

G_DECLARE_FINAL_TYPE (HyphaManager, hypha_manager, HYPHA, MANAGER, GObject)

HyphaManager  *hypha_manager_new               (HyphaRouter              *router,
                                                HyphaRegistry            *registry,
                                                HyphaAuthority           *authority);
void           hypha_manager_close             (HyphaManager             *self);
void           hypha_manager_set_base_url      (HyphaManager             *self,
                                                const char               *base_url);
const char    *hypha_manager_get_base_url      (HyphaManager             *self);
HyphaRpc      *hypha_manager_get_rpc           (HyphaManager             *self);
HyphaRouter   *hypha_manager_get_router        (HyphaManager             *self);
HyphaRegistry *hypha_manager_get_registry      (HyphaManager             *self);
HyphaAuthority *hypha_manager_get_authority    (HyphaManager             *self);
HyphaShares   *hypha_manager_get_asked         (HyphaManager             *self);
HyphaLocalClient *hypha_manager_get_root       (HyphaManager             *self);
HyphaQuestionDesk *hypha_manager_get_desk      (HyphaManager             *self);
HyphaLoginDesk *hypha_manager_get_logins       (HyphaManager             *self);
HyphaEventLog *hypha_manager_get_event_log     (HyphaManager             *self);
GVariant      *hypha_manager_describe          (HyphaManager             *self);
GVariant      *hypha_manager_dup_record        (HyphaManager             *self);
void           hypha_manager_add_methods       (HyphaManager             *self,
                                                const HyphaServiceMethod *methods,
                                                gsize                     n_methods,
                                                gpointer                  data);
gboolean       hypha_manager_add_function      (HyphaManager             *self,
                                                const char               *name,
                                                const char               *params,
                                                const char               *doc,
                                                HyphaServiceFunc          func,
                                                gpointer                  data,
                                                GDestroyNotify            destroy,
                                                GError                  **error);
HyphaPeer     *hypha_manager_get_caller        (HyphaManager             *self,
                                                HyphaInvocation          *invocation);

G_END_DECLS
