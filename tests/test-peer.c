/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-peer-private.h"
#include "test-hub-fixture.h"
#include "test-utils.h"

/* Lines of clients that reached the log. test_init() would set a writer that does not count. */
static guint n_lines;

static GLogWriterOutput
count_lines (GLogLevelFlags   level,
             const GLogField *fields,
             gsize            n_fields,
             gpointer         data)
{
  for (gsize i = 0; i < n_fields; i++)
    {
      if (g_str_equal (fields[i].key, "MESSAGE") &&
          strstr (fields[i].value, ": warning: line") != NULL)
        n_lines++;
    }

  if ((level & (G_LOG_LEVEL_WARNING | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR)) != 0)
    {
      g_log_writer_standard_streams (level, fields, n_fields, NULL);
      abort ();
    }

  return G_LOG_WRITER_HANDLED;
}

static GVariant *
make_events (guint n)
{
  GVariantBuilder events;

  g_variant_builder_init (&events, G_VARIANT_TYPE ("av"));
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *event = g_strdup_printf ("e%u", i);

      g_variant_builder_add (&events, "v", g_variant_new_string (event));
    }

  return g_variant_new_parsed ("[<%*>]", g_variant_builder_end (&events));
}

static void
test_peer_max_subscriptions (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) client = hub_connect (hub, "p", token);
  HyphaPeer *peer = hypha_router_lookup (hub->router, client->id);
  g_autoptr (GVariant) done = NULL;
  g_autoptr (GVariant) more = NULL;
  g_autoptr (GVariant) pushed = NULL;
  g_autofree char *printed = NULL;
  g_autofree char *error = NULL;

  done = client_call_manager (client, "subscribe", make_events (HYPHA_PEER_MAX_SUBSCRIPTIONS),
                              &error);
  g_assert_cmpstr (error, ==, NULL);
  g_assert_true (hypha_peer_is_subscribed (peer, "e255"));
  more = client_call_manager (client, "subscribe", g_variant_new_parsed ("[<'more'>]"), NULL);
  g_assert_false (hypha_peer_is_subscribed (peer, "more"));
  g_assert_false (hypha_peer_subscribe (peer, "more"));

  /* One that is there already takes no place, and one that goes makes room. */
  g_assert_true (hypha_peer_subscribe (peer, "e7"));
  hypha_router_push_event (hub->router, "ws-a", "more", g_variant_new_parsed ("{'a': <true>}"));
  hypha_router_push_event (hub->router, "ws-a", "e7", g_variant_new_parsed ("{'b': <true>}"));
  pushed = client_take (client, NULL);
  printed = g_variant_print (pushed, FALSE);
  g_assert_nonnull (strstr (printed, "'e7'"));
  hypha_peer_unsubscribe (peer, "e7");
  g_assert_true (hypha_peer_subscribe (peer, "more"));
}

static void
write_lines (Client *client,
             guint   n)
{
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *error = NULL;
      g_autoptr (GVariant) done = client_call_manager (client, "warning",
                                                       g_variant_new_parsed ("[<'line'>]"),
                                                       &error);

      g_assert_cmpstr (error, ==, NULL);
    }
}

/* Whether all lines fell into one second of the clock that the limit goes by. */
static gboolean
write_lines_of_two (Hub   *hub,
                    guint  run)
{
  g_autofree char *user = g_strdup_printf ("alice%u", run);
  g_autofree char *neighbour = g_strdup_printf ("bob%u", run);
  g_autofree char *token = hub_token (hub, "ws-a", user);
  g_autofree char *other = hub_token (hub, "ws-a", neighbour);
  g_autoptr (Client) one = hub_connect (hub, "p", token);
  g_autoptr (Client) two = hub_connect (hub, "q", token);
  g_autoptr (Client) three = hub_connect (hub, "r", other);
  gint64 second = g_get_monotonic_time () / G_USEC_PER_SEC;

  n_lines = 0;
  write_lines (one, HYPHA_PEER_MAX_LOG_LINES / 2);
  write_lines (two, HYPHA_PEER_MAX_LOG_LINES / 2 + 10);
  write_lines (three, 5);
  return g_get_monotonic_time () / G_USEC_PER_SEC == second;
}

/* A user's clients share what it may write: over HTTP each call would be another client. */
static void
test_peer_max_log_lines (void)
{
  g_autoptr (Hub) hub = hub_new ();
  gboolean settled = FALSE;

  for (guint i = 0; i < 20 && !settled; i++)
    settled = write_lines_of_two (hub, i);

  g_assert_true (settled);
  g_assert_cmpuint (n_lines, ==, HYPHA_PEER_MAX_LOG_LINES + 5);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_log_set_writer_func (count_lines, NULL, NULL);
  g_test_add_func ("/hub/peer/max-subscriptions", test_peer_max_subscriptions);
  g_test_add_func ("/hub/peer/max-log-lines", test_peer_max_log_lines);
  return g_test_run ();
}
