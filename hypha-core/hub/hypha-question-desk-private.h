/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-manager-private.h"
#include "hypha-question-private.h"

G_BEGIN_DECLS

/* Questions of one client that may wait until its last one is answered. */
#define HYPHA_QUESTION_DESK_MAX_WAITING 8
/* Questions that one client may ask in one minute. */
#define HYPHA_QUESTION_DESK_MAX_MINUTE 60
/* Dialogs before the person, of all and of one user's clients in one workspace (HyphaShares). */
#define HYPHA_QUESTION_DESK_MAX_OPEN 64
#define HYPHA_QUESTION_DESK_MAX_OPEN_SHARE 16

/* Who shows questions to a person. ask returns FALSE where nobody is there. */
typedef struct
{
  gboolean (*has_host) (gpointer       data);
  gboolean (*ask)      (HyphaQuestion *question,
                        gpointer       data);
} HyphaQuestionHost;

/*
 * alert, confirm, prompt, show_message, show_progress: what clients ask of the person at this
 * machine, one dialog of a client at a time. Owned by the manager, which outlives it.
 */

HyphaQuestionDesk *hypha_question_desk_new      (HyphaManager             *manager);
void               hypha_question_desk_free     (HyphaQuestionDesk        *self);
void               hypha_question_desk_set_host (HyphaQuestionDesk        *self,
                                                 const HyphaQuestionHost  *host,
                                                 gpointer                  data);
gboolean           hypha_question_desk_has_host (HyphaQuestionDesk        *self);
gboolean           hypha_question_desk_show     (HyphaQuestionDesk        *self,
                                                 HyphaQuestion            *question,
                                                 GError                  **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaQuestionDesk, hypha_question_desk_free)

G_END_DECLS
