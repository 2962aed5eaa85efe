/* SPDX-License-Identifier: MIT */
#pragma once

#include <gio/gio.h>

#include "hypha-session-private.h"

G_BEGIN_DECLS

/* Bytes that one read gives at most, and that one of all the rest may come to. */
#define HYPHA_STREAM_MAX_READ (64 * 1024 * 1024)

/*
 * A file of ours, {_rtype: "iostream", …}, that one other client may read: a Blob in JavaScript,
 * an object with coroutines in Python. Its functions are
 *
 *   read (n)             at most n bytes, none at the end; without n, or with one that is not
 *                        positive, all the rest, or an error where that is more than
 *                        HYPHA_STREAM_MAX_READ
 *   seek (offset, whence) where it has a position; the new one
 *   close ()
 *
 * input is read from its present position on, by one call at a time. name and type, a media type,
 * may be NULL. All return a floating map that stands for the file in a value, or NULL with an error
 * beyond the limits of sessions.
 */

/* To be given as an argument: lives in the session of the call, and ends with it. */
GVariant *hypha_session_add_stream (HyphaSession  *session,
                                    GInputStream  *input,
                                    const char    *name,
                                    const char    *type,
                                    GError       **error);

/*
 * To be given as an answer to target: ends when it is closed, when all the rest was read at once,
 * which is how clients in JavaScript read it, when the client goes, or when it has been idle for
 * HYPHA_SESSION_MAX_IDLE.
 */
GVariant *hypha_stream_new         (HyphaRpc      *rpc,
                                    const char    *target,
                                    GInputStream  *input,
                                    const char    *name,
                                    const char    *type,
                                    GError       **error);

/*
 * A file of another client. It can be read as long as its functions live: where it came as an
 * argument, until that call is answered. What it cannot do is an error when it is asked for.
 */
typedef struct _HyphaRemoteStream HyphaRemoteStream;

/* from is the client whose message held value; a file that names a third client is refused. */
HyphaRemoteStream *hypha_remote_stream_new         (HyphaRpc             *rpc,
                                                    GVariant             *value,
                                                    const char           *from,
                                                    GError              **error);
HyphaRemoteStream *hypha_remote_stream_ref         (HyphaRemoteStream    *self);
void               hypha_remote_stream_unref       (HyphaRemoteStream    *self);

/* What its owner says of it: NULL, NULL and −1 where that is nothing. */
const char        *hypha_remote_stream_get_name    (HyphaRemoteStream    *self);
const char        *hypha_remote_stream_get_type_name (HyphaRemoteStream  *self);
gint64             hypha_remote_stream_get_size    (HyphaRemoteStream    *self);

/* At most count bytes, or all the rest where it is 0; timeout as in a HyphaRpcRequest. */
void               hypha_remote_stream_read_async  (HyphaRemoteStream    *self,
                                                    gsize                 count,
                                                    guint                 timeout,
                                                    GCancellable         *cancellable,
                                                    GAsyncReadyCallback   callback,
                                                    gpointer              user_data);

/* No bytes at the end; text of a file that gives text is in UTF-8. */
GBytes            *hypha_remote_stream_read_finish (HyphaRemoteStream    *self,
                                                    GAsyncResult         *result,
                                                    GError              **error);

/* Goes to an offset from the start. */
void               hypha_remote_stream_seek_async  (HyphaRemoteStream    *self,
                                                    guint64               offset,
                                                    guint                 timeout,
                                                    GCancellable         *cancellable,
                                                    GAsyncReadyCallback   callback,
                                                    gpointer              user_data);
gboolean           hypha_remote_stream_seek_finish (HyphaRemoteStream    *self,
                                                    GAsyncResult         *result,
                                                    GError              **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaRemoteStream, hypha_remote_stream_unref)

G_END_DECLS
