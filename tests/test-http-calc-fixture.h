/* SPDX-License-Identifier: MIT */
#pragma once

#include "test-http-fixture.h"

G_BEGIN_DECLS

/*
 * A server with a service in ws-a that is there three times: “calc” for everybody, “secret” for
 * members, and “quiet”, which is in no list.
 */
typedef struct
{
  Web *web;
} Calc;

void calc_set_up        (Calc          *fixture,
                         gconstpointer  data);
void calc_tear_down     (Calc          *fixture,
                         gconstpointer  data);
void calc_assert_answer (Calc          *fixture,
                         const char    *method,
                         const char    *path,
                         const char    *token,
                         const char    *body,
                         guint          status,
                         const char    *expected);
void calc_assert_status (Calc          *fixture,
                         const char    *method,
                         const char    *path,
                         const char    *token,
                         guint          status);

G_END_DECLS
