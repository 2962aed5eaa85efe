/* SPDX-License-Identifier: MIT */
#pragma once

#include <webkit/webkit.h>

G_BEGIN_DECLS

#define HYPHA_TYPE_WEB_CONTEXT (hypha_web_context_get_type ())

G_DECLARE_FINAL_TYPE (HyphaWebContext, hypha_web_context, HYPHA, WEB_CONTEXT, GObject)

HyphaWebContext *hypha_web_context_dup_default   (void);
void             hypha_web_context_prepare_async (HyphaWebContext      *self,
                                                  GCancellable         *cancellable,
                                                  GAsyncReadyCallback   callback,
                                                  gpointer              user_data);
gboolean         hypha_web_context_prepare_finish (HyphaWebContext     *self,
                                                   GAsyncResult        *result,
                                                   GError             **error);
WebKitWebView   *hypha_web_context_new_view      (HyphaWebContext      *self);
void             hypha_web_context_serve         (HyphaWebContext      *self,
                                                  const char           *host,
                                                  WebKitWebView        *web_view,
                                                  GBytes               *page);
void             hypha_web_context_withdraw      (HyphaWebContext      *self,
                                                  const char           *host,
                                                  WebKitWebView        *web_view);

G_END_DECLS
