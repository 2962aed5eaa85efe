/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-handler-private.h"
#include "hypha-invocation-private.h"

struct _HyphaHandler
{
  HyphaServiceFunc func;
  gpointer         data;
  GDestroyNotify   destroy;
  guint            n_running;
};

HyphaHandler *
hypha_handler_new (HyphaServiceFunc func,
                   gpointer         data,
                   GDestroyNotify   destroy)
{
  HyphaHandler *self = g_rc_box_new0 (HyphaHandler);

  self->func = func;
  self->data = data;
  self->destroy = destroy;
  return self;
}

HyphaHandler *
hypha_handler_ref (HyphaHandler *self)
{
  return g_rc_box_acquire (self);
}

static void
hypha_handler_free (gpointer data)
{
  HyphaHandler *self = data;

  if (self->destroy != NULL)
    self->destroy (self->data);
}

void
hypha_handler_unref (HyphaHandler *self)
{
  g_rc_box_release_full (self, hypha_handler_free);
}

/* The invocation keeps the handler until it ends, and tells it then. */
void
hypha_handler_run (HyphaHandler    *self,
                   HyphaInvocation *invocation)
{
  self->n_running++;
  hypha_invocation_set_handler (invocation, self);
  self->func (invocation, self->data);
}

void
hypha_handler_ended (HyphaHandler *self)
{
  self->n_running--;
}

gboolean
hypha_handler_is_running (HyphaHandler *self)
{
  return self->n_running > 0;
}
