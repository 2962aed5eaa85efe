/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-fetch-private.h"
#include "hypha-gate-private.h"
#include "hypha-manager-private.h"
#include "hypha-window-info.h"

G_BEGIN_DECLS

/* How long an app may take from its window to its exported service, in seconds. */
#define HYPHA_APP_LOAD_TIMEOUT 180
/* Windows that one workspace may have open or opening. */
#define HYPHA_APP_MAX_WINDOWS 64

/* What shows windows. add_window returns FALSE where nobody is there to show one. */
typedef struct
{
  gboolean (*has_host)      (gpointer         data);
  gboolean (*add_window)    (HyphaWindowInfo *window,
                             gpointer         data);
  void     (*remove_window) (HyphaWindowInfo *window,
                             gpointer         data);
} HyphaAppHost;

#define HYPHA_TYPE_APP_CONTROLLER (hypha_app_controller_get_type ())

G_DECLARE_FINAL_TYPE (HyphaAppController, hypha_app_controller, HYPHA, APP_CONTROLLER, GObject)

HyphaAppController *hypha_app_controller_new           (HyphaManager         *manager,
                                                        HyphaGate            *gate,
                                                        const HyphaAppHost   *host,
                                                        gpointer              host_data);
void                hypha_app_controller_stop          (HyphaAppController   *self);
void                hypha_app_controller_close         (HyphaAppController   *self);
HyphaManager       *hypha_app_controller_get_manager   (HyphaAppController   *self);
gboolean            hypha_app_controller_has_host      (HyphaAppController   *self);
void                hypha_app_controller_set_timeout   (HyphaAppController   *self,
                                                        guint                 milliseconds);
void                hypha_app_controller_load_async    (HyphaAppController   *self,
                                                        const char           *workspace,
                                                        HyphaFetchFlags       trust,
                                                        GVariant             *config,
                                                        GCancellable         *cancellable,
                                                        GAsyncReadyCallback   callback,
                                                        gpointer              user_data);
GVariant           *hypha_app_controller_load_finish   (HyphaAppController   *self,
                                                        GAsyncResult         *result,
                                                        HyphaWindowInfo     **window,
                                                        GError              **error);
void                hypha_app_controller_mount         (HyphaAppController   *self,
                                                        HyphaWindowInfo      *window,
                                                        HyphaConnection      *connection);
void                hypha_app_controller_window_failed (HyphaAppController   *self,
                                                        HyphaWindowInfo      *window,
                                                        const GError         *error);
void                hypha_app_controller_window_closed (HyphaAppController   *self,
                                                        HyphaWindowInfo      *window);
GVariant           *hypha_app_controller_find          (HyphaAppController   *self,
                                                        const char           *workspace,
                                                        const char           *id,
                                                        const char           *name);
guint               hypha_app_controller_get_n_windows (HyphaAppController   *self);

G_END_DECLS
