/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-throttle-private.h"

#include <string.h>

/*
 * HyphaThrottle: addresses that keep failing to prove who they are. A foreign one is not listened to
 * for a while. Those of this machine share one address with everybody else here, and a proxy makes
 * everybody such a one: they are listened to, but hear later that they failed.
 */
struct _HyphaThrottle
{
  GHashTable *addresses;  /* key → HyphaThrottleEntry */
};

typedef struct
{
  guint  n_failures;
  gint64 since;           /* when the failures that count began */
  gint64 until;           /* when it may try again; 0 if it may */
} HyphaThrottleEntry;

HyphaThrottle *
hypha_throttle_new (void)
{
  HyphaThrottle *self = g_new0 (HyphaThrottle, 1);

  self->addresses = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return self;
}

void
hypha_throttle_free (HyphaThrottle *self)
{
  g_hash_table_unref (self->addresses);
  g_free (self);
}

gint64
hypha_throttle_now (void)
{
  return g_get_monotonic_time () / G_USEC_PER_SEC;
}

/* An IPv4 address that is written as one of IPv6 is the same one. */
static GInetAddress *
hypha_throttle_parse (const char *address)
{
  static const guint8 mapped[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
  g_autofree char *plain = g_strdup (address != NULL ? address : "");
  g_autoptr (GInetAddress) inet = NULL;
  const guint8 *bytes;

  /* The zone of a link-local address is no part of it. */
  plain[strcspn (plain, "%")] = '\0';
  inet = g_inet_address_new_from_string (plain);
  if (inet == NULL || g_inet_address_get_family (inet) != G_SOCKET_FAMILY_IPV6)
    return g_steal_pointer (&inet);

  bytes = g_inet_address_to_bytes (inet);
  if (memcmp (bytes, mapped, sizeof mapped) != 0)
    return g_steal_pointer (&inet);

  return g_inet_address_new_from_bytes (bytes + sizeof mapped, G_SOCKET_FAMILY_IPV4);
}

/*
 * What counts as one: of IPv6 the network, since whoever has one has all its addresses. NULL for
 * what is no address.
 */
char *
hypha_throttle_key (const char *address,
                    gboolean   *loopback)
{
  g_autoptr (GInetAddress) inet = hypha_throttle_parse (address);
  g_autoptr (GInetAddress) network = NULL;
  guint8 bytes[16] = { 0 };

  if (inet == NULL)
    return NULL;

  *loopback = g_inet_address_get_is_loopback (inet);
  if (*loopback)
    return g_strdup ("loopback");

  if (g_inet_address_get_family (inet) != G_SOCKET_FAMILY_IPV6)
    return g_inet_address_to_string (inet);

  memcpy (bytes, g_inet_address_to_bytes (inet), 8);
  network = g_inet_address_new_from_bytes (bytes, G_SOCKET_FAMILY_IPV6);
  return g_inet_address_to_string (network);
}

/* The same of somebody else's machine; NULL for this one, which is everybody's here. */
char *
hypha_throttle_foreign_key (const char *address)
{
  gboolean loopback = FALSE;
  g_autofree char *key = hypha_throttle_key (address, &loopback);

  return loopback ? NULL : g_steal_pointer (&key);
}

static gboolean
hypha_throttle_is_over (gpointer key,
                        gpointer value,
                        gpointer data)
{
  const HyphaThrottleEntry *entry = value;
  gint64 now = *(gint64 *) data;

  return entry->until > 0 ? entry->until <= now : entry->since + HYPHA_THROTTLE_WINDOW <= now;
}

/* Makes room: what is over goes, else the one that would be over first. */
static void
hypha_throttle_make_room (HyphaThrottle *self,
                          gint64         now)
{
  GHashTableIter iter;
  gpointer key;
  gpointer value;
  const char *first = NULL;
  gint64 first_end = G_MAXINT64;

  if (g_hash_table_size (self->addresses) < HYPHA_THROTTLE_MAX_ADDRESSES ||
      g_hash_table_foreach_remove (self->addresses, hypha_throttle_is_over, &now) > 0)
    return;

  g_hash_table_iter_init (&iter, self->addresses);
  while (g_hash_table_iter_next (&iter, &key, &value))
    {
      const HyphaThrottleEntry *entry = value;
      gint64 end = entry->until > 0 ? entry->until : entry->since;

      if (end < first_end)
        {
          first = key;
          first_end = end;
        }
    }

  g_hash_table_remove (self->addresses, first);
}

/* Somebody at address has failed to prove who it is. What is no address is nobody. */
void
hypha_throttle_failed (HyphaThrottle *self,
                       const char    *address,
                       gint64         now)
{
  gboolean loopback = FALSE;
  g_autofree char *key = hypha_throttle_key (address, &loopback);
  HyphaThrottleEntry *entry;

  if (key == NULL)
    return;

  entry = g_hash_table_lookup (self->addresses, key);
  if (entry == NULL)
    {
      hypha_throttle_make_room (self, now);
      entry = g_new0 (HyphaThrottleEntry, 1);
      entry->since = now;
      g_hash_table_insert (self->addresses, g_strdup (key), entry);
    }
  else if (hypha_throttle_is_over (NULL, entry, &now))
    {
      *entry = (HyphaThrottleEntry) { .since = now };
    }

  entry->n_failures++;
  if (entry->n_failures < HYPHA_THROTTLE_MAX_FAILURES)
    return;

  if (entry->until == 0)
    g_message ("%s: %u failed attempts to prove an identity: %s for %d s", address,
               entry->n_failures, loopback ? "refusals are delayed" : "refused",
               HYPHA_THROTTLE_COOL_DOWN);
  entry->until = now + HYPHA_THROTTLE_COOL_DOWN;
}

static guint
hypha_throttle_get_left (HyphaThrottle *self,
                         const char    *address,
                         gint64         now,
                         gboolean       of_loopback)
{
  gboolean loopback = FALSE;
  g_autofree char *key = hypha_throttle_key (address, &loopback);
  HyphaThrottleEntry *entry = key != NULL ? g_hash_table_lookup (self->addresses, key) : NULL;

  if (entry == NULL || loopback != of_loopback || entry->until <= now)
    return 0;

  return (guint) (entry->until - now);
}

/* In how many seconds this address is listened to again; 0 now. */
guint
hypha_throttle_get_wait (HyphaThrottle *self,
                         const char    *address,
                         gint64         now)
{
  return hypha_throttle_get_left (self, address, now, FALSE);
}

/* By how many milliseconds to delay a refusal. */
guint
hypha_throttle_get_delay (HyphaThrottle *self,
                          const char    *address,
                          gint64         now)
{
  return hypha_throttle_get_left (self, address, now, TRUE) > 0 ? HYPHA_THROTTLE_DELAY : 0;
}

guint
hypha_throttle_get_n_addresses (HyphaThrottle *self)
{
  return g_hash_table_size (self->addresses);
}
