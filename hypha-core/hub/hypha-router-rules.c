/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-router-internal-private.h"

/* What may pass from whom to whom, and what the log says of the rest. */

/* Message types that only the core itself sends: clients believe them without a look at “from”. */
static const char *const reserved_types[] = {
  "force-exit",
  "peer_not_found",
  "error",
  "connected",
  "disconnected",
  "services_registered",
  "services_registration_failed",
  "manager_refreshed",
  "remote_client_disconnected",
  "service_added",
  "service_updated",
  "service_removed",
  "client_connected",
  "client_updated",
  "client_disconnected",
  /* What a stream over HTTP says beside the messages: its client believes it from anybody. */
  "connection_info",
  "reconnection_token",
  "refresh_token",
  "ping",
  "pong",
};

/*
 * A client in JavaScript looks a type up among its handlers, finds what every object has, and ends
 * when it handles that as a list. All others of these names begin with “__”.
 */
static const char *const inherited_types[] = {
  "constructor",
  "hasOwnProperty",
  "isPrototypeOf",
  "propertyIsEnumerable",
  "toLocaleString",
  "toString",
  "valueOf",
};

static gboolean
hypha_span_is_any (HyphaSpan          span,
                   const char *const *texts,
                   gsize              n_texts)
{
  for (gsize i = 0; i < n_texts; i++)
    {
      if (hypha_span_equal (span, texts[i]))
        return TRUE;
    }

  return FALSE;
}

static gboolean
hypha_router_is_reserved (HyphaSpan type)
{
  return hypha_span_is_any (type, reserved_types, G_N_ELEMENTS (reserved_types)) ||
         hypha_span_is_any (type, inherited_types, G_N_ELEMENTS (inherited_types)) ||
         hypha_span_has_prefix (type, "workspace_") || hypha_span_has_prefix (type, "__");
}

/* Whether clients take a message of this type for one of the core, or cannot take it at all. */
gboolean
hypha_router_is_reserved_type (const char *type)
{
  return hypha_router_is_reserved ((HyphaSpan) { type, strlen (type) });
}

/* May this message leave its sender at all? Says why not. */
gboolean
hypha_router_check_sender (HyphaPeer           *sender,
                           const HyphaMessage  *message,
                           GError             **error)
{
  if (sender->internal)
    return TRUE;

  if (!hypha_message_check_lengths (message, error) ||
      !hypha_message_check_extra (message, error) ||
      !hypha_message_check_method (message, error) || !hypha_message_check_sessions (message, error))
    return FALSE;

  if (!hypha_message_is_method (message) && hypha_router_is_reserved (message->type))
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                           "this type of message is the core's own");
      return FALSE;
    }

  return TRUE;
}

/*
 * Whether one more line of the log may be peer's in this second. A user's clients share what one
 * user may write, as over HTTP each call is a client of its own, and so do all guests.
 */
gboolean
hypha_router_may_log (HyphaRouter *self,
                      HyphaPeer   *peer)
{
  gint64 second = g_get_monotonic_time () / G_USEC_PER_SEC;
  const char *account = hypha_peer_get_account (peer);

  if (self->log_second != second)
    {
      self->log_second = second;
      hypha_shares_clear (self->lines);
    }

  if (!hypha_shares_has_room (self->lines, account, 1))
    return FALSE;

  hypha_shares_take (self->lines, account, 1);
  return TRUE;
}

/* A peer's fault: in the log, but not so often that it is nothing else there. */
void
hypha_router_log_refusal (HyphaRouter  *self,
                          HyphaPeer    *sender,
                          const char   *target,
                          const GError *error)
{
  g_autofree char *quoted = hypha_error_quote (target);

  if (hypha_router_may_log (self, sender))
    g_message ("%s: message to %s refused: %s", sender->id, quoted, error->message);
}

/* What one sends to oneself has only the limits of one's connection. */
static gboolean
hypha_router_check_size (HyphaPeer           *sender,
                         HyphaPeer           *target,
                         const HyphaMessage  *message,
                         GError             **error)
{
  if (sender == target ||
      hypha_message_get_stamped (message, &sender->stamp, HYPHA_ADDRESS_MAX_PEER) <=
        HYPHA_ROUTER_MAX_FRAME)
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE,
               "a message to another client may have %d bytes, not more: send it in pieces",
               HYPHA_ROUTER_MAX_FRAME);
  return FALSE;
}

/* May this message go to all clients of a workspace? Says why not. */
gboolean
hypha_router_check_broadcast (HyphaRouter         *self,
                              HyphaPeer           *sender,
                              const char          *workspace,
                              const HyphaMessage  *message,
                              GError             **error)
{
  if (!hypha_user_info_may (sender->user, sender->workspace, HYPHA_NEED_BROADCAST, workspace))
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                           "Permission denied: only members may send to all clients of a "
                           "workspace");
      return FALSE;
    }

  if (!sender->internal && !hypha_router_check_size (sender, NULL, message, error))
    return FALSE;

  /*
   * Each receiver's pieces are checked as its own. Of what goes to all nobody knows who has which
   * before, and no client cuts up such a message.
   */
  if (!sender->internal && hypha_message_is_piece (message))
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_PROTOCOL,
                           "Invalid message in pieces: it must go to one client, not to all of a "
                           "workspace");
      return FALSE;
    }

  if (!g_hash_table_contains (self->workspaces, workspace))
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_NOT_FOUND, "No client is in workspace %s",
                   workspace);
      return FALSE;
    }

  return TRUE;
}

/* May this message go to another client? Says why not. */
static gboolean
hypha_router_check_message (HyphaRouter         *self,
                            HyphaPeer           *sender,
                            HyphaPeer           *target,
                            gboolean             member,
                            const HyphaMessage  *message,
                            GBytes             **instead,
                            GError             **error)
{
  const HyphaChunkRoute route = {
    .sender = sender->id,
    .account = hypha_peer_get_account (sender),
    .target = target->id,
    .refuse_sealed = self->refuse_sealed && !member,
  };

  if (!hypha_router_check_size (sender, target, message, error))
    return FALSE;

  if (route.refuse_sealed && hypha_message_is_sealed (message))
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                           "Encrypted messages from other workspaces are refused here");
      return FALSE;
    }

  /* Pieces of a message are checked here, as whole messages are. */
  return !hypha_message_is_piece (message) ||
         hypha_chunk_watch_inspect (self->watch, &route, message, instead, error);
}

gboolean
hypha_router_may_reach (HyphaRouter        *self,
                        HyphaPeer          *sender,
                        HyphaPeer          *target,
                        const HyphaMessage *message,
                        GBytes            **instead)
{
  g_autoptr (GError) error = NULL;
  gboolean member;

  if (sender->internal || target->internal ||
      (!self->refuse_sealed && !hypha_message_is_piece (message) &&
       hypha_router_check_size (sender, target, message, NULL)))
    return TRUE;

  member = hypha_user_info_may (sender->user, sender->workspace, HYPHA_NEED_MEMBER,
                                target->workspace);
  if (hypha_router_check_message (self, sender, target, member, message, instead, &error))
    return TRUE;

  hypha_router_log_refusal (self, sender, target->id, error);
  hypha_router_reject (self, sender, message, target->id, error->message);
  return FALSE;
}
