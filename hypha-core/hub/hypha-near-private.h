/* SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Names that an error gives, letters that may differ, bytes and names that are compared at all. */
#define HYPHA_NEAR_MAX_NAMES 3
#define HYPHA_NEAR_MAX_DISTANCE 3
#define HYPHA_NEAR_MAX_LENGTH 64
#define HYPHA_NEAR_MAX_COMPARED 10000

/* The names that are nearly the one that somebody looked for: a slip, a missing letter, a capital. */
typedef struct _HyphaNear HyphaNear;

HyphaNear *hypha_near_new       (const char *wanted);
void       hypha_near_free      (HyphaNear  *self);
gboolean   hypha_near_offer     (HyphaNear  *self,
                                 const char *name,
                                 const char *shown);
char      *hypha_near_to_string (HyphaNear  *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaNear, hypha_near_free)

G_END_DECLS
