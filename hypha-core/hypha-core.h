/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-connection.h"
#include "hypha-question.h"
#include "hypha-service-info.h"
#include "hypha-types.h"
#include "hypha-window-info.h"

G_BEGIN_DECLS

#define HYPHA_TYPE_CORE (hypha_core_get_type ())

HYPHA_AVAILABLE_IN_0_1
G_DECLARE_FINAL_TYPE (HyphaCore, hypha_core, HYPHA, CORE, GObject)

HYPHA_AVAILABLE_IN_0_1
HyphaCore  *hypha_core_new             (void);
HYPHA_AVAILABLE_IN_0_1
gboolean    hypha_core_start           (HyphaCore            *self,
                                        GCancellable         *cancellable,
                                        GError              **error);
HYPHA_AVAILABLE_IN_0_1
void        hypha_core_start_async     (HyphaCore            *self,
                                        GCancellable         *cancellable,
                                        GAsyncReadyCallback   callback,
                                        gpointer              user_data);
HYPHA_AVAILABLE_IN_0_1
gboolean    hypha_core_start_finish    (HyphaCore            *self,
                                        GAsyncResult         *result,
                                        GError              **error);
HYPHA_AVAILABLE_IN_0_1
void        hypha_core_close_async     (HyphaCore            *self,
                                        GCancellable         *cancellable,
                                        GAsyncReadyCallback   callback,
                                        gpointer              user_data);
HYPHA_AVAILABLE_IN_0_1
gboolean    hypha_core_close_finish    (HyphaCore            *self,
                                        GAsyncResult         *result,
                                        GError              **error);
HYPHA_AVAILABLE_IN_0_1
void        hypha_core_close           (HyphaCore            *self);
HYPHA_AVAILABLE_IN_0_1
gboolean    hypha_core_is_running      (HyphaCore            *self);
HYPHA_AVAILABLE_IN_0_1
const char *hypha_core_get_host        (HyphaCore            *self);
HYPHA_AVAILABLE_IN_0_1
void        hypha_core_set_host        (HyphaCore            *self,
                                        const char           *host);
HYPHA_AVAILABLE_IN_0_1
guint       hypha_core_get_port        (HyphaCore            *self);
HYPHA_AVAILABLE_IN_0_1
void        hypha_core_set_port        (HyphaCore            *self,
                                        guint                 port);
HYPHA_AVAILABLE_IN_0_1
const char *hypha_core_get_url         (HyphaCore            *self);
HYPHA_AVAILABLE_IN_0_1
const char *hypha_core_get_base_url    (HyphaCore            *self);
HYPHA_AVAILABLE_IN_0_1
void        hypha_core_set_base_url    (HyphaCore            *self,
                                        const char           *base_url);
HYPHA_AVAILABLE_IN_0_1
const char *const *hypha_core_get_allowed_origins (HyphaCore  *self);
HYPHA_AVAILABLE_IN_0_1
void        hypha_core_set_allowed_origins (HyphaCore         *self,
                                            const char *const *origins);
HYPHA_AVAILABLE_IN_0_1
const char *const *hypha_core_get_guest_workspaces (HyphaCore *self);
HYPHA_AVAILABLE_IN_0_1
void        hypha_core_set_guest_workspaces (HyphaCore        *self,
                                             const char *const *workspaces);
HYPHA_AVAILABLE_IN_0_1
const char *hypha_core_get_workspace_dir (HyphaCore          *self);
HYPHA_AVAILABLE_IN_0_1
void        hypha_core_set_workspace_dir (HyphaCore          *self,
                                          const char         *workspace_dir);
HYPHA_AVAILABLE_IN_0_1
gboolean    hypha_core_get_restarting  (HyphaCore            *self);
HYPHA_AVAILABLE_IN_0_1
void        hypha_core_set_restarting  (HyphaCore            *self,
                                        gboolean              restarting);
HYPHA_AVAILABLE_IN_0_1
gboolean    hypha_core_get_refuse_encrypted (HyphaCore       *self);
HYPHA_AVAILABLE_IN_0_1
void        hypha_core_set_refuse_encrypted (HyphaCore       *self,
                                             gboolean         refuse_encrypted);
HYPHA_AVAILABLE_IN_0_1
GListModel *hypha_core_get_services    (HyphaCore            *self);
HYPHA_AVAILABLE_IN_0_1
GVariant   *hypha_core_list_services   (HyphaCore            *self,
                                        GVariant             *query,
                                        GError              **error);
HYPHA_AVAILABLE_IN_0_1
void        hypha_core_get_service_async (HyphaCore          *self,
                                          GVariant           *query,
                                          GVariant           *options,
                                          GCancellable       *cancellable,
                                          GAsyncReadyCallback callback,
                                          gpointer            user_data);
HYPHA_AVAILABLE_IN_0_1
GVariant   *hypha_core_get_service_finish (HyphaCore         *self,
                                           GAsyncResult      *result,
                                           GError           **error);
HYPHA_AVAILABLE_IN_0_1
void        hypha_core_call_async      (HyphaCore            *self,
                                        const char           *service,
                                        const char           *function,
                                        GVariant             *args,
                                        guint                 timeout,
                                        GCancellable         *cancellable,
                                        GAsyncReadyCallback   callback,
                                        gpointer              user_data);
HYPHA_AVAILABLE_IN_0_1
GVariant   *hypha_core_call_finish     (HyphaCore            *self,
                                        GAsyncResult         *result,
                                        GError              **error);
HYPHA_AVAILABLE_IN_0_1
char       *hypha_core_dup_status      (HyphaCore            *self);
HYPHA_AVAILABLE_IN_0_1
char       *hypha_core_generate_token  (HyphaCore            *self,
                                        const char           *workspace,
                                        const char           *user_id,
                                        guint                 expires_in,
                                        GError              **error);
HYPHA_AVAILABLE_IN_0_1
char       *hypha_core_generate_operator_token (HyphaCore    *self,
                                                GError      **error);
HYPHA_AVAILABLE_IN_0_1
void        hypha_core_load_app_async  (HyphaCore            *self,
                                        const char           *workspace,
                                        const char           *source,
                                        GCancellable         *cancellable,
                                        GAsyncReadyCallback   callback,
                                        gpointer              user_data);
HYPHA_AVAILABLE_IN_0_1
HyphaWindowInfo *hypha_core_load_app_finish (HyphaCore       *self,
                                             GAsyncResult    *result,
                                             GError         **error);
HYPHA_AVAILABLE_IN_0_1
gboolean    hypha_core_kick_client     (HyphaCore            *self,
                                        const char           *client,
                                        const char           *reason,
                                        GError              **error);
HYPHA_AVAILABLE_IN_0_1
gboolean    hypha_core_disconnect_client (HyphaCore          *self,
                                          const char         *client,
                                          guint               code,
                                          const char         *reason,
                                          GError            **error);
HYPHA_AVAILABLE_IN_0_1
void        hypha_core_mount           (HyphaCore            *self,
                                        HyphaWindowInfo      *window,
                                        HyphaConnection      *connection);
HYPHA_AVAILABLE_IN_0_1
void        hypha_core_window_failed   (HyphaCore            *self,
                                        HyphaWindowInfo      *window,
                                        const GError         *error);
HYPHA_AVAILABLE_IN_0_1
void        hypha_core_window_closed   (HyphaCore            *self,
                                        HyphaWindowInfo      *window);

G_END_DECLS
