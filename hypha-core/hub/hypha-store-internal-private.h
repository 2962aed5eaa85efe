/* SPDX-License-Identifier: MIT */
#pragma once

#include <sqlite3.h>

#include "hypha-store-private.h"

G_BEGIN_DECLS

/* For hypha-store*.c alone. */

struct _HyphaStore
{
  GObject      parent_instance;

  char        *path;     /* NULL: memory alone */
  sqlite3     *db;       /* the writer's, once it is loaded */
  GThreadPool *writer;   /* one thread, while there is something to write */
  GHashTable  *kinds;    /* kind → GHashTable: key → HyphaStoreRecord */
  guint        n_pending;
};

/* One record on its way to the disk; text NULL removes it. */
typedef struct
{
  char   *kind;
  char   *key;
  char   *text;
  gint64  expires_at;
} HyphaStoreWrite;

/* hypha-store.c: the records in memory */
void hypha_store_remember (HyphaStore *self,
                           const char *kind,
                           const char *key,
                           GVariant   *value,
                           gint64      expires_at);

/* hypha-store-file.c: the copy on the disk */
gboolean hypha_store_make_file    (HyphaStore             *self,
                                   const char             *directory,
                                   GError                **error);
gboolean hypha_store_prepare_file (HyphaStore             *self,
                                   GError                **error);
gboolean hypha_store_load         (HyphaStore             *self,
                                   GError                **error);
gboolean hypha_store_write        (HyphaStore             *self,
                                   const HyphaStoreWrite  *write,
                                   GError                **error);

G_END_DECLS
