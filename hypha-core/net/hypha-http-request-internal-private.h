/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-http-request-private.h"

G_BEGIN_DECLS

/* For hypha-http-request*.c alone. */

/* hypha-http-request.c: who asks, and whether it still waits */
void hypha_http_request_stop_watch  (HyphaHttpRequest *self);
void hypha_http_request_start_watch (HyphaHttpRequest *self);
void hypha_http_request_stop_expiry (HyphaHttpRequest *self);

/* hypha-http-request-stream.c: an answer in pieces */
gboolean hypha_http_request_is_expired    (HyphaHttpRequest *self);
void hypha_http_request_stop_deadline (HyphaHttpRequest *self);
void hypha_http_request_time_answer   (HyphaHttpRequest *self);

G_END_DECLS
