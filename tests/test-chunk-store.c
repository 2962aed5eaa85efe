/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-chunk-store-private.h"
#include "hypha-error.h"
#include "hypha-local-client-private.h"
#include "hypha-shares-private.h"
#include "test-hub-fixture.h"
#include "test-utils.h"

#define KIB 1024
#define MIB (1024 * 1024)
#define PIECE (256 * KIB)

static const HyphaChunkLimits small = {
  .client = 64 * KIB,
  .account = 128 * KIB,
  .guests = 32 * KIB,
  .total = 256 * KIB,
  .age = 200,
};

static GVariant *
piece_new (gsize size)
{
  gpointer zeros = g_malloc0 (size);

  return g_variant_ref_sink (g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, zeros, size, TRUE,
                                                      g_free, zeros));
}

static gboolean
put (HyphaChunkStore *store,
     const char      *from,
     gint64           index,
     gsize            size)
{
  g_autoptr (GVariant) piece = piece_new (size);

  return hypha_chunk_store_put (store, from, "k", index, piece, NULL);
}

/* Begins a message and adds pieces until one is refused; how many were taken. */
static guint
fill (HyphaChunkStore *store,
      const char      *from,
      const char      *account)
{
  guint n = 0;

  if (!hypha_chunk_store_create (store, from, account, "k", FALSE, NULL))
    return 0;

  while (put (store, from, -1, KIB))
    n++;

  return n;
}

