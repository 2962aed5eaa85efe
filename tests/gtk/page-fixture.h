/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-bridge.h"
#include "hypha-page.h"
#include "test-utils.h"

#include <libsoup/soup.h>

G_BEGIN_DECLS

/*
 * A page in a real view, driven over its own bridge: it says what it sees in text frames, echoes
 * binary ones, and runs the text that it is sent. The pages come from a server on loopback.
 */
typedef struct
{
  HyphaWebContext *context;
  SoupServer      *server;
  guint            port;
  guint            hits;       /* requests for /page */
  GtkWindow       *window;
  HyphaWindowInfo *info;
  HyphaPage       *page;
  HyphaBridge     *bridge;     /* the latest */
  guint            connects;
  guint            closed_code;
  char            *closed_reason;
  GPtrArray       *texts;      /* text frames from the page */
  GBytes          *bytes;      /* the latest binary frame */
  gboolean         started;
  GError          *failure;
} PageFixture;

PageFixture *page_fixture_new           (const char      *path);
PageFixture *page_fixture_new_connected (const char      *path);
void         page_fixture_free          (PageFixture     *self);
char        *page_fixture_uri           (PageFixture     *self,
                                         const char      *host,
                                         const char      *path);
void         page_fixture_show          (PageFixture     *self,
                                         const char      *uri);
void         page_fixture_show_info     (PageFixture     *self,
                                         HyphaWindowInfo *info);
void         page_fixture_run           (PageFixture     *self,
                                         const char      *script);
gboolean     page_fixture_wait_text     (PageFixture     *self,
                                         const char      *text);
gboolean     page_fixture_has_text      (PageFixture     *self,
                                         const char      *text);
void         page_fixture_settle        (void);

/* For conditions; data is the fixture. */
gboolean     page_fixture_is_connected  (gpointer         data);
gboolean     page_fixture_is_closed     (gpointer         data);
gboolean     page_fixture_has_failed    (gpointer         data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PageFixture, page_fixture_free)

G_END_DECLS
