/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-error.h"
#include "hypha-rpc-callers-private.h"
#include "test-utils.h"

static GVariant *
user_new (const char *id,
          gboolean    anonymous)
{
  return g_variant_ref_sink (g_variant_new_parsed ("{'id': <%s>, 'is_anonymous': <%b>}", id,
                                                   anonymous));
}

/* Calls of one client until it is refused; how many were served. */
static guint
fill (HyphaRpcCallers *callers,
      const char      *caller,
      GVariant        *user)
{
  guint n = 0;

  while (hypha_rpc_callers_has_room (callers, caller, user, 0, NULL))
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();

      hypha_rpc_callers_add (callers, caller, user, 0, cancellable);
      n++;
    }

  return n;
}

static guint
fill_with_clients (HyphaRpcCallers *callers,
                   const char      *workspace,
                   GVariant        *user,
                   guint            n_clients)
{
  guint n = 0;

  for (guint i = 0; i < n_clients; i++)
    {
      g_autofree char *caller = g_strdup_printf ("%s/%u", workspace, i);

      n += fill (callers, caller, user);
    }

  return n;
}

static void
drop_all (HyphaRpcCallers *callers,
          const char      *caller)
{
  g_autoptr (GPtrArray) calls = hypha_rpc_callers_list (callers, caller);

  for (guint i = 0; i < calls->len; i++)
    hypha_rpc_callers_remove (callers, caller, g_ptr_array_index (calls, i));
}

static void
test_callers_client (void)
{
  HyphaRpcCallers *callers = hypha_rpc_callers_new ();
  g_autoptr (GVariant) alice = user_new ("alice", FALSE);
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (fill (callers, "ws-a/a", alice), ==, HYPHA_RPC_MAX_SERVING_CALLER);
  g_assert_false (hypha_rpc_callers_has_room (callers, "ws-a/a", alice, 0, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY);
  g_assert_true (hypha_rpc_callers_has_room (callers, "ws-a/b", alice, 0, NULL));

  drop_all (callers, "ws-a/a");
  g_assert_cmpuint (hypha_rpc_callers_get_size (callers), ==, 0);
  g_assert_cmpuint (fill (callers, "ws-a/a", alice), ==, HYPHA_RPC_MAX_SERVING_CALLER);
  hypha_rpc_callers_free (callers);
}

/* The clients of one user leave room for one more of them, and for everybody else. */
static void
test_callers_user (void)
{
  HyphaRpcCallers *callers = hypha_rpc_callers_new ();
  g_autoptr (GVariant) alice = user_new ("alice", FALSE);
  g_autoptr (GVariant) bob = user_new ("bob", FALSE);

  g_assert_cmpuint (fill_with_clients (callers, "ws-a", alice, 20), <=,
                    HYPHA_RPC_MAX_SERVING_USER);
  g_assert_true (hypha_rpc_callers_has_room (callers, "ws-a/new", alice, 0, NULL));
  g_assert_cmpuint (fill (callers, "ws-b/b", bob), ==, HYPHA_RPC_MAX_SERVING_CALLER);
  hypha_rpc_callers_free (callers);
}

/* Another name each time does not make a guest another user. */
static void
test_callers_guests (void)
{
  HyphaRpcCallers *callers = hypha_rpc_callers_new ();
  g_autoptr (GVariant) bob = user_new ("bob", FALSE);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) last = user_new ("last", TRUE);

  for (guint i = 0; i < 2 * HYPHA_RPC_MAX_SERVING_USER; i++)
    {
      g_autofree char *id = g_strdup_printf ("guest-%u", i);
      g_autoptr (GVariant) guest = user_new (id, TRUE);

      fill_with_clients (callers, id, guest, 1);
    }

  g_assert_cmpuint (hypha_rpc_callers_get_size (callers), ==, HYPHA_RPC_MAX_SERVING_USER);
  g_assert_false (hypha_rpc_callers_has_room (callers, "public/last", last, 0, &error));
  g_assert_nonnull (strstr (error->message, "4096 of them of anonymous users"));
  g_assert_cmpuint (fill (callers, "ws-b/b", bob), ==, HYPHA_RPC_MAX_SERVING_CALLER);
  hypha_rpc_callers_free (callers);
}

