/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-application.h"
#include "hypha-window.h"

G_BEGIN_DECLS

#define HELLO "../examples/hello.imjoy.html"

/* The whole application with its core, in this process; plugins run in real views. */
typedef struct
{
  HyphaApplication *application;
  HyphaCore        *core;
  char             *start_error;
} Desktop;

/* For conditions: a service or a window of that name, and the state of the window. */
typedef struct
{
  Desktop       *desktop;
  const char    *name;
  HyphaViewState state;
} Expected;

Desktop          *desktop_new              (guint           port);
Desktop          *desktop_new_running      (void);
void              desktop_free             (Desktop        *self);
void              desktop_open_plugin      (Desktop        *self,
                                            const char     *name);
void              desktop_wait_service     (Desktop        *self,
                                            const char     *name);
gboolean          desktop_service_is_gone  (gpointer        expected);
gboolean          desktop_window_has_state (gpointer        expected);
HyphaWindow      *desktop_find_window      (Desktop        *self,
                                            const char     *title);
HyphaWindow      *desktop_wait_window      (Desktop        *self,
                                            const char     *title,
                                            HyphaViewState  state);
AdwMessageDialog *desktop_find_dialog      (Desktop        *self);
gboolean          desktop_has_dialog       (gpointer        desktop);
char             *desktop_dup_labels       (gpointer        widget);
void              desktop_assert_shows     (gpointer        widget,
                                            const char     *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Desktop, desktop_free)

G_END_DECLS
