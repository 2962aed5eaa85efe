/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-rpc-internal-private.h"
#include "hypha-stream-private.h"

/* Bytes that are read from the input at once. */
#define PIECE_SIZE (256 * 1024)

/* What the functions of a file share. */
typedef struct
{
  GInputStream    *input;
  HyphaSession    *session;  /* that ends with the file; NULL where it is somebody else's */
  HyphaInvocation *reading;  /* the read that is under way; NULL if none is */
  GByteArray      *read;     /* what it has so far */
  gsize            wanted;   /* 0 is all the rest */
} HyphaStream;

static void
hypha_stream_free (gpointer data)
{
  HyphaStream *self = data;

  g_object_unref (self->input);
  g_clear_pointer (&self->session, hypha_session_unref);
}

static void
hypha_stream_unref (gpointer data)
{
  g_rc_box_release_full (data, hypha_stream_free);
}

static void
hypha_stream_end (HyphaStream *self)
{
  if (self->session != NULL)
    hypha_session_close (self->session);
}

/* Ends the read that is under way, with what it has or with error, which is consumed. */
static void
hypha_stream_answer (HyphaStream *self,
                     GError      *error)
{
  g_autoptr (HyphaInvocation) invocation = g_steal_pointer (&self->reading);
  g_autoptr (GBytes) bytes = g_byte_array_free_to_bytes (g_steal_pointer (&self->read));

  if (error != NULL)
    {
      hypha_invocation_return_error (invocation, error);
      return;
    }

  hypha_invocation_return (invocation, g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, bytes,
                                                                 TRUE));
  if (self->wanted == 0)
    hypha_stream_end (self);
}

static void hypha_stream_read_piece (HyphaStream *self);

/* TRUE where the read goes on. */
static gboolean
hypha_stream_take_piece (HyphaStream  *self,
                         GBytes       *piece,
                         GError      **error)
{
  gsize size = g_bytes_get_size (piece);

  g_byte_array_append (self->read, g_bytes_get_data (piece, NULL), (guint) size);
  if (self->wanted == 0 && self->read->len > HYPHA_STREAM_MAX_READ)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE,
                   "there are more than %d bytes to read; read so many at a time",
                   HYPHA_STREAM_MAX_READ);
      return FALSE;
    }

  return size > 0 && (self->wanted == 0 || self->read->len < self->wanted);
}

static void
hypha_stream_on_piece (GObject      *source,
                       GAsyncResult *result,
                       gpointer      data)
{
  HyphaStream *self = data;
  GError *error = NULL;
  g_autoptr (GBytes) piece = NULL;

  piece = g_input_stream_read_bytes_finish (self->input, result, &error);
  if (piece != NULL && hypha_stream_take_piece (self, piece, &error))
    hypha_stream_read_piece (self);
  else
    hypha_stream_answer (self, error);

  hypha_stream_unref (self);
}

static void
hypha_stream_read_piece (HyphaStream *self)
{
  gsize size = self->wanted > 0 ? MIN (self->wanted - self->read->len, PIECE_SIZE) : PIECE_SIZE;

  g_input_stream_read_bytes_async (self->input, size, G_PRIORITY_DEFAULT,
                                   hypha_invocation_get_cancellable (self->reading),
                                   hypha_stream_on_piece, g_rc_box_acquire (self));
}

/* The number in an argument, left as it is where there is none; FALSE if it is no number. */
static gboolean
hypha_stream_take_number (HyphaInvocation  *invocation,
                          guint             index,
                          const char       *name,
                          gint64           *number,
                          GError          **error)
{
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, index, name);

  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    {
      *number = g_variant_get_int64 (value);
      return TRUE;
    }

  if (value != NULL)
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT, "%s must be an integer", name);
  return value == NULL;
}

/* Whether the file can be worked at, which it cannot while it is read. */
static gboolean
hypha_stream_check_idle (HyphaStream  *self,
                         GError      **error)
{
  if (self->reading == NULL)
    return TRUE;

  g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
                       "this file is being read already; wait for that");
  return FALSE;
}

static void
hypha_stream_serve_read (HyphaInvocation *invocation,
                         gpointer         data)
{
  HyphaStream *self = data;
  g_autoptr (GError) error = NULL;
  gint64 wanted = 0;

  if (!hypha_stream_take_number (invocation, 0, "size", &wanted, &error) ||
      !hypha_stream_check_idle (self, &error))
    {
      hypha_invocation_return_error (invocation, g_steal_pointer (&error));
      return;
    }

  self->wanted = (gsize) CLAMP (wanted, 0, HYPHA_STREAM_MAX_READ);
  self->reading = hypha_invocation_ref (invocation);
  self->read = g_byte_array_new ();
  hypha_stream_read_piece (self);
}

