/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-store-internal-private.h"

#include <string.h>

typedef struct
{
  GVariant *value;
  gint64    expires_at;  /* seconds since 1970; 0 never */
} HyphaStoreRecord;

/*
 * HyphaStore: what has to survive the process, as records under a kind and a key. All of it is in
 * memory, which is the truth; SQLite keeps a copy, written in order by one thread at a time, so
 * that no call on the main loop waits for a disk. Without a file it is memory alone.
 */
G_DEFINE_FINAL_TYPE (HyphaStore, hypha_store, G_TYPE_OBJECT)

static void
hypha_store_record_free (gpointer data)
{
  HyphaStoreRecord *record = data;

  g_variant_unref (record->value);
  g_free (record);
}

static void
hypha_store_write_free (gpointer data)
{
  HyphaStoreWrite *write = data;

  g_free (write->kind);
  g_free (write->key);
  g_free (write->text);
  g_free (write);
}

/* Writes hold a reference, so nothing waits here; the last one may go in the writer's own thread. */
static void
hypha_store_finalize (GObject *object)
{
  HyphaStore *self = HYPHA_STORE (object);

  if (self->writer != NULL)
    g_thread_pool_free (self->writer, FALSE, FALSE);
  sqlite3_close (self->db);
  g_hash_table_unref (self->kinds);
  g_free (self->path);

  G_OBJECT_CLASS (hypha_store_parent_class)->finalize (object);
}

static void
hypha_store_class_init (HyphaStoreClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = hypha_store_finalize;
}

static void
hypha_store_init (HyphaStore *self)
{
  self->kinds = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                       (GDestroyNotify) g_hash_table_unref);
}

/* One that keeps nothing beyond its own life. */
HyphaStore *
hypha_store_new (void)
{
  return g_object_new (HYPHA_TYPE_STORE, NULL);
}

void
hypha_store_remember (HyphaStore *self,
                      const char *kind,
                      const char *key,
                      GVariant   *value,
                      gint64      expires_at)
{
  GHashTable *records = g_hash_table_lookup (self->kinds, kind);
  HyphaStoreRecord *record = g_new (HyphaStoreRecord, 1);

  if (records == NULL)
    {
      records = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, hypha_store_record_free);
      g_hash_table_insert (self->kinds, g_strdup (kind), records);
    }

  record->value = g_variant_ref_sink (value);
  record->expires_at = expires_at;
  g_hash_table_replace (records, g_strdup (key), record);
}

