/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-error-private.h"

G_BEGIN_DECLS

/* Named arguments that one request may have. */
#define HYPHA_HTTP_MAX_ARGUMENTS 1000

/* Which of several services is meant; never an argument. */
#define HYPHA_HTTP_MODE_ARGUMENT "_mode"

typedef enum
{
  HYPHA_HTTP_BODY_NONE,
  HYPHA_HTTP_BODY_JSON,
  HYPHA_HTTP_BODY_MSGPACK,
  HYPHA_HTTP_BODY_FORM,
  HYPHA_HTTP_BODY_TEXT,  /* JSON, if it is; what a page sends that names no type */
  HYPHA_HTTP_BODY_OTHER,
} HyphaHttpBody;

/* What a request hands to a function, as it came: by name, or by position. */
typedef struct
{
  GVariant *named;       /* a{sv}; never NULL after parsing, like the next one */
  GVariant *control;     /* a{sv}: of the query, arguments of functions that declare them only */
  GVariant *positional;  /* av: a body that is no map; NULL otherwise */
  char     *mode;        /* the control key _mode; nullable */
} HyphaHttpArguments;

HyphaHttpBody hypha_http_body_classify      (const char                *content_type);
GVariant     *hypha_http_argument_from_text (const char                *text);
gboolean      hypha_http_arguments_parse    (HyphaHttpArguments        *self,
                                             const char                *query,
                                             const guint8              *body,
                                             gsize                      size,
                                             const char                *content_type,
                                             GError                   **error);
void          hypha_http_arguments_clear    (HyphaHttpArguments        *self);
void          hypha_http_arguments_map      (const HyphaHttpArguments  *self,
                                             GVariant                  *parameters,
                                             GVariant                 **args,
                                             GVariant                 **kwargs);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (HyphaHttpArguments, hypha_http_arguments_clear)

G_END_DECLS
