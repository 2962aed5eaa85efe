/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-types.h"

G_BEGIN_DECLS

/**
 * HYPHA_ERROR:
 *
 * The one error domain of the library; its codes are [error@Error].
 *
 * Since: 0.1
 */
#define HYPHA_ERROR (hypha_error_quark ())

/**
 * HyphaError:
 * @HYPHA_ERROR_FAILED: something else went wrong; the message says what.
 * @HYPHA_ERROR_PROTOCOL: a peer sent something that the protocol does not allow.
 * @HYPHA_ERROR_INVALID_ARGUMENT: an argument has the wrong type or value.
 * @HYPHA_ERROR_TOO_DEEP: a value is nested deeper than the limit.
 * @HYPHA_ERROR_TOO_LARGE: a value, frame or message is larger than the limit.
 * @HYPHA_ERROR_UNAUTHENTICATED: a token is missing, malformed, expired or not ours.
 * @HYPHA_ERROR_PERMISSION_DENIED: the caller is known, but not allowed to do this.
 * @HYPHA_ERROR_NOT_FOUND: no such service, method, workspace or client.
 * @HYPHA_ERROR_ALREADY_EXISTS: the name or id is taken.
 * @HYPHA_ERROR_NOT_CONNECTED: the peer is not connected, or went away.
 * @HYPHA_ERROR_TIMED_OUT: no answer came in time.
 * @HYPHA_ERROR_BUSY: a limit is reached; trying again later may work.
 * @HYPHA_ERROR_NO_HOST: a window was asked for, but no program here can show one.
 * @HYPHA_ERROR_UNSUPPORTED: this cannot be done here.
 * @HYPHA_ERROR_REMOTE: the called service threw an error; the message is its own.
 *
 * Errors of the library.
 *
 * Since: 0.1
 */
typedef enum
{
  HYPHA_ERROR_FAILED,
  HYPHA_ERROR_PROTOCOL,
  HYPHA_ERROR_INVALID_ARGUMENT,
  HYPHA_ERROR_TOO_DEEP,
  HYPHA_ERROR_TOO_LARGE,
  HYPHA_ERROR_UNAUTHENTICATED,
  HYPHA_ERROR_PERMISSION_DENIED,
  HYPHA_ERROR_NOT_FOUND,
  HYPHA_ERROR_ALREADY_EXISTS,
  HYPHA_ERROR_NOT_CONNECTED,
  HYPHA_ERROR_TIMED_OUT,
  HYPHA_ERROR_BUSY,
  HYPHA_ERROR_NO_HOST,
  HYPHA_ERROR_UNSUPPORTED,
  HYPHA_ERROR_REMOTE,
} HyphaError;

HYPHA_AVAILABLE_IN_0_1
GQuark hypha_error_quark (void);

G_END_DECLS
