/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-throttle-private.h"
#include "test-utils.h"

#define FOREIGN "192.0.2.7"

static void
fail (HyphaThrottle *throttle,
      const char    *address,
      guint          times,
      gint64         now)
{
  for (guint i = 0; i < times; i++)
    hypha_throttle_failed (throttle, address, now);
}

/* Ten in a minute are too many, and a minute later it may try again. */
static void
test_throttle_failures_limit (void)
{
  g_autoptr (HyphaThrottle) throttle = hypha_throttle_new ();

  fail (throttle, FOREIGN, HYPHA_THROTTLE_MAX_FAILURES - 1, 1000);
  g_assert_cmpuint (hypha_throttle_get_wait (throttle, FOREIGN, 1000), ==, 0);
  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, FOREIGN ": 10 failed attempts*refused*");
  fail (throttle, FOREIGN, 1, 1059);
  test_assert_expected_logs ();
  g_assert_cmpuint (hypha_throttle_get_wait (throttle, FOREIGN, 1059), ==,
                    HYPHA_THROTTLE_COOL_DOWN);
  g_assert_cmpuint (hypha_throttle_get_wait (throttle, FOREIGN, 1118), ==, 1);
  g_assert_cmpuint (hypha_throttle_get_wait (throttle, FOREIGN, 1119), ==, 0);
  g_assert_cmpuint (hypha_throttle_get_wait (throttle, "192.0.2.8", 1059), ==, 0);

  /* A new start. */
  fail (throttle, FOREIGN, HYPHA_THROTTLE_MAX_FAILURES - 1, 1119);
  g_assert_cmpuint (hypha_throttle_get_wait (throttle, FOREIGN, 1119), ==, 0);
}

static void
test_throttle_window (void)
{
  g_autoptr (HyphaThrottle) throttle = hypha_throttle_new ();

  fail (throttle, FOREIGN, HYPHA_THROTTLE_MAX_FAILURES - 1, 1000);
  fail (throttle, FOREIGN, HYPHA_THROTTLE_MAX_FAILURES - 1, 1000 + HYPHA_THROTTLE_WINDOW);
  g_assert_cmpuint (hypha_throttle_get_wait (throttle, FOREIGN, 1060), ==, 0);
}

/* Innocents share the address of this machine, and that of a proxy on it. */
static void
test_throttle_loopback (void)
{
  g_autoptr (HyphaThrottle) throttle = hypha_throttle_new ();
  static const char *const same[] = { "127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1" };

  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "*refusals are delayed*");
  fail (throttle, "127.0.0.1", HYPHA_THROTTLE_MAX_FAILURES, 1000);
  test_assert_expected_logs ();
  for (gsize i = 0; i < G_N_ELEMENTS (same); i++)
    {
      g_assert_cmpuint (hypha_throttle_get_wait (throttle, same[i], 1000), ==, 0);
      g_assert_cmpuint (hypha_throttle_get_delay (throttle, same[i], 1000), ==,
                        HYPHA_THROTTLE_DELAY);
    }

  g_assert_cmpuint (hypha_throttle_get_delay (throttle, "127.0.0.1", 1060), ==, 0);
  g_assert_cmpuint (hypha_throttle_get_delay (throttle, FOREIGN, 1000), ==, 0);
}

static void
test_throttle_networks (void)
{
  g_autoptr (HyphaThrottle) throttle = hypha_throttle_new ();

  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "2001:db8:1:2::1: 10 failed*");
  fail (throttle, "2001:db8:1:2::1", HYPHA_THROTTLE_MAX_FAILURES, 1000);
  test_assert_expected_logs ();
  g_assert_cmpuint (hypha_throttle_get_wait (throttle, "2001:db8:1:2:ffff::9%eth0", 1000), >, 0);
  g_assert_cmpuint (hypha_throttle_get_wait (throttle, "2001:db8:1:3::1", 1000), ==, 0);

  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, "::ffff:192.0.2.7: 10 failed*");
  fail (throttle, "::ffff:192.0.2.7", HYPHA_THROTTLE_MAX_FAILURES, 1000);
  test_assert_expected_logs ();
  g_assert_cmpuint (hypha_throttle_get_wait (throttle, FOREIGN, 1000), >, 0);
  g_assert_cmpuint (hypha_throttle_get_wait (throttle, "192.0.2.8", 1000), ==, 0);
}

static void
test_throttle_no_address (void)
{
  g_autoptr (HyphaThrottle) throttle = hypha_throttle_new ();

  fail (throttle, "page of ws/c", 100, 1000);
  fail (throttle, "", 100, 1000);
  g_assert_cmpuint (hypha_throttle_get_n_addresses (throttle), ==, 0);
  g_assert_cmpuint (hypha_throttle_get_wait (throttle, "page of ws/c", 1000), ==, 0);
}

/* However many addresses, memory is bounded; who is refused is not let in by others' failing. */
static void
test_throttle_addresses_limit (void)
{
  g_autoptr (HyphaThrottle) throttle = hypha_throttle_new ();

  test_expect_log ("hypha-hub", G_LOG_LEVEL_MESSAGE, FOREIGN "*");
  fail (throttle, FOREIGN, HYPHA_THROTTLE_MAX_FAILURES, 1000);
  test_assert_expected_logs ();
  for (guint i = 0; i < HYPHA_THROTTLE_MAX_ADDRESSES + 100; i++)
    {
      g_autofree char *address = g_strdup_printf ("10.0.%u.%u", i / 256, i % 256);

      hypha_throttle_failed (throttle, address, 1001);
    }

  g_assert_cmpuint (hypha_throttle_get_n_addresses (throttle), ==, HYPHA_THROTTLE_MAX_ADDRESSES);
  g_assert_cmpuint (hypha_throttle_get_wait (throttle, FOREIGN, 1001), >, 0);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/hub/throttle/failures-limit", test_throttle_failures_limit);
  g_test_add_func ("/hub/throttle/window", test_throttle_window);
  g_test_add_func ("/hub/throttle/loopback", test_throttle_loopback);
  g_test_add_func ("/hub/throttle/networks", test_throttle_networks);
  g_test_add_func ("/hub/throttle/no-address", test_throttle_no_address);
  g_test_add_func ("/hub/throttle/addresses-limit", test_throttle_addresses_limit);
  return g_test_run ();
}
