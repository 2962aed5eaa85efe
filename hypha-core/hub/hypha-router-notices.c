/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-router-internal-private.h"
#include "hypha-rpc-codec-private.h"

/*
 * What the router says itself: events, refusals, and that somebody has gone. Everybody who waits
 * for a client is told at once when that goes: clients that hear of events by an event, the others
 * by an answer in its stead.
 */

static guint event_signal;

/* “event”, for the parts of the core: the workspace, the event, its data. */
void
hypha_router_install_event (HyphaRouterClass *klass)
{
  event_signal = g_signal_new ("event", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                               NULL, NULL, G_TYPE_NONE, 3, G_TYPE_STRING, G_TYPE_STRING,
                               G_TYPE_VARIANT);
}

/* Sends a message of the core itself to one peer. */
void
hypha_router_send_to (HyphaRouter *self,
                      HyphaPeer   *peer,
                      GBytes      *message)
{
  hypha_connection_send (peer->connection, HYPHA_FRAME_BINARY, message);
}

/* One segment, from the manager, as clients expect an event. */
static GBytes *
hypha_router_encode_event (const char *event,
                           GVariant   *data)
{
  g_autoptr (GVariant) message = NULL;
  GByteArray *out = g_byte_array_new ();
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "type", "s", event);
  g_variant_dict_insert (&dict, "to", "s", "*");
  g_variant_dict_insert (&dict, "from", "s", HYPHA_ADDRESS_MANAGER);
  g_variant_dict_insert_value (&dict, "data", data);
  message = g_variant_ref_sink (g_variant_dict_end (&dict));
  hypha_msgpack_encode (out, message);
  return g_byte_array_free_to_bytes (out);
}

/*
 * Whether peer may know who comes and goes in its workspace: in “public” a guest knows of those that
 * it talks with, and of nobody else.
 */
gboolean
hypha_router_may_hear (HyphaPeer  *peer,
                       const char *event)
{
  static const char *const comings[] = { "client_connected", "client_updated",
                                         "client_disconnected", NULL };

  return !g_strv_contains (comings, event) ||
         hypha_user_info_may (peer->user, peer->workspace, HYPHA_NEED_MEMBER, peer->workspace);
}

/*
 * Pushes an event to the subscribers in workspace, and tells the parts of the core of it. A
 * floating data is consumed.
 */
void
hypha_router_push_event (HyphaRouter *self,
                         const char  *workspace,
                         const char  *event,
                         GVariant    *data)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (data);
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GPtrArray) members = NULL;
  GHashTable *set = g_hash_table_lookup (self->workspaces, workspace);

  if (set != NULL)
    members = hypha_router_snapshot (set);

  for (guint i = 0; members != NULL && i < members->len; i++)
    {
      HyphaPeer *peer = g_ptr_array_index (members, i);

      if (!peer->attached || peer->internal || !hypha_peer_is_subscribed (peer, event) ||
          !hypha_router_may_hear (peer, event))
        continue;

      if (bytes == NULL)
        bytes = hypha_router_encode_event (event, owned);
      hypha_router_send_to (self, peer, bytes);
    }

  g_signal_emit (self, event_signal, 0, workspace, event, owned);
}

