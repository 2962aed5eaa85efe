/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-public-address-private.h"

#include <string.h>

/*
 * A host that may only be reached at public addresses.
 *
 * Checking a name before connecting to it checks nothing: whoever owns the name can answer the
 * next question with another address (DNS rebinding). Here the check sits between the resolver and
 * connect(): what is connected to is the very address that was checked, and there is no second
 * question. It is still a GNetworkAddress, because TLS takes the name that the certificate must
 * have from that.
 */

/* What is not on the internet, or leads back from it. */
static const char *const private_networks[] = {
  "0.0.0.0/8",     "10.0.0.0/8",     "100.64.0.0/10", "127.0.0.0/8",  "169.254.0.0/16",
  "172.16.0.0/12", "192.0.0.0/24",   "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4",
  "240.0.0.0/4",   "::/96",          "::ffff:0:0/96", "100::/64",     "2001::/32",
  "2002::/16",     "fc00::/7",       "fe80::/10",     "fec0::/10",    "ff00::/8",
};

/* Where a network without IPv4 has the IPv4 internet: the address is in the last four bytes. */
#define NAT64_NETWORK "64:ff9b::/96"
#define NAT64_OFFSET 12

static gboolean
hypha_inet_address_is_in (GInetAddress *address,
                          const char   *network)
{
  g_autoptr (GInetAddressMask) mask = g_inet_address_mask_new_from_string (network, NULL);

  return g_inet_address_mask_get_family (mask) == g_inet_address_get_family (address) &&
         g_inet_address_mask_matches (mask, address);
}

gboolean
hypha_inet_address_is_public (GInetAddress *address)
{
  g_autoptr (GInetAddress) inner = NULL;

  if (hypha_inet_address_is_in (address, NAT64_NETWORK))
    {
      inner = g_inet_address_new_from_bytes (g_inet_address_to_bytes (address) + NAT64_OFFSET,
                                             G_SOCKET_FAMILY_IPV4);
      address = inner;
    }

  for (gsize i = 0; i < G_N_ELEMENTS (private_networks); i++)
    {
      if (hypha_inet_address_is_in (address, private_networks[i]))
        return FALSE;
    }

  return TRUE;
}

/* Hands on what another enumerator finds, as long as it is public. */
typedef struct
{
  GSocketAddressEnumerator  parent_instance;
  GSocketAddressEnumerator *inner;
  char                     *host;
} HyphaPublicEnumerator;

typedef GSocketAddressEnumeratorClass HyphaPublicEnumeratorClass;

static GType hypha_public_enumerator_get_type (void);

G_DEFINE_TYPE (HyphaPublicEnumerator, hypha_public_enumerator, G_TYPE_SOCKET_ADDRESS_ENUMERATOR)

/* Takes the address; NULL, which is the end, passes. */
static GSocketAddress *
hypha_public_enumerator_check (HyphaPublicEnumerator  *self,
                               GSocketAddress         *address,
                               GError                **error)
{
  g_autoptr (GSocketAddress) owned = address;

  if (address == NULL)
    return NULL;

  if (G_IS_INET_SOCKET_ADDRESS (address) &&
      hypha_inet_address_is_public (
          g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (address))))
    return g_steal_pointer (&owned);

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
               "“%s” is not on the public internet", self->host);
  return NULL;
}

static GSocketAddress *
hypha_public_enumerator_next (GSocketAddressEnumerator  *enumerator,
                              GCancellable              *cancellable,
                              GError                   **error)
{
  HyphaPublicEnumerator *self = (HyphaPublicEnumerator *) enumerator;
  GSocketAddress *address;

  address = g_socket_address_enumerator_next (self->inner, cancellable, error);
  return hypha_public_enumerator_check (self, address, error);
}

static void
hypha_public_enumerator_next_cb (GObject      *source,
                                 GAsyncResult *result,
                                 gpointer      data)
{
  g_autoptr (GTask) task = data;
  HyphaPublicEnumerator *self = g_task_get_source_object (task);
  g_autoptr (GError) error = NULL;
  GSocketAddress *address;

  address = g_socket_address_enumerator_next_finish (G_SOCKET_ADDRESS_ENUMERATOR (source), result,
                                                     &error);
  if (error == NULL)
    address = hypha_public_enumerator_check (self, address, &error);

  if (error != NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else
    g_task_return_pointer (task, address, g_object_unref);
}

static void
hypha_public_enumerator_next_async (GSocketAddressEnumerator *enumerator,
                                    GCancellable             *cancellable,
                                    GAsyncReadyCallback       callback,
                                    gpointer                  user_data)
{
  HyphaPublicEnumerator *self = (HyphaPublicEnumerator *) enumerator;
  GTask *task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, hypha_public_enumerator_next_async);
  g_socket_address_enumerator_next_async (self->inner, cancellable, hypha_public_enumerator_next_cb,
                                          task);
}

static GSocketAddress *
hypha_public_enumerator_next_finish (GSocketAddressEnumerator  *enumerator,
                                     GAsyncResult              *result,
                                     GError                   **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
hypha_public_enumerator_finalize (GObject *object)
{
  HyphaPublicEnumerator *self = (HyphaPublicEnumerator *) object;

  g_clear_object (&self->inner);
  g_free (self->host);
  G_OBJECT_CLASS (hypha_public_enumerator_parent_class)->finalize (object);
}

static void
hypha_public_enumerator_class_init (HyphaPublicEnumeratorClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = hypha_public_enumerator_finalize;
  klass->next = hypha_public_enumerator_next;
  klass->next_async = hypha_public_enumerator_next_async;
  klass->next_finish = hypha_public_enumerator_next_finish;
}

static void
hypha_public_enumerator_init (HyphaPublicEnumerator *self)
{
}

typedef GNetworkAddress HyphaPublicAddress;
typedef GNetworkAddressClass HyphaPublicAddressClass;

static GSocketConnectableIface *parent_connectable;

static void hypha_public_address_connectable_init (GSocketConnectableIface *iface);

G_DEFINE_TYPE_WITH_CODE (HyphaPublicAddress, hypha_public_address, G_TYPE_NETWORK_ADDRESS,
                         G_IMPLEMENT_INTERFACE (G_TYPE_SOCKET_CONNECTABLE,
                                                hypha_public_address_connectable_init))

static GSocketAddressEnumerator *
hypha_public_address_enumerate (GSocketConnectable *connectable)
{
  HyphaPublicEnumerator *enumerator = g_object_new (hypha_public_enumerator_get_type (), NULL);

  enumerator->inner = parent_connectable->enumerate (connectable);
  enumerator->host = g_strdup (g_network_address_get_hostname (G_NETWORK_ADDRESS (connectable)));
  return G_SOCKET_ADDRESS_ENUMERATOR (enumerator);
}

static void
hypha_public_address_connectable_init (GSocketConnectableIface *iface)
{
  parent_connectable = g_type_interface_peek_parent (iface);
  iface->enumerate = hypha_public_address_enumerate;
  /* A proxy would resolve the name by itself, and from where it stands. */
  iface->proxy_enumerate = hypha_public_address_enumerate;
}

static void
hypha_public_address_class_init (HyphaPublicAddressClass *klass)
{
}

static void
hypha_public_address_init (HyphaPublicAddress *self)
{
}

/* To be connected to; looking it up fails at the first address that is not public. */
GSocketConnectable *
hypha_public_address_new (const char *host,
                          guint16     port)
{
  return g_object_new (HYPHA_TYPE_PUBLIC_ADDRESS, "hostname", host, "port", (guint) port, NULL);
}
