/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-remote-function-private.h"
#include "hypha-stream-private.h"
#include "hypha-value-private.h"

struct _HyphaRemoteStream
{
  HyphaRemoteFunction *read;
  HyphaRemoteFunction *seek;  /* NULL where it has no position */
  char                *name;
  char                *type;
  gint64               size;
};

HyphaRemoteStream *
hypha_remote_stream_ref (HyphaRemoteStream *self)
{
  return g_rc_box_acquire (self);
}

static void
hypha_remote_stream_free (gpointer data)
{
  HyphaRemoteStream *self = data;

  g_clear_pointer (&self->read, hypha_remote_function_unref);
  g_clear_pointer (&self->seek, hypha_remote_function_unref);
  g_free (self->name);
  g_free (self->type);
}

void
hypha_remote_stream_unref (HyphaRemoteStream *self)
{
  g_rc_box_release_full (self, hypha_remote_stream_free);
}

/* One of its functions; FALSE if it is there and somebody else's. */
static gboolean
hypha_remote_stream_take (HyphaRpc             *rpc,
                          GVariant             *value,
                          const char           *key,
                          const char           *from,
                          HyphaRemoteFunction **function,
                          GError              **error)
{
  g_autoptr (GVariant) address = g_variant_lookup_value (value, key, G_VARIANT_TYPE_VARDICT);

  if (address != NULL)
    *function = hypha_remote_function_new (rpc, address, from, error);
  return address == NULL || *function != NULL;
}

HyphaRemoteStream *
hypha_remote_stream_new (HyphaRpc    *rpc,
                         GVariant    *value,
                         const char  *from,
                         GError     **error)
{
  g_autoptr (HyphaRemoteFunction) read = NULL;
  g_autoptr (HyphaRemoteFunction) seek = NULL;
  HyphaRemoteStream *self;

  if (hypha_rpc_codec_is_type (value, "iostream") &&
      (!hypha_remote_stream_take (rpc, value, "read", from, &read, error) ||
       !hypha_remote_stream_take (rpc, value, "seek", from, &seek, error)))
    return NULL;

  if (read == NULL)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                   "what %s handed over is not a file that can be read", from);
      return NULL;
    }

  self = g_rc_box_new0 (HyphaRemoteStream);
  self->read = g_steal_pointer (&read);
  self->seek = g_steal_pointer (&seek);
  self->size = -1;
  g_variant_lookup (value, "name", "s", &self->name);
  g_variant_lookup (value, "type", "s", &self->type);
  g_variant_lookup (value, "size", "x", &self->size);
  return self;
}

const char *
hypha_remote_stream_get_name (HyphaRemoteStream *self)
{
  return self->name;
}

const char *
hypha_remote_stream_get_type_name (HyphaRemoteStream *self)
{
  return self->type;
}

gint64
hypha_remote_stream_get_size (HyphaRemoteStream *self)
{
  return self->size;
}

/* A read that is under way: the file, and how much was asked for. */
typedef struct
{
  HyphaRemoteStream *stream;
  gsize              count;
} HyphaRemoteRead;

static void
hypha_remote_read_free (gpointer data)
{
  HyphaRemoteRead *read = data;

  hypha_remote_stream_unref (read->stream);
  g_free (read);
}

/* What the other side gave: bytes of any form, or text. */
static GBytes *
hypha_remote_read_take (HyphaRemoteRead  *read,
                        GVariant         *value,
                        GError          **error)
{
  g_autoptr (GBytes) bytes = NULL;

  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    bytes = g_bytes_new (g_variant_get_string (value, NULL), g_variant_get_size (value) - 1);
  else if (value != NULL)
    bytes = hypha_value_dup_bytes (value, error);
  else
    g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_PROTOCOL, "reading promises nothing");

  if (bytes == NULL || read->count == 0 || g_bytes_get_size (bytes) <= read->count ||
      g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return g_steal_pointer (&bytes);

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PROTOCOL,
               "%" G_GSIZE_FORMAT " bytes were read where %" G_GSIZE_FORMAT " were asked for",
               g_bytes_get_size (bytes), read->count);
  return NULL;
}

static void
hypha_remote_stream_on_read (GObject      *source,
                             GAsyncResult *result,
                             gpointer      data)
{
  g_autoptr (GTask) task = data;
  HyphaRemoteRead *read = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GVariant) value = NULL;
  GBytes *bytes = NULL;

  value = hypha_remote_function_call_finish (read->stream->read, result, &error);
  if (error == NULL)
    bytes = hypha_remote_read_take (read, value, &error);

  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (task, bytes, (GDestroyNotify) g_bytes_unref);
}

void
hypha_remote_stream_read_async (HyphaRemoteStream   *self,
                                gsize                count,
                                guint                timeout,
                                GCancellable        *cancellable,
                                GAsyncReadyCallback  callback,
                                gpointer             user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  HyphaRemoteRead *read = g_new0 (HyphaRemoteRead, 1);
  HyphaRpcRequest request = { .timeout = timeout };

  g_task_set_source_tag (task, hypha_remote_stream_read_async);
  read->stream = hypha_remote_stream_ref (self);
  read->count = count;
  g_task_set_task_data (task, read, hypha_remote_read_free);
  if (count > 0)
    request.args = g_variant_new_parsed ("[<%x>]", (gint64) MIN (count, G_MAXINT64));
  hypha_remote_function_call_async (self->read, &request, cancellable, hypha_remote_stream_on_read,
                                    task);
}

GBytes *
hypha_remote_stream_read_finish (HyphaRemoteStream  *self,
                                 GAsyncResult       *result,
                                 GError            **error)
{
  g_assert (g_task_is_valid (result, NULL));

  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
hypha_remote_stream_on_seek (GObject      *source,
                             GAsyncResult *result,
                             gpointer      data)
{
  g_autoptr (GTask) task = data;
  HyphaRemoteStream *self = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GVariant) value = NULL;

  value = hypha_remote_function_call_finish (self->seek, result, &error);
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

void
hypha_remote_stream_seek_async (HyphaRemoteStream   *self,
                                guint64              offset,
                                guint                timeout,
                                GCancellable        *cancellable,
                                GAsyncReadyCallback  callback,
                                gpointer             user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  HyphaRpcRequest request = { .timeout = timeout };

  g_task_set_source_tag (task, hypha_remote_stream_seek_async);
  g_task_set_task_data (task, hypha_remote_stream_ref (self),
                        (GDestroyNotify) hypha_remote_stream_unref);
  if (self->seek == NULL || offset > G_MAXINT64)
    {
      g_task_return_new_error (task, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                               "this file cannot be gone about in that way");
      return;
    }

  request.args = g_variant_new_parsed ("[<%x>]", (gint64) offset);
  hypha_remote_function_call_async (self->seek, &request, cancellable, hypha_remote_stream_on_seek,
                                    g_steal_pointer (&task));
}

gboolean
hypha_remote_stream_seek_finish (HyphaRemoteStream  *self,
                                 GAsyncResult       *result,
                                 GError            **error)
{
  g_assert (g_task_is_valid (result, NULL));

  return g_task_propagate_boolean (G_TASK (result), error);
}
