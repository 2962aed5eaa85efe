/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-secret-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

/* Longest secret file that is read, in bytes. */
#define MAX_FILE_SIZE 4096

typedef struct
{
  char  *data;
  gsize  size;
} HyphaSecretBuffer;

static void
hypha_secret_wipe (gpointer data)
{
  HyphaSecretBuffer *buffer = data;

  explicit_bzero (buffer->data, buffer->size);
  g_free (buffer->data);
  g_free (buffer);
}

static void
hypha_secret_close (int *fd)
{
  if (*fd >= 0)
    g_close (*fd, NULL);
}

typedef int HyphaSecretFd;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (HyphaSecretFd, hypha_secret_close)

/* A copy that is overwritten when the last reference goes. */
static GBytes *
hypha_secret_copy (const char *text,
                   gsize       size)
{
  HyphaSecretBuffer *buffer = g_new (HyphaSecretBuffer, 1);

  buffer->data = g_memdup2 (text, size);
  buffer->size = size;
  return g_bytes_new_with_free_func (buffer->data, size, hypha_secret_wipe, buffer);
}

static gboolean
hypha_secret_fail (const char  *what,
                   const char  *path,
                   int          code,
                   GError     **error)
{
  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_FAILED, "cannot %s “%s”: %s", what, path,
               g_strerror (code));
  return FALSE;
}

static GBytes *
hypha_secret_from_variable (const char  *text,
                            GError     **error)
{
  if (strlen (text) < HYPHA_SECRET_MIN_SIZE)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                   "the secret in %s is shorter than %d bytes: make it longer, or unset it",
                   HYPHA_SECRET_VARIABLE, HYPHA_SECRET_MIN_SIZE);
      return NULL;
    }

  return hypha_secret_copy (text, strlen (text));
}

/* Whoever can read the file can be anybody, whoever can write it too. */
static gboolean
hypha_secret_check_file (int          fd,
                         const char  *path,
                         GError     **error)
{
  struct stat status;

  if (fstat (fd, &status) != 0)
    return hypha_secret_fail ("read the secret file", path, errno, error);

  if (!S_ISREG (status.st_mode))
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_FAILED,
                   "the secret file “%s” is not a regular file: move it away", path);
      return FALSE;
    }

  if (status.st_uid != geteuid ())
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                   "the secret file “%s” belongs to another user: run “chown %u %s”", path,
                   geteuid (), path);
      return FALSE;
    }

  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                   "other users can reach the secret file “%s”: run “chmod 600 %s”", path, path);
      return FALSE;
    }

  return TRUE;
}

static gboolean
hypha_secret_read_all (int          fd,
                       char        *buffer,
                       gsize       *size,
                       const char  *path,
                       GError     **error)
{
  gsize used = 0;
  gssize n;

  while (used < *size)
    {
      n = read (fd, buffer + used, *size - used);
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return hypha_secret_fail ("read the secret file", path, errno, error);
      if (n == 0)
        break;
      used += (gsize) n;
    }

  *size = used;
  return TRUE;
}

/* The file's text without the white space after it: what one would put into the variable. */
static GBytes *
hypha_secret_read_file (int          fd,
                        const char  *path,
                        GError     **error)
{
  char buffer[MAX_FILE_SIZE];
  gsize size = sizeof buffer;
  GBytes *secret = NULL;

  if (!hypha_secret_check_file (fd, path, error) ||
      !hypha_secret_read_all (fd, buffer, &size, path, error))
    return NULL;

  while (size > 0 && g_ascii_isspace (buffer[size - 1]))
    size--;

  if (size < HYPHA_SECRET_MIN_SIZE || size == sizeof buffer)
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                 "the secret file “%s” is not between %d and %d bytes long: remove it to get a new one",
                 path, HYPHA_SECRET_MIN_SIZE, MAX_FILE_SIZE - 1);
  else
    secret = hypha_secret_copy (buffer, size);

  explicit_bzero (buffer, sizeof buffer);
  return secret;
}

