/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-error-private.h"

G_BEGIN_DECLS

#define HYPHA_TOKEN_ISSUER "hypha-core"
#define HYPHA_TOKEN_AUDIENCE_API "hypha-api"
#define HYPHA_TOKEN_AUDIENCE_RECONNECTION "hypha-reconnection"
/* Of what confirms logins: made by whoever can read the secret, and never by a server. */
#define HYPHA_TOKEN_AUDIENCE_OPERATOR "hypha-operator"

/* Longest token that is looked at, in bytes. */
#define HYPHA_TOKEN_MAX_SIZE (16 * 1024)
/* How far the clocks of issuer and verifier may differ, in seconds. */
#define HYPHA_TOKEN_MAX_SKEW 60
/* Most tokens that one may come from, each made with the one before it. */
#define HYPHA_TOKEN_MAX_LINEAGE 8
/* Life times, in seconds. */
#define HYPHA_TOKEN_API_LIFETIME 86400
#define HYPHA_TOKEN_RECONNECTION_LIFETIME 3600
#define HYPHA_TOKEN_OPERATOR_LIFETIME 30

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
  gint64    origin_time;   /* when it, or what its client came with, was made, in µs; 0: not set yet */
  gint64    expires_at;
  gint64    user_expires_at; /* of a reconnection token: when the user's own token ends; 0 never */
  gboolean  anonymous;     /* claim is_anonymous */
  gboolean  client_bound;  /* claim cid_bound: client_id was asked for, so it is enforced */
  gboolean  delegated;     /* made by a client with its own token, not by the host */
  gboolean  special;       /* for what its scopes name alone: nobody connects with it */
  char     *id;            /* claim jti, else a digest; nullable until it is signed or verified */
  char     *home;          /* of a reconnection token: the user's own workspace, if another; nullable */
  char    **lineage;       /* ids of the tokens that it was made with, the nearest first */
  GVariant *custom;        /* a{sv} of texts, numbers and flags that root adds; nullable; not read back */
} HyphaToken;

HyphaToken *hypha_token_new    (const char   *subject,
                                const char   *workspace);
void        hypha_token_free   (HyphaToken   *self);
void        hypha_token_make_id (HyphaToken  *self);
char       *hypha_token_sign   (HyphaToken   *self,
                                GBytes       *secret,
                                const char   *audience);
gboolean    hypha_token_names_issuer (const char *text);
gboolean    hypha_token_is_signed    (const char *text,
                                      GBytes     *secret);
HyphaToken *hypha_token_verify (const char   *text,
                                GBytes       *secret,
                                const char   *audience,
                                gint64        now,
                                GError      **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaToken, hypha_token_free)

G_END_DECLS
