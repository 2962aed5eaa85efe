/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-error-private.h"

G_BEGIN_DECLS

/* The environment variable that holds the signing secret, where there is no file. */
#define HYPHA_SECRET_VARIABLE "HYPHA_JWT_SECRET"
/* The file in the data directory that holds it otherwise, 0600. */
#define HYPHA_SECRET_FILE "jwt-secret"
/* Shortest secret that is accepted, and what is made when there is none, in bytes. */
#define HYPHA_SECRET_MIN_SIZE 16
#define HYPHA_SECRET_SIZE 32

GBytes  *hypha_secret_load        (const char     *directory,
                                   GError        **error);
gboolean hypha_secret_fill_random (guint8         *data,
                                   gsize           size,
                                   GError        **error);
gboolean hypha_secret_equal       (const guint8   *a,
                                   const guint8   *b,
                                   gsize           size);

G_END_DECLS
