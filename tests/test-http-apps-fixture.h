/* SPDX-License-Identifier: MIT */
#pragma once

#include "test-http-fixture.h"

G_BEGIN_DECLS

/*
 * A server with services in ws-a that answer requests: “app” and, protected, “closed” are ASGI apps
 * that do what the path says, “functions” has functions, and “plain” is nothing that answers.
 */
typedef struct
{
  Web *web;
} Apps;

void               apps_set_up        (Apps          *fixture,
                                       gconstpointer  data);
void               apps_tear_down     (Apps          *fixture,
                                       gconstpointer  data);
Answer            *apps_ask           (Apps          *fixture,
                                       const char    *method,
                                       const char    *path,
                                       const char    *body);
void               apps_assert_answer (Apps          *fixture,
                                       const char    *method,
                                       const char    *path,
                                       guint          status,
                                       const char    *expected);
GSocketConnection *apps_connect_raw   (Apps          *fixture,
                                       const char    *path);

G_END_DECLS
