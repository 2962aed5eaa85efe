/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-invocation-private.h"
#include "hypha-stream-private.h"
#include "hypha-value-private.h"
#include "object-service.h"

/* The functions of the service that take and give values of every kind. */

static void
serve_echo (HyphaInvocation *invocation,
            gpointer         data)
{
  hypha_invocation_return_argument (invocation, 0, "value");
}

/* (bytes): how many. */
static void
serve_size (HyphaInvocation *invocation,
            gpointer         data)
{
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, 0, "bytes");

  hypha_invocation_return (invocation, g_variant_new_int64 (
                             value != NULL ? (gint64) g_variant_get_size (value) : -1));
}

/* (n): so many bytes, each the low byte of its index. */
static void
serve_blob (HyphaInvocation *invocation,
            gpointer         data)
{
  gsize n = (gsize) object_take_number (invocation, 0, "n", 0);
  guint8 *bytes = g_malloc (n);
  g_autoptr (GBytes) owned = g_bytes_new_take (bytes, n);

  for (gsize i = 0; i < n; i++)
    bytes[i] = (guint8) i;

  hypha_invocation_return (invocation, g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, owned,
                                                                 TRUE));
}

/* A value of each kind that is more than a plain one. */
static void
serve_special (HyphaInvocation *invocation,
               gpointer         data)
{
  static const float numbers[] = { 1.5f, -2, 3, 4 };
  g_autoptr (GBytes) bytes = g_bytes_new_static (numbers, sizeof numbers);
  g_autoptr (GDateTime) when = g_date_time_new_from_iso8601 ("2026-11-22T08:00:00.123Z", NULL);
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert_value (&dict, "matrix",
                               hypha_value_new_ndarray ("float32", (gsize[]) { 2, 2 }, 2, bytes));
  g_variant_dict_insert_value (&dict, "typed", hypha_value_new_typedarray ("float32", bytes));
  g_variant_dict_insert_value (&dict, "view", hypha_value_new_memoryview (bytes));
  g_variant_dict_insert_value (&dict, "set",
                               hypha_value_new_set (g_variant_new_parsed ("[<'a'>, <'b'>]")));
  g_variant_dict_insert_value (&dict, "map",
                               hypha_value_new_ordered_map (
                                 g_variant_new_parsed ("[<[<'a'>, <int64 1>]>]")));
  g_variant_dict_insert_value (&dict, "when", hypha_value_new_datetime (when));
  hypha_invocation_return (invocation, g_variant_dict_end (&dict));
}

/* (array): its type, shape and size. */
static void
serve_measure (HyphaInvocation *invocation,
               gpointer         data)
{
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, 0, "array");
  g_auto (HyphaArray) array = { 0 };
  g_autoptr (GError) error = NULL;
  GVariantBuilder shape;
  GVariantDict dict;

  if (value == NULL || !hypha_value_get_array (value, &array, &error))
    {
      hypha_invocation_return_error (invocation, error != NULL ? g_steal_pointer (&error) :
                                     g_error_new_literal (HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                                                          "no array"));
      return;
    }

  g_variant_builder_init (&shape, G_VARIANT_TYPE ("av"));
  for (guint i = 0; i < array.n_dimensions; i++)
    g_variant_builder_add (&shape, "v", g_variant_new_int64 ((gint64) array.shape[i]));
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "dtype", "s", array.dtype);
  g_variant_dict_insert_value (&dict, "shape", g_variant_builder_end (&shape));
  g_variant_dict_insert (&dict, "size", "x", (gint64) g_bytes_get_size (array.bytes));
  hypha_invocation_return (invocation, g_variant_dict_end (&dict));
}

/* (date): its year. */
static void
serve_year (HyphaInvocation *invocation,
            gpointer         data)
{
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, 0, "date");
  g_autoptr (GError) error = NULL;
  g_autoptr (GDateTime) when = NULL;

  if (value != NULL)
    when = hypha_value_dup_datetime (value, &error);
  if (when != NULL)
    hypha_invocation_return (invocation, g_variant_new_int64 (g_date_time_get_year (when)));
  else
    hypha_invocation_return_error (invocation, error != NULL ? g_steal_pointer (&error) :
                                   g_error_new_literal (HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                                                        "no date"));
}

