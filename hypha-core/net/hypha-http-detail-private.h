/* SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What an error says to anybody: without where in somebody's program it happened. */
char *hypha_http_detail_dup (const char *message);

G_END_DECLS
