/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-window-info-private.h"

#include <string.h>

#include "hypha-json-private.h"
#include "hypha-user-info-private.h"
#include "test-utils.h"

static HyphaWindowInfo *
make_info (const char *uri,
           const char *config)
{
  g_autoptr (HyphaUserInfo) user = hypha_user_info_new ("bob", "bob@x.org", NULL, NULL, 1800000000,
                                                        FALSE);

  return hypha_window_info_new ("Title", "ws-a", "client-1", user, uri,
                                config != NULL ? g_variant_new_parsed (config) : NULL);
}

static void
assert_size (const char *config,
             int         width,
             int         height)
{
  g_autoptr (HyphaWindowInfo) info = make_info (NULL, config);

  g_assert_cmpint (hypha_window_info_get_width (info), ==, width);
  g_assert_cmpint (hypha_window_info_get_height (info), ==, height);
}

static void
test_window_info_fields (void)
{
  g_autoptr (HyphaWindowInfo) page = make_info ("https://x.org/", NULL);
  g_autoptr (HyphaWindowInfo) plugin = make_info (NULL, "{'type': <'iframe'>}");
  g_autofree char *client_id = NULL;

  g_assert_cmpstr (hypha_window_info_get_name (page), ==, "Title");
  g_assert_cmpstr (hypha_window_info_get_workspace (page), ==, "ws-a");
  g_assert_cmpstr (hypha_window_info_get_client_id (page), ==, "client-1");
  g_assert_cmpstr (hypha_window_info_get_uri (page), ==, "https://x.org/");
  g_assert_false (hypha_window_info_is_plugin (page));
  g_assert_false (hypha_window_info_is_hidden (page));
  g_assert_cmpstr (hypha_user_info_get_id (hypha_window_info_get_user (page)), ==, "bob");
  g_assert_cmpuint (g_variant_n_children (hypha_window_info_get_config (page)), ==, 0);

  g_assert_null (hypha_window_info_get_uri (plugin));
  g_assert_true (hypha_window_info_is_plugin (plugin));
  g_assert_true (hypha_window_info_is_hidden (plugin));
  g_assert_cmpstr (hypha_window_info_get_id (plugin), !=, hypha_window_info_get_id (page));
  g_assert_cmpuint (strlen (hypha_window_info_get_id (plugin)), >=, 36);
  g_object_get (plugin, "client-id", &client_id, NULL);
  g_assert_cmpstr (client_id, ==, "client-1");
}

static void
test_window_info_size (void)
{
  assert_size (NULL, 800, 600);
  assert_size ("{'width': <@x 640>, 'height': <480.0>}", 640, 480);
  assert_size ("{'defaults': <@a{sv} {'w': <@x 500>, 'h': <@x 400>}>}", 500, 400);
  assert_size ("{'defaults': <@a{sv} {'w': <@x 20>, 'h': <@x 10>}>}", 600, 300);
  assert_size ("{'width': <@x 640>, 'defaults': <@a{sv} {'w': <@x 20>, 'h': <@x 10>}>}", 640, 300);
  assert_size ("{'width': <'100%'>, 'height': <@mv nothing>}", 800, 600);
  assert_size ("{'width': <@x 0>, 'height': <@x -5>}", 800, 600);
}

static void
test_window_info_size_limits (void)
{
  assert_size ("{'width': <@x 1>, 'height': <@x 9223372036854775807>}", HYPHA_WINDOW_MIN_SIZE,
               HYPHA_WINDOW_MAX_SIZE);
  assert_size ("{'width': <1e300>, 'height': <@d inf>}", HYPHA_WINDOW_MAX_SIZE,
               HYPHA_WINDOW_MAX_SIZE);
  assert_size ("{'width': <@d nan>}", 800, 600);
}

static void
test_window_info_initialize_message (void)
{
  g_autoptr (HyphaWindowInfo) info = make_info (NULL, "{'scripts': <[<{'content': <'</script>'>}>]>,"
                                                      "'icon': <@mv nothing>}");
  g_autofree char *message = hypha_window_info_dup_initialize_message (info);
  g_autoptr (JsonNode) node = hypha_json_parse (message, strlen (message), HYPHA_JSON_MAX_DEPTH, NULL);
  JsonObject *object;
  JsonObject *user;

  g_assert_nonnull (node);
  object = json_node_get_object (node);
  g_assert_cmpstr (json_object_get_string_member (object, "type"), ==, "initializeHyphaClient");
  g_assert_cmpstr (json_object_get_string_member (object, "server_url"), ==,
                   "https://local-hypha-server:9527");
  g_assert_cmpstr (json_object_get_string_member (object, "workspace"), ==, "ws-a");
  g_assert_cmpstr (json_object_get_string_member (object, "client_id"), ==, "client-1");
  g_assert_false (json_object_has_member (object, "token"));
  user = json_object_get_object_member (object, "user_info");
  g_assert_cmpstr (json_object_get_string_member (user, "id"), ==, "bob");
  g_assert_cmpint (json_object_get_int_member (user, "expires_at"), ==, 1800000000);
  g_assert_true (json_object_get_null_member (json_object_get_object_member (object, "config"), "icon"));
}

/* A page reads config.styles without asking whether there is a config. */
static void
test_window_info_empty_config (void)
{
  g_autoptr (HyphaWindowInfo) info = make_info ("https://x.org/", NULL);
  g_autofree char *message = hypha_window_info_dup_initialize_message (info);

  g_assert_nonnull (strstr (message, "\"config\":{}"));
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/apps/window-info/fields", test_window_info_fields);
  g_test_add_func ("/apps/window-info/size", test_window_info_size);
  g_test_add_func ("/apps/window-info/size-limits", test_window_info_size_limits);
  g_test_add_func ("/apps/window-info/initialize-message", test_window_info_initialize_message);
  g_test_add_func ("/apps/window-info/empty-config", test_window_info_empty_config);
  return g_test_run ();
}
