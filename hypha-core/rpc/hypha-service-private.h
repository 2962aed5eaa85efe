/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-error-private.h"

G_BEGIN_DECLS

typedef struct _HyphaHandler HyphaHandler;
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
void                      hypha_service_set_config      (HyphaService             *self,
                                                         GVariant                 *config);
const char               *hypha_service_get_id          (HyphaService             *self);
gboolean                  hypha_service_is_public       (HyphaService             *self);
void                      hypha_service_add_methods     (HyphaService             *self,
                                                         const HyphaServiceMethod *methods,
                                                         gsize                     n_methods,
                                                         gpointer                  data);

/*
 * Methods with data of their own, and values. path is “add” or “math.add”; the parts “0”, “1”, … of
 * a level that has no others make it a list. What is already there is replaced.
 *
 * params, “a, b”, may be NULL where nobody knows them; “a: string, b?: integer|object” says which
 * types of JSON schema they have, and which may be left out. schema, a JSON schema of the parameters as an
 * a{sv}, and doc may be NULL.
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

/* Whether only calls that are encrypted with one of the keys it trusts may be served. */
gboolean                  hypha_service_trusts_keys     (HyphaService             *self);

/* Whether whoever implements path is to be given the context: all paths may be, or those listed. */
gboolean                  hypha_service_wants_context   (HyphaService             *self,
                                                         const char               *path);

/* As register_service takes it: with service_schema, without addresses. Floating. */
GVariant                 *hypha_service_dup_record      (HyphaService             *self);

HyphaHandler             *hypha_service_dup_handler     (HyphaService             *self,
                                                         const char               *path);
GVariant                 *hypha_service_describe        (HyphaService             *self,
                                                         const char               *target,
                                                         const char               *server_url);

/* For hypha-interface.c: a service that one client alone may call, and its members alone. */
void                      hypha_service_lend            (HyphaService             *self,
                                                         const char               *id,
                                                         const char               *caller);
const char               *hypha_service_get_allowed_caller (HyphaService          *self);
GVariant                 *hypha_service_describe_members (HyphaService            *self,
                                                          const char              *target,
                                                          const char              *server_url);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaService, hypha_service_unref)

G_END_DECLS
