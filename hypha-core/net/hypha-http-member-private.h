/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-error-private.h"

G_BEGIN_DECLS

/* Nested objects of a service that its information goes into. */
#define HYPHA_HTTP_MAX_MEMBER_DEPTH 3

/* Finding things in service maps and in the service_schema of records: pure functions of values. */

GVariant *hypha_http_member_lookup    (GVariant   *map,
                                       const char *path,
                                       char      **real_path);
gboolean  hypha_http_member_is_function (GVariant *member);
gboolean  hypha_http_member_is_callable (GVariant *member);
gboolean  hypha_http_member_is_meta   (const char *key);
GVariant *hypha_http_member_dup_parameters (GVariant *member);
GVariant *hypha_http_member_list      (GVariant   *map);

G_END_DECLS
