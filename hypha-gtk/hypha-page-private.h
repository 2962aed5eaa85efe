/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-bridge.h"
#include "hypha-frame-watch.h"
#include "hypha-page.h"

G_BEGIN_DECLS

/* For hypha-page*.c alone. */

struct _HyphaPage
{
  GObject          parent_instance;
  HyphaWebContext *context;
  HyphaWindowInfo *info;
  WebKitWebView   *web_view;
  HyphaBridge     *bridge;       /* of the document in the frame; NULL while there is none */
  HyphaFrameWatch *watch;        /* of the load under way */
  char            *host;         /* of the host page */
  char            *host_uri;
  char            *plugin_host;  /* NULL for an app with a URI of its own */
  char            *target;       /* what the frame shows */
  guint            hello_timeout;
  guint            load_timeout;
  guint            documents;    /* that the frame has had since the host page came */
  guint            trusted : 1;  /* the document in the frame is the one that was asked for */
  guint            greeted : 1;  /* the extension has reported for this host page */
  guint            failed : 1;   /* reported, for this load */
  guint            hung : 1;     /* did not load, and was ended for that */
  guint            noted : 1;    /* a message about this document is in the log */
};

/* hypha-page.c: what the others report about it */
void     hypha_page_offer_bridge   (HyphaPage         *self,
                                    HyphaBridge       *bridge);
void     hypha_page_report_start   (HyphaPage         *self);
void     hypha_page_report_failure (HyphaPage         *self,
                                    const GError      *error);
void     hypha_page_fail           (HyphaPage         *self,
                                    HyphaError         code,
                                    const char        *message);
void     hypha_page_note           (HyphaPage         *self,
                                    const char        *what);

/* hypha-page-events.c: what the extension tells */
gboolean hypha_page_message_cb     (HyphaPage         *self,
                                    WebKitUserMessage *message,
                                    WebKitWebView     *web_view);

/* hypha-page-view.c: what the web view does */
void     hypha_page_connect_view   (HyphaPage         *self);

G_END_DECLS
