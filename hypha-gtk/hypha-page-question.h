/* SPDX-License-Identifier: MIT */
#pragma once

#include <webkit/webkit.h>

G_BEGIN_DECLS

GtkWindow *hypha_page_question_begin (WebKitWebView *web_view);
void       hypha_page_question_end   (GtkWindow     *window);

G_END_DECLS
