/* SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

char       *hypha_base64url_encode (const guint8 *data,
                                    gsize         size);
GByteArray *hypha_base64url_decode (const char   *text,
                                    gsize         size);

G_END_DECLS
