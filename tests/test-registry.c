/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-registry-private.h"
#include "test-utils.h"

static HyphaServiceInfo *
make_info (const char *client,
           const char *service,
           gsize       size)
{
  g_autofree char *docs = g_strnfill (size, 'x');
  g_autoptr (GVariant) record = NULL;
  g_autoptr (GError) error = NULL;
  HyphaServiceInfo *info;

  record = g_variant_ref_sink (g_variant_new_parsed ("{'docs': <%s>}", docs));
  info = hypha_service_info_new ("ws-a", client, service, record, &error);
  g_assert_no_error (error);
  return info;
}

static gboolean
put_of (HyphaRegistry  *registry,
        const char     *account,
        const char     *client,
        const char     *service,
        gsize           size,
        GError        **error)
{
  g_autoptr (HyphaServiceInfo) info = make_info (client, service, size);
  gboolean replaced;

  return hypha_registry_put (registry, info, account, &replaced, error);
}

static gboolean
put (HyphaRegistry  *registry,
     const char     *client,
     const char     *service,
     gsize           size,
     GError        **error)
{
  return put_of (registry, "u", client, service, size, error);
}

static void
assert_model (HyphaRegistry     *registry,
              const char *const *ids)
{
  GListModel *model = hypha_registry_get_model (registry);

  g_assert_cmpuint (g_list_model_get_n_items (model), ==, g_strv_length ((char **) ids));
  for (guint i = 0; ids[i] != NULL; i++)
    {
      g_autoptr (HyphaServiceInfo) info = g_list_model_get_item (model, i);

      g_assert_cmpstr (hypha_service_info_get_id (info), ==, ids[i]);
    }
}

/* The model stays in the order of ids, whatever comes and goes, and keeps no second copy. */
static void
test_registry_model (void)
{
  g_autoptr (HyphaRegistry) registry = hypha_registry_new ();
  static const char *const all[] = { "ws-a/a:x", "ws-a/p:a", "ws-a/p:b", "ws-a/p:c", NULL };
  static const char *const fewer[] = { "ws-a/a:x", "ws-a/p:a", "ws-a/p:c", NULL };
  static const char *const last[] = { "ws-a/a:x", NULL };

  g_assert_true (put (registry, "p", "c", 1, NULL));
  g_assert_true (put (registry, "p", "a", 1, NULL));
  g_assert_true (put (registry, "p", "built-in", 1, NULL));
  g_assert_true (put (registry, "a", "x", 1, NULL));
  g_assert_true (put (registry, "p", "b", 1, NULL));
  g_assert_true (put (registry, "p", "b", 2, NULL));
  assert_model (registry, all);
  g_assert_true (hypha_registry_remove (registry, "ws-a/p:b"));
  g_assert_false (hypha_registry_remove (registry, "ws-a/p:b"));
  assert_model (registry, fewer);
  hypha_registry_remove_client (registry, "ws-a", "p");
  g_assert_null (hypha_registry_lookup (registry, "ws-a/p:built-in"));
  hypha_registry_remove_client (registry, "ws-a", "p");
  assert_model (registry, last);
}

static void
on_removed (HyphaRegistry    *registry,
            HyphaServiceInfo *info,
            GString          *removed)
{
  g_string_append_printf (removed, "%s ", hypha_service_info_get_service (info));

  /* Whoever hears of it may take another one away meanwhile. */
  hypha_registry_remove (registry, "ws-a/p:b");
}

static void
test_registry_remove_client (void)
{
  g_autoptr (HyphaRegistry) registry = hypha_registry_new ();
  g_autoptr (GString) removed = g_string_new (NULL);
  g_autoptr (GPtrArray) left = NULL;

  g_signal_connect (registry, "service-removed", G_CALLBACK (on_removed), removed);
  g_assert_true (put (registry, "p", "c", 1, NULL));
  g_assert_true (put (registry, "p", "b", 1, NULL));
  g_assert_true (put (registry, "p", "a", 1, NULL));
  g_assert_true (put (registry, "pp", "a", 1, NULL));
  hypha_registry_remove_client (registry, "ws-a", "p");
  g_assert_cmpstr (removed->str, ==, "a b c ");
  left = hypha_registry_list (registry, "ws-a");
  g_assert_cmpuint (left->len, ==, 1);
}

static void
fill_client (HyphaRegistry *registry,
             const char    *client)
{
  for (guint i = 0; i < HYPHA_REGISTRY_MAX_SERVICES; i++)
    {
      g_autofree char *service = g_strdup_printf ("s%u", i);

      g_assert_true (put (registry, client, service, 0, NULL));
    }
}

/*
 * Forty clients with all that they may have leave among 40,000 services. Searching the whole
 * list for each would be 800 million comparisons: minutes in this build, not milliseconds.
 */