static gboolean
hypha_stream_seek (HyphaStream      *self,
                   HyphaInvocation  *invocation,
                   GError          **error)
{
  static const GSeekType whences[] = { G_SEEK_SET, G_SEEK_CUR, G_SEEK_END };
  gint64 offset = 0;
  gint64 whence = 0;

  if (!hypha_stream_take_number (invocation, 0, "offset", &offset, error) ||
      !hypha_stream_take_number (invocation, 1, "whence", &whence, error) ||
      !hypha_stream_check_idle (self, error))
    return FALSE;

  if (!G_IS_SEEKABLE (self->input) || whence < 0 || whence >= (gint64) G_N_ELEMENTS (whences))
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                           "this file cannot be gone about in that way");
      return FALSE;
    }

  return g_seekable_seek (G_SEEKABLE (self->input), offset, whences[whence],
                          hypha_invocation_get_cancellable (invocation), error);
}

static void
hypha_stream_serve_seek (HyphaInvocation *invocation,
                         gpointer         data)
{
  HyphaStream *self = data;
  g_autoptr (GError) error = NULL;

  if (hypha_stream_seek (self, invocation, &error))
    hypha_invocation_return (invocation, g_variant_new_int64 (
                               g_seekable_tell (G_SEEKABLE (self->input))));
  else
    hypha_invocation_return_error (invocation, g_steal_pointer (&error));
}

/* A read that is under way ends as it would; the input is closed with the last that holds it. */
static void
hypha_stream_serve_close (HyphaInvocation *invocation,
                          gpointer         data)
{
  hypha_stream_end (data);
  hypha_invocation_return_null (invocation);
}

/* How long the input is, where that can be told; it stays where it is. */
static gint64
hypha_stream_get_size (GInputStream *input)
{
  GSeekable *seekable = G_IS_SEEKABLE (input) ? G_SEEKABLE (input) : NULL;
  goffset here;
  goffset size;

  if (seekable == NULL || !g_seekable_can_seek (seekable))
    return -1;

  here = g_seekable_tell (seekable);
  if (!g_seekable_seek (seekable, 0, G_SEEK_END, NULL, NULL))
    return -1;

  size = g_seekable_tell (seekable);
  return g_seekable_seek (seekable, here, G_SEEK_SET, NULL, NULL) ? size - here : -1;
}

/* Adds its functions to session and describes it. */
static GVariant *
hypha_stream_describe (HyphaStream   *self,
                       HyphaSession  *session,
                       const char    *name,
                       const char    *type,
                       GError       **error)
{
  static const struct { const char *name; HyphaServiceFunc func; } functions[] = {
    { "read", hypha_stream_serve_read },
    { "seek", hypha_stream_serve_seek },
    { "close", hypha_stream_serve_close },
  };
  gint64 size = hypha_stream_get_size (self->input);
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (functions); i++)
    {
      GVariant *address = hypha_session_add_function (session, functions[i].name,
                                                      functions[i].func, g_rc_box_acquire (self),
                                                      hypha_stream_unref, error);

      if (address == NULL)
        return NULL;

      g_variant_dict_insert_value (&dict, functions[i].name, address);
    }

  /* The one kind that clients in JavaScript make a Blob of. */
  g_variant_dict_insert (&dict, "_rtype", "s", "iostream");
  g_variant_dict_insert (&dict, "_rnative", "s", "js:blob");
  g_variant_dict_insert (&dict, "name", "s", name != NULL ? name : "");
  g_variant_dict_insert (&dict, "type", "s", type != NULL ? type : "");
  if (size >= 0)
    g_variant_dict_insert (&dict, "size", "x", size);
  return g_variant_dict_end (&dict);
}

static HyphaStream *
hypha_stream_make (GInputStream *input)
{
  HyphaStream *self = g_rc_box_new0 (HyphaStream);

  self->input = g_object_ref (input);
  return self;
}

GVariant *
hypha_session_add_stream (HyphaSession  *session,
                          GInputStream  *input,
                          const char    *name,
                          const char    *type,
                          GError       **error)
{
  HyphaStream *self = hypha_stream_make (input);
  GVariant *described = hypha_stream_describe (self, session, name, type, error);

  hypha_stream_unref (self);
  return described;
}

GVariant *
hypha_stream_new (HyphaRpc      *rpc,
                  const char    *target,
                  GInputStream  *input,
                  const char    *name,
                  const char    *type,
                  GError       **error)
{
  g_autoptr (HyphaSession) session = hypha_session_new (rpc, target, error);
  HyphaStream *self;
  GVariant *described;

  if (session == NULL)
    return NULL;

  self = hypha_stream_make (input);
  self->session = hypha_session_ref (session);
  described = hypha_stream_describe (self, session, name, type, error);
  hypha_stream_unref (self);
  return described;
}
