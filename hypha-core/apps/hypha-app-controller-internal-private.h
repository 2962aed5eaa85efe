/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-app-controller-private.h"
#include "hypha-app-window-private.h"

G_BEGIN_DECLS

/* For hypha-app-controller.c and what it is made of: finding, loading, running, the window. */

/* What one load_app asks for, before there is a window. */
typedef struct _HyphaAppLoad HyphaAppLoad;

struct _HyphaAppController
{
  GObject              parent_instance;

  HyphaManager        *manager;
  HyphaGate           *gate;
  const HyphaAppHost  *host;
  gpointer             host_data;
  GHashTable          *windows;  /* HyphaWindowInfo → HyphaAppWindow */
  GHashTable          *loads;    /* set of HyphaAppLoad, not owned: no window yet */
  guint                timeout;  /* milliseconds */
  guint                closed : 1;
};

/* hypha-app-find.c */
HyphaAppWindow *hypha_app_controller_find_peer     (HyphaAppController *self,
                                                    const char         *workspace,
                                                    const char         *client);
guint           hypha_app_controller_count         (HyphaAppController *self,
                                                    const char         *workspace);

/* hypha-app-load.c */
const char     *hypha_app_load_get_workspace       (HyphaAppLoad       *self);

/* hypha-app-run.c */
void            hypha_app_controller_watch_exports (HyphaAppController *self);

G_END_DECLS
