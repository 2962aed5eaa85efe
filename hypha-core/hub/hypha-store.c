/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-store-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>
#include <sqlite3.h>

/* What the tables look like; a file of a later one is left alone. */
#define STORE_VERSION 1
/* How long another process may hold the file, in milliseconds. */
#define BUSY_TIMEOUT 2000

/*
 * HyphaStore: what has to survive the process, as records under a kind and a key. All of it is in
 * memory, which is the truth; SQLite keeps a copy, written in order by one thread at a time, so
 * that no call on the main loop waits for a disk. Without a file it is memory alone.
 */
struct _HyphaStore
{
  GObject      parent_instance;

  char        *path;     /* NULL: memory alone */
  sqlite3     *db;       /* the writer's, once it is loaded */
  GThreadPool *writer;   /* one thread, while there is something to write */
  GHashTable  *kinds;    /* kind → GHashTable: key → HyphaStoreRecord */
  guint        n_pending;
};

typedef struct
{
  GVariant *value;
  gint64    expires_at;  /* seconds since 1970; 0 never */
} HyphaStoreRecord;

/* One record on its way to the disk; text NULL removes it. */
typedef struct
{
  char   *kind;
  char   *key;
  char   *text;
  gint64  expires_at;
} HyphaStoreWrite;

G_DEFINE_FINAL_TYPE (HyphaStore, hypha_store, G_TYPE_OBJECT)

typedef sqlite3_stmt HyphaStatement;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaStatement, sqlite3_finalize)

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

static gboolean
hypha_store_fail (HyphaStore  *self,
                  const char  *what,
                  GError     **error)
{
  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_FAILED, "cannot %s the store “%s”: %s", what,
               self->path, sqlite3_errmsg (self->db));
  return FALSE;
}

/* Of a file that makes no sense. */
static gboolean
hypha_store_fail_damaged (HyphaStore  *self,
                          const char  *why,
                          GError     **error)
{
  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_FAILED,
               "the store “%s” is damaged (%s): put a copy of it back, or move it away to start "
               "without workspaces and with no token revoked", self->path, why);
  return FALSE;
}

/* What SQLite has just complained of. */
static gboolean
hypha_store_fail_use (HyphaStore  *self,
                      GError     **error)
{
  int code = sqlite3_errcode (self->db);

  if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
    return hypha_store_fail_damaged (self, sqlite3_errmsg (self->db), error);

  return hypha_store_fail (self, "use", error);
}

static HyphaStatement *
hypha_store_prepare (HyphaStore  *self,
                     const char  *sql,
                     GError     **error)
{
  HyphaStatement *statement = NULL;

  if (sqlite3_prepare_v2 (self->db, sql, -1, &statement, NULL) != SQLITE_OK)
    hypha_store_fail_use (self, error);

  return statement;
}

static gboolean
hypha_store_run (HyphaStore  *self,
                 const char  *sql,
                 GError     **error)
{
  g_autoptr (HyphaStatement) statement = hypha_store_prepare (self, sql, error);
  int code;

  if (statement == NULL)
    return FALSE;

  do
    code = sqlite3_step (statement);
  while (code == SQLITE_ROW);

  return code == SQLITE_DONE || hypha_store_fail_use (self, error);
}

/* Whoever can write it can make workspaces theirs and revoked tokens good. */
static gboolean
hypha_store_check_file (HyphaStore  *self,
                        int          fd,
                        GError     **error)
{
  struct stat status;

  if (fstat (fd, &status) == 0 && S_ISREG (status.st_mode) && status.st_uid == geteuid () &&
      (status.st_mode & (S_IRWXG | S_IRWXO)) == 0)
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
               "the store “%s” must be a file of your own that nobody else can reach: "
               "run “chmod 600 %s”, or move it away", self->path, self->path);
  return FALSE;
}

/* Makes the file where there is none: SQLite gives its others the mode of this one. */
static gboolean
hypha_store_make_file (HyphaStore  *self,
                       const char  *directory,
                       GError     **error)
{
  gboolean good;
  int fd;

  if (g_mkdir_with_parents (directory, 0700) != 0)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_FAILED, "cannot create the directory “%s”: %s",
                   directory, g_strerror (errno));
      return FALSE;
    }

  fd = g_open (self->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
  if (fd < 0)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_FAILED, "cannot open the store “%s”: %s",
                   self->path, g_strerror (errno));
      return FALSE;
    }

  good = hypha_store_check_file (self, fd, error);
  g_close (fd, NULL);
  return good;
}

