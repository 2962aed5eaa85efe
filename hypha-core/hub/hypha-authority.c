/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-authority-private.h"

/*
 * HyphaAuthority: whose word counts. It keeps the secret, so that tokens are signed and verified
 * here and nowhere else. Owned by the core; it outlives the parts that ask it.
 */
struct _HyphaAuthority
{
  GObject  parent_instance;

  GBytes  *secret;
};

G_DEFINE_FINAL_TYPE (HyphaAuthority, hypha_authority, G_TYPE_OBJECT)

static void
hypha_authority_finalize (GObject *object)
{
  HyphaAuthority *self = HYPHA_AUTHORITY (object);

  g_bytes_unref (self->secret);

  G_OBJECT_CLASS (hypha_authority_parent_class)->finalize (object);
}

static void
hypha_authority_class_init (HyphaAuthorityClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = hypha_authority_finalize;
}

static void
hypha_authority_init (HyphaAuthority *self)
{
}

HyphaAuthority *
hypha_authority_new (GBytes *secret)
{
  HyphaAuthority *self = g_object_new (HYPHA_TYPE_AUTHORITY, NULL);

  self->secret = g_bytes_ref (secret);
  return self;
}

/* The compact form of a token; audience says what it is good for. */
char *
hypha_authority_sign (HyphaAuthority *self,
                      HyphaToken     *token,
                      const char     *audience)
{
  return hypha_token_sign (token, self->secret, audience);
}

/* What a token says, if it is ours, good for audience, and not over. */
HyphaToken *
hypha_authority_verify (HyphaAuthority  *self,
                        const char      *text,
                        const char      *audience,
                        GError         **error)
{
  return hypha_token_verify (text, self->secret, audience, g_get_real_time () / G_USEC_PER_SEC,
                             error);
}
