/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-error-private.h"

G_BEGIN_DECLS

#define HYPHA_TOKEN_ISSUER "hypha-core"
#define HYPHA_TOKEN_AUDIENCE_API "hypha-api"
#define HYPHA_TOKEN_AUDIENCE_RECONNECTION "hypha-reconnection"

/* Longest token that is looked at, in bytes. */
#define HYPHA_TOKEN_MAX_SIZE (16 * 1024)
/* How far the clocks of issuer and verifier may differ, in seconds. */
#define HYPHA_TOKEN_MAX_SKEW 60
/* Life times, in seconds. */
#define HYPHA_TOKEN_API_LIFETIME 86400
#define HYPHA_TOKEN_RECONNECTION_LIFETIME 3600

/* What a token says. Owned by whoever holds it; strings are never NULL but where noted. */
typedef struct
{
  char     *subject;
  char     *workspace;     /* nullable */
  char     *client_id;     /* nullable */
  char     *email;
  char    **roles;
  char    **scopes;
  gint64    issued_at;     /* seconds since 1970 */
  gint64    expires_at;
  gint64    user_expires_at; /* of a reconnection token: when the user's own token ends; 0 never */
  gboolean  anonymous;     /* claim is_anonymous */
  gboolean  client_bound;  /* claim cid_bound: client_id was asked for, so it is enforced */
} HyphaToken;

HyphaToken *hypha_token_new    (const char   *subject,
                                const char   *workspace);
void        hypha_token_free   (HyphaToken   *self);
char       *hypha_token_sign   (HyphaToken   *self,
                                GBytes       *secret,
                                const char   *audience);
HyphaToken *hypha_token_verify (const char   *text,
                                GBytes       *secret,
                                const char   *audience,
                                gint64        now,
                                GError      **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaToken, hypha_token_free)

G_END_DECLS
