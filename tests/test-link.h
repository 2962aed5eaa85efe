/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-frame-private.h"
#include "hypha-websocket-connection-private.h"

G_BEGIN_DECLS

/*
 * A WebSocket with both ends in this process: a HyphaConnection as the server's end, and a bare
 * fd as the client's, which sends whatever bytes a test likes.
 */
typedef struct
{
  HyphaConnection *connection;
  GQueue           messages;      /* what the server's end received: GBytes */
  GQueue           message_types;
  guint            n_messages;
  guint            n_closed;
  guint            closed_code;
  char            *closed_reason;
  guint            n_drained;
  gboolean         echo;          /* answer every message with itself */
  gboolean         count_only;    /* count messages instead of keeping them */
  void           (*on_message) (gpointer link);
  int              fd;
  guint            source;
  GByteArray      *incoming;      /* what the client read and did not use */
  gboolean         eof;
} Link;

/* Where the server's end comes from; every protocol case runs with each of them. */
typedef Link *(*LinkMaker) (void);

Link    *link_new_pair        (void);
Link    *link_new_server      (void);
void     link_stop_server     (void);
int      link_connect         (guint        port);
void     link_free            (Link        *link);
void     link_adopt           (Link        *link,
                               HyphaConnection *connection,
                               int          fd);
void     link_pause_client    (Link        *link);
void     link_resume_client   (Link        *link);
void     link_close_client    (Link        *link);
void     link_send            (Link        *link,
                               gconstpointer data,
                               gsize        size);
void     link_send_hex        (Link        *link,
                               const char  *hex);
GBytes  *link_make_frame      (guint        first_byte,
                               gconstpointer payload,
                               gsize        size);
void     link_send_frame      (Link        *link,
                               guint        first_byte,
                               gconstpointer payload,
                               gsize        size);
gboolean link_has_frame       (gpointer     data);
GBytes  *link_expect_frame    (Link        *link,
                               guint        first_byte);
void     link_expect_text     (Link        *link,
                               const char  *text);
GBytes  *link_expect_message  (Link        *link,
                               HyphaFrameType type);
void     link_expect_fault    (Link        *link,
                               guint        code);
void     link_expect_closed   (Link        *link,
                               guint        code);
void     link_expect_eof      (Link        *link);

void     link_add_case        (const char  *prefix,
                               const char  *name,
                               GTestDataFunc func);
gsize    link_get_rss         (void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Link, link_free)

G_END_DECLS
