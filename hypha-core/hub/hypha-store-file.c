/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-store-internal-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

/* The copy of the store that SQLite keeps: how it is opened, checked, read and written. */

/* What the tables look like; a file of a later one is left alone. */
#define STORE_VERSION 1
/* How long another process may hold the file, in milliseconds. */
#define BUSY_TIMEOUT 2000

typedef sqlite3_stmt HyphaStatement;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaStatement, sqlite3_finalize)

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
gboolean
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

gboolean
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

gboolean
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
gboolean
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
