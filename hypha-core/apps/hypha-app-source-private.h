/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-fetch-private.h"
#include "hypha-plugin-private.h"

G_BEGIN_DECLS

/* What “src” of load_app names: a plugin, or a page that brings its own hypha-rpc. */
typedef struct
{
  HyphaPlugin *plugin;  /* nullable */
  char        *uri;     /* of a page; NULL for a plugin */
  char        *origin;  /* where a plugin file was loaded from; NULL for code that was given */
} HyphaAppSource;

void            hypha_app_source_load_async  (const char           *source,
                                              HyphaFetchFlags       trust,
                                              GCancellable         *cancellable,
                                              GAsyncReadyCallback   callback,
                                              gpointer              user_data);
HyphaAppSource *hypha_app_source_load_finish (GAsyncResult         *result,
                                              GError              **error);
void            hypha_app_source_free        (HyphaAppSource       *source);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaAppSource, hypha_app_source_free)

G_END_DECLS
