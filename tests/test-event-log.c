/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-event-log-private.h"
#include "test-hub-fixture.h"
#include "test-utils.h"

/* What a call says: its value as text, or the error. */
static char *
ask (Client     *client,
     const char *method,
     const char *args)
{
  g_autofree char *error = NULL;
  g_autoptr (GVariant) answer = client_call_manager (client, method, g_variant_new_parsed (args),
                                                     &error);

  return answer != NULL ? g_variant_print (answer, TRUE) : g_steal_pointer (&error);
}

static void
assert_says (Client     *client,
             const char *method,
             const char *args,
             const char *expected)
{
  g_autofree char *text = ask (client, method, args);

  if (strstr (text, expected) == NULL)
    g_error ("%s %s: “%s” does not say “%s”", method, args, text, expected);
}

static void
test_event_log_own (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *alice = hub_token (hub, "ws-a", "alice");
  g_autofree char *bob = hub_token (hub, "ws-a", "bob");
  g_autofree char *elsewhere = hub_token (hub, "ws-b", "alice");
  g_autoptr (Client) first = hub_connect (hub, "a", alice);
  g_autoptr (Client) again = hub_connect (hub, "a2", alice);
  g_autoptr (Client) other = hub_connect (hub, "b", bob);
  g_autoptr (Client) away = hub_connect (hub, "a", elsewhere);

  assert_says (first, "log_event", "[<'seen'>, <{'page': <int64 1>}>]", "nothing");
  assert_says (first, "log_event", "[<'seen'>]", "nothing");
  assert_says (first, "log_event", "[<'left'>]", "nothing");

  /* The user's own, from any of his clients, in this workspace. */
  assert_says (again, "get_events", "@av []", "{'page': <int64 1>}");
  assert_says (again, "get_events", "[<'left'>]", "'user_id': <'alice'>");
  assert_says (again, "get_event_stats", "[<'seen'>]",
               "[<{'event_type': <'seen'>, 'count': <int64 2>}>]");
  assert_says (other, "get_events", "@av []", "@av []");
  assert_says (away, "get_events", "@av []", "@av []");
}

static void
test_event_log_times (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) client = hub_connect (hub, "a", token);

  assert_says (client, "log_event", "[<'seen'>]", "nothing");
  assert_says (client, "get_events", "[<@mv nothing>, <'2020-01-01'>]", "must be a time");
  assert_says (client, "get_events", "[<@mv nothing>, <'2020-01-01T00:00:00'>]", "'seen'");
  assert_says (client, "get_events", "[<@mv nothing>, <int64 1500000000>]", "'seen'");
  assert_says (client, "get_events", "[<@mv nothing>, <@mv nothing>, <1500000000.5>]", "@av []");
  assert_says (client, "get_event_stats", "[<@mv nothing>, <'9999-01-01T00:00:00Z'>]", "@av []");
  assert_says (client, "get_event_stats", "[<@mv nothing>, <1e300>]", "must be a time");
  assert_says (client, "get_events", "[<int64 1>]", "event_type must be a text");
}

static void
test_event_log_max_data_and_name (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) client = hub_connect (hub, "a", token);
  g_autofree char *big = g_strnfill (HYPHA_EVENT_LOG_MAX_DATA, 'x');
  g_autofree char *name = g_strnfill (HYPHA_EVENT_LOG_MAX_NAME + 1, 'n');
  g_autofree char *with_big = g_strdup_printf ("[<'seen'>, <'%s'>]", big);
  g_autofree char *with_name = g_strdup_printf ("[<'%s'>]", name);

  assert_says (client, "log_event", with_big, "may take 4096 bytes");
  assert_says (client, "log_event", with_name, "without blanks, of up to 128 bytes");
  assert_says (client, "log_event", "[<'two words'>]", "without blanks");
  assert_says (client, "log_event", "[<''>]", "without blanks");
  assert_says (client, "get_events", "@av []", "@av []");
}

static void
fill (Client *client,
      guint   n)
{
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *args = g_strdup_printf ("[<'e%u'>]", i);

      assert_says (client, "log_event", args, "nothing");
    }
}

static guint
count (Client *client)
{
  g_autoptr (GVariant) events = client_call_manager (client, "get_events",
                                                     g_variant_new ("av", NULL), NULL);

  return (guint) g_variant_n_children (events);
}

/* The oldest of one user go first; of all users it is the one who has most that loses some. */
static void
test_event_log_max (void)
{
  const guint n_users = HYPHA_EVENT_LOG_MAX / HYPHA_EVENT_LOG_MAX_USER;
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (GPtrArray) clients = g_ptr_array_new_with_free_func ((GDestroyNotify) client_free);

  for (guint i = 0; i <= n_users; i++)
    {
      g_autofree char *user = g_strdup_printf ("user-%u", i);
      g_autofree char *token = hub_token (hub, "ws-a", user);

      g_ptr_array_add (clients, hub_connect (hub, user, token));
    }

  /* One of few events keeps them, whatever the others do. */
  fill (clients->pdata[n_users], 2);
  for (guint i = 0; i < n_users; i++)
    fill (clients->pdata[i], HYPHA_EVENT_LOG_MAX_USER + 1);

  assert_says (clients->pdata[n_users - 1], "get_events", "[<'e0'>]", "@av []");
  g_assert_cmpuint (count (clients->pdata[n_users - 1]), <=, HYPHA_EVENT_LOG_MAX_USER);
  g_assert_cmpuint (count (clients->pdata[n_users]), ==, 2);
  g_assert_cmpuint (hypha_event_log_get_n (hypha_manager_get_event_log (hub->manager)), ==,
                    HYPHA_EVENT_LOG_MAX);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/hub/event-log/own", test_event_log_own);
  g_test_add_func ("/hub/event-log/times", test_event_log_times);
  g_test_add_func ("/hub/event-log/max-data-and-name", test_event_log_max_data_and_name);
  g_test_add_func ("/hub/event-log/max", test_event_log_max);
  return g_test_run ();
}
