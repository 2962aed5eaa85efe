/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-error-private.h"

G_BEGIN_DECLS

typedef struct _HyphaInvocation HyphaInvocation;
typedef struct _HyphaService HyphaService;

/* Serves one call; must end in exactly one hypha_invocation_return…(), at once or later. */
typedef void (*HyphaServiceFunc) (HyphaInvocation *invocation,
                                  gpointer         data);

typedef struct
{
  const char       *name;    /* “echo”, or “message_cache.create” for a nested one */
  const char       *params;  /* “service_id, config”: the keyword names, in order */
  const char       *doc;
  HyphaServiceFunc  func;
} HyphaServiceMethod;

HyphaService             *hypha_service_new             (const char               *id,
                                                         const char               *name,
                                                         const char               *description,
                                                         const char               *type,
                                                         GVariant                 *config);
HyphaService             *hypha_service_ref             (HyphaService             *self);
void                      hypha_service_unref           (HyphaService             *self);
const char               *hypha_service_get_id          (HyphaService             *self);
gboolean                  hypha_service_is_public       (HyphaService             *self);
void                      hypha_service_add_methods     (HyphaService             *self,
                                                         const HyphaServiceMethod *methods,
                                                         gsize                     n_methods,
                                                         gpointer                  data);
/*
 * Not there yet, and what the next step of the room is: methods with data of their own, values, and
 * what the registry stores.
 *
 * params, “a, b”, may be NULL where nobody knows them; schema, a JSON schema of the parameters as an
 * a{sv}, may be NULL. path is “add” or “math.add”.
 */
void                      hypha_service_add_function    (HyphaService             *self,
                                                         const char               *path,
                                                         const char               *params,
                                                         const char               *doc,
                                                         GVariant                 *schema,
                                                         HyphaServiceFunc          func,
                                                         gpointer                  data,
                                                         GDestroyNotify            destroy);
void                      hypha_service_add_value       (HyphaService             *self,
                                                         const char               *path,
                                                         GVariant                 *value);

/* Whether a client of workspace may call it: public, unlisted, its own, or authorized. */
gboolean                  hypha_service_admits          (HyphaService             *self,
                                                         const char               *own_workspace,
                                                         const char               *workspace);

/* As register_service takes it: with service_schema, without addresses. Floating. */
GVariant                 *hypha_service_dup_record      (HyphaService             *self);

gboolean                  hypha_service_invoke          (HyphaService             *self,
                                                         const char               *path,
                                                         HyphaInvocation          *invocation);
GVariant                 *hypha_service_describe        (HyphaService             *self,
                                                         const char               *target,
                                                         const char               *server_url);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaService, hypha_service_unref)

G_END_DECLS