static void
test_client (void)
{
  g_autoptr (HyphaChunkStore) store = hypha_chunk_store_new (&small);
  g_autoptr (GVariant) piece = piece_new (KIB);
  g_autoptr (GError) error = NULL;
  guint n = fill (store, "ws-a/a", "alice");

  g_assert_cmpuint (n, >, 40);
  g_assert_cmpuint (hypha_chunk_store_get_total (store), <=, small.client);
  g_assert_false (hypha_chunk_store_put (store, "ws-a/a", "k", -1, piece, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE);

  hypha_chunk_store_client_gone (store, "ws-a/a");
  g_assert_cmpuint (hypha_chunk_store_get_total (store), ==, 0);
  g_assert_cmpuint (fill (store, "ws-a/a", "alice"), ==, n);
}

/* A user's clients have less the more they are; a user who comes later has room whatever they do. */
static void
test_account (void)
{
  g_autoptr (HyphaChunkStore) store = hypha_chunk_store_new (&small);

  for (guint i = 0; i < 20; i++)
    {
      g_autofree char *from = g_strdup_printf ("ws-a/a%u", i);

      fill (store, from, "alice");
    }

  g_assert_cmpuint (hypha_chunk_store_get_total (store), >, small.account / 2);
  g_assert_cmpuint (hypha_chunk_store_get_total (store), <=, small.account);
  g_assert_cmpuint (fill (store, "ws-b/b", "bob"), >, 40);
}

/* Any number of guests hold what all of them may. */
static void
test_guests (void)
{
  g_autoptr (HyphaChunkStore) store = hypha_chunk_store_new (&small);

  for (guint i = 0; i < 20; i++)
    {
      g_autofree char *from = g_strdup_printf ("ws-anonymous-%u/c", i);

      fill (store, from, HYPHA_SHARES_GUESTS);
    }

  g_assert_cmpuint (hypha_chunk_store_get_total (store), >, small.guests / 2);
  g_assert_cmpuint (hypha_chunk_store_get_total (store), <=, small.guests);
  g_assert_cmpuint (fill (store, "ws-a/a", "alice"), >, 40);
}

/* Also what is no byte of a piece: messages, empty pieces, places that are left out. */
static void
test_costs (void)
{
  g_autoptr (HyphaChunkStore) store = hypha_chunk_store_new (&small);
  gsize before;

  g_assert_true (hypha_chunk_store_create (store, "ws-a/a", "alice", "k", FALSE, NULL));
  before = hypha_chunk_store_get_total (store);
  g_assert_cmpuint (before, ==, HYPHA_CHUNKS_ENTRY_COST);
  g_assert_true (put (store, "ws-a/a", 9, 0));
  g_assert_cmpuint (hypha_chunk_store_get_total (store), ==, before + 10 * HYPHA_CHUNKS_PIECE_COST);
  g_assert_true (put (store, "ws-a/a", 0, 1));
  g_assert_cmpuint (hypha_chunk_store_get_total (store), ==,
                    before + 10 * HYPHA_CHUNKS_PIECE_COST + 1);
  g_assert_true (hypha_chunk_store_remove (store, "ws-a/a", "k", NULL));
  g_assert_cmpuint (hypha_chunk_store_get_total (store), ==, 0);
}

static gboolean
is_idle (gpointer data)
{
  return !hypha_chunk_store_is_sweeping (data);
}

/* What never gets whole is dropped in the end, and then nothing wakes up for it any more. */
static void
test_age (void)
{
  g_autoptr (HyphaChunkStore) store = hypha_chunk_store_new (&small);
  g_autoptr (GError) error = NULL;
  gint64 begun = g_get_monotonic_time ();

  g_assert_false (hypha_chunk_store_is_sweeping (store));
  fill (store, "ws-a/a", "alice");
  fill (store, "ws-anonymous-1/c", HYPHA_SHARES_GUESTS);
  g_assert_true (hypha_chunk_store_is_sweeping (store));
  g_assert_true (test_wait (is_idle, store));
  g_assert_cmpint (g_get_monotonic_time () - begun, >=, (gint64) small.age * 1000);
  g_assert_cmpuint (hypha_chunk_store_get_total (store), ==, 0);
  g_assert_null (hypha_chunk_store_take (store, "ws-a/a", "k", &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_NOT_FOUND);
}

/* The timer runs while there is an entry, however the last one goes. */
static void
test_timer (void)
{
  g_autoptr (HyphaChunkStore) store = hypha_chunk_store_new (&small);

  for (guint i = 0; i < 3; i++)
    {
      g_assert_true (hypha_chunk_store_create (store, "ws-a/a", "alice", "k", FALSE, NULL));
      g_assert_true (hypha_chunk_store_is_sweeping (store));
      if (i == 0)
        g_assert_true (hypha_chunk_store_remove (store, "ws-a/a", "k", NULL));
      else if (i == 1)
        hypha_chunk_store_client_gone (store, "ws-a/a");
      else
        g_byte_array_unref (hypha_chunk_store_take (store, "ws-a/a", "k", NULL));
      g_assert_false (hypha_chunk_store_is_sweeping (store));
    }
}

/* Stores that share: what one keeps the other has no room for, until it goes. */
static void
test_shared (void)
{
  g_autoptr (HyphaShares) shares = hypha_shares_new (small.total, small.account);
  HyphaChunkStore *first = hypha_chunk_store_new (&small);
  g_autoptr (HyphaChunkStore) second = hypha_chunk_store_new (&small);
  guint all;

  hypha_chunk_store_set_shares (first, shares);
  hypha_chunk_store_set_shares (second, shares);
  all = fill (first, "ws-anonymous-1/c", HYPHA_SHARES_GUESTS);
  g_assert_cmpuint (fill (second, "ws-anonymous-2/c", HYPHA_SHARES_GUESTS), <, all);
  hypha_chunk_store_client_gone (second, "ws-anonymous-2/c");
  hypha_chunk_store_free (first);
  g_assert_cmpuint (hypha_shares_get_n (shares), ==, 0);
  g_assert_cmpuint (fill (second, "ws-anonymous-2/c", HYPHA_SHARES_GUESTS), ==, all);
}

static char *
send_piece (Client     *client,
            const char *to,
            const char *verb,
            GVariant   *args)
{
  g_autofree char *method = g_strconcat ("services.built-in.message_cache.", verb, NULL);
  g_autoptr (GVariant) value = NULL;
  char *error = NULL;

  value = client_call (client, to, method, args, &error);
  return error;
}

/* How a call begins that has a quarter of a GiB for an argument. */
static GVariant *
head_new (void)
{
  static const guint8 extra[] = { 0x81, 0xa4, 'a', 'r', 'g', 's', 0x91, 0xc6, 0x10, 0, 0, 0 };
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autoptr (GVariant) envelope = NULL;

  envelope = g_variant_ref_sink (g_variant_new_parsed ("{'type': <'method'>,"
                                                       " 'method': <'services.x.f'>}"));
  hypha_msgpack_encode (bytes, envelope);
  g_byte_array_append (bytes, extra, sizeof extra);
  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, bytes->data, bytes->len, 1);
}

/* Sends pieces until one is refused; what they were together. */
static gsize
send_pieces (Client     *client,
             const char *to,
             gsize       size)
{
  g_autoptr (GVariant) piece = piece_new (PIECE);
  g_autofree char *error = send_piece (client, to, "create", g_variant_new_parsed ("[<'k'>]"));
  gsize sent = 0;

  if (error == NULL)
    error = send_piece (client, to, "append", g_variant_new_parsed ("[<'k'>, <%*>]", head_new ()));

  while (error == NULL && sent < size)
    {
      error = send_piece (client, to, "append", g_variant_new_parsed ("[<'k'>, <%*>]", piece));
      sent += error == NULL ? PIECE : 0;
    }

  return sent;
}

/* Anonymous clients hold what they can get, and a member sends a message of 64 MiB none the less. */
static void
test_member_among_guests (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autofree char *token = hub_token (hub, "ws-a", "alice");
  g_autoptr (Client) member = hub_connect (hub, "m", token);
  Client *guests[8];
  gsize held = 0;

  for (guint i = 0; i < G_N_ELEMENTS (guests); i++)
    {
      guests[i] = hub_connect (hub, "g", NULL);
      held += send_pieces (guests[i], HYPHA_ADDRESS_MANAGER, HYPHA_CHUNKS_MAX_BYTES);
    }

  g_assert_cmpuint (held, >=, 64 * MIB);
  g_assert_cmpuint (held, <=, HYPHA_CHUNKS_MAX_GUESTS);
  g_assert_cmpuint (send_pieces (member, HYPHA_ADDRESS_MANAGER, 64 * MIB), ==, 64 * MIB);
  for (guint i = 0; i < G_N_ELEMENTS (guests); i++)
    client_free (guests[i]);
}

/* Callers over HTTP have a client each, which guests that answer them could fill without end. */
static void
test_many_local_clients (void)
{
  g_autoptr (Hub) hub = hub_new ();
  g_autoptr (Client) guest = hub_connect (hub, "g", NULL);
  g_autoptr (HyphaUserInfo) user = hypha_user_info_new_anonymous ();
  HyphaLocalClient *locals[6];
  gsize held = 0;

  for (guint i = 0; i < G_N_ELEMENTS (locals); i++)
    {
      g_autofree char *name = g_strdup_printf ("http-%u", i);
      g_autofree char *id = g_strconcat ("ws-a/", name, NULL);

      locals[i] = hypha_local_client_new (hub->router, "ws-a", name, user, "");
      held += send_pieces (guest, id, HYPHA_CHUNKS_MAX_BYTES);
    }

  g_assert_cmpuint (held, >=, HYPHA_CHUNKS_MAX_GUESTS / 2);
  g_assert_cmpuint (held, <=, HYPHA_CHUNKS_MAX_GUESTS);
  for (guint i = 0; i < G_N_ELEMENTS (locals); i++)
    hypha_local_client_free (locals[i]);
  g_assert_cmpuint (hypha_shares_get_n (hypha_router_get_chunk_shares (hub->router)), ==, 0);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/rpc/chunk-store/client", test_client);
  g_test_add_func ("/rpc/chunk-store/account", test_account);
  g_test_add_func ("/rpc/chunk-store/guests", test_guests);
  g_test_add_func ("/rpc/chunk-store/costs", test_costs);
  g_test_add_func ("/rpc/chunk-store/age", test_age);
  g_test_add_func ("/rpc/chunk-store/timer", test_timer);
  g_test_add_func ("/rpc/chunk-store/shared", test_shared);
  g_test_add_func ("/hub/manager/member-among-guests", test_member_among_guests);
  g_test_add_func ("/hub/local-client/chunk-shares", test_many_local_clients);
  return g_test_run ();
}
