/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-generator-private.h"
#include "hypha-remote-function-private.h"

struct _HyphaRemoteGenerator
{
  HyphaRemoteFunction *pull;
  HyphaRemoteFunction *close;  /* NULL where it cannot be closed early */
  guint                pulling : 1;
  guint                ended : 1;
};

static void
hypha_remote_generator_finalize (gpointer data)
{
  HyphaRemoteGenerator *self = data;

  g_clear_pointer (&self->pull, hypha_remote_function_unref);
  g_clear_pointer (&self->close, hypha_remote_function_unref);
}

static void
hypha_remote_generator_unref (gpointer data)
{
  g_rc_box_release_full (data, hypha_remote_generator_finalize);
}

/* The address of the function that closes it: what a method's would be. Floating. */
static GVariant *
hypha_remote_generator_address_close (GVariant *address)
{
  g_autoptr (GVariant) method = g_variant_lookup_value (address, "_rclose_method", NULL);
  GVariantDict dict;

  if (method == NULL || !g_variant_is_of_type (method, G_VARIANT_TYPE_STRING))
    return NULL;

  g_variant_dict_init (&dict, address);
  g_variant_dict_insert_value (&dict, "_rmethod", method);
  return g_variant_dict_end (&dict);
}

HyphaRemoteGenerator *
hypha_remote_generator_new (HyphaRpc    *rpc,
                            GVariant    *address,
                            const char  *from,
                            GError     **error)
{
  g_autoptr (HyphaRemoteFunction) pull = NULL;
  g_autoptr (HyphaRemoteFunction) close = NULL;
  g_autoptr (GVariant) close_address = NULL;
  HyphaRemoteGenerator *self;

  if (!hypha_rpc_codec_is_type (address, "generator"))
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                   "what %s handed over is not a generator", from);
      return NULL;
    }

  pull = hypha_remote_function_new (rpc, address, from, error);
  if (pull == NULL)
    return NULL;

  close_address = hypha_remote_generator_address_close (address);
  if (close_address != NULL)
    {
      g_variant_ref_sink (close_address);
      close = hypha_remote_function_new (rpc, close_address, from, error);
      if (close == NULL)
        return NULL;
    }

  self = g_rc_box_new0 (HyphaRemoteGenerator);
  self->pull = g_steal_pointer (&pull);
  self->close = g_steal_pointer (&close);
  return self;
}

static void
hypha_remote_generator_end (HyphaRemoteGenerator *self,
                            gboolean              close)
{
  const HyphaRpcRequest request = { .one_way = TRUE };

  if (close && !self->ended && self->close != NULL)
    hypha_remote_function_call_async (self->close, &request, NULL, NULL, NULL);
  self->ended = TRUE;
}

void
hypha_remote_generator_free (HyphaRemoteGenerator *self)
{
  hypha_remote_generator_end (self, TRUE);
  hypha_remote_generator_unref (self);
}

static void
hypha_remote_generator_pulled (GObject      *source,
                               GAsyncResult *result,
                               gpointer      data)
{
  g_autoptr (GTask) task = data;
  HyphaRemoteGenerator *self = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GVariant) value = NULL;

  self->pulling = FALSE;
  value = hypha_remote_function_call_finish (self->pull, result, &error);
  if (error != NULL)
    {
      /* An error ends it, but what makes the items may be there still. */
      hypha_remote_generator_end (self, TRUE);
      g_task_return_error (task, error);
      return;
    }

  if (value == NULL || hypha_rpc_codec_is_type (value, "stop_iteration"))
    {
      hypha_remote_generator_end (self, FALSE);
      g_clear_pointer (&value, g_variant_unref);
    }

  g_task_return_pointer (task, g_steal_pointer (&value), (GDestroyNotify) g_variant_unref);
}

void
hypha_remote_generator_next_async (HyphaRemoteGenerator *self,
                                   guint                 timeout,
                                   GCancellable         *cancellable,
                                   GAsyncReadyCallback   callback,
                                   gpointer              user_data)
{
  const HyphaRpcRequest request = { .timeout = timeout };
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_source_tag (task, hypha_remote_generator_next_async);
  g_task_set_task_data (task, g_rc_box_acquire (self), hypha_remote_generator_unref);
  if (self->ended || self->pulling)
    {
      if (self->ended)
        g_task_return_pointer (task, NULL, NULL);
      else
        g_task_return_new_error (task, HYPHA_ERROR, HYPHA_ERROR_BUSY,
                                 "the next item of this generator was asked for already");
      g_object_unref (task);
      return;
    }

  self->pulling = TRUE;
  hypha_remote_function_call_async (self->pull, &request, cancellable,
                                    hypha_remote_generator_pulled, task);
}

GVariant *
hypha_remote_generator_next_finish (HyphaRemoteGenerator  *self,
                                    GAsyncResult          *result,
                                    GError               **error)
{
  g_assert (g_task_is_valid (result, NULL));

  return g_task_propagate_pointer (G_TASK (result), error);
}
