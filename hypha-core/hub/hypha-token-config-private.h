/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-error-private.h"

G_BEGIN_DECLS

/* What generate_token is asked for, an a{sv}: which keys it knows, and what may be there. */

gboolean   hypha_token_config_is_key     (const char  *name);
gboolean   hypha_token_config_check      (GVariant    *config,
                                          GError     **error);
char     **hypha_token_config_dup_words  (GVariant    *config,
                                          const char  *key);

G_END_DECLS