static void
test_registry_many_leave (void)
{
  g_autoptr (HyphaRegistry) registry = hypha_registry_new ();
  GListModel *model = hypha_registry_get_model (registry);
  const guint n = 40;

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *client = g_strdup_printf ("c%u", i);

      fill_client (registry, client);
    }

  g_assert_cmpuint (g_list_model_get_n_items (model), ==, n * HYPHA_REGISTRY_MAX_SERVICES);
  for (guint i = n; i > 0; i--)
    {
      g_autofree char *client = g_strdup_printf ("c%u", i - 1);

      hypha_registry_remove_client (registry, "ws-a", client);
    }

  g_assert_cmpuint (g_list_model_get_n_items (model), ==, 0);
}

static void
test_registry_max_services (void)
{
  g_autoptr (HyphaRegistry) registry = hypha_registry_new ();
  g_autoptr (GError) error = NULL;

  fill_client (registry, "p");
  g_assert_false (put (registry, "p", "more", 0, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY);
  g_assert_true (put (registry, "p", "s7", 1, NULL));
  g_assert_true (put (registry, "q", "more", 0, NULL));
  g_assert_true (hypha_registry_remove (registry, "ws-a/p:s7"));
  g_assert_true (put (registry, "p", "more", 0, NULL));
}

static void
test_registry_max_client_bytes (void)
{
  g_autoptr (HyphaRegistry) registry = hypha_registry_new ();
  g_autoptr (GError) error = NULL;

  g_assert_true (put (registry, "p", "one", HYPHA_REGISTRY_MAX_CLIENT_BYTES - 4096, NULL));
  g_assert_false (put (registry, "p", "two", 4096, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY);
  g_assert_cmpstr (error->message, ==,
                   "the descriptions of a client's services may take 16777216 bytes, not more");
  g_assert_null (hypha_registry_lookup (registry, "ws-a/p:two"));
  g_assert_true (put (registry, "q", "two", 4096, NULL));

  /* What a replaced or removed service had is there for others. */
  g_assert_true (put (registry, "p", "one", HYPHA_REGISTRY_MAX_CLIENT_BYTES - 8192, NULL));
  g_assert_true (put (registry, "p", "two", 4096, NULL));
  g_assert_false (put (registry, "p", "three", 8192, NULL));
  g_assert_true (hypha_registry_remove (registry, "ws-a/p:one"));
  g_assert_true (put (registry, "p", "three", 8192, NULL));
}

/* Guests, who are one account, and each user may fill a share: the next one still has room. */
static void
test_registry_shares (void)
{
  g_autoptr (HyphaRegistry) registry = hypha_registry_new ();
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (HYPHA_REGISTRY_MAX_TOTAL_BYTES, ==, 512 * 1024 * 1024);
  g_assert_cmpuint (HYPHA_REGISTRY_MAX_ACCOUNT_BYTES, ==, 128 * 1024 * 1024);
  hypha_registry_set_limits (registry, 10000, 17000, 40000);
  g_assert_true (put_of (registry, "", "p", "one", 8000, NULL));
  g_assert_true (put_of (registry, "", "q", "one", 8000, NULL));
  g_assert_false (put_of (registry, "", "r", "one", 8000, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY);
  g_assert_nonnull (strstr (error->message, "anonymous users take 16"));
  g_assert_true (put_of (registry, "u", "s", "one", 9000, NULL));
  g_assert_false (put_of (registry, "u", "s", "two", 9000, NULL));
  g_assert_true (put_of (registry, "v", "t", "one", 5000, NULL));

  /* Growing takes a share too, shrinking never fails, and who leaves gives all of it back. */
  g_assert_false (put_of (registry, "", "q", "one", 9900, NULL));
  g_assert_true (put_of (registry, "", "q", "one", 7000, NULL));
  hypha_registry_remove_client (registry, "ws-a", "q");
  g_assert_true (put_of (registry, "", "r", "one", 8000, NULL));
}

/* No client is one without its “built-in”: a small one has a place in a full registry. */
static void
test_registry_free_built_in (void)
{
  g_autoptr (HyphaRegistry) registry = hypha_registry_new ();

  hypha_registry_set_limits (registry, 100000, 100000, 100);
  g_assert_false (put (registry, "p", "one", 8000, NULL));
  g_assert_true (put (registry, "p", "built-in", HYPHA_REGISTRY_FREE_BUILT_IN / 2, NULL));
  g_assert_false (put (registry, "q", "built-in", HYPHA_REGISTRY_FREE_BUILT_IN, NULL));
  g_assert_false (put (registry, "p", "built-in", HYPHA_REGISTRY_FREE_BUILT_IN, NULL));
  g_assert_true (hypha_registry_remove (registry, "ws-a/p:built-in"));
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/hub/registry/model", test_registry_model);
  g_test_add_func ("/hub/registry/remove-client", test_registry_remove_client);
  g_test_add_func ("/hub/registry/many-leave", test_registry_many_leave);
  g_test_add_func ("/hub/registry/max-services", test_registry_max_services);
  g_test_add_func ("/hub/registry/max-client-bytes", test_registry_max_client_bytes);
  g_test_add_func ("/hub/registry/shares", test_registry_shares);
  g_test_add_func ("/hub/registry/free-built-in", test_registry_free_built_in);
  return g_test_run ();
}
