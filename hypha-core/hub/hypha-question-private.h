/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-question.h"

G_BEGIN_DECLS

/* Longest text that is shown, in bytes; what is longer is cut. */
#define HYPHA_QUESTION_MAX_TEXT 4096

/*
 * The answer: yes or no, a text, or null; borrowed. Called at most once, and never after
 * hypha_question_close().
 */
typedef void (*HyphaQuestionFunc) (HyphaQuestion *question,
                                   GVariant      *answer,
                                   gpointer       data);

HyphaQuestion *hypha_question_new              (HyphaQuestionKind  kind,
                                                const char        *client,
                                                const char        *text);
void           hypha_question_set_default_text (HyphaQuestion     *self,
                                                const char        *text);
void           hypha_question_set_code         (HyphaQuestion     *self,
                                                const char        *code);
void           hypha_question_set_percent      (HyphaQuestion     *self,
                                                double             percent);
void           hypha_question_set_func         (HyphaQuestion     *self,
                                                HyphaQuestionFunc  func,
                                                gpointer           data);
void           hypha_question_close            (HyphaQuestion     *self);

G_END_DECLS
