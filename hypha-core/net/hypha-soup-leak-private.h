/* SPDX-License-Identifier: MIT */
#pragma once

#include <libsoup/soup.h>

G_BEGIN_DECLS

void hypha_soup_leak_release (GSocket *socket);

G_END_DECLS
