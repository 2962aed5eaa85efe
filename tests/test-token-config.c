/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "test-hub-fixture.h"
#include "test-utils.h"

static GVariant *
generate (Client      *client,
          const char  *key,
          const char  *value,
          char       **error)
{
  g_autofree char *args = g_strdup_printf ("[<{'%s': <%s>}>]", key, value);

  return client_call_manager (client, "generate_token", g_variant_new_parsed (args), error);
}

/* What cannot be understood would make a token that is worth more than was asked for. */
static void
test_token_config_types (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-user-alice", "alice");
  g_autoptr (Client) client = hub_connect (hub, "a", token);
  static const char *const texts[] = { "user_id", "workspace", "client_id", "email" };
  static const char *const words[] = { "roles", "scopes", "scope", "extra_scopes" };
  static const char *const wrong[] = { "int64 5", "true", "1.5", "@a{sv} {}", "b'x'" };
  static const char *const lists[] = { "[<int64 5>]", "[<'a'>, <@mv nothing>]", "[<['a']>]" };

  for (gsize i = 0; i < G_N_ELEMENTS (texts) * G_N_ELEMENTS (wrong); i++)
    {
      const char *key = texts[i / G_N_ELEMENTS (wrong)];
      g_autofree char *expected = g_strdup_printf ("%s of a token must be a text", key);
      g_autofree char *error = NULL;

      g_assert_null (generate (client, key, wrong[i % G_N_ELEMENTS (wrong)], &error));
      g_assert_cmpstr (error, ==, expected);
      g_clear_pointer (&error, g_free);
      g_assert_null (generate (client, key, "[<'alice'>]", &error));
      g_assert_cmpstr (error, ==, expected);
    }

  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    {
      g_autofree char *expected = g_strdup_printf ("%s of a token must be a text or a list of texts",
                                                   words[i]);

      for (gsize j = 0; j < G_N_ELEMENTS (wrong) + G_N_ELEMENTS (lists); j++)
        {
          const char *value = j < G_N_ELEMENTS (wrong) ? wrong[j] : lists[j - G_N_ELEMENTS (wrong)];
          g_autofree char *error = NULL;

          g_assert_null (generate (client, words[i], value, &error));
          g_assert_cmpstr (error, ==, expected);
        }
    }
}

/* Null is as good as absent, for each of them. */
static void
test_token_config_null (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-user-alice", "alice");
  g_autoptr (Client) client = hub_connect (hub, "a", token);
  static const char *const keys[] = { "user_id", "workspace", "client_id", "email", "roles",
                                      "scopes", "scope", "extra_scopes", "permission",
                                      "expires_in" };

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autofree char *error = NULL;
      g_autoptr (GVariant) made = generate (client, keys[i], "@mv nothing", &error);

      g_assert_cmpstr (error, ==, NULL);
      g_assert_true (g_variant_is_of_type (made, G_VARIANT_TYPE_STRING));
    }
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/hub/token-config/types", test_token_config_types);
  g_test_add_func ("/hub/token-config/null", test_token_config_null);
  return g_test_run ();
}
