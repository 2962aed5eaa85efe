/* SPDX-License-Identifier: MIT */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

void     hypha_sandbox_probe_async  (GCancellable        *cancellable,
                                     GAsyncReadyCallback  callback,
                                     gpointer             user_data);
gboolean hypha_sandbox_probe_finish (GAsyncResult        *result,
                                     GError             **error);

G_END_DECLS
