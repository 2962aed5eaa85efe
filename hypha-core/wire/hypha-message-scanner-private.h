/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-message-private.h"

G_BEGIN_DECLS

/* Longest envelope of a message that comes in pieces, in bytes. */
#define HYPHA_SCANNER_MAX_ENVELOPE 8192

/*
 * Checks a call that comes in pieces as hypha_message_parse() and hypha_message_check_extra()
 * check one that comes whole, without keeping the pieces.
 */
typedef struct _HyphaMessageScanner HyphaMessageScanner;

HyphaMessageScanner *hypha_message_scanner_new     (void);
void                 hypha_message_scanner_free    (HyphaMessageScanner  *self);
void                 hypha_message_scanner_refuse_sealed (HyphaMessageScanner *self);
gboolean             hypha_message_scanner_feed    (HyphaMessageScanner  *self,
                                                    const guint8         *data,
                                                    gsize                 size,
                                                    GError              **error);
gsize                hypha_message_scanner_get_parent (HyphaMessageScanner *self);
gboolean             hypha_message_scanner_is_done (HyphaMessageScanner  *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaMessageScanner, hypha_message_scanner_free)

G_END_DECLS