/* (n): a file of so many bytes, each the low byte of its index. */
static void
serve_file (HyphaInvocation *invocation,
            gpointer         data)
{
  gsize n = (gsize) object_take_number (invocation, 0, "n", 0);
  guint8 *bytes = g_malloc (n);
  g_autoptr (GInputStream) input = g_memory_input_stream_new_from_data (bytes, (gssize) n, g_free);
  g_autoptr (GError) error = NULL;
  GVariant *file;

  for (gsize i = 0; i < n; i++)
    bytes[i] = (guint8) i;

  file = hypha_stream_new (hypha_invocation_get_rpc (invocation),
                           hypha_invocation_get_from (invocation), input, "bytes.bin",
                           "application/octet-stream", &error);
  if (file != NULL)
    hypha_invocation_return (invocation, file);
  else
    hypha_invocation_return_error (invocation, g_steal_pointer (&error));
}

/* A file that is read, four bytes at a time. */
typedef struct
{
  HyphaInvocation   *invocation;
  HyphaRemoteStream *file;
  GString           *text;
} Reading;

static void
reading_end (Reading *reading,
             GError  *error)
{
  if (error != NULL)
    hypha_invocation_return_error (reading->invocation, error);
  else
    hypha_invocation_return (reading->invocation, g_variant_new_string (reading->text->str));

  hypha_invocation_unref (reading->invocation);
  hypha_remote_stream_unref (reading->file);
  g_string_free (reading->text, TRUE);
  g_free (reading);
}

static void
on_read (GObject      *source,
         GAsyncResult *result,
         gpointer      data)
{
  Reading *reading = data;
  GError *error = NULL;
  g_autoptr (GBytes) bytes = hypha_remote_stream_read_finish (reading->file, result, &error);
  gsize size = bytes != NULL ? g_bytes_get_size (bytes) : 0;

  if (size == 0)
    {
      reading_end (reading, error);
      return;
    }

  g_string_append_len (reading->text, g_bytes_get_data (bytes, NULL), (gssize) size);
  hypha_remote_stream_read_async (reading->file, 4, 0, NULL, on_read, reading);
}

static void
on_sought (GObject      *source,
           GAsyncResult *result,
           gpointer      data)
{
  Reading *reading = data;
  GError *error = NULL;

  if (hypha_remote_stream_seek_finish (reading->file, result, &error))
    hypha_remote_stream_read_async (reading->file, 4, 0, NULL, on_read, reading);
  else
    reading_end (reading, error);
}

/* (file, offset): its text from there. */
static void
serve_text_of (HyphaInvocation *invocation,
               gpointer         data)
{
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, 0, "file");
  gint64 offset = object_take_number (invocation, 1, "offset", 0);
  HyphaRemoteStream *file = NULL;
  g_autoptr (GError) error = NULL;
  Reading *reading;

  if (value != NULL)
    file = hypha_remote_stream_new (hypha_invocation_get_rpc (invocation), value,
                                    hypha_invocation_get_from (invocation), &error);
  if (file == NULL)
    {
      hypha_invocation_return_error (invocation, error != NULL ? g_steal_pointer (&error) :
                                     g_error_new_literal (HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                                                          "no file"));
      return;
    }

  reading = g_new0 (Reading, 1);
  reading->invocation = hypha_invocation_ref (invocation);
  reading->file = file;
  reading->text = g_string_new (NULL);
  hypha_remote_stream_seek_async (file, (guint64) offset, 0, NULL, on_sought, reading);
}

static const HyphaServiceMethod value_methods[] = {
  { "echo", "value", "Returns its argument.", serve_echo },
  { "size", "bytes", "Measures bytes.", serve_size },
  { "blob", "n", "Makes bytes.", serve_blob },
  { "special", "", "Returns values that are more than plain ones.", serve_special },
  { "measure", "array", "Measures an array.", serve_measure },
  { "year", "date", "Returns the year of a date.", serve_year },
  { "file", "n", "Makes a file.", serve_file },
  { "text_of", "file, offset", "Reads a file.", serve_text_of },
  { "nested.deep.echo", "value", "Returns its argument.", serve_echo },
  { "list.0", "value", "Returns its argument.", serve_echo },
  { "list.1", "value", "Returns its argument.", serve_echo },
};

void
object_values_add (HyphaService *service)
{
  hypha_service_add_methods (service, value_methods, G_N_ELEMENTS (value_methods), NULL);
  hypha_service_add_value (service, "answer", g_variant_new_int64 (42));
  hypha_service_add_value (service, "nested.words", g_variant_new_parsed ("[<'one'>, <'two'>]"));
}
