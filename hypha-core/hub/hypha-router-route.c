/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-router-internal-private.h"
#include "hypha-rpc-codec-private.h"

/* The way of a frame: to whom it goes, and that a sender waits for those who are slow. */

/*
 * What follows a send: a target over its budget pauses the sender. A connection that never takes
 * what waits for it gives itself up.
 */
static void
hypha_router_check_budget (HyphaPeer *target,
                           HyphaPeer *sender,
                           gsize      size)
{
  gboolean full = hypha_connection_get_queued (target->connection) > HYPHA_CONNECTION_QUEUE_BUDGET;

  if (sender->internal)
    return;

  if (target->internal && hypha_peer_take_share (target, sender, size))
    full = TRUE;
  if (full)
    hypha_peer_hold (target, sender);
}

/* The connection of peer has sent enough of its queue, or a part of the core is done with its. */
void
hypha_router_drained (HyphaRouter *self,
                      HyphaPeer   *peer)
{
  hypha_peer_next_turn (peer);
  hypha_peer_release (peer);
}

static void
hypha_router_deliver (HyphaRouter        *self,
                      HyphaPeer          *sender,
                      HyphaPeer          *target,
                      const HyphaMessage *message,
                      const HyphaSlice   *frame)
{
  g_autoptr (HyphaPeer) hold = hypha_peer_ref (target);
  HyphaSlice parts[2] = { 0 };
  HyphaStamp *stamp = &sender->stamp;
  HyphaStamp internal;

  /* To its receivers the manager is one of their own workspace, and no user. */
  if (sender->internal)
    {
      g_autoptr (GVariant) nobody = g_variant_ref_sink (hypha_rpc_codec_null ());

      hypha_stamp_init (&internal, sender->id, target->workspace, nobody);
      stamp = &internal;
    }

  g_byte_array_set_size (self->head, 0);
  hypha_message_stamp (message, stamp, target->id, self->head);
  parts[0].data = self->head->data;
  parts[0].size = self->head->len;
  parts[1].data = frame->data + message->envelope_size;
  parts[1].size = frame->size - message->envelope_size;
  parts[1].owner = frame->owner;
  hypha_connection_send_parts (target->connection, HYPHA_FRAME_BINARY, parts, 2);
  if (target->attached)
    hypha_router_check_budget (target, sender, frame->size);

  if (sender->internal)
    hypha_stamp_clear (&internal);
}

/* A target “ws/✱” or “✱”: to every client of the sender's own workspace, the sender included. */
static void
hypha_router_broadcast (HyphaRouter        *self,
                        HyphaPeer          *sender,
                        const char         *workspace,
                        const HyphaMessage *message,
                        const HyphaSlice   *frame)
{
  g_autoptr (GPtrArray) members = NULL;
  g_autoptr (GError) error = NULL;

  if (!hypha_router_check_broadcast (self, sender, workspace, message, &error))
    {
      g_autofree char *target = g_strconcat (workspace, "/*", NULL);

      hypha_router_log_refusal (self, sender, target, error);
      hypha_router_reject (self, sender, message, target, error->message);
      return;
    }

  members = hypha_router_list (self, workspace);
  for (guint i = 0; i < members->len && sender->attached; i++)
    {
      HyphaPeer *member = g_ptr_array_index (members, i);

      if (member->attached)
        hypha_router_deliver (self, sender, member, message, frame);
    }
}

/* The absolute target of a message, in a buffer of HYPHA_ADDRESS_MAX_PEER bytes; its size, or 0. */
static gsize
hypha_router_resolve (HyphaPeer *sender,
                      HyphaSpan  to,
                      char      *target)
{
  gsize prefix = 0;

  if (to.data == NULL)
    return 0;

  if (memchr (to.data, '/', to.size) == NULL)
    {
      prefix = strlen (sender->workspace) + 1;
      memcpy (target, sender->workspace, prefix - 1);
      target[prefix - 1] = '/';
    }

  if (prefix + to.size >= HYPHA_ADDRESS_MAX_PEER || memchr (to.data, '\0', to.size) != NULL)
    return 0;

  memcpy (target + prefix, to.data, to.size);
  target[prefix + to.size] = '\0';
  return prefix + to.size;
}

