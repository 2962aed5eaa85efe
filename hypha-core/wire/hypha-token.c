/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-token-private.h"

#include <string.h>

#include <json-glib/json-glib.h>

#include "hypha-base64url-private.h"
#include "hypha-claims-private.h"
#include "hypha-secret-private.h"

/*
 * HS256 by GLib's own HMAC. The libjwt of Debian 12 picks the algorithm that the token's header
 * names, which is the one thing that a verifier must never do, and it would bring OpenSSL into a
 * process that needs nothing else of it.
 */

#define DIGEST_SIZE 32
#define VERIFY_PREFIX "JWT verification failed: "
#define TOKEN_HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

/* A token for subject that lives as long as an API token does; workspace may be NULL. */
HyphaToken *
hypha_token_new (const char *subject,
                 const char *workspace)
{
  HyphaToken *self = g_new0 (HyphaToken, 1);

  self->subject = g_strdup (subject);
  self->workspace = g_strdup (workspace);
  self->email = g_strdup ("");
  self->roles = g_new0 (char *, 1);
  self->scopes = g_new0 (char *, 1);
  self->lineage = g_new0 (char *, 1);
  self->issued_at = g_get_real_time () / G_USEC_PER_SEC;
  self->expires_at = self->issued_at + HYPHA_TOKEN_API_LIFETIME;
  return self;
}

void
hypha_token_free (HyphaToken *self)
{
  g_free (self->subject);
  g_free (self->workspace);
  g_free (self->client_id);
  g_free (self->email);
  g_strfreev (self->roles);
  g_strfreev (self->scopes);
  g_free (self->id);
  g_free (self->home);
  g_strfreev (self->lineage);
  g_clear_pointer (&self->custom, g_variant_unref);
  g_free (self);
}

/* A fresh id, by which the token can be revoked. */
void
hypha_token_make_id (HyphaToken *self)
{
  g_free (self->id);
  self->id = g_uuid_string_random ();
}

/* For tokens without one. Of what is signed: the signature itself could be written differently. */
static char *
hypha_token_digest_id (const char *text,
                       gsize       size)
{
  g_autofree char *digest = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) text,
                                                         size);

  return g_strconcat ("sha256:", digest, NULL);
}

static void
hypha_token_digest (const char *text,
                    gsize       size,
                    GBytes     *secret,
                    guint8      digest[DIGEST_SIZE])
{
  gsize digest_size = DIGEST_SIZE;
  gsize secret_size;
  const guint8 *key = g_bytes_get_data (secret, &secret_size);
  g_autoptr (GHmac) hmac = g_hmac_new (G_CHECKSUM_SHA256, key, secret_size);

  g_hmac_update (hmac, (const guchar *) text, (gssize) size);
  g_hmac_get_digest (hmac, digest, &digest_size);
}

/* The compact form of the token; audience says what it is good for. */
char *
hypha_token_sign (HyphaToken *self,
                  GBytes     *secret,
                  const char *audience)
{
  g_autofree char *header = NULL;
  g_autofree char *claims = hypha_claims_to_json (self, audience);
  g_autofree char *payload = NULL;
  g_autofree char *text = NULL;
  g_autofree char *signature = NULL;
  guint8 digest[DIGEST_SIZE];

  header = hypha_base64url_encode ((const guint8 *) TOKEN_HEADER, strlen (TOKEN_HEADER));
  payload = hypha_base64url_encode ((const guint8 *) claims, strlen (claims));
  text = g_strconcat (header, ".", payload, NULL);
  hypha_token_digest (text, strlen (text), secret, digest);
  signature = hypha_base64url_encode (digest, sizeof digest);
  return g_strconcat (text, ".", signature, NULL);
}

/* Where the three parts of a compact token begin and end. */
typedef struct
{
  const char *header;
  gsize       header_size;
  const char *payload;
  gsize       payload_size;
  const char *signature;
  gsize       signature_size;
} HyphaTokenParts;

static gboolean
hypha_token_split (const char       *text,
                   HyphaTokenParts  *parts,
                   GError          **error)
{
  const char *first = strchr (text, '.');
  const char *second = first != NULL ? strchr (first + 1, '.') : NULL;

  if (second == NULL || strchr (second + 1, '.') != NULL)
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_UNAUTHENTICATED, "Invalid JWT format");
      return FALSE;
    }

  parts->header = text;
  parts->header_size = (gsize) (first - text);
  parts->payload = first + 1;
  parts->payload_size = (gsize) (second - first - 1);
  parts->signature = second + 1;
  parts->signature_size = strlen (parts->signature);
  return TRUE;
}

