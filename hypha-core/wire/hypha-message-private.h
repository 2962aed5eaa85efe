/* SPDX-License-Identifier: MIT */
#pragma once

#include <string.h>

#include "hypha-msgpack-private.h"

G_BEGIN_DECLS

/* Keys in either segment of a frame that is routed. */
#define HYPHA_MESSAGE_MAX_KEYS 64

/*
 * Bytes of a method's name, a session and a parent. Those of stock clients are below 100, but for what
 * a service's author calls its functions. A refusal repeats the session, and must stay small.
 */
#define HYPHA_MESSAGE_MAX_NAME 1024

/* Text inside a frame: borrowed, not terminated; data is NULL where the key is absent. */
typedef struct
{
  const char *data;
  gsize       size;
} HyphaSpan;

/*
 * One RPC message as it lies in its frame: where the envelope's values are, and where the second
 * segment begins. Nothing is copied; it is valid as long as the frame's bytes are.
 */
typedef struct
{
  const guint8 *data;
  gsize         size;
  /* Length of the first segment; the second, if any, follows it. */
  gsize         envelope_size;
  /* Number of keys in the first segment. */
  guint32       n_keys;
  HyphaSpan     type;
  HyphaSpan     from;
  HyphaSpan     to;
  HyphaSpan     method;
  HyphaSpan     session;
  HyphaSpan     parent;
} HyphaMessage;

/* What the router says of a sender. Encoded once per connection, copied into every envelope. */
typedef struct
{
  GByteArray *from;  /* the value of “from”, encoded */
  GByteArray *tail;  /* “ws” and “user”: two keys with their values, encoded */
} HyphaStamp;

/* Every client takes the pieces of long messages by methods with this prefix. */
#define HYPHA_MESSAGE_CACHE "services.built-in.message_cache."

char     *hypha_span_dup              (HyphaSpan            span);

gboolean  hypha_message_parse         (HyphaMessage        *message,
                                       const guint8        *data,
                                       gsize                size,
                                       GError             **error);
gboolean  hypha_message_check_extra   (const HyphaMessage  *message,
                                       GError             **error);
gboolean  hypha_message_check_lengths (const HyphaMessage  *message,
                                       GError             **error);
gboolean  hypha_message_check_method  (const HyphaMessage  *message,
                                       GError             **error);
gboolean  hypha_message_check_sessions
                                      (const HyphaMessage  *message,
                                       GError             **error);
gboolean  hypha_message_is_session_name
                                      (HyphaSpan            name);
gboolean  hypha_message_is_piece      (const HyphaMessage  *message);
gboolean  hypha_message_is_sealed     (const HyphaMessage  *message);

void      hypha_stamp_init            (HyphaStamp          *stamp,
                                       const char          *from,
                                       const char          *workspace,
                                       GVariant            *user);
void      hypha_stamp_clear           (HyphaStamp          *stamp);
gsize     hypha_message_get_stamped   (const HyphaMessage  *message,
                                       const HyphaStamp    *stamp,
                                       gsize                to_size);
void      hypha_message_stamp         (const HyphaMessage  *message,
                                       const HyphaStamp    *stamp,
                                       const char          *to,
                                       GByteArray          *out);

/* Asked several times of every frame, of texts whose length the compiler knows. */
static inline gboolean
hypha_span_equal (HyphaSpan   span,
                  const char *text)
{
  gsize size = strlen (text);

  return span.data != NULL && span.size == size && memcmp (span.data, text, size) == 0;
}

static inline gboolean
hypha_span_has_prefix (HyphaSpan   span,
                       const char *prefix)
{
  gsize size = strlen (prefix);

  return span.data != NULL && span.size >= size && memcmp (span.data, prefix, size) == 0;
}

static inline gboolean
hypha_message_is_method (const HyphaMessage *message)
{
  return hypha_span_equal (message->type, "method");
}

G_END_DECLS
