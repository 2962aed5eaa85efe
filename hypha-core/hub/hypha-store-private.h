/* SPDX-License-Identifier: MIT */
#pragma once

#include <gio/gio.h>

#include "hypha-error-private.h"

G_BEGIN_DECLS

/* The file in the workspace directory, 0600. */
#define HYPHA_STORE_FILE "hypha.db"
/* Longest record as it is written, in bytes. */
#define HYPHA_STORE_MAX_RECORD (1024 * 1024)
/* Records that may wait to be written. */
#define HYPHA_STORE_MAX_PENDING 4096

#define HYPHA_TYPE_STORE (hypha_store_get_type ())

G_DECLARE_FINAL_TYPE (HyphaStore, hypha_store, HYPHA, STORE, GObject)

typedef void (*HyphaStoreFunc) (const char *key,
                                GVariant   *value,
                                gint64      expires_at,
                                gpointer    data);

HyphaStore *hypha_store_new          (void);
HyphaStore *hypha_store_open         (const char           *directory,
                                      GError              **error);
void        hypha_store_close        (HyphaStore           *self);
GVariant   *hypha_store_lookup       (HyphaStore           *self,
                                      const char           *kind,
                                      const char           *key);
void        hypha_store_foreach      (HyphaStore           *self,
                                      const char           *kind,
                                      HyphaStoreFunc        func,
                                      gpointer              data);
void        hypha_store_put_async    (HyphaStore           *self,
                                      const char           *kind,
                                      const char           *key,
                                      GVariant             *value,
                                      gint64                expires_at,
                                      GAsyncReadyCallback   callback,
                                      gpointer              data);
void        hypha_store_remove_async (HyphaStore           *self,
                                      const char           *kind,
                                      const char           *key,
                                      GAsyncReadyCallback   callback,
                                      gpointer              data);
gboolean    hypha_store_write_finish (HyphaStore           *self,
                                      GAsyncResult         *result,
                                      GError              **error);
void        hypha_store_end_task     (GObject              *source,
                                      GAsyncResult         *result,
                                      gpointer              data);

G_END_DECLS
