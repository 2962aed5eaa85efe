/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-error-private.h"

G_BEGIN_DECLS

/* Largest file that is fetched, in bytes, and how long it may take, in seconds. */
#define HYPHA_FETCH_MAX_SIZE (10 * 1024 * 1024)
#define HYPHA_FETCH_TIMEOUT 30
/* Redirections that are followed. */
#define HYPHA_FETCH_MAX_REDIRECTS 5

/* http:, https: and file: URIs, and absolute paths. flags say what the caller trusts. */
typedef enum
{
  HYPHA_FETCH_DEFAULT = 0,
  HYPHA_FETCH_ALLOW_FILES = 1 << 0,    /* the person at this machine asked, not a client */
  HYPHA_FETCH_ALLOW_PRIVATE = 1 << 1,  /* loopback and private networks */
} HyphaFetchFlags;

void    hypha_fetch_async  (const char           *uri,
                            HyphaFetchFlags       flags,
                            GCancellable         *cancellable,
                            GAsyncReadyCallback   callback,
                            gpointer              user_data);
void    hypha_fetch_limited_async (const char           *uri,
                                   HyphaFetchFlags       flags,
                                   gsize                 max_size,
                                   guint                 timeout_ms,
                                   GCancellable         *cancellable,
                                   GAsyncReadyCallback   callback,
                                   gpointer              user_data);
GBytes *hypha_fetch_finish (GAsyncResult         *result,
                            GError              **error);

G_END_DECLS