/* Who is at an address. Most frames go where the sender's last one went. */
static HyphaPeer *
hypha_router_find_target (HyphaRouter *self,
                          HyphaPeer   *sender,
                          const char  *id)
{
  HyphaPeer *last = sender->last_target;

  if (last != NULL && last->attached && g_str_equal (last->id, id))
    return last;

  return g_hash_table_lookup (self->peers, id);
}

/*
 * Whether what sender waits for with this message can be remembered. It is asked before the message
 * is looked into, as a piece that was counted has to arrive.
 */
static gboolean
hypha_router_check_calls (HyphaRouter        *self,
                          HyphaPeer          *sender,
                          HyphaPeer          *target,
                          const HyphaMessage *message,
                          HyphaPeerCalls     *calls)
{
  g_autoptr (GError) error = NULL;

  if (hypha_peer_begin_calls (sender, target, message, self->call_shares, calls))
    return TRUE;

  error = g_error_new_literal (HYPHA_ERROR, HYPHA_ERROR_BUSY,
                               "Too many calls wait for an answer: try again later");
  hypha_router_log_refusal (self, sender, target->id, error);
  hypha_router_reject (self, sender, message, target->id, error->message);
  return FALSE;
}

static void
hypha_router_route_to (HyphaRouter        *self,
                       HyphaPeer          *sender,
                       const char         *id,
                       const HyphaMessage *message,
                       const HyphaSlice   *frame)
{
  HyphaPeer *target = hypha_router_find_target (self, sender, id);
  gboolean method = hypha_message_is_method (message);
  g_autoptr (GBytes) instead = NULL;
  HyphaPeerCalls calls = { 0 };
  HyphaSlice other = { 0 };

  if (target == NULL)
    {
      g_autofree char *quoted = hypha_error_quote (id);
      g_autofree char *why = g_strdup_printf ("Peer %s is not connected", quoted);

      hypha_router_reject (self, sender, message, id, why);
      return;
    }

  /* Custom events stay inside their workspace; the core's own parts understand methods only. */
  if (!method && (target->internal || !hypha_user_info_may (sender->user, sender->workspace,
                                                            HYPHA_NEED_BROADCAST,
                                                            target->workspace)))
    {
      g_debug ("%s: event to %s dropped", sender->id, id);
      return;
    }

  if ((method && !hypha_router_check_calls (self, sender, target, message, &calls)) ||
      !hypha_router_may_reach (self, sender, target, message, &instead))
    return;

  if (instead != NULL)
    {
      other.data = g_bytes_get_data (instead, &other.size);
      other.owner = instead;
      frame = &other;
    }

  hypha_peer_met (sender, target);
  hypha_peer_add_calls (sender, target, &calls);
  if (target->measured && message->session.data != NULL)
    hypha_peer_was_called (target);
  if (target->open_calls != NULL)
    hypha_open_calls_settle (target->open_calls, sender, message);
  hypha_router_deliver (self, sender, target, message, frame);
}

/*
 * Routes one binary frame of sender. What is wrong with it costs at most this message: it is
 * dropped, with an error to the sender if the sender waits for an answer.
 */
void
hypha_router_route (HyphaRouter      *self,
                    HyphaPeer        *sender,
                    const HyphaSlice *frame)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HyphaPeer) hold = hypha_peer_ref (sender);
  char target[HYPHA_ADDRESS_MAX_PEER];
  HyphaMessage message;
  gsize size;

  if (!sender->attached)
    return;

  if (!hypha_message_parse (&message, frame->data, frame->size, &error))
    {
      g_debug ("%s: frame of %" G_GSIZE_FORMAT " bytes dropped: %s", sender->id, frame->size,
               error->message);
      return;
    }

  size = hypha_router_resolve (sender, message.to, target);
  if (size == 0)
    {
      hypha_router_reject (self, sender, &message, HYPHA_ADDRESS_MANAGER,
                           "Invalid message: “to” is missing or too long");
      return;
    }

  if (!hypha_router_check_sender (sender, &message, &error))
    {
      hypha_router_log_refusal (self, sender, target, error);
      hypha_router_reject (self, sender, &message, target, error->message);
      return;
    }

  if (size >= 2 && target[size - 1] == '*' && target[size - 2] == '/')
    {
      target[size - 2] = '\0';
      hypha_router_broadcast (self, sender, target, &message, frame);
      return;
    }

  hypha_router_route_to (self, sender, target, &message, frame);
}
