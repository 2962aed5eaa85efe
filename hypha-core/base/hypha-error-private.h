/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-error.h"

G_BEGIN_DECLS

/* WebSocket close codes that we send (RFC 6455, 7.4). */
#define HYPHA_CLOSE_NORMAL 1000
#define HYPHA_CLOSE_GOING_AWAY 1001
#define HYPHA_CLOSE_PROTOCOL_ERROR 1002
#define HYPHA_CLOSE_UNSUPPORTED_DATA 1003
#define HYPHA_CLOSE_NO_STATUS 1005
#define HYPHA_CLOSE_ABNORMAL 1006
#define HYPHA_CLOSE_BAD_DATA 1007
#define HYPHA_CLOSE_POLICY 1008
#define HYPHA_CLOSE_TOO_BIG 1009
#define HYPHA_CLOSE_INTERNAL 1011
#define HYPHA_CLOSE_RESTART 1012
#define HYPHA_CLOSE_TRY_AGAIN 1013

const char *hypha_error_get_problem    (const GError *error);
guint16     hypha_error_get_close_code (const GError *error);
guint       hypha_error_get_http_status (const GError *error);
const char *hypha_error_get_class_name (const GError *error);
const char *hypha_error_get_trace      (const GError *error);
GError     *hypha_error_new_remote      (const char *message,
                                         char       *class_name,
                                         const char *trace);
char       *hypha_error_quote           (const char *value);

G_END_DECLS
