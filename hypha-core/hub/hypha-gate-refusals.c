/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-gate-internal-private.h"

/* How somebody is told that it is not let in: at once, or later if it guesses. */

/* Tells the client why, and closes. */
void
hypha_gate_refuse (HyphaGateSession *session,
                   guint             code,
                   const char       *why)
{
  g_log_structured (G_LOG_DOMAIN, G_LOG_LEVEL_INFO, "HYPHA_PROBLEM", "refused",
                    "MESSAGE", "%s: refused: %s", session->remote, why);
  hypha_gate_session_stop_timeout (session);
  hypha_gate_send_error (session, why);
  hypha_connection_close (session->connection, code, why);
}

void
hypha_gate_refuse_error (HyphaGateSession *session,
                         const GError     *error)
{
  gboolean undecodable = g_error_matches (error, HYPHA_ERROR, HYPHA_ERROR_PROTOCOL);

  hypha_gate_refuse (session,
                     undecodable ? HYPHA_CLOSE_UNSUPPORTED_DATA : hypha_error_get_close_code (error),
                     error->message);
}

static gboolean
hypha_gate_refuse_now (gpointer data)
{
  g_autoptr (HyphaGateSession) session = g_rc_box_acquire (data);
  g_autoptr (GError) error = g_steal_pointer (&session->refusal);

  g_clear_pointer (&session->decision, g_source_unref);
  session->gate->n_delayed--;
  hypha_gate_refuse_error (session, error);
  return G_SOURCE_REMOVE;
}

/*
 * Somebody tried a token that is none. Who does so again and again from this machine hears later
 * that it failed, so that guessing is slow; those who prove who they are never wait for it.
 */
void
hypha_gate_refuse_token (HyphaGateSession *session,
                         GError           *error)
{
  HyphaGate *self = session->gate;
  HyphaThrottle *throttle = hypha_authority_get_throttle (self->authority);
  gint64 now = hypha_throttle_now ();
  guint delay = hypha_throttle_get_delay (throttle, session->remote, now);

  hypha_throttle_failed (throttle, session->remote, now);
  if (delay == 0 || self->n_delayed >= HYPHA_GATE_MAX_DELAYED)
    {
      hypha_gate_refuse_error (session, error);
      return;
    }

  hypha_gate_session_stop_timeout (session);
  self->n_delayed++;
  session->refusal = g_error_copy (error);
  session->decision = g_timeout_source_new (delay);
  g_source_set_static_name (session->decision, "hypha-gate-refusal");
  g_source_set_callback (session->decision, hypha_gate_refuse_now, session, NULL);
  g_source_attach (session->decision, g_main_context_get_thread_default ());
}