static gboolean
hypha_token_refuse (const char  *problem,
                    GError     **error)
{
  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_UNAUTHENTICATED, VERIFY_PREFIX "%s", problem);
  return FALSE;
}

/*
 * Whether a token says that one of us has made it. Nothing is proved by that: it may be good, over,
 * or good for something else, and is nobody else's business.
 */
gboolean
hypha_token_names_issuer (const char *text)
{
  g_autoptr (JsonObject) claims = NULL;
  HyphaTokenParts parts;
  JsonNode *issuer;

  if (strnlen (text, HYPHA_TOKEN_MAX_SIZE + 1) > HYPHA_TOKEN_MAX_SIZE ||
      !hypha_token_split (text, &parts, NULL))
    return FALSE;

  claims = hypha_claims_parse (parts.payload, parts.payload_size);
  issuer = claims != NULL ? json_object_get_member (claims, "iss") : NULL;
  return issuer != NULL && json_node_get_value_type (issuer) == G_TYPE_STRING &&
         g_str_equal (json_node_get_string (issuer), HYPHA_TOKEN_ISSUER);
}

/* The algorithm is ours; the header is only asked whether it agrees. */
static gboolean
hypha_token_check_header (const HyphaTokenParts  *parts,
                          GError                **error)
{
  g_autoptr (JsonObject) header = hypha_claims_parse (parts->header, parts->header_size);
  JsonNode *algorithm = header != NULL ? json_object_get_member (header, "alg") : NULL;

  if (algorithm == NULL || json_node_get_value_type (algorithm) != G_TYPE_STRING ||
      g_strcmp0 (json_node_get_string (algorithm), "HS256") != 0 ||
      json_object_has_member (header, "crit"))
    return hypha_token_refuse ("Unsupported algorithm", error);

  return TRUE;
}

static gboolean
hypha_token_check_signature (const char             *text,
                             const HyphaTokenParts  *parts,
                             GBytes                 *secret,
                             GError                **error)
{
  g_autoptr (GByteArray) signature = NULL;
  guint8 digest[DIGEST_SIZE];

  signature = hypha_base64url_decode (parts->signature, parts->signature_size);
  if (signature == NULL || signature->len != DIGEST_SIZE)
    return hypha_token_refuse ("Invalid signature", error);

  hypha_token_digest (text, parts->header_size + 1 + parts->payload_size, secret, digest);
  return hypha_secret_equal (signature->data, digest, DIGEST_SIZE) ||
         hypha_token_refuse ("Invalid signature", error);
}

/* Whether whoever has secret made it. It may be over or good for something else: it is no guess. */
gboolean
hypha_token_is_signed (const char *text,
                       GBytes     *secret)
{
  HyphaTokenParts parts;

  return strnlen (text, HYPHA_TOKEN_MAX_SIZE + 1) <= HYPHA_TOKEN_MAX_SIZE &&
         hypha_token_split (text, &parts, NULL) &&
         hypha_token_check_signature (text, &parts, secret, NULL);
}

/*
 * Reads a token that has to be signed with secret, good for audience, and not expired at now
 * (seconds since 1970). Nothing of a token that fails is ever used.
 */
HyphaToken *
hypha_token_verify (const char  *text,
                    GBytes      *secret,
                    const char  *audience,
                    gint64       now,
                    GError     **error)
{
  g_autoptr (JsonObject) claims = NULL;
  g_autoptr (HyphaToken) self = NULL;
  HyphaTokenParts parts;
  const char *problem;

  if (strnlen (text, HYPHA_TOKEN_MAX_SIZE + 1) > HYPHA_TOKEN_MAX_SIZE)
    {
      hypha_token_refuse ("Token is too long", error);
      return NULL;
    }

  if (!hypha_token_split (text, &parts, error) || !hypha_token_check_header (&parts, error) ||
      !hypha_token_check_signature (text, &parts, secret, error))
    return NULL;

  claims = hypha_claims_parse (parts.payload, parts.payload_size);
  self = hypha_token_new (NULL, NULL);
  problem = claims != NULL ? hypha_claims_read (claims, audience, now, self) : "Invalid payload";
  if (problem != NULL)
    {
      hypha_token_refuse (problem, error);
      return NULL;
    }

  if (self->id == NULL)
    self->id = hypha_token_digest_id (text, parts.header_size + 1 + parts.payload_size);
  return g_steal_pointer (&self);
}
