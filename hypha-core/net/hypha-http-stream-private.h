/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-http-request-private.h"

G_BEGIN_DECLS

/* Answers with what a generator of provider makes, one item after the other. */
void hypha_http_stream_start     (HyphaHttpRequest *request,
                                  GVariant         *generator,
                                  const char       *provider);

/* The same without a form: bytes and texts as they are, after a status and headers that are set. */
void hypha_http_stream_start_raw (HyphaHttpRequest *request,
                                  GVariant         *generator,
                                  const char       *provider);

G_END_DECLS
