/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-frame.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixfdlist.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static gboolean
fail_with_errno (GError    **error,
                 const char *what)
{
  int code = errno;

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code), "cannot %s: %s", what,
               g_strerror (code));
  return FALSE;
}

static gboolean
write_all (int           fd,
           const guint8 *data,
           gsize         size,
           GError      **error)
{
  while (size > 0)
    {
      ssize_t written = write (fd, data, size);

      if (written < 0 && errno == EINTR)
        continue;
      if (written < 0)
        return fail_with_errno (error, "write a frame to memory");

      data += written;
      size -= written;
    }

  return TRUE;
}

/* Reads by position and never maps: a peer that shrinks the file makes a short read, not a SIGBUS. */
static gboolean
read_all (int      fd,
          guint8  *data,
          gsize    size,
          GError **error)
{
  gsize done = 0;

  while (done < size)
    {
      ssize_t got = pread (fd, data + done, size - done, done);

      if (got < 0 && errno == EINTR)
        continue;
      if (got < 0)
        return fail_with_errno (error, "read a frame from memory");
      if (got == 0)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT,
                       "a frame of %" G_GSIZE_FORMAT " bytes ended after %" G_GSIZE_FORMAT, size, done);
          return FALSE;
        }

      done += got;
    }

  return TRUE;
}

static GUnixFDList *
pack_in_memory_file (gconstpointer data,
                     gsize         size,
                     GError      **error)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  int fd = memfd_create ("hypha-frame", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  gboolean ok;

  if (fd < 0)
    {
      fail_with_errno (error, "make a memory file");
      return NULL;
    }

  ok = write_all (fd, data, size, error);
  if (ok && fcntl (fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
    ok = fail_with_errno (error, "seal a memory file");
  if (ok)
    ok = g_unix_fd_list_append (fds, fd, error) >= 0;
  close (fd);

  return ok ? g_steal_pointer (&fds) : NULL;
}

static GVariant *
bytes_variant (gconstpointer data,
               gsize         size)
{
  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, data, size, 1);
}

/*
 * The parameters of a message that carries a frame, floating; fds is set where it needs a
 * descriptor to go along.
 */
GVariant *
hypha_frame_pack (const char    *peer,
                  gboolean       text,
                  gconstpointer  data,
                  gsize          size,
                  GUnixFDList  **fds,
                  GError       **error)
{
  *fds = NULL;

  if (size > HYPHA_FRAME_MAX)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                   "a frame of %" G_GSIZE_FORMAT " bytes is larger than %d", size, HYPHA_FRAME_MAX);
      return NULL;
    }

  if (size <= HYPHA_FRAME_INLINE_MAX)
    return g_variant_new ("(sbt@ay)", peer, text, (guint64) size, bytes_variant (data, size));

  *fds = pack_in_memory_file (data, size, error);
  if (*fds == NULL)
    return NULL;

  return g_variant_new ("(sbt@ay)", peer, text, (guint64) size, bytes_variant (NULL, 0));
}

static GBytes *
unpack_memory_file (GUnixFDList *fds,
                    gsize        size,
                    GError     **error)
{
  g_autofree guint8 *data = NULL;
  gboolean ok;
  int fd;

  if (fds == NULL || g_unix_fd_list_get_length (fds) != 1)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                           "a large frame came without its memory file");
      return NULL;
    }

  fd = g_unix_fd_list_get (fds, 0, error);
  if (fd < 0)
    return NULL;

  data = g_try_malloc (size);
  if (data == NULL)
    {
      close (fd);
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                   "no memory for a frame of %" G_GSIZE_FORMAT " bytes", size);
      return NULL;
    }

  ok = read_all (fd, data, size, error);
  close (fd);
  return ok ? g_bytes_new_take (g_steal_pointer (&data), size) : NULL;
}

static GBytes *
unpack_bytes (GVariant    *content,
              guint64      size,
              GUnixFDList *fds,
              GError     **error)
{
  gsize inline_size = g_variant_get_size (content);

  if (size > HYPHA_FRAME_MAX)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                   "a frame of %" G_GUINT64_FORMAT " bytes is larger than %d", size, HYPHA_FRAME_MAX);
      return NULL;
    }

  if (size > HYPHA_FRAME_INLINE_MAX)
    return unpack_memory_file (fds, size, error);

  if (inline_size != size)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "a frame of %" G_GUINT64_FORMAT " bytes came with %" G_GSIZE_FORMAT, size,
                   inline_size);
      return NULL;
    }

  return g_variant_get_data_as_bytes (content);
}

/* The other side is not trusted: whatever it sent ends in a frame or in an error. */
gboolean
hypha_frame_unpack (HyphaFrame  *frame,
                    GVariant    *parameters,
                    GUnixFDList *fds,
                    GError     **error)
{
  g_autoptr (GVariant) content = NULL;
  guint64 size;

  memset (frame, 0, sizeof *frame);

  if (parameters == NULL ||
      !g_variant_is_of_type (parameters, G_VARIANT_TYPE (HYPHA_FRAME_VARIANT)))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "not a frame");
      return FALSE;
    }

  g_variant_get (parameters, "(sbt@ay)", &frame->peer, &frame->text, &size, &content);
  frame->bytes = unpack_bytes (content, size, fds, error);
  if (frame->bytes == NULL)
    hypha_frame_clear (frame);

  return frame->bytes != NULL;
}

void
hypha_frame_clear (HyphaFrame *frame)
{
  g_clear_pointer (&frame->peer, g_free);
  g_clear_pointer (&frame->bytes, g_bytes_unref);
}
