/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-handler-private.h"

G_BEGIN_DECLS

/* What the two files of HyphaService share; nobody else includes it. */

/* A member: a group with children, a function with a handler, or a value. */
typedef struct
{
  char         *name;
  GPtrArray    *children;  /* of HyphaServiceNode, in the order in which they were added */
  HyphaHandler *handler;
  char         *params;    /* nullable */
  char         *doc;       /* nullable */
  GVariant     *schema;    /* nullable */
  GVariant     *value;
} HyphaServiceNode;

struct _HyphaService
{
  char             *id;
  char             *name;
  char             *description;
  char             *type;
  char             *allowed_caller; /* the one client that may call it; NULL: ask the visibility */
  GVariant         *config;         /* a{sv} */
  HyphaServiceNode *root;
  GHashTable       *index;          /* path, in each spelling → HyphaHandler; NULL after a change */
  GVariant         *described;      /* what the last describe gave; NULL after a change */
};

G_END_DECLS
