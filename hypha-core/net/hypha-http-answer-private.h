/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-server-private.h"

G_BEGIN_DECLS

/* Statuses that libsoup has no name for. */
#define HYPHA_HTTP_MISDIRECTED 421
#define HYPHA_HTTP_TOO_MANY_REQUESTS 429

/* Small answers to HTTP requests, which a page of an allowed origin may read, errors too. */

void hypha_http_answer_add_cors (HyphaServer       *server,
                                 SoupServerMessage *message);
void hypha_http_answer_done     (SoupServerMessage *message);
void hypha_http_answer_fail     (SoupServerMessage *message,
                                 guint              status,
                                 const char        *detail);
void hypha_http_answer_error    (SoupServerMessage *message,
                                 const GError      *error);

G_END_DECLS
