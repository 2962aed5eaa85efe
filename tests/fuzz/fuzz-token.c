/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "fuzz.h"

#include <string.h>

#include "hypha-base64url-private.h"
#include "hypha-claims-private.h"

#define NOW G_GINT64_CONSTANT (1800000000)

/* The input as a token, which nobody can have signed, and as the claims of one that is. */
int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  g_autoptr (GBytes) secret = g_bytes_new_static ("a secret that the input lacks", 29);
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_autofree char *encoded = hypha_base64url_encode (data, size);
  g_autoptr (JsonObject) claims = NULL;
  g_autoptr (HyphaToken) token = hypha_token_new (NULL, NULL);

  g_assert_null (hypha_token_verify (text, secret, HYPHA_TOKEN_AUDIENCE_API, NOW, NULL));
  claims = hypha_claims_parse (encoded, strlen (encoded));
  if (claims != NULL && hypha_claims_read (claims, HYPHA_TOKEN_AUDIENCE_API, NOW, token) == NULL)
    {
      g_assert_nonnull (token->subject);
      g_assert_cmpint (token->expires_at, >, NOW);
      g_assert_true (g_utf8_validate (token->subject, -1, NULL));
    }

  return 0;
}
