/* SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>
#include <hypha.h>

G_BEGIN_DECLS

GtkWidget *hypha_question_dialog_new (HyphaQuestion *question,
                                      GtkWindow     *parent,
                                      const char    *name);

G_END_DECLS