static void
hypha_store_write_in_thread (gpointer data,
                             gpointer user_data)
{
  g_autoptr (GTask) task = data;
  HyphaStore *self = user_data;
  g_autoptr (GError) error = NULL;

  if (hypha_store_write (self, g_task_get_task_data (task), &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

/*
 * Opens the store in directory, which is made where there is none, and reads it. Blocks for as long
 * as that takes. A file that is damaged is left as it is.
 */
HyphaStore *
hypha_store_open (const char  *directory,
                  GError     **error)
{
  g_autoptr (HyphaStore) self = hypha_store_new ();

  self->path = g_build_filename (directory, HYPHA_STORE_FILE, NULL);
  if (!hypha_store_make_file (self, directory, error) ||
      !hypha_store_prepare_file (self, error) || !hypha_store_load (self, error))
    return NULL;

  self->writer = g_thread_pool_new (hypha_store_write_in_thread, self, 1, FALSE, NULL);
  return g_steal_pointer (&self);
}

/* Ends it: what waits to be written is written first, and whoever waits for it hears that. */
void
hypha_store_close (HyphaStore *self)
{
  if (self->writer != NULL)
    g_thread_pool_free (g_steal_pointer (&self->writer), FALSE, TRUE);
  g_clear_pointer (&self->db, sqlite3_close);
}

/* The value under kind and key, or NULL. Borrowed. */
GVariant *
hypha_store_lookup (HyphaStore *self,
                    const char *kind,
                    const char *key)
{
  GHashTable *records = g_hash_table_lookup (self->kinds, kind);
  HyphaStoreRecord *record = records != NULL ? g_hash_table_lookup (records, key) : NULL;

  return record != NULL ? record->value : NULL;
}

/* Every record of a kind; func may not change the store. */
void
hypha_store_foreach (HyphaStore     *self,
                     const char     *kind,
                     HyphaStoreFunc  func,
                     gpointer        data)
{
  GHashTable *records = g_hash_table_lookup (self->kinds, kind);
  GHashTableIter iter;
  gpointer key;
  gpointer value;

  if (records == NULL)
    return;

  g_hash_table_iter_init (&iter, records);
  while (g_hash_table_iter_next (&iter, &key, &value))
    {
      HyphaStoreRecord *record = value;

      func (key, record->value, record->expires_at, data);
    }
}

static void
hypha_store_written (GObject      *source,
                     GAsyncResult *result,
                     gpointer      data)
{
  g_autoptr (GTask) task = data;
  g_autoptr (GError) error = NULL;

  HYPHA_STORE (source)->n_pending--;
  if (g_task_propagate_boolean (G_TASK (result), &error))
    {
      g_task_return_boolean (task, TRUE);
      return;
    }

  /* No fault of ours, but whoever looks after the machine should see it. */
  g_message ("%s", error->message);
  g_task_return_error (task, g_steal_pointer (&error));
}

static void
hypha_store_push (HyphaStore *self,
                  GTask      *task,
                  const char *kind,
                  const char *key,
                  char       *text,
                  gint64      expires_at)
{
  g_autoptr (GTask) job = NULL;
  HyphaStoreWrite *write;

  if (self->writer == NULL)
    {
      g_free (text);
      if (self->path == NULL)
        g_task_return_boolean (task, TRUE);
      else
        g_task_return_new_error (task, HYPHA_ERROR, HYPHA_ERROR_FAILED,
                                 "the store “%s” is closed", self->path);
      return;
    }

  write = g_new0 (HyphaStoreWrite, 1);
  write->kind = g_strdup (kind);
  write->key = g_strdup (key);
  write->text = text;
  write->expires_at = expires_at;
  job = g_task_new (self, NULL, hypha_store_written, g_object_ref (task));
  g_task_set_source_tag (job, hypha_store_push);
  g_task_set_task_data (job, write, hypha_store_write_free);
  self->n_pending++;
  g_thread_pool_push (self->writer, g_steal_pointer (&job), NULL);
}

/* A disk that is slower than those who write, for long, is not waited for without end. */
static gboolean
hypha_store_check_pending (HyphaStore  *self,
                           GError     **error)
{
  if (self->n_pending < HYPHA_STORE_MAX_PENDING)
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
               "%d records wait to be written to “%s” already: try again later",
               HYPHA_STORE_MAX_PENDING, self->path);
  return FALSE;
}

/*
 * Keeps value under kind and key until expires_at (0: for ever). It is there at once; callback hears
 * when it is on the disk as well, or why it cannot be. A floating value is consumed.
 */
void
hypha_store_put_async (HyphaStore          *self,
                       const char          *kind,
                       const char          *key,
                       GVariant            *value,
                       gint64               expires_at,
                       GAsyncReadyCallback  callback,
                       gpointer             data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, data);
  g_autoptr (GVariant) owned = g_variant_ref_sink (value);
  g_autoptr (GError) error = NULL;
  g_autofree char *text = g_variant_print (owned, TRUE);

  g_task_set_source_tag (task, hypha_store_put_async);
  if (strlen (text) > HYPHA_STORE_MAX_RECORD)
    g_set_error (&error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE,
                 "the record %s is larger than %d bytes", key, HYPHA_STORE_MAX_RECORD);

  if (error != NULL || !hypha_store_check_pending (self, &error))
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }

  hypha_store_remember (self, kind, key, owned, expires_at);
  hypha_store_push (self, task, kind, key, g_steal_pointer (&text), expires_at);
}

/* Forgets what is under kind and key. */
void
hypha_store_remove_async (HyphaStore          *self,
                          const char          *kind,
                          const char          *key,
                          GAsyncReadyCallback  callback,
                          gpointer             data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, data);
  GHashTable *records = g_hash_table_lookup (self->kinds, kind);

  g_task_set_source_tag (task, hypha_store_remove_async);

  /* Always let through: what was put is bounded, and so is what can be removed. */
  if (records != NULL && g_hash_table_remove (records, key))
    hypha_store_push (self, task, kind, key, NULL, 0);
  else
    g_task_return_boolean (task, TRUE);
}

gboolean
hypha_store_write_finish (HyphaStore    *self,
                          GAsyncResult  *result,
                          GError       **error)
{
  g_assert (g_task_is_valid (result, self));

  return g_task_propagate_boolean (G_TASK (result), error);
}

/* A callback: ends the GTask in data as the write has ended. */
void
hypha_store_end_task (GObject      *source,
                      GAsyncResult *result,
                      gpointer      data)
{
  g_autoptr (GTask) task = data;
  g_autoptr (GError) error = NULL;

  if (hypha_store_write_finish (HYPHA_STORE (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}
