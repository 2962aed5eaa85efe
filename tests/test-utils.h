/* SPDX-License-Identifier: MIT */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Longest time that a test waits for anything, in seconds. */
#define TEST_DEADLINE 20

void     test_init       (int            *argc,
                          char         ***argv);
void     test_expect_log (const char     *domain,
                          GLogLevelFlags  level,
                          const char     *pattern);
void     test_assert_expected_logs (void);

typedef gboolean (*TestCondition) (gpointer data);

gboolean test_wait       (TestCondition   condition,
                          gpointer        data);
gboolean test_poll       (TestCondition   condition,
                          gpointer        data);
gboolean test_wait_flag  (gboolean       *flag);

GBytes  *test_bytes_from_hex (const char *hex);
void     test_remove_directory (const char *directory);

G_END_DECLS
