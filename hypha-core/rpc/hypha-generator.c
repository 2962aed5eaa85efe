/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-generator-private.h"
#include "hypha-rpc-internal-private.h"

/* A stream of ours: a session of its own with two functions, to pull and to close. */
typedef struct
{
  HyphaSession     *session;
  HyphaServiceFunc  next;
  gpointer          data;
  GDestroyNotify    destroy;
  GCancellable     *pull;     /* of the pull that waits for next; NULL if none does */
} HyphaGenerator;

static void
hypha_generator_free (gpointer data)
{
  HyphaGenerator *self = data;

  if (self->destroy != NULL)
    self->destroy (self->data);
  g_clear_object (&self->pull);
  g_clear_pointer (&self->session, hypha_session_unref);
}

static void
hypha_generator_unref (gpointer data)
{
  g_rc_box_release_full (data, hypha_generator_free);
}

static void
hypha_generator_answered (gboolean last,
                          gpointer data)
{
  HyphaGenerator *self = data;

  g_clear_object (&self->pull);
  if (last)
    hypha_session_close (self->session);
}

static void
hypha_generator_pull (HyphaInvocation *invocation,
                      gpointer         data)
{
  HyphaGenerator *self = data;

  if (self->pull != NULL)
    {
      hypha_invocation_return_error (invocation,
                                     g_error_new_literal (HYPHA_ERROR, HYPHA_ERROR_BUSY,
                                                          "the next item of this generator was "
                                                          "asked for already; wait for it"));
      return;
    }

  self->pull = g_object_ref (hypha_invocation_get_cancellable (invocation));
  hypha_invocation_set_answered (invocation, hypha_generator_answered, self);
  self->next (invocation, self->data);
}

/* Who still makes the next item is told that nobody wants it. */
static void
hypha_generator_close (HyphaInvocation *invocation,
                       gpointer         data)
{
  HyphaGenerator *self = data;
  g_autoptr (GCancellable) pull = self->pull != NULL ? g_object_ref (self->pull) : NULL;

  hypha_session_close (self->session);
  if (pull != NULL)
    g_cancellable_cancel (pull);
  hypha_invocation_return (invocation, g_variant_new_boolean (TRUE));
}

/* data is destroyed where NULL is returned, too. */
GVariant *
hypha_generator_new (HyphaRpc          *rpc,
                     const char        *target,
                     HyphaServiceFunc   next,
                     gpointer           data,
                     GDestroyNotify     destroy,
                     GError           **error)
{
  HyphaGenerator *self = g_rc_box_new0 (HyphaGenerator);
  g_autofree char *pull = NULL;
  g_autofree char *close = NULL;
  GVariantDict dict;

  self->next = next;
  self->data = data;
  self->destroy = destroy;
  self->session = hypha_session_new (rpc, target, error);
  if (self->session == NULL)
    {
      hypha_generator_unref (self);
      return NULL;
    }

  pull = hypha_session_put_handler (self->session, "0",
                                    hypha_handler_new (hypha_generator_pull,
                                                       g_rc_box_acquire (self),
                                                       hypha_generator_unref));
  close = hypha_session_put_handler (self->session, "0:close",
                                     hypha_handler_new (hypha_generator_close, self,
                                                        hypha_generator_unref));

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "_rtype", "s", "generator");
  g_variant_dict_insert (&dict, "_rserver", "s", rpc->server_url);
  g_variant_dict_insert (&dict, "_rtarget", "s", rpc->id);
  g_variant_dict_insert (&dict, "_rmethod", "s", pull);
  g_variant_dict_insert (&dict, "_rclose_method", "s", close);
  g_variant_dict_insert (&dict, "_rpromise", "s", "*");
  g_variant_dict_insert (&dict, "_rdoc", "s", "Remote generator");
  return g_variant_dict_end (&dict);
}

/* Answers a pull: there are no more items. */
void
hypha_generator_stop (HyphaInvocation *invocation)
{
  hypha_invocation_return_last (invocation,
                                g_variant_new_parsed ("{'_rtype': <'stop_iteration'>}"));
}
