/* SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * The cookies of an app. A browser sends those of 127.0.0.1 to every program and every app there,
 * whoever set them: sessions of other servers, tokens. So an app's have a mark in front of their
 * names, and it gets what has its own mark alone.
 */
char *hypha_http_cookies_dup_mark (const char *workspace,
                                   const char *service);
void  hypha_http_cookies_mark     (const char *mark,
                                   char      **set_cookie);
char *hypha_http_cookies_pick     (const char *mark,
                                   const char *cookies);

G_END_DECLS
