/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-gate-internal-private.h"
#include "hypha-json-private.h"
#include "hypha-manager-private.h"

/* The text frames of the gate: what it tells clients, and what they may ask of it. */

static void
hypha_gate_send_json (HyphaConnection *connection,
                      JsonBuilder     *builder)
{
  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  g_autoptr (GBytes) bytes = NULL;
  char *text = json_to_string (root, FALSE);

  bytes = g_bytes_new_take (text, strlen (text));
  hypha_connection_send (connection, HYPHA_FRAME_TEXT, bytes);
}

static void
hypha_gate_add_string (JsonBuilder *builder,
                       const char  *name,
                       const char  *value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, value);
}

/* Only for good: an error frame makes clients give up. */
void
hypha_gate_send_error (HyphaGateSession *session,
                       const char       *why)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  hypha_gate_add_string (builder, "type", "error");
  hypha_gate_add_string (builder, "message", why);
  json_builder_end_object (builder);
  hypha_gate_send_json (session->connection, builder);
}

/* Not for pages: the host mounts them again, and what is not in a page cannot leave it. */
static void
hypha_gate_add_reconnection (HyphaGateSession *session,
                             JsonBuilder      *builder)
{
  HyphaPeer *peer = session->peer;
  g_autofree char *token = NULL;

  token = hypha_identity_reconnection_token (hypha_peer_get_workspace (peer),
                                             hypha_peer_get_client (peer),
                                             hypha_peer_get_user (peer), session->gate->authority);
  hypha_gate_add_string (builder, "reconnection_token", token);
  json_builder_set_member_name (builder, "reconnection_token_life_time");
  json_builder_add_int_value (builder, HYPHA_TOKEN_RECONNECTION_LIFETIME);
}

void
hypha_gate_send_info (HyphaGateSession *session)
{
  HyphaGate *self = session->gate;
  HyphaPeer *peer = session->peer;
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (GVariant) user = hypha_user_info_to_variant (hypha_peer_get_user (peer));

  json_builder_begin_object (builder);
  hypha_gate_add_string (builder, "type", "connection_info");
  hypha_gate_add_string (builder, "hypha_version", HYPHA_MANAGER_HYPHA_VERSION);
  hypha_gate_add_string (builder, "public_base_url", self->base_url);
  hypha_gate_add_string (builder, "local_base_url", self->base_url);
  hypha_gate_add_string (builder, "manager_id", HYPHA_ADDRESS_MANAGER_CLIENT);
  hypha_gate_add_string (builder, "workspace", hypha_peer_get_workspace (peer));
  hypha_gate_add_string (builder, "client_id", hypha_peer_get_client (peer));
  json_builder_set_member_name (builder, "user");
  json_builder_add_value (builder, hypha_json_from_variant (user));
  if (session->mounted == NULL)
    hypha_gate_add_reconnection (session, builder);
  json_builder_end_object (builder);
  hypha_gate_send_json (session->connection, builder);
}

/* Text after the handshake: ping and refresh_token; everything else is ignored. */
void
hypha_gate_control (HyphaGateSession *session,
                    const HyphaSlice *slice)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  const char *type = NULL;

  /* A character takes 4 bytes at most. */
  if (slice->size <= HYPHA_GATE_MAX_CONTROL * 4 &&
      g_utf8_strlen ((const char *) slice->data, (gssize) slice->size) <= HYPHA_GATE_MAX_CONTROL)
    root = hypha_json_parse ((const char *) slice->data, slice->size, HYPHA_JSON_MAX_DEPTH, NULL);
  if (root != NULL && JSON_NODE_HOLDS_OBJECT (root))
    type = json_object_get_string_member_with_default (json_node_get_object (root), "type", NULL);

  json_builder_begin_object (builder);
  if (g_strcmp0 (type, "ping") == 0)
    {
      hypha_gate_add_string (builder, "type", "pong");
    }
  else if (g_strcmp0 (type, "refresh_token") == 0 && session->mounted == NULL)
    {
      hypha_gate_add_string (builder, "type", "reconnection_token");
      hypha_gate_add_reconnection (session, builder);
    }
  else
    {
      return;
    }

  json_builder_end_object (builder);
  hypha_gate_send_json (session->connection, builder);
}
