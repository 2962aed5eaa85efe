/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-address-private.h"
#include "test-utils.h"

static void
assert_parsed (const char *text,
               const char *workspace,
               const char *client,
               const char *service,
               const char *app)
{
  g_auto (HyphaAddress) address = { 0 };
  g_autoptr (GError) error = NULL;

  g_assert_true (hypha_address_parse (text, &address, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (address.workspace, ==, workspace);
  g_assert_cmpstr (address.client, ==, client);
  g_assert_cmpstr (address.service, ==, service);
  g_assert_cmpstr (address.app, ==, app);
}

static void
test_address_forms (void)
{
  assert_parsed ("svc", NULL, NULL, "svc", NULL);
  assert_parsed ("cid:svc", NULL, "cid", "svc", NULL);
  assert_parsed ("ws/svc", "ws", NULL, "svc", NULL);
  assert_parsed ("ws/cid:svc", "ws", "cid", "svc", NULL);
  assert_parsed ("ws/*:svc@app", "ws", "*", "svc", "app");
  assert_parsed (":svc", NULL, "", "svc", NULL);
  assert_parsed ("", NULL, NULL, "", NULL);
}

static void
test_address_too_many_separators (void)
{
  static const char *const bad[] = { "a/b/c", "a:b:c", "a@b@c" };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_auto (HyphaAddress) address = { 0 };
      g_autoptr (GError) error = NULL;

      g_assert_false (hypha_address_parse (bad[i], &address, &error));
      g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT);
      g_assert_true (g_str_has_prefix (error->message, "Service id must contain at most one '"));
    }
}

static void
test_address_names (void)
{
  g_autofree char *longest = g_strnfill (HYPHA_ADDRESS_MAX_NAME, 'a');
  g_autofree char *too_long = g_strnfill (HYPHA_ADDRESS_MAX_NAME + 1, 'a');

  g_assert_true (hypha_address_is_name ("ws-a"));
  g_assert_true (hypha_address_is_name ("7.x_y"));
  g_assert_true (hypha_address_is_name (longest));
  g_assert_false (hypha_address_is_name (too_long));
  g_assert_false (hypha_address_is_name (""));
  g_assert_false (hypha_address_is_name ("*"));
  g_assert_false (hypha_address_is_name ("a:b"));
  g_assert_false (hypha_address_is_name ("a/b"));
  g_assert_false (hypha_address_is_name ("a@b"));
  g_assert_false (hypha_address_is_name ("-a"));
  g_assert_false (hypha_address_is_name ("a b"));
  g_assert_false (hypha_address_is_name ("ä"));
}

static void
test_address_service_names (void)
{
  g_assert_true (hypha_address_is_service_name ("built-in"));
  g_assert_true (hypha_address_is_service_name ("_rintf_1"));
  g_assert_true (hypha_address_is_service_name ("größe"));
  g_assert_false (hypha_address_is_service_name ("a.b"));
  g_assert_false (hypha_address_is_service_name ("a b"));
  g_assert_false (hypha_address_is_service_name ("a*"));
  g_assert_false (hypha_address_is_service_name (""));
  g_assert_false (hypha_address_is_service_name ("\xff"));
}

static void
test_address_reserved (void)
{
  g_assert_true (hypha_address_is_reserved_client ("default", "root"));
  g_assert_true (hypha_address_is_reserved_client ("ws-a", "workspace-manager"));
  g_assert_true (hypha_address_is_reserved_client ("ws-a", "workspace-manager-2"));
  g_assert_false (hypha_address_is_reserved_client ("ws-a", "root"));
  g_assert_false (hypha_address_is_reserved_client ("default", "rooted"));
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/base/address/forms", test_address_forms);
  g_test_add_func ("/base/address/too-many-separators", test_address_too_many_separators);
  g_test_add_func ("/base/address/names", test_address_names);
  g_test_add_func ("/base/address/service-names", test_address_service_names);
  g_test_add_func ("/base/address/reserved", test_address_reserved);
  return g_test_run ();
}
