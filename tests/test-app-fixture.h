/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-app-controller-private.h"
#include "hypha-window-info-private.h"
#include "test-hub-fixture.h"

G_BEGIN_DECLS

#define PLUGIN \
  "<config lang=\"json\">{\"name\": \"Hello\", \"type\": \"window\"}</config>\n" \
  "<script lang=\"javascript\">api.export({})</script>\n"

typedef struct _Desk Desk;

/* A hub with a host that takes windows, or has none to give. */
struct _Desk
{
  Hub                *hub;
  HyphaAppController *apps;
  HyphaWindowInfo    *window;   /* the last one asked for */
  guint               removed;
  gboolean            hosted;
  GVariant           *service;  /* of the last load */
  GError             *error;
  gboolean            done;
  guint               n_done;
  void              (*while_adding) (Desk *desk);  /* in add_window, which then fails */
  void              (*when_loaded)  (Desk *desk);
};

Desk     *desk_new           (void);
void      desk_free          (Desk            *desk);
void      desk_load          (Desk            *desk,
                              const char      *source);
void      desk_load_trusted  (Desk            *desk,
                              const char      *source,
                              HyphaFetchFlags  trust);
Client   *desk_open_page     (Desk            *desk);
void      page_serve         (Client          *page,
                              const char      *method,
                              const char      *verb,
                              GVariant        *answer);
void      page_export        (Client          *page);

/* For conditions. */
gboolean  desk_has_window    (gpointer         desk);
gboolean  desk_apps_are_gone (gpointer         apps);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Desk, desk_free)

G_END_DECLS
