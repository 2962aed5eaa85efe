/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-address-private.h"
#include "hypha-registry-private.h"
#include "hypha-selection-private.h"

G_BEGIN_DECLS

/* What somebody looks for. NULL is “any” everywhere. */
typedef struct
{
  char           *workspace;    /* NULL: the own one and what the others publish */
  char           *client;
  char           *service;
  char           *app;
  char           *visibility;
  char           *type;
  gboolean        exact;        /* one address: a refusal is an error, not a miss */
  gboolean        or_client;    /* “ws/x”: x may be a client, whose default service is meant */
  gboolean        nothing;      /* a form that means no service */
  gboolean        unlisted;     /* list unlisted services of the own workspace too */
  gboolean        listing;
  gboolean        skip_timeout; /* a provider that does not answer is as if it were not there */
  HyphaSelection  selection;    /* which, of several */
  guint           timeout;      /* milliseconds */
} HyphaQuery;

char      *hypha_query_dup_id       (GVariant       *value);
gboolean   hypha_query_parse_get    (HyphaQuery     *query,
                                     GVariant       *value,
                                     const char     *workspace,
                                     GError        **error);
gboolean   hypha_query_parse_list   (HyphaQuery     *query,
                                     GVariant       *value,
                                     const char     *workspace,
                                     GError        **error);
gboolean   hypha_query_take_options (HyphaQuery     *query,
                                     GVariant       *options,
                                     GError        **error);
gboolean   hypha_query_glob         (const char     *pattern,
                                     const char     *text);
char      *hypha_query_to_string    (HyphaQuery     *query);
GPtrArray *hypha_query_find         (HyphaQuery     *query,
                                     HyphaRegistry  *registry,
                                     HyphaUserInfo  *user,
                                     const char     *own_workspace,
                                     GError        **error);
gboolean   hypha_query_shows        (HyphaQuery       *query,
                                     HyphaServiceInfo *info,
                                     HyphaUserInfo    *user,
                                     const char       *own_workspace);
void       hypha_query_clear        (HyphaQuery     *query);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (HyphaQuery, hypha_query_clear)

G_END_DECLS