/* Takes the same time wherever the first difference is. */
gboolean
hypha_secret_equal (const guint8 *a,
                    const guint8 *b,
                    gsize         size)
{
  volatile guint8 difference = 0;

  for (gsize i = 0; i < size; i++)
    difference |= a[i] ^ b[i];

  return difference == 0;
}

gboolean
hypha_secret_fill_random (guint8  *data,
                          gsize    size,
                          GError **error)
{
  gsize used = 0;
  gssize n;

  while (used < size)
    {
      n = getrandom (data + used, size - used, 0);
      if (n < 0 && errno != EINTR)
        {
          g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_FAILED,
                       "cannot get random bytes for a secret: %s", g_strerror (errno));
          return FALSE;
        }
      if (n > 0)
        used += (gsize) n;
    }

  return TRUE;
}

static gboolean
hypha_secret_write_random (int          fd,
                           const char  *path,
                           GError     **error)
{
  static const char digits[] = "0123456789abcdef";
  guint8 bytes[HYPHA_SECRET_SIZE];
  char text[2 * HYPHA_SECRET_SIZE];
  gssize written;
  int code;

  if (!hypha_secret_fill_random (bytes, sizeof bytes, error))
    return FALSE;

  for (gsize i = 0; i < sizeof bytes; i++)
    {
      text[2 * i] = digits[bytes[i] >> 4];
      text[2 * i + 1] = digits[bytes[i] & 0x0f];
    }

  written = write (fd, text, sizeof text);
  code = written < 0 ? errno : written < (gssize) sizeof text ? ENOSPC : 0;
  if (code == 0 && fsync (fd) != 0)
    code = errno;

  explicit_bzero (bytes, sizeof bytes);
  explicit_bzero (text, sizeof text);
  return code == 0 || hypha_secret_fail ("write the secret file", path, code, error);
}

/*
 * Makes the file with its whole content at once: it appears under its name by a link, which fails
 * where another process was faster. That is no error, its secret is as good.
 */
static gboolean
hypha_secret_create_file (const char  *path,
                          GError     **error)
{
  g_autofree char *temporary = g_strconcat (path, ".XXXXXX", NULL);
  g_auto (HyphaSecretFd) fd = g_mkstemp_full (temporary, O_RDWR | O_CLOEXEC, 0600);
  gboolean made;

  if (fd < 0)
    return hypha_secret_fail ("create the secret file", path, errno, error);

  made = hypha_secret_write_random (fd, path, error);
  if (made && link (temporary, path) != 0 && errno != EEXIST)
    made = hypha_secret_fail ("create the secret file", path, errno, error);

  if (g_unlink (temporary) != 0 && made)
    made = hypha_secret_fail ("remove the temporary file", temporary, errno, error);
  return made;
}

static GBytes *
hypha_secret_from_file (const char  *directory,
                        GError     **error)
{
  const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  g_autofree char *path = g_build_filename (directory, HYPHA_SECRET_FILE, NULL);
  g_auto (HyphaSecretFd) fd = g_open (path, flags, 0);

  if (fd < 0 && errno == ENOENT)
    {
      if (g_mkdir_with_parents (directory, 0700) != 0)
        {
          hypha_secret_fail ("create the directory", directory, errno, error);
          return NULL;
        }

      if (!hypha_secret_create_file (path, error))
        return NULL;

      fd = g_open (path, flags, 0);
    }

  if (fd < 0)
    {
      hypha_secret_fail ("read the secret file", path, errno, error);
      return NULL;
    }

  return hypha_secret_read_file (fd, path, error);
}

/*
 * The secret that tokens are signed with: from the environment, else from the file in directory,
 * which is made where there is none. It is wiped when the last reference goes.
 */
GBytes *
hypha_secret_load (const char  *directory,
                   GError     **error)
{
  const char *text = g_getenv (HYPHA_SECRET_VARIABLE);

  if (text != NULL)
    return hypha_secret_from_variable (text, error);

  return hypha_secret_from_file (directory, error);
}
