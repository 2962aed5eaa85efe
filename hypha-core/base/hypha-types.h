/* SPDX-License-Identifier: MIT */
#pragma once

#include <gio/gio.h>

#include "hypha-version.h"

G_BEGIN_DECLS

/**
 * HyphaFrameType:
 * @HYPHA_FRAME_TEXT: UTF-8 text: the handshake and control messages.
 * @HYPHA_FRAME_BINARY: bytes: one RPC message in two MessagePack segments.
 *
 * The kind of a frame that travels over a [class@Connection].
 *
 * Since: 0.1
 */
typedef enum
{
  HYPHA_FRAME_TEXT = 1,
  HYPHA_FRAME_BINARY = 2,
} HyphaFrameType;

G_END_DECLS
