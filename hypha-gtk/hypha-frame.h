/* SPDX-License-Identifier: MIT */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * How one frame travels between the application and a web process: in the message itself, or,
 * above HYPHA_FRAME_INLINE_MAX bytes, in a sealed memory file that goes along with it. Compiled
 * into both sides, so it knows nothing of WebKit.
 */

/* Larger frames travel as a file descriptor: copying them through the IPC costs more. */
#define HYPHA_FRAME_INLINE_MAX (64 * 1024)

/* Largest frame that either side accepts, in bytes. hypha-rpc sends pieces of 256 KiB. */
#define HYPHA_FRAME_MAX (16 * 1024 * 1024)

/* What a frame costs beyond its bytes while it is under way, for the budgets. */
#define HYPHA_FRAME_OVERHEAD 512

#define HYPHA_FRAME_VARIANT "(sbtay)"

typedef struct
{
  char     *peer; /* the client id on the page's side */
  gboolean  text;
  GBytes   *bytes;
} HyphaFrame;

GVariant *hypha_frame_pack   (const char     *peer,
                              gboolean        text,
                              gconstpointer   data,
                              gsize           size,
                              GUnixFDList   **fds,
                              GError        **error);
gboolean  hypha_frame_unpack (HyphaFrame     *frame,
                              GVariant       *parameters,
                              GUnixFDList    *fds,
                              GError        **error);
void      hypha_frame_clear  (HyphaFrame     *frame);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (HyphaFrame, hypha_frame_clear)

G_END_DECLS