/* Form A of the protocol: an answer in the absent target's name, which every client understands. */
static void
hypha_router_reject_session (HyphaRouter *self,
                             HyphaPeer   *caller,
                             const char  *session,
                             const char  *target,
                             const char  *why)
{
  g_autofree char *method = g_strconcat (session, ".reject", NULL);
  g_autoptr (GBytes) answer = NULL;
  g_autoptr (GVariant) nobody = NULL;
  HyphaStamp stamp;
  HyphaMessage parsed;
  HyphaSlice parts[2] = { 0 };
  GVariantDict extra;

  g_variant_dict_init (&extra, NULL);
  g_variant_dict_insert_value (&extra, "args", g_variant_new_array (
                                 G_VARIANT_TYPE_VARIANT,
                                 (GVariant *[]) { g_variant_new_variant (
                                   hypha_rpc_codec_error (why, "")) }, 1));
  answer = hypha_rpc_codec_message (target, caller->id, method, NULL, session,
                                    g_variant_dict_end (&extra));

  nobody = g_variant_ref_sink (hypha_rpc_codec_null ());
  hypha_stamp_init (&stamp, target, caller->workspace, nobody);
  parts[1].data = g_bytes_get_data (answer, &parts[1].size);
  if (hypha_message_parse (&parsed, parts[1].data, parts[1].size, NULL))
    {
      g_byte_array_set_size (self->head, 0);
      hypha_message_stamp (&parsed, &stamp, caller->id, self->head);
      parts[0].data = self->head->data;
      parts[0].size = self->head->len;
      parts[1].data += parsed.envelope_size;
      parts[1].size -= parsed.envelope_size;
      hypha_connection_send_parts (caller->connection, HYPHA_FRAME_BINARY, parts, 2);
    }

  hypha_stamp_clear (&stamp);
}

void
hypha_router_reject (HyphaRouter        *self,
                     HyphaPeer          *sender,
                     const HyphaMessage *message,
                     const char         *target,
                     const char         *why)
{
  g_autofree char *session = NULL;

  /* Nobody waits: answering fire-and-forget messages would only make more traffic. */
  if (message->session.data == NULL || message->session.size > HYPHA_MESSAGE_MAX_NAME)
    return;

  session = hypha_span_dup (message->session);
  hypha_router_reject_session (self, sender, session, target, why);
}

/* Tells everybody who talked with a client that it has gone. */
static void
hypha_router_tell_correspondents (HyphaRouter *self,
                                  HyphaPeer   *gone)
{
  g_autoptr (GBytes) message = NULL;
  g_autoptr (GPtrArray) others = hypha_router_snapshot (gone->correspondents);
  g_autoptr (GVariant) data = NULL;

  data = g_variant_ref_sink (g_variant_new_parsed ("{'id': <%s>, 'workspace': <%s>}",
                                                   gone->client, gone->workspace));
  message = hypha_router_encode_event ("client_disconnected", data);

  for (guint i = 0; i < others->len; i++)
    {
      HyphaPeer *other = g_ptr_array_index (others, i);

      /* Who hears of all in the workspace does so by push_event, but of none in this process. */
      if (other->attached && !other->internal &&
          hypha_peer_is_subscribed (other, "client_disconnected") &&
          (gone->local || !g_str_equal (other->workspace, gone->workspace) ||
           !hypha_router_may_hear (other, "client_disconnected")))
        hypha_router_send_to (self, other, message);
    }
}

/* One call of caller that gone will not answer. */
typedef struct
{
  HyphaRouter *router;
  HyphaPeer   *caller;
  const char  *gone;
  const char  *why;
} HyphaLostCalls;

static void
hypha_router_reject_lost (const char *session,
                          gpointer    data)
{
  HyphaLostCalls *lost = data;

  if (lost->caller->attached)
    hypha_router_reject_session (lost->router, lost->caller, session, lost->gone, lost->why);
}

/* Answers, in the stead of a client that has gone, those who wait for it and are not told. */
static void
hypha_router_answer_callers (HyphaRouter *self,
                             HyphaPeer   *gone)
{
  g_autoptr (GPtrArray) others = hypha_router_snapshot (gone->correspondents);
  g_autofree char *why = g_strdup_printf ("Peer %s is not connected", gone->id);

  for (guint i = 0; i < others->len; i++)
    {
      HyphaPeer *caller = g_ptr_array_index (others, i);
      HyphaLostCalls lost = { self, caller, gone->id, why };

      if (caller->open_calls != NULL)
        hypha_open_calls_take (caller->open_calls, gone, hypha_router_reject_lost, &lost);
    }
}

/* A client has gone: whoever talked with it, in whatever workspace, is told. */
void
hypha_router_tell_gone (HyphaRouter *self,
                        HyphaPeer   *gone)
{
  hypha_router_tell_correspondents (self, gone);
  hypha_router_answer_callers (self, gone);
}
