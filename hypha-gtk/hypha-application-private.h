/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-application.h"
#include "hypha-start-window.h"
#include "hypha-window.h"

G_BEGIN_DECLS

/* For hypha-application*.c alone. */

struct _HyphaApplication
{
  AdwApplication    parent_instance;
  HyphaCore        *core;
  HyphaWebContext  *web_context;  /* keeps what all pages share */
  HyphaStartWindow *start_window; /* weak */
  GHashTable       *windows;      /* window id → HyphaWindow, shown or not */
  GQueue            loads;        /* under way or waiting for the core */
  char             *closed_client; /* whose window a person closed last */
  guint             signal_ids[2];
  int               exit_status;
  guint             shut_down : 1;
};

/* hypha-application.c */
HyphaStartWindow *hypha_application_present_start_window (HyphaApplication *self);

/* hypha-application-loads.c: plugins on their way to a window */
void              hypha_application_begin_loads          (HyphaApplication *self);

/* hypha-application-windows.c: what the core asks to show */
void              hypha_application_host_windows         (HyphaApplication *self);
HyphaWindow      *hypha_application_find_window          (HyphaApplication *self,
                                                          HyphaWindowInfo  *info);
void              hypha_application_destroy_windows      (HyphaApplication *self);

G_END_DECLS
