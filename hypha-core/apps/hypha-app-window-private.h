/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-app-controller-private.h"

G_BEGIN_DECLS

/* One window from add-window until it closes. */
typedef struct
{
  HyphaAppController *controller;  /* not owned */
  HyphaWindowInfo    *info;
  char               *peer;        /* workspace/client */
  GVariant           *arguments;   /* a{sv}: what run() gets */
  GVariant           *service;     /* what the page exported; NULL until it has */
  HyphaConnection    *connection;  /* the page's, once mounted */
  GTask              *loading;     /* waits for the app; NULL when that is over */
  GSource            *deadline;
  gboolean            personal;    /* the person at this machine opened it, no client */
} HyphaAppWindow;

/* What a finished load gives. */
typedef struct
{
  HyphaWindowInfo *window;
  GVariant        *service;
} HyphaAppResult;

void            hypha_app_result_free            (gpointer            data);

HyphaAppWindow *hypha_app_window_new             (HyphaAppController *controller,
                                                  HyphaWindowInfo    *info,
                                                  GVariant           *arguments);
void            hypha_app_window_free            (gpointer            data);
void            hypha_app_window_fail            (HyphaAppWindow     *self,
                                                  GError             *error);
void            hypha_app_window_succeed         (HyphaAppWindow     *self);
void            hypha_app_window_drop_connection (HyphaAppWindow     *self);
void            hypha_app_window_start_deadline  (HyphaAppWindow     *self);

G_END_DECLS
