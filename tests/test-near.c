/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-lookup-private.h"
#include "hypha-near-private.h"
#include "test-hub-fixture.h"
#include "test-utils.h"

/* What is near wanted, of the names in the list, which ends in NULL. */
static char *
near (const char         *wanted,
      const char *const  *names)
{
  g_autoptr (HyphaNear) self = hypha_near_new (wanted);

  for (gsize i = 0; names[i] != NULL; i++)
    hypha_near_offer (self, names[i], names[i]);
  return hypha_near_to_string (self);
}

static void
assert_near (const char *wanted,
             const char *name,
             gboolean    expected)
{
  const char *const names[] = { name, NULL };
  g_autofree char *found = near (wanted, names);

  if ((found != NULL) != expected)
    g_error ("“%s” is %snear “%s”", name, found != NULL ? "" : "not ", wanted);
}

static void
test_near_slips (void)
{
  assert_near ("hello", "hello", TRUE);
  assert_near ("hello", "Hello", TRUE);
  assert_near ("hello", "helo", TRUE);
  assert_near ("hello", "helloo", TRUE);
  assert_near ("hello", "hallo", TRUE);
  assert_near ("hello", "xhello", TRUE);
  assert_near ("hello", "ello", TRUE);
  assert_near ("hello", "help", FALSE);
  assert_near ("hello", "hallos", FALSE);
  assert_near ("hello", "", FALSE);
  assert_near ("translate", "trnaslate", TRUE);
  assert_near ("translate", "translation", TRUE);
  assert_near ("translate", "translations", FALSE);
  assert_near ("translator", "ranslation", TRUE);
  assert_near ("abcdefghi", "defghi", TRUE);
  assert_near ("abcdefghi", "defghixyz", FALSE);

  /* Of a short word, nearly every other is near. */
  assert_near ("ab", "ac", FALSE);
  assert_near ("abc", "abd", TRUE);
  assert_near ("", "", FALSE);
  assert_near (NULL, "a", FALSE);
  assert_near ("cal*", "calc", FALSE);
}

static void
test_near_order_and_number (void)
{
  const char *const names[] = { "halos", "hallo", "nothing", "hello", "jello", "Hello", NULL };
  g_autofree char *found = near ("hello", names);

  G_STATIC_ASSERT (HYPHA_NEAR_MAX_NAMES == 3);
  g_assert_cmpstr (found, ==, "hello, Hello, hallo");
}

static void
test_near_limits (void)
{
  g_autofree char *longest = g_strnfill (HYPHA_NEAR_MAX_LENGTH, 'x');
  g_autofree char *longer = g_strnfill (HYPHA_NEAR_MAX_LENGTH + HYPHA_NEAR_MAX_DISTANCE, 'x');
  g_autofree char *too_long = g_strnfill (HYPHA_NEAR_MAX_LENGTH + 1, 'x');
  g_autofree char *far = g_strnfill (HYPHA_NEAR_MAX_LENGTH + HYPHA_NEAR_MAX_DISTANCE + 1, 'x');
  g_autoptr (HyphaNear) self = hypha_near_new ("hello");
  g_autofree char *found = NULL;

  assert_near (longest, longest, TRUE);
  assert_near (longest, longer, TRUE);
  assert_near (longest, far, FALSE);
  assert_near (too_long, too_long, FALSE);

  for (guint i = 0; i < HYPHA_NEAR_MAX_COMPARED; i++)
    g_assert_true (hypha_near_offer (self, "other", "other"));
  g_assert_false (hypha_near_offer (self, "hello", "hello"));
  found = hypha_near_to_string (self);
  g_assert_null (found);
}

static char *
miss (Hub           *hub,
      HyphaUserInfo *user,
      const char    *workspace,
      const char    *query)
{
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_parsed (query));
  g_autoptr (GError) error = hypha_lookup_new_miss (hub->manager, user, workspace, value);

  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_NOT_FOUND);
  return g_strdup (error->message);
}

/* Only what the asker may have is named; the manager's own services never are. */
static void
test_near_visible (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) client = hub_connect (hub, "c", token);
  g_autoptr (HyphaUserInfo) root = hypha_user_info_new_root ();
  g_autoptr (HyphaUserInfo) bob = hypha_user_info_new ("bob", NULL, NULL, NULL, 0, FALSE);
  g_autofree char *all = NULL;
  g_autofree char *some = NULL;
  g_autofree char *none = NULL;
  g_autofree char *core = NULL;

  client_register (client, "hello-1", "public");
  client_register (client, "hello-2", "protected");
  client_register (client, "hello-3", "unlisted");

  all = miss (hub, root, "default", "'ws-a/hello'");
  g_assert_cmpstr (all, ==, "Service not found: ws-a/hello");
  g_clear_pointer (&all, g_free);
  all = miss (hub, root, "default", "'ws-a/hello-9'");
  g_assert_nonnull (strstr (all, "ws-a/c:hello-1"));
  g_assert_nonnull (strstr (all, "ws-a/c:hello-2"));
  g_assert_nonnull (strstr (all, "ws-a/c:hello-3"));

  some = miss (hub, bob, "ws-b", "{'service_id': <'hello-9'>}");
  g_assert_cmpstr (some, ==, "Service not found: ws-b/*:hello-9; there is ws-a/c:hello-1");
  none = miss (hub, bob, "ws-b", "'greet'");
  g_assert_cmpstr (none, ==, "Service not found: greet");
  core = miss (hub, root, "default", "'ws-a/defaults'");
  g_assert_cmpstr (core, ==, "Service not found: ws-a/defaults");
}

/* On the wire it stays what it was: null. */
static void
test_near_not_on_the_wire (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) client = hub_connect (hub, "c", token);
  g_autofree char *error = NULL;
  g_autoptr (GVariant) found = NULL;

  client_register (client, "hello", "public");
  found = client_call_manager (client, "get_service", g_variant_new_parsed ("[<'helo'>]"), &error);
  g_assert_null (error);
  g_assert_true (hypha_rpc_codec_is_null (found));
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/hub/near/slips", test_near_slips);
  g_test_add_func ("/hub/near/order-and-number", test_near_order_and_number);
  g_test_add_func ("/hub/near/limits", test_near_limits);
  g_test_add_func ("/hub/near/visible", test_near_visible);
  g_test_add_func ("/hub/near/not-on-the-wire", test_near_not_on_the_wire);
  return g_test_run ();
}
