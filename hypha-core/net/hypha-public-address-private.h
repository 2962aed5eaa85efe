/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-error-private.h"

G_BEGIN_DECLS

#define HYPHA_TYPE_PUBLIC_ADDRESS (hypha_public_address_get_type ())

GType               hypha_public_address_get_type (void);
GSocketConnectable *hypha_public_address_new      (const char   *host,
                                                   guint16       port);
gboolean            hypha_inet_address_is_public  (GInetAddress *address);

G_END_DECLS