/* Users who are many fill it in the end, and no further. */
static void
test_callers_all (void)
{
  HyphaRpcCallers *callers = hypha_rpc_callers_new ();
  g_autoptr (GPtrArray) calls = NULL;

  for (guint i = 0; i < HYPHA_RPC_MAX_SERVING + 100; i++)
    {
      g_autofree char *id = g_strdup_printf ("user-%u", i);
      g_autoptr (GVariant) user = user_new (id, FALSE);
      guint n = fill_with_clients (callers, id, user, 1);

      if (i < HYPHA_RPC_MAX_SERVING / HYPHA_RPC_MAX_SERVING_CALLER - 1)
        g_assert_cmpuint (n, ==, HYPHA_RPC_MAX_SERVING_CALLER);
    }

  g_assert_cmpuint (hypha_rpc_callers_get_size (callers), ==, HYPHA_RPC_MAX_SERVING);
  calls = hypha_rpc_callers_list (callers, NULL);
  g_assert_cmpuint (calls->len, ==, HYPHA_RPC_MAX_SERVING);
  hypha_rpc_callers_free (callers);
}

/* However many clients of a user bring arguments, there is room for those of others. */
static void
test_callers_max_arguments (void)
{
  const gsize part = HYPHA_RPC_MAX_ARGUMENTS_USER / 4;
  HyphaRpcCallers *callers = hypha_rpc_callers_new ();
  g_autoptr (GVariant) alice = user_new ("alice", FALSE);
  g_autoptr (GVariant) bob = user_new ("bob", FALSE);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 4; i++)
    {
      g_autofree char *caller = g_strdup_printf ("ws-a/%u", i);
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();

      g_assert_true (hypha_rpc_callers_has_room (callers, caller, alice, part, NULL));
      hypha_rpc_callers_add (callers, caller, alice, part, cancellable);
    }

  g_assert_false (hypha_rpc_callers_has_room (callers, "ws-a/new", alice, 1, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY);
  g_assert_true (hypha_rpc_callers_has_room (callers, "ws-b/b", bob, 2 * part, NULL));
  drop_all (callers, "ws-a/0");
  g_assert_true (hypha_rpc_callers_has_room (callers, "ws-a/new", alice, part, NULL));
  g_assert_false (hypha_rpc_callers_has_room (callers, "ws-a/new", alice, part + 1, NULL));
  hypha_rpc_callers_free (callers);
}

/* One client alone leaves half of it to the others of its user. */
static void
test_callers_max_arguments_of_client (void)
{
  const gsize half = HYPHA_RPC_MAX_ARGUMENTS_USER / 2;
  HyphaRpcCallers *callers = hypha_rpc_callers_new ();
  g_autoptr (GVariant) bob = user_new ("bob", FALSE);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  g_assert_true (hypha_rpc_callers_has_room (callers, "ws-b/b", bob, half, NULL));
  hypha_rpc_callers_add (callers, "ws-b/b", bob, half, cancellable);
  g_assert_false (hypha_rpc_callers_has_room (callers, "ws-b/b", bob, 1, NULL));
  g_assert_true (hypha_rpc_callers_has_room (callers, "ws-b/c", bob, half, NULL));
  drop_all (callers, "ws-b/b");
  g_assert_true (hypha_rpc_callers_has_room (callers, "ws-b/b", bob, half, NULL));
  hypha_rpc_callers_free (callers);
}

int
main (int   argc,
      char *argv[])
{
  test_init (&argc, &argv);

  g_test_add_func ("/rpc/callers/client", test_callers_client);
  g_test_add_func ("/rpc/callers/user", test_callers_user);
  g_test_add_func ("/rpc/callers/guests", test_callers_guests);
  g_test_add_func ("/rpc/callers/all", test_callers_all);
  g_test_add_func ("/rpc/callers/max-arguments", test_callers_max_arguments);
  g_test_add_func ("/rpc/callers/max-arguments-of-client", test_callers_max_arguments_of_client);

  return g_test_run ();
}
