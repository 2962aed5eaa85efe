/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-buffer-pool-private.h"
#include "hypha-connection-private.h"

G_BEGIN_DECLS

/*
 * Bytes that wait to be written to a socket: small runs copied together into chunks, large ones
 * that have an owner by reference. Empty, it owns nothing.
 */
typedef struct
{
  HyphaBufferPool    *pool; /* not owned; NULL does without */
  struct _HyphaChunk *head;
  struct _HyphaChunk *tail;
  gsize               head_written;
  gsize               queued;
} HyphaOutbox;

typedef enum
{
  HYPHA_OUTBOX_EMPTY,    /* everything was written */
  HYPHA_OUTBOX_PENDING,  /* the socket takes no more for now, or has had its share */
  HYPHA_OUTBOX_FAILED,   /* the socket is broken */
} HyphaOutboxStatus;

/* Runs from this size on are referenced rather than copied. */
#define HYPHA_OUTBOX_REFERENCE ((gsize) 16 * 1024)

/* Most bytes that one flush hands to the kernel, so that one reader cannot hold up the others. */
#define HYPHA_OUTBOX_SHARE ((gsize) 4 * 1024 * 1024)

void              hypha_outbox_append (HyphaOutbox      *self,
                                       const HyphaSlice *slice);
HyphaOutboxStatus hypha_outbox_flush  (HyphaOutbox      *self,
                                       int               fd);
void              hypha_outbox_clear  (HyphaOutbox      *self);

G_END_DECLS
