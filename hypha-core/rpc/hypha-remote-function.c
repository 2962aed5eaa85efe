/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-remote-function-private.h"

/* How long the owner of a lent object may be silent, in milliseconds: it may have gone. */
#define INTERFACE_TIMEOUT 10000

struct _HyphaRemoteFunction
{
  HyphaRpc *rpc;
  char     *target;
  char     *method;
  char     *parent;    /* the session that it lives in; NULL where it lives in a service */
  guint     promises : 1;
};

HyphaRemoteFunction *
hypha_remote_function_ref (HyphaRemoteFunction *self)
{
  return g_rc_box_acquire (self);
}

static void
hypha_remote_function_free (gpointer data)
{
  HyphaRemoteFunction *self = data;

  g_object_unref (self->rpc);
  g_free (self->target);
  g_free (self->method);
  g_free (self->parent);
}

void
hypha_remote_function_unref (HyphaRemoteFunction *self)
{
  g_rc_box_release_full (self, hypha_remote_function_free);
}

/*
 * The absolute id of the client that has the function: from, or nobody. A key to encrypt its calls
 * with (_renc_pub) is what clients that encrypt put on all their functions, and offer, not ask for:
 * it came here in plain, and a plain call is served as well.
 */
static gboolean
hypha_remote_function_check (GVariant    *address,
                             const char  *from,
                             GError     **error)
{
  g_autofree char *absolute = NULL;
  const char *target = NULL;
  const char *method = NULL;

  g_variant_lookup (address, "_rtarget", "&s", &target);
  g_variant_lookup (address, "_rmethod", "&s", &method);
  if (target == NULL || method == NULL || strchr (method, '.') == NULL)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PROTOCOL,
                   "a function of %s has no valid address", from);
      return FALSE;
    }

  /* What is relative is so to the workspace of who sent it. */
  absolute = strchr (target, '/') != NULL ? g_strdup (target) :
             g_strdup_printf ("%.*s/%s", (int) strcspn (from, "/"), from, target);
  if (!g_str_equal (absolute, from))
    {
      g_autofree char *quoted = hypha_error_quote (absolute);

      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                   "%s handed over a function of another client, %s", from, quoted);
      return FALSE;
    }

  return TRUE;
}

HyphaRemoteFunction *
hypha_remote_function_new (HyphaRpc    *rpc,
                           GVariant    *address,
                           const char  *from,
                           GError     **error)
{
  g_autoptr (GVariant) promise = NULL;
  HyphaRemoteFunction *self;
  gboolean stream = hypha_rpc_codec_is_type (address, "generator");

  if (!stream && !hypha_rpc_codec_is_type (address, "method"))
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                   "what %s handed over is not a function", from);
      return NULL;
    }

  if (!hypha_remote_function_check (address, from, error))
    return NULL;

  self = g_rc_box_new0 (HyphaRemoteFunction);
  self->rpc = g_object_ref (rpc);
  self->target = g_strdup (from);
  g_variant_lookup (address, "_rmethod", "s", &self->method);
  if (!stream && !g_str_has_prefix (self->method, "services."))
    self->parent = g_strndup (self->method, strcspn (self->method, "."));

  promise = g_variant_lookup_value (address, "_rpromise", NULL);
  if (stream)
    self->promises = TRUE;
  else if (promise != NULL && g_variant_is_of_type (promise, G_VARIANT_TYPE_BOOLEAN))
    self->promises = g_variant_get_boolean (promise);
  else
    self->promises = promise != NULL && !hypha_rpc_codec_is_null (promise);
  return self;
}

const char *
hypha_remote_function_get_target (HyphaRemoteFunction *self)
{
  return self->target;
}

static void
hypha_remote_function_called (GObject      *source,
                              GAsyncResult *result,
                              gpointer      data)
{
  g_autoptr (GTask) task = data;
  GError *error = NULL;
  GVariant *value = hypha_rpc_call_finish (HYPHA_RPC (source), result, &error);

  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (task, value, (GDestroyNotify) g_variant_unref);
}

void
hypha_remote_function_call_async (HyphaRemoteFunction   *self,
                                  const HyphaRpcRequest *request,
                                  GCancellable          *cancellable,
                                  GAsyncReadyCallback    callback,
                                  gpointer               user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  HyphaRpcRequest whole = *request;

  g_task_set_source_tag (task, hypha_remote_function_call_async);
  g_task_set_task_data (task, hypha_remote_function_ref (self),
                        (GDestroyNotify) hypha_remote_function_unref);
  whole.parent = self->parent;
  whole.one_way = request->one_way || !self->promises;
  if (whole.timeout == 0 && g_str_has_prefix (self->method, "services._rintf_"))
    whole.timeout = INTERFACE_TIMEOUT;
  hypha_rpc_request_async (self->rpc, self->target, self->method, &whole, cancellable,
                           hypha_remote_function_called, task);
}

/* NULL without an error where nothing was promised. */
GVariant *
hypha_remote_function_call_finish (HyphaRemoteFunction  *self,
                                   GAsyncResult         *result,
                                   GError              **error)
{
  g_assert (g_task_is_valid (result, NULL));

  return g_task_propagate_pointer (G_TASK (result), error);
}