static gboolean
hypha_store_check_version (HyphaStore  *self,
                           GError     **error)
{
  g_autoptr (HyphaStatement) statement = hypha_store_prepare (self, "PRAGMA user_version", error);

  if (statement == NULL)
    return FALSE;

  if (sqlite3_step (statement) != SQLITE_ROW)
    return hypha_store_fail_use (self, error);

  if (sqlite3_column_int (statement, 0) <= STORE_VERSION)
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_UNSUPPORTED,
               "the store “%s” was made by a later version of this program: update it, or move "
               "the file away", self->path);
  return FALSE;
}

static gboolean
hypha_store_check_pages (HyphaStore  *self,
                         GError     **error)
{
  g_autoptr (HyphaStatement) statement = NULL;
  const char *verdict;

  statement = hypha_store_prepare (self, "PRAGMA quick_check (1)", error);
  if (statement == NULL)
    return FALSE;

  if (sqlite3_step (statement) != SQLITE_ROW)
    return hypha_store_fail_use (self, error);

  verdict = (const char *) sqlite3_column_text (statement, 0);
  return g_strcmp0 (verdict, "ok") == 0 || hypha_store_fail_damaged (self, verdict, error);
}

static gboolean
hypha_store_prepare_file (HyphaStore  *self,
                          GError     **error)
{
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_FULLMUTEX;

  if (sqlite3_open_v2 (self->path, &self->db, flags, NULL) != SQLITE_OK)
    return hypha_store_fail (self, "open", error);

  sqlite3_busy_timeout (self->db, BUSY_TIMEOUT);
  return hypha_store_check_pages (self, error) && hypha_store_check_version (self, error) &&
         hypha_store_run (self, "PRAGMA journal_mode = WAL", error) &&
         hypha_store_run (self, "PRAGMA synchronous = FULL", error) &&
         hypha_store_run (self,
                          "CREATE TABLE IF NOT EXISTS records ("
                          " kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
                          " expires_at INTEGER NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID",
                          error) &&
         hypha_store_run (self, "PRAGMA user_version = 1", error) &&
         hypha_store_run (self,
                          "DELETE FROM records WHERE expires_at > 0"
                          " AND expires_at <= CAST (strftime ('%s', 'now') AS INTEGER)", error);
}

static void
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

static gboolean
hypha_store_load (HyphaStore  *self,
                  GError     **error)
{
  g_autoptr (HyphaStatement) statement = NULL;
  int code;

  statement = hypha_store_prepare (self, "SELECT kind, key, value, expires_at FROM records",
                                   error);
  if (statement == NULL)
    return FALSE;

  while ((code = sqlite3_step (statement)) == SQLITE_ROW)
    {
      const char *kind = (const char *) sqlite3_column_text (statement, 0);
      const char *key = (const char *) sqlite3_column_text (statement, 1);
      const char *text = (const char *) sqlite3_column_text (statement, 2);
      g_autoptr (GVariant) value = NULL;

      if (kind != NULL && key != NULL && text != NULL)
        value = g_variant_parse (NULL, text, NULL, NULL, NULL);
      if (value == NULL)
        return hypha_store_fail_damaged (self, "a record that is no value", error);

      hypha_store_remember (self, kind, key, value, sqlite3_column_int64 (statement, 3));
    }

  return code == SQLITE_DONE || hypha_store_fail_use (self, error);
}

static gboolean
hypha_store_bind_text (HyphaStatement *statement,
                       int             index,
                       const char     *text)
{
  return sqlite3_bind_text (statement, index, text, -1, SQLITE_STATIC) == SQLITE_OK;
}

/* In the writer's thread. */
static gboolean
hypha_store_write (HyphaStore             *self,
                   const HyphaStoreWrite  *write,
                   GError                **error)
{
  g_autoptr (HyphaStatement) statement = NULL;

  statement = hypha_store_prepare (self,
                                   write->text != NULL ?
                                     "INSERT OR REPLACE INTO records (kind, key, value, expires_at)"
                                     " VALUES (?1, ?2, ?3, ?4)" :
                                     "DELETE FROM records WHERE kind = ?1 AND key = ?2", error);
  if (statement == NULL)
    return FALSE;

  if (!hypha_store_bind_text (statement, 1, write->kind) ||
      !hypha_store_bind_text (statement, 2, write->key) ||
      (write->text != NULL &&
       (!hypha_store_bind_text (statement, 3, write->text) ||
        sqlite3_bind_int64 (statement, 4, write->expires_at) != SQLITE_OK)) ||
      sqlite3_step (statement) != SQLITE_DONE)
    return hypha_store_fail (self, "write to", error);

  return TRUE;
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
