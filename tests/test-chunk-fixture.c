/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "test-chunk-fixture.h"
#include "test-utils.h"

/* A call as it lies in pieces; extra is the text of a GVariant. */
GByteArray *
message_new (const char *envelope,
             const char *extra)
{
  GByteArray *out = g_byte_array_new ();
  g_autoptr (GVariant) first = g_variant_ref_sink (g_variant_new_parsed (envelope));
  g_autoptr (GVariant) second = g_variant_ref_sink (g_variant_new_parsed (extra));

  hypha_msgpack_encode (out, first);
  hypha_msgpack_encode (out, second);
  return out;
}

ChunkPair
chunk_pair_new (void)
{
  ChunkPair pair = { .hub = hub_new () };
  g_autofree char *alice = hub_token (pair.hub, "ws-a", "alice");
  g_autofree char *bob = hub_token (pair.hub, "ws-b", "bob");

  pair.a = hub_connect (pair.hub, "a", alice);
  pair.b = hub_connect (pair.hub, "b", bob);
  return pair;
}

void
chunk_pair_free (ChunkPair *pair)
{
  client_free (pair->a);
  client_free (pair->b);
  hub_free (pair->hub);
}

/* Sends one call of the cache; TRUE if it got to the receiver, FALSE if it was rejected. */
gboolean
deliver (ChunkPair  *pair,
         const char *verb,
         GVariant   *args)
{
  g_autofree char *method = g_strconcat ("services.built-in.message_cache.", verb, NULL);
  g_autoptr (GVariant) received = NULL;
  g_autoptr (GVariant) answer = NULL;
  const char *session = NULL;

  client_send (pair->a,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <'ws-b/b'>, 'method': <%s>,"
                                     " 'session': <'s'>}", method),
               g_variant_new_parsed ("{'args': <%*>, 'promise': <'*'>, 't': <int64 15>}", args));
  /* Whatever happened to it has happened when the next message is through. */
  client_send (pair->a,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <'ws-b/b'>, 'method': <'end'>}"),
               NULL);
  received = client_take (pair->b, NULL);
  g_variant_lookup (received, "method", "&s", &session);
  if (g_str_equal (session, "end"))
    {
      answer = client_take (pair->a, NULL);
      g_variant_lookup (answer, "method", "&s", &session);
      g_assert_cmpstr (session, ==, "s.reject");
      return FALSE;
    }

  answer = client_take (pair->b, NULL);
  return TRUE;
}

GVariant *
piece (GByteArray *bytes,
       guint       from,
       guint       to)
{
  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, bytes->data + from, to - from, 1);
}
