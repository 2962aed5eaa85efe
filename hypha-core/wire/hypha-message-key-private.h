/* SPDX-License-Identifier: MIT */
#pragma once

#include <string.h>

#include "hypha-message-private.h"

G_BEGIN_DECLS

/* Keys with a meaning, in either segment. */
typedef enum
{
  HYPHA_KEY_TYPE,
  HYPHA_KEY_FROM,
  HYPHA_KEY_TO,
  HYPHA_KEY_METHOD,
  HYPHA_KEY_SESSION,
  HYPHA_KEY_PARENT,
  HYPHA_N_ENVELOPE_KEYS,
  HYPHA_KEY_WS = HYPHA_N_ENVELOPE_KEYS,
  HYPHA_KEY_USER,
  HYPHA_KEY_CTX,
  HYPHA_KEY_ARGS,
  HYPHA_KEY_WITH_KWARGS,
  HYPHA_KEY_PROMISE,
  HYPHA_KEY_T,
  HYPHA_KEY_ENC,
  HYPHA_KEY_DATA,
  HYPHA_KEY_OTHER,
} HyphaKey;

#define HYPHA_KEY_BIT(key) (1u << (key))

/* What a method's second segment may have. */
#define HYPHA_METHOD_EXTRA_KEYS \
  (HYPHA_KEY_BIT (HYPHA_KEY_ARGS) | HYPHA_KEY_BIT (HYPHA_KEY_WITH_KWARGS) | \
   HYPHA_KEY_BIT (HYPHA_KEY_PROMISE) | HYPHA_KEY_BIT (HYPHA_KEY_T) | \
   HYPHA_KEY_BIT (HYPHA_KEY_ENC) | HYPHA_KEY_BIT (HYPHA_KEY_DATA))

static inline HyphaKey
hypha_key_match (const char *data,
                 gsize       size,
                 const char *name,
                 HyphaKey    key)
{
  return memcmp (data, name, size) == 0 ? key : HYPHA_KEY_OTHER;
}

/* Asked for every key of every frame: length and first letter leave at most one name to compare. */
static inline HyphaKey
hypha_key_classify (const char *data,
                    gsize       size)
{
  switch (size << 8 | (guint8) (size > 0 ? data[0] : 0))
    {
    case 1 << 8 | 't':
      return HYPHA_KEY_T;
    case 2 << 8 | 't':
      return hypha_key_match (data, 2, "to", HYPHA_KEY_TO);
    case 2 << 8 | 'w':
      return hypha_key_match (data, 2, "ws", HYPHA_KEY_WS);
    case 3 << 8 | 'c':
      return hypha_key_match (data, 3, "ctx", HYPHA_KEY_CTX);
    case 4 << 8 | 't':
      return hypha_key_match (data, 4, "type", HYPHA_KEY_TYPE);
    case 4 << 8 | 'f':
      return hypha_key_match (data, 4, "from", HYPHA_KEY_FROM);
    case 4 << 8 | 'a':
      return hypha_key_match (data, 4, "args", HYPHA_KEY_ARGS);
    case 4 << 8 | 'u':
      return hypha_key_match (data, 4, "user", HYPHA_KEY_USER);
    case 4 << 8 | 'd':
      return hypha_key_match (data, 4, "data", HYPHA_KEY_DATA);
    case 4 << 8 | '_':
      return hypha_key_match (data, 4, "_enc", HYPHA_KEY_ENC);
    case 6 << 8 | 'm':
      return hypha_key_match (data, 6, "method", HYPHA_KEY_METHOD);
    case 6 << 8 | 'p':
      return hypha_key_match (data, 6, "parent", HYPHA_KEY_PARENT);
    case 7 << 8 | 's':
      return hypha_key_match (data, 7, "session", HYPHA_KEY_SESSION);
    case 7 << 8 | 'p':
      return hypha_key_match (data, 7, "promise", HYPHA_KEY_PROMISE);
    case 11 << 8 | 'w':
      return hypha_key_match (data, 11, "with_kwargs", HYPHA_KEY_WITH_KWARGS);
    default:
      return HYPHA_KEY_OTHER;
    }
}

G_END_DECLS
