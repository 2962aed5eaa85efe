/* SPDX-License-Identifier: MIT */
#pragma once

#include <glib-object.h>

#include "hypha-types.h"

G_BEGIN_DECLS

/**
 * HyphaQuestionKind:
 * @HYPHA_QUESTION_ALERT: a text that the person has to take note of.
 * @HYPHA_QUESTION_CONFIRM: a text that is answered with yes or no.
 * @HYPHA_QUESTION_PROMPT: a text that is answered with a text.
 * @HYPHA_QUESTION_MESSAGE: a text that is shown for a while; nobody waits for it.
 * @HYPHA_QUESTION_PROGRESS: how far something is; nobody waits for it.
 * @HYPHA_QUESTION_LOGIN: whether somebody who shows a code may log in.
 *
 * What is asked of the person at this machine.
 *
 * Since: 0.1
 */
typedef enum
{
  HYPHA_QUESTION_ALERT,
  HYPHA_QUESTION_CONFIRM,
  HYPHA_QUESTION_PROMPT,
  HYPHA_QUESTION_MESSAGE,
  HYPHA_QUESTION_PROGRESS,
  HYPHA_QUESTION_LOGIN,
} HyphaQuestionKind;

#define HYPHA_TYPE_QUESTION_KIND (hypha_question_kind_get_type ())

HYPHA_AVAILABLE_IN_0_1
GType hypha_question_kind_get_type (void);

#define HYPHA_TYPE_QUESTION (hypha_question_get_type ())

HYPHA_AVAILABLE_IN_0_1
G_DECLARE_FINAL_TYPE (HyphaQuestion, hypha_question, HYPHA, QUESTION, GObject)

HYPHA_AVAILABLE_IN_0_1
HyphaQuestionKind hypha_question_get_kind         (HyphaQuestion *self);
HYPHA_AVAILABLE_IN_0_1
const char       *hypha_question_get_client       (HyphaQuestion *self);
HYPHA_AVAILABLE_IN_0_1
const char       *hypha_question_get_text         (HyphaQuestion *self);
HYPHA_AVAILABLE_IN_0_1
const char       *hypha_question_get_default_text (HyphaQuestion *self);
HYPHA_AVAILABLE_IN_0_1
const char       *hypha_question_get_code         (HyphaQuestion *self);
HYPHA_AVAILABLE_IN_0_1
double            hypha_question_get_percent      (HyphaQuestion *self);
HYPHA_AVAILABLE_IN_0_1
gboolean          hypha_question_is_open          (HyphaQuestion *self);
HYPHA_AVAILABLE_IN_0_1
void              hypha_question_answer_done      (HyphaQuestion *self);
HYPHA_AVAILABLE_IN_0_1
void              hypha_question_answer_boolean   (HyphaQuestion *self,
                                                   gboolean       yes);
HYPHA_AVAILABLE_IN_0_1
void              hypha_question_answer_text      (HyphaQuestion *self,
                                                   const char    *text);
HYPHA_AVAILABLE_IN_0_1
void              hypha_question_dismiss          (HyphaQuestion *self);

G_END_DECLS
