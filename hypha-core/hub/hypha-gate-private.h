/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-authority-private.h"
#include "hypha-identity-private.h"
#include "hypha-router-private.h"
#include "hypha-rpc-private.h"

G_BEGIN_DECLS

/* How long a new connection may take to say who it is, in seconds. */
#define HYPHA_GATE_HANDSHAKE_TIMEOUT 10
/* How long the holder of a taken address may take to show that it lives, in milliseconds. */
#define HYPHA_GATE_PROBE_TIMEOUT 2000
/* Longest first frame, in bytes, and longest text frame after it, in characters. */
#define HYPHA_GATE_MAX_HANDSHAKE (64 * 1024)
#define HYPHA_GATE_MAX_CONTROL 1000
/* Refusals that are delayed at once: one more is told at once. */
#define HYPHA_GATE_MAX_DELAYED 64

#define HYPHA_TYPE_GATE (hypha_gate_get_type ())

G_DECLARE_FINAL_TYPE (HyphaGate, hypha_gate, HYPHA, GATE, GObject)

HyphaGate *hypha_gate_new            (HyphaRouter      *router,
                                      HyphaAuthority   *authority);
void       hypha_gate_set_base_url   (HyphaGate        *self,
                                      const char       *base_url);
void       hypha_gate_set_rpc        (HyphaGate        *self,
                                      HyphaRpc         *rpc);
void       hypha_gate_set_timeout    (HyphaGate        *self,
                                      guint             milliseconds);
guint      hypha_gate_get_n_sessions (HyphaGate        *self);
void       hypha_gate_accept         (HyphaGate        *self,
                                      HyphaConnection  *connection,
                                      const char       *remote);
gboolean   hypha_gate_prove          (HyphaGate        *self,
                                      const char       *remote,
                                      const HyphaHello *hello,
                                      HyphaIdentity    *identity,
                                      GError          **error);
void       hypha_gate_accept_identity (HyphaGate       *self,
                                       HyphaConnection *connection,
                                       const char      *remote,
                                       HyphaIdentity   *identity);
void       hypha_gate_accept_mounted (HyphaGate        *self,
                                      HyphaConnection  *connection,
                                      const char       *workspace,
                                      const char       *client,
                                      HyphaUserInfo    *user);
gboolean   hypha_gate_force_disconnect (HyphaGate       *self,
                                        const char      *workspace,
                                        const char      *client,
                                        guint            code,
                                        const char      *reason,
                                        GError         **error);
gboolean   hypha_gate_kick             (HyphaGate       *self,
                                        const char      *workspace,
                                        const char      *client,
                                        const char      *reason,
                                        GError         **error);

G_END_DECLS
